# A server that stops and starts again on another clock: it goes on at once, later than all it ever made, with one
# WARNING; and where the clock is further back than allowed, it says so and names the ways out, each of which is tried.
# Runs alone: it looks at how far IDs are ahead of the clock.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeFault;
use SnowflakeTest qw($quick);
use Test::More;

my ($hour, $day) = (3600, 86400);
my ($window, $step) = (3, 0.5);    # how far ahead the horizon lies, see src/core/bounds.hpp
my $node = start_faulty('restart');

# --- Within the limit ---

sub goes_on
{
	my ($mode, $clock, $seconds_back) = @_;
	my $what = "stop $mode, clock $clock";
	fresh_start($node);
	$node->safe_psql('postgres', 'TRUNCATE stored');
	my $before = run_clients($node, 1);
	my $log = -s $node->logfile;
	my $offset = $node->{clock_offset};
	$node->stop($mode);
	$node->set_clock_offset($offset - $seconds_back);
	$clock eq 'replayed' ? start_replaying($node, $before) : start_again($node);

	first_id_within($node, 2, $what);
	my $after = $clock eq 'replayed' ? run_clients_again($node, $before) : run_clients($node, 1);
	replays($after, $before, $what) if $clock eq 'replayed';
	my $back = $offset - $node->{clock_offset};
	cmp_ok(seconds_ahead($node), '<', $back + $window + 0.1, "$what: not further ahead than the clock went back and the window");
	no_duplicates($node, $what, [ $before, $after ]);

	my @distances = count_warnings($node, $log);
	return is(@distances, 0, "$what: no WARNING") if $back == 0;
	return cmp_ok(@distances, '<=', 2, "$what: a WARNING each time that it was set, at most") if $clock eq 'replayed';
	is(@distances, 1, "$what: one WARNING");
	cmp_ok($distances[0] // 0, '>', $back - 1, "$what: it names the distance");
	cmp_ok($distances[0] // 0, '<', $back + $window + 0.1, "$what: and no larger one");
}

goes_on(@$_) for $quick
  ? ([ 'fast', 'replayed', 0 ], [ 'immediate', '3 days back', 3 * $day ])
  : map { my $mode = $_; map { [ $mode, @$_ ] } [ 'unchanged', 0 ], [ 'replayed', 0 ], [ '1 h back', $hour ], [ '3 days back', 3 * $day ] }
  qw(fast immediate);

# Each crash lifts the floor past the horizon; a series of them must not lift it by a window each time.
fresh_start($node);
seconds_ahead($node);
my $crashes = 6;
for (1 .. $crashes)
{
	$node->stop('immediate');
	start_again($node);
	seconds_ahead($node);
}
cmp_ok(seconds_ahead($node), '<', $window + $crashes * $step, "$crashes crashes: each pushes by a step at most");

# --- Beyond the limit ---

$node->safe_psql('postgres', q{
	CREATE ROLE mallory LOGIN;
	GRANT EXECUTE ON FUNCTION snowflake_reset_clock() TO mallory;});

# Brings the server into that state: its clock is `back` seconds behind what it was when the last ID was made.
sub too_far_back
{
	my ($back, $how) = @_;
	fresh_start($node);
	$node->safe_psql('postgres', 'TRUNCATE stored; INSERT INTO stored (first_id) VALUES (snowflake_next())');
	$node->{offset_of_last} = $node->{clock_offset};
	set_clock_to($how, $node->{clock_offset} - $back);
}

# How it is mended is how it was broken: a server that has started on a wrong clock takes a leap ahead for an error of
# the clock, until it lasts.
sub set_clock_to
{
	my ($how, $offset) = @_;
	$node->stop if $how eq 'restart';
	$node->set_clock_offset($offset);
	start_again($node) if $how eq 'restart';
}

sub is_refused
{
	my ($what, $back) = @_;
	my ($made, $said) = $node->ask('SELECT snowflake_next()');
	is($made, '', "$what: no ID");
	my ($distance) = $said =~ /ERROR:  55000: cannot make a Snowflake ID: the clock is ([\d.]+) s behind the last one/;
	ok($distance && $distance > $back - 5 && $distance < $back + 5, "$what: an error that names the distance") or diag $said;
	like($said, qr/max_clock_drift/, "$what: and the limit");
	like($said, qr/HINT:.*Set the server's clock; or wait.*; or,.*snowflake_reset_clock\(\)/, "$what: and three ways out");
}

sub is_well
{
	my ($what) = @_;
	first_id_within($node, 2, $what);
	is($node->safe_psql('postgres', 'SELECT snowflake_next() > max(first_id) FROM stored'), 't', "$what: a later ID than the last");
}

for my $how (qw(restart live))
{
	too_far_back(8 * $day, $how);
	is_refused("8 days back, $how", 8 * $day);
	set_clock_to($how, $node->{offset_of_last} - 6.9 * $day);
	is_well("8 days back, $how, waited");

	too_far_back(8 * $day, $how);
	is_refused("8 days back again, $how", 8 * $day);
	set_clock_to($how, $node->{offset_of_last});
	is_well("8 days back, $how, clock mended");
}

# Mended while the server lives, the clock is believed after 30 s.
sub mended_without_restart
{
	too_far_back(8 * $day, 'restart');
	is_refused('8 days back once more', 8 * $day);
	$node->set_clock_offset($node->{offset_of_last});
	is_refused('8 days back, clock mended a moment ago', 8 * $day);
	my $made = '';
	for (1 .. 60)
	{
		pause(1);
		($made) = $node->ask('SELECT snowflake_next()');
		last if $made;
	}
	like($made, qr/^\d+$/, '8 days back, clock mended: it is believed');
	is_well('8 days back, clock mended for 30 s');
}

mended_without_restart() unless $quick;    # takes long

$node->append_conf('postgresql.conf', "snowflake_id.max_clock_drift = '10min'");
too_far_back($hour, 'restart');
is_refused('the limit is a setting', $hour);
$node->append_conf('postgresql.conf', "snowflake_id.max_clock_drift = '7d'");
$node->restart;
is_well('the limit was raised');

# --- The clock was far ahead, then mended: later IDs are known to be gone, or can be spared ---

for my $how (qw(restart live))
{
	my $what = "clock 30 days ahead, then mended, $how";
	fresh_start($node);
	my $other = $node->session;
	$node->ask_session($other, 'SELECT snowflake_next()');
	$node->safe_psql('postgres', 'TRUNCATE stored; INSERT INTO stored (first_id) VALUES (snowflake_next())');
	set_clock_to($how, $node->{clock_offset} - 30 * $day);
	is_refused($what, 30 * $day);

	my (undef, $said) = $node->ask('SELECT snowflake_reset_clock()', extra_params => [ '-U', 'mallory' ]);
	like($said, qr/ERROR:  42501: must be superuser/, "$what: only a superuser resets the clock");
	$node->safe_psql('postgres', 'TRUNCATE stored; SELECT snowflake_reset_clock()');
	first_id_within($node, 2, "$what, reset");
	cmp_ok(abs(seconds_ahead($node)), '<', 0.5, "$what, reset: IDs have the clock's time");
	if ($how eq 'live')
	{
		my ($ahead) = $node->ask_session($other, 'SELECT extract(epoch FROM snowflake_timestamp(snowflake_next()) - clock_timestamp())');
		cmp_ok(abs($ahead), '<', 0.5, "$what, reset: in sessions that were there before, too");
	}
	is($node->safe_psql('postgres', q{SELECT horizon - wall_clock < '3.1 s' AND ahead < '0.1 s' FROM snowflake_clock()}),
		't', "$what, reset: so does the horizon");
	eval { $other->quit };

	my $before = run_clients($node, 0.5);
	$node->stop('immediate');
	start_replaying($node, $before);
	my $after = run_clients_again($node, $before);
	no_duplicates($node, "$what, reset, crashed", [ $before, $after ]);
	cmp_ok(seconds_ahead($node), '<', $window + 2, "$what, reset, crashed: not ahead again");
	$node->{latest_offset} = $node->{clock_offset};
}

$node->stop;
done_testing();
