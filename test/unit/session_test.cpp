// A session hands out rising IDs: of its reservation, then of higher workers, then of the next
// tick.
#include "core/session.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <limits>
#include <vector>

#include "unit/fake_clock.hpp"
#include "unit/layouts.hpp"

namespace snowflake::test {
namespace {

constexpr Tick no_horizon = std::numeric_limits<Tick>::max();
constexpr Tick day = 86'400'000;
constexpr std::int64_t a_long_time_ns = 1'000'000'000'000;
constexpr Layout sharing_layout = layout_of({.worker = 2, .sequence = 8 + 4});

class SessionTest : public testing::Test {
 protected:
  explicit SessionTest(const Layout& its_layout = small_layout) : layout(its_layout) {
    FakeClock::set(layout, 1000);
  }

  Session joined() {
    Session session;
    session.join(space, layout);
    return session;
  }

  std::vector<Session> many_joined(std::size_t count) {
    std::vector<Session> sessions(count);
    for (Session& session : sessions) session.join(space, layout);
    return sessions;
  }

  Moment reserve(Session& session, std::uint64_t count = 1) {
    return session.reserve(space.read(layout, FakeClock::ns), terms, count);
  }

  /// The next ID as parts; the reservation must succeed.
  Parts make(Session& session) {
    EXPECT_EQ(reserve(session).outcome, Outcome::ready);
    return layout.decode(session.take(1).first);
  }

  std::uint64_t reservation_size(Session& session, std::uint64_t count = 1) {
    EXPECT_EQ(reserve(session, count).outcome, Outcome::ready);
    return session.take(std::numeric_limits<std::uint64_t>::max()).count;
  }

  void use_up_reservation(Session& session) {
    while (session.has_reservation()) (void)session.take(1);
  }

  void use_up(Session& session, unsigned workers) {
    for (unsigned i = 0; i < workers; ++i) reservation_size(session);
  }

