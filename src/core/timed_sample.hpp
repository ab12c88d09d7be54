// A few of many IDs, with the times of their rows: each as likely as any other, wherever it comes in the table.
//
//     TimedSample sample(2026);                  // the same seed, the same choice
//     sample.add({.id = id, .time = time});      // for every row
//     sample.all()                               // 4096 of them, or as many as there are
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/layout_guess.hpp"

namespace snowflake {

class TimedSample {
 public:
  static constexpr std::size_t most = 4096;

  explicit TimedSample(std::uint64_t seed) : random_(seed) {}

  void add(const TimedId& timed) {
    const std::uint64_t place = seen_ < most ? seen_ : next_random() % (seen_ + 1);
    ++seen_;
    if (place < most) chosen_[place] = timed;
  }

  [[nodiscard]] std::span<const TimedId> all() const {
    return {chosen_, static_cast<std::size_t>(std::min<std::uint64_t>(seen_, most))};
  }

 private:
  /// SplitMix64.
  std::uint64_t next_random() {
    std::uint64_t z = random_ += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }

  std::uint64_t random_;
  std::uint64_t seen_ = 0;
  TimedId chosen_[most];
};

}  // namespace snowflake
