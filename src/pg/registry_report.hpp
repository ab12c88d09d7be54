// What the registry worker tells of its registry, for those who look, and for sessions that wait for a number.
//
//     shared().registry.publish(report);                           // the worker
//     const RegistryReport report = shared().registry.read();      // anybody
#pragma once

#include <cstdint>

#include "core/lease.hpp"
#include "registry/client.hpp"

namespace snowflake::pg {

struct RegistryReport {
  BootMs failing_since = 0;    ///< 0: the last question was answered with a number
  BootMs renewal_due = 0;      ///< 0: there is no number to be renewed
  UnixMs last_success_ms = 0;  ///< by this server's clock; 0: none yet
  std::int64_t is_full = 0;    ///< the last answer was that all numbers are held
  char problem[registry::Answer::message_size] = "";  ///< the last one; kept when it is over
};

}  // namespace snowflake::pg
