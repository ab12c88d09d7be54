# The node ID belongs to the server: whatever a session does, no ID is made under another one than postgresql.conf says.
#
# An error is a fine answer, an ID with a foreign node ID never is. Each way is tried as superuser and as an ordinary
# user, with the library preloaded and not, making IDs in the session itself and only in its parallel worker processes.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeTest qw($library);
use Test::More;
use Time::HiRes qw(usleep);

my $name = 'snowflake_id.node_id';

# What a session, or its administrator before it, may try. `before` is undone by `after`, both run by a superuser.
my @ways = (
	{ way => 'nothing', makes => 1 },
	{ way => 'SET', session => "SET $name = 5" },
	{ way => 'SET LOCAL', session => "BEGIN; SET LOCAL $name = 5" },
	{ way => 'SET SESSION CHARACTERISTICS', session => "SET SESSION $name TO DEFAULT; SET $name = '5'" },
	{ way => 'set_config', session => "SELECT set_config('$name', '5', false) IS NULL" },
	{ way => 'set_config, local', session => "BEGIN; SELECT set_config('$name', '5', true) IS NULL" },
	{ way => 'UPDATE pg_settings', session => "SET $name = 5; UPDATE pg_settings SET setting = 5 WHERE name = '$name'" },
	{ way => 'connection options', options => "-c $name=5" },
	{ way => 'connection options and SET', options => "-c $name=5", session => "SET $name = 6" },
	{ way => 'connection options and RESET', options => "-c $name=5", session => "RESET $name" },
	{ way => 'ALTER ROLE', before => "ALTER ROLE CURRENT_ROLE_NAME SET $name = 5", after => 'ALTER ROLE CURRENT_ROLE_NAME RESET ALL' },
	{ way => 'ALTER ROLE IN DATABASE', before => "ALTER ROLE CURRENT_ROLE_NAME IN DATABASE postgres SET $name = 5",
		after => 'ALTER ROLE CURRENT_ROLE_NAME IN DATABASE postgres RESET ALL' },
	{ way => 'ALTER ROLE ALL', before => "ALTER ROLE ALL SET $name = 5", after => 'ALTER ROLE ALL RESET ALL' },
	{ way => 'ALTER DATABASE', before => "ALTER DATABASE postgres SET $name = 5", after => 'ALTER DATABASE postgres RESET ALL' },
	{ way => 'ALTER ROLE by oneself', session => "ALTER ROLE CURRENT_USER SET $name = 5;\n\\c\n", after => 'ALTER ROLE CURRENT_ROLE_NAME RESET ALL' },
	{ way => 'SET, then LOAD', session => "SET $name = 5; LOAD '$library'" },
	{ way => 'LOAD, then SET', session => "LOAD '$library'; SET $name = 5" },
	{ way => 'SET, then session_preload_libraries', options => "-c $name=5 -c session_preload_libraries=$library" },
	{ way => 'SET once more after the refusal', session => "SET $name = 5; SELECT snowflake_node(snowflake_next()); SET $name = 6" },
	{ way => 'RESET after the refusal', makes => 1, session => "SET $name = 5; SELECT snowflake_node(snowflake_next()); RESET $name" },
	{ way => 'RESET in a savepoint', session => "BEGIN; SET LOCAL $name = 5; SAVEPOINT a; RESET $name" },
	{ way => 'SET LOCAL, RESET in a savepoint, LOAD, ROLLBACK',
		session => "BEGIN; SET LOCAL $name = 5; SAVEPOINT a; RESET $name; LOAD '$library'; ROLLBACK TO a" },
	{ way => 'SET, RESET in a transaction, LOAD, ROLLBACK',
		session => "SET $name = 5; BEGIN; RESET $name; LOAD '$library'; ROLLBACK" },
	{ way => 'RESET ALL', options => "-c $name=5", session => "SET $name = 6; RESET ALL" },
	{ way => 'DISCARD ALL', options => "-c $name=5", session => "SET $name = 6; DISCARD ALL" },
	{ way => 'SET in another case', session => 'SET Snowflake_ID.Node_ID = 5' },
	{ way => 'a function with SET', function => "SET $name = 5" },
	{ way => 'a function with SET, within SET', session => "SET $name = 6", function => "SET $name = 5" },
	{ way => 'a function with SET FROM CURRENT', session => "SET $name = 5", function => "SET $name FROM CURRENT" },
	{ way => 'a function that sets', body => "PERFORM set_config('$name', '5', true);" },
);

