// snowflake_analyze(table, column): what the IDs of a table tell: how many there are, of when, how fast and by whom they
// were made, which do not belong there, and which layout they have if it is not the one that was said.
//
//     SELECT * FROM snowflake_analyze('orders');
//     SELECT * FROM snowflake_analyze('posts', layout => 'discord', sample => 1, time_column => 'created_at');
//
// Guarantees: those of id_scan.hpp; memory as CREATE INDEX, and 3 MB. What it is at, scanning, sorting or counting, is
// shown as its wait event.
//
// How: all values are sorted, and read once in their order.
#include <new>

#include "core/clock.hpp"
#include "core/timed_sample.hpp"
#include "pg/analysis_report.hpp"
#include "pg/id_scan.hpp"
#include "pg/id_sort.hpp"
#include "pg/layout.hpp"
#include "pg/progress.hpp"
#include "pg/time.hpp"
#include "pg/unique_index.hpp"

namespace snowflake::pg {
namespace {

enum Argument { relation, id_column, layout, sample, time_column };

/// 22023 unless it is a share.
double percent_argument(FunctionCallInfo fcinfo) {
  const double percent = PG_GETARG_FLOAT8(sample);
  if (percent > 0 && percent <= 100) return percent;
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("sample is out of range"),
                  errdetail("It is the percentage of the pages to read: above 0, up to 100.")));
  pg_unreachable();
}

Scan scan_arguments(FunctionCallInfo fcinfo) {
  return {
      .table = PG_GETARG_OID(relation),
      .id_column = NameStr(*PG_GETARG_NAME(id_column)),
      .time_column = PG_ARGISNULL(time_column) ? nullptr : NameStr(*PG_GETARG_NAME(time_column)),
      .percent = percent_argument(fcinfo)};
}

/// What the scan leaves behind.
struct Collected {
  IdSort values;
  TimedSample timed{0};
  std::uint64_t null_count = 0;

  void add(const ScannedRow& row) {
    if (!row.value) {
      ++null_count;
      return;
    }
    if (row.time && *row.value >= 0)
      timed.add({.id = static_cast<Id>(*row.value), .time = unix_ms_of(*row.time)});
    values.add(*row.value);
  }
};

void collect(const Scan& scan, Collected& collected) {
  Progress progress(scanning());
  scan_rows(scan, [&](const ScannedRow& row) {
    progress.step();
    collected.add(row);
  });
  progress.end();
}

void sort(IdSort& values) {
  Progress progress(sorting());
  values.sort();
  progress.end();
}

void count(IdSort& values, Analysis& analysis) {
  Progress progress(counting());
  for (std::int64_t value = 0; values.next(value); progress.step()) analysis.add(value);
  analysis.finish();
  values.end();
  progress.end();
}

Facts facts_of(FunctionCallInfo fcinfo) {
  for (const int argument : {relation, id_column, layout, sample})
    if (PG_ARGISNULL(argument)) return {};
  const Scan scan = scan_arguments(fcinfo);
  auto* collected = new (palloc(sizeof(Collected))) Collected;
  collect(scan, *collected);
  auto* analysis = new (palloc(sizeof(Analysis)))
      Analysis(layout_argument(fcinfo, layout), wall_clock_ms(), collected->values.count());
  sort(collected->values);
  count(collected->values, *analysis);
  return report_of({.analysis = *analysis,
                    .percent = scan.percent,
                    .null_count = collected->null_count,
                    .unique_index = unique_index_of(scan.table, scan.id_column),
                    .time_column = scan.time_column,
                    .timed = collected->timed.all()});
}

}  // namespace

SNOWFLAKE_SQL_FUNCTION(snowflake_analyze) { return next_fact(fcinfo, facts_of); }

}  // namespace snowflake::pg
