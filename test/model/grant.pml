/*
 * No server makes an ID of another one, on a small scale but in every interleaving: servers that have their node number
 * from a registry, clocks that say anything, answers and requests that are late or lost, a registry that forgets.
 *
 * Guarantee, asserted where an ID is made: no time of a number is used by two lives of servers. (An ID uses all times
 * of its tick.)
 *
 * A life is a server's shared memory: a restarted server, a clone, a standby is another life, with another holder. One
 * that crashed is one that does nothing any more, and so is one that is paused. In each, a session makes IDs beside the
 * worker that asks the registry. What the registry does is one step, as in a transaction; what comes of it is known to
 * the worker at any later time, or never.
 *
 *     test/model/verify grant holds           every interleaving: no time is used twice
 *     test/model/verify grant fails NO_FROM   finds one that is
 *
 * Faults that it finds:
 *     NO_FROM            the next holder's range begins anywhere
 *     NO_UNTIL           a session makes IDs past its grant
 *     GRANT_ON_DISK      another life goes on with a grant
 *     MEMORY_CLONED      another life goes on with grant and holder: the docs say that this is not covered
 *     ANY_HOLDER         a renewal of whoever asks is accepted
 *     NO_ERA_ENDS        a grant is given back, and a session that took before is not told
 *     ERA_ENDS_FIRST     the era ends before the grant is taken away, not after
 *     LATEST_READ_FIRST  what was used last is read before the era ends, not after
 *     GRANT_READ_ONCE    a session reads its grant before the time, and not after
 *     NOT_ROUNDED        what was used last is told without the rest of its tick (UNIT=2 TIMES=4)
 *     RESET_FORGETS      of a grant that is given back after a reset, what was used before is not told (RESETS=1)
 *     SAME_HOLDER        who gives a number back asks under the same name again, and is answered before the registry has
 *                        heard of that
 * and, of a registry that was restored (RESTORES=1 GIVE_BACKS=0):
 *     UNNOTICED          it does not notice: the docs say that this is not covered
 *     NO_GRACE           it gives out times that it may have forgotten
 *     EXPIRED_RECOVERS   it lets a holder go on whose grant was over then
 *     RESTORE_FORGOTTEN  the same, when all is over that it may have forgotten (REGISTRY_TIMES=5)
 *     GRANTED_EARLY      it grants again before all is over that it may have forgotten, and is restored once more
 *                        (RESTORES=2)
 *     RETAKEN_BY_LABEL   it had given a number that was not over to somebody else, for the label's sake
 *
 * And that it is not empty: with EXPECT_NO_ID_AFTER_… (REGRANT, GIVE_BACK; RECOVERY, RESTORE with RESTORES=1) it fails
 * where an ID is made after that.
 *
 * How it is made small. A time is any that is not before the one that the server used last: so each clock may be set,
 * leap and stand still as it likes. Of the times, one is watched, and it may be any. The registry's time only rises:
 * that it does so is its own business. A lease is as short as can be. Taking and the look at the era are one step: that
 * is what taking, looking, and putting the cursor back if the era has changed come to.
 *
 * Limits: one session a life, which uses a time as often as it likes (cursors see to that). A life gives back once.
 */
#ifndef TIMES
#define TIMES 3 /* 1 … TIMES, of IDs; 0 is before all */
#endif
#ifndef REGISTRY_TIMES
#define REGISTRY_TIMES 3 /* how long the registry is asked */
#endif
#ifndef LIVES
#define LIVES 2
#endif
#ifndef NODES
#define NODES 1
#endif
#ifndef UNIT
#define UNIT 1 /* the longest tick, in times; there are ticks of 1, too */
#endif
#ifndef RESTORES
#define RESTORES 0
#endif
#ifndef RESETS
#define RESETS 0
#endif
#ifndef GIVE_BACKS
#define GIVE_BACKS 1 /* of each life */
#endif
#define LEASE 1
#define NEVER 255

