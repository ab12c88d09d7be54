-- The picture of an ID's bits.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS snowflake_id;
RESET client_min_messages;
\pset format unaligned
\pset tuples_only on

SELECT snowflake_inspect(249480205557985322);
SELECT snowflake_inspect(0);
SELECT snowflake_inspect(9223372036854775807);

-- In UTC, whatever the session's style.
SET TimeZone = 'America/New_York';
SET DateStyle = 'German';
SELECT snowflake_inspect(139267);

-- 64 bits in all, which are the ID.
SELECT id, length(bits) AS bits, bits::bit(64)::bigint = id AS same
FROM unnest(ARRAY[0, 1, 249480205557985322, 9223372036854775807]) AS id,
  replace(split_part(snowflake_inspect(id), E'\n', 1), ' ', '') AS bits;
