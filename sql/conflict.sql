-- The trigger that finds rows of other servers with our node number. Rows arrive, as the trigger sees it, where
-- session_replication_role is replica; that IDs really come by logical replication is in test/tap.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS snowflake_id;
RESET client_min_messages;
\set VERBOSITY terse
CREATE TABLE received (gone text, item text, id bigint);
ALTER TABLE received DROP COLUMN gone;
CREATE TRIGGER node_conflict BEFORE INSERT ON received
  FOR EACH ROW EXECUTE FUNCTION snowflake_node_conflict_trigger('id', 'error');

-- Whoever forgets to enable it for replicas is told.
INSERT INTO received VALUES ('skis', 1);
ALTER TABLE received ENABLE REPLICA TRIGGER node_conflict;
INSERT INTO received VALUES ('skis', snowflake_next());

-- What arrives: node and time decide. The node of this server is 0.
CREATE FUNCTION arrives(id bigint) RETURNS text LANGUAGE plpgsql
SET session_replication_role = replica
AS $$
BEGIN
  INSERT INTO received VALUES ('poles', arrives.id);
  RETURN 'let in';
EXCEPTION WHEN integrity_constraint_violation THEN
  RETURN 'refused';
END
$$;
SELECT arrives(snowflake_encode(now(), 0, 0, 0)) AS ours, arrives(snowflake_encode(now(), 1, 0, 0)) AS of_node_1,
  arrives(snowflake_encode(now() + interval '1 hour', 0, 31, 4095)) AS ours_later,
  arrives(snowflake_encode(pg_postmaster_start_time() - interval '1 ms', 0, 0, 0)) AS before_start,
  arrives(NULL) AS is_null, arrives(-1) AS negative, arrives(1) AS small;

-- ALWAYS: local rows are none of its business.
ALTER TABLE received ENABLE ALWAYS TRIGGER node_conflict;
INSERT INTO received VALUES ('boots', snowflake_next());
SELECT arrives(snowflake_encode(now(), 0, 0, 1));

-- What is said.
CREATE FUNCTION said(id bigint) RETURNS text LANGUAGE plpgsql
SET session_replication_role = replica
AS $$
DECLARE
  state text; message text; detail text; hint text; "table" text;
BEGIN
  INSERT INTO received VALUES ('poles', said.id);
  RETURN 'let in';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
    hint = PG_EXCEPTION_HINT, "table" = TABLE_NAME;
  RETURN concat_ws(E'\n', state, message, regexp_replace(detail, ' \d{4}-[^ .;]*\.[0-9]+Z', ' TIME', 'g'), hint,
    "table");
END
$$;
\t on
\pset format unaligned
SELECT said(snowflake_encode('2093-01-01', 0, 0, 0));

-- Its arguments are checked whenever it is called, also for local rows.
CREATE FUNCTION with_arguments(arguments text, id bigint DEFAULT snowflake_encode('2093-01-01', 0, 0, 0))
RETURNS text LANGUAGE plpgsql
AS $$
BEGIN
  DROP TRIGGER node_conflict ON received;
  EXECUTE 'CREATE TRIGGER node_conflict BEFORE INSERT ON received FOR EACH ROW '
    'EXECUTE FUNCTION snowflake_node_conflict_trigger(' || arguments || ')';
  ALTER TABLE received ENABLE REPLICA TRIGGER node_conflict;
  RETURN said(id);
END
$$;
ALTER TABLE received ADD COLUMN twice numeric GENERATED ALWAYS AS (id::numeric * 2) STORED,
  ADD COLUMN copy bigint GENERATED ALWAYS AS (id) STORED;
SELECT arguments, with_arguments(arguments)
FROM unnest(ARRAY[$$'id', 'warning'$$, $$'item', 'error'$$, $$'missing', 'error'$$, $$'gone', 'error'$$,
  $$'........pg.dropped.1........', 'error'$$, $$'xmin', 'error'$$, $$'', 'error'$$, $$'twice', 'error'$$,
  $$'copy', 'error'$$, $$'id', 'panic'$$, $$'id'$$, '', $$'id', 'error', 'standard', 'more'$$,
  $$'id', 'error', 'nonsense'$$, $$'id', 'error', 'instagram'$$, $$'id', 'error', 'discord'$$]) AS arguments;

