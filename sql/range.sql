-- Ranges of time: snowflake_between(), which is planned as a range of IDs; snowflake_now(), snowflake_span().
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS snowflake_id;
RESET client_min_messages;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';

-- From one time on, and before another; to the microsecond.
SELECT t, snowflake_between(snowflake_encode('2026-01-01 00:00:00.002Z', 31, 31, 4095), t, NULL) AS from_t,
  snowflake_between(snowflake_encode('2026-01-01 00:00:00.002Z', 31, 31, 4095), NULL, t) AS before_t
FROM unnest('{2026-01-01 00:00:00.001999Z, 2026-01-01 00:00:00.002Z, 2026-01-01 00:00:00.002001Z,
  2026-01-01 00:00:00.003Z}'::timestamptz[]) AS t;

-- A bound that is NULL or infinite is none; times that the layout does not have are as good as its ends.
SELECT from_time, to_time, snowflake_between(0, from_time, to_time) AS smallest,
  snowflake_between(9223372036854775807, from_time, to_time) AS largest, snowflake_between(-1, from_time, to_time) AS negative
FROM (VALUES
  (NULL::timestamptz, NULL::timestamptz), ('-infinity', 'infinity'), ('infinity', NULL), (NULL, '-infinity'),
  ('2020-01-01Z', '2200-01-01Z'), ('4713-01-01 BC', '294276-12-31Z'), ('2020-01-01Z', '2021-01-01Z'),
  ('2200-01-01Z', '2300-01-01Z')) AS range (from_time, to_time);
SELECT snowflake_between(NULL, '2026-01-01Z', '2027-01-01Z'), snowflake_between(1, NULL, NULL, NULL);
SELECT snowflake_first_id(NULL) AS first_of_all, snowflake_last_id(NULL) AS last_of_all,
  snowflake_first_id('2020-01-01Z') AS first, snowflake_last_id('2020-01-01Z') AS last,
  snowflake_first_id('2026-01-01Z') = snowflake_from_timestamp('2026-01-01Z') AS same,
  snowflake_last_id('2026-01-01Z') = snowflake_from_timestamp('2026-01-01Z') - 1 AS half_open;

-- It says what a comparison of times says, for every layout and any time.
SELECT count(*) AS compared, count(*) FILTER (WHERE said IS DISTINCT FROM (made >= from_time AND made < to_time)) AS wrong
FROM snowflake_layouts AS l,
  generate_series(1, 50) AS n,
  LATERAL (SELECT l.epoch + n * n * interval '3 hours 7 minutes 1.234567 seconds') AS a (from_time),
  LATERAL (SELECT a.from_time + n * interval '13.000101 seconds') AS b (to_time),
  generate_series(-2, 15, 0.5) AS step,
  LATERAL (SELECT snowflake_from_timestamp(a.from_time + step * interval '1 second', l.layout)) AS i (id),
  LATERAL (SELECT snowflake_timestamp(i.id, l.layout), snowflake_between(i.id, a.from_time, b.to_time, l.layout)) AS c (made, said);

-- Planned as a range of the primary key, which is estimated right: a constant range, one that ends now, parameters.
CREATE TABLE orders (id bigint PRIMARY KEY);
INSERT INTO orders SELECT snowflake_encode('2026-01-01Z'::timestamptz + n * interval '1 minute', 0, 0, 0)
FROM generate_series(0, 9999) AS n;
ANALYZE orders;
CREATE FUNCTION plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
    RETURN NEXT line;
  END LOOP;
END $$;
CREATE FUNCTION estimate_of(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
  RETURN plan -> 0 -> 'Plan' ->> 'Plan Rows';
END $$;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT plan_of('SELECT FROM orders WHERE snowflake_between(id, ''2026-01-02Z'', ''2026-01-03Z'')');
SELECT plan_of('SELECT FROM orders WHERE snowflake_between(id, now() - interval ''1 hour'', NULL)');
SELECT plan_of('SELECT FROM orders WHERE snowflake_between(id, ''2026-01-02Z'', ''2026-01-03Z'', ''discord'')');
SELECT count(*), min(snowflake_timestamp(id)), max(snowflake_timestamp(id)) FROM orders
WHERE snowflake_between(id, '2026-01-02Z', '2026-01-03Z');
SELECT estimate_of('SELECT FROM orders WHERE snowflake_between(id, ''2026-01-02Z'', ''2026-01-03Z'')') BETWEEN 1300 AND 1600
  AS estimated_right;
SELECT estimate_of('SELECT FROM orders WHERE snowflake_between(id, ''2026-01-02Z'', NULL)') BETWEEN 8000 AND 9200
  AS estimated_right;
SET plan_cache_mode = force_generic_plan;
PREPARE between_times (timestamptz, timestamptz) AS
SELECT count(*) FROM orders WHERE snowflake_between(id, $1, $2);
EXPLAIN (COSTS OFF) EXECUTE between_times (NULL, NULL);
EXECUTE between_times ('2026-01-02Z', '2026-01-03Z');
EXECUTE between_times (NULL, NULL);
EXECUTE between_times ('2026-01-02Z', 'infinity');

-- An ID that is another one each time it is asked for is asked for once.
SELECT plan_of('SELECT FROM orders WHERE snowflake_between(id + (random() * 0)::bigint, ''2026-01-02Z'', NULL)');

-- Partitions are pruned, when the query is planned and when it is run.
CREATE TABLE events (id bigint PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE events_1 PARTITION OF events
  FOR VALUES FROM (MINVALUE) TO (snowflake_from_timestamp('2026-02-01Z'));
CREATE TABLE events_2 PARTITION OF events
  FOR VALUES FROM (snowflake_from_timestamp('2026-02-01Z')) TO (MAXVALUE);
SELECT plan_of('SELECT FROM events WHERE snowflake_between(id, ''2026-01-02Z'', ''2026-01-03Z'')');
SELECT plan_of('SELECT FROM events WHERE snowflake_between(id, now(), NULL)');

-- Distances.
SELECT snowflake_span('1 day') = 86400000::bigint << 22 AS a_day, snowflake_span('-1 second') AS back,
  snowflake_span('1 hour', 'sonyflake') = (360000::bigint << 24) AS ticks_of_10ms, snowflake_span('999 microseconds') AS none;
SELECT snowflake_timestamp(snowflake_from_timestamp('2026-01-01Z') + snowflake_span('36 hours'));
SELECT snowflake_span('1 month');
SELECT snowflake_span('2000000000 days');
SELECT snowflake_span('-2000000000 days', 'mastodon');
SELECT snowflake_span('100 years'::interval - '100 years'::interval + interval '36500 days');
SELECT snowflake_timestamp(snowflake_now()) = date_trunc('milliseconds', now()) AS now,
  snowflake_timestamp(snowflake_now('discord'), 'discord') = date_trunc('milliseconds', now()) AS of_discord;

DROP TABLE orders, events;
DROP FUNCTION plan_of, estimate_of;
