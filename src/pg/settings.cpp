#include "pg/settings.hpp"

#include <climits>

#include "pg/postgres.hpp"

namespace snowflake::pg {
namespace {

constexpr const char* node_id_name = "snowflake_id.node_id";
constexpr const char* max_clock_drift_name = "snowflake_id.max_clock_drift";
constexpr int seven_days = 7 * 24 * 60 * 60;

// Lets a parallel worker that is the first to load the library take over the value of postgresql.conf. Minor releases
// before November 2024 do not know it; there, such a worker is refused the library (insist_on).
#ifdef GUC_ALLOW_IN_PARALLEL
constexpr int allow_in_parallel = GUC_ALLOW_IN_PARALLEL;
#else
constexpr int allow_in_parallel = 0;
#endif

int node_id = 0;
int max_clock_drift_s = seven_days;

void (*notify_node_changed)() = nullptr;

void node_id_changed(int, void*) { notify_node_changed(); }

// Before a library is loaded, PostgreSQL lets everybody set its variables: as connection options, with ALTER ROLE, with
// SET. Defining a variable then discards such a value, *and with it the one from postgresql.conf that it hid*, here or
// in a parallel worker: the session would make IDs of node 0, which may be another server. So a session that was given a
// value of its own does not get the library at all.
void refuse_value_of_session(const char* name) {
  const config_generic* setting = find_setting(name);
  if (setting == nullptr || !(setting->flags & GUC_CUSTOM_PLACEHOLDER)) return;
  if (setting->source <= PGC_S_ARGV && setting->reset_source <= PGC_S_ARGV) return;
  ereport(
      ERROR,
      (errcode(ERRCODE_CANT_CHANGE_RUNTIME_PARAM),
       errmsg("parameter \"%s\" cannot be set for a session, role or database", name),
       errhint("RESET it, or remove it from the connection options, ALTER ROLE or ALTER DATABASE. "
               "It belongs in postgresql.conf or ALTER SYSTEM.")));
}

bool is_configured(const char* name) {
  const config_generic* setting = find_setting(name);
  return setting != nullptr && setting->source != PGC_S_DEFAULT;
}

// PostgreSQL only warns where it cannot take over a value of postgresql.conf, and goes on with the default: again
// node 0.
void insist_on(const char* name, bool was_configured) {
  if (!was_configured || is_configured(name)) return;
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                  errmsg("the configured value of parameter \"%s\" cannot be used", name),
                  errhint("See the warning in the server's log, and correct postgresql.conf.")));
}

}  // namespace

void define_settings(void (*node_changed)()) {
  notify_node_changed = node_changed;
  refuse_value_of_session(node_id_name);
  refuse_value_of_session(max_clock_drift_name);
  const bool node_id_was_configured = is_configured(node_id_name);
  const bool max_clock_drift_was_configured = is_configured(max_clock_drift_name);
  DefineCustomIntVariable(node_id_name, "Number of this server in the Snowflake IDs that it makes.",
                          "Give every server that makes IDs for the same data a number of its own.",
                          &node_id, 0, 0, static_cast<int>(standard_layout.node.max()), PGC_SIGHUP,
                          allow_in_parallel, nullptr, node_id_changed, nullptr);
  DefineCustomIntVariable(
      max_clock_drift_name,
      "How far the clock may be set back before making Snowflake IDs is refused.",
      "Up to this distance, IDs go on from the last time used.", &max_clock_drift_s, seven_days, 0,
      INT_MAX, PGC_SIGHUP, GUC_UNIT_S | allow_in_parallel, nullptr, nullptr, nullptr);
  insist_on(node_id_name, node_id_was_configured);
  insist_on(max_clock_drift_name, max_clock_drift_was_configured);
  reserve_setting_prefix("snowflake_id");
}

std::uint64_t node_of(const Layout& layout) {
  const auto node = layout.node.present() ? static_cast<std::uint64_t>(node_id) : 0;
  if (!layout.node.holds(node))
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
             errmsg("snowflake_id.node_id %d does not fit the layout of this generator", node_id),
             errdetail("Its nodes are 0 to %llu.",
                       static_cast<unsigned long long>(layout.node.max()))));
  return node;
}

UnixMs max_clock_drift_ms() { return max_clock_drift_s * INT64CONST(1000); }

}  // namespace snowflake::pg
