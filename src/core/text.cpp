#include "core/text.hpp"

#include <algorithm>
#include <array>
#include <iterator>

namespace snowflake {
namespace {

constexpr Id largest_id = (Id{1} << 63) - 1;
constexpr std::uint8_t no_digit = 0xff;

/// The value of each byte as a digit.
using Values = std::array<std::uint8_t, 256>;

constexpr char other_case(char c) {
  if (c >= 'a' && c <= 'z') return static_cast<char>(c - 'a' + 'A');
  if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
  return c;
}

constexpr Values values_of(std::string_view digits, bool case_blind) {
  Values values{};
  for (std::uint8_t& value : values) value = no_digit;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    values[static_cast<unsigned char>(digits[i])] = static_cast<std::uint8_t>(i);
    if (case_blind)
      values[static_cast<unsigned char>(other_case(digits[i]))] = static_cast<std::uint8_t>(i);
  }
  return values;
}

// Crockford, "Base 32 Encoding": letters that look like digits are read as these.
constexpr Values with_lookalikes(Values values) {
  for (const char c : {'I', 'i', 'L', 'l'}) values[static_cast<unsigned char>(c)] = 1;
  for (const char c : {'O', 'o'}) values[static_cast<unsigned char>(c)] = 0;
  return values;
}

struct Alphabet {
  std::string_view name;
  std::string_view digits;
  Values values;
  std::size_t length;  // of every text; 0 if it varies
  std::size_t longest;
};

constexpr std::string_view crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::string_view base36 = "0123456789abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view base58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
constexpr std::string_view base62 =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::string_view hex = "0123456789abcdef";

// In the order of Encoding.
constexpr Alphabet alphabets[] = {
    {"", "", {}, 0, 0},
    {"base32", crockford, with_lookalikes(values_of(crockford, true)), 13, 13},
    {"base36", base36, values_of(base36, true), 0, 13},
    {"base58", base58, values_of(base58, false), 0, 11},
    {"base62", base62, values_of(base62, false), 11, 11},
    {"hex", hex, values_of(hex, true), 16, 16},
};

const Alphabet& alphabet_of(Encoding encoding) {
  return alphabets[static_cast<std::size_t>(encoding)];
}

const char* problem_of_length(const Alphabet& alphabet, std::string_view text) {
  if (text.empty()) return "It is empty";
  if (text.size() > alphabet.longest) return "It is too long";
  if (text.size() < alphabet.length) return "It is too short";
  if (alphabet.length == 0 && text.size() > 1 &&
      alphabet.values[static_cast<unsigned char>(text[0])] == 0)
    return "It has leading zeros";
  return nullptr;
}

}  // namespace

Encoding find_encoding(std::string_view name) {
  for (std::size_t i = 1; i < std::size(alphabets); ++i)
    if (alphabets[i].name == name) return static_cast<Encoding>(i);
  return Encoding::none;
}

std::string_view name_of(Encoding encoding) { return alphabet_of(encoding).name; }

EncodedText encode_text(Encoding encoding, Id id) {
  const Alphabet& alphabet = alphabet_of(encoding);
  const std::size_t base = alphabet.digits.size();
  char reversed[16];
  EncodedText result{.text = {}, .length = 0};
  for (; id > 0 || result.length < std::max<std::size_t>(1, alphabet.length); id /= base)
    reversed[result.length++] = alphabet.digits[id % base];
  for (std::size_t i = 0; i < result.length; ++i) result.text[i] = reversed[result.length - 1 - i];
  return result;
}

DecodedText decode_text(Encoding encoding, std::string_view text) {
  const Alphabet& alphabet = alphabet_of(encoding);
  if (const char* problem = problem_of_length(alphabet, text)) return {.problem = problem, .id = 0};
  const std::uint64_t base = alphabet.digits.size();
  Id id = 0;
  for (const char c : text) {
    const std::uint8_t digit = alphabet.values[static_cast<unsigned char>(c)];
    if (digit == no_digit)
      return {.problem = "It has a character that is no digit of this encoding", .id = 0};
    if (id > (largest_id - digit) / base)
      return {.problem = "It is larger than the largest bigint", .id = 0};
    id = id * base + digit;
  }
  return {.problem = nullptr, .id = id};
}

void encode_ulid(Bits128 bits, char (&text)[ulid_length]) {
  for (std::size_t i = ulid_length; i-- > 0;) {
    text[i] = crockford[bits.low & 31];
    bits.low = bits.low >> 5 | bits.high << 59;
    bits.high >>= 5;
  }
}

DecodedUlid decode_ulid(std::string_view text) {
  const Alphabet& alphabet = alphabet_of(Encoding::base32);
  if (text.size() != ulid_length) return {.problem = "It must have 26 characters", .bits = {}};
  Bits128 bits{};
  for (const char c : text) {
    const std::uint8_t digit = alphabet.values[static_cast<unsigned char>(c)];
    if (digit == no_digit)
      return {.problem = "It has a character that is no digit of this encoding", .bits = {}};
    if (bits.high >> 59 != 0) return {.problem = "It is larger than 128 bits", .bits = {}};
    bits.high = bits.high << 5 | bits.low >> 59;
    bits.low = bits.low << 5 | digit;
  }
  return {.problem = nullptr, .bits = bits};
}

}  // namespace snowflake
