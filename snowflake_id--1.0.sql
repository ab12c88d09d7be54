/* snowflake_id 1.0: see README.md */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION snowflake_id" to load this file. \quit

-- Layouts ------------------------------------------------------------------------------------------------------------

CREATE TYPE snowflake_layout;

-- Stable: an epoch must not lie in the future.
CREATE FUNCTION snowflake_layout_in(cstring) RETURNS snowflake_layout
AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_layout_in(cstring) IS 'I/O';

CREATE FUNCTION snowflake_layout_out(snowflake_layout) RETURNS cstring
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_layout_out(snowflake_layout) IS 'I/O';

CREATE FUNCTION snowflake_layout_recv(internal) RETURNS snowflake_layout
AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_layout_recv(internal) IS 'I/O';

CREATE FUNCTION snowflake_layout_send(snowflake_layout) RETURNS bytea
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_layout_send(snowflake_layout) IS 'I/O';

CREATE TYPE snowflake_layout (
  INPUT = snowflake_layout_in,
  OUTPUT = snowflake_layout_out,
  RECEIVE = snowflake_layout_recv,
  SEND = snowflake_layout_send,
  INTERNALLENGTH = 24,
  ALIGNMENT = double
);
COMMENT ON TYPE snowflake_layout IS
  'what the bits of an ID mean: ''discord'', or ''timestamp:41 node:5 worker:5 sequence:12 unit:1ms epoch:2025-01-01''';

CREATE FUNCTION snowflake_layout_eq(snowflake_layout, snowflake_layout) RETURNS boolean
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_layout_eq(snowflake_layout, snowflake_layout) IS 'implementation of = operator';

CREATE FUNCTION snowflake_layout_ne(snowflake_layout, snowflake_layout) RETURNS boolean
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_layout_ne(snowflake_layout, snowflake_layout) IS 'implementation of <> operator';

CREATE FUNCTION snowflake_layout_hash(snowflake_layout) RETURNS integer
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_layout_hash(snowflake_layout) IS 'hash';

CREATE FUNCTION snowflake_layout_hash_extended(snowflake_layout, bigint) RETURNS bigint
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_layout_hash_extended(snowflake_layout, bigint) IS 'hash';

CREATE OPERATOR = (
  LEFTARG = snowflake_layout, RIGHTARG = snowflake_layout, FUNCTION = snowflake_layout_eq,
  COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel, HASHES
);
COMMENT ON OPERATOR = (snowflake_layout, snowflake_layout) IS 'equal';

