-- Writes the report as Markdown out of the results: psql -At -v machine=… -f report.sql

CREATE VIEW median AS
SELECT what, contender, clients, percentile_cont(0.5) WITHIN GROUP (ORDER BY value) AS value
FROM result GROUP BY 1, 2, 3;

CREATE FUNCTION figure(of_what text, of_contender text, of_clients int DEFAULT 1) RETURNS float8 LANGUAGE sql AS
  'SELECT value FROM median WHERE (what, contender, clients) = (of_what, of_contender, of_clients)';

-- To three digits: 12.3, 4560, 1.23 M.
CREATE FUNCTION short(value float8) RETURNS text LANGUAGE sql AS $$
SELECT CASE
  WHEN abs(value) >= 1e6 THEN short(value / 1e6) || ' M'
  WHEN abs(value) >= 1e4 THEN short(value / 1e3) || ' k'
  WHEN value = 0 THEN '0'
  ELSE trim_scale(round(value::numeric, greatest(0, least(2, 2 - floor(log(abs(value)::numeric))::int))))::text
END
$$;

CREATE FUNCTION times(value float8) RETURNS text LANGUAGE sql AS $$ SELECT short(value) || ' ×' $$;

-- A row of a Markdown table.
CREATE FUNCTION cells(VARIADIC texts text[]) RETURNS text LANGUAGE sql AS
  $$ SELECT '| ' || array_to_string(texts, ' | ', '–') || ' |' $$;

CREATE FUNCTION rates(of_what text, name text) RETURNS text[] LANGUAGE sql AS $$
SELECT array_agg(short(figure(of_what, name, clients)) ORDER BY clients)
FROM (SELECT DISTINCT clients FROM result WHERE what = of_what) AS measured
$$;

SELECT E'| clients | ' || string_agg(clients::text, ' | ' ORDER BY clients) || E' |\n|---|' || repeat('--:|', count(*)::int)
  AS clients_header
FROM (SELECT DISTINCT clients FROM result WHERE what = 'IDs/s') AS measured \gset

\qecho '# Benchmarks'
\qecho
\qecho 'Made by `scripts/bench`. Compare within a table: its rows were measured in turns, in one run. Other machines have'
\qecho 'other figures, and mostly the same ratios.'
\qecho
\qecho :machine
\qecho
\qecho '| page | |'
\qecho '|---|---|'
\qecho '| [latency.md](latency.md) | how long single calls take, with few clients and many, on a quiet disk and a slow one |'
\qecho '| [slow_disk.md](slow_disk.md) | whether queries wait for a slow disk (`scripts/stalls`) |'
\qecho '| [soak.md](soak.md) | load and faults at random, and what was counted (`scripts/soak`) |'
\qecho '| [storage.md](storage.md) | what keys of each kind cost in table, index and WAL; the order of rows on disk |'
\qecho '| [reading.md](reading.md) | what it costs to read the time in an ID, and IDs as text |'
\qecho '| [cores.md](cores.md) | what cores share, and how far the figures carry |'
\qecho
\qecho '![What a call costs](call.svg)'
\qecho
\qecho '![Clients side by side](clients.svg)'
\qecho
\qecho '![Bulk INSERT](bulk.svg)'
\qecho
\qecho '## Targets'
\qecho
\qecho '| target | measured | met? |'
\qecho '|---|---|---|'

WITH net AS (SELECT figure('call ns', 'snowflake_next()') AS snowflake),
target (text, measured, met) AS (
  SELECT 'a call costs at most 1/10 of `nextval`', '1/' || short(plain / snowflake), plain / snowflake >= 10
  FROM net, figure('call ns', 'nextval') AS plain
  UNION ALL
  SELECT 'a call costs at most 1/4 of `nextval`, CACHE 100', '1/' || short(cached / snowflake), cached / snowflake >= 4
  FROM net, figure('call ns', 'nextval, CACHE 100') AS cached
  UNION ALL
  SELECT 'a call costs at most 11 ns above an empty C function', short(snowflake - empty) || ' ns',
         snowflake - empty <= 11
  FROM net, figure('call ns', 'empty C function') AS empty
  UNION ALL
  SELECT 'a call of a named generator costs at most 1 ns more than `snowflake_next()`', short(named - snowflake) || ' ns',
         named - snowflake <= 1
  FROM net, figure('call ns', 'named generator') AS named
  UNION ALL
  SELECT '… beyond what an argument costs an empty C function', short(named - snowflake - argument) || ' ns',
         named - snowflake - argument <= 1
  FROM net, figure('call ns', 'named generator') AS named,
       LATERAL (SELECT figure('call ns', 'empty C function, an argument') - figure('call ns', 'empty C function')) AS a(argument)
  UNION ALL
  SELECT 'a call of an ordered generator costs at most 25 ns above an empty C function', short(ordered - empty) || ' ns',
         ordered - empty <= 25
  FROM figure('call ns', 'ordered generator') AS ordered, figure('call ns', 'empty C function') AS empty
  UNION ALL
  SELECT 'an ordered generator, 8 clients, is at least as fast as `nextval`', times(ordered / plain), ordered >= plain
  FROM figure('IDs/s', 'ordered generator', 8) AS ordered, figure('IDs/s', 'nextval', 8) AS plain
  UNION ALL
  SELECT format('%s clients make at least 1.8 times the IDs of one', clients),
         format('%s (empty C function: %s)', times(mine), times(empty)), mine >= 1.8
  FROM unnest('{2,8}'::int[]) AS clients,
       LATERAL (SELECT figure('IDs/s', 'snowflake_next()', clients) / figure('IDs/s', 'snowflake_next()', 1)) AS a(mine),
       LATERAL (SELECT figure('IDs/s', 'empty C function', clients) / figure('IDs/s', 'empty C function', 1)) AS b(empty)
  UNION ALL
  SELECT '64 clients are no slower than 8', format('%s (empty C function: %s)', times(mine), times(empty)), mine >= 1
  FROM (SELECT figure('IDs/s', 'snowflake_next()', 64) / figure('IDs/s', 'snowflake_next()', 8)) AS a(mine),
       (SELECT figure('IDs/s', 'empty C function', 64) / figure('IDs/s', 'empty C function', 8)) AS b(empty)
  UNION ALL
  SELECT '`snowflake_next_array(10000000)` makes at least 50 M IDs/s', short(rate) || ' IDs/s', rate >= 50e6
  FROM figure('array IDs/s', 'snowflake_next_array()') AS rate
  UNION ALL
  SELECT 'its times are within 2 ms of the clock: ' || part, short(off) || ' ms', off <= 2
  FROM (VALUES ('its first ID', 'array first off ms'), ('its last ID', 'array last off ms'),
               ('largest step to the ID a thousand later (time without the CPU is in it)', 'array step ms'),
               ('worst of as many IDs in arrays of 4096', 'small arrays off ms')) AS p(part, what),
       figure(what, 'snowflake_next_array()') AS off
  UNION ALL
  SELECT 'bulk INSERT takes no longer than with `nextval`, CACHE 100', times(mine / cached), mine <= cached
  FROM figure('bulk row us', 'snowflake_next()') AS mine, figure('bulk row us', 'nextval, CACHE 100') AS cached
  UNION ALL
  SELECT format('a connection for one ID takes less than 1 ms more than one for an empty C function (%s)', how),
         short(mine - empty) || ' ms', mine - empty < 1
  FROM unnest('{not preloaded,preloaded}'::text[]) AS how,
       figure('connection ms, ' || how, 'snowflake_next()') AS mine,
       figure('connection ms, ' || how, 'empty C function') AS empty)
