// UUIDs and ULIDs that carry an ID give it back and sort like it; all others are refused.
#include "core/carrier.hpp"

#include <gtest/gtest.h>

#include <random>

#include "core/presets.hpp"
#include "unit/random_layout.hpp"
#include "unit/rounds.hpp"

namespace snowflake::test {
namespace {

bool less(const Bits128& a, const Bits128& b) {
  return a.high != b.high ? a.high < b.high : a.low < b.low;
}

// A layout whose times fit into 48 bits: until the year 10889.
Layout layout_with_time(std::mt19937_64& random) {
  for (;;) {
    const Layout layout =
        random() % 2 == 0 ? presets()[random() % presets().size()].layout : random_layout(random);
    if (layout.time_at(layout.last_tick()) < UnixMs{1} << 48) return layout;
  }
}

static_assert(to_uuid(0, standard_layout) == Bits128{0x01941f297c007000, 0x8000000000000000});
static_assert(to_uuid((Id{1} << 63) - 1, standard_layout).low == 0xbffffffffffff800);
static_assert(from_uuid(to_uuid(42, standard_layout), standard_layout) == 42);
static_assert(to_ulid(0, standard_layout) == Bits128{0x01941f297c000000, 0});

TEST(Carrier, GivesBackTheId) {
  std::mt19937_64 random(1);
  for (std::uint64_t round = scaled(300'000); round > 0; --round) {
    const Layout layout = layout_with_time(random);
    const Id id = random_id(random, layout);
    ASSERT_EQ(from_uuid(to_uuid(id, layout), layout), id);
    ASSERT_EQ(from_ulid(to_ulid(id, layout), layout), id);
  }
}

// RFC 9562, 4.1, 4.2 and 5.7.
TEST(Carrier, IsAUuidOfVersion7) {
  std::mt19937_64 random(2);
  for (std::uint64_t round = scaled(100'000); round > 0; --round) {
    const Layout layout = layout_with_time(random);
    const Id id = random_id(random, layout);
    const Bits128 uuid = to_uuid(id, layout);
    ASSERT_EQ(uuid.high >> 12 & 15, 7U);
    ASSERT_EQ(uuid.low >> 62, 2U);
    ASSERT_EQ(uuid.high >> 16, static_cast<std::uint64_t>(layout.time_at(layout.decode(id).tick)));
    ASSERT_EQ(to_ulid(id, layout).high >> 16, uuid.high >> 16);
  }
}

TEST(Carrier, SortsLikeTheId) {
  std::mt19937_64 random(3);
  for (std::uint64_t round = scaled(300'000); round > 0; --round) {
    const Layout layout = layout_with_time(random);
    const Id a = random_id(random, layout);
    const Id b =
        random() % 2 == 0 ? random_id(random, layout) : a ^ (Id{1} << random() % layout.bits());
    ASSERT_EQ(less(to_uuid(a, layout), to_uuid(b, layout)), a < b);
    ASSERT_EQ(less(to_ulid(a, layout), to_ulid(b, layout)), a < b);
  }
}

// A key with one bit changed is refused, unless it carries the ID with that bit changed.
TEST(Carrier, EachBitCounts) {
  std::mt19937_64 random(4);
  for (std::uint64_t round = scaled(2'000); round > 0; --round) {
    const Layout layout = layout_with_time(random);
    const Id id = random_id(random, layout);
    for (unsigned bit = 0; bit < 128; ++bit) {
      const Bits128 flip{bit < 64 ? 0 : 1ULL << (bit - 64), bit < 64 ? 1ULL << bit : 0};
      const Bits128 uuid{to_uuid(id, layout).high ^ flip.high, to_uuid(id, layout).low ^ flip.low};
      const Bits128 ulid{to_ulid(id, layout).high ^ flip.high, to_ulid(id, layout).low ^ flip.low};
      const auto from_changed_uuid = from_uuid(uuid, layout);
      const auto from_changed_ulid = from_ulid(ulid, layout);
      ASSERT_TRUE(!from_changed_uuid || to_uuid(*from_changed_uuid, layout) == uuid);
      ASSERT_TRUE(!from_changed_ulid || to_ulid(*from_changed_ulid, layout) == ulid);
      ASSERT_FALSE(bit < 11 && from_changed_uuid) << "the zeros at the end";
      ASSERT_FALSE(bit < 17 && from_changed_ulid) << "the zeros at the end";
      ASSERT_FALSE(bit >= 76 && from_changed_uuid) << "time and version";
      ASSERT_FALSE((bit == 62 || bit == 63) && from_changed_uuid) << "variant";
    }
  }
}

TEST(Carrier, RandomKeysCarryNoId) {
  std::mt19937_64 random(5);
  for (std::uint64_t round = scaled(300'000); round > 0; --round) {
    // Also with the current time, which UUIDv7 and ULIDs of other programs have.
    const Id now = standard_layout.encode({.tick = 59'000'000'000});
    const Bits128 uuid{to_uuid(now, standard_layout).high >> 12 << 12 | (random() & 0xfff),
                       std::uint64_t{2} << 62 | random() >> 2};
    const Bits128 ulid{to_ulid(now, standard_layout).high >> 16 << 16 | (random() & 0xffff),
                       random()};
    ASSERT_FALSE(from_uuid(uuid, standard_layout));
    ASSERT_FALSE(from_ulid(ulid, standard_layout));
  }
}

}  // namespace
}  // namespace snowflake::test
