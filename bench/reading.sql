-- What it costs to read a time out of an ID, and IDs as text. Needs contenders.sql and measure.sql.

SET client_min_messages = warning;

-- Without parallel workers: one process reads.
SET max_parallel_workers_per_gather = 0;

CREATE TABLE times (id bigint, uuid uuid, at timestamptz);

-- Whether PostgreSQL has it; before 17 it has not.
CREATE FUNCTION has_uuid_timestamp() RETURNS boolean LANGUAGE sql AS
  $$ SELECT to_regprocedure('uuid_extract_timestamp(uuid)') IS NOT NULL $$;

CREATE TABLE reading (name text, expression text, position int GENERATED ALWAYS AS IDENTITY);
INSERT INTO reading (name, expression)
SELECT name, expression FROM (VALUES
  ('a plain column', 'at'),
  ('snowflake_timestamp(id)', 'snowflake_timestamp(id)'),
  ('snowflake_timestamp(id, ''twitter'')', 'snowflake_timestamp(id, ''twitter'')'),
  ('uuid_extract_timestamp(uuid)', 'uuid_extract_timestamp(uuid)'),
  ('date_trunc(''hour'', at)', 'date_trunc(''hour'', at)')) AS all_of_them (name, expression)
WHERE name NOT LIKE 'uuid%' OR has_uuid_timestamp();

-- One scan of the table each, in turns.
CREATE PROCEDURE measure_timestamps(rounds int, rows int) LANGUAGE plpgsql AS $$
DECLARE
  r reading;
  uuid text;
BEGIN
  SELECT call INTO uuid FROM contender WHERE key = 'uuidv7';
  EXECUTE format('INSERT INTO times SELECT snowflake_next(), %s, clock_timestamp() FROM generate_series(1, %s)', uuid, rows);
  COMMIT;
  PERFORM count(*) FROM times;  -- so that the scans that are measured write no hint bits
  FOR round IN 1..rounds LOOP
    FOR r IN SELECT * FROM reading ORDER BY position LOOP
      INSERT INTO result
      VALUES ('scan ns', r.name, 1, seconds_of(format('SELECT max(%s) FROM times', r.expression)) / rows * 1e9);
      COMMIT;
    END LOOP;
  END LOOP;
END $$;

-- Real IDs and their texts. decimal: PostgreSQL's own casts.
CREATE TABLE encoding (name text, encode text, decode text, position int GENERATED ALWAYS AS IDENTITY);
INSERT INTO encoding (name, encode, decode)
SELECT name, format('snowflake_to_text(id, %L)', name), format('snowflake_from_text(%I, %L)', name, name)
FROM unnest('{base32,base36,base58,base62,hex}'::text[]) AS name;
INSERT INTO encoding (name, encode, decode) VALUES ('decimal', 'id::text', '"decimal"::bigint');

CREATE TABLE sample (id bigint);
SELECT format('ALTER TABLE sample ADD %I text', name) FROM encoding ORDER BY position \gexec

-- 20 calls a row, less the same with a column in place of the calls.
CREATE FUNCTION query_of_sample(expression text) RETURNS text LANGUAGE sql AS $$
SELECT format('SELECT FROM sample WHERE num_nulls(%s) > 20', array_to_string(array_fill(expression, ARRAY[20]), ', '))
$$;

CREATE PROCEDURE measure_texts(rounds int, rows int) LANGUAGE plpgsql AS $$
DECLARE
  e encoding;
BEGIN
  EXECUTE format('INSERT INTO sample SELECT id, %s FROM snowflake_next_set(%s) AS id',
                 (SELECT string_agg(encode, ', ' ORDER BY position) FROM encoding), rows);
  COMMIT;
  FOR round IN 1..rounds LOOP
    FOR e IN SELECT * FROM encoding ORDER BY position LOOP
      INSERT INTO result
      SELECT what, e.name, 1,
             (seconds_of(query_of_sample(call)) - seconds_of(query_of_sample(instead))) / rows / 20 * 1e9
      FROM (VALUES ('to text ns', e.encode, 'id'),
                   ('from text ns', e.decode, quote_ident(e.name))) AS direction (what, call, instead);
      COMMIT;
    END LOOP;
  END LOOP;
END $$;
