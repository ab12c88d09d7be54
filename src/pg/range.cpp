// Ranges of time: snowflake_between(id, from_time, to_time), which the planner turns into a range of IDs; so the primary
// key finds the rows, partitions are pruned, and the number of rows is estimated.
//
//     WHERE snowflake_between(id, now() - interval '1 hour', NULL)
//     -- is planned as: id >= snowflake_first_id(now() - interval '1 hour') AND id <= snowflake_last_id(NULL)
//
// Guarantee: the plan says what the function says, for every bigint.
#include "core/range.hpp"

#include "pg/errors.hpp"
#include "pg/layout.hpp"
#include "pg/postgres.hpp"
#include "pg/time.hpp"

namespace snowflake::pg {
namespace {

/// NULL, or infinite in the direction in which it bounds nothing.
bool is_no_bound(FunctionCallInfo fcinfo, int argument, bool is_lower) {
  if (PG_ARGISNULL(argument)) return true;
  const TimestampTz time = PG_GETARG_TIMESTAMPTZ(argument);
  return is_lower ? TIMESTAMP_IS_NOBEGIN(time) : TIMESTAMP_IS_NOEND(time);
}

std::int64_t first_id_argument(FunctionCallInfo fcinfo, int argument, const Layout& layout) {
  if (is_no_bound(fcinfo, argument, true)) return no_first_id;
  return first_id(layout, unix_us_of(PG_GETARG_TIMESTAMPTZ(argument)));
}

std::int64_t last_id_argument(FunctionCallInfo fcinfo, int argument, const Layout& layout) {
  if (is_no_bound(fcinfo, argument, false)) return no_last_id;
  return last_id(layout, unix_us_of(PG_GETARG_TIMESTAMPTZ(argument)));
}

void refuse_months(const Interval& interval) {
  if (interval.month == 0) return;
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                  errmsg("months and years have no fixed length"), errhint("Give days, or less.")));
}

/// Whole ticks, rounded towards zero. 22008 if the layout's time is shorter.
Tick checked_ticks(const Interval& interval, const Layout& layout) {
  const std::optional<std::int64_t> us = us_in(interval);
  const Tick ticks = us.value_or(0) / (layout.unit_ms * INT64CONST(1000));
  if (!us || ticks > layout.last_tick() || ticks < -layout.last_tick())
    ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
                    errmsg("the interval is longer than the layout's time")));
  return ticks;
}

// --- The plan ---

/// The function of that name beside this one: ours, for it has our schema and arguments.
Oid bound_function(Oid between, const char* name, const Oid* types, int count) {
  const char* schema = get_namespace_name(get_func_namespace(between));
  List* qualified = list_make2(makeString(pstrdup(schema)), makeString(pstrdup(name)));
  return LookupFuncName(qualified, count, types, true);
}

/// copyObject() is no C++.
Node* copy_of(const void* node) { return static_cast<Node*>(copyObjectImpl(node)); }

/// id OPERATOR function(time [, layout]), with constants where they are known; nothing if there is no such function.
Expr* comparison(const SupportRequestSimplify& request, const char* operation, const char* function,
                 Node* time) {
  const FuncExpr* call = request.fcall;
  Node* layout = list_length(call->args) > 3 ? static_cast<Node*>(lfourth(call->args)) : nullptr;
  const Oid types[] = {TIMESTAMPTZOID, layout != nullptr ? exprType(layout) : InvalidOid};
  List* arguments = layout != nullptr ? list_make2(time, copy_of(layout)) : list_make1(time);
  const Oid bound = bound_function(call->funcid, function, types, list_length(arguments));
  if (!OidIsValid(bound)) return nullptr;
  FuncExpr* id =
      makeFuncExpr(bound, INT8OID, arguments, InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
  List* name = list_make2(makeString(pstrdup("pg_catalog")), makeString(pstrdup(operation)));
  return make_opclause(
      OpernameGetOprid(name, INT8OID, INT8OID), BOOLOID, false,
      reinterpret_cast<Expr*>(copy_of(linitial(call->args))),
      reinterpret_cast<Expr*>(eval_const_expressions(request.root, reinterpret_cast<Node*>(id))),
      InvalidOid, InvalidOid);
}

/// The ID stands there twice afterwards: so it must be the same twice, and cheap.
bool may_stand_twice(Node* id) { return !contain_volatile_functions(id) && !contain_subplans(id); }

Node* simplified(const SupportRequestSimplify& request) {
  const FuncExpr* call = request.fcall;
  if (!may_stand_twice(static_cast<Node*>(linitial(call->args)))) return nullptr;
  Expr* lower =
      comparison(request, ">=", "snowflake_first_id", static_cast<Node*>(lsecond(call->args)));
  Expr* upper =
      comparison(request, "<=", "snowflake_last_id", static_cast<Node*>(lthird(call->args)));
  if (lower == nullptr || upper == nullptr) return nullptr;
  return reinterpret_cast<Node*>(make_andclause(list_make2(lower, upper)));
}

}  // namespace

// Not strict: a bound may be NULL. An ID or a layout that is gives NULL.
SNOWFLAKE_SQL_FUNCTION(snowflake_between) {
  if (PG_ARGISNULL(0) || (PG_NARGS() > 3 && PG_ARGISNULL(3))) PG_RETURN_NULL();
  const Layout& layout = layout_argument(fcinfo, 3);
  const std::int64_t id = PG_GETARG_INT64(0);
  PG_RETURN_BOOL(first_id_argument(fcinfo, 1, layout) <= id &&
                 id <= last_id_argument(fcinfo, 2, layout));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_between_support) {
  auto* request = reinterpret_cast<Node*>(PG_GETARG_POINTER(0));
  Node* answer = nullptr;
  if (IsA(request, SupportRequestSimplify))
    answer = simplified(*reinterpret_cast<SupportRequestSimplify*>(request));
  PG_RETURN_POINTER(answer);
}

SNOWFLAKE_SQL_FUNCTION(snowflake_first_id) {
  if (PG_NARGS() > 1 && PG_ARGISNULL(1)) PG_RETURN_NULL();
  PG_RETURN_INT64(first_id_argument(fcinfo, 0, layout_argument(fcinfo, 1)));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_last_id) {
  if (PG_NARGS() > 1 && PG_ARGISNULL(1)) PG_RETURN_NULL();
  PG_RETURN_INT64(last_id_argument(fcinfo, 0, layout_argument(fcinfo, 1)));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_now) {
  const Layout& layout = layout_argument(fcinfo, 0);
  const Tick tick = tick_of(GetCurrentTransactionStartTimestamp(), layout);
  PG_RETURN_INT64(static_cast<std::int64_t>(layout.encode({.tick = tick})));
}

SNOWFLAKE_SQL_FUNCTION(snowflake_span) {
  const Layout& layout = layout_argument(fcinfo, 1);
  const Interval& interval = *PG_GETARG_INTERVAL_P(0);
  refuse_months(interval);
  PG_RETURN_INT64(checked_ticks(interval, layout) * (INT64CONST(1) << layout.timestamp.shift));
}

}  // namespace snowflake::pg
