// What all backends of the server share. It is there on first use, with or without
// shared_preload_libraries.
#pragma once

#include "core/space.hpp"

namespace snowflake::pg {

struct Shared {
  Space space;  ///< of the standard layout
};

/// Asks for the memory at server start, if preloaded. For _PG_init.
void request_shared_memory();

/// Finds the shared memory, or makes it. An error if the server has none to spare.
[[nodiscard]] Shared& attach();

}  // namespace snowflake::pg