CREATE OPERATOR <> (
  LEFTARG = snowflake_layout, RIGHTARG = snowflake_layout, FUNCTION = snowflake_layout_ne,
  COMMUTATOR = <>, NEGATOR = =, RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR <> (snowflake_layout, snowflake_layout) IS 'not equal';

CREATE OPERATOR CLASS snowflake_layout_ops DEFAULT FOR TYPE snowflake_layout USING hash AS
  OPERATOR 1 =,
  FUNCTION 1 snowflake_layout_hash(snowflake_layout),
  FUNCTION 2 snowflake_layout_hash_extended(snowflake_layout, bigint);
COMMENT ON OPERATOR FAMILY snowflake_layout_ops USING hash IS 'hashing of snowflake_layout';
COMMENT ON OPERATOR CLASS snowflake_layout_ops USING hash IS 'hashing of snowflake_layout';

CREATE FUNCTION snowflake_presets(OUT name text, OUT layout snowflake_layout) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 16;
COMMENT ON FUNCTION snowflake_presets() IS 'the layouts that have a name';

CREATE FUNCTION snowflake_layout_facts(
  layout snowflake_layout,
  OUT epoch timestamptz, OUT last_instant timestamptz, OUT nodes bigint, OUT ids_per_second double precision)
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_layout_facts(snowflake_layout) IS
  'the time range of a layout, its number of nodes, and how many IDs a node can make per second';

CREATE VIEW snowflake_layouts AS
SELECT preset.name, preset.layout, facts.epoch, facts.last_instant, facts.nodes, facts.ids_per_second
FROM snowflake_presets() AS preset
CROSS JOIN LATERAL snowflake_layout_facts(preset.layout::snowflake_layout) AS facts;
COMMENT ON VIEW snowflake_layouts IS
  'the layouts that have a name: text form, time range, number of nodes, IDs per second per node';
GRANT SELECT ON snowflake_layouts TO PUBLIC;

-- Make ---------------------------------------------------------------------------------------------------------------
-- Volatile: each call gives other IDs. Parallel safe: a worker process is one more session.

CREATE FUNCTION snowflake_next() RETURNS bigint
AS 'MODULE_PATHNAME', 'snowflake_next'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_next() IS
  'make a Snowflake ID: unique on this server, larger than the one before it in this session';

CREATE FUNCTION snowflake_next(generator regclass) RETURNS bigint
AS 'MODULE_PATHNAME', 'snowflake_next_of'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_next(regclass) IS 'make a Snowflake ID of that generator';

CREATE FUNCTION snowflake_next(generator regclass, shard integer) RETURNS bigint
AS 'MODULE_PATHNAME', 'snowflake_next_of_shard'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_next(regclass, integer) IS
  'make a Snowflake ID of that generator and shard, larger than the one before it in this shard';

CREATE FUNCTION snowflake_next_array(count integer) RETURNS bigint[]
AS 'MODULE_PATHNAME', 'snowflake_next_array'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_next_array(integer) IS 'make an array of rising Snowflake IDs';

CREATE FUNCTION snowflake_next_array(count integer, generator regclass) RETURNS bigint[]
AS 'MODULE_PATHNAME', 'snowflake_next_array'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_next_array(integer, regclass) IS
  'make an array of rising Snowflake IDs of that generator';

CREATE FUNCTION snowflake_next_set(count bigint) RETURNS SETOF bigint
AS 'MODULE_PATHNAME', 'snowflake_next_set'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_next_set(bigint) IS 'make a set of rising Snowflake IDs';

CREATE FUNCTION snowflake_next_set(count bigint, generator regclass) RETURNS SETOF bigint
AS 'MODULE_PATHNAME', 'snowflake_next_set'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_next_set(bigint, regclass) IS 'make a set of rising Snowflake IDs of that generator';

CREATE FUNCTION snowflake_reserve(count integer, OUT first_id bigint, OUT last_id bigint) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'snowflake_reserve'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE ROWS 1;
COMMENT ON FUNCTION snowflake_reserve(integer) IS
  'reserve ranges of consecutive Snowflake IDs, count in all, for a client to hand out';

CREATE FUNCTION snowflake_reserve(
  count integer, generator regclass, OUT first_id bigint, OUT last_id bigint) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'snowflake_reserve'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE ROWS 1;
COMMENT ON FUNCTION snowflake_reserve(integer, regclass) IS
  'reserve ranges of consecutive Snowflake IDs of that generator, count in all, for a client to hand out';

CREATE FUNCTION snowflake_next_text(generator regclass) RETURNS text
AS 'MODULE_PATHNAME', 'snowflake_next_text'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_next_text(regclass) IS
  'make a Snowflake ID of that generator, as text: its prefix, then the ID in its encoding';

-- Restricted: a worker process does not know the session's last ID.

CREATE FUNCTION snowflake_last() RETURNS bigint
AS 'MODULE_PATHNAME', 'snowflake_last'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION snowflake_last() IS 'the last Snowflake ID of the default generator made in this session';

CREATE FUNCTION snowflake_last(generator regclass) RETURNS bigint
AS 'MODULE_PATHNAME', 'snowflake_last'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION snowflake_last(regclass) IS 'the last Snowflake ID of that generator made in this session';

-- Generators ---------------------------------------------------------------------------------------------------------
-- A generator is a sequence that keeps its layout and options in its parameters, so that a dump carries all of it. Its
-- value means nothing, but for that of the extension's own, which holds the horizon of the database: no ID of a later
-- time was made. The increment overflows, so that nextval() cannot move it.

-- Neither of the next two is strict. An option that is NULL has its default.
CREATE FUNCTION snowflake_create_generator(
  name text, layout snowflake_layout DEFAULT 'snowflake_id', ordered boolean DEFAULT false, prefix text DEFAULT '',
  encoding text DEFAULT 'base62', rate_limit integer DEFAULT 0) RETURNS regclass
AS 'MODULE_PATHNAME', 'snowflake_create_generator'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION snowflake_create_generator(text, snowflake_layout, boolean, text, text, integer) IS
  'make a generator: a sequence of that name from which snowflake_next(name) makes IDs of that layout';

-- An option that is NULL stays as it is.
CREATE FUNCTION snowflake_alter_generator(
  generator regclass, layout snowflake_layout DEFAULT NULL, ordered boolean DEFAULT NULL, prefix text DEFAULT NULL,
  encoding text DEFAULT NULL, rate_limit integer DEFAULT NULL) RETURNS void
AS 'MODULE_PATHNAME', 'snowflake_alter_generator'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION snowflake_alter_generator(regclass, snowflake_layout, boolean, text, text, integer) IS
  'change what is given of a generator; its layout only if all later IDs are larger than those made before';

CREATE FUNCTION snowflake_succeeds_from(layout snowflake_layout, successor snowflake_layout) RETURNS timestamptz
AS 'MODULE_PATHNAME', 'snowflake_succeeds_from'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_succeeds_from(snowflake_layout, snowflake_layout) IS
  'from when on a generator may be changed from the one layout to the other; NULL if never';

CREATE FUNCTION snowflake_generator_spec(
  generator regclass, OUT layout snowflake_layout, OUT ordered boolean, OUT prefix text, OUT encoding text,
  OUT rate_limit integer)
AS 'MODULE_PATHNAME', 'snowflake_generator_spec'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_generator_spec(regclass) IS
  'the layout and options of a generator; NULL if the sequence is not a generator';

CREATE VIEW snowflake_generators AS
SELECT sequence.seqrelid::pg_catalog.regclass AS generator, spec.layout, spec.ordered, spec.prefix, spec.encoding,
       spec.rate_limit
FROM pg_catalog.pg_sequence AS sequence
CROSS JOIN LATERAL snowflake_generator_spec(sequence.seqrelid::pg_catalog.regclass) AS spec
WHERE spec.layout IS NOT NULL;
COMMENT ON VIEW snowflake_generators IS 'the generators of this database, with their layouts and options';
COMMENT ON COLUMN snowflake_generators.rate_limit IS 'IDs a second that all sessions together are given; 0: no limit';
GRANT SELECT ON snowflake_generators TO PUBLIC;

-- The generator of snowflake_next(). Whoever dumps the database reads it. Its horizon is at hand from the beginning:
-- an extension that is dropped and created again in a server that lives forgets nothing.
SELECT snowflake_create_generator(
  'snowflake_id'::pg_catalog.text, 'snowflake_id'::snowflake_layout, false, ''::pg_catalog.text,
  'base62'::pg_catalog.text, 0::pg_catalog.int4);
COMMENT ON SEQUENCE snowflake_id IS
  'generator of snowflake_next(): USAGE is the right to make IDs, last_value is the horizon that none has passed';
GRANT USAGE, SELECT ON SEQUENCE snowflake_id TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('snowflake_id'::pg_catalog.regclass, ''::pg_catalog.text);

-- Read ---------------------------------------------------------------------------------------------------------------
-- Immutable: what an ID means never depends on a setting. Without a layout: the one of snowflake_next(). Fields that a
-- layout lacks are NULL.

CREATE FUNCTION snowflake_timestamp(id bigint) RETURNS timestamptz
AS 'MODULE_PATHNAME', 'snowflake_timestamp'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_timestamp(bigint) IS 'when a Snowflake ID was made, to the millisecond';

CREATE FUNCTION snowflake_timestamp(id bigint, layout snowflake_layout) RETURNS timestamptz
AS 'MODULE_PATHNAME', 'snowflake_timestamp'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_timestamp(bigint, snowflake_layout) IS 'when an ID of that layout was made';

CREATE FUNCTION snowflake_node(id bigint) RETURNS integer
AS 'MODULE_PATHNAME', 'snowflake_node'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_node(bigint) IS 'which server made a Snowflake ID: its node number, 0 to 31';

CREATE FUNCTION snowflake_node(id bigint, layout snowflake_layout) RETURNS integer
AS 'MODULE_PATHNAME', 'snowflake_node'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_node(bigint, snowflake_layout) IS 'which node made an ID of that layout';

CREATE FUNCTION snowflake_worker(id bigint) RETURNS integer
AS 'MODULE_PATHNAME', 'snowflake_worker'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_worker(bigint) IS 'which worker of its server made a Snowflake ID, 0 to 31';

CREATE FUNCTION snowflake_worker(id bigint, layout snowflake_layout) RETURNS integer
AS 'MODULE_PATHNAME', 'snowflake_worker'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_worker(bigint, snowflake_layout) IS 'which worker made an ID of that layout';

CREATE FUNCTION snowflake_shard(id bigint, layout snowflake_layout) RETURNS integer
AS 'MODULE_PATHNAME', 'snowflake_shard'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_shard(bigint, snowflake_layout) IS 'which shard an ID of that layout belongs to';

CREATE FUNCTION snowflake_sequence(id bigint) RETURNS integer
AS 'MODULE_PATHNAME', 'snowflake_sequence'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_sequence(bigint) IS
  'the number of a Snowflake ID within its worker and millisecond, 0 to 4095';

CREATE FUNCTION snowflake_sequence(id bigint, layout snowflake_layout) RETURNS integer
AS 'MODULE_PATHNAME', 'snowflake_sequence'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_sequence(bigint, snowflake_layout) IS 'the sequence number of an ID of that layout';

CREATE FUNCTION snowflake_decode(
  id bigint, OUT id bigint, OUT "timestamp" timestamptz, OUT node integer, OUT worker integer, OUT sequence integer)
AS 'MODULE_PATHNAME', 'snowflake_decode'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_decode(bigint) IS 'all that a Snowflake ID says, as a row';

CREATE FUNCTION snowflake_decode(
  id bigint, layout snowflake_layout, OUT id bigint, OUT "timestamp" timestamptz, OUT node integer, OUT worker integer,
  OUT sequence integer, OUT shard integer)
AS 'MODULE_PATHNAME', 'snowflake_decode'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_decode(bigint, snowflake_layout) IS 'all that an ID of that layout says, as a row';

CREATE FUNCTION snowflake_inspect(id bigint) RETURNS text
AS 'MODULE_PATHNAME', 'snowflake_inspect'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_inspect(bigint) IS 'a picture of the bits of a Snowflake ID, for people';

CREATE FUNCTION snowflake_inspect(id bigint, layout snowflake_layout) RETURNS text
AS 'MODULE_PATHNAME', 'snowflake_inspect'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_inspect(bigint, snowflake_layout) IS
  'a picture of the bits of an ID of that layout, for people';

CREATE FUNCTION snowflake_diff(
  a bigint, b bigint, OUT "interval" interval, OUT same_node boolean, OUT same_worker boolean)
AS 'MODULE_PATHNAME', 'snowflake_diff'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_diff(bigint, bigint) IS
  'how much later a was made than b (as in a - b), and whether on the same node and by the same worker of it';

CREATE FUNCTION snowflake_diff(
  a bigint, b bigint, layout snowflake_layout, OUT "interval" interval, OUT same_node boolean, OUT same_worker boolean)
AS 'MODULE_PATHNAME', 'snowflake_diff'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_diff(bigint, bigint, snowflake_layout) IS
  'how much later a was made than b, both of that layout, and whether on the same node and by the same worker of it';

-- Write --------------------------------------------------------------------------------------------------------------

CREATE FUNCTION snowflake_from_timestamp("timestamp" timestamptz) RETURNS bigint
AS 'MODULE_PATHNAME', 'snowflake_from_timestamp'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_from_timestamp(timestamptz) IS
  'the smallest Snowflake ID of a millisecond, to compare IDs with: WHERE id >= snowflake_from_timestamp(...)';

CREATE FUNCTION snowflake_from_timestamp("timestamp" timestamptz, layout snowflake_layout) RETURNS bigint
AS 'MODULE_PATHNAME', 'snowflake_from_timestamp'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_from_timestamp(timestamptz, snowflake_layout) IS
  'the smallest ID of that layout of a time, to compare IDs with';

-- Ranges of time. A bound that is NULL or infinite is none; times outside of the layout's are as good as its ends. The
-- planner turns snowflake_between() into two comparisons of the ID.

CREATE FUNCTION snowflake_between_support(internal) RETURNS internal
AS 'MODULE_PATHNAME', 'snowflake_between_support'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_between_support(internal) IS 'planner support for snowflake_between()';

CREATE FUNCTION snowflake_between(id bigint, from_time timestamptz, to_time timestamptz) RETURNS boolean
AS 'MODULE_PATHNAME', 'snowflake_between'
LANGUAGE C IMMUTABLE PARALLEL SAFE SUPPORT snowflake_between_support;
COMMENT ON FUNCTION snowflake_between(bigint, timestamptz, timestamptz) IS
  'whether a Snowflake ID was made at from_time or later, and before to_time; uses an index on the ID';

CREATE FUNCTION snowflake_between(
  id bigint, from_time timestamptz, to_time timestamptz, layout snowflake_layout) RETURNS boolean
AS 'MODULE_PATHNAME', 'snowflake_between'
LANGUAGE C IMMUTABLE PARALLEL SAFE SUPPORT snowflake_between_support;
COMMENT ON FUNCTION snowflake_between(bigint, timestamptz, timestamptz, snowflake_layout) IS
  'whether an ID of that layout was made at from_time or later, and before to_time; uses an index on the ID';

CREATE FUNCTION snowflake_first_id(from_time timestamptz) RETURNS bigint
AS 'MODULE_PATHNAME', 'snowflake_first_id'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_first_id(timestamptz) IS
  'the smallest Snowflake ID of that time or later, of any time: clamped to those that there are';

CREATE FUNCTION snowflake_first_id(from_time timestamptz, layout snowflake_layout) RETURNS bigint
AS 'MODULE_PATHNAME', 'snowflake_first_id'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_first_id(timestamptz, snowflake_layout) IS
  'the smallest ID of that layout of that time or later, of any time: clamped to those that there are';

CREATE FUNCTION snowflake_last_id(to_time timestamptz) RETURNS bigint
AS 'MODULE_PATHNAME', 'snowflake_last_id'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_last_id(timestamptz) IS
  'the largest Snowflake ID before that time, of any time: clamped to those that there are';

CREATE FUNCTION snowflake_last_id(to_time timestamptz, layout snowflake_layout) RETURNS bigint
AS 'MODULE_PATHNAME', 'snowflake_last_id'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_last_id(timestamptz, snowflake_layout) IS
  'the largest ID of that layout before that time, of any time: clamped to those that there are';

CREATE FUNCTION snowflake_now() RETURNS bigint
AS 'MODULE_PATHNAME', 'snowflake_now'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_now() IS
  'the smallest Snowflake ID of now(), for tools that count in integers; not an ID that was made';

CREATE FUNCTION snowflake_now(layout snowflake_layout) RETURNS bigint
AS 'MODULE_PATHNAME', 'snowflake_now'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_now(snowflake_layout) IS
  'the smallest ID of that layout of now(), for tools that count in integers; not an ID that was made';

CREATE FUNCTION snowflake_span("interval" interval) RETURNS bigint
AS 'MODULE_PATHNAME', 'snowflake_span'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_span(interval) IS
  'how far apart Snowflake IDs are that were made an interval apart; in days or less';

CREATE FUNCTION snowflake_span("interval" interval, layout snowflake_layout) RETURNS bigint
AS 'MODULE_PATHNAME', 'snowflake_span'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_span(interval, snowflake_layout) IS
  'how far apart IDs of that layout are that were made an interval apart; in days or less';

CREATE FUNCTION snowflake_encode(
  "timestamp" timestamptz, node integer, worker integer, sequence integer) RETURNS bigint
AS 'MODULE_PATHNAME', 'snowflake_encode'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_encode(timestamptz, integer, integer, integer) IS
  'the Snowflake ID built from these fields; for tests and imports, not a way to make unique IDs';

-- Not strict: NULL stands for a field that the layout lacks. The standard layout lacks none of the above.

CREATE FUNCTION snowflake_encode(
  "timestamp" timestamptz, node integer, worker integer, sequence integer, layout snowflake_layout) RETURNS bigint
AS 'MODULE_PATHNAME', 'snowflake_encode'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_encode(timestamptz, integer, integer, integer, snowflake_layout) IS
  'the ID of that layout built from these fields; NULL stands for a field that the layout lacks';

CREATE FUNCTION snowflake_encode(
  "timestamp" timestamptz, node integer, worker integer, sequence integer, shard integer,
  layout snowflake_layout) RETURNS bigint
AS 'MODULE_PATHNAME', 'snowflake_encode'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_encode(timestamptz, integer, integer, integer, integer, snowflake_layout) IS
  'the ID of that layout built from these fields; NULL stands for a field that the layout lacks';

-- Other forms --------------------------------------------------------------------------------------------------------

CREATE FUNCTION snowflake_to_text(id bigint, encoding text) RETURNS text
AS 'MODULE_PATHNAME', 'snowflake_to_text'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_to_text(bigint, text) IS 'an ID as text in base32, base36, base58, base62 or hex';

CREATE FUNCTION snowflake_from_text(encoded text, encoding text) RETURNS bigint
AS 'MODULE_PATHNAME', 'snowflake_from_text'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_from_text(text, text) IS
  'the ID that was written as text in base32, base36, base58, base62 or hex';

CREATE FUNCTION snowflake_to_uuid(id bigint) RETURNS uuid
AS 'MODULE_PATHNAME', 'snowflake_to_uuid'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_to_uuid(bigint) IS 'a UUIDv7 that carries the ID, sorts like it and is as unique';

CREATE FUNCTION snowflake_to_uuid(id bigint, layout snowflake_layout) RETURNS uuid
AS 'MODULE_PATHNAME', 'snowflake_to_uuid'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_to_uuid(bigint, snowflake_layout) IS
  'a UUIDv7 that carries an ID of that layout, sorts like it and is as unique';

CREATE FUNCTION snowflake_from_uuid(uuid uuid) RETURNS bigint
AS 'MODULE_PATHNAME', 'snowflake_from_uuid'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_from_uuid(uuid) IS 'the ID that a UUID of snowflake_to_uuid() carries';

CREATE FUNCTION snowflake_from_uuid(uuid uuid, layout snowflake_layout) RETURNS bigint
AS 'MODULE_PATHNAME', 'snowflake_from_uuid'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_from_uuid(uuid, snowflake_layout) IS
  'the ID of that layout that a UUID of snowflake_to_uuid() carries';

CREATE FUNCTION snowflake_to_ulid(id bigint) RETURNS text
AS 'MODULE_PATHNAME', 'snowflake_to_ulid'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_to_ulid(bigint) IS 'a ULID that carries the ID, sorts like it and is as unique';

CREATE FUNCTION snowflake_to_ulid(id bigint, layout snowflake_layout) RETURNS text
AS 'MODULE_PATHNAME', 'snowflake_to_ulid'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_to_ulid(bigint, snowflake_layout) IS
  'a ULID that carries an ID of that layout, sorts like it and is as unique';

CREATE FUNCTION snowflake_from_ulid(ulid text) RETURNS bigint
AS 'MODULE_PATHNAME', 'snowflake_from_ulid'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_from_ulid(text) IS 'the ID that a ULID of snowflake_to_ulid() carries';

CREATE FUNCTION snowflake_from_ulid(ulid text, layout snowflake_layout) RETURNS bigint
AS 'MODULE_PATHNAME', 'snowflake_from_ulid'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_from_ulid(text, snowflake_layout) IS
  'the ID of that layout that a ULID of snowflake_to_ulid() carries';

-- Look at a table ----------------------------------------------------------------------------------------------------
-- Volatile: it asks the clock. Restricted: a worker process cannot read a temporary table. Not strict: time_column may
-- be missing.

CREATE FUNCTION snowflake_analyze(
  relation regclass, id_column name DEFAULT 'id', layout snowflake_layout DEFAULT 'snowflake_id',
  sample double precision DEFAULT 100, time_column name DEFAULT NULL, OUT fact text, OUT value text, OUT detail text)
RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 50 COST 10000;
COMMENT ON FUNCTION snowflake_analyze(regclass, name, snowflake_layout, double precision, name) IS
  'what the IDs of a table tell: times, rates, nodes, duplicates, unused bits, their layout; sample is a percentage';

-- Partitions by time -------------------------------------------------------------------------------------------------

-- Not strict. No layout: that of the generator which the key's default names, or else the standard one.

CREATE FUNCTION snowflake_create_partitions(
  relation regclass, every interval, ahead interval, layout snowflake_layout DEFAULT NULL)
RETURNS SETOF text
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10;
COMMENT ON FUNCTION snowflake_create_partitions(regclass, interval, interval, snowflake_layout) IS
  'create the partitions that are missing from now until then; their names';

CREATE FUNCTION snowflake_drop_partitions(
  relation regclass, older_than interval, layout snowflake_layout DEFAULT NULL)
RETURNS SETOF text
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10;
COMMENT ON FUNCTION snowflake_drop_partitions(regclass, interval, snowflake_layout) IS
  'drop the partitions that ended so long ago, by the clock; their names';

CREATE FUNCTION snowflake_partition(
  partition regclass, layout snowflake_layout, OUT from_time timestamptz, OUT to_time timestamptz, OUT size bigint)
AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION snowflake_partition(regclass, snowflake_layout) IS
  'the time that a partition covers, and its size in bytes; see the view snowflake_partitions';

-- The layout is that of the generator that the key's default names, or else the standard one.
CREATE VIEW snowflake_partitions AS
SELECT
  parent.partrelid::pg_catalog.regclass AS relation, child.oid::pg_catalog.regclass AS partition, facts.from_time,
  facts.to_time,
  CASE WHEN child.reltuples OPERATOR(pg_catalog.>=) 0::pg_catalog.float4 THEN child.reltuples::pg_catalog.int8 END
    AS row_estimate,
  facts.size
FROM pg_catalog.pg_partitioned_table AS parent
JOIN pg_catalog.pg_attribute AS key
  ON key.attrelid OPERATOR(pg_catalog.=) parent.partrelid
  AND key.attnum OPERATOR(pg_catalog.=) parent.partattrs[0]
  AND key.atttypid OPERATOR(pg_catalog.=) 'pg_catalog.int8'::pg_catalog.regtype
JOIN pg_catalog.pg_inherits AS inherits ON inherits.inhparent OPERATOR(pg_catalog.=) parent.partrelid
JOIN pg_catalog.pg_class AS child ON child.oid OPERATOR(pg_catalog.=) inherits.inhrelid
LEFT JOIN LATERAL (
  SELECT spec.layout
  FROM pg_catalog.pg_attrdef AS default_value
  JOIN pg_catalog.pg_depend AS depend
    ON depend.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_attrdef'::pg_catalog.regclass
    AND depend.objid OPERATOR(pg_catalog.=) default_value.oid
    AND depend.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
  JOIN pg_catalog.pg_sequence AS sequence ON sequence.seqrelid OPERATOR(pg_catalog.=) depend.refobjid
  CROSS JOIN LATERAL snowflake_generator_spec(sequence.seqrelid::pg_catalog.regclass) AS spec
  WHERE default_value.adrelid OPERATOR(pg_catalog.=) parent.partrelid
    AND default_value.adnum OPERATOR(pg_catalog.=) key.attnum
    AND spec.layout IS NOT NULL
  LIMIT 1
) AS generator ON true
CROSS JOIN LATERAL snowflake_partition(
  child.oid::pg_catalog.regclass,
  COALESCE(generator.layout, 'snowflake_id'::snowflake_layout)::snowflake_layout) AS facts
WHERE parent.partstrat OPERATOR(pg_catalog.=) 'r'::pg_catalog."char"
  AND parent.partnatts OPERATOR(pg_catalog.=) 1::pg_catalog.int2;
COMMENT ON VIEW snowflake_partitions IS
  'the partitions of tables that are partitioned by ranges of a bigint, with times';
COMMENT ON COLUMN snowflake_partitions.from_time IS 'time of its first ID; -infinity: no bound; NULL: default partition';
COMMENT ON COLUMN snowflake_partitions.to_time IS 'its IDs are earlier; infinity: no bound; NULL: default partition';
COMMENT ON COLUMN snowflake_partitions.row_estimate IS 'as of the last VACUUM or ANALYZE; NULL before the first';
COMMENT ON COLUMN snowflake_partitions.size IS
  'bytes, with indexes; NULL while somebody has locked it, or if partitioned';
GRANT SELECT ON snowflake_partitions TO PUBLIC;

-- Move old keys ------------------------------------------------------------------------------------------------------

CREATE PROCEDURE snowflake_backfill(
  relation regclass, id_column name, time_expression text, layout snowflake_layout DEFAULT 'snowflake_id',
  batch integer DEFAULT 1000, shard integer DEFAULT NULL)
AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON PROCEDURE snowflake_backfill(regclass, name, text, snowflake_layout, integer, integer) IS
  'fill a column of IDs by the time at which each row was made, an expression, in batches that commit';

-- Run a server -------------------------------------------------------------------------------------------------------

CREATE FUNCTION snowflake_clock(
  OUT wall_clock timestamptz, OUT latest timestamptz, OUT horizon timestamptz, OUT incarnation bigint,
  OUT ahead interval, OUT setbacks bigint, OUT largest_setback interval)
AS 'MODULE_PATHNAME', 'snowflake_clock'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_clock() IS
  'the clock; the latest time used in an ID, and how far it is ahead of the clock; the horizon; setbacks since start';
REVOKE EXECUTE ON FUNCTION snowflake_clock() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION snowflake_clock() TO pg_monitor;

CREATE FUNCTION snowflake_node_status(
  OUT state text, OUT node integer, OUT granted_from timestamptz, OUT granted_until timestamptz, OUT registry text,
  OUT realm text, OUT last_success timestamptz, OUT last_problem text)
AS 'MODULE_PATHNAME', 'snowflake_node_status'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_node_status() IS
  'this server''s node number: fixed by its settings, or granted by a registry: waiting, held, late or ended';
REVOKE EXECUTE ON FUNCTION snowflake_node_status() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION snowflake_node_status() TO pg_monitor;

-- What this server is doing. Counters begin when the server starts and at snowflake_stat_reset(); times that end in
-- _time are milliseconds. A session reports what it did when it makes IDs in another tick (a millisecond, in the
-- standard layout), and at its end.

CREATE FUNCTION snowflake_status(
  OUT version text, OUT node integer, OUT node_source text, OUT preloaded boolean, OUT layouts integer,
  OUT sessions bigint, OUT wall_clock timestamptz, OUT latest timestamptz, OUT ahead interval, OUT behind interval,
  OUT horizon timestamptz, OUT horizon_ahead interval, OUT horizon_durable boolean, OUT setbacks bigint,
  OUT largest_setback interval, OUT incarnation bigint, OUT started timestamptz, OUT stats_reset timestamptz)
AS 'MODULE_PATHNAME', 'snowflake_status'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_status() IS 'one row about this server; see the view snowflake_status';

CREATE FUNCTION snowflake_stat(
  OUT layout text, OUT sessions bigint, OUT ids bigint, OUT reservations bigint, OUT ticks_spent bigint,
  OUT hops bigint, OUT clock_waits bigint, OUT clock_wait_time double precision, OUT share_waits bigint,
  OUT share_wait_time double precision, OUT rate_waits bigint, OUT rate_wait_time double precision,
  OUT grant_waits bigint, OUT grant_wait_time double precision, OUT horizon_waits bigint,
  OUT horizon_wait_time double precision, OUT horizon_moves bigint, OUT setbacks bigint,
  OUT largest_setback interval, OUT ahead_time double precision, OUT rejected_standby bigint,
  OUT rejected_clock bigint, OUT rejected_grant bigint, OUT peak_ids bigint, OUT tick_ids bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'snowflake_stat'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED ROWS 10;
COMMENT ON FUNCTION snowflake_stat() IS 'statistics of this server by layout; see the view snowflake_stat';

CREATE FUNCTION snowflake_stat_workers(
  OUT layout text, OUT worker integer, OUT sessions bigint, OUT used double precision) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'snowflake_stat_workers'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED ROWS 100;
COMMENT ON FUNCTION snowflake_stat_workers() IS
  'the workers of the layouts in use; see the view snowflake_stat_workers';

CREATE FUNCTION snowflake_stat_reset() RETURNS void
AS 'MODULE_PATHNAME', 'snowflake_stat_reset'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION snowflake_stat_reset() IS
  'begin to count anew in snowflake_stat, of all databases, and forget node conflicts that triggers have found';

CREATE FUNCTION snowflake_health(
  OUT name text, OUT state text, OUT value text, OUT threshold text, OUT meaning text, OUT action text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'snowflake_health'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE ROWS 9;
COMMENT ON FUNCTION snowflake_health() IS 'checks of this server; see the view snowflake_health';

CREATE VIEW snowflake_status AS SELECT * FROM snowflake_status();
COMMENT ON VIEW snowflake_status IS
  'one row: version, node number and its source, sessions, distance of IDs and clock, horizon, start of counting';
COMMENT ON COLUMN snowflake_status.node_source IS 'default, setting (snowflake_id.node_id) or registry';
COMMENT ON COLUMN snowflake_status.layouts IS 'of which sessions of this server have made IDs';
COMMENT ON COLUMN snowflake_status.sessions IS 'that make IDs; one that uses two generators counts twice';
COMMENT ON COLUMN snowflake_status.latest IS 'the latest time of an ID of this server; NULL before the first';
COMMENT ON COLUMN snowflake_status.ahead IS 'how far that is ahead of the clock: a clock that was set back';
COMMENT ON COLUMN snowflake_status.behind IS 'how far the clock has leapt ahead, which is not believed before 30 s';
COMMENT ON COLUMN snowflake_status.horizon IS 'the bound in WAL that no ID of this database passes';
COMMENT ON COLUMN snowflake_status.horizon_ahead IS
  'how far it is ahead of now; negative in a database that makes no IDs';
COMMENT ON COLUMN snowflake_status.horizon_durable IS
  'whether the disk has it, and synchronous standbys; NULL on a standby';
COMMENT ON COLUMN snowflake_status.incarnation IS 'a random number, generated when counting began with the server';
COMMENT ON COLUMN snowflake_status.started IS
  'when that was: the start of the server, or the first use since, without preload';

CREATE VIEW snowflake_stat AS SELECT * FROM snowflake_stat();
COMMENT ON VIEW snowflake_stat IS 'statistics of this server, a row a layout in use, of all databases together';
COMMENT ON COLUMN snowflake_stat.layout IS 'its name or text form; NULL: all layouts beyond the first 31 together';
COMMENT ON COLUMN snowflake_stat.sessions IS 'that make IDs of it; one that uses two generators counts twice';
COMMENT ON COLUMN snowflake_stat.ids IS
  'handed out; less what each session has made since the last tick in which it made IDs began';
COMMENT ON COLUMN snowflake_stat.reservations IS 'taken of workers';
COMMENT ON COLUMN snowflake_stat.ticks_spent IS 'ticks of a worker of which the last number was handed out';
COMMENT ON COLUMN snowflake_stat.hops IS 'to a higher worker, because one was spent';
COMMENT ON COLUMN snowflake_stat.clock_waits IS 'calls that waited for the clock: all IDs of the moment were spent';
COMMENT ON COLUMN snowflake_stat.share_waits IS
  'calls that had their share of the moment: what was left was left to other sessions';
COMMENT ON COLUMN snowflake_stat.rate_waits IS 'calls that waited for the rate limit of their generator';
COMMENT ON COLUMN snowflake_stat.grant_waits IS 'calls that waited for a node number of the registry';
COMMENT ON COLUMN snowflake_stat.horizon_waits IS 'calls that waited for the disk, or for synchronous standbys';
COMMENT ON COLUMN snowflake_stat.setbacks IS 'of the clock, as sessions of this layout noticed them';
COMMENT ON COLUMN snowflake_stat.ahead_time IS 'for how long IDs were seen ahead of the clock';
COMMENT ON COLUMN snowflake_stat.rejected_standby IS 'calls that failed because this server is a standby';
COMMENT ON COLUMN snowflake_stat.rejected_clock IS
  'because the clock is too far back, or outside of the layout''s time';
COMMENT ON COLUMN snowflake_stat.rejected_grant IS 'because there is no node number';
COMMENT ON COLUMN snowflake_stat.peak_ids IS 'the most IDs that were handed out of one tick';
COMMENT ON COLUMN snowflake_stat.tick_ids IS 'how many a tick has';

CREATE VIEW snowflake_stat_workers AS SELECT * FROM snowflake_stat_workers();
COMMENT ON VIEW snowflake_stat_workers IS
  'the workers of the layouts in use; layouts that share workers show the same ones';
COMMENT ON COLUMN snowflake_stat_workers.sessions IS 'whose home it is';
COMMENT ON COLUMN snowflake_stat_workers.used IS
  'share of the numbers of the last full second that were handed out, 0 to 1';

CREATE VIEW snowflake_health AS SELECT * FROM snowflake_health();
COMMENT ON VIEW snowflake_health IS 'a row a check: ok, warning or critical; what it means, and what to do';

REVOKE EXECUTE ON FUNCTION
  snowflake_status(), snowflake_stat(), snowflake_stat_workers(), snowflake_stat_reset(), snowflake_health()
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
  snowflake_status(), snowflake_stat(), snowflake_stat_workers(), snowflake_health() TO pg_monitor;
GRANT SELECT ON snowflake_status, snowflake_stat, snowflake_stat_workers, snowflake_health TO pg_monitor;

-- For everybody with USAGE on the generator; an ID later than the clock takes UPDATE on the sequence snowflake_id.

CREATE FUNCTION snowflake_observe(id bigint) RETURNS void
AS 'MODULE_PATHNAME', 'snowflake_observe'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION snowflake_observe(bigint) IS
  'from now on this server makes only Snowflake IDs of a later time than this one, e.g. after an import';

CREATE FUNCTION snowflake_observe(id bigint, generator regclass) RETURNS void
AS 'MODULE_PATHNAME', 'snowflake_observe'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION snowflake_observe(bigint, regclass) IS
  'from now on this server makes only IDs of a later time than this one, which is of the layout of that generator';

CREATE FUNCTION snowflake_reset_clock() RETURNS void
AS 'MODULE_PATHNAME', 'snowflake_reset_clock'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION snowflake_reset_clock() IS
  'make IDs of the clock''s time again, of all layouts; only if all IDs of a later time are gone, else duplicates';
REVOKE EXECUTE ON FUNCTION snowflake_reset_clock() FROM PUBLIC;

-- Several servers ----------------------------------------------------------------------------------------------------

CREATE FUNCTION snowflake_node_conflict_trigger() RETURNS trigger
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION snowflake_node_conflict_trigger() IS
  'trigger on a table that receives rows of other servers: finds those with the node number of this one';

CREATE FUNCTION snowflake_node_conflicts(
  relation regclass, id_column name, layout snowflake_layout DEFAULT 'snowflake_id',
  max_delay interval DEFAULT '1 minute', OUT node integer, OUT origin text, OUT row_count bigint,
  OUT first_time timestamptz, OUT last_time timestamptz, OUT example bigint) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED ROWS 10 COST 10000;
COMMENT ON FUNCTION snowflake_node_conflicts(regclass, name, snowflake_layout, interval) IS
  'node numbers that several servers have used in a table, by replication origin; an origin of NULL is this server';

CREATE FUNCTION snowflake_grant_conflicts(
  relation regclass, id_column name, grants regclass, realm text DEFAULT 'main',
  layout snowflake_layout DEFAULT 'snowflake_id', OUT node integer, OUT grant_count integer, OUT row_count bigint,
  OUT first_time timestamptz, OUT last_time timestamptz, OUT example bigint) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED ROWS 10 COST 10000;
COMMENT ON FUNCTION snowflake_grant_conflicts(regclass, name, regclass, text, snowflake_layout) IS
  'IDs of a table that no grant of their node number covers, or several; grants has realm, node, from_ms, until_ms';

-- The first horizon of this database.
SELECT snowflake_observe(0::bigint);
