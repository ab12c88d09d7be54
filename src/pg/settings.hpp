// The settings of a server. They belong to postgresql.conf and ALTER SYSTEM; no session can change them.
#pragma once

#include "core/layout.hpp"

namespace snowflake::pg {

/// Defines the settings, and calls `node_changed` whenever the node ID changes. An error if this session was given a
/// value of its own before the library was loaded.
void define_settings(void (*node_changed)());

/// snowflake_id.node_id: what people typed.
[[nodiscard]] int configured_node();

/// Whether anybody typed it.
[[nodiscard]] bool is_node_configured();

/// snowflake_id.registry: empty, or where the number comes from.
[[nodiscard]] const char* registry();

/// snowflake_id.realm: servers whose IDs must differ share one.
[[nodiscard]] const char* realm();

/// snowflake_id.registry_wait.
[[nodiscard]] std::int64_t registry_wait_ms();

/// snowflake_id.max_clock_drift.
[[nodiscard]] UnixMs max_clock_drift_ms();

}  // namespace snowflake::pg
