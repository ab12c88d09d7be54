-- snowflake_analyze(): what the IDs of a table tell. The counting itself is tested in test/unit/analysis_test.cpp.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS snowflake_id;
RESET client_min_messages;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SET IntervalStyle = 'postgres';
\pset null '-'

-- An ID so many milliseconds after 2026-01-01.
CREATE FUNCTION made_at(ms integer, node integer DEFAULT 0, worker integer DEFAULT 0, sequence integer DEFAULT 0)
RETURNS bigint LANGUAGE sql
AS $$ SELECT snowflake_encode('2026-01-01 UTC'::timestamptz + ms * interval '1 ms', node, worker, sequence) $$;
CREATE TABLE analyzed (gone integer, item text, id bigint);
ALTER TABLE analyzed DROP COLUMN gone;

-- Nothing at all.
SELECT * FROM snowflake_analyze('analyzed');
INSERT INTO analyzed VALUES ('skis', NULL);
SELECT * FROM snowflake_analyze('analyzed') WHERE fact IN ('layout', 'rows', 'NULL', 'IDs', 'first');

-- All facts.
INSERT INTO analyzed (id) SELECT made_at(ms, ms / 300 % 3, 1, sequence)
FROM generate_series(1, 3000, 300) AS ms, generate_series(0, ms / 1000) AS sequence;
INSERT INTO analyzed (id) VALUES (made_at(3600000)), (made_at(3600000));
SELECT * FROM snowflake_analyze('analyzed');

-- A value is of the type that it looks like.
SELECT value::bigint + 0 AS ids FROM snowflake_analyze('analyzed') WHERE fact = 'IDs';
SELECT value::timestamptz AS first FROM snowflake_analyze('analyzed') WHERE fact = 'first';
SELECT value::interval AS gap FROM snowflake_analyze('analyzed') WHERE fact = 'largest gap';
SELECT value::snowflake_layout = 'snowflake_id' AS layout FROM snowflake_analyze('analyzed') WHERE fact = 'layout';

-- What should not be there, one or two among many.
INSERT INTO analyzed (id) SELECT made_at(ms) FROM generate_series(10000, 10999) AS ms;
INSERT INTO analyzed (id) VALUES (-5), (-1), (snowflake_encode('2094-01-01', 3, 0, 0));
SELECT fact, value, regexp_replace(detail, '\d+ days .*', 'DAYS') AS detail FROM snowflake_analyze('analyzed')
WHERE fact IN ('layout', 'before the epoch', 'beyond the layout', 'ahead of the clock', 'duplicates', 'rows', 'IDs');
INSERT INTO analyzed (id) VALUES (1::bigint << 53);
SELECT fact, value, detail FROM snowflake_analyze('analyzed', layout => 'javascript')
WHERE fact IN ('layout', 'before the epoch', 'beyond the layout', 'exact in JavaScript');

-- Unique indexes: what is no promise for the whole column does not count.
CREATE TABLE indexed (id bigint, item integer);
INSERT INTO indexed SELECT made_at(ms), ms FROM generate_series(1, 10) AS ms;
CREATE FUNCTION duplicates(relation regclass, id_column name DEFAULT 'id') RETURNS text LANGUAGE sql
AS $$ SELECT concat_ws(': ', value, detail) FROM snowflake_analyze(relation, id_column) WHERE fact = 'duplicates' $$;
CREATE INDEX plain ON indexed (id);
CREATE UNIQUE INDEX partial ON indexed (id) WHERE item > 0;
CREATE UNIQUE INDEX double ON indexed (id, item);
CREATE UNIQUE INDEX expression ON indexed ((id + 1));
ALTER TABLE indexed ADD CONSTRAINT later UNIQUE (id) DEFERRABLE;
CREATE OPERATOR CLASS own_ops FOR TYPE bigint USING btree AS
  OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 btint8cmp(bigint, bigint);
CREATE UNIQUE INDEX own ON indexed (id own_ops);
SELECT duplicates('indexed') AS without_index;
CREATE UNIQUE INDEX real ON indexed (id) INCLUDE (item);
SELECT duplicates('indexed') AS with_index;
CREATE TABLE inherits () INHERITS (indexed);
INSERT INTO inherits SELECT made_at(1), 1;
SELECT duplicates('indexed') AS with_another_table_below;
CREATE TABLE parted (item integer, id bigint PRIMARY KEY) PARTITION BY RANGE (id);
SELECT duplicates('parted') AS partitioned;

-- Several partitions, with other column numbers; without any above.
CREATE TABLE part (gone integer, id bigint NOT NULL, item integer);
ALTER TABLE part DROP COLUMN gone;
ALTER TABLE parted ATTACH PARTITION part FOR VALUES FROM (0) TO (made_at(100));
CREATE TABLE part_2 PARTITION OF parted FOR VALUES FROM (made_at(100)) TO (MAXVALUE);
INSERT INTO parted (id) SELECT made_at(ms) FROM generate_series(1, 200) AS ms;
SELECT fact, value FROM snowflake_analyze('parted') WHERE fact IN ('rows', 'span');

