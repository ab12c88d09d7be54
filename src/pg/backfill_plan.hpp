// The plan of a backfill: which rows are to have an ID, and which.
//
//     BackfillPlan plan = plan_backfill(job, backfill_table(job.table, job.column));
//     commit();
//     SPI_cursor_fetch(plan.rows, true, 500);       // keys and IDs
//     end_plan(plan);
//
// Guarantees, of the lock that lets one session at a time fill a column: a plan's IDs rise, and the column has none of
// them. They are in order of the rows' times, then of the keys: a plan is made of all rows in that order, those with IDs
// of earlier calls included, and rows between them find the numbers that an earlier plan left there for them, for an ID
// depends on what comes before it only.
//
// How: a cursor that outlives transactions, as WITH HOLD. What is read of the table runs as its owner.
//
// Limits: as large as the keys and IDs of all rows without one; what exceeds maintenance_work_mem is in temporary files.
#pragma once

#include <cstdint>

#include "core/backfill.hpp"
#include "core/layout.hpp"
#include "pg/backfill_table.hpp"
#include "pg/postgres.hpp"

namespace snowflake::pg {

/// What is asked for.
struct BackfillJob {
  Oid table;
  const char* column;
  const char* time;
  Layout layout;
  int batch;
  Maker maker;
  AttrNumber column_number = InvalidAttrNumber;
};

/// Keys, times and the IDs that they are to have, in order.
struct BackfillPlan {
  Portal rows = nullptr;
  std::uint64_t count = 0;
};

/// No rows if there is nothing to do. 22004, 22008 or 54000 for a row that cannot have an ID of its time; a warning where
/// earlier calls gave IDs that are not in order any more.
[[nodiscard]] BackfillPlan plan_backfill(const BackfillJob& job, const BackfillTable& of);
void end_plan(const BackfillPlan& plan);

}  // namespace snowflake::pg
