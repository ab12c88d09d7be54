#include "pg/horizon.hpp"

#include "core/clock.hpp"
#include "core/horizon.hpp"
#include "pg/errors.hpp"
#include "pg/postgres.hpp"

namespace snowflake::pg {
namespace {

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

Relation open_sequence(Oid oid) {
  Relation sequence = try_relation_open(oid, RowExclusiveLock);
  if (sequence == nullptr)
    ereport(ERROR,
            (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("the generator's sequence was dropped")));
  return sequence;
}

LockedPage lock_page(Oid oid, int mode = BUFFER_LOCK_EXCLUSIVE) {
  LockedPage page{.sequence = open_sequence(oid)};
  page.buffer = ReadBuffer(page.sequence, 0);
  LockBuffer(page.buffer, mode);
  return page;
}

/// False if another session has it.
bool try_lock_page(Oid oid, LockedPage* page) {
  page->sequence = open_sequence(oid);
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

Tick tick_on(const LockedPage& page, const Layout& layout) {
  return layout.decode(static_cast<Id>(row_of(BufferGetPage(page.buffer))->last_value)).tick;
}

bool is_signed(const LockedPage& page, const Shared& shared) {
  return row_of(BufferGetPage(page.buffer))->log_cnt == shared.incarnation;
}

void write(const LockedPage& page, Tick horizon, const Shared& shared, const Layout& layout) {
  GenericXLogState* state = GenericXLogStart(page.sequence);
  Form_pg_sequence_data row = row_of(GenericXLogRegisterBuffer(state, page.buffer, 0));
  row->last_value = static_cast<std::int64_t>(layout.encode({.tick = horizon}));
  row->log_cnt = shared.incarnation;
  row->is_called = true;
  GenericXLogFinish(state);
}

/// Invariant 2. The caller holds the page: nobody makes an ID of this generator in between.
Moment sign_on(const LockedPage& page, Shared& shared, const Layout& layout, const Limits& limits) {
  const Reading reading = shared.space.read(layout, wall_clock_ns);
  const Moment moment = shared.space.observe(tick_on(page, layout), reading, limits);
  if (moment.outcome != Outcome::ready) raise_outcome(moment, layout);
  return moment;
}

Tick target(const Shared& shared, const Layout& layout) {
  const Reading reading = shared.space.read(layout, wall_clock_ns);
  return horizon_from(reading.wall, shared.space.latest(), layout);
}

}  // namespace

void Horizon::cross(Tick needed, Shared& shared, const Layout& layout, const Limits& limits) {
  LockedPage page = lock_page(sequence_);
  Moment signing{.outcome = Outcome::ready};
  const bool is_ours = is_signed(page, shared);
  if (!is_ours) signing = sign_on(page, shared, layout, limits);
  if (!is_ours || tick_on(page, layout) < needed)
    write(page, target(shared, layout), shared, layout);
  const Tick found = tick_on(page, layout);
  XLogFlush(unlock_page(page));
  tick_ = found;
  if (signing.behind > ticks_in(horizon_window_ms, layout) + 1)
    warn_of_clock_set_back(signing, layout);
}

// Invariant 1 holds for a horizon that another session has moved only if its WAL is flushed
// already; we do not wait for that here, as the one we know is still good.
void Horizon::keep_ahead(Tick tick, Shared& shared, const Layout& layout, const Limits& limits) {
  LockedPage page;
  if (!past_margin(tick, tick_, layout)) return;
  if (!worth_moving(tick_, target(shared, layout), layout) || !try_lock_page(sequence_, &page))
    return;
  if (!is_signed(page, shared)) {
    unlock_page(page);
    return cross(tick, shared, layout, limits);
  }
  const Tick goal = target(shared, layout);
  const bool move = worth_moving(tick_on(page, layout), goal, layout);
  if (move) write(page, goal, shared, layout);
  const Tick found = tick_on(page, layout);
  const XLogRecPtr lsn = unlock_page(page);
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

void reset_horizon(SequenceOid sequence, const Shared& shared, const Layout& layout, Tick wall) {
  const LockedPage page = lock_page(sequence);
  write(page, horizon_from(wall, wall, layout), shared, layout);
  XLogFlush(unlock_page(page));
}

}  // namespace snowflake::pg
