// The only page of a sequence, as sequence.c lays it out: the horizon stands on the extension's own, the state of a rate
// limit on that of its generator.
//
//     const SequencePage page{.sequence = relation, .mode = mode, .buffer = ReadBuffer(relation, 0)};
//     LockBuffer(page.buffer, BUFFER_LOCK_EXCLUSIVE);
//     row_of(page)->log_cnt = …
//     unlock(page);
//
// Limits: the relation is a sequence, as pg_class says; a page that is none of one is an error.
#pragma once

#include "pg/postgres.hpp"

namespace snowflake::pg {

/// Pinned and locked, and its relation with it.
struct SequencePage {
  Relation sequence = nullptr;
  LOCKMODE mode = NoLock;
  Buffer buffer = InvalidBuffer;
};

[[nodiscard]] Form_pg_sequence_data row_on(Page page);

[[nodiscard]] inline Form_pg_sequence_data row_of(const SequencePage& page) {
  return row_on(BufferGetPage(page.buffer));
}

inline void unlock(const SequencePage& page) {
  UnlockReleaseBuffer(page.buffer);
  relation_close(page.sequence, page.mode);
}

}  // namespace snowflake::pg
