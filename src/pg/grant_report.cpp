// snowflake_grant_conflicts(table, column, grants): which IDs of a table were made without a grant of their node number,
// or under several. A grant says that one server may make IDs of a number, later than from_ms and up to until_ms.
//
//     SELECT * FROM snowflake_grant_conflicts('orders', 'id', 'grant_log');
//
// Guarantees: those of id_scan.hpp, for the table. The grants are read by a query, with the rights of the caller: a view
// of them does what a SELECT of it does.
//
// Limits: it reads the whole table. A grant counts for ticks that lie in it wholly, as it does when IDs are made.
#include <algorithm>

#include "pg/id_scan.hpp"
#include "pg/layout.hpp"
#include "pg/node_tally.hpp"
#include "pg/postgres.hpp"

namespace snowflake::pg {
namespace {

/// A tick of a node number: the last one before a grant, or the last one in it.
struct Edge {
  std::int64_t node;
  Tick tick;
};

// Not by std::tie: g++ 14.2 at -O2 takes a search with it for one that reads no memory, and finds no grant.
bool comes_before(const Edge& a, const Edge& b) {
  return a.node != b.node ? a.node < b.node : a.tick < b.tick;
}

std::size_t count_before(const Edge* edges, std::size_t size, const Edge& edge) {
  return static_cast<std::size_t>(std::lower_bound(edges, edges + size, edge, comes_before) -
                                  edges);
}

/// All grants of a realm, as the sorted beginnings and the sorted ends.
struct Grants {
  Edge* begins;
  Edge* ends;
  std::size_t size;

  /// How many cover that tick: have begun before it, less those that have ended before it. Of lower numbers, as many
  /// have begun as have ended.
  [[nodiscard]] std::size_t covering(const Edge& edge) const {
    return count_before(begins, size, edge) - count_before(ends, size, edge);
  }
};

Grants new_grants(std::size_t room) {
  const auto bytes = std::max<std::size_t>(room, 1) * sizeof(Edge);
  auto edges = [bytes] {
    return static_cast<Edge*>(MemoryContextAllocHuge(CurrentMemoryContext, bytes));
  };
  return {.begins = edges(), .ends = edges(), .size = 0};
}

/// Far enough for any grant, and not so far that it overflows.
UnixMs within_reach(UnixMs time) {
  constexpr UnixMs farthest = INT64_C(1) << 60;
  return std::clamp(time, -farthest, farthest);
}

void add(Grants& grants, const Layout& layout, std::int64_t node, UnixMs from, UnixMs until) {
  const Tick before = layout.tick_at(within_reach(from));
  const Tick last = layout.tick_at(within_reach(until) + 1) - 1;
  if (before >= last) return;  // no tick was granted
  grants.begins[grants.size] = {.node = node, .tick = before};
  grants.ends[grants.size++] = {.node = node, .tick = last};
}

// --- Reading them ---

const char* query_of(Oid relation) {
  const char* name = get_rel_name(relation);
  if (name == nullptr)
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
                    errmsg("there is no relation with OID %u", relation)));
  const char* schema = get_namespace_name(get_rel_namespace(relation));
  return psprintf(
      "SELECT node::pg_catalog.int8, from_ms::pg_catalog.int8, until_ms::pg_catalog.int8 FROM %s "
      "WHERE realm OPERATOR(pg_catalog.=) $1",
      quote_qualified_identifier(schema, name));
}

std::int64_t column_of(HeapTuple row, int column) {
  bool is_null = false;
  const Datum value = SPI_getbinval(row, SPI_tuptable->tupdesc, column, &is_null);
  if (is_null)
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                    errmsg("a grant has no node, no beginning or no end")));
  return DatumGetInt64(value);
}

/// Into memory of the caller's, which SPI leaves alone.
Grants grants_in(Oid relation, Datum realm, const Layout& layout, MemoryContext memory) {
  Oid types[] = {TEXTOID};
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
  if (SPI_execute_with_args(query_of(relation), 1, types, &realm, nullptr, true, 0) !=
      SPI_OK_SELECT)
    elog(ERROR, "could not read the grants");
  const MemoryContext of_spi = MemoryContextSwitchTo(memory);
  Grants grants = new_grants(SPI_processed);
  for (std::uint64_t i = 0; i < SPI_processed; ++i) {
    const HeapTuple row = SPI_tuptable->vals[i];
    add(grants, layout, column_of(row, 1), column_of(row, 2), column_of(row, 3));
  }
  MemoryContextSwitchTo(of_spi);
  SPI_finish();
  std::sort(grants.begins, grants.begins + grants.size, comes_before);
  std::sort(grants.ends, grants.ends + grants.size, comes_before);
  return grants;
}

// --- The call ---

NodeCounts conflicts_of(FunctionCallInfo fcinfo) {
  const Layout& layout = layout_argument(fcinfo, 4);
  check_has_node(layout);
  const Grants grants =
      grants_in(PG_GETARG_OID(2), PG_GETARG_DATUM(3), layout, CurrentMemoryContext);
  NodeTally tally;
  scan_ids(PG_GETARG_OID(0), NameStr(*PG_GETARG_NAME(1)), layout, [&](HeapTuple, Id id) {
    const Parts parts = layout.decode(id);
    const std::size_t covering =
        grants.covering({.node = static_cast<std::int64_t>(parts.node), .tick = parts.tick});
    if (covering != 1)
      tally.add({static_cast<std::uint32_t>(parts.node), static_cast<std::uint32_t>(covering)}, id);
  });
  return tally.counts();
}

NullableDatum number_datum(std::uint32_t kind) {
  return {.value = Int32GetDatum(static_cast<int32>(kind)), .isnull = false};
}

}  // namespace

SNOWFLAKE_SQL_FUNCTION(snowflake_grant_conflicts) {
  return next_count(fcinfo, layout_argument(fcinfo, 4), conflicts_of, number_datum);
}

}  // namespace snowflake::pg
