#include "core/space.hpp"

#include "core/clock.hpp"

namespace snowflake {

Reading Space::read(const Layout& layout, std::int64_t (*wall_clock_ns)()) const {
  const Tick latest = this->latest();
  const std::uint64_t counter = cycles();
  const std::int64_t ns = wall_clock_ns();
  const std::int64_t unit_ns = layout.unit_ms * ns_per_ms;
  const std::int64_t since_epoch = ns - layout.epoch_ms * ns_per_ms;
  const Tick wall = since_epoch / unit_ns - (since_epoch % unit_ns < 0);
  return {.latest = latest,
          .cycles = counter,
          .wall = wall,
          .left_ns = (wall + 1) * unit_ns - since_epoch};
}

Moment Space::now(const Reading& reading, const Limits& limits) {
  if (reading.wall < 0) return {.outcome = Outcome::before_epoch};
  Moment moment{.outcome = Outcome::ready};
  if (reading.wall >= reading.latest) {
    clock_is_right_again();
    moment.tick = raise_latest(reading.wall);
  } else {
    moment.behind = reading.latest - reading.wall;
    if (moment.behind > limits.max_drift)
      return {.outcome = Outcome::clock_too_far_back, .behind = moment.behind};
    moment.set_back = clock_was_set_back(moment.behind, limits.tolerance);
    moment.tick = latest();
  }
  if (moment.tick > limits.last_tick) moment.outcome = Outcome::out_of_time;
  return moment;
}

bool Space::move_on(Tick spent, const Reading& reading) {
  if (spent < latest()) return true;
  if (spent >= reading.wall + setback()) return false;
  raise_latest(spent + 1);
  return true;
}

unsigned Space::emptiest_worker(unsigned workers) const {
  unsigned emptiest = 0;
  for (unsigned number = 1; number < workers; ++number)
    if (workers_[number].tenants() < workers_[emptiest].tenants()) emptiest = number;
  return emptiest;
}

Tick Space::raise_latest(Tick tick) {
  Tick seen = latest();
  while (seen < tick && !latest_.compare_exchange_weak(seen, tick, std::memory_order_acq_rel)) {
  }
  return std::max(seen, tick);
}

// The setback may be cleared just while another session records a new one; a clock so restless is
// found to be set back again at the next reading.
void Space::clock_is_right_again() {
  Tick setback = this->setback();
  if (setback != 0) setback_.compare_exchange_strong(setback, 0, std::memory_order_relaxed);
}

bool Space::clock_was_set_back(Tick behind, Tick tolerance) {
  Tick known = setback();
  return behind > known + tolerance &&
         setback_.compare_exchange_strong(known, behind, std::memory_order_relaxed);
}

}  // namespace snowflake
