#include "core/clock.hpp"

#include <algorithm>
#include <ctime>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace snowflake {
namespace {

constexpr std::uint64_t ns_per_s = 1'000'000'000;

std::int64_t read_ns(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec * static_cast<std::int64_t>(ns_per_s) + now.tv_nsec;
}

/// Bounds of the counter's rate in hertz; {0, 0} where no counter can be used.
struct Hertz {
  std::uint64_t least;
  std::uint64_t most;
};

#if defined(__x86_64__)
// "Invariant TSC": bit 8 of EDX in CPUID leaf 0x80000007 (Intel SDM vol. 3, 18.17.1). The bounds are wide of every
// x86-64 CPU that has it; they keep a measurement that a jump of the counter spoiled from doing harm.
Hertz counter_rate() {
  unsigned eax, ebx, ecx, edx;
  const bool invariant = __get_cpuid(0x80000007, &eax, &ebx, &ecx, &edx) && (edx & (1U << 8));
  return invariant ? Hertz{500'000'000, 8'000'000'000} : Hertz{0, 0};
}
#elif defined(__aarch64__)
// The architecture tells the rate: CNTFRQ_EL0 (Arm ARM, D13.8.1).
Hertz counter_rate() {
  std::uint64_t hertz;
  asm volatile("mrs %0, cntfrq_el0" : "=r"(hertz));
  return {hertz, hertz};
}
#else
Hertz counter_rate() { return {0, 0}; }
#endif

}  // namespace

std::int64_t wall_clock_ns() { return read_ns(CLOCK_REALTIME); }

#if defined(CLOCK_BOOTTIME)
std::int64_t boot_clock_ns() { return read_ns(CLOCK_BOOTTIME); }
#else
std::int64_t boot_clock_ns() { return read_ns(CLOCK_MONOTONIC); }
#endif

void CycleMeter::measure() {
  const std::uint64_t before = cycles();
  const std::int64_t ns = read_ns(CLOCK_MONOTONIC);
  learn_from({.before = before, .ns = ns, .after = cycles()});
}

// If we lost the CPU between the readings they are not of one moment: then neither an end of a measurement nor the
// beginning of the next.
void CycleMeter::learn_from(const Reading& reading) {
  const Hertz hertz = counter_rate();
  if (rate_ == 0) rate_ = (hertz.least << rate_bits) / ns_per_s;
  if (reading.after - reading.before > learn_every >> 10) return;
  const std::uint64_t passed = reading.before - anchor_cycles_;
  const std::int64_t passed_ns = reading.ns - anchor_ns_;
  if (anchor_ns_ != 0 && passed_ns > 0) {
    const auto measured = (static_cast<unsigned __int128>(passed) << rate_bits) /
                          static_cast<unsigned __int128>(passed_ns);
    rate_ = static_cast<std::uint64_t>(std::clamp<unsigned __int128>(
        measured, (hertz.least << rate_bits) / ns_per_s, (hertz.most << rate_bits) / ns_per_s));
  }
  anchor_cycles_ = reading.before;
  anchor_ns_ = reading.ns;
}

}  // namespace snowflake
