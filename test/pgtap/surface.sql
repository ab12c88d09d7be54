-- The SQL surface: which functions there are, and what every object of the extension has to have. All of it is asked of
-- the catalog, so that a new object without its properties is red here.
\ir lib/setup.psql
SET search_path = public, ids;
SELECT * FROM no_plan();

-- What a function is for decides its properties, whether everybody may call it, and whether people do: what only the
-- server calls, to support a type, has unnamed arguments. (Procedures are called in their own tests.)
CREATE TEMP TABLE purpose (name text PRIMARY KEY, properties text, for_everybody boolean, for_people boolean);
INSERT INTO purpose VALUES
  ('make', 'VOLATILE STRICT PARALLEL SAFE', true, true),
  ('session', 'VOLATILE STRICT PARALLEL RESTRICTED', true, true),
  ('read', 'IMMUTABLE STRICT PARALLEL SAFE', true, true),
  ('compose', 'IMMUTABLE PARALLEL SAFE', true, true),
  ('compare', 'IMMUTABLE PARALLEL SAFE', true, true),
  ('now', 'STABLE STRICT PARALLEL SAFE', true, true),
  ('look up', 'STABLE STRICT PARALLEL SAFE', true, true),
  ('look at', 'STABLE STRICT PARALLEL RESTRICTED', true, true),
  ('find', 'STABLE STRICT PARALLEL RESTRICTED', true, true),
  ('analyze', 'VOLATILE PARALLEL RESTRICTED', true, true),
  ('trigger', 'VOLATILE PARALLEL UNSAFE', true, false),
  ('procedure', 'VOLATILE PARALLEL UNSAFE', true, false),
  ('watch', 'VOLATILE STRICT PARALLEL SAFE', false, true),
  ('watch own', 'VOLATILE STRICT PARALLEL RESTRICTED', false, true),
  ('create', 'VOLATILE PARALLEL UNSAFE', true, true),
  ('alter', 'VOLATILE PARALLEL UNSAFE', true, true),
  ('tell', 'VOLATILE STRICT PARALLEL UNSAFE', true, true),
  ('operate', 'VOLATILE STRICT PARALLEL UNSAFE', false, true),
  ('input', 'STABLE STRICT PARALLEL SAFE', true, false),
  ('support', 'IMMUTABLE STRICT PARALLEL SAFE', true, false);

