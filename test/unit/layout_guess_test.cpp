// Which layout IDs have is guessed right for all presets and for many others, and not where nothing can be known.
#include "core/layout_guess.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "core/layout_text.hpp"
#include "core/timed_sample.hpp"
#include "unit/random_layout.hpp"
#include "unit/rounds.hpp"

namespace snowflake::test {
namespace {

constexpr UnixMs hour = 60 * 60 * 1000;
constexpr UnixMs day = 24 * hour;
constexpr UnixMs now = 1'800'000'000'000;  // 2027

using Timed = std::vector<TimedId>;

/// Rows of some days, stored up to `delay` ms after their IDs were made; up to five in a hundred much later.
Timed rows_of(const Layout& layout, std::mt19937_64& random, UnixMs from, UnixMs until,
              std::uint64_t delay, unsigned outliers = 4) {
  Timed rows;
  for (unsigned i = 0; i < 500; ++i) {
    const auto made = static_cast<UnixMs>(
        between(random, static_cast<std::uint64_t>(from), static_cast<std::uint64_t>(until)));
    const Id id = layout.timestamp.put(static_cast<std::uint64_t>(layout.tick_at(made))) |
                  (random() & ((Id{1} << layout.timestamp.shift) - 1));
    const std::uint64_t later = i % 100 < outliers ? between(random, 0, 100 * day) : 0;
    rows.push_back(
        {.id = id, .time = made + static_cast<UnixMs>(between(random, 0, delay) + later)});
  }
  return rows;
}

TimeFit fit(const Timed& rows) {
  std::vector<std::int64_t> scratch(rows.size());
  return fit_times(rows, scratch, now);
}

Spread delays(const Timed& rows, const Layout& layout) {
  std::vector<std::int64_t> scratch(rows.size());
  return delays_of(rows, layout, scratch);
}

std::unique_ptr<Analysis> analysis_of(const Timed& rows, const Layout& layout) {
  std::vector<std::int64_t> values;
  for (const TimedId& row : rows) values.push_back(static_cast<std::int64_t>(row.id));
  std::sort(values.begin(), values.end());
  auto analysis = std::make_unique<Analysis>(layout, now, values.size());
  for (const std::int64_t value : values) analysis->add(value);
  analysis->finish();
  return analysis;
}

/// The last day on which the layout has timestamps, or now.
UnixMs end_of(const Layout& layout) {
  return std::min(now, layout.time_at(layout.last_tick()) - hour);
}

TEST(LayoutGuess, FindsEachPresetByTimes) {
  std::mt19937_64 random(1);
  for (const Preset& preset : presets())
    for (const std::uint64_t delay : {0U, 1000U, 20'000U}) {
      SCOPED_TRACE(preset.name);
      const UnixMs end = end_of(preset.layout);
      const Timed rows = rows_of(preset.layout, random, end - 60 * day, end, delay);
      const TimeFit found = fit(rows);
      ASSERT_TRUE(found.found);
      EXPECT_TRUE(found.is_preset);
      EXPECT_TRUE(have_same_timestamps(found.layout, preset.layout));
      EXPECT_EQ(misfit_of(*analysis_of(rows, preset.layout), delays(rows, preset.layout)),
                Misfit::none);
    }
}

TEST(LayoutGuess, FindsLayoutsThatHaveNoName) {
  for (std::uint64_t round = 0; round < scaled(300); ++round) {
    SCOPED_TRACE(round);
    std::mt19937_64 random(round);
    const std::int32_t units[] = {1, 10, 100, 1000};
    const auto shift = static_cast<std::uint8_t>(between(random, 10, 31));
    const UnixMs epoch = static_cast<UnixMs>(between(random, 14'000, 20'000)) * day;
    const Layout layout{
        .timestamp = {.shift = shift, .width = static_cast<std::uint8_t>(std::min(63 - shift, 47))},
        .sequence = {.shift = 0, .width = shift},
        .unit_ms = units[random() % 4],
        .epoch_ms = epoch};
    const UnixMs from = std::max(epoch, now - 300 * day);
    if (layout.tick_at(now) > layout.last_tick()) continue;
    const Timed rows = rows_of(layout, random, from, now, 1500);
    const TimeFit found = fit(rows);
    ASSERT_TRUE(found.found);
    EXPECT_EQ(found.layout.timestamp.shift, shift);
    EXPECT_EQ(found.layout.unit_ms, layout.unit_ms);
    EXPECT_EQ(found.layout.epoch_ms, epoch) << "the start of a day";
    EXPECT_EQ(problem_of(found.layout, now), nullptr);
  }
}

TEST(LayoutGuess, FindsNothingWhereThereIsNothing) {
  std::mt19937_64 random(7);
  Timed rows = rows_of(standard_layout, random, now - 90 * day, now, 0);
  std::vector<UnixMs> times;
  for (const TimedId& row : rows) times.push_back(row.time);
  std::shuffle(times.begin(), times.end(), random);
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].time = times[i];
  EXPECT_FALSE(fit(rows).found) << "times of other rows";
  for (TimedId& row : rows) row.time = now;
  EXPECT_FALSE(fit(rows).found) << "one time for all";
  rows.resize(fewest_times - 1);
  EXPECT_FALSE(fit(rows).found) << "too few";
  EXPECT_FALSE(fit({}).found);
}

TEST(LayoutGuess, DelaysMayVaryByAHundredthOfTheSpan) {
  std::mt19937_64 random(9);
  EXPECT_TRUE(fit(rows_of(standard_layout, random, now - 100 * hour, now, hour / 2)).found);
  EXPECT_FALSE(fit(rows_of(standard_layout, random, now - 100 * hour, now, 4 * hour)).found);
}

TEST(LayoutGuess, SaysWhyALayoutDoesNotFit) {
  std::mt19937_64 random(3);
  const Layout& discord = *find_preset("discord");
  const Layout& twitter = *find_preset("twitter");
  const Timed rows = rows_of(discord, random, now - 60 * day, now, 50);
  EXPECT_EQ(misfit_of(*analysis_of(rows, standard_layout), {}), Misfit::ahead);
  EXPECT_EQ(misfit_of(*analysis_of(rows, twitter), {}), Misfit::none) << "nobody can know";
  EXPECT_EQ(misfit_of(*analysis_of(rows, twitter), delays(rows, twitter)), Misfit::other_times);
  EXPECT_EQ(misfit_of(*analysis_of(rows, *find_preset("javascript")), {}), Misfit::not_ids);

  Timed numbers;
  for (Id id = 1; id <= 1000; ++id) numbers.push_back({.id = id, .time = now});
  EXPECT_EQ(misfit_of(*analysis_of(numbers, standard_layout), {}), Misfit::at_epoch);
  EXPECT_TRUE(looks_like_sequence(*analysis_of(numbers, standard_layout)));
  EXPECT_FALSE(looks_like_sequence(*analysis_of(rows, standard_layout)));
}

TEST(LayoutGuess, AFewStrangersDoNotMatter) {
  std::mt19937_64 random(4);
  Timed rows = rows_of(standard_layout, random, now - 60 * day, now, 50);
  for (int i = 0; i < 5; ++i) rows.push_back({.id = Id{INT64_MAX}, .time = now});
  EXPECT_EQ(misfit_of(*analysis_of(rows, standard_layout), {}), Misfit::none);
  rows.push_back({.id = Id{INT64_MAX}, .time = now});
  EXPECT_EQ(misfit_of(*analysis_of(rows, standard_layout), {}), Misfit::ahead);
}

TEST(LayoutGuess, CandidatesAreThosePresetsThatCanBe) {
  for (const Preset& preset : presets()) {
    SCOPED_TRACE(preset.name);
    const UnixMs newest = end_of(preset.layout);
    const Id id = preset.layout.encode({.tick = preset.layout.tick_at(newest)});
    const Candidates found = candidates(id, now);
    ASSERT_GT(found.count, 0U);
    UnixMs before = now + day;
    for (const Layout* layout : found) {
      const UnixMs made = layout->time_at(layout->decode(id).tick);
      EXPECT_LE(made, before) << "latest first, none in the future";
      before = made;
    }
    EXPECT_TRUE(newest != now || have_same_timestamps(**found.begin(), preset.layout));
  }
  EXPECT_EQ(candidates(5, now).count, 0U);
}

TEST(LayoutGuess, SpreadIsByRank) {
  std::vector<std::int64_t> numbers;
  for (std::int64_t i = 100; i >= 0; --i) numbers.push_back(i);
  const Spread spread = spread_of(numbers);
  EXPECT_EQ(spread.p5, 5);
  EXPECT_EQ(spread.median, 50);
  EXPECT_EQ(spread.p95, 95);
  EXPECT_EQ(spread_of({}).count, 0U);
}

TEST(TimedSample, EveryRowIsAsLikely) {
  std::vector<int> chosen(10);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    auto sample = std::make_unique<TimedSample>(seed);
    for (Id id = 0; id < 10 * TimedSample::most; ++id) sample->add({.id = id, .time = 0});
    ASSERT_EQ(sample->all().size(), TimedSample::most);
    for (const TimedId& each : sample->all()) ++chosen[each.id / TimedSample::most];
  }
  for (const int times : chosen) EXPECT_NEAR(times, 2 * 4096, 400);  // 4.6 standard deviations
}

TEST(TimedSample, KeepsAFew) {
  auto sample = std::make_unique<TimedSample>(1);
  sample->add({.id = 7, .time = 8});
  ASSERT_EQ(sample->all().size(), 1U);
  EXPECT_EQ(sample->all()[0].id, 7U);
}

}  // namespace
}  // namespace snowflake::test
