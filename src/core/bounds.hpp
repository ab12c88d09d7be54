// What bounds the time of IDs, beside the clock: values in Unix milliseconds, the same for all layouts.
//
// The *floor* belongs to the server: all that may have been made before this life lies at or below it (Timeline keeps
// it). The *horizon* belongs to a database: a time that is kept where a crash cannot reach it. No ID is made of a later
// time; after a crash, only of later times. A tick may be used if it begins within the bounds:
//
//     floor < first millisecond of the tick <= horizon
//
// So the horizon has to be moved on, and made durable, before the time reaches it: far enough ahead that this is seldom
// and that a slow disk has time, and no further than a restart may push timestamps ahead of the clock.
//
//     if (near(horizon, now)) ... write horizon_for(now); rely on it when it is durable
//
// While the time is ahead of the clock, the horizon lies a step ahead of the time where that is more: small, for every
// crash in such a time pushes the timestamps on by what is left of it.
#pragma once

#include <algorithm>

#include "core/layout.hpp"
#include "core/timeline.hpp"

namespace snowflake {

struct Bounds {
  UnixMs floor;
  UnixMs horizon;
};

inline constexpr UnixMs horizon_window_ms = 3000;
inline constexpr UnixMs horizon_margin_ms = 2000;  ///< moved when it is nearer than that
inline constexpr UnixMs horizon_step_ms = 500;

/// Restarts push the time ahead of a right clock: by a window, and a little more if one follows the other. So far, and
/// further, is not the clock's fault and never an error.
inline constexpr UnixMs drift_of_restarts_ms = 60'000;

/// Where the horizon should lie now.
[[nodiscard]] constexpr UnixMs horizon_for(const Instant& now) {
  return std::max(now.wall_ms() + horizon_window_ms, now.ms() + horizon_step_ms);
}

/// Whether the horizon comes near, and moving it gains something.
[[nodiscard]] constexpr bool is_near(UnixMs horizon, const Instant& now) {
  return now.ms() + horizon_margin_ms > horizon &&
         horizon_for(now) - horizon >= horizon_step_ms / 2;
}

/// Whether the clock is further behind than the server allows.
[[nodiscard]] constexpr bool too_far_back(const Instant& now, UnixMs max_drift_ms) {
  return now.ahead_ms() > max_drift_ms + drift_of_restarts_ms;
}

}  // namespace snowflake
