# All kinds of generators at both bounds of a grant: ticks that lie in it wholly, and no others; before and after a reset
# of the clock.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeFault;
use SnowflakeRegistry;
use SnowflakeTest qw($quick);
use Test::More;
use Time::HiRes qw(sleep time);

my $lease = 5;
my %layouts = (
	single => 'timestamp:41 node:5 worker:5 sequence:12 unit:1ms epoch:2025-01-01',
	ordered => 'timestamp:41 node:5 worker:5 sequence:12 unit:1ms epoch:2025-01-01',
	sharded => 'timestamp:41 node:5 shard:7 sequence:10 unit:1ms epoch:2025-01-01',
	ten => 'timestamp:39 node:8 sequence:8 unit:10ms epoch:2025-01-01',
	hundred => 'timestamp:36 node:8 sequence:12 unit:100ms epoch:2025-01-01',
	second => 'timestamp:33 node:8 sequence:14 unit:1s epoch:2025-01-01');

sub create_generators
{
	my ($node) = @_;
	for (sort keys %layouts)
	{
		my $ordered = $_ eq 'ordered' ? 'true' : 'false';
		$node->safe_psql('postgres', "SELECT snowflake_create_generator('$_', '$layouts{$_}', ordered => $ordered)");
	}
	$node->safe_psql('postgres', 'CREATE TABLE bounded (generator text, node int, id bigint, begins timestamptz)');
}

# IDs of all generators, until that many rounds are made or one of them meets an error.
sub make_all
{
	my ($node, $rounds) = @_;
	my @calls = map { $_ eq 'sharded' ? "snowflake_next('sharded', shard => 5)" : "snowflake_next('$_')" } sort keys %layouts;
	my $inserts = join "\n", map {
		my ($name) = /'(\w+)'/;
		"INSERT INTO bounded SELECT '$name', snowflake_node(id, '$layouts{$name}'), id, snowflake_timestamp(id, '$layouts{$name}')
		   FROM $_ AS id;"
	} @calls;
	my (undef, $said) = $node->ask("\\set ON_ERROR_STOP on\n$inserts\n" x $rounds, on_error_stop => 1);
	return $said;
}

# All IDs of these generators whose tick is not wholly in the grant.
sub outside
{
	my ($node, $from, $until) = @_;
	my $lengths = "(VALUES ('single', 1), ('ordered', 1), ('sharded', 1), ('ten', 10), ('hundred', 100), ('second', 1000)) units (generator, ms)";
	return $node->safe_psql('postgres', qq{
		SELECT count(*), coalesce(string_agg(DISTINCT generator, ' '), '') FROM bounded JOIN $lengths USING (generator)
		WHERE begins <= '$from' OR begins + (ms - 1) * interval '1 ms' > '$until'});
}

sub bounds
{
	my ($kind) = @_;
	my $registry = SnowflakeRegistry->start($kind, lease => $lease, first => 9, last => 9);
	my $first = $registry->start_server("first_$kind");
	create_generators($first);
	number_of($first);
	make_all($first, 5);
	$first->safe_psql('postgres', 'TRUNCATE bounded');

	# The next holder's clock is half an hour behind: its IDs begin where the grant begins.
	my $second = $registry->clone($first, "second_$kind", clock_offset => -1800);
	$first->stop;
	is(number_of($second), 9, "$kind: the only number, given back and granted again");
	my $from = status_of($second)->{granted_from};
	unlike(make_all($second, 9), qr/ERROR/, "$kind: all generators make IDs");
	cmp_ok(seconds_ahead($second), '>', 1700, "$kind: of a time that is far ahead of the clock");

	# A reset, whose condition is that no later IDs are left, goes back to the clock; IDs begin at the same bound again.
	$second->safe_psql('postgres', 'TRUNCATE bounded');
	$second->safe_psql('postgres', 'SELECT snowflake_reset_clock()');
	unlike(make_all($second, 3), qr/ERROR/, "$kind: after a reset, too");
	cmp_ok(seconds_ahead($second), '>', 1700, "$kind: where the grant begins");

	# The registry hangs: until the grant ends.
	$registry->freeze;
	$second->set_clock_offset(0);
	my $begin = time;
	my %ended;
	while (time - $begin < 60 && keys %ended < keys %layouts)
	{
		for my $name (grep { !$ended{$_} } sort keys %layouts)
		{
			my $call = $name eq 'sharded' ? "snowflake_next('sharded', shard => 5)" : "snowflake_next('$name')";
			my (undef, $error) = $second->ask(qq{
				INSERT INTO bounded SELECT '$name', snowflake_node(id, '$layouts{$name}'), id, snowflake_timestamp(id, '$layouts{$name}')
				FROM (SELECT $call AS id FROM generate_series(1, 20)) made});
			$ended{$name} = 1 if $error =~ /ERROR:  55000: .*the grant of node number 9 has ended|ahead of what the registry grants/;
		}
		sleep(0.05);
	}
	is(scalar(keys %ended), scalar(keys %layouts), "$kind: all generators end with the grant: @{[ sort keys %ended ]}");
	my $until = status_of($second)->{granted_until};
	is(outside($second, $from, $until), '0|', "$kind: all ticks lie wholly in the grant");
	is($second->safe_psql('postgres', 'SELECT count(*) - count(DISTINCT (generator, id)) FROM bounded'), 0, "$kind: none twice");
	is($second->safe_psql('postgres', 'SELECT count(*) FROM bounded WHERE node <> 9'), 0, "$kind: all of that number");
	$registry->thaw;
	ok(wait_for_state($second, 'held'), "$kind: the registry is back");
	$second->stop;
	$registry->stop;
}

bounds($_) for kinds();
done_testing();
