// IDs for rows that are older than their column: they rise, are of the row's time, are found again by a second call, and
// no session makes one of them.
#include "core/backfill.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <random>
#include <set>
#include <vector>

#include "core/presets.hpp"
#include "core/session.hpp"
#include "unit/fake_clock.hpp"
#include "unit/random_layout.hpp"
#include "unit/rounds.hpp"

namespace snowflake::test {
namespace {

/// Layouts that leave numbers free, with fields in any order.
Layout free_layout(std::mt19937_64& random) {
  for (;;) {
    const Layout layout = random_making_layout(random);
    if (leaves_numbers_free(layout) && layout.contains(layout.tick_at(2 * test_now))) return layout;
  }
}

/// Few ticks with many rows each, sorted.
std::vector<Tick> crowded_ticks(std::mt19937_64& random) {
  std::vector<Tick> ticks;
  Tick tick = static_cast<Tick>(random() % 1000);
  while (ticks.size() < 3000) {
    tick += static_cast<Tick>(random() % 5);
    ticks.insert(ticks.end(), random() % 3 == 0 ? random() % 500 : 1, tick);
  }
  return ticks;
}

std::vector<Id> ids_of(BackfillIds ids, const std::vector<Tick>& ticks) {
  std::vector<Id> all;
  for (const Tick tick : ticks) all.push_back(ids.next(tick).value());
  return all;
}

TEST(Backfill, IdsRiseAndAreLeftFree) {
  for (const std::uint64_t seed : seeds()) {
    SCOPED_TRACE(repeat_with(seed));
    std::mt19937_64 random(seed);
    const Layout layout = free_layout(random);
    const Maker maker{.node = random() & layout.node.max(), .shard = random() & layout.shard.max()};
    const std::vector<Tick> ticks = crowded_ticks(random);
    const std::vector<Id> ids = ids_of(BackfillIds(layout, maker), ticks);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const Parts parts = layout.decode(ids[i]);
      ASSERT_TRUE(i == 0 || ids[i] > ids[i - 1]);
      ASSERT_TRUE(layout.fits(parts));
      ASSERT_EQ(layout.encode(parts), ids[i]);
      ASSERT_TRUE(is_left_free(layout, ids[i]));
      ASSERT_GE(parts.tick, ticks[i]);
      ASSERT_EQ(parts.node, maker.node);
      ASSERT_EQ(parts.shard, maker.shard);
    }
  }
}

// The next ID is the smallest that may follow: none is left out. By looking at every one.
TEST(Backfill, NoIdIsLeftOut) {
  constexpr Layout layouts[] = {{.timestamp = {.shift = 15, .width = 40},
                                 .node = {.shift = 13, .width = 2},
                                 .worker = {.shift = 11, .width = 2},
                                 .shard = {.shift = 10, .width = 1},
                                 .sequence = {.shift = 0, .width = 10},
                                 .unit_ms = 1,
                                 .epoch_ms = 0},
                                {.timestamp = {.shift = 15, .width = 40},
                                 .node = {.shift = 0, .width = 2},
                                 .worker = {.shift = 12, .width = 3},
                                 .shard = {},
                                 .sequence = {.shift = 2, .width = 10},
                                 .unit_ms = 10,
                                 .epoch_ms = 0}};
  for (const Layout& layout : layouts) {
    BackfillIds ids(layout, {.node = 1});
    ids.pass(layout.encode({.tick = 5}));
    Id id = ids.next(0).value();
    for (Id expected = layout.encode({.tick = 5}) + 1; expected < layout.encode({.tick = 9});
         ++expected) {
      const Parts parts = layout.decode(expected);
      if (parts.node != 1 || parts.shard != 0 || !is_left_free(layout, expected)) continue;
      ASSERT_EQ(id, expected);
      id = ids.next(0).value();
    }
  }
}

// What an earlier call did in part: any rows done, some gone since. The rest comes to lie between.
TEST(Backfill, ASecondCallFillsTheGapsOfTheFirst) {
  for (const std::uint64_t seed : seeds()) {
    SCOPED_TRACE(repeat_with(seed));
    std::mt19937_64 random(seed);
    const Layout layout = free_layout(random);
    const std::vector<Tick> ticks = crowded_ticks(random);
    std::vector<Id> first = ids_of(BackfillIds(layout, {}), ticks);
    BackfillIds second(layout, {});
    Id last = 0;
    for (std::size_t i = 0; i < first.size(); ++i) {
      if (random() % 4 == 0) continue;  // deleted
      const bool is_done = random() % 2 == 0;
      const Id id = is_done ? first[i] : second.next(ticks[i]).value();
      ASSERT_GT(id, last);
      ASSERT_LE(id, first[i]);
      if (is_done) second.pass(id);
      last = id;
    }
  }
}

TEST(Backfill, NoSessionMakesOne) {
  std::vector<Layout> layouts{standard_layout};
  std::mt19937_64 random(1);
  for (std::uint64_t i = 0; i < scaled(20); ++i) layouts.push_back(free_layout(random));
  for (const Layout& layout : layouts) {
    FakeClock::start(std::max(layout.epoch_ms, test_now) + 1000);
    auto server = std::make_unique<Server>();
    server->timeline.begin(fake_clocks);
    const Terms terms{.bounds = {.floor = 0, .horizon = std::numeric_limits<UnixMs>::max()},
                      .grant = Grant::for_ever(0)};
    std::vector<Session> sessions(3);
    for (Session& session : sessions) session.join(*server, layout);
    std::uint64_t made = 0;
    for (int round = 0; round < 3000; ++round) {
      Session& session = sessions[random() % sessions.size()];
      const std::uint64_t count = 1 + random() % 3000;
      if (session.reserve(*server->timeline.now(fake_clocks), terms, count) == Outcome::ready) {
        const snowflake::Run run = session.take(count);
        ASSERT_FALSE(is_left_free(layout, run.first));
        ASSERT_FALSE(is_left_free(layout, run.first + (run.count - 1) * run.step));
        made += run.count;
      }
      FakeClock::pass_ms(static_cast<std::int64_t>(random() % 2 * random() % 3000));
    }
    ASSERT_GT(made, 0U);
  }
}

// As far as 63 numbers of 64 and a tick without any allow. All of 0, they would be 16000 and 0.
TEST(Backfill, OneRowInATickIsNearlyEvenModulo16) {
  BackfillIds ids(standard_layout, {});
  std::vector<int> counts(16);
  for (Tick tick = 0; tick < 160'000; tick += 10) ++counts[ids.next(tick).value() % 16];
  for (const int count : counts) {
    EXPECT_GT(count, 650);
    EXPECT_LT(count, 1350);
  }
}

TEST(Backfill, OfPresetsThatMakeAThousandATick) {
  std::set<std::string_view> without;
  for (const Preset& preset : presets())
    if (!leaves_numbers_free(preset.layout)) without.insert(preset.name);
  EXPECT_EQ(without, (std::set<std::string_view>{"javascript", "sonyflake", "sonyflake2"}));
}

TEST(Backfill, EndsWithTheLayoutsTime) {
  BackfillIds ids(standard_layout, {});
  EXPECT_FALSE(ids.next(standard_layout.last_tick() + 1));
  ids.pass(standard_layout.encode(
      {.tick = standard_layout.last_tick(), .node = 31, .worker = 31, .sequence = 4095}));
  EXPECT_FALSE(ids.next(0));
}

}  // namespace
}  // namespace snowflake::test
