# A server that is stopped in the middle for longer than its lease, its number given to another one meanwhile, and woken
# again: what it makes then is its own, and it gets another number.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeFault;
use SnowflakeRegistry;
use SnowflakeTest qw($quick);
use Test::More;

my $lease = 3;

sub frozen
{
	my ($kind) = @_;
	my $registry = SnowflakeRegistry->start($kind, lease => $lease, first => 5, last => 6);
	my $sleeper = $registry->start_server("sleeper_$kind");
	my $clone = $registry->clone($sleeper, "other_$kind");
	my %number = (sleeper => number_of($sleeper), other => number_of($clone));
	is_deeply([ sort values %number ], [ 5, 6 ], "$kind: both numbers are held");

	my $before = start_clients($sleeper);
	pause($quick ? 0.5 : 1.5);
	my @processes = all_processes_of($sleeper);
	stop_process(@processes);
	pause($lease + 2);

	# There is no third number: this server gets that of the sleeper.
	my $heir = $registry->clone($clone, "heir_$kind");
	is(number_of($heir), $number{sleeper}, "$kind: the number of the one that sleeps is given to another");
	my $after = start_clients($heir);
	go_on_process(@processes);
	wait_for_clients($before);    # they meet an error, or a grant of their own
	pause(1);
	my ($id, $said) = $sleeper->ask('SELECT snowflake_next()');
	like($said, qr/ERROR:  (?:55000|53400): .*(?:grant of node number $number{sleeper} has ended|no node number is free)/s,
		"$kind: woken, it makes none, for no number is free");
	is(state_of($sleeper), 'ended', "$kind: and its status says so");
	stop_clients($after);
	my ($ids, $twice) = count_made($heir, 'postgres', 'TABLE given', $before, $after);
	cmp_ok($ids, '>', 100_000, "$kind: many IDs were made: $ids");
	is($twice, 0, "$kind: none of them twice");

	# As soon as there is one.
	$clone->stop;
	is(wait_for_other_number($sleeper, $number{sleeper}), $number{other}, "$kind: it gets the number that was given back");
	my $again = run_clients($sleeper, 0.5);
	is(said_by_clients($again), '', "$kind: and makes IDs with it");
	(undef, $twice) = count_made($heir, 'postgres', 'TABLE given', $before, $after, $again);
	is($twice, 0, "$kind: none twice");
	$_->stop for $sleeper, $heir;
	$registry->stop;
}

frozen($_) for kinds();
done_testing();
