-- Partitions that are created and dropped by time: bounds, names, what is there already, what is refused.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS snowflake_id;
RESET client_min_messages;
SET TimeZone = 'UTC';
SET IntervalStyle = 'postgres';

-- As the clock goes on, names differ: shown is what does not.
CREATE FUNCTION shape(name text) RETURNS text LANGUAGE sql
AS $$ SELECT regexp_replace(name, 'p\d{8}(_\d+)?', 'pDATE\1', 'g') $$;
CREATE FUNCTION hour_shape(name text) RETURNS text LANGUAGE sql
AS $$ SELECT regexp_replace(name, 'p\d{8}_\d{2}$', 'pDATE_HH') $$;

CREATE TABLE events (id bigint DEFAULT snowflake_next() PRIMARY KEY, what text CHECK (what <> '')) PARTITION BY RANGE (id);
CREATE INDEX ON events (what);
SELECT shape(name) FROM snowflake_create_partitions('events', '1 day', '3 days') AS name;
-- Again: nothing.
SELECT count(*) FROM snowflake_create_partitions('events', '1 day', '3 days');
-- Whatever the session's time zone: days of UTC, that meet.
SET TimeZone = 'Asia/Kathmandu';
SELECT count(*) FROM snowflake_create_partitions('events', '1 day', '5 days');
SELECT count(*) FROM snowflake_create_partitions('events', '1 day', '5 days');
SET TimeZone = 'America/New_York';
SELECT count(*) FROM snowflake_create_partitions('events', '1 day', '5 days');
RESET TimeZone;
SET TimeZone = 'UTC';
SELECT every, count(*), bool_and(next IS NULL OR next = to_time) AS meet,
  min(from_time) = date_trunc('day', now()) AS from_today, max(to_time) = date_trunc('day', now()) + interval '6 days' AS to_sixth
FROM (SELECT to_time - from_time AS every, from_time, to_time, lead(from_time) OVER (ORDER BY from_time) AS next
  FROM snowflake_partitions WHERE relation = 'events'::regclass) AS partitions
GROUP BY every;
SELECT partition::text = 'events_p' || to_char(now(), 'YYYYMMDD') AS named_for_its_day
FROM snowflake_partitions WHERE relation = 'events'::regclass ORDER BY from_time LIMIT 1;

-- A partition is like one of PARTITION OF: indexes, constraints, defaults.
SELECT count(*) AS indexes FROM pg_index JOIN pg_inherits ON inhrelid = indrelid WHERE inhparent = 'events'::regclass;
INSERT INTO events (what) VALUES ('now');
\set VERBOSITY sqlstate
INSERT INTO events (what) VALUES ('');
INSERT INTO events SELECT snowflake_encode(now() + interval '5 days', 0, 0, 0), 'later';
INSERT INTO events SELECT snowflake_encode(now() + interval '7 days', 0, 0, 0), 'too late';
\set VERBOSITY default
ANALYZE events;
SELECT row_estimate, size > 0 AS has_size FROM snowflake_partitions WHERE relation = 'events'::regclass ORDER BY from_time;

-- A query reads the partition that it needs.
CREATE FUNCTION partitions_read(query text) RETURNS bigint LANGUAGE plpgsql
AS $$
DECLARE
  line text;
  read bigint := 0;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF, ANALYZE, TIMING OFF, SUMMARY OFF) ' || query LOOP
    read := read + (line ~ ' on events_p' AND line !~ 'never executed' AND line !~ 'Bitmap Index')::integer;
  END LOOP;
  RETURN read;
END
$$;
SELECT partitions_read('SELECT * FROM events') AS all_of_them,
  partitions_read($$SELECT * FROM events WHERE snowflake_between(id, date_trunc('day', now()), date_trunc('day', now()) + interval '1 day')$$)
    AS one;

-- What is over is dropped, by its bounds: not by the rows, one of which is of the far future.
CREATE TABLE past (id bigint PRIMARY KEY) PARTITION BY RANGE (id);
CREATE FUNCTION id_at(shift interval) RETURNS bigint LANGUAGE sql
AS $$ SELECT snowflake_from_timestamp(date_trunc('day', now()) + shift) $$;
DO $$
BEGIN
  EXECUTE format('CREATE TABLE past_without_beginning PARTITION OF past FOR VALUES FROM (MINVALUE) TO (%s)', id_at('-40 days'));
  EXECUTE format('CREATE TABLE past_old PARTITION OF past FOR VALUES FROM (%s) TO (%s)', id_at('-40 days'), id_at('-31 days'));
  EXECUTE format('CREATE TABLE past_old_too PARTITION OF past FOR VALUES FROM (%s) TO (%s)', id_at('-31 days'), id_at('-30 days'));
  EXECUTE format('CREATE TABLE past_new PARTITION OF past FOR VALUES FROM (%s) TO (%s)', id_at('-30 days'), id_at('-28 days'));