# Statements that make IDs: here, and only in worker processes (the wrapper keeps the library out of the leader).
my $make_here = 'SELECT snowflake_node(snowflake_next()) FROM generate_series(1, 3);';
my $make_in_workers = 'SELECT DISTINCT made_node() FROM source;';
my $parallel_plans = '-c parallel_setup_cost=0 -c parallel_tuple_cost=0 -c min_parallel_table_scan_size=0'
  . ' -c parallel_leader_participation=off -c max_parallel_workers_per_gather=2';

sub define_functions
{
	my ($node, $way) = @_;
	my ($set, $body) = ($way->{function} // '', $way->{body} // '');
	# Where the way is a function's SET clause, defining it may be refused, too.
	return $node->psql('postgres', qq{
		DROP FUNCTION IF EXISTS made_node();
		CREATE FUNCTION made_node() RETURNS int LANGUAGE plpgsql PARALLEL SAFE $set
		AS \$\$ BEGIN $body RETURN (snowflake_next() >> 17) & 31; END \$\$;}, on_error_stop => 1) == 0;
}

# The nodes of the IDs that a session made, and what was reported.
sub try_way
{
	my ($node, $way, $user, $make) = @_;
	my $session = $way->{session} ? "$way->{session};" : '';
	local $ENV{PGOPTIONS} = join ' ', $parallel_plans, $way->{options} // ();
	my ($out, $err) = $node->ask("$session\n$make\n$make", extra_params => [ '-U', $user ]);
	return ([ $out =~ /^(\d+)$/mg ], $err);
}

sub try_plan
{
	my ($node, $user) = @_;
	define_functions($node, {});
	local $ENV{PGOPTIONS} = $parallel_plans;
	my ($plan) = $node->ask("EXPLAIN (VERBOSE, COSTS OFF) $make_in_workers", extra_params => [ '-U', $user ]);
	return $plan;
}

# A session sees a reload between two statements, at some time.
sub reloaded_to
{
	my ($node, $session, $node_id) = @_;
	$node->reload;
	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return 1 if ($node->ask_session($session, "SHOW $name"))[0] eq $node_id;
		usleep(100_000);
	}
	return 0;
}

