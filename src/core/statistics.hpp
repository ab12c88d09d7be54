// Statistics: what the sessions of a server have done, by layout.
//
//     LayoutStatistics& mine = server.statistics.enter(layout);  // a session joins
//     mine.add(tally);                                           // what it did since it reported last
//     server.statistics.leave(mine);
//
// Who counts when. A session counts in its own memory (Tally), where it reserves IDs, and reports when it reserves some
// of another tick, and when it leaves: so nothing is counted in the hot path, and a word that all sessions share is
// written once in a tick by each. What a report may lack is what the session did since the last tick in which it made
// IDs began.
//
// Guarantee: nothing is counted twice, and nothing that was reported is lost but by reset(). No ID depends on anything
// here.
//
// Limits: the first `entries - 1` layouts have an entry each; all others share the last one. An entry is given to
// another layout only by reset(), when no session uses it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/layout.hpp"
#include "core/published.hpp"
#include "core/recent.hpp"
#include "core/timeline.hpp"
#include "core/worker.hpp"

namespace snowflake {

/// What is counted. Waits: calls that had to wait; what follows each is for how long in all.
enum class Count : std::uint8_t {
  ids,           ///< handed out
  reservations,  ///< taken of a worker
  ticks_spent,   ///< ticks of a worker of which the last number was handed out
  hops,          ///< went on with another worker in the same tick
  clock_waits,   ///< all IDs of this moment are spent
  clock_wait_ns,
  share_waits,  ///< what is left of this moment is left to others
  share_wait_ns,
  rate_waits,  ///< the generator's rate limit
  rate_wait_ns,
  grant_waits,  ///< for a node number of the registry
  grant_wait_ns,
  horizon_waits,  ///< for the disk, or for synchronous standbys
  horizon_wait_ns,
  horizon_moves,
  setbacks,  ///< of the clock, noticed by a session of this layout
  ahead_ns,  ///< during which the time of IDs was ahead of the clock, by a millisecond or more
  rejected_standby,
  rejected_clock,
  rejected_grant
};
inline constexpr std::size_t count_kinds = 20;

/// What one session has done since it reported last.
class Tally {
 public:
  void add(Count what, std::uint64_t number = 1) {
    numbers_[static_cast<std::size_t>(what)] += number;
  }
  [[nodiscard]] std::uint64_t of(Count what) const {
    return numbers_[static_cast<std::size_t>(what)];
  }

 private:
  friend class LayoutStatistics;
  std::uint64_t numbers_[count_kinds] = {};
};

class alignas(cache_line) LayoutStatistics {
 public:
  void add(const Tally& tally);

  /// So many IDs of a tick that begins then; several sessions may add to a tick, soon after it.
  void add_ids_of_tick(Tick tick, UnixMs begin_ms, std::uint64_t ids);

  void note_setback(UnixMs distance);

  /// Counts the time between two calls that both found the time ahead of the clock.
  void watch(const Instant& now);

  /// Nothing for the entry that layouts share; or, for a moment, when the layout was not noted yet.
  [[nodiscard]] std::optional<Layout> layout() const;
  [[nodiscard]] bool is_in_use() const;
  [[nodiscard]] std::uint32_t sessions() const;
  [[nodiscard]] std::uint64_t of(Count what) const;
  [[nodiscard]] UnixMs largest_setback_ms() const;
  /// The most IDs that were handed out of one tick; since the beginning, and in this minute or the one before.
  [[nodiscard]] std::uint32_t peak_ids() const;
  [[nodiscard]] std::uint32_t recent_peak_ids(UnixMs now_ms) const;

 private:
  friend class Statistics;

  /// Added to the number of sessions while the entry is being cleared: whoever enters now turns round.
  static constexpr std::uint32_t closed = 1U << 31;

  [[nodiscard]] bool try_enter(std::uint64_t key);
  [[nodiscard]] bool is_of(std::uint64_t key, const Layout& layout) const;
  void clear();
  void clear_counts();

  std::atomic<std::uint64_t> key_ = 0;  // a hash of the layout; 0: free
  std::atomic<std::uint32_t> sessions_ = 0;
  Published<Layout> layout_;
  std::atomic<std::uint64_t> numbers_[count_kinds] = {};
  std::atomic<UnixMs> largest_setback_ms_ = 0;
  std::atomic<std::int64_t> ahead_at_ns_ = 0;  // since boot; 0: it was not ahead
  // A session reports IDs of a tick when it makes some of a later one: mostly of the next.
  Recent<4> ids_of_ticks_;
  Recent<2> peak_of_minutes_;
  std::atomic<std::int64_t> peak_ = 0;
};

class Statistics {
 public:
  static constexpr std::size_t entries = 32;

  /// For each session that joins, whatever the layout.
  [[nodiscard]] LayoutStatistics& enter(const Layout& layout);
  static void leave(LayoutStatistics& entry);

  /// Begins to count anew; entries that no session uses are free again.
  void reset(UnixMs now_ms);
  [[nodiscard]] UnixMs reset_at_ms() const { return reset_at_ms_.load(std::memory_order_relaxed); }

  [[nodiscard]] const LayoutStatistics* begin() const { return entries_; }
  [[nodiscard]] const LayoutStatistics* end() const { return entries_ + entries; }

 private:
  [[nodiscard]] LayoutStatistics* find(std::uint64_t key, const Layout& layout);
  [[nodiscard]] LayoutStatistics* claim(std::uint64_t key, const Layout& layout);
  [[nodiscard]] LayoutStatistics& others() { return entries_[entries - 1]; }

  LayoutStatistics entries_[entries];
  std::atomic<UnixMs> reset_at_ms_ = 0;
};

}  // namespace snowflake