#define larger(a, b) ((a) > (b) -> (a) : (b))
#define smaller(a, b) ((a) < (b) -> (a) : (b))

typedef Row {
  byte holder; /* 0: given back, or never used */
  byte from;
  byte until
}

typedef Grant {
  byte node;
  byte from;
  byte until /* 0: empty */
}

/* The registry. */
Row row[NODES];
Row snapshot[NODES];
byte now = 1;
byte restored; /* 0: never */
byte snapshots, restores, resets;
bool begun; /* a number was granted */

/* Of each life: what its shared memory holds. */
byte holder[LIVES];
Grant grant[LIVES];
byte latest[LIVES];
byte reset_from[LIVES]; /* the latest that was used before a reset */
byte era[LIVES];

/* The request to give back that is still under way: its number, and what was used last; 0: none. */
byte late_node[LIVES], late_used[LIVES];

byte watched; /* any time, of number 0: what holds of it holds of all */
byte user;    /* 1 + the life that has used it */

#if defined(EXPECT_NO_ID_AFTER_GIVE_BACK)
byte given_back_by; /* 1 + the life */
#elif defined(EXPECT_NO_ID_AFTER_RECOVERY)
byte recovered_until; /* what was known of the grant that was recovered */
#endif

#define first_holder(me) (1 + (me))
#define second_holder(me) (1 + LIVES + (me))

#define end_of_lease smaller(now + LEASE, TIMES)

#ifdef NO_GRACE
#define settled 0
#else
#define settled (restored == 0 -> 0 : restored + LEASE)
#endif

#ifdef GRANTED_EARLY
#define has_settled true
#else
#define has_settled (settled == 0 || settled < now)
#endif

#ifdef RETAKEN_BY_LABEL
#define is_free(n) true
#else
#define is_free(n) (row[n].holder == 0 || row[n].until < now)
#endif

#ifdef NO_FROM
#define next_from(n) 0
#else
#define next_from(n) larger(row[n].until, settled)
#endif

#ifdef ANY_HOLDER
#define is_own true
#else
#define is_own (row[grant[me].node].holder == holder[me])
#endif

#ifdef EXPIRED_RECOVERS
#define was_over false
#else
#define was_over (restored != 0 && grant[me].until < restored)
#endif

#define is_forgotten (restored != 0 && row[grant[me].node].until <= grant[me].from)

/* A holder's own number is returned again. Lives are alike: 0 is the one that comes first. */
inline claim() {
  n = 0;
  do
  :: n < NODES && row[n].holder == holder[me] -> break
  :: n < NODES && row[n].holder != holder[me] -> n++
  :: else -> break
  od;
  if
  :: n < NODES
  :: else ->
     select(n : 0 .. NODES - 1);
     if
     :: is_free(n) && has_settled && next_from(n) < end_of_lease ->
        row[n].from = next_from(n);
        row[n].until = end_of_lease;
        row[n].holder = holder[me];
        begun = true
     :: else -> n = NODES
     fi
  fi;
  if
  :: n < NODES -> node = n; from = row[n].from; until = row[n].until
  :: else
  fi;
  n = 0
}

/* No `until`: lost. */
inline renew() {
  node = grant[me].node;
  from = grant[me].from;
  if
  :: was_over || (!is_own && !is_forgotten) -> until = 0
  :: else ->
     if
     :: !is_own ->
        row[node].holder = holder[me];
        row[node].from = from;
#ifdef EXPECT_NO_ID_AFTER_RECOVERY
        if :: node == 0 -> recovered_until = grant[me].until :: else fi
#endif
     :: else
     fi;
     row[node].until = larger(larger(row[node].until, grant[me].until), end_of_lease);
     until = row[node].until
  fi
}

