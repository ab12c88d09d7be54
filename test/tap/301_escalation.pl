# Whoever may create objects in the schema of the extension, or in any other, never gets anybody else to run them: not
# by the names of its functions with other argument types, nor by operators, types or relations; neither when the
# extension is created and its views are bound, nor when they are read and its functions are called.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeHostile;
use SnowflakeTest;
use Test::More;

my $node = SnowflakeTest->start_new('escalation', conf => 'log_min_messages = warning');
$node->safe_psql('postgres', 'CREATE ROLE mallory LOGIN; CREATE ROLE victim LOGIN');

# Who owns a database may create in its schema public. (Up to 14, everybody may.)
sub make_database { $node->safe_psql('postgres', "CREATE DATABASE $_ OWNER mallory") for @_ }

# As a superuser: what was reported.
sub admin
{
	my ($dbname, $sql) = @_;
	return ($node->ask($sql, dbname => $dbname))[1];
}

sub mallory
{
	my ($dbname, $sql) = @_;
	return (as($node, 'mallory', "SET client_min_messages = error; $sql", dbname => $dbname))[1];
}

# --- Traps ---

# The body of a function that tells that it was called, and by whom. If it can, it makes its owner superuser.
sub trap
{
	my ($name, $return) = @_;
	return qq{AS \$trap\$ BEGIN
	  RAISE WARNING 'trap of % is sprung by %', '$name', current_user;
	  EXECUTE 'ALTER ROLE mallory SUPERUSER';
	  $return
	END \$trap\$ LANGUAGE plpgsql};
}

my $position = 0;    # in the log, from where on nothing was looked at

sub nothing_sprung
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my @sprung = $node->log_since($position) =~ /(trap of .* is sprung by \S+)/g;
	is(join("\n", @sprung), '', "$what: no trap is sprung");
	my $is_superuser = $node->safe_psql('postgres', q{SELECT rolsuper FROM pg_roles WHERE rolname = 'mallory'});
	is($is_superuser, 'f', "$what: mallory is no superuser");
	$node->safe_psql('postgres', 'ALTER ROLE mallory NOSUPERUSER');
	$position = -s $node->logfile;
}

# The first errors among what was reported.
sub errors_in
{
	my @errors = grep { /ERROR/ } split /^/m, $_[0];
	return join '', splice @errors, 0, 3;
}

# Functions with the extension's names (which are looked up where it is installed already): with another type of one
# argument, or of all, with arguments left out, with one more; their results have the same names.
my $functions_sql = q{
	WITH own AS (
	  SELECT p.proname, p.pronargs, p.proretset, p.prorettype,
	         array(SELECT format_type(type, NULL)
	               FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (type, n) ORDER BY n) AS args,
	         array(SELECT format('OUT %I %s', p.proargnames[n], format_type(type, NULL))
	               FROM unnest(p.proallargtypes) WITH ORDINALITY AS a (type, n)
	               WHERE p.proargmodes[n] = 'o' ORDER BY n) AS outs
	  FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	  JOIN pg_extension e ON d.refobjid = e.oid AND e.extname = 'snowflake_id'
	  WHERE prorettype NOT IN ('cstring'::regtype, 'trigger'::regtype, 'internal'::regtype)),
	types AS (
	  SELECT unnest(ARRAY['oid', 'text', 'name', 'smallint', 'integer', 'bigint', 'numeric', 'regclass', 'boolean',
	                      'timestamp without time zone', 'timestamp with time zone', 'json', 'anyelement']) AS type),
	traps AS (
	  SELECT DISTINCT ON (proname, list) own.*, list FROM own CROSS JOIN LATERAL (
	    SELECT array(SELECT CASE WHEN i = n THEN type ELSE args[i] END FROM generate_series(1, pronargs) i ORDER BY i)
	    FROM types, generate_series(1, pronargs) n
	    UNION SELECT array(SELECT type FROM generate_series(1, n) i) FROM types, generate_series(0, pronargs + 1) n
	    UNION SELECT array(SELECT replace(args[i], 'snowflake_layout', 'text') FROM generate_series(1, n) i ORDER BY i)
	          FROM generate_series(0, pronargs) n) AS other (list)
	  WHERE NOT list && ARRAY['snowflake_layout', 'internal', 'cstring']
	    AND NOT EXISTS (SELECT FROM own same WHERE same.proname = own.proname AND same.args = list)
	  ORDER BY proname, list, args)
	SELECT replace(concat_ws('|', proname, array_to_string(list || outs, ', '),
	         CASE WHEN outs <> '{}' THEN CASE WHEN proretset THEN 'RETURNS SETOF record' ELSE '' END
	              ELSE 'RETURNS ' || CASE WHEN proretset THEN 'SETOF ' ELSE '' END || format_type(prorettype, NULL) END,
	         CASE WHEN proretset OR outs <> '{}' OR prorettype = 'void'::regtype THEN 'RETURN;'
	              ELSE 'RETURN NULL;' END), 'snowflake_layout', 'text')
	FROM traps};

