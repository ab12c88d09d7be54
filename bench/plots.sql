-- Writes what plot.gp draws into the working directory. Needs the functions of report.sql.
\pset format unaligned
\pset fieldsep '\t'
\pset tuples_only on

CREATE VIEW point AS
SELECT what, name, clients, value FROM median JOIN contender ON contender = name WHERE value > 0;

-- Lines: a block of points for each contender, ours last and so on top.
CREATE FUNCTION blocks(of_what text) RETURNS SETOF text LANGUAGE sql AS $$
SELECT string_agg(concat_ws(E'\t', clients, value, name), E'\n' ORDER BY clients) || E'\n\n'
FROM point WHERE what = of_what GROUP BY name ORDER BY name LIKE 'snowflake%'
$$;

-- Their names: each at the height where its line ends, or on top of the name below, a 16th of the (logarithmic) axis.
CREATE FUNCTION labels(of_what text) RETURNS TABLE (name text, height float8) LANGUAGE sql AS $$
WITH axis AS (
  SELECT (ceil(log(max(value))) - floor(log(min(value)))) / 16 AS label, max(clients) AS end
  FROM point WHERE what = of_what),
ends AS (
  SELECT name, log(value) AS height, label * row_number() OVER (ORDER BY value) AS stacked
  FROM point, axis WHERE what = of_what AND clients = axis.end)
SELECT name, 10 ^ (max(height - stacked) OVER (ORDER BY height) + stacked) FROM ends
$$;

\o call.tsv
SELECT row_number() OVER (ORDER BY value), name, value, short(value) FROM point WHERE what = 'call ns' ORDER BY 1;
\o clients.tsv
SELECT blocks('IDs/s');
\o clients-labels.tsv
SELECT * FROM labels('IDs/s');
\o inserts.tsv
SELECT blocks('rows/s');
\o inserts-labels.tsv
SELECT * FROM labels('rows/s');
\o
