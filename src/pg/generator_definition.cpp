// SQL functions that create generators, alter them, and say what they are.
//
// To alter one is to alter its sequence: as transactional, under the same lock, with the same rights; and auditors see
// the statement. Sessions take it up when they look for messages, at the latest when they reserve IDs.
#include "core/clock.hpp"
#include "core/succession.hpp"
#include "pg/errors.hpp"
#include "pg/generator.hpp"
#include "pg/generator_spec.hpp"
#include "pg/layout.hpp"
#include "pg/own_sequence.hpp"
#include "pg/postgres.hpp"
#include "pg/row.hpp"
#include "pg/time.hpp"

namespace snowflake::pg {
namespace {

Prefix checked_prefix(const text* given) {
  const auto prefix = Prefix::of({VARDATA_ANY(given), VARSIZE_ANY_EXHDR(given)});
  if (!prefix)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("invalid prefix \"%s\"", text_to_cstring(given)),
                    errdetail("A prefix has up to %d letters, digits and underscores.",
                              static_cast<int>(Prefix::max_length))));
  return *prefix;
}

/// 0: no limit.
std::uint32_t checked_rate_limit(std::int32_t given) {
  if (given < 0 || given > static_cast<std::int32_t>(most_ids_per_second))
    ereport(
        ERROR,
        (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid rate limit: %d", given),
         errdetail("A rate limit is 1 to %u IDs a second; 0 is no limit.", most_ids_per_second)));
  return static_cast<std::uint32_t>(given);
}

/// Where CREATE SEQUENCE would put a relation of that possibly qualified name.
struct Place {
  Oid schema;
  const char* name;
};

Place place_of(text* given) {
  RangeVar* name = makeRangeVarFromNameList(textToQualifiedNameList(given));
  return {.schema = RangeVarGetCreationNamespace(name), .name = name->relname};
}

const char* create_statement(const char* name, const SequenceParameters& parameters) {
  return psprintf(
      "CREATE SEQUENCE %s AS bigint START WITH %lld INCREMENT BY %lld MINVALUE %lld MAXVALUE %lld "
      "CACHE %lld NO CYCLE",
      name, static_cast<long long>(parameters.start), static_cast<long long>(parameters.increment),
      static_cast<long long>(parameters.min), static_cast<long long>(parameters.max),
      static_cast<long long>(parameters.cache));
}

// What makes a generator, START and INCREMENT, is never changed.
const char* alter_statement(const char* name, const SequenceParameters& parameters) {
  return psprintf("ALTER SEQUENCE %s MINVALUE %lld MAXVALUE %lld CACHE %lld", name,
                  static_cast<long long>(parameters.min), static_cast<long long>(parameters.max),
                  static_cast<long long>(parameters.cache));
}

/// Runs it with the privileges of the caller.
void run(const char* statement) {
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
  if (SPI_execute(statement, false, 0) != SPI_OK_UTILITY)
    elog(ERROR, "could not run: %s", statement);
  SPI_finish();
}

/// A prefix may be empty.
NullableDatum text_datum(std::string_view value) {
  text* copy = cstring_to_text_with_len(value.data(), static_cast<int>(value.size()));
  return {.value = PointerGetDatum(copy), .isnull = false};
}

void refuse_own_generator(Oid sequence, const FmgrInfo* caller) {
  if (!is_own_sequence(sequence, caller)) return;
  ereport(ERROR,
          (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
           errmsg("the extension's own generator \"%s\" cannot be altered", get_rel_name(sequence)),
           errdetail("It keeps the horizon of the database, in the standard layout."),
           errhint("Create a generator of your own with snowflake_create_generator().")));
}

/// As ALTER SEQUENCE does it. From then on nobody else alters, renames or drops it. Nobody waits for a lock on what is
/// somebody else's.
void lock_as_owner(Oid sequence) {
  if (!owns_relation(sequence))
    aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_SEQUENCE, get_rel_name(sequence));
  LockRelationOid(sequence, ShareRowExclusiveLock);
}

/// The spec with the options of the call; one that is NULL stays as it is.
GeneratorSpec with_options(GeneratorSpec spec, FunctionCallInfo fcinfo) {
  if (!PG_ARGISNULL(1)) spec.layout = layout_argument(fcinfo, 1);
  if (!PG_ARGISNULL(2)) spec.ordered = PG_GETARG_BOOL(2);
  if (!PG_ARGISNULL(3)) spec.prefix = checked_prefix(PG_GETARG_TEXT_PP(3));
  if (!PG_ARGISNULL(4)) spec.encoding = checked_encoding(PG_GETARG_TEXT_PP(4));
  if (!PG_ARGISNULL(5)) spec.rate_limit = checked_rate_limit(PG_GETARG_INT32(5));
  return spec;
}

