#include "pg/id_scan.hpp"

#include "pg/id_column.hpp"

namespace snowflake::pg {
namespace {

/// A scan, and whom to tell.
struct Reading {
  const Scan& scan;
  VisitRow visit;
  void* context;
};

/// The columns have other numbers in each partition.
struct Columns {
  AttrNumber id;
  AttrNumber time;
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

Columns columns_of(Relation relation, const Scan& scan) {
  const AttrNumber time = scan.time_column == nullptr ? AttrNumber{InvalidAttrNumber}
                                                      : time_column(relation, scan.time_column);
  return {.id = id_column(relation, scan.id_column), .time = time};
}

void visit_row(HeapTuple tuple, TupleDesc type, const Columns& columns, const Reading& reading) {
  CHECK_FOR_INTERRUPTS();
  ScannedRow row{.tuple = tuple, .value = bigint_in(tuple, columns.id, type), .time = {}};
  if (columns.time != InvalidAttrNumber) row.time = time_in(tuple, columns.time, type);
  reading.visit(reading.context, row);
}

void read_rows(Relation relation, const Reading& reading) {
  const Columns columns = columns_of(relation, reading.scan);
  SysScanDesc scan =
      systable_beginscan(relation, InvalidOid, false, GetActiveSnapshot(), 0, nullptr);
  while (HeapTuple tuple = systable_getnext(scan))
    visit_row(tuple, RelationGetDescr(relation), columns, reading);
  systable_endscan(scan);
}

/// PostgreSQL's own method SYSTEM, which chooses pages.
SampleScanState* choose_pages(double percent) {
  constexpr uint32 seed = 0;
  SampleScanState* sample = makeNode(SampleScanState);
  sample->tsmroutine = GetTsmRoutine(sample_system);
  Datum share = Float4GetDatum(static_cast<float4>(percent));
  sample->tsmroutine->InitSampleScan(sample, 0);
  sample->tsmroutine->BeginSampleScan(sample, &share, 1, seed);
  return sample;
}

void read_sample(Relation relation, const Reading& reading) {
  const Columns columns = columns_of(relation, reading.scan);
  SampleScanState* sample = choose_pages(reading.scan.percent);
  TableScanDesc scan = begin_sample_scan(relation, GetActiveSnapshot());
  TupleTableSlot* slot = table_slot_create(relation, nullptr);
  while (table_scan_sample_next_block(scan, sample)) {
    CHECK_FOR_INTERRUPTS();
    while (table_scan_sample_next_tuple(scan, sample, slot))
      visit_row(ExecFetchSlotHeapTuple(slot, false, nullptr), RelationGetDescr(relation), columns,
                reading);
  }
  ExecDropSingleTupleTableSlot(slot);
  table_endscan(scan);
}

void read_table(Relation relation, const Reading& reading) {
  if (reading.scan.percent < 100)
    read_sample(relation, reading);
  else
    read_rows(relation, reading);
}

/// The table itself, and all below it.
void read_tree(Relation table, const Reading& reading) {
  List* tree = find_all_inheritors(RelationGetRelid(table), AccessShareLock, nullptr);
  ListCell* cell = nullptr;
  foreach (cell, tree) {
    Relation relation = table_open(lfirst_oid(cell), NoLock);
    check_kind(relation);
    if (!is_partitioned(relation)) read_table(relation, reading);
    table_close(relation, NoLock);
  }
}

}  // namespace

void scan_rows(const Scan& scan, VisitRow visit, void* context) {
  Relation table = relation_open(scan.table, AccessShareLock);
  check_kind(table);
  check_may_read(table);
  (void)columns_of(table, scan);  // a partitioned table may have no partition
  read_tree(table, {.scan = scan, .visit = visit, .context = context});
  relation_close(table, NoLock);
}

}  // namespace snowflake::pg
