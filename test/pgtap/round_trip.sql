-- Writing and reading are each other's inverse: for IDs picked at random from the whole range, worked out here in SQL's
-- own arithmetic. The seed is shown; to repeat a run: pg_prove --set seed=0.25 test/pgtap/round_trip.sql
\ir lib/setup.psql
SET search_path = public, ids;
SELECT plan(12);

\if :{?seed}
\else
  SELECT random() AS seed \gset
\endif
SELECT diag('seed ' || :seed);
SELECT setseed(:seed) IS NULL AS seeded \gset

CREATE TEMP TABLE picked AS
SELECT ms, node, worker, sequence, us,
  ms * 4194304 + node * 131072 + worker * 4096 + sequence AS id,
  timestamptz '2025-01-01Z' + ms * interval '1 millisecond' AS made
FROM (
  SELECT floor(random() * 2199023255552)::bigint AS ms, floor(random() * 32)::integer AS node,
    floor(random() * 32)::integer AS worker, floor(random() * 4096)::integer AS sequence,
    floor(random() * 1000)::integer AS us
  FROM generate_series(1, 20000)
  UNION ALL
  SELECT ms, node, worker, sequence, us
  FROM unnest(ARRAY[0, 1, 2199023255550, 2199023255551]) AS ms, unnest(ARRAY[0, 31]) AS node,
    unnest(ARRAY[0, 31]) AS worker, unnest(ARRAY[0, 4095]) AS sequence, unnest(ARRAY[0, 1, 999]) AS us
) AS parts;

-- No row of `picked` may satisfy the condition.
CREATE FUNCTION pg_temp.none(condition text, description text) RETURNS SETOF text LANGUAGE sql
AS $$SELECT is_empty('SELECT * FROM picked WHERE ' || $1 || ' LIMIT 3', $2)$$;

SELECT pg_temp.none('snowflake_encode(made, node, worker, sequence) IS DISTINCT FROM id', 'snowflake_encode');
SELECT pg_temp.none('snowflake_timestamp(id) IS DISTINCT FROM made', 'snowflake_timestamp');
SELECT pg_temp.none('snowflake_node(id) IS DISTINCT FROM node', 'snowflake_node');
SELECT pg_temp.none('snowflake_worker(id) IS DISTINCT FROM worker', 'snowflake_worker');
SELECT pg_temp.none('snowflake_sequence(id) IS DISTINCT FROM sequence', 'snowflake_sequence');
SELECT pg_temp.none('snowflake_decode(id) IS DISTINCT FROM ROW (id, made, node, worker, sequence)', 'snowflake_decode');
SELECT pg_temp.none('snowflake_from_timestamp(made) IS DISTINCT FROM ms * 4194304', 'snowflake_from_timestamp');
SELECT pg_temp.none(
  $$snowflake_from_timestamp(made + us * interval '1 microsecond') IS DISTINCT FROM ms * 4194304$$,
  'snowflake_from_timestamp rounds down to the millisecond');
SELECT pg_temp.none(
  $$snowflake_encode(made + us * interval '1 microsecond', node, worker, sequence) IS DISTINCT FROM id$$,
  'snowflake_encode rounds down to the millisecond');
SELECT pg_temp.none(
  $$replace(split_part(snowflake_inspect(id), E'\n', 1), ' ', '')::bit(64)::bigint IS DISTINCT FROM id$$,
  'snowflake_inspect shows the bits');

-- Any two: in order of time, and as far apart as their times.
CREATE TEMP TABLE pairs AS
SELECT a.id AS a, b.id AS b, a.made AS a_made, b.made AS b_made, a.node = b.node AS same_node,
  a.node = b.node AND a.worker = b.worker AS same_worker
FROM (SELECT *, row_number() OVER (ORDER BY random()) AS place FROM picked) AS a
JOIN (SELECT *, row_number() OVER (ORDER BY random()) AS place FROM picked) AS b USING (place);
SELECT is_empty('SELECT * FROM pairs WHERE a < b AND a_made > b_made', 'IDs are in the order of their times');
SELECT is_empty(
  'SELECT * FROM pairs WHERE snowflake_diff(a, b) IS DISTINCT FROM ROW (a_made - b_made, same_node, same_worker)',
  'snowflake_diff');

SELECT * FROM finish();
ROLLBACK;
