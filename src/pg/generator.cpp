#include "pg/generator.hpp"

#include "pg/errors.hpp"
#include "pg/generator_spec.hpp"
#include "pg/horizon.hpp"
#include "pg/node.hpp"
#include "pg/own_sequence.hpp"
#include "pg/rate_limit.hpp"
#include "pg/settings.hpp"
#include "pg/shmem.hpp"
#include "pg/wait.hpp"

namespace snowflake::pg {

void (*before_first_join)() = nullptr;

namespace {

std::uint64_t changes_noted = 0;

/// What the clock says; tells users if it was set back, and refuses a time that is too far ahead of it. Nothing if
/// another session just resets it. A time later than `until` is none to use.
std::optional<Instant> read_time(UnixMs until) {
  const std::optional<Instant> now = shared().server.timeline.now(system_clocks, until);
  if (!now) return now;
  if (now->set_back) {
    count_setback(now->setback_ms);
    warn_of_clock_set_back(now->ahead_ms());
  }
  if (now->leapt) log_leap_of_clock();
  if (too_far_back(*now, max_clock_drift_ms())) raise_clock_too_far_back(now->ahead_ms());
  return now;
}

/// Its page holds the horizon: there is no room for a limit.
[[noreturn]] void raise_own_sequence_is_limited() {
  ereport(ERROR,
          (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
           errmsg("the generator of the extension cannot have a rate limit"),
           errhint("Make another one: snowflake_create_generator(name, rate_limit => ...).")));
  pg_unreachable();
}

/// The time as it is now, whoever may use it.
Instant await_time() {
  for (;;) {
    if (const std::optional<Instant> now = read_time(end_of_time)) return *now;
    nap_for_clock(ns_per_ms);
  }
}

[[noreturn]] void raise_without_shard() {
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                  errmsg("the layout of this generator needs a shard"),
                  errhint("Call snowflake_next(generator, shard => ...).")));
  pg_unreachable();
}

}  // namespace

void note_changes() { ++changes_noted; }

Instant recorded_time(const FmgrInfo* caller) {
  for (;;) {
    horizon.bind(caller);
    const Instant now = await_time();
    horizon.cross(now);
    if (horizon.is_bound() && horizon.is_known(now.era) && horizon.bound() >= now.ms()) return now;
  }
}

Run Generator::take(const FmgrInfo* caller, std::uint64_t count) {
  if (!may_go_on() || spec_.ordered || !session_.fresh()) {
    bind(caller);
    replenish(caller, count, std::nullopt);
  }
  return hand_out(count);
}

Run Generator::hand_out(std::uint64_t count) {
  if (!is_limited()) return session_.take(count);
  const Run run = session_.take(std::min(count, credit_.ids()));
  credit_.spend(run.count);
  return run;
}

[[gnu::noinline]] Id Generator::next_after_replenishing(const FmgrInfo* caller) {
  if (spec_.ordered && !needs_shard() && may_go_on()) {
    if (Id id; session_.next_pinned(ordered_pin_, id)) return id;
  }
  return take(caller, 1).first;
}

Id Generator::next_of_shard(const FmgrInfo* caller, std::int64_t shard) {
  bind(caller);
  if (Id id; may_go_on() && session_.next_pinned(*checked_pin(shard), id)) return id;
  replenish(caller, 1, shard);
  return hand_out(1).first;
}

const GeneratorSpec& Generator::spec(const FmgrInfo* caller) {
  bind(caller);
  return spec_;
}

std::optional<Id> Generator::last(const FmgrInfo* caller) {
  bind(caller);
  check_privilege(sequence_, ACL_USAGE | ACL_SELECT);
  return session_.last();
}

// Every turn of the loop looks at everything anew, for each step may have let a message of another session in: a
// changed or dropped sequence, a reset, a revoked privilege. Once something is reserved, nothing can fail any more: an
// error would leave a reservation behind that was made for this call.
void Generator::replenish(const FmgrInfo* caller, std::uint64_t count,
                          std::optional<std::int64_t> shard) {
  count_for(session_);
  refuse_on_standby();
  Patience patience;
  CountedWait wait;
  for (;;) {
    AcceptInvalidationMessages();  // a long transaction need not meet any otherwise
    bind(caller);
    const Pin* pin = checked_pin(shard);
    check_permission();
    if (!has_paid(count, wait)) continue;
    horizon.bind(caller);
    const Grant grant = current_grant(spec_.layout);
    const std::optional<Instant> now = read_time(grant.until);
    if (!now) {
      wait.during(Count::clock_waits, [] { nap_for_clock(ns_per_ms); });
      continue;
    }
    if (!reaches(grant, *now, patience)) continue;
    if (!horizon.is_known(now->era)) {
      horizon.cross(*now);
      continue;
    }
    horizon.keep_ahead(*now);
    pg_memory_barrier();  // the time was read before
    AcceptInvalidationMessages();
    if (!is_bound() || !is_permitted() || !horizon.is_bound() || !horizon.is_known(now->era))
      continue;
    switch (reserve(*now, grant, count, pin)) {
      case Outcome::ready:
        return count_for_nobody();
      case Outcome::beyond_grant:
        wait_for_grant(grant, *now, patience);
        break;
      case Outcome::beyond_horizon:
        horizon.cross(*now);
        break;
      case Outcome::spent:
        wait.during(session_.is_limited() ? Count::share_waits : Count::clock_waits,
                    [&] { nap_for_clock(session_.pause_ns(*now)); });
        break;
      case Outcome::before_epoch:
        raise_before_epoch(spec_.layout);
      case Outcome::out_of_time:
        raise_out_of_time(spec_.layout);
    }
  }
}

