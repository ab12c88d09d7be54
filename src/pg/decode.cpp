// SQL functions that decode IDs and build them from their fields. All are immutable: a layout is a
// constant.
#include "core/layout.hpp"
#include "pg/errors.hpp"
#include "pg/layout.hpp"
#include "pg/postgres.hpp"
#include "pg/row.hpp"

namespace snowflake::pg {
namespace {

/// The ID passed as the first argument, by the layout passed as the second.
struct Decoded {
  Id id;
  const Layout& layout;
  Parts parts;
};

Decoded decoded_argument(FunctionCallInfo fcinfo) {
  const Layout& layout = layout_argument(fcinfo, 1);
  const Id id = checked_id(PG_GETARG_INT64(0), layout);
  return {.id = id, .layout = layout, .parts = layout.decode(id)};
}

/// A number that may be NULL.
NullableDatum part_datum(const Field& field, std::uint64_t value) {
  return {.value = Int32GetDatum(static_cast<int32>(value)), .isnull = !field.present()};
}

Datum return_part(FunctionCallInfo fcinfo, const Field& field, std::uint64_t value) {
  const NullableDatum part = part_datum(field, value);
  fcinfo->isnull = part.isnull;
  return part.value;
}

void append_bits(StringInfo picture, Id id, const Layout& layout) {
  for (unsigned bit = 64; bit > layout.bits(); --bit) appendStringInfoChar(picture, '0');
  for (const NamedField& named : fields_of(layout)) {
    const Field field = layout.*named.field;
    appendStringInfoChar(picture, ' ');
    for (int bit = field.width - 1; bit >= 0; --bit)
      appendStringInfoChar(picture, (field.get(id) >> bit) & 1 ? '1' : '0');
  }
}

/// A line below the bits: a bar under each field left of `pointed`, then its name and value.
void append_pointer(StringInfo picture, Id id, const Layout& layout, const NamedField& pointed) {
  appendStringInfo(picture, "\n%*s", static_cast<int>(64 - layout.bits()) + 1, "");
  for (const NamedField& left : fields_of(layout)) {
    if (left.field == pointed.field) break;
    appendStringInfo(picture, "|%*s", (layout.*left.field).width, "");
  }
  appendStringInfo(picture, "%s %llu", pointed.name.data(),
                   static_cast<unsigned long long>((layout.*pointed.field).get(id)));
}

/// The number passed as that argument, which must fit the field. An absent field takes NULL or 0.
std::uint64_t part_argument(FunctionCallInfo fcinfo, int argument, const char* name,
                            const Field& field) {
  return PG_ARGISNULL(argument) ? 0 : checked_part(name, PG_GETARG_INT32(argument), field.max());
}

bool lacks_argument(FunctionCallInfo fcinfo, int argument, const Field& field) {
  return PG_ARGISNULL(argument) && field.present();
}

}  // namespace

SNOWFLAKE_SQL_FUNCTION(snowflake_timestamp) {
  const Decoded decoded = decoded_argument(fcinfo);
  PG_RETURN_TIMESTAMPTZ(timestamptz_at(decoded.parts.tick, decoded.layout));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_node) {
  const Decoded decoded = decoded_argument(fcinfo);
  return return_part(fcinfo, decoded.layout.node, decoded.parts.node);
}

SNOWFLAKE_SQL_FUNCTION(snowflake_worker) {
  const Decoded decoded = decoded_argument(fcinfo);
  return return_part(fcinfo, decoded.layout.worker, decoded.parts.worker);
}

SNOWFLAKE_SQL_FUNCTION(snowflake_shard) {
  const Decoded decoded = decoded_argument(fcinfo);
  return return_part(fcinfo, decoded.layout.shard, decoded.parts.shard);
}

SNOWFLAKE_SQL_FUNCTION(snowflake_sequence) {
  const Decoded decoded = decoded_argument(fcinfo);
  return return_part(fcinfo, decoded.layout.sequence, decoded.parts.sequence);
}

SNOWFLAKE_SQL_FUNCTION(snowflake_decode) {
  const auto [id, layout, parts] = decoded_argument(fcinfo);
  const NullableDatum columns[] = {number_column(static_cast<std::int64_t>(id)),
                                   time_column(layout.time_at(parts.tick)),
                                   part_datum(layout.node, parts.node),
                                   part_datum(layout.worker, parts.worker),
                                   part_datum(layout.sequence, parts.sequence),
                                   part_datum(layout.shard, parts.shard)};  // not without a layout
  return row_of(result_row(fcinfo), columns);
}

SNOWFLAKE_SQL_FUNCTION(snowflake_inspect) {
  const auto [id, layout, parts] = decoded_argument(fcinfo);
  const FieldsOfLayout fields = fields_of(layout);
  StringInfoData picture;
  initStringInfo(&picture);
  append_bits(&picture, id, layout);
  for (std::size_t i = fields.count; i-- > 0;)
    append_pointer(&picture, id, layout, fields.fields[i]);
  appendStringInfo(&picture, " = %s", utc_text(layout.time_at(parts.tick)).text);
  PG_RETURN_TEXT_P(cstring_to_text_with_len(picture.data, picture.len));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_diff) {
  const Layout& layout = layout_argument(fcinfo, 2);
  const Parts a = layout.decode(checked_id(PG_GETARG_INT64(0), layout));
  const Parts b = layout.decode(checked_id(PG_GETARG_INT64(1), layout));
  const bool same_node = a.node == b.node;
  const NullableDatum columns[] = {
      interval_column(layout.time_at(a.tick) - layout.time_at(b.tick)),
      column_if(layout.node.present(), bool_column(same_node)),
      column_if(layout.worker.present(), bool_column(same_node && a.worker == b.worker))};
  return row_of(result_row(fcinfo), columns);
}

SNOWFLAKE_SQL_FUNCTION(snowflake_from_timestamp) {
  const Layout& layout = layout_argument(fcinfo, 1);
  PG_RETURN_INT64(static_cast<std::int64_t>(
      layout.encode({.tick = tick_of(PG_GETARG_TIMESTAMPTZ(0), layout)})));
}

// Arguments: (timestamp, node, worker, sequence), (…, layout) or (…, shard, layout). With a layout
// the SQL function is not strict: fields that the layout lacks are NULL, as they are when an ID is
// read. Without one it is: the standard layout has all four fields.
SNOWFLAKE_SQL_FUNCTION(snowflake_encode) {
  const bool has_shard = PG_NARGS() == 6;
  const int last = PG_NARGS() - 1;
  if (PG_ARGISNULL(0) || (last >= 4 && PG_ARGISNULL(last))) PG_RETURN_NULL();
  const Layout& layout = layout_argument(fcinfo, has_shard ? 5 : 4);
  if (layout.shard.present() && !has_shard)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the layout has a shard"),
                    errhint("Give it before the layout: snowflake_encode(timestamp, node, worker, "
                            "sequence, shard, layout).")));
  if (lacks_argument(fcinfo, 1, layout.node) || lacks_argument(fcinfo, 2, layout.worker) ||
      lacks_argument(fcinfo, 3, layout.sequence) ||
      (has_shard && lacks_argument(fcinfo, 4, layout.shard)))
    PG_RETURN_NULL();
  const Parts parts{.tick = tick_of(PG_GETARG_TIMESTAMPTZ(0), layout),
                    .node = part_argument(fcinfo, 1, "node", layout.node),
                    .worker = part_argument(fcinfo, 2, "worker", layout.worker),
                    .shard = has_shard ? part_argument(fcinfo, 4, "shard", layout.shard) : 0,
                    .sequence = part_argument(fcinfo, 3, "sequence", layout.sequence)};
  PG_RETURN_INT64(static_cast<std::int64_t>(layout.encode(parts)));
}

}  // namespace snowflake::pg
