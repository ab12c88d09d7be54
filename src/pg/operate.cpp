// SQL functions for those who run servers: tell the clock of other IDs, reset it.
#include "pg/errors.hpp"
#include "pg/generators.hpp"
#include "pg/horizon.hpp"
#include "pg/postgres.hpp"
#include "pg/shmem.hpp"
#include "pg/wait.hpp"

namespace snowflake::pg {
SNOWFLAKE_SQL_FUNCTION(snowflake_observe) {
  const FmgrInfo* caller = fcinfo->flinfo;
  Generator& generator = generator_argument(fcinfo, 1);
  generator.observe(caller, checked_id(PG_GETARG_INT64(0), generator.spec(caller).layout));
  PG_RETURN_VOID();
}

// Reservations that were made before go on until their tick ends: at half speed, that is two of the longest units.
SNOWFLAKE_SQL_FUNCTION(snowflake_reset_clock) {
  if (!superuser())
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("must be superuser to reset the clock of Snowflake IDs")));
  refuse_on_standby();
  horizon.bind(fcinfo->flinfo);
  if (horizon.reset()) rest(longest_making_unit_ms * ns_per_ms * 2, boot_clock_ns);
  PG_RETURN_VOID();
}

}  // namespace snowflake::pg
