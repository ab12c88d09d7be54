// Ranges of time as ranges of IDs: which IDs of a layout were made from one time on and before another.
//
//     first_id(layout, from) <= id && id <= last_id(layout, to)   // from <= time of id < to
//
// Guarantee: for every ID of the layout that says the same as comparing its time, which is the first instant of its tick.
// Times outside of the layout's are as good as its ends.
//
// Limits: the largest ID of all is counted in where a range begins after the layout's end, for no number is larger.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "core/layout.hpp"

namespace snowflake {

/// Microseconds since 1970.
using UnixUs = std::int64_t;

/// What every ID is at least, and at most: no bound.
inline constexpr std::int64_t no_first_id = std::numeric_limits<std::int64_t>::min();
inline constexpr std::int64_t no_last_id = std::numeric_limits<std::int64_t>::max();

/// The first tick that does not begin before that time; one past the last if there is none.
[[nodiscard]] constexpr Tick first_tick(const Layout& layout, UnixUs time) {
  const UnixMs ms = time / 1000 + (time % 1000 > 0);
  const Tick tick = layout.tick_at(ms);
  const Tick rounded_up = layout.time_at(tick) < ms ? tick + 1 : tick;
  return std::clamp<Tick>(rounded_up, 0, layout.last_tick() + 1);
}

/// The smallest ID of a tick, or what is larger than all IDs.
[[nodiscard]] constexpr Id first_id_of(const Layout& layout, Tick tick) {
  return static_cast<Id>(tick) << layout.timestamp.shift;
}

/// The smallest ID whose time is not before `from`.
[[nodiscard]] constexpr std::int64_t first_id(const Layout& layout, UnixUs from) {
  const Id first = first_id_of(layout, first_tick(layout, from));
  return static_cast<std::int64_t>(std::min<Id>(first, no_last_id));
}

/// The largest ID whose time is before `to`; -1 if there is none.
[[nodiscard]] constexpr std::int64_t last_id(const Layout& layout, UnixUs to) {
  return static_cast<std::int64_t>(first_id_of(layout, first_tick(layout, to)) - 1);
}

}  // namespace snowflake
