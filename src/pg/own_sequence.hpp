// The extension's own sequence, snowflake_id: the generator of snowflake_next(), and the place of the horizon.
//
// It is found as a member of the extension to which the called function belongs. A name alone would not do: wherever
// others may create objects, one of theirs may have it.
#pragma once

#include "pg/postgres.hpp"

namespace snowflake::pg {

/// `caller`: a function of the extension. 42P01 if the sequence was renamed or moved, 42809 if it is not permanent.
[[nodiscard]] Oid own_sequence(const FmgrInfo* caller);

[[nodiscard]] bool is_own_sequence(Oid sequence, const FmgrInfo* caller);

}  // namespace snowflake::pg
