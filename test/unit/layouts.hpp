// Layouts for tests: small ones, whose ticks are soon spent.
#pragma once

#include "core/server.hpp"

namespace snowflake::test {

struct Widths {
  std::uint8_t timestamp = 30;
  std::uint8_t node = 0;
  std::uint8_t worker = 0;
  std::uint8_t sequence = 0;
};

/// The fields in the order of the standard layout, without gaps.
constexpr Layout layout_of(const Widths& widths, std::int32_t unit_ms = 1,
                           UnixMs epoch_ms = standard_layout.epoch_ms) {
  const auto above_sequence = widths.sequence;
  const auto above_worker = static_cast<std::uint8_t>(above_sequence + widths.worker);
  const auto above_node = static_cast<std::uint8_t>(above_worker + widths.node);
  return {.timestamp = {.shift = above_node, .width = widths.timestamp},
          .node = {.shift = above_worker, .width = widths.node},
          .worker = {.shift = above_sequence, .width = widths.worker},
          .shard = {},
          .sequence = {.shift = 0, .width = widths.sequence},
          .unit_ms = unit_ms,
          .epoch_ms = epoch_ms};
}

static_assert(layout_of({.timestamp = 41, .node = 5, .worker = 5, .sequence = 12}) ==
              standard_layout);

/// Eight nodes, four workers each, four IDs per tick per worker.
inline constexpr Layout small_layout = layout_of({.node = 3, .worker = 2, .sequence = 2});

/// Of a tick in units since 1970: up to `count` blocks before `end`.
constexpr Request request_of(const Division& division, Tick tick, Position end,
                             std::uint64_t count) {
  return {.begin = division.begin_of(tick),
          .end = end,
          .block_bits = division.block_bits,
          .count = std::min(count, division.capacity())};
}

/// The same of the whole tick.
constexpr Request request_of(const Division& division, Tick tick, std::uint64_t count) {
  return request_of(division, tick, division.end_of(tick), count);
}

/// The number of a sequence in its tick that is paid for from there on.
constexpr std::uint64_t sequence_at(const Division& division, Position position) {
  return (position & ((Position{1} << division.fraction_bits) - 1)) >> division.block_bits;
}

/// The layout with another epoch, so that it shares the other's cursors if a layout of its unit and width can.
inline Layout one_that_shares_with(const Layout& other, Layout layout) {
  static Server server;
  for (int attempt = 0; attempt < 1000; ++attempt, layout.epoch_ms -= 1000)
    if (server.space_of(layout) == server.space_of(other)) break;
  return layout;
}

}  // namespace snowflake::test
