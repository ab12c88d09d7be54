// SQL functions that read IDs and that write them from their parts. All are immutable: a layout is
// a constant.
#include <iterator>

#include "core/layout.hpp"
#include "pg/errors.hpp"
#include "pg/postgres.hpp"
#include "pg/time.hpp"

namespace snowflake::pg {
namespace {

constexpr const Layout& layout = standard_layout;

Parts parts_of(FunctionCallInfo fcinfo, int argument) {
  return layout.decode(checked_id(PG_GETARG_INT64(argument)));
}

TimestampTz timestamptz_of(const Parts& parts) { return timestamptz_at(parts.tick, layout); }

/// A row of the type that the function returns, without NULLs.
Datum make_row(FunctionCallInfo fcinfo, Datum* values) {
  bool nulls[8] = {};
  TupleDesc row = result_row(fcinfo);
  Assert(row->natts <= 8);
  return HeapTupleGetDatum(heap_form_tuple(row, values, nulls));
}

struct NamedField {
  const char* name;
  Field field;
};

// From the highest bits to the lowest.
constexpr NamedField fields[] = {{"timestamp", layout.timestamp},
                                 {"node", layout.node},
                                 {"worker", layout.worker},
                                 {"sequence", layout.sequence}};

void append_bits(StringInfo picture, Id id) {
  appendStringInfoChar(picture, '0');
  for (const auto& [name, field] : fields) {
    appendStringInfoChar(picture, ' ');
    for (int bit = field.width - 1; bit >= 0; --bit)
      appendStringInfoChar(picture, (field.get(id) >> bit) & 1 ? '1' : '0');
  }
}

/// A line below the bits: a bar under each field left of `pointed`, then its name and value.
void append_pointer(StringInfo picture, const NamedField* pointed, Id id) {
  appendStringInfoString(picture, "\n  ");
  for (const NamedField* left = fields; left != pointed; ++left)
    appendStringInfo(picture, "|%*s", left->field.width, "");
  appendStringInfo(picture, "%s %llu", pointed->name,
                   static_cast<unsigned long long>(pointed->field.get(id)));
}

}  // namespace

SNOWFLAKE_SQL_FUNCTION(snowflake_timestamp) {
  PG_RETURN_TIMESTAMPTZ(timestamptz_of(parts_of(fcinfo, 0)));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_node) {
  PG_RETURN_INT32(static_cast<int32>(parts_of(fcinfo, 0).node));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_worker) {
  PG_RETURN_INT32(static_cast<int32>(parts_of(fcinfo, 0).worker));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_sequence) {
  PG_RETURN_INT32(static_cast<int32>(parts_of(fcinfo, 0).sequence));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_decode) {
  const Parts parts = parts_of(fcinfo, 0);
  Datum values[] = {PG_GETARG_DATUM(0), TimestampTzGetDatum(timestamptz_of(parts)),
                    Int32GetDatum(static_cast<int32>(parts.node)),
                    Int32GetDatum(static_cast<int32>(parts.worker)),
                    Int32GetDatum(static_cast<int32>(parts.sequence))};
  return make_row(fcinfo, values);
}

SNOWFLAKE_SQL_FUNCTION(snowflake_inspect) {
  const Id id = checked_id(PG_GETARG_INT64(0));
  StringInfoData picture;
  initStringInfo(&picture);
  append_bits(&picture, id);
  for (const NamedField* pointed = std::end(fields); pointed-- != fields;)
    append_pointer(&picture, pointed, id);
  appendStringInfo(&picture, " = %s", utc_text(layout.time_at(layout.decode(id).tick)).text);
  PG_RETURN_TEXT_P(cstring_to_text_with_len(picture.data, picture.len));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_diff) {
  const Parts a = parts_of(fcinfo, 0);
  const Parts b = parts_of(fcinfo, 1);
  Datum values[] = {DirectFunctionCall2(timestamp_mi, TimestampTzGetDatum(timestamptz_of(a)),
                                        TimestampTzGetDatum(timestamptz_of(b))),
                    BoolGetDatum(a.node == b.node),
                    BoolGetDatum(a.node == b.node && a.worker == b.worker)};
  return make_row(fcinfo, values);
}

SNOWFLAKE_SQL_FUNCTION(snowflake_from_timestamp) {
  PG_RETURN_INT64(layout.encode({.tick = tick_of(PG_GETARG_TIMESTAMPTZ(0), layout)}));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_encode) {
  PG_RETURN_INT64(layout.encode(
      {.tick = tick_of(PG_GETARG_TIMESTAMPTZ(0), layout),
       .node = checked_part("node", PG_GETARG_INT32(1), layout.node.max()),
       .worker = checked_part("worker", PG_GETARG_INT32(2), layout.worker.max()),
       .sequence = checked_part("sequence", PG_GETARG_INT32(3), layout.sequence.max())}));
}

}  // namespace snowflake::pg
