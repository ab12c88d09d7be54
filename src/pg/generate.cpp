// SQL functions that make IDs: unpack, ask the generator, pack.
#include "pg/errors.hpp"
#include "pg/generator.hpp"
#include "pg/postgres.hpp"

namespace snowflake::pg {
namespace {

Oid caller_of(FunctionCallInfo fcinfo) { return fcinfo->flinfo->fn_oid; }

void fill(std::int64_t* ids, std::uint64_t count, Oid caller) {
  while (count > 0) {
    CHECK_FOR_INTERRUPTS();
    const Run run = default_generator.take(caller, count);
    for (std::uint64_t i = 0; i < run.count; ++i) ids[i] = static_cast<std::int64_t>(run.first + i);
    ids += run.count;
    count -= run.count;
  }
}

ArrayType* new_bigint_array(std::uint64_t count) {
  if (count == 0) return construct_empty_array(INT8OID);
  const Size size = ARR_OVERHEAD_NONULLS(1) + count * sizeof(std::int64_t);
  if (!AllocSizeIsValid(size))
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("an array cannot hold %llu IDs", static_cast<unsigned long long>(count)),
                    errhint("Use snowflake_next_set().")));
  auto* array = static_cast<ArrayType*>(palloc(size));
  SET_VARSIZE(array, size);
  array->ndim = 1;
  array->dataoffset = 0;
  array->elemtype = INT8OID;
  ARR_DIMS(array)[0] = static_cast<int>(count);
  ARR_LBOUND(array)[0] = 1;
  return array;
}

/// Opens a set-returning function that hands out `count` IDs in all.
FuncCallContext* begin_set(FunctionCallInfo fcinfo, std::int64_t count) {
  FuncCallContext* set = SRF_FIRSTCALL_INIT();
  set->max_calls = checked_count(count);
  return set;
}

}  // namespace

SNOWFLAKE_SQL_FUNCTION(snowflake_next) {
  PG_RETURN_INT64(default_generator.next(caller_of(fcinfo)));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_next_array) {
  const std::uint64_t count = checked_count(PG_GETARG_INT32(0));
  ArrayType* array = new_bigint_array(count);
  if (count > 0)
    fill(reinterpret_cast<std::int64_t*>(ARR_DATA_PTR(array)), count, caller_of(fcinfo));
  PG_RETURN_ARRAYTYPE_P(array);
}

SNOWFLAKE_SQL_FUNCTION(snowflake_next_set) {
  if (SRF_IS_FIRSTCALL()) begin_set(fcinfo, PG_GETARG_INT64(0));
  FuncCallContext* set = SRF_PERCALL_SETUP();
  if (set->call_cntr == set->max_calls) SRF_RETURN_DONE(set);
  const Id id = default_generator.next(caller_of(fcinfo));
  SRF_RETURN_NEXT(set, Int64GetDatum(static_cast<std::int64_t>(id)));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_reserve) {
  if (SRF_IS_FIRSTCALL()) {
    FuncCallContext* set = begin_set(fcinfo, PG_GETARG_INT32(0));
    const MemoryContext caller = MemoryContextSwitchTo(set->multi_call_memory_ctx);
    set->tuple_desc = result_row(fcinfo);
    MemoryContextSwitchTo(caller);
  }
  FuncCallContext* set = SRF_PERCALL_SETUP();
  if (set->max_calls == 0) SRF_RETURN_DONE(set);
  const Run run = default_generator.take(caller_of(fcinfo), set->max_calls);
  set->max_calls -= run.count;  // counts down: what is still to be handed out
  Datum values[] = {Int64GetDatum(static_cast<std::int64_t>(run.first)),
                    Int64GetDatum(static_cast<std::int64_t>(run.first + run.count - 1))};
  bool nulls[] = {false, false};
  SRF_RETURN_NEXT(set, HeapTupleGetDatum(heap_form_tuple(set->tuple_desc, values, nulls)));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_last) {
  const std::optional<Id> last = default_generator.last();
  if (!last)
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("no Snowflake ID was made in this session yet"),
                    errhint("Call snowflake_next() first.")));
  PG_RETURN_INT64(static_cast<std::int64_t>(*last));
}

}  // namespace snowflake::pg
