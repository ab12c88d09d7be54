/*
 * Never twice, with snowflake_reset_clock(): on a small scale but in every interleaving of two sessions, somebody who
 * resets the clock, and a crash.
 *
 * Guarantee, asserted where an ID is handed out: within a database, none is ever handed out again; but for those that
 * were handed out before a reset returned, and are later than the clock that the reset went by.
 *
 * A reset has the lock of its database's page. It takes the time back to the next tick of the clock, if it is further
 * ahead, and the cursors with it; then the horizon. A new era begins, in which no session relies on a time or a horizon
 * that it knew before. IDs that were reserved before are still handed out: the reset waits until these reservations
 * have ended. A reset in another database takes back the time as well, and leaves this database's horizon as it is.
 *
 *     test/model/verify reset holds                         every interleaving: no duplicate
 *     test/model/verify reset fails RESET_INTO_TICK_IN_USE  finds one
 *
 * Faults that it finds:
 *     RESET_INTO_TICK_IN_USE  the time goes back to the tick of the clock, not to the next one
 *     NO_RESET_CHECK          a session takes from a cursor without a look at the era
 *     RESET_CHECK_TOO_EARLY   it looks at the era before it takes, and not after: in between, the time went back and
 *                             the cursor came to where it was
 *     OLD_HORIZON             a session relies on the horizon that it knew before the reset
 *     OLD_ERA_GOES_ON         a reset that finds nothing to do but to lower the horizon begins no era (RESETS=2)
 *     UNSIGNED                a reset signs a page and does not raise the floor to what was found there
 *     NO_WAIT                 the reset returns before old reservations have ended
 *     NO_FLUSH                a horizon that another session moved is relied on before it is durable
 *     WRITES_BACK             a horizon is written by a time of an old era: no duplicate, but it undoes the reset
 *
 * How it is made small: as horizon.pml, which see. The clock is abstract too: when a reset reads it, it says anything.
 * Taking and the look at the era are one step: that is what taking, looking, and putting the cursor back if the era has
 * changed come to.
 *
 * Limits: one worker, one ID a tick, one database; the other one is only where resets come from.
 */
#ifndef TIMES
#define TIMES 2 /* 1 … TIMES; 0 is before all */
#endif
#ifndef LIVES
#define LIVES 2 /* one crash */
#endif
#ifndef RESETS
#define RESETS 2
#endif
#define SESSIONS 2
#ifndef WINDOW
#define WINDOW 0 /* how far ahead of need a horizon is moved */
#endif

#define larger(a, b) ((a) > (b) -> (a) : (b))
#define smaller(a, b) ((a) < (b) -> (a) : (b))

/* Shared memory: gone at a crash. */
byte era;
byte latest = 1;
byte floor;
byte cursor; /* the first tick that is free */
bool locked; /* the page */
byte page_horizon, page_life;
bool is_durable; /* the page as it is now */

/* What survives. */
byte disk_horizon, disk_life;
byte life = 1;
byte resets;

bool made[TIMES + 1];

/* Of each session: its pending horizon is durable; the tick that it has reserved, and when. */
bool pending_is_durable[SESSIONS];
byte reserved[SESSIONS];
bool is_old[SESSIONS]; /* reserved in an era that is over */

/* While a reset waits: what was reserved before may come again, where it is later than this. */
byte excused_after = TIMES;

inline flush() {
  d_step {
    disk_horizon = page_horizon;
    disk_life = page_life;
    is_durable = true;
    pending_is_durable[0] = true;
    pending_is_durable[1] = true
  }
}

inline write_page(needed) {
  page_horizon = smaller((needed) + WINDOW, TIMES);
  page_life = mine;
  is_durable = false;
  assert(page_horizon <= latest + WINDOW) /* not a time that was reset */
}

