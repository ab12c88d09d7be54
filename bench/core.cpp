// What the core costs without PostgreSQL around it. A figure is IDs a second.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <limits>

#include "core/clock.hpp"
#include "core/layout.hpp"
#include "core/server.hpp"
#include "core/session.hpp"
#include "core/worker.hpp"

namespace snowflake {
namespace {

constexpr Terms terms{.bounds = {.floor = 0, .horizon = std::numeric_limits<UnixMs>::max()},
                      .grant = Grant::for_ever(0)};

/// A server whose timeline has begun.
struct RunningServer : Server {
  explicit RunningServer(const Clocks& clocks) { timeline.begin(clocks); }
};

/// `reserve` is tried until it finds something.
template <typename Reserve>
Id take_one(Session& session, Reserve reserve) {
  for (;;) switch (reserve()) {
      case Outcome::ready:
        return session.take(1).first;
      case Outcome::spent:
        break;
      default:
        std::abort();
    }
}

Id reserve_and_take(Server& server, Session& session, const Clocks& clocks) {
  return take_one(session, [&] { return session.reserve(*server.timeline.now(clocks), terms, 1); });
}

Id reserve_pinned_and_take(Server& server, Session& session, const Pin& pin) {
  return take_one(session, [&] {
    return session.reserve_pinned(*server.timeline.now(system_clocks), terms, pin, 1);
  });
}

// An ID a call, as snowflake_next() does, by the real clock: all threads share one server.
void session_next(benchmark::State& state) {
  static RunningServer server(system_clocks);
  Session session;
  session.join(server, standard_layout);
  for (auto _ : state) {
    Id id;
    if (!session.next(id)) id = reserve_and_take(server, session, system_clocks);
    benchmark::DoNotOptimize(id);
  }
  session.leave();
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(session_next)->Threads(1)->Threads(2)->Threads(8)->UseRealTime();

// An ID a call as an ordered generator makes it: all threads take of one cursor, one by one.
void session_next_pinned(benchmark::State& state) {
  static RunningServer server(system_clocks);
  const Pin pin = Session::ordered_pin(standard_layout);
  Session session;
  session.join(server, standard_layout);
  for (auto _ : state) {
    Id id;
    if (!session.next_pinned(pin, id)) id = reserve_pinned_and_take(server, session, pin);
    benchmark::DoNotOptimize(id);
  }
  session.leave();
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(session_next_pinned)->Threads(1)->Threads(2)->Threads(8)->UseRealTime();

// What the time costs, with both clocks read.
void timeline_now(benchmark::State& state) {
  static RunningServer server(system_clocks);
  for (auto _ : state) benchmark::DoNotOptimize(server.timeline.now(system_clocks));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(timeline_now)->Threads(1)->Threads(2)->Threads(8)->UseRealTime();

// Clocks that the benchmark moves on.
std::int64_t made_up_ns = 1'800'000'000'000'000'000;
std::int64_t made_up_clock() { return made_up_ns; }
constexpr Clocks made_up_clocks{.wall_ns = made_up_clock, .boot_ns = made_up_clock};

// The slow path: what the first ID of a millisecond costs (but for reading the clocks). None has to wait.
void session_reserve_and_take(benchmark::State& state) {
  RunningServer server(made_up_clocks);
  Session session;
  session.join(server, standard_layout);
  for (auto _ : state) {
    made_up_ns += ns_per_ms;
    benchmark::DoNotOptimize(reserve_and_take(server, session, made_up_clocks));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(session_reserve_and_take);

// The one word that all meet at, when all have the same home; a "tick" that never ends.
void worker_take(benchmark::State& state) {
  static Worker worker;
  constexpr Request request{.begin = 0, .end = Position{1} << 62, .block_bits = 0, .count = 1};
  for (auto _ : state) benchmark::DoNotOptimize(worker.take(request));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(worker_take)->Threads(1)->Threads(2)->Threads(8)->UseRealTime();

// What it takes a line of memory to go from one core to the other: two threads that wait for each other's increments. An
// iteration of each is one handover there and one back.
void line_handover(benchmark::State& state) {
  alignas(cache_line) static std::atomic<std::uint64_t> turns = 0;
  const auto mine = static_cast<std::uint64_t>(state.thread_index());
  for (auto _ : state) {
    std::uint64_t turn;
    while ((turn = turns.load(std::memory_order_acquire)) % 2 != mine) continue;
    turns.store(turn + 1, std::memory_order_release);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(line_handover)->Threads(2)->UseRealTime();

}  // namespace
}  // namespace snowflake
