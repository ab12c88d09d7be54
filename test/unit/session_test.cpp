// A session hands out rising IDs: of its reservation, then of higher workers, then of the next tick.
#include "core/session.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "unit/fake_clock.hpp"
#include "unit/layouts.hpp"

namespace snowflake::test {
namespace {

constexpr UnixMs no_horizon = std::numeric_limits<UnixMs>::max();
constexpr UnixMs hour = 3'600'000;
constexpr std::uint64_t all_there_is = 1'000'000'000;
constexpr Layout sharing_layout = layout_of({.worker = 2, .sequence = 8 + 1});
constexpr Layout slow_layout = layout_of({.node = 3, .worker = 2, .sequence = 3}, 1000);

/// A server at the beginning of tick 1000 of a layout.
class SessionTest : public testing::Test {
 protected:
  explicit SessionTest(const Layout& its_layout = small_layout) : layout(its_layout) {
    begin_at(1000);
  }

  /// Begins the server anew.
  void begin_at(Tick tick) {
    FakeClock::start(layout.time_at(tick));
    server = std::make_unique<Server>();
    server->timeline.begin(fake_clocks);
  }

  void pass_ticks(Tick ticks) { FakeClock::pass_ms(ticks * layout.unit_ms); }
  Instant now() { return *server->timeline.now(fake_clocks); }
  /// How many sequence numbers are used of a tick of the layout, and the first of them.
  std::uint64_t numbers_of(Tick tick) { return layout.capacity() - first_number(tick); }
  std::uint64_t first_number(Tick tick) {
    const Division division = division_of(layout);
    return division.first_sequence(tick + division.epoch);
  }
  Worker& worker(unsigned number) { return server->space_of(layout).worker(number); }

  Request whole(Tick tick, std::uint64_t count) const {
    const Division division = division_of(layout);
    const Tick unix_tick = division.tick_at(layout.time_at(tick) * ns_per_ms);
    return request_of(division, unix_tick, count);
  }

  Session joined() {
    Session session;
    session.join(*server, layout);
    return session;
  }

  std::vector<Session> many_joined(std::size_t count) {
    std::vector<Session> sessions(count);
    for (Session& session : sessions) session.join(*server, layout);
    return sessions;
  }

  Outcome reserve(Session& session, std::uint64_t count = 1) {
    return session.reserve(now(), terms, count);
  }

  /// The next ID as parts; the reservation must succeed.
  Parts make(Session& session) {
    EXPECT_EQ(reserve(session), Outcome::ready);
    return layout.decode(session.take(1).first);
  }

  std::uint64_t reservation_size(Session& session, std::uint64_t count = 1) {
    EXPECT_EQ(reserve(session, count), Outcome::ready);
    return session.take(std::numeric_limits<std::uint64_t>::max()).count;
  }

  void use_up(Session& session, unsigned workers) {
    for (unsigned i = 0; i < workers; ++i) reservation_size(session);
  }

