// Encoding and decoding are exact inverses, bit for bit, to the ends of the range, for all layouts.
#include "core/layout.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "unit/layouts.hpp"
#include "unit/rounds.hpp"

namespace snowflake::test {
namespace {

constexpr UnixMs first_ms = 1'735'689'600'000;  // 2025-01-01T00:00:00.000Z
constexpr UnixMs last_ms = 3'934'712'855'551;   // 2094-09-07T15:47:35.551Z
constexpr Parts largest{
    .tick = standard_layout.last_tick(), .node = 31, .worker = 31, .sequence = 4095};

static_assert(standard_layout.last_tick() == (Tick{1} << 41) - 1);
static_assert(standard_layout.encode(Parts{}) == 0);
static_assert(standard_layout.encode(largest) == (Id{1} << 63) - 1, "never a negative bigint");
static_assert(standard_layout.decode((Id{1} << 63) - 1) == largest);
static_assert(standard_layout.encode({.tick = 1}) == Id{1} << 22);
static_assert(standard_layout.encode({.node = 1}) == Id{1} << 17);
static_assert(standard_layout.encode({.worker = 1}) == Id{1} << 12);
static_assert(standard_layout.encode({.sequence = 1}) == 1);
static_assert(standard_layout.tick_at(first_ms) == 0 && standard_layout.time_at(0) == first_ms);
static_assert(standard_layout.tick_at(last_ms) == standard_layout.last_tick());
static_assert(standard_layout.time_at(standard_layout.last_tick()) == last_ms);
static_assert(!standard_layout.contains(standard_layout.tick_at(first_ms - 1)));
static_assert(!standard_layout.contains(standard_layout.tick_at(last_ms + 1)));
static_assert(standard_layout.tick_at(first_ms - 1) == -1);

// Fields in other places: sequence above node, node above timestamp, worker lowest; a shard; nothing
// but time.
constexpr Layout sequence_above_worker{.timestamp = {.shift = 24, .width = 39},
                                       .node = {.shift = 0, .width = 16},
                                       .worker = {.shift = 0, .width = 0},
                                       .sequence = {.shift = 16, .width = 8},
                                       .unit_ms = 10,
                                       .epoch_ms = 1'409'529'600'000};
constexpr Layout node_on_top{.timestamp = {.shift = 12, .width = 41},
                             .node = {.shift = 53, .width = 10},
                             .sequence = {.shift = 0, .width = 12}};
constexpr Layout worker_at_the_bottom{.timestamp = {.shift = 22, .width = 41},
                                      .node = {.shift = 17, .width = 5},
                                      .worker = {.shift = 0, .width = 5},
                                      .sequence = {.shift = 5, .width = 12}};
constexpr Layout sharded{.timestamp = {.shift = 23, .width = 40},
                         .shard = {.shift = 10, .width = 13},
                         .sequence = {.shift = 0, .width = 10}};
constexpr Layout nothing_but_time{.timestamp = {.shift = 0, .width = 63}};

static_assert(sequence_above_worker.encode({.tick = 1, .node = 2, .sequence = 3}) ==
              (Id{1} << 24 | Id{3} << 16 | 2));
static_assert(node_on_top.encode({.tick = 1, .node = 2, .sequence = 3}) ==
              (Id{2} << 53 | Id{1} << 12 | 3));
static_assert(node_on_top.fits({.tick = 1}) && !node_on_top.fits({.tick = 1, .worker = 1}),
              "an absent field holds nothing but 0");
static_assert(nothing_but_time.last_tick() == (Tick{1} << 62) - 1 + (Tick{1} << 62));

const std::vector<Layout> all_layouts{standard_layout, small_layout,         sequence_above_worker,
                                      node_on_top,     worker_at_the_bottom, sharded,
                                      nothing_but_time};

std::vector<std::uint64_t> edges_of(const Field& field) {
  std::vector<std::uint64_t> edges{0, field.max()};
  for (unsigned bit = 0; bit < field.width; ++bit)
    for (std::uint64_t value : {std::uint64_t{1} << bit, (std::uint64_t{1} << bit) - 1})
      edges.push_back(value);
  return edges;
}

void expect_round_trip(const Layout& layout, const Parts& parts) {
  ASSERT_TRUE(layout.fits(parts));
  const Id id = layout.encode(parts);
  ASSERT_LT(id, Id{1} << 63);
  ASSERT_EQ(layout.decode(id), parts);
}

TEST(Layout, GoesRoundAtEveryEdgeOfEveryField) {
  for (const Layout& layout : all_layouts)
    for (std::uint64_t tick : edges_of(layout.timestamp))
      for (std::uint64_t node : edges_of(layout.node))
        for (std::uint64_t worker : edges_of(layout.worker))
          for (std::uint64_t sequence : {std::uint64_t{0}, layout.sequence.max()})
            for (std::uint64_t shard : {std::uint64_t{0}, layout.shard.max()})
              expect_round_trip(layout, {static_cast<Tick>(tick), node, worker, shard, sequence});
}

TEST(Layout, GoesRoundAnywhere) {
  std::mt19937_64 random(1);
  for (const Layout& layout : all_layouts)
    for (std::uint64_t round = scaled(100'000); round > 0; --round)
      expect_round_trip(layout, {static_cast<Tick>(random() & layout.timestamp.max()),
                                 random() & layout.node.max(), random() & layout.worker.max(),
                                 random() & layout.shard.max(), random() & layout.sequence.max()});
}

// Hence no two fields share a bit, and no bit is left over.
TEST(Layout, EachBitOfAnIdBelongsToOnePart) {
  for (const Layout& layout : {standard_layout, worker_at_the_bottom, sharded, nothing_but_time})
    for (unsigned bit = 0; bit < 63; ++bit) {
      const Parts parts = layout.decode(Id{1} << bit);
      const int parts_set = (parts.tick != 0) + (parts.node != 0) + (parts.worker != 0) +
                            (parts.shard != 0) + (parts.sequence != 0);
      EXPECT_EQ(parts_set, 1) << "bit " << bit;
      EXPECT_EQ(layout.encode(parts), Id{1} << bit);
    }
}

TEST(Layout, EveryIdOfTheLowestAndHighestBitsGoesRound) {
  for (const Layout& layout : {standard_layout, worker_at_the_bottom, sharded, nothing_but_time})
    for (Id low = 0; low < 1 << 16; ++low)
      for (Id id : {low, low << 47, ((Id{1} << 63) - 1) ^ low})
        ASSERT_EQ(layout.encode(layout.decode(id)), id);
}

TEST(Layout, OrdersAsTickNodeWorkerSequence) {
  std::mt19937_64 random(2);
  const auto some = [&](const Field& field) { return random() & field.max() & 0x3; };
  const auto key = [](const Parts& p) { return std::tuple(p.tick, p.node, p.worker, p.sequence); };
  for (std::uint64_t round = scaled(100'000); round > 0; --round) {
    const Layout& l = standard_layout;
    const auto any = [&] {
      return Parts{.tick = static_cast<Tick>(some(l.timestamp)),
                   .node = some(l.node),
                   .worker = some(l.worker),
                   .sequence = some(l.sequence)};
    };
    const Parts a = any(), b = any();
    ASSERT_EQ(key(a) < key(b), l.encode(a) < l.encode(b));
  }
}

TEST(Layout, FitsOnlyWhatItHolds) {
  const Layout& l = standard_layout;
  EXPECT_TRUE(l.fits(largest));
  EXPECT_FALSE(l.fits({.tick = -1}));
  EXPECT_FALSE(l.fits({.tick = l.last_tick() + 1}));
  EXPECT_FALSE(l.fits({.node = 32}));
  EXPECT_FALSE(l.fits({.worker = 32}));
  EXPECT_FALSE(l.fits({.sequence = 4096}));
}

TEST(Layout, ATickLastsFromItsFirstMillisecondToItsLast) {
  for (const Layout& layout : all_layouts)
    for (Tick tick : {-1'000'000, -2, -1, 0, 1, 2, 1'000'000}) {
      const UnixMs first = layout.time_at(tick);
      EXPECT_EQ(layout.tick_at(first), tick);
      EXPECT_EQ(layout.tick_at(first + layout.unit_ms - 1), tick);
      EXPECT_EQ(layout.tick_at(first - 1), tick - 1) << "rounded down, also before the epoch";
    }
}

}  // namespace
}  // namespace snowflake::test