for my $preload (0, 1)
{
	my $node = SnowflakeTest->new($preload ? 'node_id_preload' : 'node_id');
	$node->init();
	$node->append_conf('postgresql.conf', "$name = 3");
	$node->preload if $preload;
	$node->start;
	my ($superuser) = $node->safe_psql('postgres', 'SELECT current_user');
	# Minor releases before November 2024 do not let a worker process take over what is configured: it is refused.
	my $worker_may_be_first = $node->safe_psql('postgres', q{SELECT n % 10000 >= coalesce((
		SELECT minor FROM (VALUES (13, 18), (14, 15), (15, 10), (16, 6), (17, 2)) fixed (major, minor) WHERE major = n / 10000), 0)
		FROM CAST(current_setting('server_version_num') AS int) n}) eq 't';
	$node->safe_psql('postgres', q{
		CREATE EXTENSION snowflake_id;
		CREATE ROLE mallory LOGIN;
		CREATE TABLE source AS SELECT n FROM generate_series(1, 2000) n;
		ALTER TABLE source SET (parallel_workers = 2);
		GRANT SELECT ON source TO mallory;
		ANALYZE source;});

	for my $user ('mallory', $superuser)
	{
		like(try_plan($node, $user), qr/Gather.*Seq Scan on public\.source\s+Output: made_node\(\)/s,
			"$user: worker processes make the IDs");
		my $how = ($preload ? 'preloaded' : 'not preloaded') . ', ' . ($user eq 'mallory' ? 'user' : 'superuser');
		for my $way (@ways)
		{
			my ($before, $after) = map { ($way->{$_} // '') =~ s/CURRENT_ROLE_NAME/"$user"/r } qw(before after);
			my $defined = define_functions($node, $way);
			$node->psql('postgres', $before) if $before;

			my ($here, $said_here) = try_way($node, $way, $user, $way->{function} || $way->{body} ? 'SELECT made_node();' : $make_here);
			my ($workers, $said_workers) = try_way($node, $way, $user, $make_in_workers);
			my @foreign = grep { $_ != 3 } @$here, @$workers;
			is("@foreign", '', "$how, $way->{way}: no foreign node ID") or diag "$said_here$said_workers";

			# An empty answer would prove nothing: it is the right node, or an error that says why.
			ok(@$here || $said_here =~ /ERROR|FATAL/, "$how, $way->{way}: made or refused");
			ok(@$workers || !$defined || $said_workers =~ /ERROR|FATAL/, "$how, $way->{way}: made or refused in worker processes");
			unlike($said_here . $said_workers, qr/ERROR:  XX|server closed|syntax error/, "$how, $way->{way}: no strange error");
			my $wanted = $preload || $worker_may_be_first ? qr/^3( 3){5,} \| 3( 3)+$/ : qr/^3( 3){5,} \| $/;
			like("@$here | @$workers", $wanted, "$how, $way->{way}: makes IDs") if $way->{makes};

			$node->safe_psql('postgres', $after) if $after;
		}
	}

	# What the server's owner says is taken up by a live session, at once, and its IDs go on rising.
	my $what = $preload ? 'preloaded' : 'not preloaded';
	my $session = $node->session;
	my ($first) = $node->ask_session($session, 'SELECT snowflake_next()');
	my $make = 'SELECT snowflake_node(id), id FROM snowflake_next_set(3) id';
	my $made = "3|$first";

	$node->safe_psql('postgres', "ALTER SYSTEM SET $name = 7");
	ok(reloaded_to($node, $session, 7), "$what, ALTER SYSTEM: taken up by a live session");
	$made .= "\n" . ($node->ask_session($session, $make))[0];
	$node->safe_psql('postgres', "ALTER SYSTEM RESET $name");
	ok(reloaded_to($node, $session, 3), "$what, ALTER SYSTEM RESET: taken up by a live session");
	$made .= "\n" . ($node->ask_session($session, $make))[0];
	$node->append_conf('postgresql.conf', "$name = 0");
	ok(reloaded_to($node, $session, 0), "$what, postgresql.conf: taken up by a live session");
	$made .= "\n" . ($node->ask_session($session, $make))[0];
	$node->append_conf('postgresql.conf', "$name = 31");
	ok(reloaded_to($node, $session, 31), "$what, postgresql.conf again: taken up by a live session");
	$made .= "\n" . ($node->ask_session($session, $make))[0];

	is(join(' ', $made =~ /^(\d+)\|/mg), '3 7 7 7 3 3 3 0 0 0 31 31 31', "$what: IDs of the new node");
	my @ids = $made =~ /\|(\d+)$/mg;
	is("@ids", join(' ', sort { $a <=> $b } @ids), "$what: IDs rise under changing nodes");
	my ($out, $err) = $node->ask_session($session, "SET $name = 5");
	like($err, qr/ERROR:  55P02: parameter "$name" cannot be changed now/, "$what: SET is refused in a live session");
	$session->quit;

	# A value that makes no sense is none: no ID, rather than one of node 0.
	for my $nonsense (2147483648, -1, "'three'")
	{
		$node->append_conf('postgresql.conf', "$name = $nonsense");
		$node->stop('fast', fail_ok => 1);
		my $started = $node->start(fail_ok => 1);
		my ($out, $err) = $started ? $node->ask('SELECT snowflake_next()') : ('', 'FATAL');
		is($out, '', "$what, $name = $nonsense: no ID");
		like($err, qr/ERROR:  22023: the configured value of parameter "$name" cannot be used|FATAL/, "$what, $name = $nonsense: an error");
	}
	$node->stop('fast', fail_ok => 1);
}
done_testing();
