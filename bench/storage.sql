-- What keys of each kind cost on disk. Needs contenders.sql and measure.sql.

SET client_min_messages = warning;

CREATE TABLE key_kind (
  key text PRIMARY KEY, name text, type text, call text, position int GENERATED ALWAYS AS IDENTITY);

INSERT INTO key_kind (key, name, type, call)
SELECT key, name, type, call FROM contender
WHERE key IN ('snowflake', 'ordered', 'cached', 'plain', 'uuidv4', 'uuidv7') ORDER BY position;

INSERT INTO key_kind (key, name, type, call) VALUES
  ('text11', 'snowflake_next() as text, base58', 'text', 'snowflake_to_text(snowflake_next(), ''base58'')'),
  ('text36', 'gen_random_uuid() as text', 'text', 'gen_random_uuid()::text');

SELECT format('CREATE TABLE %I (id %s DEFAULT %s PRIMARY KEY)', 'kept_' || key, type, call) FROM key_kind \gexec

-- Of a table into which rows were inserted, beginning at a place in WAL: all of its rows, if not told.
CREATE PROCEDURE keep_figures(of_key text, how text, before pg_lsn, new_rows float8 DEFAULT null) LANGUAGE plpgsql AS $$
DECLARE
  kept text := 'kept_' || of_key;
  wal float8 := pg_current_wal_insert_lsn() - before;
  all_rows float8;
BEGIN
  EXECUTE format('ANALYZE %I', kept);
  EXECUTE format('SELECT count(*) FROM %I', kept) INTO all_rows;
  INSERT INTO result
  SELECT how || ' ' || figure.what, of_key, 1, figure.value
  FROM (VALUES
    ('table', pg_relation_size(kept) / all_rows), ('index', pg_relation_size(kept || '_pkey') / all_rows),
    ('WAL', wal / coalesce(new_rows, all_rows)),
    ('correlation', (SELECT correlation FROM pg_stats WHERE tablename = kept AND attname = 'id'))) AS figure (what, value);
END $$;

-- One statement, one client; then a hundredth of that once more, into what is large by now and after a checkpoint, so that
-- WAL gets a copy of each page that is met.
CREATE PROCEDURE measure_bulk_storage(rows int) LANGUAGE plpgsql AS $$
DECLARE
  k key_kind;
  before pg_lsn;
BEGIN
  FOR k IN SELECT * FROM key_kind ORDER BY position LOOP
    EXECUTE format('TRUNCATE %I', 'kept_' || k.key);
    COMMIT;
    CHECKPOINT;
    before := pg_current_wal_insert_lsn();
    EXECUTE format('INSERT INTO %I SELECT %s FROM generate_series(1, %s)', 'kept_' || k.key, k.call, rows);
    COMMIT;
    CALL keep_figures(k.key, 'bulk', before);
    COMMIT;
    CHECKPOINT;
    before := pg_current_wal_insert_lsn();
    EXECUTE format('INSERT INTO %I SELECT %s FROM generate_series(1, %s)', 'kept_' || k.key, k.call, rows / 100);
    COMMIT;
    CALL keep_figures(k.key, 'more', before, rows / 100);
    COMMIT;
  END LOOP;
END $$;
