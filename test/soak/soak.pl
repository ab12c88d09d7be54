# The soak: a primary and its standby, clients of all kinds, and for hours whatever may happen to them, at random. To be
# started by scripts/soak, whose --help says what is done and what is checked.
#
#     soak.pl HOURS SEED
#
# What is done is told on stderr, a summary in Markdown on stdout. It ends with 1 after the first round in which something
# was wrong; then the servers' data, their logs and the clients' files are kept.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run;
use List::Util qw(max min);
use PostgreSQL::Test::Utils qw(append_to_file slurp_file);
use SnowflakeLedger;
use SnowflakePair;
use SnowflakeWatch;
use Test::More;
use Time::HiRes qw(sleep time);

my ($hours, $seed) = @ARGV;
my @clients = (('load') x 6, 'migration', ('hostile') x 2);
my $round_length = 60;
# Bytes that a session may grow by: its contexts tell of a leak, its process also of what it keeps for later.
my %most = (contexts => 1 << 20, process => 1 << 24);

srand $seed;
$SIG{INT} = $SIG{TERM} = sub { exit 130 };    # stops the servers
my $work = PostgreSQL::Test::Utils::tempdir;
my ($began, $round_began, $end) = (time) x 2;
my ($pair, $ledger, $samples, @harnesses, @wrong);
my (%done, %total);            # how often what happened; the figures of all rounds

sub report { print { Test::More->builder->failure_output } sprintf("%7.1f s  %s\n", time - $began, "@_") }

# --- What happens ---

my $some_client = q{FROM pg_stat_activity WHERE application_name LIKE 'client%' ORDER BY random() LIMIT 1};
my %events = (
	'clock stepped by milliseconds' => sub { join ', ', map { sleep(0.05); $pair->shift_clock(rand(0.02) - 0.01) } 1 .. 5 },
	'clock set back' => sub { my $back = $pair->shift_clock(-30 - rand 70); sleep(0.5); "$back, then " . $pair->shift_clock(rand 20) },
	'clock ahead by 8 days for a second' => sub { $pair->for_a_second(8 * 86400) },
	'clock an hour back for a second' => sub { $pair->for_a_second(-3600) },
	'node number' => sub { $pair->configure('snowflake_id.node_id' => int rand 8) },
	'synchronous_commit' => sub { $pair->configure(synchronous_commit => (qw(on off))[ rand 2 ]) },
	'generators altered' => sub { $pair->alter_generators },
	'old rows backfilled' => sub { $pair->backfill },
	'partitions created and dropped' => sub { $pair->keep_partitions },
	'connection terminated' => sub { $pair->primary->safe_psql('postgres', "SELECT pg_terminate_backend(pid) $some_client") },
	'checkpoint' => sub { $pair->primary->safe_psql('postgres', 'CHECKPOINT') });

my %faults = (
	'restart' => sub { $pair->restart('fast') },
	'immediate shutdown' => sub { $pair->restart('immediate') },
	'kill -9 of the postmaster' => sub { $pair->restart('kill') },
	'kill -9 of a server process' => sub { $pair->kill_some_backend },
	'failover' => sub { my $clock = $pair->fail_over; point_clients(); sleep(2); $clock });

sub happen
{
	my ($kinds) = @_;
	my $what = (sort keys %$kinds)[ rand keys %$kinds ];
	$done{$what}++;
	report("$what:", $kinds->{$what}->());
}

# --- Clients ---

# Where the primary is. Renamed into place: nobody reads half a line.
sub point_clients
{
	append_to_file("$work/target.new", 'host=' . $pair->primary->host . ';port=' . $pair->primary->port . "\n");
	rename "$work/target.new", "$work/target" or die $!;
}

sub start_clients
{
	point_clients();
	@harnesses = map {
		IPC::Run::start([ $^X, "$FindBin::RealBin/client.pl", $clients[$_], $_ + 1, int rand(2**31), $work ])
	} 0 .. $#clients;
}

