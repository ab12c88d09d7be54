// The text form of a layout: its fields from the highest bit to the lowest, then unit and epoch.
//
//     timestamp:41 node:5 worker:5 sequence:12 unit:1ms epoch:2025-01-01T00:00:00Z
//
// Guarantees: parse_layout() of what format_layout() wrote gives the same layout, for every layout
// that parse_layout() accepts. Malformed text is refused with place and reason; nothing is guessed.
//
// | item                | rule                                                                   |
// |---------------------|------------------------------------------------------------------------|
// | all                 | separated by blanks, each at most once                                 |
// | all fields          | before unit and epoch; at most 63 bits together                        |
// | timestamp           | required, the first field: else IDs would not sort by time             |
// | sequence            | required, at most 31 bits                                              |
// | node, worker, shard | optional, at most 31 bits each                                         |
// | unit                | 1ms, 10ms, 1s, ... up to 60s; 1ms if absent                            |
// | epoch               | a date, a date and time in UTC, or Unix milliseconds; between 1970 and |
// |                     | now; 1970-01-01 if absent                                              |
#pragma once

#include <cstddef>
#include <string_view>

#include "core/layout.hpp"

namespace snowflake {

struct ParsedLayout {
  const char* problem;   ///< what is wrong, in English; nullptr if nothing is
  std::size_t position;  ///< where: bytes from the beginning
  Layout layout;         ///< if nothing is wrong
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
