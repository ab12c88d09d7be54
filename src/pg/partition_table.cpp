#include "pg/partition_table.hpp"

#include <algorithm>

#include "core/range.hpp"
#include "pg/time.hpp"

namespace snowflake::pg {
namespace {

void refuse(Relation table, const char* detail) {
  ereport(
      ERROR,
      (errcode(ERRCODE_WRONG_OBJECT_TYPE),
       errmsg("table \"%s\" is not partitioned by ranges of IDs", RelationGetRelationName(table)),
       errdetail("%s", detail), errhint("PARTITION BY RANGE (id), where id is a bigint.")));
}

/// The column; its own operator class could sort bigint in another way.
AttrNumber checked_key(Relation table) {
  if (table->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
    refuse(table, "It is not a partitioned table.");
  const PartitionKeyData& key = *RelationGetPartitionKey(table);
  if (key.strategy != PARTITION_STRATEGY_RANGE) refuse(table, "It is not partitioned by range.");
  if (key.partnatts != 1) refuse(table, "Its partition key has several columns.");
  if (key.partattrs[0] == 0) refuse(table, "Its partition key is an expression.");
  if (key.parttypid[0] != INT8OID || key.partopfamily[0] != INTEGER_BTREE_FAM_OID)
    refuse(table, "Its partition key is not a bigint.");
  return key.partattrs[0];
}

/// As the catalog has it; nullptr if it is no partition.
PartitionBoundSpec* stored_bound(Oid partition) {
  HeapTuple row = SearchSysCache1(RELOID, ObjectIdGetDatum(partition));
  if (!HeapTupleIsValid(row)) return nullptr;
  bool is_null = false;
  const Datum bound = SysCacheGetAttr(RELOID, row, Anum_pg_class_relpartbound, &is_null);
  char* written = is_null ? nullptr : TextDatumGetCString(bound);
  ReleaseSysCache(row);
  return written == nullptr ? nullptr : static_cast<PartitionBoundSpec*>(stringToNode(written));
}

/// One value of a bound, of bigint; nothing if it is of another kind.
std::optional<std::int64_t> value_of(List* bound) {
  if (list_length(bound) != 1) return std::nullopt;
  const auto* datum = static_cast<PartitionRangeDatum*>(linitial(bound));
  if (datum->kind == PARTITION_RANGE_DATUM_MINVALUE) return IdRange{}.first;
  if (datum->kind == PARTITION_RANGE_DATUM_MAXVALUE) return IdRange{}.end;
  const auto* value = reinterpret_cast<Const*>(datum->value);
  if (!IsA(value, Const) || value->consttype != INT8OID || value->constisnull) return std::nullopt;
  return DatumGetInt64(value->constvalue);
}

std::optional<IdRange> range_of(const PartitionBoundSpec* bound) {
  if (bound == nullptr || bound->is_default || bound->strategy != PARTITION_STRATEGY_RANGE)
    return std::nullopt;
  const std::optional<std::int64_t> first = value_of(bound->lowerdatums);
  const std::optional<std::int64_t> end = value_of(bound->upperdatums);
  if (!first || !end) return std::nullopt;
  return IdRange{.first = *first, .end = *end};
}

void add(IdPartitions& partitions, Oid partition) {
  const PartitionBoundSpec* bound = stored_bound(partition);
  if (bound != nullptr && bound->is_default) partitions.of_default = partition;
  if (const std::optional<IdRange> ids = range_of(bound))
    partitions.of_range[partitions.size++] = {.relation = partition, .ids = *ids};
}

}  // namespace

IdPartitions partitions_of(Oid table) {
  Relation relation = relation_open(table, NoLock);
  const AttrNumber key = checked_key(relation);
  List* children = find_inheritance_children(table, NoLock);
  const auto room = static_cast<std::size_t>(list_length(children)) + 1;
  IdPartitions partitions{
      .of_range = static_cast<IdPartition*>(palloc(room * sizeof(IdPartition))),
      .size = 0,
      .of_default = InvalidOid,
      .key = pstrdup(NameStr(TupleDescAttr(RelationGetDescr(relation), key - 1)->attname))};
  ListCell* cell = nullptr;
  foreach (cell, children) add(partitions, lfirst_oid(cell));
  relation_close(relation, NoLock);
  std::sort(partitions.of_range, partitions.of_range + partitions.size,
            [](const IdPartition& a, const IdPartition& b) { return a.ids.first < b.ids.first; });
  return partitions;
}

std::optional<IdRange> bounds_of(Oid partition) { return range_of(stored_bound(partition)); }

TimestampTz time_of_bound(std::int64_t id, const Layout& layout) {
  if (id < 0) return DT_NOBEGIN;
  const Tick tick = id >> layout.timestamp.shift;
  const bool begins_a_tick = first_id_of(layout, tick) == static_cast<Id>(id);
  if (tick > layout.last_tick() || (!begins_a_tick && tick == layout.last_tick())) return DT_NOEND;
  return timestamptz_at(begins_a_tick ? tick : tick + 1, layout);
}

}  // namespace snowflake::pg
