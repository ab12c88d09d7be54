// A value that one process publishes, and any number read: in shared memory, whole, without locks.
//
//     Published<Grant> grant;            // zeroed memory is a Grant of zeroes
//     grant.publish({.node = 3, ...});   // one writer
//     const Grant copy = grant.read();   // never half of one and half of another
//
// There are two copies. The writer fills the one that nobody is sent to, and then sends readers there. So a writer that
// is stopped, or killed, in the middle holds nobody up; and a reader has to begin again only if two values were
// published while it read one.
//
// Why a torn copy is always noticed: the writer comes to the copy of `version` again only after it has stored
// version + 1. A reader that sees one of the new words, which are stored with release, also sees that version.
//
// Limits: trivially copyable values whose size is a multiple of 8; one writer at a time.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace snowflake {

template <typename Value>
class Published {
 public:
  void publish(const Value& value) {
    const std::uint64_t next = version_.load(std::memory_order_relaxed) + 1;
    std::uint64_t words[count];
    std::memcpy(words, &value, sizeof value);
    for (std::size_t i = 0; i < count; ++i)
      copies_[next % 2][i].store(words[i], std::memory_order_release);
    version_.store(next, std::memory_order_release);
  }

  [[nodiscard]] Value read() const {
    std::uint64_t words[count];
    std::uint64_t version = version_.load(std::memory_order_acquire);
    for (;;) {
      for (std::size_t i = 0; i < count; ++i)
        words[i] = copies_[version % 2][i].load(std::memory_order_acquire);
      const std::uint64_t after = version_.load(std::memory_order_acquire);
      if (after == version) break;
      version = after;
    }
    Value value;
    std::memcpy(static_cast<void*>(&value), words, sizeof value);
    return value;
  }

 private:
  static constexpr std::size_t count = sizeof(Value) / sizeof(std::uint64_t);
  static_assert(std::is_trivially_copyable_v<Value> && sizeof(Value) % sizeof(std::uint64_t) == 0);
  static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

  std::atomic<std::uint64_t> version_ = 0;
  std::atomic<std::uint64_t> copies_[2][count] = {};
};

}  // namespace snowflake
