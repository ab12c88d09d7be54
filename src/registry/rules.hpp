// Who may have which node number, and for what time: the rules of a registry whose clients decide themselves (etcd).
//
//     const Claim claimed = claim(realm, rows, {.holder = holder, .label = "db1:5432"}, clock);
//     if (claimed.kind == Claim::Kind::taken) ... write claimed.row, if nobody has written this row meanwhile
//
// A grant is a range of ID time, (from, until]. Guarantees, if a row is written only if nobody has written it meanwhile:
// - Grants of one number to different holders never overlap, whatever the clock of the registry does: it decides how
//   long a number rests, never where a range begins.
// - The registry's time never goes back. When its clock is set back, it goes on from where it was, at the clock's rate.
// - A registry that was restored and has forgotten grants makes no others that overlap them, once the restore is
//   noticed, if its clock was then not more than `slack` behind what it was.
//
// Limits: no I/O. A restore that nobody notices before the next claim is not covered.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "registry/client.hpp"

namespace snowflake::registry {

/// Short, so that a crash loop does not use up all numbers.
inline constexpr UnixMs first_lease_ms = 30'000;
inline constexpr UnixMs slack_ms = 5'000;
inline constexpr std::int64_t most_numbers = 65'536;

/// The registry's time, as it was last: what its clock is behind it, too.
struct NotedTime {
  UnixMs latest = 0;
  UnixMs offset = 0;
};

/// The registry's time when its clock stands at `clock`.
[[nodiscard]] constexpr NotedTime time_at(const NotedTime& noted, UnixMs clock) {
  if (clock >= noted.latest) return {.latest = clock, .offset = 0};
  const UnixMs offset = std::max(noted.offset, noted.latest - clock);
  return {.latest = clock + offset, .offset = offset};
}

/// What is known of a number. Never deleted: a bound that is forgotten is a duplicate.
struct Row {
  std::int64_t holder = 0;  ///< 0: given back
  std::string label;
  UnixMs from = 0;
  UnixMs until = 0;
  UnixMs lease = 0;  ///< of the last grant or renewal
  NotedTime time = {};
};

using Rows = std::map<std::int64_t, Row>;

struct Realm {
  std::int64_t first_node = 0;
  std::int64_t last_node = 31;
  UnixMs lease = 600'000;
  /// Grants that end before may have been superseded by forgotten ones; 0: never.
  UnixMs restored = 0;

  /// Where all forgotten grants are over.
  [[nodiscard]] UnixMs settled() const { return restored == 0 ? 0 : restored + lease; }
};

struct Claimant {
  std::int64_t holder;
  std::string label;
};

struct Claim {
  enum class Kind {
    again,     ///< `row` is the claimant's already: an answer was lost
    taken,     ///< `row` is to be written
    settling,  ///< what is free cannot be used yet
    full
  };
  Kind kind = Kind::full;
  /// Settling, full: if not -1, `row` is to be written all the same, for its time.
  std::int64_t node = -1;
  Row row = {};
};

/// `spread` claimants that come at once should not all want the same of the numbers that are equally good.
[[nodiscard]] Claim claim(const Realm& realm, const Rows& rows, const Claimant& claimant,
                          UnixMs clock, std::size_t spread = 1);

struct Renewal {
  bool lost = false;
  bool forgotten = false;  ///< the registry was restored: `restored` is to be noted
  Row row = {};
};

/// `question` is to renew. `row`: of its number, or null. `restored`: what to note if it turns out that the registry
/// was restored.
[[nodiscard]] Renewal renew(const Realm& realm, const Row* row, const Question& question,
                            UnixMs clock, UnixMs restored);

/// The row to be written, unless the number is another's.
[[nodiscard]] std::optional<Row> give_back(const Row* row, std::int64_t holder, UnixMs last_used,
                                           UnixMs clock);

/// What is noted when a restore is noticed: no grant of before it that was over may end later.
[[nodiscard]] UnixMs restored_at(const Rows& rows, UnixMs clock);

}  // namespace snowflake::registry
