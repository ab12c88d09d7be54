// A session: what one backend holds of a space, and how it hands out IDs.
//
// Guarantees: no ID that any session of the space was given before; each ID larger than the one
// before it in this session; its time the current tick when it is handed out, as far as the cycle
// counter can tell.
//
//     Session session;
//     session.join(space, standard_layout);
//     if (Id id; session.next(id)) ...                       // nearly always
//     const Reading reading = space.read(standard_layout, wall_clock_ns);
//     switch (session.reserve(reading, terms, 1).outcome)    // about once a tick
//       case Outcome::ready: session.take(1)...
//       case Outcome::wait:  sleep reading.left_ns and try again
//     session.leave();
//
// A session holds a *reservation*: IDs of one worker in one tick that nobody else will be given.
// While the tick lasts, an ID is next++: no atomic, no clock. When it is used up, it goes on with a
// worker of a higher number in the same tick, so that IDs only rise; when no higher worker has any
// left, it has to wait for the next tick.
//
// Limits: belongs to one thread. The space must outlive it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "core/clock.hpp"
#include "core/layout.hpp"
#include "core/space.hpp"
#include "core/worker.hpp"

namespace snowflake {

/// IDs [first, first + count).
struct Run {
  Id first;
  std::uint64_t count;
};

/// What the server allows at this moment.
struct Terms {
  std::uint64_t node;  ///< must fit the layout
  Tick max_drift;      ///< ticks that the clock may be set back
  Tick horizon;        ///< no ID of a later tick
};

class Session {
 public:
  /// Picks a home worker. Zeroed (static) sessions have not joined anything and hand out nothing.
  void join(Space& space, const Layout& layout);

  /// Gives back what is left of the reservation and moves out. Harmless if it has not joined.
  void leave();

  [[nodiscard]] bool joined() const { return space_ != nullptr; }

  /// The next ID of the reservation, unless it is used up or its tick is over.
  [[nodiscard]] bool next(Id& id) {
    if (!fresh()) return false;
    id = next_++;
    return true;
  }

  /// Whether the reservation has IDs and its tick lasts. Never true on a CPU without a cycle
  /// counter: reserve() then reads the clock and keeps the reservation if it is still good.
  [[nodiscard]] bool fresh() const { return next_ != end_ && cycles() - start_ < span_; }

  /// Sees to it that there is a reservation of the current tick, if the outcome is ready. `count`
  /// (> 0): how many IDs are wanted, so that bulk takes more at once.
  [[nodiscard]] Moment reserve(const Reading& reading, const Terms& terms, std::uint64_t count);

  /// Up to `count` IDs of the reservation, at least one. Only if fresh(), or just after reserve()
  /// was ready.
  [[nodiscard]] Run take(std::uint64_t count) {
    const Run run{next_, std::min(count, end_ - next_)};
    next_ += run.count;
    return run;
  }

  /// Whether take() would give anything.
  [[nodiscard]] bool has_reservation() const { return next_ != end_; }

  /// Drops the reservation: the next ID is made under new terms.
  void forget() { end_ = next_; }

  /// The last ID handed out in this session, if any.
  [[nodiscard]] std::optional<Id> last() const {
    return next_ == begin_ ? before_ : std::optional<Id>(next_ - 1);
  }

 private:
  [[nodiscard]] bool reserve_in(Tick tick, std::uint64_t node, std::uint64_t count);
  [[nodiscard]] unsigned first_worker(Tick tick, std::uint64_t node, std::uint64_t count) const;
  [[nodiscard]] std::uint64_t next_share(Tick tick) const;
  [[nodiscard]] bool alone_on(unsigned worker) const;
  void adopt(const Parts& begin, std::uint64_t count, std::uint64_t share);
  void arm(const Reading& reading);

  [[nodiscard]] std::uint64_t capacity() const { return layout_->sequence.max() + 1; }
  [[nodiscard]] unsigned workers() const {
    return static_cast<unsigned>(
        std::min<std::uint64_t>(layout_->worker.max() + 1, Space::max_workers));
  }

  // Read by every call: the IDs [next_, end_) are ours, and their tick lasts `span_` cycles from
  // `start_`.
  Id next_ = 0;
  Id end_ = 0;
  std::uint64_t start_ = 0;
  std::uint64_t span_ = 0;

  Id begin_ = 0;              // of the reservation: what lies in [begin_, next_) was handed out
  std::optional<Id> before_;  // the last ID handed out before the reservation
  Parts reserved_;            // what begin_ says
  std::uint64_t share_ = 0;   // how much was taken at once of a shared worker
  bool starved_ = false;      // the last tick was not enough for this session
  unsigned home_ = 0;
  Space* space_ = nullptr;
  const Layout* layout_ = nullptr;
  CycleMeter meter_;
};

}  // namespace snowflake
