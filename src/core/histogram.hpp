// How often each number occurs, in memory that does not grow with them; and from that, their quantiles.
//
//     Histogram rates;
//     rates.add(3);
//     rates.quantile(99, 100)   // the smallest number that at least 99 % of them do not exceed
//
// Guarantees: numbers below 2048 are kept exactly; of larger ones, 11 binary digits: a quantile is too small by less
// than 0.1 %.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace snowflake {

class Histogram {
 public:
  void add(std::uint64_t number) {
    ++counts_[bucket_of(number)];
    ++total_;
  }

  [[nodiscard]] std::uint64_t total() const { return total_; }

  /// The number at rank total * part / of, rounded up; 0 if there is none.
  [[nodiscard]] std::uint64_t quantile(std::uint64_t part, std::uint64_t of) const {
    const std::uint64_t rank = total_ / of * part + (total_ % of * part + of - 1) / of;
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < buckets; ++bucket)
      if ((seen += counts_[bucket]) >= rank) return smallest_in(bucket);
    return 0;
  }

 private:
  static constexpr int digits = 11;
  static constexpr std::size_t exact = std::size_t{1} << digits;
  static constexpr std::size_t half = exact / 2;  // buckets of numbers of one bit width
  static constexpr std::size_t buckets = exact + (64 - digits) * half;

  static constexpr std::size_t bucket_of(std::uint64_t number) {
    if (number < exact) return number;
    const auto dropped = static_cast<int>(std::bit_width(number)) - digits;
    return static_cast<std::size_t>(dropped) * half + static_cast<std::size_t>(number >> dropped);
  }

  static constexpr std::uint64_t smallest_in(std::size_t bucket) {
    if (bucket < exact) return bucket;
    const std::size_t dropped = bucket / half - 1;
    return static_cast<std::uint64_t>(bucket - dropped * half) << dropped;
  }

  std::uint64_t counts_[buckets] = {};
  std::uint64_t total_ = 0;
};

}  // namespace snowflake
