// A generator is kept in the parameters of its sequence: what was put in comes out, other sequences are none, and what
// was stored once is read for ever.
#include "core/spec.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>
#include <vector>

#include "core/layout_text.hpp"
#include "core/presets.hpp"
#include "core/space.hpp"
#include "unit/layouts.hpp"
#include "unit/random_layout.hpp"
#include "unit/rounds.hpp"

namespace snowflake::test {
namespace {

constexpr std::string_view characters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();

// Places in MAXVALUE, counted from the unit up, and in CACHE.
constexpr unsigned rate_place = 16;
constexpr unsigned version_place = 48;
constexpr unsigned encoding_place = 18;
constexpr unsigned prefix_place = 21;  // of the seventh character

Layout random_generator_layout(std::mt19937_64& random) {
  if (random() % 4 != 0) return random_making_layout(random);
  for (;;) {
    const Layout& layout = presets()[random() % presets().size()].layout;
    if (can_make(layout)) return layout;
  }
}

GeneratorSpec random_spec(std::mt19937_64& random) {
  std::string prefix;
  for (std::uint64_t left = random() % (Prefix::max_length + 1); left > 0; --left)
    prefix += characters[random() % characters.size()];
  return {
      .layout = random_generator_layout(random),
      .ordered = random() % 2 == 0,
      .encoding = static_cast<Encoding>(1 + random() % 5),
      .prefix = *Prefix::of(prefix),
      .rate_limit = static_cast<std::uint32_t>(random() % 2 * (random() % most_ids_per_second))};
}

SequenceParameters frame(std::int64_t min, std::int64_t max, std::int64_t cache) {
  return {.start = 1, .increment = largest, .min = min, .max = max, .cache = cache};
}

struct Golden {
  const char* name;
  GeneratorSpec spec;
  SequenceParameters parameters;
};

// Worked out by hand (in another language), from the format as it is described. Never change these numbers: they stand
// in catalogs and dumps.
std::vector<Golden> golden() {
  const Layout sonyflake{.timestamp = {.shift = 24, .width = 39},
                         .node = {.shift = 0, .width = 16},
                         .worker = {},
                         .shard = {},
                         .sequence = {.shift = 16, .width = 8},
                         .unit_ms = 10,
                         .epoch_ms = 1409529600000};
  const Layout all_fields{.timestamp = {.shift = 27, .width = 30},
                          .node = {.shift = 0, .width = 4},
                          .worker = {.shift = 4, .width = 3},
                          .shard = {.shift = 21, .width = 6},
                          .sequence = {.shift = 7, .width = 14},
                          .unit_ms = 1000,
                          .epoch_ms = 1600000000000};
  const Layout worker_first{.timestamp = {.shift = 14, .width = 40},
                            .node = {.shift = 9, .width = 3},
                            .worker = {.shift = 12, .width = 2},
                            .shard = {},
                            .sequence = {.shift = 0, .width = 9},
                            .unit_ms = 100,
                            .epoch_ms = 0};
  const auto prefix = [](std::string_view text) { return *Prefix::of(text); };
  return {
      {"the standard", {}, frame(-3640004916019426442, 9223090561878065150, 1069068)},
      {"ordered",
       {.layout = standard_layout,
        .ordered = true,
        .encoding = Encoding::base58,
        .prefix = prefix("cus_")},
       frame(-3640004916019426443, 9223090561878065150, 4286792976804106252)},
      {"sonyflake",
       {.layout = sonyflake, .encoding = Encoding::base32, .prefix = prefix("Az09__x")},
       frame(-2955997819700827040, 9223090561878065141, 263108184695373832)},
      {"all fields",
       {.layout = all_fields, .ordered = true, .encoding = Encoding::hex, .prefix = {}},
       frame(-3355443200001478409, 9223090561878064151, 1323406)},
      {"worker first",
       {.layout = worker_first, .encoding = Encoding::base36, .prefix = prefix("Z")},
       frame(-619526, 9223090561878065051, 3746994889972785161)},
  };
}

TEST(StoredSpec, IsInTheseNumbersForEver) {
  for (const Golden& each : golden()) {
    SCOPED_TRACE(each.name);
    const SequenceParameters packed = pack(each.spec);
    EXPECT_EQ(packed.start, each.parameters.start);
    EXPECT_EQ(packed.increment, each.parameters.increment);
    EXPECT_EQ(packed.min, each.parameters.min);
    EXPECT_EQ(packed.max, each.parameters.max);
    EXPECT_EQ(packed.cache, each.parameters.cache);
    EXPECT_FALSE(packed.cycle);
    const auto unpacked = unpack(each.parameters);
    ASSERT_TRUE(unpacked);
    EXPECT_EQ(*unpacked, each.spec);
  }
}

TEST(StoredSpec, HasTheseNumbersForEncodings) {
  EXPECT_EQ(static_cast<int>(Encoding::base32), 1);
  EXPECT_EQ(static_cast<int>(Encoding::base36), 2);
  EXPECT_EQ(static_cast<int>(Encoding::base58), 3);
  EXPECT_EQ(static_cast<int>(Encoding::base62), 4);
  EXPECT_EQ(static_cast<int>(Encoding::hex), 5);
  constexpr std::string_view names[] = {"base32", "base36", "base58", "base62", "hex"};
  for (std::int64_t number = 1; number <= 5; ++number) {
    SequenceParameters p = pack({});
    p.cache = (p.cache & ~(std::int64_t{7} << encoding_place)) | number << encoding_place;
    ASSERT_TRUE(unpack(p));
    EXPECT_EQ(name_of(unpack(p)->encoding), names[number - 1]);
  }
  for (const std::int64_t number : {0, 6, 7}) {
    SequenceParameters p = pack({});
    p.cache = (p.cache & ~(std::int64_t{7} << encoding_place)) | number << encoding_place;
    EXPECT_FALSE(unpack(p)) << "no encoding yet";
  }
}

TEST(StoredSpec, HasTheseNumbersForCharacters) {
  const SequenceParameters without = pack({});
  for (std::size_t i = 0; i < characters.size(); ++i) {
    SequenceParameters p = without;
    p.cache += static_cast<std::int64_t>(i + 1) << (prefix_place + 36);
    const auto spec = unpack(p);
    ASSERT_TRUE(spec);
    EXPECT_EQ(spec->prefix.text(), characters.substr(i, 1));
  }
}

TEST(StoredSpec, HasNoCharactersAfterThePrefixesEnd) {
  const SequenceParameters a = pack({.prefix = *Prefix::of("a")});
  for (unsigned place = 0; place < 6; ++place) {
    SequenceParameters p = a;
    p.cache += std::int64_t{5} << (prefix_place + 6 * place);
    EXPECT_EQ(unpack(p).has_value(), place == 5) << "only the one that follows";
  }
}

TEST(StoredSpec, IsOfThisVersionOnly) {
  const SequenceParameters good = pack({});
  for (const std::int64_t version : {0, 2, 3, 14, 15}) {
    SequenceParameters p = good;
    p.max += (1 - version) << version_place;
    EXPECT_FALSE(unpack(p)) << version;
  }
}

TEST(StoredSpec, HasItsRateHere) {
  const SequenceParameters without = pack({});
  for (const std::uint32_t rate : {1U, 250U, 65'536U, most_ids_per_second}) {
    SequenceParameters p = without;
    p.max -= static_cast<std::int64_t>(rate) << rate_place;
    ASSERT_TRUE(unpack(p)) << rate;
    EXPECT_EQ(unpack(p)->rate_limit, rate);
    EXPECT_EQ(pack({.rate_limit = rate}), p);
  }
  SequenceParameters beyond = without;
  beyond.max -= std::int64_t{most_ids_per_second + 1} << rate_place;
  EXPECT_FALSE(unpack(beyond));
}

TEST(StoredSpec, HasNoBitsBeyondTheVersion) {
  const SequenceParameters good = pack({});
  for (unsigned place = version_place; place < 63; ++place) {
    SequenceParameters p = good;
    p.max -= std::int64_t{1} << place;
    EXPECT_FALSE(unpack(p)) << place;
  }
}

TEST(StoredSpec, IsOfAUnitOfWhichIdsAreMade) {
  const SequenceParameters of_1_ms = pack({});
  for (std::int64_t unit = 0; unit < 65'536; ++unit) {
    SequenceParameters p = of_1_ms;
    p.max -= unit - 1;
    ASSERT_EQ(unpack(p).has_value(), unit == 1 || unit == 10 || unit == 100 || unit == 1000)
        << unit;
  }
}

TEST(StoredSpec, IsOfAnEpochOfWhichIdsAreMade) {
  for (const UnixMs odd : {1, 10, 100, 999}) {
    GeneratorSpec spec{.layout = layout_of({.sequence = 8}, 1000, odd)};
    EXPECT_FALSE(unpack(pack(spec)));
    spec.layout.unit_ms = 1;
    EXPECT_TRUE(unpack(pack(spec)));
  }
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

// What CREATE SEQUENCE demands; and nextval() overflows from whatever value, which is never below 1.
TEST(Spec, IsASequenceThatNextvalCannotMove) {
  std::mt19937_64 random(2);
  for (std::uint64_t round = scaled(100'000); round > 0; --round) {
    const SequenceParameters p = pack(random_spec(random));
    ASSERT_LT(p.min, p.max);
    ASSERT_GE(p.start, p.min);
    ASSERT_LE(p.start, p.max);
    ASSERT_GE(p.cache, 1);
    ASSERT_FALSE(p.cycle);
    ASSERT_GT(p.increment, p.max - 1) << "from 1 on, the next value is past the largest";
  }
}

// The horizon is kept in the extension's own sequence as the smallest standard ID of its millisecond. It must be a
// value that the sequence may have, or a dump could not be restored.
TEST(Spec, EveryHorizonIsAValueOfTheStandardGenerator) {
  const SequenceParameters p = pack({});
  const Id last = standard_layout.encode({.tick = Tick{1} << 40});
  EXPECT_LE(static_cast<std::int64_t>(last), p.max);
  // The very last 19 hours (of 69 years) are not: MAXVALUE has the version in its upper bits.
  const Tick furthest = standard_layout.decode(static_cast<Id>(p.max)).tick;
  EXPECT_GT(furthest, standard_layout.last_tick() - Tick{19} * 3'600'000);
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
  EXPECT_FALSE(unpack(frame(std::numeric_limits<std::int64_t>::min(), largest - 1, 1)));
  EXPECT_FALSE(unpack(frame(std::numeric_limits<std::int64_t>::min(), good.max, good.cache)));
  EXPECT_FALSE(unpack(frame(good.min, -1, good.cache)));
  EXPECT_FALSE(unpack(frame(1, good.max, good.cache)));
  for (auto field : {&SequenceParameters::start, &SequenceParameters::increment})
    for (std::int64_t by : {-1, 1}) {
      SequenceParameters changed = good;
      changed.*field = static_cast<std::int64_t>(static_cast<std::uint64_t>(changed.*field) +
                                                 static_cast<std::uint64_t>(by));
      EXPECT_FALSE(unpack(changed));
    }
}

TEST(Spec, ASequenceThatCyclesIsNone) {
  for (const Golden& each : golden()) {
    SequenceParameters cycling = each.parameters;
    cycling.cycle = true;
    EXPECT_FALSE(unpack(cycling));
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
    ASSERT_TRUE(can_make(spec->layout));
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
