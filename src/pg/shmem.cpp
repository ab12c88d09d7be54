#include "pg/shmem.hpp"

#include <new>

#include "pg/postgres.hpp"
#include "pg/settings.hpp"

namespace snowflake::pg {
namespace {

constinit Shared* attached = nullptr;
constinit bool preloaded = false;

#if PG_VERSION_NUM >= 150000  // upstream commit 4f2400cb3f10: requests belong in a hook
shmem_request_hook_type previous_request_hook = nullptr;

void request() {
  if (previous_request_hook != nullptr) previous_request_hook();
  RequestAddinShmemSpace(sizeof(Shared));
}
#endif

/// Never 0.
std::int64_t random_number() {
  std::int64_t number = 0;
  if (!pg_strong_random(&number, sizeof number))
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate a random number")));
  return number | 1;
}

// The random numbers first: an error must not leave memory behind that has none. With preload the postmaster makes the
// memory at startup; without, whoever comes first does, out of the reserve of 100 kB that every server keeps for
// extensions loaded later.
Shared* attach() {
  const Incarnation incarnation = random_number();
  const std::int64_t holder = new_holder();
  bool found = false;
  LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
  void* memory = ShmemInitStruct("snowflake_id", sizeof(Shared), &found);
  auto* const shared = static_cast<Shared*>(memory);
  if (!found) {
    new (memory) Shared{.incarnation = incarnation,
                        .holder = holder,
                        .began_ms = wall_clock_ms(),
                        .node = {},
                        .registry = {},
                        .furthest_horizon = 0,
                        .node_conflicts = 0,
                        .server = {}};
    shared->server.timeline.begin(system_clocks);
    shared->server.statistics.reset(shared->began_ms);
    shared->node.publish({.from_registry = registry()[0] != '\0', .grant = {}});
  }
  LWLockRelease(AddinShmemInitLock);
  return shared;
}

shmem_startup_hook_type previous_startup_hook = nullptr;

void start_up() {
  if (previous_startup_hook != nullptr) previous_startup_hook();
  attached = attach();
}

}  // namespace

void request_shared_memory() {
  preloaded = process_shared_preload_libraries_in_progress;
  if (!preloaded) return;
  previous_startup_hook = shmem_startup_hook;
  shmem_startup_hook = start_up;
#if PG_VERSION_NUM >= 150000
  previous_request_hook = shmem_request_hook;
  shmem_request_hook = request;
#else
  RequestAddinShmemSpace(sizeof(Shared));
#endif
}

std::int64_t new_holder() { return random_number() & INT64_MAX; }

bool is_preloaded() { return preloaded; }

Shared& shared() {
  if (attached == nullptr) attached = attach();
  return *attached;
}

}  // namespace snowflake::pg
