-- Making IDs: rising, of now, of this node, by every function that makes them.
\ir lib/setup.psql
SET search_path = public, ids;
SELECT plan(16);

SELECT throws_ok('SELECT snowflake_last()', '55000', NULL, 'there is no last ID before the first one');
SELECT lives_ok('SELECT snowflake_next()', 'the first one is made');

-- In the order in which they were made; reserved ranges by their ends.
CREATE TEMP TABLE made (place serial, how text, id bigint);
INSERT INTO made (how, id) SELECT 'snowflake_next', snowflake_next() FROM generate_series(1, 20000);
INSERT INTO made (how, id) SELECT 'snowflake_next_array', unnest(snowflake_next_array(20000));
INSERT INTO made (how, id) SELECT 'snowflake_next_set', snowflake_next_set(20000);
INSERT INTO made (how, id)
SELECT 'snowflake_reserve', unnest(ARRAY[first_id, last_id]) FROM snowflake_reserve(20000) WHERE first_id < last_id;
INSERT INTO made (how, id) SELECT 'snowflake_next', snowflake_next() FROM generate_series(1, 100);

SELECT is(snowflake_last(), max(id), 'the last one is the largest') FROM made;
SELECT is(count(DISTINCT id), count(*), 'all are different') FROM made;
SELECT is_empty(
  'SELECT * FROM (SELECT how, id, lag(id) OVER (ORDER BY place) AS previous FROM made) AS pairs WHERE id <= previous',
  'each is larger than the one before it');
SELECT ok(bool_and(snowflake_node(id) = current_setting('snowflake_id.node_id')::integer),
  how || ': all are of this node')
FROM made GROUP BY how ORDER BY how;
SELECT ok(min(id) >= snowflake_from_timestamp(now()), how || ': none is from before the transaction')
FROM made GROUP BY how ORDER BY how;
SELECT cmp_ok(max(id), '<', snowflake_from_timestamp(clock_timestamp() + interval '1 s'), 'none is from the future')
FROM made;

-- The clock is read before and after; the second is for a clock that is being adjusted.
SELECT ok(made BETWEEN before - interval '1 s' AND after + interval '1 s', 'an ID is of the time at which it is made')
FROM (
  SELECT clock_timestamp() AS before, snowflake_timestamp(snowflake_next()) AS made, clock_timestamp() AS after
) AS times;

SELECT is(sum(last_id - first_id + 1)::integer, count, 'ranges hold just as many IDs as asked for: ' || count)
FROM unnest(ARRAY[1 + floor(random() * 100000)::integer]) AS count, snowflake_reserve(count) GROUP BY count;

SELECT * FROM finish();
ROLLBACK;