-- A layout of its own, by which the ID is of node 0 or 1, or none at all; a domain.
\set layout 'timestamp:40 node:6 sequence:10 epoch:2024-01-01'
SELECT left(with_arguments(format('%L, %L, %L', 'id', 'error', :'layout'), id), 6)
FROM unnest(ARRAY[snowflake_encode('2058-01-01', 0, NULL, 0, :'layout'),
  snowflake_encode('2058-01-01', 1, NULL, 0, :'layout'), 1::bigint << 56]) AS id;
CREATE DOMAIN received_id AS bigint;
ALTER TABLE received DROP COLUMN twice, DROP COLUMN copy;
ALTER TABLE received ALTER COLUMN id TYPE received_id;
SELECT with_arguments($$'id', 'error'$$) LIKE '23000%' AS refused;
\t off
\pset format aligned

-- Called in other ways than it is made for.
SELECT snowflake_node_conflict_trigger();
CREATE TABLE elsewhere (id bigint);
CREATE TRIGGER a AFTER INSERT ON elsewhere FOR EACH ROW
  EXECUTE FUNCTION snowflake_node_conflict_trigger('id', 'error');
INSERT INTO elsewhere VALUES (1);
DROP TRIGGER a ON elsewhere;
CREATE TRIGGER a BEFORE INSERT ON elsewhere FOR EACH STATEMENT
  EXECUTE FUNCTION snowflake_node_conflict_trigger('id', 'error');
INSERT INTO elsewhere VALUES (1);
DROP TRIGGER a ON elsewhere;
CREATE TRIGGER a BEFORE UPDATE OR DELETE ON elsewhere FOR EACH ROW
  EXECUTE FUNCTION snowflake_node_conflict_trigger('id', 'error');
INSERT INTO elsewhere VALUES (1);
UPDATE elsewhere SET id = 2;
DELETE FROM elsewhere;
DROP TRIGGER a ON elsewhere;
CREATE VIEW shown AS TABLE elsewhere;
CREATE TRIGGER a INSTEAD OF INSERT ON shown FOR EACH ROW
  EXECUTE FUNCTION snowflake_node_conflict_trigger('id', 'error');
INSERT INTO shown VALUES (1);

-- Partitions have it as well.
CREATE TABLE parts (id bigint) PARTITION BY RANGE (id);
CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (MAXVALUE);
CREATE TRIGGER node_conflict BEFORE INSERT ON parts
  FOR EACH ROW EXECUTE FUNCTION snowflake_node_conflict_trigger('id', 'error');
ALTER TABLE part ENABLE REPLICA TRIGGER node_conflict;
SET session_replication_role = replica;
\set VERBOSITY sqlstate
INSERT INTO parts VALUES (snowflake_encode('2093-01-01', 0, 0, 0));
RESET session_replication_role;

-- The report: without track_commit_timestamp there is none.
SELECT count(*) > 0 AS rows FROM received;
SELECT * FROM snowflake_node_conflicts('received', 'id');
\set VERBOSITY default
SELECT * FROM snowflake_node_conflicts('shown', 'id');
SELECT * FROM snowflake_node_conflicts('snowflake_id', 'last_value');
SELECT * FROM snowflake_node_conflicts('received', 'item');
SELECT * FROM snowflake_node_conflicts('received', 'gone');
SELECT * FROM snowflake_node_conflicts('received', 'ctid');
SELECT * FROM snowflake_node_conflicts('received', 'id', 'instagram');
SELECT * FROM snowflake_node_conflicts('received', 'id', max_delay => '1 month');
SELECT * FROM snowflake_node_conflicts('received', 'id', max_delay => '-1 s');
SELECT * FROM snowflake_node_conflicts('received', 'id', max_delay => '99999999 days');
SELECT * FROM snowflake_node_conflicts(0, 'id');
SELECT * FROM snowflake_node_conflicts('received', NULL);
-- By grants: a grant covers what is later than its beginning, up to its end.
\set ms 'pg_catalog.date_part(''epoch'', timestamptz ''2026-01-01 UTC'')::bigint * 1000'
CREATE TABLE granted (label text, realm text, node integer, from_ms bigint, until_ms bigint);
INSERT INTO granted VALUES ('a', 'main', 1, :ms, :ms + 10), ('b', 'main', 1, :ms + 10, :ms + 20),
  ('c', 'main', 1, :ms + 15, :ms + 30), ('d', 'other', 1, :ms - 10, :ms + 90), ('e', 'main', 2, :ms, :ms + 10),
  ('never', 'main', 1, :ms, :ms), ('never', 'main', 1, :ms + 9, :ms), ('f', 'main', 0, :ms - 99, :ms + 99);
