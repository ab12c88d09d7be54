#!/usr/bin/perl
# scripts/lib/bound_sql.pl notices what it should, and nothing else. Writes TAP.
use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use Test::More;

require(dirname(abs_path(__FILE__)) . '/../../scripts/lib/bound_sql.pl');

my $declared = <<'END';
CREATE FUNCTION spec(generator regclass, OUT layout text) AS 'MODULE_PATHNAME' LANGUAGE C;
CREATE FUNCTION presets() RETURNS SETOF text AS 'MODULE_PATHNAME' LANGUAGE C;
CREATE FUNCTION create_generator(name text, ordered boolean DEFAULT false) RETURNS regclass AS 'x' LANGUAGE C;
CREATE FUNCTION sum_of(a double precision, bigint[], c timestamp with time zone) RETURNS int AS 'x' LANGUAGE C;
CREATE FUNCTION on_row() RETURNS trigger AS 'x' LANGUAGE C;
CREATE TABLE ours (id bigint, CHECK (id OPERATOR(pg_catalog.>) 0));
END
my $view = 'CREATE VIEW v AS SELECT';
for my $case (
    # The escalation: beside spec(regclass) somebody creates spec(oid).
    ['a view that calls a function by a type that converts', qr/each argument needs a cast/,
        "$view s.layout FROM pg_catalog.pg_sequence AS q, LATERAL spec(q.seqrelid) AS s"],
    ['the same with a cast to another type', qr/spec\(oid\) is not what/, "$view spec(q::oid) FROM ours AS q"],
    ['the same with the exact type', undef,
        "$view s.layout FROM pg_catalog.pg_sequence AS q, LATERAL spec(q.seqrelid::pg_catalog.regclass) AS s"],
    ['a call that leaves an argument to its default', qr/create_generator\(text\) is not what/,
        "SELECT create_generator('snowflake_id'::text)"],
    ['a literal without a type', qr/each argument needs a cast/, "SELECT create_generator('snowflake_id', true)"],
    ['all arguments with their types', undef, "SELECT create_generator('snowflake_id'::text, 't'::bool)"],
    ['TRUE and FALSE, which have a type', undef, "SELECT create_generator('snowflake_id'::text, FALSE)"],
    ['a cast of the last operand only', qr/each argument needs a cast/,
        "SELECT spec(1 OPERATOR(pg_catalog.+) 2::regclass)"],
    ['types of several words, arrays and other names of a type', undef,
        "SELECT sum_of(1::float8, ARRAY[1, 2]::int8[], ('now')::text::timestamptz)"],
    ['a function without arguments', undef, "$view p FROM presets() AS p(p)"],
    ['a function of PostgreSQL without its schema', qr/now\(\) is not bound/, "$view now()"],
    ['a function of PostgreSQL with its schema', undef, "$view pg_catalog.count(*), pg_catalog.now() FROM ours"],
    ['a function of another schema', qr/public\.f\(\) is in a schema/, "$view public.f()"],
    ['a call inside of a call', qr/lower\(\) is not bound/, "$view pg_catalog.upper(lower('x'))"],
    ['an operator without its schema', qr/operator = is not bound/, "$view 1 FROM ours WHERE id = 1"],
    ['an operator with its schema', undef, "$view -1 FROM ours WHERE id OPERATOR(pg_catalog.=) 1"],
    ['an operator of another schema', qr/other than pg_catalog/, "$view 1 FROM ours WHERE id OPERATOR(public.=) 1"],
    ['IN', qr/IN uses an operator/, "$view 1 FROM ours WHERE id IN (1, 2)"],
    ['BETWEEN', qr/BETWEEN uses an operator/, "$view 1 FROM ours WHERE id BETWEEN 1 AND 2"],
    ['CASE with an operand', qr/CASE uses an operator/, "$view CASE id WHEN 1 THEN 2 END FROM ours"],
    ['IS DISTINCT FROM', qr/DISTINCT uses an operator/, "$view 1 FROM ours WHERE id IS DISTINCT FROM 1"],
    ['JOIN … USING', qr/USING uses an operator/, "$view 1 FROM ours AS a JOIN ours AS b USING (id)"],
    ['multiplication, which looks like a star', qr/operator \* is not bound/, "$view id * 2, ours.* FROM ours"],
    ['a relation that the script does not create', qr/relation others is not bound/, "$view 1 FROM ours, others"],
    ['a relation of WITH', undef, "$view 1 FROM (WITH w (a) AS (SELECT 1) SELECT a FROM w) AS x"],
    ['a default that calls', qr/now\(\) is not bound/,
        "CREATE FUNCTION f(a text DEFAULT now()) RETURNS text AS 'x' LANGUAGE C"],
    ['a check that calls', qr/length\(\) is not bound/, 'CREATE TABLE t (a text, CHECK (length(a) IS NOT NULL))'],
    ['a trigger on a function of the script', undef,
        "CREATE TRIGGER t AFTER INSERT ON ours FOR EACH ROW EXECUTE FUNCTION on_row('x')"],
    ['CREATE OR REPLACE', qr/OR REPLACE takes over/, "CREATE OR REPLACE FUNCTION f() RETURNS text AS 'x' LANGUAGE C"],
    ['IF NOT EXISTS', qr/IF NOT EXISTS takes over/, 'CREATE TABLE IF NOT EXISTS t (a text)'],
    ['SET search_path in the script', qr/a setting/, 'SET search_path = public'],
    ['set_config() in the script', qr/search_path/, "SELECT pg_catalog.set_config('search_path', 'public', false)"],
    ['SECURITY DEFINER without SET search_path', qr/SECURITY DEFINER/,
        "CREATE FUNCTION f() RETURNS text AS 'MODULE_PATHNAME' LANGUAGE C SECURITY DEFINER"],
    ['SECURITY DEFINER with a path that others can write to', qr/only pg_catalog, pg_temp/,
        "CREATE FUNCTION f() RETURNS text AS 'x' LANGUAGE C SECURITY DEFINER SET search_path = public, pg_temp STRICT"],
    ['SECURITY DEFINER with SET search_path', undef,
        "CREATE FUNCTION f() RETURNS text AS 'x' LANGUAGE C SECURITY DEFINER SET search_path = pg_catalog, pg_temp"],
    ['a body that calls', qr/:3: now\(\) is not bound/,
        "CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS \$\$\nBEGIN\n RETURN now();\nEND \$\$"],
    ['a body with a path of its own', undef,
        'CREATE FUNCTION f() RETURNS text LANGUAGE sql SET search_path TO pg_catalog, pg_temp AS $$ SELECT now() $$'],
    ['a body that is parsed with the script', qr/now\(\) is not bound/,
        'CREATE FUNCTION f() RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT now(); END'],
    ['a DO block that calls', qr/spec\(\): each argument/, 'DO $$ BEGIN PERFORM spec(1); END $$'],
    ['a DO block whose calls are bound', undef, 'DO $$ BEGIN PERFORM spec(1::regclass); END $$'],
    ['a DO block with text to execute', qr/EXECUTE in DO/, q(DO $$ BEGIN EXECUTE 'SELECT 1'; END $$)],
    ['what looks like a call in comments and strings', undef,
        "/* now() /* = */ */ SELECT 'now() = ''x''' -- now()\n, \$a\$ now() \$\$ = \$a\$"],
    ['signatures in COMMENT and GRANT', undef,
        "COMMENT ON FUNCTION spec(regclass) IS 'x = now()'; REVOKE EXECUTE ON FUNCTION spec(regclass) FROM PUBLIC"],
    ['a statement of an unknown kind', qr/does not know: vacuum/, 'VACUUM ours'],
  )
{
    my ($name, $expected, $sql) = @$case;
    my $found = join "\n", map { "$_->{file}:$_->{line}: $_->{text}" }
      BoundSql::problems_of(declared => $declared, script => $sql);
    if ($expected) { like($found, $expected, "noticed: $name") }
    else { is($found, '', "allowed: $name") }
}
done_testing();
