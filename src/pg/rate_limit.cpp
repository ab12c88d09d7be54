#include "pg/rate_limit.hpp"

#include "core/clock.hpp"
#include "core/rate.hpp"
#include "pg/errors.hpp"
#include "pg/sequence_page.hpp"

namespace snowflake::pg {
namespace {

SequencePage lock_page(Oid oid) {
  SequencePage page{.sequence = try_relation_open(oid, RowExclusiveLock), .mode = RowExclusiveLock};
  if (page.sequence == nullptr) raise_no_generator(oid);
  page.buffer = ReadBuffer(page.sequence, 0);
  LockBuffer(page.buffer, BUFFER_LOCK_EXCLUSIVE);
  return page;
}

}  // namespace

// One session at a time changes the state, under the lock of the page, and reads the clock under it: so no turn that
// another session has taken begins later than now.
std::int64_t take_turn_of(Oid sequence, std::uint64_t ids, std::uint32_t per_second) {
  const SequencePage page = lock_page(sequence);
  std::int64_t state = row_of(page)->log_cnt;
  const std::int64_t wait = take_turn(state, boot_clock_ns(), ids, per_second);
  if (wait == 0) {
    row_of(page)->log_cnt = state;
    MarkBufferDirtyHint(page.buffer, true);
  }
  unlock(page);
  return wait;
}

}  // namespace snowflake::pg
