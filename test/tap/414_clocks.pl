# Servers whose clocks are wrong: one half an hour behind the registry, one right, one ten minutes ahead; killed and
# started again. The time in the IDs decides, so none is made twice, and who is too far ahead is told.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeFault;
use SnowflakeRegistry;
use SnowflakeTest qw($quick);
use Test::More;
use Time::HiRes qw(sleep);

my $seconds = $quick ? 1 : 2;

sub clocks
{
	my ($kind) = @_;
	my $registry = SnowflakeRegistry->start($kind, lease => 10);
	my $right = $registry->start_server("right_$kind");
	my $behind = $registry->clone($right, "behind_$kind", clock_offset => -1800);
	my $ahead = $registry->clone($right, "ahead_$kind", clock_offset => 600);
	my %numbers = map { number_of($_) => 1 } $right, $behind;
	ok(wait_for_state($ahead, 'ended'), "$kind: ahead of all that is granted");
	like(($ahead->ask('SELECT snowflake_next()'))[1],
		qr/ERROR:  55000: .*the clock is 5\d\d\.\d+ s ahead of what the registry grants.*HINT:  Set the clocks/s,
		"$kind: the one that is ahead is told so");
	$_->safe_psql('postgres', 'TRUNCATE stored') for $right, $behind, $ahead;
	my @loads = map { run_clients($_, $seconds) } $right, $behind;

	# Corrected, it makes IDs: the wrong time has left nothing behind.
	$ahead->set_clock_offset(0);
	my ($id) = $ahead->ask('SELECT snowflake_next()');
	like($id, qr/^\d+$/, "$kind: corrected, it makes IDs");
	cmp_ok(abs(seconds_ahead($ahead)), '<', 5, "$kind: of its clock's time");
	push @loads, run_clients($ahead, $seconds);
	for my $node ($right, $behind)
	{
		kill_postmaster($node);
		start_again($node);
		$numbers{ number_of($node) } = 1;
		push @loads, run_clients($node, $seconds);
	}
	is(said_by_clients(@loads), '', "$kind: no client met an error");
	is(scalar(keys %numbers), 4, "$kind: numbers of killed servers rest: @{[ sort keys %numbers ]}");
	my ($ids, $twice) = count_made($right, 'postgres', 'TABLE given', @loads);
	cmp_ok($ids, '>', 300_000, "$kind: many IDs: $ids");
	is($twice, 0, "$kind: none twice");
	$_->stop for $right, $behind, $ahead;
	$registry->stop;
}

# The registry's own clock is set back: whoever holds a number goes on.
sub registry_set_back
{
	my $registry = SnowflakeRegistry->start('postgresql', lease => 3);
	my $server = $registry->start_server('under_a_wrong_registry');
	number_of($server);
	my $load = start_clients($server);
	$registry->{node}->set_clock_offset(-3600);
	pause(8);
	stop_clients($load);
	is(said_by_clients($load), '', 'the clock of the registry is set back by an hour: its server goes on');
	is(state_of($server), 'held', 'and holds its number');
	$server->stop;
	$registry->stop;
}

clocks($_) for kinds();
registry_set_back();
done_testing();