-- Other systems: the layout is guessed where the given one does not fit. With the times of rows, from these.
CREATE TABLE others (id bigint, created_at timestamptz, local timestamp);
CREATE FUNCTION guesses(given snowflake_layout, made snowflake_layout, since timestamptz, until timestamptz,
  time_column name DEFAULT NULL)
RETURNS TABLE (fact text, value text, said text) LANGUAGE plpgsql
AS $$
BEGIN
  TRUNCATE others;
  INSERT INTO others SELECT snowflake_from_timestamp(at, made) + i % 7, at + i % 900 * interval '1 ms', at
  FROM generate_series(0, 999) AS i, LATERAL (SELECT since + (until - since) * i / 999.0) AS row (at);
  RETURN QUERY SELECT a.fact, a.value, regexp_replace(a.detail, '\d+ days .*', 'DAYS')
  FROM snowflake_analyze('others', layout => given, time_column => guesses.time_column) AS a
  WHERE a.fact ~ '^layout';
END
$$;
SELECT name, guess.value, guess.said FROM snowflake_layouts
CROSS JOIN LATERAL guesses('snowflake_id', layout, least(last_instant, '2026-01-01') - interval '90 days',
  least(last_instant, '2026-01-01') - interval '1 day', 'created_at') AS guess
WHERE fact = 'layout guess' OR name = 'snowflake_id';
SELECT value, said FROM guesses('snowflake_id', 'timestamp:40 node:3 sequence:20 unit:1ms epoch:2020-02-02', '2025-01-01',
  '2025-06-01', 'created_at');
SELECT value, said FROM guesses('discord', 'timestamp:35 sequence:28 unit:100ms epoch:2001-09-09T01:46:40Z', '2025-01-01',
  '2025-06-01', 'local');

-- Without times, the presets that can be.
SELECT value, said LIKE 'can be: the newest would be of%' AS can_be
FROM guesses('snowflake_id', 'discord', now() - interval '2 years', now()) WHERE fact = 'layout guess' LIMIT 1;
SELECT value, said LIKE 'can be: the newest would be of%' AS can_be
FROM guesses('snowflake_id', 'sonyflake', now() - interval '2 years', now()) WHERE fact = 'layout guess' LIMIT 1;
SELECT value, said FROM guesses('javascript', 'snowflake_id', '2025-06-01', '2026-01-01') WHERE fact = 'layout';
UPDATE others SET id = 9223372036854775807 - id % 1000;
SELECT * FROM snowflake_analyze('others', layout => 'javascript') WHERE fact = 'layout guess';

-- No Snowflakes.
TRUNCATE others;
INSERT INTO others SELECT n, '2025-01-01'::timestamptz + n * n % 7919 * interval '1 s' FROM generate_series(1, 1000) AS n;
SELECT * FROM snowflake_analyze('others') WHERE fact ~ '^layout';
SELECT * FROM snowflake_analyze('others', time_column => 'created_at') WHERE fact ~ '^layout';
UPDATE others SET id = ('x' || substr(md5(id::text), 1, 16))::bit(64)::bigint;
SELECT fact, value, regexp_replace(detail, '[\d.]+ %', 'SOME') AS detail
FROM snowflake_analyze('others', time_column => 'created_at') WHERE fact ~ '^layout';
UPDATE others SET created_at = 'infinity', local = '-infinity';
SELECT * FROM snowflake_analyze('others', time_column => 'created_at') WHERE fact = 'delay';
SELECT * FROM snowflake_analyze('others', time_column => 'local') WHERE fact = 'delay';

-- Times at the ends of what there is, and beyond it in other time zones.
SET TimeZone = 'Asia/Kathmandu';
UPDATE others SET id = 0, created_at = '294276-12-31 23:59:59.999999 UTC', local = '4713-01-01 BC';
SELECT * FROM snowflake_analyze('others', time_column => 'created_at') WHERE fact = 'delay';
SELECT * FROM snowflake_analyze('others', time_column => 'local') WHERE fact = 'delay';
UPDATE others SET id = 9223372036854775807, created_at = '4713-01-01 BC UTC', local = '294276-12-31 23:59:59.999999';
SELECT * FROM snowflake_analyze('others', layout => 'timestamp:37 sequence:26 unit:60s', time_column => 'created_at')
WHERE fact IN ('last', 'delay');
SELECT * FROM snowflake_analyze('others', time_column => 'local') WHERE fact = 'delay';
SET TimeZone = 'UTC';

