// Time cut into periods of one length: hours, days, weeks, months, years, all in UTC.
//
//     period_at({.months = 1}, time)      // the calendar month in which it lies
//     period_at({.hours = 24 * 7}, time)  // its week, from Monday on
//
// Guarantee: periods of one length meet, and are the same whoever asks, and when. Of months they begin with a year if
// they divide it. Of hours they are counted from Monday, 2001-01-01: so a day begins at midnight, and a week on Monday.
//
// Limits: a period of months begins in 1970 or later.
#pragma once

#include "core/calendar.hpp"

namespace snowflake {

inline constexpr UnixMs ms_per_hour = 3'600'000;

/// How long a period is: months or hours; the other is 0.
struct PeriodLength {
  std::int64_t months = 0;
  std::int64_t hours = 0;

  [[nodiscard]] constexpr bool is_whole_days() const { return hours % 24 == 0; }
};

/// From one time on and before another.
struct Period {
  UnixMs from = 0;
  UnixMs to = 0;

  [[nodiscard]] constexpr bool operator==(const Period&) const = default;
};

[[nodiscard]] inline Period months_at(std::int64_t count, UnixMs time) {
  const std::int64_t month = month_at(time);
  const std::int64_t first = month - month % count;
  return {.from = start_of_month(first), .to = start_of_month(first + count)};
}

[[nodiscard]] constexpr Period hours_at(std::int64_t count, UnixMs time) {
  constexpr UnixMs monday = 978'307'200'000;
  const UnixMs length = count * ms_per_hour;
  const UnixMs into = (time - monday) % length;
  const UnixMs from = time - (into < 0 ? into + length : into);
  return {.from = from, .to = from + length};
}

/// The period in which a time lies.
[[nodiscard]] inline Period period_at(const PeriodLength& length, UnixMs time) {
  return length.months > 0 ? months_at(length.months, time) : hours_at(length.hours, time);
}

}  // namespace snowflake
