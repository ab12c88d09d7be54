-- Writes what latency.gp draws into the working directory. Needs the views of latency_report.sql.
\pset format unaligned
\pset fieldsep '\t'
\pset tuples_only on

-- A block of points for each function, ours last and so on top: how many nines of the calls (1: 90 %, 2: 99 %, …; their
-- number, where it is all) took no longer, in ns. Those that would be one point of the picture are one.
CREATE FUNCTION latency_points(of_disk text, of_clients int) RETURNS SETOF text LANGUAGE sql AS $$
SELECT string_agg(concat_ws(E'\t', nines, ns), E'\n' ORDER BY ns) || E'\n\n'
FROM (SELECT contender, round(log(total / greatest(total - up_to, 1))::numeric, 2) AS nines, min(ns) AS ns
      FROM cumulative WHERE (disk, load, clients) = (of_disk, 'idle', of_clients)
      GROUP BY contender, nines, round(log(ns)::numeric, 1)) AS point
GROUP BY contender ORDER BY contender LIKE 'snowflake%', contender
$$;

\o latency-few.tsv
SELECT latency_points('quiet', 8);
\o latency-many.tsv
SELECT latency_points(disk, clients)
FROM (SELECT disk, max(clients) AS clients FROM latency WHERE disk <> 'quiet' AND load = 'idle' GROUP BY disk) AS slow;
\o
