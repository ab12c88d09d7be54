#include "pg/horizon.hpp"

#include "core/clock.hpp"
#include "core/horizon.hpp"
#include "pg/errors.hpp"
#include "pg/generator_spec.hpp"
#include "pg/postgres.hpp"
#include "pg/shmem.hpp"

namespace snowflake::pg {
namespace {

using BufferMode = decltype(BUFFER_LOCK_SHARE);  // an enum since 19, before that int

/// The sequence's only page, pinned and locked.
struct LockedPage {
  Relation sequence = nullptr;
  Buffer buffer = InvalidBuffer;
};

Form_pg_sequence_data row_of(Page page) {
  auto* tuple =
      reinterpret_cast<HeapTupleHeader>(PageGetItem(page, PageGetItemId(page, FirstOffsetNumber)));
  return reinterpret_cast<Form_pg_sequence_data>(reinterpret_cast<char*>(tuple) + tuple->t_hoff);
}

/// Without a sequence if it was dropped meanwhile. `mode`: of the buffer's lock.
LockedPage find_page(Oid oid, BufferMode mode) {
  LockedPage page{.sequence = try_relation_open(oid, RowExclusiveLock)};
  if (page.sequence == nullptr) return page;
  page.buffer = ReadBuffer(page.sequence, 0);
  LockBuffer(page.buffer, mode);
  return page;
}

[[noreturn]] void raise_dropped() {
  ereport(ERROR,
          (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("the generator's sequence was dropped")));
  pg_unreachable();
}

LockedPage lock_page(Oid oid, BufferMode mode = BUFFER_LOCK_EXCLUSIVE) {
  const LockedPage page = find_page(oid, mode);
  if (page.sequence == nullptr) raise_dropped();
  return page;
}

/// False if another session has it.
bool try_lock_page(Oid oid, LockedPage* page) {
  page->sequence = try_relation_open(oid, RowExclusiveLock);
  if (page->sequence == nullptr) raise_dropped();
  page->buffer = ReadBuffer(page->sequence, 0);
  if (ConditionalLockBuffer(page->buffer)) return true;
  ReleaseBuffer(page->buffer);
  relation_close(page->sequence, RowExclusiveLock);
  return false;
}

/// Unlocks, and gives the place in WAL up to which it must be durable before the page's content is
/// relied on.
XLogRecPtr unlock_page(const LockedPage& page) {
  const XLogRecPtr lsn = PageGetLSN(BufferGetPage(page.buffer));
  UnlockReleaseBuffer(page.buffer);
  relation_close(page.sequence, RowExclusiveLock);
  return lsn;
}

/// The horizon. A value that somebody set past the layout's end is its end.
Tick tick_on(const LockedPage& page, const Layout& layout) {
  const std::int64_t last_value = row_of(BufferGetPage(page.buffer))->last_value;
  return std::min<Tick>(last_value >> layout.timestamp.shift, layout.last_tick());
}

bool is_signed(const LockedPage& page) {
  return row_of(BufferGetPage(page.buffer))->log_cnt == incarnation();
}

void write(const LockedPage& page, Tick horizon, const Layout& layout) {
  GenericXLogState* state = GenericXLogStart(page.sequence);
  Form_pg_sequence_data row = row_of(GenericXLogRegisterBuffer(state, page.buffer, 0));
  row->last_value =
      std::max<std::int64_t>(1, static_cast<std::int64_t>(layout.encode({.tick = horizon})));
  row->log_cnt = incarnation();
  row->is_called = true;
  GenericXLogFinish(state);
}

Tick target(const Bounded& bounded) {
  const Reading reading = bounded.space.read(bounded.layout, wall_clock_ns);
  return horizon_from(reading.wall, bounded.space.latest(), bounded.layout);
}

/// Lifts `latest` past a horizon of another life. That lies a window ahead of what was used, which
/// is not the clock's fault.
Moment lift_past(Tick horizon, const Bounded& bounded) {
  Limits limits = bounded.limits;
  limits.max_drift += ticks_in(horizon_window_ms, bounded.layout) + 1;
  const Reading reading = bounded.space.read(bounded.layout, wall_clock_ns);
  const Moment moment = bounded.space.observe(horizon, reading, limits);
  if (moment.outcome != Outcome::ready) raise_outcome(moment, bounded.layout);
  return moment;
}

/// The latest horizon of the other generators that have the same cursors and have not been used in
/// this life.
Tick horizon_of_siblings(Oid sequence, const Layout& layout) {
  Tick latest = Horizon::unknown;
  for_each_generator_of(layout, [&](Oid sibling) {
    if (sibling == sequence) return;
    const LockedPage page = find_page(sibling, BUFFER_LOCK_SHARE);
    if (page.sequence == nullptr) return;
    if (!is_signed(page)) latest = std::max(latest, tick_on(page, layout));
    unlock_page(page);
  });
  return latest;
}

// Invariant 2. Siblings first, and without holding our page, lest two sessions wait for each
// other's. One that signs on in between lifts `latest` itself.
void sign_on(Oid sequence, const Bounded& bounded) {
  const Tick siblings = horizon_of_siblings(sequence, bounded.layout);
  const LockedPage page = lock_page(sequence);
  Moment lifted{.outcome = Outcome::ready};
  if (!is_signed(page)) {
    lifted = lift_past(std::max(siblings, tick_on(page, bounded.layout)), bounded);
    write(page, target(bounded), bounded.layout);
  }
  XLogFlush(unlock_page(page));
  if (lifted.behind > ticks_in(horizon_window_ms, bounded.layout) + 1)
    warn_of_clock_set_back(lifted, bounded.layout);
}

}  // namespace

// Locking a page lets messages of other sessions in, and one that says that the sequence was
// changed unbinds us. What was begun is finished with the sequence that it was begun with; the
// caller looks again.
void Horizon::cross(Tick needed, const Bounded& bounded) {
  const Oid sequence = sequence_;
  for (;;) {
    const LockedPage page = lock_page(sequence);
    const bool is_ours = is_signed(page);
    if (is_ours && tick_on(page, bounded.layout) < needed)
      write(page, target(bounded), bounded.layout);
    const Tick found = tick_on(page, bounded.layout);
    XLogFlush(unlock_page(page));
    if (is_ours) {
      if (sequence_ == sequence) tick_ = found;
      return;
    }
    sign_on(sequence, bounded);
  }
}

// Invariant 1 holds for a horizon that another session has moved only if its WAL is flushed
// already; we do not wait for that here, as the one we know is still good.
void Horizon::keep_ahead(Tick tick, const Bounded& bounded) {
  LockedPage page;
  if (!past_margin(tick, tick_, bounded.layout)) return;
  if (!worth_moving(tick_, target(bounded), bounded.layout) || !try_lock_page(sequence_, &page))
    return;
  const bool is_ours = is_signed(page);
  const bool move =
      is_ours && worth_moving(tick_on(page, bounded.layout), target(bounded), bounded.layout);
  if (move) write(page, target(bounded), bounded.layout);
  const Tick found = tick_on(page, bounded.layout);
  const XLogRecPtr lsn = unlock_page(page);
  if (!is_ours) return forget();
  if (!move && XLogNeedsFlush(lsn)) return;
  XLogFlush(lsn);
  tick_ = found;
}

StoredHorizon stored_horizon(SequenceOid sequence) {
  const LockedPage page = lock_page(sequence, BUFFER_LOCK_SHARE);
  const FormData_pg_sequence_data row = *row_of(BufferGetPage(page.buffer));
  unlock_page(page);
  return {.last_value = static_cast<Id>(row.last_value), .incarnation = row.log_cnt};
}

void reset_horizon(SequenceOid sequence, const Layout& layout, Tick wall) {
  const LockedPage page = lock_page(sequence);
  write(page, horizon_from(wall, wall, layout), layout);
  XLogFlush(unlock_page(page));
}

}  // namespace snowflake::pg
