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

}  // namespace snowflake::pg
