// DISCARD ALL and DISCARD SEQUENCES make a session forget which IDs it made last, as they do for lastval().
#pragma once

namespace snowflake::pg {

/// For _PG_init.
void watch_discard();

}  // namespace snowflake::pg
