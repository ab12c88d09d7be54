// Converts between PostgreSQL's timestamps (microseconds since 2000-01-01 UTC) and the core's time.
#pragma once

#include <optional>

#include "core/layout.hpp"
#include "pg/postgres.hpp"

namespace snowflake::pg {

/// A time as text, like 2026-11-20T10:25:16.123Z, whatever the session's TimeZone and DateStyle.
struct UtcText {
  char text[32];
};
[[nodiscard]] UtcText utc_text(UnixMs time);

/// The first microsecond of a tick, as timestamptz; exact for every tick of every layout.
[[nodiscard]] std::int64_t timestamptz_at(Tick tick, const Layout& layout);

/// The tick in which a timestamptz lies. 22008 if it is infinite or the layout has no such tick.
[[nodiscard]] Tick tick_of(std::int64_t timestamptz, const Layout& layout);

/// The millisecond in which a timestamptz lies, rounded down.
[[nodiscard]] UnixMs unix_ms_of(std::int64_t timestamptz);

/// An interval of days or less in microseconds; nothing if it has months, or is out of range.
[[nodiscard]] std::optional<std::int64_t> us_in(const Interval& interval);

/// A timestamptz in microseconds since 1970, as far as they reach.
[[nodiscard]] std::int64_t unix_us_of(std::int64_t timestamptz);

/// timestamptz of a millisecond.
[[nodiscard]] std::int64_t timestamptz_of(UnixMs time);

}  // namespace snowflake::pg
