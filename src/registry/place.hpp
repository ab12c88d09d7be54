// A place where a registry may be found.
#pragma once

#include <string>

namespace snowflake::registry {

struct Place {
  std::string host;  ///< a name, an address, or the directory of a socket
  std::string port;
  std::string name = host;  ///< by which it proves who it is
};

}  // namespace snowflake::registry