sub functions_in
{
	my ($schema) = @_;
	return map {
		my ($name, $arguments, $returns, $return) = split /\|/;
		"CREATE FUNCTION $schema.$name($arguments) $returns " . trap("$name($arguments)", $return)
	} split /\n/, $node->safe_psql('postgres', $functions_sql);
}

# Operators for pairs of types that pg_catalog has none for: they are preferred to those that need a cast.
my @operands = qw(oid text name integer bigint regclass "char" boolean anyelement);

sub operators_in
{
	my ($schema) = @_;
	my $types = join ',', map { "'$_'" } @operands;
	my @functions;
	for my $left (@operands)
	{
		push @functions,
		  map { "CREATE FUNCTION $schema.spring($left, $_) RETURNS boolean " . trap('an operator', 'RETURN true;') }
		  @operands;
	}
	return @functions, split /\n/, $node->safe_psql('postgres', qq{
		WITH types AS (SELECT unnest(ARRAY[$types])::regtype AS type)
		SELECT format('CREATE OPERATOR $schema.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = $schema.spring)',
		              name, a.type, b.type)
		FROM unnest(ARRAY['=', '<>', '<', '>', '<=', '>=', '+', '-', '||', '&', '>>', '<<', '~']) name, types a, types b
		WHERE to_regoperator(format('pg_catalog.%s(%s, %s)', name, a.type, b.type)) IS NULL});
}

sub types_in { my ($schema, @names) = @_; return map { "CREATE DOMAIN $schema.$_ AS text" } @names }

# --- What a superuser does sooner or later ---

# Calls give the exact types: what a call leaves open, PostgreSQL decides by the caller's search_path alone.
my $layout = q{'discord'::public.snowflake_layout};
my $theirs = q{'public.theirs'::pg_catalog.regclass};
my $id = '123456789012::pg_catalog.int8';
my @everything = (
	(map { "SELECT * FROM public.snowflake_$_" } qw(layouts generators id)),
	"SELECT public.snowflake_create_generator('public.theirs'::pg_catalog.text, $layout, false, "
	  . "''::pg_catalog.text, 'base62'::pg_catalog.text, 0::pg_catalog.int4)",
	(map { "SELECT public.snowflake_next$_" } '()', "($theirs)", '_array(3)', "_array(3, $theirs)", "_text($theirs)",
		'_set(3::pg_catalog.int8)', "_set(3::pg_catalog.int8, $theirs)"),
	(map { "SELECT public.snowflake_$_" } 'last()', "last($theirs)", 'reserve(3)', "reserve(3, $theirs)"),
	(map { "SELECT * FROM public.snowflake_$_" }
		"generator_spec($theirs)", 'clock()', 'node_status()', 'presets()', "layout_facts($layout)"),
	(map { ("SELECT public.snowflake_$_($id)", "SELECT public.snowflake_$_($id, $layout)") }
		qw(timestamp node worker sequence decode inspect to_uuid to_ulid)),
	"SELECT public.snowflake_observe($id)", "SELECT public.snowflake_observe($id, $theirs)",
	(map { "SELECT public.snowflake_$_" } "shard($id, $layout)", 'from_timestamp(pg_catalog.now())',
		"from_timestamp(pg_catalog.now(), $layout)", "diff($id, $id)", "diff($id, $id, $layout)",
		"to_text($id, 'hex'::pg_catalog.text)", "from_text('0000000000000001'::pg_catalog.text, 'hex'::pg_catalog.text)"),
	"SELECT $layout OPERATOR(public.=) $layout",
	'SELECT DISTINCT layout FROM public.snowflake_layouts',
	'SELECT * FROM public.snowflake_layouts a JOIN public.snowflake_layouts b ON a.layout OPERATOR(public.=) b.layout',
	'SELECT public.snowflake_reset_clock()',
	'DROP SEQUENCE public.theirs');
