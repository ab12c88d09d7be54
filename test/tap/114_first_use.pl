# Layouts and generators first used long after a crash: the floor is the server's and not theirs, so that what was made
# of them before the crash, in this database or another one, is not made again, even if their first use after it is in
# the very milliseconds of the last one before it.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeFault;
use SnowflakeTest qw($quick);
use Test::More;

my $hour = 3600;
my $layout = 'timestamp:41 worker:5 sequence:15 epoch:2024-01-01';
my $node = start_faulty('first_use');
for my $dbname (qw(left_db right_db))
{
	$node->safe_psql('postgres', "CREATE DATABASE $dbname");
	$node->safe_psql($dbname, qq{
		CREATE EXTENSION snowflake_id;
		SELECT snowflake_create_generator('early_id', '$layout'), snowflake_create_generator('late_id', '$layout');
		SELECT snowflake_next('early_id'), snowflake_next('late_id'), snowflake_next()});
	prepare_tables($node, $dbname);
}
my @dense = (kinds => [qw(given_ranges given_ranges)]);

# Before the crash, IDs of that layout are made in left_db by one generator, and others in right_db. After it the clock
# is an hour back, and for a while there are only others. Then it is where it was, and the layout is used: in that
# database by that generator.
sub used_later
{
	my ($dbname, $generator) = @_;
	my $what = "first used in $dbname by $generator";
	fresh_start($node);
	my @before = start_clients($node, dbname => 'left_db', generator => 'early_id', @dense);
	push @before, start_clients($node, dbname => 'right_db', @dense);
	pause($quick ? 0.7 : 1.5);
	kill_postmaster($node);
	wait_for_clients($_) for @before;
	$node->set_clock_offset($node->{clock_offset} - $hour);
	start_again($node);

	# In both databases: so the horizon of either is known.
	my @others = map { run_clients($node, 0.3, dbname => $_, @dense) } qw(left_db right_db);
	my @after = run_clients_again($node, $before[0], dbname => $dbname, generator => $generator, @dense);
	replays($after[0], $before[0], $what);
	no_duplicates($node, "$what, that layout", [ $before[0], @after ]);
	no_duplicates($node, "$what, the others", [ $before[1], @others ]);
}

used_later('left_db', 'late_id') unless $quick;
used_later('right_db', 'late_id');

$node->stop;
done_testing();
