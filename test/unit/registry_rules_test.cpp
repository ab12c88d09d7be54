// That grants of one number never overlap: rule by rule, and in random schedules with many holders, a clock that steps,
// lost answers and a registry that is restored.
#include <gtest/gtest.h>

#include <random>
#include <utility>
#include <vector>

#include "registry/rules.hpp"
#include "unit/rounds.hpp"

namespace snowflake::registry {

using snowflake::test::repeat_with;
using snowflake::test::seeds;

namespace {

constexpr UnixMs start = 1'800'000'000'000;
constexpr UnixMs minute = 60'000;

Row row_of(std::int64_t holder, UnixMs from, UnixMs until, const char* label = "a") {
  return {.holder = holder,
          .label = label,
          .from = from,
          .until = until,
          .lease = 30'000,
          .time = {.latest = from}};
}

Question renewal_of(std::int64_t holder, UnixMs from, UnixMs until) {
  return {.kind = Question::Kind::renew,
          .realm = "",
          .holder = holder,
          .label = "a",
          .from = from,
          .until = until};
}

TEST(RegistryTime, FollowsTheClock) {
  const NotedTime time = time_at({.latest = start, .offset = 0}, start + 5);
  EXPECT_EQ(time.latest, start + 5);
  EXPECT_EQ(time.offset, 0);
}

TEST(RegistryTime, GoesOnAtTheClocksRateWhenTheClockIsSetBack) {
  NotedTime time = time_at({.latest = start, .offset = 0}, start - 60 * minute);
  EXPECT_EQ(time.latest, start);
  time = time_at(time, start - 50 * minute);
  EXPECT_EQ(time.latest, start + 10 * minute);
  time = time_at(time, start - 70 * minute);  // and once more
  EXPECT_EQ(time.latest, start + 10 * minute);
  time = time_at(time, start - 69 * minute);
  EXPECT_EQ(time.latest, start + 11 * minute);
  time = time_at(time, start + 20 * minute);  // corrected
  EXPECT_EQ(time.latest, start + 20 * minute);
  EXPECT_EQ(time.offset, 0);
}

TEST(RegistryTime, NeverGoesBackAndIsNeverBehindTheClock) {
  std::mt19937_64 random(1);
  NotedTime time;
  for (int i = 0; i < 100'000; ++i) {
    const UnixMs clock = start + static_cast<UnixMs>(random() % 1'000'000);
    const NotedTime next = time_at(time, clock);
    ASSERT_GE(next.latest, time.latest);
    ASSERT_GE(next.latest, clock);
    time = next;
  }
}

TEST(RegistryClaim, TakesANumberThatWasNeverUsed) {
  const Claim claimed =
      claim({}, {{0, row_of(1, 0, start + minute)}}, {.holder = 2, .label = "b"}, start);
  EXPECT_EQ(claimed.kind, Claim::Kind::taken);
  EXPECT_EQ(claimed.node, 1);
  EXPECT_EQ(claimed.row.from, 0);
  EXPECT_EQ(claimed.row.until, start + 30'000) << "short at first";
  EXPECT_EQ(claimed.row.holder, 2);
  EXPECT_EQ(claimed.row.label, "b");
}

TEST(RegistryClaim, GivesAHolderItsRowAgain) {
  const Rows rows{{3, row_of(7, start - minute, start - 1)}};
  const Claim claimed = claim({}, rows, {.holder = 7, .label = "a"}, start);
  EXPECT_EQ(claimed.kind, Claim::Kind::again);
  EXPECT_EQ(claimed.node, 3);
  EXPECT_EQ(claimed.row.until, start - 1);
}

TEST(RegistryClaim, BeginsWhereTheLastHolderEnded) {
  const Claim claimed =
      claim({.last_node = 0}, {{0, row_of(1, start - minute, start - 1)}}, {2, "b"}, start);
  EXPECT_EQ(claimed.kind, Claim::Kind::taken);
  EXPECT_EQ(claimed.row.from, start - 1);
}

TEST(RegistryClaim, TakesNoNumberThatIsNotOverWhateverItsLabel) {
  const Rows rows{{0, row_of(1, start - minute, start)}};
  EXPECT_EQ(claim({.last_node = 0}, rows, {.holder = 2, .label = "a"}, start).kind,
            Claim::Kind::full);
  EXPECT_EQ(claim({.last_node = 0}, rows, {.holder = 2, .label = "a"}, start + 1).kind,
            Claim::Kind::taken);
}

TEST(RegistryClaim, PrefersTheOldLabelThenWhatWasUsedLongestAgo) {
  Rows rows{{0, row_of(1, 0, start - 10, "a")},
            {1, row_of(2, 0, start - 30, "b")},
            {2, row_of(3, 0, start - 20, "c")}};
  const Realm realm{.last_node = 2};
  EXPECT_EQ(claim(realm, rows, {.holder = 9, .label = "c"}, start).node, 2);
  EXPECT_EQ(claim(realm, rows, {.holder = 9, .label = "new"}, start).node, 1);
  EXPECT_EQ(claim({.last_node = 3}, rows, {.holder = 9, .label = "new"}, start).node, 3);
}

TEST(RegistryClaim, SpreadsClaimantsOverEquallyGoodNumbers) {
  EXPECT_EQ(claim({}, {}, {.holder = 1003, .label = "a"}, start, 4).node, 1003 % 4);
  EXPECT_EQ(claim({.last_node = 1}, {}, {.holder = 1003, .label = "a"}, start, 1024).node,
            1003 % 2);
  const Rows rows{{5, row_of(0, 0, start - 1, "a")}};
  EXPECT_EQ(claim({}, rows, {.holder = 1003, .label = "a"}, start, 4).node, 5)
      << "its own label all the same";
}

TEST(RegistryClaim, SettlesWhileWhatIsFreeWasUsedUntilLater) {
  const Rows rows{
      {0, row_of(0, start, start + minute)}};  // given back by a server whose clock was ahead
  EXPECT_EQ(claim({.last_node = 0}, rows, {2, "a"}, start).kind, Claim::Kind::settling);
  EXPECT_EQ(claim({.last_node = 1}, rows, {2, "a"}, start).node, 1)
      << "another one, if there is one";
}

TEST(RegistryClaim, AfterARestoreBeginsWhenAllThatWasForgottenIsOver) {
  const Realm realm{.restored = start + 5000};
  EXPECT_EQ(claim(realm, {}, {2, "a"}, start).kind, Claim::Kind::settling);
  EXPECT_EQ(claim(realm, {}, {2, "a"}, realm.settled()).kind, Claim::Kind::settling);
  const Claim claimed = claim(realm, {}, {2, "a"}, realm.settled() + 1);
  EXPECT_EQ(claimed.kind, Claim::Kind::taken);
  EXPECT_EQ(claimed.row.from, start + 5000 + realm.lease);
}

// Else it would be told again and again what it must not renew.
TEST(RegistryClaim, AfterARestoreGivesNoHolderWhatItMustNotRenew) {
  const Realm realm{.last_node = 0, .restored = start};
  const Rows rows{{0, row_of(7, start - minute, start - 1)}};
  EXPECT_TRUE(renew(realm, &rows.at(0), renewal_of(7, start - minute, start - 1), start, 0).lost);
  EXPECT_NE(claim(realm, rows, {.holder = 7, .label = "a"}, start).kind, Claim::Kind::again);
}

TEST(RegistryClaim, NotesAClockThatWasSetBackThoughItRefuses) {
  const Rows rows{{0, row_of(1, start, start + minute)}};
  const Realm realm{.last_node = 0};
  const Claim refused = claim(realm, rows, {2, "b"}, start - 60 * minute);
  EXPECT_EQ(refused.kind, Claim::Kind::full);
  ASSERT_EQ(refused.node, 0);
  EXPECT_EQ(refused.row.holder, 1);
  EXPECT_EQ(refused.row.until, start + minute);
  const Rows noted{{0, refused.row}};
  EXPECT_EQ(claim(realm, noted, {2, "b"}, start - 59 * minute).kind, Claim::Kind::full);
  EXPECT_EQ(claim(realm, noted, {2, "b"}, start - 59 * minute + 1).kind, Claim::Kind::taken)
      << "the time went on";
  EXPECT_EQ(claim(realm, noted, {2, "b"}, start - 59 * minute).node, -1) << "it is noted once";
}

TEST(RegistryRenewal, DoublesTheLeaseUpToThatOfTheRealm) {
  Row row = row_of(7, start, start + 30'000);
  std::vector<UnixMs> leases;
  for (int i = 0; i < 6; ++i) {
    const Renewal renewal = renew({}, &row, renewal_of(7, row.from, row.until), start, 0);
    ASSERT_FALSE(renewal.lost || renewal.forgotten);
    row = renewal.row;
    leases.push_back(row.until - start);
  }
  EXPECT_EQ(leases, (std::vector<UnixMs>{60'000, 120'000, 240'000, 480'000, 600'000, 600'000}));
}

TEST(RegistryRenewal, NeverLowersUntil) {
  const Row row = row_of(7, start, start + 100 * minute);
  EXPECT_EQ(renew({}, &row, renewal_of(7, start, start + minute), start, 0).row.until,
            start + 100 * minute);
}

TEST(RegistryRenewal, IsOfTheHolderOnly) {
  const Row row = row_of(7, start, start + minute);
  EXPECT_TRUE(renew({}, &row, renewal_of(8, start - minute, start), start + 1, start + 5000).lost);
  const Row given_back = row_of(0, start, start + 10);
  EXPECT_TRUE(
      renew({}, &given_back, renewal_of(7, start, start + minute), start + 1, start + 5000).lost);
}

TEST(RegistryRenewal, OfAForgottenGrantRecoversIt) {
  const UnixMs restored = start + 5000;
  const Row before = row_of(1, 0, start - minute);
  for (const Row* row : {static_cast<const Row*>(nullptr), &before}) {
    const Renewal renewal =
        renew({}, row, renewal_of(7, start - minute, start + 9 * minute), start, restored);
    EXPECT_FALSE(renewal.lost);
    EXPECT_TRUE(renewal.forgotten);
    EXPECT_EQ(renewal.row.holder, 7);
    EXPECT_EQ(renewal.row.from, start - minute);
    EXPECT_EQ(renewal.row.until, start + 9 * minute) << "what it has been given";
  }
}

TEST(RegistryRenewal, OfARowThatIsOlderNotesTheRestore) {
  const Row row = row_of(7, start - minute, start);
  const Renewal renewal =
      renew({}, &row, renewal_of(7, start - minute, start + 9 * minute), start, start + 5000);
  EXPECT_FALSE(renewal.lost);
  EXPECT_TRUE(renewal.forgotten);
  EXPECT_EQ(renewal.row.until, start + 9 * minute);
}

TEST(RegistryRenewal, OfAGrantThatMayHaveBeenSupersededIsLost) {
  const Row row = row_of(7, start - 9 * minute, start - minute);
  EXPECT_TRUE(renew({.restored = start}, &row, renewal_of(7, row.from, row.until), start, 0).lost);
  EXPECT_TRUE(
      renew({.restored = start}, nullptr, renewal_of(7, row.from, row.until), start, 0).lost);
  EXPECT_FALSE(renew({.restored = start}, nullptr, renewal_of(7, row.from, start), start, 0).lost);
}

TEST(RegistryRenewal, NotesARestoreOnceForAllThatItCovers) {
  const Realm realm{.restored = start};
  EXPECT_FALSE(
      renew(realm, nullptr, renewal_of(7, start - minute, realm.settled()), start, start + 9)
          .forgotten);
  EXPECT_TRUE(
      renew(realm, nullptr, renewal_of(7, start - minute, realm.settled() + 1), start, start + 9)
          .forgotten);
}

TEST(RegistryGivingBack, EndsTheGrantWithItsLastUse) {
  const Row row = row_of(7, start, start + minute);
  EXPECT_EQ(give_back(&row, 7, start + 10, start + 20)->until, start + 10);
  EXPECT_EQ(give_back(&row, 7, start + 10, start + 20)->holder, 0);
  EXPECT_EQ(give_back(&row, 7, start + 10, start + 20)->label, "a");
  EXPECT_EQ(give_back(&row, 7, 0, start + 20)->until, start) << "never used";
  EXPECT_EQ(give_back(&row, 7, start + 2 * minute, start)->until, start + 2 * minute)
      << "the registry forgot that much";
  EXPECT_FALSE(give_back(&row, 8, start, start));
  EXPECT_FALSE(give_back(nullptr, 7, start, start));
}

// --- Random schedules ----------------------------------------------------------------------------------------------

struct Grant {
  std::int64_t node;
  std::int64_t holder;
  UnixMs from;
  UnixMs until;
};

/// Servers that claim, renew, use and give back, whose answers may be lost, and a registry whose rows may be older
/// again. What a server was told that it may use is what counts.
class Schedule {
 public:
  Schedule(std::uint64_t seed, bool with_restores) : random_(seed), with_restores_(with_restores) {
    realm_.last_node = pick(4);
    servers_.resize(static_cast<std::size_t>(2 + pick(6)));
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) step();
    for (Server& server : servers_) end(server, server.grant.until);
  }

  /// Ranges of one number that two holders were given.
  [[nodiscard]] int overlaps() const {
    int found = 0;
    for (const Grant& a : used_)
      for (const Grant& b : used_)
        if (a.node == b.node && a.holder < b.holder && a.from < b.until && b.from < a.until)
          ++found;
    return found;
  }

  [[nodiscard]] std::size_t grants() const { return used_.size(); }
  [[nodiscard]] int recovered() const { return recovered_; }

 private:
  struct Server {
    std::int64_t holder = 0;
    bool has_grant = false;
    Grant grant{};
  };

  std::int64_t pick(std::int64_t below) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(below));
  }
  bool one_in(std::int64_t count) { return pick(count) == 0; }

