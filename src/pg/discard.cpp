// DISCARD: a session that is handed from one user to another says DISCARD ALL, as connection poolers do, and must not
// tell the next one which ID the last one made. PostgreSQL has no callback for it, so this looks at utility commands.
#include "pg/discard.hpp"

#include "pg/generators.hpp"
#include "pg/postgres.hpp"

namespace snowflake::pg {
namespace {

ProcessUtility_hook_type previous_hook = nullptr;

void forget_if_discarded(const PlannedStmt* statement) {
  if (!IsA(statement->utilityStmt, DiscardStmt)) return;
  const DiscardMode target = reinterpret_cast<DiscardStmt*>(statement->utilityStmt)->target;
  if (target == DISCARD_ALL || target == DISCARD_SEQUENCES)
    for_each_generator([](Generator& generator) { generator.forget_last(); });
}

// A parameter was added in 14 (upstream commit 7c337b6b527b), so the others are passed on as they come.
template <typename... Arguments>
void process_utility(PlannedStmt* statement, Arguments... arguments) {
  const auto process = previous_hook != nullptr ? previous_hook : standard_ProcessUtility;
  process(statement, arguments...);
  forget_if_discarded(statement);
}

}  // namespace

void watch_discard() {
  previous_hook = ProcessUtility_hook;
  ProcessUtility_hook = process_utility;
}

}  // namespace snowflake::pg
