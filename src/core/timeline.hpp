// The timeline: the time of all IDs of a server, whatever their layout or database. It makes one time that never falls
// out of a wall clock that may be set either way, with the time since boot as its witness.
//
// Guarantees:
//   - `latest`, the last millisecond used, only rises (but for reset()); an ID is made of no earlier one than what was
//     read before. So an ID made after another one was finished never has an earlier time, in whichever session.
//   - The time is at most as far ahead of the wall clock as that was set back, or as the floor makes necessary, and the
//     distance shrinks however many IDs are made: while it is ahead, the time runs at half speed.
//   - A wall clock that is far ahead for some seconds changes nothing, then or later.
//   - Every time read after raise_floor(f) has returned is later than f.
//
//     Timeline timeline;                       // in shared memory
//     timeline.begin(system_clocks);           // once
//     if (auto now = timeline.now(system_clocks)) ... make IDs of now->ms()
//
// How. time = max(believed wall clock, boot / 2 + line). The second is a straight line that runs at half speed; `line`,
// its height, is raised just so far that the time does not fall behind `latest`, and in normal times it lies far below.
//
// What is believed. `believed_offset` is wall clock less time since boot. Both run at one rate (NTP disciplines both),
// so the offset changes only when somebody sets the clock. A clock that is set back is believed at once: the line makes
// it harmless. A clock that leaps ahead by more than a second is believed once it has lasted; until then, the time is
// that since boot plus the offset known.
//
// Races. `latest_` and `line_` are moved by compare-and-swap from the value that was read before the clocks, else all
// is read anew. The words about the offset are not moved together: two sessions may disagree for a moment about what to
// believe. That makes a timestamp less true, and never an ID that was there before: it is cursors, floor and horizon
// that see to that.
//
// Limits: zeroed memory is none; begin() first. Standard layout, no pointers.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <optional>

#include "core/clock.hpp"
#include "core/layout.hpp"
#include "core/worker.hpp"

namespace snowflake {

/// Counts resets, and grants given back. What a session knows of one era says nothing in another.
using Era = std::uint64_t;

/// A time to make IDs of, and what was seen when it was read.
struct Instant {
  std::int64_t ns = 0;       ///< since 1970: the time
  std::uint64_t cycles = 0;  ///< the counter just before the clocks were read
  UnixMs floor = 0;          ///< make IDs of ticks that begin after it
  std::int64_t wall_ns = 0;  ///< the wall clock, as far as it is believed
  std::int64_t boot_ns = 0;  ///< the time since boot
  Era era = 0;
  bool set_back = false;  ///< the clock was set back, and the caller is the one who should say so
  UnixMs setback_ms = 0;  ///< by how much, then
  bool leapt = false;     ///< the same for a leap ahead that is not believed yet

  [[nodiscard]] constexpr UnixMs ms() const { return ns / ns_per_ms; }
  [[nodiscard]] constexpr UnixMs wall_ms() const { return wall_ns / ns_per_ms; }
  /// How far the time is ahead of the clock.
  [[nodiscard]] constexpr UnixMs ahead_ms() const {
    return ms() > wall_ms() ? ms() - wall_ms() : 0;
  }
  /// How long it takes until the time has moved on by that: at half speed, or until the clock has caught up.
  [[nodiscard]] constexpr std::int64_t real_ns(std::int64_t time_ns) const {
    return time_ns + std::min(time_ns, ns - wall_ns);
  }
};

/// How often the clock was set back since begin(), and by how much at most.
struct Setbacks {
  std::uint64_t count;
  UnixMs largest_ms;
};

inline constexpr UnixMs end_of_time = std::numeric_limits<UnixMs>::max();

class Timeline {
 public:
  /// A step up to here is no news: NTP makes such steps.
  static constexpr std::int64_t tolerance_ns = 10 * ns_per_ms;
  /// A leap ahead up to here is believed at once: it moves timestamps less than a restart may.
  static constexpr std::int64_t small_leap_ns = 1000 * ns_per_ms;
  /// A larger one when it has lasted so long.
  static constexpr std::int64_t lasting_ns = 30'000 * ns_per_ms;

  /// So far ahead, the time is left to a reset to itself: longer than any reservation lasts, and than restarts push it.
  static constexpr UnixMs harmless_ms = 5000;

  /// Begins a life of the server, with a clock that is believed.
  void begin(const Clocks& clocks);

