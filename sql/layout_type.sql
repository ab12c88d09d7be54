-- A layout is a value: it is read strictly, compared, hashed, stored, dumped and copied like one.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS snowflake_id;
RESET client_min_messages;
SET timezone = 'UTC';

-- What need not be written: the unit, the epoch, the time of an epoch. Blanks are free.
SELECT written, written::snowflake_layout AS layout FROM (VALUES
  ('timestamp:41 sequence:22'),
  ('timestamp:41 node:5 worker:5 sequence:12 unit:1ms epoch:2025-01-01'),
  (E'  timestamp:41\tnode:5\n worker:5   sequence:12 epoch:1735689600000 '),
  ('timestamp:41 node:5 worker:5 sequence:12 epoch:1735689600000 unit:1ms'),
  ('timestamp:30 sequence:1 epoch:2024-02-29T23:59:59.999Z unit:60000ms'),
  ('timestamp:30 sequence:1 epoch:1999-12-31T23:59:59Z unit:2s'),
  ('timestamp:30 sequence:4 unit:1500ms epoch:0'),
  ('timestamp:1 sequence:1 epoch:1970-01-01'),
  ('timestamp:44 sequence:8 shard:4 worker:3 node:2'),
  ('discord'),
  ('javascript')) AS layouts (written);