  const Layout& layout;
  Terms terms{.bounds = {.floor = 0, .horizon = no_horizon}, .grant = Grant::for_ever(3)};
  std::unique_ptr<Server> server;
};

class SharingTest : public SessionTest {
 protected:
  SharingTest() : SessionTest(sharing_layout) { terms.grant.node = 0; }
};

/// In the middle of a tick that lasts half a second more.
class FreshTest : public SessionTest {
 protected:
  FreshTest() : SessionTest(slow_layout) { FakeClock::pass_ms(500); }
};

/// Of a unit of which a tick is released as it passes: 8 IDs a second.
class SlowTest : public SessionTest {
 protected:
  SlowTest() : SessionTest(slow_layout) {}
};

using NodeTest = SessionTest;
using BoundsTest = SessionTest;
using PinnedTest = SessionTest;
using ResetTest = SessionTest;
using SessionAtEndOfTime = SessionTest;
using SessionAndClock = SessionTest;
using FreshPinnedTest = FreshTest;

TEST_F(SessionTest, HandsOutNothingBeforeItHasJoined) {
  Session session;
  Id id = 42;
  EXPECT_FALSE(session.joined());
  EXPECT_FALSE(session.fresh());
  EXPECT_FALSE(session.next(id));
  EXPECT_EQ(id, 42U);
  EXPECT_FALSE(session.last());
  session.leave();
  session.forget();
  EXPECT_FALSE(session.joined());
}

TEST_F(SessionTest, MakesIdsOfTheClocksTickItsNodeAndItsHome) {
  Session first = joined(), second = joined();
  EXPECT_EQ(make(first), (Parts{.tick = 1000, .node = 3, .worker = 0, .sequence = 0}));
  EXPECT_EQ(make(first), (Parts{.tick = 1000, .node = 3, .worker = 0, .sequence = 1}));
  EXPECT_EQ(make(second), (Parts{.tick = 1000, .node = 3, .worker = 1, .sequence = 0}));
  pass_ticks(1);
  EXPECT_EQ(make(second), (Parts{.tick = 1001, .node = 3, .worker = 1, .sequence = 0}));
}

TEST_F(SessionTest, RemembersTheLastIdHandedOut) {
  Session session = joined();
  ASSERT_EQ(reserve(session), Outcome::ready);
  EXPECT_FALSE(session.last()) << "reserved is not handed out";
  const snowflake::Run run = session.take(3);
  EXPECT_EQ(session.last(), run.first + 2);
  pass_ticks(1);
  ASSERT_EQ(reserve(session), Outcome::ready);
  EXPECT_EQ(session.last(), run.first + 2);
  const Id next = session.take(1).first;
  EXPECT_EQ(session.last(), next);
  session.forget();
  EXPECT_EQ(session.last(), next);
  session.leave();
  EXPECT_EQ(session.last(), next);
}

TEST_F(SessionTest, GoesOnWithHigherWorkersUntilAllIsSpent) {
  Session session = joined();
  std::vector<Id> ids;
  while (ids.size() < 100 && reserve(session) == Outcome::ready)
    ids.push_back(session.take(1).first);
  EXPECT_EQ(reserve(session), Outcome::spent);
  ASSERT_EQ(ids.size(), 16U) << "all that four workers have";
  EXPECT_TRUE(std::ranges::is_sorted(ids));
  EXPECT_EQ(layout.decode(ids.back()),
            (Parts{.tick = 1000, .node = 3, .worker = 3, .sequence = 3}));
  pass_ticks(1);
  EXPECT_EQ(make(session).tick, 1001);
}

TEST_F(SessionTest, NeverGoesOnWithALowerWorkerInTheSameTick) {
  Session low = joined(), high = joined();
  EXPECT_EQ(make(high).worker, 1U);
  use_up(high, 3);
  EXPECT_EQ(reserve(high), Outcome::spent) << "worker 0 has some, but they are smaller";
  EXPECT_EQ(make(low).worker, 0U);
}

TEST_F(SessionTest, BeginsAtTheLowestWorkerAfterATickThatWasNotEnough) {
  Session low = joined(), high = joined();
  EXPECT_EQ(make(low).worker, 0U);
  use_up(high, 3);
  EXPECT_EQ(reserve(high), Outcome::spent);
  pass_ticks(1);
  EXPECT_EQ(make(high).worker, 0U);
  pass_ticks(1);
  EXPECT_EQ(make(high).worker, 1U) << "then at home again";
}

TEST_F(SessionTest, BulkBeginsAtTheLowestWorker) {
  [[maybe_unused]] Session low = joined();
  Session high = joined();
  ASSERT_EQ(reserve(high, 1000), Outcome::ready);
  EXPECT_EQ(layout.decode(high.take(1000).first).worker, 0U);
  pass_ticks(1);
  ASSERT_EQ(reserve(high, 4), Outcome::ready);
  EXPECT_EQ(layout.decode(high.take(4).first).worker, 1U) << "what one worker holds is no bulk";
}

TEST_F(SessionTest, TakesAHomeWithTheFewestTenants) {
  std::vector<Session> sessions(9);
  for (unsigned i = 0; i < 9; ++i) {
    sessions[i].join(*server, layout);
    EXPECT_EQ(make(sessions[i]).worker, i % 3) << "the last is nobody's home";
    sessions[i].forget();
    pass_ticks(1);
  }
  sessions[1].leave();
  Session next = joined();
  EXPECT_EQ(make(next).worker, 1U);
}

TEST_F(SessionTest, GivesBackWhatItHasNotUsedWhenItLeaves) {
  Session session = joined();
  EXPECT_EQ(make(session).sequence, 0U);
  session.leave();
  EXPECT_FALSE(session.joined());
  Session next = joined();
  EXPECT_EQ(make(next), (Parts{.tick = 1000, .node = 3, .worker = 0, .sequence = 1}));
}

TEST_F(SessionTest, StillRisesWhenItJoinsAgain) {
  Session other = joined(), session = joined();
  const Parts before = make(session);
  session.leave();
  other.leave();
  session.join(*server, layout);  // at home on worker 0 now
  EXPECT_GT(layout.encode(make(session)), layout.encode(before));
}

TEST_F(SessionTest, KeepsAGoodReservationWhenAskedAgain) {
  Session session = joined();
  EXPECT_EQ(make(session).sequence, 0U);
  EXPECT_EQ(make(session).sequence, 1U);
  session.forget();
  EXPECT_EQ(make(session).worker, 1U) << "what was forgotten is lost";
}

TEST_F(SharingTest, AloneItTakesTheWholeTick) {
  Session session = joined();
  EXPECT_EQ(reservation_size(session), 512U);
  EXPECT_EQ(reservation_size(session), 512U) << "the next worker is nobody's home";
}

TEST_F(SharingTest, SharingItTakesALittleThenTwiceAsMuch) {
  std::vector<Session> sessions = many_joined(4);  // three homes
  for (const std::uint64_t share : {2U, 4U, 8U}) EXPECT_EQ(reservation_size(sessions[0]), share);
  EXPECT_EQ(reservation_size(sessions[3]), 2U);
  EXPECT_EQ(reservation_size(sessions[1]), 512U) << "alone at home";
  pass_ticks(1);
  EXPECT_EQ(reservation_size(sessions[0]), 2U) << "each tick anew";
}

TEST_F(SharingTest, ManyWhoWantOneIdFindOne) {
  std::vector<Session> sessions = many_joined(3 * 256);
  for (Session& session : sessions) make(session);
}

TEST_F(SharingTest, BulkLeavesHalfOfAWorkerThatOthersUse) {
  std::vector<Session> sessions = many_joined(4);
  EXPECT_EQ(reservation_size(sessions[0], 125), 125U);
  EXPECT_EQ(reservation_size(sessions[3], 500), 194U) << "half of what is left";
  EXPECT_EQ(reservation_size(sessions[3], 500), 256U) << "then of the next one";
}

TEST_F(SharingTest, TakesNoMoreThanHalfInAMillisecond) {
  std::vector<Session> sessions = many_joined(4);
  std::uint64_t taken = 0;
  for (unsigned i = 0; i < 100; ++i) {
    ASSERT_EQ(reserve(sessions[0]), Outcome::ready);
    const snowflake::Run run = sessions[0].take(all_there_is);
    if (layout.decode(run.first).worker == 0) taken += run.count;
    if (layout.decode(run.first).worker > 0) break;
  }
  EXPECT_EQ(taken, 256U);
  EXPECT_EQ(worker(0).blocks_left(whole(1000, 1)), 256U);
}

TEST(OneWorker, IsNeverTakenWhole) {
  static constexpr Layout layout = layout_of({.sequence = 12});
  FakeClock::start(layout.time_at(1000));
  Server server;
  server.timeline.begin(fake_clocks);
  Session session;
  session.join(server, layout);
  const Terms terms{.bounds = {.floor = 0, .horizon = no_horizon}, .grant = Grant::for_ever(0)};
  for (const std::uint64_t share : {16U, 32U, 64U}) {
    ASSERT_EQ(session.reserve(*server.timeline.now(fake_clocks), terms, 1), Outcome::ready);
    EXPECT_EQ(session.take(4096).count, share);
  }
}

TEST_F(SlowTest, ATickIsReleasedAsItPasses) {
  Session session = joined();
  EXPECT_EQ(make(session), (Parts{.tick = 1000, .node = 3, .worker = 0, .sequence = 0}));
  for (unsigned number = 1; number < 4; ++number) EXPECT_EQ(make(session).worker, number);
  EXPECT_EQ(reserve(session), Outcome::spent) << "of each worker the first";
  FakeClock::pass_ms(125);
  EXPECT_EQ(make(session), (Parts{.tick = 1000, .node = 3, .worker = 3, .sequence = 1}));
  EXPECT_EQ(reserve(session), Outcome::spent);
  FakeClock::pass_ms(875);
  EXPECT_EQ(make(session), (Parts{.tick = 1001, .node = 3, .worker = 0, .sequence = 0}));
}

TEST_F(SlowTest, ItsPauseIsAMillisecondOrUntilTheTickEnds) {
  const Session session = joined();
  EXPECT_EQ(session.pause_ns(now()), ns_per_ms);
  FakeClock::pass_ns(999'400'000);
  EXPECT_EQ(session.pause_ns(now()), 600'000);
  FakeClock::step_ms(-5);
  EXPECT_EQ(session.pause_ns(now()), 2 * ns_per_ms)
      << "at half speed, from the beginning of the millisecond";
}

// Three that want everything and one that wants an ID now and then, at one worker. They come in any order, as often as
// they are allowed to: after `spent`, when their pause is over.
class FairnessTest : public testing::TestWithParam<std::int32_t> {};

TEST_P(FairnessTest, AVictimAmongFloodsGetsItsIdSoon) {
  const Layout layout = layout_of({.sequence = 5}, GetParam());
  std::mt19937_64 random(1);
  FakeClock::start(layout.time_at(1000));
  Server server;
  server.timeline.begin(fake_clocks);
  const Terms terms{.bounds = {.floor = 0, .horizon = no_horizon}, .grant = Grant::for_ever(0)};
  std::vector<Session> sessions(4);
  for (Session& session : sessions) session.join(server, layout);
  std::vector<std::int64_t> may_ask(4, 0);  // time since boot
  std::int64_t asks_since = FakeClock::boot_ns();
  std::int64_t longest_ns = 0;
  std::uint64_t made = 0;
  const std::int64_t slice = layout.unit_ms * ns_per_ms / 50;
  for (std::uint64_t turn = 0; turn < 20'000; ++turn) {
    FakeClock::pass_ns(static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(slice)));
    const std::size_t who = random() % 4;
    const bool is_victim = who == 0;
    if (FakeClock::boot_ns() < may_ask[who]) continue;
    const Instant now = *server.timeline.now(fake_clocks);
    const Outcome outcome = sessions[who].reserve(now, terms, is_victim ? 1 : 1000);
    if (outcome == Outcome::spent) {
      may_ask[who] = FakeClock::boot_ns() + sessions[who].pause_ns(now);
      continue;
    }
    ASSERT_EQ(outcome, Outcome::ready);
    made += sessions[who].take(is_victim ? 1 : 1000).count;
    if (!is_victim) continue;
    longest_ns = std::max(longest_ns, FakeClock::boot_ns() - asks_since);
    sessions[who].forget();
    may_ask[who] = FakeClock::boot_ns() + layout.unit_ms * ns_per_ms;
    asks_since = may_ask[who];
  }
  EXPECT_LT(longest_ns, 3 * layout.unit_ms * ns_per_ms);
  EXPECT_GT(made, 1000U);
}

INSTANTIATE_TEST_SUITE_P(Units, FairnessTest, testing::Values(1, 10, 100, 1000));

TEST_F(FreshTest, WhileTheTickLastsNextAsksNobody) {
  Session session = joined();
  ASSERT_EQ(reserve(session), Outcome::ready);
  if (!session.fresh()) GTEST_SKIP() << "no usable cycle counter";
  for (unsigned i = 0; i < 5; ++i) {
    Id id;
    ASSERT_TRUE(session.next(id));
    EXPECT_EQ(layout.decode(id).sequence, i);
    EXPECT_EQ(session.last(), id);
  }
  Id id;
  EXPECT_FALSE(session.next(id)) << "used up";
}

TEST_F(FreshTest, ACounterThatJumpsEndsTheReservation) {
  for (const std::uint64_t jump :
       {std::uint64_t{1} << 62, std::uint64_t{1} << 63, ~std::uint64_t{0} << 61}) {
    Session session = joined();
    Instant instant = now();
    instant.cycles += jump;
    ASSERT_EQ(session.reserve(instant, terms, 1), Outcome::ready);
    EXPECT_FALSE(session.fresh());
    session.leave();
  }
}

TEST_F(SessionTest, TheReservationEndsWithTheTick) {
  Session session = joined();
  ASSERT_EQ(reserve(session), Outcome::ready);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (session.fresh() && std::chrono::steady_clock::now() < end) {
  }
  EXPECT_FALSE(session.fresh()) << "a millisecond has lasted ten seconds";
}

TEST_F(NodeTest, AnotherNodeWaitsForTheNextTick) {
  for (const std::uint64_t node : {2U, 5U}) {
    Session session = joined();
    make(session);
    terms.grant.node = node;
    EXPECT_EQ(reserve(session), Outcome::spent);
    pass_ticks(1);
    EXPECT_EQ(make(session).node, node);
    session.leave();
  }
}

TEST_F(NodeTest, AnotherNodeDoesNotWaitForOneWhoMadeNoneInThisTick) {
  Session session = joined();
  make(session);
  pass_ticks(1);
  terms.grant.node = 2;
  EXPECT_EQ(make(session).node, 2U);
}

TEST_F(PinnedTest, SessionsTakeTurnsInTheOrderOfTheirCalls) {
  const Pin pin = Session::ordered_pin(layout);
  std::vector<Session> sessions = many_joined(4);
  for (unsigned i = 0; i < 4; ++i) {
    ASSERT_EQ(sessions[i].reserve_pinned(now(), terms, pin, 1), Outcome::ready);
    EXPECT_EQ(layout.decode(sessions[i].take(1).first),
              (Parts{.tick = 1000, .node = 3, .worker = 3, .sequence = i}));
    EXPECT_FALSE(sessions[i].fresh()) << "nothing is kept for later";
  }
  EXPECT_EQ(sessions[0].reserve_pinned(now(), terms, pin, 1), Outcome::spent);
}

TEST_F(PinnedTest, AnotherNodeWaitsForTheNextTick) {
  const Pin pin = Session::ordered_pin(layout);
  Session session = joined();
  ASSERT_EQ(session.reserve_pinned(now(), terms, pin, 1), Outcome::ready);
  (void)session.take(1);
  terms.grant.node = 4;
  EXPECT_EQ(session.reserve_pinned(now(), terms, pin, 1), Outcome::spent);
  pass_ticks(1);
  ASSERT_EQ(session.reserve_pinned(now(), terms, pin, 1), Outcome::ready);
  EXPECT_EQ(layout.decode(session.take(1).first).node, 4U);
}

TEST_F(FreshPinnedTest, WhileTheTickLastsNextAsksTheCursorOnly) {
  const Pin pin = Session::ordered_pin(layout);
  std::vector<Session> sessions = many_joined(2);
  Id id = 0;
  for (Session& session : sessions) {
    EXPECT_FALSE(session.next_pinned(pin, id));
    ASSERT_EQ(session.reserve_pinned(now(), terms, pin, 1), Outcome::ready);
    id = session.take(1).first;
  }
  for (Id before = id; sessions[before % 2].next_pinned(pin, id); before = id)
    EXPECT_EQ(id, before + 1);
  EXPECT_EQ(layout.decode(id).sequence, cycles() == 0 ? 1 : 4);
}

TEST_F(FreshPinnedTest, RemembersTheLastIdAndKeepsNoOther) {
  const Pin pin = Session::ordered_pin(layout);
  Session session = joined();
  ASSERT_EQ(session.reserve_pinned(now(), terms, pin, 1), Outcome::ready);
  Id id = session.take(1).first;
  if (!session.next_pinned(pin, id)) {
    EXPECT_EQ(cycles(), 0U);
  }
  EXPECT_EQ(session.last(), id);
  EXPECT_FALSE(session.next(id));
}

TEST_F(FreshPinnedTest, OneThatKnowsALaterTickDoesNotUseItsOwn) {
  const Pin pin = Session::ordered_pin(layout);
  std::vector<Session> sessions = many_joined(2);
  ASSERT_EQ(sessions[0].reserve_pinned(now(), terms, pin, 1), Outcome::ready);
  (void)sessions[0].take(1);
  FakeClock::pass_ms(500);
  ASSERT_EQ(reserve(sessions[1]), Outcome::ready);
  Id id = 0;
  EXPECT_FALSE(sessions[0].next_pinned(pin, id));
}

TEST_F(FreshPinnedTest, OneThatHasLeftHandsOutNothing) {
  const Pin pin = Session::ordered_pin(layout);
  Session session = joined();
  ASSERT_EQ(session.reserve_pinned(now(), terms, pin, 1), Outcome::ready);
  const Id last = session.take(1).first;
  session.leave();
  Id id = 0;
  EXPECT_FALSE(session.next_pinned(pin, id));
  EXPECT_EQ(session.last(), last);
}

TEST_F(FreshPinnedTest, HandsOutNothingAfterAReset) {
  const Pin pin = Session::ordered_pin(layout);
  Session session = joined();
  server->timeline.skip_past(now().ms() + hour, fake_clocks);
  ASSERT_EQ(session.reserve_pinned(now(), terms, pin, 1), Outcome::ready);
  (void)session.take(1);
  ASSERT_TRUE(server->reset(fake_clocks));
  Id id = 0;
  EXPECT_FALSE(session.next_pinned(pin, id));
}

class StandardSessionTest : public SessionTest {
 protected:
  StandardSessionTest() : SessionTest(standard_layout) { terms.grant.node = 0; }
};

TEST_F(StandardSessionTest, OrderGoesFromTheFirstCursorThatIsNobodysHomeToTheLast) {
  std::vector<Session> sessions = many_joined(40);
  const Pin pin = Session::ordered_pin(layout);
  EXPECT_EQ(pin.first_cursor, 24U);
  EXPECT_EQ(pin.last_cursor, 31U);
  Id before = 0;
  std::uint64_t made = 0;
  for (std::size_t turn = 0; made < 8 * numbers_of(1000); ++turn) {
    Session& session = sessions[turn % sessions.size()];
    ASSERT_EQ(session.reserve_pinned(now(), terms, pin, 100), Outcome::ready);
    const snowflake::Run run = session.take(100);
    EXPECT_GT(run.first, before);
    before = run.first + run.count - 1;
    made += run.count;
  }
  EXPECT_EQ(layout.decode(before), (Parts{.tick = 1000, .worker = 31, .sequence = 4095}));
  EXPECT_EQ(sessions[0].reserve_pinned(now(), terms, pin, 100), Outcome::spent);
}

TEST_F(StandardSessionTest, OrderedBulkLeavesHalfOfACursorAtOnce) {
  Session session = joined();
  const Pin pin = Session::ordered_pin(layout);
  ASSERT_EQ(session.reserve_pinned(now(), terms, pin, all_there_is), Outcome::ready);
  EXPECT_EQ(session.take(all_there_is).count, (numbers_of(1000) + 1) / 2);
  ASSERT_EQ(session.reserve_pinned(now(), terms, pin, all_there_is), Outcome::ready);
  EXPECT_EQ(session.take(all_there_is).count, 1U) << "then one by one";
  pass_ticks(1);
  ASSERT_EQ(session.reserve_pinned(now(), terms, pin, all_there_is), Outcome::ready);
  EXPECT_EQ(session.take(all_there_is).count, (numbers_of(1001) + 1) / 2);
}

class WideSessionTest : public SessionTest {
 protected:
  static constexpr Layout wide = layout_of({.worker = 3, .sequence = 2});
  WideSessionTest() : SessionTest(wide) { terms.grant.node = 0; }
};

TEST_F(WideSessionTest, OrderFindsNothingAgainInACursorThatWasSpent) {
  const Pin pin = Session::ordered_pin(layout);
  Session ordered = joined(), other = joined();
  do {
    ASSERT_EQ(reserve(other), Outcome::ready);
  } while (layout.decode(other.take(1).first).worker < pin.first_cursor);
  ASSERT_EQ(ordered.reserve_pinned(now(), terms, pin, 1), Outcome::ready);
  const Id before = ordered.take(1).first;
  ASSERT_GT(layout.decode(before).worker, pin.first_cursor) << "the other has taken all of that";
  other.leave();
  ASSERT_EQ(ordered.reserve_pinned(now(), terms, pin, 1), Outcome::ready);
  EXPECT_GT(ordered.take(1).first, before);
}

class ShardedSessionTest : public SessionTest {
 protected:
  static constexpr Layout sharded{.timestamp = {.shift = 23, .width = 40},
                                  .shard = {.shift = 10, .width = 13},
                                  .sequence = {.shift = 0, .width = 10},
                                  .epoch_ms = standard_layout.epoch_ms};
  ShardedSessionTest() : SessionTest(sharded) { terms.grant.node = 0; }
};

TEST_F(ShardedSessionTest, ShardsShareACursorButNoId) {
  Session session = joined();
  for (std::uint64_t i = 0; i < 3; ++i) {
    const Pin pin{.first_cursor = 5, .last_cursor = 5, .shard = 5 + 32 * i};
    ASSERT_EQ(session.reserve_pinned(now(), terms, pin, 1), Outcome::ready);
    EXPECT_EQ(layout.decode(session.take(1).first),
              (Parts{.tick = 1000, .shard = 5 + 32 * i, .sequence = first_number(1000) + i}));
  }
}

class OddSessionTest : public SessionTest {
 protected:
  static constexpr Layout odd{.timestamp = {.shift = 24, .width = 39},
                              .node = {.shift = 0, .width = 16},
                              .sequence = {.shift = 16, .width = 8},
                              .unit_ms = 10,
                              .epoch_ms = standard_layout.epoch_ms};
  OddSessionTest() : SessionTest(odd) { terms.grant.node = 777; }
};

TEST_F(OddSessionTest, ASequenceAboveOtherFieldsCountsInItsOwnSteps) {
  FakeClock::pass_ns(9'999'999);
  Session session = joined();
  for (std::uint64_t sequence = 0; sequence < 256; ++sequence) {
    ASSERT_EQ(reserve(session), Outcome::ready);
    const snowflake::Run one = session.take(1);
    EXPECT_EQ(layout.decode(one.first), (Parts{.tick = 1000, .node = 777, .sequence = sequence}));
    EXPECT_EQ(one.step, Id{1} << 16);
    EXPECT_EQ(session.last(), one.first);
  }
  EXPECT_EQ(reserve(session), Outcome::spent);
}

TEST_F(BoundsTest, MakesNothingPastTheHorizon) {
  Session session = joined();
  terms.bounds.horizon = layout.time_at(1000);
  EXPECT_EQ(make(session).tick, 1000);
  pass_ticks(1);
  EXPECT_EQ(reserve(session), Outcome::beyond_horizon);
  terms.bounds.horizon = layout.time_at(1001);
  EXPECT_EQ(make(session).tick, 1001);
}

TEST_F(BoundsTest, MakesNothingPastTheHorizonAheadOfTheClock) {
  Session session = joined();
  terms.bounds.horizon = layout.time_at(1002);
  make(session);
  FakeClock::step_ms(-100);
  Outcome outcome = Outcome::ready;
  for (unsigned i = 0; i < 1000 && outcome != Outcome::beyond_horizon; ++i) {
    outcome = reserve(session, 100);
    if (outcome == Outcome::ready) (void)session.take(100);
    if (outcome == Outcome::spent) FakeClock::pass_ms(1);
  }
  EXPECT_EQ(outcome, Outcome::beyond_horizon);
  EXPECT_EQ(layout.decode(*session.last()).tick, 1002);
}

TEST_F(BoundsTest, MakesNothingOfTicksThatBeginUpToTheFloor) {
  Session session = joined();
  for (const UnixMs floor : {layout.time_at(1001), layout.time_at(1000)}) {
    terms.bounds.floor = floor;
    EXPECT_EQ(reserve(session), Outcome::spent);
  }
  terms.bounds.floor = layout.time_at(1000) - 1;
  EXPECT_EQ(reserve(session), Outcome::ready);
}

// Part of the tick may have been used: it is waited out, although the time is past the floor.
TEST_F(SlowTest, MakesNothingOfATickInWhichTheFloorLies) {
  Session session = joined();
  FakeClock::pass_ms(400);
  server->timeline.raise_floor(layout.time_at(1000), fake_clocks);
  const auto reserve_within_bounds = [&] {
    const Instant instant = now();
    return session.reserve(
        instant,
        {.bounds = {.floor = instant.floor, .horizon = no_horizon}, .grant = Grant::for_ever(3)},
        1);
  };
  EXPECT_EQ(reserve_within_bounds(), Outcome::spent);
  FakeClock::pass_ms(599);
  EXPECT_EQ(reserve_within_bounds(), Outcome::spent);
  FakeClock::pass_ms(1);
  EXPECT_EQ(reserve_within_bounds(), Outcome::ready);
}

TEST_F(SessionAndClock, SetBackItGoesOnAtOnce) {
  for (const UnixMs back : {UnixMs{5}, UnixMs{500}, hour}) {
    Session session = joined();
    const Id before = layout.encode(make(session));
    FakeClock::step_ms(-back);
    EXPECT_EQ(layout.encode(make(session)), before + 1) << "uses what is left";
    while (reserve(session) == Outcome::ready) (void)session.take(all_there_is);
    FakeClock::pass_ns(session.pause_ns(now()));
    EXPECT_EQ(make(session).tick, layout.decode(before).tick + 1) << "no stall";
    session.leave();
    FakeClock::pass_ms(3 * back);
  }
}

TEST_F(SessionAndClock, ErrorsLeaveTheSessionAsItWas) {
  begin_at(-10);
  Session session = joined();
  EXPECT_EQ(reserve(session), Outcome::before_epoch);
  EXPECT_FALSE(session.last());
  FakeClock::pass_ms(9);
  EXPECT_EQ(reserve(session), Outcome::before_epoch);
  FakeClock::pass_ms(1);
  EXPECT_EQ(make(session).tick, 0);
}

TEST_F(SessionAndClock, WhatIsSkippedIsSmallerThanAllThatFollows) {
  Session session = joined();
  make(session);
  const Id seen = layout.encode({.tick = 1300, .node = 7, .worker = 3, .sequence = 3});
  server->timeline.skip_past(layout.time_at(1300), fake_clocks);
  EXPECT_GT(layout.encode(make(session)), seen);
}

// What was taken before a reset is free after it: whoever took it must not think that it is still his when the clock
// comes to that tick again.
TEST_F(ResetTest, EndsTheReservationsOfAllSessions) {
  const Tick ahead = 1000 + hour;
  Session before = joined();
  server->timeline.skip_past(layout.time_at(ahead) - 1, fake_clocks);
  EXPECT_EQ(make(before).tick, ahead);
  ASSERT_TRUE(server->reset(fake_clocks));
  FakeClock::pass_ms(layout.time_at(ahead) - FakeClock::wall_ms());
  ASSERT_TRUE(worker(0).take(whole(ahead, 2)));
  EXPECT_EQ(make(before).sequence, 2U);
}

TEST_F(ResetTest, NothingOfBeforeIsGivenBackAfterIt) {
  const Tick ahead = 1000 + hour;
  Session before = joined();
  server->timeline.skip_past(layout.time_at(ahead) - 1, fake_clocks);
  make(before);
  ASSERT_TRUE(server->reset(fake_clocks));
  ASSERT_TRUE(worker(0).take(whole(ahead, 4)));
  before.leave();
  EXPECT_FALSE(worker(0).take(whole(ahead, 1)));
}

// One that was held up between reading the time and reserving, for longer than the operator waits.
TEST_F(ResetTest, NothingIsMadeOfATimeThatWasReadBeforeIt) {
  Session reserved = joined(), fresh = joined();
  server->timeline.skip_past(now().ms() + hour, fake_clocks);
  make(reserved);
  const Instant old = now();
  ASSERT_TRUE(server->reset(fake_clocks));
  EXPECT_EQ(reserved.reserve(old, terms, 1), Outcome::spent) << "not even of what it has";
  EXPECT_EQ(fresh.reserve(old, terms, 1), Outcome::spent);
  EXPECT_EQ(fresh.reserve_pinned(old, terms, Session::ordered_pin(layout), 1), Outcome::spent);
  EXPECT_EQ(reserve(reserved), Outcome::ready);
  EXPECT_EQ(reserve(fresh), Outcome::ready);
}

TEST_F(SessionAtEndOfTime, AllIdsOfTheLastTickAreGood) {
  terms.grant.node = layout.node.max();
  begin_at(layout.last_tick());
  Session session = joined();
  use_up(session, 4);
  const Id greatest =
      layout.encode({.tick = layout.last_tick(), .node = 7, .worker = 3, .sequence = 3});
  EXPECT_EQ(session.last(), greatest);
  EXPECT_EQ(reserve(session), Outcome::spent);
  pass_ticks(1);
  EXPECT_EQ(reserve(session), Outcome::out_of_time);
  EXPECT_EQ(session.last(), greatest) << "never wraps";
}

TEST(SessionAtTheEndOfAllTime, MakesNothing) {
  static constexpr Layout layout = layout_of({.timestamp = 45, .sequence = 4}, 1, 0);
  for (const auto& [time, expected] : {std::pair{end_of_making - 2, Outcome::ready},
                                       std::pair{end_of_making, Outcome::out_of_time}}) {
    FakeClock::start(time);
    Server server;
    server.timeline.begin(fake_clocks);
    Session session;
    session.join(server, layout);
    const Terms terms{.bounds = {.floor = 0, .horizon = no_horizon}, .grant = Grant::for_ever(0)};
    EXPECT_EQ(session.reserve(*server.timeline.now(fake_clocks), terms, 1), expected);
  }
}

TEST_F(StandardSessionTest, ItsVeryLastIdIsTheLargestBigint) {
  begin_at(layout.last_tick());
  terms.grant.node = 31;
  Session session = joined();
  std::uint64_t made = 0;
  while (made < 1'000'000 && reserve(session, 1'000'000) == Outcome::ready)
    made += session.take(1'000'000).count;
  EXPECT_EQ(made, 32 * numbers_of(layout.last_tick()));
  EXPECT_EQ(session.last(), (Id{1} << 63) - 1);
}

class BareSessionTest : public SessionTest {
 protected:
  static constexpr Layout bare = layout_of({.timestamp = 40}, 10);
  BareSessionTest() : SessionTest(bare) { terms.grant.node = 0; }
};

TEST_F(BareSessionTest, AbsentFieldsAreOneWorkerAndOneIdATick) {
  Session session = joined();
  for (const Id tick : {1000U, 1001U, 1002U}) {
    ASSERT_EQ(reserve(session), Outcome::ready);
    EXPECT_EQ(session.take(10).count, 1U);
    EXPECT_EQ(session.last(), tick);
    EXPECT_EQ(reserve(session), Outcome::spent);
    pass_ticks(1);
  }
}

}  // namespace
}  // namespace snowflake::test
