// What the kernel knows of its clock: whether something, NTP or PTP, keeps it right, and how far off it may be.
//
//     const KernelClock clock = kernel_clock();
//     if (clock.is_known && !clock.is_synchronised) ...
//
// Source: ntp_adjtime(3), which asks and changes nothing.
//
// Limits: what the kernel was told by the time daemon. Some daemons tell it little; in a container it may refuse to say.
#pragma once

#include <cstdint>

namespace snowflake {

struct KernelClock {
  bool is_known = false;  ///< false: the kernel does not say
  bool is_synchronised = false;
  std::int64_t estimated_error_us = 0;
  std::int64_t maximum_error_us = 0;  ///< grows while nobody corrects the clock
};

[[nodiscard]] KernelClock kernel_clock();

}  // namespace snowflake
