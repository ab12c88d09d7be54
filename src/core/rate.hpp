// A rate limit: so many IDs a second, handed out by all sessions together. The state is one number, the moment up to
// which IDs were allowed.
//
//     const std::int64_t wait = take_turn(allowed_until_ns, boot_clock_ns(), count, 1000);
//     if (wait > 0) …                                       // sleep for so long, and ask again
//
// Guarantees: in any t seconds at most limit × (t + 0.1) + 1 IDs are allowed; and as many as limit × t where somebody
// who wants one is back within 80 ms, so that a late wakeup loses nothing.
//
// Nobody queues: who was refused leaves no trace. So a call that is cancelled costs nobody anything, and the state of a
// generator that rested for 80 ms is that of one that was never used.
//
// Limits: the caller sees to it that one session at a time changes the state. Time in nanoseconds, of a clock that is
// never set.
#pragma once

#include <algorithm>
#include <cstdint>

namespace snowflake {

inline constexpr std::uint32_t most_ids_per_second = 10'000'000;
inline constexpr std::int64_t rate_burst_ns = 80'000'000;

/// How many of `count` (> 0) IDs to ask for at once: those of a 50th of a second, at least one.
[[nodiscard]] constexpr std::uint64_t ids_of_turn(std::uint64_t count, std::uint32_t per_second) {
  return std::clamp<std::uint64_t>(per_second / 50, 1, count);
}

/// 0 if `count` IDs may be made now; else for how long to wait before asking again. `count` is one of ids_of_turn().
[[nodiscard]] constexpr std::int64_t take_turn(std::int64_t& allowed_until_ns, std::int64_t now_ns,
                                               std::uint64_t count, std::uint32_t per_second) {
  const std::int64_t begin = std::max(allowed_until_ns, now_ns - rate_burst_ns);
  if (begin > now_ns) return begin - now_ns;
  const std::uint64_t takes_ns = (count * 1'000'000'000 + per_second - 1) / per_second;
  allowed_until_ns = begin + static_cast<std::int64_t>(takes_ns);
  return 0;
}

/// Whether the state says no more than none.
[[nodiscard]] constexpr bool is_rested(std::int64_t allowed_until_ns, std::int64_t now_ns) {
  return allowed_until_ns <= now_ns - rate_burst_ns;
}

}  // namespace snowflake
