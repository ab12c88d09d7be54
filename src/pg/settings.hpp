// The settings of a server. They belong to postgresql.conf and ALTER SYSTEM; no session can change them.
#pragma once

#include "core/layout.hpp"

namespace snowflake::pg {

/// Defines the settings, and calls `node_changed` whenever the node ID changes. An error if this session was given a
/// value of its own before the library was loaded.
void define_settings(void (*node_changed)());

/// The number of this server, as a part of an ID of that layout: 0 if the layout has none; 55000 if it does not fit.
[[nodiscard]] std::uint64_t node_of(const Layout& layout);

/// snowflake_id.max_clock_drift.
[[nodiscard]] UnixMs max_clock_drift_ms();

}  // namespace snowflake::pg
