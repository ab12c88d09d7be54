// Who has used IDs, from when to when: counts them by a key, such as the node, in memory that does not grow.
//
//     UseTally nodes;
//     nodes.add(layout.decode(id).node, id);        // IDs in ascending order
//     for (const Use& use : nodes.most_used(64)) …  // by key
//
// Limits: of the first 8192 keys. IDs of others are counted together: left_out().
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/layout.hpp"

namespace snowflake {

struct Use {
  std::uint64_t key;
  std::uint64_t ids;  ///< 0: the slot is free
  Id first;
  Id last;
};

class UseTally {
 public:
  static constexpr std::size_t capacity = 8192;

  void add(std::uint64_t key, Id id) {
    if (Use* use = slot_of(key)) {
      if (use->ids++ == 0) start(*use, key, id);
      use->last = id;
    } else {
      ++left_out_;
    }
  }

  /// How many keys were counted.
  [[nodiscard]] std::size_t keys() const { return keys_; }

  /// IDs of keys that were not.
  [[nodiscard]] std::uint64_t left_out() const { return left_out_; }

  /// The keys with most IDs, at most so many, in the order of the keys. Ends the counting.
  [[nodiscard]] std::span<const Use> most_used(std::size_t most) {
    Use* end = std::remove_if(slots_, slots_ + slots, [](const Use& use) { return use.ids == 0; });
    std::sort(slots_, end, [](const Use& a, const Use& b) {
      return a.ids != b.ids ? a.ids > b.ids : a.key < b.key;
    });
    const std::size_t count = std::min(most, keys_);
    std::sort(slots_, slots_ + count, [](const Use& a, const Use& b) { return a.key < b.key; });
    return {slots_, count};
  }

 private:
  static constexpr std::size_t slots = 2 * capacity;

  void start(Use& use, std::uint64_t key, Id id) {
    use.key = key;
    use.first = id;
    ++keys_;
  }

  /// That of the key, or a free one; nullptr if there is none.
  [[nodiscard]] Use* slot_of(std::uint64_t key) {
    if (recent_->ids > 0 && recent_->key == key) return recent_;
    std::size_t at = (key * 0x9E3779B97F4A7C15) >> 50;  // 14 bits, as many as slots has
    while (slots_[at].ids > 0 && slots_[at].key != key) at = (at + 1) % slots;
    if (slots_[at].ids == 0 && keys_ == capacity) return nullptr;
    return recent_ = &slots_[at];
  }
  static_assert(slots == std::size_t{1} << 14);

  Use slots_[slots] = {};
  Use* recent_ = slots_;
  std::size_t keys_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace snowflake
