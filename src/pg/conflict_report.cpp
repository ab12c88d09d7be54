// snowflake_node_conflicts(table, column): which node numbers two servers have used in one table, after the fact. The
// server that receives the rows of the others knows of each where it came from: a replication origin, noted with the
// commit of the row's transaction where track_commit_timestamp is on.
//
//     SELECT * FROM snowflake_node_conflicts('orders', 'id');
//
// Which rows tell something. One as it was inserted: an UPDATE gives a row the origin of whoever updated it. One that
// was committed soon after its ID was made: a restored, copied or rewritten one has the origin of that. One whose
// origin still has a name: that of an initial copy has none afterwards, nor has that of a dropped subscription.
//
// Guarantees: needs SELECT on the table; refuses where row-level security would hide rows. The table is opened by its
// OID and read as it is stored: no expression, no function and no name of its owner's is run or looked up. It can be
// cancelled.
//
// Limits: heap tables, and trees of partitions of them. It sees what this server received since track_commit_timestamp
// is on, as far as VACUUM has not truncated that. It reads the whole table.
#include <algorithm>

#include "pg/id_column.hpp"
#include "pg/layout.hpp"
#include "pg/postgres.hpp"
#include "pg/time.hpp"

namespace snowflake::pg {
namespace {

/// The rows of one node that came from one origin. `key` comes first, and is compared as bytes.
struct Use {
  struct Key {
    std::uint32_t node;
    std::uint32_t origin;
  } key;
  std::int64_t rows;
  Id first;
  Id last;
  const char* origin_name;  // nullptr: this server
};

/// What the function was asked.
struct Question {
  const char* column;
  Layout layout;
  std::int64_t delay_us;
};

HTAB* new_uses() {
  HASHCTL control{};
  control.keysize = sizeof(Use::Key);
  control.entrysize = sizeof(Use);
  control.hcxt = CurrentMemoryContext;
  return hash_create("snowflake_id uses of nodes", 64, &control,
                     HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

void count(HTAB* uses, const Use::Key& key, Id id) {
  bool found = false;
  auto* use = static_cast<Use*>(hash_search(uses, &key, HASH_ENTER, &found));
  if (!found) *use = {.key = key, .rows = 0, .first = id, .last = id, .origin_name = nullptr};
  ++use->rows;
  use->first = std::min(use->first, id);
  use->last = std::max(use->last, id);
}

// --- What is read ---

void refuse_kind(Relation relation, const char* detail) {
  ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                  errmsg("\"%s\" does not tell where its rows came from",
                         RelationGetRelationName(relation)),
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

/// Where a row that tells something came from.
std::optional<Origin> origin_of(HeapTuple row, TimestampTz latest_commit) {
  if ((row->t_data->t_infomask & HEAP_UPDATED) != 0) return std::nullopt;
  TimestampTz committed = 0;
  Origin origin = 0;
  const TransactionId inserted_by = HeapTupleHeaderGetRawXmin(row->t_data);
  if (!TransactionIdGetCommitTsData(inserted_by, &committed, &origin)) return std::nullopt;
  if (committed > latest_commit) return std::nullopt;
  return origin;
}

void count_row(HTAB* uses, HeapTuple row, AttrNumber column, TupleDesc type,
               const Question& asked) {
  const std::optional<Id> id = id_in(row, column, type, asked.layout);
  if (!id) return;
  const Parts parts = asked.layout.decode(*id);
  const TimestampTz made = timestamptz_at(parts.tick, asked.layout);
  const std::optional<Origin> origin = origin_of(row, made + asked.delay_us);
  if (origin) count(uses, {.node = static_cast<std::uint32_t>(parts.node), .origin = *origin}, *id);
}

void count_rows(HTAB* uses, Relation relation, const Question& asked) {
  check_kind(relation);
  if (is_partitioned(relation)) return;
  const AttrNumber column = id_column(relation, asked.column);
  SysScanDesc scan =
      systable_beginscan(relation, InvalidOid, false, GetActiveSnapshot(), 0, nullptr);
  while (HeapTuple row = systable_getnext(scan)) {
    CHECK_FOR_INTERRUPTS();
    count_row(uses, row, column, RelationGetDescr(relation), asked);
  }
  systable_endscan(scan);
}

/// The table itself and, in a tree of partitions or of inheritance, all below it.
void count_tree(HTAB* uses, Relation table, const Question& asked) {
  List* tree = find_all_inheritors(RelationGetRelid(table), AccessShareLock, nullptr);
  ListCell* cell = nullptr;
  foreach (cell, tree) {
    Relation relation = table_open(lfirst_oid(cell), NoLock);
    count_rows(uses, relation, asked);
    table_close(relation, NoLock);
  }
}

HTAB* uses_in(Oid oid, const Question& asked) {
  HTAB* uses = new_uses();
  Relation table = relation_open(oid, AccessShareLock);
  check_kind(table);
  check_may_read(table);
  (void)id_column(table, asked.column);
  count_tree(uses, table, asked);
  relation_close(table, NoLock);
  return uses;
}

// --- What is said ---

struct Report {
  Use* uses;
  std::size_t count;
};

/// False if the origin has no name any more.
bool find_origin_name(Use& use) {
  if (use.key.origin == 0) return true;
  char* name = nullptr;
  if (use.key.origin == PG_UINT16_MAX) return false;
  if (!replorigin_by_oid(static_cast<Origin>(use.key.origin), true, &name)) return false;
  use.origin_name = name;
  return true;
}

/// Those that have a name, by node and origin.
Report named_uses(HTAB* table) {
  const auto room = static_cast<std::size_t>(hash_get_num_entries(table));
  auto* uses = static_cast<Use*>(palloc(std::max<std::size_t>(room, 1) * sizeof(Use)));
  std::size_t count = 0;
  HASH_SEQ_STATUS entries;
  hash_seq_init(&entries, table);
  while (auto* use = static_cast<Use*>(hash_seq_search(&entries)))
    if (find_origin_name(*use)) uses[count++] = *use;
  std::sort(uses, uses + count, [](const Use& a, const Use& b) {
    return a.key.node != b.key.node ? a.key.node < b.key.node : a.key.origin < b.key.origin;
  });
  return {.uses = uses, .count = count};
}

/// Leaves those whose node has another use beside it.
Report conflicts_among(const Report& all) {
  Report conflicts{.uses = all.uses, .count = 0};
  for (std::size_t begin = 0, end = 0; begin < all.count; begin = end) {
    while (end < all.count && all.uses[end].key.node == all.uses[begin].key.node) ++end;
    if (end - begin < 2) continue;
    for (std::size_t i = begin; i < end; ++i) conflicts.uses[conflicts.count++] = all.uses[i];
  }
  return conflicts;
}

Datum time_of(Id id, const Layout& layout) {
  return TimestampTzGetDatum(timestamptz_at(layout.decode(id).tick, layout));
}

Datum row_of(const FuncCallContext* set, const Use& use, const Layout& layout) {
  const bool is_here = use.origin_name == nullptr;
  Datum values[] = {Int32GetDatum(static_cast<int32>(use.key.node)),
                    is_here ? Datum{0} : CStringGetTextDatum(use.origin_name),
                    Int64GetDatum(use.rows),
                    time_of(use.first, layout),
                    time_of(use.last, layout),
                    Int64GetDatum(static_cast<std::int64_t>(use.first))};
  bool nulls[] = {false, is_here, false, false, false, false};
  return HeapTupleGetDatum(heap_form_tuple(set->tuple_desc, values, nulls));
}

// --- The call ---

/// 22023 unless it is between 0 and 100 years: no time that it is added to overflows then.
std::int64_t microseconds(const Interval& interval) {
  constexpr std::int32_t most_days = 36500;
  constexpr std::int64_t most = most_days * static_cast<std::int64_t>(USECS_PER_DAY);
  if (interval.month == 0 && interval.day >= 0 && interval.day <= most_days && interval.time >= 0 &&
      interval.time <= most)
    return interval.time + interval.day * static_cast<std::int64_t>(USECS_PER_DAY);
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("max_delay is out of range"),
                  errdetail("It must be between 0 and %d days, and have no months.", most_days)));
  pg_unreachable();
}

Question question(FunctionCallInfo fcinfo) {
  const Layout& layout = layout_argument(fcinfo, 2);
  if (!layout.node.present())
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the layout has no node")));
  return {.column = NameStr(*PG_GETARG_NAME(1)),
          .layout = layout,
          .delay_us = microseconds(*PG_GETARG_INTERVAL_P(3))};
}

FuncCallContext* begin_report(FunctionCallInfo fcinfo) {
  FuncCallContext* set = SRF_FIRSTCALL_INIT();
  const MemoryContext caller = MemoryContextSwitchTo(set->multi_call_memory_ctx);
  set->tuple_desc = result_row(fcinfo);
  auto* report = static_cast<Report*>(palloc(sizeof(Report)));
  *report = conflicts_among(named_uses(uses_in(PG_GETARG_OID(0), question(fcinfo))));
  set->user_fctx = report;
  MemoryContextSwitchTo(caller);
  return set;
}

}  // namespace

SNOWFLAKE_SQL_FUNCTION(snowflake_node_conflicts) {
  if (SRF_IS_FIRSTCALL()) begin_report(fcinfo);
  FuncCallContext* set = SRF_PERCALL_SETUP();
  const auto* report = static_cast<const Report*>(set->user_fctx);
  if (set->call_cntr == report->count) SRF_RETURN_DONE(set);
  const Use& use = report->uses[set->call_cntr];  // SRF_RETURN_NEXT counts before it evaluates
  SRF_RETURN_NEXT(set, row_of(set, use, layout_argument(fcinfo, 2)));
}

}  // namespace snowflake::pg
