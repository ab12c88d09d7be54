// When a server asks its registry, and for what.
#include "core/lease.hpp"

#include <gtest/gtest.h>

namespace snowflake::test {
namespace {

constexpr UnixMs registry = 1'800'000'000'000;  // the time at the registry
constexpr BootMs boot = 5000;

Grant lasting(UnixMs ms) { return {.node = 3, .from = registry - 1, .until = registry + ms}; }

TEST(Lease, AsksForANumberAtOnce) {
  const Lease lease;
  EXPECT_EQ(lease.wish(boot), Wish::claim);
  EXPECT_TRUE(lease.grant().is_empty());
  EXPECT_FALSE(lease.is_held());
}

TEST(Lease, RenewsAfterATenthButEachMinuteAtLeast) {
  for (const auto& [lasts, pause] : {std::pair{30'000, 3000},
                                     {600'000, 60'000},
                                     {86'400'000, 60'000},
                                     {100, 100},
                                     {-5000, 100}}) {
    Lease lease;
    lease.granted(lasting(lasts), registry, boot);
    EXPECT_TRUE(lease.is_held());
    EXPECT_EQ(lease.due(), boot + pause);
    EXPECT_EQ(lease.wish(boot + pause - 1), Wish::nothing);
    EXPECT_EQ(lease.wish(boot + pause), Wish::renew);
  }
}

TEST(Lease, TriesAgainSoonAndThenLessOften) {
  Lease lease;
  BootMs now = boot;
  BootMs pause = 0;
  for (int i = 0; i < 100; ++i) {
    lease.refused(now);
    EXPECT_EQ(lease.wish(now), Wish::nothing);
    EXPECT_GE(lease.due() - now, pause);
    pause = lease.due() - now;
    now = lease.due();
    EXPECT_EQ(lease.wish(now), Wish::claim);
  }
  EXPECT_EQ(pause, Lease::longest_retry_ms);
  lease.granted(lasting(30'000), registry, now);
  lease.refused(now);
  EXPECT_EQ(lease.due() - now, Lease::shortest_pause_ms);
  EXPECT_EQ(lease.wish(lease.due()), Wish::renew) << "a number that was not lost is renewed";
}

TEST(Lease, WhoLostANumberAsksForAnotherAndGoesOnInTheOldRange) {
  Lease lease;
  lease.granted(lasting(30'000), registry, boot);
  lease.lost(boot + 1);
  EXPECT_EQ(lease.wish(boot + 1), Wish::claim);
  EXPECT_EQ(lease.grant(), lasting(30'000));
  EXPECT_FALSE(lease.is_held());
}

}  // namespace
}  // namespace snowflake::test