sub stop_clients
{
	report('the end');
	append_to_file("$work/stop", '');
	sleep(2);    # whoever waits still, on a clock that was set back, is not waited for
	$pair->primary->psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'client%'");
	$_->finish for @harnesses;
}

# --- What is checked ---

sub close_round
{
	my $found = $ledger->close_round(sort glob "$work/*.ids");
	report("round: $found->{ids} IDs, $found->{duplicates} duplicates");
	$total{$_} += $found->{$_} for qw(ids duplicates not_rising late broken);
	$total{layouts} = max($total{layouts} // 0, $found->{layouts});
	push @wrong, map { "$_: $found->{$_}" } grep { $found->{$_} } qw(duplicates not_rising late broken);
	push @wrong, @{ $found->{examples} }, map { "a client met an error: $_" } map { slurp_file($_) } glob "$work/*.errors";

	my $idle = (grep { $_ ne 'hostile' } @clients) - $found->{clients};
	push @wrong, "$idle clients were given no IDs" if $idle && time - $round_began > 20;
	$samples = read_samples(glob "$work/*.samples");
	push @wrong, map { "a session has grown by $samples->{grown}{$_} bytes ($_)" }
	  grep { $samples->{grown}{$_} > $most{$_} } sort keys %{ $samples->{grown} };
	push @wrong, map { unexpected_lines($_) } $pair->servers;
	$pair->remove_lost unless @wrong;
	$round_began = time;
}

# --- All of it ---

sub live_for
{
	my ($seconds) = @_;
	my $until = min($end, time + $seconds);
	while (time < $until && !@wrong)
	{
		sleep(min(0.5 + rand 2, max(0, $until - time)));
		happen(\%events);
		close_round() if time - $round_began > $round_length;
	}
}

# Most lives are short, one in five is ten times as long; none takes all the time that there is.
sub soak
{
	while (time < $end && !@wrong)
	{
		live_for(min((3 + rand 20) * (rand() < 0.2 ? 10 : 1), 600 * $hours));
		happen(\%faults);
		$pair->add_standby unless $pair->{standby};
		$pair->keep_partitions;
	}
}

sub summary
{
	my $clients = join ', ', map { "$_ $samples->{statements}{$_}" } sort keys %{ $samples->{statements} };
	my @rows = (
		[ 'seconds', int(time - $began) ],
		[ 'IDs that clients were given', $total{ids} ],
		[ 'layouts', $total{layouts} ],
		[ 'sessions', $samples->{sessions} ],
		[ 'longest session, s', $samples->{longest} ],
		[ 'statements', $clients ],
		(map { [ $_, $done{$_} // 0 ] } sort(keys %faults), sort(keys %events)),
		[ '**IDs given twice** (ranges)', "**$total{duplicates}**" ],
		[ '**IDs that do not rise in their session**', "**$total{not_rising}**" ],
		[ '**IDs that are not later than those of rounds before**', "**$total{late}**" ],
		[ '**anything wrong**: also errors, clients held up, lines in logs, sessions that grow', '**' . @wrong . '**' ],
		[ 'most that a session grew by, memory contexts, kB', int($samples->{grown}{contexts} / 1024) ],
		[ 'most that a session grew by, its process, kB', int($samples->{grown}{process} / 1024) ]);
	return "| | |\n|---|--:|\n", map { "| $_->[0] | $_->[1] |\n" } @rows;
}

report("seed $seed; servers and clients below $work");
$ledger = SnowflakeLedger->start;
$pair = SnowflakePair->start;
start_clients();
$began = $round_began = time;
$end = $began + 3600 * $hours;
my $died = eval { soak(); 1 } ? '' : $@;
stop_clients();
close_round() unless @wrong;
push @wrong, $died if $died;
print { Test::More->builder->output } summary();
report("WRONG: $_") for @wrong;
exit(@wrong ? 1 : 0);
