// The library in which the clients are, and what it exports. Only the registry worker loads it, so that no session has
// libpq or libcurl in it.
#pragma once

#include "registry/client.hpp"

namespace snowflake::registry {

/// Its file stands beside that of snowflake_id.
inline constexpr const char* library_name = "snowflake_id_registry";

/// Of a registry, by its URI. Never nullptr; a URI that cannot be used is told by the first answer.
using CreateClient = Client* (*)(const char* uri);
inline constexpr const char* create_client_name = "snowflake_registry_create_client";

/// Ends whatever is under way, without waiting.
using DestroyClient = void (*)(Client*);
inline constexpr const char* destroy_client_name = "snowflake_registry_destroy_client";

}  // namespace snowflake::registry
