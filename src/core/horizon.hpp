// How far ahead the horizon lies, and when it is worth moving.
//
// The horizon is a tick that is kept where a crash cannot reach it. No ID is made of a later tick;
// after a crash, IDs are made of later ticks only. So it has to be moved on, and made durable,
// before the clock reaches it; far enough ahead that this is seldom, and not further than a restart
// may push timestamps ahead of the clock.
//
//     if (past_margin(tick, horizon, layout)) {  // soon reached: somebody should move it
//       const Tick target = horizon_from(reading.wall, space.latest(), layout);
//       if (worth_moving(horizon, target, layout)) ...
//     }
//
// Normally it lies a window ahead of the clock. While the clock is behind `latest`, it lies a step
// ahead of `latest` where that is more: small, for every crash in such a time pushes the timestamps
// on by what is left of it.
#pragma once

#include <algorithm>

#include "core/layout.hpp"

namespace snowflake {

inline constexpr std::int64_t horizon_window_ms = 3000;
inline constexpr std::int64_t horizon_margin_ms = 1000;  ///< moved when it is nearer than that
inline constexpr std::int64_t horizon_step_ms = 500;

[[nodiscard]] constexpr Tick ticks_in(std::int64_t ms, const Layout& layout) {
  return std::max<Tick>(1, ms / layout.unit_ms);
}

/// Where the horizon should lie now. At least one tick past `latest`, but never past the end of the
/// layout's time.
[[nodiscard]] constexpr Tick horizon_from(Tick wall, Tick latest, const Layout& layout) {
  const Tick target = std::max(wall + ticks_in(horizon_window_ms, layout),
                               latest + ticks_in(horizon_step_ms, layout));
  return std::min(target, layout.last_tick());
}

/// Whether a session that works at `tick` comes near the horizon.
[[nodiscard]] constexpr bool past_margin(Tick tick, Tick horizon, const Layout& layout) {
  return tick + ticks_in(horizon_margin_ms, layout) > horizon;
}

/// Whether moving it there, ahead of need, gains enough for what it costs: a record of WAL.
[[nodiscard]] constexpr bool worth_moving(Tick horizon, Tick target, const Layout& layout) {
  return target - horizon >= ticks_in(horizon_step_ms / 2, layout);
}

}  // namespace snowflake
