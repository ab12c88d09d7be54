#include "pg/time.hpp"

#include <algorithm>
#include <limits>

#include "pg/errors.hpp"
#include "pg/postgres.hpp"

namespace snowflake::pg {
namespace {

constexpr std::int64_t us_per_ms = 1000;
constexpr std::int64_t postgres_epoch_ms =
    (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * static_cast<std::int64_t>(SECS_PER_DAY) * 1000;

}  // namespace

UnixMs unix_ms_of(TimestampTz time) {
  return time / us_per_ms - (time % us_per_ms < 0) + postgres_epoch_ms;
}

std::int64_t unix_us_of(TimestampTz time) {
  constexpr std::int64_t between_epochs = postgres_epoch_ms * us_per_ms;
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max() - between_epochs;
  return std::min(time, most) + between_epochs;
}

std::optional<std::int64_t> us_in(const Interval& interval) {
  const auto days = interval.day * static_cast<std::int64_t>(SECS_PER_DAY);  // in seconds
  std::int64_t us = 0;
  if (interval.month != 0 || __builtin_mul_overflow(days, USECS_PER_SEC, &us) ||
      __builtin_add_overflow(us, interval.time, &us))
    return std::nullopt;
  return us;
}

TimestampTz timestamptz_of(UnixMs time) { return (time - postgres_epoch_ms) * us_per_ms; }

UtcText utc_text(UnixMs time) {
  UtcText utc;
  pg_tm parts;
  fsec_t microseconds = 0;
  if (timestamp2tm(timestamptz_of(time), nullptr, &parts, &microseconds, nullptr, nullptr) != 0)
    ereport(ERROR,
            (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("timestamp out of range")));
  snprintf(utc.text, sizeof utc.text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year,
           parts.tm_mon, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
           static_cast<int>(microseconds / us_per_ms));
  return utc;
}

TimestampTz timestamptz_at(Tick tick, const Layout& layout) {
  return timestamptz_of(layout.time_at(tick));
}

Tick tick_of(TimestampTz time, const Layout& layout) {
  if (TIMESTAMP_NOT_FINITE(time)) raise_time_outside(time, layout);
  const Tick tick = layout.tick_at(unix_ms_of(time));
  if (!layout.contains(tick)) raise_time_outside(time, layout);
  return tick;
}

}  // namespace snowflake::pg
