// The node number of this server, as its sessions use it: typed by people, or granted by a registry for a time.
//
//     const Grant grant = current_grant(layout);
//     if (!reaches(grant, now, patience)) ... look again
//
// Guarantee: a grant of a registry is used only while it is published in shared memory; when it was given back, nothing
// is made of it any more (see Timeline::end_era). So read the grant after the time, and use it with that time only.
//
// Limits: what a layout without a node keeps apart from other servers' IDs is its shard, which is people's business.
#pragma once

#include "core/grant.hpp"
#include "core/timeline.hpp"
#include "pg/counting.hpp"

namespace snowflake::pg {

/// For how long a call has waited for a number.
struct Patience {
  std::int64_t since_ms = 0;  ///< since boot; 0: it has not waited yet
  CountedWait wait;
};

/// Warns if a registry is set that cannot be asked, for nobody started the worker. For _PG_init.
void warn_without_preload();

/// The number to make IDs of that layout with, and when: empty if the registry has given none. 55000 if it does not fit
/// the layout.
[[nodiscard]] Grant current_grant(const Layout& layout);

/// Whether this server may make IDs of that number, in a tick of that length that begins then. Waits for nothing.
[[nodiscard]] bool may_make(std::uint64_t node, UnixMs begin, std::int32_t unit_ms);

/// Whether the time lies in the grant. If not, waits a little, or moves the time to where the grant begins. 55000 or
/// 53400 if waiting does not help, or takes longer than snowflake_id.registry_wait.
[[nodiscard]] bool reaches(const Grant& grant, const Instant& now, Patience& patience);

/// Waits a little for a grant that reaches further, or is an error as above.
void wait_for_grant(const Grant& grant, const Instant& now, Patience& patience);

}  // namespace snowflake::pg
