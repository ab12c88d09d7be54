# More servers than numbers: who comes last is told, and gets the first number that is free.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeFault;
use SnowflakeRegistry;
use SnowflakeTest qw($quick);
use Test::More;

sub full
{
	my ($kind) = @_;
	my $registry = SnowflakeRegistry->start($kind, lease => 4, first => 30, last => 31);
	my $first = $registry->start_server("first_$kind", conf => "snowflake_id.registry_wait = '1s'");
	number_of($first);
	my $second = $registry->clone($first, "second_$kind");
	number_of($second);
	my $third = $registry->clone($first, "third_$kind");
	like(($third->ask('SELECT snowflake_next()'))[1],
		qr/ERROR:  53400: .*no node number is free.*realm "main".*HINT:  See snowflake_node_status/s, "$kind: no number is free");
	is(state_of($third), 'waiting', "$kind: its status says that it waits");
	$_->safe_psql('postgres', 'TRUNCATE stored') for $first, $second, $third;
	my @loads = map { run_clients($_, 0.5) } $first, $second;

	# Given back, or resting until its lease is over.
	my $free = number_of($first);
	$first->stop;
	is(number_of($third, 15), $free, "$kind: given back, it is granted at once");
	push @loads, run_clients($third, 0.5);
	$free = number_of($second);
	kill_postmaster($second);
	$first->start;
	is(number_of($first, 60), $free, "$kind: the number of one that was killed, when its lease is over");
	push @loads, run_clients($first, 0.5);
	is(said_by_clients(@loads), '', "$kind: no client met an error");
	my ($ids, $twice) = count_made($third, 'postgres', 'TABLE given', @loads);
	cmp_ok($ids, '>', 100_000, "$kind: many IDs: $ids");
	is($twice, 0, "$kind: none twice");
	$_->stop for $first, $third;
	$registry->stop;
}

full($_) for kinds();
done_testing();
