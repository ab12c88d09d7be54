#include "core/calendar.hpp"

namespace snowflake {
namespace {

constexpr UnixMs ms_per_day = 86'400'000;

/// Reads `digits` digits that stand between `least` and `most`.
bool part(TextReader& reader, std::size_t digits, std::uint64_t least, std::uint64_t most,
          std::uint64_t& value) {
  return reader.fixed_number(digits, value) && value >= least && value <= most;
}

constexpr bool is_leap(std::uint64_t year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

constexpr std::uint64_t days_in_month(std::uint64_t year, std::uint64_t month) {
  constexpr std::uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return days[month - 1] + (month == 2 && is_leap(year));
}

/// Days from 1970-01-01 to the first of January.
constexpr std::uint64_t days_before_year(std::uint64_t year) {
  const auto leap_days = [](std::uint64_t y) { return y / 4 - y / 100 + y / 400; };
  return (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969);
}

constexpr std::uint64_t year_of_day(std::uint64_t days) {
  std::uint64_t year = 1970 + days / 366;  // too early, if anything
  while (days >= days_before_year(year + 1)) ++year;
  return year;
}

/// The month of a day of a year, from 1 on. What is left of the days is the day in it, from 0 on.
constexpr std::uint64_t take_month(std::uint64_t year, std::uint64_t& days) {
  std::uint64_t month = 1;
  for (; days >= days_in_month(year, month); ++month) days -= days_in_month(year, month);
  return month;
}

bool parse_date(TextReader& reader, UnixMs& time) {
  std::uint64_t year = 0, month = 0, day = 0;
  if (!part(reader, 4, 1970, 9999, year) || !reader.accept('-') || !part(reader, 2, 1, 12, month) ||
      !reader.accept('-') || !part(reader, 2, 1, days_in_month(year, month), day))
    return false;
  std::uint64_t days = days_before_year(year) + day - 1;
  for (std::uint64_t m = 1; m < month; ++m) days += days_in_month(year, m);
  time = static_cast<UnixMs>(days) * ms_per_day;
  return true;
}

bool parse_clock(TextReader& reader, UnixMs& time) {
  std::uint64_t h = 0, m = 0, s = 0, ms = 0;
  if (!part(reader, 2, 0, 23, h) || !reader.accept(':') || !part(reader, 2, 0, 59, m) ||
      !reader.accept(':') || !part(reader, 2, 0, 59, s))
    return false;
  if (reader.accept('.') && !part(reader, 3, 0, 999, ms)) return false;
  time += static_cast<UnixMs>(((h * 60 + m) * 60 + s) * 1000 + ms);
  return reader.accept('Z');
}

}  // namespace

bool parse_time(TextReader& reader, UnixMs& time) {
  if (reader.count_digits() != 4) {
    std::uint64_t unix_ms = 0;
    if (!reader.number(unix_ms)) return false;
    time = static_cast<UnixMs>(unix_ms);
    return true;
  }
  return parse_date(reader, time) && (!reader.accept('T') || parse_clock(reader, time));
}

void put_time(TextWriter& out, UnixMs time) {
  auto days = static_cast<std::uint64_t>(time / ms_per_day);
  const std::uint64_t year = year_of_day(days);
  days -= days_before_year(year);
  const std::uint64_t month = take_month(year, days);
  const auto in_day = static_cast<std::uint64_t>(time % ms_per_day);
  out.put_number(year, 4);
  out.put('-');
  out.put_number(month, 2);
  out.put('-');
  out.put_number(days + 1, 2);
  out.put('T');
  out.put_number(in_day / 3'600'000, 2);
  out.put(':');
  out.put_number(in_day / 60'000 % 60, 2);
  out.put(':');
  out.put_number(in_day / 1000 % 60, 2);
  if (in_day % 1000 != 0) {
    out.put('.');
    out.put_number(in_day % 1000, 3);
  }
  out.put('Z');
}

std::int64_t month_at(UnixMs time) {
  auto days = static_cast<std::uint64_t>(time / ms_per_day);
  const std::uint64_t year = year_of_day(days);
  days -= days_before_year(year);
  return static_cast<std::int64_t>(year * 12 + take_month(year, days) - 1);
}

UnixMs start_of_month(std::int64_t month) {
  const auto year = static_cast<std::uint64_t>(month / 12);
  std::uint64_t days = days_before_year(year);
  for (std::uint64_t m = 1; m <= static_cast<std::uint64_t>(month % 12); ++m)
    days += days_in_month(year, m);
  return static_cast<UnixMs>(days) * ms_per_day;
}

}  // namespace snowflake