END
$$;
CREATE TABLE past_default PARTITION OF past DEFAULT;
-- Nothing reaches the present: then the clock or the layout is wrong.
SELECT snowflake_drop_partitions('past', '30 days');
SELECT count(*) FROM snowflake_create_partitions('past', '1 day', '0');
INSERT INTO past VALUES (id_at('10000 days'));
SELECT snowflake_drop_partitions('past', '30 days');
SELECT snowflake_drop_partitions('past', '30 days');
SELECT count(*) FROM snowflake_drop_partitions('past', '1 month 20 days');
SELECT shape(partition::text) AS partition, from_time IS NULL AS is_default, from_time = '-infinity' AS is_endless
FROM snowflake_partitions WHERE relation = 'past'::regclass ORDER BY from_time;
SELECT snowflake_drop_partitions('past', '-1 day');
-- With a layout that puts all of it into the past.
SELECT snowflake_drop_partitions('past', '1 day', 'twitter');

-- The default partition has rows in the way.
INSERT INTO past VALUES (id_at('30 hours')), (id_at('40 hours'));
DO $$
DECLARE
  detail text;
  hint text;
BEGIN
  PERFORM snowflake_create_partitions('past', '1 day', '1 day');
EXCEPTION WHEN check_violation THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RAISE NOTICE E'%\n%\n%', shape(SQLERRM), regexp_replace(detail, '\d{4}-\d\d-\d\d', 'DATE', 'g'), hint;
END
$$;
BEGIN;
CREATE TEMP TABLE moved ON COMMIT DROP AS SELECT * FROM past_default WHERE id < id_at('48 hours');
DELETE FROM past_default WHERE id < id_at('48 hours');
SELECT shape(name) FROM snowflake_create_partitions('past', '1 day', '1 day') AS name;
INSERT INTO past SELECT * FROM moved;
COMMIT;
SELECT shape(tableoid::regclass::text), count(*) FROM past GROUP BY 1 ORDER BY 1;

-- Others of another width are left alone, and the gaps filled.
CREATE TABLE mixed (id bigint PRIMARY KEY) PARTITION BY RANGE (id);
DO $$
BEGIN
  EXECUTE format('CREATE TABLE mixed_own PARTITION OF mixed FOR VALUES FROM (%s) TO (%s)', id_at('36 hours'), id_at('60 hours'));