CREATE TABLE made (id bigint);
INSERT INTO made SELECT snowflake_encode('2026-01-01 UTC'::timestamptz + at * interval '1 ms', node, 0, 0)
FROM (VALUES (1, 0), (1, 1), (1, 10), (1, 11), (1, 15), (1, 16), (1, 20), (1, 21), (1, 30), (1, 31), (2, 5), (2, 11),
  (3, 5)) AS made (node, at);
INSERT INTO made VALUES (NULL), (-1);
CREATE VIEW granted_by_view AS TABLE granted;
CREATE FUNCTION at(made timestamptz) RETURNS integer LANGUAGE sql
AS $$ SELECT (date_part('epoch', made)::numeric - date_part('epoch', timestamptz '2026-01-01 UTC')::numeric) * 1000 $$;
SELECT node, grant_count, row_count, at(first_time) AS first, at(last_time) AS last,
  at(snowflake_timestamp(example)) AS example
FROM snowflake_grant_conflicts('made', 'id', 'granted');
SELECT count(*) FROM snowflake_grant_conflicts('made', 'id', 'granted_by_view');
SELECT node, grant_count, row_count FROM snowflake_grant_conflicts('made', 'id', 'granted', 'other');
SELECT node, grant_count, row_count FROM snowflake_grant_conflicts('made', 'id', 'granted', 'unknown');
SELECT sum(row_count) FROM snowflake_grant_conflicts('made', 'id', 'granted', layout => 'discord');
SELECT * FROM snowflake_grant_conflicts('made', 'id', 'granted', layout => 'instagram');

-- A tick counts as a whole. Of 10 ms each: 0 and 10 lie in (-1, 19]; 0 does not in (0, 19], nor 10 in (-1, 18]. A grant
-- within a tick is none.
\set tens 'timestamp:38 node:5 sequence:8 unit:10ms epoch:2025-01-01'
INSERT INTO granted VALUES ('h', 'tens', 1, :ms - 1, :ms + 19), ('i', 'tens', 2, :ms, :ms + 19),
  ('j', 'tens', 3, :ms - 1, :ms + 18), ('k', 'tens', 4, :ms + 2, :ms + 7),
  ('l', 'tens', 5, '-9223372036854775808', 9223372036854775807);
CREATE TABLE made_in_tens AS
SELECT snowflake_encode('2026-01-01 UTC'::timestamptz + at * interval '1 ms', node, NULL, 0, :'tens') AS id
FROM generate_series(1, 5) AS node, generate_series(0, 10, 10) AS at;
SELECT node, grant_count, row_count, at(first_time) AS first, at(last_time) AS last
FROM snowflake_grant_conflicts('made_in_tens', 'id', 'granted', 'tens', :'tens');
\set VERBOSITY sqlstate
SELECT * FROM snowflake_grant_conflicts('made', 'id', 'made');
\set VERBOSITY default
SELECT * FROM snowflake_grant_conflicts('made', 'id', 0);
SELECT * FROM snowflake_grant_conflicts('made', 'id', NULL);
INSERT INTO granted VALUES ('g', 'main', 1, 0, NULL);
SELECT * FROM snowflake_grant_conflicts('made', 'id', 'granted');
DROP VIEW granted_by_view;
DROP TABLE granted, made, made_in_tens;
DROP FUNCTION at;

DROP VIEW shown;
DROP TABLE received, elsewhere, parts;
DROP DOMAIN received_id;
DROP FUNCTION arrives, said, with_arguments;
