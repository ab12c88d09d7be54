// Times as text: 2025-01-01T00:00:00.000Z, in the proleptic Gregorian calendar, without leap
// seconds.
#pragma once

#include "core/layout.hpp"
#include "core/text_reader.hpp"
#include "core/text_writer.hpp"

namespace snowflake {

/// Reads a date, a date and time in UTC (ending in Z), or Unix milliseconds as a bare number. False
/// if there is none. Years 1970 to 9999.
[[nodiscard]] bool parse_time(TextReader& reader, UnixMs& time);

/// The shortest of YYYY-MM-DDTHH:MM:SSZ and, where there are milliseconds,
/// YYYY-MM-DDTHH:MM:SS.mmmZ. From 1970 on.
void put_time(TextWriter& out, UnixMs time);

}  // namespace snowflake