-- What is wrong, and where.
CREATE FUNCTION pg_temp.said(written text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text;
BEGIN
  RETURN 'taken for ' || written::snowflake_layout;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  RETURN format('%s %s %s', SQLSTATE, substring(detail FROM '^At (character \d+) of'), SQLERRM);
END $$;
SELECT written, pg_temp.said(written) FROM (VALUES
  (''),
  ('   '),
  ('facebook'),
  ('Discord'),
  ('discord '),
  ('timestamp'),
  ('timestamp:'),
  ('timestamp:x sequence:22'),
  ('timestamp:41x sequence:22'),
  ('timestamp: 41 sequence:22'),
  ('timestamp :41 sequence:22'),
  ('timestamp:-41 sequence:22'),
  ('timestamp:41,sequence:22'),
  ('Timestamp:41 sequence:22'),
  ('timestamp:41 sequence:22 region:3'),
  ('timestamp:41 sequence:12 ключ:3'),
  ('timestamp:41 sequence:0'),
  ('timestamp:41 node:5'),
  ('sequence:12'),
  ('node:10 timestamp:41 sequence:12'),
  ('sequence:22 timestamp:41'),
  ('timestamp:41 node:5 node:5 sequence:12'),
  ('timestamp:41 sequence:12 timestamp:10'),
  ('timestamp:41 node:11 sequence:12'),
  ('timestamp:64 sequence:1'),
  ('timestamp:41 sequence:99999999999999999999'),
  ('timestamp:30 sequence:32'),
  ('timestamp:60 sequence:3'),
  ('timestamp:41 unit:1ms sequence:12'),
  ('timestamp:41 epoch:2025-01-01 sequence:12'),
  ('timestamp:41 sequence:22 unit:1ms unit:1ms'),
  ('timestamp:41 sequence:22 unit:0ms'),
  ('timestamp:41 sequence:22 unit:1'),
  ('timestamp:41 sequence:22 unit:1us'),
  ('timestamp:41 sequence:22 unit:1min'),
  ('timestamp:41 sequence:22 unit:61s'),
  ('timestamp:41 sequence:22 unit:60001ms'),
  ('timestamp:41 sequence:22 epoch:2025-01-01 epoch:2025-01-01'),
  ('timestamp:41 sequence:22 epoch:9999-12-31'),
  ('timestamp:41 sequence:22 epoch:253402300799999'),
  ('timestamp:41 sequence:22 epoch:1969-12-31'),
  ('timestamp:41 sequence:22 epoch:-1'),
  ('timestamp:41 sequence:22 epoch:2025-02-29'),
  ('timestamp:41 sequence:22 epoch:2025-13-01'),
  ('timestamp:41 sequence:22 epoch:2025-00-01'),
  ('timestamp:41 sequence:22 epoch:2025-1-1'),
  ('timestamp:41 sequence:22 epoch:2025-01-01T24:00:00Z'),
  ('timestamp:41 sequence:22 epoch:2025-01-01T00:00:60Z'),
  ('timestamp:41 sequence:22 epoch:2025-01-01T00:00:00'),
  ('timestamp:41 sequence:22 epoch:2025-01-01T00:00:00.1Z'),
  ('timestamp:41 sequence:22 epoch:2025-01-01T00:00:00+01'),
  ('timestamp:41 sequence:22 epoch:now'),
  ('timestamp:41 sequence:22 epoch:')) AS layouts (written);
SELECT 'timestamp:41 node:5 werker:5 sequence:12'::snowflake_layout;

-- Equal if they mean the same, however they were written.
SELECT 'twitter'::snowflake_layout = 'leaf' AS equal, 'twitter'::snowflake_layout <> 'leaf' AS unequal,
       'snowflake_id'::snowflake_layout = 'timestamp:41 node:5 worker:5 sequence:12 epoch:2025-01-01' AS written_otherwise;
SELECT a.name, b.name FROM snowflake_layouts a JOIN snowflake_layouts b ON a.layout = b.layout WHERE a.name < b.name;
SELECT count(*) FROM snowflake_layouts a JOIN snowflake_layouts b ON a.layout <> b.layout;
SELECT a.name FROM snowflake_layouts a, snowflake_layouts b
WHERE (a.layout = b.layout) <> (a.layout::text = b.layout::text) OR (a.layout = b.layout) = (a.layout <> b.layout);

-- Hashing: joins, groups, an index, partitions; no order.
CREATE TABLE dialects (name text, layout snowflake_layout NOT NULL, EXCLUDE USING hash (layout WITH =) WHERE (name <> 'leaf'));
INSERT INTO dialects SELECT name, layout FROM snowflake_layouts;
ANALYZE dialects;
SET enable_nestloop = off;
SET enable_sort = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM dialects a JOIN dialects b USING (layout);
SELECT count(*) FROM dialects a JOIN dialects b USING (layout);
EXPLAIN (COSTS OFF) SELECT layout FROM dialects GROUP BY layout;
SELECT count(*) FROM (SELECT layout FROM dialects GROUP BY layout) AS groups;
RESET enable_nestloop;
RESET enable_sort;
SELECT count(DISTINCT snowflake_layout_hash(layout)), count(DISTINCT snowflake_layout_hash_extended(layout, 1)),
       bool_and(snowflake_layout_hash_extended(layout, 0) <> snowflake_layout_hash_extended(layout, 1)) AS seeded,
       bool_and(snowflake_layout_hash_extended(layout, 0)::bit(32) = snowflake_layout_hash(layout)::bit(32)) AS unseeded
FROM snowflake_layouts;
\set VERBOSITY terse
INSERT INTO dialects VALUES ('again', 'discord');
SELECT layout FROM dialects ORDER BY layout;
SELECT 'discord'::snowflake_layout < 'twitter'::snowflake_layout;
\set VERBOSITY default
SET enable_seqscan = off;
SELECT name FROM dialects WHERE layout = 'timestamp:41 node:5 worker:5 sequence:12 epoch:2015-01-01' AND name <> 'leaf';
RESET enable_seqscan;
CREATE TABLE by_layout (layout snowflake_layout, id bigint) PARTITION BY HASH (layout);
CREATE TABLE by_layout_0 PARTITION OF by_layout FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE by_layout_1 PARTITION OF by_layout FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO by_layout SELECT layout, 1 FROM snowflake_layouts;
SELECT count(*) FROM by_layout;
DROP TABLE by_layout;

-- Text and binary form.
SELECT name FROM snowflake_layouts WHERE layout::text::snowflake_layout <> layout;
SELECT name, snowflake_layout_send(layout) FROM snowflake_layouts WHERE name IN ('snowflake_id', 'sonyflake');
DROP TABLE dialects;

-- In a column by which IDs are read, row by row.
SELECT layout, snowflake_timestamp(id, layout::snowflake_layout) FROM (VALUES ('discord', 175928847299117063), ('twitter', 1233161576649121792)) AS rows (layout, id);
-- In an index and a generated column: a layout is a constant.
CREATE TABLE tweets (id bigint PRIMARY KEY, at timestamptz GENERATED ALWAYS AS (snowflake_timestamp(id, 'twitter')) STORED);
CREATE INDEX ON tweets (snowflake_node(id, 'twitter'));
INSERT INTO tweets VALUES (1233161576649121792);
TABLE tweets;
DROP TABLE tweets;
SELECT oid FROM pg_type WHERE typname IN ('snowflake_layout', '_snowflake_layout') AND typlen NOT IN (24, -1);
SELECT ARRAY['discord', 'twitter']::snowflake_layout[];
