// SQL functions that make IDs: unpack, ask the session, pack.
//
// snowflake_next() is the hot path: if the session's reservation lasts, a call is a comparison with
// the cycle counter and an increment. Everything else is behind replenish(), which runs about once
// a millisecond.
#include "pg/generate.hpp"

#include "core/clock.hpp"
#include "core/session.hpp"
#include "pg/errors.hpp"
#include "pg/postgres.hpp"
#include "pg/settings.hpp"
#include "pg/shmem.hpp"

namespace snowflake::pg {
namespace {

constexpr const Layout& layout = standard_layout;

constinit Session session;
constinit Space* space = nullptr;

void leave_at_exit(int, Datum) { session.leave(); }

void join() {
  space = &attach().space;
  session.join(*space, layout);
  before_shmem_exit(leave_at_exit, 0);
}

// In naps of a millisecond at most, so that a cancel is answered at once.
void nap(std::int64_t ns) {
  CHECK_FOR_INTERRUPTS();
  pgstat_report_wait_start(clock_wait_event());
  pg_usleep(std::min(ns, ns_per_ms) / 1000 + 1);
  pgstat_report_wait_end();
}

/// Gives the session a reservation of the current millisecond, or raises an error.
[[gnu::noinline]] void replenish(std::uint64_t count) {
  refuse_on_standby();
  if (!session.joined()) join();
  for (;;) {
    const Reading reading = space->read(layout, wall_clock_ns);
    const Moment moment = session.reserve(reading, current_terms(layout), count);
    if (moment.set_back) warn_of_clock_set_back(moment, layout);
    if (moment.outcome == Outcome::ready) return;
    if (moment.outcome != Outcome::wait) raise_outcome(moment, layout);
    nap(reading.left_ns);
  }
}

/// Up to `count` IDs, at least one: as many as come in one piece.
Run take(std::uint64_t count) {
  if (!session.fresh()) replenish(count);
  return session.take(count);
}

[[gnu::noinline]] Id next_after_replenishing() {
  replenish(1);
  return session.take(1).first;
}

Id next() {
  if (Id id; session.next(id)) [[likely]]
    return id;
  return next_after_replenishing();
}

void fill(std::int64_t* ids, std::uint64_t count) {
  while (count > 0) {
    CHECK_FOR_INTERRUPTS();
    const Run run = take(count);
    for (std::uint64_t i = 0; i < run.count; ++i) ids[i] = static_cast<std::int64_t>(run.first + i);
    ids += run.count;
    count -= run.count;
  }
}

ArrayType* new_bigint_array(std::uint64_t count) {
  if (count == 0) return construct_empty_array(INT8OID);
  const Size size = ARR_OVERHEAD_NONULLS(1) + count * sizeof(std::int64_t);
  if (count > MaxAllocSize / sizeof(std::int64_t) || !AllocSizeIsValid(size))
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

/// Opens a set-returning function whose first argument says how many IDs it hands out in all.
FuncCallContext* begin_set(FunctionCallInfo fcinfo, std::int64_t count) {
  FuncCallContext* context = SRF_FIRSTCALL_INIT();
  context->max_calls = checked_count(count);
  return context;
}

}  // namespace

void forget_reservation() { session.forget(); }

SNOWFLAKE_SQL_FUNCTION(snowflake_next) { PG_RETURN_INT64(next()); }

SNOWFLAKE_SQL_FUNCTION(snowflake_next_array) {
  const std::uint64_t count = checked_count(PG_GETARG_INT32(0));
  ArrayType* array = new_bigint_array(count);
  if (count > 0) fill(reinterpret_cast<std::int64_t*>(ARR_DATA_PTR(array)), count);
  PG_RETURN_ARRAYTYPE_P(array);
}

SNOWFLAKE_SQL_FUNCTION(snowflake_next_set) {
  if (SRF_IS_FIRSTCALL()) begin_set(fcinfo, PG_GETARG_INT64(0));
  FuncCallContext* set = SRF_PERCALL_SETUP();
  if (set->call_cntr == set->max_calls) SRF_RETURN_DONE(set);
  const Id id = next();
  SRF_RETURN_NEXT(set, Int64GetDatum(id));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_reserve) {
  if (SRF_IS_FIRSTCALL()) {
    FuncCallContext* set = begin_set(fcinfo, PG_GETARG_INT32(0));
    MemoryContext caller = MemoryContextSwitchTo(set->multi_call_memory_ctx);
    TupleDesc row;
    if (get_call_result_type(fcinfo, nullptr, &row) != TYPEFUNC_COMPOSITE)
      elog(ERROR, "return type must be a row type");
    set->tuple_desc = BlessTupleDesc(row);
    MemoryContextSwitchTo(caller);
  }
  FuncCallContext* set = SRF_PERCALL_SETUP();
  if (set->max_calls == 0) SRF_RETURN_DONE(set);
  const Run run = take(set->max_calls);
  set->max_calls -= run.count;  // counts down: what is still to be handed out
  Datum values[] = {Int64GetDatum(run.first), Int64GetDatum(run.first + run.count - 1)};
  bool nulls[] = {false, false};
  SRF_RETURN_NEXT(set, HeapTupleGetDatum(heap_form_tuple(set->tuple_desc, values, nulls)));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_last) {
  const std::optional<Id> last = session.last();
  if (!last)
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("no Snowflake ID was made in this session yet"),
                    errhint("Call snowflake_next() first.")));
  PG_RETURN_INT64(*last);
}

}  // namespace snowflake::pg
