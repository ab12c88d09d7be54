// A rate limit allows what it says, in every window, however calls come; and no less, as long as somebody wants IDs.
#include "core/rate.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "unit/rounds.hpp"

namespace snowflake::test {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

struct Allowed {
  std::int64_t at_ns;
  std::uint64_t ids;
};

/// What callers get that want so many IDs at a time and come back after random pauses, or when they were told to.
std::vector<Allowed> run(std::mt19937_64& random, std::uint32_t per_second, std::uint64_t wanted,
                         std::int64_t longest_pause_ns, std::int64_t length_ns) {
  std::vector<Allowed> allowed;
  std::int64_t state = 0;
  std::int64_t now = second_ns;
  while (now < second_ns + length_ns) {
    const std::uint64_t ids = ids_of_turn(wanted, per_second);
    const std::int64_t wait = take_turn(state, now, ids, per_second);
    if (wait == 0) allowed.push_back({now, ids});
    now += wait +
           static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(longest_pause_ns + 1));
  }
  return allowed;
}

/// By how many IDs some window has more than limit × (t + 0.1) + 1.
double excess(const std::vector<Allowed>& allowed, std::uint32_t per_second) {
  double worst = -1e18;
  double ids_before = 0;
  double best_start = 1e18;  // the least of ids_before - limit × begin
  for (const Allowed& each : allowed) {
    const double at = static_cast<double>(each.at_ns) / 1e9;
    best_start = std::min(best_start, ids_before - per_second * at);
    ids_before += static_cast<double>(each.ids);
    worst = std::max(worst, ids_before - per_second * at - best_start - per_second * 0.1 - 1);
  }
  return worst;
}

TEST(Rate, IsNotExceededInAnyWindow) {
  std::mt19937_64 random(11);
  for (std::uint64_t round = scaled(2000); round > 0; --round) {
    const auto per_second = static_cast<std::uint32_t>(1 + random() % (1U << random() % 23));
    const std::uint64_t wanted = 1 + random() % 100'000;
    const std::int64_t pause = static_cast<std::int64_t>(random() % 300'000'000);
    const auto allowed = run(random, per_second, wanted, pause, 3 * second_ns);
    ASSERT_LE(excess(allowed, per_second), 1e-3) << per_second << " a second, of " << wanted;
  }
}

TEST(Rate, IsReachedByCallersThatAreBackInTime) {
  std::mt19937_64 random(12);
  for (const std::uint32_t per_second : {20U, 77U, 1000U, 30'000U, 999'999U}) {
    const std::uint64_t wanted = per_second / 10;
    const auto allowed = run(random, per_second, wanted, 15'000'000, 20 * second_ns);
    double ids = 0;
    for (const Allowed& each : allowed) ids += static_cast<double>(each.ids);
    EXPECT_GE(ids, 0.995 * 20 * per_second) << per_second;
  }
}

TEST(Rate, OfOneASecondIsOneASecond) {
  std::int64_t state = 0;
  std::int64_t now = 5 * second_ns;
  EXPECT_EQ(take_turn(state, now, 1, 1), 0);
  EXPECT_EQ(take_turn(state, now, 1, 1), second_ns - rate_burst_ns);
  now += second_ns - rate_burst_ns - 1;
  EXPECT_EQ(take_turn(state, now, 1, 1), 1);
  EXPECT_EQ(take_turn(state, now + 1, 1, 1), 0);
}

// The state may be thrown away then.
TEST(Rate, AGeneratorThatRestedIsAsOneThatWasNeverUsed) {
  std::mt19937_64 random(13);
  for (std::uint64_t round = scaled(10'000); round > 0; --round) {
    const auto per_second = static_cast<std::uint32_t>(1 + random() % most_ids_per_second);
    const std::int64_t now = second_ns + static_cast<std::int64_t>(random() % second_ns);
    std::int64_t used = now - static_cast<std::int64_t>(random() % second_ns);
    std::int64_t fresh = 0;
    if (used > now - rate_burst_ns) continue;
    for (int call = 0; call < 20; ++call) {
      const std::uint64_t ids = ids_of_turn(1 + random() % 1000, per_second);
      ASSERT_EQ(take_turn(used, now, ids, per_second), take_turn(fresh, now, ids, per_second));
    }
  }
}

TEST(Rate, WhoIsRefusedLeavesNoTrace) {
  std::int64_t state = 0;
  ASSERT_EQ(take_turn(state, second_ns, 1, 1), 0);
  const std::int64_t before = state;
  for (int call = 0; call < 1000; ++call) EXPECT_GT(take_turn(state, second_ns, 1, 1), 0);
  EXPECT_EQ(state, before);
}

// Of another boot, of another machine, or overwritten: it means nothing, and what is left of it holds nobody up for long.
TEST(Rate, NoStateStopsAGenerator) {
  std::mt19937_64 random(14);
  for (std::uint64_t round = scaled(100'000); round > 0; --round) {
    const auto per_second = static_cast<std::uint32_t>(1 + random() % most_ids_per_second);
    const std::int64_t now = static_cast<std::int64_t>(random() % (1000 * second_ns));
    auto state = static_cast<std::int64_t>(random()) >> random() % 64;
    const std::uint64_t ids = ids_of_turn(1 + random() % 1000, per_second);
    const std::int64_t wait = take_turn(state, now, ids, per_second);
    ASSERT_LE(wait, furthest_turn_ns);
    ASSERT_EQ(wait == 0 ? 0 : take_turn(state, now + wait, ids, per_second), 0);
    ASSERT_LE(state, now + wait + second_ns);
  }
}

// What one session leaves behind is never so far ahead that another one takes it for meaningless.
TEST(Rate, WhatWasAllowedIsRemembered) {
  for (const std::uint32_t per_second : {1U, 2U, 49U, 50U, 51U, 1000U, most_ids_per_second}) {
    std::int64_t state = 0;
    const std::int64_t now = 7 * second_ns;
    const std::uint64_t ids = ids_of_turn(1'000'000, per_second);
    for (int turn = 0; turn < 10; ++turn) (void)take_turn(state, now, ids, per_second);
    EXPECT_GT(take_turn(state, now - 1'000'000, ids, per_second), 0) << per_second;
  }
}

TEST(Rate, CreditLapses) {
  Credit credit(3, second_ns);
  EXPECT_TRUE(credit.is_good(second_ns + rate_burst_ns - 1));
  EXPECT_FALSE(credit.is_good(second_ns + rate_burst_ns));
  credit.spend(2);
  EXPECT_EQ(credit.ids(), 1U);
  EXPECT_TRUE(credit.is_good(second_ns));
  credit.spend(1);
  EXPECT_FALSE(credit.is_good(second_ns));
  EXPECT_FALSE(Credit().is_good(0));
}

}  // namespace
}  // namespace snowflake::test
