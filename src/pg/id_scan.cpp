#include "pg/id_scan.hpp"

#include "pg/id_column.hpp"

namespace snowflake::pg {
namespace {

/// What to read, and whom to tell.
struct Reading {
  const char* column;
  const Layout& layout;
  VisitId visit;
  void* context;
};

void refuse_kind(Relation relation, const char* detail) {
  ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                  errmsg("cannot report on the IDs in \"%s\"", RelationGetRelationName(relation)),
                  errdetail("%s", detail)));
}

bool is_partitioned(Relation relation) {
  return relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
}

void check_kind(Relation relation) {
  if (is_partitioned(relation)) return;
  if (relation->rd_rel->relkind != RELKIND_RELATION) refuse_kind(relation, "It is not a table.");
  if (relation->rd_rel->relam != HEAP_TABLE_AM_OID)
    refuse_kind(relation, "Its access method is not heap.");
  if (RELATION_IS_OTHER_TEMP(relation))
    refuse_kind(relation, "It is a temporary table of another session.");
}

void check_may_read(Relation table) {
  const AclResult result = pg_class_aclcheck(RelationGetRelid(table), GetUserId(), ACL_SELECT);
  if (result != ACLCHECK_OK) aclcheck_error(result, OBJECT_TABLE, RelationGetRelationName(table));
  if (check_enable_rls(RelationGetRelid(table), InvalidOid, true) == RLS_ENABLED)
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("row-level security hides rows of table \"%s\"",
                           RelationGetRelationName(table)),
                    errhint("Call it as the table's owner, or as a role with BYPASSRLS.")));
}

void read_rows(Relation relation, const Reading& reading) {
  const AttrNumber column = id_column(relation, reading.column);
  SysScanDesc scan =
      systable_beginscan(relation, InvalidOid, false, GetActiveSnapshot(), 0, nullptr);
  while (HeapTuple row = systable_getnext(scan)) {
    CHECK_FOR_INTERRUPTS();
    const auto id = id_in(row, column, RelationGetDescr(relation), reading.layout);
    if (id) reading.visit(reading.context, row, *id);
  }
  systable_endscan(scan);
}

/// The table itself, and all below it.
void read_tree(Relation table, const Reading& reading) {
  List* tree = find_all_inheritors(RelationGetRelid(table), AccessShareLock, nullptr);
  ListCell* cell = nullptr;
  foreach (cell, tree) {
    Relation relation = table_open(lfirst_oid(cell), NoLock);
    check_kind(relation);
    if (!is_partitioned(relation)) read_rows(relation, reading);
    table_close(relation, NoLock);
  }
}

}  // namespace

void scan_ids(Oid oid, const char* column, const Layout& layout, VisitId visit, void* context) {
  Relation table = relation_open(oid, AccessShareLock);
  check_kind(table);
  check_may_read(table);
  (void)id_column(table, column);  // a partitioned table may have no partition
  read_tree(table, {.column = column, .layout = layout, .visit = visit, .context = context});
  relation_close(table, NoLock);
}

}  // namespace snowflake::pg