// The grant is read once more, after the time: one that is given back is taken away first, and then the era ends. So who
// still sees it has either read the time in an era that is over when he has taken, or takes of a time that was told to
// the registry as used.
Outcome Generator::reserve(const Instant& now, const Grant& grant, std::uint64_t count,
                           const Pin* pin) {
  if (is_limited()) count = std::min(count, credit_.ids());
  if (current_grant(spec_.layout) != grant) return Outcome::spent;
  const Terms terms{.bounds = {.floor = now.floor, .horizon = horizon.bound()}, .grant = grant};
  return pin != nullptr ? session_.reserve_pinned(now, terms, *pin, count)
                        : session_.reserve(now, terms, count);
}

// Nothing is reserved yet: a session that waits holds no IDs, and one that is cancelled has paid for none.
bool Generator::has_paid(std::uint64_t count, CountedWait& wait) {
  if (!is_limited() || credit_.is_good(boot_clock_ns())) return true;
  const std::uint64_t ids = ids_of_turn(count, spec_.rate_limit);
  const std::int64_t pause = take_turn_of(sequence_, ids, spec_.rate_limit);
  if (pause == 0) {
    credit_ = Credit(ids, boot_clock_ns());
    return true;
  }
  wait.during(Count::rate_waits, [&] { nap_for_rate(std::max(pause, shortest_rate_nap_ns)); });
  return false;
}

// Nobody is told of what is not bound yet: so what was looked up while messages came in is looked up again.
void Generator::bind(const FmgrInfo* caller) {
  if (is_bound()) return;
  for (;;) {
    const std::uint64_t before = changes_noted;
    const Oid sequence = OidIsValid(named_) ? named_ : own_sequence(caller);
    const GeneratorSpec spec = spec_in_force(sequence);
    if (!OidIsValid(named_) && spec.rate_limit > 0) raise_own_sequence_is_limited();
    const bool is_new = !session_.joined() || spec_.layout != spec.layout;
    if (is_new) tell_of_change(sequence);
    if (before != changes_noted) continue;
    join(spec);
    sequence_ = sequence;
    return;
  }
}

// Of one layout, the session goes on. Pinned or not, it keeps to where it is in a tick: so from the next one on, if that
// has changed. With another layout it begins anew, in another space.
void Generator::join(const GeneratorSpec& spec) {
  const bool goes_on = session_.joined() && spec_.layout == spec.layout;
  if (goes_on && spec_.ordered != spec.ordered) session_.skip_tick();
  spec_ = spec;
  if (goes_on) return;
  const std::optional<Id> last = session_.last();
  session_.leave();
  session_ = Session();
  credit_ = Credit();
  session_.keep_last(last);
  ordered_pin_ = Session::ordered_pin(spec.layout);
  if (before_first_join != nullptr) before_first_join();
  before_first_join = nullptr;
  session_.join(shared().server, spec.layout);
}

void Generator::check_permission() {
  if (is_permitted()) return;
  check_privilege(sequence_, ACL_USAGE);
  checked_user_ = GetUserId();
  if (!is_limited()) permitted_user_ = checked_user_;
}

// A worker field has to say which cursor it was; without one, shards are spread over all cursors there are.
Pin Generator::pin_of_shard(std::uint64_t shard) const {
  const Layout& layout = spec_.layout;
  const unsigned cursors =
      layout.worker.present() ? Session::workers_of(layout) : cursors_of(layout.unit_ms);
  const auto cursor = static_cast<unsigned>(shard % cursors);
  return {.first_cursor = cursor, .last_cursor = cursor, .shard = shard};
}

// From which cursors a call takes, by the spec as it is now: null if the session may choose.
const Pin* Generator::checked_pin(std::optional<std::int64_t> shard) {
  if (!shard && needs_shard()) raise_without_shard();
  if (!shard) return spec_.ordered ? &ordered_pin_ : nullptr;
  if (!needs_shard())
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("the layout of this generator has no shard")));
  shard_pin_ = pin_of_shard(checked_part("shard", *shard, spec_.layout.shard.max()));
  return &shard_pin_;
}

// An ID that is not later than the time costs nobody anything: its tick is waited out. A later one moves the time of
// the whole server, so that it takes the privilege by which setval() could do it.
//
// Other sessions may hold reservations of that tick. They have ended when two units have passed: a tick lasts one, and
// at half speed two.
void Generator::observe(const FmgrInfo* caller, Id id) {
  bind(caller);
  count_for(session_);
  refuse_on_standby();
  check_permission();
  const Layout layout = spec_.layout;
  const Tick tick = layout.decode(id).tick;
  const UnixMs ends = layout.time_at(tick + 1) - 1;
  horizon.bind(caller);
  horizon.cross(await_time());
  const Instant now = await_time();
  if (layout.time_at(tick) > now.ms()) {
    check_privilege(horizon.sequence(), ACL_UPDATE);
    refuse_too_late(ends - now.wall_ms());
    shared().server.timeline.skip_past(ends, system_clocks);
  }
  session_.forget();
  rest(2 * ns_per_ms * layout.unit_ms, boot_clock_ns);
  for (;;) {
    const Instant then = await_time();
    horizon.bind(caller);
    horizon.cross(then);
    if (then.ms() > ends) return count_for_nobody();
    nap_for_clock(ns_per_ms);
  }
}

void Generator::forget_sequence() {
  sequence_ = InvalidOid;
  session_.forget();
  forget_permission();
}

}  // namespace snowflake::pg
