/* snowflake_registry 1.0: gives servers their node numbers, so that no two make IDs of one number and time.

     SELECT * FROM snowflake_registry_claim('main', 4711, 'db1:5432');
      refusal | node | from_ms |   until_ms    |    now_ms
     ---------+------+---------+---------------+---------------
              |    0 |       0 | 1795254630000 | 1795254600000

   A grant is a range of ID time, (from_ms, until_ms] in Unix milliseconds: the holder makes IDs of that node of no
   other time. Ranges of one number never overlap: a new holder's begins where the last one ended, and only the holder
   can extend it. So it does not matter whether clocks agree or who was paused: an ID's own time decides.

   For the author of a client:
   - An answer counts once the statement is complete (CommandComplete), in autocommit. The row is sent before the commit:
     a client that believes it earlier may hold a grant that nobody remembers. A WARNING (01000) says that the commit
     was not replicated: that is no answer either.
   - The holder is a secret of the server: a random number above 0, as a parameter, not as text of the statement, and a
     new one for each life of the server and after snowflake_registry_give_back().
   - One that changes its realm claims anew; it does not renew in one realm what another one granted.
   - Refusals are values. Errors are for wrong arguments, missing privileges, or a wait of more than 5 s.

   Guarantees: a grant is durable before its statement is complete, whatever synchronous_commit is set to. No call waits
   for another session, but for the same number or role, and where a restored registry is noted. Rows of numbers are
   never deleted, and `until` never goes down but by the holder's own word.

   A registry that was promoted or restored may have forgotten its last grants. It notices that (identity), or is told by
   a holder that knows more than it does, and notes a time t0, 5 s ahead:
   - nothing is granted until a lease after t0, when all that was forgotten is over, and what is granted begins there;
   - only holders whose range reaches t0 go on: the number of another one may have been given away and forgotten.
   t0 is never forgotten; it does not matter any more once a lease has passed.

   What a server that lies can do, besides making any IDs that it likes: take free numbers (as many as it was admitted
   for), fill the log with grants, and say that it knows of a grant that it was not given. That one is believed up to a
   lease and 5 s ahead, never for a number that somebody has; and then new servers wait for a lease, as after a restore.
   The server's log and snowflake_registry_realms name its role. A transaction that it leaves open holds up only what has
   to note a restore. What it cannot do: take, end or shorten the grant of another one, or see its holder.

   Limits: a restored snapshot of the data directory shows only when the first holder renews; a claim before that may
   repeat a forgotten range. Clocks of the servers that may become the registry must agree to 5 s. Two registries at once
   (a split brain of the registry itself) are not noticed. A clock that leapt ahead leaves its mark: the time of the
   registry waits for it to catch up, and numbers that were extended meanwhile rest until then, unless given back. */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION snowflake_registry" to load this file. \quit

-- What is remembered -------------------------------------------------------------------------------------------------
-- All of it travels with a dump. So no rows are made here, where a dump would collide with them: the realm main is made
-- when it is used first. Keys are sorted by bytes: by a language, an index would be wrong on another operating system,
-- and a number might be found free that is not.

CREATE TABLE snowflake_registry_realms (
  realm text COLLATE pg_catalog."C" PRIMARY KEY,
  first_node integer NOT NULL,
  last_node integer NOT NULL,
  lease_ms bigint NOT NULL,
  lossless boolean NOT NULL,
  closed boolean NOT NULL DEFAULT false,
  identity text NOT NULL,
  restored_at_ms bigint,
  restored_because text,
  reach_ms bigint NOT NULL DEFAULT 0,
  latest_ms bigint NOT NULL DEFAULT 0,
  offset_ms bigint NOT NULL DEFAULT 0,
  CHECK (first_node OPERATOR(pg_catalog.>=) 0 AND first_node OPERATOR(pg_catalog.<=) last_node
         AND last_node OPERATOR(pg_catalog.<) 1048576),
  CHECK (lease_ms OPERATOR(pg_catalog.>=) 1000 AND lease_ms OPERATOR(pg_catalog.<=) 86400000)
);
COMMENT ON TABLE snowflake_registry_realms IS 'realms: servers whose IDs must differ share one';
COMMENT ON COLUMN snowflake_registry_realms.lossless IS
  'every commit reaches the standby that is promoted: a promotion forgets nothing';
COMMENT ON COLUMN snowflake_registry_realms.closed IS 'only roles of snowflake_registry_servers have numbers of it';
COMMENT ON COLUMN snowflake_registry_realms.identity IS
  'the server and the database that made the last grant; another one was promoted or restored';
COMMENT ON COLUMN snowflake_registry_realms.restored_at_ms IS
  't0: later than any grant began that a promoted or restored registry has forgotten';
COMMENT ON COLUMN snowflake_registry_realms.reach_ms IS 'no grant of a longer lease than today''s ends later';
COMMENT ON COLUMN snowflake_registry_realms.latest_ms IS 'the latest of the registry''s own time that was used';
COMMENT ON COLUMN snowflake_registry_realms.offset_ms IS 'how far the clock is behind that time';

CREATE TABLE snowflake_registry_numbers (
  realm text COLLATE pg_catalog."C" REFERENCES snowflake_registry_realms,
  node integer,
  holder bigint,
  returned_by bigint,
  role text,
  label text,
  from_ms bigint NOT NULL DEFAULT 0,
  until_ms bigint NOT NULL DEFAULT 0,
  granted timestamptz,
  heard_ms bigint,
  renewals integer NOT NULL DEFAULT 0,
  PRIMARY KEY (realm, node)
);
CREATE UNIQUE INDEX snowflake_registry_holders ON snowflake_registry_numbers (realm, holder)
  WHERE holder OPERATOR(pg_catalog.>) 0;
