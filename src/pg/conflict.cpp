// snowflake_node_conflict_trigger(): tells a server, while it receives rows of others, that one of them uses its node
// number. A trigger on the table that receives:
//
//     CREATE TRIGGER node_conflict BEFORE INSERT ON orders
//       FOR EACH ROW EXECUTE FUNCTION snowflake_node_conflict_trigger('id', 'error');
//     ALTER TABLE orders ENABLE REPLICA TRIGGER node_conflict;
//
// Which rows. One that arrives, whose ID bears our number, and is of a time since this server's life began. Since then
// nobody but us may make such IDs, and our own rows do not come in from outside: where they do (a ring of subscriptions
// with origin = any), the primary key refuses them as well. Rows of earlier times are let in: those that this server
// made before it was restored or built anew, and those of a server whose number it has taken over.
//
// With a registry, our number is the one of the grant that holds, and only in the time that was granted.
//
// Guarantees: local rows are never touched, nor any row of another number, NULL, or what is no ID of the layout. It
// looks at the row, the settings and shared memory, and at nothing that belongs to others.
//
// Limits: it sees that somebody else uses the number when their first row arrives, not before. What was made while this
// server was down is let in.
#include <algorithm>

#include "pg/id_column.hpp"
#include "pg/layout.hpp"
#include "pg/node.hpp"
#include "pg/postgres.hpp"
#include "pg/shmem.hpp"
#include "pg/time.hpp"

namespace snowflake::pg {
namespace {

enum class Action { error, warning };

/// What stands in CREATE TRIGGER: the column, the action, and the layout if it is not the standard one.
struct Arguments {
  const char* column;
  Action action;
  Layout layout;
};

[[noreturn]] void raise_wrong_use(const char* detail) {
  ereport(ERROR,
          (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
           errmsg("function \"snowflake_node_conflict_trigger\" was not called as it must be"),
           errdetail("%s", detail)));
  pg_unreachable();
}

const TriggerData& trigger_call(FunctionCallInfo fcinfo) {
  if (!CALLED_AS_TRIGGER(fcinfo)) raise_wrong_use("It was not called by a trigger.");
  const auto& call = *reinterpret_cast<const TriggerData*>(fcinfo->context);
  if (!TRIGGER_FIRED_FOR_ROW(call.tg_event) || !TRIGGER_FIRED_BEFORE(call.tg_event) ||
      !TRIGGER_FIRED_BY_INSERT(call.tg_event))
    raise_wrong_use("Its trigger must be BEFORE INSERT ... FOR EACH ROW.");
  return call;
}

Action action_from(const char* name) {
  if (strcmp(name, "error") == 0) return Action::error;
  if (strcmp(name, "warning") == 0) return Action::warning;
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown action \"%s\"", name),
                  errhint("It must be error or warning.")));
  pg_unreachable();
}

Arguments arguments_of(const Trigger& trigger) {
  if (trigger.tgnargs < 2 || trigger.tgnargs > 3)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("the arguments of trigger \"%s\" are not right", trigger.tgname),
                    errhint("Give it a column, an action and maybe a layout: "
                            "snowflake_node_conflict_trigger('id', 'error', 'discord').")));
  const Layout layout =
      trigger.tgnargs == 3 ? layout_from(trigger.tgargs[2]) : Layout(standard_layout);
  check_has_node(layout);
  return {trigger.tgargs[0], action_from(trigger.tgargs[1]), layout};
}

/// A trigger that was not enabled for replicas never fires when rows arrive: whoever made it should know at once.
void refuse_trigger_that_sleeps(const Trigger& trigger) {
  if (trigger.tgenabled != TRIGGER_FIRES_ON_ORIGIN) return;
  ereport(ERROR,
          (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
           errmsg("trigger \"%s\" does not see the rows of other servers", trigger.tgname),
           errhint("ALTER TABLE ... ENABLE REPLICA TRIGGER, in the transaction that creates it.")));
}

bool rows_arrive() { return SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA; }

/// The server's start; or what IDs of an earlier life may have reached, which is later if the clock was set back.
UnixMs life_began() { return std::max(unix_ms_of(PgStartTime), shared().server.timeline.floor()); }

/// Whether only this server could make IDs of that node and tick since it lives.
bool is_ours(const Layout& layout, const Parts& parts) {
  const UnixMs begin = layout.time_at(parts.tick);
  return begin > life_began() && may_make(parts.node, begin, layout.unit_ms);
}

void tell(Action action, Relation table, Id id, const Layout& layout, const Parts& parts) {
  ereport(
      action == Action::error ? ERROR : WARNING,
      (errcode(ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION),
       errmsg("a row of another server bears the node number of this one, %llu",
              static_cast<unsigned long long>(parts.node)),
       errdetail("ID %llu in table \"%s\" was made at %s; this server has been running since %s.",
                 static_cast<unsigned long long>(id), RelationGetRelationName(table),
                 utc_text(layout.time_at(parts.tick)).text, utc_text(life_began()).text),
       errhint("Give each server a snowflake_id.node_id of its own: both may make the same IDs."),
       errtable(table)));
}

}  // namespace

SNOWFLAKE_SQL_FUNCTION(snowflake_node_conflict_trigger) {
  const TriggerData& call = trigger_call(fcinfo);
  const Arguments arguments = arguments_of(*call.tg_trigger);
  const AttrNumber column = id_column(call.tg_relation, arguments.column);
  refuse_trigger_that_sleeps(*call.tg_trigger);
  if (!rows_arrive()) return PointerGetDatum(call.tg_trigtuple);
  const std::optional<Id> id =
      id_in(call.tg_trigtuple, column, RelationGetDescr(call.tg_relation), arguments.layout);
  if (id) {
    const Parts parts = arguments.layout.decode(*id);
    if (is_ours(arguments.layout, parts)) {
      shared().node_conflicts.fetch_add(1);
      tell(arguments.action, call.tg_relation, *id, arguments.layout, parts);
    }
  }
  return PointerGetDatum(call.tg_trigtuple);
}

}  // namespace snowflake::pg
