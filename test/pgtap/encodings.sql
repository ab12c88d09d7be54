-- Text, UUID and ULID forms of random and edge IDs: each is read back exactly, and those of fixed length sort like the IDs.
\ir lib/setup.psql
SET search_path = ids, public;
SELECT plan(41);
\if :{?seed}
\else
  SELECT random() AS seed \gset
\endif
SELECT diag('seed ' || :seed);
SELECT setseed(:seed) IS NULL AS seeded \gset

-- Of all lengths: a random ID is shifted right by up to 62 bits.
CREATE TEMP TABLE picked AS
SELECT DISTINCT id FROM (
  SELECT (floor(random() * 4294967296)::bigint << 31 | floor(random() * 2147483648)::bigint) >> (number % 63) AS id FROM generate_series(1, 5000) AS number
  UNION ALL SELECT (1::bigint << bit) - below FROM generate_series(0, 62) AS bit, generate_series(0, 1) AS below
  UNION ALL SELECT (base ^ digits)::bigint - below FROM (VALUES (32::numeric, 12), (36, 12), (58, 10), (62, 10), (16, 15)) AS bases (base, most), generate_series(0, most) AS digits, generate_series(0, 1) AS below
  UNION ALL SELECT 9223372036854775807) AS ids;

-- Another way to the same text: long division by SQL.
CREATE FUNCTION pg_temp.digits(id bigint, alphabet text, width int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text := ''; base int := length(alphabet);
BEGIN
  LOOP
    result := substr(alphabet, (id % base)::int + 1, 1) || result;
    id := id / base;
    EXIT WHEN id = 0;
  END LOOP;
  RETURN lpad(result, greatest(width, length(result)), substr(alphabet, 1, 1));
END $$;
CREATE TEMP TABLE encoding (name text, alphabet text, width int, pattern text);
INSERT INTO encoding VALUES
  ('base32', '0123456789ABCDEFGHJKMNPQRSTVWXYZ', 13, '^[0-7][0-9A-HJKMNP-TV-Z]{12}$'),
  ('base36', '0123456789abcdefghijklmnopqrstuvwxyz', 0, '^(0|[1-9a-z][0-9a-z]{0,12})$'),
  ('base58', '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz', 0, '^[1-9A-HJ-NP-Za-km-z]{1,11}$'),
  ('base62', '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz', 11, '^[0-9A-Za-z]{11}$'),
  ('hex', '0123456789abcdef', 16, '^[0-7][0-9a-f]{15}$');

SELECT is_empty(format('SELECT id FROM picked WHERE snowflake_from_text(snowflake_to_text(id, %L), %1$L) IS DISTINCT FROM id LIMIT 3', name), name || ' is read back') FROM encoding;
SELECT is_empty(format('SELECT id FROM picked WHERE snowflake_to_text(id, %L) <> pg_temp.digits(id, %L, %s) LIMIT 3', name, alphabet, width), name || ' is as long division says') FROM encoding;
SELECT is_empty(format('SELECT id FROM picked WHERE snowflake_to_text(id, %L) !~ %L LIMIT 3', name, pattern), name || ' has its digits only') FROM encoding;
SELECT is_empty(format('SELECT id FROM (SELECT id, lag(id) OVER (ORDER BY snowflake_to_text(id, %L) COLLATE "C") AS before FROM picked) AS sorted WHERE id < before LIMIT 3', name), name || ' sorts like the ID')
FROM encoding WHERE width > 0;
SELECT is_empty(format('SELECT id FROM picked WHERE snowflake_from_text(upper(snowflake_to_text(id, %L)), %1$L) <> id OR snowflake_from_text(lower(snowflake_to_text(id, %1$L)), %1$L) <> id LIMIT 3', name), name || ' is read in either case')
FROM encoding WHERE name IN ('base32', 'base36', 'hex');
CREATE FUNCTION pg_temp.look_alike(pair text) RETURNS SETOF text LANGUAGE sql AS $$
SELECT is_empty(format('SELECT id FROM picked WHERE snowflake_from_text(translate(snowflake_to_text(id, ''base32''), ''01'', %L), ''base32'') <> id LIMIT 3', pair), 'base32 reads ' || pair || ' as 01') $$;
SELECT pg_temp.look_alike(pair) FROM (VALUES ('OI'), ('oi'), ('OL'), ('ol')) AS pairs (pair);

-- Each byte that is no digit is refused, wherever it stands.
CREATE FUNCTION pg_temp.refuses(encoded text, encoding text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM snowflake_from_text(encoded, encoding);
  RETURN false;
EXCEPTION WHEN invalid_text_representation THEN
  RETURN true;
END $$;
SELECT is_empty(format($$
  SELECT byte, place FROM generate_series(1, 127) AS byte, (VALUES (2), (11)) AS places (place),
    LATERAL overlay(snowflake_to_text(1233161576649121792, %1$L) PLACING chr(byte) FROM place) AS changed
  WHERE pg_temp.refuses(changed, %1$L) <> (strpos(%2$L, chr(byte)) = 0) LIMIT 3$$, name,
  alphabet || CASE name WHEN 'base32' THEN lower(alphabet) || 'ILOilo' WHEN 'base36' THEN upper(alphabet) WHEN 'hex' THEN upper(alphabet) ELSE '' END),
  name || ' refuses every other character') FROM encoding;

-- UUID and ULID, by all presets.
CREATE TEMP TABLE carried AS
SELECT name, layout, id, snowflake_to_uuid(id, layout) AS uuid, snowflake_to_ulid(id, layout) AS ulid
FROM picked, snowflake_layouts WHERE name <> 'leaf' AND (name <> 'javascript' OR id < 1::bigint << 53);
CREATE FUNCTION pg_temp.none(condition text, description text) RETURNS SETOF text LANGUAGE sql
AS $$SELECT is_empty('SELECT name, id FROM carried WHERE ' || $1 || ' LIMIT 3', $2)$$;
SELECT pg_temp.none('snowflake_from_uuid(uuid, layout) IS DISTINCT FROM id', 'a UUID gives back its ID');
SELECT pg_temp.none('snowflake_from_ulid(ulid, layout) IS DISTINCT FROM id', 'a ULID gives back its ID');
SELECT pg_temp.none($$uuid::text !~ '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'$$, 'a UUID has version 7 and the variant of RFC 9562');
SELECT pg_temp.none($$ulid !~ '^[0-7][0-9A-HJKMNP-TV-Z]{25}$'$$, 'a ULID has 26 digits of Crockford''s base32');
SELECT pg_temp.none($$('x' || replace(substr(uuid::text, 1, 13), '-', ''))::bit(48)::bigint <> (extract(epoch FROM snowflake_timestamp(id, layout)) * 1000)::bigint$$, 'a UUID begins with the time in milliseconds');
SELECT pg_temp.none($$snowflake_from_text('000' || substr(ulid, 1, 10), 'base32') <> (extract(epoch FROM snowflake_timestamp(id, layout)) * 1000)::bigint$$, 'a ULID begins with the time in milliseconds');
SELECT is_empty('SELECT name FROM (SELECT name, id, lag(id) OVER (PARTITION BY name ORDER BY uuid) AS before FROM carried) AS sorted WHERE id <= before LIMIT 3', 'UUIDs of a layout sort like the IDs');
SELECT is_empty('SELECT name FROM (SELECT name, id, lag(id) OVER (PARTITION BY name ORDER BY ulid COLLATE "C") AS before FROM carried) AS sorted WHERE id <= before LIMIT 3', 'ULIDs of a layout sort like the IDs');
CREATE FUNCTION pg_temp.carries(uuid uuid) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM snowflake_from_uuid(uuid);
  RETURN true;
EXCEPTION WHEN invalid_parameter_value THEN
  RETURN false;
END $$;
SELECT is_empty('SELECT FROM generate_series(1, 5000) WHERE pg_temp.carries(gen_random_uuid())', 'random UUIDs carry no ID');
-- UUIDv7 of other makers: the time is right, the rest is random.
SELECT is_empty($$SELECT FROM generate_series(1, 5000) WHERE pg_temp.carries(overlay(overlay(gen_random_uuid()::text PLACING substr(snowflake_to_uuid(snowflake_next())::text, 1, 13) FROM 1) PLACING '7' FROM 15)::uuid)$$, 'nor do other UUIDv7 of this moment');
SELECT ok(bool_and(pg_temp.carries(snowflake_to_uuid(id))), 'ours do') FROM snowflake_next_set(1000) AS id;
SELECT * FROM finish();
ROLLBACK;