my $everything = join ";\n", @everything;

# --- One trap, chosen well ---

my %chosen = (
	of_a_view => 'snowflake_generator_spec('
	  . 'generator oid, OUT layout text, OUT ordered boolean, OUT prefix text, OUT encoding text, OUT rate_limit text) '
	  . trap('a view', 'RETURN;'),
	of_the_script => 'snowflake_create_generator(name text) RETURNS regclass '
	  . trap('the script', 'CREATE SEQUENCE public.snowflake_id; RETURN NULL;'));
make_database(sort keys %chosen);
for my $dbname (sort keys %chosen)
{
	is(mallory($dbname, "CREATE FUNCTION public.$chosen{$dbname}"), '', "$dbname: the trap is laid");
	is(errors_in(admin($dbname, "CREATE EXTENSION snowflake_id;\n$everything")), '', "$dbname: the extension works");
	nothing_sprung($dbname);
}

# --- A schema full of traps ---

make_database('trapped');
my @traps = (functions_in('public'), operators_in('public'), types_in('public', qw(bigint regclass timestamptz)));
is(mallory('trapped', join ";\n", @traps), '', 'all traps are laid');
cmp_ok(scalar @traps, '>', 1000, 'many traps are laid');
note scalar(@traps), ' traps';
admin('trapped', q{BEGIN; SELECT public.spring(1, 'x'::text); ROLLBACK});
like($node->log_since($position), qr/trap of an operator is sprung by/, 'a trap tells that it is sprung');
$position = -s $node->logfile;

is(errors_in(admin('trapped', 'CREATE EXTENSION snowflake_id')), '', 'the extension is created amid them');
nothing_sprung('CREATE EXTENSION');
is(errors_in(admin('trapped', $everything)), '', 'a superuser reads and calls everything without an error');
nothing_sprung('a superuser reads and calls everything');

# What the extension's objects depend on, directly or by their parts (rules of views, members of operator classes). Not
# to walk into a trap, these questions are asked without schema public.
sub seen_in_catalogs { return $node->safe_psql('trapped', "SET search_path = pg_catalog; $_[0]") }
is(seen_in_catalogs(q{
	WITH RECURSIVE own AS (
	  SELECT classid, objid FROM pg_depend
	  WHERE deptype = 'e' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'snowflake_id')
	  UNION
	  SELECT d.classid, d.objid FROM pg_depend d JOIN own ON (d.refclassid, d.refobjid) = (own.classid, own.objid)
	  WHERE d.deptype IN ('i', 'a'))
	SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid),
	                pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid)
	FROM pg_depend d JOIN own ON (d.classid, d.objid) = (own.classid, own.objid)
	WHERE d.refobjid >= 16384 AND d.refclassid NOT IN ('pg_extension'::regclass, 'pg_namespace'::regclass)
	  AND NOT EXISTS (SELECT FROM own WHERE (own.classid, own.objid) = (d.refclassid, d.refobjid))}),
	'', 'nothing of the extension depends on what is not its own or the system\'s');

# Bodies in SQL or PL/pgSQL show up there only if they are parsed already; others are looked up when they run.
my $parsed = $node->pg_version >= 14 ? 'p.prosqlbody IS NOT NULL' : 'false';
is(seen_in_catalogs(qq{
	SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
	JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	WHERE d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'snowflake_id') AND l.lanname <> 'c'
	  AND NOT $parsed AND NOT coalesce(array_to_string(p.proconfig, ';') ~ 'search_path=pg_catalog', false)}),
	'', 'no function looks names up by the search_path of its caller');

# --- search_path ---

# Whatever a caller has put in front, even of pg_catalog: a schema with the same traps, with names of the system's own
# functions, operators and types, with relations of the extension's names, one of them a generator.
my @of_the_system = map { "CREATE FUNCTION evil.$_ " . trap($_, 'RETURN NULL;') } (
	'nextval(regclass) RETURNS bigint', 'now() RETURNS timestamptz', 'format_type(oid, integer) RETURNS text',
	'int8eq(bigint, bigint) RETURNS boolean', 'oideq(oid, oid) RETURNS boolean', 'quote_ident(text) RETURNS text',
	'has_sequence_privilege(oid, text) RETURNS boolean', 'regclassout(regclass) RETURNS text');
