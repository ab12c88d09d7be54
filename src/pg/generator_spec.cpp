#include "pg/generator_spec.hpp"

#include "pg/errors.hpp"

namespace snowflake::pg {
namespace {

std::optional<GeneratorSpec> spec_from(const FormData_pg_sequence& row) {
  return unpack({.start = row.seqstart,
                 .increment = row.seqincrement,
                 .min = row.seqmin,
                 .max = row.seqmax,
                 .cache = row.seqcache,
                 .cycle = row.seqcycle});
}

bool is_replaced_here(HeapTupleHeader row) {
  if ((row->t_infomask & HEAP_XMAX_INVALID) != 0 || HEAP_XMAX_IS_LOCKED_ONLY(row->t_infomask))
    return false;
  return TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetUpdateXid(row));
}

bool is_written_here(Oid sequence) {
  HeapTuple tuple = SearchSysCache1(SEQRELID, ObjectIdGetDatum(sequence));
  if (!HeapTupleIsValid(tuple)) return false;
  const TransactionId writer = HeapTupleHeaderGetXmin(tuple->t_data);
  ReleaseSysCache(tuple);
  return TransactionIdIsCurrentTransactionId(writer);
}

/// Whether this transaction has replaced a row that gave the sequence another layout. All versions of the row are looked
/// at, so that it makes no difference whether a parallel worker asks; and what was rolled back does not count.
bool has_changed_layout(Oid sequence, const Layout& layout) {
  if (!is_written_here(sequence)) return false;
  bool found = false;
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_sequence_seqrelid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(sequence));
  Relation pg_sequence = table_open(SequenceRelationId, AccessShareLock);
  SysScanDesc scan =
      systable_beginscan(pg_sequence, SequenceRelidIndexId, true, SnapshotAny, 1, &key);
  for (HeapTuple row; HeapTupleIsValid(row = systable_getnext(scan));) {
    if (!is_replaced_here(row->t_data)) continue;
    const auto spec = spec_from(*reinterpret_cast<Form_pg_sequence>(GETSTRUCT(row)));
    found = found || (spec && spec->layout != layout);
  }
  systable_endscan(scan);
  table_close(pg_sequence, AccessShareLock);
  return found;
}

}  // namespace

std::optional<GeneratorSpec> find_spec(Oid sequence) {
  HeapTuple tuple = SearchSysCache1(SEQRELID, ObjectIdGetDatum(sequence));
  if (!HeapTupleIsValid(tuple)) return std::nullopt;
  const auto spec = spec_from(*reinterpret_cast<Form_pg_sequence>(GETSTRUCT(tuple)));
  ReleaseSysCache(tuple);
  return spec;
}

GeneratorSpec spec_of(Oid sequence) {
  const std::optional<GeneratorSpec> spec = find_spec(sequence);
  const char* name = get_rel_name(sequence);
  if (name == nullptr) raise_no_generator(sequence);
  if (!spec)
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                    errmsg("\"%s\" is not a generator of Snowflake IDs", name),
                    errhint("Make one with snowflake_create_generator().")));
  return *spec;
}

GeneratorSpec spec_in_force(Oid sequence) {
  const GeneratorSpec spec = spec_of(sequence);
  if (has_changed_layout(sequence, spec.layout))
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("the layout of generator \"%s\" was changed in this transaction",
                           get_rel_name(sequence)),
                    errdetail("If it is rolled back, IDs of the new layout could be made again."),
                    errhint("Commit first.")));
  return spec;
}

// A transaction that commits is seen by others a moment before its messages are sent, and it may be held up between. But
// it keeps the lock of the sequence until they are sent. So if the lock is free, they are; if not, this session sends the
// same itself: that the row and what is kept of the sequence must be looked up again.
void tell_of_change(Oid sequence) {
  if (ConditionalLockRelationOid(sequence, RowExclusiveLock))
    return UnlockRelationOid(sequence, RowExclusiveLock);
  SharedInvalidationMessage row{};
  row.cc.id = SEQRELID;
  row.cc.dbId = MyDatabaseId;
  row.cc.hashValue = GetSysCacheHashValue1(SEQRELID, ObjectIdGetDatum(sequence));
  SharedInvalidationMessage relation{};
  relation.rc.id = SHAREDINVALRELCACHE_ID;
  relation.rc.dbId = MyDatabaseId;
  relation.rc.relId = sequence;
  const SharedInvalidationMessage messages[] = {row, relation};
  SendSharedInvalidMessages(messages, std::size(messages));
}

}  // namespace snowflake::pg
