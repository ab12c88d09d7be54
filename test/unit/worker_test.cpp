// A worker gives no position twice, whoever races for it.
#include "core/worker.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <random>
#include <thread>
#include <vector>

#include "unit/rounds.hpp"

namespace snowflake::test {
namespace {

constexpr unsigned sequence_bits = 4;
constexpr std::uint64_t capacity = std::uint64_t{1} << sequence_bits;

constexpr Position at(Tick tick, std::uint64_t sequence) {
  return static_cast<Position>(tick) * capacity + sequence;
}

std::optional<Range> take(Worker& worker, Tick tick, std::uint64_t count) {
  return worker.take({.tick = tick, .count = count, .sequence_bits = sequence_bits});
}

void expect_range(const std::optional<Range>& range, Position begin, Position end) {
  ASSERT_TRUE(range);
  EXPECT_EQ(range->begin, begin);
  EXPECT_EQ(range->end, end);
}

TEST(Worker, GivesOnePositionAfterTheOther) {
  Worker worker;
  expect_range(take(worker, 7, 1), at(7, 0), at(7, 1));
  expect_range(take(worker, 7, 5), at(7, 1), at(7, 6));
  expect_range(take(worker, 7, 1), at(7, 6), at(7, 7));
}

TEST(Worker, GivesOnlyOfTheTickThatIsAskedFor) {
  Worker worker;
  expect_range(take(worker, 7, 10), at(7, 0), at(7, 10));
  expect_range(take(worker, 7, 1000), at(7, 10), at(8, 0));
  EXPECT_FALSE(take(worker, 7, 1)) << "spent";
  expect_range(take(worker, 8, 1), at(8, 0), at(8, 1));
  EXPECT_FALSE(take(worker, 7, 1)) << "left behind";
}

TEST(Worker, PassesByWhatAnEarlierTickHasLeft) {
  Worker worker;
  expect_range(take(worker, 7, 1), at(7, 0), at(7, 1));
  expect_range(take(worker, 1000, 1), at(1000, 0), at(1000, 1));
  EXPECT_FALSE(take(worker, 7, 1));
}

TEST(Worker, HoldsTheLastTickOfAllLayouts) {
  Worker worker;
  const Tick last = (Tick{1} << 59) - 1;  // with 4 bits of sequence: 63 in all
  expect_range(take(worker, last, capacity), at(last, 0), Position{1} << 63);
  EXPECT_FALSE(take(worker, last, 1));
}

TEST(Worker, TakesBackWhatNobodyTookAfter) {
  Worker worker;
  const auto range = take(worker, 7, 10);
  worker.give_back({range->begin + 4, range->end});
  expect_range(take(worker, 7, 1), at(7, 4), at(7, 5));
}

TEST(Worker, KeepsWhatSomebodyTookAfter) {
  Worker worker;
  const auto range = take(worker, 7, 10);
  expect_range(take(worker, 7, 1), at(7, 10), at(7, 11));
  worker.give_back({range->begin, range->end});
  expect_range(take(worker, 7, 1), at(7, 11), at(7, 12));
}

TEST(Worker, KeepsWhatALaterTickPassedBy) {
  Worker worker;
  const auto range = take(worker, 7, 10);
  expect_range(take(worker, 8, 1), at(8, 0), at(8, 1));
  worker.give_back({range->begin, range->end});
  expect_range(take(worker, 8, 1), at(8, 1), at(8, 2));
}

TEST(Worker, CountsTenants) {
  Worker worker;
  EXPECT_EQ(worker.tenants(), 0U);
  worker.move_in();
  worker.move_in();
  worker.move_out();
  EXPECT_EQ(worker.tenants(), 1U);
}

/// Takes of `tick` until it is spent, gives back now and then; what it keeps, it adds to `kept`.
void race(Worker& worker, std::atomic<Tick>& tick, Tick last, std::uint64_t seed,
          std::vector<Position>& kept) {
  std::mt19937_64 random(seed);
  for (Tick now = tick; now <= last; now = tick) {
    const auto range = take(worker, now, random() % 4 + 1);
    if (!range) {
      tick.compare_exchange_strong(now, now + 1);
      continue;
    }
    const Position used = range->begin + random() % (range->end - range->begin + 1);
    for (Position position = range->begin; position < used; ++position) kept.push_back(position);
    if (used < range->end) worker.give_back({used, range->end});
  }
}

TEST(Worker, GivesNoPositionTwiceToManyThreads) {
  constexpr unsigned thread_count = 8;
  const Tick last = 100'000 + static_cast<Tick>(scaled(100'000));
  Worker worker;
  std::atomic<Tick> tick = 0;
  std::vector<std::vector<Position>> kept(thread_count);
  std::latch ready(thread_count);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < thread_count; ++i)
    threads.emplace_back([&, i] {
      ready.arrive_and_wait();
      race(worker, tick, last, i, kept[i]);
    });
  for (std::thread& thread : threads) thread.join();

  std::vector<Position> all;
  for (const auto& each : kept) all.insert(all.end(), each.begin(), each.end());
  std::ranges::sort(all);
  EXPECT_EQ(std::ranges::adjacent_find(all), all.end()) << "a position was given twice";
  EXPECT_GT(all.size(), static_cast<std::size_t>(last) * capacity / 8) << "too little was given";
}

}  // namespace
}  // namespace snowflake::test
