// snowflake_backfill(table, column, time_expression): gives rows that have no ID one of the time at which they were made, in batches
// that commit.
//
//     CALL snowflake_backfill('orders', 'new_id', 'created_at');
//     CALL snowflake_backfill('posts', 'new_id', 'coalesce(published_at, created_at)', layout => 'discord', batch => 500);
//
// Invariants:
//   - Unique. (a) An ID is one that no generator makes, at any time (core/backfill.hpp): so it does not matter which IDs
//     others have reserved, stored, not committed yet, or will make. (b) A plan's IDs rise. (c) A plan leaves out what the
//     column has already: what it is that earlier calls gave. (d) One session at a time fills a column: a lock of its own,
//     that nobody else takes. A plan is made under it, and is of no use without it. An ID is written only where there is
//     none, to the row of its key.
//   - In order of time, then of the key: that of a plan (backfill_plan.hpp), which goes on where an earlier one ended. So
//     it does not matter where a call was killed, or which rows were locked.
//   - Nothing is left behind: what is done is what the column says. There is no other state, but for temporary files.
//   - Nobody waits for it for longer than a batch: it locks rows, those of a batch, and waits for none while it holds one.
//     (Rows that stay locked are waited for one by one, at the end.) So it is part of no deadlock.
//   - What runs of the table's owner, runs as the table's owner (owner.hpp); so does the caller's expression.
//
// How: the plan (backfill_plan.hpp) is a cursor that outlives transactions; each batch is one UPDATE.
//
// Limits: what is done is seen in pg_stat_activity. A row whose time changes meanwhile has an ID of the time that it had.
#include "core/backfill.hpp"

#include "pg/backfill_plan.hpp"
#include "pg/backfill_table.hpp"
#include "pg/default_layout.hpp"
#include "pg/errors.hpp"
#include "pg/layout.hpp"
#include "pg/node.hpp"
#include "pg/owner.hpp"
#include "pg/postgres.hpp"
#include "pg/spi_rows.hpp"
#include "pg/wait.hpp"

namespace snowflake::pg {
namespace {

constexpr const char* batch_name = "snowflake_backfill_batch";

enum Argument { relation, column, time_expression, layout, batch, shard };

// --- Arguments ---

void refuse_argument(const char* problem, const char* hint) {
  ereport(ERROR,
          (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s", problem), errhint("%s", hint)));
}

void refuse_null(FunctionCallInfo fcinfo) {
  constexpr const char* names[] = {"relation", "id_column", "time_expression", "layout", "batch"};
  for (int argument = relation; argument <= batch; ++argument)
    if (PG_ARGISNULL(argument))
      ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                      errmsg("%s must not be NULL", names[argument])));
}

int batch_argument(FunctionCallInfo fcinfo) {
  const int rows = PG_GETARG_INT32(batch);
  if (rows < 1 || rows > 100000)
    refuse_argument("batch is out of range", "It is a number of rows, from 1 to 100000.");
  return rows;
}

void check_layout(const Layout& layout) {
  check_can_make(layout);
  if (!leaves_numbers_free(layout))
    refuse_argument("the layout has no sequence numbers that are left free",
                    "Take one whose sequence has 10 bits or more.");
}

std::uint64_t shard_argument(FunctionCallInfo fcinfo, const Layout& layout) {
  if (PG_ARGISNULL(shard) && layout.shard.present())
    refuse_argument("the layout has a shard", "Say which: shard => 5.");
  return PG_ARGISNULL(shard) ? 0
                             : checked_part("shard", PG_GETARG_INT32(shard), layout.shard.max());
}

/// The number of this server: so IDs of servers that each have a part of a table differ.
std::uint64_t node_of(const Layout& layout) {
  const Grant grant = current_grant(layout);
  if (grant.is_empty()) raise_no_node_number();
  return grant.node;
}

BackfillJob job_of(FunctionCallInfo fcinfo) {
  refuse_null(fcinfo);
  BackfillJob job{.table = PG_GETARG_OID(relation),
                  .column = pstrdup(NameStr(*PG_GETARG_NAME(column))),
                  .time = text_to_cstring(PG_GETARG_TEXT_PP(time_expression)),
                  .layout = layout_argument(fcinfo, layout),
                  .batch = batch_argument(fcinfo),
                  .maker = {}};
  check_layout(job.layout);
  job.maker = {.node = node_of(job.layout), .shard = shard_argument(fcinfo, job.layout)};
  return job;
}

// --- Transactions ---

void connect(FunctionCallInfo fcinfo) {
  const bool may_commit = fcinfo->context != nullptr && IsA(fcinfo->context, CallContext) &&
                          !castNode(CallContext, fcinfo->context)->atomic;
  if (!may_commit)
    ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
                    errmsg("snowflake_backfill() cannot run in a transaction block"),
                    errdetail("It commits after each batch."),
                    errhint("CALL it by itself, outside of BEGIN and of functions.")));
  if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
}

/// The next transaction sees what others have committed meanwhile, whatever default_transaction_isolation says.
void begin_transaction() {
  SPI_start_transaction();  // until the minor releases of 2022 SPI_commit() did not
  XactIsoLevel = XACT_READ_COMMITTED;
}

void commit() {
  SPI_commit();
  begin_transaction();
}

/// Ends with the session, and at an error. Nobody else takes such a lock of a column.
LOCKTAG lock_of(const BackfillJob& job) {
  LOCKTAG tag;
  SET_LOCKTAG_OBJECT(tag, MyDatabaseId, RelationRelationId, job.table,
                     static_cast<uint16>(job.column_number));
  return tag;
}

