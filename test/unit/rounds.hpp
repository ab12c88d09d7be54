// How long random tests run, and from which seed.
//
//     for (std::uint64_t seed : seeds()) {
//       SCOPED_TRACE(repeat_with(seed));
//       std::mt19937_64 random(seed);
//
// SNOWFLAKE_TEST_ROUNDS is the number of random schedules (what else is repeated scales with it);
// SNOWFLAKE_TEST_SEED is the seed of the first.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

namespace snowflake::test {

inline constexpr std::uint64_t default_rounds = 10'000;

inline std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

inline std::uint64_t rounds() { return setting("SNOWFLAKE_TEST_ROUNDS", default_rounds); }

/// `thorough`, or as much less (or more) as SNOWFLAKE_TEST_ROUNDS asks for; at least one.
inline std::uint64_t scaled(std::uint64_t thorough) {
  return thorough * rounds() / default_rounds + 1;
}

inline std::vector<std::uint64_t> seeds() {
  std::vector<std::uint64_t> all(rounds());
  for (std::uint64_t seed = setting("SNOWFLAKE_TEST_SEED", 1); std::uint64_t & each : all)
    each = seed++;
  return all;
}

inline std::string repeat_with(std::uint64_t seed) {
  return "repeat with SNOWFLAKE_TEST_ROUNDS=1 SNOWFLAKE_TEST_SEED=" + std::to_string(seed);
}

}  // namespace snowflake::test
