// Grants: IDs only of ticks that lie wholly in one, whatever is read when; and none that was given back is used again.
#include "core/grant.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

#include "core/published.hpp"
#include "core/session.hpp"
#include "unit/fake_clock.hpp"
#include "unit/layouts.hpp"

namespace snowflake::test {
namespace {

constexpr UnixMs start = 1'800'000'000'000;
constexpr UnixMs far = start + 1'000'000;

class GrantTest : public testing::Test {
 protected:
  GrantTest() {
    FakeClock::start(start);
    server->timeline.begin(fake_clocks);
  }

  Outcome reserve(Session& session, const Grant& grant) {
    const Instant now = *server->timeline.now(fake_clocks, grant.until);
    return session.reserve(now, {.bounds = {.floor = now.floor, .horizon = far}, .grant = grant},
                           1);
  }

  Outcome pinned(Session& session, const Grant& grant, const Pin& pin) {
    const Instant now = *server->timeline.now(fake_clocks, grant.until);
    return session.reserve_pinned(
        now, {.bounds = {.floor = now.floor, .horizon = far}, .grant = grant}, pin, 1);
  }

  std::unique_ptr<Server> server = std::make_unique<Server>();
};

TEST(Grant, CoversWholeTicksOnly) {
  constexpr Grant grant{.node = 1, .from = 999, .until = 2999};
  EXPECT_TRUE(grant.covers(1000, 1000));
  EXPECT_TRUE(grant.covers(2000, 1000));
  EXPECT_FALSE(grant.covers(0, 1000));
  EXPECT_FALSE(grant.covers(3000, 1000));
  constexpr Grant in_the_middle{.node = 1, .from = 1000, .until = 2998};
  EXPECT_FALSE(in_the_middle.covers(1000, 1000));
  EXPECT_FALSE(in_the_middle.covers(2000, 1000));
  EXPECT_TRUE(in_the_middle.covers(1001, 1));
  EXPECT_TRUE(in_the_middle.covers(2998, 1));
  EXPECT_FALSE(in_the_middle.covers(2999, 1));
}

TEST(Grant, EmptyAndForEver) {
  EXPECT_TRUE(Grant{}.is_empty());
  EXPECT_FALSE(Grant::for_ever(3).is_empty());
  EXPECT_TRUE(Grant::for_ever(3).covers(0, 1000));
}

TEST_F(GrantTest, IdsBeginAfterItsBeginningAndEndWithIt) {
  Session session;
  session.join(*server, standard_layout);
  const Grant grant{.node = 7, .from = start, .until = start + 2};
  EXPECT_EQ(reserve(session, grant), Outcome::spent);
  FakeClock::pass_ms(1);
  ASSERT_EQ(reserve(session, grant), Outcome::ready);
  EXPECT_EQ(standard_layout.decode(session.take(1).first).node, 7U);
  FakeClock::pass_ms(1);
  EXPECT_EQ(reserve(session, grant), Outcome::ready);
  FakeClock::pass_ms(1);
  EXPECT_EQ(reserve(session, grant), Outcome::beyond_grant);
}

TEST_F(GrantTest, ALongTickMustLieInItWholly) {
  const Layout layout = layout_of({.timestamp = 33, .node = 3, .sequence = 6}, 1000);
  Session session;
  session.join(*server, layout);
  EXPECT_EQ(reserve(session, {.node = 1, .from = start + 1, .until = far}), Outcome::spent);
  EXPECT_EQ(reserve(session, {.node = 1, .from = start - 1, .until = start + 998}),
            Outcome::beyond_grant);
  EXPECT_EQ(reserve(session, {.node = 1, .from = start - 1, .until = start + 999}), Outcome::ready);
}

TEST_F(GrantTest, AnotherNumberBeginsWithTheNextTick) {
  for (const bool is_pinned : {false, true}) {
    Session session;
    session.join(*server, standard_layout);
    const Pin pin = Session::ordered_pin(standard_layout);
    const auto made = [&](std::uint64_t node) {
      const Grant grant{.node = node, .from = start - 1, .until = far};
      return is_pinned ? pinned(session, grant, pin) : reserve(session, grant);
    };
    ASSERT_EQ(made(9), Outcome::ready);
    const Id last = session.take(1).first;
    session.forget();
    EXPECT_EQ(made(3), Outcome::spent);
    FakeClock::pass_ms(1);
    ASSERT_EQ(made(3), Outcome::ready);
    EXPECT_GT(session.take(1).first, last);
    FakeClock::pass_ms(1);
  }
}

// A clock that is ahead of the grant must not take the time along.
TEST_F(GrantTest, ATimeThatIsNotUsedLeavesNothingBehind) {
  Session session;
  session.join(*server, standard_layout);
  const Grant grant{.node = 7, .from = start - 1, .until = start + 10'000};
  FakeClock::step_ms(900);  // believed at once
  ASSERT_EQ(reserve(session, grant), Outcome::ready);
  server = std::make_unique<Server>();
  FakeClock::step_ms(3'600'000);
  server->timeline.begin(fake_clocks);
  Session ahead;
  ahead.join(*server, standard_layout);
  EXPECT_EQ(reserve(ahead, grant), Outcome::beyond_grant);
  FakeClock::step_ms(-3'600'000);
  EXPECT_EQ(reserve(ahead, grant), Outcome::ready);
  EXPECT_LE(server->timeline.latest(), grant.until);
}

// What was read before the grant was given back, is used after it: in vain.
TEST_F(GrantTest, ASessionThatWasHeldUpTakesNothingOfAGrantThatWasGivenBack) {
  Session session;
  session.join(*server, standard_layout);
  const Instant now = *server->timeline.now(fake_clocks);
  const Terms terms{.bounds = {.floor = 0, .horizon = far}, .grant = {7, start - 1, far}};
  const std::optional<UnixMs> last_used = server->timeline.end_era();
  ASSERT_TRUE(last_used);
  EXPECT_GE(*last_used, now.ms());
  EXPECT_EQ(session.reserve(now, terms, 1), Outcome::spent);
}

// A thread takes as long as it can, another one gives back: nothing is taken of a later time than was told.
TEST_F(GrantTest, NothingIsTakenOfALaterTimeThanWasGivenBack) {
  constexpr Grant grant{7, start - 1, far};
  for (int round = 0; round < 300; ++round) {
    Published<NodeSource> source;
    source.publish({.from_registry = 1, .grant = grant});
    std::atomic<bool> begun = false;
    UnixMs last_taken = 0;
    std::thread taker([&] {
      Session session;
      session.join(*server, standard_layout);
      for (;;) {
        begun = true;
        FakeClock::pass_ns(100'000);
        const std::optional<Instant> now = server->timeline.now(fake_clocks);
        if (!now) continue;
        const Grant known = source.read().grant;
        if (known.is_empty()) return;
        const Terms terms{.bounds = {.floor = 0, .horizon = far}, .grant = known};
        if (session.reserve(*now, terms, 1) != Outcome::ready) continue;
        last_taken = standard_layout.time_at(standard_layout.decode(session.take(1).first).tick);
        session.forget();
      }
    });
    while (!begun) std::this_thread::yield();
    source.publish({.from_registry = 1, .grant = {}});
    const UnixMs last_used = *server->timeline.end_era();
    taker.join();
    EXPECT_LE(last_taken, last_used);
  }
}

}  // namespace
}  // namespace snowflake::test
