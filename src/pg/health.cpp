// snowflake_health(): what an operator should know before it hurts, a row a check.
//
//     SELECT name, state, value, action FROM snowflake_health WHERE state <> 'ok';
//
// States. ok; warning: look at it in the next days, no ID is wrong and no call fails; critical: calls fail or wait, or
// will soon, or two servers make the same IDs.
//
// Guarantees: it reads shared memory, the catalogs of this database and the kernel's clock; it waits for nobody.
#include <algorithm>
#include <iterator>

#include "core/kernel_clock.hpp"
#include "core/session.hpp"
#include "pg/generator_spec.hpp"
#include "pg/horizon.hpp"
#include "pg/layout.hpp"
#include "pg/node_status.hpp"
#include "pg/postgres.hpp"
#include "pg/row.hpp"
#include "pg/settings.hpp"
#include "pg/shmem.hpp"

namespace snowflake::pg {
namespace {

enum class State { ok, warning, critical };

const char* name_of(State state) {
  constexpr const char* names[] = {"ok", "warning", "critical"};
  return names[static_cast<int>(state)];
}

struct Check {
  const char* name;
  State state;
  const char* value;
  const char* threshold;
  const char* meaning;
  const char* action;
};

/// The state of what should be small.
State state_of(double value, double warning, double critical) {
  return value >= critical ? State::critical : value >= warning ? State::warning : State::ok;
}

double seconds(UnixMs ms) { return static_cast<double>(ms) / 1000.0; }
double ms_of_us(std::int64_t us) { return static_cast<double>(us) / 1000.0; }

const char* discipline_of(const KernelClock& clock) {
  if (!clock.is_known) return "unknown";
  if (!clock.is_synchronised) return "not synchronised";
  return psprintf("synchronised, off by %.3f ms, at most %.3f ms",
                  ms_of_us(clock.estimated_error_us), ms_of_us(clock.maximum_error_us));
}

Check clock_disciplined(FunctionCallInfo) {
  constexpr std::int64_t most_us = 1'000'000;
  const KernelClock clock = kernel_clock();
  const bool is_off = !clock.is_synchronised || clock.estimated_error_us >= most_us / 10 ||
                      clock.maximum_error_us >= most_us;
  return {.name = "clock_disciplined",
          .state = clock.is_known && is_off ? State::warning : State::ok,
          .value = discipline_of(clock),
          .threshold = "warning: not synchronised, off by 100 ms, or at most by more than 1 s",
          .meaning = "whether a time daemon keeps the clock right: IDs tell its time",
          .action = "Start chrony or another NTP client, and see whether it reaches its servers."};
}

Check clock_distance(FunctionCallInfo) {
  constexpr UnixMs harmless = Timeline::harmless_ms;
  const Timeline& timeline = shared().server.timeline;
  const UnixMs ahead = std::max<UnixMs>(0, timeline.latest() - wall_clock_ms());
  const UnixMs leap = timeline.leap_ms();
  const UnixMs half = std::max(max_clock_drift_ms() / 2, 2 * harmless);
  const State state = state_of(seconds(ahead), seconds(harmless), seconds(half));
  return {.name = "clock_distance",
          .state = leap > 0 ? std::max(state, State::warning) : state,
          .value = leap > 0
                       ? psprintf("IDs are %.3f s behind the clock, which leapt", seconds(leap))
                       : psprintf("IDs are %.3f s ahead of the clock", seconds(ahead)),
          .threshold = psprintf("warning: %.0f s ahead, or behind; critical: %.0f s ahead, half of "
                                "what snowflake_id.max_clock_drift allows",
                                seconds(harmless), seconds(half)),
          .meaning =
              "the clock was set back, or leapt: IDs tell another time, and far ahead none "
              "are made",
          .action =
              "Correct the clock. IDs that are ahead come right at half speed; if all of the "
              "wrong time are gone, call snowflake_reset_clock()."};
}

bool has_rows(Oid catalog) {
  Relation relation = table_open(catalog, AccessShareLock);
  SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, nullptr, 0, nullptr);
  const bool found = HeapTupleIsValid(systable_getnext(scan));
  systable_endscan(scan);
  table_close(relation, AccessShareLock);
  return found;
}

int standbys() {
  int count = 0;
  for (int i = 0; i < max_wal_senders; ++i) {
    const WalSnd& sender = WalSndCtl->walsnds[i];
    count += sender.pid != 0 && sender.state >= WALSNDSTATE_CATCHUP ? 1 : 0;
  }
  return count;
}

/// Who else may make IDs beside this server; "" if nobody.
const char* other_servers() {
  if (RecoveryInProgress()) return "this server is a standby";
  if (has_rows(SubscriptionRelationId)) return "there is a subscription";
  if (has_rows(PublicationRelationId)) return "there is a publication";
  return standbys() > 0 ? "WAL is sent to other servers" : "";
}

Check node_number(FunctionCallInfo) {
  const std::optional<std::int64_t> node = node_now();
  const bool is_unset = strcmp(node_source(), "default") == 0;
  const char* others = is_unset ? other_servers() : "";
  const char* number =
      node ? psprintf("%lld, by %s", static_cast<long long>(*node), node_source()) : "none";
  return {.name = "node_number",
          .state = others[0] != '\0' ? State::warning : State::ok,
          .value = others[0] != '\0' ? psprintf("%s; %s", number, others) : number,
          .threshold = "warning: by default, where there are other servers",
          .meaning = "servers with one node number can make the same IDs",
          .action =
              "Set snowflake_id.node_id, another one on each server, or "
              "snowflake_id.registry, and reload."};
}

const char* value_of(NodeState state) {
  switch (state) {
    case NodeState::fixed:
      return "no registry";
    case NodeState::held:
      return "held";
    case NodeState::late:
      return "late: not renewed in time";
    case NodeState::waiting:
      return "waiting: none was granted yet";
    case NodeState::ended:
      return "ended: it was not renewed";
  }
  pg_unreachable();
}

Check grant(FunctionCallInfo) {
  const NodeState state = node_state();
  const bool is_gone = state == NodeState::waiting || state == NodeState::ended;
  return {.name = "grant",
          .state = is_gone                    ? State::critical
                   : state == NodeState::late ? State::warning
                                              : State::ok,
          .value = value_of(state),
          .threshold = "warning: late; critical: waiting, ended",
          .meaning = "without a grant of a node number no IDs are made",
          .action = "See snowflake_node_status() for the last problem, and to the registry."};
}

/// When the time of the layout ends that ends first, and which.
struct End {
  UnixMs at;
  Layout layout;
};

void consider(const Layout& layout, End& end) {
  const UnixMs at = layout.time_at(layout.last_tick() + 1);
  if (at < end.at) end = {.at = at, .layout = layout};
}

/// Of all layouts in use, and of the generators of this database.
End first_end() {
  End end{.at = standard_layout.time_at(standard_layout.last_tick() + 1),
          .layout = standard_layout};
  for (const LayoutStatistics& statistics : shared().server.statistics)
    if (const std::optional<Layout> layout = statistics.layout()) consider(*layout, end);
  Relation sequences = table_open(SequenceRelationId, AccessShareLock);
  SysScanDesc scan = systable_beginscan(sequences, InvalidOid, false, nullptr, 0, nullptr);
  while (HeapTuple row = systable_getnext(scan)) {
    const Oid sequence = reinterpret_cast<Form_pg_sequence>(GETSTRUCT(row))->seqrelid;
    if (const auto spec = find_spec(sequence)) consider(spec->layout, end);
  }
  systable_endscan(scan);
  table_close(sequences, AccessShareLock);
  return end;
}

Check layout_end(FunctionCallInfo) {
  constexpr double year = 365.25 * 24 * 60 * 60;
  const End end = first_end();
  const double left = seconds(end.at - wall_clock_ms()) / year;
  return {.name = "layout_end",
          .state = state_of(-left, -5, -1),
          .value = psprintf("%.1f years, of layout %s", left, label_of(end.layout)),
          .threshold = "warning: 5 years; critical: 1 year",
          .meaning = "when the time of a layout in use has ended, it makes no more IDs",
          .action = "Move its generators to a layout with a later epoch or more bits of time."};
}

/// The fullest tick of late, of any layout.
struct Peak {
  double share = 0;
  const char* layout = nullptr;
};

Peak recent_peak() {
  const UnixMs now = std::max(wall_clock_ms(), shared().server.timeline.latest());
  Peak peak;
  for (const LayoutStatistics& statistics : shared().server.statistics) {
    const std::optional<Layout> layout = statistics.layout();
    if (!layout) continue;
    const double share = static_cast<double>(statistics.recent_peak_ids(now)) /
                         static_cast<double>(Session::ids_of_tick(*layout));
    if (share > peak.share) peak = {.share = share, .layout = label_of(*layout)};
  }
  return peak;
}

Check peak_use(FunctionCallInfo) {
  const Peak peak = recent_peak();
  return {.name = "peak_use",
          .state = peak.share >= 0.8 ? State::warning : State::ok,
          .value = peak.share > 0 ? psprintf("%.1f %%, of layout %s", 100 * peak.share, peak.layout)
                                  : "0 %",
          .threshold = "warning: 80 % of the IDs of one tick, in this minute or the last",
          .meaning = "when all IDs of a tick are used, calls wait for the next one",
          .action =
              "Bulk loads do this, and harm nobody. Where single calls wait, see "
              "snowflake_stat, and spread them, or use a layout with more workers."};
}

Check preload(FunctionCallInfo) {
  const bool is_missing = registry()[0] != '\0' && !is_preloaded();
  return {.name = "preload",
          .state = is_missing ? State::critical : State::ok,
          .value = is_preloaded() ? "preloaded" : "not preloaded",
          .threshold = "critical: not preloaded, where snowflake_id.registry is set",
          .meaning = "the worker that gets the node number is started with the server only",
          .action = "Add snowflake_id to shared_preload_libraries, and restart."};
}

Check node_conflicts(FunctionCallInfo) {
  const std::int64_t conflicts = shared().node_conflicts.load();
  return {.name = "node_conflicts",
          .state = conflicts > 0 ? State::critical : State::ok,
          .value = psprintf("%lld rows", static_cast<long long>(conflicts)),
          .threshold = "critical: 1 row since the statistics were reset",
          .meaning =
              "rows of other servers bear the node number of this one, as triggers of "
              "snowflake_node_conflict_trigger() have found",
          .action = "Give each server a number of its own; then call snowflake_stat_reset()."};
}

/// For how long the last move of the horizon has not been durable.
UnixMs unconfirmed_ms(FunctionCallInfo fcinfo) {
  if (RecoveryInProgress()) return 0;
  horizon.bind(fcinfo->flinfo);
  const StoredHorizon stored = stored_horizon(horizon.sequence());
  if (stored.is_durable || stored.incarnation != shared().incarnation) return 0;
  const UnixMs believed = wall_clock_ms() - shared().server.timeline.leap_ms();
  return std::max<UnixMs>(0, believed - (stored.bound - horizon_window_ms));
}

Check horizon_durable(FunctionCallInfo fcinfo) {
  const double age = seconds(unconfirmed_ms(fcinfo));
  return {.name = "horizon",
          .state = state_of(age, 2, 3),
          .value = age > 0 ? psprintf("not durable for %.3f s", age) : "durable",
          .threshold = "warning: not durable for 2 s; critical: 3 s",
          .meaning = "calls wait until WAL has the horizon, and synchronous standbys confirm it",
          .action =
              "See to the disk of the WAL, and in pg_stat_replication to the standbys of "
              "synchronous_standby_names."};
}

constexpr Check (*checks[])(FunctionCallInfo) = {
    clock_disciplined, clock_distance, node_number,    grant,          layout_end,
    peak_use,          preload,        node_conflicts, horizon_durable};

}  // namespace

SNOWFLAKE_SQL_FUNCTION(snowflake_health) {
  if (SRF_IS_FIRSTCALL()) begin_rows(fcinfo)->max_calls = std::size(checks);
  FuncCallContext* set = SRF_PERCALL_SETUP();
  if (set->call_cntr == set->max_calls) SRF_RETURN_DONE(set);
  const Check check = checks[set->call_cntr](fcinfo);
  const NullableDatum columns[] = {text_column(check.name),    text_column(name_of(check.state)),
                                   text_column(check.value),   text_column(check.threshold),
                                   text_column(check.meaning), text_column(check.action)};
  SRF_RETURN_NEXT(set, row_of(set->tuple_desc, columns));
}

}  // namespace snowflake::pg
