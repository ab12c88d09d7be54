// Shows in pg_stat_activity what a long call is at, as its wait event, and lets it be cancelled. PostgreSQL's own reports
// of progress know its own commands only.
//
//     Progress progress(scanning());
//     for (…) progress.step();
//     progress.end();
//
// Limits: reading from disk is shown as that while it lasts. Before PostgreSQL 17 all is shown as Extension.
#pragma once

#include "pg/postgres.hpp"

namespace snowflake::pg {

inline uint32 scanning() {
  static const uint32 event = wait_event("SnowflakeIdAnalyzeScan");
  return event;
}

inline uint32 sorting() {
  static const uint32 event = wait_event("SnowflakeIdAnalyzeSort");
  return event;
}

inline uint32 counting() {
  static const uint32 event = wait_event("SnowflakeIdAnalyzeCount");
  return event;
}

inline uint32 planning() {
  static const uint32 event = wait_event("SnowflakeIdBackfillPlan");
  return event;
}

class Progress {
 public:
  explicit Progress(uint32 event) : event_(event) { pgstat_report_wait_start(event_); }

  /// Now and then: whatever waited meanwhile has taken the event away.
  void step() {
    CHECK_FOR_INTERRUPTS();
    if (++steps_ % 1024 == 0) pgstat_report_wait_start(event_);
  }

  /// An error ends it as well.
  void end() { pgstat_report_wait_end(); }

 private:
  uint32 event_;
  uint32 steps_ = 0;
};

}  // namespace snowflake::pg
