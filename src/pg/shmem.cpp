#include "pg/shmem.hpp"

#include <new>
#include <type_traits>

#include "pg/postgres.hpp"

namespace snowflake::pg {
namespace {

static_assert(std::is_standard_layout_v<Shared> && std::is_trivially_destructible_v<Shared>);

#if PG_VERSION_NUM >= 150000  // upstream commit 4f2400cb3f10: requests belong into a hook
shmem_request_hook_type previous_request_hook = nullptr;

void request() {
  if (previous_request_hook != nullptr) previous_request_hook();
  RequestAddinShmemSpace(MAXALIGN(sizeof(Shared)));
}
#endif

std::int64_t draw_incarnation() {
  std::int64_t incarnation = 0;
  if (!pg_strong_random(&incarnation, sizeof incarnation))
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not draw a random number")));
  return incarnation | 1;
}

}  // namespace

void request_shared_memory() {
  if (!process_shared_preload_libraries_in_progress) return;
#if PG_VERSION_NUM >= 150000
  previous_request_hook = shmem_request_hook;
  shmem_request_hook = request;
#else
  RequestAddinShmemSpace(MAXALIGN(sizeof(Shared)));
#endif
}

// Without preload the few kilobytes come out of the reserve that every server keeps for late comers
// (100 kB).
Shared& attach() {
  bool found = false;
  LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
  void* memory = ShmemInitStruct("snowflake_id", sizeof(Shared), &found);
  if (!found) new (memory) Shared{.space = {}, .incarnation = draw_incarnation()};
  LWLockRelease(AddinShmemInitLock);
  return *static_cast<Shared*>(memory);
}

}  // namespace snowflake::pg
