// Random schedules: backends that share a space, interleaved in one thread, under a clock that
// jumps both ways. What a session promises is checked at every step:
//
//   - no ID is handed out twice; those of a session rise (within a shard), and those of all
//     sessions that pin the same cursors; none is past its horizon or of another node than it was
//     told
//   - an ID reserved after another was handed out, by whichever session, is of no earlier tick
//   - no tick is further ahead of the clock than the clock was set back since it was last right
//     (but for one, and one each time that this was found out)
//   - nobody waits while a worker that may be used has something left, nor longer than the
//     tolerance and a tick
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <random>
#include <tuple>
#include <unordered_set>
#include <vector>

#include "core/session.hpp"
#include "unit/fake_clock.hpp"
#include "unit/layouts.hpp"
#include "unit/rounds.hpp"

namespace snowflake::test {
namespace {

constexpr std::array layouts{small_layout,
                             layout_of({.node = 1, .worker = 1, .sequence = 1}),
                             layout_of({.node = 2, .worker = 1, .sequence = 6}),
                             layout_of({.node = 1, .sequence = 3}),
                             layout_of({.node = 2, .worker = 3}, 10),
                             layout_of({.worker = 3, .sequence = 2}),
                             Layout{.timestamp = {.shift = 24, .width = 39},
                                    .node = {.shift = 0, .width = 16},
                                    .sequence = {.shift = 16, .width = 8},
                                    .unit_ms = 10},
                             Layout{.timestamp = {.shift = 8, .width = 40},
                                    .node = {.shift = 6, .width = 2},
                                    .worker = {.shift = 0, .width = 2},
                                    .sequence = {.shift = 2, .width = 4}},
                             Layout{.timestamp = {.shift = 23, .width = 40},
                                    .shard = {.shift = 3, .width = 6},
                                    .sequence = {.shift = 0, .width = 3}},
                             standard_layout};
constexpr Tick start = 100'000;
constexpr std::int64_t a_long_time_ns = 1'000'000'000'000;

/// What a session knows, and what we know of it.
struct Backend {
  Session session;
  Terms terms;
  std::optional<Pin> pin;           // of a generator that is ordered, or has shards
  std::optional<Reading> stale;     // read, but not used yet: others go on in between
  std::optional<Parts> last;        // handed out
  Tick finished_at_reserve = 0;     // the latest tick that anybody had handed out by then
  std::uint64_t armed_at_step = 0;  // of the clock
  unsigned home = 0;
  bool starved = false;
};

class Schedule {
 public:
  explicit Schedule(std::uint64_t seed)
      : random_(seed), layout_(layouts[seed % layouts.size()]), backends_(1 + pick(5)) {
    FakeClock::set(layout_, start);
    max_drift_ = chance(3) ? 50 : start;
    for (Backend& backend : backends_) connect(backend);
  }

  void run(unsigned steps) {
    for (unsigned i = 0; i < steps && !testing::Test::HasFailure(); ++i) step();
    for (Backend& backend : backends_) backend.session.leave();
  }

  std::size_t ids_made() const { return ids_.size(); }

 private:
  std::uint64_t pick(std::uint64_t below) { return random_() % below; }
  bool chance(std::uint64_t one_in) { return pick(one_in) == 0; }
  Backend& some_backend() { return backends_[pick(backends_.size())]; }
  Tick wall() const { return FakeClock::tick(layout_); }
  unsigned workers() const { return Session::workers_of(layout_); }
  std::uint64_t most_at_once() const {
    return std::min<std::uint64_t>(2 * workers() * layout_.capacity(), 500);
  }
  Limits limits() const { return limits_of(layout_, max_drift_); }

  void step() {
    switch (pick(16)) {
      case 0:
        return move_clock(static_cast<Tick>(pick(4)));
      case 1:
        return chance(4) ? move_clock(static_cast<Tick>(pick(500))) : move_clock(1);
      case 2:
        return move_clock(-static_cast<Tick>(pick(chance(2) ? 4 : 20)));
      case 3:
        return chance(4) ? move_clock(-static_cast<Tick>(pick(500))) : move_clock(1);
      case 4:
        return read_ahead(some_backend());
      case 5:
        return change_node(some_backend());
      case 6:
        return reconnect(some_backend());
      case 7:
        return chance(4) ? observe(wall() + static_cast<Tick>(pick(100)) - 20) : void();
      case 8:
        return make(some_backend(), 1 + pick(most_at_once()));
      case 9:
        return make_without_asking(some_backend());
      case 10:
        return expect_no_long_wait(some_backend());
      default:
        return make(some_backend(), 1);
    }
  }

