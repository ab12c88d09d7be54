-- USAGE on its sequence is the right to make a generator's IDs. A live session takes up each change at once.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS snowflake_id;
DROP ROLE IF EXISTS regress_snowflake_owner, regress_snowflake_clerk, regress_snowflake_team;
RESET client_min_messages;
CREATE FUNCTION pg_temp.said(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statement;
  RETURN 'nothing';
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE || ': ' || SQLERRM;
END $$;
CREATE ROLE regress_snowflake_owner;
CREATE ROLE regress_snowflake_clerk;
CREATE ROLE regress_snowflake_team;
CREATE SCHEMA office;
GRANT USAGE ON SCHEMA office TO PUBLIC;

-- To make one: CREATE on the schema. It belongs to whoever makes it, and to nobody else.
SET ROLE regress_snowflake_owner;
SELECT pg_temp.said('SELECT snowflake_create_generator(''office.files'')');
RESET ROLE;
GRANT CREATE ON SCHEMA office TO regress_snowflake_owner;
SET ROLE regress_snowflake_owner;
SELECT snowflake_create_generator('office.files');
SELECT pg_get_userbyid(relowner) AS owner, relacl FROM pg_class WHERE oid = 'office.files'::regclass;
SELECT snowflake_next('office.files') > 0 AS owner_makes;
SET ROLE regress_snowflake_clerk;
SELECT call, pg_temp.said('SELECT ' || call) FROM (VALUES
  ('snowflake_next(''office.files'')'), ('snowflake_next_array(1, ''office.files'')'), ('snowflake_next_set(1, ''office.files'')'),
  ('snowflake_reserve(1, ''office.files'')'), ('snowflake_next_text(''office.files'')'), ('snowflake_observe(1, ''office.files'')'), ('snowflake_last(''office.files'')'),
  ('nextval(''office.files'')'), ('setval(''office.files'', 1)')) AS calls (call);
SELECT generator, ordered FROM snowflake_generators WHERE generator = 'office.files'::regclass;

-- Granted and revoked, in the middle of a session that has IDs in hand.
SET ROLE regress_snowflake_owner;
GRANT USAGE ON SEQUENCE office.files TO regress_snowflake_clerk;
SET ROLE regress_snowflake_clerk;
SELECT snowflake_next('office.files') > 0 AS granted;
SET ROLE regress_snowflake_owner;
SELECT snowflake_next('office.files') > 0 AS owner_makes;
REVOKE USAGE ON SEQUENCE office.files FROM regress_snowflake_clerk;
SET ROLE regress_snowflake_clerk;
SELECT pg_temp.said('SELECT snowflake_next(''office.files'')');
SELECT pg_temp.said('SELECT snowflake_last(''office.files'')');
-- Neither SELECT nor UPDATE is that right. As with currval(), SELECT is enough to ask for the last ID.
SET ROLE regress_snowflake_owner;
GRANT SELECT, UPDATE ON SEQUENCE office.files TO regress_snowflake_clerk;
SET ROLE regress_snowflake_clerk;
SELECT pg_temp.said('SELECT snowflake_next(''office.files'')');
SELECT pg_temp.said('SELECT snowflake_observe(1, ''office.files'')');
SELECT snowflake_last('office.files') > 0 AS tells_last;
SET ROLE regress_snowflake_owner;
REVOKE ALL ON SEQUENCE office.files FROM regress_snowflake_clerk;
-- Its owner may be denied it as well.
REVOKE USAGE ON SEQUENCE office.files FROM regress_snowflake_owner;
SELECT pg_temp.said('SELECT snowflake_next(''office.files'')');
GRANT USAGE ON SEQUENCE office.files TO regress_snowflake_owner;
SELECT snowflake_next('office.files') > 0 AS owner_makes;

-- Through a role.
GRANT USAGE ON SEQUENCE office.files TO regress_snowflake_team;
SET ROLE regress_snowflake_clerk;
SELECT pg_temp.said('SELECT snowflake_next(''office.files'')');
RESET ROLE;
GRANT regress_snowflake_team TO regress_snowflake_clerk;
SET ROLE regress_snowflake_clerk;
SELECT snowflake_next('office.files') > 0 AS member_makes;
RESET ROLE;
REVOKE regress_snowflake_team FROM regress_snowflake_clerk;
SET ROLE regress_snowflake_clerk;
SELECT pg_temp.said('SELECT snowflake_next(''office.files'')');

-- Through a function that runs as its owner; the caller's own right does not come along, nor stay behind.
SET ROLE regress_snowflake_owner;
CREATE FUNCTION office.file() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT snowflake_next(''office.files'')';
SET ROLE regress_snowflake_clerk;
SELECT office.file() > 0 AS as_owner, pg_temp.said('SELECT snowflake_next(''office.files'')') AS as_clerk;
SELECT office.file() > 0 AS as_owner, pg_temp.said('SELECT snowflake_next(''office.files'')') AS as_clerk FROM generate_series(1, 3);
CREATE FUNCTION pg_temp.file() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT snowflake_next(''office.files'')';
SET ROLE regress_snowflake_owner;
SELECT snowflake_next('office.files') > 0 AS owner_makes;
SELECT pg_temp.said('SELECT pg_temp.file()');
SELECT snowflake_next('office.files') > 0 AS owner_makes;

-- A column default is evaluated with the rights of whoever inserts.
CREATE TABLE office.cabinet (id bigint DEFAULT snowflake_next('office.files'), label text);
GRANT INSERT ON office.cabinet TO regress_snowflake_clerk;
SET ROLE regress_snowflake_clerk;
SELECT pg_temp.said('INSERT INTO office.cabinet (label) VALUES (''x'')');
INSERT INTO office.cabinet VALUES (1, 'y');
-- To another owner: the right that comes with ownership goes too.
RESET ROLE;
GRANT CREATE ON SCHEMA office TO regress_snowflake_clerk;
ALTER SEQUENCE office.files OWNER TO regress_snowflake_clerk;
SET ROLE regress_snowflake_clerk;
SELECT snowflake_next('office.files') > 0 AS new_owner_makes;
SET ROLE regress_snowflake_owner;
SELECT pg_temp.said('SELECT snowflake_next(''office.files'')');

-- The extension's own generator is for all, until its owner says otherwise. Reading needs no right.
RESET ROLE;
SET ROLE regress_snowflake_clerk;
SELECT snowflake_next() > 0 AS public_makes;
RESET ROLE;
REVOKE USAGE ON SEQUENCE snowflake_id FROM PUBLIC;
SELECT snowflake_next() > 0 AS superuser_makes;
SET ROLE regress_snowflake_clerk;
SELECT call, pg_temp.said('SELECT ' || call) FROM (VALUES
  ('snowflake_next()'), ('snowflake_next_array(1)'), ('snowflake_next_set(1)'), ('snowflake_reserve(1)'), ('snowflake_next(''snowflake_id'')'),
  ('snowflake_timestamp(0)'), ('snowflake_decode(0, ''discord'')'), ('snowflake_to_uuid(0)'), ('snowflake_clock()'), ('snowflake_observe(1)'), ('snowflake_reset_clock()')) AS calls (call);
-- SELECT is for all as well: whoever owns the database can dump it.
SELECT last_value > 1 AS readable, snowflake_last() > 0 AS tells_last FROM snowflake_id;
SELECT count(*) >= 16 AS presets FROM snowflake_layouts;
RESET ROLE;
GRANT USAGE ON SEQUENCE snowflake_id TO PUBLIC;
SET ROLE regress_snowflake_clerk;
SELECT snowflake_next() > 0 AS public_makes;

-- An ID that is not later than the clock is observed by whoever makes IDs. A later one moves the time of all: that takes
-- the right to set the extension's sequence, whichever the generator.
SELECT call, pg_temp.said('SELECT ' || call) FROM (VALUES
  ('snowflake_observe(snowflake_next())'), ('snowflake_observe(1, ''office.files'')'), ('snowflake_observe(NULL)'),
  ('snowflake_observe(snowflake_from_timestamp(clock_timestamp() + ''1 min''))'),
  ('snowflake_observe(snowflake_from_timestamp(clock_timestamp() + ''1 min''), ''office.files'')')) AS calls (call);
RESET ROLE;
GRANT UPDATE ON SEQUENCE snowflake_id TO regress_snowflake_clerk;
SET ROLE regress_snowflake_clerk;
SELECT snowflake_from_timestamp(clock_timestamp() + '100 ms') AS later \gset
SELECT pg_temp.said(format('SELECT snowflake_observe(%s)', :later));
SELECT snowflake_next('office.files') > :later AS later;
RESET ROLE;
REVOKE UPDATE ON SEQUENCE snowflake_id FROM regress_snowflake_clerk;

-- The clock is for those who monitor.
GRANT pg_monitor TO regress_snowflake_clerk;
SET ROLE regress_snowflake_clerk;
SELECT pg_temp.said('SELECT snowflake_clock()');
RESET ROLE;
REVOKE pg_monitor FROM regress_snowflake_clerk;

-- DROP OWNED leaves nothing.
DROP FUNCTION pg_temp.file();
SELECT pg_temp.said('DROP ROLE regress_snowflake_owner') ~ '^2BP01' AS needed;
SET client_min_messages = warning;
DROP OWNED BY regress_snowflake_owner, regress_snowflake_clerk, regress_snowflake_team CASCADE;
SELECT count(*) FROM pg_class WHERE relnamespace = 'office'::regnamespace;
SELECT count(*) FROM snowflake_generators WHERE generator::text ~ 'files';
DROP SCHEMA office;
DROP ROLE regress_snowflake_owner, regress_snowflake_clerk, regress_snowflake_team;
