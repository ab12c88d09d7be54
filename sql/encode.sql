-- Writing IDs: the smallest of a millisecond, and one from its parts.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS snowflake_id;
RESET client_min_messages;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';

SELECT snowflake_from_timestamp('2025-01-01Z') AS epoch,
  snowflake_from_timestamp('2025-01-01 00:00:00.001Z') AS one_millisecond,
  snowflake_from_timestamp('2026-01-01Z') AS one_year,
  snowflake_from_timestamp('2094-09-07 15:47:35.551Z') AS last_millisecond;
SELECT snowflake_encode('2026-11-20 10:25:16.123Z', 3, 7, 42);
SELECT snowflake_encode("timestamp" => '2025-01-01Z', node => 1, worker => 2, sequence => 3);
SELECT snowflake_encode('2094-09-07 15:47:35.551Z', 31, 31, 4095);

-- A time within a millisecond belongs to that millisecond: rounded down, never up.
SELECT us, snowflake_from_timestamp('2025-01-01Z'::timestamptz + us * interval '1 microsecond') >> 22 AS ms
FROM unnest(ARRAY[0, 1, 499, 500, 501, 999, 1000, 1001, 1999]) AS us;
SELECT snowflake_timestamp(snowflake_from_timestamp('2026-11-20 10:25:16.123999Z'));
SELECT snowflake_timestamp(snowflake_encode('2026-11-20 10:25:16.123999Z', 1, 1, 1));
SELECT snowflake_from_timestamp('2094-09-07 15:47:35.551999Z') >> 22 = 2199023255551 AS last_millisecond;

-- The same time is the same ID, whatever the zone it is written in.
SELECT count(DISTINCT snowflake_from_timestamp(t)) AS ids
FROM unnest(ARRAY['2026-07-01 12:00Z', '2026-07-01 14:00+02', '2026-07-01 08:00 America/New_York']::timestamptz[]) AS t;

-- IDs that were made in a millisecond lie between its smallest and the next one's.
SELECT snowflake_from_timestamp(t) <= least AS lower, greatest < snowflake_from_timestamp(t + interval '1 ms') AS upper
FROM (VALUES (timestamptz '2026-11-20 10:25:16.123Z')) AS times (t),
  snowflake_encode(t, 0, 0, 0) AS least, snowflake_encode(t, 31, 31, 4095) AS greatest;

-- NULL gives NULL.
SELECT snowflake_from_timestamp(NULL), snowflake_encode(NULL, 0, 0, 0), snowflake_encode('2026-01-01Z', NULL, 0, 0),
  snowflake_encode('2026-01-01Z', 0, NULL, 0), snowflake_encode('2026-01-01Z', 0, 0, NULL);

-- Outside the layout's time.
SELECT snowflake_from_timestamp('2024-12-31 23:59:59.999999Z');
\echo :SQLSTATE
SELECT snowflake_from_timestamp('2094-09-07 15:47:35.552Z');
\echo :SQLSTATE
SELECT snowflake_from_timestamp('infinity');
\echo :SQLSTATE
SELECT snowflake_from_timestamp('-infinity');
\echo :SQLSTATE
SELECT snowflake_from_timestamp('294276-12-31 23:59:59.999999Z');
\echo :SQLSTATE
SELECT snowflake_from_timestamp('4713-01-01 00:00:00Z BC');
\echo :SQLSTATE
SELECT snowflake_encode('infinity', 0, 0, 0);
\echo :SQLSTATE
SELECT snowflake_encode('2024-12-31 23:59:59.999999Z', 0, 0, 0);
\echo :SQLSTATE

-- Outside a field.
SELECT snowflake_encode('2026-01-01Z', 32, 0, 0);
\echo :SQLSTATE
SELECT snowflake_encode('2026-01-01Z', -1, 0, 0);
SELECT snowflake_encode('2026-01-01Z', 0, 32, 0);
SELECT snowflake_encode('2026-01-01Z', 0, -1, 0);
SELECT snowflake_encode('2026-01-01Z', 0, 0, 4096);
SELECT snowflake_encode('2026-01-01Z', 0, 0, -2147483648);
\echo :SQLSTATE