  void step() {
    now_ += pick(one_in(10) ? 20 * minute : minute);
    Server& server =
        servers_[static_cast<std::size_t>(pick(static_cast<std::int64_t>(servers_.size())))];
    if (one_in(50)) snapshot_ = rows_;
    if (with_restores_ && one_in(200)) restore();
    if (one_in(20)) return end(server, server.grant.until);  // it is started anew
    if (!server.has_grant) return claim_for(server);
    if (one_in(10)) return give_back_for(server);
    renew_for(server);
  }

  // A clock of several machines. What a restored registry's clock may be is limited.
  UnixMs clock() {
    return with_restores_ ? now_ : now_ + pick(3 * minute) - (one_in(20) ? 60 * minute : 0);
  }

  void restore() {
    rows_ = snapshot_;
    realm_.restored = restored_at(rows_, now_);
  }

  void claim_for(Server& server) {
    if (server.holder == 0) server.holder = ++last_holder_;
    const Claim claimed =
        claim(realm_, rows_, {.holder = server.holder, .label = std::to_string(pick(5))}, clock(),
              static_cast<std::size_t>(1 + pick(3)));
    if (claimed.kind == Claim::Kind::taken || claimed.node >= 0) rows_[claimed.node] = claimed.row;
    if (claimed.kind != Claim::Kind::taken && claimed.kind != Claim::Kind::again) return;
    if (one_in(5)) return;  // the answer is lost
    if (server.grant.holder != 0) used_.push_back(server.grant);
    server.grant = {claimed.node, server.holder, claimed.row.from, claimed.row.until};
    server.has_grant = true;
  }

