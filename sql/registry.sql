-- The registry in SQL: a life of a number, without what differs from run to run. All of it: test/pgtap/registry.sql and
-- test/tap/401_registry.pl.
CREATE SCHEMA "Registry of numbers";
CREATE EXTENSION snowflake_registry SCHEMA "Registry of numbers";
SET search_path = "Registry of numbers", public;
SELECT realm, count(*), min(node), max(node), state FROM snowflake_registry_nodes GROUP BY realm, state;
SELECT snowflake_registry_create_realm('two', 6, 7);
SELECT refusal, node, from_ms, until_ms - now_ms AS lease FROM snowflake_registry_claim('two', 4711, 'db1:5432');
SELECT refusal, node, from_ms, until_ms - now_ms <= 30000 AS same FROM snowflake_registry_claim('two', 4711, 'db1:5432');
SELECT refusal, node, from_ms, until_ms - now_ms AS lease FROM snowflake_registry_claim('two', 4712, 'db2:5432');
SELECT refusal, node FROM snowflake_registry_claim('two', 4713, 'db3:5432');
SELECT refusal, node FROM snowflake_registry_claim('tow', 4713, 'db3:5432');
SELECT refusal, until_ms - now_ms AS lease FROM snowflake_registry_renew('two', 6, 4711, 'db1:5432', 0, 0);
SELECT refusal, until_ms FROM snowflake_registry_renew('two', 6, 4712, 'db2:5432', 0, 0);
SELECT snowflake_registry_give_back('two', 6, 4712, 0), snowflake_registry_give_back('two', 6, 4711, 1000);
SELECT refusal, node, from_ms, until_ms - now_ms AS lease FROM snowflake_registry_claim('two', 4713, 'db3:5432');
SELECT node, held_by, state, until > since AS lasts FROM snowflake_registry_nodes WHERE realm = 'two' ORDER BY node;
SELECT node, from_ms, label, ended FROM snowflake_registry_grant_log WHERE realm = 'two' ORDER BY node, from_ms;
-- Made of node 6 in the first millisecond of the standard layout.
SELECT node, extract(epoch FROM "timestamp")::bigint AS unix, label FROM snowflake_registry_who('two', 6 << 17);
-- Restored: what was forgotten goes on, what is new waits.
UPDATE snowflake_registry_realms SET identity = 'another' WHERE realm = 'two';
SELECT snowflake_registry_give_back('two', 7, 4712, 0);
SELECT refusal, node FROM snowflake_registry_claim('two', 4714, 'db4:5432');
SELECT refusal, until_ms - now_ms AS lease
FROM snowflake_registry_clock() AS clock, snowflake_registry_renew('two', 7, 4715, 'db5:5432', clock, clock + 60000);
SELECT refusal FROM snowflake_registry_renew('two', 7, 4716, 'db6:5432', 0, 32503680000000);
SELECT restored_because FROM snowflake_registry_realms WHERE realm = 'two';
-- Errors.
\set SHOW_CONTEXT never
SELECT snowflake_registry_claim('two', 0, 'a');
SELECT snowflake_registry_claim('two', 1, '');
SELECT snowflake_registry_create_realm('none', 2, 1);
SELECT snowflake_registry_alter_realm('two', lease => '2 days');
SELECT snowflake_registry_claim(NULL, 1, 'a');
CREATE ROLE registry_server;
SELECT snowflake_registry_admit('registry_server', 'two', 1);
SET SESSION AUTHORIZATION registry_server;
SELECT refusal FROM "Registry of numbers".snowflake_registry_renew('two', 6, 4713, 'db3:5432', 1000, 0);
SELECT count(*) FROM snowflake_registry_nodes;
RESET SESSION AUTHORIZATION;
RESET search_path;
DROP EXTENSION snowflake_registry;
DROP OWNED BY registry_server;
DROP ROLE registry_server;
DROP SCHEMA "Registry of numbers";
