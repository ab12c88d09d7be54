// The layout of the IDs that a column's default makes.
//
//     layout_of_default(table, column, caller)   // id bigint DEFAULT snowflake_next('posts_id'): that of posts_id
//
// Guarantee: read from the catalogs; nothing of the owner's is run, and no generator is locked.
//
// Limits: known is which generators a default names, not what it calls: one that is hidden in a function, or found by
// its name at run time, is not seen.
#pragma once

#include <optional>

#include "core/layout.hpp"
#include "pg/postgres.hpp"

namespace snowflake::pg {

/// That of the generator which the default names; that of snowflake_next() if it calls this function, of the extension
/// that the caller belongs to. Nothing if there is no default, or it makes no IDs as far as one can tell.
[[nodiscard]] std::optional<Layout> layout_of_default(Oid table, AttrNumber column,
                                                      const FmgrInfo* caller);

}  // namespace snowflake::pg
