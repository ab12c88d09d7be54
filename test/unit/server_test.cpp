// What all sessions share: which layouts meet in a space, and what a reset does to all of them.
#include "core/server.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <utility>
#include <vector>

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

/// A layout of each kind that has cursors of its own, and the standard layout.
std::vector<Layout> kinds() {
  std::vector<Layout> layouts{standard_layout};
  for (const std::int32_t unit_ms : making_units)
    for (std::uint8_t width = 1; width <= fraction_bits_of(unit_ms); ++width)
      layouts.push_back(layout_of({.timestamp = 30, .sequence = width}, unit_ms));
  return layouts;
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
    EXPECT_EQ(server->space_of(copy), server->space_of(preset.layout));
  }
}

TEST(Server, HasASpaceForTheStandardLayoutAlone) {
  const auto server = std::make_unique<Server>();
  const Space standard = server->space_of(standard_layout);
  std::mt19937_64 random(1);
  for (std::uint64_t round = scaled(100'000); round > 0; --round)
    ASSERT_NE(server->space_of(random_making_layout(random)), standard);
}

// Whoever takes short blocks without end would leave no long one to others, in ticks that are released as they pass.
TEST(Server, SharesLongTicksOnlyAmongBlocksOfOneLength) {
  const auto server = std::make_unique<Server>();
  std::map<Worker*, std::pair<std::int32_t, unsigned>> kinds_of_cursors;
  std::mt19937_64 random(2);
  for (std::uint64_t round = scaled(20'000); round > 0; --round) {
    const Layout layout = random_making_layout(random);
    const Space space = server->space_of(layout);
    EXPECT_EQ(space.count(), cursors_of(layout.unit_ms));
    const unsigned block_bits = layout.unit_ms == 1 ? 0 : division_of(layout).block_bits;
    const std::pair kind{layout.unit_ms, block_bits};
    for (unsigned number = 0; number < space.count(); ++number)
      ASSERT_EQ(kinds_of_cursors.try_emplace(&space.worker(number), kind).first->second, kind);
  }
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
  const Request request = request_of(division, start, 1);
  (void)worker.take(request);
  EXPECT_FALSE(server->reset(fake_clocks));
  EXPECT_EQ(worker.blocks_left(request), division.capacity() - 1);
}

// All cursors of all units go where the time begins again, whether they were further or never used.
TEST(ServerReset, PutsAllCursorsToTheBeginningOfASecond) {
  const auto server = running_server();
  server->timeline.raise_floor(start + hour, fake_clocks);
  const UnixMs later = server->timeline.now(fake_clocks)->ms();
  unsigned taken = 0;
  for (const Layout& layout : kinds()) {
    const Division division = division_of(layout);
    const Space space = server->space_of(layout);
    if (++taken % 3 == 2) continue;
    (void)space.worker(taken % space.count())
        .take(request_of(division, later / layout.unit_ms + 1, 3));
  }
  ASSERT_TRUE(server->reset(fake_clocks));
  const UnixMs begin = server->timeline.now(fake_clocks)->ms();
  EXPECT_EQ(begin, start + 500);
  for (const Layout& layout : kinds()) {
    const Division division = division_of(layout);
    const Space space = server->space_of(layout);
    const Tick tick = begin / layout.unit_ms;
    for (unsigned number = 0; number < space.count(); ++number) {
      const Worker& each = space.worker(number);
      EXPECT_EQ(each.blocks_left(request_of(division, tick, 1)), division.capacity() - 1)
          << "all of the tick, but for the one that tells the cursor from older ones";
      EXPECT_EQ(each.blocks_left(request_of(division, tick - 1, 1)), 0U);
    }
  }
}

// What a clock that was right has passed is not used again, in ticks of a second either.
TEST(ServerReset, NeverGoesIntoATickInUse) {
  for (const std::int32_t unit_ms : making_units) {
    const Layout layout = layout_of({.timestamp = 41, .worker = 1, .sequence = 6}, unit_ms);
    const auto server = running_server();
    const Terms terms{.bounds = {.floor = 0, .horizon = start + 2 * hour},
                      .grant = Grant::for_ever(0)};
    Session session;
    session.join(*server, layout);
    ASSERT_EQ(session.reserve(*server->timeline.now(fake_clocks), terms, 1), Outcome::ready);
    const Id used = session.take(1).first;
    server->timeline.raise_floor(start + hour, fake_clocks);
    ASSERT_TRUE(server->reset(fake_clocks));
    FakeClock::pass_ms(unit_ms / 10);  // each cursor has lost a block
    const Instant now = *server->timeline.now(fake_clocks);
    const Terms after{.bounds = {.floor = now.floor, .horizon = start + 2 * hour},
                      .grant = Grant::for_ever(0)};
    ASSERT_EQ(session.reserve(now, after, 1), Outcome::ready);
    EXPECT_GT(layout.decode(session.take(1).first).tick, layout.decode(used).tick);
  }
}

}  // namespace
}  // namespace snowflake::test
