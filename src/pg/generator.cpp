#include "pg/generator.hpp"

#include "core/clock.hpp"
#include "pg/errors.hpp"
#include "pg/postgres.hpp"
#include "pg/settings.hpp"

namespace snowflake::pg {
namespace {

constexpr const Layout& layout = standard_layout;
constexpr const char* sequence_name = "snowflake_id";

void leave_at_exit(int, Datum) { default_generator.leave(); }

void sequence_changed(Datum, Oid relation) { default_generator.forget_sequence(relation); }

/// Waits for the clock: in naps of a millisecond at most, so that a cancel is answered at once.
void nap(std::int64_t ns) {
  CHECK_FOR_INTERRUPTS();
  pgstat_report_wait_start(clock_wait_event());
  pg_usleep(static_cast<long>(std::min(ns, ns_per_ms) / 1000 + 1));
  pgstat_report_wait_end();
}

}  // namespace

constinit Generator default_generator;

SequenceOid sequence_beside(FunctionOid function) {
  const Oid sequence = get_relname_relid(sequence_name, get_func_namespace(function));
  if (!OidIsValid(sequence) || get_rel_relkind(sequence) != RELKIND_SEQUENCE)
    ereport(ERROR,
            (errcode(ERRCODE_UNDEFINED_TABLE),
             errmsg("the sequence \"%s\" of the extension snowflake_id is missing", sequence_name),
             errhint("It must have that name and lie in the extension's schema.")));
  return sequence;
}

Run Generator::take(FunctionOid caller, std::uint64_t count) {
  if (!session_.fresh()) replenish(caller, count);
  return session_.take(count);
}

[[gnu::noinline]] Id Generator::next_after_replenishing(FunctionOid caller) {
  replenish(caller, 1);
  return session_.take(1).first;
}

void Generator::attach_and_bind(FunctionOid caller) {
  if (shared_ == nullptr) {
    shared_ = &attach();
    session_.join(shared_->space, layout);
    before_shmem_exit(leave_at_exit, 0);
    CacheRegisterRelcacheCallback(sequence_changed, 0);
  }
  if (!horizon_.is_bound()) horizon_.bind(sequence_beside(caller));
  check_usage(horizon_.sequence());
  if (resets_ == shared_->space.resets()) return;
  resets_ = shared_->space.resets();
  horizon_.forget();
}

// Every turn of the loop looks at everything anew, for each step may have let a message of another
// session in: a dropped sequence, a reset.
void Generator::replenish(FunctionOid caller, std::uint64_t count) {
  refuse_on_standby();
  for (;;) {
    attach_and_bind(caller);
    const Terms terms = current_terms(layout, horizon_.tick());
    const Limits limits = limits_of(layout, terms.max_drift);
    const Reading reading = shared_->space.read(layout, wall_clock_ns);
    const Moment moment = session_.reserve(reading, terms, count);
    if (moment.set_back) warn_of_clock_set_back(moment, layout);
    switch (moment.outcome) {
      case Outcome::ready:
        horizon_.keep_ahead(moment.tick, *shared_, layout, limits);
        if (session_.has_reservation()) return;
        break;
      case Outcome::beyond_horizon:
        horizon_.cross(moment.tick, *shared_, layout, limits);
        break;
      case Outcome::wait:
        nap(reading.left_ns);
        break;
      default:
        raise_outcome(moment, layout);
    }
  }
}

// Other sessions may hold reservations of earlier ticks; they have ended when the clock has moved
// on.
void Generator::observe(FunctionOid caller, Id id) {
  refuse_on_standby();
  attach_and_bind(caller);
  Space& space = shared_->space;
  const Limits limits = limits_of(layout, current_terms(layout, horizon_.tick()).max_drift);
  const Reading reading = space.read(layout, wall_clock_ns);
  const Moment moment = space.observe(layout.decode(id).tick, reading, limits);
  if (moment.outcome != Outcome::ready) raise_outcome(moment, layout);
  session_.forget();
  horizon_.cross(space.latest(), *shared_, layout, limits);
  nap(reading.left_ns);
}

void Generator::reset_clock(FunctionOid caller) {
  refuse_on_standby();
  attach_and_bind(caller);
  const Reading reading = shared_->space.read(layout, wall_clock_ns);
  if (reading.wall < 0) raise_outcome({.outcome = Outcome::before_epoch}, layout);
  session_.forget();
  shared_->space.reset(reading.wall, layout.sequence.width);
  reset_horizon(horizon_.sequence(), *shared_, layout, reading.wall);
}

void Generator::forget_sequence(SequenceOid changed) {
  if (OidIsValid(changed) && changed != horizon_.sequence()) return;
  horizon_.unbind();
  session_.forget();
}

}  // namespace snowflake::pg
