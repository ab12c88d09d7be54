-- The settings: they are the server's, described, and bounded.
\ir lib/setup.psql
SELECT * FROM no_plan();
SELECT ids.snowflake_next() > 0 AS library_loaded \gset

CREATE TEMP VIEW setting AS SELECT * FROM pg_settings WHERE starts_with(name, 'snowflake_id.');

SELECT bag_eq('SELECT name, vartype, unit, min_val, max_val, boot_val FROM setting', $$VALUES
  ('snowflake_id.node_id', 'integer', NULL, '0', '2147483647', '0'),
  ('snowflake_id.registry', 'string', NULL, NULL, NULL, ''),
  ('snowflake_id.realm', 'string', NULL, NULL, NULL, 'main'),
  ('snowflake_id.registry_wait', 'integer', 'ms', '0', '2147483647', '5000'),
  ('snowflake_id.max_clock_drift', 'integer', 's', '0', '2147483647', '604800')
$$, 'the settings are these');

SELECT is(context, 'sighup', 'belongs to the server, changed by reload: ' || name) FROM setting ORDER BY name;
SELECT matches(short_desc, '^[A-Z].*\.$', 'is described in a sentence: ' || name) FROM setting ORDER BY name;
SELECT isnt(extra_desc, NULL, 'says what it is for: ' || name) FROM setting ORDER BY name;

-- Not even a superuser changes them in a session.
SELECT throws_ok(format('SET %s = 1', name), '55P02', NULL, 'cannot be SET: ' || name) FROM setting ORDER BY name;
SELECT throws_ok(format('SELECT set_config(%L, %L, true)', name, '1'), '55P02', NULL, 'no set_config: ' || name)
FROM setting ORDER BY name;
SELECT throws_ok(format('ALTER ROLE CURRENT_USER SET %s = 1', name), '55P02', NULL, 'not for a role: ' || name)
FROM setting ORDER BY name;
SELECT throws_ok(format('ALTER DATABASE %I SET %s = 1', current_database(), name), '55P02', NULL,
  'not for a database: ' || name)
FROM setting ORDER BY name;

SELECT is(ids.snowflake_node(ids.snowflake_next()), current_setting('snowflake_id.node_id')::integer,
  'IDs are of the node that is set');

SELECT * FROM finish();
ROLLBACK;
