// A range of time is a range of IDs: whatever the layout and the times, it has the IDs whose time is in it.
#include "core/range.hpp"

#include <gtest/gtest.h>

#include <random>

#include "core/presets.hpp"
#include "unit/layouts.hpp"
#include "unit/rounds.hpp"

namespace snowflake::test {
namespace {

UnixUs time_of(const Layout& layout, Id id) {
  return layout.time_at(layout.decode(id).tick) * 1000;
}

TEST(Range, HasTheIdsWhoseTimeIsInIt) {
  std::mt19937_64 random(1);
  for (const Preset& preset : presets()) {
    const Layout& layout = preset.layout;
    const UnixUs unit = layout.unit_ms * std::int64_t{1000};
    for (std::uint64_t round = 0; round < scaled(2000); ++round) {
      const Id id = random() & ((Id{1} << layout.timestamp.shift << layout.timestamp.width) - 1);
      const auto nearby =
          static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(4 * unit));
      const UnixUs time = time_of(layout, id) + nearby - 2 * unit;
      const auto value = static_cast<std::int64_t>(id);
      EXPECT_EQ(first_id(layout, time) <= value, time <= time_of(layout, id)) << preset.name;
      EXPECT_EQ(value <= last_id(layout, time), time_of(layout, id) < time) << preset.name;
    }
  }
}

TEST(Range, ATimeOutsideIsAsGoodAsAnEnd) {
  constexpr UnixUs long_ago = std::numeric_limits<UnixUs>::min() / 2;
  constexpr UnixUs far_ahead = std::numeric_limits<UnixUs>::max();
  for (const Preset& preset : presets()) {
    const Layout& layout = preset.layout;
    const auto largest = static_cast<std::int64_t>((Id{1} << layout.bits()) - 1);
    EXPECT_EQ(first_id(layout, long_ago), 0) << preset.name;
    EXPECT_EQ(last_id(layout, long_ago), -1) << preset.name;
    EXPECT_GE(first_id(layout, far_ahead), largest) << preset.name;
    EXPECT_EQ(last_id(layout, far_ahead), largest) << preset.name;
  }
}

TEST(Range, TwoThatMeetHaveEveryIdOnce) {
  const Layout& layout = small_layout;
  const UnixUs between = layout.time_at(1000) * 1000 + 1;
  EXPECT_EQ(last_id(layout, between) + 1, first_id(layout, between));
  EXPECT_EQ(first_id(layout, between), first_id(layout, layout.time_at(1001) * 1000));
}

}  // namespace
}  // namespace snowflake::test
