// The horizon of a database: a bound, kept in WAL, that the time of no ID ever passes.
//
// It is stored in the extension's own sequence, snowflake_id: as a sequence it is replicated, dumped, restored, copied
// and upgraded, and nobody but its owner can touch it. Of its row,
//
//     last_value   is the horizon, as the smallest ID of its millisecond: snowflake_timestamp(last_value) reads it
//     log_cnt      is the incarnation: a random number generated when the server's shared memory was made
//
// Guarantees:
//   1. Before a session makes an ID, a horizon that is not earlier is in durable WAL, and on the synchronous standbys if
//      the session's synchronous_commit waits for them. So whoever has that ID, be it a client, a row after a crash or
//      on a promoted standby, or a dump, finds such a horizon.
//   2. Before the first ID in a database in a server's life (an incarnation), the floor of the server is raised to the
//      horizon that is found. So nothing that was made in an earlier life, here or elsewhere, is made again, whatever
//      the clock says.
//   3. No session waits for the disk while the one who moves the horizon has time. It is moved ahead of need, and each
//      session relies on it when it finds that it is durable. (It notes the place in WAL once, so that a page which is
//      moved on and on cannot hold it up.) Only who has reached the bound that it knows waits.
//
// The row is changed in place under the lock of its buffer, through Generic WAL. That is not transactional: a rollback
// does not undo it, a read-only transaction may do it.
//
// Limits: not on a standby. nextval() cannot move it, as its increment overflows. setval() by those with UPDATE sets
// log_cnt to 0, so that the next session finds a foreign incarnation, and raises the floor to the new value.
#pragma once

#include "core/bounds.hpp"
#include "pg/postgres.hpp"

namespace snowflake::pg {

/// What this backend knows of the horizon of its database.
class Horizon {
 public:
  /// A horizon that was read or written, and where in WAL it stands.
  struct Pending {
    XLogRecPtr lsn = InvalidXLogRecPtr;
    UnixMs bound = 0;
  };

  /// Finds the extension's sequence, if need be. `caller`: a function of the extension.
  void bind(const FmgrInfo* caller);
  [[nodiscard]] bool is_bound() const { return OidIsValid(sequence_); }
  [[nodiscard]] Oid sequence() const { return sequence_; }

  /// The sequence may have been changed or dropped: look at everything again.
  void unbind() { *this = {}; }

  /// Whether there is a horizon to rely on, in this era and with this synchronous_commit.
  [[nodiscard]] bool is_known(Era era);

  /// No ID of a later time. Only if it is known.
  [[nodiscard]] UnixMs bound() const { return bound_; }

  /// Moves the horizon if it is near, and takes up what became durable. Never waits.
  void keep_ahead(const Instant& now);

  /// Gets a horizon for that time, be it somebody else's or by moving it. Waits until it is durable. 55000 if the
  /// horizon found is further ahead of the clock than is allowed.
  void cross(const Instant& now);

  /// Resets the server's clock, and puts the horizon to where the clock says. Says whether the time was ahead.
  bool reset();

 private:
  void rely_on(const Pending& pending);
  void take_up();
  void wait_for(const Pending& pending);

  static constexpr UnixMs unknown = -1;

  Oid sequence_ = InvalidOid;
  UnixMs bound_ = unknown;
  Era era_ = 0;       // of what is known
  int standbys_ = 0;  // how well synchronous standbys have it
  Pending pending_;
};

/// The one of this backend's database.
extern constinit Horizon horizon;

/// The horizon and incarnation in the row, as anybody may read them. Nothing is flushed.
struct StoredHorizon {
  UnixMs bound;
  std::int64_t incarnation;
  bool is_durable =
      false;  ///< and confirmed by synchronous standbys, as this session's synchronous_commit asks
};
[[nodiscard]] StoredHorizon stored_horizon(Oid sequence);

}  // namespace snowflake::pg
