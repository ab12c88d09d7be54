// What the core costs without PostgreSQL around it. A figure is IDs a second.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>

#include "core/clock.hpp"
#include "core/layout.hpp"
#include "core/session.hpp"
#include "core/space.hpp"
#include "core/worker.hpp"

namespace snowflake {
namespace {

constexpr Terms terms{.node = 0, .max_drift = 1000, .horizon = standard_layout.last_tick()};

Id reserve_and_take(Space& space, Session& session, std::int64_t (*clock)()) {
  Outcome outcome;
  do outcome = session.reserve(space.read(standard_layout, clock), terms, 1).outcome;
  while (outcome == Outcome::wait);
  if (outcome != Outcome::ready) std::abort();
  return session.take(1).first;
}

// An ID a call, as snowflake_next() does, by the real clock: all threads share one space.
void session_next(benchmark::State& state) {
  static Space space;
  Session session;
  session.join(space, standard_layout);
  for (auto _ : state) {
    Id id;
    if (!session.next(id)) id = reserve_and_take(space, session, wall_clock_ns);
    benchmark::DoNotOptimize(id);
  }
  session.leave();
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(session_next)->Threads(1)->Threads(2)->Threads(8)->UseRealTime();

// A clock that is a millisecond further each time: each reservation is made anew, and none has to
// wait.
std::int64_t hurrying_clock() {
  static std::int64_t now = wall_clock_ns();
  return now += ns_per_ms;
}

// The slow path: what the first ID of a millisecond costs (but for reading the clock).
void session_reserve_and_take(benchmark::State& state) {
  Space space;
  Session session;
  session.join(space, standard_layout);
  for (auto _ : state) benchmark::DoNotOptimize(reserve_and_take(space, session, hurrying_clock));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(session_reserve_and_take);

// The one word that all meet at, when all have the same home; a "tick" that never ends.
void worker_take(benchmark::State& state) {
  static Worker worker;
  for (auto _ : state)
    benchmark::DoNotOptimize(worker.take({.tick = 0, .count = 1, .sequence_bits = 62}));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(worker_take)->Threads(1)->Threads(2)->Threads(8)->UseRealTime();

}  // namespace
}  // namespace snowflake
