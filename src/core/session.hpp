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

/// `count` IDs: first, first + step, …
struct Run {
  Id first;
  std::uint64_t count;
  Id step;
};

/// Takes from given cursors instead of those of the session's choice, in their order, and one call
/// after the other instead of ahead: then IDs rise in the order of the calls of all sessions that
/// pin the same.
struct Pin {
  unsigned first_cursor;
  unsigned last_cursor;
  std::uint64_t shard;  ///< must fit the layout
};

/// What the server allows at this moment.
struct Terms {
  std::uint64_t node;  ///< must fit the layout
  Tick max_drift;      ///< ticks that the clock may be set back
  Tick horizon;        ///< no ID of a later tick
};

class Session {
 public:
  /// How many workers a layout has here.
  [[nodiscard]] static unsigned workers_of(const Layout& layout) {
    return static_cast<unsigned>(
        std::min<std::uint64_t>(layout.worker.max() + 1, Space::max_workers));
  }

  /// How many of them, the lower ones, may be homes. The others are left to those who pin them, and
  /// to those who find all lower ones spent; what is taken of these is never given back.
  [[nodiscard]] static unsigned homes_of(const Layout& layout) {
    const unsigned workers = workers_of(layout);
    return workers == 1 ? 1 : workers - std::max(1U, workers / 4);
  }

  /// The pin of an ordered generator.
  [[nodiscard]] static Pin ordered_pin(const Layout& layout) {
    const unsigned last = workers_of(layout) - 1;
    const bool rising = layout.worker.shift > layout.sequence.shift;
    return {.first_cursor = rising ? std::min(homes_of(layout), last) : last,
            .last_cursor = last,
            .shard = 0};
  }

  /// Picks a home worker. Zeroed (static) sessions have not joined anything and hand out nothing.
  void join(Space& space, const Layout& layout);

  /// Gives back what is left of the reservation and moves out. Harmless if it has not joined.
  void leave();

  [[nodiscard]] bool joined() const { return space_ != nullptr; }

  /// The next ID of the reservation, unless it is used up or its tick is over.
  [[nodiscard]] bool next(Id& id) {
    if (!fresh()) return false;
    id = next_;
    next_ += step_;
    return true;
  }

  /// The next ID of a pinned cursor, unless its tick is over or spent.
  [[nodiscard]] bool next_pinned(const Pin& pin, Id& id) {
    if (cycles() - start_ >= span_ || space_->latest() != reserved_.tick) return false;
    if (!take_pinned(reserved_.tick, reserved_.node, pin, 1)) return false;
    id = take(1).first;
    return true;
  }

  /// Whether the reservation has IDs and its tick lasts. Never true on a CPU without a cycle
  /// counter: reserve() then reads the clock and keeps the reservation if it is still good.
  [[nodiscard]] bool fresh() const { return next_ != end_ && cycles() - start_ < span_; }

  /// Sees to it that there is a reservation of the current tick, if the outcome is ready. `count`
  /// (> 0): how many IDs are wanted, so that bulk takes more at once.
  [[nodiscard]] Moment reserve(const Reading& reading, const Terms& terms, std::uint64_t count);

  /// The same, of a pinned cursor and no more than `count`.
  [[nodiscard]] Moment reserve_pinned(const Reading& reading, const Terms& terms, const Pin& pin,
                                      std::uint64_t count);

  /// Up to `count` IDs of the reservation, at least one. Only if fresh(), or just after reserve()
  /// was ready.
  [[nodiscard]] Run take(std::uint64_t count) {
    const Run run{next_, std::min(count, (end_ - next_) / step_), step_};
    next_ += run.count * step_;
    return run;
  }

  /// Whether take() would give anything.
  [[nodiscard]] bool has_reservation() const { return next_ != end_; }

  /// Drops the reservation: the next ID is made under new terms.
  void forget() {
    end_ = next_;
    span_ = 0;
  }

  /// The last ID handed out in this session, if any.
  [[nodiscard]] std::optional<Id> last() const {
    return next_ == begin_ ? before_ : std::optional<Id>(next_ - step_);
  }

 private:
  template <typename Take>
  [[nodiscard]] Moment reserve_by(Take take, const Reading& reading, const Terms& terms);
  void heed_reset();
  [[nodiscard]] bool take_anywhere(Tick tick, std::uint64_t node, std::uint64_t count);
  [[nodiscard]] bool take_pinned(Tick tick, std::uint64_t node, const Pin& pin,
                                 std::uint64_t count);
  [[nodiscard]] unsigned first_worker(Tick tick, std::uint64_t count) const;
  [[nodiscard]] bool rises_with(unsigned worker, Tick tick, std::uint64_t node) const;
  [[nodiscard]] std::uint64_t next_share(Tick tick) const;
  [[nodiscard]] bool alone_on(unsigned worker) const;
  void adopt(Range range, Parts parts);
  void arm(const Reading& reading);

  // Read by every call: the IDs from next_ to end_ are ours, and their tick lasts `span_` cycles
  // from `start_`.
  Id next_ = 0;
  Id end_ = 0;
  Id step_ = 1;
  std::uint64_t start_ = 0;
  std::uint64_t span_ = 0;

  Id begin_ = 0;              // of the reservation: what lies in [begin_, next_) was handed out
  std::optional<Id> before_;  // the last ID handed out before the reservation
  Parts reserved_;            // what begin_ says
  std::uint64_t share_ = 0;   // how much was taken at once of a shared worker
  bool starved_ = false;      // the last tick was not enough for this session
  unsigned home_ = 0;
  unsigned cursor_ = 0;       // the worker of the reservation
  std::uint64_t resets_ = 0;  // of the space, when it was asked last
  Space* space_ = nullptr;
  const Layout* layout_ = nullptr;
  CycleMeter meter_;
};

}  // namespace snowflake
