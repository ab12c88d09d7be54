-- Presets against arithmetic: random and edge IDs of each, taken apart here by shifts that are written out once more.
\ir lib/setup.psql
SET search_path = ids, public;
SET timezone = 'UTC';
SELECT plan(11);
\if :{?seed}
\else
  SELECT random() AS seed \gset
\endif
SELECT diag('seed ' || :seed);
SELECT setseed(:seed) IS NULL AS seeded \gset

-- As their sources say: the lowest bit and the width of each field, the unit and the epoch in milliseconds.
CREATE TEMP TABLE preset (name text PRIMARY KEY, time_shift int, node_shift int, node_width int, worker_shift int, worker_width int, shard_shift int, shard_width int, sequence_shift int, sequence_width int, unit int, epoch bigint);
INSERT INTO preset VALUES
  ('snowflake_id', 22, 17,    5,    12,   5,    NULL, NULL, 0,  12, 1,    1735689600000),
  ('twitter',      22, 17,    5,    12,   5,    NULL, NULL, 0,  12, 1,    1288834974657),
  ('discord',      22, 17,    5,    12,   5,    NULL, NULL, 0,  12, 1,    1420070400000),
  ('instagram',    23, NULL,  NULL, NULL, NULL, 10,   13,   0,  10, 1,    1314220021721),
  ('mastodon',     16, NULL,  NULL, NULL, NULL, NULL, NULL, 0,  16, 1,    0),
  ('sonyflake',    24, 0,     16,   NULL, NULL, NULL, NULL, 16, 8,  10,   1409529600000),
  ('sonyflake2',   24, 0,     16,   NULL, NULL, NULL, NULL, 16, 8,  10,   1735689600000),
  ('baidu',        35, 13,    22,   NULL, NULL, NULL, NULL, 0,  13, 1000, 1463673600000),
  ('leaf',         22, 17,    5,    12,   5,    NULL, NULL, 0,  12, 1,    1288834974657),
  ('tsid',         22, 12,    10,   NULL, NULL, NULL, NULL, 0,  12, 1,    1577836800000),
  ('pgedge',       22, 12,    10,   NULL, NULL, NULL, NULL, 0,  12, 1,    1672531200000),
  ('pgedge1',      22, 0,     10,   NULL, NULL, NULL, NULL, 10, 12, 1,    1672531200000),
  ('clickhouse',   22, 12,    10,   NULL, NULL, NULL, NULL, 0,  12, 1,    0),
  ('pgactive',     24, 14,    10,   NULL, NULL, NULL, NULL, 0,  14, 1,    1475796139634),
  ('linkedin',     22, NULL,  NULL, NULL, NULL, NULL, NULL, 0,  22, 1,    0),
  ('javascript',   12, 8,     4,    NULL, NULL, NULL, NULL, 0,  8,  1,    1735689600000);
SELECT set_eq('SELECT name FROM snowflake_layouts', 'SELECT name FROM preset', 'these presets and no others');

CREATE TEMP TABLE picked AS
SELECT name, layout, id, timestamptz 'epoch' + ms / 86400000 * interval '1 day' + ms % 86400000 * interval '1 millisecond' AS made,
       (id >> node_shift & (1 << node_width) - 1)::int AS node, (id >> worker_shift & (1 << worker_width) - 1)::int AS worker,
       (id >> shard_shift & (1 << shard_width) - 1)::int AS shard, (id >> sequence_shift & (1 << sequence_width) - 1)::int AS sequence, id >> time_shift << time_shift AS smallest, unit
FROM preset JOIN snowflake_layouts USING (name),
     LATERAL (VALUES (CASE name WHEN 'javascript' THEN 10 ELSE 0 END)) AS bits (unused),
     LATERAL (SELECT floor(random() * 4294967296)::bigint << 31 >> unused | floor(random() * 2147483648)::bigint >> unused AS id FROM generate_series(1, 2000)
              UNION ALL SELECT (1::bigint << bit) - below FROM generate_series(0, 62 - unused) AS bit, generate_series(0, 1) AS below
              UNION ALL SELECT 9223372036854775807 >> unused) AS ids,
     LATERAL (VALUES ((id >> time_shift) * unit + preset.epoch)) AS times (ms);

-- No row of `picked` may satisfy the condition.
CREATE FUNCTION pg_temp.none(condition text, description text) RETURNS SETOF text LANGUAGE sql
AS $$SELECT is_empty('SELECT name, id FROM picked WHERE ' || $1 || ' LIMIT 3', $2)$$;
SELECT cmp_ok(count(*), '>', 30000::bigint, 'many IDs') FROM picked;
SELECT pg_temp.none('snowflake_timestamp(id, layout) IS DISTINCT FROM made', 'snowflake_timestamp');
SELECT pg_temp.none('snowflake_node(id, layout) IS DISTINCT FROM node OR snowflake_worker(id, layout) IS DISTINCT FROM worker', 'snowflake_node, snowflake_worker');
SELECT pg_temp.none('snowflake_sequence(id, layout) IS DISTINCT FROM sequence OR snowflake_shard(id, layout) IS DISTINCT FROM shard', 'snowflake_sequence, snowflake_shard');
SELECT pg_temp.none('snowflake_decode(id, layout) IS DISTINCT FROM ROW (id, made, node, worker, sequence, shard)', 'snowflake_decode');
SELECT pg_temp.none('snowflake_encode(made, node, worker, sequence, shard, layout) IS DISTINCT FROM id', 'snowflake_encode');
SELECT pg_temp.none('snowflake_from_timestamp(made, layout) IS DISTINCT FROM smallest OR snowflake_from_timestamp(made + (unit - 1) * interval ''1 ms'' + ''999 us'', layout) IS DISTINCT FROM smallest', 'snowflake_from_timestamp');
SELECT pg_temp.none('regexp_replace(split_part(snowflake_inspect(id, layout), E''\n'', 1), '' '', '''', ''g'') <> id::bit(64)::text', 'snowflake_inspect shows the bits');
SELECT pg_temp.none('made NOT BETWEEN (SELECT epoch FROM snowflake_layouts l WHERE l.name = picked.name) AND (SELECT last_instant FROM snowflake_layouts l WHERE l.name = picked.name)', 'no ID outside epoch to last_instant');
SELECT pg_temp.none('(snowflake_diff(id, smallest, layout)) IS DISTINCT FROM ROW (interval ''0'', CASE WHEN node IS NOT NULL THEN node = 0 END, CASE WHEN worker IS NOT NULL THEN node = 0 AND worker = 0 END)', 'snowflake_diff');
SELECT * FROM finish();
ROLLBACK;
