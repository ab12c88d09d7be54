#include "core/succession.hpp"

#include <algorithm>

#include "core/space.hpp"

namespace snowflake {
namespace {

/// A number of the longer of two units since 1970. The ticks of both layouts begin and end with it, as their epochs are
/// multiples of their units, which are powers of ten.
using Block = std::int64_t;

class Change {
 public:
  Change(const Layout& before, const Layout& after)
      : before_(before), after_(after), unit_(std::max(before.unit_ms, after.unit_ms)) {}

  [[nodiscard]] UnixMs begin_of(Block block) const { return block * unit_; }

  /// The first block not before that time in which both layouts have time.
  [[nodiscard]] Block first_block(UnixMs now) const {
    const UnixMs epoch = std::max(before_.epoch_ms, after_.epoch_ms);
    return std::max(now / unit_, (epoch + unit_ - 1) / unit_);
  }

  /// The last one of which the new layout makes IDs.
  [[nodiscard]] Block last_block() const {
    return std::min(after_.time_at(after_.last_tick()), end_of_making - 1) / unit_;
  }

  /// Whether it holds in all blocks from `block` on. As long as the old layout has time, what it holds and what the new
  /// one holds rise by the same in each block: two lines, and what is true at both ends is true between. Then the old
  /// one stands still.
  [[nodiscard]] bool holds_from(Block block) const {
    const Block last = last_block();
    const Block ends = std::min(before_.time_at(before_.last_tick() + 1) / unit_ - 1, last);
    return holds_in(block) && holds_in(std::max(block, ends)) &&
           holds_in(std::clamp(ends + 1, block, last));
  }

 private:
  [[nodiscard]] bool holds_in(Block block) const {
    return begin_of_new(block) >= end_of_old(block);
  }

  /// The smallest ID of the new layout in the block.
  [[nodiscard]] Id begin_of_new(Block block) const {
    return after_.timestamp.put(static_cast<std::uint64_t>(after_.tick_at(begin_of(block))));
  }

  /// Above the largest ID of the old layout in the block.
  [[nodiscard]] Id end_of_old(Block block) const {
    const Tick ticks = before_.tick_at(begin_of(block + 1) - 1) + 1;
    return before_.timestamp.put(
        static_cast<std::uint64_t>(std::min(ticks, before_.last_tick() + 1)));
  }

  const Layout& before_;
  const Layout& after_;
  std::int64_t unit_;
};

}  // namespace

std::optional<UnixMs> succeeds_from(const Layout& before, const Layout& after, UnixMs now) {
  if (!can_make(before) || !can_make(after)) return std::nullopt;
  const Change change(before, after);
  Block low = change.first_block(now);
  Block high = change.last_block();
  if (low > high || !change.holds_from(high)) return std::nullopt;
  while (low < high) {
    const Block middle = low + (high - low) / 2;
    if (change.holds_from(middle))
      high = middle;
    else
      low = middle + 1;
  }
  return std::max(now, change.begin_of(low));
}

}  // namespace snowflake
