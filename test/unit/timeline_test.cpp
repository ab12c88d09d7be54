// The timeline makes one time that never falls, whatever is done to the clock, and gets back to the clock.
#include "core/timeline.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "unit/fake_clock.hpp"
#include "unit/rounds.hpp"

namespace snowflake::test {
namespace {

constexpr UnixMs start = 1'800'000'000'500;  // in the middle of a second
constexpr UnixMs second = 1000;
constexpr UnixMs hour = 3600 * second;
constexpr UnixMs day = 24 * hour;

class TimelineTest : public testing::Test {
 protected:
  TimelineTest() {
    FakeClock::start(start);
    timeline.begin(fake_clocks);
  }

  /// The time; checks what holds always.
  Instant now() {
    const std::optional<Instant> instant = timeline.now(fake_clocks);
    EXPECT_TRUE(instant);
    if (!instant) std::abort();
    EXPECT_GE(instant->ms(), before_) << "the time has fallen";
    EXPECT_GE(instant->ns, instant->wall_ns);
    EXPECT_GT(instant->ms(), instant->floor);
    EXPECT_GE(timeline.latest(), instant->ms());
    before_ = timeline.latest();
    if (instant->set_back) ++news_;
    if (instant->leapt) ++news_;
    return *instant;
  }

  /// Lets time pass, with somebody who looks at it all the while.
  void live(UnixMs ms) {
    for (UnixMs step = std::max<UnixMs>(1, ms / 1000); ms > 0; ms -= step) {
      FakeClock::pass_ms(std::min(step, ms));
      now();
    }
  }

  void expect_right() {
    const Instant instant = now();
    EXPECT_EQ(instant.ms(), FakeClock::wall_ms());
    EXPECT_EQ(instant.ahead_ms(), 0);
  }

  void expect_setbacks(std::uint64_t count, UnixMs largest) {
    EXPECT_EQ(timeline.setbacks().count, count);
    EXPECT_NEAR(static_cast<double>(timeline.setbacks().largest_ms), static_cast<double>(largest),
                1);
  }

  /// After a reset, the time may be earlier than before.
  void begin_anew() { before_ = 0; }

  unsigned news() { return std::exchange(news_, 0); }

  Timeline timeline;

