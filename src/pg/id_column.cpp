#include "pg/id_column.hpp"

namespace snowflake::pg {
namespace {

void check_type(Relation relation, const FormData_pg_attribute& column) {
  if (getBaseType(column.atttypid) != INT8OID)
    ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                    errmsg("column \"%s\" of table \"%s\" is not a bigint", NameStr(column.attname),
                           RelationGetRelationName(relation))));
  if (column.attgenerated != '\0')
    ereport(ERROR, (errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
                    errmsg("column \"%s\" of table \"%s\" is generated", NameStr(column.attname),
                           RelationGetRelationName(relation)),
                    errhint("Name the column that it is generated from.")));
}

}  // namespace

AttrNumber id_column(Relation relation, const char* name) {
  const TupleDesc row = RelationGetDescr(relation);
  const int number = SPI_fnumber(row, name);  // system columns are negative, dropped ones not found
  if (number <= 0)
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                    errmsg("column \"%s\" of table \"%s\" does not exist", name,
                           RelationGetRelationName(relation))));
  check_type(relation, *TupleDescAttr(row, number - 1));
  return static_cast<AttrNumber>(number);
}

std::optional<Id> id_in(HeapTuple tuple, AttrNumber column, TupleDesc row, const Layout& layout) {
  bool is_null = false;
  const std::int64_t value = DatumGetInt64(heap_getattr(tuple, column, row, &is_null));
  if (is_null || value < 0 || static_cast<Id>(value) >> layout.bits() != 0) return std::nullopt;
  return static_cast<Id>(value);
}

}  // namespace snowflake::pg
