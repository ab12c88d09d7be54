-- UUIDs and ULIDs that carry an ID: valid, in the ID's order, and read back exactly; no others are taken for one.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS snowflake_id;
RESET client_min_messages;
SET timezone = 'UTC';

-- The first 48 bits are the time in Unix milliseconds (hexadecimal here), as in RFC 9562, 5.7, and the ULID specification; computed.
SELECT name, to_hex((extract(epoch FROM snowflake_timestamp(id, layout)) * 1000)::bigint) AS ms, snowflake_to_uuid(id, layout) AS uuid, snowflake_to_ulid(id, layout) AS ulid
FROM snowflake_layouts, (VALUES (175928847299117063), (0)) AS ids (id) WHERE id < 2::numeric ^ 53 OR name <> 'javascript' ORDER BY id DESC, name COLLATE "C";
SELECT snowflake_to_uuid(175928847299117063) = snowflake_to_uuid(175928847299117063, 'snowflake_id') AS default_layout,
       snowflake_from_uuid(snowflake_to_uuid(175928847299117063)), snowflake_from_ulid(snowflake_to_ulid(175928847299117063)),
       snowflake_from_uuid(snowflake_to_uuid(9223372036854775807)) AS largest, snowflake_from_ulid(lower(snowflake_to_ulid(9223372036854775807))) AS case_blind;

-- As keys: uuid sorts as the IDs were made. None of these rows should appear.
CREATE TABLE orders (id uuid PRIMARY KEY DEFAULT snowflake_to_uuid(snowflake_next()), number bigint GENERATED ALWAYS AS IDENTITY);
INSERT INTO orders SELECT FROM generate_series(1, 10000);
SELECT count(*) FROM (SELECT number, lag(number) OVER (ORDER BY id) AS before FROM orders) AS ordered WHERE number <> before + 1;
SELECT count(*) FROM orders WHERE substr(id::text, 15, 1) <> '7' OR substr(id::text, 20, 1) NOT IN ('8', '9', 'a', 'b');
SELECT count(*) FROM orders WHERE abs(extract(epoch FROM snowflake_timestamp(snowflake_from_uuid(id)) - now())) > 3600;
SELECT count(*) FROM orders WHERE snowflake_to_uuid(snowflake_from_uuid(id)) <> id;
DROP TABLE orders;

-- Those that carry none: random ones, other versions, an ID of another layout, one bit changed.
CREATE FUNCTION pg_temp.said(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE id bigint; detail text; hint text;
BEGIN
  EXECUTE 'SELECT ' || call INTO id;
  RETURN 'taken for ' || id;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN concat_ws(E'\n', SQLSTATE || ': ' || SQLERRM, nullif(detail, ''), nullif(hint, ''));
END $$;
SELECT pg_temp.said(call) FROM (VALUES
  ('snowflake_from_uuid(''00000000-0000-0000-0000-000000000000'')'),
  ('snowflake_from_uuid(''ffffffff-ffff-ffff-ffff-ffffffffffff'')'),
  ('snowflake_from_uuid(''017f22e2-79b0-7cc3-98c4-dc0c0c07398f'')'), -- RFC 9562, A.6
  ('snowflake_from_uuid(snowflake_to_uuid(175928847299117063), ''discord'')'),
  ('snowflake_from_uuid(snowflake_to_uuid(175928847299117063, ''discord''))'),
  ('snowflake_from_ulid(''01ARZ3NDEKTSV4RRFFQ69G5FAV'')'), -- github.com/ulid/spec
  ('snowflake_from_ulid(snowflake_to_ulid(1, ''discord''))'),
  ('snowflake_from_ulid('''')'),
  ('snowflake_from_ulid(''01ARZ3NDEKTSV4RRFFQ69G5FA'')'),
  ('snowflake_from_ulid(''01ARZ3NDEKTSV4RRFFQ69G5FAVV'')'),
  ('snowflake_from_ulid(''01ARZ3NDEKTSV4RRFFQ69G5FAU'')'),
  ('snowflake_from_ulid(''8ZZZZZZZZZZZZZZZZZZZZZZZZZ'')'),
  ('snowflake_to_uuid(-1)'),
  ('snowflake_to_ulid(-1)')) AS calls (call);
SELECT count(*) FROM generate_series(1, 2000) WHERE pg_temp.said(format('snowflake_from_uuid(%L)', gen_random_uuid())) !~ '^22023: ';
-- Each bit counts: a changed one is refused, but for the 22 of node, worker and sequence, with which it is another ID.
WITH bits AS (SELECT decode(replace(snowflake_to_uuid(175928847299117063, 'discord')::text, '-', ''), 'hex') AS bytes)
SELECT count(*) FILTER (WHERE said ~ '^22023: ') AS refused
FROM bits, generate_series(0, 127) AS bit, LATERAL pg_temp.said(format('snowflake_from_uuid(%L, ''discord'')', encode(set_bit(bytes, bit, 1 - get_bit(bytes, bit)), 'hex')::uuid)) AS said;
