-- What is stored never changes: the numbers here stand in the catalogs, dumps, indexes and rows of databases. They were
-- worked out apart, from the formats as they are described. A new format gets new numbers; none of these ever becomes
-- another. (Text forms, UUIDs and ULIDs are in text.sql and uuid.sql, the layouts that have names in presets.sql.)
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS snowflake_id;
RESET client_min_messages;
SET timezone = 'UTC';
CREATE SCHEMA frozen;

-- Generators: what a layout and each option are in pg_sequence. No row should appear.
CREATE TABLE frozen.options
  (name text, layout text, ordered boolean, prefix text, encoding text, rate_limit integer, min bigint, max bigint, cache bigint);
INSERT INTO frozen.options VALUES
  ('standard', 'snowflake_id', false, '', 'base62', 0, -3640004916019426442, 9223090561878065150, 1069068),
  ('ordered', 'snowflake_id', true, '', 'base62', 0, -3640004916019426443, 9223090561878065150, 1069068),
  ('prefixed', 'snowflake_id', false, 'Az09__x', 'base32', 0, -3640004916019426442, 9223090561878065150, 263108184695394316),
  ('slow', 'snowflake_id', false, '', 'base36', 1, -3640004916019426442, 9223090561877999614, 544780),
  ('fast', 'snowflake_id', true, 'u_', 'base58', 1000000, -3640004916019426443, 9223090496342065150, 6915277227828203532),
  ('sharded', 'timestamp:41 shard:12 sequence:10 epoch:2011-08-24T21:07:01.721Z', false, '', 'hex', 0, -2756119146993349760, 9223090561878065150, 1311498),
  ('long_ticks', 'timestamp:32 node:5 sequence:16 unit:1s epoch:2025-01-01', false, '', 'base62', 250, -3640004916019425290, 9223090561861680151, 1048592),
  ('sonyflake', 'sonyflake', false, '', 'base62', 0, -2955997819700827040, 9223090561878065141, 1048584),
  ('backwards', 'timestamp:41 sequence:10 worker:4 node:8 epoch:2025-01-01', false, '', 'base62', 0, -3640004916020925584, 9223090561878065150, 1064970);
SELECT count(snowflake_create_generator('frozen.' || name, layout::snowflake_layout, ordered, prefix, encoding, rate_limit))
FROM frozen.options;
SELECT name, seqmin, min, seqmax, max, seqcache, cache, seqstart, seqincrement, seqcycle
FROM frozen.options JOIN pg_sequence ON seqrelid = ('frozen.' || name)::regclass
WHERE (seqtypid, seqstart, seqincrement, seqmin, seqmax, seqcache, seqcycle)
      IS DISTINCT FROM ('bigint'::regtype, 1, 9223372036854775807, min, max, cache, false);

-- And back: sequences of these numbers, as pg_dump writes them, are generators with the same options. No row, again.
SELECT format('CREATE SEQUENCE frozen.%I START 1 INCREMENT 9223372036854775807 MINVALUE %s MAXVALUE %s CACHE %s NO CYCLE',
              name || '_dumped', min, max, cache)
FROM frozen.options \gexec
SELECT name, spec.* FROM frozen.options CROSS JOIN LATERAL snowflake_generator_spec(('frozen.' || name || '_dumped')::regclass) AS spec
WHERE (spec.layout, spec.ordered, spec.prefix, spec.encoding, spec.rate_limit)
      IS DISTINCT FROM (options.layout::snowflake_layout, options.ordered, options.prefix, options.encoding, options.rate_limit);

-- The generator of snowflake_next(), and the horizon in it: the smallest ID of its millisecond, later than all IDs; the
-- incarnation, by which a server knows its own.
SELECT seqstart, seqincrement, seqmin, seqmax, seqcache, seqcycle FROM pg_sequence WHERE seqrelid = 'snowflake_id'::regclass;
SELECT snowflake_next() AS id \gset
SELECT last_value > :id AS is_later, last_value % 4194304 AS below_time, log_cnt <> 0 AS is_signed, is_called FROM snowflake_id;

-- A layout, sent and as it lies in rows, indexes and constants of views (bytes as numbers, which PostgreSQL prints with
-- a sign or without, as the processor's char is; of little-endian machines).
CREATE TABLE frozen.layouts (number int, written text, sent bytea, stored text);
INSERT INTO frozen.layouts VALUES
  (1, 'snowflake_id', '\x162911050c050000000c00000001000001941f297c00', '22 41 17 5 12 5 0 0 0 12 0 0 1 0 0 0 0 124 41 31 148 1 0 0'),
  (2, 'sonyflake', '\x182700100000000010080000000a000001482e82d800', '24 39 0 16 0 0 0 0 16 8 0 0 10 0 0 0 0 216 130 46 72 1 0 0'),
  (3, 'timestamp:41 shard:12 sequence:10 epoch:2011-08-24T21:07:01.721Z', '\x1629000000000a0c000a0000000100000131fd9e17d9', '22 41 0 0 0 0 10 12 0 10 0 0 1 0 0 0 217 23 158 253 49 1 0 0'),
  (4, 'timestamp:32 node:5 sequence:16 unit:1s epoch:2025-01-01', '\x15201005000000000010000003e8000001941f297c00', '21 32 16 5 0 0 0 0 0 16 0 0 232 3 0 0 0 124 41 31 148 1 0 0');
SELECT written, snowflake_layout_send(written::snowflake_layout), sent FROM frozen.layouts
WHERE snowflake_layout_send(written::snowflake_layout) <> sent;
SELECT format('CREATE VIEW frozen.view_%s AS SELECT %L::snowflake_layout AS layout', number, written) FROM frozen.layouts \gexec
SELECT written, bytes, stored FROM frozen.layouts JOIN pg_rewrite ON ev_class = ('frozen.view_' || number)::regclass,
       LATERAL substring(ev_action::text FROM ':constvalue 24 \[ ([-0-9 ]+) \]') AS printed,
       LATERAL (SELECT string_agg(((byte::int + 256) % 256)::text, ' ' ORDER BY place) AS bytes
                FROM unnest(string_to_array(printed, ' ')) WITH ORDINALITY AS each (byte, place)) AS unsigned
WHERE bytes IS DISTINCT FROM stored;

-- Hashes: of them are hash indexes and partitions. Of PostgreSQL's own function, over those bytes.
SELECT name, snowflake_layout_hash(layout), snowflake_layout_hash_extended(layout, 0), snowflake_layout_hash_extended(layout, 42)
FROM snowflake_layouts ORDER BY name COLLATE "C";

-- What is planned otherwise is stored as it was written.
CREATE TABLE frozen.events (id bigint PRIMARY KEY);
CREATE VIEW frozen.recent AS
SELECT id FROM frozen.events WHERE snowflake_between(id, '2025-01-01', NULL);
SELECT pg_get_viewdef('frozen.recent'::regclass) ~ 'snowflake_between\(\w*\.?id, ' AS as_written;
CREATE INDEX ON frozen.events (snowflake_node(id, 'twitter'));
SELECT pg_get_indexdef('frozen.events_snowflake_node_idx'::regclass);

SET client_min_messages = warning;
DROP SCHEMA frozen CASCADE;