SELECT cells(text, measured, CASE WHEN met THEN 'yes' WHEN NOT met THEN '**no**' ELSE 'not measured' END) FROM target;

\qecho
\qecho '## A call'
\qecho
\qecho '20 calls in each row of a query, less the same query without the calls.'
\qecho
\qecho '| | ns | of `snowflake_next()` | WAL for 1M IDs, bytes |'
\qecho '|---|--:|--:|--:|'
SELECT cells(name, short(ns), times(ns / figure('call ns', 'snowflake_next()')), short(1e6 * figure('ID WAL bytes', name)))
FROM contender, figure('call ns', name) AS ns ORDER BY position;

\qecho
\qecho '## Clients side by side'
\qecho
\qecho 'IDs a second of all clients together: `SELECT count(CALL) FROM generate_series(1, 10000)` (fewer for the slow). One'
\qecho 'row, one call: most of the time goes into the rows, as it does in real queries.'
\qecho
\qecho :clients_header
SELECT cells(VARIADIC name || rates('IDs/s', name)) FROM contender ORDER BY position;

\qecho
\qecho '## INSERT of single rows'
\qecho
\qecho 'Rows a second: `INSERT … DEFAULT VALUES` into a table of its primary key alone, committed without waiting for the disk.'
\qecho 'Only the rows that got in: of two clients with the same ID, one goes without, which happens all the time to'
\qecho '`max(id) + 1`, and now and then to the function as at Instagram.'
\qecho
\qecho :clients_header
SELECT cells(VARIADIC name || rates('rows/s', name)) FROM contender WHERE type IS NOT NULL ORDER BY position;

\qecho
\qecho '## INSERT … SELECT of a million rows'
\qecho
\qecho 'One statement, one client, the same table as above; then the index of the primary key, and the WAL of it all.'
\qecho '`max(id) + 1` and the counter table were given fewer rows, and their time is scaled up. That flatters the counter: each'
\qecho 'of its IDs searches through all the versions that its own transaction has left.'
\qecho
\qecho '| | seconds | of `snowflake_next()` | index, MB | WAL, MB |'
\qecho '|---|--:|--:|--:|--:|'
SELECT cells(name, short(us), times(us / figure('bulk row us', 'snowflake_next()')),
             CASE WHEN inserts = 1000000 THEN short(figure('index bytes', name)) END,
             CASE WHEN inserts = 1000000 THEN short(figure('row WAL bytes', name)) END)
FROM contender, figure('bulk row us', name) AS us WHERE type IS NOT NULL ORDER BY position;

\qecho
\qecho '## A new connection'
\qecho
\qecho 'Milliseconds to connect, call once and leave; the median of many.'
\qecho
\qecho '| | without preload | with `shared_preload_libraries` |'
\qecho '|---|--:|--:|'
SELECT cells(name, short(figure('connection ms, not preloaded', name)), short(figure('connection ms, preloaded', name)))
FROM contender WHERE key IN ('empty', 'snowflake', 'plain') ORDER BY position;

\qecho
\qecho '## The core alone'
\qecho
\qecho 'Without PostgreSQL around it, IDs a second of all threads together; the layout ends at 131 M.'
\qecho '`session_next` is an ID a call; `session_reserve_and_take` is what the first ID of a millisecond takes;'
\qecho '`worker_take` is the one word where sessions meet, without any pause.'
\qecho
\qecho '| threads | 1 | 2 | 8 |'
\qecho '|---|--:|--:|--:|'
SELECT cells(VARIADIC ('`' || contender || '`') ||
             array(SELECT short(figure('core IDs/s', contender, threads)) FROM unnest('{1,2,8}'::int[]) AS threads))
FROM result WHERE what = 'core IDs/s' GROUP BY contender ORDER BY contender;
