-- Who is measured: a row each, and the objects that they need.
--
--     call         the expression that makes one ID; the DEFAULT of the table KEY_ids
--     type         of the ID; null: makes no IDs, so that only its calls are measured
--     rows         calls alone: rows of 20 calls each
--     ids          calls side by side: IDs a statement
--     inserts      bulk INSERT: rows a statement
--     on_conflict  what INSERT needs so that duplicates do not end the run
--
-- Who is quick does much in one statement, so that the statement itself does not count; who is slow would take hours.

SET client_min_messages = warning;

CREATE EXTENSION snowflake_id;

CREATE FUNCTION empty_function() RETURNS bigint AS :'bench_library' LANGUAGE C VOLATILE STRICT;
CREATE FUNCTION uuidv7_as_of_18() RETURNS uuid AS :'bench_library' LANGUAGE C VOLATILE STRICT;

-- What an argument costs, which a named generator has.
CREATE FUNCTION empty_function(regclass) RETURNS bigint AS :'bench_library', 'empty_function'
LANGUAGE C VOLATILE STRICT;

-- Of the same layout, so that these take from the same cursors.
SELECT snowflake_create_generator('named'), snowflake_create_generator('ordered', ordered => true) \g /dev/null

CREATE SEQUENCE plain;
CREATE SEQUENCE cached CACHE 100;

-- As at Instagram: 41 bits of milliseconds, 13 of shard, 10 of a sequence. A session that loses the CPU between the clock
-- and the sequence may make another's ID, 1024 calls later.
CREATE SEQUENCE instagram;
CREATE FUNCTION instagram_id() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  epoch CONSTANT bigint := 1314220021721;
  shard CONSTANT bigint := 5;
  now_ms bigint := extract(epoch FROM clock_timestamp()) * 1000;
BEGIN
  RETURN ((now_ms - epoch) << 23) | (shard << 10) | (nextval('instagram') % 1024);
END $$;

-- Two sessions at once see the same maximum; one of them has to go without its row.
CREATE TABLE max_plus_one_ids (id bigint PRIMARY KEY);
CREATE FUNCTION max_plus_one() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  RETURN coalesce(max(id), 0) + 1 FROM max_plus_one_ids;
END $$;

-- Whoever updates the row holds it until the transaction ends.
CREATE TABLE counter (value bigint NOT NULL);
INSERT INTO counter VALUES (0);
CREATE FUNCTION counter_id() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  id bigint;
BEGIN
  UPDATE counter SET value = value + 1 RETURNING value INTO id;
  RETURN id;
END $$;

CREATE TABLE contender (
  key text, name text PRIMARY KEY, call text, type text, rows int, ids int, inserts int, on_conflict text DEFAULT '',
  position int GENERATED ALWAYS AS IDENTITY);

INSERT INTO contender (key, name, call, type, rows, ids, inserts) VALUES
  ('empty',        'empty C function',     'empty_function()',    null,     100000, 10000, null),
  ('empty_1',      'empty C function, an argument', 'empty_function(''plain'')', null, 100000, 10000, null),
  ('snowflake',    'snowflake_next()',     'snowflake_next()',    'bigint', 100000, 10000, 1000000),
  ('named',        'named generator',      'snowflake_next(''named'')',   'bigint', 100000, 10000, 1000000),
  ('ordered',      'ordered generator',    'snowflake_next(''ordered'')', 'bigint', 100000, 10000, 1000000),
  ('clock',        'clock_timestamp()',    'clock_timestamp()',   null,     100000, 10000, null),
  ('cached',       'nextval, CACHE 100',   'nextval(''cached'')', 'bigint', 100000, 10000, 1000000),
  ('plain',        'nextval',              'nextval(''plain'')',  'bigint', 100000, 10000, 1000000),
  ('uuidv4',       'gen_random_uuid()',    'gen_random_uuid()',   'uuid',   20000,  1000,  1000000),
  ('uuidv7',       'uuidv7()',             'uuidv7()',            'uuid',   20000,  1000,  1000000),
  ('instagram',    'PL/pgSQL, Instagram',  'instagram_id()',      'bigint', 10000,  1000,  1000000),
  ('max_plus_one', 'max(id) + 1',          'max_plus_one()',      'bigint', 1000,   1,     10000),
  ('counter',      'counter table',        'counter_id()',        'bigint', 20,     1,     2000);

UPDATE contender SET name = 'uuidv7(), as of 18', call = 'uuidv7_as_of_18()'
WHERE key = 'uuidv7' AND to_regprocedure('uuidv7()') IS NULL;
UPDATE contender SET on_conflict = 'ON CONFLICT DO NOTHING' WHERE key IN ('instagram', 'max_plus_one');

SELECT format('CREATE TABLE IF NOT EXISTS %I (id %s PRIMARY KEY)', key || '_ids', type),
       format('ALTER TABLE %I ALTER id SET DEFAULT %s', key || '_ids', call)
FROM contender WHERE type IS NOT NULL \gexec
