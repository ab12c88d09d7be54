// A worker gives no position twice, whoever races for it and however long the blocks are.
#include "core/worker.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <random>
#include <thread>
#include <vector>

#include "core/layout.hpp"
#include "unit/rounds.hpp"

namespace snowflake::test {
namespace {

constexpr unsigned fraction_bits = 21;
constexpr unsigned block_bits = 17;  // 16 blocks a tick
constexpr std::uint64_t capacity = std::uint64_t{1} << (fraction_bits - block_bits);

constexpr Position at(Tick tick, std::uint64_t block = 0, unsigned bits = block_bits) {
  return (static_cast<Position>(tick) << fraction_bits) + (block << bits);
}

constexpr Request request(Tick tick, std::uint64_t count, unsigned bits = block_bits) {
  return {.begin = at(tick), .end = at(tick + 1), .block_bits = bits, .count = count};
}

std::optional<Range> take(Worker& worker, Tick tick, std::uint64_t count,
                          unsigned bits = block_bits) {
  return worker.take(request(tick, count, bits));
}

void expect_range(const std::optional<Range>& range, Position begin, Position end) {
  ASSERT_TRUE(range);
  EXPECT_EQ(range->begin, begin);
  EXPECT_EQ(range->end, end);
}

TEST(Worker, GivesOneBlockAfterTheOther) {
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

TEST(Worker, GivesNothingBeyondTheEnd) {
  Worker worker;
  Request until_block_3 = request(7, 100);
  until_block_3.end = at(7, 3);
  EXPECT_EQ(worker.blocks_left(until_block_3), 3U);
  expect_range(worker.take(until_block_3), at(7, 0), at(7, 3));
  EXPECT_EQ(worker.blocks_left(until_block_3), 0U);
  EXPECT_FALSE(worker.take(until_block_3));
  EXPECT_EQ(worker.blocks_left(request(7, 1)), capacity - 3);
}

TEST(Worker, PassesByWhatAnEarlierTickHasLeft) {
  Worker worker;
  expect_range(take(worker, 7, 1), at(7, 0), at(7, 1));
  expect_range(take(worker, 1000, 1), at(1000, 0), at(1000, 1));
  EXPECT_FALSE(take(worker, 7, 1));
}

TEST(Worker, HoldsTheLastTickOfAll) {
  Worker worker;
  const Tick last = (Tick{1} << 43) - 1;
  const Request most{.begin = at(last),
                     .end = ~Position{0} << block_bits,
                     .block_bits = block_bits,
                     .count = capacity - 1};
  expect_range(worker.take(most), at(last), most.end);
  EXPECT_FALSE(worker.take(most));
}

TEST(Worker, GivesWholeBlocksOfAnyLength) {
  Worker worker;
  expect_range(take(worker, 7, 1, 0), at(7), at(7) + 1);
  expect_range(take(worker, 7, 1, 17), at(7, 1), at(7, 2));
  expect_range(take(worker, 7, 1, 3), at(7, 2), at(7, 2) + 8);
  expect_range(take(worker, 7, 9, 20), at(7, 1, 20), at(8));
  EXPECT_FALSE(take(worker, 7, 1, 0)) << "spent for all";
}

TEST(Worker, HasNoBlockLeftWhereNoWholeOneIs) {
  Worker worker;
  expect_range(take(worker, 7, capacity - 1), at(7), at(7, capacity - 1));
  EXPECT_EQ(worker.blocks_left(request(7, 1, 20)), 0U);
  EXPECT_FALSE(take(worker, 7, 1, 20));
  expect_range(take(worker, 7, 1), at(7, capacity - 1), at(8));
}

TEST(Worker, TakesBackWhatNobodyTookAfter) {
  Worker worker;
  const auto range = take(worker, 7, 10);
  worker.give_back({range->begin + (Position{4} << block_bits), range->end});
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

TEST(Worker, GivesNothingForARequestThatIsOutdated) {
  Worker worker;
  EXPECT_FALSE(worker.take(request(7, 1), [] { return false; }));
  expect_range(take(worker, 7, 1), at(7, 0), at(7, 1));
}

// A reset while a session takes: before it has moved the cursor, and after.
TEST(Worker, GivesNothingOfBeforeAReset) {
  Worker worker;
  EXPECT_FALSE(worker.take(request(7, 1), [] { return false; }));
  expect_range(take(worker, 3, 1), at(3, 0), at(3, 1));
  const auto reset = [&] {
    worker.reset(at(2));
    return false;
  };
  EXPECT_FALSE(worker.take(request(7, 1), reset));
  expect_range(take(worker, 2, 1), at(2, 1), at(2, 2));
}

TEST(Worker, GoesOnAtAResetsPositionAlthoughItWasThereBefore) {
  Worker worker;
  (void)take(worker, 9, 1);
  worker.reset(at(7));
  expect_range(take(worker, 7, 1), at(7, 1), at(7, 2));
}

TEST(Worker, CountsTenants) {
  Worker worker;
  EXPECT_EQ(worker.sessions(), 0U);
  worker.move_in();
  worker.move_in();
  worker.move_out();
  EXPECT_EQ(worker.sessions(), 1U);
}

// Sessions of any width at one cursor, in any order: what they are given is theirs alone, whole blocks of the tick.
TEST(Worker, GivesNoPositionTwiceWhateverTheBlocks) {
  std::mt19937_64 random(1);
  for (std::uint64_t round = scaled(20'000); round > 0; --round) {
    Worker worker;
    Position end_of_last = 0;
    Tick tick = 5;
    for (unsigned step = 0; step < 50; ++step) {
      if (random() % 8 == 0) tick += static_cast<Tick>(random() % 3);
      const auto bits = static_cast<unsigned>(random() % (fraction_bits + 1));
      const std::uint64_t most = std::uint64_t{1} << (fraction_bits - bits);
      const std::uint64_t count = 1 + random() % std::min<std::uint64_t>(most, 1 + most / 4);
      const std::uint64_t left = worker.blocks_left(request(tick, count, bits));
      const auto range = take(worker, tick, count, bits);
      ASSERT_EQ(range.has_value(), left > 0);
      if (!range) continue;
      ASSERT_GE(range->begin, std::max(at(tick), end_of_last));
      ASSERT_LE(range->end, at(tick + 1));
      ASSERT_LT(range->begin, range->end);
      ASSERT_EQ((range->begin | range->end) & ((Position{1} << bits) - 1), 0U) << "whole blocks";
      ASSERT_LT(range->begin - std::max(at(tick), end_of_last), Position{1} << bits)
          << "leaves less than a block";
      ASSERT_EQ((range->end - range->begin) >> bits, std::min(count, left));
      end_of_last = range->end;
      if (random() % 4 == 0) {  // uses a part and gives back the rest
        const std::uint64_t used = random() % (((range->end - range->begin) >> bits) + 1);
        end_of_last = range->begin + (used << bits);
        worker.give_back({end_of_last, range->end});
      }
    }
  }
}

/// Takes of `tick` until it is spent, gives back now and then; what it keeps, it adds to `kept`.
void race(Worker& worker, std::atomic<Tick>& tick, Tick last, std::uint64_t seed,
          std::vector<Position>& kept) {
  std::mt19937_64 random(seed);
  const unsigned bits = block_bits + seed % 2;  // two widths
  for (Tick now = tick; now <= last; now = tick) {
    const auto range = take(worker, now, random() % 4 + 1, bits);
    if (!range) {
      if (bits == block_bits) tick.compare_exchange_strong(now, now + 1);
      continue;
    }
    const std::uint64_t blocks = (range->end - range->begin) >> bits;
    const Position used = range->begin + (random() % (blocks + 1) << bits);
    for (Position position = range->begin; position < used; position += Position{1} << block_bits)
      kept.push_back(position);
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
