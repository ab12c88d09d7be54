// Gaps: with them everything is taken, and nothing twice.
#include "core/gaps.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "unit/rounds.hpp"

namespace snowflake::test {
namespace {

std::vector<IdRange> gaps(const IdRange& wanted, const std::vector<IdRange>& taken) {
  std::vector<IdRange> found;
  visit_gaps(wanted, taken, [&](const IdRange& gap) { found.push_back(gap); });
  return found;
}

TEST(Gaps, AreWhatIsMissing) {
  using Ranges = std::vector<IdRange>;
  EXPECT_EQ(gaps({100, 200}, {}), (Ranges{{100, 200}}));
  EXPECT_EQ(gaps({100, 200}, {{50, 120}, {150, 160}}), (Ranges{{120, 150}, {160, 200}}));
  EXPECT_EQ(gaps({100, 200}, {{100, 200}}), Ranges{});
  EXPECT_EQ(gaps({100, 200}, {{0, 100}, {200, 300}}), (Ranges{{100, 200}}));
  EXPECT_EQ(gaps({100, 200}, {{.end = 150}}), (Ranges{{150, 200}}));
  EXPECT_EQ(gaps({100, 200}, {{.first = 150}}), (Ranges{{100, 150}}));
  EXPECT_EQ(gaps({100, 200}, {{}}), Ranges{});
}

TEST(Gaps, FillWhatIsWanted) {
  std::mt19937_64 random(1);
  for (std::uint64_t round = 0; round < scaled(20000); ++round) {
    std::vector<IdRange> taken;
    for (std::int64_t at = 0; at < 60;) {
      const auto first = at + static_cast<std::int64_t>(random() % 10);
      at = first + 1 + static_cast<std::int64_t>(random() % 10);
      taken.push_back({first, at});
    }
    const auto from = static_cast<std::int64_t>(random() % 60);
    const IdRange wanted{from, from + static_cast<std::int64_t>(random() % 30)};
    int times[100] = {};
    const auto count = [&](const IdRange& range) {
      for (std::int64_t i = range.first; i < range.end; ++i) ++times[i];
    };
    for (const IdRange& range : taken) count(range);
    for (const IdRange& range : gaps(wanted, taken)) {
      ASSERT_LT(range.first, range.end);
      ASSERT_TRUE(wanted.first <= range.first && range.end <= wanted.end);
      count(range);
    }
    for (std::int64_t i = 0; i < 100; ++i) {
      ASSERT_LE(times[i], 1);
      const bool is_wanted = wanted.first <= i && i < wanted.end;
      ASSERT_GE(times[i], is_wanted ? 1 : 0);
    }
  }
}

}  // namespace
}  // namespace snowflake::test
