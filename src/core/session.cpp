#include "core/session.hpp"

namespace snowflake {
namespace {

// Of a worker that others call home too, a session takes this many IDs at first and twice as many
// each time it comes back in the same tick: a thousand sessions that want one ID each all find
// some, and one that wants many asks seldom.
constexpr std::uint64_t first_share = 16;

}  // namespace

void Session::join(Space& space, const Layout& layout) {
  space_ = &space;
  layout_ = &layout;
  home_ = space.emptiest_worker(workers());
  space.worker(home_).move_in();
}

void Session::leave() {
  if (!joined()) return;
  if (next_ != end_) {
    const Parts next = layout_->decode(next_);
    const Position begin =
        static_cast<Position>(next.tick) << layout_->sequence.width | next.sequence;
    space_->worker(static_cast<unsigned>(next.worker)).give_back({begin, begin + (end_ - next_)});
    forget();
  }
  space_->worker(home_).move_out();
  space_ = nullptr;
}

Moment Session::reserve(const Reading& reading, const Terms& terms, std::uint64_t count) {
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
    if (reserve_in(moment.tick, terms.node, count)) {
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

bool Session::reserve_in(Tick tick, std::uint64_t node, std::uint64_t count) {
  if (next_ != end_ && reserved_.tick == tick && reserved_.node == node) return true;
  const std::uint64_t share = next_share(tick);
  for (unsigned worker = first_worker(tick, node, count); worker < workers(); ++worker) {
    const std::uint64_t wanted = alone_on(worker) ? capacity() : std::max(share, count);
    const auto range = space_->worker(worker).take({tick, wanted, layout_->sequence.width});
    if (!range) continue;
    const std::uint64_t sequence = range->begin & layout_->sequence.max();
    adopt({tick, node, worker, sequence}, range->end - range->begin, share);
    return true;
  }
  return false;
}

// An ID compares by (tick, node, worker, sequence), and a worker's cursor only rises. So within the
// tick of the last reservation only this worker and higher ones give larger IDs, none if the node
// was changed to a lower one. In another tick (a later one: `latest` only rises) every worker does;
// one that did not get enough begins at the lowest.
unsigned Session::first_worker(Tick tick, std::uint64_t node, std::uint64_t count) const {
  if (tick == reserved_.tick && node < reserved_.node) return workers();
  if (tick == reserved_.tick && node == reserved_.node)
    return static_cast<unsigned>(reserved_.worker);
  return starved_ || count > capacity() ? 0 : home_;
}

std::uint64_t Session::next_share(Tick tick) const {
  return tick == reserved_.tick ? std::min(std::max(share_ * 2, first_share), capacity())
                                : first_share;
}

bool Session::alone_on(unsigned worker) const {
  return space_->worker(worker).tenants() == (worker == home_ ? 1 : 0);
}

void Session::adopt(const Parts& begin, std::uint64_t count, std::uint64_t share) {
  if (begin.tick != reserved_.tick) starved_ = false;
  before_ = last();
  reserved_ = begin;
  share_ = share;
  begin_ = next_ = layout_->encode(begin);
  end_ = next_ + count;
}

void Session::arm(const Reading& reading) {
  meter_.learn(reading.cycles);
  start_ = reading.cycles;
  span_ = meter_.cycles_within(reading.left_ns);
}

}  // namespace snowflake
