#include "pg/generator.hpp"

#include <new>

#include "core/clock.hpp"
#include "pg/errors.hpp"
#include "pg/generator_spec.hpp"
#include "pg/settings.hpp"
#include "pg/shmem.hpp"

namespace snowflake::pg {
namespace {

constexpr const char* sequence_name = "snowflake_id";

/// An entry of the table of named generators.
struct Named {
  Oid sequence;  // the key
  Generator generator;
};

constinit HTAB* named_generators = nullptr;

void leave_at_exit(int, Datum) {
  for_each_generator([](Generator& generator) { generator.leave(); });
}

void sequence_changed(Datum, Oid relation) {
  const auto forget_if = [](Generator& generator, Oid changed) {
    if (!OidIsValid(changed) || generator.is_bound_to(changed)) generator.forget_sequence();
  };
  forget_if(default_generator, relation);
  if (named_generators == nullptr) return;
  if (!OidIsValid(relation)) {
    for_each_generator([](Generator& generator) { generator.forget_sequence(); });
  } else if (auto* entry = static_cast<Named*>(
                 hash_search(named_generators, &relation, HASH_FIND, nullptr))) {
    entry->generator.forget_sequence();
  }
}

void roles_changed(Datum, SyscacheNumber, uint32) {
  for_each_generator([](Generator& generator) { generator.forget_permission(); });
}

/// Once a backend, with its first generator.
void register_callbacks() {
  static bool registered = false;
  if (registered) return;
  before_shmem_exit(leave_at_exit, 0);
  CacheRegisterRelcacheCallback(sequence_changed, 0);
  CacheRegisterSyscacheCallback(AUTHOID, roles_changed, 0);
  CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, roles_changed, 0);
  registered = true;
}

/// Waits for the clock: in naps of a millisecond at most, so that a cancel is answered at once.
void nap(std::int64_t ns) {
  CHECK_FOR_INTERRUPTS();
  pgstat_report_wait_start(clock_wait_event());
  pg_usleep(static_cast<long>(std::min(ns, ns_per_ms) / 1000 + 1));
  pgstat_report_wait_end();
}

/// The sequence of the extension to which that function belongs; InvalidOid if it was renamed.
Oid find_own_sequence(Oid function) {
  return get_relname_relid(sequence_name, get_func_namespace(function));
}

Oid own_sequence(Oid function) {
  const Oid sequence = find_own_sequence(function);
  if (!OidIsValid(sequence))
    ereport(ERROR,
            (errcode(ERRCODE_UNDEFINED_TABLE),
             errmsg("the sequence \"%s\" of the extension snowflake_id is missing", sequence_name),
             errhint("It must have that name and lie in the extension's schema.")));
  return sequence;
}

HTAB* new_table() {
  HASHCTL control{};
  control.keysize = sizeof(Oid);
  control.entrysize = sizeof(Named);
  return hash_create("snowflake_id generators", 16, &control, HASH_ELEM | HASH_BLOBS);
}

}  // namespace

constinit Generator default_generator;

Generator& generator_named(Oid sequence, const FmgrInfo* caller) {
  if (default_generator.is_bound_to(sequence) || sequence == find_own_sequence(caller->fn_oid))
    return default_generator;
  if (named_generators == nullptr) named_generators = new_table();
  auto* entry = static_cast<Named*>(hash_search(named_generators, &sequence, HASH_FIND, nullptr));
  if (entry == nullptr) {
    (void)spec_of(sequence);  // an error, if it is no generator
    entry = static_cast<Named*>(hash_search(named_generators, &sequence, HASH_ENTER, nullptr));
    new (&entry->generator) Generator(sequence);
  }
  return entry->generator;
}

void for_each_generator(void (*visit)(Generator&)) {
  visit(default_generator);
  if (named_generators == nullptr) return;
  HASH_SEQ_STATUS entries;
  hash_seq_init(&entries, named_generators);
  while (void* entry = hash_seq_search(&entries)) visit(static_cast<Named*>(entry)->generator);
}

Run Generator::take(const FmgrInfo* caller, std::uint64_t count) {
  if (permitted_user_ != GetUserId() || !session_.fresh()) {
    bind(caller);
    refuse_without_shard();
    const Pin pin = pin_of(0);
    replenish(caller, count, spec_.ordered ? &pin : nullptr);
  }
  return session_.take(count);
}

[[gnu::noinline]] Id Generator::next_after_replenishing(const FmgrInfo* caller) {
  if (spec_.ordered && !needs_shard() && permitted_user_ == GetUserId()) {
    if (Id id; session_.next_pinned(pin_of(0), id)) return id;
  }
  return take(caller, 1).first;
}

Id Generator::next_of_shard(const FmgrInfo* caller, std::int64_t shard) {
  bind(caller);
  if (!needs_shard())
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("the layout of this generator has no shard")));
  const Pin pin = pin_of(checked_part("shard", shard, spec_.layout.shard.max()));
  if (Id id; permitted_user_ == GetUserId() && session_.next_pinned(pin, id)) return id;
  replenish(caller, 1, &pin);
  return session_.take(1).first;
}

