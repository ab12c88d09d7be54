-- Installing: in any schema, moving between schemas, dropping, and in several databases of one server.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS snowflake_id CASCADE;
RESET client_min_messages;

-- One step is enough; then everything works without a schema name.
CREATE EXTENSION snowflake_id;
SELECT snowflake_next() > 0 AS made;
DROP EXTENSION snowflake_id;

-- In a schema of its own: by qualified name, or through search_path.
CREATE SCHEMA ids;
CREATE EXTENSION snowflake_id SCHEMA ids;
SELECT ids.snowflake_next() > 0 AS made;
\set VERBOSITY sqlstate
SELECT snowflake_next();
\set VERBOSITY default
SET search_path = public, ids;
SELECT snowflake_next() > 0 AS made, snowflake_node(4063232) AS node;
CREATE TABLE orders (id bigint DEFAULT snowflake_next() PRIMARY KEY, item text);
RESET search_path;
INSERT INTO orders (item) VALUES ('bread') RETURNING id > 0 AS made;

-- Moved: defaults follow, and no function looks for the others where they were.
CREATE SCHEMA keys;
ALTER EXTENSION snowflake_id SET SCHEMA keys;
INSERT INTO orders (item) VALUES ('butter') RETURNING id = keys.snowflake_last() AS made;
SELECT DISTINCT pronamespace::regnamespace FROM pg_proc WHERE proname LIKE 'snowflake%';
SELECT (keys.snowflake_decode(139267)).node;

-- Dropped: not under a table that needs it; with CASCADE the table and its IDs stay.
SELECT keys.snowflake_next() AS before_drop \gset
DROP EXTENSION snowflake_id;
DROP EXTENSION snowflake_id CASCADE;
SELECT count(*) AS orders FROM orders;
SELECT count(*) AS functions_left FROM pg_proc WHERE proname LIKE 'snowflake%';
SELECT count(*) AS relations_left FROM pg_class WHERE relname LIKE 'snowflake%';

-- Created again: nothing is made twice, in the session that made IDs before and in a new one.
CREATE EXTENSION snowflake_id;
SELECT snowflake_next() > :before_drop AS rises;
\connect
SELECT snowflake_next() > :before_drop AS rises;

-- A second database of the same server.
SELECT snowflake_next() AS here \gset
\set database :DBNAME
CREATE DATABASE snowflake_id_elsewhere TEMPLATE template0;
\connect snowflake_id_elsewhere
CREATE EXTENSION snowflake_id;
SELECT snowflake_next() > :here AS made_later;
\connect :database
DROP DATABASE snowflake_id_elsewhere;

DROP TABLE orders;
DROP EXTENSION snowflake_id;
DROP SCHEMA ids, keys;
