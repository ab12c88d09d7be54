#include "pg/default_layout.hpp"

#include "pg/generator_spec.hpp"

namespace snowflake::pg {
namespace {

/// snowflake_next() itself, of the caller's extension.
bool is_plain_next(Oid function, const FmgrInfo* caller) {
  return getExtensionOfObject(ProcedureRelationId, function) ==
             getExtensionOfObject(ProcedureRelationId, caller->fn_oid) &&
         get_func_nargs(function) == 0;
}

/// What the default depends on, as rows of a catalog's OID and an object's OID.
void read_dependencies(Oid table, AttrNumber column) {
  Oid types[] = {OIDOID, INT2OID};
  Datum values[] = {ObjectIdGetDatum(table), Int16GetDatum(column)};
  if (SPI_execute_with_args(
          "SELECT d.refclassid, d.refobjid FROM pg_catalog.pg_attrdef AS a "
          "JOIN pg_catalog.pg_depend AS d ON d.objid OPERATOR(pg_catalog.=) a.oid "
          "AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_attrdef'::pg_catalog.regclass "
          "WHERE a.adrelid OPERATOR(pg_catalog.=) $1 AND a.adnum OPERATOR(pg_catalog.=) $2",
          2, types, values, nullptr, true, 0) != SPI_OK_SELECT)
    elog(ERROR, "could not read what the default depends on");
}

Oid oid_in(HeapTuple row, int number) {
  bool is_null = false;
  return DatumGetObjectId(SPI_getbinval(row, SPI_tuptable->tupdesc, number, &is_null));
}

std::optional<Layout> layout_of(Oid catalog, Oid object, const FmgrInfo* caller) {
  if (catalog == ProcedureRelationId && is_plain_next(object, caller)) return standard_layout;
  if (catalog != RelationRelationId || get_rel_relkind(object) != RELKIND_SEQUENCE)
    return std::nullopt;
  const std::optional<GeneratorSpec> spec = find_spec(object);
  return spec ? std::optional(spec->layout) : std::nullopt;
}

}  // namespace

std::optional<Layout> layout_of_default(Oid table, AttrNumber column, const FmgrInfo* caller) {
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
  read_dependencies(table, column);
  std::optional<Layout> layout;
  for (std::uint64_t i = 0; i < SPI_processed && !layout; ++i)
    layout = layout_of(oid_in(SPI_tuptable->vals[i], 1), oid_in(SPI_tuptable->vals[i], 2), caller);
  SPI_finish();
  return layout;
}

}  // namespace snowflake::pg
