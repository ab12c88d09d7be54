# Who may see what: an owner of a database who is no superuser dumps it, and monitoring reads all that there is to
# see; what tells of the activity of others is not for everybody.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run;
use PostgreSQL::Test::Utils qw(slurp_file);
use SnowflakeHostile;
use SnowflakeTest qw($quick);
use Test::More;

my $node = SnowflakeTest->start_new('readers', conf => 'log_min_messages = panic');
add_people($node, qw(keeper monitor mallory));
$node->safe_psql('postgres', 'GRANT pg_monitor TO monitor; CREATE DATABASE shop OWNER keeper');
$node->safe_psql('shop', 'CREATE EXTENSION snowflake_id; CREATE SCHEMA shop AUTHORIZATION keeper');
sub asked { my ($role, $sql) = @_; return as($node, $role, $sql, dbname => 'shop') }
my ($out, $err) = asked('keeper', q{
	SELECT snowflake_create_generator('shop.orders_id', 'discord', prefix => 'o_');
	CREATE TABLE shop.orders (
	  id bigint DEFAULT snowflake_next('shop.orders_id') PRIMARY KEY, other bigint DEFAULT snowflake_next());
	ALTER SEQUENCE shop.orders_id OWNED BY shop.orders.id;
	INSERT INTO shop.orders DEFAULT VALUES;
	INSERT INTO shop.orders DEFAULT VALUES});
is($err, '', 'an owner of a database has generators of his own');

# --- Dumps ---

my $dump = PostgreSQL::Test::Utils::tempdir . '/dump';
sub runs
{
	my ($what, @command) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$command[0] = $node->installed_command($command[0]);
	my ($said, $errors) = ('', '');
	my $ok = IPC::Run::run(\@command, '>', \$said, '2>', \$errors);
	ok($ok && $errors eq '', $what) or diag $errors;
	return $ok;
}

# A dump that goes on holds up nobody: what it locks of the extension is not in the way of IDs.
my $dumping = $node->session('shop', 'keeper');
$node->ask_session($dumping, 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
	LOCK TABLE shop.orders IN ACCESS SHARE MODE;
	SELECT last_value FROM snowflake_id; SELECT last_value FROM shop.orders_id');
$node->safe_psql('shop', 'CREATE ROLE victim LOGIN');
add_victims($node, dbname => 'shop', '' => 'snowflake_id');
watch($node, 'a dump goes on', seconds => $quick ? 1 : 4);
$dumping->quit;

# All of it; the horizon comes along, and is restored by a superuser.
my $as_keeper = $node->connstr('shop') . ' user=keeper';
SKIP: {
	runs('the owner dumps the database', 'pg_dump', '-d', $as_keeper, '-f', "$dump.sql")
	  or skip 'there is no dump', 6;
	my ($horizon) = slurp_file("$dump.sql") =~ /setval\('public\.snowflake_id', (\d+)/;
	ok($horizon, 'the horizon is in the dump');
	cmp_ok($horizon // 0, '>', (asked('keeper', 'SELECT max(other) FROM shop.orders'))[0], 'it is later than all IDs');
	$node->safe_psql('postgres', 'CREATE DATABASE restored TEMPLATE template0 OWNER keeper');
	runs('the dump is restored', 'psql', '-Xqo', '/dev/null', '-v', 'ON_ERROR_STOP=1',
		'-d', $node->connstr('restored'), '-f', "$dump.sql");
	is($node->safe_psql('restored', "SELECT snowflake_next() > $horizon, count(*) FROM shop.orders"), 't|2',
		'IDs go on from the horizon');
	runs('the owner dumps the schema only', 'pg_dump', '-d', $as_keeper, '-s', '-Fc', '-f', "$dump.schema");
	runs('the owner dumps in parallel', 'pg_dump', '-d', $as_keeper, '-Fd', '-j', 2, '-f', "$dump.directory");
}

# --- Monitoring ---

# It needs no right to any generator.
for my $relation (qw(snowflake_generators snowflake_layouts snowflake_id))
{
	for my $role (qw(monitor mallory))
	{
		($out, $err) = asked($role, "SELECT count(*) > 0 FROM $relation");
		is("$out$err", 't', "$role reads $relation");
	}
}
is((asked('monitor', q{SELECT prefix FROM snowflake_generators WHERE generator::text = 'shop.orders_id'}))[0], 'o_',
	'monitoring sees generators of others');
($out, $err) = asked('monitor', q{
	SELECT abs(extract(epoch FROM wall_clock - clock_timestamp())) < 1, horizon > latest - interval '1 h',
	       setbacks, ahead < '5 s'
	FROM snowflake_clock()});
is("$out$err", 't|t|0|t', 'monitoring reads the clock');

# Nobody else does. Membership counts at the moment of the call.
is_refused($node, $_, '42501', 'SELECT * FROM snowflake_clock()', dbname => 'shop') for qw(mallory keeper);
$node->safe_psql('postgres', 'REVOKE pg_monitor FROM monitor');
is_refused($node, 'monitor', '42501', 'SELECT * FROM snowflake_clock()', dbname => 'shop');
is($node->safe_psql('postgres', q{
	SELECT oid::regprocedure FROM pg_proc
	WHERE proname IN ('snowflake_clock', 'snowflake_reset_clock') AND pronargs > 0}),
	'', 'there is no other way to ask for the clock, or to reset it, by the layouts of others');

# Monitoring changes nothing.
$node->safe_psql('postgres', 'GRANT pg_monitor TO monitor');
for my $call ('snowflake_reset_clock()', q{setval('snowflake_id', 1)}, q{snowflake_next('shop.orders_id')})
{
	is_refused($node, 'monitor', '42501', "SELECT $call", dbname => 'shop');
}

# The horizon, which everybody may read, tells of no single ID.
is((asked('mallory', 'SELECT last_value & ((1 << 22) - 1) FROM snowflake_id'))[0], 0, 'the horizon is a time alone');
$node->stop;
done_testing();
