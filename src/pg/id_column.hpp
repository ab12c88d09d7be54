// A table's column of IDs, for functions that are given a table and the name of a column. Both belong to users, so
// nothing of them is believed: the column is looked up in the row type at hand, and is a bigint or is refused.
//
//     const AttrNumber column = id_column(relation, "id");
//     const std::optional<Id> id = id_in(tuple, column, RelationGetDescr(relation), layout);
//
// Limits: a domain over bigint counts as bigint. A generated column is refused: a BEFORE trigger does not see it yet.
#pragma once

#include <optional>

#include "core/layout.hpp"
#include "pg/postgres.hpp"

namespace snowflake::pg {

/// 42703 if the relation has no such column, 42804 if it is not a bigint, 42P17 if it is generated.
[[nodiscard]] AttrNumber id_column(Relation relation, const char* name);

/// The value in that column; nothing if it is NULL, or cannot be an ID of the layout.
[[nodiscard]] std::optional<Id> id_in(HeapTuple tuple, AttrNumber column, TupleDesc row,
                                      const Layout& layout);

}  // namespace snowflake::pg
