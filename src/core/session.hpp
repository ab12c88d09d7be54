// A session: what one backend holds of a layout, and how it hands out IDs.
//
// Guarantees: no ID that any session of the server was given before; each ID larger than the one before it in this
// session; its time the current tick when it is handed out, as far as the cycle counter can tell.
//
//     Session session;
//     session.join(server, standard_layout);
//     if (Id id; session.next(id)) ...                               // nearly always
//     const std::optional<Instant> now = server.timeline.now(system_clocks);
//     switch (session.reserve(*now, {bounds, grant}, 1))             // about once a tick
//       case Outcome::ready: session.take(1)...
//       case Outcome::spent: sleep session.pause_ns(*now) and try again
//     session.leave();
//
// A session holds a *reservation*: IDs of one worker in one tick that nobody else will be given. While the tick lasts,
// an ID is next++: no atomic, no clock. When it is used up, the session goes on with a worker of a higher number in the
// same tick, so that IDs only rise; when no higher worker has any left, it has to wait.
//
// What it does is counted for those who run the server (statistics.hpp): never by next(), but where IDs are reserved.
//
// On a worker that others use too, a session takes no more than half of what it finds there in a millisecond: so a
// session that wants everything leaves something to those that want one.
//
// Limits: belongs to one thread. The server must outlive it. Units of the layout: can_make().
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>

#include "core/bounds.hpp"
#include "core/clock.hpp"
#include "core/grant.hpp"
#include "core/layout.hpp"
#include "core/server.hpp"

namespace snowflake {

/// `count` IDs: first, first + step, …
struct Run {
  Id first;
  std::uint64_t count;
  Id step;
};

/// Takes from given cursors instead of those of the session's choice, in their order, and one call after the other
/// instead of ahead: then IDs rise in the order of the calls of all sessions that pin the same.
struct Pin {
  unsigned first_cursor;
  unsigned last_cursor;
  std::uint64_t shard;  ///< must fit the layout
};

/// Under which terms a reservation is made.
struct Terms {
  Bounds bounds;
  Grant grant;  ///< read after the time; its node must fit the layout
};

enum class Outcome {
  ready,
  spent,           ///< nothing is left for this session at this moment: wait
  beyond_grant,    ///< the tick ends after the grant
  beyond_horizon,  ///< the tick begins past the horizon, which has to be moved on first
  before_epoch,    ///< the time is before the layout's epoch
  out_of_time      ///< the layout's timestamps are used up
};

class Session {
 public:
  /// How many workers a layout has here.
  [[nodiscard]] static unsigned workers_of(const Layout& layout) {
    return static_cast<unsigned>(
        std::min<std::uint64_t>(layout.worker.max() + 1, cursors_of(layout.unit_ms)));
  }

  /// How many of them, the lower ones, may be homes. The others are left to those who pin them, and to those who find
  /// all lower ones spent; what is taken of these is never given back.
  [[nodiscard]] static unsigned homes_of(const Layout& layout) {
    const unsigned workers = workers_of(layout);
    return workers == 1 ? 1 : workers - std::max(1U, workers / 4);
  }

  /// The pin of an ordered generator: one cursor; or several where that rises, and where a cursor that was found spent
  /// stays spent, which in ticks that are released as they pass it does not.
  [[nodiscard]] static Pin ordered_pin(const Layout& layout) {
    const unsigned last = workers_of(layout) - 1;
    const bool several = layout.worker.shift > layout.sequence.shift && layout.unit_ms == 1;
    return {.first_cursor = several ? std::min(homes_of(layout), last) : last,
            .last_cursor = last,
            .shard = 0};
  }

  /// How many IDs a node can make of a tick, with all the cursors that there are for the layout.
  [[nodiscard]] static std::uint64_t ids_of_tick(const Layout& layout) {
    const std::uint64_t cursors = std::max(layout.worker.max(), layout.shard.max()) + 1;
    return std::min<std::uint64_t>(cursors, cursors_of(layout.unit_ms)) *
           division_of(layout).capacity();
  }

  /// Picks a home worker. Zeroed (static) sessions have not joined anything and hand out nothing.
  void join(Server& server, const Layout& layout);

  /// Gives back what is left of the reservation and moves out. Harmless if it has not joined.
  void leave();

  [[nodiscard]] bool joined() const { return server_ != nullptr; }

  /// The next ID of the reservation, unless it is used up or its tick is over.
  [[nodiscard]] bool next(Id& id) {
    if (!fresh()) return false;
    id = next_;
    next_ += step_;
    return true;
  }

  /// The next ID of a pinned cursor, unless its tick is over or spent.
  [[nodiscard]] bool next_pinned(const Pin& pin, Id& id) {
    if (cycles() - start_ >= span_ || !is_latest(tick_)) return false;
    if (!take_pinned(tick_, pin, 1)) return false;
    id = next_;  // of one
    next_ = end_;
    return true;
  }

  /// Whether the reservation has IDs and its tick lasts. Never true on a CPU without a cycle counter: reserve() then
  /// keeps the reservation if it is still good.
  [[nodiscard]] bool fresh() const { return next_ != end_ && cycles() - start_ < span_; }

  /// Sees to it that there is a reservation of the current tick, if the outcome is ready. `count` (> 0): how many IDs
  /// are wanted, so that bulk takes more at once.
  [[nodiscard]] Outcome reserve(const Instant& now, const Terms& terms, std::uint64_t count);