[[noreturn]] void raise_not_larger(Oid sequence, std::optional<UnixMs> from) {
  ereport(
      ERROR,
      (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
       from ? errmsg("the layout of generator \"%s\" cannot be changed yet", get_rel_name(sequence))
            : errmsg("the layout of generator \"%s\" cannot be changed to this one",
                     get_rel_name(sequence)),
       errdetail("IDs of the new layout would not all be larger than those made before."),
       from ? errhint("From %s on they will be.", utc_text(*from).text)
            : errhint("They never will be, as long as IDs are made. Create another generator "
                      "with snowflake_create_generator().")));
  pg_unreachable();
}

// From the clock on, where the time of IDs is ahead of it: that may be reset. And from a time that is on record: no
// later life of the database makes IDs of an earlier one.
//
// What the transaction makes others believe must not be lost by a crash: they make IDs of the new layout, which are given
// to clients.
void check_succession(Oid sequence, const Layout& before, const Layout& after,
                      const FmgrInfo* caller) {
  (void)spec_in_force(sequence);  // an error, if it was changed here already
  check_can_make(after);
  const Instant now = recorded_time(caller);
  const UnixMs since = std::min(now.ms(), now.wall_ms());
  const std::optional<UnixMs> from = succeeds_from(before, after, since);
  if (!from || *from > since) raise_not_larger(sequence, from);
  ForceSyncCommit();
}

/// By name, as there is no other way: so it is looked whether it was the right one. (A schema may be renamed meanwhile.)
void alter(Oid sequence, const GeneratorSpec& spec) {
  const char* name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(sequence)),
                                                get_rel_name(sequence));
  run(alter_statement(name, pack(spec)));
  if (find_spec(sequence) != spec) elog(ERROR, "sequence %s was renamed meanwhile", name);
}

}  // namespace

// The value is set so that nextval() fails at once, instead of giving 1 first.
SNOWFLAKE_SQL_FUNCTION(snowflake_create_generator) {
  if (PG_ARGISNULL(0)) PG_RETURN_NULL();
  const Place place = place_of(PG_GETARG_TEXT_PP(0));
  const GeneratorSpec spec = with_options({.layout = standard_layout}, fcinfo);
  check_can_make(spec.layout);
  const char* name = quote_qualified_identifier(get_namespace_name(place.schema), place.name);
  run(create_statement(name, pack(spec)));
  const Oid sequence = get_relname_relid(place.name, place.schema);
  DirectFunctionCall2(setval_oid, ObjectIdGetDatum(sequence), Int64GetDatum(1));
  PG_RETURN_OID(sequence);
}

// What this rests on is said in generator.hpp and succession.hpp.
SNOWFLAKE_SQL_FUNCTION(snowflake_alter_generator) {
  if (PG_ARGISNULL(0)) PG_RETURN_NULL();
  const Oid sequence = PG_GETARG_OID(0);
  (void)spec_of(sequence);  // an error, if it is no generator
  refuse_own_generator(sequence, fcinfo->flinfo);
  lock_as_owner(sequence);
  const GeneratorSpec before = spec_of(sequence);
  const GeneratorSpec after = with_options(before, fcinfo);
  if (after.layout != before.layout)
    check_succession(sequence, before.layout, after.layout, fcinfo->flinfo);
  if (after != before) alter(sequence, after);
  PG_RETURN_VOID();
}

SNOWFLAKE_SQL_FUNCTION(snowflake_succeeds_from) {
  const std::optional<UnixMs> from =
      succeeds_from(layout_argument(fcinfo, 0), layout_argument(fcinfo, 1), wall_clock_ms());
  if (!from) PG_RETURN_NULL();
  PG_RETURN_TIMESTAMPTZ(timestamptz_of(*from));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_generator_spec) {
  const std::optional<GeneratorSpec> spec = find_spec(PG_GETARG_OID(0));
  if (!spec) PG_RETURN_NULL();
  const NullableDatum columns[] = {
      layout_column(spec->layout), bool_column(spec->ordered), text_datum(spec->prefix.text()),
      text_datum(name_of(spec->encoding)), int_column(static_cast<std::int32_t>(spec->rate_limit))};
  return row_of(result_row(fcinfo), columns);
}

}  // namespace snowflake::pg
