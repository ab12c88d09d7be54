#include "core/session.hpp"

namespace snowflake {

void Session::join(Space& space, const Layout& layout) {
  space_ = &space;
  layout_ = &layout;
  step_ = layout.step();
  resets_ = space.resets();
  home_ = space.emptiest_worker(homes_of(layout));
  space.worker(home_).move_in();
}

void Session::leave() {
  if (!joined()) return;
  heed_reset();
  if (has_reservation() && cursor_ < homes_of(*layout_)) {
    const Parts next = layout_->decode(next_);
    const Position begin =
        static_cast<Position>(next.tick) << layout_->sequence.width | next.sequence;
    space_->worker(cursor_).give_back({begin, begin + (end_ - next_) / step_});
  }
  forget();
  space_->worker(home_).move_out();
  space_ = nullptr;
}

Moment Session::reserve(const Reading& reading, const Terms& terms, std::uint64_t count) {
  return reserve_by([&](Tick tick) { return take_anywhere(tick, terms.node, count); }, reading,
                    terms);
}

Moment Session::reserve_pinned(const Reading& reading, const Terms& terms, const Pin& pin,
                               std::uint64_t count) {
  return reserve_by([&](Tick tick) { return take_pinned(tick, terms.node, pin, count); }, reading,
                    terms);
}

template <typename Take>
Moment Session::reserve_by(Take take, const Reading& reading, const Terms& terms) {
  heed_reset();
  const Limits limits = limits_of(*layout_, terms.max_drift);
  bool set_back = false;
  for (;;) {
    Moment moment = space_->now(reading, limits);
    moment.set_back = set_back |= moment.set_back;
    if (moment.outcome != Outcome::ready) return moment;
    if (moment.tick > terms.horizon) {
      moment.outcome = Outcome::beyond_horizon;
      return moment;
    }
    if (take(moment.tick)) {
      arm(reading);
      return moment;
    }
    starved_ = true;
    if (!space_->move_on(moment.tick, reading)) {
      moment.outcome = Outcome::wait;
      return moment;
    }
  }
}

// After a reset, what was reserved before it may be given to others when the clock comes there
// again.
void Session::heed_reset() {
  if (resets_ == space_->resets()) return;
  resets_ = space_->resets();
  forget();
}

bool Session::take_anywhere(Tick tick, std::uint64_t node, std::uint64_t count) {
  if (has_reservation() && reserved_.tick == tick && reserved_.node == node) return true;
  const std::uint64_t share = next_share(tick);
  for (unsigned worker = first_worker(tick, count); worker < workers_of(*layout_); ++worker) {
    if (!rises_with(worker, tick, node)) continue;
    const std::uint64_t wanted = alone_on(worker) ? layout_->capacity() : std::max(share, count);
    const auto range = space_->worker(worker).take({tick, wanted, layout_->sequence.width});
    if (!range) continue;
    if (tick != reserved_.tick) starved_ = false;
    adopt(*range, {.tick = tick, .node = node, .worker = worker});
    share_ = share;
    cursor_ = worker;
    return true;
  }
  return false;
}

// Whoever pins cursors keeps no reservation: what is taken is handed out at once. IDs rise in the
// order of the calls of all sessions, because within a tick a cursor that was found spent stays
// spent (nothing of it is given back), so that later calls find the same cursor or a higher one;
// and because next_pinned() takes of `latest` only, so that a call that begins after one of a later
// tick has ended finds its own tick outdated.
bool Session::take_pinned(Tick tick, std::uint64_t node, const Pin& pin, std::uint64_t count) {
  if (tick == reserved_.tick && node != reserved_.node) return false;
  for (unsigned cursor = pin.first_cursor; cursor <= pin.last_cursor; ++cursor) {
    const auto range = space_->worker(cursor).take({tick, count, layout_->sequence.width});
    if (!range) continue;
    // A worker field has to say which cursor it was.
    adopt(*range, {.tick = tick,
                   .node = node,
                   .worker = layout_->worker.present() ? cursor : 0,
                   .shard = pin.shard});
    cursor_ = cursor;
    return true;
  }
  return false;
}

// In a tick in which the session has IDs, it goes on where it was. In a later one it is free to
// choose: its home, or the lowest worker if a home is not enough for it.
unsigned Session::first_worker(Tick tick, std::uint64_t count) const {
  if (tick == reserved_.tick) return cursor_;
  return starved_ || count > layout_->capacity() ? 0 : home_;
}

// IDs of a later tick are larger (and `latest`, whence ticks come, only rises). Within a tick, a
// worker's cursor only rises, and a higher worker gives larger IDs if that field stands above the
// sequence (or there is no sequence: both at 0). Another node: not before the next tick.
bool Session::rises_with(unsigned worker, Tick tick, std::uint64_t node) const {
  if (tick != reserved_.tick) return true;
  if (node != reserved_.node) return false;
  return worker == cursor_ || layout_->worker.shift >= layout_->sequence.shift;
}

// Of a worker that others use too, a session takes a 256th of the tick at first (16 IDs, in the
// standard layout) and twice as much each time it comes back in the same tick: a thousand sessions
// that want one ID each all find some, and one that wants many asks seldom.
std::uint64_t Session::next_share(Tick tick) const {
  const std::uint64_t least = std::max<std::uint64_t>(1, layout_->capacity() / 256);
  return tick == reserved_.tick ? std::min(std::max(share_ * 2, least), layout_->capacity())
                                : least;
}

// The only worker of a layout is never taken whole: a session that comes later would find nothing.
bool Session::alone_on(unsigned worker) const {
  return workers_of(*layout_) > 1 && space_->worker(worker).tenants() == (worker == home_ ? 1 : 0);
}

void Session::adopt(Range range, Parts parts) {
  parts.sequence = range.begin & layout_->sequence.max();
  before_ = last();
  reserved_ = parts;
  begin_ = next_ = layout_->encode(parts);
  end_ = next_ + (range.end - range.begin) * step_;
}

void Session::arm(const Reading& reading) {
  meter_.learn(reading.cycles);
  start_ = reading.cycles;
  span_ = meter_.cycles_within(reading.left_ns);
}

}  // namespace snowflake
