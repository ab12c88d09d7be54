// A generator is kept in the parameters of its sequence: what was put in comes out, and other
// sequences are none.
#include "core/spec.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>

#include "core/layout_text.hpp"
#include "core/presets.hpp"
#include "unit/random_layout.hpp"
#include "unit/rounds.hpp"

namespace snowflake::test {
namespace {

constexpr std::string_view characters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();

GeneratorSpec random_spec(std::mt19937_64& random) {
  std::string prefix;
  for (std::uint64_t left = random() % (Prefix::max_length + 1); left > 0; --left)
    prefix += characters[random() % characters.size()];
  return {.layout = random() % 4 == 0 ? presets()[random() % presets().size()].layout
                                      : random_layout(random),
          .ordered = random() % 2 == 0,
          .encoding = static_cast<Encoding>(1 + random() % 5),
          .prefix = *Prefix::of(prefix)};
}

TEST(Spec, GoesRound) {
  std::mt19937_64 random(1);
  for (std::uint64_t round = scaled(200'000); round > 0; --round) {
    const GeneratorSpec spec = random_spec(random);
    const auto unpacked = unpack(pack(spec));
    ASSERT_TRUE(unpacked.has_value()) << format_layout(spec.layout).text;
    ASSERT_EQ(unpacked->layout, spec.layout) << format_layout(spec.layout).text;
    ASSERT_EQ(*unpacked, spec);
  }
}

// What CREATE SEQUENCE demands; and nextval() overflows from whatever value, which is never
// below 1.
TEST(Spec, IsASequenceThatNextvalCannotMove) {
  std::mt19937_64 random(2);
  for (std::uint64_t round = scaled(100'000); round > 0; --round) {
    const SequenceParameters p = pack(random_spec(random));
    ASSERT_LT(p.min, p.max);
    ASSERT_GE(p.start, p.min);
    ASSERT_LE(p.start, p.max);
    ASSERT_GE(p.cache, 1);
    ASSERT_GT(p.increment, p.max - 1) << "from 1 on, the next value is past the largest";
  }
}

// A stored horizon is an ID of the layout, or 1: it must be a value that the sequence may have, or
// a dump could not be restored.
TEST(Spec, EveryHorizonIsAValueOfTheSequence) {
  std::mt19937_64 random(3);
  for (std::uint64_t round = scaled(100'000); round > 0; --round) {
    const GeneratorSpec spec = random_spec(random);
    const SequenceParameters p = pack(spec);
    const Tick last = spec.layout.last_tick();
    ASSERT_LE(static_cast<std::int64_t>(spec.layout.encode({.tick = last})), p.max)
        << format_layout(spec.layout).text << " unit " << spec.layout.unit_ms;
  }
}

TEST(Spec, OtherSequencesAreNone) {
  const SequenceParameters good = pack({});
  EXPECT_TRUE(unpack(good));
  EXPECT_FALSE(unpack({.start = 1, .increment = 1, .min = 1, .max = largest, .cache = 1}))
      << "CREATE SEQUENCE";
  EXPECT_FALSE(unpack({.start = 1, .increment = largest, .min = 1, .max = largest, .cache = 1}));
  EXPECT_FALSE(unpack({.start = -1,
                       .increment = -1,
                       .min = std::numeric_limits<std::int64_t>::min(),
                       .max = -1,
                       .cache = 1}));
  EXPECT_FALSE(unpack({.start = 1,
                       .increment = largest,
                       .min = std::numeric_limits<std::int64_t>::min(),
                       .max = largest - 1,
                       .cache = 1}));
  for (auto field : {&SequenceParameters::start, &SequenceParameters::increment})
    for (std::int64_t by : {-1, 1}) {
      SequenceParameters changed = good;
      changed.*field = static_cast<std::int64_t>(static_cast<std::uint64_t>(changed.*field) +
                                                 static_cast<std::uint64_t>(by));
      EXPECT_FALSE(unpack(changed));
    }
}

// Whatever else may be in pg_sequence: a valid spec that says just this, or none.
TEST(Spec, AnyParametersAreASpecOrNone) {
  std::mt19937_64 random(4);
  std::uint64_t valid = 0;
  for (std::uint64_t round = scaled(300'000); round > 0; --round) {
    SequenceParameters p = pack(random_spec(random));
    for (std::uint64_t changes = random() % 3; changes > 0; --changes) {
      constexpr std::int64_t SequenceParameters::*fields[] = {
          &SequenceParameters::min, &SequenceParameters::max, &SequenceParameters::cache};
      std::int64_t& field = p.*fields[random() % 3];
      field ^= static_cast<std::int64_t>(std::uint64_t{1} << random() % 64);
    }
    const auto spec = unpack(p);
    if (!spec) continue;
    ++valid;
    ASSERT_EQ(problem_of(spec->layout, std::numeric_limits<UnixMs>::max()), nullptr);
    ASSERT_EQ(pack(*spec), p);
  }
  EXPECT_GT(valid, 0U);
}

TEST(Prefix, HasLettersDigitsAndUnderscores) {
  EXPECT_EQ(Prefix::of("")->text(), "");
  EXPECT_EQ(Prefix::of("aZ_09__")->text(), "aZ_09__");
  constexpr std::string_view refused[] = {"12345678", "a-b", " ", "é", "a.b", {"\0", 1}};
  for (const std::string_view text : refused) EXPECT_FALSE(Prefix::of(text)) << text;
}

}  // namespace
}  // namespace snowflake::test
