// A lease: when a server that has its node number from a registry asks, and for what.
//
//     Lease lease;
//     switch (lease.wish(boot_ms))
//       case Wish::claim: ...  lease.granted(grant, registry_ms, boot_ms)  or  lease.refused(boot_ms)
//       case Wish::renew: ...  lease.granted(...)  or  lease.lost(boot_ms)  or  lease.refused(boot_ms)
//       case Wish::nothing: sleep
//
// It asks after a tenth of what it was given, at most a minute: so the grant outlasts a registry that is away for nearly
// as long as a lease, and a server that has just begun is soon given more. What fails is tried again soon, then less
// often.
//
// Nothing here keeps an ID from being made twice; grants do. The time is that since boot, for a lease is about how long
// ago something was, and the wall clock may be set.
//
// Limits: one process.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/clock.hpp"
#include "core/grant.hpp"

namespace snowflake {

enum class Wish { nothing, claim, renew };

class Lease {
 public:
  static constexpr BootMs longest_pause_ms = 60'000;
  static constexpr BootMs shortest_pause_ms = 100;
  static constexpr BootMs longest_retry_ms = 5000;

  [[nodiscard]] Wish wish(BootMs now) const {
    if (now < due_) return Wish::nothing;
    return held_ ? Wish::renew : Wish::claim;
  }
  [[nodiscard]] BootMs due() const { return due_; }

  /// The grant that was answered last; empty if none was.
  [[nodiscard]] const Grant& grant() const { return grant_; }

  /// Whether the number is ours at the registry, as far as we know.
  [[nodiscard]] bool is_held() const { return held_; }

  /// `registry_ms`: the time at the registry when it answered.
  void granted(const Grant& grant, UnixMs registry_ms, BootMs now) {
    grant_ = grant;
    held_ = true;
    failures_ = 0;
    due_ = now + std::clamp((grant.until - registry_ms) / 10, shortest_pause_ms, longest_pause_ms);
  }

  /// The number is another's by now. What was granted before stays ours: it ends before that of the other begins.
  void lost(BootMs now) {
    held_ = false;
    due_ = now;
  }

  /// No answer, or no number: try again later.
  void refused(BootMs now) {
    due_ = now + std::min(shortest_pause_ms << std::min(failures_, 10), longest_retry_ms);
    ++failures_;
  }

 private:
  Grant grant_;
  BootMs due_ = 0;
  int failures_ = 0;
  bool held_ = false;
};

}  // namespace snowflake
