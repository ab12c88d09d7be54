-- What is given of a generator is changed: what takes effect, what is refused, what a rollback leaves. Sessions that are
-- at work meanwhile: test/tap/550_alter_generator.pl.
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
CREATE VIEW pg_temp.mine AS
SELECT generator, coalesce(name, layout::text) AS layout, ordered, prefix, encoding, rate_limit
FROM snowflake_generators LEFT JOIN (SELECT DISTINCT ON (layout::text) name, layout FROM snowflake_layouts ORDER BY layout::text, name) AS named USING (layout)
WHERE generator::text ~ 'mill' ORDER BY generator::text COLLATE "C";
CREATE SCHEMA mill;

-- Each option by itself; what is NULL stays. An empty prefix is none, and a rate limit of 0.
SELECT snowflake_create_generator('mill.flour', 'discord');
SELECT snowflake_alter_generator('mill.flour', prefix => 'fl_');
SELECT snowflake_next_text('mill.flour') ~ '^fl_[0-9A-Za-z]{11}$' AS has_prefix;
SELECT snowflake_alter_generator('mill.flour', encoding => 'hex');
SELECT snowflake_next_text('mill.flour') ~ '^fl_[0-9a-f]{16}$' AS is_hex;
SELECT snowflake_alter_generator('mill.flour', ordered => true);
SELECT snowflake_alter_generator('mill.flour', rate_limit => 1000000);
TABLE mine;
SELECT snowflake_alter_generator('mill.flour', prefix => '', encoding => 'base62', ordered => false, rate_limit => 0);
TABLE mine;
SELECT snowflake_alter_generator('mill.flour');
SELECT snowflake_alter_generator('mill.flour', NULL, NULL, NULL, NULL, NULL);
SELECT snowflake_alter_generator(NULL, prefix => 'x') IS NULL AS is_null;
TABLE mine;

-- The session goes on: its IDs rise, and it knows its last one.
CREATE TEMP TABLE made (id bigint, place serial);
SELECT snowflake_create_generator('mill.tenths', 'timestamp:33 sequence:16 worker:5 node:5 unit:100ms epoch:2020-01-01');
DO $$ BEGIN
  FOR i IN 1 .. 20 LOOP
    INSERT INTO made SELECT snowflake_next('mill.tenths') FROM generate_series(1, 3);
    PERFORM snowflake_alter_generator('mill.tenths', prefix => 'p' || i, ordered => i % 4 = 0);
    IF snowflake_last('mill.tenths') <> (SELECT id FROM made ORDER BY place DESC LIMIT 1) THEN RAISE 'another last ID'; END IF;
  END LOOP;
END $$;
SELECT count(*), bool_and(rises) AS rise FROM (SELECT id > lag(id, 1, 0::bigint) OVER (ORDER BY place) AS rises FROM made) AS made;

-- A layout whose IDs are larger is taken at once; what was made before is of the old one.
SELECT snowflake_next('mill.flour') AS before \gset
SELECT snowflake_alter_generator('mill.flour', 'twitter');
SELECT snowflake_last('mill.flour') = :before AS last;
SELECT snowflake_next('mill.flour') > :before AS rises, snowflake_timestamp(snowflake_last('mill.flour'), 'twitter') BETWEEN now() - interval '10 s' AND clock_timestamp() + interval '10 s' AS is_of_new;
TABLE mine;
-- Back would be smaller.
SELECT pg_temp.said($$SELECT snowflake_alter_generator('mill.flour', 'discord')$$);
-- The same layout under another name is no change.
SELECT snowflake_alter_generator('mill.flour', 'leaf');
-- From a layout with another unit, other fields, with a shard.
SELECT snowflake_create_generator('mill.grain', 'javascript');
SELECT snowflake_next('mill.grain') AS before \gset
SELECT snowflake_alter_generator('mill.grain', 'sonyflake', prefix => 'g_');
SELECT snowflake_next('mill.grain') > :before AS rises;
SELECT snowflake_next('mill.grain') AS before \gset
SELECT snowflake_alter_generator('mill.grain', 'instagram');
SELECT snowflake_next('mill.grain', shard => 7) > :before AS rises;
SELECT pg_temp.said($$SELECT snowflake_next('mill.grain')$$);
TABLE mine;

