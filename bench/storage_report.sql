-- Writes storage.md: psql -At -v machine=… -v clients=… -v rows=… -v bulk_rows=… -f storage_report.sql

CREATE FUNCTION kept(how text, of_key text, digits int DEFAULT 1) RETURNS text LANGUAGE sql AS $$
SELECT round((percentile_cont(0.5) WITHIN GROUP (ORDER BY value))::numeric, digits)::text
FROM result WHERE (what, contender) = (how, of_key)
$$;

\qecho '# What keys cost on disk'
\qecho
\qecho 'Made by `scripts/bench storage`. Bytes a row; the median of several rounds.'
\qecho
\qecho :machine
\qecho
\qecho '- The table has the key alone: of its bytes, 28 are PostgreSQL''s own for any row. The index is that of the primary key.'
\qecho '- WAL: of table, index, commits. The first change of a page after a checkpoint logs all of it. There was one checkpoint,'
\qecho '  just before the rows, when the table was empty. A server that runs for days logs the pages that it meets again and'
\qecho '  again, which where keys are random is nearly one for each row: see the last column of the last table.'
\qecho '- Correlation: `pg_stats.correlation`, 1 where the rows lie in the order of the key.'
\qecho
\qecho '##' :clients 'clients, a row a statement'
\qecho
\qecho :rows 'rows.'
\qecho
\qecho '| key | index | table | WAL | correlation |'
\qecho '|---|--:|--:|--:|--:|'
SELECT format('| %s | %s | %s | %s | %s |', name, kept('single index', key), kept('single table', key), kept('single WAL', key),
              kept('single correlation', key, 4))
FROM key_kind ORDER BY position;

\qecho
\qecho '## One client, all rows in a statement'
\qecho
\qecho :bulk_rows 'rows. The last column is the WAL of a hundredth more, inserted after a checkpoint.'
\qecho
\qecho '| key | index | table | WAL | correlation | WAL of a row more, after a checkpoint |'
\qecho '|---|--:|--:|--:|--:|--:|'
SELECT format('| %s | %s | %s | %s | %s | %s |', name, kept('bulk index', key), kept('bulk table', key), kept('bulk WAL', key),
              kept('bulk correlation', key, 4), kept('more WAL', key))
FROM key_kind ORDER BY position;
