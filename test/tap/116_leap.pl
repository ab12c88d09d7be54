# The clock of a live server leaps ahead under load. For a second, by eight days: IDs go on all the time, then and
# afterwards, none has a time that is not the right one, none is made twice. For good: it is believed when it has lasted
# half a minute; half a second at once. And a clock that is an hour back for a second changes nothing for longer.
# Runs alone: it looks at when a leap is believed.
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

my ($hour, $day) = (3600, 86400);
my $node = start_faulty('leap');
my $tempdir = PostgreSQL::Test::Utils::tempdir;
sub sql { return $node->safe_psql('postgres', $_[0]) }
sql(q{SELECT snowflake_create_generator('seconds', 'timestamp:33 worker:5 sequence:20 unit:1s epoch:2024-01-01')});
sql(q{SELECT snowflake_next(), snowflake_next('seconds')});

sub step { my ($seconds) = @_; $node->set_clock_offset($node->{clock_offset} + $seconds) }

# How far IDs are ahead of a clock that is this much right.
sub ahead_of_true_time
{
	my ($what, $offset, $at_most, $generator) = @_;
	my $ahead = seconds_ahead($node, 'postgres', $generator) + $node->{clock_offset} - $offset;
	cmp_ok(abs($ahead), '<', $at_most, "$what: IDs have the right time") or diag "$ahead s ahead";
}

# --- One second at +8 days, and one at -1 hour, under load ---

# Clients that ask for one ID after the other, whose calls are timed by pgbench, and clients that write IDs down.
my $seconds = $quick ? 4 : 6;
append_to_file("$tempdir/ask_$_->[0]", "$_->[1];\n\\sleep 20 ms\n")
  for [ 'standard', 'SELECT snowflake_next()' ], [ 'seconds', q{SELECT snowflake_next('seconds')} ];
my $clients = start_clients($node, restless => 1, kinds => ['given_ranges']);
my $said = '';
my $asking = IPC::Run::start(
	[ $node->installed_command('pgbench'), '-n', '-c', 4, '-j', 1, '-T', $seconds, '-l',
		'--log-prefix', "$tempdir/calls", '-f', "$tempdir/ask_standard", '-f', "$tempdir/ask_seconds", $node->connstr('postgres') ],
	'>', \$said, '2>&1');
pause(0.7);
for my $leap (8 * $day, $quick ? () : -$hour)
{
	step($leap);
	pause(1);
	step(-$leap);
	pause(1);
}
ahead_of_true_time('after it', 0, 0.2);
cmp_ok(horizon_ahead($node), '<', 4, 'after it: the horizon is near');
ok($asking->finish, 'eight days ahead for a second: no client met an error') or diag $said;
stop_clients($clients);
my @calls = map { (split ' ')[2] / 1e6 } map { split /\n/, slurp_file($_) } glob "$tempdir/calls.*";
my $longest = max @calls;
cmp_ok($longest, '<', 1, 'eight days ahead for a second: IDs go on');
cmp_ok(scalar @calls, '>', 4 * $seconds * 10, 'eight days ahead for a second: many calls were timed');
note sprintf '%d calls, the longest took %.3f s', scalar @calls, $longest;
no_duplicates($node, 'eight days ahead for a second', [$clients]);
my $bound = sql(q{SELECT snowflake_from_timestamp(clock_timestamp() + '1 min')});
my @later = grep { (split ' ')[4] > $bound } map { split /\n/, slurp_file($_->{given}) } @{ $clients->{members} };
is(scalar @later, 0, 'eight days ahead for a second: no ID has such a time');
like($node->log_since(0), qr/LOG:  the clock has leapt ahead/, 'eight days ahead for a second: the log tells of it');

# A restart after it finds nothing of that time either.
$node->stop('immediate');
start_again($node);
ahead_of_true_time('eight days ahead for a second, then a crash', 0, 3.6);

# --- An hour back for a second, with nobody there but a few calls ---

$node->stop;
fresh_clock($node);
start_again($node);
my $right = $node->{clock_offset};
ahead_of_true_time('before', $right, 0.1);
my $log = -s $node->logfile;
step(-$hour);
sql(q{SELECT snowflake_next(), snowflake_next('seconds')}) for 1 .. 5;
pause(1);
ahead_of_true_time('an hour back for a second, meanwhile', $right, 2);
step($hour);
pause(2);
ahead_of_true_time('an hour back for a second, after it', $right, 0.1);
ahead_of_true_time('an hour back for a second, after it, unit 1 s', $right, 1.2, 'seconds');
my @warnings = count_warnings($node, $log);
is(@warnings, 1, 'an hour back for a second: one WARNING');

# --- Half a second, for good ---

step(0.5);
$right += 0.5;
ahead_of_true_time('half a second ahead', $right, 0.1);

# --- An hour, for good ---

sub an_hour_for_good
{
	step($hour);
	my $began = time;
	my $small = 0.2;    # a step in between as NTP makes it: the leap lasts all the same
	while (time - $began < 27)
	{
		if ($small && time - $began > 10)
		{
			step($small);
			$right += $small;
			$small = 0;
		}
		ahead_of_true_time(sprintf('an hour ahead for %d s', time - $began), $right, 0.5);
		pause(5);
	}
	pause(max(0, 32 - (time - $began)));
	$right += $hour;
	ahead_of_true_time('an hour ahead for half a minute', $right, 0.1);
	ahead_of_true_time('an hour ahead for half a minute, unit 1 s', $right, 1.2, 'seconds');
	cmp_ok(abs(horizon_ahead($node) - 3), '<', 1.5, 'an hour ahead for half a minute: so has the horizon');
}

an_hour_for_good() unless $quick;    # takes long

$node->stop;
done_testing();
