// What PostgreSQL's users are told when something is not possible: SQLSTATEs, messages and hints that several places
// have in common, and all that speak of the clock.
#pragma once

#include "core/grant.hpp"
#include "core/layout.hpp"
#include "core/text.hpp"
#include "pg/postgres.hpp"

namespace snowflake::pg {

/// 55000: the time is before the layout's epoch.
[[noreturn]] void raise_before_epoch(const Layout& layout);

/// 2200H: the layout's timestamps are used up.
[[noreturn]] void raise_out_of_time(const Layout& layout);

/// 55000: the clock is so many milliseconds behind, more than is allowed.
[[noreturn]] void raise_clock_too_far_back(UnixMs behind_ms);

/// 55000 if an observed ID is further ahead of the clock than is allowed.
void refuse_too_late(UnixMs ahead_ms);

/// 55000, 2200H unless a horizon can hold that time.
void refuse_time_without_horizon(UnixMs time);

/// Warns that the clock was set back, and IDs go on from the last time used.
void warn_of_clock_set_back(UnixMs behind_ms);

/// Tells the server's log of a clock that leapt ahead.
void log_leap_of_clock();

/// 55000: no node number has come from the registry yet.
[[noreturn]] void raise_no_node_number();

/// 53400: all numbers of the realm are held.
[[noreturn]] void raise_registry_full(const char* realm);

/// 55000: the grant was not renewed in time.
[[noreturn]] void raise_grant_ended(const Grant& grant);

/// 55000: the grant was renewed in time, and the server's clock is past it nevertheless.
[[noreturn]] void raise_clock_ahead_of_grant(UnixMs time, const Grant& grant);

/// 55000: the grant begins further ahead of the clock than is allowed.
[[noreturn]] void raise_grant_too_late(const Grant& grant, UnixMs clock);

/// 55000: the server's number is too large for the layout.
[[noreturn]] void raise_node_does_not_fit(std::uint64_t node, const Layout& layout);

/// 25006: this server is a standby.
void refuse_on_standby();

/// 42P01: what was a generator is gone.
[[noreturn]] void raise_no_generator(Oid sequence);

/// 42501 unless the current user has one of these privileges on the sequence.
void check_privilege(Oid sequence, AclMode any_of);

/// 22023 unless IDs can be made of the layout; 2200H if its time is over.
void check_can_make(const Layout& layout);

/// 22003 unless it can be an ID of the layout: not negative, no bits above the layout's fields.
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

/// 22P02: text that is malformed.
[[noreturn]] void raise_malformed_text(const char* kind, const text* given, const char* problem);

}  // namespace snowflake::pg
