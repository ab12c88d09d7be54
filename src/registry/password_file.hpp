// The password that a file holds: its first line.
//
// Guarantees: as libpq does with its own, a file that others than its owner may read is refused; so is what is no plain
// file, for it could block.
#pragma once

#include <string>

namespace snowflake::registry {

/// Throws Failure.
[[nodiscard]] std::string read_password(const std::string& path);

}  // namespace snowflake::registry
