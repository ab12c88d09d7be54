-- snowflake_backfill(): what it fills and how, and what it refuses. Beside others, killed, hostile: test/tap/560_backfill.pl
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS snowflake_id;
RESET client_min_messages;
SET TimeZone = 'UTC';
\set VERBOSITY terse

-- Unique, in order of time and then of the key, of the time or a little later; batches that end within a moment.
CREATE TABLE orders (id int PRIMARY KEY, created_at timestamptz, note text);
INSERT INTO orders SELECT n, '2025-06-01Z'::timestamptz - n / 3 * interval '1 ms' FROM generate_series(1, 300) AS n;
INSERT INTO orders SELECT n, '2025-06-02Z' FROM generate_series(5000, 1001, -1) AS n;
ALTER TABLE orders ADD new_id bigint;
CALL snowflake_backfill('orders', 'new_id', 'created_at');
ALTER TABLE orders ALTER new_id SET DEFAULT snowflake_next();
INSERT INTO orders VALUES (6000, '2025-01-05Z');
CALL snowflake_backfill('orders', 'new_id', 'created_at', batch => 7);
CREATE VIEW facts AS
SELECT count(*) AS rows, count(DISTINCT new_id) AS ids, count(*) FILTER (WHERE new_id <= before) AS not_in_order,
  bool_and(snowflake_timestamp(new_id) - created_at BETWEEN '0' AND '1 s') AS of_their_time, array_agg(DISTINCT snowflake_node(new_id)) AS nodes
FROM (SELECT *, lag(new_id) OVER (ORDER BY created_at, id) AS before FROM orders WHERE id < 6000) AS old;
SELECT * FROM facts;
SELECT snowflake_timestamp(new_id) > '2026-01-01' AS as_it_was FROM orders WHERE id = 6000;
-- Again: nothing. Rows that have lost theirs get it again, and in order; those that others have keep theirs.
CALL snowflake_backfill('orders', 'new_id', 'created_at');
CREATE TABLE before AS SELECT id, new_id FROM orders;
UPDATE orders SET new_id = NULL WHERE id % 7 = 0;
DELETE FROM orders WHERE id % 11 = 0;
CALL snowflake_backfill('orders', 'new_id', 'created_at');
SELECT * FROM facts;
SELECT count(*) FROM orders JOIN before USING (id) WHERE orders.new_id > before.new_id;
-- A row that comes between others, when there is no room: told.
UPDATE orders SET id = 9 WHERE id = 1001;
UPDATE orders SET new_id = NULL WHERE id = 9;
INSERT INTO orders VALUES (1000, '2025-06-02Z', 'late', NULL), (999, '2025-06-02Z', 'late', NULL), (998, '2025-06-02Z', 'late', NULL);
CALL snowflake_backfill('orders', 'new_id', 'created_at');
SELECT rows = ids AS unique, of_their_time FROM facts;

-- What may be the time: an expression: names that are hostile, other types, an old key.
CREATE TABLE "Odd ""names""" ("old ""key""" text, second date, "when" timestamp, "New" bigint DEFAULT snowflake_next(), key1 int, "time" int,
  PRIMARY KEY ("old ""key""", second));
