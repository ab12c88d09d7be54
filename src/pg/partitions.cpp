// Partitions by time: snowflake_create_partitions() makes those that are missing up to some time ahead,
// snowflake_drop_partitions() drops those that are over. Both may be called as often as one likes.
//
//     SELECT snowflake_create_partitions('events', '1 day', '7 days');
//     SELECT snowflake_drop_partitions('events', '90 days');
//
// Guarantees: bounds are in UTC, whatever the session's TimeZone, and of the layout of the key's default unless another
// one is named. What is dropped depends on the clock and the bounds, not on rows, and is over by both layouts. Statements
// run with the rights of the table's owner, which the caller must have: so what they evaluate of the owner's (index
// expressions, constraints) does not run as a superuser that calls. Tables are found by OID; that the statements, which
// have names only, met the same ones is checked after them.
//
// Locks: a call that finds nothing to do holds ACCESS SHARE for a moment. To create takes SHARE UPDATE EXCLUSIVE on the
// table, which holds up neither reads nor writes, and ACCESS EXCLUSIVE on the default partition; to drop takes ACCESS
// EXCLUSIVE on the table. All are held until the end of the transaction.
//
// Limits: temporary tables are refused. A call creates 10000 partitions at most.
#include <algorithm>
#include <optional>
#include <span>

#include "core/gaps.hpp"
#include "core/periods.hpp"
#include "core/range.hpp"
#include "pg/default_layout.hpp"
#include "pg/layout.hpp"
#include "pg/owner.hpp"
#include "pg/partition_table.hpp"
#include "pg/postgres.hpp"
#include "pg/row.hpp"
#include "pg/time.hpp"

