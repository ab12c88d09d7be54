-- The sequence behind the IDs: who may make them, and that nobody else moves it.
\ir lib/setup.psql
SELECT plan(15);
CREATE ROLE snowflake_stranger;
GRANT USAGE ON SCHEMA ids TO snowflake_stranger;

SELECT ok('ids.snowflake_id'::regclass = ANY (extconfig), 'a dump carries its value')
FROM pg_extension WHERE extname = 'snowflake_id';
SELECT ok(has_sequence_privilege('public', 'ids.snowflake_id', 'USAGE'), 'everybody may make IDs');
SELECT ok(has_sequence_privilege('public', 'ids.snowflake_id', 'SELECT'), 'everybody may read it, to dump the database');
SELECT ok(NOT has_sequence_privilege('public', 'ids.snowflake_id', 'UPDATE'), 'not everybody may set it');

-- There is a horizon before the first ID; nextval never moves it.
SELECT last_value AS first_horizon FROM ids.snowflake_id \gset
SELECT ok(ids.snowflake_timestamp(:first_horizon) BETWEEN now() AND clock_timestamp() + '1 min', 'there is a horizon at once');
SELECT throws_ok($$SELECT nextval('ids.snowflake_id')$$, '2200H', NULL, 'nextval does not count before the first ID');
SELECT is(last_value, :first_horizon, 'nor does it move the horizon') FROM ids.snowflake_id;

-- Its value bounds the IDs that were made.
SELECT ids.snowflake_next() AS id \gset
SELECT cmp_ok(last_value, '>=', :id, 'no ID is past the horizon') FROM ids.snowflake_id;
SELECT ok(horizon >= latest AND horizon = ids.snowflake_timestamp(last_value), 'snowflake_clock shows the horizon')
FROM ids.snowflake_clock(), ids.snowflake_id;
SELECT ok(abs(extract(epoch FROM wall_clock - clock_timestamp())) < 1, 'snowflake_clock shows the clock')
FROM ids.snowflake_clock();

SELECT last_value AS horizon FROM ids.snowflake_id \gset
SELECT throws_ok($$SELECT nextval('ids.snowflake_id')$$, '2200H', NULL, 'nextval fails after it');
SELECT cmp_ok(last_value, '>=', :horizon, 'a failed nextval does not take it back') FROM ids.snowflake_id;

-- Without the right to use it there are no IDs; they can be read all the same.
REVOKE USAGE ON SEQUENCE ids.snowflake_id FROM PUBLIC;
CREATE FUNCTION pg_temp.as_stranger(statement text) RETURNS void LANGUAGE plpgsql SET role = 'snowflake_stranger'
AS $$BEGIN EXECUTE statement; END$$;
SELECT throws_ok($$SELECT pg_temp.as_stranger('SELECT ids.snowflake_next()')$$, '42501', NULL,
  'a right to make is needed');
SELECT lives_ok($$SELECT pg_temp.as_stranger('SELECT ids.snowflake_node(0)')$$, 'no right to read is needed');
GRANT USAGE ON SEQUENCE ids.snowflake_id TO snowflake_stranger;
SELECT lives_ok($$SELECT pg_temp.as_stranger('SELECT ids.snowflake_next()')$$, 'the right can be given to a role');

SELECT * FROM finish();
ROLLBACK;
