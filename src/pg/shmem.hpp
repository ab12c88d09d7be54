// What all backends of the server share. It is there on first use, with or without
// shared_preload_libraries.
#pragma once

#include <cstdint>

#include "core/space.hpp"

namespace snowflake::pg {

struct Shared {
  Space space;               ///< of the standard layout
  std::int64_t incarnation;  ///< random, never 0: one life of the server's memory
};

/// Asks for the memory at server start, if preloaded. For _PG_init.
void request_shared_memory();

/// Finds the shared memory, or makes it. An error if the server has none to spare.
[[nodiscard]] Shared& attach();

}  // namespace snowflake::pg
