#include "pg/backfill_table.hpp"

#include "pg/id_column.hpp"
#include "pg/owner.hpp"

namespace snowflake::pg {
namespace {

void refuse(int sqlstate, Relation table, const char* problem, const char* hint) {
  ereport(ERROR,
          (errcode(sqlstate), errmsg("table \"%s\" %s", RelationGetRelationName(table), problem),
           hint == nullptr ? 0 : errhint("%s", hint)));
}

bool is_partitioned(Relation table) { return table->rd_rel->relkind == RELKIND_PARTITIONED_TABLE; }

void check_kind(Relation table) {
  if (table->rd_rel->relkind != RELKIND_RELATION && !is_partitioned(table))
    refuse(ERRCODE_WRONG_OBJECT_TYPE, table, "is no table", nullptr);
  if (!is_partitioned(table) && has_subclass(RelationGetRelid(table)))
    refuse(ERRCODE_FEATURE_NOT_SUPPORTED, table, "has tables that inherit from it", nullptr);
}

/// Rows that a policy hides from the owner would stay empty, and nobody notice.
void check_sees_all(Relation table) {
  if (check_enable_rls(RelationGetRelid(table), table->rd_rel->relowner, true) == RLS_ENABLED)
    refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, table,
           "has row-level security that is forced upon its owner",
           "ALTER TABLE … NO FORCE ROW LEVEL SECURITY, for as long as this takes.");
}

void check_has_default(Relation table, const FormData_pg_attribute& column) {
  if (column.atthasdef || column.attidentity != '\0') return;
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("column \"%s\" of table \"%s\" has no default", NameStr(column.attname),
                         RelationGetRelationName(table)),
                  errdetail("Rows that are inserted meanwhile would be without an ID."),
                  errhint("ALTER TABLE … ALTER COLUMN … SET DEFAULT snowflake_next() first.")));
}

const char* operator_name(Oid number) {
  HeapTuple row = SearchSysCache1(OPEROID, ObjectIdGetDatum(number));
  if (!HeapTupleIsValid(row)) elog(ERROR, "cache lookup failed for operator %u", number);
  const auto& fields = *reinterpret_cast<Form_pg_operator>(GETSTRUCT(row));
  const char* name =
      psprintf("OPERATOR(%s.%s)", quote_identifier(get_namespace_name(fields.oprnamespace)),
               NameStr(fields.oprname));
  ReleaseSysCache(row);
  return name;
}

const char* quoted_column(Relation table, AttrNumber number) {
  const auto& column = *TupleDescAttr(RelationGetDescr(table), number - 1);
  return quote_identifier(pstrdup(NameStr(column.attname)));
}

KeyColumn key_column(Relation table, Relation index, int place) {
  const Oid type = index->rd_opcintype[place];
  return {.name = quoted_column(table, index->rd_index->indkey.values[place]),
          .equality = operator_name(
              get_opfamily_member(index->rd_opfamily[place], type, type, BTEqualStrategyNumber))};
}

void read_key(Relation table, BackfillTable& of) {
  list_free(RelationGetIndexList(table));  // finds the primary key
  if (!OidIsValid(table->rd_pkindex))
    refuse(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, table, "has no primary key",
           "It tells rows of one time apart, and finds them again.");
  Relation index = index_open(table->rd_pkindex, AccessShareLock);
  of.key_count = IndexRelationGetNumberOfKeyAttributes(index);
  for (int place = 0; place < of.key_count; ++place)
    of.keys[place] = key_column(table, index, place);
  index_close(index, NoLock);
}

/// "a.k1 = b.key1 AND …"
void append_match(StringInfo text, const BackfillTable& of, const char* rows) {
  for (int place = 0; place < of.key_count; ++place)
    appendStringInfo(text, "t.%s %s %s.key%d AND ", of.keys[place].name, of.keys[place].equality,
                     rows, place + 1);
  appendStringInfo(text, "t.%s IS NULL", of.column);
}

}  // namespace

BackfillTable backfill_table(Oid oid, const char* column) {
  Relation table = relation_open(oid, NoLock);
  check_kind(table);
  check_sees_all(table);
  BackfillTable of{};
  of.oid = oid;
  of.column_number = id_column(table, column);
  check_has_default(table, *TupleDescAttr(RelationGetDescr(table), of.column_number - 1));
  of.column = quoted_column(table, of.column_number);
  of.table = qualified_name(oid);
  of.bare = quote_identifier(get_rel_name(oid));
  of.only = is_partitioned(table) ? "" : "ONLY ";
  read_key(table, of);
  relation_close(table, NoLock);
  return of;
}

const char* query_of_empty(const BackfillTable& of) {
  return psprintf("SELECT 1 FROM %s%s AS t WHERE t.%s IS NULL LIMIT 1", of.only, of.table,
                  of.column);
}

// The expression is the caller's own, and names columns with or without the table's name. A comment may end it.
const char* query_of_rows(const BackfillTable& of, const char* time) {
  StringInfoData text;
  StringInfoData order;
  initStringInfo(&text);
  initStringInfo(&order);
  appendStringInfoString(&text, "SELECT ");
  appendStringInfo(&order, "%d", of.key_count + 1);
  for (int place = 0; place < of.key_count; ++place) {
    appendStringInfo(&text, "%s.%s AS key%d, ", of.bare, of.keys[place].name, place + 1);
    appendStringInfo(&order, ", %d", place + 1);
  }
  appendStringInfo(&text,
                   "(%s\n)::pg_catalog.timestamptz AS time, %s.%s AS id FROM %s%s ORDER BY %s",
                   time, of.bare, of.column, of.only, of.table, order.data);
  return text.data;
}

const char* query_of_ids(const BackfillTable& of) {
  return psprintf(
      "SELECT t.%s::pg_catalog.int8 AS id FROM %s%s AS t WHERE t.%s IS NOT NULL ORDER BY 1",
      of.column, of.only, of.table, of.column);
}

// What a trigger has kept from being written is not counted.
const char* update_of(const BackfillTable& of, const char* rows, bool skips_locked) {
  StringInfoData text;
  initStringInfo(&text);
  const char* source = skips_locked ? "locked" : rows;
  appendStringInfoString(&text, "WITH ");
  if (skips_locked) {
    appendStringInfo(&text, "locked AS (SELECT %s.* FROM %s JOIN %s%s AS t ON ", rows, rows,
                     of.only, of.table);
    append_match(&text, of, rows);
    appendStringInfoString(&text, " FOR UPDATE OF t SKIP LOCKED), ");
  }
  appendStringInfo(&text, "filled AS (UPDATE %s%s AS t SET %s = %s.id FROM %s WHERE ", of.only,
                   of.table, of.column, source, source);
  append_match(&text, of, source);
  appendStringInfo(&text, " RETURNING t.%s AS id) SELECT pg_catalog.count(id) FROM filled",
                   of.column);
  return text.data;
}

}  // namespace snowflake::pg
