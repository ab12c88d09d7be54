// A layout says what the 64 bits of an ID mean: which fields, where, in which unit of time since
// which epoch.
//
// Guarantees:
//   - A layout is a value and never changes.
//   - encode() and decode() are exact inverses for all parts that fit.
//   - Every ID is below 2^63, and so a bigint that is not negative.
//
//     constexpr Parts parts{.tick = 1000, .node = 3, .worker = 7, .sequence = 42};
//     static_assert(standard_layout.decode(standard_layout.encode(parts)) == parts);
//
// Limits: encode() trusts its caller; ask fits() first where parts come from outside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <type_traits>

namespace snowflake {

/// Units of time since a layout's epoch (milliseconds in the standard layout); negative before it.
using Tick = std::int64_t;
/// Milliseconds since 1970-01-01 UTC, without leap seconds.
using UnixMs = std::int64_t;

inline constexpr std::int64_t ns_per_ms = 1'000'000;

/// A finished ID, always below 2^63.
using Id = std::uint64_t;

/// The longest unit of a layout.
inline constexpr std::int32_t max_unit_ms = 60'000;

/// A run of bits. A field of width 0 is absent: it reads as 0 and holds nothing but 0.
struct Field {
  std::uint8_t shift = 0;
  std::uint8_t width = 0;

  [[nodiscard]] constexpr std::uint64_t max() const { return (std::uint64_t{1} << width) - 1; }
  [[nodiscard]] constexpr bool present() const { return width > 0; }
  [[nodiscard]] constexpr std::uint64_t get(Id id) const { return (id >> shift) & max(); }
  [[nodiscard]] constexpr Id put(std::uint64_t value) const { return value << shift; }
  [[nodiscard]] constexpr bool holds(std::uint64_t value) const { return value <= max(); }
  [[nodiscard]] constexpr bool operator==(const Field&) const = default;
};

/// The fields of an ID.
struct Parts {
  Tick tick = 0;
  std::uint64_t node = 0;
  std::uint64_t worker = 0;
  std::uint64_t shard = 0;
  std::uint64_t sequence = 0;

  [[nodiscard]] constexpr bool operator==(const Parts&) const = default;
};

struct Layout {
  Field timestamp;
  Field node;      ///< which server
  Field worker;    ///< which of the cursors of that server
  Field shard;     ///< chosen by the caller
  Field sequence;  ///< counts within a tick
  std::uint16_t reserved = 0;
  std::int32_t unit_ms = 1;  ///< length of a tick in milliseconds
  UnixMs epoch_ms = 0;       ///< the time of tick 0

  [[nodiscard]] constexpr Tick last_tick() const { return static_cast<Tick>(timestamp.max()); }

  /// The tick in which `time` lies: rounded down, also before the epoch. The layout may not
  /// contain it.
  [[nodiscard]] constexpr Tick tick_at(UnixMs time) const {
    const std::int64_t since_epoch = time - epoch_ms;
    return since_epoch / unit_ms - (since_epoch % unit_ms < 0);
  }

  /// The first millisecond of `tick`.
  [[nodiscard]] constexpr UnixMs time_at(Tick tick) const { return epoch_ms + tick * unit_ms; }

  [[nodiscard]] constexpr bool contains(Tick tick) const {
    return tick >= 0 && tick <= last_tick();
  }

  [[nodiscard]] constexpr bool fits(const Parts& parts) const {
    return contains(parts.tick) && node.holds(parts.node) && worker.holds(parts.worker) &&
           shard.holds(parts.shard) && sequence.holds(parts.sequence);
  }

  /// The ID built from `parts`, which must fit.
  [[nodiscard]] constexpr Id encode(const Parts& parts) const {
    return timestamp.put(static_cast<std::uint64_t>(parts.tick)) | node.put(parts.node) |
           worker.put(parts.worker) | shard.put(parts.shard) | sequence.put(parts.sequence);
  }

  [[nodiscard]] constexpr Parts decode(Id id) const {
    return {.tick = static_cast<Tick>(timestamp.get(id)),
            .node = node.get(id),
            .worker = worker.get(id),
            .shard = shard.get(id),
            .sequence = sequence.get(id)};
  }

  /// How many bits an ID has at most.
  [[nodiscard]] constexpr unsigned bits() const {
    return unsigned{timestamp.shift} + timestamp.width;
  }

  /// The difference between IDs of neighbouring sequence numbers.
  [[nodiscard]] constexpr Id step() const { return sequence.put(1); }

  /// How many sequence numbers a cursor has in a tick.
  [[nodiscard]] constexpr std::uint64_t capacity() const { return sequence.max() + 1; }

  [[nodiscard]] constexpr bool operator==(const Layout&) const = default;
};

// A layout is stored as it is in memory: every byte must mean something.
static_assert(sizeof(Layout) == 24 && std::has_unique_object_representations_v<Layout>);

struct NamedField {
  std::string_view name;
  Field Layout::*field;
};

/// All fields. Their order is that of the binary form of a layout: never change it.
inline constexpr NamedField layout_fields[] = {{"timestamp", &Layout::timestamp},
                                               {"node", &Layout::node},
                                               {"worker", &Layout::worker},
                                               {"shard", &Layout::shard},
                                               {"sequence", &Layout::sequence}};

/// The fields that a layout has, from the highest bits to the lowest.
struct FieldsOfLayout {
  NamedField fields[std::size(layout_fields)] = {};
  std::size_t count = 0;

  [[nodiscard]] constexpr const NamedField* begin() const { return fields; }
  [[nodiscard]] constexpr const NamedField* end() const { return fields + count; }
};

[[nodiscard]] constexpr FieldsOfLayout fields_of(const Layout& layout) {
  FieldsOfLayout result;
  for (const NamedField& next : layout_fields) {
    const Field field = layout.*next.field;
    if (!field.present()) continue;
    std::size_t place = result.count++;
    for (; place > 0 && (layout.*result.fields[place - 1].field).shift < field.shift; --place)
      result.fields[place] = result.fields[place - 1];
    result.fields[place] = next;
  }
  return result;
}

//      63 62                                22 21   17 16   12 11         0
//     +--+------------------------------------+-------+-------+------------+
//     | 0|  milliseconds since 2025-01-01 UTC |  node | worker|  sequence  |
//     +--+----------------- 41 ---------------+-- 5 --+-- 5 --+---- 12 ----+
//
/// The layout of snowflake_next(): until 2094-09-07; 32 nodes with 32 workers each; 4096 IDs per
/// millisecond per worker.
inline constexpr Layout standard_layout{.timestamp = {.shift = 22, .width = 41},
                                        .node = {.shift = 17, .width = 5},
                                        .worker = {.shift = 12, .width = 5},
                                        .shard = {},
                                        .sequence = {.shift = 0, .width = 12},
                                        .unit_ms = 1,
                                        .epoch_ms = 1735689600000};

}  // namespace snowflake