void lock_column(const BackfillJob& job) {
  const LOCKTAG tag = lock_of(job);
  if (LockAcquire(&tag, ExclusiveLock, true, true) == LOCKACQUIRE_NOT_AVAIL)
    ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
                    errmsg("column \"%s\" of table \"%s\" is being filled", job.column,
                           get_rel_name(job.table)),
                    errdetail("Another session is at it.")));
}

void unlock_column(const BackfillJob& job) {
  const LOCKTAG tag = lock_of(job);
  LockRelease(&tag, ExclusiveLock, true);
}

/// Locked until the end of the transaction, with the same column as before.
BackfillTable lock_table(BackfillJob& job) {
  lock_own(job.table, RowExclusiveLock);
  refuse_temporary(job.table);
  BackfillTable of = backfill_table(job.table, job.column);
  if (job.column_number == InvalidAttrNumber) job.column_number = of.column_number;
  if (job.column_number != of.column_number)
    ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
                    errmsg("column \"%s\" of table \"%s\" is another one meanwhile", job.column,
                           get_rel_name(job.table)),
                    errhint("CALL it again.")));
  return of;
}

/// As far as one can tell, for a default may call anything.
void check_default(const BackfillJob& job, const FmgrInfo* caller) {
  const std::optional<Layout> layout = layout_of_default(job.table, job.column_number, caller);
  if (!layout || *layout == job.layout) return;
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                  errmsg("the default of column \"%s\" makes IDs of another layout", job.column),
                  errdetail("It is %s.", label_of(*layout)),
                  errhint("Name it: layout => '%s'.", label_of(*layout))));
}

// --- The batches ---

/// Each row by its key: a plan that reads the table would be as good for large batches only, and depend on statistics.
void set_for_batch() {
  for (const char* name : {"enable_seqscan", "enable_hashjoin", "enable_mergejoin", "jit"})
    set_config_option(name, "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/// The number that the statement says.
std::uint64_t run_as_owner(const BackfillJob& job, const char* statement) {
  const Rights before = begin_as_owner(job.table);
  set_for_batch();
  // Triggers that are deferred would fire at commit, as the caller.
  if (SPI_execute("SET CONSTRAINTS ALL IMMEDIATE", false, 0) != SPI_OK_UTILITY ||
      SPI_execute(statement, false, 0) != SPI_OK_SELECT)
    elog(ERROR, "could not run: %s", statement);
  end_as_owner(before);
  return static_cast<std::uint64_t>(*value_in(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1));
}

/// How many rows got their ID.
std::uint64_t fill(BackfillJob& job, SPITupleTable* rows, std::uint64_t count, bool skips_locked) {
  const BackfillTable of = lock_table(job);
  NamedRows named(batch_name, rows->tupdesc);
  for (std::uint64_t i = 0; i < count; ++i) named.add(rows->vals[i]);
  named.begin(static_cast<double>(count));
  const std::uint64_t filled = run_as_owner(job, update_of(of, batch_name, skips_locked));
  named.end();
  return filled;
}

/// In pg_stat_activity, as autovacuum does.
void show(const BackfillJob& job, std::uint64_t done, std::uint64_t all) {
  char text[3 * NAMEDATALEN + 80];
  snprintf(text, sizeof text, "CALL snowflake_backfill: %s, %llu of %llu rows",
           qualified_name(job.table), static_cast<unsigned long long>(done),
           static_cast<unsigned long long>(all));
  pgstat_report_activity(STATE_RUNNING, text);
}

/// All rows of a plan, but for those that are locked or gone: how many got their ID.
std::uint64_t carry_out(BackfillJob& job, const BackfillPlan& plan, bool skips_locked) {
  std::uint64_t filled = 0;
  std::uint64_t seen = 0;
  for (;;) {
    CHECK_FOR_INTERRUPTS();
    end_with_postmaster();
    show(job, seen, plan.count);
    SPI_cursor_fetch(plan.rows, true, skips_locked ? job.batch : 1);
    SPITupleTable* rows = SPI_tuptable;
    const std::uint64_t count = SPI_processed;
    if (count > 0) filled += fill(job, rows, count, skips_locked);
    SPI_freetuptable(rows);
    if (count == 0) return filled;
    seen += count;
    commit();
  }
}

void raise_stuck(const BackfillJob& job) {
  ereport(ERROR,
          (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
           errmsg("rows of table \"%s\" remain without an ID", get_rel_name(job.table)),
           errhint("Look for a trigger that keeps column \"%s\" from being written.", job.column)));
}

/// Rows that were locked, or came meanwhile, are of the next plan. Nothing done twice in a row: those that are locked
/// stay so, and are waited for one by one, with no other row locked.
std::uint64_t fill_all(BackfillJob& job) {
  std::uint64_t filled = 0;
  for (int idle = 0;;) {
    const BackfillPlan plan = plan_backfill(job, lock_table(job));
    commit();
    if (plan.count == 0) return filled;
    const std::uint64_t now = carry_out(job, plan, idle == 0);
    end_plan(plan);
    filled += now;
    idle = now > 0 ? 0 : idle + 1;
    if (idle > 2) raise_stuck(job);
  }
}

}  // namespace

SNOWFLAKE_SQL_FUNCTION(snowflake_backfill) {
  connect(fcinfo);
  BackfillJob job = job_of(fcinfo);
  begin_transaction();
  (void)lock_table(job);
  lock_column(job);
  check_default(job, fcinfo->flinfo);
  const std::uint64_t filled = fill_all(job);
  unlock_column(job);
  ereport(NOTICE, (errmsg("%llu rows of table \"%s\" were given an ID",
                          static_cast<unsigned long long>(filled), get_rel_name(job.table))));
  SPI_finish();
  PG_RETURN_VOID();
}

}  // namespace snowflake::pg