-- The one list of functions: a new one gets its line here.
CREATE TEMP TABLE surface (purpose text REFERENCES purpose, signature text PRIMARY KEY, result text);
INSERT INTO surface VALUES
  ('make', 'snowflake_next()', 'bigint'),
  ('make', 'snowflake_next(generator regclass)', 'bigint'),
  ('make', 'snowflake_next(generator regclass, shard integer)', 'bigint'),
  ('make', 'snowflake_next_array(count integer)', 'bigint[]'),
  ('make', 'snowflake_next_array(count integer, generator regclass)', 'bigint[]'),
  ('make', 'snowflake_next_set(count bigint)', 'SETOF bigint'),
  ('make', 'snowflake_next_set(count bigint, generator regclass)', 'SETOF bigint'),
  ('make', 'snowflake_reserve(count integer, OUT first_id bigint, OUT last_id bigint)', 'SETOF record'),
  ('make', 'snowflake_reserve(count integer, generator regclass, OUT first_id bigint, OUT last_id bigint)',
           'SETOF record'),
  ('make', 'snowflake_next_text(generator regclass)', 'text'),
  ('compare', 'snowflake_between(id bigint, from_time timestamp with time zone, to_time timestamp with time zone)', 'boolean'),
  ('compare', 'snowflake_between(id bigint, from_time timestamp with time zone, to_time timestamp with time zone, '
              'layout snowflake_layout)', 'boolean'),
  ('compare', 'snowflake_first_id(from_time timestamp with time zone)', 'bigint'),
  ('compare', 'snowflake_first_id(from_time timestamp with time zone, layout snowflake_layout)', 'bigint'),
  ('compare', 'snowflake_last_id(to_time timestamp with time zone)', 'bigint'),
  ('compare', 'snowflake_last_id(to_time timestamp with time zone, layout snowflake_layout)', 'bigint'),
  ('now', 'snowflake_now()', 'bigint'),
  ('now', 'snowflake_now(layout snowflake_layout)', 'bigint'),
  ('read', 'snowflake_span("interval" interval)', 'bigint'),
  ('read', 'snowflake_span("interval" interval, layout snowflake_layout)', 'bigint'),
  ('session', 'snowflake_last()', 'bigint'),
  ('session', 'snowflake_last(generator regclass)', 'bigint'),
  ('read', 'snowflake_timestamp(id bigint)', 'timestamp with time zone'),
  ('read', 'snowflake_timestamp(id bigint, layout snowflake_layout)', 'timestamp with time zone'),
  ('read', 'snowflake_node(id bigint)', 'integer'),
  ('read', 'snowflake_node(id bigint, layout snowflake_layout)', 'integer'),
  ('read', 'snowflake_worker(id bigint)', 'integer'),
  ('read', 'snowflake_worker(id bigint, layout snowflake_layout)', 'integer'),
  ('read', 'snowflake_shard(id bigint, layout snowflake_layout)', 'integer'),
  ('read', 'snowflake_sequence(id bigint)', 'integer'),
  ('read', 'snowflake_sequence(id bigint, layout snowflake_layout)', 'integer'),
  ('read', 'snowflake_decode(id bigint, OUT id bigint, OUT "timestamp" timestamp with time zone, OUT node integer, '
           'OUT worker integer, OUT sequence integer)', 'record'),
  ('read', 'snowflake_decode(id bigint, layout snowflake_layout, OUT id bigint, '
           'OUT "timestamp" timestamp with time zone, OUT node integer, OUT worker integer, OUT sequence integer, '
           'OUT shard integer)', 'record'),
  ('read', 'snowflake_inspect(id bigint)', 'text'),
  ('read', 'snowflake_inspect(id bigint, layout snowflake_layout)', 'text'),
  ('read', 'snowflake_diff(a bigint, b bigint, OUT "interval" interval, OUT same_node boolean, '
           'OUT same_worker boolean)', 'record'),
  ('read', 'snowflake_diff(a bigint, b bigint, layout snowflake_layout, OUT "interval" interval, '
           'OUT same_node boolean, OUT same_worker boolean)', 'record'),
  ('read', 'snowflake_from_timestamp("timestamp" timestamp with time zone)', 'bigint'),
  ('read', 'snowflake_from_timestamp("timestamp" timestamp with time zone, layout snowflake_layout)', 'bigint'),
  ('read', 'snowflake_encode("timestamp" timestamp with time zone, node integer, worker integer, sequence integer)',
           'bigint'),
  ('compose', 'snowflake_encode("timestamp" timestamp with time zone, node integer, worker integer, sequence integer, '
              'layout snowflake_layout)', 'bigint'),
  ('compose', 'snowflake_encode("timestamp" timestamp with time zone, node integer, worker integer, sequence integer, '
              'shard integer, layout snowflake_layout)', 'bigint'),
  ('read', 'snowflake_to_text(id bigint, encoding text)', 'text'),
  ('read', 'snowflake_from_text(encoded text, encoding text)', 'bigint'),
  ('read', 'snowflake_to_uuid(id bigint)', 'uuid'),
  ('read', 'snowflake_to_uuid(id bigint, layout snowflake_layout)', 'uuid'),
  ('read', 'snowflake_from_uuid(uuid uuid)', 'bigint'),
  ('read', 'snowflake_from_uuid(uuid uuid, layout snowflake_layout)', 'bigint'),
  ('read', 'snowflake_to_ulid(id bigint)', 'text'),
  ('read', 'snowflake_to_ulid(id bigint, layout snowflake_layout)', 'text'),
  ('read', 'snowflake_from_ulid(ulid text)', 'bigint'),
  ('read', 'snowflake_from_ulid(ulid text, layout snowflake_layout)', 'bigint'),
  ('read', 'snowflake_presets(OUT name text, OUT layout snowflake_layout)', 'SETOF record'),
  ('read', 'snowflake_layout_facts(layout snowflake_layout, OUT epoch timestamp with time zone, '
           'OUT last_instant timestamp with time zone, OUT nodes bigint, OUT ids_per_second double precision)',
           'record'),
  ('look up', 'snowflake_generator_spec(generator regclass, OUT layout snowflake_layout, OUT ordered boolean, '
              'OUT prefix text, OUT encoding text, OUT rate_limit integer)', 'record'),
  ('find', 'snowflake_node_conflicts(relation regclass, id_column name, layout snowflake_layout '
           'DEFAULT ''timestamp:41 node:5 worker:5 sequence:12 unit:1ms epoch:2025-01-01T00:00:00Z'''
           '::snowflake_layout, max_delay interval DEFAULT ''00:01:00''::interval, OUT node integer, OUT origin text, '
           'OUT row_count bigint, OUT first_time timestamp with time zone, OUT last_time timestamp with time zone, '
           'OUT example bigint)', 'SETOF record'),
  ('find', 'snowflake_grant_conflicts(relation regclass, id_column name, grants regclass, '
           'realm text DEFAULT ''main''::text, layout snowflake_layout '
           'DEFAULT ''timestamp:41 node:5 worker:5 sequence:12 unit:1ms epoch:2025-01-01T00:00:00Z'''
           '::snowflake_layout, OUT node integer, OUT grant_count integer, OUT row_count bigint, '
           'OUT first_time timestamp with time zone, OUT last_time timestamp with time zone, OUT example bigint)',
           'SETOF record'),
  ('analyze', 'snowflake_analyze(relation regclass, id_column name DEFAULT ''id''::name, layout snowflake_layout '
              'DEFAULT ''timestamp:41 node:5 worker:5 sequence:12 unit:1ms epoch:2025-01-01T00:00:00Z'''
              '::snowflake_layout, sample double precision DEFAULT 100, time_column name DEFAULT NULL::name, '
              'OUT fact text, OUT value text, OUT detail text)', 'SETOF record'),
  ('trigger', 'snowflake_node_conflict_trigger()', 'trigger'),
  ('watch', 'snowflake_clock(OUT wall_clock timestamp with time zone, OUT latest timestamp with time zone, '
            'OUT horizon timestamp with time zone, OUT incarnation bigint, OUT ahead interval, OUT setbacks bigint, '
            'OUT largest_setback interval)', 'record'),
  ('watch', 'snowflake_node_status(OUT state text, OUT node integer, OUT granted_from timestamp with time zone, '
            'OUT granted_until timestamp with time zone, OUT registry text, OUT realm text, '
            'OUT last_success timestamp with time zone, OUT last_problem text)', 'record'),
  ('watch', 'snowflake_status(OUT version text, OUT node integer, OUT node_source text, OUT preloaded boolean, OUT '
           'layouts integer, OUT sessions bigint, OUT wall_clock timestamp with time zone, OUT latest timestamp '
           'with time zone, OUT ahead interval, OUT behind interval, OUT horizon timestamp with time zone, OUT '
           'horizon_ahead interval, OUT horizon_durable boolean, OUT setbacks bigint, OUT largest_setback '
           'interval, OUT incarnation bigint, OUT started timestamp with time zone, OUT stats_reset timestamp with '
           'time zone)', 'record'),
  ('watch own', 'snowflake_stat(OUT layout text, OUT sessions bigint, OUT ids bigint, OUT reservations bigint, OUT '
               'ticks_spent bigint, OUT hops bigint, OUT clock_waits bigint, OUT clock_wait_time double precision, '
               'OUT share_waits bigint, OUT share_wait_time double precision, OUT rate_waits bigint, OUT '
               'rate_wait_time double precision, OUT grant_waits bigint, OUT '
               'grant_wait_time double precision, OUT horizon_waits bigint, OUT horizon_wait_time double '
               'precision, OUT horizon_moves bigint, OUT setbacks bigint, OUT largest_setback interval, OUT '
               'ahead_time double precision, OUT rejected_standby bigint, OUT rejected_clock bigint, OUT '
               'rejected_grant bigint, OUT peak_ids bigint, OUT tick_ids bigint)', 'SETOF record'),
  ('watch own', 'snowflake_stat_workers(OUT layout text, OUT worker integer, OUT sessions bigint, OUT used double '
               'precision)', 'SETOF record'),
  ('watch', 'snowflake_health(OUT name text, OUT state text, OUT value text, OUT threshold text, OUT meaning text, '
           'OUT action text)', 'SETOF record'),
  ('operate', 'snowflake_stat_reset()', 'void'),
  ('alter', 'snowflake_alter_generator(generator regclass, layout snowflake_layout DEFAULT NULL::snowflake_layout, '
            'ordered boolean DEFAULT NULL::boolean, prefix text DEFAULT NULL::text, encoding text DEFAULT NULL::text, '
            'rate_limit integer DEFAULT NULL::integer)', 'void'),
  ('now', 'snowflake_succeeds_from(layout snowflake_layout, successor snowflake_layout)', 'timestamp with time zone'),
  ('create', 'snowflake_create_generator(name text, layout snowflake_layout '
             'DEFAULT ''timestamp:41 node:5 worker:5 sequence:12 unit:1ms epoch:2025-01-01T00:00:00Z'''
             '::snowflake_layout, ordered boolean DEFAULT false, prefix text DEFAULT ''''::text, '
             'encoding text DEFAULT ''base62''::text, rate_limit integer DEFAULT 0)',
             'regclass'),
  ('create', 'snowflake_create_partitions(relation regclass, every interval, ahead interval, layout snowflake_layout '
             'DEFAULT NULL::snowflake_layout)', 'SETOF text'),
  ('create', 'snowflake_drop_partitions(relation regclass, older_than interval, layout snowflake_layout '
             'DEFAULT NULL::snowflake_layout)', 'SETOF text'),
  ('look at', 'snowflake_partition(partition regclass, layout snowflake_layout, OUT from_time timestamp with time zone, '
              'OUT to_time timestamp with time zone, OUT size bigint)', 'record'),
  ('procedure', 'snowflake_backfill(relation regclass, id_column name, time_expression text, layout snowflake_layout '
                'DEFAULT ''timestamp:41 node:5 worker:5 sequence:12 unit:1ms epoch:2025-01-01T00:00:00Z'''
                '::snowflake_layout, batch integer DEFAULT 1000, shard integer DEFAULT NULL::integer)', NULL),
  ('tell', 'snowflake_observe(id bigint)', 'void'),
  ('tell', 'snowflake_observe(id bigint, generator regclass)', 'void'),
  ('operate', 'snowflake_reset_clock()', 'void'),
  ('input', 'snowflake_layout_in(cstring)', 'snowflake_layout'),
  ('input', 'snowflake_layout_recv(internal)', 'snowflake_layout'),
  ('support', 'snowflake_between_support(internal)', 'internal'),
  ('support', 'snowflake_layout_out(snowflake_layout)', 'cstring'),
  ('support', 'snowflake_layout_send(snowflake_layout)', 'bytea'),
  ('support', 'snowflake_layout_eq(snowflake_layout, snowflake_layout)', 'boolean'),
  ('support', 'snowflake_layout_ne(snowflake_layout, snowflake_layout)', 'boolean'),
  ('support', 'snowflake_layout_hash(snowflake_layout)', 'integer'),
  ('support', 'snowflake_layout_hash_extended(snowflake_layout, bigint)', 'bigint');

