// Why an attempt to get an answer failed, thrown within this library only: TimedClient makes an answer of it.
#pragma once

#include <stdexcept>

namespace snowflake::registry {

struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace snowflake::registry
