# One immediate shutdown after the other, with a clock that is right and max_clock_drift = 0: the first IDs come without
# an error and without a long wait, of ticks of every length, and their times do not run away from the clock.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use List::Util qw(max);
use SnowflakeFault;
use SnowflakeTest qw($quick);
use Test::More;
use Time::HiRes qw(time);

my $window = 3;    # how far ahead of the clock a horizon lies, in seconds
my $step = 0.5;    # how far ahead of the time, while that is ahead of the clock
my $restarts = $quick ? 6 : 14;

my %layouts = (
	tens => 'timestamp:38 worker:5 sequence:12 unit:10ms epoch:2024-01-01',
	hundreds => 'timestamp:36 worker:5 sequence:12 unit:100ms epoch:2024-01-01',
	seconds => 'timestamp:33 worker:5 sequence:12 unit:1s epoch:2024-01-01');
my $node = SnowflakeTest->start_new('restarts', conf => "snowflake_id.max_clock_drift = 0\nautovacuum = off");
$node->safe_psql('postgres', join ';', 'CREATE TABLE made (generator text, id bigint)',
	map { "SELECT snowflake_create_generator('$_', '$layouts{$_}')" } sort keys %layouts);

# An ID of each of these, and how far it is ahead of the clock.
sub make
{
	my (@names) = @_;
	return join ";\n", map { "SELECT '$_->[0]', extract(epoch FROM snowflake_timestamp($_->[1]) - clock_timestamp())" }
	  [ 'standard', 'snowflake_next()' ], map { [ $_, "snowflake_next('$_'), '$layouts{$_}'" ] } @names;
}

$node->safe_psql('postgres', make(sort keys %layouts));

my ($errors, $farthest, $longest) = ('', 0, 0);
my $first = time;
my $bound = $window;    # how far ahead the time may be; it comes nearer at half speed between two crashes
my @beyond;
for my $restart (1 .. $restarts)
{
	my $crash = time;
	$node->stop('immediate');
	start_again($node);
	my $begin = time;
	# Not each time of ticks of a second, for the first to begin after the floor takes up to two seconds to come:
	# meanwhile the clock catches up.
	my @names = grep { $_ ne 'seconds' || $restart % 4 == 1 } sort keys %layouts;
	my ($made, $said) = $node->ask(make(@names));
	my $took = time - $begin;
	$longest = $took if $took > $longest;
	$errors .= $said;
	my %ahead = map { split /\|/ } split /\n/, $made;
	is(scalar keys %ahead, 1 + @names, "restart $restart: an ID of each layout") or diag $said;
	push @beyond, map { "restart $restart, $_: $ahead{$_} s, at most $bound s" }
	  grep { $ahead{$_} > $bound + 0.3 } sort keys %ahead;
	$farthest = (sort { $b <=> $a } $farthest, values %ahead)[0];
	$bound = max($window, $bound + $step - (time - $crash) / 2);
}
is($errors, '', 'no error and no WARNING, as the clock is right');
is(join("\n", @beyond), '', 'no timestamp further ahead than the horizon of the last life');
cmp_ok($farthest, '<', $window + $restarts * $step, 'nor far away after all of them');
cmp_ok($longest, '<', 5, 'the first IDs come soon');
note sprintf '%d restarts in %.1f s: %.3f s ahead at most, first IDs of four layouts within %.3f s',
  $restarts, time - $first, $farthest, $longest;

$node->stop;
done_testing();
