// IDs for rows that are older than their column of IDs: of the time at which a row was made, and never one that a
// generator makes.
//
//     BackfillIds ids(layout, {.node = 3});
//     const std::optional<Id> id = ids.next(layout.tick_at(created_ms));   // larger than all before
//
// How: a generator's sequence starts at a number that depends on the tick (Division::first_sequence); the numbers below
// it are left free in every tick, of every node, worker and shard. These are taken here, and no others.
//
// Guarantees:
//   - No generator makes such an ID, at any time: not by an ID reserved long ago, not in a tick that is still to come,
//     whatever the clocks say.
//   - The IDs of one BackfillIds rise. They are of the given tick, or of the next ones where its numbers are spent.
//   - Given rows in one order, with what is theirs already passed, a second BackfillIds goes on as the first one did:
//     an ID depends on the tick and on the ID before it only. Rows left out make IDs smaller, never larger.
//
// The first ID of a tick has the highest of its numbers: so these IDs, too, are nearly even modulo n where
// rows are few.
//
// Limits: layouts of which IDs can be made, with a thousand sequence numbers or more; others leave none free.
#pragma once

#include <algorithm>
#include <optional>

#include "core/layout.hpp"
#include "core/space.hpp"

namespace snowflake {

/// Whether generators leave numbers free in ticks of that layout.
[[nodiscard]] constexpr bool leaves_numbers_free(const Layout& layout) {
  return can_make(layout) && division_of(layout).capacity() >= 1024;
}

/// How many numbers of that tick generators leave free, from 0 on.
[[nodiscard]] constexpr std::uint64_t numbers_left_free(const Layout& layout, Tick tick) {
  const Division division = division_of(layout);
  return division.first_sequence(tick + division.epoch);
}

/// Whether no generator of the layout makes that ID of the layout.
[[nodiscard]] constexpr bool is_left_free(const Layout& layout, Id id) {
  const Parts parts = layout.decode(id);
  return parts.sequence < numbers_left_free(layout, parts.tick);
}

/// Where the IDs are made.
struct Maker {
  std::uint64_t node = 0;
  std::uint64_t shard = 0;
};

class BackfillIds {
 public:
  constexpr BackfillIds(const Layout& layout, const Maker& maker)
      : layout_(layout), maker_(maker) {}

  /// The next ID, of that tick or a later one; nothing if the layout's time ends before.
  [[nodiscard]] constexpr std::optional<Id> next(Tick tick) {
    for (Id from = std::max(from_, place_of(tick)); layout_.contains(tick_of(from));
         from = place_of_next_tick(from)) {
      const std::optional<Id> id = first_of_tick(from);
      if (!id) continue;
      from_ = *id + 1;
      return id;
    }
    return std::nullopt;
  }

  /// From now on IDs are larger than that one.
  constexpr void pass(Id id) { from_ = std::max(from_, id + 1); }

 private:
  struct Bounds {
    std::uint64_t least;
    std::uint64_t most;
  };

  [[nodiscard]] constexpr Tick tick_of(Id id) const {
    return static_cast<Tick>(id >> layout_.timestamp.shift);
  }

  /// With the highest number that is free, for one row in a tick is the rule.
  [[nodiscard]] constexpr Id place_of(Tick tick) const {
    const std::uint64_t free = numbers_left_free(layout_, tick);
    return layout_.encode({.tick = tick,
                           .node = maker_.node,
                           .shard = maker_.shard,
                           .sequence = free == 0 ? 0 : free - 1});
  }

  [[nodiscard]] constexpr Id place_of_next_tick(Id id) const {
    return layout_.timestamp.put(static_cast<std::uint64_t>(tick_of(id)) + 1);
  }

  /// What a field of our IDs may hold in a tick with so many free numbers, which are not none.
  [[nodiscard]] constexpr Bounds bounds_of(const Field& field, std::uint64_t free) const {
    if (field == layout_.node) return {maker_.node, maker_.node};
    if (field == layout_.shard) return {maker_.shard, maker_.shard};
    if (field == layout_.sequence) return {0, free - 1};
    return {0, field.max()};
  }

  /// Our first ID from that one on in its tick. Like counting: an ID that is larger has the same highest fields, then
  /// one that is larger, then the least; the longest such beginning gives the smallest ID.
  [[nodiscard]] constexpr std::optional<Id> first_of_tick(Id from) const {
    const std::uint64_t free = numbers_left_free(layout_, tick_of(from));
    if (free == 0) return std::nullopt;
    const Id least = layout_.node.put(maker_.node) | layout_.shard.put(maker_.shard);
    Id same = layout_.timestamp.put(layout_.timestamp.get(from));
    std::optional<Id> larger;
    for (const NamedField& named : fields_of(layout_)) {
      const Field& field = layout_.*named.field;
      if (field == layout_.timestamp) continue;
      const Bounds bounds = bounds_of(field, free);
      const std::uint64_t value = field.get(from);
      const std::uint64_t above = std::max(bounds.least, value + 1);
      if (above <= bounds.most)
        larger = same | field.put(above) | (least & ((Id{1} << field.shift) - 1));
      if (value < bounds.least || value > bounds.most) return larger;
      same |= field.put(value);
    }
    return same;
  }

  Layout layout_;
  Maker maker_;
  Id from_ = 0;
};

}  // namespace snowflake
