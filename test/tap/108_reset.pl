# snowflake_reset_clock() under load, in each of two databases: where the clock was right all the time it changes
# nothing; where time was six days ahead, IDs of all layouts have the clock's time again, and none of those that are
# not later than the clock is made twice, not even after a crash.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeFault;
use SnowflakeTest qw($quick);
use Test::More;

my $window = 3;    # how far ahead of the clock a horizon lies, in seconds
my $day = 86400;
my $tens = 'timestamp:38 worker:5 sequence:16 unit:10ms epoch:2024-01-01';
my $node = start_faulty('reset');
my @databases = qw(left_db right_db);
for my $dbname (@databases)
{
	$node->safe_psql('postgres', "CREATE DATABASE $dbname");
	$node->safe_psql($dbname, qq{CREATE EXTENSION snowflake_id; SELECT snowflake_create_generator('tens', '$tens')});
	prepare_tables($node, $dbname);
}

# Clients that take whatever there is: what a reset gave back would be taken at once, in the other database as well.
sub start_greedy
{
	my ($dbname, @kinds) = @_;
	return start_clients($node, dbname => $dbname, restless => 1, kinds => \@kinds);
}

sub start_with_tens
{
	my ($dbname, %options) = @_;
	return start_clients($node, dbname => $dbname, kinds => ['given_ranges'], generator => 'tens', %options);
}

sub reset_all { $node->safe_psql($_, 'SELECT snowflake_reset_clock()') for @databases }

# Of every layout and in every database, and so it stays.
sub has_the_clocks_time
{
	my ($what, $at_most) = @_;
	for my $dbname (@databases)
	{
		cmp_ok(abs(seconds_ahead($node, $dbname)), '<', $at_most, "$what, $dbname: IDs have the clock's time");
		cmp_ok(abs(seconds_ahead($node, $dbname, 'tens')), '<', $at_most,
			"$what, $dbname: those of another layout as well");
		cmp_ok(horizon_ahead($node, $dbname), '<', $at_most + $window + 0.5, "$what, $dbname: the horizon is near");
	}
}

# --- The clock is right ---

my @greedy = map { start_greedy($_, 'given_ranges') } @databases;
for (1 .. ($quick ? 4 : 10))
{
	reset_all();
	pause(0.02);
}
stop_clients($_) for @greedy;
no_duplicates($node, 'clock right', \@greedy);
has_the_clocks_time('clock right', 0.5);

# --- Time is six days ahead ---

# The first ID of a layout in a minute.
sub later
{
	my ($layout) = @_;
	return $node->safe_psql('left_db', "SELECT snowflake_from_timestamp(clock_timestamp() + '1 min', '$layout')");
}

# Tests that of one layout no ID before a time that is still to come was made twice by these loads.
sub none_twice_before
{
	my ($until, $what, @loads) = @_;
	my ($ids, $duplicates) = count_made($node, 'postgres', "SELECT * FROM given WHERE first_id < $until", @loads);
	is($duplicates, 0, "$what: none of those not later than the clock was made twice");
	is(said_by_clients(@loads), '', "$what: no client met an error");
	note "$what: $ids IDs not later than the clock";
	return $ids;
}

# IDs with the clock's time; then a horizon that a superuser set, by mistake or because IDs of that time exist; a reset
# in one database after the other, while sessions make IDs in both; and when those sessions have used up what they can
# know of that horizon, a crash, and the last second once more.
sub six_days_ahead
{
	my ($what) = @_;
	fresh_start($node);
	my @standard = map { start_clients($node, dbname => $_, kinds => ['given_ranges']) } @databases;
	my @tens = start_with_tens('right_db');
	pause(0.5);
	stop_clients($_) for @standard, @tens;
	$node->safe_psql('left_db',
		q{SELECT setval('snowflake_id', snowflake_from_timestamp(clock_timestamp() + '6 days'))});
	$node->restart;
	cmp_ok(seconds_ahead($node, 'left_db'), '>', 5.9 * $day, "$what: time is ahead") or return;

	my @patient = map { start_clients($node, dbname => $_, kinds => ['given_ranges']) } @databases;
	my @patient_tens = start_with_tens('right_db');
	my @greedy = map { start_greedy($_, 'given_ranges') } @databases;
	pause(0.3);
	for my $dbname (@databases)
	{
		$node->safe_psql($dbname, 'SELECT snowflake_reset_clock()');
		pause(0.3);
	}
	stop_clients($_) for @greedy;
	has_the_clocks_time($what, 1.5);

	pause($window + 1.5);
	my $crash = { began => server_time($node) - 1, ended => server_time($node) };
	my ($until, $until_in_tens) = (later('snowflake_id'), later($tens));
	kill_postmaster($node);
	wait_for_clients($_) for @patient, @patient_tens;
	start_replaying($node, $crash);

	# In the second one, which has nothing but its own horizon: that was far when time had already been reset.
	my @again = start_clients($node, dbname => 'right_db', kinds => ['given_ranges'], replaying => $crash);
	my @again_tens = start_with_tens('right_db', replaying => $crash);
	pause(1);
	stop_clients($_) for @again, @again_tens;
	replays($_, $crash, $what) for @again, @again_tens;

	none_twice_before($until, "$what, standard layout", @standard, @patient, @greedy, @again);
	none_twice_before($until_in_tens, "$what, ticks of 10 ms", @tens, @patient_tens, @again_tens);
	my ($lived) = count_made($node, 'postgres', "SELECT * FROM given WHERE first_id < $until", $patient[1]);
	cmp_ok($lived, '>', 1_000_000, "$what: a session that was there before the reset makes many of them");
	has_the_clocks_time("$what, after a crash", 1.5 + 2 * $window);
}

six_days_ahead('six days ahead');

$node->stop;
done_testing();
