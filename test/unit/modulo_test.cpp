// IDs that are made slowly are spread evenly over what applications divide them by: `id % 16` puts as many rows in each
// of 16 places.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include "core/session.hpp"
#include "unit/fake_clock.hpp"
#include "unit/layouts.hpp"

namespace snowflake::test {
namespace {

constexpr UnixMs start = standard_layout.epoch_ms + 3'600'000;

/// How far counts are from even: about the number of places less 1 if they are even but for chance.
double chi_square(const std::vector<std::uint64_t>& counts, std::uint64_t total) {
  const double expected = static_cast<double>(total) / static_cast<double>(counts.size());
  double sum = 0;
  for (const std::uint64_t count : counts) {
    const double off = static_cast<double>(count) - expected;
    sum += off * off / expected;
  }
  return sum;
}

/// What chance exceeds once in some millions of times (Wilson and Hilferty's approximation, 5 standard deviations).
double limit_of_chance(std::size_t places) {
  const double freedom = static_cast<double>(places) - 1;
  const double part = 2 / (9 * freedom);
  return freedom * std::pow(1 - part + 5 * std::sqrt(part), 3);
}

/// IDs of sessions that make one now and then, after a pause that is up to so much longer by chance.
std::vector<Id> made_slowly(const Layout& layout, std::size_t sessions, std::int64_t pause_ms,
                            std::int64_t longer_ms) {
  FakeClock::start(start);
  auto server = std::make_unique<Server>();
  server->timeline.begin(fake_clocks);
  const Terms terms{.bounds = {.floor = 0, .horizon = std::numeric_limits<UnixMs>::max()},
                    .grant = Grant::for_ever(0)};
  std::vector<Session> all(sessions);
  for (Session& session : all) session.join(*server, layout);
  std::vector<Id> ids;
  std::mt19937_64 random(1);
  while (ids.size() < 50'000) {
    FakeClock::pass_ms(
        pause_ms + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(longer_ms + 1)));
    Session& session = all[random() % sessions];
    if (session.reserve(*server->timeline.now(fake_clocks), terms, 1) == Outcome::ready)
      ids.push_back(session.take(1).first);
  }
  return ids;
}

void expect_even(const std::vector<Id>& ids, std::size_t places) {
  std::vector<std::uint64_t> counts(places);
  for (const Id id : ids) ++counts[id % places];
  EXPECT_LT(chi_square(counts, ids.size()), limit_of_chance(places)) << "modulo " << places;
}

TEST(Modulo, IdsMadeSlowlyAreEven) {
  for (const std::size_t sessions : {1U, 64U})
    for (const std::int64_t longer_ms : {3, 1000}) {
      const std::vector<Id> ids = made_slowly(standard_layout, sessions, 1, longer_ms);
      for (std::size_t places = 2; places <= 64; ++places) expect_even(ids, places);
    }
}

// Also at distances at which a multiplication alone would be uneven. Of places that do not divide 64, some get a tenth
// more if the pauses have that factor, too.
TEST(Modulo, IdsMadeWithRegularPausesAreEvenInPlacesThatAreAPowerOfTwo) {
  for (const std::int64_t pause_ms : {7, 1000, 1024, 987, 1597, 10946}) {
    const std::vector<Id> ids = made_slowly(standard_layout, 1, pause_ms, 0);
    for (std::size_t places = 2; places <= 64; places *= 2) expect_even(ids, places);
  }
}

TEST(Modulo, LayoutsWithoutRoomStartAtZero) {
  const Division division = division_of(layout_of({.sequence = 9}));
  for (Tick tick = 0; tick < 1000; ++tick) EXPECT_EQ(division.first_sequence(tick), 0U);
}

TEST(Modulo, CostsNoMoreThanA64thOfATick) {
  for (std::uint8_t width = 10; width <= 21; ++width) {
    const Division division = division_of(layout_of({.sequence = width}));
    std::uint64_t most = 0;
    for (Tick tick = 0; tick < 10'000; ++tick) most = std::max(most, division.first_sequence(tick));
    EXPECT_EQ(most + 1, std::min<std::uint64_t>(64, division.capacity() / 64));
  }
}

TEST(Modulo, WithoutTheFirstNumberTheyWouldNotBeEven) {
  std::vector<Id> ids = made_slowly(standard_layout, 1, 1, 1000);
  std::vector<std::uint64_t> counts(16);
  for (const Id id : ids) ++counts[(id & ~Id{4095}) % 16];
  EXPECT_GT(chi_square(counts, ids.size()), limit_of_chance(16));
}

}  // namespace
}  // namespace snowflake::test
