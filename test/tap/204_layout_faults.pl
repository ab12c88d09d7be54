# Crash and failover with several layouts at once, on a clock that goes through the same milliseconds once more: no layout
# has an ID twice among all rows that are there. Ticks of 1 ms, 10 ms and 1 s; shards; generators that share a layout, of
# which some are used before the fault only and some after it only.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeFault;
use SnowflakeGenerators;
use SnowflakeTest qw($quick);
use Test::More;
use Time::HiRes qw(time);

# Ticks of a second need some seconds, lest before and after do not meet.
my $seconds = $quick ? 3 : 5;
my $second = 'timestamp:33 worker:4 sequence:16 unit:1s epoch:2024-01-01';
my $bare = 'timestamp:41 sequence:22 epoch:2024-01-01';

sub start_with_layouts
{
	my ($name, %options) = @_;
	my $node = start_faulty($name, conf => "synchronous_commit = on\n", %options);
	prepare_generators($node,
		standard => 'snowflake_id',
		tens => 'sonyflake',
		seconds => $second,
		photos => 'instagram',
		ordered => [ 'discord', ', ordered => true' ],
		# Of each pair, the first is used before the fault only, the other after it only.
		early => $bare,
		late => $bare,
		early_seconds => 'timestamp:34 worker:3 sequence:16 unit:1s epoch:2024-01-01',
		late_seconds => 'timestamp:34 worker:3 sequence:16 unit:1s epoch:2024-01-01');
	return $node;
}

my @always = qw(standard tens seconds photos ordered);
my @before = (@always, qw(early early_seconds));
my @after = (@always, qw(late late_seconds));

# A load of these generators, on which some fault falls; when it began and ended by the server's clock.
sub start_making
{
	my ($node, @names) = @_;
	my $load = { began => server_clock($node), node => $node };
	$load->{pgbench} = $node->start_load(clients => 8, seconds => 60, scripts => scripts_of($node, @names));
	return $load;
}

sub server_clock
{
	my ($node) = @_;
	return time + $node->{clock_offset};
}

sub lose_server
{
	my ($load) = @_;
	$load->{ended} = server_clock($load->{node});
	$load->{node}->finish_load($load->{pgbench});
	return $load;
}

sub make_for
{
	my ($node, $length, @names) = @_;
	my $load = { began => server_clock($node), node => $node };
	my ($ok, $said) = $node->finish_load($node->start_load(clients => 8, seconds => $length, scripts => scripts_of($node, @names)));
	ok($ok, 'all clients are served after the fault') or diag $said;
	$load->{ended} = server_clock($node);
	return $load;
}

# pgbench chooses among scripts at random: on a slow machine one may have its turn late, or not at all.
sub await_all
{
	my ($node, @names) = @_;
	pause($seconds);
	$node->poll_query_until('postgres', 'SELECT count(DISTINCT generator) = ' . @names . ' FROM made_by') or die 'some are never used';
}

sub make_by_all
{
	my ($node, @names) = @_;
	my $load = make_for($node, $seconds, @names);
	make_for($node, 1, $_) for grep { !ids_of($node, $_, 'count(*)') } @names;
	return $load;
}

# What was made before the fault, and after it, by each of these: none was idle.
sub all_made
{
	my ($node, $what, @names) = @_;
	my $idle = join ', ', grep { !ids_of($node, $_, 'count(*)') } @names;
	is($idle, '', "$what: each generator made IDs");
}

# --- A crash ---

my $node = start_with_layouts('layout_crash');
for my $round (1 .. ($quick ? 1 : 3))
{
	my $what = "crash $round";
	fresh_start($node);
	$node->safe_psql('postgres', 'TRUNCATE made_by');
	my $load = start_making($node, @before);
	await_all($node, @before);
	kill_postmaster($node);
	lose_server($load);
	start_replaying($node, $load);
	all_made($node, "$what, before", @before);
	my $again = make_by_all($node, @after);
	replays($again, $load, $what);
	all_made($node, "$what, after", @after);
	layouts_are_right($node, $what);
}
$node->stop;

# --- A failover ---

my $primary = start_with_layouts('layout_primary', init => [ allows_streaming => 1 ]);
# Used once, long ago: what they left behind is no help.
$primary->safe_psql('postgres', q{SELECT count(snowflake_next(generator)) FROM snowflake_generators WHERE generator::text <> 'photos'});
fresh_start($primary);
$primary->backup('base');
my $standby = SnowflakeTest->new('layout_standby');
$standby->fake_clock;
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$standby->set_clock_offset($primary->{clock_offset});

my $load = start_making($primary, @before);
await_all($primary, @before);
my (undef, $said) = $standby->ask(q{SELECT snowflake_next('tens'); SELECT snowflake_next('photos', 3); SELECT snowflake_timestamp(max(first_id), 'sonyflake') IS NOT NULL FROM made_by WHERE generator = 'tens'});
is(() = $said =~ /ERROR:  25006: cannot make a Snowflake ID on a standby/g, 2, 'a standby makes no IDs, of no layout');
kill_postmaster($primary);
lose_server($load);
set_clock_back_to($standby, $load);
$standby->promote;
set_clock_back_to($standby, $load);
all_made($standby, 'failover, before', @before);
my $again = make_by_all($standby, @after);
replays($again, $load, 'failover');
all_made($standby, 'failover, after', @after);
layouts_are_right($standby, 'failover');
$standby->stop;
done_testing();
