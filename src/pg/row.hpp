// Rows for SQL, column by column: a value that may be NULL, of the type that the function declares.
//
//     const NullableDatum columns[] = {text_column("held"), number_column(3), null_column};
//     return row_of(result_row(fcinfo), columns);
#pragma once

#include <cstddef>
#include <new>

#include "core/layout.hpp"
#include "pg/postgres.hpp"
#include "pg/time.hpp"

namespace snowflake::pg {

inline constexpr NullableDatum null_column{.value = 0, .isnull = true};

/// NULL if there is none, or it is empty.
inline NullableDatum text_column(const char* value) {
  if (value == nullptr || value[0] == '\0') return null_column;
  return {.value = CStringGetTextDatum(value), .isnull = false};
}

inline NullableDatum number_column(std::int64_t value) {
  return {.value = Int64GetDatum(value), .isnull = false};
}

inline NullableDatum int_column(std::int32_t value) {
  return {.value = Int32GetDatum(value), .isnull = false};
}

inline NullableDatum bool_column(bool value) {
  return {.value = BoolGetDatum(value), .isnull = false};
}

inline NullableDatum double_column(double value) {
  return {.value = Float8GetDatum(value), .isnull = false};
}

inline NullableDatum time_column(UnixMs ms) {
  return {.value = TimestampTzGetDatum(timestamptz_of(ms)), .isnull = false};
}

inline NullableDatum interval_column(UnixMs ms) {
  return {.value = DirectFunctionCall2(timestamp_mi, TimestampGetDatum(timestamptz_of(ms)),
                                       TimestampGetDatum(timestamptz_of(0))),
          .isnull = false};
}

/// The column if it is known, else NULL.
inline NullableDatum column_if(bool is_known, NullableDatum column) {
  return is_known ? column : null_column;
}

/// Of a type that has fewer columns, the first ones.
template <std::size_t size>
Datum row_of(TupleDesc type, const NullableDatum (&columns)[size]) {
  Datum values[size];
  bool nulls[size];
  for (std::size_t i = 0; i < size; ++i) {
    values[i] = columns[i].value;
    nulls[i] = columns[i].isnull;
  }
  return HeapTupleGetDatum(heap_form_tuple(type, values, nulls));
}

/// Opens a set-returning function of rows. What `find` gives lasts as long as the set, with all that it allocates:
/// found_in() has it in each call.
template <typename Find>
FuncCallContext* begin_rows(FunctionCallInfo fcinfo, Find find) {
  using Found = decltype(find(fcinfo));
  FuncCallContext* set = SRF_FIRSTCALL_INIT();
  const MemoryContext caller = MemoryContextSwitchTo(set->multi_call_memory_ctx);
  set->tuple_desc = result_row(fcinfo);
  set->user_fctx = new (palloc(sizeof(Found))) Found(find(fcinfo));
  MemoryContextSwitchTo(caller);
  return set;
}

template <typename Found>
const Found& found_in(const FuncCallContext* set) {
  return *static_cast<const Found*>(set->user_fctx);
}

/// The same of rows that need nothing found first.
inline FuncCallContext* begin_rows(FunctionCallInfo fcinfo) {
  return begin_rows(fcinfo, [](FunctionCallInfo) { return nullptr; });
}

}  // namespace snowflake::pg
