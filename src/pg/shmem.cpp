#include "pg/shmem.hpp"

#include <new>
#include <type_traits>

#include "pg/postgres.hpp"

namespace snowflake::pg {
namespace {

// Without preload the memory comes out of the reserve of 100 kB that every server keeps for late
// comers.
constexpr int layouts_without_preload = 16;
constexpr int layouts_with_preload = 64;

struct Slot {
  Layout layout;
  Space space;
};

struct Shared {
  Incarnation incarnation;
  int capacity;
  int used;  // under AddinShmemInitLock, as is what lies below
  Slot slots[FLEXIBLE_ARRAY_MEMBER];
};

static_assert(std::is_standard_layout_v<Slot> && std::is_trivially_destructible_v<Slot>);

bool preloaded = false;
constinit Shared* shared = nullptr;

int capacity() { return preloaded ? layouts_with_preload : layouts_without_preload; }

Size shared_size() {
  return offsetof(Shared, slots) + static_cast<Size>(capacity()) * sizeof(Slot);
}

#if PG_VERSION_NUM >= 150000  // upstream commit 4f2400cb3f10: requests belong into a hook
shmem_request_hook_type previous_request_hook = nullptr;

void request() {
  if (previous_request_hook != nullptr) previous_request_hook();
  RequestAddinShmemSpace(shared_size());
}
#endif

Incarnation draw_incarnation() {
  Incarnation incarnation = 0;
  if (!pg_strong_random(&incarnation, sizeof incarnation))
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not draw a random number")));
  return incarnation | 1;
}

/// Finds the shared memory, or makes it. The caller holds AddinShmemInitLock.
void attach() {
  bool found = false;
  auto* memory = static_cast<Shared*>(ShmemInitStruct("snowflake_id", shared_size(), &found));
  if (!found) {
    memory->incarnation = draw_incarnation();
    memory->capacity = capacity();
    memory->used = 0;
  }
  shared = memory;
}

Slot* find_slot(const Layout& layout) {
  for (int i = 0; i < shared->used; ++i)
    if (shared->slots[i].layout == layout) return &shared->slots[i];
  return nullptr;
}

Slot* add_slot(const Layout& layout) {
  if (shared->used == shared->capacity)
    ereport(
        ERROR,
        (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
         errmsg("too many layouts: this server has room for %d", shared->capacity),
         preloaded
             ? errhint("Layouts that are no longer used are forgotten at a restart.")
             : errhint("Put snowflake_id into shared_preload_libraries: then there is room for %d.",
                       layouts_with_preload)));
  Slot* slot = new (&shared->slots[shared->used]) Slot{.layout = layout, .space = {}};
  ++shared->used;
  return slot;
}

}  // namespace

void request_shared_memory() {
  if (!process_shared_preload_libraries_in_progress) return;
  preloaded = true;
#if PG_VERSION_NUM >= 150000
  previous_request_hook = shmem_request_hook;
  shmem_request_hook = request;
#else
  RequestAddinShmemSpace(shared_size());
#endif
}

Incarnation incarnation() {
  if (shared == nullptr) {
    LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
    attach();
    LWLockRelease(AddinShmemInitLock);
  }
  return shared->incarnation;
}

Space& space_of(const Layout& layout) {
  LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
  if (shared == nullptr) attach();
  Slot* slot = find_slot(layout);
  if (slot == nullptr) slot = add_slot(layout);
  LWLockRelease(AddinShmemInitLock);
  return slot->space;
}

}  // namespace snowflake::pg
