# Two databases of one server after a crash, on a clock that replays the load: each is protected by its own horizon.
# Across databases no more is promised than the horizon of the one that is used covers.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeFault;
use SnowflakeTest qw($quick);
use Test::More;

my $node = start_faulty('databases');
for my $dbname (qw(left_db right_db))
{
	$node->safe_psql('postgres', "CREATE DATABASE $dbname");
	$node->safe_psql($dbname, 'CREATE EXTENSION snowflake_id');
	prepare_tables($node, $dbname);
}

sub start_in { my ($dbname) = @_; return start_clients($node, dbname => $dbname) }

# --- Both in use until the crash: the horizon of either is past what the other made ---

my @before = map { start_in($_) } qw(left_db right_db);
pause($quick ? 1 : 2);
kill_postmaster($node);
wait_for_clients($_) for @before;
start_replaying($node, $before[1]);
my $right = run_clients_again($node, $before[1], dbname => 'right_db');
replays($right, $before[1], 'both used, one used again');
no_duplicates($node, 'both used, one used again', [ $before[1], $right ], 'right_db');
is(common_ids($node, @before, $right), 0, 'both used, one used again: no ID of the other database either');
my $left = run_clients($node, 0.5, dbname => 'left_db');
no_duplicates($node, 'the other used later', [ $before[0], $left ], 'left_db');
is(common_ids($node, @before, $left, $right), 0, 'the other used later: no ID of both');

# --- One not in use for longer than the window of the horizon ---

sub crash_with_one_idle
{
	fresh_start($node);
	$node->safe_psql($_, 'TRUNCATE stored') for qw(left_db right_db);
	my $idle = run_clients($node, 0.3, dbname => 'right_db');
	pause(3.3);
	my $used = run_clients($node, 1, dbname => 'left_db');
	$node->stop('immediate');
	start_replaying($node, $used);
	return ($idle, $used);
}

sub with_one_idle
{
	my ($idle, $used) = crash_with_one_idle();
	$right = run_clients_again($node, $used, dbname => 'right_db');
	replays($right, $used, 'one idle, used first');
	no_duplicates($node, 'one idle, used first', [ $idle, $right ], 'right_db');
	cmp_ok(common_ids($node, $used, $right), '>', 0, 'one idle, used first: it makes IDs that the other database has');
	$left = run_clients($node, 0.5, dbname => 'left_db');
	no_duplicates($node, 'one idle, the other used later', [ $used, $left ], 'left_db');

	# The way out that the documentation names: one ID in every database, before anything else.
	($idle, $used) = crash_with_one_idle();
	$node->safe_psql($_, 'SELECT snowflake_next()') for qw(left_db right_db);
	$right = run_clients_again($node, $used, dbname => 'right_db');
	replays($right, $used, 'one idle, an ID made in each database first');
	is(common_ids($node, $idle, $used, $right), 0, 'one idle, an ID made in each database first: no common ID');
}

with_one_idle() unless $quick;    # takes long

# --- A clock that was far ahead: resetting it puts one horizon right, and the other database says that its own is not ---

fresh_start($node);
$node->safe_psql($_, 'TRUNCATE stored; SELECT snowflake_next()') for qw(left_db right_db);
$node->set_clock_offset($node->{clock_offset} - 30 * 86400);
$node->safe_psql('left_db', 'SELECT snowflake_reset_clock()');
$node->restart;
like($node->safe_psql('left_db', 'SELECT snowflake_next()'), qr/^\d+$/, 'reset in one database: it makes IDs');
my ($made, $said) = $node->ask('SELECT snowflake_next()', dbname => 'right_db');
like($said, qr/ERROR:  55000: .*HINT:.*snowflake_reset_clock/s, 'reset in one database: the other has to be reset by itself');
$node->safe_psql('right_db', 'SELECT snowflake_reset_clock()');
like($node->safe_psql('right_db', 'SELECT snowflake_next()'), qr/^\d+$/, 'reset in both: both make IDs');

$node->stop;
done_testing();
