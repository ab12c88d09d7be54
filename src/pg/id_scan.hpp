// Reads all IDs of a table that belongs to a user, for a report; or those of some of its pages.
//
//     scan_ids(table, "id", layout, [&](HeapTuple row, Id id) { … });
//     scan_rows({.table = table, .id_column = "id", .percent = 1}, [&](const ScannedRow& row) { … });
//
// Guarantees: needs SELECT on the table; refuses where row-level security would hide rows. The table is opened by its
// OID and read as it is stored: no expression, no function and no name of its owner's is run or looked up. It can be
// cancelled. The pages of a sample are those of TABLESAMPLE SYSTEM, and the same ones each time.
//
// Limits: heap tables, and trees of partitions or of inheritance of them. scan_ids() leaves out NULL and what cannot be
// an ID of the layout.
#pragma once

#include <optional>

#include "core/layout.hpp"
#include "pg/postgres.hpp"

namespace snowflake::pg {

/// What to read.
struct Scan {
  Oid table;
  const char* id_column;
  const char* time_column = nullptr;  ///< none
  double percent = 100;               ///< of the pages
};

struct ScannedRow {
  HeapTuple tuple;
  std::optional<std::int64_t> value;  ///< nothing if it is NULL
  std::optional<TimestampTz> time;
};

using VisitRow = void (*)(void* context, const ScannedRow& row);

/// 42809 if it is no heap table, 42501 if the caller may not read all of it, 42703, 42804 or 42P17 as id_column().
void scan_rows(const Scan& scan, VisitRow visit, void* context);

template <typename Visit>
void scan_rows(const Scan& scan, Visit visit) {
  const VisitRow call = [](void* context, const ScannedRow& row) {
    (*static_cast<Visit*>(context))(row);
  };
  scan_rows(scan, call, &visit);
}

template <typename Visit>
void scan_ids(Oid table, const char* column, const Layout& layout, Visit visit) {
  scan_rows({.table = table, .id_column = column}, [&](const ScannedRow& row) {
    if (!row.value || *row.value < 0 || static_cast<Id>(*row.value) >> layout.bits() != 0) return;
    visit(row.tuple, static_cast<Id>(*row.value));
  });
}

}  // namespace snowflake::pg
