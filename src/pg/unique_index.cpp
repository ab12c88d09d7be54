#include "pg/unique_index.hpp"

#include "pg/id_column.hpp"

namespace snowflake::pg {
namespace {

bool compares_as_bigint(HeapTuple index) {
  bool is_null = false;
  const Datum classes = SysCacheGetAttr(INDEXRELID, index, Anum_pg_index_indclass, &is_null);
  const auto* all = reinterpret_cast<oidvector*>(DatumGetPointer(classes));
  return !is_null && get_opclass_family(all->values[0]) == INTEGER_BTREE_FAM_OID;
}

bool is_unique_by(HeapTuple tuple, AttrNumber column) {
  const auto& index = *reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple));
  return index.indisunique && index.indisvalid && index.indisready && index.indimmediate &&
         index.indnkeyatts == 1 && index.indkey.values[0] == column &&
         heap_attisnull(tuple, Anum_pg_index_indpred, nullptr) && compares_as_bigint(tuple);
}

bool is_unique_by(Oid index, AttrNumber column) {
  HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
  if (!HeapTupleIsValid(tuple)) return false;
  const bool is = is_unique_by(tuple, column);
  ReleaseSysCache(tuple);
  return is;
}

/// An index of a table says nothing about the tables that inherit from it; that of a partitioned one does.
bool has_others_below(Relation table) {
  return table->rd_rel->relkind == RELKIND_RELATION && has_subclass(RelationGetRelid(table));
}

}  // namespace

const char* unique_index_of(Oid oid, const char* column) {
  Relation table = relation_open(oid, NoLock);
  const AttrNumber number = id_column(table, column);
  const char* name = nullptr;
  ListCell* cell = nullptr;
  if (!has_others_below(table))
    foreach (cell, RelationGetIndexList(table))
      if (is_unique_by(lfirst_oid(cell), number)) name = get_rel_name(lfirst_oid(cell));
  relation_close(table, NoLock);
  return name;
}

}  // namespace snowflake::pg
