// Valid layouts of every kind: fields in any order below the timestamp, absent or wide, any unit, any epoch; and those
// of which IDs can be made.
#pragma once

#include <algorithm>
#include <array>
#include <iterator>
#include <random>

#include "core/layout.hpp"
#include "core/space.hpp"

namespace snowflake::test {

/// Later than any epoch that random_layout() gives.
inline constexpr UnixMs test_now = 1'800'000'000'000;

inline std::uint64_t between(std::mt19937_64& random, std::uint64_t least, std::uint64_t most) {
  return std::uniform_int_distribution<std::uint64_t>(least, most)(random);
}

/// Either end, or anything between.
inline std::uint64_t edgy(std::mt19937_64& random, std::uint64_t least, std::uint64_t most) {
  switch (random() % 4) {
    case 0:
      return least;
    case 1:
      return most;
    default:
      return between(random, least, most);
  }
}

/// With a given unit and epoch.
inline Layout random_layout(std::mt19937_64& random, std::int32_t unit_ms, UnixMs epoch_ms) {
  Layout layout;
  layout.unit_ms = unit_ms;
  layout.epoch_ms = epoch_ms;
  // 37 bits of minutes, or more of less, end before the year 294276.
  const unsigned widest = layout.unit_ms == 1 ? 52 : 37;
  unsigned left = 63;
  layout.timestamp.width = static_cast<std::uint8_t>(edgy(random, 1, widest));
  left -= layout.timestamp.width;
  std::array<Field Layout::*, 4> lower{&Layout::sequence, &Layout::node, &Layout::worker,
                                       &Layout::shard};
  for (Field Layout::*field : lower) {
    const unsigned least = field == &Layout::sequence ? 1 : 0;
    (layout.*field).width = static_cast<std::uint8_t>(edgy(random, least, std::min(left, 31U)));
    left -= (layout.*field).width;
  }
  std::shuffle(lower.begin(), lower.end(), random);
  unsigned shift = 0;
  for (Field Layout::*field : lower) {
    if (!(layout.*field).present()) continue;
    (layout.*field).shift = static_cast<std::uint8_t>(shift);
    shift += (layout.*field).width;
  }
  layout.timestamp.shift = static_cast<std::uint8_t>(shift);
  return layout;
}

inline Layout random_layout(std::mt19937_64& random) {
  const auto unit_ms = static_cast<std::int32_t>(edgy(random, 1, max_unit_ms));
  return random_layout(random, unit_ms, static_cast<UnixMs>(edgy(random, 0, test_now)));
}

/// One of which IDs can be made.
inline Layout random_making_layout(std::mt19937_64& random) {
  const std::int32_t unit_ms = making_units[random() % std::size(making_units)];
  const auto epoch_ms = static_cast<UnixMs>(edgy(random, 0, test_now));
  return random_layout(random, unit_ms, epoch_ms - epoch_ms % unit_ms);
}

inline Id random_id(std::mt19937_64& random, const Layout& layout) {
  return random() >> (64 - layout.bits());
}

}  // namespace snowflake::test