-- All pairs of layouts that have a name: refused, or all that is made later is larger. So are both with what is asked before.
CREATE FUNCTION pg_temp.next_of(generator regclass) RETURNS bigint LANGUAGE sql
AS $$ SELECT CASE WHEN snowflake_shard(1, layout) IS NULL THEN snowflake_next(generator) ELSE snowflake_next(generator, shard => 8191) END FROM snowflake_generator_spec(generator) $$;
CREATE TEMP TABLE pairs (before text, after text, refused text, rises boolean, soon boolean);
DO $$
DECLARE pair record; old_id bigint; new_id bigint; what text;
BEGIN
  FOR pair IN SELECT b.name AS before, a.name AS after, b.layout AS layout, a.layout AS successor FROM snowflake_layouts AS b, snowflake_layouts AS a WHERE b.name <> 'baidu' AND b.layout <> a.layout LOOP
    PERFORM snowflake_create_generator('mill.pair', pair.layout);
    old_id := pg_temp.next_of('mill.pair');
    what := pg_temp.said(format('SELECT snowflake_alter_generator(''mill.pair'', %L)', pair.after));
    INSERT INTO pairs (before, after, refused, soon) VALUES (pair.before, pair.after, nullif(substr(what, 1, 5), 'nothi'), snowflake_succeeds_from(pair.layout, pair.successor) <= clock_timestamp());
    COMMIT;
    IF what = 'nothing' THEN
      new_id := pg_temp.next_of('mill.pair');
      UPDATE pairs SET rises = new_id > old_id AND new_id > ((old_id | 4194303) + 10 * 4194304) WHERE (pairs.before, pairs.after) = (pair.before, pair.after);
    END IF;
    DROP SEQUENCE mill.pair;
    COMMIT;
  END LOOP;
END $$;
SELECT count(*) AS pairs, bool_and(rises) AS rise, bool_and((refused IS NULL) = coalesce(soon, false)) AS as_told, string_agg(DISTINCT refused, ', ') AS refused FROM pairs;
SELECT before, string_agg(after, ' ' ORDER BY after) AS to FROM pairs WHERE refused IS NULL AND after <> 'sonyflake2' GROUP BY before ORDER BY before;
-- One that rises faster, from when it has caught up.
SELECT snowflake_succeeds_from('timestamp:42 sequence:20', 'timestamp:41 sequence:22 epoch:2025-01-01');
SELECT snowflake_succeeds_from('twitter', 'snowflake_id') IS NULL AS never, snowflake_succeeds_from(NULL, 'discord') IS NULL AS of_null;
SELECT snowflake_create_generator('mill.bread', 'timestamp:42 sequence:20');
SELECT pg_temp.said($$SELECT snowflake_alter_generator('mill.bread', 'timestamp:41 sequence:22 epoch:2025-01-01')$$);

-- In the transaction that changes the layout no ID is made, be it rolled back or not; with other options they are.
SELECT snowflake_create_generator('mill.oats');
BEGIN;
SELECT snowflake_alter_generator('mill.oats', prefix => 'oat', rate_limit => 100000);
SELECT snowflake_next_text('mill.oats') ~ '^oat' AS made;
SAVEPOINT before;
SELECT snowflake_alter_generator('mill.oats', 'discord');
SELECT pg_temp.said($$SELECT snowflake_next('mill.oats')$$);
SELECT pg_temp.said($$SELECT snowflake_next_array(10, 'mill.oats')$$);
SELECT pg_temp.said($$SELECT snowflake_alter_generator('mill.oats', 'twitter')$$);
SELECT snowflake_alter_generator('mill.oats', prefix => 'oats');
SELECT pg_temp.said($$SELECT snowflake_next('mill.oats')$$);
ROLLBACK TO before;
SELECT snowflake_next_text('mill.oats') ~ '^oat' AS made;
SELECT abs(extract(epoch FROM snowflake_timestamp(snowflake_last('mill.oats')) - clock_timestamp())) < 60 AS of_old_layout;
SAVEPOINT before;
SELECT snowflake_alter_generator('mill.oats', 'discord');
RELEASE before;
SELECT pg_temp.said($$SELECT snowflake_next('mill.oats')$$);
ROLLBACK;
SELECT snowflake_next('mill.oats') > 0 AS made;
SELECT abs(extract(epoch FROM snowflake_timestamp(snowflake_last('mill.oats')) - clock_timestamp())) < 60 AS of_old_layout;
-- A new one, altered and used in one transaction.
BEGIN;
SELECT snowflake_create_generator('mill.rye', 'discord');
SELECT snowflake_alter_generator('mill.rye', prefix => 'rye');
SELECT snowflake_next_text('mill.rye') ~ '^rye' AS made;
COMMIT;
-- So does what else alters a sequence.
BEGIN;
CREATE TABLE mill.sacks (id bigint DEFAULT snowflake_next('mill.rye'));
ALTER SEQUENCE mill.rye OWNED BY mill.sacks.id;
INSERT INTO mill.sacks DEFAULT VALUES;
COMMIT;

