// Whether IDs are of a layout, and of which else: by what their timestamps say, and by times at which their rows are
// known to have been stored.
//
//     if (misfit_of(analysis, delays) != Misfit::none)
//       const TimeFit fit = fit_times(timed, scratch, now);     // with times: where the timestamp lies, unit and epoch
//       const Candidates names = candidates(newest, now);       // without: the presets that can be
//
// How times are fitted: an ID's timestamp lies above some number of bits and counts in some unit, so that the time of
// the row, less the timestamp, is the epoch, and the same for all rows but for what it took to store them. Of all places
// and units that is the best for which it varies least.
//
// Guarantees: a fit varies by less than a hundredth of the time that the rows span; a candidate's newest ID is not ahead
// of the clock by more than a day. Neither of them is proof.
//
// Limits: units of 1, 10, 100 and 1000 ms. What the bits below the timestamp mean is told by a preset only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/analysis.hpp"
#include "core/layout.hpp"
#include "core/presets.hpp"

namespace snowflake {

/// An ID, and when its row was stored.
struct TimedId {
  Id id;
  UnixMs time;
};

/// Numbers by their quantiles.
struct Spread {
  std::int64_t p5 = 0;
  std::int64_t median = 0;
  std::int64_t p95 = 0;
  std::size_t count = 0;

  [[nodiscard]] std::int64_t width() const { return p95 - p5; }
};

/// Changes the order of the numbers.
[[nodiscard]] Spread spread_of(std::span<std::int64_t> numbers);

/// How long after its ID each row was stored. `scratch` has room for as many numbers.
[[nodiscard]] Spread delays_of(std::span<const TimedId> timed, const Layout& layout,
                               std::span<std::int64_t> scratch);

/// As few rows tell nothing.
inline constexpr std::size_t fewest_times = 5;

enum class Misfit {
  none,
  not_ids,     ///< more than one in a hundred is negative or too large
  ahead,       ///< more than one in a hundred is ahead of the clock by a day
  at_epoch,    ///< all lie in the layout's first day, long ago
  other_times  ///< the rows were stored at other times, by more than a minute
};

/// `delays`: those of the layout; their count may be 0.
[[nodiscard]] Misfit misfit_of(const Analysis& analysis, const Spread& delays);

/// Whether they are small numbers, as a sequence makes them: no Snowflakes of any layout.
[[nodiscard]] bool looks_like_sequence(const Analysis& analysis);

struct TimeFit {
  bool found;
  Layout
      layout;  ///< of a preset, if it has the same timestamps; else with all lower bits as node and sequence
  bool is_preset;
  std::int64_t width;  ///< by how much the delays vary: 5 % to 95 %
};
[[nodiscard]] TimeFit fit_times(std::span<const TimedId> timed, std::span<std::int64_t> scratch,
                                UnixMs now);

/// Presets that can be, best first.
struct Candidates {
  static constexpr std::size_t most = 5;
  const Layout* layouts[most] = {};
  std::size_t count = 0;

  [[nodiscard]] const Layout* const* begin() const { return layouts; }
  [[nodiscard]] const Layout* const* end() const { return layouts + count; }
};

/// Those by which the newest ID is not in the future, nor on the layout's first day; first the one by which it was made
/// last. Of presets with the same timestamps, the first.
[[nodiscard]] Candidates candidates(Id newest, UnixMs now);

/// Whether the same bits of an ID are the same time in both.
[[nodiscard]] bool have_same_timestamps(const Layout& a, const Layout& b);

}  // namespace snowflake
