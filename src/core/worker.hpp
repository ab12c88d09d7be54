// A worker: one cursor in shared memory, from which all sessions take.
//
// A cursor is a point in time. Its position counts ticks (milliseconds, say) since 1970 and, in the lower bits,
// fractions of a tick; a session takes a piece of a tick, which pays for as many IDs as the piece has blocks. How long
// a block is depends on the layout: one with 4096 sequence numbers cuts a tick into 4096 blocks. So layouts of any
// width may take from one cursor, and what each pays is its share of the time.
//
//     position     tick since 1970 | fraction
//                                    ^ fraction_bits
//
// Guarantee: no position is given to two callers. It rests on one word:
//
//     Everything below the cursor has been handed out or skipped; everything from the cursor on is free.
//
// take() moves the cursor to the end of what it gives, by compare-and-swap; of two racing callers one sees the cursor
// that the other has moved. give_back() lowers it only from the end of the caller's own piece, hence over positions
// that the caller owns and nobody was given after. A caller that dies keeps what it took: lost, never reused.
//
//     Worker worker;
//     if (std::optional<Range> range = worker.take({.begin = tick, .end = tick_end, .block_bits = 9, .count = 100})) ...
//
// Limits: a worker gives only out of what it is asked for, and never from before its cursor.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/recent.hpp"

namespace snowflake {

/// A point in time, as a cursor counts it.
using Position = std::uint64_t;

/// Positions [begin, end): whole blocks, all of one tick.
struct Range {
  Position begin;
  Position end;
};

struct Request {
  Position begin;       ///< take from here on; the beginning of a tick
  Position end;         ///< and not beyond, a multiple of the block's length from `begin`
  unsigned block_bits;  ///< a block is 2^block_bits positions
  std::uint64_t count;  ///< at most so many blocks, at least one; no more than a tick has
};

/// Two CPUs that write to one line take turns; a line each keeps workers apart. Both x86-64 and most ARM have 64.
inline constexpr std::size_t cache_line = 64;

class alignas(cache_line) Worker {
 public:
  /// Up to `count` blocks, or nothing if there are none left (or the cursor has left them behind). `is_valid` is asked
  /// when the cursor has been moved: if it says that the request is outdated by a reset(), the cursor is put back.
  /// (Asked before, it would not do: after the reset, the cursor may have come to where it was.)
  template <typename IsValid>
  [[nodiscard]] std::optional<Range> take(const Request& request, IsValid is_valid) {
    Position cursor = cursor_.load(std::memory_order_acquire);
    for (;;) {
      const Position begin = first_block(cursor, request);
      if (begin >= request.end) return std::nullopt;
      const Position end = std::min(begin + (request.count << request.block_bits), request.end);
      if (!cursor_.compare_exchange_weak(cursor, end, std::memory_order_acq_rel)) continue;
      if (is_valid()) [[likely]]
        return Range{begin, end};
      Position own_end = end;
      cursor_.compare_exchange_strong(own_end, cursor, std::memory_order_acq_rel);
      return std::nullopt;
    }
  }

  [[nodiscard]] std::optional<Range> take(const Request& request) {
    return take(request, [] { return true; });
  }

  /// How many blocks take() would find at this moment.
  [[nodiscard]] std::uint64_t blocks_left(const Request& request) const {
    const Position begin = first_block(cursor_.load(std::memory_order_relaxed), request);
    return begin >= request.end ? 0 : (request.end - begin) >> request.block_bits;
  }

  /// Returns what the caller was given and has not used, if nobody took after it.
  void give_back(Range unused) {
    Position own_end = unused.end;
    cursor_.compare_exchange_strong(own_end, unused.begin, std::memory_order_acq_rel);
  }

  /// For Server::reset(): breaks the guarantee for what was taken from `position` on. One position more, so that the
  /// cursor is a value that no session has read before.
  void reset(Position position) { cursor_.store(position + 1, std::memory_order_release); }

  /// How many sessions call this worker their home: says how much to take at once, nothing else.
  [[nodiscard]] std::uint32_t sessions() const { return sessions_.load(std::memory_order_relaxed); }
  void move_in() { sessions_.fetch_add(1, std::memory_order_relaxed); }
  void move_out() { sessions_.fetch_sub(1, std::memory_order_relaxed); }

  /// How many positions of a second (since 1970) were used up by IDs that were handed out; for those who look. Of this
  /// second and the one before.
  [[nodiscard]] std::uint32_t used(std::int64_t second) const { return used_.of(second); }
  void add_used(std::int64_t second, Position positions) { used_.add(second, positions); }

 private:
  /// Where the first whole block begins that is free.
  [[nodiscard]] static Position first_block(Position cursor, const Request& request) {
    const Position mask = (Position{1} << request.block_bits) - 1;
    return std::max((cursor + mask) & ~mask, request.begin);
  }

  std::atomic<Position> cursor_ = 0;
  std::atomic<std::uint32_t> sessions_ = 0;
  Recent<2> used_;

  static_assert(std::atomic<Position>::is_always_lock_free);
};

static_assert(sizeof(Worker) == cache_line);

}  // namespace snowflake
