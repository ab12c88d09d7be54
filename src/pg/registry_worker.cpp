#include "pg/registry_worker.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include "pg/node.hpp"
#include "pg/postgres.hpp"
#include "pg/settings.hpp"
#include "pg/shmem.hpp"
#include "pg/time.hpp"
#include "pg/wait.hpp"
#include "registry/library.hpp"

namespace snowflake::pg {
namespace {

using registry::Answer;
using registry::Client;
using registry::Question;

/// How long a shutdown may take because of us.
constexpr BootMs time_to_give_back_ms = 700;
/// How often an answer is looked for.
constexpr long poll_ms = 5;

/// The file from which this library was loaded.
const char* own_path() {
  Dl_info info;
  return dladdr(reinterpret_cast<void*>(&register_registry_worker), &info) != 0 ? info.dli_fname
                                                                                : "";
}

/// The registry's clients are in a library that stands beside this one, and that only this process loads.
const char* path_of_clients() {
  const char* own = own_path();
  const char* slash = strrchr(own, '/');
  const int length = slash != nullptr ? static_cast<int>(slash - own) + 1 : 0;
  return psprintf("%.*s%s%s", length, own, registry::library_name, DLSUFFIX);
}

template <typename Function>
Function function_of_clients(const char* name) {
  // By way of void*, for 13 says that it is a function of SQL.
  return reinterpret_cast<Function>(
      reinterpret_cast<void*>(load_external_function(path_of_clients(), name, true, nullptr)));
}

/// Which server this is, for people.
const char* server_label() {
  static char label[64];
  char host[48] = "";
  gethostname(host, sizeof host - 1);
  snprintf(label, sizeof label, "%s:%d", host, PostPortNumber);
  return label;
}

/// IDs of a tick that begins by then, of whatever unit, have a time up to this.
UnixMs end_of_ticks_of(UnixMs latest) {
  constexpr UnixMs unit = longest_making_unit_ms;
  return (latest / unit + 1) * unit - 1;
}

/// Makes a copy what the setting is now.
void follow(char*& copy, const char* setting) {
  pfree(copy);
  copy = MemoryContextStrdup(TopMemoryContext, setting);
}

class RegistryWorker {
 public:
  void run();

 private:
  [[nodiscard]] bool has_registry() const { return registry_[0] != '\0'; }
  void follow_settings();
  void work();
  void ask(Question::Kind kind, UnixMs last_used);
  void digest(const Answer& answer);
  void take_up(const Answer& answer);
  void fail(const char* problem, bool is_full);
  void publish_grant(const Grant& grant);
  [[nodiscard]] std::optional<UnixMs> withdraw();
  [[nodiscard]] Grant after_what_was_used(const Grant& grant);
  void give_back();
  void finish_by(BootMs end);
  void drop_client();
  void sleep() const;

