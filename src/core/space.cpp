#include "core/space.hpp"

#include "core/clock.hpp"

namespace snowflake {
namespace {

/// Makes it at least `value`; gives what it is then.
Tick raise(std::atomic<Tick>& word, Tick value) {
  Tick seen = word.load(std::memory_order_acquire);
  while (seen < value && !word.compare_exchange_weak(seen, value, std::memory_order_acq_rel)) {
  }
  return std::max(seen, value);
}

}  // namespace

Reading Space::read(const Layout& layout, std::int64_t (*wall_clock_ns)()) const {
  const Tick latest = this->latest();
  const Tick setback = this->setback();
  const std::uint64_t counter = cycles();
  const std::int64_t ns = wall_clock_ns();
  const std::int64_t unit_ns = layout.unit_ms * ns_per_ms;
  const std::int64_t since_epoch = ns - layout.epoch_ms * ns_per_ms;
  const Tick wall = since_epoch / unit_ns - (since_epoch % unit_ns < 0);
  return {.latest = latest,
          .cycles = counter,
          .wall = wall,
          .left_ns = (wall + 1) * unit_ns - since_epoch,
          .setback = setback};
}

Moment Space::now(const Reading& reading, const Limits& limits) {
  if (reading.wall < 0) return {.outcome = Outcome::before_epoch};
  if (reading.wall > limits.last_tick) return {.outcome = Outcome::out_of_time};
  Moment moment{.outcome = Outcome::ready};
  if (reading.wall >= reading.latest) {
    clock_is_right_again();
    moment.tick = raise(latest_, reading.wall);
  } else {
    moment.behind = reading.latest - reading.wall;
    if (moment.behind > std::max(reading.setback, setback()) + limits.tolerance) {
      if (moment.behind > limits.max_drift)
        return {.outcome = Outcome::clock_too_far_back, .behind = moment.behind};
      moment.set_back = clock_was_set_back(moment.behind, limits.tolerance);
    } else {
      clock_is_no_further_behind_than(latest() - reading.wall);
    }
    moment.tick = latest();
  }
  if (moment.tick > limits.last_tick) moment.outcome = Outcome::out_of_time;
  return moment;
}

bool Space::move_on(Tick spent, const Reading& reading) {
  if (spent < latest()) return true;
  if (spent >= reading.wall + setback()) return false;
  raise(latest_, spent + 1);
  return true;
}

Moment Space::observe(Tick used, const Reading& reading, const Limits& limits) {
  Moment moment{.outcome = Outcome::ready, .tick = latest()};
  if (used < moment.tick) return moment;
  moment.behind = std::max<Tick>(0, used + 1 - reading.wall);
  if (moment.behind > limits.max_drift) {
    moment.outcome = Outcome::clock_too_far_back;
  } else if (used >= limits.last_tick) {
    moment.outcome = Outcome::out_of_time;
  } else {
    raise(setback_,
          moment.behind);  // first, lest another session takes the clock for one just set back
    moment.tick = raise(latest_, used + 1);
    raise(setback_, moment.behind);  // it may have been cleared in between
  }
  return moment;
}

void Space::reset(Tick wall, unsigned sequence_bits) {
  latest_.store(wall, std::memory_order_release);
  setback_.store(0, std::memory_order_relaxed);
  for (Worker& worker : workers_) worker.reset(static_cast<Position>(wall) << sequence_bits);
  resets_.fetch_add(1, std::memory_order_release);
}

Setbacks Space::setbacks() const {
  return {.count = setback_count_.load(std::memory_order_relaxed),
          .largest = largest_setback_.load(std::memory_order_relaxed)};
}

unsigned Space::emptiest_worker(unsigned workers) const {
  unsigned emptiest = 0;
  for (unsigned number = 1; number < workers; ++number)
    if (workers_[number].tenants() < workers_[emptiest].tenants()) emptiest = number;
  return emptiest;
}

// The setback may be cleared just while another session records a new one; a clock so restless is
// found to be set back again at the next reading.
void Space::clock_is_right_again() {
  Tick setback = this->setback();
  if (setback != 0) setback_.compare_exchange_strong(setback, 0, std::memory_order_relaxed);
}

// A clock that has caught up in part (time has passed in which few IDs were made, or it was mended)
// allows no more than it needs. Else a burst would run ahead by all the ticks that were not used,
// and a clock that steps to and fro would push `latest` on with every step. One more than it is
// behind: the next tick must be within reach.
void Space::clock_is_no_further_behind_than(Tick behind) {
  Tick known = setback();
  if (behind + 1 < known)
    setback_.compare_exchange_strong(known, behind + 1, std::memory_order_relaxed);
}

// Of all who see it, one succeeds and is to tell.
bool Space::clock_was_set_back(Tick behind, Tick tolerance) {
  Tick known = setback();
  if (behind <= known + tolerance) return false;
  if (!setback_.compare_exchange_strong(known, behind, std::memory_order_relaxed)) return false;
  setback_count_.fetch_add(1, std::memory_order_relaxed);
  raise(largest_setback_, behind - known);
  return true;
}

}  // namespace snowflake