-- What to call the functions with. By name, because a type does not say what is sensible: a count has to be small.
-- Where `of` is given, for the functions whose signature is like that.
CREATE TEMP TABLE sample (argument text, value text NOT NULL, of text DEFAULT '%');
INSERT INTO sample VALUES
  ('count', '2'),
  ('id', '249480205557985322'),
  ('a', '249480205557985322'),
  ('b', '418557984765911039'),
  ('timestamp', $$'2026-11-20 10:25:16.123Z'$$),
  ('node', '3'),
  ('worker', '7'),
  ('sequence', '42'),
  ('layout', $$'discord'$$),
  ('successor', $$'twitter'$$),
  ('generator', $$'ids.snowflake_id'$$),
  ('encoded', $$'0IQgxwRdLRg'$$),
  ('encoding', $$'base62'$$),
  ('uuid', 'ids.snowflake_to_uuid(249480205557985322)'),
  ('ulid', 'ids.snowflake_to_ulid(249480205557985322)'),
  ('name', $$'ids.made'$$),
  ('ordered', 'true'),
  ('prefix', $$'made_'$$),
  ('shard', '5'),
  ('relation', $$'ids.seen'$$),
  ('id_column', $$'id'$$),
  ('max_delay', $$'1 minute'$$),
  ('from_time', $$'2026-11-20Z'$$),
  ('to_time', $$'2026-11-21Z'$$),
  ('interval', $$'1 day'$$),
  ('sample', '50'),
  ('rate_limit', '1000'),
  ('time_column', 'NULL'),
  ('grants', $$'ids.granted'$$),
  ('realm', $$'main'$$),
  ('every', $$'1 day'$$),
  ('ahead', $$'1 day'$$),
  ('older_than', $$'30 days'$$),
  ('partition', $$'ids.parts_kept'$$);
