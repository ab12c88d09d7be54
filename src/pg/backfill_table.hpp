// A table of which a column is filled with IDs, and the statements for it: which rows there are, in which order, and how
// a batch of them is given its IDs.
//
//     lock_own(table, RowExclusiveLock);
//     const BackfillTable of = backfill_table(table, "new_id");   // an error if it cannot be filled
//     SPI_execute(query_of_rows(of, "created_at"), …);
//
// Guarantees: all names are quoted, and all operators those of the primary key's index. What is asked for here holds as
// long as the lock does.
//
// Limits: tables with a primary key; partitioned ones, but no trees of inheritance.
#pragma once

#include "pg/postgres.hpp"

namespace snowflake::pg {

/// A column of the primary key.
struct KeyColumn {
  const char* name;
  const char* equality;  ///< the operator, as OPERATOR(schema.=)
};

struct BackfillTable {
  Oid oid;
  AttrNumber column_number;
  const char* column;  ///< the names are quoted
  const char* table;   ///< with its schema
  const char* bare;    ///< without
  const char* only;    ///< before the name where a table is read
  KeyColumn keys[INDEX_MAX_KEYS];
  int key_count;
};

/// 42703, 42804 or 42P17 as id_column(); 42809 if it is no table; 0A000 for what cannot be filled; 55000 if new rows would
/// come without an ID, or row-level security hides rows of the owner.
[[nodiscard]] BackfillTable backfill_table(Oid table, const char* column);

/// Whether a row is left without an ID.
[[nodiscard]] const char* query_of_empty(const BackfillTable& of);

/// All rows in order of time and then of the key: the key's columns, the time as timestamptz, the ID.
[[nodiscard]] const char* query_of_rows(const BackfillTable& of, const char* time);

/// All IDs of the column, rising.
[[nodiscard]] const char* query_of_ids(const BackfillTable& of);

/// Gives rows their IDs, if they have none yet; of a relation of that name with the columns of query_of_rows(). Rows that
/// others have locked are left out, so that it waits for no row; or else waited for. Says how many have one now.
[[nodiscard]] const char* update_of(const BackfillTable& of, const char* rows, bool skips_locked);

}  // namespace snowflake::pg
