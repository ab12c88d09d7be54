#include "registry/lookup.hpp"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>

#include "registry/failure.hpp"

namespace snowflake::registry {
namespace {

// The threads know of their lookups only: this may go when the process ends, and they may go on.
std::vector<std::shared_ptr<Lookup>> under_way;

void* run(void* argument) {
  const std::unique_ptr<std::shared_ptr<Lookup>> lookup(
      static_cast<std::shared_ptr<Lookup>*>(argument));
  (*lookup)->resolve();
  return nullptr;
}

// The process's signal handlers are for its one thread.
bool start_without_signals(std::shared_ptr<Lookup>* lookup) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  const bool started = pthread_create(&thread, nullptr, run, lookup) == 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (started) pthread_detach(thread);
  return started;
}

void start(const std::shared_ptr<Lookup>& lookup) {
  auto for_thread = std::make_unique<std::shared_ptr<Lookup>>(lookup);
  if (!start_without_signals(for_thread.get()))
    throw Failure("no thread can be started for the resolver");
  (void)for_thread.release();  // the thread has it
}

std::string to_text(const addrinfo& info) {
  char text[NI_MAXHOST];
  return getnameinfo(info.ai_addr, info.ai_addrlen, text, sizeof text, nullptr, 0,
                     NI_NUMERICHOST) == 0
             ? text
             : "";
}

}  // namespace

void Lookup::resolve() {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int status = getaddrinfo(host_.c_str(), nullptr, &hints, &found);
  if (status != 0) problem_ = gai_strerror(status);
  for (const addrinfo* each = found; status == 0 && each != nullptr; each = each->ai_next) {
    const std::string address = to_text(*each);
    if (!address.empty()) addresses_.push_back(address);
  }
  if (status == 0) freeaddrinfo(found);
  if (addresses_.empty() && problem_.empty()) problem_ = "it has no address";
  is_over_.store(true, std::memory_order_release);
}

std::shared_ptr<Lookup> look_up(const std::string& host) {
  std::erase_if(under_way, [](const auto& lookup) { return lookup->is_over(); });
  for (const auto& lookup : under_way)
    if (lookup->host() == host) return lookup;
  auto lookup = std::make_shared<Lookup>(host);
  under_way.push_back(lookup);
  try {
    start(lookup);
  } catch (...) {
    under_way.pop_back();
    throw;
  }
  return lookup;
}

}  // namespace snowflake::registry
