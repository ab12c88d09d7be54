// snowflake_node_conflicts(table, column): which node numbers two servers have used in one table, after the fact. The
// server that receives the rows of the others knows of each where it came from: a replication origin, noted with the
// commit of the row's transaction where track_commit_timestamp is on.
//
//     SELECT * FROM snowflake_node_conflicts('orders', 'id');
//
// Which rows tell something. One as it was inserted: an UPDATE gives a row the origin of whoever updated it. One that
// was committed soon after its ID was made: a restored, copied or rewritten one has the origin of that. One that is
// younger than its origin: an initial copy and a dropped subscription leave numbers of origins behind, which PostgreSQL
// gives to others.
//
// Guarantees: those of id_scan.hpp.
//
// Limits: it sees what this server received since track_commit_timestamp is on, as far as VACUUM has not truncated
// that. It reads the whole table.
#include <optional>

#include "pg/id_scan.hpp"
#include "pg/layout.hpp"
#include "pg/node_tally.hpp"
#include "pg/postgres.hpp"
#include "pg/time.hpp"

namespace snowflake::pg {
namespace {

constexpr Origin this_server = 0;

/// Whether a transaction is younger than the row that it has in the catalogs.
bool is_younger(TransactionId transaction, HeapTuple catalog_row) {
  if (HeapTupleHeaderXminFrozen(catalog_row->t_data)) return true;
  return TransactionIdFollows(transaction, HeapTupleHeaderGetRawXmin(catalog_row->t_data));
}

/// Whether the number was given to its origin before that transaction.
bool was_there(Origin origin, TransactionId transaction) {
  if (origin == this_server) return true;
  HeapTuple row = SearchSysCache1(REPLORIGIDENT, ObjectIdGetDatum(origin));
  if (!HeapTupleIsValid(row)) return false;
  const bool was = is_younger(transaction, row);
  ReleaseSysCache(row);
  return was;
}

/// Where a row that tells something came from.
std::optional<Origin> origin_of(HeapTuple row, TimestampTz latest_commit) {
  if ((row->t_data->t_infomask & HEAP_UPDATED) != 0) return std::nullopt;
  TimestampTz committed = 0;
  Origin origin = this_server;
  const TransactionId inserted_by = HeapTupleHeaderGetRawXmin(row->t_data);
  if (!TransactionIdGetCommitTsData(inserted_by, &committed, &origin)) return std::nullopt;
  if (committed > latest_commit || !was_there(origin, inserted_by)) return std::nullopt;
  return origin;
}

/// Marks those whose node has another origin beside it. They are sorted by node.
bool* shared_nodes(const NodeCounts& all) {
  auto* shared = static_cast<bool*>(palloc0(all.size + 1));
  for (std::size_t i = 1; i < all.size; ++i)
    if (all.counts[i].key.node == all.counts[i - 1].key.node) shared[i] = shared[i - 1] = true;
  return shared;
}

NodeCounts conflicts_among(NodeCounts all) {
  const bool* shared = shared_nodes(all);
  NodeCounts conflicts{.counts = all.counts, .size = 0};
  for (std::size_t i = 0; i < all.size; ++i)
    if (shared[i]) conflicts.counts[conflicts.size++] = all.counts[i];
  return conflicts;
}

/// 22023 unless it is between 0 and 100 years: no time that it is added to overflows then.
std::int64_t microseconds(const Interval& interval) {
  constexpr std::int32_t most_days = 36500;
  constexpr std::int64_t most = most_days * static_cast<std::int64_t>(USECS_PER_DAY);
  if (interval.month == 0 && interval.day >= 0 && interval.day <= most_days && interval.time >= 0 &&
      interval.time <= most)
    return *us_in(interval);
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("max_delay is out of range"),
                  errdetail("It must be between 0 and %d days, and have no months.", most_days)));
  pg_unreachable();
}

NodeCounts conflicts_of(FunctionCallInfo fcinfo) {
  const Layout& layout = layout_argument(fcinfo, 2);
  const std::int64_t max_delay = microseconds(*PG_GETARG_INTERVAL_P(3));
  check_has_node(layout);
  NodeTally tally;
  scan_ids(PG_GETARG_OID(0), NameStr(*PG_GETARG_NAME(1)), layout, [&](HeapTuple row, Id id) {
    const Parts parts = layout.decode(id);
    const TimestampTz made = timestamptz_at(parts.tick, layout);
    if (const std::optional<Origin> origin = origin_of(row, made + max_delay))
      tally.add({.node = static_cast<std::uint32_t>(parts.node), .kind = *origin}, id);
  });
  return conflicts_among(tally.counts());
}

/// NULL for this server. An origin that was dropped since it was counted has a number only.
NullableDatum name_datum(std::uint32_t kind) {
  const auto origin = static_cast<Origin>(kind);
  char* name = nullptr;
  if (origin == this_server) return {.value = 0, .isnull = true};
  if (!replorigin_by_oid(origin, true, &name)) name = psprintf("%u", unsigned{origin});
  return {.value = CStringGetTextDatum(name), .isnull = false};
}

}  // namespace

SNOWFLAKE_SQL_FUNCTION(snowflake_node_conflicts) {
  return next_count(fcinfo, layout_argument(fcinfo, 2), conflicts_of, name_datum);
}

}  // namespace snowflake::pg
