#include "pg/errors.hpp"

#include "core/space.hpp"
#include "core/timeline.hpp"
#include "pg/counting.hpp"
#include "pg/postgres.hpp"
#include "pg/settings.hpp"
#include "pg/time.hpp"

namespace snowflake::pg {
namespace {

constexpr const char* registry_hint = "See snowflake_node_status().";

double seconds(UnixMs ms) { return static_cast<double>(ms) / 1000.0; }

}  // namespace

void raise_before_epoch(const Layout& layout) {
  count_rejection(Count::rejected_clock);
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("cannot make a Snowflake ID: the clock is before the epoch"),
                  errdetail("The layout's time begins at %s.", utc_text(layout.time_at(0)).text),
                  errhint("Set the server's clock.")));
  pg_unreachable();
}

void raise_out_of_time(const Layout& layout) {
  count_rejection(Count::rejected_clock);
  ereport(ERROR, (errcode(ERRCODE_SEQUENCE_GENERATOR_LIMIT_EXCEEDED),
                  errmsg("cannot make a Snowflake ID: the layout's timestamp range is exhausted"),
                  errdetail("Its last millisecond was %s.",
                            utc_text(layout.time_at(layout.last_tick() + 1) - 1).text),
                  errhint("If the year is wrong, set the server's clock.")));
  pg_unreachable();
}

void raise_clock_too_far_back(UnixMs behind_ms) {
  count_rejection(Count::rejected_clock);
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("cannot make a Snowflake ID: the clock is %.3f s behind the last one",
                         seconds(behind_ms)),
                  errdetail("That is more than snowflake_id.max_clock_drift allows."),
                  errhint("Set the server's clock; or wait until it has caught up; or, if no later "
                          "IDs exist any more, call snowflake_reset_clock().")));
  pg_unreachable();
}

void refuse_too_late(UnixMs ahead_ms) {
  if (ahead_ms <= max_clock_drift_ms()) return;
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("the ID is %.3f s ahead of the clock", seconds(ahead_ms)),
                  errdetail("That is more than snowflake_id.max_clock_drift allows.")));
}

void refuse_time_without_horizon(UnixMs time) {
  const Tick tick = standard_layout.tick_at(time);
  if (tick < 0) raise_before_epoch(standard_layout);
  if (tick > standard_layout.last_tick()) raise_out_of_time(standard_layout);
}

void warn_of_clock_set_back(UnixMs behind_ms) {
  ereport(WARNING,
          (errmsg("the clock was set back: it is %.3f s behind the last Snowflake ID",
                  seconds(behind_ms)),
           errdetail("IDs go on from the time of the last one, at half speed, until the clock has "
                     "caught up.")));
}

void log_leap_of_clock() {
  ereport(LOG, (errmsg("the clock has leapt ahead"),
                errdetail("Snowflake IDs go on from the time known, and follow the clock when this "
                          "has lasted for %d s.",
                          static_cast<int>(Timeline::lasting_ns / (1000 * ns_per_ms)))));
}

void raise_no_node_number() {
  count_rejection(Count::rejected_grant);
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("cannot make a Snowflake ID: this server has no node number yet"),
                  errdetail("The registry has not granted one."), errhint(registry_hint)));
  pg_unreachable();
}

void raise_registry_full(const char* realm) {
  count_rejection(Count::rejected_grant);
  ereport(ERROR, (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
                  errmsg("cannot make a Snowflake ID: no node number is free"),
                  errdetail("Other servers hold all numbers of realm \"%s\", or held them until "
                            "not long ago.",
                            realm),
                  errhint(registry_hint)));
  pg_unreachable();
}

void raise_grant_ended(const Grant& grant) {
  count_rejection(Count::rejected_grant);
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("cannot make a Snowflake ID: the grant of node number %llu has ended",
                         static_cast<unsigned long long>(grant.node)),
                  errdetail("It lasted until %s, and the registry has not renewed it.",
                            utc_text(grant.until).text),
                  errhint(registry_hint)));
  pg_unreachable();
}

void raise_clock_ahead_of_grant(UnixMs time, const Grant& grant) {
  count_rejection(Count::rejected_grant);
  ereport(
      ERROR,
      (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
       errmsg("cannot make a Snowflake ID: the clock is %.3f s ahead of what the registry grants",
              seconds(time - grant.until)),
       errdetail("Node number %llu is granted until %s.",
                 static_cast<unsigned long long>(grant.node), utc_text(grant.until).text),
       errhint("Set the clocks of this server and of the registry.")));
  pg_unreachable();
}

