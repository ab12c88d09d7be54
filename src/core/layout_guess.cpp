#include "core/layout_guess.hpp"

#include <algorithm>
#include <cstdlib>

#include "core/layout_text.hpp"

namespace snowflake {
namespace {

constexpr std::int64_t second = 1000;
constexpr std::int64_t minute = 60 * second;
constexpr std::int64_t hour = 60 * minute;
constexpr std::int64_t day = 24 * hour;

/// A timestamp of which the epoch is not known yet.
struct Scale {
  unsigned shift;
  std::int32_t unit_ms;

  [[nodiscard]] std::int64_t since_epoch(Id id) const {
    return static_cast<std::int64_t>(id >> shift) * unit_ms;
  }

  /// Whether it gives times that a calendar has.
  [[nodiscard]] bool is_sensible_for(Id largest) const {
    constexpr Id two_thousand_years = Id{2000} * 366 * day;
    return (largest >> shift) <= two_thousand_years / static_cast<Id>(unit_ms);
  }
};

constexpr unsigned largest_shift = 40;
constexpr std::int32_t units[] = {1, 10, 100, 1000};

/// The number of that rank.
std::int64_t ranked(std::span<std::int64_t> numbers, std::size_t rank) {
  std::nth_element(numbers.begin(), numbers.begin() + static_cast<std::ptrdiff_t>(rank),
                   numbers.end());
  return numbers[rank];
}

Spread distances(std::span<const TimedId> timed, const Scale& scale,
                 std::span<std::int64_t> scratch) {
  for (std::size_t i = 0; i < timed.size(); ++i)
    scratch[i] = timed[i].time - scale.since_epoch(timed[i].id);
  return spread_of(scratch.first(timed.size()));
}

Spread times_of(std::span<const TimedId> timed, std::span<std::int64_t> scratch) {
  for (std::size_t i = 0; i < timed.size(); ++i) scratch[i] = timed[i].time;
  return spread_of(scratch.first(timed.size()));
}

Id largest_of(std::span<const TimedId> timed) {
  Id largest = 0;
  for (const TimedId& each : timed) largest = std::max(largest, each.id);
  return largest;
}

/// Where the epochs that rows point to lie closest together.
struct Best {
  Scale scale{};
  Spread epochs{};
};

Best best_scale(std::span<const TimedId> timed, std::span<std::int64_t> scratch) {
  const Id largest = largest_of(timed);
  Best best;
  for (unsigned shift = 1; shift <= largest_shift; ++shift)
    for (const std::int32_t unit_ms : units) {
      const Scale scale{.shift = shift, .unit_ms = unit_ms};
      if (!scale.is_sensible_for(largest)) continue;
      const Spread epochs = distances(timed, scale, scratch);
      if (best.epochs.count == 0 || epochs.width() < best.epochs.width()) best = {scale, epochs};
    }
  return best;
}

/// By how much an epoch that was measured may be wrong.
std::int64_t tolerance_of(const Spread& epochs) {
  return std::clamp(epochs.width(), 2 * second, hour);
}

const Layout* preset_of(const Best& best) {
  for (const Preset& preset : presets()) {
    const Layout& layout = preset.layout;
    if (layout.timestamp.shift == best.scale.shift && layout.unit_ms == best.scale.unit_ms &&
        std::abs(layout.epoch_ms - best.epochs.median) <= tolerance_of(best.epochs))
      return &layout;
  }
  return nullptr;
}

/// People begin a day, or an hour of it where it begins elsewhere.
UnixMs likely_epoch(const Spread& measured) {
  for (const std::int64_t length : {day, hour}) {
    const UnixMs rounded = (std::max<UnixMs>(measured.median, 0) + length / 2) / length * length;
    const std::int64_t tolerance = std::min(tolerance_of(measured), length / 24);
    if (std::abs(rounded - measured.median) <= tolerance) return rounded;
  }
  return measured.median;
}

/// All bits below the timestamp as sequence, which has 31 at most, and the rest as node.
Layout layout_with(const Scale& scale, UnixMs epoch_ms) {
  const auto sequence = static_cast<std::uint8_t>(std::min(scale.shift, 31U));
  const auto node = static_cast<std::uint8_t>(scale.shift - sequence);
  return {.timestamp = {.shift = static_cast<std::uint8_t>(scale.shift),
                        .width = static_cast<std::uint8_t>(63 - scale.shift)},
          .node = {.shift = node > 0 ? sequence : std::uint8_t{0}, .width = node},
          .worker = {},
          .shard = {},
          .sequence = {.shift = 0, .width = sequence},
          .unit_ms = scale.unit_ms,
          .epoch_ms = epoch_ms};
}

/// As wide as a timestamp may be.
Layout narrowed(Layout layout, UnixMs now) {
  while (layout.timestamp.width > 30 && problem_of(layout, now) != nullptr)
    --layout.timestamp.width;
  return layout;
}

bool can_be(const Layout& layout, Id newest, UnixMs now) {
  if (newest >> layout.bits() != 0) return false;
  const UnixMs made = layout.time_at(layout.decode(newest).tick);
  return made <= now + day && made >= layout.epoch_ms + day;
}

bool is_known(const Candidates& all, const Layout& layout) {
  return std::any_of(all.begin(), all.end(), [&layout](const Layout* other) {
    return have_same_timestamps(*other, layout);
  });
}

}  // namespace

Spread spread_of(std::span<std::int64_t> numbers) {
  if (numbers.empty()) return {};
  const std::size_t last = numbers.size() - 1;
  return {.p5 = ranked(numbers, last / 20),
          .median = ranked(numbers, last / 2),
          .p95 = ranked(numbers, last - last / 20),
          .count = numbers.size()};
}

Spread delays_of(std::span<const TimedId> timed, const Layout& layout,
                 std::span<std::int64_t> scratch) {
  std::size_t count = 0;
  for (const TimedId& each : timed)
    if (each.id >> layout.bits() == 0)
      scratch[count++] = each.time - layout.time_at(layout.decode(each.id).tick);
  return spread_of(scratch.first(count));
}

Misfit misfit_of(const Analysis& analysis, const Spread& delays) {
  const std::uint64_t few = analysis.values().count / 100;
  if (analysis.negative().count + analysis.beyond().count > few) return Misfit::not_ids;
  if (analysis.far_ahead() > few) return Misfit::ahead;
  const Layout& layout = analysis.layout();
  const Group& ids = analysis.ids();
  if (ids.count > 0 && analysis.now() > layout.epoch_ms + 30 * day &&
      layout.decode(static_cast<Id>(ids.last)).tick * layout.unit_ms < day)
    return Misfit::at_epoch;
  if (delays.count >= fewest_times && std::abs(delays.median) > minute) return Misfit::other_times;
  return Misfit::none;
}

// With the fewest bits below its timestamp that a preset has, 2^40 is four days and a quarter after the epoch.
bool looks_like_sequence(const Analysis& analysis) {
  constexpr std::int64_t small = std::int64_t{1} << 40;
  return analysis.values().count > 0 && analysis.negative().count == 0 &&
         analysis.most_are_up_to() < small;
}

TimeFit fit_times(std::span<const TimedId> timed, std::span<std::int64_t> scratch, UnixMs now) {
  if (timed.size() < fewest_times) return {};
  const std::int64_t range = times_of(timed, scratch).width();
  const Best best = best_scale(timed, scratch);
  if (best.epochs.count == 0 || best.epochs.width() >= range / 100) return {};
  const Layout* preset = preset_of(best);
  const Layout layout = preset != nullptr
                            ? *preset
                            : narrowed(layout_with(best.scale, likely_epoch(best.epochs)), now);
  return {.found = problem_of(layout, now) == nullptr,
          .layout = layout,
          .is_preset = preset != nullptr,
          .width = best.epochs.width()};
}

Candidates candidates(Id newest, UnixMs now) {
  Candidates found;
  const auto made = [newest](const Layout& layout) {
    return layout.time_at(layout.decode(newest).tick);
  };
  for (const Preset& preset : presets()) {
    const Layout& layout = preset.layout;
    if (!can_be(layout, newest, now) || is_known(found, layout)) continue;
    std::size_t place = found.count < Candidates::most ? found.count++ : Candidates::most;
    for (; place > 0 && made(*found.layouts[place - 1]) < made(layout); --place)
      if (place < Candidates::most) found.layouts[place] = found.layouts[place - 1];
    if (place < Candidates::most) found.layouts[place] = &layout;
  }
  return found;
}

bool have_same_timestamps(const Layout& a, const Layout& b) {
  return a.timestamp.shift == b.timestamp.shift && a.unit_ms == b.unit_ms &&
         a.epoch_ms == b.epoch_ms;
}

}  // namespace snowflake
