// Where this server's node number comes from, for those who look.
#pragma once

#include <cstdint>
#include <optional>

namespace snowflake::pg {

enum class NodeState { fixed, waiting, held, late, ended };

/// Fixed by settings; or of a registry's grant: none yet, held, not renewed in time, or over.
[[nodiscard]] NodeState node_state();

/// "default", "setting" or "registry".
[[nodiscard]] const char* node_source();

/// The number; nothing if the registry has granted none.
[[nodiscard]] std::optional<std::int64_t> node_now();

}  // namespace snowflake::pg
