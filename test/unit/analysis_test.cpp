// What an analysis counts, against a computation that needs no cleverness.
#include "core/analysis.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <vector>

#include "unit/random_layout.hpp"
#include "unit/rounds.hpp"

namespace snowflake::test {
namespace {

using Values = std::vector<std::int64_t>;

constexpr UnixMs now = 1'800'000'000'000;

std::unique_ptr<Analysis> analysis_of(Values values, const Layout& layout, UnixMs clock = now) {
  std::sort(values.begin(), values.end());
  auto analysis = std::make_unique<Analysis>(layout, clock, values.size());
  for (const std::int64_t value : values) analysis->add(value);
  analysis->finish();
  return analysis;
}

std::int64_t id_at(UnixMs time, std::uint64_t node = 0, std::uint64_t worker = 0,
                   std::uint64_t sequence = 0) {
  return static_cast<std::int64_t>(standard_layout.encode({.tick = standard_layout.tick_at(time),
                                                           .node = node,
                                                           .worker = worker,
                                                           .sequence = sequence}));
}

TEST(Analysis, OfNothing) {
  const auto analysis = analysis_of({}, standard_layout);
  EXPECT_EQ(analysis->values().count, 0U);
  EXPECT_EQ(analysis->per_second().periods(), 0U);
  EXPECT_EQ(analysis->per_second().median(), 0U);
  EXPECT_EQ(analysis->constant_bits(), 0U);
  EXPECT_EQ(analysis->duplicates(), 0U);
  EXPECT_TRUE(analysis->nodes().most_used(64).empty());
}

TEST(Analysis, TellsStrangersFromIds) {
  const Layout narrow{.timestamp = {.shift = 12, .width = 41}, .sequence = {.width = 12}};
  const auto analysis = analysis_of({-7, -1, 0, 5, std::int64_t{1} << 53, INT64_MAX}, narrow);
  EXPECT_EQ(analysis->negative().count, 2U);
  EXPECT_EQ(analysis->negative().first, -7);
  EXPECT_EQ(analysis->ids().count, 2U);
  EXPECT_EQ(analysis->ids().last, 5);
  EXPECT_EQ(analysis->beyond().count, 2U);
  EXPECT_EQ(analysis->beyond().last, INT64_MAX);
  EXPECT_EQ(analysis->values().count, 6U);
}

TEST(Analysis, AheadOfTheClockIsALaterTick) {
  const auto analysis =
      analysis_of({id_at(now - 1), id_at(now, 0, 0, 9), id_at(now + 1), id_at(now + 86'400'001)},
                  standard_layout);
  EXPECT_EQ(analysis->ahead().count, 2U);
  EXPECT_EQ(analysis->ahead().first, id_at(now + 1));
  EXPECT_EQ(analysis->far_ahead(), 1U);
}

TEST(Analysis, Duplicates) {
  const auto analysis = analysis_of({-3, -3, 8, 8, 8, 9, 10, 10}, standard_layout);
  EXPECT_EQ(analysis->duplicates(), 4U);
  EXPECT_EQ(analysis->duplicated(), 3U);
  EXPECT_EQ(analysis->first_duplicate(), -3);
}

TEST(Analysis, OnePercentMayBeAnything) {
  Values values{INT64_MAX};
  for (std::int64_t value = 1; value <= 200; ++value) values.push_back(value);
  EXPECT_EQ(analysis_of(values, standard_layout)->most_are_up_to(), 199);
}

TEST(Analysis, Rates) {
  Values values;
  for (int second = 0; second < 100; ++second)
    for (std::int64_t i = 0; i <= second; ++i)
      values.push_back(id_at(now + second * 1000, 0, 0, static_cast<std::uint64_t>(i)));
  const auto analysis = analysis_of(values, standard_layout);
  EXPECT_EQ(analysis->per_second().periods(), 100U);
  EXPECT_EQ(analysis->per_second().median(), 50U);
  EXPECT_EQ(analysis->per_second().p99(), 99U);
  EXPECT_EQ(analysis->per_second().peak(), 100U);
  EXPECT_EQ(analysis->per_second().peak_period(), now / 1000 + 99);
  EXPECT_EQ(analysis->per_tick().peak(), 100U);
}

TEST(Analysis, LargestGapIsTheFirstOfThem) {
  const auto analysis =
      analysis_of({id_at(now), id_at(now + 5), id_at(now + 25), id_at(now + 45)}, standard_layout);
  EXPECT_EQ(analysis->largest_gap().from, static_cast<Id>(id_at(now + 5)));
  EXPECT_EQ(analysis->largest_gap().to, static_cast<Id>(id_at(now + 25)));
}

TEST(Analysis, BitsThatAreConstant) {
  const auto analysis = analysis_of({0b0110, 0b0011, 0b0010}, standard_layout);
  EXPECT_EQ(analysis->constant_bits(), ~Id{0b0101});
  EXPECT_EQ(analysis->constant_ones(), 0b0010U);
}

TEST(Analysis, ExactInJavaScriptUpToTwoToThe53) {
  const auto analysis = analysis_of(
      {-max_safe_integer - 1, -max_safe_integer, max_safe_integer, max_safe_integer + 1},
      standard_layout);
  EXPECT_EQ(analysis->inexact().count, 2U);
  EXPECT_EQ(analysis->inexact().last, std::int64_t{1} << 53);
}

TEST(Analysis, NodesAndWorkersWithFirstAndLastUse) {
  const auto analysis = analysis_of(
      {id_at(now, 3, 1), id_at(now + 1, 3, 2), id_at(now + 2, 1, 1), id_at(now + 3, 3, 1)},
      standard_layout);
  const auto nodes = analysis->nodes().most_used(64);
  ASSERT_EQ(nodes.size(), 2U);
  EXPECT_EQ(nodes[0].key, 1U);
  EXPECT_EQ(nodes[1].key, 3U);
  EXPECT_EQ(nodes[1].ids, 3U);
  EXPECT_EQ(nodes[1].first, static_cast<Id>(id_at(now, 3, 1)));
  EXPECT_EQ(nodes[1].last, static_cast<Id>(id_at(now + 3, 3, 1)));
  EXPECT_EQ(analysis->workers().keys(), 3U);
}

// --- Against a naive computation ---

struct Naive {
  std::map<std::int64_t, std::uint64_t> values, ticks, seconds;
  std::map<std::uint64_t, std::uint64_t> nodes, workers, shards;
  std::uint64_t ids = 0, strangers = 0, ahead = 0;
  Tick gap = 0;
  Id changing = 0;

