// What PostgreSQL's users are told: the one place where outcomes of the core become SQLSTATEs,
// messages and hints.
#pragma once

#include "core/layout.hpp"
#include "core/space.hpp"
#include "core/text.hpp"
#include "pg/postgres.hpp"

namespace snowflake::pg {

/// Raises the error of an outcome that is neither ready nor wait.
[[noreturn]] void raise_outcome(const Moment& moment, const Layout& layout);

/// Warns that the clock was set back and IDs go on from the last time used.
void warn_of_clock_set_back(const Moment& moment, const Layout& layout);

/// 25006: this server is a standby.
void refuse_on_standby();

/// 42501 unless the current user has USAGE on the generator's sequence.
void check_usage(unsigned int sequence);

/// 22003 unless the ID is one of the layout: not negative, and no bits above those of its fields.
[[nodiscard]] Id checked_id(std::int64_t id, const Layout& layout);

/// 22003 if it is negative.
[[nodiscard]] Id checked_id(std::int64_t id);

/// 22023 unless 0 <= value <= most.
[[nodiscard]] std::uint64_t checked_part(const char* name, std::int64_t value, std::uint64_t most);

/// 22008: the layout has no such time.
[[noreturn]] void raise_time_outside(std::int64_t timestamptz, const Layout& layout);

/// 22023 if the count is negative.
[[nodiscard]] std::uint64_t checked_count(std::int64_t count);

/// 22023 unless it is the name of an encoding.
[[nodiscard]] Encoding checked_encoding(const text* name);

/// 22P02: text that is none of that kind.
[[noreturn]] void raise_malformed_text(const char* kind, const text* given, const char* problem);

}  // namespace snowflake::pg
