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

-- Of a real ID and its text, so that every digit is there; 20 calls a row, as for the calls of contenders.
CREATE PROCEDURE measure_texts(rounds int, rows int) LANGUAGE plpgsql AS $$
DECLARE
  encoding text;
  direction record;
  net float8;
BEGIN
  FOR round IN 1..rounds LOOP
    FOREACH encoding IN ARRAY '{base32,base36,base58,base62,hex,decimal}'::text[] LOOP
      FOR direction IN SELECT * FROM text_calls(encoding) LOOP
        net := seconds_of(query_of_20_texts(direction.call, encoding, rows))
             - seconds_of(query_of_20_texts(direction.instead, encoding, rows));
        INSERT INTO result VALUES (direction.what, encoding, 1, net / rows / 20 * 1e9);
        COMMIT;
      END LOOP;
    END LOOP;
  END LOOP;
END $$;

-- decimal: PostgreSQL's own casts.
CREATE FUNCTION text_of(id bigint, encoding text) RETURNS text LANGUAGE sql AS $$
SELECT CASE encoding WHEN 'decimal' THEN id::text ELSE snowflake_to_text(id, encoding) END
$$;

CREATE FUNCTION text_calls(encoding text, OUT what text, OUT call text, OUT instead text) RETURNS SETOF record
LANGUAGE sql AS $$
VALUES
  ('to text ns', CASE encoding WHEN 'decimal' THEN 'id::text' ELSE format('snowflake_to_text(id, %L)', encoding) END, 'id'),
  ('from text ns', CASE encoding WHEN 'decimal' THEN 'digits::bigint' ELSE format('snowflake_from_text(digits, %L)', encoding) END,
   'digits')
$$;

CREATE FUNCTION query_of_20_texts(expression text, encoding text, rows int) RETURNS text LANGUAGE sql AS $$
SELECT format('SELECT FROM (SELECT id, text_of(id, %L) AS digits FROM snowflake_next_set(1) AS id OFFSET 0) AS one, '
              'generate_series(1, %s) AS i WHERE num_nulls(%s) > 20',
              encoding, rows, array_to_string(array_fill(expression, ARRAY[20]), ', '))
$$;
