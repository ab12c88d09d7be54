#include "pg/node_tally.hpp"

#include <algorithm>

#include "pg/row.hpp"

namespace snowflake::pg {
namespace {

NullableDatum time_of(Id id, const Layout& layout) {
  return time_column(layout.time_at(layout.decode(id).tick));
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
  if (SRF_IS_FIRSTCALL()) begin_rows(fcinfo, count);
  FuncCallContext* set = SRF_PERCALL_SETUP();
  const auto& counts = found_in<NodeCounts>(set);
  if (set->call_cntr == counts.size) SRF_RETURN_DONE(set);
  const NodeCount& next = counts.counts[set->call_cntr];
  const NullableDatum columns[] = {int_column(static_cast<std::int32_t>(next.key.node)),
                                   meaning(next.key.kind),
                                   number_column(next.rows),
                                   time_of(next.first, layout),
                                   time_of(next.last, layout),
                                   number_column(static_cast<std::int64_t>(next.first))};
  SRF_RETURN_NEXT(set, row_of(set->tuple_desc, columns));
}

}  // namespace snowflake::pg