 private:
  UnixMs before_ = 0;
  unsigned news_ = 0;
};

using SetBack = TimelineTest;
using Leap = TimelineTest;
using Dip = TimelineTest;
using Floor = TimelineTest;
using OddClock = TimelineTest;
using TimelineReset = TimelineTest;
using Interrupted = TimelineTest;

TEST_F(TimelineTest, GoesWithTheClock) {
  for (const UnixMs ms : {UnixMs{0}, UnixMs{1}, UnixMs{7}, second, hour, 400 * day}) {
    FakeClock::pass_ms(ms);
    expect_right();
    EXPECT_EQ(timeline.latest(), FakeClock::wall_ms());
  }
  EXPECT_EQ(news(), 0U);
}

TEST_F(TimelineTest, SaysHowLongToWait) {
  const Instant right{.ns = 5000, .wall_ns = 5000};
  EXPECT_EQ(right.real_ns(300), 300);
  const Instant ahead{.ns = 5000, .wall_ns = 1000};
  EXPECT_EQ(ahead.real_ns(300), 600) << "at half speed";
  EXPECT_EQ(ahead.real_ns(9000), 13'000) << "until the clock has caught up";
}

TEST_F(TimelineTest, HowLongToWaitIsHowLongItTakes) {
  std::mt19937_64 random(1);
  for (std::uint64_t round = scaled(10'000); round > 0; --round) {
    now();
    FakeClock::step_ms(-static_cast<UnixMs>(random() % 40));
    const Instant before = now();
    const auto wanted = static_cast<std::int64_t>(1 + random() % (30 * ns_per_ms));
    FakeClock::pass_ns(before.real_ns(wanted));
    ASSERT_NEAR(static_cast<double>(now().ns), static_cast<double>(before.ns + wanted), 2);
  }
}

TEST_F(SetBack, GoesOnAtHalfSpeedAndIsRightAfterTwiceTheDistance) {
  for (const UnixMs distance : {UnixMs{1}, UnixMs{20}, second, 90 * second, 3 * day}) {
    expect_right();
    const UnixMs before = timeline.latest();
    FakeClock::step_ms(-distance);
    EXPECT_EQ(now().ms(), before) << "at once, and no earlier";
    EXPECT_EQ(now().ahead_ms(), distance);
    live(distance / 2);
    EXPECT_NEAR(static_cast<double>(timeline.latest() - before), static_cast<double>(distance) / 4,
                1);
    live(distance);
    EXPECT_NEAR(static_cast<double>(now().ahead_ms()), static_cast<double>(distance) / 4, 1);
    live(2 * distance - distance / 2 - distance);
    expect_right();
    EXPECT_NEAR(static_cast<double>(timeline.latest() - before), static_cast<double>(distance), 1);
    live(second);
    expect_right();
  }
}

TEST_F(SetBack, MakingIdsNeverPushesTheTimeOn) {
  now();
  FakeClock::step_ms(-second);
  std::int64_t ahead = second * ns_per_ms;
  std::mt19937_64 random(1);
  for (unsigned i = 0; i < 100'000; ++i) {
    const Instant instant = now();
    ASSERT_LE(instant.ns - instant.wall_ns, ahead + 1) << "but for a rounded nanosecond";
    ahead = instant.ns - instant.wall_ns;
    if (random() % 4 == 0) FakeClock::pass_ns(static_cast<std::int64_t>(random() % 80'000));
  }
  EXPECT_LT(ahead, second * ns_per_ms / 2);
}

TEST_F(SetBack, IsToldOnceAndCounted) {
  now();
  FakeClock::step_ms(-2 * second);
  const Instant told = now();
  EXPECT_TRUE(told.set_back);
  EXPECT_FALSE(told.leapt);
  EXPECT_EQ(told.ahead_ms(), 2 * second);
  news();
  live(10 * second);
  EXPECT_EQ(news(), 0U);
  expect_setbacks(1, 2 * second);
  FakeClock::step_ms(-second);
  EXPECT_TRUE(now().set_back);
  expect_setbacks(2, 2 * second);
}

TEST_F(SetBack, OfTenMillisecondsIsNoNews) {
  for (unsigned i = 0; i < 20; ++i) {
    now();
    FakeClock::step_ms(-10);
    now();
    live(30);
    FakeClock::step_ms(10);
    live(30);
  }
  EXPECT_EQ(news(), 0U);
  expect_setbacks(0, 0);
  FakeClock::step_ms(-11);
  now();
  EXPECT_EQ(news(), 1U);
  expect_setbacks(1, 11);
}

TEST_F(SetBack, InSmallStepsIsToldOnceTheyAddUp) {
  now();
  for (unsigned i = 0; i < 4; ++i) {
    FakeClock::step_ms(-3);
    now();
  }
  EXPECT_EQ(news(), 1U);
  expect_setbacks(1, 12);
}

TEST_F(SetBack, BehindNobodyIsNoNews) {
  now();
  FakeClock::pass_ms(hour);  // nothing is made
  FakeClock::step_ms(-hour / 2);
  expect_right();
  EXPECT_EQ(news(), 0U);
}

TEST_F(SetBack, AgainAndAgainDoesNotAddUp) {
  now();
  for (unsigned i = 0; i < 1000; ++i) {
    FakeClock::step_ms(-500);
    now();
    FakeClock::step_ms(500);
    now();
  }
  expect_right();
  EXPECT_EQ(timeline.latest(), start);
}

TEST_F(Leap, OfUpToASecondIsBelievedAtOnce) {
  for (const UnixMs step : {1, 10, 11, 500, 1000}) {
    now();
    FakeClock::step_ms(step);
    expect_right();
  }
  EXPECT_EQ(news(), 0U);
}

TEST_F(Leap, FurtherIsBelievedWhenItHasLasted) {
  for (const UnixMs distance : {second + 1, 10 * second, hour, 3000 * day}) {
    live(100);
    news();
    const UnixMs right = FakeClock::wall_ms();
    FakeClock::step_ms(distance);
    EXPECT_EQ(now().ms(), right);
    EXPECT_EQ(now().wall_ms(), right) << "the clock as far as it is believed";
    for (UnixMs passed = 0; passed < 30 * second; passed += 100, FakeClock::pass_ms(100)) {
      ASSERT_EQ(now().ms(), right + passed);
      ASSERT_EQ(now().ahead_ms(), 0);
    }
    EXPECT_EQ(news(), 1U);
    expect_right();
    live(second);
    expect_right();
    EXPECT_EQ(news(), 0U);
  }
  expect_setbacks(0, 0);
}

TEST_F(Leap, IsToldOnce) {
  now();
  FakeClock::step_ms(hour);
  const Instant told = now();
  EXPECT_TRUE(told.leapt);
  EXPECT_FALSE(told.set_back);
  EXPECT_FALSE(now().leapt);
}

// Nobody looks for long: the time that it has lasted is counted from when it was seen.
TEST_F(Leap, ThatNobodySawIsNotBelievedEither) {
  live(100);
  FakeClock::pass_ms(hour);
  FakeClock::step_ms(hour);
  EXPECT_EQ(now().ms(), FakeClock::wall_ms() - hour);
  live(30 * second);
  expect_right();
}

TEST_F(Leap, ThatGoesAwayChangesNothingThenOrLater) {
  for (const UnixMs distance : {2 * second, hour, 3000 * day}) {
    live(100);
    FakeClock::step_ms(distance);
    live(29 * second);
    FakeClock::step_ms(-distance);
    expect_right();
    live(60 * second);
    expect_right();
  }
  expect_setbacks(0, 0);
}

TEST_F(Leap, ThatGrowsHasNotLasted) {
  live(100);
  const UnixMs right = FakeClock::wall_ms();
  for (unsigned i = 0; i < 10; ++i) {
    FakeClock::step_ms(10 * second);
    live(20 * second);
  }
  EXPECT_EQ(now().ms(), right + 200 * second);
}

TEST_F(Leap, ThatTurnsIntoASetbackIsCountedFromWhatWasBelieved) {
  live(100);
  FakeClock::step_ms(300 * day);
  now();
  FakeClock::step_ms(-300 * day - 50 * second);
  EXPECT_TRUE(now().set_back);
  EXPECT_EQ(now().ahead_ms(), 50 * second);
  expect_setbacks(1, 50 * second);
}

TEST_F(Dip, ChangesNothingAfterwards) {
  for (const UnixMs depth : {UnixMs{20}, second, 2 * second, hour}) {
    for (const UnixMs lasts : {UnixMs{0}, second, 20 * second}) {
      live(100);
      FakeClock::step_ms(-depth);
      now();
      live(lasts);
      FakeClock::step_ms(depth);
      news();
      expect_right();
      EXPECT_EQ(news(), 0U) << "a clock that is right again is none";
      live(60 * second);
      expect_right();
    }
  }
}

TEST_F(Dip, ThatHasLastedIsTheTruth) {
  live(100);
  FakeClock::step_ms(-hour);
  now();
  live(31 * second);
  const Instant before = now();
  FakeClock::step_ms(hour);
  EXPECT_TRUE(now().leapt);
  EXPECT_EQ(now().ms(), before.ms());
  live(31 * second);
  expect_right();
}

TEST_F(Floor, IsRespectedAtOnce) {
  now();
  timeline.raise_floor(start + hour, fake_clocks);
  const Instant instant = now();
  EXPECT_EQ(instant.floor, start + hour);
  EXPECT_EQ(instant.ms(), start + hour + 1);
  EXPECT_EQ(timeline.floor(), start + hour);
  live(hour);
  EXPECT_NEAR(static_cast<double>(now().ahead_ms()), static_cast<double>(hour) / 2, 1);
  live(hour + 2);
  expect_right();
  EXPECT_EQ(news(), 0U) << "the clock is as it was";
  expect_setbacks(0, 0);
}

TEST_F(Floor, BehindTheTimeChangesNothingElse) {
  now();
  timeline.raise_floor(start - 1, fake_clocks);
  EXPECT_EQ(now().floor, start - 1);
  expect_right();
  timeline.raise_floor(start - hour, fake_clocks);
  EXPECT_EQ(timeline.floor(), start - 1) << "is never lowered";
}

TEST_F(Floor, IsRespectedByANewServer) {
  timeline.raise_floor(start + 5, fake_clocks);
  EXPECT_EQ(now().ms(), start + 6);
}

TEST_F(Floor, IsNotWhatIsSkipped) {
  now();
  timeline.skip_past(start + hour, fake_clocks);
  EXPECT_EQ(now().ms(), start + hour + 1);
  EXPECT_EQ(now().floor, 0);
  timeline.skip_past(start, fake_clocks);
  EXPECT_EQ(now().ms(), start + hour + 1);
  live(2 * hour + 2);
  expect_right();
}

// One that has read the time before, and one whose floor is raised in the middle of reading it.
TEST_F(Floor, IsRespectedByThoseInTheMiddleOfReading) {
  for (const unsigned reading : {1U, 2U, 3U}) {
    const UnixMs floor = timeline.latest() + hour;
    FakeClock::after_reading(reading, [&] { timeline.raise_floor(floor, fake_clocks); });
    const Instant instant = *timeline.now(fake_clocks);
    EXPECT_TRUE(instant.ms() > floor || instant.floor == floor) << "makes nothing of that tick";
    EXPECT_GT(now().ms(), floor);
  }
}

// The time stands still with such a clock: there is nothing that it could be measured by. It goes on with it.
TEST_F(OddClock, ThatStandsStill) {
  now();
  for (unsigned i = 0; i < 1000; ++i) {
    FakeClock::pass_ms(5);
    FakeClock::step_ms(-5);
    now();
  }
  EXPECT_EQ(now().ms(), start);
  expect_setbacks(0, 0);
  live(second);
  expect_right();
}

TEST_F(OddClock, ThatIsBefore1970) {
  Timeline early;
  FakeClock::start(-10 * day);
  early.begin(fake_clocks);
  UnixMs before = 0;
  for (unsigned i = 0; i < 1000; ++i, FakeClock::pass_ms(60)) {
    const auto instant = early.now(fake_clocks);
    ASSERT_TRUE(instant);
    ASSERT_GE(instant->ms(), before);
    ASSERT_GE(instant->ns, 0);
    ASSERT_GE(instant->ahead_ms(), 9 * day);
    before = instant->ms();
  }
  EXPECT_EQ(early.setbacks().count, 0U);
  FakeClock::step_ms(start);
  EXPECT_TRUE(early.now(fake_clocks)->leapt);
  FakeClock::pass_ms(30 * second);
  EXPECT_EQ(early.now(fake_clocks)->ms(), FakeClock::wall_ms());
}

TEST_F(OddClock, OfAMachineThatHasRunForAgesOrForNoTime) {
  for (const std::int64_t since_boot :
       {std::int64_t{0}, std::int64_t{1}, 36'500 * day * ns_per_ms}) {
    Timeline other;
    FakeClock::start(start, since_boot);
    other.begin(fake_clocks);
    EXPECT_EQ(other.now(fake_clocks)->ms(), start);
    FakeClock::step_ms(-hour);
    EXPECT_EQ(other.now(fake_clocks)->ms(), start);
    FakeClock::pass_ms(2 * hour);
    EXPECT_EQ(other.now(fake_clocks)->ms(), start + hour);
  }
}

TEST_F(TimelineReset, GoesToTheNextFullSecondOfTheClock) {
  for (const UnixMs into : {1, 499, 500, 998}) {
    Timeline reset;
    FakeClock::start(start / second * second + into);
    reset.begin(fake_clocks);
    reset.raise_floor(start + hour, fake_clocks);
    const Era before = reset.era();
    UnixMs forgotten = 0;
    EXPECT_TRUE(reset.reset(fake_clocks, [&](UnixMs begin) {
      forgotten = begin;
      EXPECT_FALSE(reset.now(fake_clocks)) << "nobody reads a time meanwhile";
      EXPECT_FALSE(reset.reset(fake_clocks, [](UnixMs) { FAIL() << "two at once"; }));
    }));
    EXPECT_EQ(forgotten, start / second * second + second);
    EXPECT_EQ(reset.era(), before + 2);
    const auto instant = reset.now(fake_clocks);
    ASSERT_TRUE(instant);
    EXPECT_EQ(instant->ms(), forgotten);
    EXPECT_LT(instant->floor, forgotten) << "the first tick may be used";
    EXPECT_EQ(instant->era, before + 2);
    EXPECT_FALSE(instant->set_back);
    FakeClock::pass_ms(2 * second);
    EXPECT_EQ(reset.now(fake_clocks)->ms(), FakeClock::wall_ms());
  }
}

TEST_F(TimelineReset, BeginsAnEraAndDoesNotGoBackIfTheTimeIsHardlyAhead) {
  now();
  const Era era = timeline.era();
  const auto reset = [&] { return timeline.reset(fake_clocks, [](UnixMs) { FAIL(); }); };
  EXPECT_FALSE(reset());
  timeline.skip_past(start + 499, fake_clocks);
  EXPECT_FALSE(reset()) << "no further ahead than the next full second";
  EXPECT_EQ(timeline.era(), era + 4) << "horizons are lowered in any case";
  EXPECT_EQ(now().ms(), start + 500);
  timeline.skip_past(start + 5 * second, fake_clocks);
  EXPECT_FALSE(reset()) << "what was made a moment ago is not made again";
}

TEST_F(TimelineReset, BelievesTheClock) {
  now();
  FakeClock::step_ms(-10 * day);
  now();
  EXPECT_TRUE(timeline.reset(fake_clocks, [](UnixMs) {}));
  FakeClock::pass_ms(2 * second);
  const auto instant = timeline.now(fake_clocks);
  EXPECT_EQ(instant->ms(), FakeClock::wall_ms());
  EXPECT_FALSE(instant->set_back || instant->leapt);
}

// One that has read before a reset cannot bring back what it forgot.
TEST_F(TimelineReset, IsNotUndoneByThoseInTheMiddleOfReading) {
  for (const UnixMs back : {hour, UnixMs{0}})
    for (const unsigned reading : {1U, 2U, 3U}) {
      timeline.skip_past(timeline.latest() + hour, fake_clocks);
      now();
      FakeClock::step_ms(-back);
      FakeClock::pass_ms(3);
      UnixMs begin = 0;
      FakeClock::after_reading(reading, [&] {
        ASSERT_TRUE(timeline.reset(fake_clocks, [&](UnixMs ms) { begin = ms; }));
      });
      EXPECT_FALSE(timeline.now(fake_clocks)) << "asks again";
      EXPECT_EQ(timeline.latest(), begin);
      EXPECT_EQ(timeline.now(fake_clocks)->ms(), begin);
      FakeClock::pass_ms(2 * second);
      EXPECT_EQ(timeline.now(fake_clocks)->ms(), FakeClock::wall_ms());
      begin_anew();
    }
}

// The others go on while this one stands between its readings. It must neither pull the time back nor think that the
// clock has gone back.
TEST_F(Interrupted, SessionsDoNotPullTheTimeBack) {
  for (const unsigned reading : {1U, 2U, 3U}) {
    for (const UnixMs passed : {UnixMs{1}, UnixMs{20}, second, hour}) {
      now();
      FakeClock::pass_ms(1);
      FakeClock::after_reading(reading, [&] {
        FakeClock::pass_ms(passed);
        now();
      });
      now();
      expect_right();
    }
  }
  EXPECT_EQ(news(), 0U);
  expect_setbacks(0, 0);
}

TEST_F(Interrupted, SessionsDoNotTellOfAStepAgain) {
  for (const unsigned reading : {1U, 2U, 3U}) {
    live(second);
    news();
    const std::uint64_t count = timeline.setbacks().count;
    FakeClock::pass_ms(1);
    FakeClock::after_reading(reading, [&] {
      FakeClock::pass_ns(100);
      FakeClock::step_ms(-100 * second);
      now();
    });
    now();
    live(second);
    EXPECT_EQ(news(), 1U);
    EXPECT_EQ(timeline.setbacks().count, count + 1);
    live(200 * second);
    news();
  }
}

// Whatever is done to the clock: the time never falls, is later than every floor, and is never further ahead than steps
// and floors make it, less half of what has passed.
TEST(Timelines, KeepEveryPromise) {
  for (const std::uint64_t seed : seeds()) {
    SCOPED_TRACE(repeat_with(seed));
    std::mt19937_64 random(seed);
    FakeClock::start(start);
    Timeline timeline;
    timeline.begin(fake_clocks);
    std::int64_t bound_ns = start * ns_per_ms;  // the time is not later
    std::int64_t furthest_offset = FakeClock::wall_ns() - FakeClock::boot_ns();
    UnixMs latest = 0;
    UnixMs floor = 0;
    const auto wall_ns = [] { return FakeClock::wall_ns(); };
    const auto pass = [&](std::int64_t ns) {
      FakeClock::pass_ns(ns);
      bound_ns = std::max(bound_ns + (ns + 1) / 2, wall_ns());
    };
    for (unsigned step = 0; step < 200; ++step) {
      switch (random() % 12) {
        case 0:
          FakeClock::step_ms(static_cast<UnixMs>(random() % (random() % 2 ? 20 : 5 * second)));
          break;
        case 1:
          FakeClock::step_ms(-static_cast<UnixMs>(random() % (random() % 2 ? 20 : 5 * second)));
          break;
        case 2: {  // a leap or a dip for a moment
          const UnixMs far = (random() % 2 ? 1 : -1) * (hour + static_cast<UnixMs>(random() % day));
          FakeClock::step_ms(far);
          const auto instant = timeline.now(fake_clocks);
          ASSERT_GE(instant->ms(), latest);
          ASSERT_LE(instant->ns, std::max(bound_ns, FakeClock::boot_ns() + furthest_offset) + 1);
          bound_ns =
              std::max(bound_ns, instant->ns);  // a step back may be as little believed as the leap
          FakeClock::step_ms(-far);
          break;
        }
        case 3:
          if (random() % 4 != 0) break;
          floor = FakeClock::wall_ms() + static_cast<UnixMs>(random() % (10 * second));
          bound_ns = std::max(bound_ns, (floor + 1) * ns_per_ms);
          timeline.raise_floor(floor, fake_clocks);
          break;
        case 4:
          pass(static_cast<std::int64_t>(random() % (40 * second * ns_per_ms)));
          break;
        default:
          pass(static_cast<std::int64_t>(random() % (random() % 2 ? 40 : 4000 * ns_per_ms)));
      }
      bound_ns = std::max(bound_ns, wall_ns());
      furthest_offset = std::max(furthest_offset, wall_ns() - FakeClock::boot_ns());
      const auto instant = timeline.now(fake_clocks);
      ASSERT_TRUE(instant);
      ASSERT_GE(instant->ms(), latest) << "falls";
      ASSERT_EQ(timeline.latest(), instant->ms());
      ASSERT_LE(instant->ns, bound_ns + 1000) << "goes on by itself";
      ASSERT_GT(instant->ms(), floor);
      latest = instant->ms();
    }
    const UnixMs ahead = timeline.now(fake_clocks)->ahead_ms();
    FakeClock::pass_ms(31 * second);
    (void)timeline.now(fake_clocks);
    FakeClock::pass_ms(31 * second + 2 * ahead);
    ASSERT_EQ(timeline.now(fake_clocks)->ms(), FakeClock::wall_ms()) << "right in the end";
  }
}

// Threads that read while the clock leaps: none believes it, nor tells of it again.
TEST(Timelines, AreOneForManyThreads) {
  FakeClock::start(start);
  Timeline timeline;
  timeline.begin(fake_clocks);
  std::atomic<bool> stop = false;
  std::atomic<unsigned> told = 0;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (UnixMs before = 0; !stop;) {
        const auto instant = timeline.now(fake_clocks);
        EXPECT_GE(instant->ms(), before);
        before = instant->ms();
        told += instant->leapt;
      }
    });
  const std::uint64_t leaps = scaled(2'000);
  for (std::uint64_t i = 0; i < leaps; ++i) {
    FakeClock::pass_ms(100 * second);  // what was seen before has lasted long
    (void)timeline.now(fake_clocks);
    FakeClock::step_ms(day);
    (void)timeline.now(fake_clocks);
    std::this_thread::yield();
    FakeClock::pass_ns(1000);
    FakeClock::step_ms(-day);
    (void)timeline.now(fake_clocks);
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(timeline.latest(), FakeClock::wall_ms()) << "a leap was believed";
  EXPECT_EQ(timeline.setbacks().count, 0U);
  EXPECT_LE(told, leaps);
}

}  // namespace
}  // namespace snowflake::test
