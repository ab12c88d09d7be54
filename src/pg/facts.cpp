#include "pg/facts.hpp"

#include <algorithm>

#include "core/layout_text.hpp"
#include "pg/time.hpp"

namespace snowflake::pg {
namespace {

/// In memory that lasts as long as the set.
void begin_facts(FunctionCallInfo fcinfo, Facts (*find)(FunctionCallInfo)) {
  FuncCallContext* set = SRF_FIRSTCALL_INIT();
  const MemoryContext caller = MemoryContextSwitchTo(set->multi_call_memory_ctx);
  set->tuple_desc = result_row(fcinfo);
  auto* facts = static_cast<Facts*>(palloc(sizeof(Facts)));
  *facts = find(fcinfo);
  set->user_fctx = facts;
  MemoryContextSwitchTo(caller);
}

NullableDatum text_datum(const char* text) {
  if (text == nullptr) return {.value = 0, .isnull = true};
  return {.value = CStringGetTextDatum(text), .isnull = false};
}

Datum row_of(TupleDesc type, const Fact& fact) {
  const NullableDatum columns[] = {text_datum(fact.name), text_datum(fact.value),
                                   text_datum(fact.detail)};
  Datum values[] = {columns[0].value, columns[1].value, columns[2].value};
  bool nulls[] = {columns[0].isnull, columns[1].isnull, columns[2].isnull};
  return HeapTupleGetDatum(heap_form_tuple(type, values, nulls));
}

}  // namespace

void Facts::add(const char* name, const char* value, const char* detail) {
  if (facts_ == nullptr) facts_ = static_cast<Fact*>(palloc((room_ = 64) * sizeof(Fact)));
  if (size_ == room_) facts_ = static_cast<Fact*>(repalloc(facts_, (room_ *= 2) * sizeof(Fact)));
  facts_[size_++] = {.name = name, .value = value, .detail = detail};
}

const char* number_text(std::uint64_t number) {
  return psprintf(UINT64_FORMAT, static_cast<uint64>(number));
}

const char* bigint_text(std::int64_t number) {
  return psprintf(INT64_FORMAT, static_cast<int64>(number));
}

const char* time_text(UnixMs time) {
  const Datum timestamp = TimestampTzGetDatum(timestamptz_of(time));
  return DatumGetCString(DirectFunctionCall1(timestamptz_out, timestamp));
}

const char* duration_text(std::int64_t ms) {
  constexpr std::int64_t longest = INT64_C(9'200'000'000'000'000);  // an interval's microseconds
  const Datum from = TimestampGetDatum(0);
  const Datum to = TimestampGetDatum(std::clamp(ms, -longest, longest) * 1000);
  return DatumGetCString(
      DirectFunctionCall1(interval_out, DirectFunctionCall2(timestamp_mi, to, from)));
}

const char* layout_text(const Layout& layout) {
  const LayoutText formatted = format_layout(layout);
  return pnstrdup(formatted.text, formatted.length);
}

Datum next_fact(FunctionCallInfo fcinfo, Facts (*find)(FunctionCallInfo)) {
  if (SRF_IS_FIRSTCALL()) begin_facts(fcinfo, find);
  FuncCallContext* set = SRF_PERCALL_SETUP();
  const auto& facts = *static_cast<const Facts*>(set->user_fctx);
  if (set->call_cntr == facts.size()) SRF_RETURN_DONE(set);
  const Datum row = row_of(set->tuple_desc, facts[set->call_cntr]);
  SRF_RETURN_NEXT(set, row);
}

}  // namespace snowflake::pg
