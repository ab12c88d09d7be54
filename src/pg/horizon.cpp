#include "pg/horizon.hpp"

#include "core/raise.hpp"
#include "pg/counting.hpp"
#include "pg/errors.hpp"
#include "pg/own_sequence.hpp"
#include "pg/sequence_page.hpp"
#include "pg/settings.hpp"
#include "pg/shmem.hpp"
#include "pg/wait.hpp"

namespace snowflake::pg {
namespace {

using BufferMode = decltype(BUFFER_LOCK_SHARE);  // an enum since 19, before that int

[[noreturn]] void raise_dropped() {
  ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
                  errmsg("the sequence of the extension snowflake_id was dropped")));
  pg_unreachable();
}

[[noreturn]] void raise_altered() {
  ereport(ERROR,
          (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
           errmsg("cannot make a Snowflake ID in a transaction that has altered the sequence "
                  "\"snowflake_id\""),
           errdetail("If it is rolled back, it takes along the bound that protects the ID.")));
  pg_unreachable();
}

SequencePage open_page(Oid oid, LOCKMODE mode, BufferMode buffer_mode) {
  SequencePage page{.sequence = try_relation_open(oid, mode), .mode = mode};
  if (page.sequence == nullptr) raise_dropped();
  if (has_storage_of_this_transaction(*page.sequence)) raise_altered();
  page.buffer = ReadBuffer(page.sequence, 0);
  LockBuffer(page.buffer, buffer_mode);
  return page;
}

SequencePage lock_page(Oid oid) { return open_page(oid, RowExclusiveLock, BUFFER_LOCK_EXCLUSIVE); }

/// False if somebody else has it, or something is not as it should be: who needs the horizon will see.
bool try_lock_page(Oid oid, SequencePage* page) {
  if (!ConditionalLockRelationOid(oid, RowExclusiveLock)) return false;
  page->sequence = try_relation_open(oid, NoLock);
  page->mode = RowExclusiveLock;
  if (page->sequence == nullptr) {
    UnlockRelationOid(oid, RowExclusiveLock);
    return false;
  }
  if (!has_storage_of_this_transaction(*page->sequence)) {
    page->buffer = ReadBuffer(page->sequence, 0);
    if (ConditionalLockBuffer(page->buffer)) return true;
    ReleaseBuffer(page->buffer);
  }
  relation_close(page->sequence, RowExclusiveLock);
  return false;
}

/// Unlocks, and gives the place in WAL up to which it must be durable before the page's content is relied on.
XLogRecPtr unlock_page(const SequencePage& page) {
  const XLogRecPtr lsn = PageGetLSN(BufferGetPage(page.buffer));
  unlock(page);
  return lsn;
}

UnixMs bound_on(const SequencePage& page) {
  const auto id = static_cast<Id>(row_of(page)->last_value);
  return standard_layout.time_at(standard_layout.decode(id).tick);
}

/// What stands on the page; unlocks it.
Horizon::Pending read_and_unlock(const SequencePage& page) {
  const UnixMs bound = bound_on(page);
  return {.lsn = unlock_page(page), .bound = bound};
}

bool is_signed(const SequencePage& page) { return row_of(page)->log_cnt == shared().incarnation; }

/// Writes a horizon, and signs it. On a page that is signed, never an earlier one but for a reset: sessions rely on it.
void write(const SequencePage& page, UnixMs bound) {
  const Tick tick =
      std::clamp<Tick>(standard_layout.tick_at(bound), 0, standard_layout.last_tick());
  raise(shared().furthest_horizon, standard_layout.time_at(tick));
  GenericXLogState* state = GenericXLogStart(page.sequence);
  Form_pg_sequence_data row = row_on(GenericXLogRegisterBuffer(state, page.buffer, 0));
  row->last_value =
      std::max<std::int64_t>(1, static_cast<std::int64_t>(standard_layout.encode({.tick = tick})));
  row->log_cnt = shared().incarnation;
  row->is_called = true;
  GenericXLogFinish(state);
}

/// The same, to a later one for those who make IDs.
void move(const SequencePage& page, UnixMs bound) {
  write(page, bound);
  count(Count::horizon_moves);
}

Timeline& timeline() { return shared().server.timeline; }

/// The time as it is now. A reset by another session takes a moment.
Instant time_now() {
  for (;;)
    if (const std::optional<Instant> now = timeline().now(system_clocks)) return *now;
}

// Guarantee 2. Too far ahead is an error before anything is changed that concerns other databases.
void sign_on(const SequencePage& page) {
  const UnixMs found = bound_on(page);
  const UnixMs behind = found + 1 - time_now().wall_ms();
  if (behind > max_clock_drift_ms() + drift_of_restarts_ms) {
    unlock_page(page);
    raise_clock_too_far_back(behind);
  }
  const bool is_news = found >= timeline().latest() && behind > 2 * horizon_window_ms;
  timeline().raise_floor(found, system_clocks);
  // The page may have been set in this life: never an earlier horizon than what sessions rely on.
  move(page, std::max(horizon_for(time_now()), shared().furthest_horizon.load()));
  if (is_news) warn_of_clock_set_back(behind);
}

