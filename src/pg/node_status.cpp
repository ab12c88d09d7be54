// snowflake_node_status(): where this server's number comes from, how long it has it, and whether its registry answers.
#include <iterator>

#include "pg/node.hpp"
#include "pg/postgres.hpp"
#include "pg/settings.hpp"
#include "pg/shmem.hpp"
#include "pg/time.hpp"

namespace snowflake::pg {
namespace {

// A renewal is late when there was time for two.
const char* state_of(const NodeSource& source, const RegistryReport& report, UnixMs time) {
  if (source.from_registry == 0) return "fixed";
  if (source.grant.is_empty()) return "waiting";
  if (time > source.grant.until) return "ended";
  constexpr BootMs slack = 10'000;
  const bool is_late = boot_clock_ms() > report.renewal_due + slack;
  return is_late || report.failing_since != 0 ? "late" : "held";
}

NullableDatum text_column(const char* value) {
  return {.value = CStringGetTextDatum(value), .isnull = value[0] == '\0'};
}

NullableDatum time_column(UnixMs ms, bool is_known) {
  return {.value = TimestampTzGetDatum(timestamptz_of(is_known ? ms : 0)), .isnull = !is_known};
}

}  // namespace

SNOWFLAKE_SQL_FUNCTION(snowflake_node_status) {
  const NodeSource source = shared().node.read();
  const RegistryReport report = shared().registry.read();
  const bool is_fixed = source.from_registry == 0;
  const bool is_granted = !is_fixed && !source.grant.is_empty();
  const UnixMs time = std::max(wall_clock_ms(), shared().server.timeline.latest());
  const std::int64_t node =
      is_fixed ? configured_node() : static_cast<std::int64_t>(source.grant.node);
  const NullableDatum columns[] = {
      text_column(state_of(source, report, time)),
      {.value = Int64GetDatum(node), .isnull = !is_fixed && !is_granted},
      time_column(source.grant.from, is_granted && source.grant.from > 0),
      time_column(source.grant.until, is_granted),
      text_column(registry()),
      text_column(is_fixed ? "" : realm()),
      time_column(report.last_success_ms, report.last_success_ms != 0),
      text_column(report.problem)};
  Datum values[std::size(columns)];
  bool nulls[std::size(columns)];
  for (std::size_t i = 0; i < std::size(columns); ++i) {
    values[i] = columns[i].value;
    nulls[i] = columns[i].isnull;
  }
  PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(result_row(fcinfo), values, nulls)));
}

}  // namespace snowflake::pg
