// Many sessions, each in its thread, on few workers: no ID twice, each session rising, under a real clock, under one
// that jumps, and while the server is reset. Run it with the thread sanitizer.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <limits>
#include <memory>
#include <random>
#include <thread>
#include <tuple>
#include <vector>

#include "core/session.hpp"
#include "unit/fake_clock.hpp"
#include "unit/layouts.hpp"
#include "unit/rounds.hpp"

namespace snowflake::test {
namespace {

constexpr unsigned thread_count = 12;
constexpr UnixMs start = 1'800'000'000'000;
constexpr UnixMs no_horizon = std::numeric_limits<UnixMs>::max();

const Layout two_workers = layout_of({.timestamp = 41, .node = 5, .worker = 1, .sequence = 5});
const std::array layouts{
    two_workers,
    one_that_shares_with(two_workers, layout_of({.timestamp = 41, .worker = 1, .sequence = 9})),
    layout_of({.timestamp = 41, .node = 5, .worker = 1, .sequence = 7}, 10)};

/// An ID, and what its thread knew.
struct Made {
  std::size_t layout;
  Id id;
  Era era;

  [[nodiscard]] auto order() const { return std::tuple(layout, id, era); }
};

struct Reset {
  Era era;  // after it
  UnixMs wall;
};

class Race {
 public:
  explicit Race(const Clocks& clocks) : clocks_(clocks) { server_->timeline.begin(clocks); }

  /// `operate`, if there is one, goes on beside the sessions until is_done().
  void run(std::size_t ids_a_thread, const std::function<void()>& operate = nullptr) {
    std::vector<std::vector<Made>> made(thread_count);
    std::vector<std::thread> threads;
    if (operate) threads.emplace_back(operate);
    for (unsigned i = 0; i < thread_count; ++i)
      threads.emplace_back([&, i] { make(ids_a_thread, i, made[i]); });
    for (std::thread& thread : threads) thread.join();
    check(made);
  }

  /// Resets the server, if that changes anything, and notes what the clock said. Only in one thread.
  void reset() {
    const UnixMs wall = clocks_.wall_ns() / ns_per_ms;
    if (server_->reset(clocks_)) resets_.push_back({server_->timeline.era(), wall});
  }
  void skip_past(UnixMs time) { server_->timeline.skip_past(time, clocks_); }
  [[nodiscard]] std::size_t resets() const { return resets_.size(); }
  [[nodiscard]] bool is_done() const { return done_ == thread_count; }

 private:
  void make(std::size_t count, unsigned seed, std::vector<Made>& made) {
    std::mt19937_64 random(seed);
    Session session;
    const std::size_t number = seed % layouts.size();
    session.join(*server_, layouts[number]);
    while (made.size() < count) {
      if (random() % 64 == 0) {
        session.leave();
        session.join(*server_, layouts[number]);
      }
      if (random() % 256 == 0) skip_the_next();
      if (Id id; session.next(id)) {
        keep(made, {number, id, made.back().era});
      } else {
        reserve_and_take(session, number, 1 + random() % 40, made);
      }
    }
    session.leave();
    ++done_;
  }

  void reserve_and_take(Session& session, std::size_t number, std::uint64_t count,
                        std::vector<Made>& made) {
    const std::uint64_t finished = finished_;
    const auto now = server_->timeline.now(clocks_);
    if (!now) return std::this_thread::yield();
    const Terms terms{.bounds = {.floor = now->floor, .horizon = no_horizon},
                      .grant = Grant::for_ever(0)};
    const Outcome outcome = session.reserve(*now, terms, count);
    if (outcome == Outcome::spent) return std::this_thread::yield();
    ASSERT_EQ(outcome, Outcome::ready);
    const Run run = session.take(count);
    for (std::uint64_t i = 0; i < run.count; ++i)
      keep(made, {number, run.first + i * run.step, now->era});
    EXPECT_GE(point_of(*now), finished) << "earlier than an ID finished before";
    finish(point_of(*now));
  }

  void skip_the_next() {
    const Era era = server_->timeline.era();
    const UnixMs used = server_->timeline.latest();
    skip_past(used);
    const auto now = server_->timeline.now(clocks_);
    EXPECT_TRUE(!now || now->era != era || now->ms() > used);
  }

  static void keep(std::vector<Made>& made, const Made& one) {
    EXPECT_TRUE(made.empty() || made.back().era != one.era || one.id > made.back().id)
        << "does not rise";
    made.push_back(one);
  }

  /// Eras one after the other, and the time within them.
  static std::uint64_t point_of(const Instant& now) {
    return now.era << 43 | static_cast<std::uint64_t>(now.ms());
  }

