/* snowflake_id 1.0: see README.md */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION snowflake_id" to load this file. \quit

-- The generator. Its value is the horizon: no ID of a later time was made. Its increment overflows, so that nextval()
-- always fails: nobody but snowflake_next() moves it. A dump carries it.

CREATE SEQUENCE snowflake_id
  AS bigint INCREMENT BY 9223372036854775807 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 NO CYCLE;
COMMENT ON SEQUENCE snowflake_id IS
  'generator of Snowflake IDs: USAGE is the right to make them, last_value is the horizon that none has passed';
GRANT USAGE ON SEQUENCE snowflake_id TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('snowflake_id', '');

-- Make. Volatile: each call gives other IDs. Parallel safe: a worker process is one more session.

CREATE FUNCTION snowflake_next() RETURNS bigint
AS 'MODULE_PATHNAME', 'snowflake_next'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_next() IS
  'make a Snowflake ID: unique on this server, larger than the one before it in this session';

CREATE FUNCTION snowflake_next_array(count integer) RETURNS bigint[]
AS 'MODULE_PATHNAME', 'snowflake_next_array'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_next_array(integer) IS 'make an array of rising Snowflake IDs';

CREATE FUNCTION snowflake_next_set(count bigint) RETURNS SETOF bigint
AS 'MODULE_PATHNAME', 'snowflake_next_set'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_next_set(bigint) IS 'make a set of rising Snowflake IDs';

CREATE FUNCTION snowflake_reserve(count integer, OUT first_id bigint, OUT last_id bigint) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'snowflake_reserve'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_reserve(integer) IS
  'reserve ranges of consecutive Snowflake IDs, count in all, for a client to hand out';

-- Restricted: a worker process does not know the session's last ID.
CREATE FUNCTION snowflake_last() RETURNS bigint
AS 'MODULE_PATHNAME', 'snowflake_last'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION snowflake_last() IS 'the last Snowflake ID made in this session';

-- Read. Immutable: what an ID means never depends on a setting.

CREATE FUNCTION snowflake_timestamp(id bigint) RETURNS timestamptz
AS 'MODULE_PATHNAME', 'snowflake_timestamp'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_timestamp(bigint) IS 'when a Snowflake ID was made, to the millisecond';

CREATE FUNCTION snowflake_node(id bigint) RETURNS integer
AS 'MODULE_PATHNAME', 'snowflake_node'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_node(bigint) IS 'which server made a Snowflake ID: its snowflake_id.node_id, 0 to 31';

CREATE FUNCTION snowflake_worker(id bigint) RETURNS integer
AS 'MODULE_PATHNAME', 'snowflake_worker'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_worker(bigint) IS 'which worker of its server made a Snowflake ID, 0 to 31';

CREATE FUNCTION snowflake_sequence(id bigint) RETURNS integer
AS 'MODULE_PATHNAME', 'snowflake_sequence'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_sequence(bigint) IS
  'the number of a Snowflake ID within its worker and millisecond, 0 to 4095';

CREATE FUNCTION snowflake_decode(
  id bigint,
  OUT id bigint, OUT "timestamp" timestamptz, OUT node integer, OUT worker integer, OUT sequence integer)
AS 'MODULE_PATHNAME', 'snowflake_decode'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_decode(bigint) IS 'all that a Snowflake ID says, as a row';

CREATE FUNCTION snowflake_inspect(id bigint) RETURNS text
AS 'MODULE_PATHNAME', 'snowflake_inspect'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_inspect(bigint) IS 'a picture of the bits of a Snowflake ID, for people';

CREATE FUNCTION snowflake_diff(
  a bigint, b bigint, OUT "interval" interval, OUT same_node boolean, OUT same_worker boolean)
AS 'MODULE_PATHNAME', 'snowflake_diff'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_diff(bigint, bigint) IS
  'how much later a was made than b (as in a - b), and whether on the same node and by the same worker of it';

-- Write.

CREATE FUNCTION snowflake_from_timestamp("timestamp" timestamptz) RETURNS bigint
AS 'MODULE_PATHNAME', 'snowflake_from_timestamp'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_from_timestamp(timestamptz) IS
  'the smallest Snowflake ID of a millisecond, to compare IDs with: WHERE id >= snowflake_from_timestamp(...)';

CREATE FUNCTION snowflake_encode("timestamp" timestamptz, node integer, worker integer, sequence integer)
RETURNS bigint
AS 'MODULE_PATHNAME', 'snowflake_encode'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_encode(timestamptz, integer, integer, integer) IS
  'the Snowflake ID that says so; for tests and imports, not a way to make unique IDs';

-- Run a server.

CREATE FUNCTION snowflake_observe(id bigint) RETURNS void
AS 'MODULE_PATHNAME', 'snowflake_observe'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION snowflake_observe(bigint) IS
  'from now on this server makes only Snowflake IDs of a later time than this one, e.g. after an import';
REVOKE EXECUTE ON FUNCTION snowflake_observe(bigint) FROM PUBLIC;

CREATE FUNCTION snowflake_reset_clock() RETURNS void
AS 'MODULE_PATHNAME', 'snowflake_reset_clock'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION snowflake_reset_clock() IS
  'make Snowflake IDs from the clock''s time on again; only if all IDs of a later time are gone, else duplicates';
REVOKE EXECUTE ON FUNCTION snowflake_reset_clock() FROM PUBLIC;

CREATE FUNCTION snowflake_clock(
  OUT wall_clock timestamptz, OUT floor timestamptz, OUT horizon timestamptz, OUT incarnation bigint,
  OUT distance interval, OUT setbacks bigint, OUT largest_setback interval)
AS 'MODULE_PATHNAME', 'snowflake_clock'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION snowflake_clock() IS
  'the clock; the floor: the time of the latest Snowflake ID, and its distance ahead of the clock; the horizon; setbacks since start';
