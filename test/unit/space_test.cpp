// How a layout cuts a cursor's time into blocks, when they are released, and who is at home where.
#include "core/space.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <random>

#include "unit/layouts.hpp"
#include "unit/random_layout.hpp"
#include "unit/rounds.hpp"

namespace snowflake::test {
namespace {

constexpr std::int64_t ns_of(UnixMs ms) { return ms * ns_per_ms; }

constexpr Division division(std::int32_t unit_ms, std::uint8_t sequence) {
  return division_of(layout_of({.sequence = sequence}, unit_ms));
}

TEST(Making, TakesFourUnits) {
  for (const std::int32_t unit_ms : {1, 10, 100, 1000})
    EXPECT_TRUE(can_make(layout_of({.sequence = 4}, unit_ms)));
  for (const std::int32_t unit_ms : {0, 2, 5, 20, 99, 101, 500, 2000, 10'000, 60'000})
    EXPECT_FALSE(can_make(layout_of({.sequence = 4}, unit_ms, 0))) << unit_ms;
}

TEST(Making, TakesEpochsThatAreWholeTicksSince1970) {
  constexpr UnixMs twitter = 1288834974657;
  EXPECT_TRUE(can_make(layout_of({.sequence = 4}, 1, twitter)));
  for (const std::int32_t unit_ms : {10, 100, 1000}) {
    EXPECT_FALSE(can_make(layout_of({.sequence = 4}, unit_ms, twitter)));
    EXPECT_FALSE(can_make(layout_of({.sequence = 4}, unit_ms, twitter / 1000 * 1000 + 1)));
    EXPECT_TRUE(can_make(layout_of({.sequence = 4}, unit_ms, twitter / 1000 * 1000)));
  }
}

// The numbers themselves: cursors of other numbers would not be in order with those of a running server.
TEST(Division, HasAsManyFractionsAs64BitsLeave) {
  EXPECT_EQ(fraction_bits_of(1), 21U);
  EXPECT_EQ(fraction_bits_of(10), 24U);
  EXPECT_EQ(fraction_bits_of(100), 27U);
  EXPECT_EQ(fraction_bits_of(1000), 30U);
  for (const std::int32_t unit_ms : making_units) {
    const Division each = division(unit_ms, 12);
    const Tick last = each.tick_at((end_of_making - 1) * ns_per_ms);
    EXPECT_LT(each.begin_of(last), each.end_of(last) - 1) << "no overflow";
    EXPECT_LT(static_cast<std::uint64_t>(last), std::uint64_t{1} << (64 - each.fraction_bits));
  }
}

TEST(Division, CutsATickIntoAsManyBlocksAsThereAreSequenceNumbers) {
  EXPECT_EQ(division_of(standard_layout).capacity(), 4096U);
  EXPECT_EQ(division_of(standard_layout).block_bits, 9U);
  EXPECT_EQ(division(1000, 8).capacity(), 256U);
  EXPECT_EQ(division(1, 0).capacity(), 1U);
  EXPECT_EQ(division(1, 21).capacity(), std::uint64_t{1} << 21);
  EXPECT_EQ(division(1, 30).capacity(), std::uint64_t{1} << 21) << "not more than fractions";
  EXPECT_EQ(division(1, 30).block_bits, 0U);
}

TEST(Division, KnowsWhichSequenceNumberAPositionPaysFor) {
  std::mt19937_64 random(1);
  for (std::uint64_t round = scaled(100'000); round > 0; --round) {
    const Layout layout = random_making_layout(random);
    const Division each = division_of(layout);
    const Tick tick =
        each.tick_at(static_cast<std::int64_t>(between(random, 1, end_of_making - 1)) * ns_per_ms);
    const std::uint64_t sequence = edgy(random, 0, each.capacity() - 1);
    const Position position = each.position_of(tick, sequence);
    ASSERT_EQ(sequence_at(each, position), sequence);
    ASSERT_TRUE(layout.sequence.holds(sequence));
    ASSERT_GE(position, each.begin_of(tick));
    ASSERT_LT(position, each.end_of(tick));
    ASSERT_EQ(each.begin_of(tick) >> each.fraction_bits, static_cast<std::uint64_t>(tick));
    ASSERT_EQ(each.tick_at(each.begin_ms(tick) * ns_per_ms), tick);
    ASSERT_EQ(each.tick_at(each.begin_ms(tick) * ns_per_ms - 1), tick - 1);
  }
}

TEST(Release, OfAMillisecondIsAtOnce) {
  const Division each = division_of(standard_layout);
  for (const std::int64_t ns : {0, 1, 500'000, 999'999})
    EXPECT_EQ(each.released_at(ns_of(5000) + ns), each.end_of(5000));
}

TEST(Release, OfALongerTickIsAsItPasses) {
  const Division each = division(1000, 9);  // 512 blocks a second
  const auto released = [&](std::int64_t ns) {
    return (each.released_at(ns_of(7'000) + ns) - each.begin_of(7)) >> each.block_bits;
  };
  EXPECT_EQ(released(0), 1U) << "nobody waits for the first";
  EXPECT_EQ(released(ns_of(2)), 2U);
  EXPECT_EQ(released(ns_of(125)), 65U);
  EXPECT_EQ(released(ns_of(500)), 257U);
  EXPECT_EQ(released(ns_of(1000) - 1), 512U);
  EXPECT_EQ(each.released_at(ns_of(8'000)), each.position_of(8, 1));
}

TEST(Release, IsProportionalWholeBlocksAndNeverFalls) {
  std::mt19937_64 random(2);
  for (std::uint64_t round = scaled(20'000); round > 0; --round) {
    const Division each = division_of(random_making_layout(random));
    const Tick tick = static_cast<Tick>(between(random, 1, 1'000'000));
    const std::int64_t begin = tick * each.unit_ns();
    const auto into =
        static_cast<std::int64_t>(edgy(random, 0, static_cast<std::uint64_t>(each.unit_ns()) - 1));
    const Position released = each.released_at(begin + into);
    ASSERT_GT(released, each.first_of(tick));
    ASSERT_LE(released, each.end_of(tick));
    ASSERT_EQ(released & ((Position{1} << each.block_bits) - 1), 0U);
    const auto later = static_cast<std::int64_t>(between(
        random, static_cast<std::uint64_t>(into), static_cast<std::uint64_t>(each.unit_ns()) - 1));
    ASSERT_GE(each.released_at(begin + later), released);
    if (each.unit_ms == 1) continue;
    const auto part = static_cast<double>(into) / static_cast<double>(each.unit_ns());
    const auto all = static_cast<double>(each.end_of(tick) - each.first_of(tick));
    const auto block = static_cast<double>(Position{1} << each.block_bits);
    ASSERT_LE(static_cast<double>(released - each.first_of(tick)), part * all + block + 1);
    ASSERT_GE(static_cast<double>(released - each.first_of(tick)), part * all - all / 1e4)
        << "but for a microsecond";
  }
}

TEST(Space, TheEmptiestWorkerIsTheLowestOfEquals) {
  Worker workers[4];
  const Space space(workers, 4);
  EXPECT_EQ(space.emptiest_worker(4), 0U);
  space.worker(0).move_in();
  EXPECT_EQ(space.emptiest_worker(4), 1U);
  for (const unsigned number : {1U, 2U, 3U}) space.worker(number).move_in();
  EXPECT_EQ(space.emptiest_worker(4), 0U);
  space.worker(2).move_out();
  EXPECT_EQ(space.emptiest_worker(4), 2U);
  EXPECT_EQ(space.emptiest_worker(2), 0U) << "of the first two";
}

// Layouts of one unit and any width at one cursor: none is given a sequence number of a tick twice.
TEST(Space, GivesNoSequenceNumberTwiceToLayoutsThatShareIt) {
  std::mt19937_64 random(3);
  for (std::uint64_t round = scaled(5'000); round > 0; --round) {
    Worker worker;
    const std::int32_t unit_ms = making_units[random() % std::size(making_units)];
    struct User {
      Division division;
      std::int64_t next =
          -1;  // the first number that is not used, of ticks and numbers in one line
    };
    std::vector<User> users;
    for (std::uint64_t count = 2 + random() % 3; count > 0; --count)
      users.push_back({division(unit_ms, static_cast<std::uint8_t>(random() % 9))});
    std::int64_t now = 1000 * users[0].division.unit_ns();
    for (unsigned step = 0; step < 60; ++step) {
      now += static_cast<std::int64_t>(random() %
                                       static_cast<std::uint64_t>(users[0].division.unit_ns() / 4));
      User& user = users[random() % users.size()];
      const Tick tick = user.division.tick_at(now);
      const auto range = worker.take(
          request_of(user.division, tick, user.division.released_at(now), 1 + random() % 5));
      if (!range) continue;
      const auto line = [&](std::uint64_t sequence) {
        return tick * static_cast<std::int64_t>(user.division.capacity()) +
               static_cast<std::int64_t>(sequence);
      };
      const std::uint64_t first = sequence_at(user.division, range->begin);
      ASSERT_GE(line(first), user.next);
      user.next = line(first + ((range->end - range->begin) >> user.division.block_bits));
      ASSERT_LE(user.next, line(user.division.capacity()));
    }
  }
}

}  // namespace
}  // namespace snowflake::test
