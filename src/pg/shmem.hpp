// What all backends of the server share. It is there on first use, with or without
// shared_preload_libraries.
//
// Guarantee: for one layout there is one Space on a server, whichever database or generator asks;
// so no two generators of one layout ever make the same ID.
#pragma once

#include <cstdint>

#include "core/space.hpp"

namespace snowflake::pg {

/// One life of the server's memory: random, never 0.
using Incarnation = std::int64_t;

/// Asks for the memory at server start, if preloaded. For _PG_init.
void request_shared_memory();

[[nodiscard]] Incarnation incarnation();

/// The space of a layout; made if this is the first use of the layout since the server started. An
/// error (53400) if there are as many as the memory has room for: 16, with preload 64.
[[nodiscard]] Space& space_of(const Layout& layout);

}  // namespace snowflake::pg
