// snowflake_stat() and its companions: what the sessions of this server have done, from shared memory.
//
// Guarantees: they read only, but for the reset, and need no session that made an ID. What the sessions of this backend
// have not reported yet, they report first.
#include "core/statistics.hpp"

#include <iterator>

#include "pg/generators.hpp"
#include "pg/layout.hpp"
#include "pg/postgres.hpp"
#include "pg/row.hpp"
#include "pg/shmem.hpp"

namespace snowflake::pg {
namespace {

const LayoutStatistics* entry(std::uint64_t number) {
  return shared().server.statistics.begin() + number;
}

NullableDatum count_column(const LayoutStatistics& statistics, Count what) {
  return number_column(static_cast<std::int64_t>(statistics.of(what)));
}

/// In milliseconds, as PostgreSQL's own statistics.
NullableDatum duration_column(const LayoutStatistics& statistics, Count what) {
  return double_column(static_cast<double>(statistics.of(what)) / 1e6);
}

Datum row_of_layout(TupleDesc type, const LayoutStatistics& statistics) {
  const auto number = [&](Count what) { return count_column(statistics, what); };
  const auto duration = [&](Count what) { return duration_column(statistics, what); };
  const std::optional<Layout> layout = statistics.layout();
  const NullableDatum columns[] = {
      text_column(layout ? label_of(*layout) : nullptr),
      number_column(statistics.sessions()),
      number(Count::ids),
      number(Count::reservations),
      number(Count::ticks_spent),
      number(Count::hops),
      number(Count::clock_waits),
      duration(Count::clock_wait_ns),
      number(Count::share_waits),
      duration(Count::share_wait_ns),
      number(Count::rate_waits),
      duration(Count::rate_wait_ns),
      number(Count::grant_waits),
      duration(Count::grant_wait_ns),
      number(Count::horizon_waits),
      duration(Count::horizon_wait_ns),
      number(Count::horizon_moves),
      number(Count::setbacks),
      interval_column(statistics.largest_setback_ms()),
      duration(Count::ahead_ns),
      number(Count::rejected_standby),
      number(Count::rejected_clock),
      number(Count::rejected_grant),
      number_column(statistics.peak_ids()),
      layout ? number_column(static_cast<std::int64_t>(Session::ids_of_tick(*layout)))
             : null_column};
  return row_of(type, columns);
}

/// A worker of a layout, by the number that all have together.
struct LayoutWorker {
  const LayoutStatistics* statistics;
  unsigned worker;
};

LayoutWorker worker_of(std::uint64_t number) {
  return {.statistics = entry(number / cursors_of(1)),
          .worker = static_cast<unsigned>(number % cursors_of(1))};
}

bool has_worker(const LayoutWorker& which) {
  const std::optional<Layout> layout = which.statistics->layout();
  return layout && which.worker < Session::workers_of(*layout);
}

/// Of the numbers of the last full second.
double share_used(const Worker& worker, const Division& division) {
  const UnixMs now = std::max(wall_clock_ms(), shared().server.timeline.latest());
  const double ticks = 1000.0 / division.unit_ms;
  const double all = ticks * static_cast<double>(Position{1} << division.fraction_bits);
  return worker.used(now / 1000 - 1) / all;
}

Datum row_of_worker(TupleDesc type, const LayoutWorker& which) {
  const Layout layout = *which.statistics->layout();
  const Worker& worker = shared().server.space_of(layout).worker(which.worker);
  const NullableDatum columns[] = {
      text_column(label_of(layout)), int_column(static_cast<std::int32_t>(which.worker)),
      number_column(worker.sessions()), double_column(share_used(worker, division_of(layout)))};
  return row_of(type, columns);
}

void report_own() {
  for_each_generator([](Generator& generator) { generator.report(); });
}

}  // namespace

SNOWFLAKE_SQL_FUNCTION(snowflake_stat) {
  if (SRF_IS_FIRSTCALL()) {
    report_own();
    begin_rows(fcinfo)->max_calls = Statistics::entries;
  }
  FuncCallContext* set = SRF_PERCALL_SETUP();
  while (set->call_cntr < set->max_calls && !entry(set->call_cntr)->is_in_use()) ++set->call_cntr;
  if (set->call_cntr == set->max_calls) SRF_RETURN_DONE(set);
  const Datum row = row_of_layout(set->tuple_desc, *entry(set->call_cntr));
  SRF_RETURN_NEXT(set, row);
}

SNOWFLAKE_SQL_FUNCTION(snowflake_stat_workers) {
  if (SRF_IS_FIRSTCALL()) {
    report_own();
    begin_rows(fcinfo)->max_calls = Statistics::entries * cursors_of(1);
  }
  FuncCallContext* set = SRF_PERCALL_SETUP();
  while (set->call_cntr < set->max_calls && !has_worker(worker_of(set->call_cntr)))
    ++set->call_cntr;
  if (set->call_cntr == set->max_calls) SRF_RETURN_DONE(set);
  const Datum row = row_of_worker(set->tuple_desc, worker_of(set->call_cntr));
  SRF_RETURN_NEXT(set, row);
}

SNOWFLAKE_SQL_FUNCTION(snowflake_stat_reset) {
  report_own();
  shared().server.statistics.reset(wall_clock_ms());
  shared().node_conflicts.store(0);
  PG_RETURN_VOID();
}

}  // namespace snowflake::pg
