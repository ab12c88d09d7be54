// The generators of this backend: the extension's own, and those that were named.
//
// They are kept from call to call, with what was looked up, and told when that may have changed: a sequence altered or
// dropped, roles, privileges, the owner of the database, the node ID. Generators whose sequence is gone make room for
// new ones, so that a session that makes and drops them without end does not grow.
#pragma once

#include "pg/generator.hpp"

namespace snowflake::pg {

/// The one that CREATE EXTENSION makes.
extern constinit Generator default_generator;

/// The generator that is that sequence. `caller`: the SQL function, so that the extension's own one is recognised.
/// Whoever keeps it asks is_bound_to() first: it may be given to another sequence when this one is gone.
[[nodiscard]] Generator& generator_named(Oid sequence, const FmgrInfo* caller);

/// The generator that was passed as that argument; the extension's own if the function was called without one.
inline Generator& generator_argument(FunctionCallInfo fcinfo, int argument) {
  if (PG_NARGS() <= argument) return default_generator;
  return generator_named(PG_GETARG_OID(argument), fcinfo->flinfo);
}

/// Calls `visit` for each generator that this backend has used.
void for_each_generator(void (*visit)(Generator&));

/// Asks PostgreSQL to be told of what generators have to forget. For _PG_init.
void register_callbacks();

}  // namespace snowflake::pg
