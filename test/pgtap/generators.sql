-- What holds for every generator, whatever its layout and options.
\ir lib/setup.psql
SET search_path = ids, public;
SELECT plan(23);
CREATE SCHEMA shop;

-- Of each unit; with and without workers, with the sequence in the middle.
CREATE TEMP TABLE wanted (name text PRIMARY KEY, layout snowflake_layout, ordered boolean, prefix text, encoding text);
INSERT INTO wanted VALUES
  ('shop.standard', 'snowflake_id', false, '', 'base62'),
  ('shop.standard_ordered', 'snowflake_id', true, 'o_', 'base32'),
  ('shop.tens', 'sonyflake2', false, 'ten', 'base36'),
  ('shop.seconds', 'timestamp:33 node:6 worker:4 sequence:20 unit:1s epoch:2020-02-02T02:02:02Z', true, '', 'hex'),
  ('shop.upside_down', 'timestamp:41 sequence:10 worker:6 node:6 epoch:2024-01-01', false, 'A_b3_Z9', 'base58'),
  ('shop.bare', 'timestamp:41 sequence:22 epoch:2024-01-01', false, '', 'base62');
CREATE TEMP TABLE generator AS SELECT snowflake_create_generator(name, layout, ordered, prefix, encoding) AS sequence, wanted.* FROM wanted;
SELECT set_eq('SELECT sequence::text, layout::text, ordered, prefix, encoding FROM generator', $$SELECT generator::text, layout::text, ordered, prefix, encoding FROM snowflake_generators WHERE generator::text ~ 'shop'$$, 'snowflake_generators shows what was asked for');
SELECT is_empty($$SELECT name FROM generator, snowflake_generator_spec(sequence) AS spec WHERE (spec.layout, spec.ordered, spec.prefix, spec.encoding) IS DISTINCT FROM (generator.layout, generator.ordered, generator.prefix, generator.encoding)$$, 'so does snowflake_generator_spec');
SELECT sequences_are('shop', ARRAY['standard', 'standard_ordered', 'tens', 'seconds', 'upside_down', 'bare'], 'generators are sequences');
SELECT is_empty($$SELECT name FROM generator JOIN pg_sequence ON seqrelid = sequence WHERE seqtypid <> 'bigint'::regtype OR seqcycle$$, 'of type bigint, that do not cycle');

-- Their IDs, in the order in which they were made.
CREATE TEMP TABLE made (name text, place bigserial, id bigint);
CREATE FUNCTION pg_temp.make() RETURNS void LANGUAGE plpgsql AS $$
DECLARE next record;
BEGIN
  FOR round IN 1 .. 3 LOOP
    FOR next IN SELECT * FROM generator LOOP
      INSERT INTO made (name, id) SELECT next.name, snowflake_next(next.sequence) FROM generate_series(1, 200);
      INSERT INTO made (name, id) SELECT next.name, unnest(snowflake_next_array(200, next.sequence));
      INSERT INTO made (name, id) SELECT next.name, snowflake_next_set(200, next.sequence);
      INSERT INTO made (name, id) SELECT next.name, id FROM snowflake_reserve(200, next.sequence), generate_series(first_id, last_id) AS id;
      INSERT INTO made (name, id) SELECT next.name, snowflake_from_text(substr(code, length(next.prefix) + 1), next.encoding) FROM (SELECT snowflake_next_text(next.sequence) AS code FROM generate_series(1, 100) OFFSET 0) AS codes WHERE starts_with(code, next.prefix);
      INSERT INTO made (name, id) SELECT next.name, snowflake_last(next.sequence) WHERE NOT EXISTS (SELECT FROM made WHERE made.name = next.name AND id = snowflake_last(next.sequence));
    END LOOP;
  END LOOP;
END $$;
SELECT lives_ok('SELECT pg_temp.make()', 'all ways to make IDs');
SELECT is(count(*), 3 * 900::bigint, name || ': as many as asked for') FROM made GROUP BY name ORDER BY name;
SELECT is_empty($$SELECT layout::text, id FROM made JOIN generator USING (name) GROUP BY 1, 2 HAVING count(*) > 1$$, 'no ID twice of a layout');
SELECT is_empty($$SELECT name FROM (SELECT name, id, lag(id) OVER (PARTITION BY name ORDER BY place) AS before FROM made) AS m WHERE id <= before$$, 'each generator''s IDs rise');
SELECT is_empty($$SELECT name, id FROM made JOIN generator USING (name) WHERE abs(extract(epoch FROM snowflake_timestamp(id, layout) - clock_timestamp())) > 60$$, 'they have the clock''s time');
SELECT is_empty($$SELECT name, id FROM made JOIN generator USING (name) WHERE snowflake_node(id, layout) <> current_setting('snowflake_id.node_id')::int$$, 'and this server''s node');
SELECT is_empty($$SELECT name FROM generator WHERE snowflake_last(sequence) <> (SELECT max(id) FROM made WHERE made.name = generator.name)$$, 'snowflake_last of each is its last');
SELECT is_empty($$SELECT name FROM made JOIN generator USING (name), snowflake_id WHERE snowflake_timestamp(id, layout) > snowflake_timestamp(last_value)$$, 'no ID of any layout is past the horizon of the database');
SELECT is_empty($$SELECT name FROM generator JOIN pg_sequences ON name = schemaname || '.' || sequencename WHERE last_value <> 1$$, 'the values of generators mean nothing');

-- An ID of the next second was seen: from now on all generators make later ones, whatever their layout, for they share
-- the time. Not of later: other tests share the server.
SELECT snowflake_create_generator('shop.sibling', layout, ordered => true) AS sibling, snowflake_from_timestamp(clock_timestamp() + '500 ms', layout) AS later, snowflake_timestamp(snowflake_from_timestamp(clock_timestamp() + '500 ms', layout), layout) AS later_time
FROM generator WHERE name = 'shop.upside_down' \gset
SELECT lives_ok(format('SELECT snowflake_observe(%L, ''shop.upside_down'')', :later), 'an ID of half a second ahead is observed');
SELECT cmp_ok(snowflake_next('shop.upside_down'), '>', :later::bigint, 'the generator makes later ones');
SELECT cmp_ok(snowflake_next('shop.sibling'), '>', :later::bigint, 'so does another of its layout');
SELECT cmp_ok(snowflake_timestamp(snowflake_next()), '>=', :'later_time'::timestamptz, 'other layouts go on from there, too');
SELECT cmp_ok(snowflake_timestamp(snowflake_next()) - clock_timestamp(), '<', '2 s'::interval, 'and from nowhere further');
SELECT * FROM finish();
ROLLBACK;
