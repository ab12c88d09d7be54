-- A generator is a sequence: made with a layout and options, used by name, and kept by PostgreSQL like any sequence.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS snowflake_id;
RESET client_min_messages;
SET timezone = 'UTC';
CREATE FUNCTION pg_temp.said(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text; hint text;
BEGIN
  EXECUTE statement;
  RETURN 'nothing';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN concat_ws(E'\n', SQLSTATE || ': ' || SQLERRM, nullif(detail, ''), nullif(hint, ''));
END $$;
-- The generators of this file.
CREATE VIEW pg_temp.mine AS
SELECT generator, CASE layout WHEN 'snowflake_id' THEN 'snowflake_id' ELSE layout::text END AS layout, ordered, prefix, encoding, rate_limit
FROM snowflake_generators WHERE generator::text ~ 'shop|here|Here' ORDER BY generator::text COLLATE "C";

-- By a qualified name, or in the first schema of the search_path; a name is written as in SQL.
CREATE SCHEMA shop;
SELECT snowflake_create_generator('shop.orders_id');
SET search_path = shop, public;
SELECT snowflake_create_generator('here');
SELECT snowflake_create_generator('Here_Too');
SELECT snowflake_create_generator('shop."Here, quoted"', 'discord');
RESET search_path;
SELECT snowflake_create_generator('shop.with_all', layout => 'timestamp:41 worker:5 node:5 sequence:12 epoch:2024-01-01', ordered => true, prefix => 'ord_', encoding => 'base58');
SELECT snowflake_create_generator('shop.custom', 'timestamp:40 sequence:10 worker:3 node:10 unit:10ms epoch:2001-02-03T04:05:06.780Z', prefix => '0_Zz_9A', encoding => 'hex');
SELECT snowflake_create_generator('shop.limited', rate_limit => 10000000);
TABLE mine;
SELECT generator FROM snowflake_generators WHERE generator = 'snowflake_id'::regclass;

-- Refused, and nothing is left behind.
SELECT call, pg_temp.said('SELECT snowflake_create_generator' || call) FROM (VALUES
  ('(''shop.orders_id'')'),
  ('(''nowhere.orders_id'')'),
  ('('''')'),
  ('(''shop.two words'')'),
  ('(''shop.x'', ''facebook'')'),
  ('(''shop.x'', ''timestamp:40 sequence:10 unit:7ms epoch:2001-02-03'')'),
  ('(''shop.x'', ''timestamp:40 sequence:10 unit:10ms epoch:2001-02-03T04:05:06.789Z'')'),
  ('(''shop.x'', ''baidu'')'),
  ('(''shop.x'', prefix => ''too_long'')'),
  ('(''shop.x'', prefix => ''a-b'')'),
  ('(''shop.x'', prefix => ''é'')'),
  ('(''shop.x'', encoding => ''base64'')'),
  ('(''shop.x'', encoding => '''')'),
  ('(''shop.x'', rate_limit => -1)'),
  ('(''shop.x'', rate_limit => 10000001)')) AS calls (call);
SELECT snowflake_create_generator(NULL);
-- An option that is NULL has its default.
SELECT snowflake_create_generator('shop.x', NULL, NULL, NULL, NULL, NULL);
SELECT * FROM snowflake_generators WHERE generator = 'shop.x'::regclass;
DROP SEQUENCE shop.x;

-- Each way to make IDs, each for a generator: rising, of its layout.
CREATE TEMP TABLE made (id bigint, place serial);
INSERT INTO made SELECT snowflake_next('shop.with_all');
INSERT INTO made SELECT unnest(snowflake_next_array(1000, 'shop.with_all'));
INSERT INTO made SELECT snowflake_next_set(1000, 'shop.with_all');
INSERT INTO made SELECT id FROM snowflake_reserve(1000, 'shop.with_all'), generate_series(first_id, last_id) AS id;
INSERT INTO made SELECT snowflake_from_text(substr(snowflake_next_text('shop.with_all'), 5), 'base58');
SELECT count(DISTINCT id), bool_and(rises) AS rise, bool_and(fresh) AS fresh, max(id) = snowflake_last('shop.with_all') AS last
FROM (SELECT id, id > lag(id, 1, 0::bigint) OVER (ORDER BY place) AS rises,
             abs(extract(epoch FROM snowflake_timestamp(id, 'timestamp:41 worker:5 node:5 sequence:12 epoch:2024-01-01') - clock_timestamp())) < 3600 AS fresh
      FROM made) AS made;
SELECT snowflake_next_text('shop.with_all') ~ '^ord_[1-9A-HJ-NP-Za-km-z]{10,11}$' AS base58, snowflake_next_text('shop.custom') ~ '^0_Zz_9A[0-9a-f]{16}$' AS hex,
       snowflake_next_text('shop.orders_id') ~ '^[0-9A-Za-z]{11}$' AS base62;
SELECT snowflake_next_array(0, 'shop.orders_id'), pg_temp.said('SELECT snowflake_next_array(-1, ''shop.orders_id'')');
-- The extension's own generator, by name: the same as without.
SELECT snowflake_next() < snowflake_next('snowflake_id') AND snowflake_last() = snowflake_last('snowflake_id') AS same;

-- Generators of one layout never make the same ID; each session's IDs of each rise.
SELECT snowflake_create_generator('shop.a', 'javascript'), snowflake_create_generator('shop.b', 'javascript', ordered => true);
SELECT count(*), count(DISTINCT id), bool_and(snowflake_timestamp(id, 'javascript') > '2025-01-01') FROM (
  SELECT snowflake_next('shop.a') FROM generate_series(1, 2000) UNION ALL SELECT snowflake_next('shop.b') FROM generate_series(1, 2000)
  UNION ALL SELECT unnest(snowflake_next_array(2000, 'shop.a')) UNION ALL SELECT unnest(snowflake_next_array(2000, 'shop.b'))) AS made (id);

-- A default, a view, a function know the sequence that they use.
CREATE TABLE shop.orders (id bigint DEFAULT snowflake_next('shop.orders_id') PRIMARY KEY, code text DEFAULT snowflake_next_text('shop.with_all'), note text);
CREATE VIEW shop.here_view AS SELECT snowflake_next('shop.here') AS id;
SELECT pg_temp.said('DROP SEQUENCE shop.orders_id');
SELECT pg_temp.said('DROP SEQUENCE shop.with_all');
SELECT pg_temp.said('DROP SEQUENCE shop.here');
INSERT INTO shop.orders SELECT FROM generate_series(1, 100);
SELECT count(*), count(DISTINCT code) FROM shop.orders;
-- Renamed, moved: it goes on, here in a session that uses it. Later IDs only.
SELECT snowflake_last('shop.orders_id') AS before \gset
ALTER SEQUENCE shop.orders_id RENAME TO numbers;
ALTER SEQUENCE shop.numbers SET SCHEMA public;
INSERT INTO shop.orders (note) VALUES ('after') RETURNING id > :before AND id = snowflake_last('numbers') AS rises;
SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 'shop.orders'::regclass AND adnum = 1;
ALTER SEQUENCE numbers SET SCHEMA shop;
ALTER SEQUENCE shop.numbers OWNED BY shop.orders.id;
INSERT INTO shop.orders (note) VALUES ('owned') RETURNING id > :before AS rises;
SELECT pg_get_serial_sequence('shop.orders', 'id');
SELECT oid AS numbers FROM pg_class WHERE oid = 'shop.numbers'::regclass \gset
DROP TABLE shop.orders;
SELECT to_regclass('shop.numbers');
SELECT pg_temp.said(format('SELECT snowflake_next(%L::regclass) > 0', 999999999));
SELECT count(*) FROM pg_depend WHERE :numbers IN (objid, refobjid);
-- A name that comes again is a new generator.
SELECT snowflake_create_generator('shop.numbers', 'discord');
SELECT snowflake_next('shop.numbers') > :before AS other_epoch;
BEGIN;
DROP SEQUENCE shop.numbers;
SELECT snowflake_create_generator('shop.numbers', 'twitter');
SELECT snowflake_timestamp(snowflake_next('shop.numbers'), 'twitter') > '2025-01-01' AS new;
ROLLBACK;
SELECT snowflake_timestamp(snowflake_next('shop.numbers'), 'discord') > '2025-01-01' AS old;

-- nextval() fails, also the first time; setval() and RESTART by its owner do not bring an ID back.
SELECT snowflake_create_generator('shop.fresh');
SELECT pg_temp.said('SELECT nextval(''shop.fresh'')');
SELECT snowflake_next('shop.a') AS before \gset
SELECT pg_temp.said('SELECT nextval(''shop.a'')');
SELECT setval('shop.a', 1);
SELECT snowflake_next('shop.a') > :before AS rises;
ALTER SEQUENCE shop.a RESTART;
SELECT snowflake_next('shop.a') > :before AS rises;
-- Its value means nothing: the horizon of the database covers its IDs.
SELECT last_value FROM shop.a;
SELECT snowflake_timestamp(last_value) >= snowflake_timestamp(snowflake_last('shop.a'), 'javascript') AS has_horizon FROM snowflake_id;

-- Of other relations there are no IDs. A generator's parameters alone make one; changed ones do not.
CREATE SEQUENCE shop.plain;
CREATE TABLE shop.not_a_sequence ();
SELECT call, pg_temp.said('SELECT ' || call) FROM (VALUES
  ('snowflake_next(''shop.plain'')'), ('snowflake_next_array(1, ''shop.plain'')'), ('snowflake_next_set(1, ''shop.plain'')'), ('snowflake_reserve(1, ''shop.plain'')'),
  ('snowflake_next_text(''shop.plain'')'), ('snowflake_next(''shop.plain'', 1)'), ('snowflake_observe(1, ''shop.plain'')'),
  ('snowflake_next(''shop.not_a_sequence'')'), ('snowflake_next(''shop.nothing'')')) AS calls (call);
SELECT * FROM snowflake_generator_spec('shop.plain');
ALTER SEQUENCE shop.a INCREMENT 1;
SELECT pg_temp.said('SELECT snowflake_next(''shop.a'')');
ALTER SEQUENCE shop.a INCREMENT 9223372036854775807;
SELECT snowflake_next('shop.a') > :before AS rises;
ALTER SEQUENCE shop.a CYCLE;
SELECT pg_temp.said('SELECT snowflake_next(''shop.a'')');
ALTER SEQUENCE shop.a NO CYCLE;
SELECT snowflake_next('shop.a') > :before AS rises;
-- Nothing in it has to survive a crash: it may be temporary.
SELECT snowflake_create_generator('pg_temp.passing', 'javascript');
SELECT snowflake_next('passing') > :before AS rises;
DO $$ BEGIN
  EXECUTE (SELECT format('CREATE TEMP SEQUENCE temporary START %s INCREMENT %s MINVALUE %s MAXVALUE %s CACHE %s', seqstart, seqincrement, seqmin, seqmax, seqcache)
           FROM pg_sequence WHERE seqrelid = 'shop.a'::regclass);
END $$;
SELECT snowflake_next('temporary') > :before AS rises;

-- A layout with shards: the caller chooses one.
SELECT snowflake_create_generator('shop.posts', 'instagram');
SELECT call, pg_temp.said('SELECT ' || call) FROM (VALUES
  ('snowflake_next(''shop.posts'')'), ('snowflake_next_array(1, ''shop.posts'')'), ('snowflake_next_set(1, ''shop.posts'')'), ('snowflake_reserve(1, ''shop.posts'')'), ('snowflake_next_text(''shop.posts'')'),
  ('snowflake_next(''shop.posts'', shard => -1)'), ('snowflake_next(''shop.posts'', shard => 8192)'), ('snowflake_next(''shop.b'', shard => 0)')) AS calls (call);
SELECT snowflake_next('shop.posts', shard => NULL) IS NULL AS null_shard;
CREATE TEMP TABLE posts AS SELECT number, number % 7 * 1365 AS shard, snowflake_next('shop.posts', shard => number % 7 * 1365) AS id FROM generate_series(1, 20000) AS number;
SELECT count(*), count(DISTINCT id), bool_and(snowflake_shard(id, 'instagram') = shard) AS says_shard, bool_and(rises) AS rises
FROM (SELECT *, id > lag(id, 1, 0::bigint) OVER (PARTITION BY shard ORDER BY number) AS rises FROM posts) AS posts;

-- Layouts that lack fields, or whose sequence is not lowest.
SELECT snowflake_create_generator('shop.here_' || name, layout) IS NOT NULL AS made FROM snowflake_layouts WHERE name IN ('mastodon', 'sonyflake');
SELECT count(DISTINCT id), bool_and(rises) AS rise FROM (SELECT id, id > lag(id, 1, 0::bigint) OVER () AS rises FROM unnest(snowflake_next_array(100000, 'shop.here_mastodon')) AS id) AS made;
SELECT count(DISTINCT id), bool_and(rises) AS rise, bool_and(snowflake_node(id, 'sonyflake') = 0) AS node
FROM (SELECT id, id > lag(id, 1, 0::bigint) OVER () AS rises FROM unnest(snowflake_next_array(1000, 'shop.here_sonyflake')) AS id) AS made;
SELECT count(*), bool_and(first_id = last_id) AS single FROM snowflake_reserve(300, 'shop.here_sonyflake');

-- What a schema held goes with it.
SET client_min_messages = warning;
DROP SCHEMA shop CASCADE;
TABLE mine;
