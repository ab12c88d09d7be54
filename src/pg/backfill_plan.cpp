#include "pg/backfill_plan.hpp"

#include <optional>

#include "core/clock.hpp"
#include "pg/owner.hpp"
#include "pg/progress.hpp"
#include "pg/spi_rows.hpp"
#include "pg/time.hpp"

namespace snowflake::pg {
namespace {

constexpr UnixMs longest_delay_ms = 3'600'000;
constexpr const char* plan_name = "snowflake_backfill_plan";

/// The IDs that the column has, rising.
class TakenIds {
 public:
  explicit TakenIds(const BackfillTable& of) : ids_(query_of_ids(of)) { advance(); }

  /// To be asked of rising IDs.
  bool has(Id id) {
    while (last_ && *last_ < static_cast<std::int64_t>(id)) advance();
    return last_ && *last_ == static_cast<std::int64_t>(id);
  }

  void end() { ids_.end(); }

 private:
  void advance() {
    HeapTuple row = ids_.next();
    last_ = row == nullptr ? std::nullopt : value_in(row, ids_.type(), 1);
  }

  Cursor ids_;
  std::optional<std::int64_t> last_;
};

/// "(id)=(17)"
const char* key_text(HeapTuple row, TupleDesc type, const BackfillTable& of) {
  StringInfoData names;
  StringInfoData values;
  initStringInfo(&names);
  initStringInfo(&values);
  for (int place = 0; place < of.key_count; ++place) {
    const char* comma = place == 0 ? "" : ", ";
    appendStringInfo(&names, "%s%s", comma, of.keys[place].name);
    appendStringInfo(&values, "%s%s", comma, SPI_getvalue(row, type, place + 1));
  }
  return psprintf("(%s)=(%s)", names.data, values.data);
}

void refuse_row(int sqlstate, const char* problem, const char* key, const char* hint) {
  ereport(ERROR, (errcode(sqlstate), errmsg("%s", problem), errdetail("Key %s.", key),
                  errhint("%s", hint)));
}

/// Gives rows their IDs, in order.
class Planner {
 public:
  Planner(const BackfillJob& job, const BackfillTable& of)
      : job_(job), of_(of), now_(wall_clock_ms()), ids_(job.layout, job.maker), taken_(of) {}

  /// The ID of a row that is to have one; nothing if it has.
  std::optional<Id> id_of(HeapTuple row, TupleDesc type) {
    const std::optional<TimestampTz> time = value_in(row, type, of_.key_count + 1);
    const std::optional<std::int64_t> id = value_in(row, type, of_.key_count + 2);
    if (!id) return next_id(checked_time(time, row, type), row, type);
    if (time && is_in_place(*id, *time)) pass(static_cast<Id>(*id));
    return std::nullopt;
  }

  void end() {
    taken_.end();
    if (out_of_order_ > 0)
      ereport(WARNING,
              (errmsg("%llu rows of table \"%s\" have an ID that is smaller than that of a row "
                      "before them",
                      static_cast<unsigned long long>(out_of_order_), get_rel_name(of_.oid)),
               errdetail("Rows were added, or their times changed, since an earlier call.")));
  }

 private:
  TimestampTz checked_time(std::optional<TimestampTz> time, HeapTuple row, TupleDesc type) const {
    if (!time)
      refuse_row(ERRCODE_NULL_VALUE_NOT_ALLOWED, "a row has no time", key_text(row, type, of_),
                 "Say what to take then, as in coalesce(created_at, '2025-01-01').");
    const UnixMs ms = unix_ms_of(*time);
    if (TIMESTAMP_IS_NOBEGIN(*time) || ms < job_.layout.epoch_ms)
      refuse_row(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE, "a row is older than the layout's epoch",
                 key_text(row, type, of_),
                 psprintf("Take a layout with an earlier epoch, or greatest(created_at, '%s').",
                          utc_text(job_.layout.epoch_ms).text));
    if (TIMESTAMP_IS_NOEND(*time) || ms > now_)
      refuse_row(
          ERRCODE_DATETIME_VALUE_OUT_OF_RANGE, "a row is of the future", key_text(row, type, of_),
          psprintf("Say what to take then, as in least(created_at, '%s').", utc_text(now_).text));
    return *time;
  }

