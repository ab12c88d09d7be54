// Random schedules: backends of several layouts that share a server, interleaved in one thread, under a clock that
// steps both ways, leaps for a moment, and is reset. What a session promises is checked at every step:
//
//   - no ID is handed out twice, but for one later than the clock was at a reset that came between
//   - those of a session rise (within a shard), and those of all sessions that pin the same cursors; none is past its
//     horizon, at or below the floor, or of another node than it was told
//   - an ID reserved after another was handed out, by whichever session, is of no earlier time
//   - nothing is made of a time of before a reset
//   - the time is never further ahead than steps of the clock and skips have made it, less half of what has passed
//   - nobody waits while a worker that is his alone has something left, nor longer than some ticks
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/session.hpp"
#include "unit/fake_clock.hpp"
#include "unit/layouts.hpp"
#include "unit/rounds.hpp"

namespace snowflake::test {
namespace {

constexpr UnixMs epoch = standard_layout.epoch_ms;
constexpr UnixMs start = 1'800'000'000'000;

/// In a group, those of one unit share cursors if they can.
std::vector<Layout> sharing(std::vector<Layout> layouts) {
  for (Layout& layout : layouts)
    for (const Layout& first : layouts) {
      if (first.unit_ms != layout.unit_ms) continue;
      layout = one_that_shares_with(first, layout);
      break;
    }
  return layouts;
}

const std::array<std::vector<Layout>, 8> groups{
    std::vector{standard_layout},
    sharing({layout_of({.timestamp = 41, .node = 3, .worker = 2, .sequence = 2})}),
    sharing({layout_of({.timestamp = 41, .node = 1, .worker = 1, .sequence = 1}),
             layout_of({.timestamp = 41, .node = 2, .worker = 1, .sequence = 6}),
             layout_of({.timestamp = 41, .node = 1, .sequence = 3})}),
    sharing({layout_of({.timestamp = 41, .node = 2, .worker = 3}, 10),
             layout_of({.timestamp = 41, .worker = 2, .sequence = 4}, 10),
             Layout{.timestamp = {.shift = 24, .width = 39},
                    .node = {.shift = 0, .width = 16},
                    .sequence = {.shift = 16, .width = 8},
                    .unit_ms = 10,
                    .epoch_ms = epoch}}),
    sharing({layout_of({.timestamp = 33, .worker = 1, .sequence = 6}, 1000),
             layout_of({.timestamp = 33, .node = 2, .worker = 1, .sequence = 4}, 1000),
             layout_of({.timestamp = 36, .worker = 1, .sequence = 5}, 100),
             layout_of({.timestamp = 41, .worker = 3, .sequence = 2})}),
    sharing({Layout{.timestamp = {.shift = 8, .width = 41},
                    .node = {.shift = 6, .width = 2},
                    .worker = {.shift = 0, .width = 2},
                    .sequence = {.shift = 2, .width = 4},
                    .epoch_ms = epoch},
             layout_of({.timestamp = 41, .worker = 2, .sequence = 9})}),
    sharing({Layout{.timestamp = {.shift = 9, .width = 41},
                    .shard = {.shift = 3, .width = 6},
                    .sequence = {.shift = 0, .width = 3},
                    .epoch_ms = epoch},
             layout_of({.timestamp = 41, .worker = 5, .sequence = 3})}),
    sharing({layout_of({.timestamp = 36, .node = 1, .sequence = 8}, 100),
             layout_of({.timestamp = 36, .worker = 1, .sequence = 3}, 100)}),
};

/// What a session knows, and what we know of it.
struct Backend {
  Session session;
  Terms terms{};
  std::size_t layout = 0;
  std::optional<Pin> pin;          // of a generator that is ordered, or has shards
  std::optional<Instant> stale;    // read, but not used yet: others go on in between
  std::optional<Parts> last;       // handed out
  Era last_era = 0;                // of that
  Era era = 0;                     // of what is reserved
  bool was_stale = false;          // when it was reserved
  UnixMs finished_at_reserve = 0;  // the latest time that anybody had handed out by then
  std::int64_t armed_at = -1;      // time since boot, as long as it has not passed
};

class Schedule {
 public:
  explicit Schedule(std::uint64_t seed)
      : random_(seed), layouts_(groups[seed % groups.size()]), backends_(1 + pick(6)) {
    FakeClock::start(start + static_cast<UnixMs>(pick(2000)));
    server_->timeline.begin(fake_clocks);
    bound_ns_ = FakeClock::wall_ns();
    furthest_offset_ = offset();
    for (Backend& backend : backends_) connect(backend);
  }

  void run(unsigned steps) {
    for (unsigned i = 0; i < steps && !testing::Test::HasFailure(); ++i) step();
    for (Backend& backend : backends_) backend.session.leave();
  }

