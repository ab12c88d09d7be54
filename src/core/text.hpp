// IDs as text: shorter than decimal; for URLs, file names, people and other systems.
//
//     encode_text(Encoding::base32, 388400145978465528)  ->  "0ARYZVZXW377R"
//
// | encoding | length  | digits, lowest first                 | also read                     |
// |----------|---------|--------------------------------------|-------------------------------|
// | base32   | 13      | 0-9 A-Z without I L O U (Crockford)  | lower case; I, L as 1; O as 0 |
// | base36   | 1 to 13 | 0-9 a-z                              | upper case                    |
// | base58   | 1 to 11 | Bitcoin's: 1-9 A-Z a-z without I O l |                               |
// | base62   | 11      | 0-9 A-Z a-z                          |                               |
// | hex      | 16      | 0-9 a-f                              | upper case                    |
//
// Guarantees: decode_text() reads what encode_text() writes and what the last column adds;
// everything else is refused with the reason. Texts of fixed length sort bytewise like the IDs.
// Texts of variable length have no leading zeros.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/layout.hpp"

namespace snowflake {

/// Stored in the parameters of generators: never renumber.
enum class Encoding : std::uint8_t {
  none = 0,
  base32 = 1,
  base36 = 2,
  base58 = 3,
  base62 = 4,
  hex = 5
};

/// none if there is no encoding of that name.
[[nodiscard]] Encoding find_encoding(std::string_view name);
[[nodiscard]] std::string_view name_of(Encoding encoding);

struct EncodedText {
  char text[16];
  std::size_t length;
};

/// `encoding` must not be none.
[[nodiscard]] EncodedText encode_text(Encoding encoding, Id id);

struct DecodedText {
  const char* problem;  ///< what is wrong, in English; nullptr if nothing is
  Id id;                ///< if nothing is wrong: below 2^63
};
[[nodiscard]] DecodedText decode_text(Encoding encoding, std::string_view text);

// ULIDs (github.com/ulid/spec): 26 digits of Crockford's base32 that hold 128 bits.
inline constexpr std::size_t ulid_length = 26;
struct Bits128 {
  std::uint64_t high;
  std::uint64_t low;

  [[nodiscard]] constexpr bool operator==(const Bits128&) const = default;
};
void encode_ulid(Bits128 bits, char (&text)[ulid_length]);

struct DecodedUlid {
  const char* problem;
  Bits128 bits;
};
[[nodiscard]] DecodedUlid decode_ulid(std::string_view text);

}  // namespace snowflake
