// The rate limit of a generator: its sessions take turns, and the state of that stands on the page of the generator's own
// sequence, in log_cnt. So there is a place for each generator, and it goes with it.
//
//     if (const std::int64_t wait = take_turn_of(sequence, ids, per_second); wait > 0) nap_for_rate(wait);
//
// What happens to that number does not matter. It is changed as hint bits are, without WAL: a crash, a standby, a dump
// do not have it, or an older one. setval() and ALTER SEQUENCE clear it, which is their owner's business. Whatever it
// is, it holds nobody up for longer than two seconds (rate.hpp). No ID depends on it.
//
// The relation is locked for the moment, as nextval() locks it: whoever alters or drops the sequence is waited for, by
// those who make IDs of this generator and nobody else; and waits for nobody who has made some.
//
// Limits: not for the extension's own sequence, whose page holds the horizon. A temporary generator is limited in its
// own session, outside of parallel workers; others cannot read its page.
#pragma once

#include <cstdint>

#include "pg/postgres.hpp"

namespace snowflake::pg {

/// 0 if so many IDs may be made now; else for how many nanoseconds to wait. 42P01 if the sequence was dropped.
[[nodiscard]] std::int64_t take_turn_of(Oid sequence, std::uint64_t ids, std::uint32_t per_second);

}  // namespace snowflake::pg
