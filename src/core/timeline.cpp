#include "core/timeline.hpp"

#include <algorithm>
#include <cstdlib>

#include "core/raise.hpp"

namespace snowflake {

void Timeline::begin(const Clocks& clocks) {
  const std::int64_t boot_ns = clocks.boot_ns();
  believed_offset_.store(clocks.wall_ns() - boot_ns);
  seen_offset_.store(believed_offset_.load());
  seen_since_ns_.store(boot_ns);
  line_.store(-boot_ns);  // far below: half of the time since boot, less all of it
}

// `latest` before the clocks: then a wall clock below it has gone back; it is not just that others were faster.
Timeline::Reading Timeline::read(const Clocks& clocks) const {
  const Era era = this->era();
  const UnixMs latest = latest_.load(std::memory_order_seq_cst);  // see end_era()
  const std::int64_t line = line_.load(std::memory_order_acquire);
  const std::uint64_t counter = cycles();
  std::int64_t boot_ns = 0;
  std::int64_t wall_ns = 0;
  // The two clocks must be read at one time. If we lose the CPU between them, once more; in vain at most thrice.
  for (int attempt = 0; attempt < 3; ++attempt) {
    boot_ns = clocks.boot_ns();
    wall_ns = clocks.wall_ns();
    if (clocks.boot_ns() - boot_ns < ns_per_ms) break;
  }
  return {.era = era,
          .latest = latest,
          .line = line,
          .cycles = counter,
          .boot_ns = boot_ns,
          .wall_ns = wall_ns};
}

std::optional<Instant> Timeline::now(const Clocks& clocks, UnixMs until) {
  Instant instant;
  for (;;) {
    const Reading reading = read(clocks);
    instant.floor = floor();
    if (reading.era % 2 != 0 || reading.era != era()) return std::nullopt;
    watch(reading, instant);
    instant.wall_ns = believed_ns(reading);
    instant.ns = std::max(instant.wall_ns, reading.slow_ns());
    instant.cycles = reading.cycles;
    instant.boot_ns = reading.boot_ns;
    instant.era = reading.era;
    if (instant.ms() < reading.latest) {
      if (!go_on_from_latest(reading)) return std::nullopt;
      continue;
    }
    if (instant.ms() > until) return instant;
    UnixMs latest = reading.latest;
    if (instant.ms() == latest || latest_.compare_exchange_strong(latest, instant.ms()))
      return instant;
  }
}

// The line is raised so that the time is `latest` at this moment, and goes on at half speed.
bool Timeline::go_on_from_latest(const Reading& reading) {
  std::int64_t line = reading.line;
  line_.compare_exchange_strong(line, reading.latest * ns_per_ms - reading.boot_ns / 2);
  return era() == reading.era;
}

// The last bits of an offset that was seen, a microsecond's worth, count the changes: who was held up since he looked does
// not bring back an offset that was gone meanwhile, and that the next leap to it would find as one that has lasted.
constexpr std::int64_t counted_bits = 1023;

constexpr std::int64_t counted(std::int64_t offset, std::int64_t before) {
  return (offset & ~counted_bits) | ((before + 1) & counted_bits);
}

/// To the nearest, for the sake of those bits.
constexpr UnixMs rounded_ms(std::int64_t ns) { return (ns + ns_per_ms / 2) / ns_per_ms; }

// Of all who see that the offset has changed, one succeeds and is to tell. Since when comes before what: whoever finds
// the new offset must not take it for one that has lasted. A reading of before the last large step is no news.
void Timeline::watch(const Reading& reading, Instant& news) {
  const std::int64_t believed = believed_offset_.load(std::memory_order_relaxed);
  std::int64_t seen = seen_offset_.load(std::memory_order_acquire);
  const std::int64_t step = reading.offset() - seen;
  if (std::llabs(step) <= tolerance_ns) return;
  if (reading.boot_ns < seen_since_ns_.load(std::memory_order_relaxed)) return;
  if (std::llabs(step) > small_leap_ns) raise(seen_since_ns_, reading.boot_ns);
  if (!seen_offset_.compare_exchange_strong(seen, counted(reading.offset(), seen))) return;
  const std::int64_t behind_ns = reading.latest * ns_per_ms - reading.wall_ns;
  if (step < 0 && behind_ns > tolerance_ns) {
    const bool was_believed = seen - believed <= small_leap_ns;  // else the leap is no part of it
    news.set_back = true;
    news.setback_ms = rounded_ms((was_believed ? seen : believed) - reading.offset());
    count_setback(news.setback_ms);
  }
  if (step > small_leap_ns && reading.offset() - believed > small_leap_ns) news.leapt = true;
}

std::int64_t Timeline::believed_ns(const Reading& reading) {
  std::int64_t believed = believed_offset_.load(std::memory_order_relaxed);
  const std::int64_t step = reading.offset() - believed;
  const bool lasts = reading.boot_ns - seen_since_ns_.load(std::memory_order_relaxed) >= lasting_ns;
  if (std::llabs(step) > small_leap_ns && !lasts)
    return step > 0 ? reading.boot_ns + believed : reading.wall_ns;
  if (std::llabs(step) > ns_per_ms)
    believed_offset_.compare_exchange_strong(believed, reading.offset());
  return reading.wall_ns;
}

// Era and `latest` in one order of all threads (sequentially consistent): a session stores, or reads, `latest` before it
// asks for the era; here it is the other way round. One of the two sees what the other did. (All who raise `latest` do so in
// that order, too: a session may have read what another one stored.)
std::optional<UnixMs> Timeline::end_era() {
  Era before = era();
  if (before % 2 != 0 || !era_.compare_exchange_strong(before, before + 2)) return std::nullopt;
  return std::max(latest_.load(std::memory_order_seq_cst), reset_from_.load());
}

void Timeline::count_setback(UnixMs distance) {
  setback_count_.fetch_add(1, std::memory_order_relaxed);
  raise(largest_setback_, distance);
}

void Timeline::raise_floor(UnixMs floor, const Clocks& clocks) {
  raise(floor_, floor);
  skip_past(floor, clocks);
}

// The line first: who finds `latest` raised finds a line that reaches it.
void Timeline::skip_past(UnixMs time, const Clocks& clocks) {
  const std::int64_t first_ns = (time + 1) * ns_per_ms;
  raise(line_, first_ns - clocks.boot_ns() / 2);
  raise(latest_, time + 1);
}

Setbacks Timeline::setbacks() const {
  return {.count = setback_count_.load(std::memory_order_relaxed),
          .largest_ms = largest_setback_.load(std::memory_order_relaxed)};
}

UnixMs Timeline::leap_ms() const {
  const std::int64_t leap_ns = seen_offset_.load(std::memory_order_relaxed) -
                               believed_offset_.load(std::memory_order_relaxed);
  return leap_ns > small_leap_ns ? rounded_ms(leap_ns) : 0;
}

}  // namespace snowflake