INSERT INTO sample VALUES
  ('uuid', $$ids.snowflake_to_uuid(249480205557985322, 'discord')$$, '%layout%'),
  ('ulid', $$ids.snowflake_to_ulid(249480205557985322, 'discord')$$, '%layout%'),
  ('generator', $$'ids.sharded'$$, 'snowflake_next(%shard%'),
  ('relation', $$'ids.parts'$$, 'snowflake_%_partitions(%'),
  ('generator', $$'ids.altered'$$, 'snowflake_alter_generator(%'),
  ('layout', $$'snowflake_id'$$, 'snowflake_alter_generator(%'),
  ('layout', $$'snowflake_id'$$, 'snowflake_%_partitions(%'),
  ('layout', $$'instagram'$$, 'snowflake_encode(%shard%'),
  ('node', 'NULL', 'snowflake_encode(%shard%'),
  ('worker', 'NULL', 'snowflake_encode(%shard%');

-- PostgreSQL 17 and later count a row type of a view and an array of a type as members, too.
CREATE TEMP VIEW member AS
SELECT classid, objid, deptype FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'snowflake_id')
  AND (classid <> 'pg_type'::regclass
    OR objid IN (SELECT oid FROM pg_type WHERE typrelid = 0 AND typcategory <> 'A'));