  void connect(Backend& backend) {
    backend.home = space_.emptiest_worker(Session::homes_of(layout_));
    backend.session.join(space_, layout_);
    if (layout_.shard.present()) {
      const std::uint64_t shard = pick(layout_.shard.max() + 1);
      const auto cursor = static_cast<unsigned>(shard % Space::max_workers);
      backend.pin = {.first_cursor = cursor, .last_cursor = cursor, .shard = shard};
    } else if (!backend.last && chance(4)) {
      backend.pin = Session::ordered_pin(layout_);
    }
    backend.terms = {.node = pick(layout_.node.max() + 1), .max_drift = max_drift_, .horizon = 0};
  }

  /// The same session again, which goes on rising; or one that knows nothing.
  void reconnect(Backend& backend) {
    backend.session.leave();
    if (chance(2)) backend = Backend{};
    connect(backend);
  }

  void change_node(Backend& backend) {
    backend.terms.node = pick(layout_.node.max() + 1);
    backend.session.forget();
  }

  void move_clock(Tick ticks) {
    const Tick before = wall();
    FakeClock::advance(layout_, std::max(ticks, -before));
    FakeClock::advance_ns(static_cast<std::int64_t>(pick(3)) * layout_.unit_ms * ns_per_ms / 4);
    if (wall() == before) return;
    ++clock_step_;
    if (wall() < before) set_back_by_ += before - wall();
    if (clock_is_right()) set_back_by_ = found_ = 0;
  }

  /// A backend that has read the clock already may still use what it read.
  bool clock_is_right() const {
    const auto has_read = [](const Backend& backend) { return backend.stale.has_value(); };
    return wall() >= space_.latest() && std::ranges::none_of(backends_, has_read);
  }

  Moment reserve_once(Backend& backend, const Reading& reading, std::uint64_t count) {
    return backend.pin ? backend.session.reserve_pinned(reading, backend.terms, *backend.pin, count)
                       : backend.session.reserve(reading, backend.terms, count);
  }

  Reading read() const { return space_.read(layout_, FakeClock::ns); }
  void read_ahead(Backend& backend) { backend.stale = read(); }

  void observe(Tick used) {
    const Tick before = space_.latest();
    const Moment moment = space_.observe(used, read(), limits());
    if (moment.outcome == Outcome::ready) {
      ASSERT_GT(moment.tick, used < before ? before - 1 : used);
      if (space_.latest() > before) set_back_by_ += std::max<Tick>(0, used + 1 - wall());
    } else {
      ASSERT_EQ(moment.outcome, Outcome::clock_too_far_back);
      ASSERT_GT(used + 1 - wall(), max_drift_);
      ASSERT_EQ(space_.latest(), before);
    }
  }

  /// As the rim does: moves the horizon on ahead of need, and asks again.
  Moment reserve(Backend& backend, std::uint64_t count) {
    Reading reading = backend.stale.value_or(read());
    backend.stale.reset();
    const Tick finished = finished_;
    reading.left_ns = a_long_time_ns;  // it is we who say how long a tick lasts
    for (;;) {
      const Moment moment = reserve_once(backend, reading, count);
      if (moment.outcome == Outcome::ready) backend.finished_at_reserve = finished;
      check(backend, reading, moment);
      if (moment.outcome != Outcome::beyond_horizon) return moment;
      backend.terms.horizon = std::max(wall(), space_.latest()) + static_cast<Tick>(pick(30));
      reading = read();
      reading.left_ns = a_long_time_ns;
    }
  }

  void check(Backend& backend, const Reading& reading, const Moment& moment) {
    found_ += moment.set_back;
    EXPECT_LE(space_.latest(), std::max(wall(), reading.wall) + set_back_by_ + found_ + 1);
    switch (moment.outcome) {
      case Outcome::ready:
        backend.armed_at_step = reading.wall == wall() ? clock_step_ : 0;
        EXPECT_EQ(moment.tick, space_.latest());
        break;
      case Outcome::wait:
        expect_spent(backend, moment.tick);
        backend.starved = true;
        break;
      case Outcome::clock_too_far_back:
        EXPECT_GT(moment.behind, max_drift_);
        break;
      default:
        EXPECT_EQ(moment.outcome, Outcome::beyond_horizon);
        EXPECT_GT(moment.tick, backend.terms.horizon);
    }
  }

