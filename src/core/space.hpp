// A space: the cursors from which the IDs of a layout are taken, and how a layout cuts a cursor's time into blocks.
//
// The standard layout has a space alone. All other layouts share a fixed number of them (Server): so any number of
// layouts may be in use, and using one takes nothing from anybody that could run out. Layouts that meet in a space share
// its time: that costs them numbers, never uniqueness.
//
//     constexpr Division division = division_of(standard_layout);
//     space.worker(3).take(division.request_at(now_ns));
//
// Guarantee: two ranges taken of one cursor for one layout have no sequence number of a tick in common.
//
// Limits: the cursors lie in shared memory, a space only says where, in this process.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/layout.hpp"
#include "core/worker.hpp"

namespace snowflake {

/// Times of which IDs are made lie before this: 43 bits of milliseconds, in 2248.
inline constexpr UnixMs end_of_making = UnixMs{1} << 43;

/// Units of which IDs are made, in milliseconds. (IDs are read of any unit.)
inline constexpr std::int32_t making_units[] = {1, 10, 100, 1000};
inline constexpr std::int32_t longest_making_unit_ms = 1000;

/// How many bits of a position are below the tick: what 64 bits leave.
[[nodiscard]] constexpr unsigned fraction_bits_of(std::int32_t unit_ms) {
  unsigned bits = 21;
  for (std::int32_t unit = unit_ms; unit >= 10; unit /= 10) bits += 3;
  return bits;
}

/// Whether IDs can be made of the layout: its ticks must be those of the cursors.
[[nodiscard]] constexpr bool can_make(const Layout& layout) {
  for (const std::int32_t unit : making_units)
    if (layout.unit_ms == unit) return layout.epoch_ms % unit == 0;
  return false;
}

/// A number whose bits all depend on all bits of the other one: the end of SplitMix64 (Steele, Lea, Flood 2014).
[[nodiscard]] constexpr std::uint64_t mixed(std::uint64_t number) {
  number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9;
  number = (number ^ number >> 27) * 0x94d049bb133111eb;
  return number ^ number >> 31;
}

/// How a layout of which IDs can be made cuts time into blocks. Ticks here are units since 1970.
struct Division {
  std::int32_t unit_ms;
  unsigned fraction_bits;
  unsigned block_bits;
  Tick epoch;  ///< the layout's tick 0

  [[nodiscard]] constexpr std::int64_t unit_ns() const { return unit_ms * ns_per_ms; }
  [[nodiscard]] constexpr Tick tick_at(std::int64_t unix_ns) const { return unix_ns / unit_ns(); }
  [[nodiscard]] constexpr UnixMs begin_ms(Tick tick) const { return tick * unit_ms; }

  /// How many sequence numbers of a tick are used: all, but of layouts whose sequence is very wide.
  [[nodiscard]] constexpr std::uint64_t capacity() const {
    return std::uint64_t{1} << (fraction_bits - block_bits);
  }

  [[nodiscard]] constexpr Position begin_of(Tick tick) const {
    return static_cast<Position>(tick) << fraction_bits;
  }
  [[nodiscard]] constexpr Position end_of(Tick tick) const { return begin_of(tick + 1); }

  /// The first sequence number that is used of a tick: below 64, and below a 64th of all, where there are a thousand. IDs
  /// that are made one in a tick would else all be 0 modulo 16, say, and an application that spreads rows by `id % 16`
  /// would put them in one place. The numbers below it are for old rows (backfill.hpp): never make one of them here.
  [[nodiscard]] constexpr std::uint64_t first_sequence(Tick tick) const {
    if (capacity() < 1024) return 0;
    return mixed(static_cast<std::uint64_t>(tick)) &
           (std::min<std::uint64_t>(capacity() / 64, 64) - 1);
  }

  /// Where the first block that is used begins.
  [[nodiscard]] constexpr Position first_of(Tick tick) const {
    return position_of(tick, first_sequence(tick));
  }

  /// The end of what may be taken at that time. A tick longer than a millisecond is released as it passes, block by
  /// block: nobody can take a second's IDs at its beginning, and leave others to wait for the next one.
  [[nodiscard]] constexpr Position released_at(std::int64_t unix_ns) const {
    const Tick tick = tick_at(unix_ns);
    if (unit_ms == 1) return end_of(tick);
    const auto passed_us = static_cast<Position>((unix_ns - tick * unit_ns()) / 1000);
    const std::uint64_t blocks = capacity() - first_sequence(tick);
    const std::uint64_t released = blocks * passed_us / static_cast<Position>(unit_ns() / 1000) + 1;
    return first_of(tick) + (released << block_bits);
  }

  [[nodiscard]] constexpr Position position_of(Tick tick, std::uint64_t sequence) const {
    return begin_of(tick) + (sequence << block_bits);
  }

  /// One block of what is released at that time.
  [[nodiscard]] constexpr Request request_at(std::int64_t unix_ns) const {
    return {.begin = first_of(tick_at(unix_ns)),
            .end = released_at(unix_ns),
            .block_bits = block_bits,
            .count = 1};
  }
};

[[nodiscard]] constexpr Division division_of(const Layout& layout) {
  const unsigned fraction_bits = fraction_bits_of(layout.unit_ms);
  const unsigned used = std::min<unsigned>(layout.sequence.width, fraction_bits);
  return {.unit_ms = layout.unit_ms,
          .fraction_bits = fraction_bits,
          .block_bits = fraction_bits - used,
          .epoch = layout.epoch_ms / layout.unit_ms};
}

/// How many cursors there are for a layout of that unit. A tick of a millisecond is spent before one can wait for it, so
/// that more cursors are more IDs; of longer ticks nobody wants more than four make.
[[nodiscard]] constexpr unsigned cursors_of(std::int32_t unit_ms) { return unit_ms == 1 ? 32 : 4; }

class Space {
 public:
  constexpr Space() = default;
  constexpr Space(Worker* workers, unsigned count) : workers_(workers), count_(count) {}

  [[nodiscard]] unsigned count() const { return count_; }
  [[nodiscard]] Worker& worker(unsigned number) const { return workers_[number]; }

  /// The worker with the fewest sessions, of the first `workers`; the lowest of equals, for it has most above it.
  [[nodiscard]] unsigned emptiest_worker(unsigned workers) const {
    unsigned emptiest = 0;
    for (unsigned number = 1; number < workers; ++number)
      if (workers_[number].sessions() < workers_[emptiest].sessions()) emptiest = number;
    return emptiest;
  }

  [[nodiscard]] constexpr bool operator==(const Space&) const = default;

 private:
  Worker* workers_ = nullptr;
  unsigned count_ = 0;
};

}  // namespace snowflake
