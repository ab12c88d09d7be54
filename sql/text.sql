-- IDs as text: what other programs write is read, and nothing else.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS snowflake_id;
RESET client_min_messages;

-- Known answers. TSIDs (base32): odan/tsid, tests. The digits of 2^63-1 and of the others are computed, but for hex and base36,
-- which are as in every language.
CREATE TEMP TABLE known (id bigint, base32 text, base36 text, base58 text, base62 text, hex text);
INSERT INTO known VALUES
  (0, '0000000000000', '0', '1', '00000000000', '0000000000000000'),
  (1, '0000000000001', '1', '2', '00000000001', '0000000000000001'),
  (61, '000000000001X', '1p', '24', '0000000000z', '000000000000003d'),
  (175928847299117063, '04W86BB0G4007', '1c49kkphnxtz', 'QgmVVkniES', '0Czks0tP37X', '0271065ac1020007'),
  (388400145978465528, '0ARYZVZXW377R', NULL, NULL, NULL, NULL),
  (38352658567418872, '01221H8Q1MMZR', NULL, NULL, NULL, NULL),
  (1233161576649121792, '1278HXEFD9R00', '9da7anlki4n4', '3s2L6Yc3tAj', '1T5tN5g4xzk', '111d11eb9ed4e000'),
  (9223372036854775807, '7ZZZZZZZZZZZZ', '1y2p0ij32e8e7', 'NQm6nKp8qFC', 'AzL8n0Y58m7', '7fffffffffffffff');
SELECT id, snowflake_to_text(id, 'base32') AS base32, snowflake_to_text(id, 'base36') AS base36, snowflake_to_text(id, 'base58') AS base58,
       snowflake_to_text(id, 'base62') AS base62, snowflake_to_text(id, 'hex') AS hex
FROM known;
SELECT id, encoding, encoded, snowflake_to_text(id, encoding), snowflake_from_text(encoded, encoding)
FROM known CROSS JOIN LATERAL (VALUES ('base32', base32), ('base36', base36), ('base58', base58), ('base62', base62), ('hex', hex)) AS texts (encoding, encoded)
WHERE encoded IS NOT NULL AND (snowflake_to_text(id, encoding) <> encoded OR snowflake_from_text(encoded, encoding) <> id);
-- The same number in two encodings. TSID: javadoc of f4b6a3/tsid-creator, which writes hex in upper case.
SELECT snowflake_to_text(snowflake_from_text('0AXS476XSZ43M', 'base32'), 'hex') = lower('05772439BB9F9074') AS tsid_hex,
       snowflake_to_text(snowflake_from_text('0AXS751X00W7C', 'base32'), 'base62') = '0T5jFDIkmmy' AS tsid_base62,
       snowflake_from_text('05772439BB9F9074', 'hex') = snowflake_from_text('0AXS476XSZ43M', 'base32') AS hex_is_case_blind;
-- Core PostgreSQL's own hexadecimal.
SELECT count(*) FROM generate_series(0, 9223372036854775807, 9223372036854775807 / 999) AS id WHERE snowflake_to_text(id, 'hex') <> lpad(to_hex(id), 16, '0');

-- Crockford's base32 is read in either case, and takes letters for the digits that they look like. Base36 and hex: either case.
SELECT snowflake_from_text('0aryzvzxw377r', 'base32') AS lower_case, snowflake_from_text('OIiLlo0000000', 'base32') = snowflake_from_text('0111100000000', 'base32') AS lookalikes,
       snowflake_from_text('1Y2P0IJ32E8E7', 'base36') AS base36, snowflake_from_text('7FFFFFFFFFFFFFFF', 'hex') AS hex;

-- Refused, with the reason.
CREATE FUNCTION pg_temp.said(encoded text, encoding text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text;
BEGIN
  RETURN 'taken for ' || snowflake_from_text(encoded, encoding);
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  RETURN format('%s %s: %s', SQLSTATE, SQLERRM, detail);
END $$;
SELECT pg_temp.said(encoded, encoding) FROM (VALUES
  ('base32', ''), ('base32', '0'), ('base32', '0ARYZVZXW377'), ('base32', '0ARYZVZXW377RR'), ('base32', '0ARYZVZXW377U'), ('base32', '0ARYZVZXW377-'),
  ('base32', ' 0ARYZVZXW377'), ('base32', '8000000000000'), ('base32', 'ZZZZZZZZZZZZZ'), ('base32', '0ARYZVZXW37é'),
  ('base36', ''), ('base36', '01'), ('base36', '00'), ('base36', '-1'), ('base36', '1y2p0ij32e8e8'), ('base36', '1y2p0ij32e8e70'),
  ('base58', ''), ('base58', '12'), ('base58', '0'), ('base58', 'O'), ('base58', 'I'), ('base58', 'l'), ('base58', 'NQm6nKp8qFD'), ('base58', 'zzzzzzzzzzz'), ('base58', '222222222222'),
  ('base62', ''), ('base62', '1'), ('base62', 'Czks0tP37X'), ('base62', '00Czks0tP37X'), ('base62', '0Czks0tP37_'), ('base62', 'AzL8n0Y58m8'), ('base62', 'zzzzzzzzzzz'),
  ('hex', ''), ('hex', 'ff'), ('hex', '0x271065ac102000'), ('hex', '0271065ac102000g'), ('hex', '8000000000000000'), ('hex', 'ffffffffffffffff'), ('hex', '00271065ac1020007')) AS texts (encoding, encoded);
SELECT snowflake_to_text(-1, 'hex');
SELECT snowflake_to_text(1, 'base64');
SELECT snowflake_from_text('1', 'Base36');
SELECT snowflake_to_text(NULL, 'hex') IS NULL AND snowflake_from_text(NULL, 'hex') IS NULL AND snowflake_to_text(1, NULL) IS NULL AS nulls;

-- What other extensions and the core write is another form: only ours is read.
SELECT encode(int8send(175928847299117063), 'hex') = snowflake_to_text(175928847299117063, 'hex') AS hex_of_the_bytes;
