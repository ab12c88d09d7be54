#include "pg/node.hpp"

#include <algorithm>

#include "pg/errors.hpp"
#include "pg/postgres.hpp"
#include "pg/settings.hpp"
#include "pg/shmem.hpp"
#include "pg/wait.hpp"

namespace snowflake::pg {
namespace {

/// The worker had time to renew, and so the clock must be what is wrong.
bool is_clock_ahead(const Grant& grant, const RegistryReport& report) {
  constexpr BootMs slack = 2000;
  return !grant.is_empty() && report.failing_since == 0 &&
         boot_clock_ms() < report.renewal_due + slack;
}

/// A registry that has not answered for longer than a call may wait is not waited for by each call anew.
bool is_patient(const RegistryReport& report, const Patience& patience) {
  const BootMs since = report.failing_since != 0 ? report.failing_since : patience.since_ms;
  return boot_clock_ms() - since < registry_wait_ms();
}

Grant configured_grant() { return Grant::for_ever(static_cast<std::uint64_t>(configured_node())); }

Grant grant_of_server() {
  const NodeSource source = shared().node.read();
  return source.from_registry != 0 ? source.grant : configured_grant();
}

bool lacks_preload() { return registry()[0] != '\0' && !is_preloaded(); }

void tell_of_preload(int level) {
  ereport(level, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("snowflake_id.registry is set, but the library is not preloaded"),
                  errdetail("A background worker gets the node number of this server."),
                  errhint("Add snowflake_id to shared_preload_libraries, and restart.")));
}

}  // namespace

void warn_without_preload() {
  if (lacks_preload()) tell_of_preload(WARNING);
}

bool may_make(std::uint64_t node, UnixMs begin, std::int32_t unit_ms) {
  const Grant grant = grant_of_server();
  return node == grant.node && grant.covers(begin, unit_ms);
}

Grant current_grant(const Layout& layout) {
  if (!layout.node.present()) return Grant::for_ever(0);
  if (lacks_preload()) tell_of_preload(ERROR);
  const Grant grant = grant_of_server();
  if (!layout.node.holds(grant.node)) raise_node_does_not_fit(grant.node, layout);
  return grant;
}

void wait_for_grant(const Grant& grant, const Instant& now, Patience& patience) {
  if (patience.since_ms == 0) patience.since_ms = boot_clock_ms();
  const RegistryReport report = shared().registry.read();
  if (is_clock_ahead(grant, report)) raise_clock_ahead_of_grant(now.ms(), grant);
  if (is_patient(report, patience))
    return patience.wait.during(Count::grant_waits, nap_for_registry);
  if (report.is_full != 0) raise_registry_full(realm());
  if (grant.is_empty()) raise_no_node_number();
  raise_grant_ended(grant);
}

// Ahead of the grant, or without one: wait. Before it: as with a floor, IDs begin where it begins.
bool reaches(const Grant& grant, const Instant& now, Patience& patience) {
  if (grant.is_empty() || now.ms() > grant.until) {
    wait_for_grant(grant, now, patience);
    return false;
  }
  if (now.ms() > grant.from) return true;
  if (grant.from - now.wall_ms() > max_clock_drift_ms()) raise_grant_too_late(grant, now.wall_ms());
  shared().server.timeline.skip_past(grant.from, system_clocks);
  return false;
}

}  // namespace snowflake::pg
