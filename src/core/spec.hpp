// What makes a sequence a generator: its layout and options, written into the parameters of the sequence itself.
//
// So a generator is its sequence and nothing else. Whatever PostgreSQL does with a sequence it does with a generator:
// dump, restore, copy, upgrade, rename, give away, drop; there is no second place that could be forgotten.
//
//     CREATE SEQUENCE orders_id START 1 INCREMENT 9223372036854775807 NO CYCLE
//       MINVALUE -…   the layout's epoch, order of fields, widths of timestamp and node; whether ordered
//       MAXVALUE …    version of this format, the rate limit, the layout's unit; subtracted from the largest bigint
//       CACHE …       prefix, encoding, the widths of worker, shard and sequence
//
// From 1 on, the increment overflows: nextval() fails. The sequence's value means nothing.
//
// Guarantees: unpack() gives what pack() was given; of other parameters it gives a valid spec or nothing. The format is
// stored in catalogs and dumps: its numbers never change, and a new version gets a new number.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/layout.hpp"
#include "core/rate.hpp"
#include "core/text.hpp"

namespace snowflake {

/// What stands before the text form of an ID: up to 7 of A-Z a-z 0-9 _.
class Prefix {
 public:
  static constexpr std::size_t max_length = 7;

  constexpr Prefix() = default;

  /// Nothing if the text is too long or has other characters.
  [[nodiscard]] static std::optional<Prefix> of(std::string_view text);

  [[nodiscard]] constexpr std::string_view text() const { return {text_, length_}; }
  // Not defaulted: g++ 10 finds arrays unequal (its bug 93480).
  [[nodiscard]] constexpr bool operator==(const Prefix& other) const {
    return text() == other.text();
  }

 private:
  friend struct PrefixBits;

  char text_[max_length] = {};
  std::uint8_t length_ = 0;
};

struct GeneratorSpec {
  Layout layout = standard_layout;
  bool ordered = false;  ///< IDs rise in the order of the calls of all sessions
  Encoding encoding = Encoding::base62;
  Prefix prefix;
  std::uint32_t rate_limit = 0;  ///< IDs a second, up to most_ids_per_second; 0: none

  [[nodiscard]] constexpr bool operator==(const GeneratorSpec&) const = default;
};

/// As in pg_sequence.
struct SequenceParameters {
  std::int64_t start;
  std::int64_t increment;
  std::int64_t min;
  std::int64_t max;
  std::int64_t cache;
  bool cycle = false;

  [[nodiscard]] constexpr bool operator==(const SequenceParameters&) const = default;
};

[[nodiscard]] SequenceParameters pack(const GeneratorSpec& spec);

/// Nothing if these are not the parameters of a generator.
[[nodiscard]] std::optional<GeneratorSpec> unpack(const SequenceParameters& parameters);

}  // namespace snowflake
