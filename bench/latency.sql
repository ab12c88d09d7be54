-- Single calls, timed within the server: the function that does it, who is measured, and where the results go. A case is
-- a disk, a number of clients, and what else the server does meanwhile.

SET client_min_messages = warning;

CREATE FUNCTION latency_of(function regprocedure, argument regclass, begins timestamptz, ends timestamptz,
                           burst int, pause_us int,
                           OUT first boolean, OUT ns float8, OUT calls bigint)
RETURNS SETOF record AS :'bench_library' LANGUAGE C VOLATILE STRICT;

-- Each case has them in turns.
CREATE TABLE measured (name text, function regprocedure, argument regclass);
INSERT INTO measured VALUES
  ('empty C function', 'empty_function()',  '-'),
  ('snowflake_next()', 'snowflake_next()',  '-'),
  ('nextval',          'nextval(regclass)', 'plain');

-- Unlogged, so that what clients keep is no load.
CREATE UNLOGGED TABLE latency (
  disk text, load text, clients int, contender text, first boolean, ns float8, calls bigint);

-- What neighbours write, for checkpoints to have something to do.
CREATE TABLE load (filler text);
