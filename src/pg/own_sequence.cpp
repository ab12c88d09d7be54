#include "pg/own_sequence.hpp"

namespace snowflake::pg {
namespace {

constexpr const char* sequence_name = "snowflake_id";

Oid find_own_sequence(Oid function) {
  const Oid sequence = get_relname_relid(sequence_name, get_func_namespace(function));
  if (!OidIsValid(sequence)) return InvalidOid;
  const Oid extension = getExtensionOfObject(ProcedureRelationId, function);
  const bool is_own =
      OidIsValid(extension) && getExtensionOfObject(RelationRelationId, sequence) == extension;
  return is_own ? sequence : InvalidOid;
}

// A function may be called once more just after it was dropped with the extension: then nothing is missing.
[[noreturn]] void raise_missing(Oid function) {
  if (!OidIsValid(getExtensionOfObject(ProcedureRelationId, function)))
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
                    errmsg("the extension snowflake_id was dropped")));
  ereport(ERROR,
          (errcode(ERRCODE_UNDEFINED_TABLE),
           errmsg("the sequence \"%s\" of the extension snowflake_id is missing", sequence_name),
           errhint("It must have that name and be in the extension's schema.")));
  pg_unreachable();
}

}  // namespace

Oid own_sequence(const FmgrInfo* caller) {
  const Oid sequence = find_own_sequence(caller->fn_oid);
  const char persistence = OidIsValid(sequence) ? get_rel_persistence(sequence) : '\0';
  if (persistence == '\0') raise_missing(caller->fn_oid);
  if (persistence != RELPERSISTENCE_PERMANENT)
    ereport(ERROR,
            (errcode(ERRCODE_WRONG_OBJECT_TYPE),
             errmsg("the sequence \"%s\" of the extension snowflake_id is unlogged", sequence_name),
             errdetail("It holds the horizon, which has to survive a crash."),
             errhint("ALTER SEQUENCE ... SET LOGGED.")));
  return sequence;
}

bool is_own_sequence(Oid sequence, const FmgrInfo* caller) {
  return sequence == find_own_sequence(caller->fn_oid);
}

}  // namespace snowflake::pg
