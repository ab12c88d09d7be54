-- Presets read the IDs of other systems as these do. Published answers carry their source; "computed" ones are arithmetic on
-- the published layout.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS snowflake_id;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';

SELECT name, layout FROM snowflake_layouts;
SELECT name, epoch, last_instant, nodes, ids_per_second FROM snowflake_layouts;
-- What is promised of IDs for JavaScript: exact as a double, for 60 years, on 16 nodes, 100,000 a second on each.
SELECT snowflake_encode(last_instant, 15, NULL, 255, layout) AS largest, (1::bigint << 53) - 1 AS max_safe_integer,
       last_instant - epoch > '60 years' AS lasts, nodes >= 16 AS has_nodes, ids_per_second >= 100000 AS is_fast
FROM snowflake_layouts WHERE name = 'javascript';

-- Known answers: to the resolution in which their source gives them.
CREATE TEMP TABLE known (layout text, id bigint, "timestamp" timestamptz, resolution interval, node int, worker int, sequence int, shard int, source text);
INSERT INTO known VALUES
  ('twitter', 474971393852182528, '2014-06-06 17:49:39.493', '1 ms', 4, 1, 0, NULL, 'metacpan.org/pod/Twitter::ID: machine 129'),
  ('twitter', 1233161576649121792, '2020-02-27 22:46:45.564', '1 ms', NULL, NULL, NULL, NULL, 'npmjs.com/package/twitter-snowflake-to-date'),
  ('twitter', 1426860704886947840, '2021-08-15 10:57:56.492', '1 ms', 0, 0, 0, NULL, 'ClickHouse documentation, dateTime64ToSnowflakeID'),
  ('leaf', 1233161576649121792, '2020-02-27 22:46:45.564', '1 ms', NULL, NULL, NULL, NULL, 'the same layout as Twitter''s'),
  ('discord', 175928847299117063, '2016-04-30 11:18:25.796', '1 ms', 1, 0, 7, NULL, 'discord.com/developers/docs/reference'),
  ('discord', 105484726235607040, '2015-10-19 01:58:38.546', '1 ms', NULL, NULL, NULL, NULL, 'twilight (Rust), tests'),
  ('instagram', 2384288897814875714, '2020-08-26 13:43:27', '1 s', NULL, NULL, NULL, NULL, 'stackoverflow.com/questions/63683015'),
  ('instagram', 2383568809444681765, '2020-08-25 13:52:46', '1 s', NULL, NULL, NULL, NULL, 'stackoverflow.com/questions/63683015'),
  ('mastodon', 103270115826048975, '2019-12-08 03:48:33.849', '1 ms', NULL, NULL, NULL, NULL, 'docs.joinmastodon.org, Status; computed, created_at is 52 ms later'),
  ('sonyflake', 600114305433930282, '2026-01-01', '1 ms', 2602, NULL, 5, NULL, 'computed'),
  ('sonyflake2', 52908628377930282, '2026-01-01', '1 ms', 2602, NULL, 5, NULL, 'computed'),
  ('tsid', 388400145978465528, '2022-12-07 18:43:30.927', '1 ms', NULL, NULL, NULL, NULL, 'odan/tsid, tests; the time is computed'),
  ('pgedge', 170505378935607296, '2024-04-15 12:07:30.175', '1 ms', 1, NULL, 0, NULL, 'pgEdge/snowflake, documentation; the time is computed'),
  ('pgedge1', 136169504773242881, '2024-01-11 18:08:59.845', '1 ms', 1, NULL, NULL, NULL, 'pgEdge/snowflake 1.1, documentation'),
  ('clickhouse', 7204436857747984384, '2024-06-06 10:59:58', '1 s', NULL, NULL, NULL, NULL, 'ClickHouse documentation, snowflakeIDToDateTime'),
  ('pgactive', 25074801076895745, '2016-10-24 06:31:54.245', '1 ms', 2, NULL, 1, NULL, 'aws/pgactive, test/expected/seq.out'),
  ('linkedin', 6318971194909560123, '2017-09-28 00:55:33.674', '1 ms', NULL, NULL, NULL, NULL, 'observed'),
  -- Not a preset: the example in the README of baidu/uid-generator has other widths and another epoch than its code.
  ('timestamp:29 node:21 sequence:13 unit:1s epoch:2016-09-19T16:00:00Z', 180363646902239241, '2017-01-19 04:15:46', '1 s', 4, NULL, 9, NULL, 'baidu/uid-generator, README');