  const Layout& layout;
  Terms terms{.node = 3, .max_drift = day, .horizon = no_horizon};
  Space space;
};

class SharingTest : public SessionTest {
 protected:
  SharingTest() : SessionTest(sharing_layout) { terms.node = 0; }
};

using FreshTest = SessionTest;
using NodeTest = SessionTest;
using HorizonTest = SessionTest;
using PinnedTest = SessionTest;
using ResetTest = SessionTest;
using SessionAtEndOfTime = SessionTest;
using SessionAndClock = SessionTest;

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
  FakeClock::set(layout, 1001);
  EXPECT_EQ(make(second), (Parts{.tick = 1001, .node = 3, .worker = 1, .sequence = 0}));
}

TEST_F(SessionTest, RemembersTheLastIdHandedOut) {
  Session session = joined();
  ASSERT_EQ(reserve(session).outcome, Outcome::ready);
  EXPECT_FALSE(session.last()) << "reserved is not handed out";
  const snowflake::Run run = session.take(3);
  EXPECT_EQ(session.last(), run.first + 2);
  FakeClock::set(layout, 1001);
  ASSERT_EQ(reserve(session).outcome, Outcome::ready);
  EXPECT_EQ(session.last(), run.first + 2);
  const Id next = session.take(1).first;
  EXPECT_EQ(session.last(), next);
  session.forget();
  EXPECT_EQ(session.last(), next);
  session.leave();
  EXPECT_EQ(session.last(), next);
}

TEST_F(SessionTest, GoesOnWithHigherWorkersThenWaits) {
  Session session = joined();
  std::vector<Id> ids;
  while (ids.size() < 100 && reserve(session).outcome == Outcome::ready)
    ids.push_back(session.take(1).first);
  EXPECT_EQ(reserve(session).outcome, Outcome::wait);
  ASSERT_EQ(ids.size(), 16U) << "all that four workers have";
  EXPECT_TRUE(std::ranges::is_sorted(ids));
  EXPECT_EQ(layout.decode(ids.back()),
            (Parts{.tick = 1000, .node = 3, .worker = 3, .sequence = 3}));
  FakeClock::set(layout, 1001);
  EXPECT_EQ(make(session).tick, 1001);
}

TEST_F(SessionTest, NeverGoesOnWithALowerWorkerInTheSameTick) {
  Session low = joined(), high = joined();
  EXPECT_EQ(make(high).worker, 1U);
  use_up(high, 3);
  EXPECT_EQ(reserve(high).outcome, Outcome::wait) << "worker 0 has some, but they are smaller";
  EXPECT_EQ(make(low).worker, 0U);
}

TEST_F(SessionTest, BeginsAtTheLowestWorkerAfterATickThatWasNotEnough) {
  Session low = joined(), high = joined();
  EXPECT_EQ(make(low).worker, 0U);
  use_up(high, 3);
  EXPECT_EQ(reserve(high).outcome, Outcome::wait);
  FakeClock::set(layout, 1001);
  EXPECT_EQ(make(high).worker, 0U);
  FakeClock::set(layout, 1002);
  EXPECT_EQ(make(high).worker, 1U) << "then at home again";
}

TEST_F(SessionTest, BulkBeginsAtTheLowestWorker) {
  [[maybe_unused]] Session low = joined();
  Session high = joined();
  ASSERT_EQ(reserve(high, 1000).outcome, Outcome::ready);
  EXPECT_EQ(layout.decode(high.take(1000).first).worker, 0U);
  FakeClock::set(layout, 1001);
  ASSERT_EQ(reserve(high, 4).outcome, Outcome::ready);
  EXPECT_EQ(layout.decode(high.take(4).first).worker, 1U) << "what one worker holds is no bulk";
}

TEST_F(SessionTest, TakesAHomeWithTheFewestTenants) {
  std::vector<Session> sessions(9);
  for (unsigned i = 0; i < 9; ++i) {
    sessions[i].join(space, layout);
    EXPECT_EQ(make(sessions[i]).worker, i % 3) << "the last is nobody's home";
    sessions[i].forget();
    FakeClock::advance(layout, 1);
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
  session.join(space, layout);  // at home on worker 0 now
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
  EXPECT_EQ(reservation_size(session), 4096U);
  EXPECT_EQ(reservation_size(session), 4096U) << "the next worker is nobody's home";
}

TEST_F(SharingTest, SharingItTakesALittleThenTwiceAsMuch) {
  std::vector<Session> sessions = many_joined(4);  // three homes
  for (std::uint64_t share : {16, 32, 64}) EXPECT_EQ(reservation_size(sessions[0]), share);
  EXPECT_EQ(reservation_size(sessions[3]), 16U);
  EXPECT_EQ(reservation_size(sessions[1]), 4096U) << "alone at home";
  FakeClock::set(layout, 1001);
  EXPECT_EQ(reservation_size(sessions[0]), 16U) << "each tick anew";
}

TEST_F(SharingTest, ManyWhoWantOneIdFindOne) {
  std::vector<Session> sessions = many_joined(3 * 256);
  for (Session& session : sessions) make(session);
}

TEST_F(SharingTest, BulkTakesAsManyAsItWants) {
  std::vector<Session> sessions = many_joined(4);
  EXPECT_EQ(reservation_size(sessions[0], 1000), 1000U);
  EXPECT_EQ(reservation_size(sessions[3], 4000), 3096U) << "what is left";
}

TEST(OneWorker, IsNeverTakenWhole) {
  static constexpr Layout layout = layout_of({.sequence = 12});
  Space space;
  Session session;
  session.join(space, layout);
  FakeClock::set(layout, 1000);
  const Terms terms{.node = 0, .max_drift = day, .horizon = no_horizon};
  for (std::uint64_t share : {16, 32, 64}) {
    ASSERT_EQ(session.reserve(space.read(layout, FakeClock::ns), terms, 1).outcome, Outcome::ready);
    EXPECT_EQ(session.take(4096).count, share);
  }
}

TEST_F(FreshTest, WhileTheTickLastsNextAsksNobody) {
  Session session = joined();
  Reading reading = space.read(layout, FakeClock::ns);
  reading.left_ns = a_long_time_ns;
  ASSERT_EQ(session.reserve(reading, terms, 1).outcome, Outcome::ready);
  if (!session.fresh()) GTEST_SKIP() << "no usable cycle counter";
  for (unsigned i = 0; i < 4; ++i) {
    Id id;
    ASSERT_TRUE(session.next(id));
    EXPECT_EQ(layout.decode(id).sequence, i);
    EXPECT_EQ(session.last(), id);
  }
  Id id;
  EXPECT_FALSE(session.next(id)) << "used up";
}

TEST_F(FreshTest, ACounterThatJumpsEndsTheReservation) {
  for (std::uint64_t jump :
       {std::uint64_t{1} << 62, std::uint64_t{1} << 63, ~std::uint64_t{0} << 61}) {
    Session session = joined();
    Reading reading = space.read(layout, FakeClock::ns);
    reading.cycles += jump;
    ASSERT_EQ(session.reserve(reading, terms, 1).outcome, Outcome::ready);
    EXPECT_FALSE(session.fresh());
    session.leave();
  }
}

TEST_F(FreshTest, TheReservationEndsWithTheTick) {
  Session session = joined();
  ASSERT_EQ(reserve(session).outcome, Outcome::ready);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (session.fresh() && std::chrono::steady_clock::now() < end) {
  }
  EXPECT_FALSE(session.fresh()) << "a millisecond has lasted ten seconds";
}

TEST_F(NodeTest, AnotherNodeWaitsForTheNextTick) {
  for (std::uint64_t node : {2, 5}) {
    Session session = joined();
    make(session);
    terms.node = node;
    EXPECT_EQ(reserve(session).outcome, Outcome::wait);
    FakeClock::advance(layout, 1);
    EXPECT_EQ(make(session).node, node);
    session.leave();
  }
}

TEST_F(NodeTest, AnotherNodeDoesNotWaitForOneWhoMadeNoneInThisTick) {
  Session session = joined();
  make(session);
  FakeClock::set(layout, 1001);
  terms.node = 2;
  EXPECT_EQ(make(session).node, 2U);
}

TEST_F(PinnedTest, SessionsTakeTurnsInTheOrderOfTheirCalls) {
  const Pin pin = Session::ordered_pin(layout);
  std::vector<Session> sessions = many_joined(4);
  for (unsigned i = 0; i < 4; ++i) {
    const Reading reading = space.read(layout, FakeClock::ns);
    ASSERT_EQ(sessions[i].reserve_pinned(reading, terms, pin, 1).outcome, Outcome::ready);
    EXPECT_EQ(layout.decode(sessions[i].take(1).first),
              (Parts{.tick = 1000, .node = 3, .worker = 3, .sequence = i}));
    EXPECT_FALSE(sessions[i].has_reservation()) << "nothing is kept for later";
  }
  const Reading reading = space.read(layout, FakeClock::ns);
  EXPECT_EQ(sessions[0].reserve_pinned(reading, terms, pin, 1).outcome, Outcome::wait);
}

TEST_F(PinnedTest, WhileTheTickLastsNextAsksTheCursorOnly) {
  const Pin pin = Session::ordered_pin(layout);
  std::vector<Session> sessions = many_joined(2);
  Reading reading = space.read(layout, FakeClock::ns);
  reading.left_ns = a_long_time_ns;
  Id id = 0;
  for (Session& session : sessions) {
    EXPECT_FALSE(session.next_pinned(pin, id));
    ASSERT_EQ(session.reserve_pinned(reading, terms, pin, 1).outcome, Outcome::ready);
    id = session.take(1).first;
  }
  for (Id before = id; sessions[before % 2].next_pinned(pin, id); before = id)
    EXPECT_EQ(id, before + 1);
  EXPECT_EQ(layout.decode(id).sequence, cycles() == 0 ? 1 : 3);
}

TEST(OrderedPin, GoesFromTheFirstCursorThatIsNobodysHomeToTheLast) {
  FakeClock::set(standard_layout, 1000);
  Space space;
  std::vector<Session> sessions(40);
  for (Session& session : sessions) session.join(space, standard_layout);
  const Terms terms{.node = 0, .max_drift = day, .horizon = no_horizon};
  const Pin pin = Session::ordered_pin(standard_layout);
  EXPECT_EQ(pin.first_cursor, 24U);
  EXPECT_EQ(pin.last_cursor, 31U);
  Id before = 0;
  const auto reserve = [&](Session& session) {
    const Reading reading = space.read(standard_layout, FakeClock::ns);
    return session.reserve_pinned(reading, terms, pin, 100).outcome;
  };
  std::uint64_t made = 0;
  for (std::size_t turn = 0; made < 8 * 4096; ++turn) {
    Session& session = sessions[turn % sessions.size()];
    ASSERT_EQ(reserve(session), Outcome::ready);
    const snowflake::Run run = session.take(100);
    EXPECT_GT(run.first, before);
    before = run.first + run.count - 1;
    made += run.count;
  }
  EXPECT_EQ(standard_layout.decode(before), (Parts{.tick = 1000, .worker = 31, .sequence = 4095}));
  EXPECT_EQ(reserve(sessions[0]), Outcome::wait);
}

TEST_F(PinnedTest, OneThatKnowsALaterTickDoesNotUseItsOwn) {
  const Pin pin = Session::ordered_pin(layout);
  std::vector<Session> sessions = many_joined(2);
  Reading reading = space.read(layout, FakeClock::ns);
  reading.left_ns = a_long_time_ns;
  ASSERT_EQ(sessions[0].reserve_pinned(reading, terms, pin, 1).outcome, Outcome::ready);
  (void)sessions[0].take(1);
  FakeClock::set(layout, 1001);
  ASSERT_EQ(reserve(sessions[1]).outcome, Outcome::ready);
  Id id = 0;
  EXPECT_FALSE(sessions[0].next_pinned(pin, id));
}

TEST(OrderedPin, FindsNothingAgainInACursorThatWasSpent) {
  static constexpr Layout layout = layout_of({.worker = 3, .sequence = 2});
  FakeClock::set(layout, 1000);
  Space space;
  const Terms terms{.node = 0, .max_drift = day, .horizon = no_horizon};
  const Pin pin = Session::ordered_pin(layout);
  Session ordered, other;
  ordered.join(space, layout);
  other.join(space, layout);
  const auto read = [&] { return space.read(layout, FakeClock::ns); };
  do {
    ASSERT_EQ(other.reserve(read(), terms, 1).outcome, Outcome::ready);
  } while (layout.decode(other.take(1).first).worker < pin.first_cursor);
  ASSERT_EQ(ordered.reserve_pinned(read(), terms, pin, 1).outcome, Outcome::ready);
  const Id before = ordered.take(1).first;
  ASSERT_GT(layout.decode(before).worker, pin.first_cursor) << "the other has taken all of that";
  other.leave();
  ASSERT_EQ(ordered.reserve_pinned(read(), terms, pin, 1).outcome, Outcome::ready);
  EXPECT_GT(ordered.take(1).first, before);
}

TEST_F(PinnedTest, OneThatHasLeftHandsOutNothing) {
  const Pin pin = Session::ordered_pin(layout);
  Session session = joined();
  Reading reading = space.read(layout, FakeClock::ns);
  reading.left_ns = a_long_time_ns;
  ASSERT_EQ(session.reserve_pinned(reading, terms, pin, 1).outcome, Outcome::ready);
  const Id last = session.take(1).first;
  session.leave();
  Id id = 0;
  EXPECT_FALSE(session.next_pinned(pin, id));
  EXPECT_EQ(session.last(), last);
}

TEST_F(PinnedTest, ShardsShareACursorButNoId) {
  static constexpr Layout sharded{.timestamp = {.shift = 23, .width = 40},
                                  .shard = {.shift = 10, .width = 13},
                                  .sequence = {.shift = 0, .width = 10}};
  FakeClock::set(sharded, 1000);
  Session session;
  session.join(space, sharded);
  terms.node = 0;
  for (std::uint64_t i = 0; i < 3; ++i) {
    const Pin pin{.first_cursor = 5, .last_cursor = 5, .shard = 5 + 32 * i};
    const Reading reading = space.read(sharded, FakeClock::ns);
    ASSERT_EQ(session.reserve_pinned(reading, terms, pin, 1).outcome, Outcome::ready);
    EXPECT_EQ(sharded.decode(session.take(1).first),
              (Parts{.tick = 1000, .shard = 5 + 32 * i, .sequence = i}));
  }
}

TEST(UnusualLayouts, ASequenceAboveOtherFieldsCountsInItsOwnSteps) {
  static constexpr Layout layout{.timestamp = {.shift = 24, .width = 39},
                                 .node = {.shift = 0, .width = 16},
                                 .sequence = {.shift = 16, .width = 8},
                                 .unit_ms = 10};
  FakeClock::set(layout, 1000);
  Space space;
  Session session;
  session.join(space, layout);
  const Terms terms{.node = 777, .max_drift = day, .horizon = no_horizon};
  for (std::uint64_t sequence = 0; sequence < 256; ++sequence) {
    const Reading reading = space.read(layout, FakeClock::ns);
    ASSERT_EQ(session.reserve(reading, terms, 1).outcome, Outcome::ready);
    const snowflake::Run one = session.take(1);
    EXPECT_EQ(layout.decode(one.first), (Parts{.tick = 1000, .node = 777, .sequence = sequence}));
    EXPECT_EQ(one.step, Id{1} << 16);
    EXPECT_EQ(session.last(), one.first);
  }
  EXPECT_EQ(session.reserve(space.read(layout, FakeClock::ns), terms, 1).outcome, Outcome::wait);
}

TEST_F(HorizonTest, MakesNothingPastIt) {
  Session session = joined();
  terms.horizon = 1000;
  EXPECT_EQ(make(session).tick, 1000);
  FakeClock::set(layout, 1001);
  const Moment moment = reserve(session);
  EXPECT_EQ(moment.outcome, Outcome::beyond_horizon);
  EXPECT_EQ(moment.tick, 1001) << "it says how far the horizon has to move";
  terms.horizon = moment.tick;
  EXPECT_EQ(make(session).tick, 1001);
}

TEST_F(HorizonTest, MakesNothingPastItAtTheFloor) {
  Session session = joined();
  terms.horizon = 1002;
  make(session);
  FakeClock::set(layout, 900);
  Outcome outcome = Outcome::ready;
  for (unsigned i = 0; i < 1000 && outcome != Outcome::beyond_horizon; ++i) {
    outcome = reserve(session, 100).outcome;
    if (outcome == Outcome::ready) use_up_reservation(session);
    if (outcome == Outcome::wait) FakeClock::advance(layout, 1);
  }
  EXPECT_EQ(outcome, Outcome::beyond_horizon);
  EXPECT_EQ(layout.decode(*session.last()).tick, 1002);
}

TEST_F(SessionAndClock, ALittleBehindUsesWhatIsLeftThenWaits) {
  Session session = joined();
  const Id before = layout.encode(make(session));
  FakeClock::set(layout, 995);
  use_up(session, 4);
  EXPECT_GT(*session.last(), before);
  EXPECT_EQ(reserve(session).outcome, Outcome::wait);
  FakeClock::set(layout, 1000);
  EXPECT_EQ(reserve(session).outcome, Outcome::wait);
  FakeClock::set(layout, 1001);
  EXPECT_EQ(make(session).tick, 1001);
}

TEST_F(SessionAndClock, FurtherBehindGoesOnAtOnce) {
  Session session = joined();
  make(session);
  FakeClock::set(layout, 500);
  Moment moment = reserve(session, 100);
  EXPECT_TRUE(moment.set_back);
  EXPECT_EQ(moment.behind, 500);
  use_up(session, 4);
  FakeClock::set(layout, 501);
  moment = reserve(session);
  EXPECT_EQ(moment.outcome, Outcome::ready) << "no stall";
  EXPECT_FALSE(moment.set_back) << "told once";
  EXPECT_EQ(moment.tick, 1001);
}

TEST_F(SessionAndClock, TellsOfASetbackAlsoWhenItHasToWait) {
  Session session = joined();
  use_up(session, 4);
  FakeClock::set(layout, 500);
  const Moment moment = reserve(session);
  EXPECT_EQ(moment.outcome, Outcome::wait);
  EXPECT_TRUE(moment.set_back);
}

TEST_F(SessionAndClock, ErrorsLeaveTheSessionAsItWas) {
  Session session = joined();
  const Id before = layout.encode(make(session));
  for (Tick wrong : {Tick{-1}, layout.last_tick() + 1}) {
    FakeClock::set(layout, wrong);
    EXPECT_NE(reserve(session).outcome, Outcome::ready);
  }
  EXPECT_EQ(session.last(), before);
  FakeClock::set(layout, 1000);
  EXPECT_EQ(layout.encode(make(session)), before + 1);
}

TEST_F(SessionAndClock, ObservedIdsAreSmallerThanAllThatFollow) {
  Session session = joined();
  make(session);
  const Id seen = layout.encode({.tick = 1300, .node = 7, .worker = 3, .sequence = 3});
  const Limits limits = limits_of(layout, terms.max_drift);
  const Moment moment =
      space.observe(layout.decode(seen).tick, space.read(layout, FakeClock::ns), limits);
  EXPECT_EQ(moment.outcome, Outcome::ready);
  EXPECT_GT(layout.encode(make(session)), seen);
}

// What was taken before a reset is free after it: whoever took it must not think that it is still
// his when the clock comes to that tick again.
TEST_F(ResetTest, EndsTheReservationsOfAllSessions) {
  Session before = joined();
  make(before);
  space.reset(900, layout.sequence.width);
  ASSERT_TRUE(space.worker(0).take({.tick = 1000, .count = 2, .sequence_bits = 2}));
  EXPECT_EQ(make(before).sequence, 2U);
}

TEST_F(ResetTest, NothingOfBeforeIsGivenBackAfterIt) {
  Session before = joined();
  make(before);
  space.reset(900, layout.sequence.width);
  ASSERT_TRUE(space.worker(0).take({.tick = 1000, .count = 4, .sequence_bits = 2}));
  before.leave();
  EXPECT_FALSE(space.worker(0).take({.tick = 1000, .count = 1, .sequence_bits = 2}));
}

TEST_F(SessionAtEndOfTime, AllIdsOfTheLastTickAreGood) {
  terms.node = layout.node.max();
  FakeClock::set(layout, layout.last_tick());
  Session session = joined();
  use_up(session, 4);
  const Id greatest =
      layout.encode({.tick = layout.last_tick(), .node = 7, .worker = 3, .sequence = 3});
  EXPECT_EQ(session.last(), greatest);
  EXPECT_EQ(reserve(session).outcome, Outcome::wait);
  FakeClock::advance(layout, 1);
  EXPECT_EQ(reserve(session).outcome, Outcome::out_of_time);
  EXPECT_EQ(session.last(), greatest) << "never wraps";
}

TEST_F(SessionAtEndOfTime, EndsAtTheFloorToo) {
  FakeClock::set(layout, layout.last_tick());
  Session session = joined();
  use_up(session, 1);
  FakeClock::set(layout, layout.last_tick() - 1000);
  use_up(session, 3);
  FakeClock::advance(layout, 1);
  EXPECT_EQ(reserve(session).outcome, Outcome::out_of_time);
  EXPECT_EQ(layout.decode(*session.last()).tick, layout.last_tick());
}

TEST(StandardLayout, ItsVeryLastIdIsTheLargestBigint) {
  Space space;
  Session session;
  session.join(space, standard_layout);
  FakeClock::set(standard_layout, standard_layout.last_tick());
  const Terms terms{.node = 31, .max_drift = day, .horizon = no_horizon};
  std::uint64_t made = 0;
  const auto reserve = [&] {
    return session.reserve(space.read(standard_layout, FakeClock::ns), terms, 1'000'000).outcome;
  };
  while (made < 1'000'000 && reserve() == Outcome::ready) made += session.take(1'000'000).count;
  EXPECT_EQ(made, 32U * 4096U);
  EXPECT_EQ(session.last(), (Id{1} << 63) - 1);
}

TEST(UnusualLayouts, AbsentFieldsAreOneWorkerAndOneIdATick) {
  static constexpr Layout bare = layout_of({.timestamp = 40}, 10);
  Space space;
  Session session;
  session.join(space, bare);
  const Terms terms{.node = 0, .max_drift = day, .horizon = no_horizon};
  for (Tick tick : {5, 6, 7}) {
    FakeClock::set(bare, tick);
    const Reading reading = space.read(bare, FakeClock::ns);
    ASSERT_EQ(session.reserve(reading, terms, 1).outcome, Outcome::ready);
    EXPECT_EQ(session.take(10).count, 1U);
    EXPECT_EQ(session.last(), static_cast<Id>(tick));
    EXPECT_EQ(session.reserve(reading, terms, 1).outcome, Outcome::wait);
  }
}

}  // namespace
}  // namespace snowflake::test
