-- What is measured within the server. Contenders take turns in every round, so that noise hits all alike.

CREATE TABLE result (what text, contender text, clients int, value float8);

CREATE FUNCTION seconds_of(query text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
  started timestamptz := clock_timestamp();
BEGIN
  EXECUTE query;
  RETURN extract(epoch FROM clock_timestamp() - started);
END $$;

-- One call costs what 20 calls in a row's expression cost, less the same query with a column in place of the calls.
-- num_nulls() takes any type and does next to nothing.
CREATE FUNCTION query_of_20(expression text, rows int) RETURNS text LANGUAGE sql AS $$
SELECT format('SELECT FROM generate_series(1, %s) AS i WHERE num_nulls(%s) > 20',
              rows, array_to_string(array_fill(expression, ARRAY[20]), ', '))
$$;

CREATE PROCEDURE measure_calls(rounds int) LANGUAGE plpgsql AS $$
DECLARE
  c contender;
  net float8;
BEGIN
  FOR round IN 1..rounds LOOP
    FOR c IN SELECT * FROM contender ORDER BY position LOOP
      net := seconds_of(query_of_20(c.call, c.rows)) - seconds_of(query_of_20('i', c.rows));
      INSERT INTO result VALUES ('call ns', c.name, 1, net / c.rows / 20 * 1e9);
      COMMIT;
    END LOOP;
  END LOOP;
END $$;

-- 20 calls a row as above, for the WAL that IDs cost without any table.
CREATE PROCEDURE measure_wal() LANGUAGE plpgsql AS $$
DECLARE
  c contender;
  before pg_lsn;
BEGIN
  FOR c IN SELECT * FROM contender WHERE type IS NOT NULL ORDER BY position LOOP
    before := pg_current_wal_insert_lsn();
    PERFORM seconds_of(query_of_20(c.call, least(c.rows, 50000)));
    INSERT INTO result
    VALUES ('ID WAL bytes', c.name, 1, (pg_current_wal_insert_lsn() - before)::float8 / (20 * least(c.rows, 50000)));
    COMMIT;
  END LOOP;
END $$;

-- A checkpoint and an empty table before each, so that none pays for another's pages.
CREATE PROCEDURE measure_bulk_inserts(rounds int, rows int) LANGUAGE plpgsql AS $$
DECLARE
  c contender;
  before pg_lsn;
  seconds float8;
  inserted int;
  ids text;
BEGIN
  FOR round IN 1..rounds LOOP
    FOR c IN SELECT * FROM contender WHERE type IS NOT NULL ORDER BY position LOOP
      ids := c.key || '_ids';
      inserted := least(rows, c.inserts);
      EXECUTE 'TRUNCATE ' || ids;
      COMMIT;
      CHECKPOINT;
      before := pg_current_wal_insert_lsn();
      seconds := seconds_of(format('INSERT INTO %I SELECT %s FROM generate_series(1, %s)', ids, c.call, inserted));
      COMMIT;
      INSERT INTO result VALUES
        ('bulk row us', c.name, 1, seconds / inserted * 1e6),
        ('row WAL bytes', c.name, 1, (pg_current_wal_insert_lsn() - before)::float8 / inserted),
        ('index bytes', c.name, 1, pg_relation_size(ids || '_pkey')::float8 / inserted);
      COMMIT;
    END LOOP;
  END LOOP;
END $$;

-- How much an ID's time differs from the clock. It cannot be older than the clock before the call, nor younger than the
-- clock after it: what it is beyond that, it is off by. Small arrays show it all along. The large one shows it at its
-- ends; between them, every 1000th ID must be later than the one before as time is.
CREATE FUNCTION ms_outside(made timestamptz, started timestamptz, ended timestamptz) RETURNS float8
LANGUAGE sql AS $$
SELECT extract(epoch FROM greatest(started - made, made - ended, '0'))::float8 * 1000
$$;

CREATE FUNCTION largest_step_ms(ids bigint[]) RETURNS float8 LANGUAGE sql AS $$
SELECT extract(epoch FROM max(snowflake_timestamp(ids[i]) - snowflake_timestamp(ids[i - 1000])))::float8 * 1000
FROM generate_series(1001, cardinality(ids), 1000) AS i
$$;

CREATE PROCEDURE measure_array(rounds int, count int) LANGUAGE plpgsql AS $$
BEGIN
  FOR round IN 1..rounds LOOP
    INSERT INTO result
    SELECT figure.what, 'snowflake_next_array()', 1, figure.value
    FROM (SELECT clock_timestamp() AS started, snowflake_next_array(count) AS ids, clock_timestamp() AS ended
          OFFSET 0) AS call,
         LATERAL (VALUES
           ('array IDs/s', count / extract(epoch FROM ended - started)::float8),
           ('array first off ms', ms_outside(snowflake_timestamp(ids[1]), started, ended)),
           ('array last off ms', extract(epoch FROM ended - snowflake_timestamp(ids[count]))::float8 * 1000),
           ('array step ms', largest_step_ms(ids))) AS figure (what, value);
    COMMIT;

    INSERT INTO result
    SELECT 'small arrays off ms', 'snowflake_next_array()', 1,
           max(greatest(ms_outside(snowflake_timestamp(ids[1]), started, ended),
                        ms_outside(snowflake_timestamp(ids[4096]), started, ended)))
    FROM (SELECT clock_timestamp() AS started, snowflake_next_array(4096) AS ids, clock_timestamp() AS ended
          FROM generate_series(1, count / 4096) OFFSET 0) AS calls;
    COMMIT;
  END LOOP;
END $$;
