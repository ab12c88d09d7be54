-- Writes what plot.gp draws into the working directory. Needs the functions of report.sql.
\pset format unaligned
\pset fieldsep '\t'
\pset tuples_only on

\o call.tsv
SELECT row_number() OVER (ORDER BY ns), name, ns, short(ns)
FROM contender, figure('call ns', name) AS ns ORDER BY ns;

\o bulk.tsv
SELECT row_number() OVER (ORDER BY seconds), name, seconds, short(seconds)
FROM contender, figure('bulk row us', name) AS seconds WHERE inserts = 1000000 ORDER BY seconds;

-- A block of points for each contender, ours last and so on top.
\o clients.tsv
SELECT string_agg(concat_ws(E'\t', clients, value, contender), E'\n' ORDER BY clients) || E'\n\n'
FROM median WHERE what = 'IDs/s' GROUP BY contender ORDER BY contender LIKE 'snowflake%';

-- A name stands where its line ends, or above the name below it: a 16th of the (logarithmic) axis.
\o clients-labels.tsv
WITH axis AS (
  SELECT (ceil(log(max(value))) - floor(log(min(value)))) / 16 AS label, max(clients) AS "end"
  FROM median WHERE what = 'IDs/s'),
ends AS (
  SELECT contender, log(value) AS height, label * row_number() OVER (ORDER BY value) AS stacked
  FROM median, axis WHERE what = 'IDs/s' AND clients = axis."end")
SELECT contender, 10 ^ (max(height - stacked) OVER (ORDER BY height) + stacked) FROM ends;
\o