END
$$;
SELECT shape(name) FROM snowflake_create_partitions('mixed', '1 day', '3 days') AS name;
SELECT from_time - date_trunc('day', now()) AS from_time, to_time - date_trunc('day', now()) AS to_time
FROM snowflake_partitions WHERE relation = 'mixed'::regclass ORDER BY from_time;
CREATE TABLE endless (id bigint PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE endless_all PARTITION OF endless FOR VALUES FROM (0) TO (MAXVALUE);
SELECT snowflake_create_partitions('endless', '1 day', '3 days');

-- Hours, weeks, months.
CREATE TABLE hourly (id bigint PRIMARY KEY) PARTITION BY RANGE (id);
SELECT DISTINCT hour_shape(name) FROM snowflake_create_partitions('hourly', '1 hour', '3 hours') AS name;
CREATE TABLE weekly (id bigint PRIMARY KEY) PARTITION BY RANGE (id);
SELECT count(*) FROM snowflake_create_partitions('weekly', '7 days', '14 days');
SELECT DISTINCT extract(isodow FROM from_time) AS weekday, to_time - from_time AS every FROM snowflake_partitions WHERE relation = 'weekly'::regclass;
CREATE TABLE monthly (id bigint PRIMARY KEY) PARTITION BY RANGE (id);
SELECT count(*) FROM snowflake_create_partitions('monthly', '1 month', '1 year');
SELECT bool_and(from_time = date_trunc('month', from_time) AND to_time = from_time + interval '1 month') AS are_months
FROM snowflake_partitions WHERE relation = 'monthly'::regclass;

-- Another layout: left out, it is that of the key's generator; as in the view.
SELECT snowflake_create_generator('discord_id', 'discord') IS NOT NULL AS made;
CREATE TABLE messages (id bigint DEFAULT snowflake_next('discord_id') PRIMARY KEY) PARTITION BY RANGE (id);
SELECT count(*) FROM snowflake_create_partitions('messages', '1 day', '1 day');
SELECT count(*) FROM snowflake_create_partitions('messages', '1 day', '1 day', 'discord');
SELECT min(from_time) = date_trunc('day', now()) AS from_today FROM snowflake_partitions WHERE relation = 'messages'::regclass;
INSERT INTO messages DEFAULT VALUES;
-- IDs that are smaller than standard ones: as those they would be of the past, and today's be dropped.
SELECT snowflake_create_generator('small_id', 'javascript') IS NOT NULL AS made;
CREATE TABLE small (id bigint DEFAULT snowflake_next('small_id') PRIMARY KEY) PARTITION BY RANGE (id);
SELECT count(*) FROM snowflake_create_partitions('small', '1 day', '1 day');
INSERT INTO small DEFAULT VALUES;
SELECT count(*) FROM snowflake_drop_partitions('small', '0');
SELECT count(*) FROM small;
SELECT count(*) FROM snowflake_create_partitions('small', '1 day', '1 day', 'snowflake_id');
SELECT count(*) FROM snowflake_drop_partitions('small', '0', 'snowflake_id');
SELECT count(*) FROM small;

-- The view waits for nobody, and holds up nobody, of whom it may have no right on anything.
BEGIN;
SELECT count(size) > 0 AS has_sizes FROM snowflake_partitions;
SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation' AND relation::regclass::text ~ 'events_p';
COMMIT;
SELECT * FROM snowflake_partition('pg_class', 'snowflake_id');

-- Names: hostile, long, taken.
CREATE SCHEMA "a""b; DROP TABLE events; --";
CREATE TABLE "a""b; DROP TABLE events; --"."ta""ble'; %s $1" ("i""d; --" bigint PRIMARY KEY, "select" text DEFAULT '$$')
  PARTITION BY RANGE ("i""d; --");
CREATE TABLE "a""b; DROP TABLE events; --"."of ""default""" PARTITION OF "a""b; DROP TABLE events; --"."ta""ble'; %s $1" DEFAULT;
SELECT shape(name) FROM snowflake_create_partitions('"a""b; DROP TABLE events; --"."ta""ble''; %s $1"', '1 day', '1 day') AS name;
SELECT count(*) FROM snowflake_partitions WHERE relation::text LIKE '%ble%';
CREATE TABLE "ääääääääääääääääääääääääääääääx" (id bigint PRIMARY KEY) PARTITION BY RANGE (id);
SELECT shape(name) AS name, octet_length((parse_ident(name))[2]) AS bytes
FROM snowflake_create_partitions('"ääääääääääääääääääääääääääääääx"', '1 day', '1 day') AS name;
CREATE TABLE taken (id bigint PRIMARY KEY) PARTITION BY RANGE (id);
DO $$
BEGIN
  EXECUTE format('CREATE VIEW taken_p%s AS SELECT 1', to_char(now(), 'YYYYMMDD'));
  EXECUTE format('CREATE DOMAIN taken_p%s_2 AS integer', to_char(now(), 'YYYYMMDD'));
END
$$;
SELECT shape(name) FROM snowflake_create_partitions('taken', '1 day', '0') AS name;

-- Foreign keys, from and to such a table; a generated column, a dropped one.
CREATE TABLE owners (id bigint PRIMARY KEY);
CREATE TABLE rich (
  id bigint DEFAULT snowflake_next() PRIMARY KEY,
  owner bigint REFERENCES owners,
  made timestamptz GENERATED ALWAYS AS (snowflake_timestamp(id)) STORED,
  note text COLLATE "C" NOT NULL DEFAULT 'none'
) PARTITION BY RANGE (id);
ALTER TABLE rich DROP COLUMN note, ADD COLUMN remark text DEFAULT 'added';
CREATE TABLE refers (rich bigint REFERENCES rich);
SELECT count(*) FROM snowflake_create_partitions('rich', '1 day', '1 day');
INSERT INTO rich DEFAULT VALUES RETURNING made = snowflake_timestamp(id) AS same, remark;
\set VERBOSITY sqlstate
INSERT INTO rich (owner) VALUES (1);
\set VERBOSITY default
DO $$
BEGIN
  EXECUTE format('CREATE TABLE rich_old PARTITION OF rich FOR VALUES FROM (%s) TO (%s)', id_at('-40 days'), id_at('-31 days'));
END
$$;
INSERT INTO rich VALUES (id_at('-35 days'));
INSERT INTO refers VALUES (id_at('-35 days'));
\set VERBOSITY sqlstate
SELECT snowflake_drop_partitions('rich', '30 days');
\set VERBOSITY default
DELETE FROM refers;
SELECT snowflake_drop_partitions('rich', '30 days');

-- Refused.
CREATE TABLE plain (id bigint);
CREATE TABLE listed (id bigint) PARTITION BY LIST (id);
CREATE TABLE of_two (id bigint, other bigint) PARTITION BY RANGE (id, other);
CREATE TABLE of_expression (id bigint) PARTITION BY RANGE ((id + 1));
CREATE TABLE of_integer (id integer) PARTITION BY RANGE (id);
CREATE TEMP TABLE temporary (id bigint) PARTITION BY RANGE (id);
SELECT snowflake_create_partitions('plain', '1 day', '1 day');
SELECT snowflake_create_partitions('listed', '1 day', '1 day');
SELECT snowflake_create_partitions('of_two', '1 day', '1 day');
SELECT snowflake_create_partitions('of_expression', '1 day', '1 day');
SELECT snowflake_create_partitions('of_integer', '1 day', '1 day');
SELECT snowflake_create_partitions('temporary', '1 day', '1 day');
SELECT snowflake_create_partitions('events', '1 month 1 day', '1 day');
SELECT snowflake_create_partitions('events', '90 minutes', '1 day');
SELECT snowflake_create_partitions('events', '0', '1 day');
SELECT snowflake_create_partitions('events', '-1 month', '1 day');
SELECT snowflake_create_partitions('events', '200 years', '1 day');
SELECT snowflake_create_partitions('events', '1 day', '-1 day');
SELECT snowflake_create_partitions('events', '1 day', '9000 years');
SELECT snowflake_create_partitions('events', '1 hour', '60 years');
SELECT snowflake_create_partitions(0, '1 day', '1 day');
SELECT count(*) FROM snowflake_create_partitions(NULL, '1 day', '1 day');

-- Only by those who have the owner's rights.
CREATE ROLE snowflake_partitions_stranger;
SET ROLE snowflake_partitions_stranger;
SELECT snowflake_create_partitions('events', '1 day', '20 days');
SELECT snowflake_drop_partitions('events', '1 day');
SELECT count(*) > 0 AS seen FROM snowflake_partitions;
RESET ROLE;

-- What is the owner's runs as the owner, also when a superuser calls; the partition is the owner's.
CREATE SCHEMA trap AUTHORIZATION snowflake_partitions_stranger;
SET ROLE snowflake_partitions_stranger;
CREATE TABLE trap.ran (as_user name);
CREATE FUNCTION trap.note() RETURNS void LANGUAGE plpgsql
AS $$
BEGIN
  INSERT INTO trap.ran VALUES (current_user);
  BEGIN
    PERFORM set_config('role', 'none', false);
    INSERT INTO trap.ran VALUES (current_user);
  EXCEPTION WHEN OTHERS THEN NULL;
  END;
END
$$;
-- It claims to be immutable, so that it is called when plans and constraints are simplified.
CREATE FUNCTION trap.spring(x integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE
AS $$
BEGIN
  PERFORM trap.note();
  RETURN x;
END
$$;
CREATE TABLE trap.bait (id bigint PRIMARY KEY, CHECK (trap.spring(1) = 1)) PARTITION BY RANGE (id);
CREATE INDEX ON trap.bait ((id + trap.spring(2)));
RESET ROLE;
TRUNCATE trap.ran;
SELECT count(*) FROM snowflake_create_partitions('trap.bait', '1 day', '0');
SELECT DISTINCT as_user FROM trap.ran;
SELECT relowner::regrole FROM pg_class JOIN pg_inherits ON inhrelid = oid WHERE inhparent = 'trap.bait'::regclass;
SELECT current_user = session_user AS is_who_it_was;

SET client_min_messages = warning;
DROP SCHEMA trap CASCADE;
DROP SCHEMA "a""b; DROP TABLE events; --" CASCADE;
DROP OWNED BY snowflake_partitions_stranger;
DROP ROLE snowflake_partitions_stranger;
DROP TABLE events, past, mixed, endless, hourly, weekly, monthly, messages, small, taken, rich, refers, owners, plain, listed,
  of_two, of_expression, of_integer, temporary, "ääääääääääääääääääääääääääääääx" CASCADE;
DROP SEQUENCE discord_id, small_id;
DO $$
BEGIN
  EXECUTE format('DROP VIEW taken_p%s', to_char(now(), 'YYYYMMDD'));
  EXECUTE format('DROP DOMAIN taken_p%s_2', to_char(now(), 'YYYYMMDD'));
END
$$;
DROP FUNCTION shape(text), hour_shape(text), id_at(interval), partitions_read(text);
