// A wall clock that a test steps either way, and a time since boot that only passes.
//
//     FakeClock::start(start);                                  // Unix milliseconds
//     FakeClock::pass_ms(5);                                    // both go on
//     FakeClock::step_ms(-3000);                                // somebody sets the wall clock back
//     const std::optional<Instant> now = timeline.now(fake_clocks);
//
// One for the whole program, because Clocks are plain functions; threads may share it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>

#include "core/clock.hpp"
#include "core/layout.hpp"

namespace snowflake::test {

class FakeClock {
 public:
  static std::int64_t wall_ns() { return read(boot_now + wall_less_boot); }
  static std::int64_t boot_ns() { return read(boot_now); }
  static UnixMs wall_ms() { return (boot_now + wall_less_boot) / ns_per_ms; }

  static void start(UnixMs wall, std::int64_t since_boot_ns = 3'600'000 * ns_per_ms) {
    boot_now = since_boot_ns;
    wall_less_boot = wall * ns_per_ms - since_boot_ns;
  }
  static void pass_ns(std::int64_t ns) { boot_now += ns; }
  static void pass_ms(std::int64_t ms) { boot_now += ms * ns_per_ms; }
  static void step_ns(std::int64_t ns) { wall_less_boot += ns; }
  static void step_ms(std::int64_t ms) { wall_less_boot += ms * ns_per_ms; }

  /// Does something after the `number`th reading of a clock in this thread (counted from 1), as if the caller lost the
  /// CPU there. A Timeline reads boot, wall, boot.
  static void after_reading(unsigned number, std::function<void()> action) {
    pending = number;
    interruption = std::move(action);
  }

 private:
  static std::int64_t read(std::int64_t value) {
    if (pending > 0 && --pending == 0) std::exchange(interruption, nullptr)();
    return value;
  }

  static inline std::atomic<std::int64_t> boot_now = 0;
  static inline std::atomic<std::int64_t> wall_less_boot = 0;
  static inline thread_local unsigned pending = 0;
  static inline thread_local std::function<void()> interruption;
};

inline constexpr Clocks fake_clocks{.wall_ns = FakeClock::wall_ns, .boot_ns = FakeClock::boot_ns};

}  // namespace snowflake::test
