// snowflake_status(): one row about this server, as an operator reads it first. snowflake_clock(): the part of it that
// is about time.
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
  std::int64_t sessions = 0;
};

Use use_of_server() {
  Use use;
  for (const LayoutStatistics& statistics : shared().server.statistics) {
    use.layouts += statistics.is_in_use() ? 1 : 0;
    use.sessions += static_cast<std::int64_t>(statistics.sessions());
  }
  return use;
}

/// What is known of the time, and of the horizon of this database.
struct Clock {
  UnixMs wall;
  UnixMs latest;  ///< 0: no ID was made yet
  Setbacks setbacks;
  StoredHorizon horizon;

  [[nodiscard]] UnixMs ahead() const {
    return latest == 0 ? 0 : std::max<UnixMs>(0, latest - wall);
  }
};

Clock read_clock(const FmgrInfo* caller) {
  horizon.bind(caller);
  const Timeline& timeline = shared().server.timeline;
  return {.wall = wall_clock_ms(),
          .latest = timeline.latest(),
          .setbacks = timeline.setbacks(),
          .horizon = stored_horizon(horizon.sequence())};
}

NullableDatum setbacks_column(const Clock& clock) {
  return number_column(static_cast<std::int64_t>(clock.setbacks.count));
}

NullableDatum latest_column(const Clock& clock) {
  return column_if(clock.latest != 0, time_column(clock.latest));
}

}  // namespace

SNOWFLAKE_SQL_FUNCTION(snowflake_status) {
  const Clock clock = read_clock(fcinfo->flinfo);
  const Use use = use_of_server();
  const std::optional<std::int64_t> node = node_now();
  const NullableDatum columns[] = {
      text_column(version),
      column_if(node.has_value(), int_column(static_cast<std::int32_t>(node.value_or(0)))),
      text_column(node_source()),
      bool_column(is_preloaded()),
      int_column(use.layouts),
      number_column(use.sessions),
      time_column(clock.wall),
      latest_column(clock),
      interval_column(clock.ahead()),
      interval_column(shared().server.timeline.leap_ms()),
      time_column(clock.horizon.bound),
      interval_column(clock.horizon.bound - std::max(clock.wall, clock.latest)),
      column_if(!RecoveryInProgress(), bool_column(clock.horizon.is_durable)),
      setbacks_column(clock),
      interval_column(clock.setbacks.largest_ms),
      number_column(shared().incarnation),
      time_column(shared().began_ms),
      time_column(shared().server.statistics.reset_at_ms())};
  return row_of(result_row(fcinfo), columns);
}

SNOWFLAKE_SQL_FUNCTION(snowflake_clock) {
  const Clock clock = read_clock(fcinfo->flinfo);
  const NullableDatum columns[] = {time_column(clock.wall),
                                   latest_column(clock),
                                   time_column(clock.horizon.bound),
                                   number_column(shared().incarnation),
                                   interval_column(clock.ahead()),
                                   setbacks_column(clock),
                                   interval_column(clock.setbacks.largest_ms)};
  return row_of(result_row(fcinfo), columns);
}

}  // namespace snowflake::pg
