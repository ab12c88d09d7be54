# What the tests of faults share: clients that write down every ID they were ever given, servers that die, a clock that
# goes through the same milliseconds once more, and the question whether an ID was made twice.
#
#     my $node = start_faulty('main');
#     my $before = start_clients($node);
#     pause(2);
#     kill_postmaster($node);
#     wait_for_clients($before);
#     start_replaying($node, $before);           # the server's clock is where it was when $before began
#     my $after = run_clients($node, 2);
#     replays($after, $before, 'kill');          # else the test could not fail
#     no_duplicates($node, 'kill', [ $before, $after ]);
#
# The clients make IDs so densely that a clock that is set back, and nothing else, leads to thousands of duplicates.
# They stream what they make to files on the client's side, some of it before the transaction ends, some of it never
# stored. A making is known by (session, step, place), so that one which was both stored and given counts once.
package SnowflakeFault;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use IPC::Run;
use List::Util qw(max min);
use PostgreSQL::Test::Utils qw(append_to_file slurp_file);
use SnowflakeTest qw($quick);
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(
  start_faulty prepare_tables start_clients run_clients run_clients_again stop_clients wait_for_clients said_by_clients
  run_as_client pause kill_postmaster kill_backend start_again
  set_clock_back_to start_replaying fresh_clock fresh_start server_time
  replays no_duplicates count_made common_ids count_warnings first_id_within seconds_ahead horizon_ahead);

# --- servers ---

