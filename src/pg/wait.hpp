// Waiting in a way that users can see and end.
#pragma once

#include "core/layout.hpp"
#include "pg/postgres.hpp"

namespace snowflake::pg {

/// A session that goes on for long without the postmaster would keep a new one from starting.
inline void end_with_postmaster() {
  if (IsUnderPostmaster && !PostmasterIsAlive()) proc_exit(1);
}

/// Sleeps a millisecond at most, so that a cancel is answered at once.
inline void nap(std::int64_t ns, uint32 event) {
  CHECK_FOR_INTERRUPTS();
  end_with_postmaster();
  pgstat_report_wait_start(event);
  pg_usleep(static_cast<long>(std::min(std::max<std::int64_t>(ns, 0), ns_per_ms) / 1000 + 1));
  pgstat_report_wait_end();
}

/// For the clock: all IDs of this moment are spent, or those made before have to end.
inline void nap_for_clock(std::int64_t ns) {
  static const uint32 event = wait_event("SnowflakeIdClock");
  nap(ns, event);
}

/// For synchronous standbys, which have not confirmed the horizon yet.
inline void nap_for_standbys() {
  static const uint32 event = wait_event("SnowflakeIdHorizon");
  nap(ns_per_ms, event);
}

/// For a node number.
inline void nap_for_registry() {
  static const uint32 event = wait_event("SnowflakeIdRegistry");
  nap(ns_per_ms, event);
}

/// For the rate limit of a generator. A wait may be long, and there may be many: so it is one sleep, and a latch ends it.
inline void nap_for_rate(std::int64_t ns) {
  static const uint32 event = wait_event("SnowflakeIdRate");
  CHECK_FOR_INTERRUPTS();
  (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
                  static_cast<long>(ns / ns_per_ms + 1), event);
  ResetLatch(MyLatch);
  CHECK_FOR_INTERRUPTS();
}

/// Naps for as long as that, whatever the clocks say.
inline void rest(std::int64_t ns, std::int64_t (*boot_ns)()) {
  for (const std::int64_t end = boot_ns() + ns; boot_ns() < end;) nap_for_clock(end - boot_ns());
}

}  // namespace snowflake::pg
