/*
 * A UUID of version 7 (RFC 9562) as uuidv7() of PostgreSQL 18 makes it, for servers that have none.
 *
 *     48 bits: milliseconds since 1970 | 4: version | 12: fraction of the millisecond | 2: variant | 62: random
 *
 * In one session each is larger than the one before: where the clock has not moved on by a step of the fraction, that
 * is taken one further.
 */
#include "postgres.h"

#include <time.h>

#include "fmgr.h"
#include "port/pg_bswap.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(uuidv7_as_of_18);

/* Steps of 1/4096 ms since 1970: the milliseconds and the fraction in one number. */
static uint64 rising_time(void)
{
  static uint64 last = 0;
  struct timespec now;
  uint64 steps;

  clock_gettime(CLOCK_REALTIME, &now);
  steps = ((uint64)now.tv_sec * 1000 + now.tv_nsec / 1000000) << 12 | (uint64)(now.tv_nsec % 1000000) * 4096 / 1000000;
  last = steps > last ? steps : last + 1;
  return last;
}

Datum uuidv7_as_of_18(PG_FUNCTION_ARGS)
{
  pg_uuid_t *uuid = palloc(sizeof(pg_uuid_t));
  const uint64 time = rising_time();
  const uint64 high = pg_hton64((time >> 12) << 16 | 7 << 12 | (time & 0xfff));

  memcpy(uuid->data, &high, sizeof high);
  if (!pg_strong_random(uuid->data + 8, 8))
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("no random numbers")));
  uuid->data[8] = (uuid->data[8] & 0x3f) | 0x80;
  PG_RETURN_UUID_P(uuid);
}