  Id next_id(TimestampTz time, HeapTuple row, TupleDesc type) {
    const Tick tick = tick_of(time, job_.layout);
    std::optional<Id> id = ids_.next(tick);
    while (id && taken_.has(*id)) id = ids_.next(tick);
    if (!id || delay_ms(*id, tick) > longest_delay_ms)
      refuse_row(ERRCODE_PROGRAM_LIMIT_EXCEEDED, "more rows are of one moment than there are IDs",
                 key_text(row, type, of_),
                 "Spread them in time, or take a layout with more bits below the time.");
    last_ = *id;
    return *id;
  }

  [[nodiscard]] UnixMs delay_ms(Id id, Tick tick) const {
    return (job_.layout.decode(id).tick - tick) * job_.layout.unit_ms;
  }

  /// Whether it is an ID of an earlier call, and the row's time is the one that it had then.
  [[nodiscard]] bool is_in_place(std::int64_t id, TimestampTz time) const {
    if (id < 0 || static_cast<Id>(id) >> job_.layout.bits() != 0 || TIMESTAMP_NOT_FINITE(time))
      return false;
    const UnixMs delay = delay_ms(static_cast<Id>(id), job_.layout.tick_at(unix_ms_of(time)));
    return is_left_free(job_.layout, static_cast<Id>(id)) && delay >= 0 &&
           delay <= longest_delay_ms;
  }

  void pass(Id id) {
    if (id < last_) ++out_of_order_;
    ids_.pass(id);
  }

  const BackfillJob& job_;
  const BackfillTable& of_;
  UnixMs now_;
  BackfillIds ids_;
  TakenIds taken_;
  Id last_ = 0;
  std::uint64_t out_of_order_ = 0;
};

/// The rows in order, with the IDs that they are to have.
NamedRows* planned_rows(const BackfillJob& job, const BackfillTable& of, std::uint64_t& count) {
  Cursor rows(query_of_rows(of, job.time));
  Planner planner(job, of);
  NamedRows* planned = nullptr;
  Datum values[INDEX_MAX_KEYS + 2];
  bool nulls[INDEX_MAX_KEYS + 2];
  Progress progress(planning());
  while (HeapTuple row = rows.next()) {
    progress.step();
    if (planned == nullptr)
      planned = new (palloc(sizeof(NamedRows))) NamedRows(plan_name, rows.type());
    const std::optional<Id> id = planner.id_of(row, rows.type());
    if (!id) continue;
    heap_deform_tuple(row, rows.type(), values, nulls);
    values[of.key_count + 1] = Int64GetDatum(static_cast<std::int64_t>(*id));
    nulls[of.key_count + 1] = false;
    planned->add(values, nulls);
    ++count;
  }
  progress.end();
  planner.end();
  rows.end();
  return planned;
}

/// A cursor that outlives this transaction, and ends at an error.
Portal held_rows(NamedRows& planned, std::uint64_t count) {
  planned.begin(static_cast<double>(count));
  SPIPlanPtr query = SPI_prepare_cursor(psprintf("SELECT * FROM %s", plan_name), 0, nullptr, 0);
  Portal portal = SPI_cursor_open(nullptr, query, nullptr, nullptr, true);
  PinPortal(portal);
  HoldPinnedPortals();
  SPI_freeplan(query);
  planned.end();
  return portal;
}

bool has_empty(const BackfillTable& of) {
  if (SPI_execute(query_of_empty(of), false, 1) != SPI_OK_SELECT)
    elog(ERROR, "could not look for rows without an ID");
  return SPI_processed > 0;
}

}  // namespace

BackfillPlan plan_backfill(const BackfillJob& job, const BackfillTable& of) {
  const Rights before = begin_as_owner(job.table);
  BackfillPlan plan;
  NamedRows* planned = has_empty(of) ? planned_rows(job, of, plan.count) : nullptr;
  end_as_owner(before);
  if (plan.count > 0) plan.rows = held_rows(*planned, plan.count);
  return plan;
}

void end_plan(const BackfillPlan& plan) {
  UnpinPortal(plan.rows);
  SPI_cursor_close(plan.rows);
}

}  // namespace snowflake::pg
