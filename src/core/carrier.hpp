// 128-bit keys that carry an ID: UUIDv7 (RFC 9562, 5.7) and ULID. Both begin with the Unix time in
// milliseconds, 48 bits.
//
//     127          80 79  76 75        64 63 62 61                     0
//     +--------------+------+------------+-----+-----------------------+
//     | milliseconds | 0111 | ID, high 12| 10  | ID, low 51 | 11 zeros |   UUIDv7
//     +--------------+------+------------+-----+-----------------------+
//     +--------------+--------------------------------------+----------+
//     | milliseconds | ID, 63 bits                          | 17 zeros |   ULID
//     +--------------+--------------------------------------+----------+
//
// Guarantees:
//   - Keys of one layout sort like their IDs, and give them back exactly.
//   - A key is as unique as its ID, by construction: there is no random source.
//   - A key that was made in another way is refused: its time must be that of the ID in it, and its
//     zeros must be zeros, at least 59 bits in all.
#pragma once

#include <optional>

#include "core/layout.hpp"
#include "core/text.hpp"

namespace snowflake {

namespace detail {

inline constexpr std::uint64_t low_bits(unsigned count) { return (std::uint64_t{1} << count) - 1; }

/// The time of an ID, as far as 48 bits hold it.
constexpr std::uint64_t milliseconds_of(Id id, const Layout& layout) {
  return static_cast<std::uint64_t>(layout.time_at(layout.decode(id).tick)) & low_bits(48);
}

}  // namespace detail

/// Whether 48 bits hold the time of the ID: they do until the year 10889.
[[nodiscard]] constexpr bool fits_carrier(Id id, const Layout& layout) {
  return static_cast<std::uint64_t>(layout.time_at(layout.decode(id).tick)) <= detail::low_bits(48);
}

[[nodiscard]] constexpr Bits128 to_uuid(Id id, const Layout& layout) {
  return {.high = detail::milliseconds_of(id, layout) << 16 | std::uint64_t{7} << 12 | id >> 51,
          .low = std::uint64_t{2} << 62 | (id & detail::low_bits(51)) << 11};
}

[[nodiscard]] constexpr std::optional<Id> from_uuid(Bits128 uuid, const Layout& layout) {
  const Id id = (uuid.high & detail::low_bits(12)) << 51 | (uuid.low >> 11 & detail::low_bits(51));
  return to_uuid(id, layout) == uuid ? std::optional(id) : std::nullopt;
}

[[nodiscard]] constexpr Bits128 to_ulid(Id id, const Layout& layout) {
  return {.high = detail::milliseconds_of(id, layout) << 16 | id >> 47, .low = id << 17};
}

[[nodiscard]] constexpr std::optional<Id> from_ulid(Bits128 ulid, const Layout& layout) {
  const Id id = (ulid.high & detail::low_bits(16)) << 47 | ulid.low >> 17;
  return to_ulid(id, layout) == ulid ? std::optional(id) : std::nullopt;
}

}  // namespace snowflake
