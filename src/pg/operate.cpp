// SQL functions for those who run servers: look at the clock, tell it of other IDs, put it right.
#include "core/clock.hpp"
#include "pg/errors.hpp"
#include "pg/generator.hpp"
#include "pg/postgres.hpp"
#include "pg/time.hpp"

namespace snowflake::pg {
namespace {

constexpr const Layout& layout = standard_layout;

Datum interval_of(Tick ticks) {
  return DirectFunctionCall2(timestamp_mi, TimestampGetDatum(timestamptz_at(ticks, layout)),
                             TimestampGetDatum(timestamptz_at(0, layout)));
}

}  // namespace

SNOWFLAKE_SQL_FUNCTION(snowflake_observe) {
  default_generator.observe(fcinfo->flinfo->fn_oid, checked_id(PG_GETARG_INT64(0)));
  PG_RETURN_VOID();
}

SNOWFLAKE_SQL_FUNCTION(snowflake_reset_clock) {
  if (!superuser())
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("must be superuser to reset the clock of Snowflake IDs")));
  default_generator.reset_clock(fcinfo->flinfo->fn_oid);
  PG_RETURN_VOID();
}

SNOWFLAKE_SQL_FUNCTION(snowflake_clock) {
  const StoredHorizon stored = stored_horizon(sequence_beside(fcinfo->flinfo->fn_oid));
  Shared& shared = attach();
  const Space& space = shared.space;
  const Reading reading = space.read(layout, wall_clock_ns);
  const Setbacks setbacks = space.setbacks();
  const bool unused = reading.latest == 0;
  Datum values[] = {
      TimestampTzGetDatum(timestamptz_at(reading.wall, layout)),
      TimestampTzGetDatum(timestamptz_at(reading.latest, layout)),
      TimestampTzGetDatum(timestamptz_at(layout.decode(stored.last_value).tick, layout)),
      Int64GetDatum(shared.incarnation),
      interval_of(std::max<Tick>(0, reading.latest - reading.wall)),
      Int64GetDatum(static_cast<std::int64_t>(setbacks.count)),
      interval_of(setbacks.largest)};
  bool nulls[] = {false, unused, stored.incarnation == 0, false, unused, false, false};
  PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(result_row(fcinfo), values, nulls)));
}

}  // namespace snowflake::pg
