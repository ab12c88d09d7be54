#include "pg/id_column.hpp"

namespace snowflake::pg {
namespace {

AttrNumber column_of(Relation relation, const char* name) {
  // System columns are negative, dropped ones not found.
  const int number = SPI_fnumber(RelationGetDescr(relation), name);
  if (number <= 0)
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                    errmsg("column \"%s\" of table \"%s\" does not exist", name,
                           RelationGetRelationName(relation))));
  return static_cast<AttrNumber>(number);
}

const FormData_pg_attribute& attribute_of(TupleDesc row, AttrNumber column) {
  return *TupleDescAttr(row, column - 1);
}

void check_type(Relation relation, const FormData_pg_attribute& column, bool has_it,
                const char* type) {
  if (!has_it)
    ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                    errmsg("column \"%s\" of table \"%s\" is not a %s", NameStr(column.attname),
                           RelationGetRelationName(relation), type)));
}

void check_is_no_expression(Relation relation, const FormData_pg_attribute& column) {
  if (column.attgenerated != '\0')
    ereport(ERROR, (errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
                    errmsg("column \"%s\" of table \"%s\" is generated", NameStr(column.attname),
                           RelationGetRelationName(relation)),
                    errhint("Name the column that it is generated from.")));
}

}  // namespace

AttrNumber id_column(Relation relation, const char* name) {
  const AttrNumber number = column_of(relation, name);
  const FormData_pg_attribute& column = attribute_of(RelationGetDescr(relation), number);
  check_type(relation, column, getBaseType(column.atttypid) == INT8OID, "bigint");
  check_is_no_expression(relation, column);
  return number;
}

AttrNumber time_column(Relation relation, const char* name) {
  const AttrNumber number = column_of(relation, name);
  const FormData_pg_attribute& column = attribute_of(RelationGetDescr(relation), number);
  const Oid type = getBaseType(column.atttypid);
  check_type(relation, column, type == TIMESTAMPTZOID || type == TIMESTAMPOID, "timestamp");
  check_is_no_expression(relation, column);
  return number;
}

std::optional<std::int64_t> bigint_in(HeapTuple tuple, AttrNumber column, TupleDesc row) {
  bool is_null = false;
  const std::int64_t value = DatumGetInt64(heap_getattr(tuple, column, row, &is_null));
  if (is_null) return std::nullopt;
  return value;
}

std::optional<Id> id_in(HeapTuple tuple, AttrNumber column, TupleDesc row, const Layout& layout) {
  const std::optional<std::int64_t> value = bigint_in(tuple, column, row);
  if (!value || *value < 0 || static_cast<Id>(*value) >> layout.bits() != 0) return std::nullopt;
  return static_cast<Id>(*value);
}

std::optional<TimestampTz> time_in(HeapTuple tuple, AttrNumber column, TupleDesc row) {
  const std::optional<std::int64_t> time = bigint_in(tuple, column, row);  // it is stored as one
  if (!time || TIMESTAMP_NOT_FINITE(*time)) return std::nullopt;
  if (getBaseType(attribute_of(row, column).atttypid) == TIMESTAMPTZOID) return time;
  // Elsewhere than UTC it may be out of range.
  if (*time < MIN_TIMESTAMP + USECS_PER_DAY || *time >= END_TIMESTAMP - USECS_PER_DAY)
    return std::nullopt;
  return DatumGetTimestampTz(DirectFunctionCall1(timestamp_timestamptz, TimestampGetDatum(*time)));
}

}  // namespace snowflake::pg