  /// The same, of a pinned cursor and no more than `count`. What an earlier call left is dropped.
  [[nodiscard]] Outcome reserve_pinned(const Instant& now, const Terms& terms, const Pin& pin,
                                       std::uint64_t count);

  /// How long to wait after `spent`, in nanoseconds: until the tick is over, or more of it is released.
  [[nodiscard]] std::int64_t pause_ns(const Instant& now) const;

  /// Up to `count` IDs of the reservation, at least one. Only if fresh(), or just after reserve() was ready.
  [[nodiscard]] Run take(std::uint64_t count) {
    const Run run{next_, std::min(count, (end_ - next_) / step_), step_};
    next_ += run.count * step_;
    return run;
  }

  /// Drops the reservation: the next ID is made under new terms.
  void forget() {
    end_ = next_;
    span_ = 0;
    ends_tick_ = false;
  }

  /// Whether `spent` means that there is something left, which is left to others.
  [[nodiscard]] bool is_limited() const { return limited_; }

  /// What this session has done and not reported yet; whoever waits, or is rejected, on its behalf adds to it.
  [[nodiscard]] Tally& tally() { return tally_; }

  /// Adds it to the statistics of the server. Harmless if it has not joined.
  void report();

  /// The statistics of its layout. Only if it has joined.
  [[nodiscard]] LayoutStatistics& statistics() const { return *statistics_; }

  /// The last ID handed out in this session, if any.
  [[nodiscard]] std::optional<Id> last() const {
    return next_ == begin_ ? before_ : std::optional<Id>(next_ - step_);
  }
  void forget_last() { keep_last(std::nullopt); }

  /// Takes it for the last ID that was handed out: of the session that this one follows.
  void keep_last(std::optional<Id> last) {
    begin_ = next_;
    before_ = last;
  }

  /// Makes nothing more of the tick in which it has made IDs: so it is free to begin elsewhere in the next one.
  void skip_tick() {
    forget();
    node_ = no_node;
  }

 private:
  template <typename Take>
  [[nodiscard]] Outcome reserve_by(Take take, const Instant& now, const Terms& terms);
  [[nodiscard]] std::optional<Range> take_from(unsigned worker, std::uint64_t count);
  [[nodiscard]] bool take_anywhere(Tick tick, std::uint64_t node, std::uint64_t count);
  [[nodiscard]] bool take_pinned(Tick tick, const Pin& pin, std::uint64_t count);
  [[nodiscard]] bool has_reservation() const { return next_ != end_; }
  [[nodiscard]] unsigned step_bits() const { return layout_.sequence.shift; }
  [[nodiscard]] bool is_latest(Tick tick) const {
    const auto into = server_->timeline.latest() - division_.begin_ms(tick);
    return into >= 0 && into < division_.unit_ms;
  }
  [[nodiscard]] unsigned first_worker(Tick tick, std::uint64_t count) const;
  [[nodiscard]] bool rises_with(unsigned worker, Tick tick, std::uint64_t node) const;
  [[nodiscard]] std::uint64_t next_share(Tick tick) const;
  [[nodiscard]] bool alone_on(unsigned worker) const;
  [[nodiscard]] bool shares(unsigned worker) const;
  [[nodiscard]] std::optional<Range> take_share(unsigned worker, std::uint64_t count,
                                                std::uint64_t more);
  void adopt(Range range, unsigned worker, Tick tick, Parts parts);
  void count_handed_out();
  void count_use();
  void count_tick();

  static constexpr std::uint64_t no_node = std::numeric_limits<std::uint64_t>::max();

  // Read by every call: the IDs from next_ to end_ are ours, and their tick lasts `span_` cycles from `start_`.
  Id next_ = 0;
  Id end_ = 0;
  Id step_ = 1;
  std::uint64_t start_ = 0;
  std::uint64_t span_ = 0;

  Id begin_ = 0;              // of the reservation: what lies in [begin_, next_) was handed out
  std::optional<Id> before_;  // the last ID handed out before the reservation
  Tick tick_ = 0;             // of the reservation, in units since 1970
  std::uint64_t node_ = 0;    // of the reservation
  Request request_{};         // for what was released when the time was read last
  Era era_ = 0;               // when the time was read last
  UnixMs ms_ = 0;             // when the time was read last
  std::uint64_t share_ = 0;   // how much was taken at once of a shared worker
  bool starved_ = false;      // the last tick was not enough for this session
  unsigned home_ = 0;
  unsigned cursor_ = 0;  // the worker of the reservation

  // For the statistics.
  Tally tally_;
  Id counted_ = 0;                   // what lies in [counted_, next_) is not in the tally yet
  std::uint64_t ids_of_tick_ = 0;    // handed out of this tick
  std::uint64_t ids_of_cursor_ = 0;  // and of this worker
  bool ends_tick_ = false;           // the reservation has the last number of its worker's tick
  bool limited_ = false;

  // What this session may still take of a shared worker in this millisecond.
  struct Allowance {
    UnixMs ms = -1;
    unsigned worker = 0;
    std::uint64_t blocks = 0;
  };
  Allowance allowance_;

  Server* server_ = nullptr;
  LayoutStatistics* statistics_ = nullptr;
  Space space_;
  Layout layout_ = standard_layout;
  Division division_ = division_of(standard_layout);
  CycleMeter meter_;
};

}  // namespace snowflake
