// SQL functions of the type snowflake_layout, and the presets.
#include "pg/layout.hpp"

#include "core/clock.hpp"
#include "core/layout_text.hpp"
#include "core/presets.hpp"
#include "core/session.hpp"
#include "pg/row.hpp"

namespace snowflake::pg {
namespace {

[[noreturn]] void raise_malformed(const char* text, const ParsedLayout& parsed) {
  ereport(
      ERROR,
      (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION), errmsg("invalid layout: %s", parsed.problem),
       errdetail("At character %d of \"%s\".",
                 pg_mbstrlen_with_len(text, static_cast<int>(parsed.position)) + 1, text),
       errhint("A layout is a preset, see snowflake_layouts, or its fields from the highest bit "
               "on, such as "
               "\"timestamp:41 node:5 worker:5 sequence:12 unit:1ms epoch:2025-01-01\".")));
  pg_unreachable();
}

/// IDs that one node can make in a second, with all the cursors that it has for the layout.
double ids_a_second(const Layout& layout) {
  return static_cast<double>(Session::ids_of_tick(layout)) * 1000 /
         static_cast<double>(layout.unit_ms);
}

}  // namespace

Layout layout_from(const char* text) {
  const ParsedLayout parsed = parse_layout(text, wall_clock_ms());
  if (parsed.problem != nullptr) raise_malformed(text, parsed);
  return parsed.layout;
}

void check_has_node(const Layout& layout) {
  if (!layout.node.present())
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the layout has no node")));
}

char* layout_text(const Layout& layout) {
  const LayoutText formatted = format_layout(layout);
  return pnstrdup(formatted.text, formatted.length);
}

const char* label_of(const Layout& layout) {
  for (const Preset& preset : presets())
    if (preset.layout == layout) return pnstrdup(preset.name.data(), preset.name.size());
  return layout_text(layout);
}

Datum layout_datum(const Layout& layout) {
  auto* copy = static_cast<Layout*>(palloc(sizeof(Layout)));
  *copy = layout;
  return PointerGetDatum(copy);
}

SNOWFLAKE_SQL_FUNCTION(snowflake_layout_in) {
  PG_RETURN_DATUM(layout_datum(layout_from(PG_GETARG_CSTRING(0))));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_layout_out) {
  PG_RETURN_CSTRING(layout_text(layout_argument(fcinfo, 0)));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_layout_recv) {
  auto* message = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
  Layout layout;
  for (const NamedField& known : layout_fields) {
    Field& field = layout.*known.field;
    field.shift = static_cast<std::uint8_t>(pq_getmsgbyte(message));
    field.width = static_cast<std::uint8_t>(pq_getmsgbyte(message));
  }
  layout.unit_ms = static_cast<std::int32_t>(pq_getmsgint(message, 4));
  layout.epoch_ms = pq_getmsgint64(message);
  if (const char* problem = problem_of(layout, wall_clock_ms()))
    ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
                    errmsg("invalid layout: %s", problem)));
  PG_RETURN_DATUM(layout_datum(layout));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_layout_send) {
  const Layout& layout = layout_argument(fcinfo, 0);
  StringInfoData message;
  pq_begintypsend(&message);
  for (const NamedField& known : layout_fields) {
    const Field field = layout.*known.field;
    pq_sendint8(&message, field.shift);
    pq_sendint8(&message, field.width);
  }
  pq_sendint32(&message, static_cast<uint32>(layout.unit_ms));
  pq_sendint64(&message, static_cast<uint64>(layout.epoch_ms));
  PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_layout_eq) {
  PG_RETURN_BOOL(layout_argument(fcinfo, 0) == layout_argument(fcinfo, 1));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_layout_ne) {
  PG_RETURN_BOOL(layout_argument(fcinfo, 0) != layout_argument(fcinfo, 1));
}

// Every byte of a layout means something, so equal layouts are equal bytes.
SNOWFLAKE_SQL_FUNCTION(snowflake_layout_hash) {
  return hash_any(reinterpret_cast<const unsigned char*>(&layout_argument(fcinfo, 0)),
                  sizeof(Layout));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_layout_hash_extended) {
  return hash_any_extended(reinterpret_cast<const unsigned char*>(&layout_argument(fcinfo, 0)),
                           sizeof(Layout), static_cast<uint64>(PG_GETARG_INT64(1)));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_presets) {
  if (SRF_IS_FIRSTCALL()) begin_rows(fcinfo);
  FuncCallContext* set = SRF_PERCALL_SETUP();
  if (set->call_cntr == presets().size()) SRF_RETURN_DONE(set);
  const Preset& preset = presets()[set->call_cntr];
  const NullableDatum columns[] = {text_column(preset.name.data()), layout_column(preset.layout)};
  SRF_RETURN_NEXT(set, row_of(set->tuple_desc, columns));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_layout_facts) {
  const Layout& layout = layout_argument(fcinfo, 0);
  const NullableDatum columns[] = {time_column(layout.time_at(0)),
                                   time_column(layout.time_at(layout.last_tick() + 1) - 1),
                                   number_column(static_cast<std::int64_t>(layout.node.max() + 1)),
                                   double_column(ids_a_second(layout))};
  return row_of(result_row(fcinfo), columns);
}

}  // namespace snowflake::pg
