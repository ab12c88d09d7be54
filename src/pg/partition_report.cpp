// snowflake_partition(partition, layout): the bounds of a partition as times, and its size; for the view
// snowflake_partitions.
//
// Guarantees: waits for nobody: of a table that somebody has locked the size is NULL. Nothing of the owner's is run.
//
// Limits: the size of a partition that is partitioned itself is NULL.
#include "pg/layout.hpp"
#include "pg/partition_table.hpp"
#include "pg/postgres.hpp"
#include "pg/row.hpp"

namespace snowflake::pg {
namespace {

bool lock_without_waiting(Oid relation);

bool lock_indexes_without_waiting(Oid table) {
  Relation relation = try_relation_open(table, NoLock);
  if (relation == nullptr) return false;
  List* indexes = RelationGetIndexList(relation);
  const Oid toast = relation->rd_rel->reltoastrelid;
  relation_close(relation, NoLock);
  bool is_locked = !OidIsValid(toast) || lock_without_waiting(toast);
  ListCell* cell = nullptr;
  foreach (cell, indexes)
    is_locked = is_locked && ConditionalLockRelationOid(lfirst_oid(cell), AccessShareLock);
  return is_locked;
}

/// With its indexes and its TOAST table. The locks end with the transaction.
bool lock_without_waiting(Oid relation) {
  return ConditionalLockRelationOid(relation, AccessShareLock) &&
         lock_indexes_without_waiting(relation);
}

NullableDatum size_column(Oid partition) {
  const char kind = get_rel_relkind(partition);
  if (kind != RELKIND_RELATION || !lock_without_waiting(partition)) return null_column;
  return {.value = DirectFunctionCall1(pg_total_relation_size, ObjectIdGetDatum(partition)),
          .isnull = false};
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
