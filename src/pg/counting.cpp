#include "pg/counting.hpp"

namespace snowflake::pg {
namespace {

constinit Session* counted = nullptr;

}  // namespace

void count_for(Session& session) { counted = &session; }
void count_for_nobody() { counted = nullptr; }

void count(Count what, std::uint64_t number) {
  if (counted != nullptr) counted->tally().add(what, number);
}

void count_now(Count what) {
  count(what);
  if (counted != nullptr) counted->report();
}

void count_rejection(Count what) {
  count_now(what);
  count_for_nobody();
}

void count_setback(UnixMs distance) {
  count(Count::setbacks);
  if (counted != nullptr) counted->statistics().note_setback(distance);
}

}  // namespace snowflake::pg
