#include "core/statistics.hpp"

#include <algorithm>

#include "core/layout_hash.hpp"
#include "core/raise.hpp"

namespace snowflake {
namespace {

constexpr UnixMs minute_ms = 60'000;

/// Never 0, which is a free entry.
std::uint64_t key_of(const Layout& layout) { return hash_of(layout) | 1; }

}  // namespace

void LayoutStatistics::add(const Tally& tally) {
  for (std::size_t i = 0; i < count_kinds; ++i)
    if (tally.numbers_[i] != 0) numbers_[i].fetch_add(tally.numbers_[i], std::memory_order_relaxed);
}

void LayoutStatistics::add_ids_of_tick(Tick tick, UnixMs begin_ms, std::uint64_t ids) {
  const std::uint32_t sum = ids_of_ticks_.add(tick, ids);
  raise(peak_, sum);
  peak_of_minutes_.raise(begin_ms / minute_ms, sum);
}

void LayoutStatistics::note_setback(UnixMs distance) { raise(largest_setback_ms_, distance); }

// Of two sessions that come with one time before them, one counts up to its own, and the later one from there.
void LayoutStatistics::watch(const Instant& now) {
  const bool is_ahead = now.ns - now.wall_ns >= ns_per_ms;
  std::int64_t before = ahead_at_ns_.load(std::memory_order_relaxed);
  if (!is_ahead) {
    if (before != 0) ahead_at_ns_.compare_exchange_strong(before, 0, std::memory_order_relaxed);
    return;
  }
  while (now.boot_ns > before) {
    if (!ahead_at_ns_.compare_exchange_weak(before, now.boot_ns, std::memory_order_relaxed))
      continue;
    const auto what = static_cast<std::size_t>(Count::ahead_ns);
    if (before != 0)
      numbers_[what].fetch_add(static_cast<std::uint64_t>(now.boot_ns - before),
                               std::memory_order_relaxed);
    return;
  }
}

std::optional<Layout> LayoutStatistics::layout() const {
  const Layout layout = layout_.read();
  return layout.timestamp.present() ? std::optional(layout) : std::nullopt;
}

bool LayoutStatistics::is_in_use() const {
  return layout() || sessions() > 0 || of(Count::ids) > 0;
}

std::uint32_t LayoutStatistics::sessions() const {
  return sessions_.load(std::memory_order_relaxed) & ~closed;
}

std::uint64_t LayoutStatistics::of(Count what) const {
  return numbers_[static_cast<std::size_t>(what)].load(std::memory_order_relaxed);
}

UnixMs LayoutStatistics::largest_setback_ms() const {
  return largest_setback_ms_.load(std::memory_order_relaxed);
}

std::uint32_t LayoutStatistics::peak_ids() const {
  return static_cast<std::uint32_t>(peak_.load(std::memory_order_relaxed));
}

std::uint32_t LayoutStatistics::recent_peak_ids(UnixMs now_ms) const {
  const std::int64_t minute = now_ms / minute_ms;
  return std::max(peak_of_minutes_.of(minute), peak_of_minutes_.of(minute - 1));
}

// Counted first, then looked at: an entry is cleared only when nobody is counted, and has another key from then on.
bool LayoutStatistics::try_enter(std::uint64_t key) {
  const bool is_open = (sessions_.fetch_add(1) & closed) == 0;
  if (is_open && key_.load() == key) return true;
  sessions_.fetch_sub(1);
  return false;
}

// A layout that is not noted yet is believed to be the one of its hash: at worst a row has another's name for it.
bool LayoutStatistics::is_of(std::uint64_t key, const Layout& layout) const {
  if (key_.load() != key) return false;
  const std::optional<Layout> noted = this->layout();
  return !noted || *noted == layout;
}

void LayoutStatistics::clear() {
  std::uint32_t nobody = 0;
  if (sessions_.compare_exchange_strong(nobody, closed)) {
    layout_.publish(Layout{});
    key_.store(0);
    clear_counts();
    sessions_.fetch_sub(closed);
  } else {
    clear_counts();
  }
}

void LayoutStatistics::clear_counts() {
  for (std::atomic<std::uint64_t>& number : numbers_) number.store(0, std::memory_order_relaxed);
  largest_setback_ms_.store(0, std::memory_order_relaxed);
  ids_of_ticks_.clear();
  peak_of_minutes_.clear();
  peak_.store(0, std::memory_order_relaxed);
}

LayoutStatistics& Statistics::enter(const Layout& layout) {
  const std::uint64_t key = key_of(layout);
  for (int attempt = 0; attempt < 3; ++attempt) {
    LayoutStatistics* entry = find(key, layout);
    if (entry == nullptr) entry = claim(key, layout);
    if (entry == nullptr) break;
    if (entry->is_of(key, layout)) return *entry;
    leave(*entry);
  }
  others().sessions_.fetch_add(1);
  return others();
}

void Statistics::leave(LayoutStatistics& entry) { entry.sessions_.fetch_sub(1); }

/// The layout's entry, entered.
LayoutStatistics* Statistics::find(std::uint64_t key, const Layout& layout) {
  for (LayoutStatistics* entry = entries_; entry < &others(); ++entry)
    if (entry->is_of(key, layout) && entry->try_enter(key)) return entry;
  return nullptr;
}

/// A free entry, entered. Of two who want one for the same layout, both get the first.
LayoutStatistics* Statistics::claim(std::uint64_t key, const Layout& layout) {
  for (LayoutStatistics* entry = entries_; entry < &others(); ++entry) {
    std::uint64_t found = 0;
    const bool is_mine = entry->key_.compare_exchange_strong(found, key);
    if ((!is_mine && found != key) || !entry->try_enter(key)) continue;
    if (is_mine) entry->layout_.publish(layout);
    return entry;
  }
  return nullptr;
}

void Statistics::reset(UnixMs now_ms) {
  for (LayoutStatistics* entry = entries_; entry < &others(); ++entry) entry->clear();
  others().clear_counts();
  reset_at_ms_.store(now_ms, std::memory_order_relaxed);
}

}  // namespace snowflake
