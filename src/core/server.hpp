// What all sessions of a server share: its timeline, and the cursors of all layouts.
//
//     Server server;                                    // in shared memory
//     server.timeline.begin(system_clocks);
//     Space& space = server.space_of(standard_layout);
//
// Guarantee: a layout has the same space whoever asks. So two databases, or two generators, of one layout never make
// the same ID.
//
// Limits: standard layout, no pointers; zeroed memory is a server whose timeline has not begun.
#pragma once

#include <cstddef>
#include <type_traits>

#include "core/space.hpp"
#include "core/timeline.hpp"

namespace snowflake {

struct Server {
  Timeline timeline;

  /// Of a layout of which IDs can be made.
  [[nodiscard]] Space& space_of(const Layout& layout) { return spaces[number_of(layout)]; }

  /// Forgets all that was used later than the wall clock says; for an operator who knows that no later IDs are left.
  /// Sessions must forget what they know when the era has changed, and what they took in the old one ends with its
  /// tick. False if the time is not ahead, and nothing was done.
  bool reset(const Clocks& clocks);

  // The standard layout's, then those of the units, in the order of `making_units`.
  static constexpr unsigned spaces_of_unit[] = {8, 2, 2, 2};
  static constexpr unsigned space_count = 15;

  [[nodiscard]] static unsigned number_of(const Layout& layout);
  void reset_cursors(UnixMs begin);

  Space spaces[space_count];
};

static_assert(std::is_standard_layout_v<Server> && std::is_trivially_destructible_v<Server>);

}  // namespace snowflake
