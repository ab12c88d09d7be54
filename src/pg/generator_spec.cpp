#include "pg/generator_spec.hpp"

namespace snowflake::pg {
namespace {

std::optional<GeneratorSpec> spec_from(const FormData_pg_sequence& row) {
  return unpack({.start = row.seqstart,
                 .increment = row.seqincrement,
                 .min = row.seqmin,
                 .max = row.seqmax,
                 .cache = row.seqcache});
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
  if (name == nullptr)
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
                    errmsg("there is no generator with OID %u", sequence)));
  if (!spec)
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                    errmsg("\"%s\" is not a generator of Snowflake IDs", name),
                    errhint("Make one with snowflake_create_generator().")));
  return *spec;
}

void refuse_unless_permanent(Oid sequence) {
  if (get_rel_persistence(sequence) == RELPERSISTENCE_PERMANENT) return;
  ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                  errmsg("generator \"%s\" must be neither temporary nor unlogged",
                         get_rel_name(sequence)),
                  errdetail("Its horizon has to survive a crash."),
                  errhint("If it is unlogged: ALTER SEQUENCE ... SET LOGGED.")));
}

void visit_generators_of(const Layout& layout, void (*visit)(Oid, void*), void* context) {
  Relation sequences = table_open(SequenceRelationId, AccessShareLock);
  SysScanDesc scan = systable_beginscan(sequences, InvalidOid, false, nullptr, 0, nullptr);
  for (HeapTuple tuple; HeapTupleIsValid(tuple = systable_getnext(scan));) {
    const auto& row = *reinterpret_cast<Form_pg_sequence>(GETSTRUCT(tuple));
    const std::optional<GeneratorSpec> spec = spec_from(row);
    if (!spec || spec->layout != layout) continue;
    if (get_rel_persistence(row.seqrelid) == RELPERSISTENCE_PERMANENT) visit(row.seqrelid, context);
  }
  systable_endscan(scan);
  table_close(sequences, AccessShareLock);
}

}  // namespace snowflake::pg
