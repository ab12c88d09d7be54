// Counts IDs by node and by something else that is a number, as reports do, and hands the counts out as rows of a
// set-returning function.
//
//     NodeTally tally;                                   // in the memory context that is current
//     tally.add({.node = 3, .kind = 0}, id);
//     const NodeCounts counts = tally.counts();          // by node, then kind
//
// Limits: as much memory as there are different keys.
#pragma once

#include <cstddef>

#include "core/layout.hpp"
#include "pg/postgres.hpp"

namespace snowflake::pg {

/// Compared as bytes: without gaps.
struct NodeKey {
  std::uint32_t node;
  std::uint32_t kind;
};

/// IDs of one key; of these, the smallest is the first.
struct NodeCount {
  NodeKey key;
  std::int64_t rows;
  Id first;
  Id last;
};

struct NodeCounts {
  NodeCount* counts;
  std::size_t size;
};

class NodeTally {
 public:
  NodeTally();
  void add(const NodeKey& key, Id id);
  [[nodiscard]] NodeCounts counts() const;

 private:
  HTAB* counts_;
};

/// A call of a set-returning function: at first counts, and then gives a count at a time, as a row of node, what the
/// kind means, row_count, first_time, last_time, example.
[[nodiscard]] Datum next_count(FunctionCallInfo fcinfo, const Layout& layout,
                               NodeCounts (*count)(FunctionCallInfo),
                               NullableDatum (*meaning)(std::uint32_t kind));

}  // namespace snowflake::pg
