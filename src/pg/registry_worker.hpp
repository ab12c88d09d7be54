// The registry worker: a background process that gets this server its node number from the registry, renews the grant,
// and gives it back at shutdown.
//
// It is there whenever the library is preloaded, and idle while snowflake_id.registry is empty. Sessions never wait for
// it but for a number; it holds up neither start, nor stop, nor promotion, whatever the registry does.
//
// Guarantees:
//   1. What it publishes was granted to this life of the server.
//   2. A number is given back with a time after which nothing was or will be made of it (see withdraw()).
//
// Limits: one a server. On a standby it works as soon as that answers queries.
#pragma once

namespace snowflake::pg {

/// Has the worker started with the server. For _PG_init.
void register_registry_worker();

}  // namespace snowflake::pg