-- In parallel workers, too.
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
CREATE TABLE mill.many AS SELECT generate_series(1, 1000) AS number;
BEGIN;
SELECT snowflake_alter_generator('mill.oats', prefix => 'o');
SELECT count(DISTINCT snowflake_next_text('mill.oats')) FROM mill.many;
SELECT snowflake_alter_generator('mill.oats', 'discord');
SELECT pg_temp.said($$SELECT count(snowflake_next('mill.oats')) FROM mill.many$$);
ROLLBACK;
RESET max_parallel_workers_per_gather;

-- Names that have to be quoted, and other relations of that name that come first.
CREATE SCHEMA "Mill; ""old""";
SELECT snowflake_create_generator('"Mill; ""old"""."o''s; --"');
CREATE TEMP SEQUENCE "o's; --";
SET search_path = pg_temp, "Mill; ""old""";
SELECT public.snowflake_alter_generator('"Mill; ""old"""."o''s; --"', prefix => 'Old');
RESET search_path;
SELECT generator, prefix FROM snowflake_generators WHERE generator::text ~ 'old';
SELECT seqcache FROM pg_sequence WHERE seqrelid = 'pg_temp."o''s; --"'::regclass;
SELECT snowflake_create_generator('pg_temp.mill_passing');
SELECT snowflake_alter_generator('mill_passing', 'discord', prefix => 'tmp');
TABLE mine;

-- Refused, and nothing is changed.
CREATE SEQUENCE mill.plain;
CREATE TABLE mill.not_a_sequence ();
SELECT call, pg_temp.said('SELECT snowflake_alter_generator' || call) FROM (VALUES
  ('(''mill.plain'', prefix => ''x'')'),
  ('(''mill.not_a_sequence'', prefix => ''x'')'),
  ('(999999999, prefix => ''x'')'),
  ('(''snowflake_id'', prefix => ''x'')'),
  ('(''snowflake_id'', ''discord'')'),
  ('(''mill.flour'', prefix => ''too_long'')'),
  ('(''mill.flour'', encoding => ''base64'')'),
  ('(''mill.flour'', rate_limit => -1)'),
  ('(''mill.flour'', ''timestamp:40 sequence:10 unit:7ms epoch:2001-02-03'')'),
  ('(''mill.flour'', ''baidu'')')) AS calls (call);
CREATE ROLE regress_miller;
GRANT USAGE ON SCHEMA mill TO regress_miller;
GRANT ALL ON ALL SEQUENCES IN SCHEMA mill TO regress_miller;
SET ROLE regress_miller;
SELECT pg_temp.said($$SELECT snowflake_alter_generator('mill.flour', prefix => 'x')$$);
SELECT pg_temp.said($$SELECT snowflake_alter_generator('snowflake_id', prefix => 'x')$$);
RESET ROLE;
BEGIN READ ONLY;
SELECT pg_temp.said($$SELECT snowflake_alter_generator('mill.flour', prefix => 'x')$$);
ROLLBACK;
TABLE mine;
SELECT layout = 'snowflake_id' AS standard, prefix = '' AS no_prefix FROM snowflake_generators WHERE generator = 'snowflake_id'::regclass;

SET client_min_messages = warning;
DROP SCHEMA mill CASCADE;
DROP SCHEMA "Mill; ""old""" CASCADE;
DROP ROLE regress_miller;
