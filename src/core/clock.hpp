// The clocks of a server: the wall clock, which says what time it is; the time since boot, which nobody can set; and
// the CPU's cycle counter, which says cheaply whether some time has passed.
//
// Guarantees: none about any of them. A wall clock may step either way and a counter may jump; what is built on them
// must be right all the same. They decide how true and how fresh a timestamp is, never whether an ID is unique.
//
//     CycleMeter meter;
//     const std::uint64_t start = cycles();
//     const std::uint64_t span = meter.cycles_within(500'000);  // half a millisecond
//     while (cycles() - start < span) ...                       // unsigned: a jump either way ends it
//
// Limits: where the CPU has no counter of constant rate, cycles_within() is 0: nothing lasts, ask the wall clock.
#pragma once

#include <cstdint>

#include "core/layout.hpp"

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace snowflake {

/// Nanoseconds since 1970-01-01 UTC; ends in 2262.
[[nodiscard]] std::int64_t wall_clock_ns();

/// Nanoseconds since the machine was booted, sleep included.
[[nodiscard]] std::int64_t boot_clock_ns();

/// Milliseconds since boot.
using BootMs = std::int64_t;

[[nodiscard]] inline UnixMs wall_clock_ms() { return wall_clock_ns() / ns_per_ms; }
[[nodiscard]] inline BootMs boot_clock_ms() { return boot_clock_ns() / ns_per_ms; }

/// Where time is read from, so that tests can bring their own.
struct Clocks {
  std::int64_t (*wall_ns)();
  std::int64_t (*boot_ns)();
};

inline constexpr Clocks system_clocks{.wall_ns = wall_clock_ns, .boot_ns = boot_clock_ns};

/// The cycle counter; 0 on CPUs where we know none.
[[nodiscard]] inline std::uint64_t cycles() {
#if defined(__x86_64__)
  return __rdtsc();
#elif defined(__aarch64__)
  std::uint64_t count;
  asm volatile("mrs %0, cntvct_el0" : "=r"(count));
  return count;
#else
  return 0;
#endif
}

/// Learns how fast the cycle counter runs, from a monotonic clock, and learns again from time to time because a virtual
/// machine may move to a host with another rate. Until it knows, it errs on the short side.
class CycleMeter {
 public:
  /// How many cycles pass in `ns` nanoseconds (less, while the rate is not known; 0 without a usable counter).
  [[nodiscard]] std::uint64_t cycles_within(std::int64_t ns) const {
    return static_cast<std::uint64_t>(ns) * rate_ >> rate_bits;
  }

  /// Measures when it is time to; `now` is cycles() of a moment ago. Cheap otherwise.
  void learn(std::uint64_t now) {
    if (now - anchor_cycles_ > learn_every) measure();
  }

  /// The monotonic clock, and the counter just before and after it was read.
  struct Reading {
    std::uint64_t before;
    std::int64_t ns;
    std::uint64_t after;
  };
  void learn_from(const Reading& reading);

 private:
  static constexpr int rate_bits = 20;
  // 2^27 cycles: 60 ms at 2.2 GHz, five seconds at 25 MHz (an ARM counter, whose rate is known from the start).
  static constexpr std::uint64_t learn_every = std::uint64_t{1} << 27;

  void measure();

  std::uint64_t rate_ = 0;  // cycles per nanosecond, times 2^rate_bits
  std::uint64_t anchor_cycles_ = 0;
  std::int64_t anchor_ns_ = 0;
};

}  // namespace snowflake
