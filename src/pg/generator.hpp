// A generator: what this backend needs to make IDs of one kind. It brings together the session
// (which IDs), the horizon (how far), the settings (under which terms) and the clock's moods (wait,
// warn, refuse).
//
//     const Id id = default_generator.next(fcinfo->flinfo->fn_oid);
//
// Limits: errors are raised, so nothing with a destructor may be alive across a call.
#pragma once

#include "core/session.hpp"
#include "pg/horizon.hpp"
#include "pg/shmem.hpp"

namespace snowflake::pg {

/// An SQL function of this extension, as PostgreSQL's Oid. It tells the schema in which the
/// generator's sequence is.
using FunctionOid = unsigned int;

class Generator {
 public:
  /// The hot path: a comparison with the cycle counter and an increment.
  [[nodiscard]] Id next(FunctionOid caller) {
    if (Id id; session_.next(id)) [[likely]]
      return id;
    return next_after_replenishing(caller);
  }

  /// Up to `count` (> 0) IDs, at least one: as many as come in one piece.
  [[nodiscard]] Run take(FunctionOid caller, std::uint64_t count);

  [[nodiscard]] std::optional<Id> last() const { return session_.last(); }

  /// Makes only later IDs than `id` from now on, in all sessions of the server and after a crash
  /// too.
  void observe(FunctionOid caller, Id id);

  /// Makes IDs from the clock's time on again, though later ones were made.
  void reset_clock(FunctionOid caller);

  /// The settings have changed: the next ID is made under the new ones.
  void forget_reservation() { session_.forget(); }

  /// The sequence may have been changed or dropped: look again.
  void forget_sequence(SequenceOid changed);

  /// Gives back what is left, at the end of the backend.
  void leave() { session_.leave(); }

 private:
  void attach_and_bind(FunctionOid caller);
  void replenish(FunctionOid caller, std::uint64_t count);
  [[nodiscard]] Id next_after_replenishing(FunctionOid caller);

  Session session_;
  Horizon horizon_;
  Shared* shared_ = nullptr;
  std::uint64_t resets_ = 0;  // of the space, when horizon_ was read
};

/// The one that CREATE EXTENSION makes.
extern constinit Generator default_generator;

/// The sequence that keeps the horizon of the generator of that function's schema. An error if it
/// is gone.
[[nodiscard]] SequenceOid sequence_beside(FunctionOid function);

}  // namespace snowflake::pg