  std::size_t ids_made() const { return made_count_; }
  std::size_t resets() const { return resets_.size(); }

 private:
  std::uint64_t pick(std::uint64_t below) { return random_() % below; }
  bool chance(std::uint64_t one_in) { return pick(one_in) == 0; }
  Backend& some_backend() { return backends_[pick(backends_.size())]; }
  const Layout& layout_of(const Backend& backend) const { return layouts_[backend.layout]; }
  static std::int64_t offset() { return FakeClock::wall_ns() - FakeClock::boot_ns(); }
  std::int64_t some_unit_ns() { return layouts_[pick(layouts_.size())].unit_ms * ns_per_ms; }
  Timeline& timeline() { return server_->timeline; }

  void step() {
    switch (pick(18)) {
      case 0:
        return pass(
            static_cast<std::int64_t>(pick(4) * static_cast<std::uint64_t>(some_unit_ns())));
      case 1:
        return pass(some_unit_ns());
      case 2:
        return pass(static_cast<std::int64_t>(pick(static_cast<std::uint64_t>(some_unit_ns()))));
      case 3:
        return set_clock(-static_cast<UnixMs>(pick(chance(2) ? 4 : 40)));
      case 4:
        return chance(4) ? set_clock(static_cast<UnixMs>(pick(3000)) - 1500) : pass(ns_per_ms);
      case 5:
        return chance(4) ? leap_for_a_moment() : pass(ns_per_ms);
      case 6:
        return read_ahead(some_backend());
      case 7:
        return change_node(some_backend());
      case 8:
        return reconnect(some_backend());
      case 9:
        return chance(4) ? skip() : void();
      case 10:
        return chance(8) ? reset() : void();
      case 11:
        return make(some_backend(), 1 + pick(300));
      case 12:
        return make_without_asking(some_backend(), 1 + pick(8));
      case 13:
        return expect_no_long_wait(some_backend());
      case 14:
        return interrupt();
      default:
        return make(some_backend(), 1);
    }
  }

  void connect(Backend& backend) {
    const Layout& layout = layout_of(backend);
    backend.session.join(*server_, layout);
    backend.pin.reset();
    if (layout.shard.present()) {
      const std::uint64_t shard = pick(layout.shard.max() + 1);
      const auto cursor = static_cast<unsigned>(shard % cursors_of(layout.unit_ms));
      backend.pin = {.first_cursor = cursor, .last_cursor = cursor, .shard = shard};
    } else if (!backend.last && chance(4)) {
      backend.pin = Session::ordered_pin(layout);
    }
    backend.terms = {.bounds = {.floor = 0, .horizon = 0},
                     .grant = Grant::for_ever(pick(layout.node.max() + 1))};
  }

  /// The same session again, which goes on rising; or one that knows nothing, of any layout.
  void reconnect(Backend& backend) {
    backend.session.leave();
    backend.armed_at = -1;
    if (chance(2)) {
      backend = Backend{};
      backend.layout = pick(layouts_.size());
    }
    connect(backend);
  }

  void change_node(Backend& backend) {
    backend.terms.grant.node = pick(layout_of(backend).node.max() + 1);
    backend.session.forget();
  }

  // --- Time. `bound_ns_` is the latest that it may be, but for clocks that are read a moment apart -----------------

  void pass(std::int64_t ns) {
    FakeClock::pass_ns(ns);
    bound_ns_ =
        leaping_ ? bound_ns_ + ns : std::max(bound_ns_ + (ns + 1) / 2, FakeClock::wall_ns());
  }

  void set_clock(UnixMs by) {
    pass(1);
    FakeClock::step_ms(by);
    furthest_offset_ = std::max(furthest_offset_, offset());
    bound_ns_ = std::max(bound_ns_, FakeClock::wall_ns());
  }

  /// Hours off, and nobody believes it. While it lasts, the step back before it may not be believed either.
  void leap_for_a_moment() {
    const UnixMs far = (chance(2) ? 1 : -1) * (3'600'000 + static_cast<UnixMs>(pick(100'000'000)));
    pass(1);
    FakeClock::step_ms(far);
    leaping_ = true;
    bound_ns_ = std::max(bound_ns_, FakeClock::boot_ns() + furthest_offset_);
    make(some_backend(), 1 + pick(10));
    pass(1);
    FakeClock::step_ms(-far);
    leaping_ = false;
    read();
  }

  void skip() {
    const UnixMs time = timeline().latest() + static_cast<UnixMs>(pick(3000)) - 500;
    bound_ns_ = std::max(bound_ns_, (time + 1) * ns_per_ms);
    if (chance(2)) {
      timeline().raise_floor(time, fake_clocks);
    } else {
      timeline().skip_past(time, fake_clocks);
    }
    const Instant now = read();
    ASSERT_GT(now.ms(), time);
  }