const GeneratorSpec& Generator::spec(const FmgrInfo* caller) {
  bind(caller);
  return spec_;
}

// Every turn of the loop looks at everything anew, for each step may have let a message of another
// session in: a changed or dropped sequence, a reset, a revoked right.
void Generator::replenish(const FmgrInfo* caller, std::uint64_t count, const Pin* pin) {
  refuse_on_standby();
  for (;;) {
    bind(caller);
    check_permission();
    heed_reset();
    const Reading reading = space_->read(spec_.layout, wall_clock_ns);
    const Moment moment = pin != nullptr ? session_.reserve_pinned(reading, terms(), *pin, count)
                                         : session_.reserve(reading, terms(), count);
    if (moment.set_back) warn_of_clock_set_back(moment, spec_.layout);
    switch (moment.outcome) {
      case Outcome::ready:
        horizon_.keep_ahead(moment.tick, bounded());
        if (session_.has_reservation()) return;
        break;
      case Outcome::beyond_horizon:
        horizon_.cross(moment.tick, bounded());
        break;
      case Outcome::wait:
        nap(reading.left_ns);
        break;
      default:
        raise_outcome(moment, spec_.layout);
    }
  }
}

void Generator::bind(const FmgrInfo* caller) {
  if (horizon_.is_bound()) return;
  register_callbacks();
  const Oid sequence = OidIsValid(named_) ? named_ : own_sequence(caller->fn_oid);
  const GeneratorSpec spec = spec_of(sequence);
  refuse_unless_permanent(sequence);
  join_space(spec);
  horizon_.bind(sequence);
}

// A sequence whose parameters were changed is another generator: it begins anew, in the space of
// its layout.
void Generator::join_space(const GeneratorSpec& spec) {
  Space& space = space_of(spec.layout);
  if (space_ != &space) {
    session_.leave();
    session_ = Session();
  }
  spec_ = spec;
  space_ = &space;
  if (!session_.joined()) session_.join(space, spec_.layout);
}

void Generator::check_permission() {
  if (permitted_user_ == GetUserId()) return;
  check_usage(horizon_.sequence());
  permitted_user_ = GetUserId();
}

void Generator::heed_reset() {
  if (resets_ == space_->resets()) return;
  resets_ = space_->resets();
  horizon_.forget();
}

// A worker field has to say which cursor it was; without one, shards are spread over all cursors
// there are.
Pin Generator::pin_of(std::uint64_t shard) const {
  const Layout& layout = spec_.layout;
  if (!needs_shard()) return Session::ordered_pin(layout);
  const unsigned cursors =
      layout.worker.present() ? Session::workers_of(layout) : Space::max_workers;
  const auto cursor = static_cast<unsigned>(shard % cursors);
  return {.first_cursor = cursor, .last_cursor = cursor, .shard = shard};
}

void Generator::refuse_without_shard() const {
  if (!needs_shard()) return;
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                  errmsg("the layout of this generator needs a shard"),
                  errhint("Call snowflake_next(generator, shard => ...).")));
}

Terms Generator::terms() const { return current_terms(spec_.layout, horizon_.tick()); }

Bounded Generator::bounded() const {
  return {.space = *space_,
          .layout = spec_.layout,
          .limits = limits_of(spec_.layout, terms().max_drift)};
}

// Other sessions may hold reservations of earlier ticks; they have ended when the clock has moved
// on.
void Generator::observe(const FmgrInfo* caller, Id id) {
  refuse_on_standby();
  bind(caller);
  const Reading reading = space_->read(spec_.layout, wall_clock_ns);
  const Moment moment = space_->observe(spec_.layout.decode(id).tick, reading, bounded().limits);
  if (moment.outcome != Outcome::ready) raise_outcome(moment, spec_.layout);
  session_.forget();
  horizon_.cross(space_->latest(), bounded());
  nap(reading.left_ns);
}

// The horizon first: sessions look it up again when they find that the space was reset, and must
// not find the old one, which they would rely on long after it is gone from the page.
void Generator::reset_clock(const FmgrInfo* caller) {
  refuse_on_standby();
  bind(caller);
  const Reading reading = space_->read(spec_.layout, wall_clock_ns);
  if (reading.wall < 0) raise_outcome({.outcome = Outcome::before_epoch}, spec_.layout);
  session_.forget();
  reset_horizon(horizon_.sequence(), spec_.layout, reading.wall);
  space_->reset(reading.wall, spec_.layout.sequence.width);
}

Generator::Clock Generator::clock(const FmgrInfo* caller) {
  bind(caller);
  return {.reading = space_->read(spec_.layout, wall_clock_ns),
          .setbacks = space_->setbacks(),
          .stored = stored_horizon(horizon_.sequence())};
}

void Generator::forget_sequence() {
  horizon_.unbind();
  session_.forget();
  forget_permission();
}

}  // namespace snowflake::pg