COMMENT ON TABLE snowflake_registry_numbers IS 'the last grant of each number; secret, for it contains the holders';
COMMENT ON COLUMN snowflake_registry_numbers.holder IS
  'NULL: never used, or given back; 0: nobody''s, and it rests until its range is over';
COMMENT ON COLUMN snowflake_registry_numbers.returned_by IS 'who gave it back: late messages of that one are refused';
COMMENT ON INDEX snowflake_registry_holders IS 'a holder has one number';

-- No foreign key: to check it would wait for whoever has the realm's row.
CREATE TABLE snowflake_registry_grant_log (
  realm text COLLATE pg_catalog."C",
  node integer,
  from_ms bigint,
  until_ms bigint NOT NULL,
  label text NOT NULL,
  role text NOT NULL,
  granted timestamptz NOT NULL,
  ended text,
  PRIMARY KEY (realm, node, from_ms)
);
COMMENT ON TABLE snowflake_registry_grant_log IS 'every grant, to tell by node and time who made an ID';
COMMENT ON COLUMN snowflake_registry_grant_log.ended IS 'given back, over or lost; NULL: not yet';

CREATE TABLE snowflake_registry_servers (
  realm text COLLATE pg_catalog."C" REFERENCES snowflake_registry_realms,
  role text COLLATE pg_catalog."C",
  numbers integer CHECK (numbers OPERATOR(pg_catalog.>) 0),
  PRIMARY KEY (realm, role)
);
COMMENT ON TABLE snowflake_registry_servers IS
  'the roles that may have numbers of a closed realm, and how many at a time; others are open to all admitted';

SELECT pg_catalog.pg_extension_config_dump('snowflake_registry_realms'::pg_catalog.regclass, ''::pg_catalog.text);
SELECT pg_catalog.pg_extension_config_dump('snowflake_registry_numbers'::pg_catalog.regclass, ''::pg_catalog.text);
SELECT pg_catalog.pg_extension_config_dump('snowflake_registry_grant_log'::pg_catalog.regclass, ''::pg_catalog.text);
SELECT pg_catalog.pg_extension_config_dump('snowflake_registry_servers'::pg_catalog.regclass, ''::pg_catalog.text);

-- Time ---------------------------------------------------------------------------------------------------------------
-- A registry has a time of its own, clock + offset, that never goes back: set back, the clock would not move a healthy
-- holder's `until` any more. It goes on from where it was at the clock's rate, until the clock has caught up.

CREATE FUNCTION snowflake_registry_clock() RETURNS bigint
LANGUAGE sql VOLATILE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS 'SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint';
COMMENT ON FUNCTION snowflake_registry_clock() IS 'the clock of this server in Unix milliseconds';