/* The horizon and its place in WAL, seen together. */
inline look_at_page() {
  pending = page_horizon;
  pending_is_durable[me] = is_durable
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

inline read_time() {
  atomic {
    era % 2 == 0 ->
#ifndef OLD_HORIZON
    if
    :: era != seen_era -> horizon = 0; pending = 0; pending_is_durable[me] = false
    :: else
    fi;
#endif
    seen_era = era;
    select(time : latest .. TIMES);
    latest = time;
    seen_floor = floor;
    adopt()
  }
}

#define is_ours (page_life == mine)

#ifdef WRITES_BACK
#define is_current true
#else
#define is_current (era == seen_era)
#endif

/* Of a session that has reached the horizon it knows. */
inline cross() {
  if
  :: atomic { !locked && is_ours ->
       if
       :: page_horizon < time && is_current -> write_page(time)
       :: else
       fi;
       look_at_page()
     }
  :: atomic { !locked && !is_ours -> locked = true };
     d_step { floor = larger(floor, page_horizon) };
     d_step { latest = larger(latest, page_horizon + 1) };
     atomic { era % 2 == 0 -> write_page(latest); look_at_page(); locked = false }
  fi;
  flush();
  d_step { adopt() }
}

/* Of a session that goes on meanwhile. It notes one place in WAL at a time. */
inline keep_ahead() {
  if
  :: atomic { pending == 0 && !locked && is_ours && is_current && page_horizon < smaller(time + WINDOW, TIMES) ->
       write_page(time);
       look_at_page()
     }
  :: atomic { pending == 0 && !locked && is_ours && is_current && page_horizon > horizon -> look_at_page() }
  :: true /* not near, or another session has the page */
  fi
}

inline take(condition) {
  atomic {
    if
    :: cursor <= time && (condition) ->
       cursor = time + 1;
       reserved[me] = time;
       is_old[me] = era != seen_era
    :: else
    fi
  }
}

inline reserve() {
#if defined(NO_RESET_CHECK)
  take(true)
#elif defined(RESET_CHECK_TOO_EARLY)
  if
  :: era == seen_era -> take(true)
  :: else
  fi
#else
  take(era == seen_era)
#endif
}

/* The reservation may end before. */
inline hand_out() {
  d_step {
    if
    :: reserved[me] != 0 ->
#ifdef EXPECT_NO_ID_IN_LAST_LIFE
       assert(life < LIVES || resets < RESETS);
#endif
       if
       :: is_old[me] && reserved[me] > excused_after
       :: else -> assert(!made[reserved[me]]); made[reserved[me]] = true
       fi
    :: else
    fi;
    reserved[me] = 0;
    is_old[me] = false
  }
}

inline make_ids() {
  do
  :: read_time();
     if
     :: time <= seen_floor
     :: time > seen_floor && time <= TIMES && time > horizon -> cross()
     :: time > seen_floor && time <= TIMES && time <= horizon ->
        keep_ahead();
        reserve();
        hand_out()
     fi;
     d_step { time = 0; seen_floor = 0 } /* the fewer states */
  od
}

proctype session(byte me) {
  byte mine, horizon, pending;
  byte seen_era, seen_floor, time;

  do
  :: d_step { mine = life; seen_era = 0; horizon = 0; pending = 0; seen_floor = 0; time = 0 };
     { make_ids() } unless { mine != life }
  od
}

inline begin_era() {
  era = era + 1;
  is_old[0] = reserved[0] != 0;
  is_old[1] = reserved[1] != 0
}

/* Nobody has later IDs any more. */
inline excuse() {
  i = clock + 1;
  do
  :: i <= TIMES -> made[i] = false; i++
  :: else -> break
  od;
  i = 0
}

#ifdef RESET_INTO_TICK_IN_USE
#define begin clock
#else
#define begin (clock + 1)
#endif

inline take_time_back() {
  if
  :: latest > begin ->
     d_step { begin_era(); excuse(); excused_after = clock };
     d_step { floor = smaller(floor, begin - 1) };
     latest = begin;
     d_step { cursor = begin; era++ }
  :: latest <= begin
#ifndef OLD_ERA_GOES_ON
     -> d_step { begin_era(); era++ }
#endif
  fi
}

inline reset_here() {
  atomic { !locked -> locked = true };
#ifndef UNSIGNED
  if
  :: !is_ours ->
     d_step { floor = larger(floor, smaller(page_horizon, clock)) };
     d_step { latest = larger(latest, smaller(page_horizon, clock) + 1) }
  :: else
  fi;
#endif
  take_time_back();
  d_step {
    if
    :: !is_ours -> excuse() /* what was made in earlier lives and is later than the clock */
    :: else
    fi;
    write_page(latest);
    locked = false
  };
  flush()
}

inline reset_clock() {
  if
  :: reset_here()
  :: take_time_back() /* from the other database */
  fi;
  atomic {
#ifndef NO_WAIT
    !is_old[0] && !is_old[1] ->
#endif
    excused_after = TIMES;
    clock = 0
  }
}

active proctype operator() {
  byte mine, clock, i;

  do
  :: d_step { mine = life; clock = 0; i = 0 };
     {
       do
       :: atomic { resets < RESETS -> resets++; select(clock : 0 .. TIMES - 1) };
          reset_clock()
       od
     } unless { mine != life }
  od
}

inline crash() {
  d_step {
    era = 0; latest = 1; floor = 0; cursor = 0; locked = false; excused_after = TIMES;
    page_horizon = disk_horizon; page_life = disk_life; is_durable = true;
    pending_is_durable[0] = false; reserved[0] = 0; is_old[0] = false;
    pending_is_durable[1] = false; reserved[1] = 0; is_old[1] = false;
    life++
  }
}

active proctype world() {
  atomic { run session(0); run session(1) }
end:
  do
  :: life < LIVES -> crash()
  :: flush() /* the WAL writer, at any time */
  od
}
