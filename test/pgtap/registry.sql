-- The registry: its contract call by call, its own time, who may do what, and what a server that lies can bring about.
-- What needs several sessions, crashes or clocks is in test/tap/401_registry.pl.
\ir lib/setup.psql
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS snowflake_registry CASCADE;
CREATE SCHEMA registry;
CREATE EXTENSION snowflake_registry SCHEMA registry;
RESET client_min_messages;
SET search_path = public, registry;
SELECT * FROM no_plan();

-- Short names: what was answered is compared as text, times relative to the registry's.
CREATE FUNCTION pg_temp.claim(realm text, holder bigint, label text) RETURNS text LANGUAGE sql AS $$
SELECT coalesce(refusal, format('node %s, %s to %s s', node, CASE from_ms WHEN 0 THEN '0' ELSE 'later' END, round((until_ms - now_ms) / 1000.0)))
FROM registry.snowflake_registry_claim(realm, holder, label) $$;
CREATE FUNCTION pg_temp.renew(realm text, node int, holder bigint, known_from_ms bigint, known_until_ms bigint, label text DEFAULT 'a') RETURNS text LANGUAGE sql AS $$
SELECT coalesce(refusal, round((until_ms - now_ms) / 1000.0) || ' s')
FROM registry.snowflake_registry_renew(realm, node, holder, label, known_from_ms, known_until_ms) $$;
CREATE FUNCTION pg_temp.now_ms() RETURNS bigint LANGUAGE sql AS 'SELECT registry.snowflake_registry_clock()';
CREATE FUNCTION pg_temp.row_of(realm text, node int) RETURNS registry.snowflake_registry_numbers LANGUAGE sql AS
'SELECT n.* FROM registry.snowflake_registry_numbers n WHERE n.realm = $1 AND n.node = $2';

-- --- The objects ------------------------------------------------------------------------------------------------------

-- PostgreSQL 17 and later count a row type of a table and an array of a type as members, too.
CREATE TEMP VIEW member AS
SELECT classid, objid FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'snowflake_registry')
  AND (classid <> 'pg_type'::regclass OR objid IN (SELECT oid FROM pg_type WHERE typrelid = 0 AND typcategory <> 'A'));
SELECT is_empty($$
  SELECT pg_describe_object(classid, objid, 0) FROM member JOIN pg_class catalog ON catalog.oid = classid
  WHERE obj_description(objid, relname) IS NULL
$$, 'every object has a comment');
SELECT set_eq('SELECT relname FROM pg_extension, unnest(extconfig) c JOIN pg_class ON oid = c WHERE extname = ''snowflake_registry''',
  'SELECT relname FROM member JOIN pg_class ON classid = ''pg_class''::regclass AND objid = oid WHERE relkind = ''r''',
  'a dump carries all tables');
SELECT set_eq($$SELECT format('%s(%s) %s', proname, pg_get_function_arguments(oid), pg_get_function_result(oid)) FROM pg_proc
    WHERE pronamespace = 'registry'::regnamespace AND proname ~ '_(claim|renew|give_back|who)$'$$,
  $$VALUES ('snowflake_registry_claim(realm text, holder bigint, label text, OUT refusal text, OUT node integer, OUT from_ms bigint, OUT until_ms bigint, OUT now_ms bigint) record'),
    ('snowflake_registry_renew(realm text, node integer, holder bigint, label text, known_from_ms bigint, known_until_ms bigint, OUT refusal text, OUT until_ms bigint, OUT now_ms bigint) record'),
    ('snowflake_registry_give_back(realm text, node integer, holder bigint, last_used_ms bigint) boolean'),
    ('snowflake_registry_who(realm text, id bigint, layout text DEFAULT ''snowflake_id''::text) TABLE(node integer, "timestamp" timestamp with time zone, label text, from_ms bigint, until_ms bigint, granted timestamp with time zone, role text)')$$,
  'clients call these');
SELECT is_empty($$SELECT proname FROM member JOIN pg_proc p ON classid = 'pg_proc'::regclass AND objid = p.oid
  WHERE NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false)$$, 'no function looks names up where others create them');