void raise_grant_too_late(const Grant& grant, UnixMs clock) {
  count_rejection(Count::rejected_grant);
  ereport(ERROR,
          (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
           errmsg("cannot make a Snowflake ID: node number %llu is granted from %s on",
                  static_cast<unsigned long long>(grant.node), utc_text(grant.from).text),
           errdetail("That is %.3f s ahead of the clock, more than snowflake_id.max_clock_drift "
                     "allows.",
                     seconds(grant.from - clock)),
           errhint("Set the clocks of this server and of the registry.")));
  pg_unreachable();
}

void raise_node_does_not_fit(std::uint64_t node, const Layout& layout) {
  count_rejection(Count::rejected_grant);
  ereport(
      ERROR,
      (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
       errmsg("node number %llu of this server does not fit the layout of this generator",
              static_cast<unsigned long long>(node)),
       errdetail("Its nodes are 0 to %llu.", static_cast<unsigned long long>(layout.node.max()))));
  pg_unreachable();
}

void refuse_on_standby() {
  if (!RecoveryInProgress()) return;
  count_rejection(Count::rejected_standby);
  ereport(ERROR, (errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
                  errmsg("cannot make a Snowflake ID on a standby"),
                  errhint("Connect to the primary; IDs can be read and decoded here.")));
}

[[noreturn]] void raise_no_generator(Oid sequence) {
  ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
                  errmsg("there is no generator with OID %u", sequence)));
  pg_unreachable();
}

void check_privilege(Oid sequence, AclMode any_of) {
  const AclResult result = pg_class_aclcheck(sequence, GetUserId(), any_of);
  if (result != ACLCHECK_OK) aclcheck_error(result, OBJECT_SEQUENCE, get_rel_name(sequence));
}

void check_can_make(const Layout& layout) {
  if (!can_make(layout))
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("no IDs can be made of this layout"),
             errdetail("The unit must be 1ms, 10ms, 100ms or 1s, and the epoch a multiple of "
                       "it since 1970-01-01."),
             errhint("IDs of the layout can be read all the same.")));
  if (layout.tick_at(wall_clock_ms()) > layout.last_tick()) raise_out_of_time(layout);
}

Id checked_id(std::int64_t id) {
  if (id < 0)
    ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                    errmsg("%lld is not a Snowflake ID", static_cast<long long>(id)),
                    errdetail("Snowflake IDs are not negative.")));
  return static_cast<Id>(id);
}

Id checked_id(std::int64_t id, const Layout& layout) {
  const Id checked = checked_id(id);
  if (checked >> layout.bits() != 0)
    ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                    errmsg("%lld is not a Snowflake ID of this layout", static_cast<long long>(id)),
                    errdetail("The layout has %u bits.", layout.bits())));
  return checked;
}

std::uint64_t checked_part(const char* name, std::int64_t value, std::uint64_t most) {
  if (value < 0 || static_cast<std::uint64_t>(value) > most)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("%s %lld is out of range", name, static_cast<long long>(value)),
                    most == 0 ? errdetail("The layout has no %s.", name)
                              : errdetail("It must lie between 0 and %llu.",
                                          static_cast<unsigned long long>(most))));
  return static_cast<std::uint64_t>(value);
}

void raise_time_outside(TimestampTz timestamptz, const Layout& layout) {
  ereport(ERROR, (errcode(ERRCODE_DATETIME_FIELD_OVERFLOW),
                  errmsg("timestamp %s is outside the time of the layout",
                         timestamptz_to_str(timestamptz)),
                  errdetail("It must lie between %s and %s.", utc_text(layout.time_at(0)).text,
                            utc_text(layout.time_at(layout.last_tick() + 1) - 1).text)));
  pg_unreachable();
}

std::uint64_t checked_count(std::int64_t count) {
  if (count < 0)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("count %lld must not be negative", static_cast<long long>(count))));
  return static_cast<std::uint64_t>(count);
}

Encoding checked_encoding(const text* name) {
  const Encoding encoding = find_encoding({VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name)});
  if (encoding == Encoding::none)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("unknown encoding \"%s\"", text_to_cstring(name)),
                    errhint("It must be base32, base36, base58, base62 or hex.")));
  return encoding;
}

void raise_malformed_text(const char* kind, const text* given, const char* problem) {
  ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
                  errmsg("invalid Snowflake ID in %s: \"%s\"", kind, text_to_cstring(given)),
                  errdetail("%s.", problem)));
  pg_unreachable();
}

}  // namespace snowflake::pg