  void finish(std::uint64_t point) {
    std::uint64_t seen = finished_;
    while (seen < point && !finished_.compare_exchange_weak(seen, point)) {
    }
  }

  // An ID may be made again only if a reset came between, and the clock had not reached it.
  void check(const std::vector<std::vector<Made>>& made) {
    std::vector<Made> all;
    for (const auto& each : made) all.insert(all.end(), each.begin(), each.end());
    check_statistics(all);
    std::ranges::sort(all, {}, &Made::order);
    for (std::size_t i = 1; i < all.size(); ++i) {
      const Made &before = all[i - 1], &after = all[i];
      if (before.layout != after.layout || before.id != after.id) continue;
      ASSERT_NE(before.era, after.era) << "an ID was handed out twice";
      const Layout& layout = layouts[after.layout];
      const UnixMs time = layout.time_at(layout.decode(after.id).tick);
      ASSERT_TRUE(std::ranges::any_of(resets_, [&](const Reset& each) {
        return each.era > before.era && each.era <= after.era && each.wall < time;
      })) << "the clock had passed it";
    }
  }

  /// Every ID is counted, and once.
  void check_statistics(const std::vector<Made>& all) const {
    for (const LayoutStatistics& entry : server_->statistics) {
      const std::optional<Layout> layout = entry.layout();
      if (!layout) continue;
      const auto ids = std::ranges::count_if(
          all, [&](const Made& each) { return layouts[each.layout] == *layout; });
      EXPECT_EQ(entry.of(Count::ids), static_cast<std::uint64_t>(ids));
    }
  }

  const Clocks clocks_;
  std::unique_ptr<Server> server_ = std::make_unique<Server>();
  std::atomic<std::uint64_t> finished_ = 0;  // the latest point of which somebody has an ID
  std::vector<Reset> resets_;
  std::atomic<unsigned> done_ = 0;
};

/// Moves the fake clock until it goes out of scope, and sometimes steps it, either way.
class JumpingClock {
 public:
  ~JumpingClock() {
    stop_ = true;
    thread_.join();
  }

 private:
  void jump() {
    std::mt19937_64 random(1);
    while (!stop_) {
      const auto kind = random() % 16;
      const auto far = static_cast<UnixMs>(random() % 1000);
      const auto near = static_cast<UnixMs>(random() % 8);
      FakeClock::pass_ns(static_cast<std::int64_t>(random() % 900'000));
      FakeClock::step_ms(kind == 0 ? -far : kind == 1 ? far : kind == 2 ? -near : 0);
      if (random() % 256 == 0) FakeClock::pass_ms(1000);
      std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
  }

  std::atomic<bool> stop_ = false;
  std::thread thread_{[this] { jump(); }};
};

TEST(Threads, MakeNoIdTwiceUnderARealClock) { Race(system_clocks).run(scaled(5'000)); }

TEST(Threads, MakeNoIdTwiceUnderAClockThatJumps) {
  FakeClock::start(start);
  Race race(fake_clocks);
  const JumpingClock clock;
  race.run(scaled(20'000));
}

// Time is pushed ahead, and reset to what the clock says, again and again.
TEST(Threads, MakeNoIdTwiceThatTheClockHadPassedBeforeAReset) {
  FakeClock::start(start);
  Race race(fake_clocks);
  const JumpingClock clock;
  race.run(scaled(20'000), [&] {
    std::mt19937_64 random(1);
    while (!race.is_done()) {
      race.skip_past(FakeClock::wall_ms() + static_cast<UnixMs>(random() % 5000));
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 500));
      race.reset();
    }
  });
  EXPECT_GT(race.resets(), 0U);
}

// All of them want the very same few positions, again and again.
TEST(Threads, MakeNoIdTwiceUnderAClockThatStandsStill) {
  for (auto round = scaled(200); round > 0; --round) {
    FakeClock::start(start);
    const auto server = std::make_unique<Server>();
    server->timeline.begin(fake_clocks);
    std::atomic<std::size_t> made = 0;
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < thread_count; ++i)
      threads.emplace_back([&] {
        Session session;
        session.join(*server, two_workers);
        const Terms terms{.bounds = {.floor = 0, .horizon = no_horizon},
                          .grant = Grant::for_ever(0)};
        const auto reserve = [&] {
          return session.reserve(*server->timeline.now(fake_clocks), terms, 1);
        };
        while (made <= 2 * two_workers.capacity() && reserve() == Outcome::ready)
          made += session.take(3).count;
        session.leave();
      });
    for (std::thread& thread : threads) thread.join();
    EXPECT_LE(made, 2 * two_workers.capacity());
    EXPECT_GT(made, 0U);
  }
}

}  // namespace
}  // namespace snowflake::test