  // Those who have something reserved go on with it; when this is over, nobody has.
  void reset() {
    const UnixMs wall = FakeClock::wall_ms();
    if (!server_->reset(fake_clocks)) return;
    resets_.push_back({timeline().era(), wall});
    bound_ns_ = (wall / 1000 + 1) * 1000 * ns_per_ms;
    furthest_offset_ = offset();
    latest_ = 0;
    finished_ = 0;
    last_pinned_.clear();
    for (Backend& backend : backends_) {
      make_without_asking(backend, pick(4));
      backend.armed_at = -1;
    }
  }

  Instant read() {
    const std::optional<Instant> now = timeline().now(fake_clocks);
    EXPECT_TRUE(now);
    EXPECT_GE(now->ms(), latest_) << "the time falls";
    EXPECT_LE(now->ns, bound_ns_ + 2 * ns_per_ms) << "the time goes on by itself";
    latest_ = now->ms();
    return *now;
  }

  void read_ahead(Backend& backend) { backend.stale = read(); }

  /// Somebody else makes IDs, and perhaps time passes, while one reads the clocks.
  void interrupt() {
    Backend& other = some_backend();
    Backend& backend = some_backend();
    if (&backend == &other) return;
    const std::uint64_t seed = random_();
    FakeClock::after_reading(1 + static_cast<unsigned>(pick(3)), [this, &other, seed] {
      if (seed % 2 == 0) pass(static_cast<std::int64_t>(seed / 2 % (3 * ns_per_ms)));
      make(other, 1 + seed % 7);
    });
    const std::optional<Instant> now = timeline().now(fake_clocks);
    ASSERT_TRUE(now);
    EXPECT_GE(timeline().latest(), latest_) << "the time falls";
    latest_ = timeline().latest();
    backend.stale = now;
  }

  // --- IDs ---------------------------------------------------------------------------------------------------------

  Outcome reserve_once(Backend& backend, const Instant& now, std::uint64_t count) {
    return backend.pin ? backend.session.reserve_pinned(now, backend.terms, *backend.pin, count)
                       : backend.session.reserve(now, backend.terms, count);
  }

  /// As the rim does: moves the horizon on ahead of need, and asks again.
  Outcome reserve(Backend& backend, std::uint64_t count) {
    const UnixMs finished = finished_;
    const bool is_stale = backend.stale.has_value();
    Instant now = is_stale ? *backend.stale : read();
    backend.stale.reset();
    for (;;) {
      backend.terms.bounds.floor = now.floor;
      const Outcome outcome = reserve_once(backend, now, count);
      backend.armed_at = -1;
      if (outcome == Outcome::ready) {
        EXPECT_EQ(now.era, timeline().era()) << "of a time before a reset";
        backend.era = now.era;
        backend.was_stale = is_stale;
        backend.finished_at_reserve = is_stale ? 0 : finished;
        if (!is_stale) backend.armed_at = FakeClock::boot_ns();
        return outcome;
      }
      if (outcome == Outcome::spent) {
        if (now.era == timeline().era()) expect_spent(backend, now);
        return outcome;
      }
      EXPECT_EQ(outcome, Outcome::beyond_horizon);
      EXPECT_GT(now.ms(), backend.terms.bounds.horizon);
      backend.terms.bounds.horizon = now.ms() + static_cast<UnixMs>(pick(30));
      if (!is_stale) now = read();
    }
  }

  /// Whether all workers are spent that the backend may use, and that nobody else does.
  void expect_spent(const Backend& backend, const Instant& now) {
    const Layout& layout = layout_of(backend);
    const Division division = division_of(layout);
    const Tick tick = division.tick_at(now.ns);
    if (division.begin_ms(tick) <= now.floor) return;
    const Tick layout_tick = layout.tick_at(division.begin_ms(tick));
    const bool goes_on = backend.last && backend.last->tick == layout_tick;
    if (goes_on && backend.last->node != backend.terms.grant.node)
      return;                                     // not before the next tick
    unsigned lowest = Session::homes_of(layout);  // it may have looked from its home upwards only
    unsigned highest = Session::workers_of(layout) - 1;
    if (goes_on) lowest = std::max(lowest, static_cast<unsigned>(backend.last->worker));
    if (goes_on && layout.worker.shift < layout.sequence.shift)
      highest = static_cast<unsigned>(backend.last->worker);
    if (backend.pin) {
      lowest = backend.pin->first_cursor;
      highest = backend.pin->last_cursor;
    }
    for (unsigned number = lowest; number <= highest; ++number) {
      Worker& worker = server_->space_of(layout).worker(number);
      if (!backend.pin && worker.sessions() > 0) continue;
      EXPECT_EQ(worker.blocks_left(division.request_at(now.ns)), 0U)
          << "waits though worker " << number << " has some left";
    }
  }

