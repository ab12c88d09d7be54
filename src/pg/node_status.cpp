// snowflake_node_status(): where this server's number comes from, how long it has it, and whether its registry answers.
#include "pg/node_status.hpp"

#include <algorithm>

#include "pg/node.hpp"
#include "pg/postgres.hpp"
#include "pg/row.hpp"
#include "pg/settings.hpp"
#include "pg/shmem.hpp"

namespace snowflake::pg {
namespace {

// A renewal is late when there was time for two.
NodeState state_of(const NodeSource& source, const RegistryReport& report) {
  if (source.from_registry == 0) return NodeState::fixed;
  if (source.grant.is_empty()) return NodeState::waiting;
  const UnixMs time = std::max(wall_clock_ms(), shared().server.timeline.latest());
  if (time > source.grant.until) return NodeState::ended;
  constexpr BootMs slack = 10'000;
  const bool is_late = boot_clock_ms() > report.renewal_due + slack;
  return is_late || report.failing_since != 0 ? NodeState::late : NodeState::held;
}

const char* name_of(NodeState state) {
  switch (state) {
    case NodeState::fixed:
      return "fixed";
    case NodeState::waiting:
      return "waiting";
    case NodeState::held:
      return "held";
    case NodeState::late:
      return "late";
    case NodeState::ended:
      return "ended";
  }
  pg_unreachable();
}

std::optional<std::int64_t> node_of(const NodeSource& source) {
  if (source.from_registry == 0) return configured_node();
  if (source.grant.is_empty()) return std::nullopt;
  return static_cast<std::int64_t>(source.grant.node);
}

}  // namespace

NodeState node_state() { return state_of(shared().node.read(), shared().registry.read()); }

const char* node_source() {
  if (shared().node.read().from_registry != 0) return "registry";
  return is_node_configured() ? "setting" : "default";
}

std::optional<std::int64_t> node_now() { return node_of(shared().node.read()); }

SNOWFLAKE_SQL_FUNCTION(snowflake_node_status) {
  const NodeSource source = shared().node.read();
  const RegistryReport report = shared().registry.read();
  const std::optional<std::int64_t> node = node_of(source);
  const bool is_fixed = source.from_registry == 0;
  const bool is_granted = !is_fixed && node.has_value();
  const NullableDatum columns[] = {
      text_column(name_of(state_of(source, report))),
      column_if(node.has_value(), int_column(static_cast<std::int32_t>(node.value_or(0)))),
      column_if(is_granted && source.grant.from > 0, time_column(source.grant.from)),
      column_if(is_granted, time_column(source.grant.until)),
      text_column(registry()),
      text_column(is_fixed ? "" : realm()),
      column_if(report.last_success_ms != 0, time_column(report.last_success_ms)),
      text_column(report.problem)};
  return row_of(result_row(fcinfo), columns);
}

}  // namespace snowflake::pg
