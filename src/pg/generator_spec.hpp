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

/// 42809 if the sequence is temporary or unlogged: its horizon would not survive a crash.
void refuse_unless_permanent(Oid sequence);

/// Calls `visit` with the OID of each permanent generator of this database that has that layout.
void visit_generators_of(const Layout& layout, void (*visit)(Oid sequence, void* context),
                         void* context);

template <typename Visitor>
void for_each_generator_of(const Layout& layout, Visitor visitor) {
  visit_generators_of(
      layout, [](Oid sequence, void* context) { (*static_cast<Visitor*>(context))(sequence); },
      &visitor);
}

}  // namespace snowflake::pg
