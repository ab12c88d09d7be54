// The clocks say what the system says. The meter learns how fast the cycle counter runs, and errs on the short side
// until it has. Bounds are wide: machines that run tests are busy.
#include "core/clock.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <string>
#include <thread>
#include <utility>

namespace snowflake::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// Whether the kernel says that the counter runs at a constant rate, asleep or awake. Not asked for other processors:
/// an emulated one is shown the file of the machine.
bool counter_is_usable() {
#if defined(__x86_64__)
  std::ifstream cpuinfo("/proc/cpuinfo");
  const std::string text(std::istreambuf_iterator<char>(cpuinfo), {});
  return text.find("nonstop_tsc") != std::string::npos;
#elif defined(__aarch64__)
  return true;
#else
  return false;
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

// As /proc/uptime has it, which counts the time asleep as well.
TEST(BootClock, SaysHowLongTheMachineHasRun) {
  double uptime = 0;
  if (!(std::ifstream("/proc/uptime") >> uptime)) GTEST_SKIP() << "no /proc/uptime";
  EXPECT_NEAR(static_cast<double>(boot_clock_ns()) / 1e9, uptime, 10);
}

TEST(BootClock, Passes) {
  const std::int64_t before = boot_clock_ns();
  const auto start = Clock::now();
  std::this_thread::sleep_for(20ms);
  EXPECT_GE(boot_clock_ns() - before, 20'000'000);
  EXPECT_LE(boot_clock_ns() - before,
            std::chrono::nanoseconds(Clock::now() - start).count() + 1'000'000'000);
}

TEST(SystemClocks, AreTheWallClockAndTheTimeSinceBoot) {
  EXPECT_EQ(system_clocks.wall_ns, wall_clock_ns);
  EXPECT_EQ(system_clocks.boot_ns, boot_clock_ns);
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

#if defined(__x86_64__)
// A counter of 3 GHz, read every 100 ms.
class MadeUpCounter : public testing::Test {
 protected:
  static constexpr std::uint64_t per_ms = 3'000'000;

  void SetUp() override {
    if (!counter_is_usable()) GTEST_SKIP() << "no usable cycle counter";
    learn_at(0);
  }

  /// With the CPU lost for so long before and after the clock is read.
  void learn_at(std::uint64_t ms, std::uint64_t lost_before_ms = 0,
                std::uint64_t lost_after_ms = 0) {
    const std::uint64_t before = (1'000'000 + ms) * per_ms;
    const std::uint64_t clock_ms = 5'000 + ms + lost_before_ms;
    meter.learn_from({.before = before,
                      .ns = static_cast<std::int64_t>(clock_ms) * 1'000'000,
                      .after = before + (lost_before_ms + lost_after_ms) * per_ms + 60});
  }

  void expect_ghz(double expected) const {
    EXPECT_NEAR(static_cast<double>(meter.cycles_within(1'000'000'000)) / 1e9, expected, 1e-4);
  }

  CycleMeter meter;
};

TEST_F(MadeUpCounter, IsLearned) {
  expect_ghz(0.5);  // the slowest there is, until it is known
  learn_at(100);
  expect_ghz(3);
}

TEST_F(MadeUpCounter, IsNotLearnedFromADisturbedMeasurement) {
  learn_at(100);
  for (const auto& [before, after] : {std::pair{20, 0}, {0, 20}, {5, 5}}) {
    learn_at(200, static_cast<std::uint64_t>(before), static_cast<std::uint64_t>(after));
    expect_ghz(3);
  }
  learn_at(300);
  expect_ghz(3);  // the one after it neither
}

TEST_F(MadeUpCounter, IsNotLearnedFromADisturbedBeginning) {
  meter = {};
  learn_at(0, 50);
  expect_ghz(0.5);
  learn_at(100);
  expect_ghz(0.5);
  learn_at(200);
  expect_ghz(3);
}

TEST_F(MadeUpCounter, ThatJumpsIsTakenForOneThatThereIs) {
  learn_at(100'000'000'000);
  expect_ghz(3);
  meter.learn_from({.before = 0,
                    .ns = 1,
                    .after = 60});  // a monotonic clock never goes back: nothing is learned
  expect_ghz(3);
  meter.learn_from(
      {.before = std::uint64_t{1} << 63, .ns = 1'000'000, .after = std::uint64_t{1} << 63});
  expect_ghz(8);
  meter.learn_from({.before = (std::uint64_t{1} << 63) + 60,
                    .ns = 100'000'000,
                    .after = (std::uint64_t{1} << 63) + 90});
  expect_ghz(0.5);
}
#endif

TEST(CycleMeter, IsProportional) {
  const CycleMeter meter = taught_meter();
  EXPECT_EQ(meter.cycles_within(0), 0U);
  EXPECT_NEAR(static_cast<double>(meter.cycles_within(10'000'000)),
              static_cast<double>(meter.cycles_within(1'000'000)) * 10, 100.0);
}

}  // namespace
}  // namespace snowflake::test
