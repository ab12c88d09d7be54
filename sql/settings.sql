-- The settings belong to the server: no session can change them; a reload is taken up while sessions go on.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS snowflake_id;
RESET client_min_messages;

SELECT snowflake_next() AS before \gset
SHOW snowflake_id.node_id;
SHOW snowflake_id.max_clock_drift;

-- The messages are PostgreSQL's own: 55P02, cannot be changed now; 22023, invalid value.
\set VERBOSITY sqlstate
SET snowflake_id.node_id = 7;
SELECT set_config('snowflake_id.node_id', '7', true);
SET snowflake_id.max_clock_drift = '1min';
BEGIN;
ALTER ROLE CURRENT_USER SET snowflake_id.node_id = 7;
ROLLBACK;
BEGIN;
DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET snowflake_id.node_id = 7', current_database()); END $$;
ROLLBACK;
BEGIN;
CREATE FUNCTION spoof() RETURNS bigint LANGUAGE sql SET snowflake_id.node_id = 7 AS 'SELECT snowflake_next()';
ROLLBACK;
SELECT snowflake_node(snowflake_next());

-- What no server can be.
ALTER SYSTEM SET snowflake_id.node_id = 2147483648;
ALTER SYSTEM SET snowflake_id.node_id = -1;
ALTER SYSTEM SET snowflake_id.node_id = 'seven';
ALTER SYSTEM SET snowflake_id.max_clock_drift = -1;
ALTER SYSTEM SET snowflake_id.registry_wait = -1;
ALTER SYSTEM SET snowflake_id.realm = 'two words';
ALTER SYSTEM SET snowflake_id.realm = '';
ALTER SYSTEM SET snowflake_id.registry = 'registry.example';
ALTER SYSTEM SET snowflake_id.registry = 'postgresql://ids:secret@registry.example/ids';
ALTER SYSTEM SET snowflake_id.registry = 'postgresql://registry.example/ids?user=ids&password=secret';
\set VERBOSITY default

-- A session takes up a reload between two statements, so it looks again and again: here for up to ten seconds.
ALTER SYSTEM SET snowflake_id.node_id = 7;
SELECT pg_reload_conf();
\set ECHO none
\o /dev/null
SELECT 'SELECT pg_sleep(0.02) WHERE snowflake_node(snowflake_next()) <> 7' FROM generate_series(1, 500) \gexec
\o
\set ECHO all
SELECT snowflake_node(snowflake_next());
SELECT snowflake_next() > :before AS rises;
SELECT count(*) FROM snowflake_next_set(100000) AS id WHERE snowflake_node(id) <> 7;
SELECT snowflake_next() AS before \gset

-- Back to the lower number: the IDs rise all the same.
ALTER SYSTEM RESET snowflake_id.node_id;
SELECT pg_reload_conf();
\set ECHO none
\o /dev/null
SELECT 'SELECT pg_sleep(0.02) WHERE snowflake_node(snowflake_next()) <> 0' FROM generate_series(1, 500) \gexec
\o
\set ECHO all
SELECT snowflake_node(snowflake_next());
SELECT snowflake_next() > :before AS rises;