  Naive(const Values& all, const Layout& layout, UnixMs clock) {
    std::vector<Id> of_layout;
    for (const std::int64_t value : all) {
      ++values[value];
      if (value < 0 || static_cast<Id>(value) > Id{~Id{0}} >> (64 - layout.bits()))
        ++strangers;
      else
        of_layout.push_back(static_cast<Id>(value));
    }
    std::sort(of_layout.begin(), of_layout.end());
    ids = of_layout.size();
    for (std::size_t i = 0; i < of_layout.size(); ++i) {
      const Parts parts = layout.decode(of_layout[i]);
      const UnixMs time = layout.time_at(parts.tick);
      ++ticks[parts.tick];
      ++seconds[(time - (time % 1000 + 1000) % 1000) / 1000];
      ++nodes[parts.node];
      ++workers[worker_key(parts)];
      ++shards[parts.shard];
      if (time > clock) ++ahead;
      changing |= of_layout[i] ^ of_layout[0];
      if (i > 0) gap = std::max(gap, parts.tick - layout.decode(of_layout[i - 1]).tick);
    }
  }

  std::uint64_t duplicates() const {
    std::uint64_t count = 0;
    for (const auto& [value, times] : values) count += times - 1;
    return count;
  }
};

/// The number at that rank among the counts, as exact as a histogram is.
void expect_quantile(std::uint64_t said, const std::map<std::int64_t, std::uint64_t>& counts,
                     std::size_t percent) {
  std::vector<std::uint64_t> all;
  for (const auto& [period, count] : counts) all.push_back(count);
  std::sort(all.begin(), all.end());
  const std::uint64_t right = all.empty() ? 0 : all[(all.size() * percent + 99) / 100 - 1];
  EXPECT_LE(said, right);
  EXPECT_GE(static_cast<double>(said), static_cast<double>(right) * 0.999);
}

void expect_uses(UseTally& tally, const std::map<std::uint64_t, std::uint64_t>& right,
                 bool is_present) {
  EXPECT_EQ(tally.keys() > 0, is_present && !right.empty());
  if (!is_present) return;
  const std::size_t kept = std::min(right.size(), UseTally::capacity);
  EXPECT_EQ(tally.keys(), kept);
  std::uint64_t least = ~std::uint64_t{0};
  for (const Use& use : tally.most_used(20)) {
    EXPECT_EQ(use.ids, right.at(use.key));
    least = std::min(least, use.ids);
  }
  if (tally.left_out() > 0 || right.size() <= 20) return;
  std::size_t more = 0;
  for (const auto& [key, ids] : right) more += ids > least ? 1 : 0;
  EXPECT_LT(more, 20U);
}

/// IDs that come in heaps, some again, some of no layout.
Values random_values(std::mt19937_64& random, const Layout& layout) {
  Values values;
  const std::size_t count = between(random, 0, 3000);
  Id id = random_id(random, layout);
  while (values.size() < count) {
    if (random() % 50 == 0) id = random_id(random, layout);
    if (random() % 200 == 0) values.push_back(static_cast<std::int64_t>(random()));
    if (random() % 20 != 0) id += random() >> between(random, 1, 63);
    values.push_back(static_cast<std::int64_t>(id));
  }
  return values;
}

TEST(Analysis, IsThatOfANaiveComputation) {
  for (std::uint64_t round = 0; round < scaled(300); ++round) {
    SCOPED_TRACE(round);
    std::mt19937_64 random(round);
    const Layout layout = random_layout(random);
    const Values values = random_values(random, layout);
    const UnixMs clock = layout.time_at(layout.decode(random_id(random, layout)).tick);
    const Naive naive(values, layout, clock);
    const auto analysis = analysis_of(values, layout, clock);
    EXPECT_EQ(analysis->ids().count, naive.ids);
    EXPECT_EQ(analysis->negative().count + analysis->beyond().count, naive.strangers);
    EXPECT_EQ(analysis->duplicates(), naive.duplicates());
    EXPECT_EQ(analysis->ahead().count, naive.ahead);
    EXPECT_EQ(analysis->per_tick().periods(), naive.ticks.size());
    EXPECT_EQ(analysis->per_second().periods(), naive.seconds.size());
    expect_quantile(analysis->per_tick().median(), naive.ticks, 50);
    expect_quantile(analysis->per_second().median(), naive.seconds, 50);
    expect_quantile(analysis->per_second().p99(), naive.seconds, 99);
    const Gap gap = analysis->largest_gap();
    EXPECT_EQ(layout.decode(gap.to).tick - layout.decode(gap.from).tick, naive.gap);
    EXPECT_EQ(analysis->constant_bits(), naive.ids > 0 ? ~naive.changing : 0);
    expect_uses(analysis->nodes(), naive.nodes, layout.node.present());
    expect_uses(analysis->workers(), naive.workers, layout.worker.present());
    expect_uses(analysis->shards(), naive.shards, layout.shard.present());
    if (HasFailure()) return;
  }
}

TEST(Histogram, QuantilesOfLargeNumbersAreTooSmallByLessThanAThousandth) {
  for (unsigned bits = 0; bits < 64; ++bits)
    for (const std::uint64_t below : {0U, 1U, 2U, 77U}) {
      Histogram histogram;
      const std::uint64_t number = (std::uint64_t{1} << bits) - below;
      histogram.add(number);
      const std::uint64_t said = histogram.quantile(1, 2);
      EXPECT_LE(said, number);
      EXPECT_LE(number - said, number / 1000) << number;
    }
}

TEST(UseTally, CountsOthersTogetherWhenItIsFull) {
  auto tally = std::make_unique<UseTally>();
  for (std::uint64_t key = 0; key < UseTally::capacity + 5; ++key) tally->add(key << 32, key);
  tally->add(3ULL << 32, 99'999);
  EXPECT_EQ(tally->keys(), UseTally::capacity);
  EXPECT_EQ(tally->left_out(), 5U);
  const auto most = tally->most_used(1);
  ASSERT_EQ(most.size(), 1U);
  EXPECT_EQ(most[0].key, 3ULL << 32);
  EXPECT_EQ(most[0].last, 99'999U);
}

}  // namespace
}  // namespace snowflake::test
