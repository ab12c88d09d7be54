/*
 * Never twice, on a small scale but in every interleaving: sessions in two databases of one server, a clock that says
 * anything, crashes at any moment, and the horizons that outlive them.
 *
 * Guarantee, asserted where an ID is made: within a database, none is ever made again.
 *
 * What is written to a page becomes durable later, when WAL is flushed. A crash wipes shared memory and takes the pages
 * back to what is durable. A session goes on with the horizon it knows while a later one is being made durable.
 *
 *     test/model/verify horizon holds            every interleaving: no duplicate
 *     test/model/verify horizon fails NO_FLUSH   finds one
 *
 * Faults that it finds:
 *     NO_FLUSH             a horizon that is moved ahead of need is relied on before it is durable
 *     NO_FLUSH_AT_BOUND    the same, by a session that has reached the horizon it knew
 *     NO_SIGN_ON           a horizon of an earlier life is taken for one of this life
 *     NO_FLOOR             a page is signed, and the floor is not raised to what was found there
 *     NO_FLOOR_OF_SECOND   the same, if another database has been signed on already
 *     NO_FLOOR_CHECK       the floor moves the time, but a tick is used of which a part lies below it (UNIT=2)
 *     TIME_BEFORE_SIGN_ON  a time that was read before the sign-on is used after it
 *
 * How it is made small. The time is abstract: whenever a session reads it, it is any that is not before the one last
 * used; so the clock may be set, leap and be replayed as it likes. WAL has no positions: a flush makes durable all that
 * was written before it, and may come after any record; of the position of a session's pending horizon, one bit is
 * kept: whether it is durable. Each line between semicolons may be interleaved with anything; what reads or writes one
 * shared word, or lies under the lock of a page and waits for nothing, is one line.
 *
 * Limits: one worker (others share no position with it), one ID a tick, and two sessions: one in the first database,
 * whose IDs are watched, and one that after each crash is in either. What a reset does is in reset.pml.
 */
#ifndef TIMES
#define TIMES 3 /* 1 … TIMES; 0 is before all */
#endif
#ifndef UNIT
#define UNIT 1 /* a tick, in times */
#endif
#ifndef LIVES
#define LIVES 3 /* two crashes */
#endif
#define SESSIONS 2
#define DATABASES 2
#define WINDOW 1 /* how far ahead of need a horizon is moved */

#define larger(a, b) ((a) > (b) -> (a) : (b))
#define smaller(a, b) ((a) < (b) -> (a) : (b))

typedef Page {
  byte horizon;
  byte life /* that signed it */
}

/* Shared memory: gone at a crash. */
byte latest;
byte floor;
byte cursor; /* the first tick that is free */
bool locked[DATABASES];
Page page[DATABASES];
bool is_durable[DATABASES]; /* the page as it is now */

/* What survives. */
Page disk[DATABASES];
byte life = 1;

bool made[TIMES + 1]; /* in the first database */

/* Each session's pending horizon: its place in WAL is durable. */
bool pending_is_durable[SESSIONS];

inline flush() {
  d_step {
    for (i : 0 .. DATABASES - 1) {
      disk[i].horizon = page[i].horizon;
      disk[i].life = page[i].life;
      is_durable[i] = true
    }
    for (i : 0 .. SESSIONS - 1) { pending_is_durable[i] = true }
    i = 0
  }
}

inline write_page(needed) {
  page[db].horizon = smaller((needed) + WINDOW, TIMES);
  page[db].life = mine;
  is_durable[db] = false
}

/* The horizon and its place in WAL, seen together. */
inline look_at_page() {
  pending = page[db].horizon;
  pending_is_durable[me] = is_durable[db]
}

#ifdef NO_FLUSH
#define may_adopt true
#else
#define may_adopt pending_is_durable[me]
#endif

inline adopt() {
  if
  :: pending > horizon && may_adopt -> horizon = pending
  :: else
  fi;
  if
  :: pending <= horizon -> pending = 0; pending_is_durable[me] = false
  :: else
  fi
}

