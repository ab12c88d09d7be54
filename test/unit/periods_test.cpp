// Periods cut time without a gap, and begin where people expect it.
#include "core/periods.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "unit/rounds.hpp"

namespace snowflake::test {
namespace {

UnixMs at(std::string_view text) {
  TextReader reader(text);
  UnixMs time = 0;
  EXPECT_TRUE(parse_time(reader, time)) << text;
  return time;
}

Period between(std::string_view from, std::string_view to) { return {at(from), at(to)}; }

TEST(Periods, BeginWherePeopleExpect) {
  const UnixMs time = at("2026-11-21T20:46:24Z");  // a Saturday
  EXPECT_EQ(period_at({.hours = 1}, time), between("2026-11-21T20:00:00Z", "2026-11-21T21:00:00Z"));
  EXPECT_EQ(period_at({.hours = 6}, time), between("2026-11-21T18:00:00Z", "2026-11-22"));
  EXPECT_EQ(period_at({.hours = 24}, time), between("2026-11-21", "2026-11-22"));
  EXPECT_EQ(period_at({.hours = 168}, time), between("2026-11-16", "2026-11-23"));
  EXPECT_EQ(period_at({.months = 1}, time), between("2026-11-01", "2026-12-01"));
  EXPECT_EQ(period_at({.months = 3}, time), between("2026-10-01", "2027-01-01"));
  EXPECT_EQ(period_at({.months = 12}, time), between("2026-01-01", "2027-01-01"));
}

TEST(Periods, KnowLeapYears) {
  EXPECT_EQ(period_at({.months = 1}, at("2028-02-29T23:59:59.999Z")),
            between("2028-02-01", "2028-03-01"));
  EXPECT_EQ(period_at({.months = 1}, at("2100-02-28")), between("2100-02-01", "2100-03-01"));
  EXPECT_EQ(period_at({.months = 1}, at("2100-03-01")), between("2100-03-01", "2100-04-01"));
}

TEST(Periods, MeetAndHoldTheirTime) {
  std::mt19937_64 random(1);
  for (std::uint64_t round = 0; round < scaled(20000); ++round) {
    const UnixMs time = at("2000-01-01") + static_cast<UnixMs>(random() % 200'000'000'000'000);
    const auto count = static_cast<std::int64_t>(random() % 100 + 1);
    const PeriodLength length =
        round % 2 == 0 ? PeriodLength{.months = count} : PeriodLength{.hours = count};
    const Period period = period_at(length, time);
    ASSERT_LE(period.from, time);
    ASSERT_LT(time, period.to);
    ASSERT_EQ(period_at(length, period.from), period);
    ASSERT_EQ(period_at(length, period.to - 1), period);
    ASSERT_EQ(period_at(length, period.to).from, period.to);
  }
}

}  // namespace
}  // namespace snowflake::test
