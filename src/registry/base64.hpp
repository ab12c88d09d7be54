// Base64 (RFC 4648, with padding): the form in which etcd's JSON has keys and values.
//
//     to_base64("foo") == "Zm9v"; from_base64("Zm9v") == "foo"
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace snowflake::registry {

[[nodiscard]] std::string to_base64(std::string_view bytes);

/// Nothing if it is not Base64.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

}  // namespace snowflake::registry
