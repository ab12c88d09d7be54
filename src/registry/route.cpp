#include "registry/route.hpp"

#include <arpa/inet.h>

#include "registry/failure.hpp"

namespace snowflake::registry {
namespace {

bool is_directory(const std::string& host) {
  return host.empty() || host.front() == '/' || host.front() == '@';
}

bool is_address(const std::string& host) {
  unsigned char bytes[sizeof(in6_addr)];
  return inet_pton(AF_INET, host.c_str(), bytes) == 1 ||
         inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

}  // namespace

bool Route::find() {
  if (!addresses_.empty()) return true;
  address_ = 0;
  const std::string& host = place().host;
  if (is_directory(host)) addresses_ = {""};
  if (is_address(host)) addresses_ = {host};
  if (!addresses_.empty()) return true;
  if (lookup_ == nullptr) lookup_ = look_up(host);
  if (!lookup_->is_over()) return false;
  const auto lookup = std::move(lookup_);
  addresses_ = lookup->addresses();
  if (addresses_.empty()) throw Failure("the name cannot be resolved: " + lookup->problem());
  return true;
}

bool Route::next() {
  if (++address_ < addresses_.size()) return true;
  addresses_.clear();
  lookup_.reset();
  at_ = (at_ + 1) % places_.size();
  if (left_ > 0) --left_;
  return left_ > 0;
}

}  // namespace snowflake::registry
