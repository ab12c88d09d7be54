// Numbers of the last few periods (ticks, seconds, minutes), in shared memory, without locks.
//
//     Recent<2> used;                    // zeroed memory has no numbers yet
//     used.add(second, 12);              // any number of threads
//     const std::uint32_t last = used.of(second - 1);
//
// A period has a slot, and takes it from the period that had it `periods` ago. Number and period stand in one word, so
// that a number is never taken for that of another period.
//
// Limits: a number ends at 2^32 - 1, and stays there. What comes later than `periods` is left out; it must not come
// later than 2^20, for periods are told apart by their lower 32 bits, and a slot may be old.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>

namespace snowflake {

template <unsigned periods>
class Recent {
 public:
  /// Adds to the number of a period; gives the sum, 0 if it came too late.
  std::uint32_t add(std::int64_t period, std::uint64_t amount) {
    return change(period, [amount](std::uint64_t number) { return number + amount; });
  }

  /// Raises the number of a period to at least that.
  void raise(std::int64_t period, std::uint64_t least) {
    change(period, [least](std::uint64_t number) { return std::max(number, least); });
  }

  /// The number of a period; 0 if there is none.
  [[nodiscard]] std::uint32_t of(std::int64_t period) const {
    const std::uint64_t word = slot_of(period).load(std::memory_order_relaxed);
    return period_in(word) == static_cast<std::uint32_t>(period) ? number_in(word) : 0;
  }

  void clear() {
    for (std::atomic<std::uint64_t>& slot : slots_) slot.store(0, std::memory_order_relaxed);
  }

 private:
  static constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
  static constexpr std::int32_t latest = -(1 << 20);

  static std::uint32_t period_in(std::uint64_t word) {
    return static_cast<std::uint32_t>(word >> 32);
  }
  static std::uint32_t number_in(std::uint64_t word) { return static_cast<std::uint32_t>(word); }

  template <typename Change>
  std::uint32_t change(std::int64_t period, Change change) {
    const auto key = static_cast<std::uint32_t>(period);
    std::atomic<std::uint64_t>& slot = slot_of(period);
    std::uint64_t word = slot.load(std::memory_order_relaxed);
    for (;;) {
      const auto later = static_cast<std::int32_t>(key - period_in(word));
      if (later < 0 && later >= latest) return 0;
      const std::uint64_t number = std::min(change(later == 0 ? number_in(word) : 0), most);
      if (later == 0 && number == number_in(word)) return number_in(word);
      if (slot.compare_exchange_weak(word, std::uint64_t{key} << 32 | number,
                                     std::memory_order_relaxed))
        return static_cast<std::uint32_t>(number);
    }
  }

  [[nodiscard]] std::atomic<std::uint64_t>& slot_of(std::int64_t period) {
    return slots_[static_cast<std::uint64_t>(period) % periods];
  }
  [[nodiscard]] const std::atomic<std::uint64_t>& slot_of(std::int64_t period) const {
    return slots_[static_cast<std::uint64_t>(period) % periods];
  }

  std::atomic<std::uint64_t> slots_[periods] = {};
};

}  // namespace snowflake
