# kill -9 of the postmaster, and of one server process, in mid-load: no ID that was ever given to a client is made again.
#
# Each round begins on a clock a minute ahead of the one before, and ends on one that replays the load.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeFault;
use SnowflakeTest qw($quick);
use Test::More;

my $seconds = $quick ? 1 : 1.5;
my @rounds = $quick
  ? ([ 'postmaster', 'off', 'replayed' ], [ 'backend', 'on', 'replayed' ])
  : map { my $victim = $_; map { my $commit = $_; map { [ $victim, $commit, $_ ] } qw(replayed unchanged) } qw(off on) } qw(postmaster backend);

my $node = start_faulty('kill');
for my $round (@rounds)
{
	my ($victim, $synchronous_commit, $clock) = @$round;
	my $what = "$victim killed, synchronous_commit $synchronous_commit, clock $clock";
	fresh_start($node);
	$node->safe_psql('postgres', "TRUNCATE stored; ALTER SYSTEM SET synchronous_commit = $synchronous_commit");
	$node->reload;

	my $before = start_clients($node);
	pause($seconds);
	$victim eq 'postmaster' ? kill_postmaster($node) : kill_backend($node);
	wait_for_clients($before);
	set_clock_back_to($node, $before) if $clock eq 'replayed';
	$victim eq 'postmaster' ? start_again($node) : $node->poll_query_until('postgres', 'SELECT true');

	my $after = $clock eq 'replayed' ? run_clients_again($node, $before) : run_clients($node, $seconds);
	replays($after, $before, $what) if $clock eq 'replayed';
	no_duplicates($node, $what, [ $before, $after ]);
}

# Clients that only ask and never write: nothing but the horizon makes the server flush, and nobody else does it either.
# They go on for longer than the horizon is ahead when they begin; of that, the last second is replayed.
$node->append_conf('postgresql.conf', "wal_writer_delay = '10s'");
$node->restart;
fresh_start($node);
my @kinds = qw(given_ranges given_set);
my $before = start_clients($node, kinds => \@kinds);
pause(4.2);
kill_postmaster($node);
wait_for_clients($before);
$before->{began} = $before->{ended} - 1;
start_replaying($node, $before);
my $after = run_clients_again($node, $before, kinds => \@kinds);
replays($after, $before, 'nothing written');
no_duplicates($node, 'nothing written', [ $before, $after ]);

$node->stop;
done_testing();
