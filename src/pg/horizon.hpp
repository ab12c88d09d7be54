// The horizon of a generator: a bound, kept in WAL, that the time of no ID ever passes.
//
// It is stored in a sequence, as one that everybody knows how to keep: replicated, dumped,
// restored, copied and upgraded, with privileges of its own. Of the sequence's row,
//
//     last_value   is the horizon, as the smallest ID of its tick: snowflake_timestamp(last_value)
//     reads it log_cnt      is the incarnation: a random number drawn when the server's shared
//     memory was made
//
// Guarantees:
//   1. Before a session makes an ID of a tick, a horizon that is not earlier is in durable WAL. So
//   whoever has a row
//      with that ID, be it after a crash, on a promoted standby or in a dump, has such a horizon
//      too: the row was written later than the horizon.
//   2. Before the first ID of a server's life (an incarnation), `latest` is lifted past the horizon
//   that is found. So
//      nothing that was made in an earlier life, here or elsewhere, is made again, whatever the
//      clock says.
//
// The row is changed in place under the lock of its buffer, through Generic WAL. That is not
// transactional: a rollback does not undo it, a read-only transaction may do it.
//
// Limits: not on a standby. `nextval()` cannot move it, as its increment overflows;
// `setval()` by its owner sets log_cnt to 0, so that the next session finds a foreign incarnation
// and lifts `latest` past the new value.
#pragma once

#include "core/layout.hpp"
#include "core/space.hpp"

namespace snowflake::pg {

/// An object identifier, as PostgreSQL's Oid.
using SequenceOid = unsigned int;

/// What a horizon bounds.
struct Bounded {
  Space& space;
  const Layout& layout;
  Limits limits;
};

/// What a backend knows of one generator's horizon.
class Horizon {
 public:
  static constexpr Tick unknown = -1;

  [[nodiscard]] bool is_bound() const { return sequence_ != 0; }
  void bind(SequenceOid sequence) {
    *this = {};
    sequence_ = sequence;
  }
  void unbind() { *this = {}; }
  [[nodiscard]] SequenceOid sequence() const { return sequence_; }

  /// IDs may be made of ticks up to this one.
  [[nodiscard]] Tick tick() const { return tick_; }
  void forget() { tick_ = unknown; }

  /// Gets a horizon of at least `needed`: somebody else's, or by moving it. Waits for the flush.
  /// Raises an error if the horizon found is further ahead of the clock than the limits allow.
  void cross(Tick needed, const Bounded& bounded);

  /// Moves the horizon if it is near, unless another session is just doing so. To be called with
  /// the tick in use.
  void keep_ahead(Tick tick, const Bounded& bounded);

 private:
  SequenceOid sequence_ = 0;
  Tick tick_ = unknown;
};

/// The horizon and incarnation in a sequence's row, as anybody may read them. Nothing is flushed.
struct StoredHorizon {
  Id last_value;
  std::int64_t incarnation;
};
[[nodiscard]] StoredHorizon stored_horizon(SequenceOid sequence);

/// Puts the horizon back to where the clock says, for snowflake_reset_clock().
void reset_horizon(SequenceOid sequence, const Layout& layout, Tick wall);

}  // namespace snowflake::pg
