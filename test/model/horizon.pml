/*
 * Never twice, on a small scale but in every interleaving: two sessions of one server, a clock that
 * steps both ways, crashes at any moment, and the horizon that outlives them.
 *
 * Guarantee, asserted where an ID is handed out: no (tick, sequence) is ever handed out again.
 *
 * Each line between semicolons is one access to shared memory, the page or the disk, and may be
 * interleaved with anything. A crash wipes shared memory and takes the page back to what is on
 * disk; then the clock may say anything.
 *
 *     test/model/verify holds            every interleaving: no duplicate
 *     test/model/verify fails NO_FLUSH   finds one; so do NO_SIGN_ON and NO_FLOOR
 *
 * Limits: one node and one worker (others share no position with it), two IDs a tick, and how far a
 * session at the floor may move on is left open: whenever its tick is spent, it may or may not.
 */
#ifndef TICKS
#define TICKS 2    /* 1 … TICKS; 0 is before all */
#endif
#define IDS 2      /* a tick */
#ifndef LIVES
#define LIVES 3    /* two crashes */
#endif
#ifndef SETBACKS
#define SETBACKS 1 /* of the clock, apart from those at a crash */
#endif
#define WINDOW 1   /* how far ahead of need the horizon is moved */

#define larger(a, b) ((a) > (b) -> (a) : (b))
#define smaller(a, b) ((a) < (b) -> (a) : (b))

/* Shared memory: gone at a crash. */
byte latest;
byte cursor;
bool page_locked;
byte page_horizon, page_life;

/* What survives. */
byte disk_horizon, disk_life;
byte wall = 1;
byte life = 1;

bool handed_out[TICKS * IDS + IDS];

/* Like its compare-and-swap loop, in one step. */
inline raise_latest(value) { d_step { latest = larger(latest, value) } }

/* WAL is flushed up to a state of the page; more may have reached the disk already. */
inline flush(horizon, signed_by) {
  d_step {
    if
    :: disk_life < signed_by || disk_horizon < horizon ->
       disk_horizon = horizon; disk_life = signed_by
    :: else
    fi
  }
}

/* The page covers `tick` when this is done: session.horizon is what a session knows of it. */
inline move_horizon() {
  atomic { !page_locked -> page_locked = true };
  if
#ifdef NO_SIGN_ON
  :: page_horizon >= tick
#else
  :: page_life == mine && page_horizon >= tick
#endif
  :: else ->
#ifndef NO_SIGN_ON
     if
     :: page_life != mine ->
#ifndef NO_FLOOR
        raise_latest(page_horizon + 1)
#else
        skip
#endif
     :: else
     fi;
#endif
     d_step {
       page_horizon = smaller(larger(wall, latest) + WINDOW, TICKS);
       page_life = mine
     }
  fi;
  page_read = page_horizon;
  page_locked = false;
#ifndef NO_FLUSH
  flush(page_read, mine);
#endif
  horizon = page_read
}

inline hand_out(position) {
#ifdef EXPECT_NO_ID_IN_LAST_LIFE
  assert(life < LIVES);
#endif
  d_step {
    assert(!handed_out[position]);
    handed_out[position] = true
  }
}

inline take_or_move_on() {
  seen_cursor = cursor;
  do
  :: larger(seen_cursor, tick * IDS) >= (tick + 1) * IDS ->
     if
     :: raise_latest(tick + 1)
     :: skip /* waits */
     fi;
     break
  :: else ->
     position = larger(seen_cursor, tick * IDS);
     atomic {
       if
       :: cursor == seen_cursor -> cursor = position + 1
       :: else -> seen_cursor = cursor; position = 0
       fi
     };
     if
     :: position != 0 -> hand_out(position); break
     :: else
     fi
  od
}

inline forget_scratch() {
  seen_latest = 0; seen_wall = 0; tick = 0; seen_cursor = 0; position = 0; page_read = 0
}

inline make_ids() {
  do
  :: seen_latest = latest;
     seen_wall = wall;
     if
     :: seen_wall >= seen_latest -> raise_latest(seen_wall)
     :: else /* the clock was set back: stay at the floor */
     fi;
     tick = latest;
     if
     :: tick > TICKS -> false /* out of time until a crash */
     :: tick <= TICKS && tick > horizon -> move_horizon()
     :: tick <= horizon -> take_or_move_on()
     fi;
     atomic { forget_scratch() } /* the fewer states */
  od
}

active [2] proctype session() {
  byte mine, horizon, page_read;
  byte seen_latest, seen_wall, tick;
  byte seen_cursor, position;

  do
  :: atomic { mine = life; horizon = 0; forget_scratch() };
     { make_ids() } unless { mine != life }
  od
}

inline set_clock() { select(wall : 1 .. TICKS) }

inline crash() {
  atomic {
    latest = 0; cursor = 0; page_locked = false;
    page_horizon = disk_horizon; page_life = disk_life;
    set_clock();
    life++
  }
}

active proctype world() {
  byte setbacks;
end:
  do
  :: wall < TICKS -> wall++
  :: atomic { setbacks < SETBACKS -> setbacks++; set_clock() }
  :: life < LIVES -> crash()
  :: flush(page_horizon, page_life) /* the WAL writer, unasked */
  od
}
