# A standby is promoted: while its primary is killed in mid-load, on a clock that replays the load; and while its primary
# lives on, with a node ID of its own and with the same. And while a synchronous standby is away, nobody relies on a
# horizon that it does not have.
# Runs alone: it looks at how soon a promoted standby makes IDs.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeFault;
use SnowflakeTest qw($quick);
use Test::More;
use Time::HiRes qw(time);

my $primary = start_faulty('primary', init => [ allows_streaming => 1 ], conf => 'wal_keep_size = 2GB');
$primary->backup('base');

sub start_standby
{
	my ($name, $node_id) = @_;
	my $standby = SnowflakeTest->new($name);
	$standby->fake_clock;
	$standby->init_from_backup($primary, 'base', has_streaming => 1);
	$standby->append_conf('postgresql.conf', "snowflake_id.node_id = $node_id");
	$standby->start;
	$primary->wait_for_catchup($standby);
	return $standby;
}

sub promote
{
	my ($standby) = @_;
	$standby->promote;
	$standby->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die 'the standby was not promoted';
}

# --- Both go on as primaries, each with a node ID of its own ---

my $twin = start_standby('twin', 1);
promote($twin);
my @both = map { start_clients($_) } $primary, $twin;
pause($quick ? 1 : 3);
stop_clients($_) for @both;
cmp_ok(no_duplicates($_->{node}, 'node ' . $_->{node}->name, [$_]), '>', 3_000_000, 'more than 3 million of ' . $_->{node}->name) for @both;
is(common_ids($primary, @both), 0, 'two primaries with node IDs of their own: no common ID');
$twin->stop;

# --- Both go on, with the same node ID: this is not promised, and the documentation says so ---

# The new primary begins past the horizon, which the old one reaches within the window of 3 s.
sub with_the_same_node_id
{
	my $clone = start_standby('clone', 0);
	promote($clone);
	@both = map { start_clients($_, kinds => ['given_ranges']) } $primary, $clone;
	pause(1);
	stop_clients($both[1]);
	pause(3.5);
	stop_clients($both[0]);
	cmp_ok(common_ids($primary, @both), '>', 0, 'two primaries with the same node ID: common IDs');
	$clone->stop;
}

with_the_same_node_id() unless $quick;    # takes long

# --- A synchronous standby: no ID whose horizon it has not confirmed ---

sub with_synchronous_standby
{
	my $witness = start_standby('witness', 0);
	$primary->safe_psql('postgres', q{ALTER SYSTEM SET synchronous_standby_names = 'witness'});
	$primary->reload;
	$primary->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'}) or die 'no standby';
	like(($primary->ask('SELECT snowflake_next()'))[0], qr/^\d+$/, 'synchronous standby: IDs are made');
	$witness->stop;
	pause(3.5);    # the horizon that it has confirmed is reached
	for my $commit (qw(on remote_write remote_apply))
	{
		my ($made, $said) = $primary->ask("SET synchronous_commit = $commit; SET statement_timeout = '500ms'; SELECT snowflake_next()");
		is($made, '', "synchronous standby away, synchronous_commit $commit: no ID");
		like($said, qr/ERROR:  57014/, "synchronous standby away, synchronous_commit $commit: a wait that can be cancelled");
	}
	like(($primary->ask("SET synchronous_commit = $_; SELECT snowflake_next()"))[0], qr/^\d+$/, "synchronous standby away, synchronous_commit $_: an ID")
	  for qw(local off);
	$witness->start;
	like(($primary->ask('SELECT snowflake_next()'))[0], qr/^\d+$/, 'synchronous standby back: IDs are made');
	$primary->safe_psql('postgres', 'ALTER SYSTEM RESET synchronous_standby_names');
	$primary->reload;
	$witness->stop;
}

with_synchronous_standby();

# --- The primary is killed in mid-load; what did not reach the standby is lost ---

for my $round (1 .. ($quick ? 1 : 2))
{
	my $what = "standby promoted, round $round";
	fresh_start($primary);
	my $heir = start_standby("heir_$round", 0);
	$heir->set_clock_offset($primary->{clock_offset});
	my $session = $heir->session;
	my (undef, $said) = $heir->ask_session($session, 'SELECT snowflake_next()');
	like($said, qr/ERROR:  25006: .*standby.*HINT:/s, "$what: no ID on a standby, and a hint");

	my $before = start_clients($primary);
	pause($quick ? 1 : 2);
	kill_postmaster($primary);
	wait_for_clients($before);
	set_clock_back_to($heir, $before);
	promote($heir);

	my $begin = time;
	my ($id) = $heir->ask_session($session, 'SELECT snowflake_next()');
	cmp_ok(time - $begin, '<', 1, "$what: the first ID within 1 s");
	like($id, qr/^\d+$/, "$what: in a session that was there before");
	my $rows = $heir->safe_psql('postgres', 'SELECT count(*) FROM stored');
	cmp_ok($rows, '>', 1000, "$what: many rows survive");
	is($heir->safe_psql('postgres', "SELECT count(*) FROM stored WHERE $id <= last_id"), 0, "$what: it is later than all of them");

	my $after = run_clients_again($heir, $before);
	replays($after, $before, $what);
	no_duplicates($heir, $what, [$after]);
	eval { $session->quit };
	$heir->stop;
	start_again($primary);
	$primary->safe_psql('postgres', 'TRUNCATE stored');
}
$primary->stop;
done_testing();
