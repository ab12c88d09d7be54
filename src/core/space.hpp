// A space: the cursors from which the IDs of a layout are taken, and how a layout cuts a cursor's time into blocks.
//
// The standard layout has a space alone. All other layouts share a fixed number of spaces, some for each unit: so any
// number of layouts may be in use, and using one takes nothing from anybody that could run out. Layouts that meet in a
// space share its time: that costs them numbers, never uniqueness.
//
//     constexpr Division division = division_of(standard_layout);
//     space.worker(3).take(division.request_at(now_ns));
//
// Guarantee: two ranges taken of one cursor for one layout have no sequence number of a tick in common.
//
// Limits: standard layout, no pointers: it may lie in shared memory at different addresses; zeroed memory is a new one.
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

  /// The end of what may be taken at that time. A tick longer than a millisecond is released as it passes, block by
  /// block: nobody can take a second's IDs at its beginning, and leave others to wait for the next one.
  [[nodiscard]] constexpr Position released_at(std::int64_t unix_ns) const {
    const Tick tick = tick_at(unix_ns);
    if (unit_ms == 1) return end_of(tick);
    const std::int64_t passed_us = (unix_ns - tick * unit_ns()) / 1000;
    const auto passed = (static_cast<Position>(passed_us) << fraction_bits) /
                        static_cast<Position>(unit_ns() / 1000);
    return begin_of(tick) + (((passed >> block_bits) + 1) << block_bits);
  }

  [[nodiscard]] constexpr Position position_of(Tick tick, std::uint64_t sequence) const {
    return begin_of(tick) + (sequence << block_bits);
  }

  /// One block of what is released at that time.
  [[nodiscard]] constexpr Request request_at(std::int64_t unix_ns) const {
    return {.begin = begin_of(tick_at(unix_ns)),
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

class Space {
 public:
  static constexpr unsigned max_workers = 32;

  [[nodiscard]] Worker& worker(unsigned number) { return workers_[number]; }

  /// The worker with the fewest tenants, of the first `workers`; the lowest of equals, for it has most above it.
  [[nodiscard]] unsigned emptiest_worker(unsigned workers) const {
    unsigned emptiest = 0;
    for (unsigned number = 1; number < workers; ++number)
      if (workers_[number].tenants() < workers_[emptiest].tenants()) emptiest = number;
    return emptiest;
  }

  /// For Server::reset().
  void reset(Position position) {
    for (Worker& worker : workers_) worker.reset(position);
  }

 private:
  Worker workers_[max_workers];
};

}  // namespace snowflake
