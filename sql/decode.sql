-- Reading IDs. Known ones, worked out by hand from
--     milliseconds since 2025-01-01 UTC << 22 | node << 17 | worker << 12 | sequence
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS snowflake_id;
RESET client_min_messages;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SET IntervalStyle = 'postgres';

CREATE TEMP TABLE known (id bigint, of text);
INSERT INTO known VALUES
  (0, 'the epoch'),
  (1, '1'),
  (4095, 'last sequence'),
  (4096, 'worker 1'),
  (126976, 'last worker'),
  (131072, 'node 1'),
  (4063232, 'last node'),
  (139267, 'node 1, worker 2, sequence 3'),
  (4194303, 'last ID of the first millisecond'),
  (4194304, 'one millisecond'),
  (132271570944000000, '365 days'),
  (249480205557985322, '59480716123 ms, node 3, worker 7, sequence 42'),
  (418557984765911039, '99791999999 ms, node 16, worker 1, sequence 4095'),
  (9223372036850581504, 'first ID of the last millisecond'),
  (9223372036854775807, 'the last of all');

SELECT of, snowflake_timestamp(id), snowflake_node(id) AS node, snowflake_worker(id) AS worker,
  snowflake_sequence(id) AS sequence
FROM known ORDER BY id;

-- All at once, as a row.
SELECT * FROM snowflake_decode(249480205557985322);
SELECT decoded.* FROM known, snowflake_decode(known.id) AS decoded ORDER BY id;
SELECT count(*) AS differ FROM known, snowflake_decode(known.id) AS decoded
WHERE (decoded.id, decoded.timestamp, decoded.node, decoded.worker, decoded.sequence)
  IS DISTINCT FROM (known.id, snowflake_timestamp(known.id), snowflake_node(known.id),
    snowflake_worker(known.id), snowflake_sequence(known.id));
SELECT (snowflake_decode(id => 139267)).sequence;

-- There and back.
SELECT count(*) AS differ FROM known, snowflake_decode(known.id) AS decoded
WHERE snowflake_encode(decoded.timestamp, decoded.node, decoded.worker, decoded.sequence) <> known.id;

-- Shown in the session's time zone; the same time.
SET TimeZone = 'Asia/Kathmandu';
SELECT made, made = '2026-11-20 10:25:16.123Z' AS same FROM snowflake_timestamp(249480205557985322) AS made;
SET TimeZone = 'UTC';

-- The interval between two, as in a - b, and whether they share node and worker. Worker 7 of one node
-- is not worker 7 of another.
SELECT of, (snowflake_diff(id, 249480205557985322)).* FROM known ORDER BY id;
SELECT * FROM snowflake_diff(a => 4194304, b => 0);
SELECT * FROM snowflake_diff(28672, 131072 + 28672);
SELECT * FROM snowflake_diff(0, 4096);

-- NULL gives NULL.
SELECT snowflake_timestamp(NULL), snowflake_node(NULL), snowflake_worker(NULL), snowflake_sequence(NULL),
  snowflake_inspect(NULL);
SELECT * FROM snowflake_decode(NULL);
SELECT * FROM snowflake_diff(0, NULL);

-- Negative numbers are no Snowflake IDs.
SELECT snowflake_timestamp(-1);
\echo :SQLSTATE
SELECT snowflake_node(-1);
SELECT snowflake_worker(-1);
SELECT snowflake_sequence(-1);
SELECT snowflake_decode(-1);
SELECT snowflake_inspect(-9223372036854775808);
SELECT snowflake_diff(-1, 0);
SELECT snowflake_diff(0, -1);
\echo :SQLSTATE

DROP TABLE known;