/* The compare-and-swap succeeds only if nobody else has moved `latest` meanwhile, so it is as if all were one step. */
inline read_time() {
  atomic {
    select(time : latest .. TIMES);
    latest = time;
    seen_floor = floor;
    adopt()
  }
}

#ifdef NO_SIGN_ON
#define is_ours true
#else
#define is_ours (page[db].life == mine)
#endif

#if defined(NO_FLOOR)
#define raises_floor false
#elif defined(NO_FLOOR_OF_SECOND)
#define raises_floor (floor == 0)
#else
#define raises_floor true
#endif

/* Of a session that has reached the horizon it knows. */
inline cross() {
  if
  :: atomic { !locked[db] && is_ours ->
       if
       :: page[db].horizon < time -> write_page(time)
       :: else
       fi;
       look_at_page()
     }
  :: atomic { !locked[db] && !is_ours -> locked[db] = true };
     if
     :: raises_floor ->
        d_step { floor = larger(floor, page[db].horizon) };
        d_step { latest = larger(latest, page[db].horizon + 1) }
     :: !raises_floor
     fi;
     atomic { write_page(latest); look_at_page(); locked[db] = false }
  fi;
#ifdef NO_FLUSH_AT_BOUND
  horizon = pending;
#else
  flush();
  d_step { adopt() };
#endif
}

/* Of a session that goes on meanwhile. It notes one place in WAL at a time. */
inline keep_ahead() {
  if
  :: atomic { pending == 0 && !locked[db] && is_ours ->
       if
       :: page[db].horizon < smaller(time + WINDOW, TIMES) -> write_page(time)
       :: else
       fi;
       look_at_page()
     }
  :: true /* not near, or another session has the page */
  fi
}

inline take() {
#ifdef EXPECT_NO_ID_IN_LAST_LIFE
  assert(life < LIVES || cursor > tick);
#endif
  d_step {
    if
    :: cursor <= tick ->
       cursor = tick + 1;
       assert(db != 0 || !made[tick]);
       made[tick] = made[tick] || db == 0
    :: else
    fi
  }
}

#ifdef NO_FLOOR_CHECK
#define above_floor true
#else
#define above_floor (tick * UNIT > seen_floor)
#endif

inline make_ids() {
  do
  :: read_time();
#ifdef TIME_BEFORE_SIGN_ON
again:
#endif
     tick = time / UNIT;
     if
     :: time > TIMES -> false /* out of time until a crash */
     :: time <= TIMES && !above_floor
     :: time <= TIMES && above_floor && tick * UNIT > horizon ->
        cross();
#ifdef TIME_BEFORE_SIGN_ON
        goto again
#endif
     :: time <= TIMES && above_floor && tick * UNIT <= horizon ->
        keep_ahead();
        take()
     fi;
     d_step { forget_scratch() } /* the fewer states */
  od
}

inline forget_scratch() { seen_floor = 0; time = 0; tick = 0 }

proctype session(byte me) {
  byte mine, db, horizon, pending;
  byte seen_floor, time, tick;
  byte i;

  do
  :: atomic {
       mine = life; horizon = 0; pending = 0; forget_scratch();
       select(db : 0 .. me)
     };
     { make_ids() } unless { mine != life }
  od
}

inline crash() {
  atomic {
    latest = 1; floor = 0; cursor = 0;
    for (i : 0 .. DATABASES - 1) {
      locked[i] = false;
      page[i].horizon = disk[i].horizon;
      page[i].life = disk[i].life;
      is_durable[i] = true
    }
    for (i : 0 .. SESSIONS - 1) { pending_is_durable[i] = false }
    i = 0;
    life++
  }
}

active proctype world() {
  byte i;
  atomic {
    latest = 1;
    for (i : 0 .. SESSIONS - 1) { run session(i) }
    i = 0
  }
end:
  do
  :: life < LIVES -> crash()
  :: flush() /* the WAL writer, at any time */
  od
}
