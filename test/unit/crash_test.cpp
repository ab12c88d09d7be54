// Lives of a server: sessions make IDs, the horizon is moved ahead of them and made durable, the
// server dies at any moment, and comes back with a clock that says anything. No ID is ever made
// twice.
//
// The core is the real one. Around it stands a small rim that moves the horizon in the steps in
// which a server does, one session interleaved with the others after each; and that can be told to
// leave a step out, to see that the test would find it out.
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <random>
#include <unordered_set>
#include <vector>

#include "core/session.hpp"
#include "unit/fake_clock.hpp"
#include "unit/layouts.hpp"
#include "unit/rounds.hpp"

namespace snowflake::test {
namespace {

constexpr Layout layout = layout_of({.worker = 1, .sequence = 2});
constexpr Tick start = 1000;
constexpr Tick window = 6;
constexpr Tick step = 3;
constexpr Tick unknown = -1;
const Limits limits = limits_of(layout, 1'000'000);

enum class Fault { none, no_flush, no_sign_on, no_floor };

/// What the page of a generator says.
struct Page {
  Tick horizon = 0;
  std::uint64_t incarnation = 0;
};

/// Memory and disk of one server, which outlives its crashes only by `disk`.
class Server {
 public:
  explicit Server(Fault fault) : fault(fault) {}

  void crash_and_restart() {
    space = std::make_unique<Space>();
    page = disk;
    page_locked = false;
    ++incarnation;
  }

  /// WAL up to a state of the page; it may have got further already.
  void flush(const Page& state) {
    if (disk.incarnation != state.incarnation || disk.horizon < state.horizon) disk = state;
  }

  const Fault fault;
  std::unique_ptr<Space> space = std::make_unique<Space>();
  Page page, disk;
  bool page_locked = false;
  std::uint64_t incarnation = 1;
};

/// One session, one step at a time.
class Backend {
 public:
  explicit Backend(Server& server) : server_(server) { session_.join(*server.space, layout); }

  /// The IDs handed out in this step, if any.
  std::optional<Run> step(std::uint64_t count) {
    switch (next_) {
      case Next::read:
        return read();
      case Next::reserve:
        return reserve(count);
      case Next::lock:
        return lock();
      case Next::sign_on:
        return sign_on();
      case Next::write:
        return write();
      case Next::unlock:
        return unlock();
      case Next::flush:
        return flush();
    }
    return {};
  }

 private:
  enum class Next { read, reserve, lock, sign_on, write, unlock, flush };

  std::nullopt_t then(Next next) {
    next_ = next;
    return std::nullopt;
  }

  std::optional<Run> read() {
    reading_ = server_.space->read(layout, FakeClock::ns);
    return then(Next::reserve);
  }

  std::optional<Run> reserve(std::uint64_t count) {
    const Terms terms{.node = 0, .max_drift = limits.max_drift, .horizon = known_horizon_};
    const Moment moment = session_.reserve(reading_, terms, count);
    if (moment.outcome == Outcome::beyond_horizon) {
      needed_ = moment.tick;
      return then(Next::lock);
    }
    then(Next::read);
    if (moment.outcome == Outcome::ready) return session_.take(count);
    EXPECT_EQ(moment.outcome, Outcome::wait);
    return {};
  }

  std::optional<Run> lock() {
    if (server_.page_locked) return {};
    server_.page_locked = true;
    const bool is_ours =
        server_.page.incarnation == server_.incarnation || server_.fault == Fault::no_sign_on;
    if (!is_ours) return then(Next::sign_on);
    return then(server_.page.horizon < needed_ ? Next::write : Next::unlock);
  }

  std::optional<Run> sign_on() {
    if (server_.fault != Fault::no_floor) {
      const Reading reading = server_.space->read(layout, FakeClock::ns);
      const Moment moment = server_.space->observe(server_.page.horizon, reading, limits);
      EXPECT_EQ(moment.outcome, Outcome::ready);
    }
    return then(Next::write);
  }

  std::optional<Run> write() {
    const Tick wall = FakeClock::tick(layout);
    server_.page = {
        .horizon = std::max(wall + window, server_.space->latest() + snowflake::test::step),
        .incarnation = server_.incarnation};
    return then(Next::unlock);
  }

  std::optional<Run> unlock() {
    seen_ = server_.page;
    server_.page_locked = false;
    return then(Next::flush);
  }

  std::optional<Run> flush() {
    if (server_.fault != Fault::no_flush) server_.flush(seen_);
    known_horizon_ = seen_.horizon;
    return then(Next::read);
  }