  /// Whether all workers are spent that the backend may use in `tick`. One that has made no ID in
  /// it looks from its home upwards at first, from the lowest the second time.
  void expect_spent(const Backend& backend, Tick tick) {
    const bool goes_on = backend.last && backend.last->tick == tick;
    if (goes_on && backend.last->node != backend.terms.node) return;  // not before the next tick
    const bool looked_everywhere = backend.starved || goes_on;
    unsigned lowest = looked_everywhere ? 0 : backend.home;
    if (goes_on) lowest = static_cast<unsigned>(backend.last->worker);
    unsigned highest = workers() - 1;
    if (goes_on && layout_.worker.shift < layout_.sequence.shift) highest = lowest;
    if (backend.pin) {
      lowest = backend.pin->first_cursor;
      highest = backend.pin->last_cursor;
    }
    for (unsigned number = lowest; number <= highest; ++number)
      EXPECT_FALSE(space_.worker(number).take({tick, 1, layout_.sequence.width}))
          << "waits though worker " << number << " has some left";
  }

  void make(Backend& backend, std::uint64_t count) {
    while (count > 0 && reserve(backend, count).outcome == Outcome::ready) {
      const Run run = backend.session.take(backend.pin ? count : 1 + pick(count));
      for (std::uint64_t i = 0; i < run.count; ++i) record(backend, run.first + i * run.step);
      EXPECT_EQ(backend.session.last(), run.first + (run.count - 1) * run.step);
      count -= std::min(count, run.count);
      if (chance(8)) move_clock(1);
    }
  }

  /// The fast path, as long as a counter that knows of no step of the clock would allow it.
  void make_without_asking(Backend& backend) {
    if (backend.armed_at_step != clock_step_) return;
    Id id;
    const auto next = [&] {
      return backend.pin ? backend.session.next_pinned(*backend.pin, id) : backend.session.next(id);
    };
    for (auto count = 1 + pick(8); count > 0 && next(); --count) record(backend, id);
  }

  /// From here on nothing happens but time that passes, and the clock is not refused.
  void expect_no_long_wait(Backend& backend) {
    for (Tick waited = 0;; ++waited) {
      const Outcome outcome = reserve(backend, 1).outcome;
      if (outcome == Outcome::clock_too_far_back) return;
      if (outcome == Outcome::ready) return record(backend, backend.session.take(1).first);
      ASSERT_LE(waited, limits().tolerance + 1);
      move_clock(1);
    }
  }

  void record(Backend& backend, Id id) {
    const Parts parts = layout_.decode(id);
    EXPECT_TRUE(ids_.insert(id).second) << "handed out twice: " << id;
    if (backend.last && backend.last->shard == parts.shard) {
      EXPECT_GT(id, layout_.encode(*backend.last));
    }
    if (!backend.last || backend.last->tick != parts.tick) backend.starved = false;
    EXPECT_EQ(parts.node, backend.terms.node);
    EXPECT_LE(parts.tick, backend.terms.horizon);
    EXPECT_GE(parts.tick, backend.finished_at_reserve);
    if (backend.pin) expect_in_order(backend.pin->first_cursor, parts);
    backend.last = parts;
    finished_ = std::max(finished_, parts.tick);
  }

  void expect_in_order(unsigned first_cursor, const Parts& parts) {
    const std::tuple position(parts.tick, parts.worker, parts.sequence);
    EXPECT_GT(position, last_pinned_[first_cursor]);
    last_pinned_[first_cursor] = position;
  }

  std::mt19937_64 random_;
  const Layout& layout_;
  Space space_;
  std::vector<Backend> backends_;
  Tick max_drift_;
  std::unordered_set<Id> ids_;
  std::map<unsigned, std::tuple<Tick, std::uint64_t, std::uint64_t>> last_pinned_;
  Tick finished_ = 0;             // the latest tick handed out
  Tick set_back_by_ = 0;          // the sum of all steps back since the clock was last right
  Tick found_ = 0;                // how often a session has told of it since then
  std::uint64_t clock_step_ = 1;  // how often the clock has changed its tick
};

TEST(Schedules, KeepEveryPromise) {
  std::size_t ids_made = 0;
  for (std::uint64_t seed : seeds()) {
    SCOPED_TRACE(repeat_with(seed));
    Schedule schedule(seed);
    schedule.run(300);
    if (testing::Test::HasFailure()) return;
    ids_made += schedule.ids_made();
  }
  EXPECT_GT(ids_made, 100 * rounds());
}

}  // namespace
}  // namespace snowflake::test