inline hear_of_giving_back(me) {
  if
  :: row[late_node[me]].holder == first_holder(me) ->
     row[late_node[me]].until = larger(row[late_node[me]].from, late_used[me]);
     row[late_node[me]].holder = 0;
#ifdef EXPECT_NO_ID_AFTER_GIVE_BACK
     if :: late_node[me] == 0 -> given_back_by = 1 + me :: else fi
#endif
  :: else
  fi;
  late_node[me] = 0;
  late_used[me] = 0
}

inline forget_answer() { node = 0; from = 0; until = 0 }

inline publish() {
  grant[me].node = node;
  grant[me].from = from;
  grant[me].until = until;
  forget_answer()
}

inline take_away() {
  d_step {
    node = grant[me].node;
    grant[me].node = 0;
    grant[me].from = 0;
    grant[me].until = 0
  }
}

#ifdef NO_ERA_ENDS
#define end_era() skip
#else
#define end_era() era[me]++
#endif

#ifdef RESET_FORGETS
#define last_time latest[me]
#else
#define last_time larger(latest[me], reset_from[me])
#endif

#ifdef NOT_ROUNDED
#define end_of_ticks(time) (time)
#else
#define end_of_ticks(time) ((time) / UNIT * UNIT + UNIT - 1)
#endif

inline withdraw() {
#if defined(ERA_ENDS_FIRST)
  d_step { end_era(); used = last_time };
  take_away();
#elif defined(LATEST_READ_FIRST)
  take_away();
  used = last_time;
  end_era();
#else
  take_away();
  end_era();
  used = last_time;
#endif
}

/* The registry hears of it, now or later or never. Then this life has another name. */
inline give_back() {
  withdraw();
  d_step {
    late_node[me] = node;
    late_used[me] = end_of_ticks(used);
#ifndef SAME_HOLDER
    holder[me] = second_holder(me);
#endif
    used = 0;
    forget_answer();
    held = false;
    gave_back = true
  }
}

/* The one process of a life that asks the registry. */
proctype worker(byte me) {
  byte node, from, until, used, n;
  bool held, gave_back;

end:
  do
  :: atomic { !held && now <= REGISTRY_TIMES && (me == 0 || begun) -> claim() };
     if
     :: d_step { until != 0 -> publish(); held = true }
     :: d_step { forget_answer() } /* not heard of, or refused */
     fi
  :: d_step { held && now <= REGISTRY_TIMES -> renew() };
     if
     :: d_step { until != 0 -> publish() }
     :: d_step { until == 0 -> forget_answer(); held = false }
     :: d_step { until != 0 -> forget_answer() } /* not heard of */
     fi
  :: GIVE_BACKS > 0 && held && !gave_back -> give_back()
#if defined(GRANT_ON_DISK) || defined(MEMORY_CLONED)
  :: d_step { me != 0 && !held && grant[0].until != 0 ->
       node = grant[0].node; from = grant[0].from; until = grant[0].until;
       publish();
#ifdef MEMORY_CLONED
       holder[me] = holder[0];
       latest[me] = latest[0];
#endif
       held = true
     }
#endif
  od
}

#define end_of_tick(unit) (time / (unit) * (unit) + (unit) - 1)
#define begin(unit) (time / (unit) * (unit))

#ifdef NO_UNTIL
#define ends_in_grant(unit) true
#else
#define ends_in_grant(unit) (end_of_tick(unit) <= until)
#endif

#define lies_in_grant(unit) (begin(unit) > from && ends_in_grant(unit))
#define is_watched(unit) (node == 0 && begin(unit) <= watched && watched <= end_of_tick(unit))

#ifdef GRANT_READ_ONCE
#define is_still_granted true
#else
#define is_still_granted (grant[me].node == node && grant[me].from == from && grant[me].until == until)
#endif

