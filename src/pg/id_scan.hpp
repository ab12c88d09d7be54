// Reads all IDs of a table that belongs to a user, for a report.
//
//     scan_ids(table, "id", layout, [&](HeapTuple row, Id id) { … });
//
// Guarantees: needs SELECT on the table; refuses where row-level security would hide rows. The table is opened by its
// OID and read as it is stored: no expression, no function and no name of its owner's is run or looked up. It can be
// cancelled.
//
// Limits: heap tables, and trees of partitions or of inheritance of them. NULL and what cannot be an ID of the layout is
// left out.
#pragma once

#include "core/layout.hpp"
#include "pg/postgres.hpp"

namespace snowflake::pg {

using VisitId = void (*)(void* context, HeapTuple row, Id id);

/// 42809 if it is no heap table, 42501 if the caller may not read all of it, 42703, 42804 or 42P17 as id_column().
void scan_ids(Oid table, const char* column, const Layout& layout, VisitId visit, void* context);

template <typename Visit>
void scan_ids(Oid table, const char* column, const Layout& layout, Visit visit) {
  const VisitId call = [](void* context, HeapTuple row, Id id) {
    (*static_cast<Visit*>(context))(row, id);
  };
  scan_ids(table, column, layout, call, &visit);
}

}  // namespace snowflake::pg
