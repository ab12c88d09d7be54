-- Writes reading.md: psql -At -v machine=… -v rows=… -f reading_report.sql

CREATE FUNCTION median_ns(of_what text, name text) RETURNS numeric LANGUAGE sql AS $$
SELECT round((percentile_cont(0.5) WITHIN GROUP (ORDER BY value))::numeric, 1) FROM result WHERE (what, contender) = (of_what, name)
$$;

\qecho '# What reading costs'
\qecho
\qecho 'Made by `scripts/bench reading`; the median of several rounds, taken in turns.'
\qecho
\qecho :machine
\qecho
\qecho '## The time in an ID'
\qecho
\qecho '`SELECT max(…) FROM times`: one process reads a table of' :rows 'rows that is in memory, with an ID, a UUID of version 7'
\qecho 'and a `timestamptz`. A row''s share, and what it is above the plain column: one below 0 is less than can be told here.'
\qecho
\qecho '| | ns a row | above the column |'
\qecho '|---|--:|--:|'
SELECT format('| `%s` | %s | %s |', name, median_ns('scan ns', name), median_ns('scan ns', name) - median_ns('scan ns', 'a plain column'))
FROM reading ORDER BY position;
SELECT '| `uuid_extract_timestamp(uuid)` | not in this major, but from 17 on: [with 19](reading_19.md) | – |' WHERE NOT has_uuid_timestamp();

\qecho
\qecho '## IDs as text'
\qecho
\qecho '20 calls in each row of a query, less the same query without the calls; ns a call. `decimal` is PostgreSQL''s own cast.'
\qecho
\qecho '| encoding | `snowflake_to_text()` | `snowflake_from_text()` |'
\qecho '|---|--:|--:|'
SELECT format('| %s | %s | %s |', name, median_ns('to text ns', name), median_ns('from text ns', name))
FROM encoding ORDER BY position;
