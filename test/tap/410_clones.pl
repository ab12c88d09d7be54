# Servers that are copies of one, configuration and all, and live at the same time: the same IDs without a registry,
# none twice with one.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeFault;
use SnowflakeRegistry;
use SnowflakeTest qw($quick);
use Test::More;

my $seconds = $quick ? 1 : 3;

# What both are given while both make IDs as densely as they can.
sub load_all
{
	my ($what, @nodes) = @_;
	my @loads = map { start_clients($_) } @nodes;
	pause($seconds);
	stop_clients($_) for @loads;
	is(said_by_clients(@loads), '', "$what: no client met an error");
	return @loads;
}

sub without_registry
{
	my $original = start_faulty('without', init => [ allows_streaming => 1 ]);
	my $copy = SnowflakeRegistry->clone($original, 'copy_without');
	# A copy begins where the horizon ended that it was copied with, up to 3 s ahead of the clock.
	$copy->safe_psql('postgres', 'SELECT snowflake_next()');
	$copy->poll_query_until('postgres', q{SELECT ahead < interval '10 ms' FROM snowflake_clock()}) or die 'it stays ahead';
	# Both run ahead of the clock, by as much as they were given time for: after some rounds both were everywhere.
	my @loads;
	for (1 .. 10)
	{
		push @loads, load_all('without a registry', $original, $copy);
		last if common_ids($original, @loads) > 100;
	}
	cmp_ok(common_ids($original, @loads), '>', 100, 'without a registry: the same IDs on both');
	$_->stop for $original, $copy;
}

sub with_registry
{
	my ($kind) = @_;
	my $registry = SnowflakeRegistry->start($kind, lease => 600);
	my $original = $registry->start_server("original_$kind");
	my $first = number_of($original);
	my @copies = map { $registry->clone($original, "copy_${_}_$kind") } 1 .. 2;
	my @servers = ($original, @copies);
	my %numbers = map { number_of($_) => 1 } @servers;
	is(scalar(keys %numbers), 3, "$kind: three servers of one configuration have three numbers: @{[ sort keys %numbers ]}");
	is(number_of($original), $first, "$kind: the original has the one that it had");
	$_->safe_psql('postgres', 'TRUNCATE stored') for @servers;
	my @loads = load_all($kind, @servers);
	my ($ids, $twice) = count_made($original, 'postgres', 'TABLE given', @loads);
	cmp_ok($ids, '>', 300_000, "$kind: many IDs were made: $ids");
	is($twice, 0, "$kind: none of them twice");

	# A copy of a server that is stopped: the memory is gone, and with it the grant.
	$original->stop;
	my $last = number_of($copies[0]);
	$copies[0]->stop('immediate');
	$copies[0]->start;
	isnt(number_of($copies[0]), $last, "$kind: after a crash it is another number; the old one rests");
	$original->start;
	is(number_of($original), $first, "$kind: after a shutdown it is the same one again");
	my @later = load_all("$kind, later", $original, $copies[0]);
	(undef, $twice) = count_made($original, 'postgres', 'TABLE given', @loads, @later);
	is($twice, 0, "$kind: none twice, before and after restarts");
	$_->stop for @servers;
	$registry->stop;
}

without_registry();
with_registry($_) for kinds();
done_testing();
