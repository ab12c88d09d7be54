#include "core/kernel_clock.hpp"

#if __has_include(<sys/timex.h>)
#include <sys/timex.h>
#endif

namespace snowflake {

#if __has_include(<sys/timex.h>)
KernelClock kernel_clock() {
  timex clock{};  // no modes: nothing is set
  const int state = ntp_adjtime(&clock);
  return {.is_known = state >= 0,
          .is_synchronised = state != TIME_ERROR,
          .estimated_error_us = clock.esterror,
          .maximum_error_us = clock.maxerror};
}
#else
KernelClock kernel_clock() { return {}; }
#endif

}  // namespace snowflake
