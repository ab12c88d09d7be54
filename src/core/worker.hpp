// A worker: one cursor in shared memory, from which all sessions take ranges of (tick, sequence).
//
// Guarantee: no position is given to two callers. It rests on one word:
//
//     Everything below the cursor has been given away or passed by; everything from the cursor on
//     is free.
//
// take() moves the cursor to the end of what it gives, by compare-and-swap; of two racing callers
// one sees the cursor that the other has moved. give_back() lowers it only from the end of the
// caller's own range, hence over positions that the caller owns and nobody was given after. A
// caller that dies keeps what it took: lost, never reused.
//
//     Worker worker;
//     if (std::optional<Range> range = worker.take({.tick = now, .count = 100, .sequence_bits =
//     12})) ...
//
// Limits: a worker gives only out of the tick it is asked for, and never out of one before its
// cursor.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>

#include "core/layout.hpp"

namespace snowflake {

/// A tick and a sequence in one word: tick << sequence_bits | sequence. Counts on over the end of a
/// tick.
using Position = std::uint64_t;

/// Positions [begin, end), all of one tick.
struct Range {
  Position begin;
  Position end;
};

struct Request {
  Tick tick;               ///< take out of this tick
  std::uint64_t count;     ///< at most so many, at least one
  unsigned sequence_bits;  ///< width of the sequence
};

/// Two CPUs that write to one line take turns; a line each keeps workers apart. Both x86-64 and
/// most ARM have 64.
inline constexpr std::size_t cache_line = 64;

class alignas(cache_line) Worker {
 public:
  /// Up to `count` positions of the tick, or nothing if it is spent (or already left behind).
  [[nodiscard]] std::optional<Range> take(const Request& request) {
    const auto first = static_cast<Position>(request.tick) << request.sequence_bits;
    const Position past = first + (Position{1} << request.sequence_bits);
    Position cursor = cursor_.load(std::memory_order_acquire);
    for (;;) {
      const Position begin = std::max(cursor, first);
      if (begin >= past) return std::nullopt;
      const Position end = begin + std::min(request.count, past - begin);
      if (cursor_.compare_exchange_weak(cursor, end, std::memory_order_acq_rel))
        return Range{begin, end};
    }
  }

  /// Returns what the caller was given and has not used, if nobody took after it.
  void give_back(Range unused) {
    Position own_end = unused.end;
    cursor_.compare_exchange_strong(own_end, unused.begin, std::memory_order_acq_rel);
  }

  /// For Space::reset(): breaks the guarantee for what was taken from `position` on.
  void reset(Position position) { cursor_.store(position, std::memory_order_release); }

  /// How many sessions call this worker their home: says how much to take at once, nothing else.
  [[nodiscard]] std::uint32_t tenants() const { return tenants_.load(std::memory_order_relaxed); }
  void move_in() { tenants_.fetch_add(1, std::memory_order_relaxed); }
  void move_out() { tenants_.fetch_sub(1, std::memory_order_relaxed); }

 private:
  std::atomic<Position> cursor_ = 0;
  std::atomic<std::uint32_t> tenants_ = 0;

  static_assert(std::atomic<Position>::is_always_lock_free);
};

static_assert(sizeof(Worker) == cache_line);

}  // namespace snowflake