  void renew_for(Server& server) {
    Grant& grant = server.grant;
    const auto found = rows_.find(grant.node);
    const Row* row = found == rows_.end() ? nullptr : &found->second;
    const UnixMs at = clock();
    const Renewal renewal = renew(realm_, row, renewal_of(server.holder, grant.from, grant.until),
                                  at, restored_at(rows_, at));
    if (renewal.forgotten) realm_.restored = restored_at(rows_, at);
    if (renewal.lost) {
      server.has_grant = false;  // claims another
      return;
    }
    if (row == nullptr || row->holder != server.holder) ++recovered_;
    rows_[grant.node] = renewal.row;
    if (!one_in(5)) grant.until = renewal.row.until;
  }

  void give_back_for(Server& server) {
    const UnixMs last_used = server.grant.from + pick(server.grant.until - server.grant.from + 1);
    const auto found = rows_.find(server.grant.node);
    const auto row = found == rows_.end()
                         ? std::nullopt
                         : give_back(&found->second, server.holder, last_used, clock());
    if (row) rows_[server.grant.node] = *row;
    end(server, last_used);
  }

  void end(Server& server, UnixMs last_used) {
    if (server.grant.holder != 0) {
      server.grant.until = last_used;
      used_.push_back(server.grant);
    }
    server = {};
  }

  std::mt19937_64 random_;
  bool with_restores_;
  Realm realm_;
  Rows rows_, snapshot_;
  UnixMs now_ = start;
  std::vector<Server> servers_;
  std::vector<Grant> used_;
  std::int64_t last_holder_ = 0;
  int recovered_ = 0;
};

void never_overlap(bool with_restores) {
  std::size_t grants = 0;
  int recovered = 0;
  for (const std::uint64_t seed : seeds()) {
    SCOPED_TRACE(repeat_with(seed));
    Schedule schedule(seed, with_restores);
    schedule.run(200);
    ASSERT_EQ(schedule.overlaps(), 0);
    grants += schedule.grants();
    recovered += schedule.recovered();
  }
  EXPECT_GE(grants, 10 * seeds().size()) << "else nothing was tried";
  EXPECT_GE(recovered, static_cast<int>(with_restores ? seeds().size() / 20 : 0));
}

TEST(RegistrySchedule, GrantsOfANumberNeverOverlapWhateverTheClockDoes) { never_overlap(false); }
TEST(RegistrySchedule, GrantsOfANumberNeverOverlapInARegistryThatForgets) { never_overlap(true); }

}  // namespace
}  // namespace snowflake::registry
