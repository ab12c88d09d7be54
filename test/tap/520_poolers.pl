# PgBouncer in its three modes, more clients than server sessions, DISCARD ALL after each use: no ID twice, and every
# client gets its own.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run;
use PostgreSQL::Test::Utils qw(append_to_file slurp_file);
use SnowflakeTest qw($quick %scripts);
use Test::More;
use Time::HiRes qw(sleep);

my ($pgbouncer) = grep { -x } map { "$_/pgbouncer" } '/usr/sbin', split /:/, $ENV{PATH};
plan skip_all => 'no pgbouncer here' unless $pgbouncer;

my @modes = qw(session transaction statement);
my ($clients, $servers) = (24, 5);
my $transactions = $quick ? 20 : 100;
my $node = SnowflakeTest->start_new('poolers', conf => "max_connections = 60\nsynchronous_commit = off");
my $directory = PostgreSQL::Test::Utils::tempdir_short;
my $port = 6432;
create_database($_) for @modes;
my $pooler = start_pooler();

for my $mode (@modes)
{
	makes_distinct_ids($mode);
	resets_sessions($mode);
}
returns_what_is_stored($_) for @modes;

$pooler->signal('INT');
$pooler->finish;
$node->stop;
done_testing();

# --- the pooler ---

# For each mode a database, in which it has few sessions, and one with a single session.
sub start_pooler
{
	append_to_file("$directory/pgbouncer.ini", join "\n", '[databases]', (map { entries($_) } @modes), settings(), '');
	my $harness = IPC::Run::start([ $pgbouncer, "$directory/pgbouncer.ini" ],
		'>', "$directory/out", '2>', "$directory/err");
	for (1 .. 300)
	{
		return $harness if ask_pooler('session', 'SELECT 1') eq '1';
		sleep 0.1;
	}
	die 'pgbouncer does not start: ' . slurp_file("$directory/err");
}

sub entries
{
	my ($mode) = @_;
	my $target = sprintf 'host=%s port=%d user=%s pool_mode=%s', $node->host, $node->port, scalar getpwuid($<), $mode;
	return "$mode = dbname=load_$mode pool_size=$servers $target", "single_$mode = dbname=load_$mode pool_size=1 $target";
}

sub settings
{
	return '[pgbouncer]', 'listen_addr =', "listen_port = $port", "unix_socket_dir = $directory", 'auth_type = any',
	  'server_reset_query = DISCARD ALL', 'server_reset_query_always = 1', 'max_client_conn = 100',
	  'ignore_startup_parameters = extra_float_digits';
}

sub connection { my ($dbname) = @_; return "host=$directory port=$port dbname=$dbname" }

sub ask_pooler
{
	my ($dbname, @statements) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'psql', '-XqAt', '-d', connection($dbname), map { ('-c', $_) } @statements ], '>', \$out, '2>', \$err);
	chomp $out;
	return $out;
}

# --- the tests ---

# In statement mode nothing is prepared, and there are no transactions of several statements.
sub load_through_pooler
{
	my ($mode, @options) = @_;
	my $script = "$directory/script_$mode";
	my @names = qw(one rows array reserve);
	for (@names)
	{
		unlink "$script$_";
		append_to_file("$script$_", "\\set step :step + 1\n\\set count random(1, 1000)\n$scripts{$_}\n");
	}
	my ($out, $err) = ('', '');
	my $ok = IPC::Run::run(
		[
			$node->installed_command('pgbench'), '--no-vacuum', '-M', 'simple', '-c', $clients, '-j', 2,
			'-t', $transactions, '-D', 'run=' . int(rand(2**30)), '-D', 'step=0', (map { ('-f', "$script$_") } @names),
			@options, connection($mode)
		],
		'>', \$out, '2>', \$err, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return ($ok, $out . $err);
}

sub create_database
{
	my ($mode) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE load_$mode");
	$node->safe_psql("load_$mode", 'CREATE EXTENSION snowflake_id');
	$node->prepare_load("load_$mode");
}

# With session pooling a client keeps its session, so that clients have to come and go to share some.
sub makes_distinct_ids
{
	my ($mode) = @_;
	my ($ok, $said) = load_through_pooler($mode, $mode eq 'session' ? '-C' : ());
	ok($ok, "$mode pooling: $clients clients met no error") or diag $said;
	my $found = $node->check_ids("load_$mode");
	cmp_ok($found->{ids}, '>', $clients * $transactions * 10, "$mode pooling: many IDs");
	is($found->{duplicates}, 0, "$mode pooling: no duplicates");
	is($node->safe_psql("load_$mode", q{SELECT count(DISTINCT session & ((1::bigint << 32) - 1)) FROM made}),
		$servers, "$mode pooling: they shared $servers sessions");
}

# Else the test would say nothing of DISCARD ALL.
sub resets_sessions
{
	my ($mode) = @_;
	my $before = ask_pooler("single_$mode", 'SELECT pg_backend_pid()', 'SET work_mem = 77000');
	my $after = ask_pooler("single_$mode", "SELECT pg_backend_pid() || ' ' || current_setting('work_mem')");
	is($after, "$before 4MB", "$mode pooling: the next client has the same session, reset");
}

# What INSERT … RETURNING tells is what is stored, whichever session did it.
sub returns_what_is_stored
{
	my ($mode) = @_;
	my @given = map {
		ask_pooler($mode, 'INSERT INTO made_by_default (session, step, place) VALUES (0, 0, 0) RETURNING first_id')
	} 1 .. 10;
	my $stored = $node->safe_psql("load_$mode", 'SELECT first_id FROM made_by_default WHERE step = 0 ORDER BY 1');
	is(join("\n", sort { $a <=> $b } @given), $stored, "$mode pooling: RETURNING tells what is stored");
}