SELECT is_empty($$SELECT i.indexrelid::regclass FROM member JOIN pg_index i ON classid = 'pg_class'::regclass AND objid = i.indrelid,
    unnest(i.indcollation) AS sorted (by) WHERE by NOT IN (0, 'pg_catalog."C"'::regcollation)$$,
  'keys are sorted by bytes, as on any other operating system');

-- --- Its own time -----------------------------------------------------------------------------------------------------

-- A clock that runs, steps and jitters at random: the time never goes back, and runs at the clock's rate after a step.
CREATE FUNCTION pg_temp.wrong_times(steps int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE clock bigint := 1e12; latest bigint := 0; offset_ms bigint := 0; before bigint; last_clock bigint := 0; wrong int := 0;
BEGIN
  FOR step IN 1 .. steps LOOP
    clock := clock + CASE WHEN random() < 0.1 THEN (random() * 2e6 - 1e6)::bigint ELSE (random() * 100)::bigint END;
    before := latest;
    offset_ms := registry.snowflake_registry_offset(clock, latest, offset_ms);
    latest := clock + offset_ms;
    wrong := wrong + (latest < before OR clock >= before AND latest <> clock)::int
      + (clock >= last_clock AND clock < before AND latest - before <> clock - last_clock)::int
      + (clock < last_clock AND clock < before AND latest <> greatest(before, latest))::int;
    last_clock := clock;
  END LOOP;
  RETURN wrong;
END $$;
SELECT is(pg_temp.wrong_times(20000), 0, 'the registry''s time never goes back and runs at the clock''s rate');
SELECT is(registry.snowflake_registry_offset(1000, 5000, 0), 4000::bigint, 'a step back: the time stays where it is');
SELECT is(registry.snowflake_registry_offset(6000, 5000, 4000), 0::bigint, 'the clock has caught up: the time is the clock''s');

-- --- Realms -----------------------------------------------------------------------------------------------------------

SELECT is((SELECT count(*) FROM snowflake_registry_nodes WHERE realm = 'main' AND state = 'free'), 32::bigint, 'main is there from the beginning');
SELECT is_empty('SELECT FROM snowflake_registry_realms', '… and has no rows, with which a dump would collide');
SELECT is(pg_temp.claim('mian', 1, 'a'), 'no realm', 'a misspelt realm is not made');
SELECT is(pg_temp.renew('mian', 0, 1, 0, 1), 'no realm', '… nor by a renewal');
SELECT is(snowflake_registry_give_back('mian', 0, 1, 1), false, '… nor by giving back');
SELECT throws_ok($$SELECT snowflake_registry_create_realm('x', 3, 2)$$, '22023', NULL, 'no realm without numbers');
SELECT throws_ok($$SELECT snowflake_registry_create_realm('x', -1, 2)$$, '22023', NULL, 'no negative numbers');
SELECT throws_ok($$SELECT snowflake_registry_create_realm('x', 0, 2, '999 ms')$$, '22023', NULL, 'no lease below a second');
SELECT throws_ok($$SELECT snowflake_registry_create_realm('x', 0, 2, '25 hours')$$, '22023', NULL, 'no lease above a day');
SELECT throws_ok(format('SELECT snowflake_registry_create_realm(%L)', name), '22023', NULL, format('no server can be given a realm of this name: %L', name))
FROM (VALUES (NULL), (''), ('my shop'), ('märz'), (E'shop\n'), (repeat('x', 64))) AS realm (name);
SELECT lives_ok($$SELECT snowflake_registry_create_realm('usual.realm_1-a', NULL, NULL, NULL, NULL)$$, 'an option that is NULL');
SELECT is((first_node, last_node, lease_ms, lossless), (0, 31, 600000::bigint, false), '… has its default') FROM snowflake_registry_realms WHERE realm = 'usual.realm_1-a';
SELECT lives_ok($$SELECT snowflake_registry_create_realm('few', 4, 5, '10 min')$$, 'a realm is made');
SELECT throws_ok($$SELECT snowflake_registry_create_realm('few')$$, '42710', NULL, 'not twice');
SELECT throws_ok($$SELECT snowflake_registry_alter_realm('none', 1, 2)$$, '42704', NULL, 'what is not there is not changed');
SELECT throws_ok($$SELECT snowflake_registry_alter_realm('few', 9)$$, '22023', NULL, 'not to a realm without numbers');

-- --- Claim, renew, give back ------------------------------------------------------------------------------------------

SELECT is(pg_temp.claim('few', 11, 'a'), 'node 4, 0 to 30 s', 'the first number, for 30 s');
SELECT is(pg_temp.claim('few', 11, 'a'), 'node 4, 0 to 30 s', 'once more, as if the answer was lost: the same');
SELECT is(pg_temp.claim('few', 12, 'b'), 'node 5, 0 to 30 s', 'the next one');
SELECT is(pg_temp.claim('few', 13, 'a'), 'full', 'no number is left, whatever the label');
SELECT is(array_agg(pg_temp.renew('few', 4, 11, 0, 0) ORDER BY i), '{60 s,120 s,240 s,480 s,600 s,600 s}', 'leases double up to that of the realm')
FROM generate_series(1, 6) i;
SELECT is(pg_temp.renew('few', 4, 12, 0, pg_temp.now_ms()), 'lost', 'a renewal by another holder');
SELECT is(pg_temp.renew('few', 9, 11, 0, pg_temp.now_ms()), 'lost', 'a renewal of a number outside of the realm');
SELECT is(snowflake_registry_give_back('few', 4, 12, 0), false, 'given back by another holder');
SELECT is((pg_temp.row_of('few', 4)).holder, 11::bigint, '… it stays where it is');
SELECT is((SELECT restored_at_ms FROM snowflake_registry_realms WHERE realm = 'few'), NULL, 'none of this looks like a restore');

SELECT pg_temp.now_ms() AS used \gset
SELECT is(snowflake_registry_give_back('few', 4, 11, :used), true, 'given back');
SELECT is(snowflake_registry_give_back('few', 4, 11, :used), false, '… once');
SELECT is(pg_temp.renew('few', 4, 11, 0, :used), 'lost', '… and not renewed any more');
SELECT is(pg_temp.renew('few', 4, 11, :used, :used + 1), 'lost', '… not even by a late message that looks like a later grant');
SELECT is((from_ms, node), (:used::bigint, 4), 'the next holder begins where the last one ended')
FROM snowflake_registry_claim('few', 14, 'c');
SELECT is((SELECT restored_at_ms FROM snowflake_registry_realms WHERE realm = 'few'), NULL, 'that does not look like a restore either');

-- Over: given to others, from the old end on. Not before, and not by label.
SELECT snowflake_registry_create_realm('short', 0, 1, '1 s') IS NULL AS made \gset
SELECT is(pg_temp.claim('short', 21, 'a') || ', ' || pg_temp.claim('short', 22, 'b'), 'node 0, 0 to 1 s, node 1, 0 to 1 s', 'a lease of a second');
SELECT (pg_temp.row_of('short', 0)).until_ms AS ended \gset
SELECT is(pg_temp.claim('short', 23, 'a'), 'full', 'who has the label of an earlier life does not get its number before that is over');
SELECT pg_sleep(1.1) IS NULL AS slept \gset
SELECT is(pg_temp.renew('short', 1, 22, 0, (pg_temp.row_of('short', 1)).until_ms, 'b'), '1 s', 'over, and nobody else''s yet: the holder goes on');
SELECT is((node, from_ms), (0, :ended::bigint), 'over: another holder, from where it ended') FROM snowflake_registry_claim('short', 23, 'z');
SELECT is(pg_temp.renew('short', 0, 21, 0, :ended), 'lost', 'the old holder has lost it');
SELECT pg_sleep(1.1) IS NULL AS slept \gset
SELECT is(pg_temp.claim('short', 24, 'b'), 'node 1, later to 1 s', 'of two that are over, the one of its label');
SELECT results_eq($$SELECT node, label, ended FROM snowflake_registry_grant_log WHERE realm = 'short' ORDER BY node, from_ms$$,
  $$VALUES (0, 'a', 'over'), (0, 'z', NULL), (1, 'b', 'over'), (1, 'b', NULL)$$, 'the log of it');

-- Never used, so given back as it was; what is free and ends later than a grant could is passed over, or waited for.
SELECT snowflake_registry_create_realm('odd', 0, 1, '10 min') IS NULL AS made \gset
SELECT pg_temp.claim('odd', 31, 'a') IS NULL AS claimed \gset
SELECT is(snowflake_registry_give_back('odd', 0, 31, 0), true, 'given back unused');
SELECT is(pg_temp.claim('odd', 32, 'a'), 'node 0, 0 to 30 s', '… as if nobody had had it');
SELECT is((SELECT count(*) FROM snowflake_registry_grant_log WHERE realm = 'odd'), 1::bigint, '… and the log does not grow');
SELECT is(array_agg(pg_temp.renew('odd', 0, 32, 0, 0) ORDER BY i) IS NULL, false, 'renewed') FROM generate_series(1, 5) i;
SELECT (pg_temp.row_of('odd', 0)).until_ms AS ended \gset odd_
SELECT is(snowflake_registry_give_back('odd', 0, 32, 9223372036854775807), true, 'given back by a server whose time is past the end');
SELECT is((until_ms, holder IS NULL), (:odd_ended::bigint, true), '… it ends where it ended') FROM pg_temp.row_of('odd', 0);
SELECT is((SELECT restored_at_ms FROM snowflake_registry_realms WHERE realm = 'odd'), NULL, '… which is no evidence of a restore');
SELECT is(pg_temp.claim('odd', 33, 'a'), 'node 1, 0 to 30 s', 'the number of that label would begin after its end: another one');
SELECT is(pg_temp.claim('odd', 34, 'a'), 'settling', 'there is no other one: wait');

-- Ten seconds before all is over that a restored registry may have forgotten.
SELECT snowflake_registry_create_realm('grace', 0, 1, lease => '40 s') IS NULL AS created \gset
UPDATE snowflake_registry_realms SET restored_at_ms = registry.snowflake_registry_clock() - 30000 WHERE realm = 'grace';
SELECT is(pg_temp.claim('grace', 35, 'a'), 'settling', 'nothing is granted before all that was forgotten is over');
UPDATE snowflake_registry_realms SET restored_at_ms = registry.snowflake_registry_clock() - 50000 WHERE realm = 'grace';
SELECT matches(pg_temp.claim('grace', 35, 'a'), '^node 0', '… and then it is');

-- Another range of numbers.
SELECT snowflake_registry_alter_realm('few', 5, 6) IS NULL AS changed \gset
SELECT is(pg_temp.renew('few', 4, 14, :used, (pg_temp.row_of('few', 4)).until_ms), 'lost', 'a number that the realm has lost is not renewed');
SELECT is(pg_temp.claim('few', 14, 'c'), 'node 6, 0 to 30 s', '… its holder gets another one');
SELECT is(pg_temp.claim('few', 15, 'c'), 'full', '… and nobody gets the lost one');

-- --- Arguments --------------------------------------------------------------------------------------------------------

SELECT is(snowflake_registry_claim(NULL, 1, 'a') IS NULL AND snowflake_registry_claim('main', NULL, 'a') IS NULL AND snowflake_registry_claim('main', 1, NULL) IS NULL, true, 'NULL in, NULL out: claim');
SELECT is(snowflake_registry_renew('main', 0, 1, 'a', NULL, 1) IS NULL, true, 'NULL in, NULL out: renew');
SELECT is(snowflake_registry_give_back('main', 0, 1, NULL), NULL, 'NULL in, NULL out: give back');
SELECT is_empty('SELECT FROM snowflake_registry_who(''main'', NULL)', 'NULL in, nothing out: who');
SELECT throws_ok($$SELECT snowflake_registry_claim('main', 0, 'a')$$, '22023', NULL, 'no holder 0');
SELECT throws_ok($$SELECT snowflake_registry_claim('main', -1, 'a')$$, '22023', NULL, 'no negative holder');
SELECT throws_ok($$SELECT snowflake_registry_renew('few', 5, 0, 'a', 0, 1)$$, '22023', NULL, 'no holder 0 renews');
SELECT throws_ok(format('SELECT snowflake_registry_claim(''main'', 1, %L)', repeat('x', 64)), '22023', NULL, 'no label above 63 bytes');
SELECT throws_ok($$SELECT snowflake_registry_claim('main', 1, E'\x1b[2J')$$, '22023', NULL, 'no label that commands a terminal');

-- --- Restored: what holders say ---------------------------------------------------------------------------------------

-- A forger names a number, a range and an end; the registry knows better, or does not believe it.
SELECT snowflake_registry_create_realm('lies', 0, 3, '10 min') IS NULL AS made \gset
SELECT is(pg_temp.claim('lies', 41, 'honest'), 'node 0, 0 to 30 s', 'an honest server');
SELECT pg_temp.now_ms() AS now, (pg_temp.row_of('lies', 0)).until_ms AS honest_until \gset
SELECT is(pg_temp.renew('lies', 0, 42, :honest_until, :now + 500000), 'lost', 'nobody takes a number that is not over, whatever he says to have');
SELECT is(pg_temp.renew('lies', 1, 42, :now, 32503680000000), 'lost', 'nobody was granted a number until the year 3000');
SELECT is(pg_temp.renew('lies', 1, 42, :now, 9223372036854775807), 'lost', '… or later');
SELECT is(pg_temp.renew('lies', 1, 42, -5, -4), 'lost', 'nor in the past');
SELECT is(pg_temp.renew('lies', 1, 42, :now + 10, :now), 'lost', 'nor backwards');
SELECT is(pg_temp.renew('lies', 1000000, 42, :now, :now + 1), 'lost', 'nor a number that there is not');
SELECT is(pg_temp.renew('lies', 0, 41, 0, 32503680000000, 'honest'), 'lost', 'not even the holder');
SELECT is((pg_temp.row_of('lies', 0)).until_ms, :honest_until::bigint, '… whose number is as it was');
SELECT is((SELECT restored_at_ms FROM snowflake_registry_realms WHERE realm = 'lies'), NULL, 'such lies are no evidence of a restore');
SELECT is((SELECT count(*) FROM snowflake_registry_numbers WHERE realm = 'lies'), 4::bigint, '… nor make rows');

-- A true one: of a number that the registry has never granted. The realm is restored then, for new ones.
SELECT is(pg_temp.renew('lies', 2, 43, :now - 1000, :now + 400000, 'forgotten'), '600 s', 'a forgotten holder goes on');
SELECT is((from_ms, until_ms > :now + 590000), (:now::bigint - 1000, true), '… in its own range') FROM pg_temp.row_of('lies', 2);
SELECT ok(restored_at_ms BETWEEN :now + 5000 AND pg_temp.now_ms() + 5000 AND restored_because LIKE '%forgotten as role%', '… and says that the registry was restored')
FROM snowflake_registry_realms WHERE realm = 'lies';
SELECT is(pg_temp.claim('lies', 44, 'new'), 'settling', 'nobody gets a new number before what was forgotten is over');
SELECT is(pg_temp.renew('lies', 0, 41, 0, :honest_until, 'honest'), '60 s', 'the honest server goes on');
SELECT is(pg_temp.renew('lies', 3, 43, :now, :now + 400000), 'lost', 'a holder recovers one number, not two');
SELECT is(pg_temp.renew('lies', 3, 45, :now - 9000, :now + 1000), 'lost', 'a forgotten holder whose range ends before t0 is lost');
SELECT is((SELECT until_ms FROM pg_temp.row_of('lies', 3)), 0::bigint, '… its number stays as it was');

-- A holder whose row is older than what it knows.
UPDATE snowflake_registry_numbers SET until_ms = :now - 100, from_ms = 0 WHERE realm = 'lies' AND node = 0;
SELECT is(pg_temp.renew('lies', 0, 41, 0, :now + 300000, 'honest'), '600 s', 'a holder whose row is older recovers');
UPDATE snowflake_registry_numbers SET until_ms = :now - 100 WHERE realm = 'lies' AND node = 0;
SELECT is(pg_temp.renew('lies', 0, 41, 0, :now + 100, 'honest'), 'lost', '… not if its range ends before t0');
SELECT is(pg_temp.claim('lies', 41, 'honest'), 'settling', '… and it does not get its number back by a claim');

-- Known before the restore, and not heard of since: it may have given the number back, and that is forgotten.
SELECT snowflake_registry_create_realm('seen', 0, 1, '10 min') IS NULL AS made \gset
SELECT is(pg_temp.claim('seen', 51, 'a'), 'node 0, 0 to 30 s', 'a holder');
UPDATE snowflake_registry_realms SET identity = 'other' WHERE realm = 'seen';
UPDATE snowflake_registry_numbers SET heard_ms = heard_ms - 1000 WHERE realm = 'seen' AND node = 0;
SELECT is(pg_temp.claim('seen', 51, 'a'), 'settling', 'a claim does not return what was granted before a restore');
SELECT is((SELECT restored_because FROM snowflake_registry_realms WHERE realm = 'seen'), 'another server, timeline or database', 'another identity is a restore');
SELECT snowflake_registry_create_realm('safe', 0, 1, '10 min', true) IS NULL AS made \gset
UPDATE snowflake_registry_realms SET identity = 'other' WHERE realm = 'safe';
SELECT is(pg_temp.claim('safe', 52, 'a'), 'node 0, 0 to 30 s', 'lossless: it does not matter');
SELECT is((SELECT (restored_at_ms IS NULL, identity = snowflake_registry_identity()) FROM snowflake_registry_realms WHERE realm = 'safe'), (true, true), '… and is noted');

-- A lease that was made shorter: what was granted before explains more.
SELECT snowflake_registry_create_realm('long', 0, 1, '1 hour') IS NULL AS made \gset
SELECT snowflake_registry_alter_realm('long', lease => '1 min') IS NULL AS changed \gset
SELECT pg_temp.now_ms() AS now \gset
SELECT is(pg_temp.renew('long', 0, 61, :now - 1, :now + 3000000), '3000 s', 'a forgotten grant of the longer lease is believed');
SELECT is(snowflake_registry_floor(r), reach_ms, '… and new ones begin after all of those') FROM snowflake_registry_realms r WHERE realm = 'long';

-- --- Rights -----------------------------------------------------------------------------------------------------------

CREATE ROLE snowflake_stranger; CREATE ROLE snowflake_server; CREATE ROLE snowflake_reader;
GRANT USAGE ON SCHEMA registry TO snowflake_stranger, snowflake_reader;
CREATE FUNCTION pg_temp.as_role(role text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
  EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', role);
  BEGIN EXECUTE statement INTO result; EXCEPTION WHEN OTHERS THEN result := SQLSTATE; END;
  RESET SESSION AUTHORIZATION;
  RETURN result;
END $$;
SELECT is_empty($$SELECT p.oid::regprocedure FROM member JOIN pg_proc p ON classid = 'pg_proc'::regclass AND objid = p.oid
  WHERE has_function_privilege('snowflake_stranger', p.oid, 'EXECUTE') AND proname !~ '_(clock|offset)$'$$, 'nobody calls anything without being admitted');
SELECT is_empty($$SELECT c.relname FROM member JOIN pg_class c ON classid = 'pg_class'::regclass AND objid = c.oid
  WHERE c.relkind IN ('r', 'v') AND has_table_privilege('snowflake_stranger', c.oid, 'SELECT, INSERT, UPDATE, DELETE')$$, 'nobody reads or writes anything');
SELECT snowflake_registry_admit('snowflake_server') IS NULL AS admitted \gset
SELECT set_eq($$SELECT proname FROM member JOIN pg_proc p ON classid = 'pg_proc'::regclass AND objid = p.oid
  WHERE has_function_privilege('snowflake_server', p.oid, 'EXECUTE')$$,
  $$VALUES ('snowflake_registry_clock'), ('snowflake_registry_offset'), ('snowflake_registry_claim'), ('snowflake_registry_renew'), ('snowflake_registry_give_back')$$, 'a role that was admitted has exactly these');
SELECT is_empty($$SELECT c.relname FROM member JOIN pg_class c ON classid = 'pg_class'::regclass AND objid = c.oid
  WHERE c.relkind IN ('r', 'v') AND has_table_privilege('snowflake_server', c.oid, 'SELECT, INSERT, UPDATE, DELETE')$$, '… and no relation');
SELECT is(pg_temp.as_role('snowflake_server', $$SELECT node FROM registry.snowflake_registry_claim('main', 71, 'db:5432')$$), '0', 'it claims');
SELECT is(pg_temp.as_role('snowflake_server', $$SELECT refusal IS NULL FROM registry.snowflake_registry_renew('main', 0, 71, 'db:5432', 0, 1)$$), 'true', 'it renews');
SELECT is(pg_temp.as_role('snowflake_server', $$SELECT registry.snowflake_registry_give_back('main', 0, 71, 1)$$), 'true', 'it gives back');
SELECT is(pg_temp.as_role('snowflake_server', 'TABLE registry.snowflake_registry_numbers'), '42501', 'it does not see holders');
SELECT is(pg_temp.as_role('snowflake_server', 'TABLE registry.snowflake_registry_nodes'), '42501', '… nor the others');
SELECT is(pg_temp.as_role('snowflake_stranger', $$SELECT registry.snowflake_registry_claim('main', 72, 'x')$$), '42501', 'a stranger does not claim');
SELECT is(pg_temp.as_role('snowflake_server', $$SELECT registry.snowflake_registry_create_realm('mine')$$), '42501', 'a server makes no realms');

-- Few numbers for a role; a realm of named roles only.
SELECT snowflake_registry_create_realm('ours', 0, 9) IS NULL AS made, snowflake_registry_admit('snowflake_server', 'ours', 2) IS NULL AS admitted \gset
CREATE FUNCTION pg_temp.take(role text, holder int) RETURNS text LANGUAGE sql AS
$$SELECT pg_temp.as_role(role, format('SELECT coalesce(refusal, node::text) FROM registry.snowflake_registry_claim(''ours'', %s, ''a'')', holder))$$;
SELECT is(array_agg(pg_temp.take('snowflake_server', i) ORDER BY i), '{0,1,full}', 'a role gets no more numbers than it was admitted for') FROM generate_series(81, 83) i;
SELECT is(pg_temp.as_role('snowflake_server', format('SELECT refusal FROM registry.snowflake_registry_renew(''ours'', 5, 84, ''a'', %s, %s)', pg_temp.now_ms(), pg_temp.now_ms() + 60000)), 'lost', '… nor by renewing what it never had');
SELECT is((SELECT restored_at_ms FROM snowflake_registry_realms WHERE realm = 'ours'), NULL, '… which is no evidence of a restore');
SELECT is(pg_temp.as_role('snowflake_server', $$SELECT registry.snowflake_registry_give_back('ours', 0, 81, 1)$$) || pg_temp.take('snowflake_server', 85), 'true0', '… and another one for one that it gives back');
GRANT EXECUTE ON FUNCTION snowflake_registry_claim(text, bigint, text) TO snowflake_stranger;
SELECT is(pg_temp.take('snowflake_stranger', 86), '42501', 'a realm with named roles is closed to others');
CREATE FUNCTION pg_temp.keep(role text, holder int) RETURNS text LANGUAGE sql AS
$$SELECT pg_temp.as_role(role, format('SELECT coalesce(refusal, ''renewed'') FROM registry.snowflake_registry_renew(''ours'', %s, %s, ''a'', %s, %s)', n.node, n.holder, n.from_ms, n.until_ms))
FROM registry.snowflake_registry_numbers n WHERE n.realm = 'ours' AND n.holder = $2$$;
SELECT is(pg_temp.keep('snowflake_server', 82), 'renewed', 'a role that was admitted renews');
DELETE FROM snowflake_registry_servers WHERE role = 'snowflake_server';
SELECT is(pg_temp.keep('snowflake_server', 82), '42501', 'once its row is deleted it does not');
SELECT is(pg_temp.take('snowflake_server', 87), '42501', '… nor does it claim: without any role the realm is still closed');
SELECT is(pg_temp.take('snowflake_stranger', 87), '42501', '… to everybody');
SELECT throws_ok($$SELECT snowflake_registry_admit('snowflake_server', 'none')$$, '42704', NULL, 'nobody is admitted to what is not there');

-- --- For people -------------------------------------------------------------------------------------------------------

GRANT SELECT ON snowflake_registry_nodes TO snowflake_reader;
GRANT EXECUTE ON FUNCTION snowflake_registry_who(text, bigint, text) TO snowflake_reader;
SELECT is(pg_temp.as_role('snowflake_reader', 'SELECT count(*) FROM registry.snowflake_registry_nodes WHERE realm = ''few'''), '3', 'people can be given the view');
SELECT is(pg_temp.as_role('snowflake_reader', 'SELECT node FROM registry.snowflake_registry_who(''few'', 5)'), '0', '… and who');
SELECT is(pg_temp.as_role('snowflake_reader', 'TABLE registry.snowflake_registry_grant_log'), '42501', '… and no more');
SELECT hasnt_column('registry', 'snowflake_registry_nodes', 'holder', 'the view does not show holders');
UPDATE snowflake_registry_numbers SET heard_ms = heard_ms - 181000 WHERE realm = 'few' AND node = 6;
SELECT results_eq($$SELECT node, held_by, state, until > clock_timestamp(), last_heard < clock_timestamp() FROM snowflake_registry_nodes WHERE realm IN ('few') ORDER BY node$$,
  $$VALUES (4, 'c', 'resting', true, true), (5, 'b', 'held', true, true), (6, 'c', 'resting', true, true)$$, 'the view: held, resting');
SELECT results_eq($$SELECT held_by, since, until, state FROM snowflake_registry_nodes WHERE realm = 'odd' AND node = 0$$,
  $$VALUES (NULL::text, NULL::timestamptz, NULL::timestamptz, 'free')$$, 'the view: free');

-- Who made an ID: the grants of number 0 of `short`, each at its first and last millisecond.
CREATE FUNCTION pg_temp.made_at(unix_ms bigint, node int) RETURNS bigint LANGUAGE sql AS
'SELECT (unix_ms - 1735689600000) << 22 | (node << 17) | 4711';
SELECT results_eq(format('SELECT label FROM (VALUES (0), (1)) AS ms (ms), registry.snowflake_registry_who(''short'', pg_temp.made_at(%s + ms, 0)) ORDER BY ms', :ended),
  $$VALUES ('a'), ('z')$$, 'who: a range includes its end, not its beginning');
SELECT is((node, "timestamp", label, role = session_user), (0, to_timestamp(:ended / 1000.0), 'a'::text, true), 'who: node, time, label, role')
FROM snowflake_registry_who('short', pg_temp.made_at(:ended, 0));
SELECT is((node, label IS NULL), (1, true), 'who: nobody')
FROM snowflake_registry_who('odd', pg_temp.made_at(:ended + 86400000, 1));
SELECT is((node, label), (0, 'a'::text), 'who: another layout, by the extension snowflake_id')
FROM snowflake_registry_who('short', ids.snowflake_encode(to_timestamp(:ended / 1000.0), 0, 3, 7, 'discord'), 'discord');
SELECT is(who."timestamp", decoded."timestamp", 'who: the standard layout is the one of snowflake_id')
FROM ids.snowflake_next() AS next (made), ids.snowflake_decode(made) AS decoded, snowflake_registry_who('short', made) AS who;
SELECT throws_ok($$SELECT snowflake_registry_who('short', -5)$$, '22023', NULL, 'who: no negative ID');
SET client_min_messages = warning;
DROP EXTENSION snowflake_id;
SELECT throws_ok($$SELECT snowflake_registry_who('short', 5, 'discord')$$, '0A000', NULL, 'who: no other layout without snowflake_id');

SELECT * FROM finish();
ROLLBACK;
