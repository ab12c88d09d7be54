#include "registry/rules.hpp"

#include <tuple>
#include <vector>

namespace snowflake::registry {
namespace {

UnixMs first_lease(const Realm& realm) { return std::min(first_lease_ms, realm.lease); }

bool is_free(const Row& row, UnixMs now) { return row.holder == 0 || row.until < now; }

// Two, if an answer was lost and the first was over before: the later one counts.
const Rows::value_type* latest_of(const Rows& rows, std::int64_t holder) {
  const Rows::value_type* latest = nullptr;
  for (const auto& row : rows)
    if (row.second.holder == holder &&
        (latest == nullptr || row.second.until > latest->second.until))
      latest = &row;
  return latest;
}

// Not before all that was forgotten is over: else a number has two holders whose time is to come, and if the later one is
// forgotten in another restore, the earlier one would recover what was given away.
bool has_settled(const Realm& realm, UnixMs now) {
  return realm.restored == 0 || realm.settled() < now;
}

Row granted(const Realm& realm, const Row* before, const Claimant& claimant, UnixMs clock) {
  const NotedTime time = time_at(before == nullptr ? NotedTime{} : before->time, clock);
  return {.holder = claimant.holder,
          .label = claimant.label,
          .from = std::max(before == nullptr ? 0 : before->until, realm.settled()),
          .until = time.latest + first_lease(realm),
          .lease = first_lease(realm),
          .time = time};
}

const Row* find(const Rows& rows, std::int64_t node) {
  const auto found = rows.find(node);
  return found == rows.end() ? nullptr : &found->second;
}

struct Candidate {
  bool foreign;   // another's label
  UnixMs before;  // until when it was used, or -1
  std::int64_t node;
  auto operator<=>(const Candidate&) const = default;
};

struct Candidates {
  std::vector<Candidate> usable;
  bool settling = false;  // some are free, but not usable yet
};

Candidates candidates(const Realm& realm, const Rows& rows, const Claimant& claimant,
                      UnixMs clock) {
  Candidates found;
  for (std::int64_t node = realm.first_node; node <= realm.last_node; ++node) {
    const Row* row = find(rows, node);
    const Row grant = granted(realm, row, claimant, clock);
    const UnixMs now = grant.time.latest;
    if (row != nullptr && !is_free(*row, now)) continue;
    if (!has_settled(realm, now) || grant.from >= grant.until)
      found.settling = true;
    else
      found.usable.push_back({.foreign = row == nullptr || row->label != claimant.label,
                              .before = row == nullptr ? -1 : row->until,
                              .node = node});
  }
  std::sort(found.usable.begin(), found.usable.end());
  return found;
}

std::int64_t choose(const Candidates& found, const Claimant& claimant, std::size_t spread) {
  if (!found.usable.front().foreign) return found.usable.front().node;
  const std::size_t among = std::clamp<std::size_t>(spread, 1, found.usable.size());
  return found.usable[static_cast<std::uint64_t>(claimant.holder) % among].node;
}

// A clock that was set back is noted in the row that ends first. Else its time would stand still, for nobody renews it.
Claim refused(Claim::Kind kind, const Rows& rows, UnixMs clock) {
  Claim claim{.kind = kind};
  for (const auto& [node, row] : rows) {
    const NotedTime time = time_at(row.time, clock);
    if (time.offset <= row.time.offset || (claim.node >= 0 && claim.row.until <= row.until))
      continue;
    claim.node = node;
    claim.row = row;
    claim.row.time = time;
  }
  return claim;
}

}  // namespace

Claim claim(const Realm& realm, const Rows& rows, const Claimant& claimant, UnixMs clock,
            std::size_t spread) {
  const auto* own = latest_of(rows, claimant.holder);
  if (own != nullptr && own->second.until >= realm.restored)
    return {.kind = Claim::Kind::again, .node = own->first, .row = own->second};
  const Candidates found = candidates(realm, rows, claimant, clock);
  if (found.usable.empty())
    return refused(found.settling ? Claim::Kind::settling : Claim::Kind::full, rows, clock);
  const std::int64_t node = choose(found, claimant, spread);
  return {.kind = Claim::Kind::taken,
          .node = node,
          .row = granted(realm, find(rows, node), claimant, clock)};
}

Renewal renew(const Realm& realm, const Row* row, const Question& question, UnixMs clock,
              UnixMs restored) {
  const bool own = row != nullptr && row->holder == question.holder;
  const UnixMs known_here = row == nullptr ? 0 : row->until;
  const bool forgotten_holder =
      !own && known_here <= question.from && question.from < question.until;
  if (!own && !forgotten_holder) return {.lost = true, .row = {}};
  Renewal renewal{.row = own ? *row : Row{}};
  // What was noted of an earlier restore covers all grants of before it.
  renewal.forgotten = question.until > known_here && question.until > realm.settled();
  const UnixMs bound = std::max(question.until, own ? row->until : 0);
  renewal.lost = bound < (renewal.forgotten ? restored : realm.restored);
  renewal.row.holder = question.holder;
  renewal.row.label = question.label;
  if (!own) renewal.row.from = question.from;
  renewal.row.time = time_at(row == nullptr ? NotedTime{} : row->time, clock);
  renewal.row.lease = own ? std::min(2 * row->lease, realm.lease) : first_lease(realm);
  renewal.row.until =
      std::max({known_here, question.until, renewal.row.time.latest + renewal.row.lease});
  return renewal;
}

std::optional<Row> give_back(const Row* row, std::int64_t holder, UnixMs last_used, UnixMs clock) {
  if (row == nullptr || row->holder != holder) return std::nullopt;
  Row given = *row;
  given.holder = 0;
  given.lease = 0;
  given.until = std::max(row->from, last_used);  // later than what is known here: it was restored
  given.time = time_at(row->time, clock);
  return given;
}

UnixMs restored_at(const Rows& rows, UnixMs clock) {
  UnixMs latest = clock;
  for (const auto& row : rows) latest = std::max(latest, time_at(row.second.time, clock).latest);
  return latest + slack_ms;
}

}  // namespace snowflake::registry
