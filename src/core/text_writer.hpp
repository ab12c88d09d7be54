// Appends to a buffer of fixed size, without allocation or locale. The caller provides room for all
// that is written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace snowflake {

class TextWriter {
 public:
  explicit constexpr TextWriter(char* buffer) : begin_(buffer), end_(buffer) {}

  constexpr void put(char c) { *end_++ = c; }
  constexpr void put(std::string_view text) {
    for (const char c : text) put(c);
  }

  /// In decimal, with leading zeros up to `digits`.
  constexpr void put_number(std::uint64_t value, int digits = 1) {
    char reversed[20];
    int length = 0;
    for (; value > 0 || length < digits; value /= 10)
      reversed[length++] = static_cast<char>('0' + value % 10);
    while (length > 0) put(reversed[--length]);
  }

  [[nodiscard]] constexpr std::size_t length() const {
    return static_cast<std::size_t>(end_ - begin_);
  }

 private:
  char* begin_;
  char* end_;
};

}  // namespace snowflake
