// What the IDs of a table tell: when, how many, how fast, by whom they were made, and which of their bits mean something.
//
//     Analysis analysis(layout, now, count);       // 2.6 MB: not for a stack
//     for (std::int64_t value : sorted) analysis.add(value);
//     analysis.finish();
//     analysis.per_second().peak()
//
// Guarantees: one pass over any number of values, in memory that does not grow. All counts are exact; quantiles of rates
// as in histogram.hpp, nodes and workers as in use_tally.hpp.
//
// Limits: values come in ascending order; whoever has too many for memory sorts them elsewhere. A value that is no ID of
// the layout, because it is negative or has too many bits, counts as such and as a duplicate, and for nothing else.
#pragma once

#include <cstdint>

#include "core/histogram.hpp"
#include "core/layout.hpp"
#include "core/use_tally.hpp"

namespace snowflake {

/// The largest integer that a double, and so a number of JavaScript, tells from its neighbours.
inline constexpr std::int64_t max_safe_integer = (std::int64_t{1} << 53) - 1;

/// How many IDs there are in a period, such as a second: over all periods that have any. Periods come in ascending order.
class Rate {
 public:
  void add(std::int64_t period) {
    if (count_ > 0 && period != period_) close();
    period_ = period;
    ++count_;
  }
  void close();

  [[nodiscard]] std::uint64_t periods() const { return counts_.total(); }
  [[nodiscard]] std::uint64_t median() const { return counts_.quantile(1, 2); }
  [[nodiscard]] std::uint64_t p99() const { return counts_.quantile(99, 100); }
  [[nodiscard]] std::uint64_t peak() const { return peak_; }
  /// The first period that has as many.
  [[nodiscard]] std::int64_t peak_period() const { return peak_period_; }

 private:
  Histogram counts_;
  std::int64_t period_ = 0;
  std::uint64_t count_ = 0;
  std::uint64_t peak_ = 0;
  std::int64_t peak_period_ = 0;
};

/// Values that have something in common.
struct Group {
  std::uint64_t count = 0;
  std::int64_t first = 0;  ///< the smallest
  std::int64_t last = 0;   ///< the largest

  void add(std::int64_t value) {
    if (count++ == 0) first = value;
    last = value;
  }
};

/// From one ID to the next.
struct Gap {
  Id from = 0;
  Id to = 0;
};

class Analysis {
 public:
  /// `count`: how many values will come.
  Analysis(const Layout& layout, UnixMs now, std::uint64_t count);

  void add(std::int64_t value);
  void finish();

  [[nodiscard]] const Layout& layout() const { return layout_; }
  [[nodiscard]] UnixMs now() const { return now_; }

  [[nodiscard]] const Group& values() const { return values_; }
  [[nodiscard]] const Group& ids() const { return ids_; }  ///< of the layout
  [[nodiscard]] const Group& negative() const { return negative_; }
  [[nodiscard]] const Group& beyond() const { return beyond_; }  ///< larger than any of the layout
  [[nodiscard]] const Group& ahead() const { return ahead_; }  ///< of a later tick than the clock's
  /// Ahead by more than a clock that is a little wrong.
  [[nodiscard]] std::uint64_t far_ahead() const { return far_ahead_; }
  /// Not exact in JavaScript.
  [[nodiscard]] const Group& inexact() const { return inexact_; }

  /// Values beyond the first of their kind.
  [[nodiscard]] std::uint64_t duplicates() const { return duplicates_.count; }
  [[nodiscard]] std::int64_t first_duplicate() const { return duplicates_.first; }
  /// Values that are there more than once, counted once.
  [[nodiscard]] std::uint64_t duplicated() const { return duplicated_; }

  [[nodiscard]] const Rate& per_tick() const { return per_tick_; }
  [[nodiscard]] const Rate& per_second() const { return per_second_; }
  [[nodiscard]] const Gap& largest_gap() const { return gap_; }

  /// Bits that are the same in all IDs, and those of them that are 1.
  [[nodiscard]] Id constant_bits() const { return ids_.count > 0 ? ~(any_ ^ all_) : 0; }
  [[nodiscard]] Id constant_ones() const { return ids_.count > 0 ? all_ : 0; }

  [[nodiscard]] UseTally& nodes() { return nodes_; }
  [[nodiscard]] UseTally& workers() { return workers_; }  ///< keys: worker_key()
  [[nodiscard]] UseTally& shards() { return shards_; }

  /// All values but the largest percent of them are not larger.
  [[nodiscard]] std::int64_t most_are_up_to() const { return most_are_up_to_; }

 private:
  void count_duplicate(std::int64_t value);
  void add_id(Id id);
  void add_time(Id id, Tick tick);
  void add_use(Id id, const Parts& parts);

  Layout layout_;
  UnixMs now_;
  Tick now_tick_;
  Tick far_tick_;
  std::uint64_t rank_of_most_;
  std::int64_t most_are_up_to_ = 0;
  Group values_;
  Group ids_;
  Group negative_;
  Group beyond_;
  Group ahead_;
  Group inexact_;
  Group duplicates_;
  std::uint64_t far_ahead_ = 0;
  std::uint64_t duplicated_ = 0;
  bool is_duplicated_ = false;
  Id any_ = 0;
  Id all_ = ~Id{0};
  Gap gap_;
  Rate per_tick_;
  Rate per_second_;
  UseTally nodes_;
  UseTally workers_;
  UseTally shards_;
};

/// A worker is a number within its node.
[[nodiscard]] constexpr std::uint64_t worker_key(const Parts& parts) {
  return parts.node << 32 | parts.worker;
}

}  // namespace snowflake
