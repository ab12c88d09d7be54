// Any bytes as the text of a layout, and as a layout in binary form: either a layout, whose text is
// read as the same layout, or refused, with a position within the text.
#include <cstdlib>
#include <cstring>

#include "core/layout_text.hpp"

namespace snowflake {
namespace {

constexpr UnixMs now = 1'800'000'000'000;

void check(bool holds) {
  if (!holds) std::abort();
}

void goes_round(const Layout& layout) {
  const LayoutText text = format_layout(layout);
  check(text.length <= sizeof text.text);
  const ParsedLayout again = parse_layout({text.text, text.length}, now);
  check(again.problem == nullptr && again.layout == layout);
}

void text_is_a_layout_or_refused(std::string_view text) {
  const ParsedLayout parsed = parse_layout(text, now);
  check(parsed.position <= text.size());
  if (parsed.problem != nullptr) return;
  check(problem_of(parsed.layout, now) == nullptr);
  goes_round(parsed.layout);
}

void bytes_are_a_layout_or_refused(const std::uint8_t* data, std::size_t size) {
  Layout layout;
  if (size < sizeof layout) return;
  std::memcpy(&layout, data, sizeof layout);
  if (problem_of(layout, now) == nullptr) goes_round(layout);
}

}  // namespace
}  // namespace snowflake

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  snowflake::text_is_a_layout_or_refused({reinterpret_cast<const char*>(data), size});
  snowflake::bytes_are_a_layout_or_refused(data, size);
  return 0;
}
