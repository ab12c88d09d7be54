// A generator: what this backend needs to make IDs of one kind. It brings together the sequence (which spec, whose
// privileges), the session (which IDs), the horizon (up to when), the settings (which node), and what to do when the
// clock does not behave.
//
//     const Id id = default_generator.next(fcinfo->flinfo);
//     const Id id = generator_named(sequence, fcinfo->flinfo).next(fcinfo->flinfo);
//
// Of a generator's sequence only what the catalogs say is read. No session opens, locks or waits for the sequence
// itself, for that is its owner's; but for those that make IDs of a generator with a rate limit (rate_limit.hpp).
//
// Each ID of such a generator is paid for before it is reserved: permitted_user_ is nobody there, so that no call goes
// past replenish(), and the hot path knows nothing of limits.
//
// Invariant, on which a change of layout rests (succession.hpp):
//
//   1. The tick of an ID begins no later than when its session looked for messages last. (It reads the time, then
//      looks, then takes.) So when a change has been told, nothing is made of the old layout in a later tick.
//   2. Before a session makes the first ID of a layout, the change has been told; then it reads the time.
//
// So each tick of the old layout begins before or when the first one of the new layout is read, however long anybody is
// held up anywhere.
//
// Limits: errors are raised, so nothing with a destructor may be alive across a call.
#pragma once

#include <optional>

#include "core/rate.hpp"
#include "core/session.hpp"
#include "core/spec.hpp"
#include "pg/counting.hpp"
#include "pg/postgres.hpp"

namespace snowflake::pg {

class Generator {
 public:
  /// No sequence: the one of the extension.
  explicit constexpr Generator(Oid named = InvalidOid) : named_(named) {}

  /// The hot path: a comparison of users, one of counters, an increment. `caller` is the SQL function.
  [[nodiscard]] Id next(const FmgrInfo* caller) {
    const Oid user = GetUserId();
    if (Id id; user == permitted_user_ && session_.next(id)) [[likely]]
      return id;
    return next_after_replenishing(caller);
  }

  /// For layouts with a shard. 22023 if it does not fit.
  [[nodiscard]] Id next_of_shard(const FmgrInfo* caller, std::int64_t shard);

  /// Up to `count` (> 0) IDs, at least one: as many as come in one piece.
  [[nodiscard]] Run take(const FmgrInfo* caller, std::uint64_t count);

  /// The last ID made in this session, if any. 42501 without USAGE or SELECT, as lastval().
  [[nodiscard]] std::optional<Id> last(const FmgrInfo* caller);

  /// The spec; reads it, if need be.
  [[nodiscard]] const GeneratorSpec& spec(const FmgrInfo* caller);

  /// From now on no session of the server, and none after a crash, makes an ID of the tick of `id` or an earlier one.
  void observe(const FmgrInfo* caller, Id id);

  [[nodiscard]] bool is_bound_to(Oid sequence) const { return is_bound() && sequence_ == sequence; }

  /// The settings have changed: the next ID is made under the new ones.
  void forget_reservation() { session_.forget(); }

  /// Privileges have changed: look again whether the user may.
  void forget_permission() { permitted_user_ = checked_user_ = InvalidOid; }

  /// The sequence may have been changed or dropped: look at everything again.
  void forget_sequence();

  /// For DISCARD.
  void forget_last() { session_.forget_last(); }

  /// Tells the statistics what was not told yet.
  void report() { session_.report(); }

  /// Gives back what is left, at the end of the backend.
  void leave() { session_.leave(); }

 private:
  [[nodiscard]] bool is_bound() const { return OidIsValid(sequence_); }
  void bind(const FmgrInfo* caller);
  void join(const GeneratorSpec& spec);
  void check_permission();
  [[nodiscard]] bool is_permitted() const { return checked_user_ == GetUserId(); }
  [[nodiscard]] bool may_go_on() const { return permitted_user_ == GetUserId(); }
  [[nodiscard]] bool is_limited() const { return spec_.rate_limit > 0; }
  [[nodiscard]] bool has_paid(std::uint64_t count, CountedWait& wait);
  [[nodiscard]] Run hand_out(std::uint64_t count);
  void replenish(const FmgrInfo* caller, std::uint64_t count, std::optional<std::int64_t> shard);
  [[nodiscard]] const Pin* checked_pin(std::optional<std::int64_t> shard);
  [[nodiscard]] Outcome reserve(const Instant& now, const Grant& grant, std::uint64_t count,
                                const Pin* pin);
  [[nodiscard]] Id next_after_replenishing(const FmgrInfo* caller);
  [[nodiscard]] Pin pin_of_shard(std::uint64_t shard) const;
  [[nodiscard]] bool needs_shard() const { return spec_.layout.shard.present(); }

  Oid permitted_user_ = InvalidOid;  // may be handed out what is reserved, without a further look
  Session session_;
  GeneratorSpec spec_;
  Pin ordered_pin_{};  // of the layout: worked out once, for calls that are counted in nanoseconds
  Pin shard_pin_{};    // of the last call that named a shard
  Oid sequence_ = InvalidOid;
  Oid named_;
  Oid checked_user_ = InvalidOid;  // has the privilege
  Credit credit_;                  // of a generator with a rate limit
};

/// The time as it is now. No later life of this database goes on from an earlier one.
[[nodiscard]] Instant recorded_time(const FmgrInfo* caller);

/// Says that sessions were told of changes of sequences: what was looked up meanwhile may be outdated.
void note_changes();

/// Called when the first session of this backend joins; set by those who keep generators.
extern void (*before_first_join)();

}  // namespace snowflake::pg