INSERT INTO "Odd ""names""" SELECT 'a', '2025-02-03'::date + n, '2025-02-01 12:00', NULL FROM generate_series(1, 3) AS n;
CALL snowflake_backfill('"Odd ""names"""', 'New', '"when" -- of Odd');
SELECT second, snowflake_timestamp("New") - "when" < '1 s' AS good FROM "Odd ""names""" ORDER BY "New";
UPDATE "Odd ""names""" SET "New" = NULL;
CALL snowflake_backfill('"Odd ""names"""', 'New', 'second');
SELECT second, date_trunc('second', snowflake_timestamp("New")) FROM "Odd ""names""" ORDER BY "New";
SELECT snowflake_create_generator('discord_ids', 'discord');
CREATE TABLE ulids (id text PRIMARY KEY, new_id bigint DEFAULT snowflake_next('discord_ids'));
INSERT INTO ulids VALUES ('01JQR8GYJ5ZZZZZZZZZZZZZZZZ', NULL);
CALL snowflake_backfill('ulids', 'new_id', 'now()');
CALL snowflake_backfill('ulids', 'new_id', layout => 'discord', time_expression => $$timestamptz 'epoch' + interval '1 ms' *
  (SELECT sum((strpos('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(id, n, 1)) - 1) * (1::bigint << 50 - 5 * n)) FROM generate_series(1, 10) AS n)$$);
SELECT snowflake_timestamp(new_id, 'discord') - '2025-04-01 00:00Z' < '1 day' AS of_its_time FROM ulids;

-- Partitioned; a shard.
CREATE TABLE parts (id int, at timestamptz DEFAULT '2025-05-01Z', new_id bigint DEFAULT 1, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100);
CREATE TABLE parts_2 (new_id bigint DEFAULT 1, at timestamptz DEFAULT '2025-05-01Z', id int NOT NULL);
ALTER TABLE parts ATTACH PARTITION parts_2 FOR VALUES FROM (100) TO (200);
INSERT INTO parts (id, new_id) SELECT n, NULL FROM generate_series(0, 199) AS n;
CALL snowflake_backfill('parts', 'new_id', 'at', layout => 'instagram');
CALL snowflake_backfill('parts', 'new_id', 'at', layout => 'instagram', shard => 8192);
CALL snowflake_backfill('parts', 'new_id', 'at', layout => 'instagram', shard => 5);
SELECT count(DISTINCT new_id), array_agg(DISTINCT snowflake_shard(new_id, 'instagram')) AS shards FROM parts;

-- Refused, before any row is changed.
\set VERBOSITY default
CREATE TABLE refused (id int PRIMARY KEY, at timestamptz, new_id bigint DEFAULT snowflake_next(), text text, twice bigint GENERATED ALWAYS AS (id * 2) STORED);
INSERT INTO refused VALUES (1, '2025-04-01Z', NULL), (2, NULL, NULL);
CALL snowflake_backfill('refused', 'new_id', 'at');
UPDATE refused SET at = '2024-12-31 23:59:59Z' WHERE id = 2;
CALL snowflake_backfill('refused', 'new_id', 'at');
UPDATE refused SET at = 'infinity' WHERE id = 2;
CALL snowflake_backfill('refused', 'new_id', 'at', layout => 'twitter');
\set VERBOSITY terse
CALL snowflake_backfill('refused', 'new_id', 'at');
CALL snowflake_backfill('refused', 'new_id', 'no_such_column');
CALL snowflake_backfill('refused', 'new_id', 'at) FROM refused; DROP TABLE refused; --');
CALL snowflake_backfill('refused', 'none', 'at');
CALL snowflake_backfill('refused', 'text', 'at');
CALL snowflake_backfill('refused', 'twice', 'at');
CALL snowflake_backfill('refused', 'new_id', NULL);
CALL snowflake_backfill(NULL, 'new_id', 'at');
CALL snowflake_backfill(1::oid, 'new_id', 'at');
CALL snowflake_backfill('refused', 'new_id', 'at', batch => 0);
CALL snowflake_backfill('refused', 'new_id', 'at', layout => 'sonyflake');
CALL snowflake_backfill('refused', 'new_id', 'at', shard => 1);
BEGIN;
CALL snowflake_backfill('refused', 'new_id', 'at');
ROLLBACK;
ALTER TABLE refused FORCE ROW LEVEL SECURITY, ENABLE ROW LEVEL SECURITY;
CREATE ROLE backfill_owner;
ALTER TABLE refused OWNER TO backfill_owner;
CALL snowflake_backfill('refused', 'new_id', 'at');
SELECT count(*) AS unchanged FROM refused WHERE new_id IS NULL;
CREATE TABLE keyless (at timestamptz, new_id bigint DEFAULT 1);
CALL snowflake_backfill('keyless', 'new_id', 'at');
CREATE TABLE parent (id int PRIMARY KEY, new_id bigint DEFAULT 1);
CREATE TABLE child () INHERITS (parent);
CALL snowflake_backfill('parent', 'new_id', 'now()');
CREATE TEMP TABLE temporary (id int PRIMARY KEY, new_id bigint DEFAULT 1);
CALL snowflake_backfill('temporary', 'new_id', 'now()');
CALL snowflake_backfill('facts', 'rows', 'now()');
-- More rows of a moment than an hour has IDs, in a layout of few.
SELECT snowflake_create_generator('narrow', 'timestamp:41 sequence:10 unit:1s epoch:2025-01-01');
CREATE TABLE crowd (id int PRIMARY KEY, new_id bigint DEFAULT snowflake_next('narrow'));
INSERT INTO crowd SELECT n, NULL FROM generate_series(1, 40000) AS n;
CALL snowflake_backfill('crowd', 'new_id', $$timestamptz '2025-01-02Z'$$, layout => 'timestamp:41 sequence:10 unit:1s epoch:2025-01-01');
SELECT count(new_id) FROM crowd;

DROP OWNED BY backfill_owner;
DROP ROLE backfill_owner;
DROP VIEW facts;
DROP TABLE orders, before, "Odd ""names""", ulids, parts, keyless, parent, child, crowd;
DROP SEQUENCE discord_ids, narrow;
