// A table's column of IDs, for functions that are given a table and the name of a column; and one of times beside it.
// All of that belongs to users, so nothing of it is believed: the column is looked up in the row type at hand, and has
// the type or is refused.
//
//     const AttrNumber column = id_column(relation, "id");
//     const std::optional<Id> id = id_in(tuple, column, RelationGetDescr(relation), layout);
//
// Limits: a domain over a type counts as that type. A generated column is refused: a BEFORE trigger does not see it yet,
// and a virtual one is nowhere stored.
#pragma once

#include <optional>

#include "core/layout.hpp"
#include "pg/postgres.hpp"

namespace snowflake::pg {

/// 42703 if the relation has no such column, 42804 if it is not a bigint, 42P17 if it is generated.
[[nodiscard]] AttrNumber id_column(Relation relation, const char* name);

/// The same for a column that is a timestamp, with or without time zone.
[[nodiscard]] AttrNumber time_column(Relation relation, const char* name);

/// The value in that column; nothing if it is NULL.
[[nodiscard]] std::optional<std::int64_t> bigint_in(HeapTuple tuple, AttrNumber column,
                                                    TupleDesc row);

/// The same; nothing if it cannot be an ID of the layout.
[[nodiscard]] std::optional<Id> id_in(HeapTuple tuple, AttrNumber column, TupleDesc row,
                                      const Layout& layout);

/// The time in that column; nothing if it is NULL or infinite. One without time zone is of the session's.
[[nodiscard]] std::optional<TimestampTz> time_in(HeapTuple tuple, AttrNumber column, TupleDesc row);

}  // namespace snowflake::pg
