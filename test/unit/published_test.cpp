// What is published is read whole, by any number of readers, and nobody waits for a writer that was stopped.
#include "core/published.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "unit/rounds.hpp"

namespace snowflake::test {
namespace {

struct Three {
  std::uint64_t first, second, third;
};

TEST(Published, ZeroesBeforeAnythingIsPublished) {
  const Published<Three> published;
  EXPECT_EQ(published.read().third, 0U);
}

TEST(Published, TheLastValueIsRead) {
  Published<Three> published;
  for (std::uint64_t i = 1; i < 5; ++i) {
    published.publish({i, 2 * i, 3 * i});
    const Three read = published.read();
    EXPECT_EQ(read.first, i);
    EXPECT_EQ(read.second, 2 * i);
    EXPECT_EQ(read.third, 3 * i);
  }
}

TEST(Published, NeverHalfOfOneValueAndHalfOfAnother) {
  Published<Three> published;
  std::atomic<bool> stop = false;
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i)
    readers.emplace_back([&] {
      std::uint64_t before = 0;
      while (!stop) {
        const Three read = published.read();
        ASSERT_EQ(read.second, 2 * read.first);
        ASSERT_EQ(read.third, 3 * read.first);
        ASSERT_GE(read.first, before);
        before = read.first;
      }
    });
  const std::uint64_t values = scaled(1'000'000);
  for (std::uint64_t i = 1; i < values; ++i) published.publish({i, 2 * i, 3 * i});
  stop = true;
  for (std::thread& reader : readers) reader.join();
}

}  // namespace
}  // namespace snowflake::test
