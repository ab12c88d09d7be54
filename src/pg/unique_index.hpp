// The index by which PostgreSQL keeps the values of a column distinct.
//
//     const char* index = unique_index_of(table, "id");    // nullptr: there is none
//
// Guarantees: one that is valid, checked at once, for all rows of the table and its partitions, of that column alone, and
// with bigint's own comparison. No name, function or expression of a user's is looked up or run.
#pragma once

#include "pg/postgres.hpp"

namespace snowflake::pg {

/// Its name. The caller holds a lock on the table, which has such a column.
[[nodiscard]] const char* unique_index_of(Oid table, const char* column);

}  // namespace snowflake::pg
