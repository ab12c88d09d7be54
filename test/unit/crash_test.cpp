// Lives of a server with two databases: sessions make IDs, horizons are moved ahead of them and become durable some
// time later, the server dies at any moment, and comes back with a clock that says anything. No ID is ever made twice
// in a database, nor by two databases in one life.
//
// The core is the real one. Around it stands a small rim that moves the horizon in the steps in which a server does,
// one session interleaved with the others after each; and that can be told to leave a step out, to see that the test
// would find it out.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <unordered_map>
#include <vector>

#include "core/session.hpp"
#include "unit/fake_clock.hpp"
#include "unit/layouts.hpp"
#include "unit/rounds.hpp"

namespace snowflake::test {
namespace {

const std::array layouts{layout_of({.timestamp = 41, .worker = 1, .sequence = 2}),
                         layout_of({.timestamp = 36, .worker = 1, .sequence = 5}, 100),
                         layout_of({.timestamp = 33, .worker = 1, .sequence = 6}, 1000)};
constexpr UnixMs start = 1'800'000'000'000;
constexpr UnixMs unknown = -1;
constexpr std::size_t database_count = 2;

enum class Fault { none, adopt_early, no_sign_on, no_floor, floor_not_heeded };

/// What the page of a database's horizon says, and where in WAL that stands.
struct Page {
  UnixMs horizon = 0;
  std::uint64_t incarnation = 0;
  std::size_t lsn = 0;
};

struct Record {
  std::size_t database;
  Page page;
};

/// Memory and disk of one server, which outlives its crashes only by what is durable.
class Host {
 public:
  explicit Host(Fault its_fault) : fault(its_fault) {}

  void crash_and_restart() {
    wal.resize(durable);
    pages = {};
    for (const Record& record : wal) pages[record.database] = record.page;
    locked = {};
    furthest_horizon = 0;
    ++incarnation;
    server = std::make_unique<Server>();
    server->timeline.begin(fake_clocks);
  }

  void write(std::size_t database, UnixMs horizon) {
    furthest_horizon = std::max(horizon, furthest_horizon);
    pages[database] = {
        .horizon = furthest_horizon, .incarnation = incarnation, .lsn = wal.size() + 1};
    wal.push_back({database, pages[database]});
  }

  void flush(std::size_t lsn) { durable = std::max(durable, lsn); }
  bool is_durable(std::size_t lsn) const { return lsn <= durable; }

  const Fault fault;
  std::unique_ptr<Server> server = std::make_unique<Server>();
  std::array<Page, database_count> pages;
  std::array<bool, database_count> locked{};
  std::vector<Record> wal;
  std::size_t durable = 0;
  UnixMs furthest_horizon = 0;
  std::uint64_t incarnation = 1;
};

/// One session, one step at a time.
class Backend {
 public:
  Backend(Host& host, std::size_t its_database, std::size_t its_layout)
      : database(its_database), layout(its_layout), host_(host) {
    session_.join(*host.server, layouts[layout]);
  }

  /// The IDs handed out in this step, if any.
  std::optional<Run> step(std::uint64_t count) {
    switch (next_) {
      case Next::read:
        return read();
      case Next::keep_ahead:
        return keep_ahead();
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
      case Next::wait:
        return wait();
    }
    return {};
  }

  const std::size_t database;
  const std::size_t layout;

 private:
  enum class Next { read, keep_ahead, reserve, lock, sign_on, write, unlock, wait };

  std::nullopt_t then(Next next) {
    next_ = next;
    return std::nullopt;
  }

  Page& page() { return host_.pages[database]; }
  bool is_ours() const {
    return host_.pages[database].incarnation == host_.incarnation ||
           host_.fault == Fault::no_sign_on;
  }

  std::optional<Run> read() {
    now_ = *host_.server->timeline.now(fake_clocks);
    return then(bound_ == unknown ? Next::lock : Next::keep_ahead);
  }

  /// Moves the horizon if nobody has it locked, and takes up what became durable since. Never waits.
  std::optional<Run> keep_ahead() {
    take_up();
    if (is_near(bound_, now_) && !pending_ && !host_.locked[database]) {
      if (is_ours() && is_near(page().horizon, now_)) host_.write(database, horizon_for(now_));
      pending_ = page();
      take_up();
    }
    return then(Next::reserve);
  }

  void take_up() {
    if (!pending_) return;
    if (!host_.is_durable(pending_->lsn) && host_.fault != Fault::adopt_early) return;
    bound_ = std::max(bound_, pending_->horizon);
    pending_.reset();
  }

  std::optional<Run> reserve(std::uint64_t count) {
    const bool heeds = host_.fault != Fault::floor_not_heeded;
    const Terms terms{.bounds = {.floor = heeds ? now_.floor : 0, .horizon = bound_},
                      .grant = Grant::for_ever(0)};
    const Outcome outcome = session_.reserve(now_, terms, count);
    if (outcome == Outcome::beyond_horizon) return then(Next::lock);
    then(Next::read);
    if (outcome == Outcome::ready) return session_.take(count);
    EXPECT_EQ(outcome, Outcome::spent);
    FakeClock::pass_ns(session_.pause_ns(now_));
    return {};
  }

  std::optional<Run> lock() {
    if (host_.locked[database]) return {};
    host_.locked[database] = true;
    if (!is_ours()) return then(Next::sign_on);
    return then(is_near(page().horizon, now_) ? Next::write : Next::unlock);
  }

  std::optional<Run> sign_on() {
    if (host_.fault != Fault::no_floor)
      host_.server->timeline.raise_floor(page().horizon, fake_clocks);
    return then(Next::write);
  }

  std::optional<Run> write() {
    host_.write(database, horizon_for(*host_.server->timeline.now(fake_clocks)));
    return then(Next::unlock);
  }

