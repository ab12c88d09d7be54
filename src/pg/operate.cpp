// SQL functions for those who run servers: create generators, tell the clock of other IDs, reset it.
#include "pg/errors.hpp"
#include "pg/generator_spec.hpp"
#include "pg/generators.hpp"
#include "pg/horizon.hpp"
#include "pg/layout.hpp"
#include "pg/postgres.hpp"
#include "pg/row.hpp"
#include "pg/shmem.hpp"
#include "pg/wait.hpp"

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

}  // namespace

// The value is set so that nextval() fails at once, instead of giving 1 first.
SNOWFLAKE_SQL_FUNCTION(snowflake_create_generator) {
  const Place place = place_of(PG_GETARG_TEXT_PP(0));
  const GeneratorSpec spec{.layout = layout_argument(fcinfo, 1),
                           .ordered = PG_GETARG_BOOL(2),
                           .encoding = checked_encoding(PG_GETARG_TEXT_PP(4)),
                           .prefix = checked_prefix(PG_GETARG_TEXT_PP(3)),
                           .rate_limit = checked_rate_limit(PG_GETARG_INT32(5))};
  check_can_make(spec.layout);
  const char* name = quote_qualified_identifier(get_namespace_name(place.schema), place.name);
  run(create_statement(name, pack(spec)));
  const Oid sequence = get_relname_relid(place.name, place.schema);
  DirectFunctionCall2(setval_oid, ObjectIdGetDatum(sequence), Int64GetDatum(1));
  PG_RETURN_OID(sequence);
}

SNOWFLAKE_SQL_FUNCTION(snowflake_generator_spec) {
  const std::optional<GeneratorSpec> spec = find_spec(PG_GETARG_OID(0));
  if (!spec) PG_RETURN_NULL();
  const NullableDatum columns[] = {
      layout_column(spec->layout), bool_column(spec->ordered), text_datum(spec->prefix.text()),
      text_datum(name_of(spec->encoding)), int_column(static_cast<std::int32_t>(spec->rate_limit))};
  return row_of(result_row(fcinfo), columns);
}

SNOWFLAKE_SQL_FUNCTION(snowflake_observe) {
  const FmgrInfo* caller = fcinfo->flinfo;
  Generator& generator = generator_argument(fcinfo, 1);
  generator.observe(caller, checked_id(PG_GETARG_INT64(0), generator.spec(caller).layout));
  PG_RETURN_VOID();
}

// Reservations that were made before go on until their tick ends: at half speed, that is two of the longest units.
SNOWFLAKE_SQL_FUNCTION(snowflake_reset_clock) {
  if (!superuser())
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("must be superuser to reset the clock of Snowflake IDs")));
  refuse_on_standby();
  horizon.bind(fcinfo->flinfo);
  if (horizon.reset()) rest(longest_making_unit_ms * ns_per_ms * 2, boot_clock_ns);
  PG_RETURN_VOID();
}

}  // namespace snowflake::pg
