// A space says which tick to take IDs of, whatever the clock does.
#include "core/space.hpp"

#include <gtest/gtest.h>

#include "core/session.hpp"
#include "unit/fake_clock.hpp"
#include "unit/layouts.hpp"

namespace snowflake::test {
namespace {

constexpr Tick hour = 3'600'000;
constexpr Tick day = 24 * hour;

class SpaceTest : public testing::Test {
 protected:
  Reading read_at(Tick tick) {
    FakeClock::set(layout, tick);
    return space.read(layout, FakeClock::ns);
  }
  Moment now_at(Tick tick) { return space.now(read_at(tick), limits); }

  Tick move_on_as_far_as_possible(Tick wall) {
    for (unsigned i = 0; i < 1'000'000 && space.move_on(space.latest(), read_at(wall)); ++i) {
    }
    return space.latest();
  }

  void expect_ready(const Moment& moment, Tick tick) {
    EXPECT_EQ(moment.outcome, Outcome::ready);
    EXPECT_EQ(moment.tick, tick);
  }

  Layout layout = small_layout;
  Limits limits = limits_of(layout, day);
  Space space;
};

using ClockSteps = SpaceTest;
using Observe = SpaceTest;
using EndOfTime = SpaceTest;
using Reset = SpaceTest;

TEST_F(SpaceTest, ReadsTheTickAndHowLongItLasts) {
  for (const Layout& each : {small_layout, layout_of({.worker = 1, .sequence = 8}, 10)}) {
    const std::int64_t unit_ns = each.unit_ms * ns_per_ms;
    for (Tick tick : {Tick{-1000}, Tick{-1}, Tick{0}, Tick{1}, Tick{1} << 29}) {
      const std::int64_t start = each.time_at(tick) * ns_per_ms;
      for (std::int64_t ns : {std::int64_t{0}, std::int64_t{1}, unit_ns / 2, unit_ns - 1}) {
        FakeClock::set_ns(start + ns);
        const Reading reading = space.read(each, FakeClock::ns);
        EXPECT_EQ(reading.wall, tick);
        EXPECT_EQ(reading.left_ns, unit_ns - ns);
      }
    }
  }
}

TEST_F(SpaceTest, GoesWithTheClock) {
  expect_ready(now_at(1000), 1000);
  expect_ready(now_at(1000), 1000);
  expect_ready(now_at(5000), 5000);
  EXPECT_EQ(space.latest(), 5000);
}

TEST_F(SpaceTest, IsNotSetBackByOneWhoReadTheClockLongAgo) {
  const Reading old = read_at(1000);
  expect_ready(now_at(2000), 2000);
  const Moment moment = space.now(old, limits);
  expect_ready(moment, 2000);
  EXPECT_FALSE(moment.set_back);
}

TEST_F(SpaceTest, MovesOnNoFurtherThanTheClock) {
  expect_ready(now_at(1000), 1000);
  EXPECT_FALSE(space.move_on(1000, read_at(1000)));
  EXPECT_EQ(space.latest(), 1000);
  EXPECT_TRUE(space.move_on(999, read_at(1000))) << "another session has moved on already";
}

TEST_F(ClockSteps, WaitsForAClockThatIsALittleBehind) {
  expect_ready(now_at(1000), 1000);
  const Moment moment = now_at(1000 - limits.tolerance);
  expect_ready(moment, 1000);
  EXPECT_FALSE(moment.set_back);
  EXPECT_FALSE(space.move_on(1000, read_at(1000 - limits.tolerance)));
  EXPECT_EQ(space.setback(), 0);
}

TEST_F(ClockSteps, ToldOnceOfAClockThatIsFurtherBehind) {
  expect_ready(now_at(100'000), 100'000);
  const Moment first = now_at(50'000);
  expect_ready(first, 100'000);
  EXPECT_TRUE(first.set_back);
  EXPECT_EQ(first.behind, 50'000);
  for (Tick tick : {50'000, 50'001, 60'000, 99'999}) EXPECT_FALSE(now_at(tick).set_back);
  EXPECT_EQ(space.setbacks().count, 1U);
  EXPECT_EQ(space.setbacks().largest, 50'000);
}

TEST_F(ClockSteps, GoesOnFromTheFloorNoFurtherAheadThanTheClockWentBack) {
  expect_ready(now_at(100'000), 100'000);
  expect_ready(now_at(50'000), 100'000);
  for (Tick wall : {50'000, 50'001, 50'002}) {
    EXPECT_EQ(now_at(wall).outcome, Outcome::ready);
    EXPECT_EQ(move_on_as_far_as_possible(wall), wall + 50'000);
  }
}

TEST_F(ClockSteps, TellsOfEachFurtherStep) {
  expect_ready(now_at(100'000), 100'000);
  EXPECT_TRUE(now_at(50'000).set_back);
  EXPECT_FALSE(now_at(50'000 - limits.tolerance).set_back);
  EXPECT_TRUE(now_at(40'000).set_back);
  EXPECT_EQ(space.setbacks().count, 2U);
  EXPECT_EQ(space.setbacks().largest, 50'000);
}

TEST_F(ClockSteps, ForgetsASetbackWhenTheClockIsRightAgain) {
  expect_ready(now_at(100'000), 100'000);
  EXPECT_TRUE(now_at(50'000).set_back);
  expect_ready(now_at(100'001), 100'001);
  EXPECT_EQ(space.setback(), 0);
  EXPECT_FALSE(space.move_on(100'001, read_at(100'001)));
  EXPECT_TRUE(now_at(50'000).set_back) << "and tells of the next";
}

TEST_F(ClockSteps, SavesNoTicksForLaterWhileItIsBehind) {
  expect_ready(now_at(100'000), 100'000);
  expect_ready(now_at(50'000), 100'000);
  expect_ready(now_at(80'000),
               100'000);  // half a minute without IDs, or the clock was mended in part
  EXPECT_EQ(move_on_as_far_as_possible(80'000), 100'001);
  expect_ready(now_at(80'001), 100'001);
  EXPECT_EQ(move_on_as_far_as_possible(80'001), 100'002) << "and no stall";
}

TEST_F(ClockSteps, ToAndFroDoNotAddUp) {
  expect_ready(now_at(100'000), 100'000);
  for (Tick round = 1; round <= 100; ++round) {
    now_at(99'000);
    EXPECT_LE(move_on_as_far_as_possible(99'000), 100'000 + round);
    now_at(99'500);
    EXPECT_LE(move_on_as_far_as_possible(99'500), 100'000 + round);
  }
}

TEST_F(ClockSteps, RefusesAClockTooFarBehind) {
  expect_ready(now_at(2 * day), 2 * day);
  const Moment moment = now_at(day - 1);
  EXPECT_EQ(moment.outcome, Outcome::clock_too_far_back);
  EXPECT_EQ(moment.behind, day + 1);
  EXPECT_EQ(space.setback(), 0);
  expect_ready(now_at(2 * day + 1), 2 * day + 1);
}

TEST_F(ClockSteps, GoesOnWithASetbackOnceAccepted) {
  expect_ready(now_at(2 * day), 2 * day);
  EXPECT_TRUE(now_at(day).set_back);
  limits.max_drift = hour;
  expect_ready(now_at(day + 1), 2 * day);
  EXPECT_EQ(now_at(day - limits.tolerance - 1).outcome, Outcome::clock_too_far_back);
}

TEST_F(ClockSteps, RefusesAClockBeforeTheEpoch) {
  EXPECT_EQ(now_at(-1).outcome, Outcome::before_epoch);
  EXPECT_EQ(now_at(-day).outcome, Outcome::before_epoch);
  expect_ready(now_at(0), 0);
  expect_ready(now_at(hour), hour);
  EXPECT_EQ(now_at(-1).outcome, Outcome::before_epoch);
  EXPECT_EQ(space.latest(), hour);
}

TEST_F(EndOfTime, TheLastTickIsGoodAndTheNextIsNone) {
  expect_ready(now_at(layout.last_tick()), layout.last_tick());
  EXPECT_EQ(now_at(layout.last_tick() + 1).outcome, Outcome::out_of_time);
  EXPECT_EQ(now_at(layout.last_tick() + 1000 * day).outcome, Outcome::out_of_time);
  expect_ready(now_at(layout.last_tick()), layout.last_tick());
}

TEST_F(EndOfTime, IsReachedAtTheFloorToo) {
  const Tick last = layout.last_tick();
  expect_ready(now_at(last), last);
  expect_ready(now_at(last - hour), last);
  EXPECT_TRUE(space.move_on(last, read_at(last - hour + 1)));
  EXPECT_EQ(now_at(last - hour + 1).outcome, Outcome::out_of_time);
  EXPECT_EQ(now_at(last).outcome, Outcome::out_of_time) << "the last tick is spent";
}

TEST_F(Observe, IdsAreOfLaterTicksFromThenOn) {
  expect_ready(now_at(1000), 1000);
  expect_ready(space.observe(5000, read_at(1000), limits), 5001);
  const Moment moment = now_at(1001);
  expect_ready(moment, 5001);
  EXPECT_FALSE(moment.set_back) << "the clock is as it was";
  EXPECT_EQ(space.setbacks().count, 0U);
}

TEST_F(Observe, GoesOnAsFarAheadAsWhatWasSeen) {
  expect_ready(now_at(1000), 1000);
  expect_ready(space.observe(5000, read_at(1000), limits), 5001);
  EXPECT_FALSE(space.move_on(5001, read_at(1000)));
  EXPECT_TRUE(space.move_on(5001, read_at(1001)));
}

TEST_F(Observe, LooksAheadOnly) {
  expect_ready(now_at(1000), 1000);
  expect_ready(space.observe(999, read_at(1000), limits), 1000);
  expect_ready(space.observe(0, read_at(1000), limits), 1000);
  EXPECT_EQ(space.latest(), 1000);
}

TEST_F(Observe, ANewSpaceBeginsAfterWhatWasSeen) {
  expect_ready(space.observe(4 * hour, read_at(hour), limits), 4 * hour + 1);
  expect_ready(now_at(hour), 4 * hour + 1);
}

TEST_F(Observe, TheTickOfTheClockItself) {
  expect_ready(now_at(1000), 1000);
  expect_ready(space.observe(1000, read_at(1000), limits), 1001);
  expect_ready(now_at(1000), 1001);
  expect_ready(now_at(1001), 1001);
}

TEST_F(Observe, ChangesNothingIfThatIsTooFarAhead) {
  expect_ready(now_at(1000), 1000);
  const Moment moment = space.observe(1000 + day, read_at(1000), limits);
  EXPECT_EQ(moment.outcome, Outcome::clock_too_far_back);
  EXPECT_EQ(moment.behind, day + 1);
  EXPECT_EQ(space.latest(), 1000);
  expect_ready(space.observe(999 + day, read_at(1000), limits), 1000 + day);
}

TEST_F(Observe, ChangesNothingAtTheEndOfTime) {
  const Tick last = layout.last_tick();
  expect_ready(now_at(last - 1), last - 1);
  EXPECT_EQ(space.observe(last, read_at(last - 1), limits).outcome, Outcome::out_of_time);
  EXPECT_EQ(space.latest(), last - 1);
  expect_ready(space.observe(last - 1, read_at(last - 1), limits), last);
}

TEST_F(Reset, ForgetsWhatIsLaterThanTheClock) {
  expect_ready(now_at(5 * day), 5 * day);
  EXPECT_TRUE(now_at(4 * day).set_back);
  ASSERT_TRUE(space.worker(0).take({5 * day, 1, layout.sequence.width}));
  EXPECT_EQ(now_at(day).outcome, Outcome::clock_too_far_back);
  const std::uint64_t resets = space.resets();
  space.reset(day, layout.sequence.width);
  EXPECT_NE(space.resets(), resets);
  EXPECT_EQ(space.setback(), 0);
  expect_ready(now_at(day), day);
  EXPECT_TRUE(space.worker(0).take({day, 1, layout.sequence.width}));
}

TEST_F(SpaceTest, TheEmptiestWorkerIsTheLowestOfEquals) {
  EXPECT_EQ(space.emptiest_worker(4), 0U);
  space.worker(0).move_in();
  EXPECT_EQ(space.emptiest_worker(4), 1U);
  for (unsigned number : {1, 2, 3}) space.worker(number).move_in();
  EXPECT_EQ(space.emptiest_worker(4), 0U);
  space.worker(2).move_out();
  EXPECT_EQ(space.emptiest_worker(4), 2U);
  EXPECT_EQ(space.emptiest_worker(2), 0U) << "of the first two";
}

}  // namespace
}  // namespace snowflake::test
