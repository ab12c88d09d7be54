// The library in which the clients are, and what it exports. Only the registry worker loads it, so that no session has
// libpq, libcurl or the C++ runtime in it.
//
//     const auto create = reinterpret_cast<CreateClient>(load_external_function(library_name, create_client_name, …));
//     Client* client = create("etcd://10.0.0.1:2379,10.0.0.2:2379");
//
// Registries are told apart by how their URI begins: etcd:// or etcds:// (etcd_uri.hpp), else it is whatever libpq takes.
//
// Guarantees: neither function blocks; no exception and no PostgreSQL error leaves them.
//
// Limits: the process must ignore SIGPIPE, as PostgreSQL's do, and call from one thread. The library starts threads that
// resolve names; all signals are blocked in them.
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
