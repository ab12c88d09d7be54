// What is missing of a range of IDs, where others are taken already.
//
//     visit_gaps({100, 200}, taken, [](const IdRange& gap) { … });  // taken: {50, 120}, {150, 160}; gaps: {120, 150}, {160, 200}
//
// Guarantee: with the gaps the whole range is taken, and nothing of it twice.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

namespace snowflake {

/// The numbers from `first` on and below `end`. Those of bigint have no bound at either limit of the type.
struct IdRange {
  std::int64_t first = std::numeric_limits<std::int64_t>::min();
  std::int64_t end = std::numeric_limits<std::int64_t>::max();

  [[nodiscard]] constexpr bool operator==(const IdRange&) const = default;
};

/// Calls `visit` with each gap, in their order. `taken` is sorted, and its ranges do not overlap.
template <typename Taken, typename Visit>
constexpr void visit_gaps(const IdRange& wanted, const Taken& taken, Visit visit) {
  std::int64_t next = wanted.first;
  for (const IdRange& range : taken) {
    const std::int64_t end = std::min(range.first, wanted.end);
    if (next < end) visit(IdRange{.first = next, .end = end});
    next = std::max(next, range.end);
  }
  if (next < wanted.end) visit(IdRange{.first = next, .end = wanted.end});
}

}  // namespace snowflake