push @of_the_system, map { "CREATE OPERATOR evil.= (LEFTARG = $_, RIGHTARG = $_, FUNCTION = evil.spring)" }
  qw(oid text bigint integer);
is(mallory('trapped', join ";\n", 'CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO PUBLIC',
		functions_in('evil'), operators_in('evil'), @of_the_system,
		types_in('evil', qw(int8 bigint text regclass snowflake_layout)),
		"SELECT public.snowflake_create_generator('evil.snowflake_id'::pg_catalog.text, $layout, false, "
		  . "''::pg_catalog.text, 'hex'::pg_catalog.text, 0::pg_catalog.int4)",
		map { "CREATE TABLE evil.$_ (generator text, layout text)" }
		  qw(snowflake_generators snowflake_layouts pg_sequence pg_class pg_extension pg_depend)),
	'', 'the same in another schema');
for my $path ('evil, public', 'evil, pg_catalog, public')
{
	my $said = admin('trapped', "SET search_path = $path;\n$everything");
	is(errors_in($said), '', "search_path = $path: without an error");
	nothing_sprung("search_path = $path");
}

# The extension's sequence is its own, not one of that name which comes first: that one's layout, rights and value
# mean nothing. Nor has the extension lost it after it has moved, or the other is gone.
mallory('trapped', q{
	REVOKE ALL ON SEQUENCE evil.snowflake_id FROM PUBLIC;
	SELECT setval('evil.snowflake_id', 1), setval('evil.snowflake_id', 9000000000000000000);
	ALTER SEQUENCE evil.snowflake_id CYCLE});
$node->safe_psql('trapped', 'ALTER ROLE victim SET search_path = evil, pg_catalog, public');
my $right = q{
	SELECT pg_catalog.abs(pg_catalog.date_part('epoch', public.snowflake_timestamp(public.snowflake_next())
	  OPERATOR(pg_catalog.-) pg_catalog.clock_timestamp())) OPERATOR(pg_catalog.<) 4};
sub victim_is_right
{
	my ($schema, $what) = @_;
	my ($out, $err) = as($node, 'victim', $right =~ s/public\./$schema./gr, dbname => 'trapped');
	is($out, 't', "$what: IDs are made, of the right time") or diag $err;
}
victim_is_right('public', 'another sequence of that name comes first');
$node->safe_psql('trapped', 'CREATE SCHEMA moved; GRANT USAGE ON SCHEMA moved TO PUBLIC; '
	  . 'ALTER EXTENSION snowflake_id SET SCHEMA moved');
victim_is_right('moved', 'the extension is moved');
is(mallory('trapped', 'DROP SEQUENCE evil.snowflake_id; CREATE SEQUENCE public.snowflake_id'),
	'', 'its place is taken');
victim_is_right('moved', 'its place is taken');
nothing_sprung('another sequence of that name');

# --- Names that are taken ---

# Then there is no extension, whose script takes over nothing.
make_database('taken');
my %taken = (
	'FUNCTION public.snowflake_next()' => 'RETURNS bigint ' . trap('snowflake_next()', 'RETURN 1;'),
	'SEQUENCE public.snowflake_id' => '',
	'VIEW public.snowflake_generators' => 'AS SELECT 1 AS a',
	'TABLE public.snowflake_layouts' => '(a int)',
	'DOMAIN public.snowflake_layout' => 'AS text');
for my $name (sort keys %taken)
{
	is(mallory('taken', "CREATE $name $taken{$name}"), '', "there is $name");
	my $said = admin('taken', 'CREATE EXTENSION snowflake_id');
	like($said, qr/ERROR:  (42723|42P07|42710): .* already exists/, "there is $name: the extension is refused");
	is(mallory('taken', "DROP $name"), '', "there is $name no more");
}
is(admin('taken', 'CREATE EXTENSION snowflake_id; SELECT snowflake_next()'),
	'', 'the extension is created when no name is taken');
nothing_sprung('names that are taken');
$node->stop;
done_testing();