  Server& server_;
  Session session_;
  Next next_ = Next::read;
  Reading reading_{};
  Tick known_horizon_ = unknown;
  Tick needed_ = 0;
  Page seen_;
};

/// Runs a server through some lives and counts the IDs that were handed out more than once.
class Lives {
 public:
  Lives(std::uint64_t seed, Fault fault) : random_(seed), server_(fault) {}

  std::size_t duplicates_in(unsigned lives) {
    for (unsigned life = 0; life < lives; ++life) {
      server_.crash_and_restart();
      set_clock_for_a_start();
      live();
    }
    return duplicates_;
  }

  std::size_t ids_made() const { return ids_.size(); }

 private:
  std::uint64_t pick(std::uint64_t below) { return random_() % below; }

  /// Mostly so that it replays what was lived through before, or goes on from there.
  void set_clock_for_a_start() {
    switch (pick(4)) {
      case 0:
        return FakeClock::set(layout, start);
      case 1:
        return FakeClock::set(layout, start + static_cast<Tick>(pick(50)));
      case 2:
        return FakeClock::advance(layout, -static_cast<Tick>(pick(40)));
      default:
        return FakeClock::advance(layout, static_cast<Tick>(pick(3)));
    }
  }

  void live() {
    std::vector<Backend> backends;
    for (auto count = 1 + pick(4); count > 0; --count) backends.emplace_back(server_);
    for (auto steps = pick(300); steps > 0; --steps) {
      if (pick(20) == 0) disturb();
      if (const auto run = backends[pick(backends.size())].step(1 + pick(6))) record(*run);
    }
  }

  void disturb() {
    switch (pick(8)) {
      case 0:
        return FakeClock::advance(layout, -static_cast<Tick>(pick(30)));
      case 1:
        return server_.flush(server_.page);  // WAL is written now and then anyway
      default:
        return FakeClock::advance(layout, 1);
    }
  }

  void record(const Run& run) {
    for (std::uint64_t i = 0; i < run.count; ++i)
      duplicates_ += !ids_.insert(run.first + i * run.step).second;
  }

  std::mt19937_64 random_;
  Server server_;
  std::unordered_set<Id> ids_;
  std::size_t duplicates_ = 0;
};

TEST(Crashes, BringNoIdTwice) {
  std::size_t ids_made = 0;
  for (std::uint64_t seed : seeds()) {
    SCOPED_TRACE(repeat_with(seed));
    FakeClock::set(layout, start);
    Lives lives(seed, Fault::none);
    ASSERT_EQ(lives.duplicates_in(8), 0U);
    ids_made += lives.ids_made();
  }
  EXPECT_GT(ids_made, 100 * rounds());
}

class FaultyRim : public testing::TestWithParam<Fault> {};

// A test of the test above: it would find a protocol that lacks a step.
TEST_P(FaultyRim, IsFoundOut) {
  constexpr std::uint64_t patience = 1000;
  std::uint64_t seed = 1;
  std::size_t duplicates = 0;
  for (; duplicates == 0 && seed <= patience; ++seed) {
    FakeClock::set(layout, start);
    duplicates = Lives(seed, GetParam()).duplicates_in(8);
  }
  EXPECT_GT(duplicates, 0U);
}

INSTANTIATE_TEST_SUITE_P(Crashes, FaultyRim,
                         testing::Values(Fault::no_flush, Fault::no_sign_on, Fault::no_floor),
                         [](const auto& info) {
                           return info.param == Fault::no_flush     ? "NoFlush"
                                  : info.param == Fault::no_sign_on ? "NoSignOn"
                                                                    : "NoFloor";
                         });

// However far the clock was set back, a new life begins at once, and past the horizon.
TEST(Crashes, DoNotStopAServerWhoseClockIsBehind) {
  constexpr Tick hour = 3'600'000;
  for (Tick back : {Tick{0}, Tick{1}, Tick{20}, hour, 72 * hour}) {
    const Tick horizon = 100 * hour;
    FakeClock::set(standard_layout, horizon - back);
    Space space;
    Session session;
    session.join(space, standard_layout);
    const Limits three_days = limits_of(standard_layout, 72 * hour + 1);
    ASSERT_EQ(
        space.observe(horizon, space.read(standard_layout, FakeClock::ns), three_days).outcome,
        Outcome::ready);
    for (unsigned i = 0; i < 32 * 4096; ++i) {
      const Terms terms{.node = 0, .max_drift = three_days.max_drift, .horizon = horizon + 3000};
      const Reading reading = space.read(standard_layout, FakeClock::ns);
      ASSERT_EQ(session.reserve(reading, terms, 1).outcome, Outcome::ready);
      ASSERT_GT(standard_layout.decode(session.take(1).first).tick, horizon);
    }
  }
}

}  // namespace
}  // namespace snowflake::test
