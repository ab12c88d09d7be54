// A space: the shared words of one layout on one server. All IDs of that layout come out of it,
// whatever the database.
//
// Guarantees, for `latest`, the last tick that any session has used:
//   - It only rises. A session takes IDs of no other tick than the `latest` it read, so that an ID
//   made after another
//     one was finished never has an earlier time, even if the clock was set back in between.
//   - It is never further ahead of the wall clock than the clock was set back (`setback`), but for
//   the tolerance.
//
//     const Reading reading = space.read(layout, wall_clock_ns);
//     const Moment moment = space.now(reading, limits);
//     if (moment.outcome == Outcome::ready) ... take IDs of moment.tick from space.worker(i)
//     else if nothing is left of that tick: space.move_on(moment.tick, reading)
//
// A clock behind `latest` by no more than the tolerance is waited for (`latest` stays where it is;
// what is left of its tick may be used). Further back, the distance is recorded as the setback and
// `latest` moves on, tick by tick as they are spent, as long as it stays within the setback of the
// clock: no faster than real time.
//
// Limits: standard layout, no pointers: it may lie in shared memory at different addresses; zeroed
// memory is a new one.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "core/layout.hpp"
#include "core/worker.hpp"

namespace snowflake {

enum class Outcome {
  ready,
  wait,               ///< all is spent until the clock moves on
  beyond_horizon,     ///< the tick is past Terms::horizon, which has to be moved on first
  before_epoch,       ///< the clock says a time before the layout's epoch
  out_of_time,        ///< the layout's timestamps are used up
  clock_too_far_back  ///< further than Limits::max_drift
};

/// What a session saw, in this order: what was used, then what the clock said. Hence a wall clock
/// below `latest` has gone back; it is not just that others were faster.
struct Reading {
  Tick latest;
  std::uint64_t cycles;  ///< the counter just before the wall clock was read
  Tick wall;
  std::int64_t left_ns;  ///< until the wall clock's tick ends; > 0
  Tick setback =
      0;  ///< as it was then: a session that lost the CPU since must not compare with a later one
};

/// How the clock may behave.
struct Limits {
  Tick max_drift;  ///< no IDs when the clock is found set back further than this
  Tick tolerance;  ///< up to here, a clock set back is waited for
  Tick last_tick;  ///< of the layout
};

/// A clock set back by up to 10 ms is waited for: NTP steps and virtual machines that resume cause
/// such steps, and a wait of that length harms nobody.
inline constexpr std::int64_t tolerance_ms = 10;

[[nodiscard]] constexpr Limits limits_of(const Layout& layout, Tick max_drift) {
  return {.max_drift = max_drift,
          .tolerance = std::max<Tick>(1, tolerance_ms / layout.unit_ms),
          .last_tick = layout.last_tick()};
}

struct Moment {
  Outcome outcome;
  Tick tick = 0;    ///< if ready: take IDs of this tick
  Tick behind = 0;  ///< how far the clock is behind `latest`
  bool set_back =
      false;  ///< the caller is the one who found that the clock was set back, and should say so
};

/// How often the clock was found set back since the space was made, and by how much at most.
struct Setbacks {
  std::uint64_t count;
  Tick largest;
};

class Space {
 public:
  static constexpr unsigned max_workers = 32;

  /// `wall_clock_ns`: nanoseconds since 1970-01-01 UTC.
  [[nodiscard]] Reading read(const Layout& layout, std::int64_t (*wall_clock_ns)()) const;

  /// Which tick to take IDs of. Raises `latest` to the wall clock, or deals with a clock that is
  /// behind it.
  [[nodiscard]] Moment now(const Reading& reading, const Limits& limits);

  /// `spent` has nothing left for the caller: moves on to the next tick if the clock allows. If
  /// not, wait.
  [[nodiscard]] bool move_on(Tick spent, const Reading& reading);

  /// Ticks up to `used` were used, by whatever left a trace of it (a horizon, an ID from
  /// elsewhere): IDs are made of later ones from now on. Refused as clock_too_far_back, with
  /// nothing changed, where that is too far ahead.
  [[nodiscard]] Moment observe(Tick used, const Reading& reading, const Limits& limits);

  /// Forgets all that is later than `wall`. May lead to duplicates of IDs made later than that; for
  /// an operator who knows that there are none. Sessions must forget what they know when resets()
  /// has changed.
  void reset(Tick wall, unsigned sequence_bits);

  [[nodiscard]] Tick latest() const { return latest_.load(std::memory_order_acquire); }
  [[nodiscard]] Tick setback() const { return setback_.load(std::memory_order_relaxed); }
  [[nodiscard]] Setbacks setbacks() const;
  [[nodiscard]] std::uint64_t resets() const { return resets_.load(std::memory_order_acquire); }
  [[nodiscard]] Worker& worker(unsigned number) { return workers_[number]; }

  /// The worker with the fewest tenants, of the first `workers`; the lowest of equals, for it has
  /// most above it.
  [[nodiscard]] unsigned emptiest_worker(unsigned workers) const;

 private:
  void clock_is_right_again();
  void clock_is_no_further_behind_than(Tick behind);
  [[nodiscard]] bool clock_was_set_back(Tick behind, Tick tolerance);

  alignas(cache_line) std::atomic<Tick> latest_ = 0;
  std::atomic<Tick> setback_ = 0;
  std::atomic<std::uint64_t> setback_count_ = 0;
  std::atomic<Tick> largest_setback_ = 0;
  std::atomic<std::uint64_t> resets_ = 0;
  Worker workers_[max_workers];

  static_assert(std::atomic<Tick>::is_always_lock_free);
};

}  // namespace snowflake
