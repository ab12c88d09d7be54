# The clock of a live server is stepped back and forth under the load of 8 clients: no error, each session's IDs rise, no
# long stall after small steps, no loss of speed during a large one.
# Runs alone: it looks for stalls.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use List::Util qw(max sum);
use SnowflakeFault;
use SnowflakeTest qw($quick);
use PostgreSQL::Test::Utils qw(append_to_file slurp_file);
use Test::More;
use Time::HiRes qw(sleep time);

my $node = start_faulty('steps');
my $hour = 3600;
my $tempdir = PostgreSQL::Test::Utils::tempdir;

# --- Steps of all sizes, both ways: right, and told once each ---

srand(my $seed = $ENV{SNOWFLAKE_SEED} // time);
note "SNOWFLAKE_SEED=$seed";
my $log = -s $node->logfile;
my $clients = start_clients($node, restless => 1, kinds => [ qw(stored_ranges stored_array stored_rows given_set given_ranges), ('stored_rows') x 3 ]);
my $large_steps = 0;
for my $large (0, 0, 1, 0, 1, 0, 0, 1)
{
	my $step = $large ? -30 - rand(100) : rand(0.02) - 0.01;
	$large_steps += $large;
	for (1 .. ($quick ? 2 : 5))
	{
		$node->set_clock_offset($node->{clock_offset} + ($large ? 0 : rand(0.02) - 0.01));
		sleep(0.05);
	}
	$node->set_clock_offset($node->{clock_offset} + $step);
	sleep(0.1);
	$node->set_clock_offset($node->{clock_offset} + rand(20)) if $large;
	sleep(0.1);
}
stop_clients($clients);
no_duplicates($node, 'steps of all sizes', [$clients]);
my @distances = count_warnings($node, $log);
cmp_ok(@distances, '>=', $large_steps, 'steps of all sizes: each large step is told');
is($node->safe_psql('postgres', 'SELECT setbacks FROM snowflake_clock()'), scalar @distances, 'steps of all sizes: and counted');
fresh_start($node);

# --- Stalls after small steps ---

# What 8 clients, which ask for an ID and then rest, had to wait for each: a list of [ when it was there, seconds ].
sub start_waiting
{
	my ($seconds) = @_;
	append_to_file("$tempdir/ask", "SELECT snowflake_next();\n\\sleep 1 ms\n") unless -e "$tempdir/ask";
	unlink glob "$tempdir/waits.*";
	my $said = '';
	return IPC::Run::start([ $node->installed_command('pgbench'), '-n', '-M', 'prepared', '-c', 8, '-j', 1, '-T', $seconds,
		'-l', '--log-prefix', "$tempdir/waits", '-f', "$tempdir/ask", $node->connstr('postgres') ], '>', \$said, '2>&1');
}

sub finish_waiting
{
	my ($harness) = @_;
	ok($harness->finish, 'clients that wait met no error');
	return map { my @f = split ' '; [ $f[4] + $f[5] / 1e6, $f[2] / 1e6 ] } map { split /\n/, slurp_file($_) } glob "$tempdir/waits.*";
}

# A stall that the clock causes comes with every step; one that the machine causes does not. So of the
# longest waits that began before or within 50 ms after the steps of a size, the lower quartile.
my $times = $quick ? 7 : 21;
my @sizes = $quick ? (0, -0.009) : (0, -0.002, -0.005, -0.009);
# Meanwhile another one uses up every millisecond: nothing is left of the last one for the others to go on with.
my $greedy = start_clients($node, restless => 1, kinds => ['given_ranges']);
my $harness = start_waiting(int(1 + 0.12 * $times * @sizes * 1.5));
sleep(0.3);
my @steps;
for (1 .. $times)
{
	for my $size (@sizes)
	{
		$node->set_clock_offset($node->{clock_offset} + $size);
		push @steps, [ $size, time ];
		sleep(0.1);
	}
}
my @waits = finish_waiting($harness);
stop_clients($greedy);
for my $size (@sizes)
{
	my @longest = sort { $a <=> $b } map {
		my $at = $_->[1];
		max(0, map { $_->[1] } grep { $_->[0] >= $at && $_->[0] - $_->[1] < $at + 0.05 } @waits)
	} grep { $_->[0] == $size } @steps;
	my $ms = 1000 * $longest[ @longest / 4 ];
	cmp_ok($ms, '<', 20, sprintf('step of %g ms: no stall of 20 ms', 1000 * $size));
	cmp_ok($ms, '>', 0, sprintf('step of %g ms: clients did wait for IDs', 1000 * $size));
	note sprintf 'step of %g ms: longest wait %.1f ms (lower quartile), %.1f ms (median), %.1f ms (of all)', 1000 * $size, $ms,
		1000 * $longest[ @longest / 2 ], 1000 * $longest[-1];
}

# --- Speed during a large step ---

append_to_file("$tempdir/make", "SELECT count(snowflake_next()) FROM generate_series(1, 1000);\n");

# Transactions a second; 0 if one takes as long as 5 s.
sub speed
{
	my ($seconds) = @_;
	my $said = '';
	local $ENV{PGOPTIONS} = '-c statement_timeout=5s';
	IPC::Run::run([ $node->installed_command('pgbench'), '-n', '-M', 'prepared', '-c', 8, '-j', 1, '-T', $seconds,
		'-f', "$tempdir/make", $node->connstr('postgres') ], '>', \$said, '2>&1') or return 0;
	return $said =~ /tps = ([\d.]+)/ ? $1 : die $said;
}

# In turns, so that a noisy neighbour meets both.
my (@before, @during);
for (1 .. ($quick ? 2 : 4))
{
	fresh_start($node);
	push @before, speed(1);
	$node->set_clock_offset($node->{clock_offset} - $hour);
	push @during, speed(1);
}
note "thousands of IDs a second, before: @before, during: @during";
cmp_ok(sum(@during), '>', sum(@before) / 2, 'clock an hour back: at least half as fast as before');
is($node->safe_psql('postgres', q{SELECT ahead > '59 min' FROM snowflake_clock()}), 't', 'clock an hour back: it was so all the time');

# --- Two IDs a millisecond: each wait for the clock is as long as it has to be ---

$node->safe_psql('postgres', q{SELECT snowflake_create_generator('scarce', 'timestamp:41 sequence:1 epoch:2024-01-01')});
my $began = time;
$node->safe_psql('postgres', q{SELECT count(*) FROM snowflake_next_set(200, 'scarce')});
my $took = time - $began;
cmp_ok($took, '<', 2, sprintf 'a tenth of a second of IDs is made in %.2f s', $took);

$node->stop;
done_testing();
