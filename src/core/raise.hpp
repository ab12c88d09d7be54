// Raises a word that others raise as well: whoever comes last, the largest value stays.
//
//     raise(latest, now);
//
// In the one order of all threads (sequentially consistent), on which Timeline::end_era() relies.
#pragma once

#include <atomic>
#include <cstdint>

namespace snowflake {

inline void raise(std::atomic<std::int64_t>& word, std::int64_t value) {
  std::int64_t seen = word.load();
  while (seen < value && !word.compare_exchange_weak(seen, value)) {
  }
}

}  // namespace snowflake
