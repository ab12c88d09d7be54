// The text form of a layout: its fields from the highest bit to the lowest, then unit and epoch.
//
//     timestamp:41 node:5 worker:5 sequence:12 unit:1ms epoch:2025-01-01T00:00:00Z
//
// Guarantees: format() then parse() gives the same layout, for every layout that parse() accepts.
// Bad text is refused with the place and the reason; nothing is guessed.
//
// Rules: separated by blanks. The timestamp comes first (else IDs would not sort by time) and is
// there, as is the sequence; node, worker and shard may be absent; none twice. Together at most 63
// bits. `unit` is 1ms, 10ms, 1s, … (1ms if absent); `epoch` is a date, a date with time in UTC, or
// Unix milliseconds (1970-01-01 if absent), and lies between 1970 and now.
#pragma once

#include <cstddef>
#include <string_view>

#include "core/layout.hpp"

namespace snowflake {

struct ParsedLayout {
  const char* problem;   ///< what is wrong, in English; nullptr if all is well
  std::size_t position;  ///< where it is wrong: bytes from the beginning
  Layout layout;         ///< if all is well
};

/// `now`: no epoch may be later.
[[nodiscard]] ParsedLayout parse_layout(std::string_view text, UnixMs now);

/// What is wrong with a layout that came in another form than text; nullptr if nothing is.
[[nodiscard]] const char* problem_of(const Layout& layout, UnixMs now);

struct LayoutText {
  char text[160];
  std::size_t length;
};
[[nodiscard]] LayoutText format_layout(const Layout& layout);

}  // namespace snowflake
