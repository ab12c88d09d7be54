-- Writes what latency.gp draws into the working directory. Needs the views of latency_report.sql.
\pset format unaligned
\pset fieldsep '\t'
\pset tuples_only on

-- A block of points for each function, ours last and so on top: how many nines of the calls (1: 90 %, 2: 99 %, …; their
-- number, where it is all) took no longer, in ns.
CREATE FUNCTION latency_points(of_disk text, of_load text) RETURNS SETOF text LANGUAGE sql AS $$
SELECT string_agg(concat_ws(E'\t', log(total / greatest(total - up_to, 1)), ns, contender), E'\n' ORDER BY ns) || E'\n\n'
FROM cumulative WHERE (disk, load, clients) = (of_disk, of_load, 8)
GROUP BY contender ORDER BY contender LIKE 'snowflake%', contender
$$;

\o latency-idle.tsv
SELECT latency_points('quiet', 'idle');
\o latency-checkpoints.tsv
SELECT latency_points(disk, 'checkpoints') FROM (SELECT DISTINCT disk FROM latency WHERE disk <> 'quiet') AS slow;
\o
