#include "core/analysis.hpp"

namespace snowflake {
namespace {

constexpr UnixMs far = UnixMs{24} * 60 * 60 * 1000;

/// The second in which a time lies: rounded down.
constexpr std::int64_t second_of(UnixMs time) { return time / 1000 - (time % 1000 < 0); }

}  // namespace

void Rate::close() {
  if (count_ == 0) return;
  counts_.add(count_);
  if (count_ > peak_) {
    peak_ = count_;
    peak_period_ = period_;
  }
  count_ = 0;
}

Analysis::Analysis(const Layout& layout, UnixMs now, std::uint64_t count)
    : layout_(layout),
      now_(now),
      now_tick_(layout.tick_at(now)),
      far_tick_(layout.tick_at(now + far)),
      rank_of_most_(count - count / 100) {}

void Analysis::add(std::int64_t value) {
  count_duplicate(value);
  values_.add(value);
  if (values_.count <= rank_of_most_) most_are_up_to_ = value;
  if (value > max_safe_integer || value < -max_safe_integer) inexact_.add(value);
  if (value < 0)
    negative_.add(value);
  else if (static_cast<Id>(value) >> layout_.bits() != 0)
    beyond_.add(value);
  else
    add_id(static_cast<Id>(value));
}

void Analysis::count_duplicate(std::int64_t value) {
  const bool again = values_.count > 0 && value == values_.last;
  if (again) duplicates_.add(value);
  if (again && !is_duplicated_) ++duplicated_;
  is_duplicated_ = again;
}

void Analysis::add_id(Id id) {
  const Parts parts = layout_.decode(id);
  add_time(id, parts.tick);
  add_use(id, parts);
  any_ |= id;
  all_ &= id;
  ids_.add(static_cast<std::int64_t>(id));
}

void Analysis::add_time(Id id, Tick tick) {
  per_tick_.add(tick);
  per_second_.add(second_of(layout_.time_at(tick)));
  if (tick > now_tick_) ahead_.add(static_cast<std::int64_t>(id));
  if (tick > far_tick_) ++far_ahead_;
  const Field time = layout_.timestamp;
  const Id before = ids_.count == 0 ? id : static_cast<Id>(ids_.last);
  if (time.get(id) - time.get(before) > time.get(gap_.to) - time.get(gap_.from))
    gap_ = {.from = before, .to = id};
}

void Analysis::add_use(Id id, const Parts& parts) {
  if (layout_.node.present()) nodes_.add(parts.node, id);
  if (layout_.worker.present()) workers_.add(worker_key(parts), id);
  if (layout_.shard.present()) shards_.add(parts.shard, id);
}

void Analysis::finish() {
  per_tick_.close();
  per_second_.close();
}

}  // namespace snowflake