  std::optional<Run> unlock() {
    pending_ = page();
    host_.locked[database] = false;
    return then(Next::wait);
  }

  std::optional<Run> wait() {
    if (host_.fault != Fault::adopt_early) host_.flush(pending_->lsn);
    take_up();
    return then(Next::read);
  }

  Host& host_;
  Session session_;
  Next next_ = Next::read;
  Instant now_{};
  UnixMs bound_ = unknown;
  std::optional<Page> pending_;
};

/// Runs a server through some lives and counts the IDs that were handed out more than once.
class Lives {
 public:
  Lives(std::uint64_t seed, Fault fault) : random_(seed), host_(fault) {
    FakeClock::start(start + static_cast<UnixMs>(pick(1000)));
  }

  std::size_t duplicates_in(unsigned lives) {
    for (unsigned life = 0; life < lives; ++life) {
      set_clock_for_a_start();
      host_.crash_and_restart();
      live();
    }
    return duplicates_;
  }

  std::size_t ids_made() const { return ids_made_; }

 private:
  struct Maker {
    std::size_t database;
    std::uint64_t life;
  };

  std::uint64_t pick(std::uint64_t below) { return random_() % below; }

  /// Mostly so that it replays what was lived through before, or goes on from there.
  void set_clock_for_a_start() {
    switch (pick(4)) {
      case 0:
        return FakeClock::start(start);
      case 1:
        return FakeClock::start(start + static_cast<UnixMs>(pick(4000)));
      case 2:
        return FakeClock::step_ms(-static_cast<UnixMs>(pick(5000)));
      default:
        return FakeClock::pass_ms(static_cast<UnixMs>(pick(3)));
    }
  }

  void live() {
    std::vector<Backend> backends;
    for (auto count = 1 + pick(5); count > 0; --count)
      backends.emplace_back(host_, pick(database_count), pick(layouts.size()));
    for (auto steps = pick(300); steps > 0; --steps) {
      if (pick(20) == 0) disturb();
      Backend& backend = backends[pick(backends.size())];
      if (const auto run = backend.step(1 + pick(6))) record(backend, *run);
    }
  }

  void disturb() {
    switch (pick(12)) {
      case 0:
        return FakeClock::step_ms(-static_cast<UnixMs>(pick(3000)));
      case 1:
      case 2:  // WAL is written now and then anyway, up to anywhere
        return host_.flush(host_.durable + pick(host_.wal.size() - host_.durable + 1));
      case 3:
        return FakeClock::pass_ms(static_cast<UnixMs>(pick(2500)));
      default:
        return FakeClock::pass_ms(static_cast<UnixMs>(pick(150)));
    }
  }

  // Two databases may make the same in different lives: each knows of its own horizon only.
  void record(const Backend& backend, const Run& run) {
    for (std::uint64_t i = 0; i < run.count; ++i, ++ids_made_) {
      std::vector<Maker>& makers = made_[backend.layout][run.first + i * run.step];
      for (const Maker& maker : makers)
        duplicates_ += maker.database == backend.database || maker.life == host_.incarnation;
      makers.push_back({backend.database, host_.incarnation});
    }
  }

  std::mt19937_64 random_;
  Host host_;
  std::array<std::unordered_map<Id, std::vector<Maker>>, layouts.size()> made_;
  std::size_t ids_made_ = 0;
  std::size_t duplicates_ = 0;
};

TEST(Crashes, BringNoIdTwice) {
  std::size_t ids_made = 0;
  for (const std::uint64_t seed : seeds()) {
    SCOPED_TRACE(repeat_with(seed));
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
  std::size_t duplicates = 0;
  for (std::uint64_t seed = 1; duplicates == 0 && seed <= patience; ++seed)
    duplicates = Lives(seed, GetParam()).duplicates_in(8);
  EXPECT_GT(duplicates, 0U);
}

INSTANTIATE_TEST_SUITE_P(Crashes, FaultyRim,
                         testing::Values(Fault::adopt_early, Fault::no_sign_on, Fault::no_floor,
                                         Fault::floor_not_heeded),
                         [](const auto& fault) {
                           switch (fault.param) {
                             case Fault::adopt_early:
                               return "AdoptEarly";
                             case Fault::no_sign_on:
                               return "NoSignOn";
                             case Fault::no_floor:
                               return "NoFloor";
                             default:
                               return "FloorNotHeeded";
                           }
                         });

// However far the clock was set back, a new life begins at once, and past the horizon.
TEST(Crashes, DoNotStopAServerWhoseClockIsBehind) {
  constexpr UnixMs hour = 3'600'000;
  for (const UnixMs back : {UnixMs{0}, UnixMs{1}, UnixMs{20}, hour, 72 * hour}) {
    const UnixMs horizon = start + 100 * hour;
    FakeClock::start(horizon - back);
    const auto server = std::make_unique<Server>();
    server->timeline.begin(fake_clocks);
    (void)server->timeline.now(fake_clocks);
    server->timeline.raise_floor(horizon, fake_clocks);
    Session session;
    session.join(*server, standard_layout);
    for (unsigned i = 0; i < 32 * (4096 - 64); ++i) {
      const Instant now = *server->timeline.now(fake_clocks);
      ASSERT_FALSE(too_far_back(now, 72 * hour));
      const Terms terms{.bounds = {.floor = now.floor, .horizon = horizon + 3000},
                        .grant = Grant::for_ever(0)};
      ASSERT_EQ(session.reserve(now, terms, 1), Outcome::ready);
      ASSERT_GT(standard_layout.time_at(standard_layout.decode(session.take(1).first).tick),
                horizon);
    }
  }
}

}  // namespace
}  // namespace snowflake::test
