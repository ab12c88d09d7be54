# Ticks of a second where the clock is set back: by 0.9 s under load, which stalls nobody, as the time goes on at half
# speed; and by two days over a restart, where the layout's epoch is yesterday. And what no generator can be made of.
# Runs alone: it looks for stalls.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use List::Util qw(max);
use PostgreSQL::Test::Utils qw(append_to_file slurp_file);
use SnowflakeFault;
use SnowflakeTest qw($quick);
use Test::More;
use Time::HiRes qw(time);

my $node = start_faulty('long_units');
my $day = 86400;
my $tempdir = PostgreSQL::Test::Utils::tempdir;
sub sql { return $node->safe_psql('postgres', $_[0]) }

# --- A step back by 0.9 s ---

# There is always enough; there are two workers, and one client that takes all it can get; each worker has 16 IDs a
# second.
my %layouts = (
	plenty => 'timestamp:33 worker:5 sequence:20 unit:1s epoch:2024-01-01',
	contested => 'timestamp:33 worker:1 sequence:14 unit:1s epoch:2024-01-01',
	scarce => 'timestamp:33 worker:5 sequence:4 unit:1s epoch:2024-01-01');
sql("SELECT snowflake_create_generator('$_', '$layouts{$_}')") for sort keys %layouts;

# Of each, four clients that ask for an ID and rest a little; pgbench writes down how long each call took.
sub start_asking
{
	my ($name, $seconds) = @_;
	append_to_file("$tempdir/ask_$name", "SELECT snowflake_next('$name');\n\\sleep 50 ms\n");
	my $said = '';
	my $harness = IPC::Run::start(
		[ $node->installed_command('pgbench'), '-n', '-c', 4, '-j', 1, '-T', $seconds, '-l',
			'--log-prefix', "$tempdir/calls_$name", '-f', "$tempdir/ask_$name", $node->connstr('postgres') ],
		'>', \$said, '2>&1');
	return { name => $name, harness => $harness, said => \$said };
}

my $steps = $quick ? 1 : 2;
my $greedy = start_clients($node, restless => 1, kinds => ['given_set'], generator => 'contested');
my @asking = map { start_asking($_, 2 + 3 * $steps) } sort keys %layouts;
pause(1);
for (1 .. $steps)
{
	$node->set_clock_offset($node->{clock_offset} - 0.9);
	pause(3);
}
for my $load (@asking)
{
	ok($load->{harness}->finish, "a step back of 0.9 s: no client of $load->{name} met an error")
	  or diag ${ $load->{said} };
}
stop_clients($greedy);

# The time goes on at half speed, and as it does, IDs are released. So a call waits for the next one, twice as long as
# it would, and not for the clock to catch up or the tick to end. (Where a worker has 16 IDs a second, sessions come to
# share the last one.) What is more is this machine's.
for my $name (sort keys %layouts)
{
	my $longest = max map { (split ' ')[2] / 1e6 } map { split /\n/, slurp_file($_) } glob "$tempdir/calls_$name.*";
	cmp_ok($longest, '<', $name eq 'scarce' ? 1.5 : 0.7, "a step back of 0.9 s, unit 1 s, $name: no stall");
	note sprintf '%s: the longest call took %.3f s', $name, $longest;
}

# --- An epoch of yesterday, and a clock two days back ---

my $yesterday = sql(q{SELECT to_char(now() AT TIME ZONE 'UTC' - interval '1 day', 'YYYY-MM-DD')});
my %young = (
	young => "timestamp:41 worker:5 sequence:12 epoch:$yesterday",
	young_seconds => "timestamp:33 worker:5 sequence:12 unit:1s epoch:$yesterday");
sql("SELECT snowflake_create_generator('$_', '$young{$_}')") for sort keys %young;
my %last = map { ($_ => sql("SELECT snowflake_next('$_')")) } keys %young;
for my $how ('live', 'after a restart')
{
	$node->stop if $how ne 'live';
	$node->set_clock_offset($node->{clock_offset} - 2 * $day) if $how eq 'live';
	start_again($node) if $how ne 'live';
	for my $name (sort keys %last)
	{
		my ($made, $said) = $node->ask("SELECT snowflake_next('$name')");
		like($made, qr/^\d+$/, "$name, epoch of yesterday, clock two days back, $how: an ID is made") or diag $said;
		cmp_ok($made || 0, '>', $last{$name}, "$name, epoch of yesterday, clock two days back, $how: a later one");
		$last{$name} = $made || $last{$name};
	}
}

# --- What no generator can be made of ---

for ([ 'baidu', '2200H', 'its time is over' ],
	[ 'timestamp:33 worker:5 sequence:12 unit:60s epoch:2024-01-01', '22023', 'unit of 60 s' ],
	[ 'timestamp:33 worker:5 sequence:12 unit:10s epoch:2024-01-01', '22023', 'unit of 10 s' ],
	[ 'timestamp:40 worker:5 sequence:12 unit:7ms epoch:2024-01-01', '22023', 'unit of 7 ms' ],
	[ 'timestamp:33 worker:5 sequence:12 unit:1s epoch:2024-01-01T00:00:00.500Z', '22023',
		'an epoch between two ticks' ],
	[ 'timestamp:38 worker:5 sequence:12 unit:10ms epoch:2024-01-01T00:00:00.001Z', '22023',
		'an epoch between two ticks of 10 ms' ])
{
	my ($layout, $sqlstate, $what) = @$_;
	my (undef, $said) = $node->ask("SELECT snowflake_create_generator('q', '$layout')");
	like($said, qr/ERROR:  $sqlstate: /, "refused: $what");
	is(($node->ask("SELECT snowflake_timestamp(1000000000000, '$layout') IS NOT NULL"))[0], 't', "but read: $what");
}
is(sql(q{SELECT count(*) FROM pg_class WHERE relname = 'q'}), 0, 'nothing is left behind');

$node->stop;
done_testing();
