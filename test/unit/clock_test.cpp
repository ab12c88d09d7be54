// The meter learns how fast the cycle counter runs, and errs on the short side until it has. Bounds
// are wide: machines that run tests are busy.
#include "core/clock.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <string>
#include <thread>

namespace snowflake::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// Whether the kernel says that the counter runs at a constant rate, asleep or awake.
bool counter_is_usable() {
#if defined(__aarch64__)
  return true;
#else
  std::ifstream cpuinfo("/proc/cpuinfo");
  const std::string text(std::istreambuf_iterator<char>(cpuinfo), {});
  return text.find("nonstop_tsc") != std::string::npos;
#endif
}

CycleMeter taught_meter() {
  CycleMeter meter;
  meter.learn(cycles());
  for (const auto end = Clock::now() + 400ms; Clock::now() < end;) {
    std::this_thread::sleep_for(10ms);
    meter.learn(cycles());
  }
  return meter;
}

TEST(WallClock, SaysWhatTheSystemSays) {
  const auto system_ns = [] {
    return std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
  };
  const std::int64_t before = system_ns();
  const std::int64_t now = wall_clock_ns();
  EXPECT_LE(before - std::int64_t{1'000'000'000}, now);
  EXPECT_LE(now, system_ns() + std::int64_t{1'000'000'000});
}

TEST(CycleMeter, SaysNothingBeforeItHasLearned) {
  EXPECT_EQ(CycleMeter{}.cycles_within(1'000'000'000), 0U);
}

TEST(CycleMeter, IsUsedWhereverTheCounterIsUsable) {
  CycleMeter meter;
  meter.learn(cycles());
  EXPECT_EQ(meter.cycles_within(1'000'000'000) > 0, counter_is_usable());
}

TEST(CycleMeter, LearnsTheRate) {
  if (!counter_is_usable()) GTEST_SKIP() << "no usable cycle counter";
  const CycleMeter meter = taught_meter();
  const auto start = Clock::now();
  const std::uint64_t start_cycles = cycles();
  std::this_thread::sleep_for(100ms);
  const std::uint64_t passed = cycles() - start_cycles;
  const std::int64_t passed_ns = std::chrono::nanoseconds(Clock::now() - start).count();
  const std::uint64_t expected = meter.cycles_within(passed_ns);
  EXPECT_GT(expected, passed / 2);
  EXPECT_LT(expected, passed * 2);
}

TEST(CycleMeter, ErrsOnTheShortSideUntilItKnows) {
  if (!counter_is_usable()) GTEST_SKIP() << "no usable cycle counter";
  CycleMeter meter;
  meter.learn(cycles());
  EXPECT_LT(meter.cycles_within(1'000'000), taught_meter().cycles_within(1'000'000) * 11 / 10);
}

TEST(CycleMeter, IsProportional) {
  const CycleMeter meter = taught_meter();
  EXPECT_EQ(meter.cycles_within(0), 0U);
  EXPECT_NEAR(static_cast<double>(meter.cycles_within(10'000'000)),
              static_cast<double>(meter.cycles_within(1'000'000)) * 10, 100.0);
}

}  // namespace
}  // namespace snowflake::test
