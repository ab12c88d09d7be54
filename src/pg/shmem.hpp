// What all backends of the server share. It is there on first use, with or without shared_preload_libraries, and its
// size never changes: nothing that users do takes room in it.
#pragma once

#include <cstdint>

#include "core/grant.hpp"
#include "core/published.hpp"
#include "core/server.hpp"
#include "pg/registry_report.hpp"

namespace snowflake::pg {

/// One life of the server's memory: random, never 0.
using Incarnation = std::int64_t;

struct Shared {
  Incarnation incarnation;
  /// By which a registry knows this life of the server: a secret, for the worker only. It is on no disk: so a copy of the
  /// server cannot go on with its grant, and has to ask for one of its own.
  std::int64_t holder;
  UnixMs began_ms;  ///< when this life began, by the clock
  Published<NodeSource> node;
  Published<RegistryReport> registry;
  /// The furthest horizon that was written in this life, in whichever database.
  std::atomic<UnixMs> furthest_horizon;
  /// How many rows of other servers bore our number, as triggers found them; for those who look.
  std::atomic<std::int64_t> node_conflicts;
  Server server;
};

/// A random number above 0, by which a registry knows who holds a number.
[[nodiscard]] std::int64_t new_holder();

/// Asks for the memory at server start, if preloaded. For _PG_init.
void request_shared_memory();

/// Whether this server has preloaded the library.
[[nodiscard]] bool is_preloaded();

/// Finds the shared memory, or makes it.
[[nodiscard]] Shared& shared();

}  // namespace snowflake::pg
