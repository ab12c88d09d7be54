-- Tables partitioned by the time in their IDs.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS snowflake_id;
RESET client_min_messages;
SET TimeZone = 'UTC';
SET IntervalStyle = 'postgres';

CREATE TABLE events (id bigint DEFAULT snowflake_next() PRIMARY KEY, what text) PARTITION BY RANGE (id);
CREATE TABLE events_2025_01 PARTITION OF events
  FOR VALUES FROM (snowflake_from_timestamp('2025-01-01Z')) TO (snowflake_from_timestamp('2025-02-01Z'));
CREATE TABLE events_2025_02 PARTITION OF events
  FOR VALUES FROM (snowflake_from_timestamp('2025-02-01Z')) TO (snowflake_from_timestamp('2025-03-01Z'));
CREATE TABLE events_since_2025_03 PARTITION OF events
  FOR VALUES FROM (snowflake_from_timestamp('2025-03-01Z')) TO (MAXVALUE);
SELECT relname, pg_get_expr(relpartbound, oid) FROM pg_class, pg_partition_tree('events')
WHERE oid = relid AND relispartition ORDER BY relname;

-- Rows find their partition, to the millisecond.
INSERT INTO events VALUES
  (snowflake_encode('2025-01-31 23:59:59.999Z', 31, 31, 4095), 'last of January'),
  (snowflake_encode('2025-02-01Z', 0, 0, 0), 'first of February');
INSERT INTO events (what) VALUES ('now');
SELECT tableoid::regclass, what FROM events ORDER BY id;

-- Constant times prune when the query is planned, others when it is run.
SET enable_seqscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF)
SELECT * FROM events
WHERE id >= snowflake_from_timestamp('2025-02-10Z') AND id < snowflake_from_timestamp('2025-02-11Z');
EXPLAIN (COSTS OFF)
SELECT * FROM events WHERE id >= snowflake_from_timestamp(now() - interval '1 hour');
SELECT what FROM events WHERE id >= snowflake_from_timestamp(now() - interval '1 hour');

-- A plan that is kept for any parameter.
SET plan_cache_mode = force_generic_plan;
PREPARE since (timestamptz) AS SELECT what FROM events WHERE id >= snowflake_from_timestamp($1) ORDER BY id;
EXPLAIN (COSTS OFF) EXECUTE since ('2025-02-01Z');
EXECUTE since ('2025-02-01Z');

DROP TABLE events;
