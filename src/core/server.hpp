// What all sessions of a server share: its timeline, the cursors of all layouts, and what is counted.
//
//     Server server;                                    // in shared memory
//     server.timeline.begin(system_clocks);
//     const Space space = server.space_of(standard_layout);
//
// Guarantee: a layout has the same cursors whoever asks. So two databases, or two generators, of one layout never make
// the same ID.
//
// Which layouts share cursors is chosen so that they do it fairly. Of a millisecond, all may be taken at once: there,
// layouts of any width share eight spaces, by hash. Longer ticks are released as they pass, and somebody who takes short
// blocks without end would leave none that is long: so there, only layouts whose blocks are of one length share.
//
// Limits: standard layout, no pointers; zeroed memory is a server whose timeline has not begun.
#pragma once

#include <type_traits>

#include "core/space.hpp"
#include "core/statistics.hpp"
#include "core/timeline.hpp"

namespace snowflake {

class Server {
 public:
  Timeline timeline;
  Statistics statistics;

  /// Of a layout of which IDs can be made.
  [[nodiscard]] Space space_of(const Layout& layout);

  /// Forgets all that was used later than the wall clock says; for an operator who knows that no later IDs are left.
  /// Sessions must forget what they know when the era has changed, and what they took in the old one ends with its
  /// tick. False if the time is not ahead, and nothing was done.
  bool reset(const Clocks& clocks);

 private:
  static constexpr unsigned shared_spaces = 8;
  /// One for each width of a sequence, of each longer unit: sequences are as wide as fractions, or count as that.
  static constexpr unsigned widths_of_10ms = fraction_bits_of(10);
  static constexpr unsigned widths_of_100ms = fraction_bits_of(100);
  static constexpr unsigned widths_of_1s = fraction_bits_of(1000);

  void reset_cursors(UnixMs begin);

  Worker standard_[cursors_of(1)];
  Worker milliseconds_[shared_spaces][cursors_of(1)];
  Worker tens_[widths_of_10ms][cursors_of(10)];
  Worker hundreds_[widths_of_100ms][cursors_of(100)];
  Worker seconds_[widths_of_1s][cursors_of(1000)];
};

}  // namespace snowflake