  Lease lease_;
  Client* client_ = nullptr;
  bool asking_ = false;
  Question::Kind asked_ = Question::Kind::claim;
  RegistryReport report_;
  BootMs logged_ = 0;
  char* registry_ = pstrdup("");
  char* realm_ = pstrdup("");
};

void RegistryWorker::run() {
  report_ = shared().registry.read();
  while (!ShutdownRequestPending) {
    follow_settings();
    work();
    sleep();
    CHECK_FOR_INTERRUPTS();
    if (!ConfigReloadPending) continue;
    ConfigReloadPending = false;
    ProcessConfigFile(PGC_SIGHUP);
  }
  give_back();
}

// Another registry or realm is another number. What sessions use meanwhile is told by shared memory, not by their own
// settings, which each of them reloads in its own time.
void RegistryWorker::follow_settings() {
  if (strcmp(registry_, registry()) == 0 && strcmp(realm_, realm()) == 0) return;
  const bool begins = realm_[0] == '\0';
  if (!begins) give_back();
  drop_client();
  follow(registry_, registry());
  follow(realm_, realm());
  lease_ = Lease();
  const bool is_as_published = has_registry() == (shared().node.read().from_registry != 0);
  if (begins && is_as_published) return;  // the grant of a worker before this one is still ours
  report_ = RegistryReport();
  shared().registry.publish(report_);
  shared().node.publish({.from_registry = has_registry(), .grant = {}});
}

void RegistryWorker::work() {
  if (!has_registry()) return;
  if (!asking_) {
    const Wish wish = lease_.wish(boot_clock_ms());
    if (wish == Wish::nothing) return;
    ask(wish == Wish::claim ? Question::Kind::claim : Question::Kind::renew, 0);
  }
  Answer answer;
  if (!client_->advance(answer)) return;
  asking_ = false;
  digest(answer);
}

void RegistryWorker::ask(Question::Kind kind, UnixMs last_used) {
  if (client_ == nullptr)
    client_ = function_of_clients<registry::CreateClient>(registry::create_client_name)(registry_);
  const Grant& known = lease_.grant();
  client_->ask({.kind = kind,
                .realm = realm_,
                .holder = shared().holder,
                .label = server_label(),
                .node = static_cast<std::int64_t>(known.node),
                .from = known.from,
                .until = kind == Question::Kind::give_back ? last_used : known.until});
  asked_ = kind;
  asking_ = true;
}

void RegistryWorker::digest(const Answer& answer) {
  switch (answer.kind) {
    case Answer::Kind::granted:
      return take_up(answer);
    case Answer::Kind::lost:
      ereport(LOG, (errmsg("node number %llu of realm \"%s\" was given to another server",
                           static_cast<unsigned long long>(lease_.grant().node), realm_)));
      return lease_.lost(boot_clock_ms());
    case Answer::Kind::full:
      return fail("all numbers are held", true);
    case Answer::Kind::settling:
    case Answer::Kind::failed:
      return fail(answer.message, false);
    case Answer::Kind::returned:
      return;
  }
}

// Guarantee 1: an answer to a renewal is about the grant that we had when we asked, for one question is asked at a time.
void RegistryWorker::take_up(const Answer& answer) {
  const bool is_new = asked_ == Question::Kind::claim;
  Grant grant = lease_.grant();
  if (is_new)
    grant = {.node = static_cast<std::uint64_t>(answer.node), .from = answer.from, .until = 0};
  grant.until = answer.until;
  if (is_new) grant = after_what_was_used(grant);
  lease_.granted(grant, answer.now, boot_clock_ms());
  publish_grant(grant);
  if (is_new || logged_ != 0)
    ereport(LOG, (errmsg("node number %llu of realm \"%s\" is granted until %s",
                         static_cast<unsigned long long>(grant.node), realm_,
                         utc_text(grant.until).text)));
  logged_ = 0;
  report_.failing_since = 0;
  report_.is_full = 0;
  report_.renewal_due = lease_.due();
  report_.last_success_ms = wall_clock_ms();
  shared().registry.publish(report_);
}

/// Tells the log when it begins, and again when it is something else, but not each time.
void RegistryWorker::fail(const char* problem, bool is_full) {
  constexpr BootMs between_lines_ms = 60'000;
  const BootMs now = boot_clock_ms();
  const bool is_other = strcmp(report_.problem, problem) != 0;
  if (logged_ == 0 || (is_other && now - logged_ > between_lines_ms)) {
    ereport(LOG, (errmsg("the registry of node numbers gives none: %s", problem)));
    logged_ = now;
  }
  lease_.refused(now);
  if (report_.failing_since == 0) report_.failing_since = now;
  report_.is_full = is_full;
  strlcpy(report_.problem, problem, sizeof report_.problem);
  shared().registry.publish(report_);
}

void RegistryWorker::publish_grant(const Grant& grant) {
  shared().node.publish({.from_registry = 1, .grant = grant});
}

// Guarantee 2. First no session finds the grant any more; then the era ends. A session that read the grant before, and
// takes from a cursor after, finds the era over and takes nothing. One that has taken before, did so of a tick that
// begins no later than the `latest` that is read now. Nothing, if somebody resets the clock all the while.
std::optional<UnixMs> RegistryWorker::withdraw() {
  publish_grant({});
  for (int attempt = 0; attempt < 100; ++attempt) {
    if (const std::optional<UnixMs> latest = shared().server.timeline.end_era()) return latest;
    pg_usleep(1000);
  }
  return std::nullopt;
}

// With another number in the same tick, the IDs of an ordered generator would not rise.
Grant RegistryWorker::after_what_was_used(const Grant& grant) {
  (void)withdraw();
  return grant.after(shared().server.timeline.latest());
}

void RegistryWorker::give_back() {
  const BootMs end = boot_clock_ms() + time_to_give_back_ms;
  if (!has_registry()) return;
  finish_by(end);
  const bool held = lease_.is_held();
  const std::optional<UnixMs> last_used = withdraw();
  if (!held || !last_used || asking_) return;
  const std::int64_t next_holder = new_holder();
  ask(Question::Kind::give_back, end_of_ticks_of(*last_used));
  finish_by(end);
  shared().holder = next_holder;  // what is still under way is not about what comes now
}

void RegistryWorker::finish_by(BootMs end) {
  Answer answer;
  while (asking_ && boot_clock_ms() < end) {
    if (client_->advance(answer)) {
      asking_ = false;
      digest(answer);
    } else {
      pg_usleep(poll_ms * 1000);
    }
  }
}

void RegistryWorker::drop_client() {
  if (client_ != nullptr)
    function_of_clients<registry::DestroyClient>(registry::destroy_client_name)(client_);
  client_ = nullptr;
  asking_ = false;
}

void RegistryWorker::sleep() const {
  static const uint32 event = wait_event("SnowflakeIdRegistryWorker");
  int events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH;
  long timeout = -1;
  if (has_registry()) {
    events |= WL_TIMEOUT;
    timeout =
        asking_ ? poll_ms : static_cast<long>(std::max<BootMs>(0, lease_.due() - boot_clock_ms()));
  }
  WaitLatch(MyLatch, events, timeout, event);
  ResetLatch(MyLatch);
}

}  // namespace

extern "C" {
PGDLLEXPORT void snowflake_registry_worker(Datum);
void snowflake_registry_worker(Datum) {
  pqsignal(SIGHUP, SignalHandlerForConfigReload);
  pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
  ignore_signal(SIGINT);
  BackgroundWorkerUnblockSignals();
  BackgroundWorkerInitializeConnection(nullptr, nullptr, 0);  // so that pg_stat_activity shows it
  MemoryContextSwitchTo(TopMemoryContext);
  RegistryWorker().run();
  proc_exit(1);  // not 0: if it was not the server that was stopped, but us, we are started again
}
}

void register_registry_worker() {
  if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade) return;
  BackgroundWorker worker{};
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_ConsistentState;
  worker.bgw_restart_time = 1;
  strlcpy(worker.bgw_name, "snowflake_id registry worker", sizeof worker.bgw_name);
  strlcpy(worker.bgw_type, "snowflake_id registry worker", sizeof worker.bgw_type);
  strlcpy(worker.bgw_function_name, "snowflake_registry_worker", sizeof worker.bgw_function_name);
  if (strlcpy(worker.bgw_library_name, own_path(), sizeof worker.bgw_library_name) >=
      sizeof worker.bgw_library_name)
    strlcpy(worker.bgw_library_name, "snowflake_id", sizeof worker.bgw_library_name);
  RegisterBackgroundWorker(&worker);
}

}  // namespace snowflake::pg
