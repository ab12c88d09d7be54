-- Making IDs in parallel plans: each worker process is one more session.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS snowflake_id;
RESET client_min_messages;

-- Fat rows, two to a page, so that every process finds pages to scan.
CREATE TABLE source (n integer, filler text) WITH (parallel_workers = 2);
ALTER TABLE source ALTER COLUMN filler SET STORAGE PLAIN;
INSERT INTO source SELECT n, repeat('x', 3000) FROM generate_series(1, 20000) AS n;
ANALYZE source;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;

-- The IDs are made below the Gather.
EXPLAIN (COSTS OFF, VERBOSE) SELECT n, snowflake_next() AS id FROM source;
CREATE TABLE made AS SELECT n, snowflake_next() AS id FROM source;
SELECT count(*), count(DISTINCT id) AS ids FROM made;
CREATE MATERIALIZED VIEW kept AS SELECT n, snowflake_next() AS id FROM source;
SELECT count(*) AS ids FROM (SELECT id FROM made UNION SELECT id FROM kept) AS together;
SELECT count(*) FROM made WHERE snowflake_node(id) <> 0;

-- Processes that make IDs at the same time do so with workers of their own. Each row takes its time here, so that hardly
-- a process is done before another has begun; if the server had none to spare, there is nothing to see.
CREATE FUNCTION processes_of(statement text) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  plan jsonb;
BEGIN
  EXECUTE 'EXPLAIN (ANALYZE, FORMAT JSON) ' || statement INTO plan;
  RETURN 1 + (jsonb_path_query_first(plan, '$.**."Workers Launched"'))::integer;
END
$$;
SELECT processes_of('CREATE TABLE slowly AS
  SELECT snowflake_next() AS id, pg_sleep(0.005)::text AS slept FROM source WHERE n <= 200') AS processes \gset
SELECT count(*), count(DISTINCT id) AS ids, count(DISTINCT snowflake_worker(id)) BETWEEN least(2, :processes) AND :processes AS of_their_own
FROM slowly;

-- The session's last ID is the leader's.
EXPLAIN (COSTS OFF, VERBOSE) SELECT n, snowflake_last() FROM source;

DROP FUNCTION processes_of;
DROP MATERIALIZED VIEW kept;
DROP TABLE source, made, slowly;
