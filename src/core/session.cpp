#include "core/session.hpp"

namespace snowflake {
namespace {

constexpr UnixMs recently_ms = 2000;

}  // namespace

void Session::join(Server& server, const Layout& layout) {
  server_ = &server;
  space_ = server.space_of(layout);
  layout_ = layout;
  division_ = division_of(layout);
  step_ = layout.step();
  home_ = space_.emptiest_worker(homes_of(layout));
  space_.worker(home_).move_in();
  statistics_ = &server.statistics.enter(layout);
}

void Session::leave() {
  if (!joined()) return;
  report();
  if (has_reservation() && cursor_ < homes_of(layout_) && server_->timeline.is_in(era_)) {
    const Position begin = division_.position_of(tick_, layout_.decode(next_).sequence);
    const std::uint64_t blocks = (end_ - next_) / step_;
    space_.worker(cursor_).give_back({begin, begin + (blocks << division_.block_bits)});
  }
  forget();
  space_.worker(home_).move_out();
  Statistics::leave(*statistics_);
  server_ = nullptr;
}

Outcome Session::reserve(const Instant& now, const Terms& terms, std::uint64_t count) {
  return reserve_by([&](Tick tick) { return take_anywhere(tick, terms.grant.node, count); }, now,
                    terms);
}

Outcome Session::reserve_pinned(const Instant& now, const Terms& terms, const Pin& pin,
                                std::uint64_t count) {
  forget();
  const auto take = [&](Tick tick) {
    if (tick == tick_ && terms.grant.node != node_) return false;
    node_ = terms.grant.node;
    return take_pinned(tick, pin, count);
  };
  return reserve_by(take, now, terms);
}

// The bounds before anything is taken. A tick that begins at or below the floor is waited out: some of it may have been
// used in an earlier life, or, where the grant begins, by another server. A time that was read before a reset is none to
// go on with, not even with what is reserved: the operator waits for a tick to end, not for a session that was held up.
template <typename Take>
Outcome Session::reserve_by(Take take, const Instant& now, const Terms& terms) {
  const Tick tick = division_.tick_at(now.ns);
  const Tick layout_tick = tick - division_.epoch;
  if (now.ns < 0 || layout_tick < 0) return Outcome::before_epoch;
  if (layout_tick > layout_.last_tick() || now.ms() >= end_of_making) return Outcome::out_of_time;
  const UnixMs begins = division_.begin_ms(tick);
  if (begins <= std::max(terms.bounds.floor, terms.grant.from)) return Outcome::spent;
  if (!terms.grant.covers(begins, division_.unit_ms)) return Outcome::beyond_grant;
  if (begins > terms.bounds.horizon) return Outcome::beyond_horizon;
  if (era_ != now.era) forget();
  if (!server_->timeline.is_in(now.era)) return Outcome::spent;
  era_ = now.era;
  ms_ = now.ms();
  request_ = division_.request_at(now.ns);
  limited_ = false;
  if (tick != tick_) {
    report();
    statistics_->watch(now);
  }
  if (!take(tick)) {
    starved_ = true;
    return Outcome::spent;
  }
  meter_.learn(now.cycles);
  start_ = now.cycles;
  span_ = meter_.cycles_within(now.real_ns((tick + 1) * division_.unit_ns() - now.ns));
  return Outcome::ready;
}

std::int64_t Session::pause_ns(const Instant& now) const {
  const Tick ends = division_.tick_at(now.ns) + 1;
  return now.real_ns(std::min(ends * division_.unit_ns() - now.ns, ns_per_ms));
}

// Each ID is counted once: when what follows its reservation is adopted, or when the session reports.
void Session::count_handed_out() {
  const std::uint64_t ids = (next_ - counted_) >> step_bits();
  counted_ = next_;
  ids_of_tick_ += ids;
  ids_of_cursor_ += ids;
  if (next_ != end_ || !ends_tick_) return;
  tally_.add(Count::ticks_spent);
  ends_tick_ = false;
}

void Session::count_use() {
  const UnixMs second = division_.begin_ms(tick_) / 1000;
  if (ids_of_cursor_ > 0)
    space_.worker(cursor_).add_used(second, ids_of_cursor_ << division_.block_bits);
  ids_of_cursor_ = 0;
}

void Session::count_tick() {
  if (ids_of_tick_ > 0)
    statistics_->add_ids_of_tick(tick_, division_.begin_ms(tick_), ids_of_tick_);
}

// What happened in a second that is long over is of no interest to those who ask for the last one.
void Session::report() {
  if (!joined()) return;
  count_handed_out();
  const bool is_recent = server_->timeline.latest() - division_.begin_ms(tick_) < recently_ms;
  if (is_recent) {
    count_use();
    count_tick();
  }
  tally_.add(Count::ids, ids_of_tick_);
  ids_of_tick_ = ids_of_cursor_ = 0;
  statistics_->add(tally_);
  tally_ = {};
}

[[gnu::always_inline]] inline void Session::adopt(Range range, unsigned worker, Tick tick,
                                                  Parts parts) {
  count_handed_out();
  if (worker != cursor_) {
    count_use();
    cursor_ = worker;
  }
  parts.tick = tick - division_.epoch;
  parts.sequence = (range.begin - division_.begin_of(tick)) >> division_.block_bits;
  const std::uint64_t count = (range.end - range.begin) >> division_.block_bits;
  if (next_ != begin_) before_ = next_ - step_;  // last(); an optional is slow to copy
  tick_ = tick;
  node_ = parts.node;
  begin_ = next_ = counted_ = layout_.encode(parts);
  end_ = next_ + count * step_;
  ends_tick_ = range.end == division_.end_of(tick);
  tally_.add(Count::reservations);
}

// Never with a time of another era: after a reset, a tick that was read before it is none to take of; nor is one of a
// grant that was given back when its era ended.
[[gnu::always_inline]] inline std::optional<Range> Session::take_from(unsigned worker,
                                                                      std::uint64_t count) {
  request_.count = std::min(count, division_.capacity());
  return space_.worker(worker).take(request_, [this] { return server_->timeline.is_in(era_); });
}

bool Session::take_anywhere(Tick tick, std::uint64_t node, std::uint64_t count) {
  if (has_reservation() && tick_ == tick && node_ == node) return true;
  const std::uint64_t share = next_share(tick);
  const unsigned first = first_worker(tick, count);
  for (unsigned worker = first; worker < workers_of(layout_); ++worker) {
    if (!rises_with(worker, tick, node)) continue;
    const std::uint64_t wanted = alone_on(worker) ? division_.capacity() : std::max(share, count);
    const auto range = shares(worker) ? take_share(worker, wanted, 0) : take_from(worker, wanted);
    if (!range) continue;
    if (tick != tick_) starved_ = false;
    adopt(*range, worker, tick, {.node = node, .worker = worker});
    tally_.add(Count::hops, worker != first ? 1 : 0);
    share_ = share;
    return true;
  }
  return false;
}

// Whoever pins cursors keeps no reservation: what is taken is handed out at once. IDs rise in the order of the calls of
// all sessions, because within a tick a cursor that was found spent stays spent (nothing of it is given back), so that
// later calls find the same cursor or a higher one; and because next_pinned() takes of `latest` only, so that a call
// that begins after one of a later tick has ended finds its own tick outdated.
//
// In bulk, a session leaves half of a cursor to others: after that it takes one by one. It does not go on to the next
// cursor before, for that would break the order.
//
// A session pins either always or never: so the cursor of its last ID of this tick is where those below were spent.
bool Session::take_pinned(Tick tick, const Pin& pin, std::uint64_t count) {
  const bool goes_on = tick == tick_ && cursor_ > pin.first_cursor && cursor_ <= pin.last_cursor;
  const unsigned first = goes_on ? cursor_ : pin.first_cursor;
  for (unsigned cursor = first; cursor <= pin.last_cursor; ++cursor) {
    const auto range = count == 1 ? take_from(cursor, 1) : take_share(cursor, count, 1);
    if (!range) continue;
    // A worker field has to say which cursor it was.
    adopt(*range, cursor, tick,
          {.node = node_, .worker = layout_.worker.present() ? cursor : 0, .shard = pin.shard});
    tally_.add(Count::hops, cursor != first ? 1 : 0);
    return true;
  }
  return false;
}

// In a tick in which the session has IDs, it goes on where it was. In a later one it is free to choose: its home, or
// the lowest worker if a home is not enough for it.
unsigned Session::first_worker(Tick tick, std::uint64_t count) const {
  if (tick == tick_) return cursor_;
  return starved_ || count > division_.capacity() ? 0 : home_;
}

// IDs of a later tick are larger (and the time only rises). Within a tick, a worker's cursor only rises, and a higher
// worker gives larger IDs if that field stands above the sequence (or there is no sequence: both at 0). Another node:
// not before the next tick.
bool Session::rises_with(unsigned worker, Tick tick, std::uint64_t node) const {
  if (tick != tick_) return true;
  if (node != node_) return false;
  return worker == cursor_ || layout_.worker.shift >= layout_.sequence.shift;
}

// Of a worker that others use too, a session takes a 256th of the tick at first (16 IDs, in the standard layout) and
// twice as much each time it comes back in the same tick: a thousand sessions that want one ID each all find some, and
// one that wants many asks seldom.
std::uint64_t Session::next_share(Tick tick) const {
  const std::uint64_t least = std::max<std::uint64_t>(1, division_.capacity() / 256);
  return tick == tick_ ? std::min(std::max(share_ * 2, least), division_.capacity()) : least;
}

// The only worker of a layout is never taken whole: a session that comes later would find nothing.
bool Session::alone_on(unsigned worker) const { return workers_of(layout_) > 1 && !shares(worker); }

bool Session::shares(unsigned worker) const {
  return space_.worker(worker).sessions() > (worker == home_ ? 1U : 0U);
}

// Half of what is found at the first time in a millisecond, and then at most `more` at a time.
std::optional<Range> Session::take_share(unsigned worker, std::uint64_t count, std::uint64_t more) {
  if (allowance_.ms != ms_ || allowance_.worker != worker) {
    const std::uint64_t left = space_.worker(worker).blocks_left(request_);
    allowance_ = {.ms = ms_, .worker = worker, .blocks = (left + 1) / 2};
  }
  const std::uint64_t allowed = std::min(count, std::max(allowance_.blocks, more));
  if (allowed == 0) {
    limited_ = true;
    return std::nullopt;
  }
  allowance_.blocks -= std::min(allowance_.blocks, allowed);
  return take_from(worker, allowed);
}

}  // namespace snowflake
