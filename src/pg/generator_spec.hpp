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

}  // namespace snowflake::pg
