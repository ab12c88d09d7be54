// snowflake_partition(partition, layout): the bounds of a partition as times, and its size; for the view
// snowflake_partitions.
//
// Guarantees: waits for nobody, and holds up nobody: of a table that somebody has locked the size is NULL, and what it
// locks itself is released before it returns. Nothing of the owner's is run.
//
// Limits: the size of a partition that is partitioned itself is NULL.
#include "pg/layout.hpp"
#include "pg/partition_table.hpp"
#include "pg/postgres.hpp"
#include "pg/row.hpp"

namespace snowflake::pg {
namespace {

/// What is locked for a moment: the caller needs no right on it, and so may hold up nobody.
struct Locks {
  List* relations = NIL;

  bool add(Oid relation) {
    if (!ConditionalLockRelationOid(relation, AccessShareLock)) return false;
    relations = lappend_oid(relations, relation);
    return true;
  }

  /// A table with its TOAST table and the indexes of both.
  bool add_table(Oid table) {
    if (!add(table)) return false;
    Relation relation = try_relation_open(table, NoLock);
    if (relation == nullptr) return false;
    List* indexes = RelationGetIndexList(relation);
    const Oid toast = relation->rd_rel->reltoastrelid;
    relation_close(relation, NoLock);
    bool are_locked = !OidIsValid(toast) || add_table(toast);
    ListCell* cell = nullptr;
    foreach (cell, indexes) are_locked = are_locked && add(lfirst_oid(cell));
    return are_locked;
  }

  void release() {
    ListCell* cell = nullptr;
    foreach (cell, relations) UnlockRelationOid(lfirst_oid(cell), AccessShareLock);
  }
};

NullableDatum size_column(Oid partition) {
  if (get_rel_relkind(partition) != RELKIND_RELATION || !get_rel_relispartition(partition))
    return null_column;
  Locks locks;
  NullableDatum size = null_column;
  if (locks.add_table(partition))
    size = {.value = DirectFunctionCall1(pg_total_relation_size, ObjectIdGetDatum(partition)),
            .isnull = false};
  locks.release();
  return size;
}

NullableDatum bound_column(TimestampTz time) {
  return {.value = TimestampTzGetDatum(time), .isnull = false};
}

}  // namespace

SNOWFLAKE_SQL_FUNCTION(snowflake_partition) {
  const Oid partition = PG_GETARG_OID(0);
  const Layout& layout = layout_argument(fcinfo, 1);
  const std::optional<IdRange> ids = bounds_of(partition);
  const NullableDatum columns[] = {
      ids ? bound_column(time_of_bound(ids->first, layout)) : null_column,
      ids ? bound_column(ids->end == IdRange{}.end ? DT_NOEND : time_of_bound(ids->end, layout))
          : null_column,
      size_column(partition)};
  return row_of(result_row(fcinfo), columns);
}

}  // namespace snowflake::pg
