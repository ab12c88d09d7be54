#include "pg/owner.hpp"

namespace snowflake::pg {

void check_owns(Oid table) {
  const char* name = get_rel_name(table);
  if (name == nullptr)
    ereport(ERROR,
            (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("there is no relation with OID %u", table)));
  if (!owns_relation(table)) aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, name);
}

void lock_own(Oid table, LOCKMODE lock) {
  check_owns(table);
  LockRelationOid(table, lock);
  check_owns(table);  // it may have changed hands meanwhile
}

void refuse_temporary(Oid table) {
  if (get_rel_persistence(table) != RELPERSISTENCE_TEMP) return;
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                  errmsg("table \"%s\" is temporary", get_rel_name(table))));
}

const char* qualified_name(Oid relation) {
  const char* name = get_rel_name(relation);
  const char* schema = name == nullptr ? nullptr : get_namespace_name(get_rel_namespace(relation));
  if (schema == nullptr)
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
                    errmsg("there is no relation with OID %u any more", relation)));
  return quote_qualified_identifier(schema, name);
}

FormData_pg_class class_of(Oid relation) {
  HeapTuple row = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
  if (!HeapTupleIsValid(row)) elog(ERROR, "cache lookup failed for relation %u", relation);
  const FormData_pg_class fields = *reinterpret_cast<Form_pg_class>(GETSTRUCT(row));
  ReleaseSysCache(row);
  return fields;
}

Rights begin_as_owner(Oid table) {
  Rights before;
  GetUserIdAndSecContext(&before.user, &before.context);
  SetUserIdAndSecContext(class_of(table).relowner, before.context | SECURITY_RESTRICTED_OPERATION);
  before.settings = NewGUCNestLevel();
  return before;
}

void end_as_owner(const Rights& before) {
  AtEOXact_GUC(false, before.settings);
  SetUserIdAndSecContext(before.user, before.context);
}

}  // namespace snowflake::pg