/// How well standbys must have what the session relies on: 0 not at all, 1 written, 2 flushed. A standby that has
/// flushed WAL replays it before it is promoted, so remote_apply asks for no more.
int standbys_asked_for() {
  if (!SyncRepRequested()) return 0;
  return synchronous_commit == SYNCHRONOUS_COMMIT_REMOTE_WRITE ? 1 : 2;
}

// How well they have it; where none are defined, as well as can be.
// Not SyncRepWaitForLSN(): it wants interrupts held, swallows a cancel, and does not say whether it was confirmed.
int standbys_that_have(XLogRecPtr lsn) {
  LWLockAcquire(SyncRepLock, LW_SHARED);
  const bool defined = synchronous_standbys_are_defined();
  const bool written = WalSndCtl->lsn[SYNC_REP_WAIT_WRITE] >= lsn;
  const bool flushed = WalSndCtl->lsn[SYNC_REP_WAIT_FLUSH] >= lsn;
  LWLockRelease(SyncRepLock);
  if (!defined || flushed) return 2;
  return written ? 1 : 0;
}

bool is_confirmed(XLogRecPtr lsn) { return standbys_that_have(lsn) >= standbys_asked_for(); }

}  // namespace

constinit Horizon horizon;

void Horizon::bind(const FmgrInfo* caller) {
  if (is_bound()) return;
  sequence_ = own_sequence(caller);
}

bool Horizon::is_known(Era era) {
  if (era_ != era || standbys_ < standbys_asked_for()) {
    bound_ = unknown;
    pending_ = {};
  }
  return bound_ != unknown;
}

void Horizon::rely_on(const Pending& pending) {
  bound_ = std::max(bound_, pending.bound);
  standbys_ = standbys_that_have(pending.lsn);
  pending_ = {};
}

void Horizon::take_up() {
  if (pending_.lsn == InvalidXLogRecPtr) return;
  if (!XLogNeedsFlush(pending_.lsn) && is_confirmed(pending_.lsn)) rely_on(pending_);
}

void Horizon::wait_for(const Pending& pending) {
  CountedWait wait;
  if (XLogNeedsFlush(pending.lsn))
    wait.during(Count::horizon_waits, [&] { XLogFlush(pending.lsn); });
  while (!is_confirmed(pending.lsn)) wait.during(Count::horizon_waits, nap_for_standbys);
}

// A page that is not signed makes the bound worthless: somebody has set the sequence, and after a crash nobody would
// know of the bound. Of another era, `now` must not be written: it would bring back the time that was reset.
void Horizon::keep_ahead(const Instant& now) {
  take_up();
  SequencePage page;
  if (!is_near(bound_, now) || pending_.lsn != InvalidXLogRecPtr) return;
  if (!try_lock_page(sequence_, &page)) return;
  const bool is_ours = is_signed(page) && timeline().era() == now.era;
  if (is_ours && is_near(bound_on(page), now)) move(page, horizon_for(now));
  const Pending found = read_and_unlock(page);
  if (!is_bound()) return;
  if (!is_ours) {
    bound_ = unknown;
    return;
  }
  pending_ = found;
  XLogSetAsyncXactLSN(found.lsn);
  take_up();
}

// Locking a page lets messages of other sessions in, and one that says that the sequence was changed unbinds us. What
// was begun is finished with the sequence that it was begun with; the caller looks again.
void Horizon::cross(const Instant& now) {
  const Oid sequence = sequence_;
  if (!is_bound()) return;
  refuse_time_without_horizon(now.ms());
  const SequencePage page = lock_page(sequence);
  if (!is_signed(page)) {
    sign_on(page);
  } else if (is_near(bound_on(page), now) && timeline().era() == now.era) {
    move(page, horizon_for(now));
  } else if (!is_confirmed(PageGetLSN(BufferGetPage(page.buffer)))) {
    // A standby that has the last record already reports again only after another one.
    write(page, bound_on(page));
  }
  const Pending found = read_and_unlock(page);
  wait_for(found);
  if (sequence_ != sequence) return;
  if (!is_known(now.era)) era_ = now.era;
  rely_on(found);
}

// A page of an earlier life: what was made then and is not later than the clock stays below the floor.
bool Horizon::reset() {
  const SequencePage page = lock_page(sequence_);
  if (!is_signed(page))
    timeline().raise_floor(std::min(bound_on(page), wall_clock_ms()), system_clocks);
  const bool was_ahead = shared().server.reset(system_clocks);
  if (was_ahead) shared().furthest_horizon.store(0);
  write(page, horizon_for(time_now()));
  const Pending found = read_and_unlock(page);
  wait_for(found);
  return was_ahead;
}

StoredHorizon stored_horizon(Oid sequence) {
  const SequencePage page = open_page(sequence, AccessShareLock, BUFFER_LOCK_SHARE);
  StoredHorizon stored{.bound = bound_on(page), .incarnation = row_of(page)->log_cnt};
  const XLogRecPtr lsn = unlock_page(page);
  stored.is_durable = !XLogNeedsFlush(lsn) && is_confirmed(lsn);
  return stored;
}

}  // namespace snowflake::pg