CREATE FUNCTION snowflake_registry_offset(clock_ms bigint, latest_ms bigint, offset_ms bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS 'SELECT CASE WHEN clock_ms >= latest_ms THEN 0 ELSE greatest(offset_ms, latest_ms - clock_ms) END';
COMMENT ON FUNCTION snowflake_registry_offset(bigint, bigint, bigint) IS
  'what to add to the clock so that the registry''s time goes on from the latest one';

CREATE FUNCTION snowflake_registry_lease(lease_ms bigint, renewals integer) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS 'SELECT least(lease_ms, 30000::bigint << least(renewals, 12))';
COMMENT ON FUNCTION snowflake_registry_lease(bigint, integer) IS
  'how far ahead a grant reaches after so many renewals: 30 s, doubled each time, so that a crash loop costs little';

-- Restored or promoted -----------------------------------------------------------------------------------------------

-- The table's OID tells a dump that was restored into the same server.
CREATE FUNCTION snowflake_registry_identity() RETURNS text
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, pg_temp
AS $$
SELECT concat_ws('/', system_identifier, left(pg_walfile_name(pg_current_wal_insert_lsn()), 8), d.oid,
                 '@extschema@.snowflake_registry_realms'::regclass::oid)
FROM pg_control_system(), pg_database d WHERE d.datname = current_database()
$$;
COMMENT ON FUNCTION snowflake_registry_identity() IS
  'this server, its timeline and this database: another one may have forgotten grants';

-- 5 s: how far the clocks of two servers may be apart.
CREATE FUNCTION snowflake_registry_note_restore(entered snowflake_registry_realms, because text)
RETURNS snowflake_registry_realms
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  entered.restored_at_ms := greatest(entered.restored_at_ms, entered.latest_ms + 5000);
  entered.restored_because := because;
  UPDATE @extschema@.snowflake_registry_realms r
  SET restored_at_ms = greatest(r.restored_at_ms, entered.restored_at_ms), restored_because = because
  WHERE r.realm = entered.realm;
  RAISE LOG 'snowflake_registry: realm % was restored: %', quote_literal(entered.realm), because;
  RETURN entered;
END
$$;
COMMENT ON FUNCTION snowflake_registry_note_restore(snowflake_registry_realms, text) IS
  'note that grants may have been forgotten';

CREATE FUNCTION snowflake_registry_floor(entered snowflake_registry_realms) RETURNS bigint
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS 'SELECT CASE WHEN entered.restored_at_ms IS NULL THEN 0
    ELSE greatest(entered.restored_at_ms + entered.lease_ms, entered.reach_ms) END';
COMMENT ON FUNCTION snowflake_registry_floor(snowflake_registry_realms) IS
  'no grant that was forgotten reaches further: new ones begin here';

CREATE FUNCTION snowflake_registry_ceiling(entered snowflake_registry_realms) RETURNS bigint
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS 'SELECT greatest(entered.latest_ms + entered.lease_ms, entered.reach_ms) + 5000';
COMMENT ON FUNCTION snowflake_registry_ceiling(snowflake_registry_realms) IS
  'no grant reaches further: who claims to know of one errs, or lies';

-- Realms -------------------------------------------------------------------------------------------------------------

CREATE FUNCTION snowflake_registry_add_numbers(realm text, first_node integer, last_node integer) RETURNS void
LANGUAGE sql STRICT SET search_path = pg_catalog, pg_temp
AS 'INSERT INTO @extschema@.snowflake_registry_numbers (realm, node)
    SELECT $1, added FROM generate_series($2, $3) AS added ON CONFLICT DO NOTHING';
COMMENT ON FUNCTION snowflake_registry_add_numbers(text, integer, integer) IS 'make the rows of numbers';

-- A name is what snowflake_id.realm can be.
CREATE FUNCTION snowflake_registry_check_realm(realm text, first_node integer, last_node integer, lease interval)
RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF (realm ~ '^[A-Za-z0-9_.-]{1,63}$') IS NOT TRUE THEN
    RAISE EXCEPTION 'invalid name of a realm' USING ERRCODE = 'invalid_parameter_value',
      HINT = 'A name has 1 to 63 letters, digits, underscores, hyphens and dots.';
  ELSIF first_node < 0 OR first_node > last_node OR last_node >= 1048576 THEN
    RAISE EXCEPTION 'invalid node numbers: % to %', first_node, last_node USING ERRCODE = 'invalid_parameter_value',
      HINT = 'The first must not be larger than the last; they lie between 0 and 1048575.';
  ELSIF lease NOT BETWEEN '1 second' AND '1 day' THEN
    RAISE EXCEPTION 'invalid lease: %', lease USING ERRCODE = 'invalid_parameter_value',
      HINT = 'A lease lasts from 1 second to 1 day.';
  END IF;
END
$$;
COMMENT ON FUNCTION snowflake_registry_check_realm(text, integer, integer, interval) IS
  'raise an error if this cannot be a realm';

-- An option that is NULL has its default.
CREATE FUNCTION snowflake_registry_create_realm(
  realm text, first_node integer DEFAULT 0, last_node integer DEFAULT 31, lease interval DEFAULT '10 minutes',
  lossless boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  first_node := coalesce(first_node, 0);
  last_node := coalesce(last_node, 31);
  lease := coalesce(lease, '10 minutes');
  PERFORM @extschema@.snowflake_registry_check_realm($1, $2, $3, $4);
  INSERT INTO @extschema@.snowflake_registry_realms AS r (realm, first_node, last_node, lease_ms, lossless, identity)
  VALUES ($1, $2, $3, extract(epoch FROM $4) * 1000, coalesce($5, false), @extschema@.snowflake_registry_identity())
  ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'realm % exists', quote_literal($1) USING ERRCODE = 'duplicate_object',
      HINT = 'snowflake_registry_alter_realm() changes it.';
  END IF;
  PERFORM @extschema@.snowflake_registry_add_numbers($1, $2, $3);
END
$$;
COMMENT ON FUNCTION snowflake_registry_create_realm(text, integer, integer, interval, boolean) IS
  'make a realm of these numbers; main, of 0 to 31, need not be made';

-- Several servers may be the first at a time.
CREATE FUNCTION snowflake_registry_create_main() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM @extschema@.snowflake_registry_create_realm('main');
EXCEPTION WHEN duplicate_object THEN
  NULL;
END
$$;
COMMENT ON FUNCTION snowflake_registry_create_main() IS 'make the realm main, unless it is there';

-- The realm as it is now, with latest_ms as the registry's time; NULL if there is none. Its row is locked if nobody else
-- has: who holds it must not hold up others. Then the time is computed and not noted, which does no harm: `until` never
-- goes down. Only a new identity has to be noted.
CREATE FUNCTION snowflake_registry_enter(realm text) RETURNS snowflake_registry_realms
LANGUAGE plpgsql STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  entered @extschema@.snowflake_registry_realms;
  is_locked boolean;
  is_another boolean;
  clock_ms bigint;
  here text;
BEGIN
  SELECT r.* INTO entered FROM @extschema@.snowflake_registry_realms r WHERE r.realm = $1 FOR UPDATE SKIP LOCKED;
  is_locked := FOUND;
  IF NOT is_locked THEN
    SELECT r.* INTO entered FROM @extschema@.snowflake_registry_realms r WHERE r.realm = $1;
  END IF;
  IF entered.realm IS NULL THEN
    IF $1 <> 'main' THEN RETURN NULL; END IF;
    PERFORM @extschema@.snowflake_registry_create_main();
    RETURN @extschema@.snowflake_registry_enter($1);
  END IF;
  here := @extschema@.snowflake_registry_identity();
  is_another := entered.identity <> here;
  IF is_another AND NOT is_locked THEN
    PERFORM FROM @extschema@.snowflake_registry_realms r WHERE r.realm = $1 FOR UPDATE;
    RETURN @extschema@.snowflake_registry_enter($1);
  END IF;
  clock_ms := @extschema@.snowflake_registry_clock();
  entered.offset_ms := @extschema@.snowflake_registry_offset(clock_ms, entered.latest_ms, entered.offset_ms);
  entered.latest_ms := clock_ms + entered.offset_ms;
  entered.identity := here;
  IF is_locked THEN
    UPDATE @extschema@.snowflake_registry_realms r
    SET latest_ms = entered.latest_ms, offset_ms = entered.offset_ms, identity = here WHERE r.realm = $1;
  END IF;
  IF is_another AND NOT entered.lossless THEN
    entered := @extschema@.snowflake_registry_note_restore(entered, 'another server, timeline or database');
  END IF;
  RETURN entered;
END
$$;
COMMENT ON FUNCTION snowflake_registry_enter(text) IS 'the realm and its time, after a look at who and when we are';

-- A shorter lease: what was granted before may reach further than the new one explains, and that is remembered.
CREATE FUNCTION snowflake_registry_alter_realm(
  realm text, first_node integer DEFAULT NULL, last_node integer DEFAULT NULL, lease interval DEFAULT NULL,
  lossless boolean DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  entered @extschema@.snowflake_registry_realms := @extschema@.snowflake_registry_enter($1);
  new_lease_ms bigint := coalesce(extract(epoch FROM $4) * 1000, entered.lease_ms);
BEGIN
  IF entered.realm IS NULL THEN
    RAISE EXCEPTION 'realm % does not exist', quote_nullable($1) USING ERRCODE = 'undefined_object',
      HINT = 'snowflake_registry_create_realm() makes it.';
  END IF;
  entered.first_node := coalesce($2, entered.first_node);
  entered.last_node := coalesce($3, entered.last_node);
  PERFORM @extschema@.snowflake_registry_check_realm(
    $1, entered.first_node, entered.last_node, make_interval(secs => new_lease_ms / 1000.0));
  UPDATE @extschema@.snowflake_registry_realms r
  SET first_node = entered.first_node, last_node = entered.last_node, lease_ms = new_lease_ms,
    lossless = coalesce($5, r.lossless),
    reach_ms = greatest(r.reach_ms, CASE WHEN new_lease_ms < r.lease_ms THEN entered.latest_ms + r.lease_ms END)
  WHERE r.realm = $1;
  PERFORM @extschema@.snowflake_registry_add_numbers($1, entered.first_node, entered.last_node);
END
$$;
COMMENT ON FUNCTION snowflake_registry_alter_realm(text, integer, integer, interval, boolean) IS
  'change a realm; NULL leaves things as they are; holders of numbers that it loses are told at their next renewal';

-- Rights -------------------------------------------------------------------------------------------------------------

CREATE FUNCTION snowflake_registry_admit(role name, realm text DEFAULT NULL, numbers integer DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF $1 IS NULL THEN RETURN; END IF;
  EXECUTE 'GRANT USAGE ON SCHEMA @extschema@ TO ' || quote_ident($1);
  EXECUTE 'GRANT EXECUTE ON FUNCTION @extschema@.snowflake_registry_claim(text, bigint, text), '
    '@extschema@.snowflake_registry_renew(text, integer, bigint, text, bigint, bigint), '
    '@extschema@.snowflake_registry_give_back(text, integer, bigint, bigint) TO ' || quote_ident($1);
  IF $2 IS NULL THEN RETURN; END IF;
  IF (@extschema@.snowflake_registry_enter($2)).realm IS NULL THEN
    RAISE EXCEPTION 'realm % does not exist', quote_literal($2) USING ERRCODE = 'undefined_object',
      HINT = 'snowflake_registry_create_realm() makes it.';
  END IF;
  UPDATE @extschema@.snowflake_registry_realms r SET closed = true WHERE r.realm = $2 AND NOT r.closed;
  INSERT INTO @extschema@.snowflake_registry_servers VALUES ($2, $1, $3)
  ON CONFLICT ON CONSTRAINT snowflake_registry_servers_pkey DO UPDATE SET numbers = excluded.numbers;
END
$$;
COMMENT ON FUNCTION snowflake_registry_admit(name, text, integer) IS
  'let a role claim, renew and give back; with a realm: only such roles in that realm, each so many numbers at a time';

-- Asked at each claim and renewal, so that a role is shut out by deleting its row: its grants end then.
CREATE FUNCTION snowflake_registry_check_admitted(entered snowflake_registry_realms) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF entered.closed AND NOT EXISTS (
    SELECT FROM @extschema@.snowflake_registry_servers s WHERE s.realm = entered.realm AND s.role = session_user)
  THEN
    RAISE EXCEPTION 'role % may not have numbers of realm %', quote_ident(session_user), quote_literal(entered.realm)
    USING ERRCODE = 'insufficient_privilege', HINT = 'snowflake_registry_admit(role, realm) allows it.';
  END IF;
END
$$;
COMMENT ON FUNCTION snowflake_registry_check_admitted(snowflake_registry_realms) IS
  'raise an error if the session''s role may not have numbers of that realm';

-- The lock is on the role's own row: it waits for nobody but itself.
CREATE FUNCTION snowflake_registry_may_take(realm text, now_ms bigint) RETURNS boolean
LANGUAGE plpgsql STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  allowed integer;
BEGIN
  SELECT s.numbers INTO allowed FROM @extschema@.snowflake_registry_servers s
  WHERE s.realm = $1 AND s.role = session_user FOR UPDATE;
  RETURN allowed IS NULL OR allowed > (
    SELECT count(*) FROM @extschema@.snowflake_registry_numbers n
    WHERE n.realm = $1 AND n.role = session_user AND n.holder IS NOT NULL AND n.until_ms >= $2);
END
$$;
COMMENT ON FUNCTION snowflake_registry_may_take(text, bigint) IS
  'whether the session''s role may have one more number';

-- What every call begins with. synchronous_commit acts at the commit, when the functions' own settings are gone: so it is
-- set for the rest of the transaction. A snapshot of the transaction's begin would show a registry of the past.
CREATE FUNCTION snowflake_registry_begin(holder bigint, label text) RETURNS void
LANGUAGE plpgsql STRICT SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF holder <= 0 THEN
    RAISE EXCEPTION 'invalid holder' USING ERRCODE = 'invalid_parameter_value',
      HINT = 'A holder is a random number above 0, known to nobody else.';
  ELSIF octet_length(label) NOT BETWEEN 1 AND 63 OR label ~ '[[:cntrl:]]' THEN
    RAISE EXCEPTION 'invalid label' USING ERRCODE = 'invalid_parameter_value',
      HINT = 'A label names a server, as in db1:5432, in 1 to 63 bytes without control characters.';
  ELSIF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
    RAISE EXCEPTION 'wrong isolation level' USING ERRCODE = 'invalid_transaction_state',
      HINT = 'Use READ COMMITTED, one statement a transaction.';
  END IF;
  IF current_setting('synchronous_commit') NOT IN ('on', 'remote_apply') THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;
END
$$;
COMMENT ON FUNCTION snowflake_registry_begin(bigint, text) IS 'check the arguments, and insist on durable commits';

-- Numbers ------------------------------------------------------------------------------------------------------------

-- Not before all that was forgotten is over: else a number has two holders whose time is to come, and if the later one
-- is forgotten in another restore, the earlier one would recover what was given away.
CREATE FUNCTION snowflake_registry_may_grant(
  entered snowflake_registry_realms, picked snowflake_registry_numbers, until_ms bigint) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS 'SELECT @extschema@.snowflake_registry_floor(entered) < entered.latest_ms AND picked.until_ms < $3';
COMMENT ON FUNCTION snowflake_registry_may_grant(snowflake_registry_realms, snowflake_registry_numbers, bigint) IS
  'whether a free number may be granted until then: its last range, and what was forgotten, has passed';

-- Of those that are free: the one that the label had last; else the one that has been over for longest. Not one whose
-- range would be empty. Others that claim at this moment have other rows locked, which are passed over.
CREATE FUNCTION snowflake_registry_pick(entered snowflake_registry_realms, label text, until_ms bigint)
RETURNS snowflake_registry_numbers
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
SELECT n.* FROM @extschema@.snowflake_registry_numbers n
WHERE n.realm = entered.realm AND n.node BETWEEN entered.first_node AND entered.last_node
  AND (n.holder IS NULL OR n.until_ms < entered.latest_ms)
  AND @extschema@.snowflake_registry_may_grant(entered, n, $3)
ORDER BY n.label IS DISTINCT FROM $2, n.until_ms, n.node
LIMIT 1 FOR UPDATE SKIP LOCKED
$$;
COMMENT ON FUNCTION snowflake_registry_pick(snowflake_registry_realms, text, bigint) IS
  'a free number to grant until then, locked; NULL if there is none';

CREATE FUNCTION snowflake_registry_why_none(entered snowflake_registry_realms, until_ms bigint) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
SELECT CASE WHEN EXISTS (
  SELECT FROM @extschema@.snowflake_registry_numbers n
  WHERE n.realm = entered.realm AND n.node BETWEEN entered.first_node AND entered.last_node
    AND (n.holder IS NULL OR n.until_ms < entered.latest_ms)
    AND NOT @extschema@.snowflake_registry_may_grant(entered, n, $2)
) THEN 'settling' ELSE 'full' END
$$;
COMMENT ON FUNCTION snowflake_registry_why_none(snowflake_registry_realms, bigint) IS
  'settling: there are numbers, whose last range has to pass first; full: there are none';

CREATE FUNCTION snowflake_registry_grant(
  picked snowflake_registry_numbers, holder bigint, label text, from_ms bigint, until_ms bigint, now_ms bigint,
  renewals integer) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
UPDATE @extschema@.snowflake_registry_grant_log l SET ended = 'over'
WHERE l.realm = picked.realm AND l.node = picked.node AND l.ended IS NULL;
UPDATE @extschema@.snowflake_registry_numbers n
SET holder = $2, returned_by = NULL, role = session_user, label = $3, from_ms = $4, until_ms = $5,
  granted = clock_timestamp(), heard_ms = $6, renewals = $7
WHERE n.realm = picked.realm AND n.node = picked.node;
INSERT INTO @extschema@.snowflake_registry_grant_log (realm, node, from_ms, until_ms, label, role, granted)
VALUES (picked.realm, picked.node, $4, $5, $3, session_user, clock_timestamp())
ON CONFLICT (realm, node, from_ms) DO UPDATE SET until_ms = $5, label = $3, role = session_user, ended = NULL
$$;
COMMENT ON FUNCTION snowflake_registry_grant(
  snowflake_registry_numbers, bigint, text, bigint, bigint, bigint, integer) IS 'give a number to a holder';

CREATE FUNCTION snowflake_registry_take_away(lost snowflake_registry_numbers) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
UPDATE @extschema@.snowflake_registry_numbers n SET holder = 0 WHERE n.realm = lost.realm AND n.node = lost.node;
UPDATE @extschema@.snowflake_registry_grant_log l SET ended = 'lost'
WHERE l.realm = lost.realm AND l.node = lost.node AND l.ended IS NULL
$$;
COMMENT ON FUNCTION snowflake_registry_take_away(snowflake_registry_numbers) IS
  'leave a number without holder; it rests until it is over';

-- Claim --------------------------------------------------------------------------------------------------------------

-- What a holder has is returned again: the answer was lost. But not what it had before a restore: it may have given it
-- back, and that is forgotten.
CREATE FUNCTION snowflake_registry_held(entered snowflake_registry_realms, holder bigint)
RETURNS snowflake_registry_numbers
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  held @extschema@.snowflake_registry_numbers;
BEGIN
  SELECT n.* INTO held FROM @extschema@.snowflake_registry_numbers n
  WHERE n.realm = entered.realm AND n.holder = $2 FOR UPDATE;
  IF NOT FOUND THEN RETURN NULL; END IF;
  IF held.node BETWEEN entered.first_node AND entered.last_node
    AND (entered.restored_at_ms IS NULL OR held.heard_ms >= entered.restored_at_ms - 5000) THEN
    RETURN held;
  END IF;
  PERFORM @extschema@.snowflake_registry_take_away(held);
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION snowflake_registry_held(snowflake_registry_realms, bigint) IS 'the number that a holder has';

CREATE FUNCTION snowflake_registry_claim(
  realm text, holder bigint, label text,
  OUT refusal text, OUT node integer, OUT from_ms bigint, OUT until_ms bigint, OUT now_ms bigint)
LANGUAGE plpgsql STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '5s'
AS $$
DECLARE
  entered @extschema@.snowflake_registry_realms;
  picked @extschema@.snowflake_registry_numbers;
BEGIN
  PERFORM @extschema@.snowflake_registry_begin(holder, label);
  entered := @extschema@.snowflake_registry_enter(realm);
  now_ms := entered.latest_ms;
  IF entered.realm IS NULL THEN refusal := 'no realm'; RETURN; END IF;
  PERFORM @extschema@.snowflake_registry_check_admitted(entered);
  picked := @extschema@.snowflake_registry_held(entered, holder);
  IF picked.node IS NOT NULL THEN
    node := picked.node; from_ms := picked.from_ms; until_ms := picked.until_ms;
    RETURN;
  END IF;
  IF NOT @extschema@.snowflake_registry_may_take(realm, now_ms) THEN refusal := 'full'; RETURN; END IF;
  until_ms := now_ms + @extschema@.snowflake_registry_lease(entered.lease_ms, 0);
  picked := @extschema@.snowflake_registry_pick(entered, label, until_ms);
  IF picked.node IS NULL THEN
    refusal := @extschema@.snowflake_registry_why_none(entered, until_ms); until_ms := NULL;
    RETURN;
  END IF;
  node := picked.node;
  from_ms := greatest(picked.until_ms, @extschema@.snowflake_registry_floor(entered));
  PERFORM @extschema@.snowflake_registry_grant(picked, holder, label, from_ms, until_ms, now_ms, 0);
END
$$;
COMMENT ON FUNCTION snowflake_registry_claim(text, bigint, text) IS
  'a number for a server, for IDs later than from_ms up to until_ms; refusal: full, settling, no realm';

-- Renew --------------------------------------------------------------------------------------------------------------

-- The holder's own row. A late message of an older grant of the same holder is none of it.
CREATE FUNCTION snowflake_registry_own(
  entered snowflake_registry_realms, node integer, holder bigint, known_from_ms bigint)
RETURNS snowflake_registry_numbers
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
SELECT n.* FROM @extschema@.snowflake_registry_numbers n
WHERE n.realm = entered.realm AND n.node = $2 AND n.holder = $3 AND n.from_ms <= $4 FOR UPDATE
$$;
COMMENT ON FUNCTION snowflake_registry_own(snowflake_registry_realms, integer, bigint, bigint) IS
  'the row of a number if that holder has it, locked';

-- A number that a holder says it was granted, and of which the registry knows older grants only: free or over, and ended
-- before the said one began. Whoever has a number that is not over keeps it, whatever others say.
CREATE FUNCTION snowflake_registry_forgotten(
  entered snowflake_registry_realms, node integer, holder bigint, known_from_ms bigint, known_until_ms bigint)
RETURNS snowflake_registry_numbers
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
SELECT n.* FROM @extschema@.snowflake_registry_numbers n
WHERE n.realm = entered.realm AND n.node = $2 AND n.node BETWEEN entered.first_node AND entered.last_node
  AND n.until_ms <= $4 AND $4 < $5
  AND (n.holder IS NULL OR n.until_ms < entered.latest_ms) AND n.returned_by IS DISTINCT FROM $3
  AND NOT EXISTS (
    SELECT FROM @extschema@.snowflake_registry_numbers o WHERE o.realm = entered.realm AND o.holder = $3)
FOR UPDATE OF n SKIP LOCKED
$$;
COMMENT ON FUNCTION snowflake_registry_forgotten(snowflake_registry_realms, integer, bigint, bigint, bigint) IS
  'the row of a number whose last grant the registry may have forgotten, locked; NULL if that cannot be';

CREATE FUNCTION snowflake_registry_extend(
  own snowflake_registry_numbers, label text, until_ms bigint, now_ms bigint) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
UPDATE @extschema@.snowflake_registry_numbers n
SET until_ms = $3, label = $2, heard_ms = $4, renewals = least(n.renewals, 100) + 1
WHERE n.realm = own.realm AND n.node = own.node;
UPDATE @extschema@.snowflake_registry_grant_log l SET until_ms = $3
WHERE l.realm = own.realm AND l.node = own.node AND l.from_ms = own.from_ms
$$;
COMMENT ON FUNCTION snowflake_registry_extend(snowflake_registry_numbers, text, bigint, bigint) IS
  'move the end of a grant';

-- A holder that knows more than the registry is the evidence that this was restored. One that is past the ceiling is not
-- believed: it would put a number out of use until then.
CREATE FUNCTION snowflake_registry_recover(
  entered snowflake_registry_realms, node integer, holder bigint, label text, known_from_ms bigint,
  known_until_ms bigint)
RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  own @extschema@.snowflake_registry_numbers := @extschema@.snowflake_registry_own($1, $2, $3, $5);
  forgotten @extschema@.snowflake_registry_numbers;
  until_ms bigint := greatest(known_until_ms, entered.latest_ms + entered.lease_ms);
BEGIN
  IF own.node IS NULL THEN
    forgotten := @extschema@.snowflake_registry_forgotten($1, $2, $3, $5, $6);
    IF forgotten.node IS NULL OR NOT @extschema@.snowflake_registry_may_take(entered.realm, entered.latest_ms) THEN
      RETURN NULL;
    END IF;
  END IF;
  IF known_until_ms > @extschema@.snowflake_registry_ceiling(entered) THEN
    RAISE LOG 'snowflake_registry: refused to renew node % until % for % as role %',
      node, known_until_ms, quote_literal(label), quote_ident(session_user);
    RETURN NULL;
  END IF;
  entered := @extschema@.snowflake_registry_note_restore(
    entered, format('node %s was renewed by %s as role %s', node, label, session_user));
  IF known_until_ms < entered.restored_at_ms THEN
    IF own.node IS NOT NULL THEN PERFORM @extschema@.snowflake_registry_take_away(own); END IF;
    RETURN NULL;
  END IF;
  IF own.node IS NOT NULL THEN
    PERFORM @extschema@.snowflake_registry_extend(own, label, until_ms, entered.latest_ms);
  ELSE
    PERFORM @extschema@.snowflake_registry_grant(
      forgotten, holder, label, known_from_ms, until_ms, entered.latest_ms, 12);
  END IF;
  RETURN until_ms;
END
$$;
COMMENT ON FUNCTION snowflake_registry_recover(snowflake_registry_realms, integer, bigint, text, bigint, bigint) IS
  'the new end of a grant that a restored registry knows nothing of, or too little; NULL if it cannot go on';

CREATE FUNCTION snowflake_registry_renew(
  realm text, node integer, holder bigint, label text, known_from_ms bigint, known_until_ms bigint,
  OUT refusal text, OUT until_ms bigint, OUT now_ms bigint)
LANGUAGE plpgsql STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '5s'
AS $$
DECLARE
  entered @extschema@.snowflake_registry_realms;
  own @extschema@.snowflake_registry_numbers;
BEGIN
  PERFORM @extschema@.snowflake_registry_begin(holder, label);
  entered := @extschema@.snowflake_registry_enter(realm);
  now_ms := entered.latest_ms;
  IF entered.realm IS NULL THEN refusal := 'no realm'; RETURN; END IF;
  PERFORM @extschema@.snowflake_registry_check_admitted(entered);
  own := @extschema@.snowflake_registry_own(entered, node, holder, known_from_ms);
  IF own.node IS NULL OR known_until_ms > own.until_ms THEN
    until_ms := @extschema@.snowflake_registry_recover(
      entered, node, holder, label, known_from_ms, known_until_ms);
  ELSIF own.until_ms < entered.restored_at_ms OR own.node NOT BETWEEN entered.first_node AND entered.last_node THEN
    PERFORM @extschema@.snowflake_registry_take_away(own);
  ELSE
    until_ms := greatest(
      own.until_ms, now_ms + @extschema@.snowflake_registry_lease(entered.lease_ms, own.renewals + 1));
    PERFORM @extschema@.snowflake_registry_extend(own, label, until_ms, now_ms);
  END IF;
  IF until_ms IS NULL THEN refusal := 'lost'; END IF;
END
$$;
COMMENT ON FUNCTION snowflake_registry_renew(text, integer, bigint, text, bigint, bigint) IS
  'a later until_ms for the holder of a number; refusal: lost, no realm';

-- Give back ----------------------------------------------------------------------------------------------------------
-- No error and no evidence of a restore if the last time used is past the end: a server's time may be ahead of its grant.

CREATE FUNCTION snowflake_registry_give_back(realm text, node integer, holder bigint, last_used_ms bigint)
RETURNS boolean
LANGUAGE plpgsql STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '5s'
AS $$
DECLARE
  own @extschema@.snowflake_registry_numbers;
  end_ms bigint;
BEGIN
  PERFORM @extschema@.snowflake_registry_begin(holder, 'any');
  SELECT n.* INTO own FROM @extschema@.snowflake_registry_numbers n
  WHERE n.realm = $1 AND n.node = $2 AND n.holder = $3 FOR UPDATE;
  IF NOT FOUND THEN RETURN false; END IF;
  end_ms := least(own.until_ms, greatest(last_used_ms, own.from_ms));
  UPDATE @extschema@.snowflake_registry_numbers n SET holder = NULL, returned_by = $3, until_ms = end_ms
  WHERE n.realm = $1 AND n.node = $2;
  UPDATE @extschema@.snowflake_registry_grant_log l SET until_ms = end_ms, ended = 'given back'
  WHERE l.realm = $1 AND l.node = $2 AND l.from_ms = own.from_ms;
  DELETE FROM @extschema@.snowflake_registry_grant_log l -- it was never used
  WHERE l.realm = $1 AND l.node = $2 AND l.from_ms = own.from_ms AND l.until_ms = own.from_ms;
  RETURN true;
END
$$;
COMMENT ON FUNCTION snowflake_registry_give_back(text, integer, bigint, bigint) IS
  'leave a number to others, from the last time used on; false if it was another''s';

-- For people ---------------------------------------------------------------------------------------------------------

-- Resting: for three intervals of renewals nothing was heard of its server. A realm main that was never used is shown.
CREATE VIEW snowflake_registry_nodes AS
SELECT realm, node, held_by, since, until, last_heard, state
FROM (
  SELECT n.realm, n.node, n.label, n.granted, n.holder IS NULL OR n.until_ms OPERATOR(pg_catalog.<) r.now_ms AS is_free,
    n.holder OPERATOR(pg_catalog.=) 0 OR n.heard_ms OPERATOR(pg_catalog.<)
      (r.now_ms OPERATOR(pg_catalog.-) (3 OPERATOR(pg_catalog.*) least(60000, r.lease_ms OPERATOR(pg_catalog./) 10)))
      AS is_silent,
    pg_catalog.to_timestamp((n.until_ms OPERATOR(pg_catalog./) 1000.0)::pg_catalog.float8) AS until_time,
    pg_catalog.to_timestamp((n.heard_ms OPERATOR(pg_catalog./) 1000.0)::pg_catalog.float8) AS heard_time
  FROM snowflake_registry_numbers AS n
  JOIN (
    SELECT realm, first_node, last_node, lease_ms, clock_ms OPERATOR(pg_catalog.+) snowflake_registry_offset(
      clock_ms::bigint, latest_ms::bigint, offset_ms::bigint) AS now_ms
    FROM snowflake_registry_realms CROSS JOIN snowflake_registry_clock() AS clock (clock_ms)
  ) AS r ON n.realm OPERATOR(pg_catalog.=) r.realm
  WHERE (n.node OPERATOR(pg_catalog.>=) r.first_node AND n.node OPERATOR(pg_catalog.<=) r.last_node)
    OR (n.holder IS NOT NULL AND n.until_ms OPERATOR(pg_catalog.>=) r.now_ms)
  UNION ALL
  SELECT 'main', unused.node, NULL, NULL, true, false, NULL, NULL FROM pg_catalog.generate_series(0, 31) AS unused (node)
  WHERE NOT EXISTS (SELECT FROM snowflake_registry_realms AS r WHERE r.realm OPERATOR(pg_catalog.=) 'main')
) AS number
CROSS JOIN LATERAL (
  SELECT CASE WHEN is_free THEN NULL ELSE label END AS held_by, CASE WHEN is_free THEN NULL ELSE granted END AS since,
    CASE WHEN is_free THEN NULL ELSE until_time END AS until, heard_time AS last_heard,
    CASE WHEN is_free THEN 'free' WHEN is_silent THEN 'resting' ELSE 'held' END AS state
) AS shown;
COMMENT ON VIEW snowflake_registry_nodes IS
  'who has which number: held, resting (its server is silent; free after `until`) or free';

CREATE FUNCTION snowflake_registry_who(realm text, id bigint, layout text DEFAULT 'snowflake_id')
RETURNS TABLE (
  node integer, "timestamp" timestamptz, label text, from_ms bigint, until_ms bigint, granted timestamptz, role text)
LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  decoder name;
  id_node integer := (id >> 17) & 31;
  id_ms bigint := (id >> 22) + 1735689600000;
BEGIN
  IF layout <> 'snowflake_id' THEN
    SELECT s.nspname INTO decoder FROM pg_extension e JOIN pg_namespace s ON s.oid = e.extnamespace
    WHERE e.extname = 'snowflake_id';
    IF NOT FOUND THEN
      RAISE EXCEPTION 'cannot read IDs of layout %', quote_literal(layout) USING ERRCODE = 'feature_not_supported',
        HINT = 'CREATE EXTENSION snowflake_id in this database reads them.';
    END IF;
    EXECUTE format('SELECT d.node, floor(extract(epoch FROM d."timestamp") * 1000 + 0.5)::bigint '
      'FROM %1$I.snowflake_decode($1, $2::%1$I.snowflake_layout) AS d', decoder) INTO id_node, id_ms USING id, layout;
  ELSIF id < 0 THEN
    RAISE EXCEPTION '% is not an ID of the standard layout', id USING ERRCODE = 'invalid_parameter_value',
      HINT = 'IDs of the standard layout are not negative.';
  END IF;
  RETURN QUERY
  SELECT id_node, to_timestamp(id_ms / 1000.0), l.label, l.from_ms, l.until_ms, l.granted, l.role
  FROM (SELECT) AS one LEFT JOIN @extschema@.snowflake_registry_grant_log l
    ON l.realm = $1 AND l.node = id_node AND l.from_ms < id_ms AND id_ms <= l.until_ms;
END
$$;
COMMENT ON FUNCTION snowflake_registry_who(text, bigint, text) IS
  'which server made an ID: its label, the grant that allowed it, the role that claimed it; NULL if no grant did';

-- Who may do what ----------------------------------------------------------------------------------------------------
-- Nobody, until a role is admitted, whatever default privileges say. What the view calls has nothing to hide.

REVOKE ALL ON
  snowflake_registry_realms, snowflake_registry_numbers, snowflake_registry_grant_log, snowflake_registry_servers,
  snowflake_registry_nodes
FROM PUBLIC;
REVOKE ALL ON FUNCTION
  snowflake_registry_lease(bigint, integer),
  snowflake_registry_identity(),
  snowflake_registry_note_restore(snowflake_registry_realms, text),
  snowflake_registry_floor(snowflake_registry_realms),
  snowflake_registry_ceiling(snowflake_registry_realms),
  snowflake_registry_add_numbers(text, integer, integer),
  snowflake_registry_check_realm(text, integer, integer, interval),
  snowflake_registry_create_realm(text, integer, integer, interval, boolean),
  snowflake_registry_create_main(),
  snowflake_registry_enter(text),
  snowflake_registry_alter_realm(text, integer, integer, interval, boolean),
  snowflake_registry_admit(name, text, integer),
  snowflake_registry_check_admitted(snowflake_registry_realms),
  snowflake_registry_may_take(text, bigint),
  snowflake_registry_begin(bigint, text),
  snowflake_registry_may_grant(snowflake_registry_realms, snowflake_registry_numbers, bigint),
  snowflake_registry_pick(snowflake_registry_realms, text, bigint),
  snowflake_registry_why_none(snowflake_registry_realms, bigint),
  snowflake_registry_grant(snowflake_registry_numbers, bigint, text, bigint, bigint, bigint, integer),
  snowflake_registry_take_away(snowflake_registry_numbers),
  snowflake_registry_held(snowflake_registry_realms, bigint),
  snowflake_registry_claim(text, bigint, text),
  snowflake_registry_own(snowflake_registry_realms, integer, bigint, bigint),
  snowflake_registry_forgotten(snowflake_registry_realms, integer, bigint, bigint, bigint),
  snowflake_registry_extend(snowflake_registry_numbers, text, bigint, bigint),
  snowflake_registry_recover(snowflake_registry_realms, integer, bigint, text, bigint, bigint),
  snowflake_registry_renew(text, integer, bigint, text, bigint, bigint),
  snowflake_registry_give_back(text, integer, bigint, bigint),
  snowflake_registry_who(text, bigint, text)
FROM PUBLIC;
GRANT SELECT ON snowflake_registry_nodes TO pg_monitor;
GRANT EXECUTE ON FUNCTION snowflake_registry_who(text, bigint, text) TO pg_monitor;
