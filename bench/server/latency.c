/*
 * How long single calls of an SQL function take: each is timed on its own, within the server, without a query around it.
 *
 *     SELECT * FROM latency_of('nextval(regclass)', 'plain', now() + '1 s', now() + '4 s', burst => 20, pause_us => 1000)
 *
 *      first |  ns  | calls
 *     -------+------+--------
 *      t     | 9120 |      1      the first call of the session
 *      f     |   81 |   3821      of all others: so many took 81 ns
 *
 * Calls once, waits for the first time, and until the second one pauses (half of pause_us to half as much again, so that
 * sessions do not keep in step) and calls `burst` times in a row. The first call after a pause finds the caches cold,
 * as a call in a new statement does; the others do not. An argument of 0 ('-') stands for none.
 *
 * The durations are those of buckets, 64 to a power of two: within 1 %. They have in them what two looks at the counter
 * cost, and any time in which the process had lost its CPU: an empty function beside shows how much that is.
 */
#include "postgres.h"

#include <math.h>
#include <time.h>

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

PG_FUNCTION_INFO_V1(latency_of);

/* --- Time: ticks of the cheapest clock --------------------------------------------------------------------------- */

static uint64 now_ns(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Neither what comes before nor what comes after is done meanwhile. */
static inline uint64 ticks(void)
{
#if defined(__x86_64__)
  unsigned int cpu;
  const uint64 count = __rdtscp(&cpu);
  _mm_lfence();
  return count;
#else
  return now_ns();
#endif
}

static double ns_of_a_tick(void)
{
  static double ns = 0;
  if (ns == 0)
  {
    const uint64 began_ns = now_ns(), began = ticks();
    pg_usleep(20000);
    ns = (double)(now_ns() - began_ns) / (ticks() - began);
  }
  return ns;
}

/* --- A histogram with buckets of equal relative width ------------------------------------------------------------ */

enum
{
  bucket_bits = 6,
  buckets = (64 - bucket_bits + 1) << bucket_bits
};

typedef struct
{
  uint64 first; /* call of the session, in ticks */
  uint64 calls[buckets];
  int next; /* to be returned; -1: `first` */
} Histogram;

static inline int bucket_of(uint64 value)
{
  const int shift = 63 - __builtin_clzll(value | 1) - bucket_bits;
  return shift <= 0 ? (int)value : (shift << bucket_bits) + (int)(value >> shift);
}

/* Its middle. */
static double value_of(int bucket)
{
  const int shift = (bucket >> bucket_bits) - 1;
  if (shift <= 0) return bucket;
  return ldexp((bucket & ((1 << bucket_bits) - 1)) + (1 << bucket_bits) + 0.5, shift);
}

/* --- Calls ------------------------------------------------------------------------------------------------------- */

static uint64 timed_call(FunctionCallInfo call)
{
  const uint64 began = ticks();
  (void)FunctionCallInvoke(call);
  return ticks() - began;
}

static void pause_about(int us)
{
  static uint64 state = 0;
  if (us == 0) return;
  state = (state + MyProcPid) * UINT64CONST(6364136223846793005) + 1442695040888963407;
  pg_usleep(us / 2 + (state >> 33) % us);
}

static void wait_until(TimestampTz time)
{
  while (GetCurrentTimestamp() < time)
  {
    CHECK_FOR_INTERRUPTS();
    pg_usleep(1000);
  }
}

static void measure(Histogram *histogram, FunctionCallInfo call, TimestampTz until, int burst, int pause_us)
{
  while (GetCurrentTimestamp() < until)
  {
    CHECK_FOR_INTERRUPTS();
    pause_about(pause_us);
    for (int i = 0; i < burst; i++) histogram->calls[bucket_of(timed_call(call))]++;
  }
}

static void begin(FunctionCallInfo fcinfo)
{
  FuncCallContext *set = SRF_FIRSTCALL_INIT();
  Histogram *histogram = MemoryContextAllocZero(set->multi_call_memory_ctx, sizeof(Histogram));
  const MemoryContext before = MemoryContextSwitchTo(set->multi_call_memory_ctx);
  FmgrInfo function;
  LOCAL_FCINFO(call, 1);

  if (get_call_result_type(fcinfo, NULL, &set->tuple_desc) != TYPEFUNC_COMPOSITE) elog(ERROR, "no row is wanted");
  fmgr_info(PG_GETARG_OID(0), &function);
  InitFunctionCallInfoData(*call, &function, OidIsValid(PG_GETARG_OID(1)) ? 1 : 0, InvalidOid, NULL, NULL);
  call->args[0].value = PG_GETARG_DATUM(1);
  call->args[0].isnull = false;
  if (function.fn_nargs != call->nargs) elog(ERROR, "the function takes %d arguments", function.fn_nargs);
  histogram->first = timed_call(call);
  (void)ns_of_a_tick();
  wait_until(PG_GETARG_TIMESTAMPTZ(2));
  measure(histogram, call, PG_GETARG_TIMESTAMPTZ(3), PG_GETARG_INT32(4), PG_GETARG_INT32(5));
  MemoryContextSwitchTo(before);
  histogram->next = -1;
  set->user_fctx = histogram;
}

static Datum row(const FuncCallContext *set, bool first, double value, uint64 calls)
{
  Datum values[] = {BoolGetDatum(first), Float8GetDatum(value * ns_of_a_tick()), Int64GetDatum(calls)};
  bool nulls[] = {false, false, false};
  return HeapTupleGetDatum(heap_form_tuple(set->tuple_desc, values, nulls));
}

Datum latency_of(PG_FUNCTION_ARGS)
{
  FuncCallContext *set;
  Histogram *histogram;

  if (SRF_IS_FIRSTCALL()) begin(fcinfo);
  set = SRF_PERCALL_SETUP();
  histogram = set->user_fctx;
  if (histogram->next < 0)
  {
    histogram->next = 0;
    SRF_RETURN_NEXT(set, row(set, true, histogram->first, 1));
  }
  while (histogram->next < buckets && histogram->calls[histogram->next] == 0) histogram->next++;
  if (histogram->next == buckets) SRF_RETURN_DONE(set);
  histogram->next++;
  SRF_RETURN_NEXT(set, row(set, false, value_of(histogram->next - 1), histogram->calls[histogram->next - 1]));
}