# A SnowflakeTest whose clock can be set, with the tables that the clients need. Options as there; `conf` is added to.
sub start_faulty
{
	my ($name, %options) = @_;
	my $conf = "max_connections = 30\nshared_buffers = 32MB\nlog_statement = none\nrestart_after_crash = on\n"
	  . "autovacuum = off\nlog_min_messages = warning\n";
	my $node = SnowflakeTest->start_new($name, fake_clock => 1, %options, conf => $conf . ($options{conf} // ''));
	prepare_tables($node, 'postgres');
	return $node;
}

sub prepare_tables
{
	my ($node, $dbname) = @_;
	$node->safe_psql($dbname,
		'CREATE TABLE stored (session bigint, step bigint, place bigint, first_id bigint, last_id bigint)');
}

sub pause { sleep($_[0]) }

sub kill_postmaster
{
	my ($node) = @_;
	$node->kill9;
}

# The processes of a killed postmaster may outlive it for a moment, and while they do, no other can start.
sub start_again
{
	my ($node) = @_;
	for (1 .. 300)
	{
		return $node->start unless is_still_there($node);
		sleep(0.1);
	}
	die 'the processes of the killed server do not end';
}

# By what postmaster.pid tells: the postmaster (killed, but maybe not yet buried by its parent), and the segment of
# shared memory to which all of its children are attached.
sub is_still_there
{
	my ($node) = @_;
	my $lock_file = $node->data_dir . '/postmaster.pid';
	return 0 unless -e $lock_file;
	my @lines = split /\n/, slurp_file($lock_file);
	return 1 if kill 0, $lines[0];
	my (undef, $segment) = split ' ', $lines[6] // '' or return 0;
	my @segments = map { [ split ' ' ] } split /\n/, slurp_file('/proc/sysvipc/shm');
	return grep { $_->[1] eq $segment && $_->[6] > 0 } @segments;
}

# Kills the server process of one of the clients; the postmaster then stops all others and starts over.
sub kill_backend
{
	my ($node) = @_;
	my $pid = $node->safe_psql('postgres',
		q{SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'client%' ORDER BY random() LIMIT 1});
	kill(9, $pid) or die "cannot kill $pid: $!";
}

# --- the clock ---

# The server's clock as it was when these clients began, or a little earlier.
sub set_clock_back_to
{
	my ($node, $clients) = @_;
	$node->set_clock_offset($clients->{began} - 0.5 - time);
}

sub start_replaying
{
	my ($node, $clients) = @_;
	set_clock_back_to($node, $clients);
	start_again($node);
}

# A minute further than ever before, so that what is tried next does not profit from what was tried before.
sub fresh_clock
{
	my ($node) = @_;
	$node->set_clock_offset($node->{latest_offset} = 60 + max($node->{clock_offset}, $node->{latest_offset} // 0));
}

# The same, and a server that believes it: one that runs takes a leap ahead for an error at first.
sub fresh_start
{
	my ($node) = @_;
	$node->stop;
	fresh_clock($node);
	start_again($node);
}

sub server_time
{
	my ($node) = @_;
	return time + $node->{clock_offset};
}

# --- clients ---

# Ranges fill whole milliseconds; single IDs mix with them. The rests keep the files small.
my %statements = (
	stored_ranges => 'INSERT INTO stored SELECT :session, :step, place, first_id, last_id
	  FROM snowflake_reserve(60000) WITH ORDINALITY AS reserved (first_id, last_id, place), pg_sleep(0.003)
	  RETURNING *',
	stored_array => 'INSERT INTO stored SELECT :session, :step, place, id, id
	  FROM unnest(snowflake_next_array(300)) WITH ORDINALITY AS made (id, place), pg_sleep(0.005) RETURNING *',
	stored_rows => 'INSERT INTO stored SELECT :session, :step, place, id, id
	  FROM (SELECT place, snowflake_next() AS id FROM generate_series(1, 50) place OFFSET 0) made, pg_sleep(0.005)
	  RETURNING *',
	given_ranges => 'SELECT :session, :step, place, first_id, last_id
	  FROM snowflake_reserve(100000) WITH ORDINALITY AS reserved (first_id, last_id, place), pg_sleep(0.001)',
	given_set => 'SELECT :session, :step, place, id, id
	  FROM snowflake_next_set(300) WITH ORDINALITY AS made (id, place), pg_sleep(0.005)');

my $sessions = 0;

# Starts one client for each of `kinds` (names from above; default: all of them) and waits until each was given IDs.
# They go on until they are stopped or lose their server. `restless`: without rests, which last until the clock says so.
# Further options: dbname, generator, settings => { synchronous_commit => 'on' }, replaying => clients that were before:
# the clock is set back to when they began, at the moment in which these are ready to go.
sub start_clients
{
	my ($node, %options) = @_;
	my $clients = { node => $node, members => [] };
	my $go = PostgreSQL::Test::Utils::tempdir . '/go_' . ++$sessions;
	push @{ $clients->{members} }, start_client($node, script_of($_, %options), $go, %options)
	  for @{ $options{kinds} // [ sort keys %statements ] };
	wait_until($_, 'a client is ready', sub { -e "$go.$_[0]{name}" }) for @{ $clients->{members} };
	set_clock_back_to($node, $options{replaying}) if $options{replaying};
	$clients->{began} = server_time($node);
	append_to_file($go, '');
	wait_until($_, 'a client was given IDs', sub { -s $_[0]{given} }) for @{ $clients->{members} };
	return $clients;
}

# A psql that connects, says that it is ready, and begins when it is told to, each by a file.
sub start_client
{
	my ($node, $script, $go, %options) = @_;
	my $session = ++$sessions;
	my $name = "client_$session";
	my $base = PostgreSQL::Test::Utils::tempdir . "/$name";
	my $settings = join ' ', map { "-c $_=$options{settings}{$_}" } sort keys %{ $options{settings} // {} };
	append_to_file("$base.ready",
		"SELECT 1 \\g /dev/null\n\\! touch $go.$name; until test -e $go -o ! -e $base.ready; do sleep 0.01; done\n");
	my $harness = IPC::Run::start(
		[ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-v', "session=$session",
			'-d', $node->connstr($options{dbname} // 'postgres') . " application_name=$name options='$settings'",
			'-f', "$base.ready", '-f', $script ],
		'>', "$base.out", '2>', "$base.err", IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return { harness => $harness, name => $name, given => "$base.out", said => "$base.err" };
}

my %scripts;

sub script_of
{
	my ($kind, %options) = @_;
	my $generator = $options{generator};
	my $name = join '_', $kind, $options{restless} ? 'restless' : (), $generator // ();
	return $scripts{$name} //= do
	{
		my $path = PostgreSQL::Test::Utils::tempdir . "/$name.sql";
		my $statement = $statements{$kind} =~ s/\s+/ /gr;
		$statement =~ s/, pg_sleep\([\d.]+\)// if $options{restless};
		$statement =~ s/(snowflake_\w+\()(\d*)\)/$1 . join(', ', $2 || (), "'$generator'") . ')'/e if $generator;
		append_to_file($path, join '', map { 'COPY (' . $statement =~ s/:step/$_/r . ") TO STDOUT;\n" } 1 .. 20000);
		$path;
	};
}

sub wait_until
{
	my ($client, $what, $is_so) = @_;
	for (1 .. 2000)
	{
		return if $is_so->($client);
		last if said_by($client) =~ /ERROR|FATAL/;
		sleep(0.01);
	}
	fail("$what within 20 s");
	diag said_by($client);
}

sub said_by
{
	my ($client) = @_;
	return -e $client->{said} ? slurp_file($client->{said}) : '';
}

# Waits for clients that lose, or lost, their server.
sub wait_for_clients
{
	my ($clients) = @_;
	$clients->{ended} //= server_time($clients->{node});
	$_->{harness}->finish for @{ $clients->{members} };
	return $clients;
}

sub stop_clients
{
	my ($clients) = @_;
	$clients->{ended} = server_time($clients->{node});
	my $names = join ', ', map { "'$_->{name}'" } @{ $clients->{members} };
	$clients->{node}->safe_psql('postgres',
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name IN ($names)");
	return wait_for_clients($clients);
}

sub run_clients
{
	my ($node, $seconds, %options) = @_;
	my $clients = start_clients($node, %options);
	pause($seconds);
	return stop_clients($clients);
}

# Runs clients until the clock has gone through what it went through with others.
sub run_clients_again
{
	my ($node, $earlier, %options) = @_;
	my $clients = start_clients($node, %options, replaying => $earlier);
	my $left = min($earlier->{ended}, $earlier->{began} + 1) - server_time($node);
	pause(max(0.3, $left));
	return stop_clients($clients);
}

# Runs one script of SQL, whose COPY … TO STDOUT gives rows like those of the clients, to its end, errors or not: the
# load that this was, and what was said.
sub run_as_client
{
	my ($node, $sql, %options) = @_;
	my $load = { node => $node, began => server_time($node) };
	my ($rows, $said) = $node->ask($sql, %options);
	$load->{ended} = server_time($node);
	my $base = PostgreSQL::Test::Utils::tempdir . '/script_' . ++$sessions;
	append_to_file("$base.out", join '', map { "$_\n" } grep { /^-?\d+(\t-?\d+){4}$/ } split /\n/, $rows);
	append_to_file("$base.err", '');
	$load->{members} = [ { given => "$base.out", said => "$base.err" } ];
	return ($load, $said);
}

# What the clients complained about, but for losing their server, as a test with faults makes them.
sub said_by_clients
{
	my (@loads) = @_;
	my $said = join '', map { said_by($_) } map { @{ $_->{members} } } @loads;
	my @expected = ('WARNING', 'DETAIL', 'HINT', 'terminating connection', 'server closed', 'terminated abnormally',
		'before or while processing', 'connection to server was lost', 'no connection to the server',
		'due to unexpected');
	my $expected = join '|', @expected;
	return join '', grep { !/$expected/ } map { "$_\n" } split /\n/, $said;
}

# --- questions ---

# Tests that the clock of one load went through the time of the other, without which a test with it proves nothing.
sub replays
{
	my ($load, $earlier, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $both = min($load->{ended}, $earlier->{ended}) - max($load->{began}, $earlier->{began});
	cmp_ok($both, '>', 0.3, "$what: the clock replays the load");
}

# Makes one table of what the clients of these loads were given.
sub gather
{
	my (@loads) = @_;
	return join "\n", 'CREATE TEMP TABLE given (LIKE stored);',
	  map { "\\copy given from '$_->{given}'" } map { @{ $_->{members} } } @loads;
}

# Counts IDs, duplicates and steps back in a session, among `made` (a relation of ranges). Ordered by their first IDs, a
# range meets another if it begins before the end of all that are before it.
sub count_made
{
	my ($node, $dbname, $made, @loads) = @_;
	return split /\|/, $node->safe_psql($dbname // 'postgres', gather(@loads) . qq{
		SET work_mem = '256MB';
		SELECT coalesce(sum(last_id - first_id + 1), 0),
		       count(*) FILTER (WHERE first_id <= end_of_others),
		       count(*) FILTER (WHERE first_id <= end_of_session)
		FROM (SELECT first_id, last_id,
		             max(last_id) OVER (ORDER BY first_id, last_id
		                                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS end_of_others,
		             lag(last_id) OVER (PARTITION BY session ORDER BY step, place) AS end_of_session
		      FROM ($made) made) neighbours});
}

# Tests that no ID was made twice among what is stored in this database and what the clients of these loads were given.
sub no_duplicates
{
	my ($node, $what, $loads, $dbname) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($ids, $duplicates, $not_rising) = count_made($node, $dbname, 'TABLE given UNION TABLE stored', @$loads);
	cmp_ok($ids, '>', 100_000, "$what: many IDs were made");
	is($duplicates, 0, "$what: no duplicates");
	is($not_rising, 0, "$what: each session's IDs rise");
	is(said_by_clients(@$loads), '', "$what: no client met an error");
	note "$what: $ids IDs";
	return $ids;
}

# How many ranges of these loads, none of which has duplicates by itself, meet a range of another.
sub common_ids
{
	my ($node, @loads) = @_;
	my (undef, $common) = count_made($node, 'postgres', 'TABLE given', @loads);
	return $common;
}

# The warnings of a clock set back in the server's log since a position: a list of distances in seconds.
sub count_warnings
{
	my ($node, $position) = @_;
	return $node->log_since($position) =~ /WARNING:  the clock was set back: it is ([\d.]+) s behind/g;
}

# How far the latest ID, of that generator or of snowflake_next(), is ahead of the server's clock.
sub seconds_ahead
{
	my ($node, $dbname, $generator) = @_;
	my $layout = "(SELECT layout FROM snowflake_generators WHERE generator = '@{[ $generator // '' ]}'::regclass)";
	my $made = $generator ? "snowflake_next('$generator'), $layout" : 'snowflake_next()';
	return seconds_of($node, $dbname, "SELECT extract(epoch FROM snowflake_timestamp($made) - clock_timestamp())");
}

# How far the horizon of a database is ahead of the server's clock.
sub horizon_ahead
{
	my ($node, $dbname) = @_;
	return seconds_of($node, $dbname, 'SELECT extract(epoch FROM horizon - wall_clock) FROM snowflake_clock()');
}

# What this query says; after an error, what neither is less nor more than anything, so that a test fails and goes on.
sub seconds_of
{
	my ($node, $dbname, $sql) = @_;
	my ($seconds, $said) = $node->ask($sql, dbname => $dbname // 'postgres');
	return $seconds if $seconds ne '';
	diag $said;
	return 'nan';
}

# Tests that an ID is made at once: in a new connection, as a user meets it after the fault.
sub first_id_within
{
	my ($node, $seconds, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $begin = time;
	like(($node->ask('SELECT snowflake_next()'))[0], qr/^\d+$/, "$what: an ID is made");
	cmp_ok(time - $begin, '<', $seconds, "$what: within $seconds s");
}

1;
