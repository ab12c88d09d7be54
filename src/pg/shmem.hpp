// What all backends of the server share. It is there on first use, with or without shared_preload_libraries, and its
// size never changes: nothing that users do takes room in it.
#pragma once

#include <cstdint>

#include "core/server.hpp"

namespace snowflake::pg {

/// One life of the server's memory: random, never 0.
using Incarnation = std::int64_t;

struct Shared {
  Incarnation incarnation;
  /// The furthest horizon that was written in this life, in whichever database.
  std::atomic<UnixMs> furthest_horizon;
  Server server;
};

/// Asks for the memory at server start, if preloaded. For _PG_init.
void request_shared_memory();

/// Finds the shared memory, or makes it.
[[nodiscard]] Shared& shared();

}  // namespace snowflake::pg