  void make(Backend& backend, std::uint64_t count) {
    while (count > 0 && !testing::Test::HasFailure() && reserve(backend, count) == Outcome::ready) {
      const Run run = backend.session.take(backend.pin ? count : 1 + pick(count));
      for (std::uint64_t i = 0; i < run.count; ++i) record(backend, run.first + i * run.step);
      EXPECT_EQ(backend.session.last(), run.first + (run.count - 1) * run.step);
      count -= std::min(count, run.count);
      if (chance(8)) pass(ns_per_ms);
    }
  }

  /// The fast path, as long as no time has passed.
  void make_without_asking(Backend& backend, std::uint64_t count) {
    if (backend.armed_at != FakeClock::boot_ns()) return;
    Id id;
    const auto next = [&] {
      return backend.pin ? backend.session.next_pinned(*backend.pin, id) : backend.session.next(id);
    };
    for (; count > 0 && next(); --count) record(backend, id);
  }

  /// From here on nothing happens but time that passes.
  void expect_no_long_wait(Backend& backend) {
    const std::int64_t unit_ns = layout_of(backend).unit_ms * ns_per_ms;
    for (std::int64_t waited = 0;;) {
      if (reserve(backend, 1) == Outcome::ready)
        return record(backend, backend.session.take(1).first);
      ASSERT_LE(waited, 6 * unit_ns) << "two ticks at half speed, and one that is begun";
      const std::int64_t pause = backend.session.pause_ns(read());
      ASSERT_GT(pause, 0);
      pass(pause);
      waited += pause;
    }
  }

  void record(Backend& backend, Id id) {
    const Layout& layout = layout_of(backend);
    const Parts parts = layout.decode(id);
    const UnixMs time = layout.time_at(parts.tick);
    expect_new(backend, id, time);
    if (backend.last && backend.last->shard == parts.shard && backend.last_era == backend.era) {
      EXPECT_GT(id, layout.encode(*backend.last));
    }
    EXPECT_EQ(parts.node, backend.terms.grant.node);
    EXPECT_LE(time, backend.terms.bounds.horizon);
    EXPECT_GT(time, backend.terms.bounds.floor);
    if (backend.era == timeline().era()) {
      EXPECT_GT(time + layout.unit_ms, backend.finished_at_reserve);
      if (backend.pin) expect_in_order(backend, parts);
      finished_ = std::max(finished_, time);
    }
    backend.last_era = backend.era;
    backend.last = parts;
    ++made_count_;
  }

  void expect_new(const Backend& backend, Id id, UnixMs time) {
    const auto [found, is_new] = made_[backend.layout].try_emplace(id, backend.era);
    if (is_new) return;
    const Era before = std::exchange(found->second, backend.era);
    EXPECT_NE(before, backend.era) << "handed out twice: " << id;
    EXPECT_TRUE(std::ranges::any_of(
        resets_, [&](const Reset& each) { return each.era > before && each.wall < time; }))
        << "handed out twice, and the clock had passed it: " << id;
  }

  /// But for calls that began before others and ended after them.
  void expect_in_order(const Backend& backend, const Parts& parts) {
    const std::tuple position(parts.tick, parts.worker, parts.sequence);
    auto& last = last_pinned_[{backend.layout, backend.pin->first_cursor}];
    if (!backend.was_stale) {
      EXPECT_GT(position, last);
    }
    last = std::max(last, position);
  }

  struct Reset {
    Era era;  // after it
    UnixMs wall;
  };

  std::mt19937_64 random_;
  const std::vector<Layout>& layouts_;
  std::unique_ptr<Server> server_ = std::make_unique<Server>();
  std::vector<Backend> backends_;
  std::map<std::size_t, std::unordered_map<Id, Era>> made_;  // the last era in which each was made
  std::map<std::pair<std::size_t, unsigned>, std::tuple<Tick, std::uint64_t, std::uint64_t>>
      last_pinned_;
  std::vector<Reset> resets_;
  std::size_t made_count_ = 0;
  UnixMs finished_ = 0;  // the latest time handed out in this era
  UnixMs latest_ = 0;    // that was read
  std::int64_t bound_ns_ = 0;
  std::int64_t furthest_offset_ = 0;
  bool leaping_ = false;
};

TEST(Schedules, KeepEveryPromise) {
  std::size_t ids_made = 0;
  std::size_t resets = 0;
  for (const std::uint64_t seed : seeds()) {
    SCOPED_TRACE(repeat_with(seed));
    Schedule schedule(seed);
    schedule.run(300);
    if (testing::Test::HasFailure()) return;
    ids_made += schedule.ids_made();
    resets += schedule.resets();
  }
  EXPECT_GT(ids_made, 100 * rounds());
  EXPECT_GT(resets, rounds() / 10);
}

}  // namespace
}  // namespace snowflake::test
