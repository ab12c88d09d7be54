// Which sequences are generators, and what they say of themselves: pg_sequence, as the core's
// specs.
#pragma once

#include <optional>

#include "core/spec.hpp"
#include "pg/postgres.hpp"

namespace snowflake::pg {

/// The spec of a sequence; nothing if it is no generator or does not exist.
[[nodiscard]] std::optional<GeneratorSpec> find_spec(Oid sequence);

/// The same; 42809 if it is no generator.
[[nodiscard]] GeneratorSpec spec_of(Oid sequence);

/// The same, to make IDs by: 55000 if this transaction has changed the layout. Were it rolled back, the old layout would
/// go on, and come to the IDs that were made of the new one.
[[nodiscard]] GeneratorSpec spec_in_force(Oid sequence);

/// Sees to it that every session that looks for messages from now on knows what this one knows of the sequence. Waits for
/// nobody. To be called before the first ID by a spec that is new to this session.
void tell_of_change(Oid sequence);

}  // namespace snowflake::pg