inline expect() {
#ifdef EXPECT_NO_ID_AFTER_REGRANT
  assert(from == 0)
#elif defined(EXPECT_NO_ID_AFTER_GIVE_BACK)
  assert(given_back_by == 0 || given_back_by == me + 1)
#elif defined(EXPECT_NO_ID_AFTER_RECOVERY)
  assert(recovered_until == 0 || watched <= recovered_until)
#elif defined(EXPECT_NO_ID_AFTER_RESTORE)
  assert(restored == 0 || watched <= restored + LEASE)
#else
  skip
#endif
}

#ifdef EXPECT_NO_ID_AFTER_REGRANT
#define forget_beginning() skip
#else
#define forget_beginning() from = 0
#endif

inline forget_scratch() { node = 0; from = 0; until = 0; time = 0; seen_era = 0 }

/* A time past the grant is not used, and leaves nothing behind. */
inline leave_time() {
  if
  :: time <= until -> latest[me] = larger(latest[me], time)
  :: else
  fi
}

inline take() {
  d_step {
    if
    :: seen_era == 1 + era[me] ->
       expect();
       assert(user == 0 || user == me + 1);
       user = me + 1
    :: else
    fi;
    forget_scratch()
  }
}

/* Paused anywhere. Of an ID that does not use the watched time, nothing is seen but that the time goes on. Others see
   that as late as a processor may show it to them: before the session asks for the era, and not earlier. */
proctype session(byte me) {
  byte node, from, until, time, seen_era;

end:
  do
  :: d_step { grant[me].until != 0 -> node = grant[me].node; from = grant[me].from; until = grant[me].until };
     atomic {
       select(time : latest[me] .. TIMES);
       if
       :: lies_in_grant(1) && is_watched(1) -> seen_era = 1 + era[me]
       :: UNIT > 1 && lies_in_grant(UNIT) && is_watched(UNIT) -> seen_era = 1 + era[me]; time = begin(UNIT)
       :: else -> leave_time(); forget_scratch()
       fi
     };
     if
     :: seen_era == 0
     :: d_step { seen_era != 0 && !is_still_granted -> leave_time(); forget_scratch() }
     :: d_step { seen_era != 0 && is_still_granted -> node = 0; until = 0; forget_beginning() };
        d_step { latest[me] = larger(latest[me], time); time = 0 };
        take()
     fi
  od
}

inline copy_row(to, that) { to.holder = that.holder; to.from = that.from; to.until = that.until }

inline take_snapshot() {
  snapshots++;
  for (n : 0 .. NODES - 1) { copy_row(snapshot[n], row[n]) }
  n = 0
}

inline restore() {
  restores++;
  for (n : 0 .. NODES - 1) { copy_row(row[n], snapshot[n]) }
  n = 0;
#ifndef UNNOTICED
  restored = now
#endif
}

/* An operator takes the time of a life back. */
inline reset() {
  atomic {
    resets++;
    select(i : 0 .. LIVES - 1);
    reset_from[i] = larger(reset_from[i], latest[i]);
    select(n : 1 .. latest[i]);
    latest[i] = n;
    era[i]++;
    n = 0;
    i = 0
  }
}

active proctype world() {
  byte i, n;

  atomic {
    select(watched : 1 .. TIMES);
    do
    :: n < LIVES -> holder[n] = first_holder(n); latest[n] = 1; run worker(n); run session(n); n++
    :: else -> break
    od;
    n = 0
  }
end:
  do
  :: now <= REGISTRY_TIMES -> now++
  :: d_step { snapshots < RESTORES -> take_snapshot() }
  :: d_step { restores < snapshots -> restore() }
#ifdef RESTORE_FORGOTTEN
  :: restored != 0 && now > restored + LEASE -> restored = 0
#endif
  :: resets < RESETS -> reset()
  :: d_step { late_used[0] != 0 -> hear_of_giving_back(0) }
  :: d_step { late_used[1] != 0 -> hear_of_giving_back(1) }
#if LIVES > 2
  :: d_step { late_used[2] != 0 -> hear_of_giving_back(2) }
#endif
  od
}
