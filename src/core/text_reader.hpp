// Reads words and numbers from a text, and knows where it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace snowflake {

class TextReader {
 public:
  explicit constexpr TextReader(std::string_view text) : text_(text) {}

  [[nodiscard]] constexpr std::size_t position() const { return position_; }
  constexpr void go_to(std::size_t position) { position_ = position; }
  [[nodiscard]] constexpr bool at_end() const { return position_ == text_.size(); }
  [[nodiscard]] constexpr bool at_blank() const { return at_end() || is_blank(text_[position_]); }

  constexpr void skip_blanks() {
    while (!at_end() && is_blank(text_[position_])) ++position_;
  }

  /// Lower-case letters; may be empty.
  constexpr std::string_view word() {
    const std::size_t begin = position_;
    while (!at_end() && text_[position_] >= 'a' && text_[position_] <= 'z') ++position_;
    return {text_.data() + begin, position_ - begin};
  }

  constexpr bool accept(char expected) { return accept(std::string_view(&expected, 1)); }
  constexpr bool accept(std::string_view expected) {
    if (!rest().starts_with(expected)) return false;
    position_ += expected.size();
    return true;
  }

  /// A decimal number of up to 15 digits; false, and nothing read, if there is none.
  constexpr bool number(std::uint64_t& value) {
    const std::size_t digits = count_digits();
    if (digits == 0 || digits > 15) return false;
    return fixed_number(digits, value);
  }

  /// A decimal number of exactly `digits` digits; more may follow.
  constexpr bool fixed_number(std::size_t digits, std::uint64_t& value) {
    if (count_digits() < digits) return false;
    value = 0;
    for (std::size_t i = 0; i < digits; ++i)
      value = value * 10 + static_cast<std::uint64_t>(text_[position_++] - '0');
    return true;
  }

  [[nodiscard]] constexpr std::size_t count_digits() const {
    std::size_t digits = 0;
    while (position_ + digits < text_.size() && is_digit(text_[position_ + digits])) ++digits;
    return digits;
  }

 private:
  // Not substr(): that can throw, and would need the C++ library.
  [[nodiscard]] constexpr std::string_view rest() const {
    return {text_.data() + position_, text_.size() - position_};
  }

  static constexpr bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
  static constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

  std::string_view text_;
  std::size_t position_ = 0;
};

}  // namespace snowflake
