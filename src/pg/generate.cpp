// SQL functions that make IDs: unpack, ask the generator, pack. The generator, where one is given, comes after the
// number of IDs that are wanted; the shard comes last.
#include "core/text.hpp"
#include "pg/errors.hpp"
#include "pg/generators.hpp"
#include "pg/postgres.hpp"
#include "pg/row.hpp"

namespace snowflake::pg {
namespace {

const FmgrInfo* caller_of(FunctionCallInfo fcinfo) { return fcinfo->flinfo; }

/// A generator remembered from call to call, for functions that are called once a row.
struct Remembered {
  Generator* generator = nullptr;
  Oid sequence = InvalidOid;  // none: the default one

  [[nodiscard]] Generator& get(const FmgrInfo* caller) {
    if (!OidIsValid(sequence)) return default_generator;
    if (generator == nullptr || !generator->is_bound_to(sequence)) [[unlikely]]
      generator = &generator_named(sequence, caller);
    return *generator;
  }
};

/// generator_argument(), remembered.
Generator& remembered_generator(FunctionCallInfo fcinfo, int argument) {
  Remembered remembered{.generator = static_cast<Generator*>(fcinfo->flinfo->fn_extra),
                        .sequence = PG_GETARG_OID(argument)};
  Generator& generator = remembered.get(caller_of(fcinfo));
  fcinfo->flinfo->fn_extra = &generator;
  return generator;
}

void fill(std::int64_t* ids, std::uint64_t count, Generator& generator, const FmgrInfo* caller) {
  while (count > 0) {
    CHECK_FOR_INTERRUPTS();
    const Run run = generator.take(caller, count);
    for (std::uint64_t i = 0; i < run.count; ++i)
      ids[i] = static_cast<std::int64_t>(run.first + i * run.step);
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
  int* dimension = ARR_DIMS(array);
  dimension[0] = static_cast<int>(count);
  dimension[1] = 1;  // the lower bound
  return array;
}

std::int64_t* elements_of(ArrayType* array) {
  return reinterpret_cast<std::int64_t*>(reinterpret_cast<char*>(array) + ARR_OVERHEAD_NONULLS(1));
}

/// Opens a set-returning function that hands out `count` IDs in all of the generator passed as its
/// second argument.
FuncCallContext* begin_set(FunctionCallInfo fcinfo, std::int64_t count) {
  FuncCallContext* set = SRF_FIRSTCALL_INIT();
  set->max_calls = checked_count(count);
  auto* remembered = static_cast<Remembered*>(
      MemoryContextAllocZero(set->multi_call_memory_ctx, sizeof(Remembered)));
  remembered->sequence = PG_NARGS() > 1 ? PG_GETARG_OID(1) : InvalidOid;
  set->user_fctx = remembered;
  return set;
}

Generator& generator_of(FuncCallContext* set, const FmgrInfo* caller) {
  return static_cast<Remembered*>(set->user_fctx)->get(caller);
}

Datum id_datum(Id id) { return Int64GetDatum(static_cast<std::int64_t>(id)); }
NullableDatum id_column(Id id) { return {.value = id_datum(id), .isnull = false}; }

/// Ranges are of consecutive IDs; where a layout's are not consecutive, each is a range of its own.
std::uint64_t longest_range(std::uint64_t wanted, Id step) { return step == 1 ? wanted : 1; }

/// What is taken and cannot be in the range is lost: the layout was changed within the call.
Run take_range(Generator& generator, const FmgrInfo* caller, std::uint64_t wanted) {
  const Id step = generator.spec(caller).layout.step();
  Run run = generator.take(caller, longest_range(wanted, step));
  run.count = longest_range(run.count, run.step);
  return run;
}

text* prefixed_text(const GeneratorSpec& spec, Id id) {
  const EncodedText encoded = encode_text(spec.encoding, id);
  const std::string_view prefix = spec.prefix.text();
  StringInfoData result;
  initStringInfo(&result);
  appendBinaryStringInfo(&result, prefix.data(), static_cast<int>(prefix.size()));
  appendBinaryStringInfo(&result, encoded.text, static_cast<int>(encoded.length));
  return cstring_to_text_with_len(result.data, result.len);
}

}  // namespace

SNOWFLAKE_SQL_FUNCTION(snowflake_next) {
  return id_datum(default_generator.next(caller_of(fcinfo)));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_next_of) {
  return id_datum(remembered_generator(fcinfo, 0).next(caller_of(fcinfo)));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_next_of_shard) {
  return id_datum(
      remembered_generator(fcinfo, 0).next_of_shard(caller_of(fcinfo), PG_GETARG_INT32(1)));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_next_text) {
  Generator& generator = remembered_generator(fcinfo, 0);
  const Id id = generator.next(caller_of(fcinfo));
  PG_RETURN_TEXT_P(prefixed_text(generator.spec(caller_of(fcinfo)), id));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_next_array) {
  const std::uint64_t count = checked_count(PG_GETARG_INT32(0));
  Generator& generator = generator_argument(fcinfo, 1);
  ArrayType* array = new_bigint_array(count);
  if (count > 0) fill(elements_of(array), count, generator, caller_of(fcinfo));
  PG_RETURN_ARRAYTYPE_P(array);
}

SNOWFLAKE_SQL_FUNCTION(snowflake_next_set) {
  if (SRF_IS_FIRSTCALL()) begin_set(fcinfo, PG_GETARG_INT64(0));
  FuncCallContext* set = SRF_PERCALL_SETUP();
  if (set->call_cntr == set->max_calls) SRF_RETURN_DONE(set);
  const Id id = generator_of(set, caller_of(fcinfo)).next(caller_of(fcinfo));
  SRF_RETURN_NEXT(set, id_datum(id));
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
  const FmgrInfo* caller = caller_of(fcinfo);
  const Run run = take_range(generator_of(set, caller), caller, set->max_calls);
  set->max_calls -= run.count;  // counts down: what is still to be handed out
  const NullableDatum columns[] = {id_column(run.first),
                                   id_column(run.first + (run.count - 1) * run.step)};
  SRF_RETURN_NEXT(set, row_of(set->tuple_desc, columns));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_last) {
  const std::optional<Id> last = generator_argument(fcinfo, 0).last(caller_of(fcinfo));
  if (!last)
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("no Snowflake ID was made in this session yet"),
                    errhint("Call snowflake_next() first.")));
  return id_datum(*last);
}

}  // namespace snowflake::pg
