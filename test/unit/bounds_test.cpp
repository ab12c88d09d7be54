// How far ahead of the time the horizon lies, and how often it is moved.
#include "core/bounds.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "unit/fake_clock.hpp"

namespace snowflake::test {
namespace {

constexpr UnixMs start = 1'800'000'000'000;
constexpr UnixMs minute = 60'000;

/// A server that looks at its horizon each millisecond, and moves it when it is near.
class Moving {
 public:
  Moving() {
    FakeClock::start(start);
    timeline.begin(fake_clocks);
    horizon = horizon_for(now());
  }

  Instant now() { return *timeline.now(fake_clocks); }

  void live(UnixMs ms) {
    moves = 0;
    least_left = 1'000'000;
    furthest = 0;
    for (; ms > 0; --ms) {
      FakeClock::pass_ms(1);
      const Instant instant = now();
      least_left = std::min(least_left, horizon - instant.ms());
      if (is_near(horizon, instant)) {
        horizon = horizon_for(instant);
        ++moves;
      }
      furthest = std::max(furthest, horizon - instant.ms());
    }
  }

  Timeline timeline;
  UnixMs horizon;
  unsigned moves = 0;
  UnixMs least_left = 0;
  UnixMs furthest = 0;
};

// A crash costs at most the window, and a disk has the margin to answer.
TEST(Horizon, IsMovedOnceASecondAndInTime) {
  Moving server;
  server.live(minute);
  EXPECT_GE(server.moves, 55U);
  EXPECT_LE(server.moves, 61U);
  EXPECT_GE(server.least_left, 1999);
  EXPECT_EQ(server.furthest, 3000);
}

TEST(Horizon, IsHalfASecondAheadOfATimeThatIsAheadOfTheClock) {
  Moving server;
  server.timeline.skip_past(start + 10 * minute, fake_clocks);
  server.horizon = horizon_for(server.now());
  EXPECT_EQ(server.horizon, server.now().ms() + 500);
  server.live(minute);
  EXPECT_LE(server.moves, 2 * 61U) << "half a second, at half speed, half of it used up";
  EXPECT_GE(server.least_left, 249);
  EXPECT_LE(server.furthest, 500) << "a crash in such a time pushes on no further";
}

// Restarts that follow one another, with a clock that is right, do not add up to an error.
TEST(Horizon, OfManyCrashesStaysWithinTheirDrift) {
  Moving server;
  for (unsigned crash = 0; crash < 100; ++crash) {
    server.timeline.raise_floor(server.horizon, fake_clocks);
    server.horizon = horizon_for(server.now());
    ASSERT_FALSE(too_far_back(server.now(), 0)) << crash;
    server.live(300);  // hardly up before it dies again
  }
  EXPECT_LE(server.now().ahead_ms(), 100 * 500 + 3000);
}

TEST(Horizon, IsNotNearWhenMovingItGainsNothing) {
  const auto at = [](UnixMs time, UnixMs wall) {
    return Instant{.ns = time * ns_per_ms, .wall_ns = wall * ns_per_ms};
  };
  const UnixMs t = start;
  EXPECT_EQ(horizon_for(at(t, t)), t + 3000);
  EXPECT_EQ(horizon_for(at(t, t - 2500)), t + 500);
  EXPECT_EQ(horizon_for(at(t, t - 2499)), t + 501);
  EXPECT_EQ(horizon_for(at(t, t - minute)), t + 500);
  EXPECT_FALSE(is_near(t + 2000, at(t, t)));
  EXPECT_TRUE(is_near(t + 1999, at(t, t)));
  EXPECT_TRUE(is_near(t - 1, at(t, t))) << "passed";
  EXPECT_FALSE(is_near(t + 251, at(t, t - minute)));
  EXPECT_TRUE(is_near(t + 250, at(t, t - minute)));
}

TEST(TooFarBack, IsBeyondTheAllowedDriftAndThatOfRestarts) {
  const auto ahead = [](UnixMs ms) {
    return Instant{.ns = (start + ms) * ns_per_ms, .wall_ns = start * ns_per_ms};
  };
  EXPECT_FALSE(too_far_back(ahead(0), 0));
  EXPECT_FALSE(too_far_back(ahead(minute), 0));
  EXPECT_TRUE(too_far_back(ahead(minute + 1), 0));
  EXPECT_FALSE(too_far_back(ahead(minute + 5000), 5000));
  EXPECT_TRUE(too_far_back(ahead(minute + 5001), 5000));
}

}  // namespace
}  // namespace snowflake::test
