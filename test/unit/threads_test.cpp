// Many sessions, each in its thread, on few workers: no ID twice, each session rising, under a real
// clock and under one that jumps. Run it with the thread sanitizer.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <random>
#include <thread>
#include <vector>

#include "core/session.hpp"
#include "unit/fake_clock.hpp"
#include "unit/layouts.hpp"
#include "unit/rounds.hpp"

namespace snowflake::test {
namespace {

constexpr unsigned thread_count = 12;
constexpr Tick day = 86'400'000;
constexpr Layout two_workers = layout_of({.timestamp = 41, .node = 5, .worker = 1, .sequence = 5});

using WallClock = std::int64_t (*)();

class Race {
 public:
  explicit Race(WallClock wall_clock) : wall_clock_(wall_clock) {}

  void run(std::size_t ids_a_thread) {
    std::vector<std::vector<Id>> made(thread_count);
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < thread_count; ++i)
      threads.emplace_back([&, i] { make(ids_a_thread, i, made[i]); });
    for (std::thread& thread : threads) thread.join();
    expect_no_id_twice(made);
  }

 private:
  void make(std::size_t count, unsigned seed, std::vector<Id>& made) {
    std::mt19937_64 random(seed);
    Session session;
    session.join(space_, two_workers);
    while (made.size() < count) {
      if (random() % 64 == 0) {
        session.leave();
        session.join(space_, two_workers);
      }
      if (random() % 256 == 0) observe_the_next_tick();
      if (Id id; session.next(id)) {
        keep(made, id);
      } else {
        reserve_and_take(session, 1 + random() % 40, made);
      }
    }
    session.leave();
  }

  void reserve_and_take(Session& session, std::uint64_t count, std::vector<Id>& made) {
    const Tick finished = finished_;
    const Reading reading = space_.read(two_workers, wall_clock_);
    const Moment moment = session.reserve(reading, terms_, count);
    if (moment.outcome == Outcome::wait) return std::this_thread::yield();
    ASSERT_EQ(moment.outcome, Outcome::ready);
    const Run run = session.take(count);
    for (std::uint64_t i = 0; i < run.count; ++i) keep(made, run.first + i * run.step);
    EXPECT_GE(moment.tick, finished) << "earlier than an ID that was finished before";
    finish(moment.tick);
  }

  void observe_the_next_tick() {
    const Tick used = space_.latest();
    const Limits limits = limits_of(two_workers, day);
    const Reading reading = space_.read(two_workers, wall_clock_);
    ASSERT_EQ(space_.observe(used, reading, limits).outcome, Outcome::ready);
    EXPECT_GT(space_.latest(), used);
  }

  static void keep(std::vector<Id>& made, Id id) {
    EXPECT_TRUE(made.empty() || id > made.back()) << "does not rise";
    made.push_back(id);
  }

  void finish(Tick tick) {
    Tick seen = finished_;
    while (seen < tick && !finished_.compare_exchange_weak(seen, tick)) {
    }
  }

  static void expect_no_id_twice(const std::vector<std::vector<Id>>& made) {
    std::vector<Id> all;
    for (const auto& each : made) all.insert(all.end(), each.begin(), each.end());
    std::ranges::sort(all);
    EXPECT_EQ(std::ranges::adjacent_find(all), all.end()) << "an ID was handed out twice";
  }

  const WallClock wall_clock_;
  const Terms terms_{.node = 3, .max_drift = day, .horizon = std::numeric_limits<Tick>::max()};
  Space space_;
  std::atomic<Tick> finished_ = 0;
};

/// Moves the fake clock both ways until it goes out of scope.
class JumpingClock {
 public:
  JumpingClock() { FakeClock::set(two_workers, 10'000'000); }
  ~JumpingClock() {
    stop_ = true;
    thread_.join();
  }

 private:
  void jump() {
    std::mt19937_64 random(1);
    while (!stop_) {
      const auto kind = random() % 16;
      const auto far = static_cast<Tick>(random() % 1000);
      const auto near = static_cast<Tick>(random() % 8);
      FakeClock::advance(two_workers, kind == 0 ? -far : kind == 1 ? far : kind == 2 ? -near : 1);
      std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
  }

  std::atomic<bool> stop_ = false;
  std::thread thread_{[this] { jump(); }};
};

TEST(Threads, MakeNoIdTwiceUnderARealClock) { Race(wall_clock_ns).run(scaled(5'000)); }

TEST(Threads, MakeNoIdTwiceUnderAClockThatJumps) {
  const JumpingClock clock;
  Race(FakeClock::ns).run(scaled(20'000));
}

// All of them want the very same few positions, again and again.
TEST(Threads, MakeNoIdTwiceUnderAClockThatStandsStill) {
  for (auto round = scaled(200); round > 0; --round) {
    FakeClock::set(two_workers, static_cast<Tick>(round));
    Space space;
    std::atomic<std::size_t> made = 0;
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < thread_count; ++i)
      threads.emplace_back([&] {
        Session session;
        session.join(space, two_workers);
        const Terms terms{.node = 0, .max_drift = day, .horizon = day};
        const auto reserve = [&] {
          return session.reserve(space.read(two_workers, FakeClock::ns), terms, 1).outcome;
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
