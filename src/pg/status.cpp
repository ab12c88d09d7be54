// snowflake_status(): one row about this server, as an operator reads it first.
#include "pg/horizon.hpp"
#include "pg/node_status.hpp"
#include "pg/postgres.hpp"
#include "pg/row.hpp"
#include "pg/settings.hpp"
#include "pg/shmem.hpp"
#include "pg/version.hpp"

namespace snowflake::pg {
namespace {

struct Use {
  std::int32_t layouts = 0;
  std::int32_t sessions = 0;
};

Use use_of_server() {
  Use use;
  for (const LayoutStatistics& statistics : shared().server.statistics) {
    use.layouts += statistics.is_in_use() ? 1 : 0;
    use.sessions += static_cast<std::int32_t>(statistics.sessions());
  }
  return use;
}

}  // namespace

SNOWFLAKE_SQL_FUNCTION(snowflake_status) {
  horizon.bind(fcinfo->flinfo);
  const StoredHorizon stored = stored_horizon(horizon.sequence());
  const Timeline& timeline = shared().server.timeline;
  const UnixMs wall = wall_clock_ms();
  const UnixMs latest = timeline.latest();
  const bool is_used = latest != 0;
  const Setbacks setbacks = timeline.setbacks();
  const Use use = use_of_server();
  const std::optional<std::int64_t> node = node_now();
  const NullableDatum columns[] = {
      text_column(version),
      column_if(node.has_value(), number_column(node.value_or(0))),
      text_column(node_source()),
      bool_column(is_preloaded()),
      int_column(use.layouts),
      int_column(use.sessions),
      time_column(wall),
      column_if(is_used, time_column(latest)),
      interval_column(is_used ? std::max<UnixMs>(0, latest - wall) : 0),
      interval_column(timeline.leap_ms()),
      time_column(stored.bound),
      interval_column(stored.bound - std::max(wall, latest)),
      column_if(!RecoveryInProgress(), bool_column(stored.is_durable)),
      number_column(static_cast<std::int64_t>(setbacks.count)),
      interval_column(setbacks.largest_ms),
      number_column(shared().incarnation),
      time_column(shared().began_ms),
      time_column(shared().server.statistics.reset_at_ms())};
  return row_of(result_row(fcinfo), columns);
}

}  // namespace snowflake::pg
