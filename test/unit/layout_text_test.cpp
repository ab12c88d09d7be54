// The text of a layout is read as the same layout; malformed text is refused with its position.
#include "core/layout_text.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "core/presets.hpp"
#include "unit/random_layout.hpp"
#include "unit/rounds.hpp"

namespace snowflake::test {
namespace {

std::string text_of(const Layout& layout) {
  const LayoutText formatted = format_layout(layout);
  return {formatted.text, formatted.length};
}

TEST(LayoutText, EveryPresetGoesRoundAndIsFound) {
  for (const Preset& preset : presets()) {
    SCOPED_TRACE(preset.name);
    const ParsedLayout by_name = parse_layout(preset.name, test_now);
    ASSERT_EQ(by_name.problem, nullptr);
    EXPECT_EQ(by_name.layout, preset.layout);
    EXPECT_EQ(*find_preset(preset.name), preset.layout);
    EXPECT_EQ(problem_of(preset.layout, test_now), nullptr);
    const ParsedLayout by_text = parse_layout(text_of(preset.layout), test_now);
    ASSERT_EQ(by_text.problem, nullptr) << by_text.problem;
    EXPECT_EQ(by_text.layout, preset.layout);
  }
}

TEST(LayoutText, EveryLayoutGoesRound) {
  std::mt19937_64 random(1);
  for (std::uint64_t round = scaled(200'000); round > 0; --round) {
    const Layout layout = random_layout(random);
    const std::string text = text_of(layout);
    ASSERT_EQ(problem_of(layout, test_now), nullptr) << text;
    const ParsedLayout parsed = parse_layout(text, test_now);
    ASSERT_EQ(parsed.problem, nullptr) << text << ": " << parsed.problem;
    ASSERT_EQ(parsed.layout, layout) << text;
  }
}

TEST(LayoutText, IsCanonical) {
  EXPECT_EQ(text_of(standard_layout),
            "timestamp:41 node:5 worker:5 sequence:12 unit:1ms epoch:2025-01-01T00:00:00Z");
  EXPECT_EQ(text_of(parse_layout("timestamp:39 sequence:8 node:16 unit:60000ms epoch:1409529600123",
                                 test_now)
                        .layout),
            "timestamp:39 sequence:8 node:16 unit:60s epoch:2014-09-01T00:00:00.123Z");
}

// A layout in binary form has a text as well, or it is refused.
TEST(LayoutText, AnyValueIsRefusedOrGoesRound) {
  std::mt19937_64 random(2);
  std::uint64_t valid = 0;
  for (std::uint64_t round = scaled(200'000); round > 0; --round) {
    Layout layout = random_layout(random);
    const auto some = [&](std::uint64_t most) {
      return static_cast<std::uint8_t>(random() % most);
    };
    Field* fields[] = {&layout.timestamp, &layout.node, &layout.worker, &layout.shard,
                       &layout.sequence};
    switch (random() % 6) {
      case 0:
        fields[random() % 5]->width = some(256);
        break;
      case 1:
        fields[random() % 5]->shift = some(256);
        break;
      case 2:
        std::swap(*fields[random() % 5], *fields[random() % 5]);
        break;
      case 3:
        layout.unit_ms = static_cast<std::int32_t>(random());
        break;
      case 4:
        layout.epoch_ms = static_cast<UnixMs>(random());
        break;
      default:
        layout.reserved = static_cast<std::uint16_t>(random() % 2);
    }
    if (problem_of(layout, test_now) != nullptr) continue;
    ++valid;
    const std::string text = text_of(layout);
    const ParsedLayout parsed = parse_layout(text, test_now);
    ASSERT_EQ(parsed.problem, nullptr) << text << ": " << parsed.problem;
    ASSERT_EQ(parsed.layout, layout) << text;
  }
  EXPECT_GT(valid, 0U);
}

TEST(LayoutText, RefusesWhatIsNoLayout) {
  const Layout fine = standard_layout;
  const auto changed = [&](auto change) {
    Layout layout = fine;
    change(layout);
    return problem_of(layout, test_now);
  };
  EXPECT_EQ(changed([](Layout&) {}), nullptr);
  EXPECT_NE(changed([](Layout& l) { l.node.shift = 16; }), nullptr) << "overlap";
  EXPECT_NE(changed([](Layout& l) { l.node.width = 4; }), nullptr) << "gap";
  EXPECT_NE(changed([](Layout& l) { l.timestamp.width = 42; }), nullptr) << "64 bits";
  EXPECT_NE(changed([](Layout& l) { l.shard.shift = 3; }), nullptr) << "absent, yet somewhere";
  EXPECT_NE(changed([](Layout& l) { l.reserved = 1; }), nullptr) << "two forms of one value";
  EXPECT_NE(changed([](Layout& l) { l.unit_ms = 0; }), nullptr);
  EXPECT_NE(changed([](Layout& l) { l.unit_ms = -1; }), nullptr);
  EXPECT_NE(changed([](Layout& l) { l.unit_ms = max_unit_ms + 1; }), nullptr);
  EXPECT_NE(changed([](Layout& l) { l.epoch_ms = -1; }), nullptr);
  EXPECT_NE(changed([](Layout& l) { l.epoch_ms = test_now + 1; }), nullptr);
  EXPECT_EQ(changed([](Layout& l) { l.epoch_ms = test_now; }), nullptr);
}

// Where the first mistake is, in bytes.
TEST(LayoutText, SaysWhere) {
  const struct {
    std::string_view text;
    std::size_t position;
  } wrong[] = {{"", 0},
               {"twitte", 0},
               {"timestamp:41 node:5 nide:5 sequence:12", 20},
               {"timestamp:41 node:5 node:5 sequence:12", 20},
               {"timestamp:41 node:5 worker:x sequence:12", 27},
               {"timestamp:41 node:22 worker:5 sequence:12", 28},
               {"timestamp:41 sequence:12 unit:5h", 30},
               {"timestamp:41 sequence:12 epoch:2025-02-30", 31},
               {"timestamp:41 sequence:12 epoch:2100-01-01", 31},
               {"timestamp:41 node:5", 19}};
  for (const auto& [text, position] : wrong) {
    const ParsedLayout parsed = parse_layout(text, test_now);
    ASSERT_NE(parsed.problem, nullptr) << text;
    EXPECT_EQ(parsed.position, position) << text << ": " << parsed.problem;
  }
}

// The parser never reads past the end, and copes with bytes that are no letters.
TEST(LayoutText, ReadsAnyBytes) {
  std::mt19937_64 random(3);
  const std::string_view words[] = {"timestamp:", "node:",     "worker:", "shard:", "sequence:",
                                    "unit:",      "epoch:",    "1ms",     "10",     "41",
                                    "2025-01-01", "T00:00:00", ".5",      "Z",      " ",
                                    ":",          "-1",        "\xff",    "discord"};
  for (std::uint64_t round = scaled(100'000); round > 0; --round) {
    std::string text;
    for (std::uint64_t parts = random() % 12; parts > 0; --parts) {
      text += words[random() % std::size(words)];
      if (random() % 16 == 0) text += static_cast<char>(random());
    }
    const ParsedLayout parsed = parse_layout(text, test_now);
    ASSERT_LE(parsed.position, text.size());
    if (parsed.problem != nullptr) continue;
    ASSERT_EQ(problem_of(parsed.layout, test_now), nullptr) << text;
    ASSERT_EQ(parse_layout(text_of(parsed.layout), test_now).layout, parsed.layout) << text;
  }
}

}  // namespace
}  // namespace snowflake::test
