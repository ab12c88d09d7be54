-- Making IDs one by one: in every place in which rows are made.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS snowflake_id;
RESET client_min_messages;

-- As with currval, there is no last ID before the first one. Reading IDs makes none.
SELECT snowflake_last();
\echo :SQLSTATE
SELECT snowflake_node(139267);
SELECT snowflake_last();
SELECT snowflake_next() AS first \gset
SELECT snowflake_last() = :first AS last_is_first;
SELECT snowflake_next() > :first AS rises, snowflake_last() > :first AS last_follows;

-- Each call makes another ID, also within one row.
SELECT a < b AND b < c AS rises FROM (SELECT snowflake_next() AS a, snowflake_next() AS b, snowflake_next() AS c) ids;
SELECT count(DISTINCT snowflake_next()) AS made FROM generate_series(1, 100000);

-- A column's default, in the order of the rows.
CREATE TABLE orders (line serial, id bigint DEFAULT snowflake_next() PRIMARY KEY, item text);
INSERT INTO orders (item) VALUES ('bread') RETURNING id = snowflake_last() AS is_last;
INSERT INTO orders (item) VALUES ('butter'), ('jam'), ('tea');
INSERT INTO orders VALUES (DEFAULT, DEFAULT, 'milk');
COPY orders (item) FROM STDIN;
salt
pepper
sugar
\.
INSERT INTO orders (item) SELECT 'item ' || n FROM generate_series(1, 1000) AS n;
SELECT count(*) AS orders, count(DISTINCT id) AS ids, bool_and(rises) AS rise
FROM (SELECT id, id > lag(id, 1, 0::bigint) OVER (ORDER BY line) AS rises FROM orders) lines;
UPDATE orders SET id = snowflake_next() WHERE line <= 3;
SELECT bool_and(id > (SELECT max(id) FROM orders WHERE line > 3)) AS renumbered FROM orders WHERE line <= 3;
INSERT INTO orders (item) SELECT item FROM orders ORDER BY id LIMIT 1
ON CONFLICT (id) DO NOTHING RETURNING id = snowflake_last() AS is_last;
DROP TABLE orders;

-- As the default of a column that is added, each row gets an ID of its own.
CREATE TABLE customers AS SELECT n FROM generate_series(1, 1000) AS n;
ALTER TABLE customers ADD COLUMN id bigint DEFAULT snowflake_next();
SELECT count(DISTINCT id) AS ids FROM customers;
DROP TABLE customers;

-- What a rolled back transaction made is not made again.
BEGIN;
SELECT snowflake_next() AS rolled_back \gset
ROLLBACK;
SELECT snowflake_next() > :rolled_back AS rises;

-- In a read-only transaction.
BEGIN READ ONLY;
SELECT snowflake_next() > :rolled_back AS rises;
COMMIT;

-- In a prepared statement and in PL/pgSQL, whose plans are kept: a new ID each time.
PREPARE make AS SELECT snowflake_next() AS id;
EXECUTE make \gset previous_
EXECUTE make \gset
SELECT :id > :previous_id AS rises;
DO $$
DECLARE
  previous bigint := 0;
  id bigint;
BEGIN
  FOR i IN 1..10000 LOOP
    id := snowflake_next();
    IF id <= previous THEN RAISE 'ID % does not rise above %', id, previous; END IF;
    previous := id;
  END LOOP;
END
$$;

-- A new session has not made any.
\connect
SELECT snowflake_last();
\echo :SQLSTATE
