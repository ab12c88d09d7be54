// Whether a generator may go from one layout to another: whether every later ID is larger than every earlier one.
//
//     succeeds_from(standard_layout, *find_preset("discord"), now)      // now: at once
//     succeeds_from(*find_preset("discord"), standard_layout, now)      // nothing: never
//
// Guarantee. If it gives a time, then at each time t from there on: whatever the new layout can hold of t or a later
// time is larger than whatever the old one can hold of t or an earlier time; on all nodes, workers, shards, with all
// sequence numbers. So the moment of the change does not matter, and no ID of the old layout equals one of the new.
//
// It is exact, but for the unit of the layout whose ticks are longer.
//
// Limits: says nothing about IDs that are made of the old layout after the change; whoever makes it sees to that.
#pragma once

#include <optional>

#include "core/layout.hpp"

namespace snowflake {

/// The first time, not before `now`, from which it holds as long as IDs are made. Nothing if there is none, or if no IDs
/// can be made of one of them.
[[nodiscard]] std::optional<UnixMs> succeeds_from(const Layout& before, const Layout& after,
                                                  UnixMs now);

}  // namespace snowflake
