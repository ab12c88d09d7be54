// Times as text: 2025-01-01T00:00:00.000Z. Proleptic Gregorian calendar, no leap seconds.
#pragma once

#include <cstdint>

#include "core/layout.hpp"
#include "core/text_reader.hpp"
#include "core/text_writer.hpp"

namespace snowflake {

/// Reads a date, a date and time in UTC (ending in Z), or Unix milliseconds as a bare number.
/// False if there is none of these. Years 1970 to 9999.
[[nodiscard]] bool parse_time(TextReader& reader, UnixMs& time);

/// YYYY-MM-DDTHH:MM:SSZ, or YYYY-MM-DDTHH:MM:SS.mmmZ where there are milliseconds. From 1970 on.
void put_time(TextWriter& out, UnixMs time);

/// The month in which a time lies, counted from January of the year 0. From 1970 on.
[[nodiscard]] std::int64_t month_at(UnixMs time);

/// When a month begins that is counted so.
[[nodiscard]] UnixMs start_of_month(std::int64_t month);

}  // namespace snowflake