CREATE TEMP VIEW function AS
SELECT p.*, -- since 14 a procedure's arguments have their mode
  format('%s(%s)', proname, regexp_replace(pg_get_function_arguments(p.oid), '(^|, )IN ', '\1', 'g')) AS signature,
  pg_get_function_result(p.oid) AS result,
  concat_ws(' ',
    CASE provolatile WHEN 'i' THEN 'IMMUTABLE' WHEN 's' THEN 'STABLE' ELSE 'VOLATILE' END,
    CASE WHEN proisstrict THEN 'STRICT' END,
    CASE WHEN prosecdef THEN 'SECURITY DEFINER' END,
    CASE proparallel WHEN 's' THEN 'PARALLEL SAFE' WHEN 'r' THEN 'PARALLEL RESTRICTED' ELSE 'PARALLEL UNSAFE' END
  ) AS properties
FROM member JOIN pg_proc p ON classid = 'pg_proc'::regclass AND objid = p.oid;

-- Functions.

SELECT bag_eq('SELECT signature, result FROM function', 'SELECT signature, result FROM surface',
  'the functions are these');

SELECT is(f.properties, p.properties, 'to ' || p.name || ': ' || signature)
FROM function f JOIN surface USING (signature) JOIN purpose p ON p.name = purpose ORDER BY signature;

SELECT is(has_function_privilege('public', f.oid, 'EXECUTE'), for_everybody, 'who may call: ' || signature)
FROM function f JOIN surface USING (signature) JOIN purpose p ON p.name = purpose ORDER BY signature;

SELECT is(has_function_privilege('pg_monitor', f.oid, 'EXECUTE'), for_everybody OR purpose ~ '^watch',
  'may those who monitor call: ' || signature)
FROM function f JOIN surface USING (signature) JOIN purpose p ON p.name = purpose ORDER BY signature;

SELECT ok(coalesce(cardinality(proargnames), 0) >= pronargs AND NOT '' = ANY (coalesce(proargnames, '{}')),
  'has named arguments: ' || signature)
FROM function f JOIN surface USING (signature) JOIN purpose p ON p.name = purpose WHERE for_people ORDER BY signature;

SELECT is(probin, '$libdir/snowflake_id', 'comes from the library: ' || signature)
FROM function JOIN pg_language l ON l.oid = prolang WHERE lanname = 'c' ORDER BY signature;

-- Every object.

SELECT isnt(obj_description(objid, relname), NULL, 'has a comment: ' || pg_describe_object(classid, objid, 0))
FROM member JOIN pg_class catalog ON catalog.oid = classid ORDER BY pg_describe_object(classid, objid, 0);

SELECT ok(has_table_privilege('pg_monitor', objid, 'SELECT'), 'those who monitor may read: ' || objid::regclass)
FROM member JOIN pg_class ON pg_class.oid = objid AND relkind = 'v' WHERE classid = 'pg_class'::regclass
ORDER BY objid::regclass::text;

SELECT matches(coalesce(name, proname), '^snowflake_',
  'is named for the extension: ' || pg_describe_object(classid, objid, 0))
FROM member
CROSS JOIN pg_identify_object(classid, objid, 0)
LEFT JOIN pg_proc ON classid = 'pg_proc'::regclass AND oid = objid
WHERE coalesce(name, proname) IS NOT NULL ORDER BY pg_describe_object(classid, objid, 0);

