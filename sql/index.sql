-- IDs as time: range queries that use the primary key, expression indexes, generated columns.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS snowflake_id;
RESET client_min_messages;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SET IntervalStyle = 'postgres';

-- An order a minute, of two nodes.
CREATE TABLE orders (
  id bigint PRIMARY KEY,
  made timestamptz GENERATED ALWAYS AS (snowflake_timestamp(id)) STORED,
  node integer GENERATED ALWAYS AS (snowflake_node(id)) STORED
);
INSERT INTO orders
SELECT snowflake_encode('2026-01-01Z'::timestamptz + n * interval '1 minute', n % 2, 0, 0)
FROM generate_series(0, 9999) AS n;
SELECT * FROM orders ORDER BY id LIMIT 3;
UPDATE orders SET id = snowflake_encode('2026-01-01Z', 5, 0, 0)
WHERE id = snowflake_from_timestamp('2026-01-01Z') RETURNING made, node;
SELECT count(*) AS differ FROM orders WHERE (made, node) IS DISTINCT FROM (snowflake_timestamp(id), snowflake_node(id));

CREATE INDEX orders_made ON orders (snowflake_timestamp(id));
CREATE INDEX orders_node ON orders (snowflake_node(id), id) WHERE snowflake_worker(id) = 0;
ANALYZE orders;

-- A range of time is a range of the primary key: a constant one, and one that begins an hour ago.
SET enable_seqscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF)
SELECT * FROM orders
WHERE id >= snowflake_from_timestamp('2026-01-02Z') AND id < snowflake_from_timestamp('2026-01-03Z');
EXPLAIN (COSTS OFF)
SELECT * FROM orders WHERE id >= snowflake_from_timestamp(now() - interval '1 hour');
SELECT count(*), min(made), max(made) FROM orders
WHERE id >= snowflake_from_timestamp('2026-01-02Z') AND id < snowflake_from_timestamp('2026-01-03Z');

-- The expression indexes.
EXPLAIN (COSTS OFF)
SELECT * FROM orders WHERE snowflake_timestamp(id) >= '2026-01-07 22:37Z';
SELECT made FROM orders WHERE snowflake_timestamp(id) >= '2026-01-07 22:37Z' ORDER BY id;
EXPLAIN (COSTS OFF)
SELECT * FROM orders WHERE snowflake_node(id) = 5 AND snowflake_worker(id) = 0;
SELECT made FROM orders WHERE snowflake_node(id) = 5 AND snowflake_worker(id) = 0;

DROP TABLE orders;
