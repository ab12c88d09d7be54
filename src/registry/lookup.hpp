// Asks for the addresses of a host without waiting: a thread does the waiting.
//
//     std::shared_ptr<Lookup> lookup = look_up("db1.example");
//     while (!lookup->is_over()) ...
//     for (const std::string& address : lookup->addresses()) ...          // as numbers
//
// It is ours, for libcurl and libpq wait: curl for the end of its resolver's thread when a transfer is given up, libpq
// for the resolver itself.
//
// Guarantees: look_up() never blocks. A lookup that nobody wants any more goes on until the resolver gives up, and is
// joined by whoever asks for the same host; so there is one thread a host. In it, all signals are blocked.
//
// Limits: to be used by one thread.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace snowflake::registry {

class Lookup {
 public:
  explicit Lookup(std::string host) : host_(std::move(host)) {}

  [[nodiscard]] const std::string& host() const { return host_; }
  [[nodiscard]] bool is_over() const { return is_over_.load(std::memory_order_acquire); }

  /// When it is over. Without any, problem() says why.
  [[nodiscard]] const std::vector<std::string>& addresses() const { return addresses_; }
  [[nodiscard]] const std::string& problem() const { return problem_; }

  /// Waits; for the thread.
  void resolve();

 private:
  std::string host_;
  std::vector<std::string> addresses_;
  std::string problem_;
  std::atomic<bool> is_over_ = false;
};

/// Throws Failure if there can be no thread.
[[nodiscard]] std::shared_ptr<Lookup> look_up(const std::string& host);

}  // namespace snowflake::registry
