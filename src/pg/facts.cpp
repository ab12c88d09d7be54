#include "pg/facts.hpp"

#include <algorithm>

#include "pg/row.hpp"

namespace snowflake::pg {
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

Datum next_fact(FunctionCallInfo fcinfo, Facts (*find)(FunctionCallInfo)) {
  if (SRF_IS_FIRSTCALL()) begin_rows(fcinfo, find);
  FuncCallContext* set = SRF_PERCALL_SETUP();
  const auto& facts = found_in<Facts>(set);
  if (set->call_cntr == facts.size()) SRF_RETURN_DONE(set);
  const Fact& fact = facts[set->call_cntr];
  const NullableDatum columns[] = {text_column(fact.name), text_column(fact.value),
                                   text_column(fact.detail)};
  SRF_RETURN_NEXT(set, row_of(set->tuple_desc, columns));
}

}  // namespace snowflake::pg
