// A generator: what this backend needs to make IDs of one kind. It brings together the sequence
// (which spec, whose rights, which horizon), the session (which IDs), the settings (under which
// terms) and the clock's moods (wait, warn, refuse).
//
//     const Id id = default_generator.next(fcinfo->flinfo);
//     const Id id = generator_named(sequence, fcinfo->flinfo).next(fcinfo->flinfo);
//
// Limits: errors are raised, so nothing with a destructor may be alive across a call.
#pragma once

#include <optional>

#include "core/session.hpp"
#include "core/spec.hpp"
#include "pg/horizon.hpp"
#include "pg/postgres.hpp"

namespace snowflake::pg {

class Generator {
 public:
  /// No sequence: the one of the extension, found by the calling function's schema.
  explicit constexpr Generator(Oid named = InvalidOid) : named_(named) {}

  /// The hot path: two comparisons, one of them with the cycle counter, and an increment. `caller`
  /// is the SQL function.
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

  [[nodiscard]] std::optional<Id> last() const { return session_.last(); }

  /// The spec; reads it, if need be.
  [[nodiscard]] const GeneratorSpec& spec(const FmgrInfo* caller);

  /// Makes only later IDs than `id` from now on, in all sessions of the server and after a crash
  /// too.
  void observe(const FmgrInfo* caller, Id id);

  /// Makes IDs from the clock's time on again, though later ones were made.
  void reset_clock(const FmgrInfo* caller);

  /// What snowflake_clock() shows.
  struct Clock {
    Reading reading;
    Setbacks setbacks;
    StoredHorizon stored;
  };
  [[nodiscard]] Clock clock(const FmgrInfo* caller);

  [[nodiscard]] bool is_bound_to(Oid sequence) const {
    return horizon_.is_bound() && horizon_.sequence() == sequence;
  }

  /// The settings have changed: the next ID is made under the new ones.
  void forget_reservation() { session_.forget(); }

  /// Roles have changed: look again whether the user may.
  void forget_permission() { permitted_user_ = InvalidOid; }

  /// The sequence may have been changed or dropped: look at everything again.
  void forget_sequence();

  /// Gives back what is left, at the end of the backend.
  void leave() { session_.leave(); }

 private:
  void bind(const FmgrInfo* caller);
  void join_space(const GeneratorSpec& spec);
  void check_permission();
  void heed_reset();
  void replenish(const FmgrInfo* caller, std::uint64_t count, const Pin* pin);
  [[nodiscard]] Id next_after_replenishing(const FmgrInfo* caller);
  [[nodiscard]] Pin pin_of(std::uint64_t shard) const;
  [[nodiscard]] bool needs_shard() const { return spec_.layout.shard.present(); }
  void refuse_without_shard() const;
  [[nodiscard]] Terms terms() const;
  [[nodiscard]] Bounded bounded() const;

  Oid permitted_user_ = InvalidOid;
  Session session_;
  Horizon horizon_;
  GeneratorSpec spec_;
  Space* space_ = nullptr;
  std::uint64_t resets_ = 0;  // of the space, when horizon_ was read
  Oid named_;
};

/// The one that CREATE EXTENSION makes.
extern constinit Generator default_generator;

/// The generator that is that sequence. `caller`: the SQL function, so that the extension's own one
/// is recognised.
[[nodiscard]] Generator& generator_named(Oid sequence, const FmgrInfo* caller);

/// The generator that was passed as that argument; the extension's own if the function was called
/// without one.
inline Generator& generator_argument(FunctionCallInfo fcinfo, int argument) {
  if (PG_NARGS() <= argument) return default_generator;
  return generator_named(PG_GETARG_OID(argument), fcinfo->flinfo);
}

/// Calls `visit` for each generator that this backend has used.
void for_each_generator(void (*visit)(Generator&));

}  // namespace snowflake::pg
