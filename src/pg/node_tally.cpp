#include "pg/node_tally.hpp"

#include <algorithm>

#include "pg/time.hpp"

namespace snowflake::pg {
namespace {

Datum time_of(Id id, const Layout& layout) {
  return TimestampTzGetDatum(timestamptz_at(layout.decode(id).tick, layout));
}

/// The counts, in memory that lasts as long as the set.
void begin_counts(FunctionCallInfo fcinfo, NodeCounts (*count)(FunctionCallInfo)) {
  FuncCallContext* set = SRF_FIRSTCALL_INIT();
  const MemoryContext caller = MemoryContextSwitchTo(set->multi_call_memory_ctx);
  set->tuple_desc = result_row(fcinfo);
  auto* counts = static_cast<NodeCounts*>(palloc(sizeof(NodeCounts)));
  *counts = count(fcinfo);
  set->user_fctx = counts;
  MemoryContextSwitchTo(caller);
}

Datum row_of_count(TupleDesc type, const NodeCount& count, const Layout& layout,
                   NullableDatum kind) {
  Datum values[] = {Int32GetDatum(static_cast<int32>(count.key.node)),
                    kind.value,
                    Int64GetDatum(count.rows),
                    time_of(count.first, layout),
                    time_of(count.last, layout),
                    Int64GetDatum(static_cast<std::int64_t>(count.first))};
  bool nulls[] = {false, kind.isnull, false, false, false, false};
  return HeapTupleGetDatum(heap_form_tuple(type, values, nulls));
}

bool comes_before(const NodeCount& a, const NodeCount& b) {
  return a.key.node != b.key.node ? a.key.node < b.key.node : a.key.kind < b.key.kind;
}

}  // namespace

NodeTally::NodeTally() {
  HASHCTL control{};
  control.keysize = sizeof(NodeKey);
  control.entrysize = sizeof(NodeCount);
  control.hcxt = CurrentMemoryContext;
  counts_ =
      hash_create("snowflake_id IDs by node", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

void NodeTally::add(const NodeKey& key, Id id) {
  bool found = false;
  auto* count = static_cast<NodeCount*>(hash_search(counts_, &key, HASH_ENTER, &found));
  if (!found) *count = {.key = key, .rows = 0, .first = id, .last = id};
  ++count->rows;
  count->first = std::min(count->first, id);
  count->last = std::max(count->last, id);
}

NodeCounts NodeTally::counts() const {
  const auto size = static_cast<std::size_t>(hash_get_num_entries(counts_));
  auto* counts =
      static_cast<NodeCount*>(palloc(std::max<std::size_t>(size, 1) * sizeof(NodeCount)));
  NodeCount* end = counts;
  HASH_SEQ_STATUS entries;
  hash_seq_init(&entries, counts_);
  while (auto* count = static_cast<NodeCount*>(hash_seq_search(&entries))) *end++ = *count;
  std::sort(counts, end, comes_before);
  return {.counts = counts, .size = size};
}

Datum next_count(FunctionCallInfo fcinfo, const Layout& layout,
                 NodeCounts (*count)(FunctionCallInfo),
                 NullableDatum (*meaning)(std::uint32_t kind)) {
  if (SRF_IS_FIRSTCALL()) begin_counts(fcinfo, count);
  FuncCallContext* set = SRF_PERCALL_SETUP();
  const auto* counts = static_cast<const NodeCounts*>(set->user_fctx);
  if (set->call_cntr == counts->size) SRF_RETURN_DONE(set);
  const NodeCount& next = counts->counts[set->call_cntr];
  SRF_RETURN_NEXT(set, row_of_count(set->tuple_desc, next, layout, meaning(next.key.kind)));
}

}  // namespace snowflake::pg
