// What all sessions share: which layouts meet in a space, and what a reset does to all of them.
#include "core/server.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <random>
#include <set>

#include "core/presets.hpp"
#include "core/session.hpp"
#include "unit/fake_clock.hpp"
#include "unit/layouts.hpp"
#include "unit/random_layout.hpp"
#include "unit/rounds.hpp"

namespace snowflake::test {
namespace {

constexpr UnixMs start = 1'800'000'000'500;  // in the middle of a second
constexpr UnixMs hour = 3'600'000;

unsigned first_of_unit(std::int32_t unit_ms) {
  unsigned first = 1;
  for (std::size_t i = 0; making_units[i] != unit_ms; ++i) first += Server::spaces_of_unit[i];
  return first;
}

std::unique_ptr<Server> running_server() {
  FakeClock::start(start);
  auto server = std::make_unique<Server>();
  server->timeline.begin(fake_clocks);
  return server;
}

TEST(Server, HasOneSpaceForALayoutWhoeverAsks) {
  const auto server = std::make_unique<Server>();
  for (const Preset& preset : presets()) {
    const Layout copy = preset.layout;
    EXPECT_EQ(&server->space_of(copy), &server->space_of(preset.layout));
  }
}

TEST(Server, HasASpaceForTheStandardLayoutAlone) {
  EXPECT_EQ(Server::number_of(standard_layout), 0U);
  std::mt19937_64 random(1);
  for (std::uint64_t round = scaled(100'000); round > 0; --round)
    ASSERT_NE(Server::number_of(random_making_layout(random)), 0U);
}

TEST(Server, HasSpacesOfTheirOwnForEachUnit) {
  std::set<unsigned> used;
  std::mt19937_64 random(2);
  for (unsigned round = 0; round < 10'000; ++round) {
    const Layout layout = random_making_layout(random);
    const unsigned number = Server::number_of(layout);
    const unsigned first = first_of_unit(layout.unit_ms);
    const unsigned unit = layout.unit_ms == 1     ? 0
                          : layout.unit_ms == 10  ? 1
                          : layout.unit_ms == 100 ? 2
                                                  : 3;
    ASSERT_GE(number, first);
    ASSERT_LT(number, first + Server::spaces_of_unit[unit]);
    used.insert(number);
  }
  EXPECT_EQ(used.size(), Server::space_count - 1U) << "all are used";
}

TEST(Server, IsNewWhereMemoryIsZeroed) {
  alignas(Server) static unsigned char memory[sizeof(Server)];
  std::memset(memory, 0, sizeof memory);
  auto& server = *reinterpret_cast<Server*>(memory);
  FakeClock::start(start);
  server.timeline.begin(fake_clocks);
  EXPECT_EQ(server.timeline.now(fake_clocks)->ms(), start);
  EXPECT_EQ(server.timeline.era(), 0U);
}

TEST(ServerReset, DoesNothingIfTheTimeIsNotAhead) {
  const auto server = running_server();
  (void)server->timeline.now(fake_clocks);
  Worker& worker = server->space_of(small_layout).worker(0);
  const Division division = division_of(small_layout);
  const Request request = division.request(start, division.end_of(start), 1);
  (void)worker.take(request);
  EXPECT_FALSE(server->reset(fake_clocks));
  EXPECT_EQ(worker.blocks_left(request), division.capacity() - 1);
}

// All cursors of all units go where the time begins again, whether they were further or never used.
TEST(ServerReset, PutsAllCursorsToTheBeginningOfASecond) {
  const auto server = running_server();
  server->timeline.raise_floor(start + hour, fake_clocks);
  const UnixMs later = server->timeline.now(fake_clocks)->ms();
  for (const std::int32_t unit_ms : making_units)
    for (unsigned number = 0; number < Server::space_count; ++number) {
      const Division division = division_of(layout_of({.sequence = 8}, unit_ms));
      const bool is_mine = number == 0
                               ? unit_ms == 1
                               : number >= first_of_unit(unit_ms) &&
                                     (unit_ms == 1000 || number < first_of_unit(unit_ms * 10));
      if (!is_mine || number % 3 == 2) continue;
      const Tick tick = later / unit_ms + 1;
      ASSERT_TRUE(server->spaces[number]
                      .worker(number % Space::max_workers)
                      .take(division.request(tick, division.end_of(tick), 3)));
    }
  ASSERT_TRUE(server->reset(fake_clocks));
  const UnixMs begin = server->timeline.now(fake_clocks)->ms();
  EXPECT_EQ(begin, start + 500);
  for (unsigned number = 0; number < Server::space_count; ++number) {
    const std::int32_t unit_ms = number == 0 || number < first_of_unit(10) ? 1
                                 : number < first_of_unit(100)             ? 10
                                 : number < first_of_unit(1000)            ? 100
                                                                           : 1000;
    const Division division = division_of(layout_of({.sequence = 8}, unit_ms));
    const Tick tick = begin / unit_ms;
    for (unsigned worker = 0; worker < Space::max_workers; ++worker) {
      Worker& each = server->spaces[number].worker(worker);
      EXPECT_EQ(each.blocks_left(division.request(tick, division.end_of(tick), 1)),
                division.capacity() - 1)
          << "all of the tick, but for the one that tells the cursor from older ones";
      EXPECT_EQ(each.blocks_left(division.request(tick - 1, division.end_of(tick - 1), 1)), 0U);
    }
  }
}

// What a clock that was right has passed is not used again, in ticks of a second either.
TEST(ServerReset, NeverGoesIntoATickInUse) {
  for (const std::int32_t unit_ms : making_units) {
    const Layout layout = layout_of({.timestamp = 41, .worker = 1, .sequence = 6}, unit_ms);
    const auto server = running_server();
    const Terms terms{.bounds = {.floor = 0, .horizon = start + 2 * hour}, .node = 0};
    Session session;
    session.join(*server, layout);
    ASSERT_EQ(session.reserve(*server->timeline.now(fake_clocks), terms, 1), Outcome::ready);
    const Id used = session.take(1).first;
    server->timeline.raise_floor(start + hour, fake_clocks);
    ASSERT_TRUE(server->reset(fake_clocks));
    FakeClock::pass_ms(unit_ms / 10);  // each cursor has lost a block
    const Instant now = *server->timeline.now(fake_clocks);
    const Terms after{.bounds = {.floor = now.floor, .horizon = start + 2 * hour}, .node = 0};
    ASSERT_EQ(session.reserve(now, after, 1), Outcome::ready);
    EXPECT_GT(layout.decode(session.take(1).first).tick, layout.decode(used).tick);
  }
}

}  // namespace
}  // namespace snowflake::test