namespace snowflake::pg {
namespace {

constexpr int max_missing = 10000;

// --- Arguments ---

void refuse_argument(const char* problem, const char* hint) {
  ereport(ERROR,
          (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s", problem), errhint("%s", hint)));
}

/// 22023 unless it is months, or whole hours, and at most a century.
PeriodLength checked_length(const Interval& every) {
  constexpr const char* hint = "Such as 1 hour, 1 day, 7 days or 1 month.";
  const bool is_months = every.month != 0;
  if (is_months && (every.day != 0 || every.time != 0))
    refuse_argument("a partition's time is either months or hours and days", hint);
  if (every.month < 0 || every.month > 1200 || every.day < -36500 || every.day > 36500)
    refuse_argument("a partition's time is out of range", hint);
  if (is_months) return {.months = every.month};
  const std::int64_t us = us_in(every).value_or(0);
  if (us <= 0 || us % USECS_PER_HOUR != 0 || us > 36500 * static_cast<std::int64_t>(USECS_PER_DAY))
    refuse_argument("a partition's time must be whole hours, at most a century", hint);
  return {.hours = us / static_cast<std::int64_t>(USECS_PER_HOUR)};
}

/// Now, and an interval later or earlier, by the calendar in UTC: as a timestamp, which knows no time zone, a
/// timestamptz is the time in UTC.
TimestampTz shifted_now(PGFunction shift, const Interval* interval) {
  const TimestampTz now = GetCurrentTransactionStartTimestamp();
  return DatumGetTimestampTz(
      DirectFunctionCall2(shift, TimestampGetDatum(now), PointerGetDatum(interval)));
}

/// The last time that partitions must cover. 22023 unless it is now or later, and before the year 10000.
UnixMs checked_end(const Interval* ahead) {
  constexpr UnixMs year_10000 = 253'402'300'800'000;
  const TimestampTz end = shifted_now(timestamp_pl_interval, ahead);
  if (TIMESTAMP_NOT_FINITE(end) || end < GetCurrentTransactionStartTimestamp() ||
      unix_ms_of(end) >= year_10000)
    refuse_argument("ahead is out of range", "It says how far ahead there must be partitions.");
  return unix_ms_of(end);
}

TimestampTz checked_cut(const Interval* older_than) {
  const TimestampTz cut = shifted_now(timestamp_mi_interval, older_than);
  if (cut > GetCurrentTransactionStartTimestamp())
    refuse_argument("older_than must not be negative", "Partitions of the future are kept.");
  return cut;
}

bool has_null(FunctionCallInfo fcinfo, int arguments) {
  for (int argument = 0; argument < arguments; ++argument)
    if (PG_ARGISNULL(argument)) return true;
  return false;
}

/// That of the default of the table's key, as far as one can tell.
std::optional<Layout> layout_of_key(Oid table, const FmgrInfo* caller) {
  return layout_of_default(table, get_attnum(table, partitions_of(table).key), caller);
}

/// The argument if it is given, or else that of the default of the table's key, or else the standard one.
Layout layout_for(FunctionCallInfo fcinfo, int argument, Oid table) {
  if (!PG_ARGISNULL(argument)) return layout_argument(fcinfo, argument);
  return layout_of_key(table, fcinfo->flinfo).value_or(standard_layout);
}

// --- Statements ---

/// From now on with the rights of the table's owner, and SPI.
Rights begin_statements(Oid table) {
  const Rights before = begin_as_owner(table);
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
  return before;
}

void end_statements(const Rights& before) {
  SPI_finish();
  end_as_owner(before);
}

void run(const char* statement) {
  if (SPI_execute(statement, false, 0) != SPI_OK_UTILITY)
    elog(ERROR, "could not run: %s", statement);
}

/// Names of what was created or dropped, in the memory that lives as long as the call's rows.
struct Names {
  List* names = NIL;
  MemoryContext memory;

  void add(const char* name) {
    const MemoryContext before = MemoryContextSwitchTo(memory);
    names = lappend(names, pstrdup(name));
    MemoryContextSwitchTo(before);
  }
};

void raise_met_another(const char* name) {
  ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
                  errmsg("the name %s has changed its meaning meanwhile", name),
                  errhint("Call the function again.")));
}

// --- Creating ---

struct Missing {
  IdRange ids;
  UnixMs from;  ///< of the period
  bool is_whole_days;
};

/// Those of the periods from now to `end` that no partition has, as far as the layout goes.
List* missing_partitions(const IdPartitions& partitions, const PeriodLength& length, UnixMs end,
                         const Layout& layout) {
  List* missing = NIL;
  auto* taken = static_cast<IdRange*>(palloc((partitions.size + 1) * sizeof(IdRange)));
  for (std::size_t i = 0; i < partitions.size; ++i) taken[i] = partitions.of_range[i].ids;
  const std::span<const IdRange> ranges(taken, partitions.size);
  Period period = period_at(length, unix_ms_of(GetCurrentTransactionStartTimestamp()));
  for (; period.from <= end; period = period_at(length, period.to)) {
    CHECK_FOR_INTERRUPTS();
    const IdRange wanted{.first = first_id(layout, period.from * 1000),
                         .end = first_id(layout, period.to * 1000)};
    visit_gaps(wanted, ranges, [&](const IdRange& gap) {
      auto* next = static_cast<Missing*>(palloc(sizeof(Missing)));
      *next = {.ids = gap, .from = period.from, .is_whole_days = length.is_whole_days()};
      missing = lappend(missing, next);
    });
    if (list_length(missing) > max_missing)
      refuse_argument("more than 10000 partitions would be created", "Make fewer, larger ones.");
  }
  return missing;
}

/// p20261121, p20261121_13, or to the second where a gap begins within a period.
const char* stamp_of(const Missing& missing, const Layout& layout) {
  const TimestampTz begin = time_of_bound(missing.ids.first, layout);
  const UnixMs time = TIMESTAMP_NOT_FINITE(begin) ? missing.from : unix_ms_of(begin);
  const UtcText utc = utc_text(time);  // 2026-11-21T13:00:00.000Z
  const char* written = utc.text;
  const char* date = psprintf("p%.4s%.2s%.2s", written, written + 5, written + 8);
  if (time == missing.from && missing.is_whole_days) return date;
  if (time == missing.from) return psprintf("%s_%.2s", date, written + 11);
  return psprintf("%s_%.2s%.2s%.2s", date, written + 11, written + 14, written + 17);
}

bool is_taken(const char* name, Oid schema) {
  return OidIsValid(get_relname_relid(name, schema)) ||
         SearchSysCacheExists2(TYPENAMENSP, CStringGetDatum(name), ObjectIdGetDatum(schema));
}

/// The table's name and the stamp, of 63 bytes at most; with a number if there is something of that name.
const char* free_name(Oid table, const char* stamp) {
  const char* name = makeObjectName(get_rel_name(table), stamp, nullptr);
  for (int number = 2; is_taken(name, get_rel_namespace(table)); ++number) {
    CHECK_FOR_INTERRUPTS();
    name = makeObjectName(get_rel_name(table), stamp, psprintf("%d", number));
  }
  return name;
}

/// What CREATE TABLE … PARTITION OF takes over by itself, where LIKE does not.
const char* storage_clauses(const FormData_pg_class& table) {
  StringInfoData clauses;
  initStringInfo(&clauses);
  if (OidIsValid(table.relam))
    appendStringInfo(&clauses, " USING %s", quote_identifier(get_am_name(table.relam)));
  if (OidIsValid(table.reltablespace))
    appendStringInfo(&clauses, " TABLESPACE %s",
                     quote_identifier(get_tablespace_name(table.reltablespace)));
  return clauses.data;
}

std::int64_t column_of_row(int column, bool* is_null) {
  return DatumGetInt64(
      SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, is_null));
}

/// 23514 if the default partition has rows of the range. PostgreSQL would refuse as well, and not say which.
void refuse_rows_in_default(const IdPartitions& partitions, const IdRange& ids,
                            const Layout& layout, const char* name) {
  if (!OidIsValid(partitions.of_default)) return;
  const char* key = quote_identifier(partitions.key);
  const char* query = psprintf(
      "SELECT pg_catalog.count(*), pg_catalog.min(%s), pg_catalog.max(%s) FROM %s "
      "WHERE %s OPERATOR(pg_catalog.>=) $1 AND %s OPERATOR(pg_catalog.<) $2",
      key, key, qualified_name(partitions.of_default), key, key);
  Oid types[] = {INT8OID, INT8OID};
  Datum values[] = {Int64GetDatum(ids.first), Int64GetDatum(ids.end)};
  if (SPI_execute_with_args(query, 2, types, values, nullptr, false, 0) != SPI_OK_SELECT)
    elog(ERROR, "could not read the default partition");
  bool is_null = false;
  const std::int64_t rows = column_of_row(1, &is_null);
  if (rows == 0) return;
  const auto time_of = [&layout](std::int64_t id) {
    return utc_text(layout.time_at(id >> layout.timestamp.shift));
  };
  const UtcText first = time_of(column_of_row(2, &is_null));
  const UtcText last = time_of(column_of_row(3, &is_null));
  ereport(ERROR, (errcode(ERRCODE_CHECK_VIOLATION),
                  errmsg("the default partition \"%s\" has %lld rows of partition \"%s\"",
                         get_rel_name(partitions.of_default), static_cast<long long>(rows), name),
                  errdetail("Their times are from %s to %s.", first.text, last.text),
                  errhint("In one transaction: move them out of the default partition, create the "
                          "partitions, insert them again.")));
}

/// A table of its own first, which is attached: unlike PARTITION OF that lets reads and writes of the table go on.
void create_partition(Oid table, const Missing& missing, const Layout& layout,
                      const IdPartitions& partitions, Names& created) {
  const char* bare = free_name(table, stamp_of(missing, layout));
  refuse_rows_in_default(partitions, missing.ids, layout, bare);
  const Oid schema = get_rel_namespace(table);
  const char* name = quote_qualified_identifier(get_namespace_name(schema), bare);
  const char* parent = qualified_name(table);
  run(
      psprintf("CREATE TABLE %s (LIKE %s INCLUDING ALL EXCLUDING IDENTITY EXCLUDING INDEXES "
               "EXCLUDING STATISTICS EXCLUDING COMMENTS)%s",
               name, parent, storage_clauses(class_of(table))));
  run(psprintf("ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%lld) TO (%lld)", parent, name,
               static_cast<long long>(missing.ids.first), static_cast<long long>(missing.ids.end)));
  const Oid partition = get_relname_relid(bare, schema);
  if (!OidIsValid(partition) || !is_partition_of(partition, table)) raise_met_another(name);
  created.add(name);
}

/// Told, for rows of all times to come go into one partition then.
void warn_of_endless(const IdPartitions& partitions) {
  if (partitions.size == 0) return;
  const IdPartition& last = partitions.of_range[partitions.size - 1];
  if (last.ids.end != IdRange{}.end) return;
  ereport(WARNING,
          (errmsg("partition \"%s\" takes all times to come: none is created after its beginning",
                  get_rel_name(last.relation)),
           errhint("Detach it, and attach it with an upper bound.")));
}

void create_partitions(FunctionCallInfo fcinfo, Names& created) {
  if (has_null(fcinfo, 3)) return;
  const Oid table = PG_GETARG_OID(0);
  const PeriodLength length = checked_length(*PG_GETARG_INTERVAL_P(1));
  const UnixMs end = checked_end(PG_GETARG_INTERVAL_P(2));
  lock_own(table, AccessShareLock);
  refuse_temporary(table);
  const Layout layout = layout_for(fcinfo, 3, table);
  (void)tick_of(GetCurrentTransactionStartTimestamp(), layout);  // 22008 if its time is over
  warn_of_endless(partitions_of(table));
  if (missing_partitions(partitions_of(table), length, end, layout) == NIL) return;
  lock_own(table, ShareUpdateExclusiveLock);
  const IdPartitions partitions = partitions_of(table);
  List* missing = missing_partitions(partitions, length, end, layout);
  const Rights before = begin_statements(table);
  ListCell* cell = nullptr;
  foreach (cell, missing)
    create_partition(table, *static_cast<Missing*>(lfirst(cell)), layout, partitions, created);
  end_statements(before);
}

// --- Dropping ---

/// Of partitions with a beginning; IDs below 0 have no time.
bool is_over(const IdPartition& partition, std::int64_t first_kept) {
  return partition.ids.first >= 0 && partition.ids.end <= first_kept;
}

/// By both layouts, the one that is given and that of the key's default: with a wrong one, those of today may look old.
std::int64_t first_kept_id(const Layout& layout, TimestampTz cut, Oid table,
                           const FmgrInfo* caller) {
  const Layout other = layout_of_key(table, caller).value_or(layout);
  return std::min(first_id(layout, unix_us_of(cut)), first_id(other, unix_us_of(cut)));
}

bool has_over(const IdPartitions& partitions, std::int64_t first_kept) {
  for (const IdPartition& partition : partitions)
    if (is_over(partition, first_kept)) return true;
  return false;
}

/// A clock that leapt ahead, or the wrong layout, would make all of them old.
void refuse_without_present(const IdPartitions& partitions, Oid table, const Layout& layout) {
  const std::int64_t now = first_id(layout, unix_us_of(GetCurrentTransactionStartTimestamp()));
  for (const IdPartition& partition : partitions)
    if (partition.ids.end > now) return;
  ereport(ERROR,
          (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
           errmsg("no partition of table \"%s\" reaches the present", get_rel_name(table)),
           errdetail("By the clock and the layout, all of them are of the past."),
           errhint("Check both; if they are right, call snowflake_create_partitions() first.")));
}

const char* kind_of(Oid relation) {
  return get_rel_relkind(relation) == RELKIND_FOREIGN_TABLE ? "FOREIGN TABLE" : "TABLE";
}

/// Detached first: a table that foreign keys refer to asks then whether rows of the partition are still referred to.
void drop_partition(Oid table, Oid partition, Names& dropped) {
  const char* name = qualified_name(partition);
  run(psprintf("ALTER TABLE %s DETACH PARTITION %s", qualified_name(table), name));
  run(psprintf("DROP %s %s", kind_of(partition), name));
  if (get_rel_name(partition) != nullptr) raise_met_another(name);
  dropped.add(name);
}

void drop_partitions(FunctionCallInfo fcinfo, Names& dropped) {
  if (has_null(fcinfo, 2)) return;
  const Oid table = PG_GETARG_OID(0);
  const TimestampTz cut = checked_cut(PG_GETARG_INTERVAL_P(1));
  if (TIMESTAMP_IS_NOBEGIN(cut)) return;
  lock_own(table, AccessShareLock);
  refuse_temporary(table);
  const Layout layout = layout_for(fcinfo, 2, table);
  const std::int64_t first_kept = first_kept_id(layout, cut, table, fcinfo->flinfo);
  const bool is_needed = has_over(partitions_of(table), first_kept);
  UnlockRelationOid(table, AccessShareLock);  // or two calls would wait for each other
  if (!is_needed) return;
  lock_own(table, AccessExclusiveLock);
  const IdPartitions partitions = partitions_of(table);
  refuse_without_present(partitions, table, layout);
  const Rights before = begin_statements(table);
  for (const IdPartition& partition : partitions)
    if (is_over(partition, first_kept)) drop_partition(table, partition.relation, dropped);
  end_statements(before);
}

// --- The call ---

/// All is done at the first call; then a name at a time.
Datum next_name(FunctionCallInfo fcinfo, void (*work)(FunctionCallInfo, Names&)) {
  if (SRF_IS_FIRSTCALL()) {
    FuncCallContext* set = SRF_FIRSTCALL_INIT();
    Names names{.memory = set->multi_call_memory_ctx};
    work(fcinfo, names);
    set->user_fctx = names.names;
  }
  FuncCallContext* set = SRF_PERCALL_SETUP();
  auto* names = static_cast<List*>(set->user_fctx);
  if (set->call_cntr == static_cast<std::uint64_t>(list_length(names))) SRF_RETURN_DONE(set);
  const auto* name = static_cast<const char*>(list_nth(names, static_cast<int>(set->call_cntr)));
  SRF_RETURN_NEXT(set, CStringGetTextDatum(name));
}

}  // namespace

SNOWFLAKE_SQL_FUNCTION(snowflake_create_partitions) { return next_name(fcinfo, create_partitions); }

SNOWFLAKE_SQL_FUNCTION(snowflake_drop_partitions) { return next_name(fcinfo, drop_partitions); }

}  // namespace snowflake::pg
