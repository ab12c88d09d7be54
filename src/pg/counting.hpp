// Counts what a call waits for, and what it is refused, for the session that it makes IDs of.
//
//     count_for(session_);                                          // a call begins to reserve
//     CountedWait wait; … wait.during(Count::clock_waits, [&] { nap_for_clock(pause); });
//     count_for_nobody();
//
// Limits: an error that is no rejection, a cancel say, leaves it as it is; the next call begins anew.
#pragma once

#include <optional>

#include "core/clock.hpp"
#include "core/session.hpp"

namespace snowflake::pg {

/// From now on, what this backend does is counted for that session.
void count_for(Session& session);
void count_for_nobody();

/// Adds to what the session will report.
void count(Count what, std::uint64_t number = 1);

/// The same, and reports at once: for what may take long.
void count_now(Count what);

/// The same, for what ends in an error now.
void count_rejection(Count what);

/// A setback of the clock, as the session has noticed it.
void count_setback(UnixMs distance);

/// A call that waits, perhaps in many naps: it counts once for each thing that it waits for, when it begins to.
class CountedWait {
 public:
  template <typename Nap>
  void during(Count what, Nap nap) {
    if (what_ != what) count_now(what);
    what_ = what;
    const std::int64_t began = boot_clock_ns();
    nap();
    count(time_of(what), static_cast<std::uint64_t>(boot_clock_ns() - began));
  }

 private:
  static Count time_of(Count wait) { return static_cast<Count>(static_cast<int>(wait) + 1); }

  std::optional<Count> what_;
};

}  // namespace snowflake::pg
