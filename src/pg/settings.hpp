// The settings of a server. They belong to postgresql.conf and ALTER SYSTEM; no session can change
// them.
#pragma once

#include "core/session.hpp"

namespace snowflake::pg {

/// Defines the settings. An error if this session was given a value of its own before the library
/// was loaded.
void define_settings();

/// What the settings say, for IDs of ticks up to `horizon`.
[[nodiscard]] Terms current_terms(const Layout& layout, Tick horizon);

}  // namespace snowflake::pg
