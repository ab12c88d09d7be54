// What sessions have done is counted exactly, by layout, and is there for those who look.
#include "core/statistics.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "core/session.hpp"
#include "unit/fake_clock.hpp"
#include "unit/layouts.hpp"
#include "unit/rounds.hpp"

namespace snowflake::test {
namespace {

constexpr UnixMs no_horizon = std::numeric_limits<UnixMs>::max();
constexpr UnixMs start = standard_layout.epoch_ms + 3'600'000;
constexpr std::uint64_t all_there_is = 1'000'000'000;

TEST(Recent, KnowsThePeriodsThatItHasSlotsFor) {
  Recent<2> recent;
  EXPECT_EQ(recent.of(7), 0U);
  EXPECT_EQ(recent.add(7, 3), 3U);
  EXPECT_EQ(recent.add(7, 4), 7U);
  EXPECT_EQ(recent.add(8, 1), 1U);
  EXPECT_EQ(recent.of(7), 7U);
  EXPECT_EQ(recent.of(8), 1U);
  EXPECT_EQ(recent.of(9), 0U);
}

TEST(Recent, ALaterPeriodTakesTheSlotAndAnEarlierOneComesTooLate) {
  Recent<2> recent;
  recent.add(7, 3);
  EXPECT_EQ(recent.add(9, 1), 1U);
  EXPECT_EQ(recent.of(7), 0U);
  EXPECT_EQ(recent.add(7, 5), 0U);
  EXPECT_EQ(recent.of(9), 1U);
}

TEST(Recent, ASlotOfLongAgoIsNeverInTheWay) {
  constexpr std::int64_t wrap = std::int64_t{1} << 32;
  for (const std::int64_t later :
       {wrap / 2 - 2, wrap / 2, wrap - (1 << 21), 2 * wrap - (1 << 21)}) {
    Recent<2> recent;
    recent.add(start, 3);
    EXPECT_EQ(recent.add(start + later, 5), 5U) << later;
  }
}

TEST(Recent, RaisesAndEndsAtTheLargestNumber) {
  Recent<2> recent;
  recent.raise(1, 5);
  recent.raise(1, 3);
  EXPECT_EQ(recent.of(1), 5U);
  recent.add(1, std::numeric_limits<std::uint64_t>::max() - 100);
  EXPECT_EQ(recent.of(1), std::numeric_limits<std::uint32_t>::max());
}

TEST(Recent, LosesNothingAmongThreads) {
  Recent<2> recent;
  const std::uint64_t each = scaled(100'000);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (std::uint64_t n = 0; n < each; ++n) recent.add(1, 1);
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(recent.of(1), 4 * each);
}

class StatisticsTest : public testing::Test {
 protected:
  StatisticsTest() {
    FakeClock::start(start);
    server->timeline.begin(fake_clocks);
  }

  Session joined(const Layout& layout = small_layout) {
    Session session;
    session.join(*server, layout);
    return session;
  }

  Instant now() { return *server->timeline.now(fake_clocks); }

  Outcome reserve(Session& session, std::uint64_t count = 1) {
    return session.reserve(now(), terms, count);
  }

  /// Makes so many IDs, with as many reservations as that takes; waits where all is spent.
  void make(Session& session, std::uint64_t count) {
    while (count > 0) {
      const Outcome outcome = reserve(session, count);
      if (outcome == Outcome::ready)
        count -= session.take(count).count;
      else if (outcome == Outcome::spent)
        FakeClock::pass_ms(1);
      else
        FAIL();
    }
  }

  const LayoutStatistics& of(const Layout& layout) {
    for (const LayoutStatistics& entry : server->statistics)
      if (entry.layout() == layout) return entry;
    ADD_FAILURE() << "the layout has no entry";
    return *server->statistics.begin();
  }

  std::uint64_t count(Count what) { return of(small_layout).of(what); }

  std::unique_ptr<Server> server = std::make_unique<Server>();
  Terms terms{.bounds = {.floor = 0, .horizon = no_horizon}, .grant = Grant::for_ever(0)};
};

using SessionStatisticsTest = StatisticsTest;
using EntriesTest = StatisticsTest;

TEST_F(SessionStatisticsTest, ReportsWhatWasHandedOutWhenItReservesInAnotherTick) {
  Session session = joined();
  make(session, 3);
  EXPECT_EQ(count(Count::ids), 0U) << "one tick is not over";
  FakeClock::pass_ms(1);
  make(session, 1);
  EXPECT_EQ(count(Count::ids), 3U);
  EXPECT_EQ(count(Count::reservations), 1U);
}

TEST_F(SessionStatisticsTest, ReportsTheRestWhenItLeaves) {
  Session session = joined();
  make(session, 3);
  EXPECT_EQ(of(small_layout).sessions(), 1U);
  session.leave();
  EXPECT_EQ(count(Count::ids), 3U);
  EXPECT_EQ(of(small_layout).sessions(), 0U);
  session.leave();
  session.report();
  EXPECT_EQ(count(Count::ids), 3U);
}

TEST_F(SessionStatisticsTest, CountsEachIdOnceHoweverOftenItReports) {
  std::mt19937_64 random(1);
  Session session = joined();
  std::uint64_t made = 0;
  for (int turn = 0; turn < 2000; ++turn) {
    const std::uint64_t wanted = 1 + random() % 9;
    make(session, wanted);
    made += wanted;
    if (random() % 4 == 0) session.report();
    if (random() % 8 == 0) session.forget();
    if (random() % 16 == 0) {
      session.leave();
      session.join(*server, small_layout);
    }
    FakeClock::pass_ns(static_cast<std::int64_t>(random() % 2'000'000));
  }
  session.leave();
  EXPECT_EQ(count(Count::ids), made);
}

TEST_F(SessionStatisticsTest, CountsIdsOfAPinnedCursor) {
  Session session = joined();
  const Pin pin = Session::ordered_pin(small_layout);
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(session.reserve_pinned(now(), terms, pin, 1), Outcome::ready);
    (void)session.take(1);
  }
  session.leave();
  EXPECT_EQ(count(Count::ids), 3U);
}

TEST_F(SessionStatisticsTest, ATickIsSpentWhenItsLastNumberWasHandedOut) {
  Session session = joined();
  make(session, 3);
  session.report();
  EXPECT_EQ(count(Count::ticks_spent), 0U);
  make(session, 1);
  session.report();
  EXPECT_EQ(count(Count::ticks_spent), 1U);
  session.report();
  EXPECT_EQ(count(Count::ticks_spent), 1U);
}

TEST_F(SessionStatisticsTest, WhatWasDroppedIsNotSpent) {
  Session session = joined();
  make(session, 3);
  session.forget();
  session.leave();
  EXPECT_EQ(count(Count::ids), 3U);
  EXPECT_EQ(count(Count::ticks_spent), 0U);
}

TEST_F(SessionStatisticsTest, AHopIsToAnotherWorkerBecauseOneIsSpent) {
  Session session = joined();
  make(session, 4 + 4 + 1);
  session.report();
  EXPECT_EQ(count(Count::hops), 2U);
  EXPECT_EQ(count(Count::reservations), 3U);
  FakeClock::pass_ms(1);
  make(session, 1);
  session.report();
  EXPECT_EQ(count(Count::hops), 2U) << "back to the first one is none";
}

TEST_F(SessionStatisticsTest, SaysWhetherNothingIsLeftOrItIsLeftToOthers) {
  const Layout layout = layout_of({.sequence = 5});
  Session one = joined(layout);
  Session other = joined(layout);
  while (reserve(one, all_there_is) == Outcome::ready) (void)one.take(all_there_is);
  EXPECT_TRUE(one.is_limited());
  while (reserve(other) == Outcome::ready) (void)other.take(all_there_is);
  Session third = joined(small_layout);
  while (reserve(third, all_there_is) == Outcome::ready) (void)third.take(all_there_is);
  EXPECT_FALSE(third.is_limited()) << "it is alone, and has had all there is";
}

TEST_F(SessionStatisticsTest, AWorkerKnowsWhatWasUsedOfItInASecond) {
  Session session = joined();
  const Division division = division_of(small_layout);
  make(session, 4 + 2);
  session.report();
  const Space space = server->space_of(small_layout);
  EXPECT_EQ(space.worker(0).used(start / 1000), 4U << division.block_bits);
  EXPECT_EQ(space.worker(1).used(start / 1000), 2U << division.block_bits);
  FakeClock::pass_ms(1000);
  make(session, 1);
  session.report();
  EXPECT_EQ(space.worker(0).used(start / 1000), 4U << division.block_bits);
  EXPECT_EQ(space.worker(0).used(start / 1000 + 1), 1U << division.block_bits);
}

TEST_F(SessionStatisticsTest, ThePeakIsTheFullestTickOfAllSessionsTogether) {
  Session one = joined();
  Session other = joined();
  make(one, 2);
  make(other, 3);
  FakeClock::pass_ms(1);
  make(one, 1);
  make(other, 1);
  one.leave();
  other.leave();
  EXPECT_EQ(of(small_layout).peak_ids(), 5U);
  EXPECT_EQ(of(small_layout).recent_peak_ids(start), 5U);
  EXPECT_EQ(of(small_layout).recent_peak_ids(start + 60'000), 5U);
  EXPECT_EQ(of(small_layout).recent_peak_ids(start + 120'000), 0U);
  EXPECT_EQ(of(small_layout).peak_ids(), 5U);
}

TEST_F(SessionStatisticsTest, KnowsForHowLongTheTimeWasAheadOfTheClock) {
  Session session = joined();
  make(session, 1);
  FakeClock::pass_ms(1);
  FakeClock::step_ms(-1000);
  make(session, 1);
  for (int i = 0; i <= 50; ++i) {  // first seen in another tick than the one of before
    FakeClock::pass_ms(10);
    make(session, 1);
  }
  session.report();
  EXPECT_EQ(count(Count::ahead_ns), 500U * ns_per_ms);
  FakeClock::pass_ms(5000);
  make(session, 1);
  FakeClock::pass_ms(10);
  make(session, 1);
  session.report();
  EXPECT_EQ(count(Count::ahead_ns), 500U * ns_per_ms) << "the clock has caught up";
}

TEST_F(EntriesTest, ALayoutHasOneEntryWhoeverUsesIt) {
  LayoutStatistics& one = server->statistics.enter(small_layout);
  LayoutStatistics& other = server->statistics.enter(small_layout);
  EXPECT_EQ(&one, &other);
  EXPECT_NE(&one, &server->statistics.enter(standard_layout));
  EXPECT_EQ(one.sessions(), 2U);
  EXPECT_EQ(one.layout(), small_layout);
}

Layout numbered(std::size_t number) {
  return layout_of({.worker = 2, .sequence = 8}, 1, start - static_cast<UnixMs>(number));
}

TEST_F(EntriesTest, LayoutsForWhichThereIsNoRoomShareOne) {
  for (std::size_t i = 0; i + 1 < Statistics::entries; ++i)
    EXPECT_EQ(server->statistics.enter(numbered(i)).layout(), numbered(i));
  LayoutStatistics& others = server->statistics.enter(numbered(100));
  EXPECT_FALSE(others.layout());
  EXPECT_EQ(&server->statistics.enter(numbered(101)), &others);
  EXPECT_EQ(others.sessions(), 2U);
  EXPECT_TRUE(others.is_in_use());
}

TEST_F(EntriesTest, AResetFreesWhatNoSessionUses) {
  LayoutStatistics& used = server->statistics.enter(numbered(0));
  for (std::size_t i = 1; i + 1 < Statistics::entries; ++i)
    server->statistics.leave(server->statistics.enter(numbered(i)));
  Tally tally;
  tally.add(Count::ids, 7);
  used.add(tally);
  server->statistics.reset(start);
  EXPECT_EQ(used.of(Count::ids), 0U);
  EXPECT_EQ(used.layout(), numbered(0));
  EXPECT_EQ(server->statistics.enter(numbered(100)).layout(), numbered(100));
  EXPECT_EQ(server->statistics.reset_at_ms(), start);
}

// Sessions of more layouts than there are entries, and somebody who resets: whoever is in an entry finds it to be of his
// layout, or the one that is shared.
TEST_F(EntriesTest, AnEntryIsNeverTakenFromASessionThatUsesIt) {
  std::atomic<bool> stop = false;
  std::thread resets([&] {
    while (!stop) server->statistics.reset(start);
  });
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 4; ++seed)
    threads.emplace_back([&, seed] {
      std::mt19937_64 random(seed);
      for (std::uint64_t turn = 0; turn < scaled(20'000); ++turn) {
        const Layout layout = numbered(random() % 40);
        LayoutStatistics& entry = server->statistics.enter(layout);
        const std::optional<Layout> noted = entry.layout();
        EXPECT_TRUE(!noted || *noted == layout);
        server->statistics.leave(entry);
      }
    });
  for (std::thread& thread : threads) thread.join();
  stop = true;
  resets.join();
  for (const LayoutStatistics& entry : server->statistics) EXPECT_EQ(entry.sessions(), 0U);
}

}  // namespace
}  // namespace snowflake::test
