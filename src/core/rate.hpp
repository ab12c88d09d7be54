// A rate limit: so many IDs a second, handed out by all sessions together. The state is one number, the moment up to
// which IDs were allowed.
//
//     const std::int64_t wait = take_turn(allowed_until_ns, boot_clock_ns(), count, 1000);
//     if (wait > 0) …                                       // sleep for so long, and ask again
//     credit = Credit(count, boot_clock_ns());              // these may be handed out now
//
// Guarantees: in any t seconds at most limit × (t + 0.1) + 1 IDs are allowed; and as many as limit × t where somebody
// who wants one is back within 80 ms, so that a late wakeup loses nothing. What is allowed is handed out within 80 ms,
// or not at all.
//
// Nobody queues: who was refused leaves no trace. So a call that is cancelled costs nobody anything, and the state of a
// generator that rested for 80 ms is that of one that was never used.
//
// The state need not survive anything: whatever number it is, it holds nobody up for longer than two seconds.
//
// Limits: the caller sees to it that one session at a time changes the state, and reads the clock meanwhile. Time in
// nanoseconds, of a clock that is never set.
#pragma once

#include <algorithm>
#include <cstdint>

namespace snowflake {

inline constexpr std::uint32_t most_ids_per_second = 10'000'000;
inline constexpr std::int64_t rate_burst_ns = 80'000'000;

/// For how long to sleep at least before asking again: so that many sessions that wait take little CPU.
inline constexpr std::int64_t shortest_rate_nap_ns = 10'000'000;

/// A state further ahead was left behind by no call: it is of another boot, or of another machine.
inline constexpr std::int64_t furthest_turn_ns = 2'000'000'000;

/// How many of `count` (> 0) IDs to ask for at once: those of a 50th of a second, at least one.
[[nodiscard]] constexpr std::uint64_t ids_of_turn(std::uint64_t count, std::uint32_t per_second) {
  return std::clamp<std::uint64_t>(per_second / 50, 1, count);
}

/// 0 if `count` IDs may be made now; else for how long to wait before asking again. `count` is one of ids_of_turn().
[[nodiscard]] constexpr std::int64_t take_turn(std::int64_t& allowed_until_ns, std::int64_t now_ns,
                                               std::uint64_t count, std::uint32_t per_second) {
  const bool means_something = allowed_until_ns <= now_ns + furthest_turn_ns;
  const std::int64_t rested = now_ns - rate_burst_ns;
  const std::int64_t begin = means_something ? std::max(allowed_until_ns, rested) : rested;
  if (begin > now_ns) return begin - now_ns;
  const std::uint64_t takes_ns = (count * 1'000'000'000 + per_second - 1) / per_second;
  allowed_until_ns = begin + static_cast<std::int64_t>(takes_ns);
  return 0;
}

/// IDs that a session was allowed and has not handed out yet. What a call that failed has left is for the next one; but
/// it lapses, so that nobody gathers it.
class Credit {
 public:
  constexpr Credit() = default;
  constexpr Credit(std::uint64_t ids, std::int64_t now_ns) : ids_(ids), since_ns_(now_ns) {}

  [[nodiscard]] constexpr bool is_good(std::int64_t now_ns) const {
    return ids_ > 0 && now_ns - since_ns_ < rate_burst_ns;
  }
  [[nodiscard]] constexpr std::uint64_t ids() const { return ids_; }
  constexpr void spend(std::uint64_t ids) { ids_ -= ids; }

 private:
  std::uint64_t ids_ = 0;
  std::int64_t since_ns_ = 0;
};

}  // namespace snowflake