SELECT known.layout, known.id, decoded."timestamp", decoded.node, decoded.worker, decoded.sequence, decoded.shard,
       decoded."timestamp" - known."timestamp" >= '0' AND decoded."timestamp" - known."timestamp" < resolution
         AND coalesce(decoded.node = known.node, true) AND coalesce(decoded.worker = known.worker, true)
         AND coalesce(decoded.sequence = known.sequence, true) AS as_published
FROM known, snowflake_decode(known.id, known.layout::snowflake_layout) AS decoded;

-- The other functions agree with snowflake_decode(). None of these rows should appear.
SELECT known.layout, known.id
FROM known CROSS JOIN LATERAL (SELECT known.layout::snowflake_layout AS value) AS layout
CROSS JOIN LATERAL snowflake_decode(known.id, layout.value) AS decoded
WHERE (snowflake_timestamp(known.id, layout.value), snowflake_node(known.id, layout.value), snowflake_worker(known.id, layout.value),
       snowflake_sequence(known.id, layout.value), snowflake_shard(known.id, layout.value))
      IS DISTINCT FROM (decoded."timestamp", decoded.node, decoded.worker, decoded.sequence, decoded.shard)
   OR snowflake_encode(decoded."timestamp", decoded.node, decoded.worker, decoded.sequence, decoded.shard, layout.value) IS DISTINCT FROM known.id
   OR snowflake_from_timestamp(decoded."timestamp", layout.value) > known.id
   OR snowflake_from_timestamp(decoded."timestamp" + '1 ms', layout.value) <= known.id AND known.layout !~ 'sony|unit';
SELECT snowflake_from_timestamp('2021-08-15 10:57:56.492', 'twitter') AS as_clickhouse_says;

-- Fields that a layout lacks are NULL.
SELECT name, snowflake_node(0, layout) AS node, snowflake_worker(0, layout) AS worker, snowflake_shard(0, layout) AS shard, snowflake_sequence(0, layout) AS sequence
FROM snowflake_layouts;
SELECT name, diff.* FROM snowflake_layouts, snowflake_diff(snowflake_from_timestamp('2024-01-01 00:00:10', layout), snowflake_from_timestamp('2024-01-01', layout), layout) AS diff
WHERE epoch < '2024-01-01';
SELECT snowflake_encode('2020-08-26', NULL, NULL, 5, 1341, 'instagram') AS instagram,
       snowflake_encode('2026-01-01', 2602, NULL, 5, 'sonyflake') AS sonyflake, snowflake_encode('2026-01-01', NULL, NULL, 5, 'sonyflake') AS node_null;
SELECT snowflake_encode('2020-08-26', NULL, NULL, 5, 'instagram');

-- To the ends.
SELECT name, snowflake_from_timestamp(epoch, layout) AS first, snowflake_from_timestamp(last_instant, layout) AS last,
       snowflake_timestamp((2::numeric ^ bits - 1)::bigint, layout) <= last_instant AS last_id_is_inside
FROM snowflake_layouts CROSS JOIN LATERAL (SELECT sum(width[1]::int) AS bits FROM regexp_matches(layout::text, ':(\d+) ', 'g') AS width) AS widths;

-- Outside.
CREATE FUNCTION pg_temp.said(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text;
BEGIN
  EXECUTE statement;
  RETURN 'nothing';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  RETURN format(E'%s: %s\n%s', SQLSTATE, SQLERRM, detail);
END $$;
SELECT call, pg_temp.said('SELECT ' || call) FROM (VALUES
  ('snowflake_timestamp(-1, ''discord'')'),
  ('snowflake_decode(9007199254740991 + 1, ''javascript'')'),
  ('snowflake_inspect(9223372036854775807, ''javascript'')'),
  ('snowflake_diff(0, 9007199254740992, ''javascript'')'),
  ('snowflake_to_uuid(9007199254740992, ''javascript'')'),
  ('snowflake_from_timestamp(''2014-12-31 23:59:59.999'', ''discord'')'),
  ('snowflake_from_timestamp(''2024-11-20 13:24:16'', ''baidu'')'),
  ('snowflake_from_timestamp(''infinity'', ''mastodon'')'),
  ('snowflake_encode(''2024-01-01'', 32, 0, 0, ''twitter'')'),
  ('snowflake_encode(''2024-01-01'', 0, 1, 0, ''pgedge'')'),
  ('snowflake_encode(''2024-01-01'', NULL, NULL, 0, 8192, ''instagram'')'),
  ('snowflake_timestamp(1, ''facebook'')')) AS calls (call);
