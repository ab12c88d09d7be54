#include "pg/settings.hpp"

#include <algorithm>
#include <climits>
#include <cstring>
#include <iterator>

#include "pg/postgres.hpp"

namespace snowflake::pg {
namespace {

constexpr const char* node_id_name = "snowflake_id.node_id";
constexpr const char* max_clock_drift_name = "snowflake_id.max_clock_drift";
constexpr const char* registry_name = "snowflake_id.registry";
constexpr const char* realm_name = "snowflake_id.realm";
constexpr const char* registry_wait_name = "snowflake_id.registry_wait";
constexpr const char* names[] = {node_id_name, max_clock_drift_name, registry_name, realm_name,
                                 registry_wait_name};
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
char* registry_uri = nullptr;
char* realm_of_server = nullptr;
int registry_wait = 5000;

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

bool starts_with(const char* text, const char* beginning) {
  return strncmp(text, beginning, strlen(beginning)) == 0;
}

// Whoever may read all settings reads this one, and without preload it is not even hidden from the others.
bool has_password(const char* uri) {
  const char* authority = strstr(uri, "://") + 3;
  const std::size_t length = strcspn(authority, "/?");
  const auto* at = static_cast<const char*>(memchr(authority, '@', length));
  if (at != nullptr && memchr(authority, ':', static_cast<std::size_t>(at - authority)) != nullptr)
    return true;
  return strstr(uri, "password=") != nullptr;
}

bool check_registry(char** value, void**, GucSource) {
  const char* uri = *value;
  if (uri[0] == '\0') return true;
  const char* schemes[] = {"postgresql://", "postgres://", "etcd://", "etcds://"};
  const bool is_known = std::any_of(std::begin(schemes), std::end(schemes),
                                    [uri](const char* scheme) { return starts_with(uri, scheme); });
  if (!is_known) {
    GUC_check_errdetail("It must begin with postgresql://, etcd:// or etcds://.");
    return false;
  }
  if (has_password(uri)) {
    GUC_check_errdetail("It must not hold a password: others can read it.");
    GUC_check_errhint("Use a password file, a service, or a certificate.");
    return false;
  }
  return true;
}

// A realm's name is part of keys in the registry, and of lines in logs.
bool check_realm(char** value, void**, GucSource) {
  const std::size_t length = strlen(*value);
  const char* letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
  if (length >= 1 && length <= 63 && strspn(*value, letters) == length) return true;
  GUC_check_errdetail("A realm has 1 to 63 letters, digits, dots, hyphens and underscores.");
  return false;
}

void define_node_settings() {
  DefineCustomIntVariable(node_id_name, "Number of this server in the Snowflake IDs that it makes.",
                          "Give every server that makes IDs for the same data a number of its own. "
                          "Not used if snowflake_id.registry is set.",
                          &node_id, 0, 0, INT_MAX, PGC_SIGHUP, allow_in_parallel, nullptr,
                          node_id_changed, nullptr);
  DefineCustomStringVariable(registry_name,
                             "Registry from which this server has its number in Snowflake IDs.",
                             "A URI: postgresql://..., etcd://... or etcds://... The same on all "
                             "servers. Empty: snowflake_id.node_id is the number.",
                             &registry_uri, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY | allow_in_parallel,
                             check_registry, nullptr, nullptr);
  DefineCustomStringVariable(realm_name, "Realm of the registry in which this server's number is.",
                             "Servers whose IDs must differ share a realm.", &realm_of_server,
                             "main", PGC_SIGHUP, allow_in_parallel, check_realm, nullptr, nullptr);
  DefineCustomIntVariable(
      registry_wait_name, "How long a call waits for a number of the registry before it fails.",
      "Once the registry has not answered for so long, calls fail at once.", &registry_wait, 5000,
      0, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS | allow_in_parallel, nullptr, nullptr, nullptr);
}

void define_clock_settings() {
  DefineCustomIntVariable(
      max_clock_drift_name,
      "How far the clock may be set back before making Snowflake IDs is refused.",
      "Up to this distance, IDs go on from the last time used.", &max_clock_drift_s, seven_days, 0,
      INT_MAX, PGC_SIGHUP, GUC_UNIT_S | allow_in_parallel, nullptr, nullptr, nullptr);
}

}  // namespace

void define_settings(void (*node_changed)()) {
  notify_node_changed = node_changed;
  bool was_configured[std::size(names)];
  for (std::size_t i = 0; i < std::size(names); ++i) {
    refuse_value_of_session(names[i]);
    was_configured[i] = is_configured(names[i]);
  }
  define_node_settings();
  define_clock_settings();
  for (std::size_t i = 0; i < std::size(names); ++i) insist_on(names[i], was_configured[i]);
  reserve_setting_prefix("snowflake_id");
}

int configured_node() { return node_id; }

bool is_node_configured() { return is_configured(node_id_name); }

const char* registry() { return registry_uri; }

const char* realm() { return realm_of_server; }

std::int64_t registry_wait_ms() { return registry_wait; }

UnixMs max_clock_drift_ms() { return max_clock_drift_s * INT64CONST(1000); }

}  // namespace snowflake::pg
