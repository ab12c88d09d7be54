// From when IDs of one layout are larger than those of another: against all times of small layouts, and the times around
// each change of the answer in large ones, where the largest and smallest IDs are built and compared.
#include "core/succession.hpp"

#include <gtest/gtest.h>

#include <random>

#include "core/layout_text.hpp"
#include "core/presets.hpp"
#include "core/space.hpp"
#include "unit/layouts.hpp"
#include "unit/random_layout.hpp"
#include "unit/rounds.hpp"

namespace snowflake::test {
namespace {

constexpr UnixMs in_2026 = 1'796'000'000'000;  // 2026-11-30

/// The largest ID that a server can have made up to a time; nothing if it has made none.
std::optional<Id> largest_up_to(const Layout& layout, UnixMs time) {
  const Tick tick = std::min(layout.tick_at(time), layout.last_tick());
  if (tick < 0) return std::nullopt;
  return layout.encode({.tick = tick,
                        .node = layout.node.max(),
                        .worker = layout.worker.max(),
                        .shard = layout.shard.max(),
                        .sequence = layout.sequence.max()});
}

/// The smallest that it can make from a time on; nothing if there is no time left.
std::optional<Id> smallest_from(const Layout& layout, UnixMs time) {
  const Tick tick = std::max<Tick>(layout.tick_at(time), 0);
  if (tick > layout.last_tick()) return std::nullopt;
  return layout.encode({.tick = tick});
}

bool holds_at(const Layout& before, const Layout& after, UnixMs time) {
  const auto old_id = largest_up_to(before, time);
  const auto new_id = smallest_from(after, time);
  return !old_id || !new_id || *new_id > *old_id;
}

UnixMs end_of(const Layout& layout) { return layout.time_at(layout.last_tick() + 1); }

std::string named(const Layout& before, const Layout& after) {
  const LayoutText texts[] = {format_layout(before), format_layout(after)};
  return std::string(texts[0].text, texts[0].length) + " -> " +
         std::string(texts[1].text, texts[1].length);
}

/// One that ends after some hundred milliseconds, so that all its times can be tried.
Layout short_layout(std::mt19937_64& random, std::int32_t unit_ms) {
  const UnixMs epoch = static_cast<UnixMs>(random() % 8) * unit_ms;
  return layout_of({.timestamp = static_cast<std::uint8_t>(1 + random() % 8),
                    .node = static_cast<std::uint8_t>(random() % 3),
                    .sequence = static_cast<std::uint8_t>(1 + random() % 6)},
                   unit_ms, epoch);
}

// By trying all times there are. It may answer later than necessary by one unit, or refuse what holds for less.
TEST(Succession, IsWhatAllTimesSay) {
  std::mt19937_64 random(1);
  std::uint64_t found = 0;
  std::uint64_t never = 0;
  for (std::uint64_t round = scaled(20'000); round > 0; --round) {
    constexpr std::int32_t units[] = {1, 1, 1, 10};
    const Layout before = short_layout(random, units[random() % 4]);
    const Layout after = short_layout(random, units[random() % 4]);
    const auto now = static_cast<UnixMs>(random() % 100);
    const UnixMs unit = std::max(before.unit_ms, after.unit_ms);
    SCOPED_TRACE(named(before, after) + " at " + std::to_string(now));
    UnixMs holds_from = std::max(end_of(after), now);
    while (holds_from > now && holds_at(before, after, holds_from - 1)) --holds_from;
    const UnixMs begin = std::max({holds_from, before.epoch_ms, after.epoch_ms});
    const auto answer = succeeds_from(before, after, now);
    if (!answer) {
      ++never;
      ASSERT_GT(begin, end_of(after) - 1 - 2 * unit);
      continue;
    }
    ++found;
    ASSERT_GE(*answer, holds_from);
    ASSERT_LT(*answer, begin + unit);
  }
  EXPECT_GE(found, scaled(1'000));
  EXPECT_GE(never, scaled(1'000));
}

/// Times that matter: those around the answer, the ends of both layouts, and random ones after it.
void expect_to_hold_from(const Layout& before, const Layout& after, UnixMs from,
                         std::mt19937_64& random) {
  const UnixMs last = std::min(end_of(after), end_of_making) - 1;
  for (UnixMs time = from; time <= from + 3000; time += 1 + static_cast<UnixMs>(random() % 50))
    ASSERT_TRUE(holds_at(before, after, time)) << time;
  for (const UnixMs end : {end_of(before), last})
    for (UnixMs time = std::max(from, end - 2000); time <= std::min(last, end + 2000); time += 97)
      ASSERT_TRUE(holds_at(before, after, time)) << time;
  for (int i = 0; i < 100 && from < last; ++i) {
    const auto time = static_cast<UnixMs>(
        between(random, static_cast<std::uint64_t>(from), static_cast<std::uint64_t>(last)));
    ASSERT_TRUE(holds_at(before, after, time)) << time;
  }
}

/// Somewhere from there on it does not hold: at once, or at the end.
void expect_not_to_hold_from(const Layout& before, const Layout& after, UnixMs from) {
  const UnixMs last = std::min(end_of(after), end_of_making) - 1;
  for (const UnixMs end : {from, end_of(before), last})
    for (UnixMs time = std::max(from, end - 3000); time <= std::min(last, end + 3000); ++time)
      if (!holds_at(before, after, time)) return;
  FAIL() << "it holds from " << from;
}

void expect_right(const Layout& before, const Layout& after, UnixMs now, std::mt19937_64& random) {
  SCOPED_TRACE(named(before, after));
  const UnixMs unit = std::max(before.unit_ms, after.unit_ms);
  const auto from = succeeds_from(before, after, now);
  if (from) expect_to_hold_from(before, after, *from, random);
  if (from && *from > now && *from > std::max(before.epoch_ms, after.epoch_ms) + unit)
    expect_not_to_hold_from(before, after, std::max(now, *from - 2 * unit));
  const UnixMs last = std::min(end_of(after), end_of_making) - 1;
  const bool meet = last - 2 * unit > std::max(now, before.epoch_ms);
  if (!from && can_make(before) && can_make(after) && meet)
    expect_not_to_hold_from(before, after, std::max(now, last - 2 * unit));
}

TEST(Succession, IsRightForAllPairsOfNamedLayouts) {
  std::mt19937_64 random(2);
  for (const Preset& before : presets())
    for (const Preset& after : presets())
      for (const UnixMs now : {in_2026, UnixMs{1'767'225'600'000}, UnixMs{2'208'988'800'000}})
        expect_right(before.layout, after.layout, now, random);
}

TEST(Succession, IsRightForRandomLayouts) {
  std::mt19937_64 random(3);
  for (std::uint64_t round = scaled(20'000); round > 0; --round)
    expect_right(random_making_layout(random), random_making_layout(random),
                 static_cast<UnixMs>(edgy(random, 0, 2 * test_now)), random);
}

const Layout& preset(const char* name) { return *find_preset(name); }

TEST(Succession, OfAnEarlierEpochIsAtOnce) {
  EXPECT_EQ(succeeds_from(standard_layout, preset("discord"), in_2026), in_2026);
  EXPECT_EQ(succeeds_from(preset("discord"), preset("twitter"), in_2026), in_2026);
  EXPECT_EQ(succeeds_from(preset("javascript"), standard_layout, in_2026), in_2026);
}

TEST(Succession, OfALaterEpochIsNever) {
  EXPECT_FALSE(succeeds_from(preset("discord"), standard_layout, in_2026));
  EXPECT_FALSE(succeeds_from(preset("twitter"), preset("leaf"), in_2026)) << "the same";
  EXPECT_FALSE(succeeds_from(standard_layout, preset("javascript"), in_2026));
}

// 2^24 a 10 ms overtake 2^16 a millisecond: (t - 2025) * 2^24 / 10 > t * 2^16.
TEST(Succession, OfOneThatRisesFasterIsFromAPointOn) {
  const auto from = succeeds_from(preset("mastodon"), preset("sonyflake2"), in_2026);
  ASSERT_TRUE(from);
  EXPECT_EQ(*from / 86'400'000 - 20'454, 365 + 86) << "days since 2026 began";
}

TEST(Succession, OfOneThatIsOvertakenLaterIsNever) {
  const Layout slower = layout_of({.timestamp = 42, .sequence = 20}, 1, 0);
  const Layout faster = layout_of({.timestamp = 41, .sequence = 21}, 1, in_2026 - 86'400'000);
  EXPECT_TRUE(holds_at(faster, slower, in_2026));
  EXPECT_FALSE(succeeds_from(faster, slower, in_2026)) << "in decades";
}

TEST(Succession, OfOneThatIsOverIsFromItsLastIdOn) {
  const Layout over = layout_of({.timestamp = 10, .sequence = 4}, 1, in_2026 - 10'000);
  EXPECT_EQ(succeeds_from(over, layout_of({.timestamp = 41, .sequence = 4}, 1, 0), in_2026),
            in_2026);
  const Layout young = layout_of({.timestamp = 30, .sequence = 4}, 1, in_2026);
  EXPECT_EQ(succeeds_from(over, young, in_2026), in_2026 + 1024);
}

// The old one ends within a tick of the new one, just above what the new one holds by then.
TEST(Succession, OfOneThatEndsWithinATickIsFromItsLastIdOn) {
  const Layout before = layout_of({.timestamp = 5, .sequence = 4}, 1, 1200);
  const Layout after = layout_of({.timestamp = 20, .sequence = 2}, 10, 0);
  ASSERT_TRUE(holds_at(before, after, 1229));
  ASSERT_FALSE(holds_at(before, after, 1231));
  EXPECT_EQ(succeeds_from(before, after, 1220), 1280);
}

TEST(Succession, NeedsLayoutsOfWhichIdsAreMade) {
  EXPECT_FALSE(succeeds_from(preset("discord"), preset("baidu"), in_2026)) << "it has ended";
  Layout odd = preset("mastodon");
  odd.unit_ms = 7;
  EXPECT_FALSE(succeeds_from(odd, preset("twitter"), in_2026));
}

}  // namespace
}  // namespace snowflake::test
