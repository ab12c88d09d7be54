-- Making many IDs at once: as an array, as a set of rows, as ranges.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS snowflake_id;
RESET client_min_messages;

-- An array, rising.
SELECT snowflake_next_array(0), array_ndims(snowflake_next_array(0)) AS dimensions;
SELECT array_length(snowflake_next_array(1), 1), array_lower(snowflake_next_array(1), 1);
SELECT snowflake_next_array(NULL) IS NULL AS is_null;
CREATE TEMP TABLE made AS SELECT snowflake_next_array(10000) AS ids;
SELECT snowflake_last() = ids[10000] AS ends_with_last FROM made;
SELECT count(DISTINCT id), bool_and(rises) AS rise
FROM (SELECT id, id > lag(id, 1, 0::bigint) OVER (ORDER BY place) AS rises
      FROM made, unnest(ids) WITH ORDINALITY AS unnested (id, place)) numbered;
SELECT snowflake_next_array(-1);
\echo :SQLSTATE
-- PostgreSQL's values end at 1 GB.
SELECT snowflake_next_array(2147483647);
\echo :SQLSTATE
SELECT snowflake_next_array(134217727);
\echo :SQLSTATE

-- A set, rising; as a source of rows and in the target list.
SELECT count(*) FROM snowflake_next_set(0);
SELECT count(*) FROM snowflake_next_set(1);
SELECT count(*) FROM snowflake_next_set(NULL);
SELECT count(DISTINCT id), bool_and(rises) AS rise
FROM (SELECT id, id > lag(id, 1, 0::bigint) OVER (ORDER BY place) AS rises
      FROM snowflake_next_set(10000) WITH ORDINALITY AS made (id, place)) numbered;
SELECT snowflake_next() AS before \gset
SELECT count(*), min(id) > :before AS later FROM (SELECT snowflake_next_set(1000000) AS id) made;
SELECT count(*) FROM (SELECT snowflake_next_set(9223372036854775807) LIMIT 10) made;
SELECT bool_and(count = 3) AS three_each
FROM (SELECT n, count(id) FROM generate_series(1, 10) AS n, snowflake_next_set(3) AS id GROUP BY n) numbered;
SELECT count(DISTINCT id), count(*)
FROM generate_series(1, 10) AS n, LATERAL snowflake_next_set(n) AS id;
SELECT snowflake_next_set(-1) LIMIT 1;
\echo :SQLSTATE

-- Ranges that together hold just as many as asked for, each of one worker and one millisecond, so that all IDs of a
-- range are consecutive.
SELECT count(*) FROM snowflake_reserve(0);
SELECT count(*) FROM snowflake_reserve(NULL);
SELECT last_id - first_id + 1 AS ids, last_id = snowflake_last() AS ends_with_last FROM snowflake_reserve(1);
CREATE TEMP TABLE reserved AS
SELECT * FROM snowflake_reserve(1000000) WITH ORDINALITY AS range (first_id, last_id, place);
SELECT sum(last_id - first_id + 1) AS ids, min(last_id - first_id + 1) > 0 AS none_empty,
  bool_and(first_id >> 12 = last_id >> 12) AS of_one_worker_and_millisecond
FROM reserved;
SELECT bool_and(rises) AS rise
FROM (SELECT first_id > lag(last_id, 1, 0::bigint) OVER (ORDER BY place) AS rises FROM reserved) numbered;
SELECT snowflake_next() > max(last_id) AS not_given_again FROM reserved;
SELECT snowflake_reserve(-1) LIMIT 1;
\echo :SQLSTATE

-- What could take long can be cancelled; what comes next rises all the same.
SELECT snowflake_next() AS before \gset
SET statement_timeout = '20ms';
SELECT count(*) FROM (SELECT snowflake_next_set(9223372036854775807)) made;
\echo :SQLSTATE
SELECT count(*) FROM snowflake_reserve(2147483647);
\echo :SQLSTATE
SELECT cardinality(snowflake_next_array(30000000));
\echo :SQLSTATE
RESET statement_timeout;
SELECT snowflake_next() > :before AS rises;

DROP TABLE made, reserved;