-- What is not a member, nor part of one, would be dumped along with CREATE EXTENSION and stay after DROP EXTENSION.
SELECT is_empty($$
  SELECT pg_describe_object(d.classid, d.objid, 0) FROM pg_depend d
  WHERE refclassid = 'pg_namespace'::regclass AND refobjid = 'ids'::regnamespace AND classid <> 'pg_extension'::regclass
    AND NOT EXISTS (SELECT FROM member m WHERE (m.classid, m.objid) = (d.classid, d.objid))
$$, 'everything in the schema belongs to the extension');

SELECT is(extrelocatable, true, 'it can be moved to another schema') FROM pg_extension WHERE extname = 'snowflake_id';

-- Each function works by its qualified name and the names of its arguments, whatever the session is like: who it is,
-- where it looks for names, how it writes times. What reads an ID gives the same answer, for it claims to be immutable.

CREATE TEMP VIEW call AS
SELECT signature, purpose, for_everybody, format('ids.%I(%s)', proname, (
  SELECT string_agg(quote_ident(argument) || ' => ' || coalesce(
    (SELECT value FROM sample
     WHERE sample.argument = named.argument AND signature LIKE of ORDER BY length(of) DESC LIMIT 1),
    'no sample'), ', ')
  FROM unnest(proargnames[:pronargs]) AS named (argument))) AS call
FROM function f JOIN surface USING (signature) JOIN purpose p ON p.name = purpose
WHERE for_people;
SELECT is_empty('SELECT call FROM call WHERE call ~ ''no sample''', 'there is a sample of each argument');

CREATE FUNCTION pg_temp.result(call text) RETURNS bytea LANGUAGE plpgsql
AS $$
DECLARE
  result bytea;
BEGIN
  EXECUTE format('SELECT record_send(called) FROM (SELECT %s LIMIT 1) AS called', call) INTO result;
  RETURN result;
END
$$;

CREATE ROLE snowflake_stranger;
GRANT USAGE, CREATE ON SCHEMA ids TO snowflake_stranger;
CREATE FUNCTION pg_temp.result_for_stranger(call text) RETURNS bytea LANGUAGE sql
SET role = 'snowflake_stranger'
SET search_path = ''
SET TimeZone = 'Asia/Kathmandu'
SET DateStyle = 'German'
SET IntervalStyle = 'iso_8601'
AS 'SELECT pg_temp.result($1)';

SELECT ids.snowflake_create_generator('ids.sharded', 'instagram') IS NOT NULL AS created \gset
GRANT USAGE ON SEQUENCE ids.sharded TO PUBLIC;
SELECT ids.snowflake_create_generator('ids.altered') IS NOT NULL AS created \gset
ALTER SEQUENCE ids.altered OWNER TO snowflake_stranger;
CREATE TABLE ids.seen (id bigint);
CREATE TABLE ids.parts (id bigint PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE ids.parts_kept PARTITION OF ids.parts FOR VALUES FROM (MINVALUE) TO (0);
CREATE TABLE ids.parts_old PARTITION OF ids.parts FOR VALUES FROM (0) TO (1);
ALTER TABLE ids.parts OWNER TO snowflake_stranger;
ALTER TABLE ids.parts_old OWNER TO snowflake_stranger;
CREATE TABLE ids.granted (realm text, node integer, from_ms bigint, until_ms bigint);
GRANT SELECT ON ids.seen, ids.granted TO PUBLIC;
SELECT ids.snowflake_next() IS NOT NULL AS made \gset
SELECT isnt(pg_temp.result_for_stranger(call), NULL, 'works for a stranger: ' || signature)
FROM call WHERE for_everybody AND purpose !~ '^find' ORDER BY signature;
SELECT lives_ok(format('SELECT pg_temp.result_for_stranger(%L)', call), 'finds nothing for a stranger: ' || signature)
FROM call WHERE purpose ~ '^find' ORDER BY signature;
SELECT throws_ok(format('SELECT pg_temp.result_for_stranger(%L)', call), '42501', NULL,
  'not for a stranger: ' || signature)
FROM call WHERE NOT for_everybody ORDER BY signature;
SELECT is(pg_temp.result_for_stranger(call), pg_temp.result(call), 'says the same to everybody: ' || signature)
FROM call WHERE purpose = 'read' ORDER BY signature;

SELECT * FROM finish();
ROLLBACK;