  /// The time to make IDs of now. Nothing, while another session resets: ask again soon. A time later than `until` is
  /// none to use, and leaves nothing behind: a clock that is wrong does no harm that lasts.
  [[nodiscard]] std::optional<Instant> now(const Clocks& clocks, UnixMs until = end_of_time);

  /// All up to `floor` may have been used before this life.
  void raise_floor(UnixMs floor, const Clocks& clocks);

  /// From now on the time is later than `time`.
  void skip_past(UnixMs time, const Clocks& clocks);

  /// Goes back to the next full second of the wall clock, whatever was used later, and calls `forget(second)` when no
  /// session can read a time meanwhile. It does not go back if the time is hardly ahead of that second: what a clock
  /// that is right has passed is never used again, nor what sessions hold or made just now. A new era begins in any
  /// case, for the caller lowers the horizon. Says whether it went back.
  template <typename Forget>
  bool reset(const Clocks& clocks, Forget forget);

  /// Ends the era without going back, and says what was used last, be it before a reset. Whoever takes from a cursor, and
  /// then finds himself still in the era in which he read the time, has taken of a tick that begins no later. Nothing
  /// during a reset: ask again soon.
  [[nodiscard]] std::optional<UnixMs> end_era();

  [[nodiscard]] UnixMs latest() const { return latest_.load(std::memory_order_acquire); }
  [[nodiscard]] UnixMs floor() const { return floor_.load(std::memory_order_acquire); }
  /// Even, but for the moment of a reset.
  [[nodiscard]] Era era() const { return era_.load(std::memory_order_acquire); }
  /// In the one order of end_era(): for whoever asks after he has taken.
  [[nodiscard]] bool is_in(Era era) const { return era_.load(std::memory_order_seq_cst) == era; }
  [[nodiscard]] Setbacks setbacks() const;
  /// How far the clock was found to have leapt ahead, while that is not believed; else 0.
  [[nodiscard]] UnixMs leap_ms() const;

 private:
  struct Reading {
    Era era;
    UnixMs latest;
    std::int64_t line;
    std::uint64_t cycles;
    std::int64_t boot_ns;
    std::int64_t wall_ns;
    [[nodiscard]] std::int64_t offset() const { return wall_ns - boot_ns; }
    [[nodiscard]] std::int64_t slow_ns() const { return boot_ns / 2 + line; }
  };
  [[nodiscard]] Reading read(const Clocks& clocks) const;
  void watch(const Reading& reading, Instant& news);
  [[nodiscard]] std::int64_t believed_ns(const Reading& reading);
  [[nodiscard]] bool go_on_from_latest(const Reading& reading);
  void count_setback(UnixMs distance);

  alignas(cache_line) std::atomic<UnixMs> latest_ = 0;
  alignas(cache_line) std::atomic<Era> era_ = 0;
  std::atomic<UnixMs> floor_ = 0;
  std::atomic<UnixMs> reset_from_ = 0;  // the latest that was used before a reset; only rises
  std::atomic<std::int64_t> line_ = 0;
  std::atomic<std::int64_t> believed_offset_ = 0;
  std::atomic<std::int64_t> seen_offset_ = 0;    // the last that differed; see counted()
  std::atomic<std::int64_t> seen_since_ns_ = 0;  // time since boot
  std::atomic<std::uint64_t> setback_count_ = 0;
  std::atomic<UnixMs> largest_setback_ = 0;

  static_assert(std::atomic<std::int64_t>::is_always_lock_free);
};

// Readers look at the era before and after: odd or changed, what they read between is worth nothing. Those who read
// before it cannot undo it either: they compare-and-swap from a `latest` and a line that are gone.
template <typename Forget>
bool Timeline::reset(const Clocks& clocks, Forget forget) {
  constexpr UnixMs second = 1000;
  Era before = era();
  if (before % 2 != 0 || !era_.compare_exchange_strong(before, before + 1)) return false;
  const std::int64_t boot_ns = clocks.boot_ns();
  const std::int64_t wall_ns = clocks.wall_ns();
  const UnixMs begin = (wall_ns / ns_per_ms / second + 1) * second;
  const bool goes_back = latest() > begin + harmless_ms;
  if (goes_back) {
    line_.store(begin * ns_per_ms - boot_ns / 2);
    believed_offset_.store(wall_ns - boot_ns);
    seen_offset_.store(wall_ns - boot_ns);
    floor_.store(std::min(floor(), begin - 1));
    reset_from_.store(std::max(reset_from_.load(), latest_.exchange(begin)));
    forget(begin);
  }
  era_.store(before + 2);
  return goes_back;
}

}  // namespace snowflake