-- More nodes than are listed.
TRUNCATE others;
INSERT INTO others SELECT snowflake_encode('2025-01-01'::timestamptz + node * interval '1 s', node, NULL, 1, 'sonyflake')
FROM generate_series(1, 10000) AS node;
INSERT INTO others SELECT snowflake_encode('2025-02-01'::timestamptz, node, NULL, 2, 'sonyflake')
FROM generate_series(1, 100) AS node;
SELECT * FROM snowflake_analyze('others', layout => 'sonyflake') WHERE fact ~ '^nodes?( 1)?$';
SELECT count(*) FROM snowflake_analyze('others', layout => 'sonyflake') WHERE fact ~ '^node ';
DELETE FROM others WHERE snowflake_node(id, 'sonyflake') > 100;
SELECT * FROM snowflake_analyze('others', layout => 'sonyflake') WHERE fact ~ '^nodes?( 1)?$';

-- A sample: some of the pages, always the same.
CREATE TABLE large (id bigint, filler text);
INSERT INTO large SELECT made_at(ms), repeat('x', 700) FROM generate_series(1, 5000) AS ms;
CREATE FUNCTION rows_of(percent double precision) RETURNS bigint LANGUAGE sql
AS $$ SELECT value::bigint FROM snowflake_analyze('large', sample => percent) WHERE fact = 'rows' $$;
SELECT rows_of(20) BETWEEN 500 AND 1500 AS a_fifth, rows_of(20) = rows_of(20) AS the_same, rows_of(1e-300) AS nearly_none,
  rows_of(100) AS everything;
SELECT fact, detail FROM snowflake_analyze('large', sample => 20) WHERE fact IN ('rows', 'duplicates');
CREATE UNIQUE INDEX large_id ON large (id);
SELECT fact, value, detail FROM snowflake_analyze('large', sample => 20) WHERE fact = 'duplicates';
DELETE FROM large WHERE ctid < '(100,0)';
SELECT rows_of(20) < 1000 AS less, sum(value::bigint) = rows_of(20) AS of_nodes
FROM snowflake_analyze('large', sample => 20) WHERE fact ~ '^node ';

-- Ticks of other lengths; shards.
SELECT fact, value FROM snowflake_analyze('large', layout => 'sonyflake') WHERE fact ~ 'peak';
SELECT fact, value FROM snowflake_analyze('large', layout => 'baidu') WHERE fact ~ 'peak';
SELECT fact FROM snowflake_analyze('large', layout => 'timestamp:35 sequence:28 unit:60s') WHERE fact ~ 'peak';
SELECT fact, value FROM snowflake_analyze('large', layout => 'instagram') WHERE fact IN ('nodes', 'workers', 'shards');

-- More than fits in memory.
SET maintenance_work_mem = '1MB';
CREATE TABLE many (id bigint);
INSERT INTO many SELECT made_at(i * 7 % 100003) FROM generate_series(0, 199999) AS i;
SELECT fact, value, detail FROM snowflake_analyze('many') WHERE fact IN ('rows', 'duplicates', 'span');
RESET maintenance_work_mem;

-- NULL makes no rows; but for the column of times, which may be missing.
SELECT * FROM snowflake_analyze(NULL);
SELECT * FROM snowflake_analyze('analyzed', NULL);
SELECT * FROM snowflake_analyze('analyzed', layout => NULL);
SELECT * FROM snowflake_analyze('analyzed', sample => NULL);

-- What is refused.
CREATE VIEW shown AS TABLE analyzed;
CREATE TABLE generated (id bigint, copy bigint GENERATED ALWAYS AS (id) STORED,
  at timestamptz GENERATED ALWAYS AS (snowflake_timestamp(id)) STORED, day date);
SELECT * FROM snowflake_analyze('shown');
SELECT * FROM snowflake_analyze('snowflake_id', 'last_value');
SELECT * FROM snowflake_analyze('pg_class', 'relname');
SELECT * FROM snowflake_analyze('analyzed', 'item');
SELECT * FROM snowflake_analyze('analyzed', 'gone');
SELECT * FROM snowflake_analyze('analyzed', 'ctid');
SELECT * FROM snowflake_analyze('generated', 'copy');
SELECT * FROM snowflake_analyze('generated', time_column => 'at');
SELECT * FROM snowflake_analyze('generated', time_column => 'day');
SELECT * FROM snowflake_analyze('generated', time_column => '');
SELECT * FROM snowflake_analyze('generated', sample => 0);
SELECT * FROM snowflake_analyze('generated', sample => 100.1);
SELECT * FROM snowflake_analyze('generated', sample => 'NaN');
SELECT * FROM snowflake_analyze(0);

DROP VIEW shown;
DROP TABLE analyzed, indexed, inherits, parted, others, large, many, generated;
DROP FUNCTION made_at, duplicates, guesses, rows_of;
DROP OPERATOR FAMILY own_ops USING btree;
