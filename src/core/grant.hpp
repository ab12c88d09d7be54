// A grant: a node number, and the time in which this server may make IDs of it.
//
//     from < time of an ID <= until        in Unix milliseconds; the ID's own time, whatever any clock says
//
// Who gives numbers (a registry, or people who type them) keeps the ranges of one number disjoint: a later holder's
// `from` is not before an earlier holder's `until`. So two servers never make the same ID, and no server has to know of
// another one, or what time it is there.
//
// Invariant: a copy of a grant, however old, is still ours alone. A session that was held up between reading it and
// making an ID makes an ID of a time that no other server was given.
//
//     constexpr Grant grant{.node = 3, .from = 1790000000000, .until = 1790000600000};
//     if (grant.covers(begin_ms, unit_ms)) ...            // all of the tick
//
// Limits: says nothing about IDs of one server among themselves; that is what cursors, floor and horizon do.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "core/layout.hpp"

namespace snowflake {

struct Grant {
  std::uint64_t node = 0;
  UnixMs from = 0;
  UnixMs until = 0;

  /// A number for all time: people see to it that no other server has it.
  [[nodiscard]] static constexpr Grant for_ever(std::uint64_t node) {
    return {.node = node,
            .from = std::numeric_limits<UnixMs>::min(),
            .until = std::numeric_limits<UnixMs>::max()};
  }

  [[nodiscard]] constexpr bool is_empty() const { return from >= until; }

  /// What is left of it after `time`. Of a number that follows another, nothing is used of the tick in which the other
  /// was: so the IDs of all sessions rise over the change, and not only those of each.
  [[nodiscard]] constexpr Grant after(UnixMs time) const {
    return {.node = node, .from = std::max(from, std::min(time, until - 1)), .until = until};
  }

  /// Whether all of the tick lies in the grant: a part would be no use, for its IDs do not say which part.
  [[nodiscard]] constexpr bool covers(UnixMs begin_ms, std::int32_t unit_ms) const {
    return begin_ms > from && begin_ms + unit_ms - 1 <= until;
  }

  [[nodiscard]] constexpr bool operator==(const Grant&) const = default;
};

/// Where a server has its number from, as all its sessions see it.
struct NodeSource {
  std::uint64_t from_registry = 0;  ///< 1: from `grant`, which may be empty; 0: from its settings
  Grant grant;
};

}  // namespace snowflake
