#include "core/presets.hpp"

namespace snowflake {
namespace {

/// Widths of the fields. Their order is that of the standard layout, but for the sequence.
struct Widths {
  std::uint8_t timestamp;
  std::uint8_t node = 0;
  std::uint8_t worker = 0;
  std::uint8_t shard = 0;
  std::uint8_t sequence = 0;
};

/// Where the sequence lies.
enum class Sequence { lowest, above_node };

constexpr std::uint8_t sum(int a, int b, int c = 0, int d = 0) {
  return static_cast<std::uint8_t>(a + b + c + d);
}

// An absent field has no place: {0, 0}.
constexpr Field field(std::uint8_t shift, std::uint8_t width) {
  return width == 0 ? Field{} : Field{.shift = shift, .width = width};
}

constexpr Layout make(Widths w, Sequence sequence, std::int32_t unit_ms, UnixMs epoch_ms) {
  const bool lowest = sequence == Sequence::lowest;
  const std::uint8_t below = lowest ? w.sequence : std::uint8_t{0};
  return {.timestamp = field(sum(w.node, w.worker, w.shard, w.sequence), w.timestamp),
          .node = field(sum(below, w.worker, w.shard), w.node),
          .worker = field(sum(below, w.shard), w.worker),
          .shard = field(below, w.shard),
          .sequence = field(lowest ? std::uint8_t{0} : sum(w.node, w.worker, w.shard), w.sequence),
          .unit_ms = unit_ms,
          .epoch_ms = epoch_ms};
}

constexpr UnixMs year_2025 = 1735689600000;      // 2025-01-01T00:00:00Z
constexpr UnixMs twitter_epoch = 1288834974657;  // 2010-11-04T01:42:54.657Z

constexpr Preset all[] = {
    {"snowflake_id", standard_layout},

    // github.com/twitter-archive/snowflake, IdWorker.scala: datacenter 5, worker 5.
    {"twitter", make({.timestamp = 41, .node = 5, .worker = 5, .sequence = 12}, Sequence::lowest, 1,
                     twitter_epoch)},

    // discord.com/developers/docs/reference#snowflakes: "internal worker ID" is the node,
    // "internal process ID" the worker.
    {"discord", make({.timestamp = 41, .node = 5, .worker = 5, .sequence = 12}, Sequence::lowest, 1,
                     1420070400000)},

    // Instagram Engineering, "Sharding & IDs at Instagram" (2012); epoch of the function in it.
    {"instagram",
     make({.timestamp = 40, .shard = 13, .sequence = 10}, Sequence::lowest, 1, 1314220021721)},

    // github.com/mastodon/mastodon, lib/mastodon/snowflake.rb: 48 bits of time, of which a
    // non-negative bigint has 47.
    {"mastodon", make({.timestamp = 47, .sequence = 16}, Sequence::lowest, 1, 0)},

    // github.com/sony/sonyflake v1, sonyflake.go: time in units of 10 ms since 2014-09-01.
    {"sonyflake",
     make({.timestamp = 39, .node = 16, .sequence = 8}, Sequence::above_node, 10, 1409529600000)},

    // sonyflake v2, with its default start time.
    {"sonyflake2",
     make({.timestamp = 39, .node = 16, .sequence = 8}, Sequence::above_node, 10, year_2025)},

    // github.com/baidu/uid-generator, DefaultUidGenerator.java: 2016-05-20 in UTC+8. Its timestamps
    // were exhausted in 2024.
    {"baidu",
     make({.timestamp = 28, .node = 22, .sequence = 13}, Sequence::lowest, 1000, 1463673600000)},

    // github.com/Meituan-Dianping/Leaf, SnowflakeIDGenImpl.java: Twitter's epoch; its worker of 10
    // bits is node and worker here.
    {"leaf", make({.timestamp = 41, .node = 5, .worker = 5, .sequence = 12}, Sequence::lowest, 1,
                  twitter_epoch)},

    // github.com/f4b6a3/tsid-creator: 42 bits of time, of which a non-negative bigint has 41;
    // 2020-01-01.
    {"tsid",
     make({.timestamp = 41, .node = 10, .sequence = 12}, Sequence::lowest, 1, 1577836800000)},

    // github.com/pgEdge/snowflake from 1.2 on; 2023-01-01.
    {"pgedge",
     make({.timestamp = 41, .node = 10, .sequence = 12}, Sequence::lowest, 1, 1672531200000)},

    // github.com/pgEdge/snowflake up to 1.1: the node is lowest.
    {"pgedge1",
     make({.timestamp = 41, .node = 10, .sequence = 12}, Sequence::above_node, 1, 1672531200000)},

    // github.com/ClickHouse/ClickHouse, src/Functions/generateSnowflakeID.cpp.
    {"clickhouse", make({.timestamp = 41, .node = 10, .sequence = 12}, Sequence::lowest, 1, 0)},

    // github.com/aws/pgactive, pgactive_seq.c: 40 bits of time, of which a non-negative bigint has
    // 39.
    {"pgactive",
     make({.timestamp = 39, .node = 10, .sequence = 14}, Sequence::lowest, 1, 1475796139634)},

    // Observed in public URLs; what the lower 22 bits hold is not documented.
    {"linkedin", make({.timestamp = 41, .sequence = 22}, Sequence::lowest, 1, 0)},

    // Ours, for clients that keep numbers as double: at most 2^53 - 1 (Number.MAX_SAFE_INTEGER).
    // Until 2094; 16 nodes; 256,000 IDs per second per node.
    {"javascript",
     make({.timestamp = 41, .node = 4, .sequence = 8}, Sequence::lowest, 1, year_2025)},
};

}  // namespace

std::span<const Preset> presets() { return all; }

const Layout* find_preset(std::string_view name) {
  for (const Preset& preset : all)
    if (preset.name == name) return &preset.layout;
  return nullptr;
}

}  // namespace snowflake
