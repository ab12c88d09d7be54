// SQL functions for those who run servers: make generators, look at the clock, tell it of other
// IDs, put it right.
#include "pg/errors.hpp"
#include "pg/generator.hpp"
#include "pg/generator_spec.hpp"
#include "pg/layout.hpp"
#include "pg/postgres.hpp"
#include "pg/shmem.hpp"
#include "pg/time.hpp"

namespace snowflake::pg {
namespace {

Datum interval_of(Tick ticks, const Layout& layout) {
  return DirectFunctionCall2(timestamp_mi, TimestampGetDatum(timestamptz_at(ticks, layout)),
                             TimestampGetDatum(timestamptz_at(0, layout)));
}

Prefix checked_prefix(const text* given) {
  const auto prefix = Prefix::of({VARDATA_ANY(given), VARSIZE_ANY_EXHDR(given)});
  if (!prefix)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("invalid prefix \"%s\"", text_to_cstring(given)),
                    errdetail("A prefix has up to %d letters, digits and underscores.",
                              static_cast<int>(Prefix::max_length))));
  return *prefix;
}

/// Where CREATE SEQUENCE would put a relation of that possibly qualified name.
struct Place {
  Oid schema;
  const char* name;
};

Place place_of(text* given) {
  RangeVar* name = makeRangeVarFromNameList(textToQualifiedNameList(given));
  const Oid schema = RangeVarGetCreationNamespace(name);
  if (isTempNamespace(schema))
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_TABLE_DEFINITION), errmsg("a generator cannot be temporary"),
             errdetail("Its horizon has to survive a crash.")));
  return {.schema = schema, .name = name->relname};
}

const char* create_statement(const char* name, const SequenceParameters& parameters) {
  return psprintf(
      "CREATE SEQUENCE %s AS bigint START WITH %lld INCREMENT BY %lld MINVALUE %lld MAXVALUE %lld "
      "CACHE %lld",
      name, static_cast<long long>(parameters.start), static_cast<long long>(parameters.increment),
      static_cast<long long>(parameters.min), static_cast<long long>(parameters.max),
      static_cast<long long>(parameters.cache));
}

/// Runs it with the rights of the caller.
void run(const char* statement) {
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
  if (SPI_execute(statement, false, 0) != SPI_OK_UTILITY)
    elog(ERROR, "could not run: %s", statement);
  SPI_finish();
}

Datum text_datum(std::string_view value) {
  return PointerGetDatum(cstring_to_text_with_len(value.data(), static_cast<int>(value.size())));
}

}  // namespace

SNOWFLAKE_SQL_FUNCTION(snowflake_create_generator) {
  const Place place = place_of(PG_GETARG_TEXT_PP(0));
  const GeneratorSpec spec{.layout = layout_argument(fcinfo, 1),
                           .ordered = PG_GETARG_BOOL(2),
                           .encoding = checked_encoding(PG_GETARG_TEXT_PP(4)),
                           .prefix = checked_prefix(PG_GETARG_TEXT_PP(3))};
  const char* name = quote_qualified_identifier(get_namespace_name(place.schema), place.name);
  run(create_statement(name, pack(spec)));
  PG_RETURN_OID(get_relname_relid(place.name, place.schema));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_generator_spec) {
  const std::optional<GeneratorSpec> spec = find_spec(PG_GETARG_OID(0));
  if (!spec) PG_RETURN_NULL();
  Datum values[] = {layout_datum(spec->layout), BoolGetDatum(spec->ordered),
                    text_datum(spec->prefix.text()), text_datum(name_of(spec->encoding))};
  bool nulls[] = {false, false, false, false};
  PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(result_row(fcinfo), values, nulls)));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_observe) {
  const FmgrInfo* caller = fcinfo->flinfo;
  Generator& generator = generator_argument(fcinfo, 1);
  generator.observe(caller, checked_id(PG_GETARG_INT64(0), generator.spec(caller).layout));
  PG_RETURN_VOID();
}

SNOWFLAKE_SQL_FUNCTION(snowflake_reset_clock) {
  if (!superuser())
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("must be superuser to reset the clock of Snowflake IDs")));
  generator_argument(fcinfo, 0).reset_clock(fcinfo->flinfo);
  PG_RETURN_VOID();
}

SNOWFLAKE_SQL_FUNCTION(snowflake_clock) {
  const FmgrInfo* caller = fcinfo->flinfo;
  Generator& generator = generator_argument(fcinfo, 0);
  const auto [reading, setbacks, stored] = generator.clock(caller);
  const Layout& layout = generator.spec(caller).layout;
  const bool unused = reading.latest == 0;
  Datum values[] = {
      TimestampTzGetDatum(timestamptz_at(reading.wall, layout)),
      TimestampTzGetDatum(timestamptz_at(reading.latest, layout)),
      TimestampTzGetDatum(timestamptz_at(layout.decode(stored.last_value).tick, layout)),
      Int64GetDatum(incarnation()),
      interval_of(std::max<Tick>(0, reading.latest - reading.wall), layout),
      Int64GetDatum(static_cast<std::int64_t>(setbacks.count)),
      interval_of(setbacks.largest, layout)};
  bool nulls[] = {false, unused, stored.incarnation == 0, false, unused, false, false};
  PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(result_row(fcinfo), values, nulls)));
}

}  // namespace snowflake::pg
