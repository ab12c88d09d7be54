// A wall clock that stands still until a test moves it, either way.
//
//     FakeClock::set(layout, 1000);
//     const Reading reading = space.read(layout, FakeClock::ns);
//
// One for the whole program, because a Space asks a plain function; threads may share it.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/clock.hpp"
#include "core/layout.hpp"

namespace snowflake::test {

class FakeClock {
 public:
  static std::int64_t ns() { return now_ns; }
  static Tick tick(const Layout& layout) { return layout.tick_at(now_ns / ns_per_ms); }

  static void set(const Layout& layout, Tick tick) { now_ns = layout.time_at(tick) * ns_per_ms; }
  static void set_ns(std::int64_t ns) { now_ns = ns; }
  static void advance_ns(std::int64_t ns) { now_ns += ns; }
  static void advance(const Layout& layout, Tick ticks) {
    now_ns += ticks * layout.unit_ms * ns_per_ms;
  }

 private:
  static inline std::atomic<std::int64_t> now_ns = 0;
};

}  // namespace snowflake::test
