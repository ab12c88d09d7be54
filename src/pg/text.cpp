// SQL functions that write IDs as text, UUID and ULID, and read them back. All are immutable.
#include "core/text.hpp"

#include "core/carrier.hpp"
#include "pg/errors.hpp"
#include "pg/layout.hpp"
#include "pg/postgres.hpp"

namespace snowflake::pg {
namespace {

std::string_view view_of(const text* given) {
  return {VARDATA_ANY(given), VARSIZE_ANY_EXHDR(given)};
}

Datum id_datum(Id id) { return Int64GetDatum(static_cast<std::int64_t>(id)); }

[[noreturn]] void raise_no_id_in(const char* kind) {
  ereport(ERROR,
          (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
           errmsg("this %s does not encode an ID of this layout", kind),
           errhint("Only what snowflake_to_%s() has made can be read back, with the same layout.",
                   kind)));
  pg_unreachable();
}

/// The first argument, an ID whose time a carrier can hold.
Id carried_id(FunctionCallInfo fcinfo, const Layout& layout) {
  const Id id = checked_id(PG_GETARG_INT64(0), layout);
  if (!fits_carrier(id, layout))
    ereport(ERROR, (errcode(ERRCODE_DATETIME_FIELD_OVERFLOW),
                    errmsg("the time of this ID is past what a UUID or ULID can hold"),
                    errdetail("They hold times up to the year 10889.")));
  return id;
}

Bits128 bits_of(const pg_uuid_t& uuid) {
  Bits128 bits{};
  for (int i = 0; i < 8; ++i) bits.high = bits.high << 8 | uuid.data[i];
  for (int i = 8; i < UUID_LEN; ++i) bits.low = bits.low << 8 | uuid.data[i];
  return bits;
}

pg_uuid_t* new_uuid(const Bits128& bits) {
  auto* uuid = static_cast<pg_uuid_t*>(palloc(sizeof(pg_uuid_t)));
  for (int i = 0; i < 8; ++i) {
    uuid->data[i] = static_cast<unsigned char>(bits.high >> (56 - 8 * i));
    uuid->data[8 + i] = static_cast<unsigned char>(bits.low >> (56 - 8 * i));
  }
  return uuid;
}

}  // namespace

SNOWFLAKE_SQL_FUNCTION(snowflake_to_text) {
  const Id id = checked_id(PG_GETARG_INT64(0));
  const EncodedText encoded = encode_text(checked_encoding(PG_GETARG_TEXT_PP(1)), id);
  PG_RETURN_TEXT_P(cstring_to_text_with_len(encoded.text, static_cast<int>(encoded.length)));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_from_text) {
  const text* given = PG_GETARG_TEXT_PP(0);
  const Encoding encoding = checked_encoding(PG_GETARG_TEXT_PP(1));
  const DecodedText decoded = decode_text(encoding, view_of(given));
  if (decoded.problem != nullptr)
    raise_malformed_text(name_of(encoding).data(), given, decoded.problem);
  return id_datum(decoded.id);
}

SNOWFLAKE_SQL_FUNCTION(snowflake_to_uuid) {
  const Layout& layout = layout_argument(fcinfo, 1);
  PG_RETURN_UUID_P(new_uuid(to_uuid(carried_id(fcinfo, layout), layout)));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_from_uuid) {
  const std::optional<Id> id = from_uuid(bits_of(*PG_GETARG_UUID_P(0)), layout_argument(fcinfo, 1));
  if (!id) raise_no_id_in("uuid");
  return id_datum(*id);
}

SNOWFLAKE_SQL_FUNCTION(snowflake_to_ulid) {
  const Layout& layout = layout_argument(fcinfo, 1);
  char ulid[ulid_length];
  encode_ulid(to_ulid(carried_id(fcinfo, layout), layout), ulid);
  PG_RETURN_TEXT_P(cstring_to_text_with_len(ulid, sizeof ulid));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_from_ulid) {
  const text* given = PG_GETARG_TEXT_PP(0);
  const DecodedUlid decoded = decode_ulid(view_of(given));
  if (decoded.problem != nullptr) raise_malformed_text("ULID", given, decoded.problem);
  const std::optional<Id> id = from_ulid(decoded.bits, layout_argument(fcinfo, 1));
  if (!id) raise_no_id_in("ulid");
  return id_datum(*id);
}

}  // namespace snowflake::pg
