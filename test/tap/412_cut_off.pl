# A server that is cut off from its registry, and a registry that is away: IDs until the grant ends, then errors, and back
# by itself; nothing that needs no new number asks for one.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeFault;
use SnowflakeRegistry;
use SnowflakeTest qw($quick);
use Test::More;
use Time::HiRes qw(sleep time);

my $lease = 4;

# Makes IDs until there is an error: for how many seconds, and which error.
sub until_error
{
	my ($node, $most) = @_;
	my $begin = time;
	my $said = '';
	while (time - $begin < $most && $said !~ /ERROR/)
	{
		(undef, $said) = $node->ask('SELECT count(snowflake_next()) FROM generate_series(1, 100)');
		sleep(0.02);
	}
	return (time - $begin, $said);
}

sub cut_off
{
	my ($kind) = @_;
	my $registry = SnowflakeRegistry->start($kind, lease => $lease);
	my $link = $registry->link;
	my $far = $registry->start_server("far_$kind", registry => $link->{uri});
	my $near = $registry->clone($far, "near_$kind");
	$near->append_conf('postgresql.conf', $registry->settings);
	$near->restart;
	my $number = number_of($far);
	isnt(number_of($near), $number, "$kind: two numbers");
	$_->safe_psql('postgres', 'TRUNCATE stored') for $far, $near;

	# What was sent is not answered.
	my @before = map { start_clients($_) } $far, $near;
	$link->cut;
	my ($seconds, $said) = until_error($far, 60);
	like($said, qr/ERROR:  55000: .*the grant of node number $number has ended.*HINT:  See snowflake_node_status/s,
		"$kind, cut off: an error that says why");
	cmp_ok($seconds, '<', $lease + 8, sprintf '%s: after %.1f s', $kind, $seconds);
	like(status_of($far)->{last_problem}, qr/./, "$kind: the status says what is wrong: " . status_of($far)->{last_problem});
	is($near->safe_psql('postgres', 'SELECT count(snowflake_next())'), 1, "$kind: the other goes on");
	$link->mend;
	like(number_of($far, 30), qr/^\d+$/, "$kind: back by itself");
	my $after = run_clients($far, 0.5);
	is(said_by_clients($after), '', "$kind: and makes IDs");
	stop_clients($before[1]);
	wait_for_clients($before[0]);
	my ($ids, $twice) = count_made($near, 'postgres', 'TABLE given', @before, $after);
	cmp_ok($ids, '>', 100_000, "$kind: many IDs: $ids");
	is($twice, 0, "$kind: none twice");
	undef $link;
	return ($registry, $far, $near);
}

sub away
{
	my ($kind, $registry, $far, $near) = @_;
	$far->stop;
	my $standby = $registry->clone($near, "standby_$kind", init => { has_streaming => 1 });
	isnt(number_of($standby), number_of($near), "$kind: a standby holds a number");
	my $earlier = run_clients($near, 0.3);
	$registry->stop;

	# A promotion asks nobody.
	kill_postmaster($near);
	$standby->promote;
	first_id_within($standby, 5, "$kind, registry away: promoted");
	my $promoted = run_clients($standby, 0.3);

	# A restart has to.
	$standby->restart;
	is(state_of($standby), 'waiting', "$kind, registry away: restarted, it waits for a number");
	like(($standby->ask('SELECT snowflake_next()'))[1], qr/ERROR:  55000: .*no node number yet/, "$kind: and makes no ID");
	$registry->start_service;
	like(number_of($standby), qr/^\d+$/, "$kind: the registry is back: it has a number");
	my $after = run_clients($standby, 0.3);
	my (undef, $twice) = count_made($standby, 'postgres', 'TABLE given', $earlier, $promoted, $after);
	is($twice, 0, "$kind: none twice");
	$standby->stop;
	$registry->stop;
}

away($_, cut_off($_)) for kinds();
done_testing();
