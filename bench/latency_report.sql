-- Writes latency.md: psql -At -v machine=… -v slow_ms=… -v burst=… -f latency_report.sql

-- To three digits, with a unit: 12.3 ns, 4.56 µs, 203 ms.
CREATE FUNCTION duration(ns float8) RETURNS text LANGUAGE sql AS $$
SELECT trim_scale(round((ns / scale)::numeric, greatest(0, 2 - floor(log(greatest(ns, 1) / scale))::int))) || ' ' || unit
FROM (VALUES (1e9, 's'), (1e6, 'ms'), (1e3, 'µs'), (1, 'ns')) AS units (scale, unit)
WHERE ns >= scale OR unit = 'ns'
ORDER BY scale DESC LIMIT 1
$$;

-- How many calls of a case took so long or less.
CREATE VIEW cumulative AS
SELECT disk, load, clients, contender, ns, calls, sum(calls) OVER upward AS up_to,
       sum(calls) OVER (PARTITION BY disk, load, clients, contender) AS total
FROM (SELECT disk, load, clients, contender, ns, sum(calls) AS calls
      FROM latency WHERE NOT first GROUP BY 1, 2, 3, 4, 5) AS buckets
WINDOW upward AS (PARTITION BY disk, load, clients, contender ORDER BY ns);

CREATE VIEW summary AS
SELECT disk, load, clients, contender,
       max(total) AS calls,
       min(ns) FILTER (WHERE up_to >= 0.5 * total) AS p50,
       min(ns) FILTER (WHERE up_to >= 0.99 * total) AS p99,
       min(ns) FILTER (WHERE up_to >= 0.9999 * total) AS p9999,
       max(ns) AS slowest,
       coalesce(sum(calls) FILTER (WHERE ns >= 1e5), 0) AS above_100_us,
       coalesce(sum(calls) FILTER (WHERE ns >= 1e8), 0) AS above_100_ms
FROM cumulative GROUP BY 1, 2, 3, 4;

CREATE VIEW first_calls AS
SELECT disk, load, clients, contender, max(ns) AS slowest_first FROM latency WHERE first GROUP BY 1, 2, 3, 4;

\qecho '# Single calls: how long each takes'
\qecho
\qecho 'Made by `scripts/bench latency`. Every call is timed on its own, within the server, by the CPU''s cycle counter.'
\qecho
\qecho :machine
\qecho
\qecho '![How long single calls take](latency.svg)'
\qecho
\qecho '- An *empty C function* shows what timing itself costs, and what is due to the machine: a process that loses the CPU in'
\qecho '  the middle of a call has a slow call, whatever it called. A difference from that row is the function''s own.'
\qecho '- Each client pauses, makes' :burst 'calls in a row, pauses again. The first call after a pause finds the caches cold,'
\qecho '  as a call in a new statement does: it is what p99 shows, while p50 shows a call after another.'
\qecho '- All clients together make some 8000 such bursts a second, however many they are (fewer where one is alone). So two'
\qecho '  cores are busy in part: it is calls that are measured here, not a queue for the CPU.'
\qecho '- The three functions had their turns in each case, several rounds of seconds each. No commit is part of a call.'
\qecho '- Disk: *quiet*, or one (*slow*) whose `fsync()` and `fdatasync()` take' :slow_ms 'ms longer (a library preloaded into the'
\qecho '  server). Meanwhile: *idle*; *checkpoints*, with 20,000 rows written before each; *arrays*, a neighbour that calls'
\qecho '  `snowflake_next_array(10000000)` on and on, and so has one of the cores and at least half of all IDs.'
\qecho '- First call: the slowest of the clients'' first ones, which are in no other column. It binds the session to its'
\qecho '  sequence, and may have to wait for the disk.'

SELECT heading || E'\n\n| | calls | p50 | p99 | p99.99 | max | first call | above 100 µs | above 100 ms |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n'
     || rows
FROM (
  SELECT disk, load, clients,
         format(E'\n## %s disk, %s, %s', CASE disk WHEN 'quiet' THEN 'Quiet' ELSE 'Slow' END, load,
                CASE clients WHEN 1 THEN '1 client' ELSE clients || ' clients' END) AS heading,
         string_agg(format('| %s | %s | %s | %s | %s | %s | %s | %s | %s |', contender, calls, duration(p50), duration(p99),
                           duration(p9999), duration(slowest), duration(slowest_first), above_100_us, above_100_ms),
                    E'\n' ORDER BY p50) AS rows
  FROM summary JOIN first_calls USING (disk, load, clients, contender)
  GROUP BY 1, 2, 3) AS cells
ORDER BY disk <> 'quiet', load <> 'idle', load, clients;
