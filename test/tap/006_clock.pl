# A clock that is set back, or wrong: IDs go on and rise, or there is an error that says why.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeTest qw($quick $library);
use Test::More;
use Time::HiRes qw(time usleep);

my $node = SnowflakeTest->start_new('clock', fake_clock => 1, conf => 'synchronous_commit = off');
my $set_back = qr/WARNING:  the clock was set back: it is (\d+)\.\d+ s behind the last Snowflake ID/;
my $fresh = q{SELECT abs(extract(epoch FROM clock_timestamp() - snowflake_timestamp(snowflake_next()))) < 0.5};
$node->prepare_load;

# Sets the clock while the clients hold their breath: no session is left with a reading from before.
sub step_clock
{
	my ($load, $offset) = @_;
	$load->{harness}->signal('STOP');
	$node->poll_query_until('postgres',
		"SELECT count(*) = 0 FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()") or die 'no rest';
	$node->set_clock_offset($offset);
	$load->{harness}->signal('CONT');
}

# Runs a load, does something amid it, and returns the server's log of that time.
sub load_with
{
	my ($harm) = @_;
	my $position = -s $node->logfile;
	my $begun = $node->safe_psql('postgres', 'SELECT count(*) FROM made_by_default');
	my $load = $node->start_load(clients => 4, seconds => $quick ? 1 : 2, scripts => [qw(one rows array reserve)]);
	$node->poll_query_until('postgres', "SELECT count(*) > $begun + 200 FROM made_by_default") or die 'no load';
	$harm->($load);
	my ($ok, $said) = $node->finish_load($load);
	ok($ok, 'no client met an error') or diag $said;
	return $node->log_since($position);
}

# --- back a little: no news ---

my $log = load_with(sub {
	for (1 .. 20)
	{
		$node->set_clock_offset($_ % 2 ? -0.006 : 0);
		usleep(20_000);
	}
});
unlike($log, $set_back, 'back and forth a few milliseconds: no warning');
$node->ids_are_right('back and forth a few milliseconds');
is($node->safe_psql('postgres', $fresh), 't', 'back and forth a few milliseconds: IDs have the right time');
$node->set_clock_offset(0);

# --- back further: IDs go on from the last one ---

# Sessions are ordered by millisecond, not within one.
my $not_earlier = 'SELECT snowflake_timestamp(snowflake_next()) >= max(snowflake_timestamp(last_id)) FROM made';
for my $back (5, 3600)
{
	$log = load_with(sub {
		my ($load) = @_;
		step_clock($load, -$back);
		my $made = $node->safe_psql('postgres', 'SELECT count(*) FROM made_by_default');
		ok($node->poll_query_until('postgres', "SELECT count(*) > $made + 200 FROM made_by_default"), "$back s back: IDs go on");
	});
	my @warnings = $log =~ /$set_back/g;
	is(scalar @warnings, 1, "$back s back: one warning") or diag $log;
	cmp_ok(abs($warnings[0] - $back), '<=', 1, "$back s back: it says how far");
	$node->ids_are_right("$back s back");
	is($node->safe_psql('postgres', $not_earlier), 't', "$back s back: a new session's IDs are not earlier");
	is($node->safe_psql('postgres', "SELECT snowflake_timestamp(snowflake_next()) < clock_timestamp() + interval '$back s 100 ms'"),
		't', "$back s back: IDs are ahead of the clock by no more than that");

	$log = load_with(sub { step_clock($_[0], 0) });
	unlike($log, $set_back, "$back s forth again: no warning");
	$node->ids_are_right("$back s forth again");
	is($node->safe_psql('postgres', $fresh), 't', "$back s forth again: IDs have the right time");
}

# --- back too far ---

my $too_far = qr/ERROR:  55000: cannot make a Snowflake ID: the clock is \d+\.\d{3} s behind the last one\n.*HINT:  Set the server's clock/s;

sub is_refused
{
	my ($server, $expected, $what) = @_;
	my ($out, $err) = $server->ask(q{
		SELECT snowflake_next(); SELECT snowflake_next_array(3); SELECT snowflake_next_set(3); SELECT snowflake_reserve(3);});
	is($out, '', "$what: no ID");
	my @errors = $err =~ /ERROR: /g;
	is(scalar @errors, 4, "$what: every making function says so");
	like($err, $expected, "$what: what it says");
}

sub makes_ids
{
	my ($server, $what) = @_;
	is($server->safe_psql('postgres', $fresh), 't', "$what: IDs have the right time");
}

$node->safe_psql('postgres', $fresh);
$node->set_clock_offset(-8 * 86400);
is_refused($node, $too_far, '8 days back');
$node->set_clock_offset(0);
makes_ids($node, '8 days forth again');
$node->safe_psql('postgres', "LOAD '$library'; ALTER SYSTEM SET snowflake_id.max_clock_drift = '1min'");
$node->reload;
$node->poll_query_until('postgres', "SELECT current_setting('snowflake_id.max_clock_drift') = '1min'");
$node->set_clock_offset(-3600);
is_refused($node, $too_far, 'further than max_clock_drift');
$node->set_clock_offset(-30);
is($node->safe_psql('postgres', $not_earlier), 't', 'within max_clock_drift: IDs go on');
$node->set_clock_offset(0);

# --- a clock outside the layout's time, for a while ---

my $before_epoch = qr/ERROR:  55000: cannot make a Snowflake ID: the clock is before the epoch\n.*2025-01-01T00:00:00\.000Z.*HINT:  Set the server's clock/s;
my $out_of_time = qr/ERROR:  2200H: cannot make a Snowflake ID: the layout's timestamp range is exhausted\n.*2094-09-07T15:47:35\.551Z.*HINT:  If the year is wrong/s;
my $epoch = 1735689600;
my $end = $epoch + 2**41 / 1000;
my %past = ('1970' => 3600, '2001' => 1_000_000_000, '2024' => $epoch - 60);
my %future = ('2094' => $end + 1, '2200' => 7_258_118_400);

# Of a live server: what it made is later than any such time in the past; a leap ahead is not believed unless it lasts.
for my $year (sort keys %past)
{
	$node->set_clock($past{$year});
	is_refused($node, $too_far, "the clock says $year");
	$node->set_clock_offset(0);
	makes_ids($node, "the clock says $year no more");
}
for my $year (sort keys %future)
{
	$node->set_clock($future{$year});
	my ($now) = $node->ask('SELECT extract(epoch FROM snowflake_timestamp(snowflake_next()))');
	cmp_ok(abs(($now || 0) - time), '<', 1, "the clock says $year: IDs go on with the right time");
	$node->set_clock_offset(0);
	makes_ids($node, "the clock says $year no more");
}

# A server that starts with such a clock has nothing else to believe. Mended, it starts again as if nothing had been; or,
# while it runs, is told to forget.
for my $mended (qw(restarted reset))
{
	$node->stop;
	$node->set_clock($future{2200});
	$node->start;
	is_refused($node, $out_of_time, 'started in 2200');
	$node->set_clock_offset(0);
	if ($mended eq 'reset')
	{
		is_refused($node, $too_far, 'started in 2200, mended');
		$node->safe_psql('postgres', 'SELECT snowflake_reset_clock()');
	}
	else { $node->restart }
	is($node->safe_psql('postgres', q{SELECT snowflake_timestamp(snowflake_next()) - clock_timestamp() BETWEEN '-0.5 s' AND '4 s'}),
		't', "started in 2200, mended, $mended: IDs have the right time");
	is($node->safe_psql('postgres', $not_earlier), 't', "started in 2200, mended, $mended: and are not earlier than those before");
}
$node->ids_are_right('after all that');
$node->stop;

# --- the first milliseconds ---

# There is no horizon before the epoch, hence no extension.
my $edge = SnowflakeTest->new('edge');
$edge->fake_clock;
$edge->set_clock($epoch - 60);
$edge->init;
$edge->start;
my (undef, $too_early) = $edge->ask('CREATE EXTENSION snowflake_id');
like($too_early, $before_epoch, 'installed before the epoch: refused');
$edge->set_clock($epoch);
$edge->restart;
$edge->safe_psql('postgres', 'CREATE EXTENSION snowflake_id');
$edge->prepare_load;
$edge->set_clock($epoch - 60);
$edge->safe_psql('postgres', 'SELECT snowflake_reset_clock()');
is_refused($edge, $before_epoch, 'reset before the epoch');
$edge->set_clock($epoch);
$edge->restart;
$edge->load_ids(clients => 4, transactions => 20);
$edge->ids_are_right('from the epoch on');
is($edge->safe_psql('postgres', q{
	SELECT min(snowflake_timestamp(first_id)) >= '2025-01-01Z' AND max(snowflake_timestamp(last_id)) < '2025-01-01 01:00Z'
	FROM made}), 't', 'from the epoch on: of the first minutes');

# --- ahead of the clock, looked at closely ---

# On a clock that nearly stands still, all that moves the time on is its own half speed.
$edge->set_clock($epoch + 3600);
$edge->restart;
my $offset = $edge->{clock_offset};
$edge->set_clock_offset($offset, 0.01);
my $session = $edge->session;
my ($first) = $edge->ask_session($session, 'SELECT snowflake_next()');
my $position = -s $edge->logfile;
$edge->set_clock_offset($offset - 0.006, 0.01);
my $begun = time;
my ($ahead) = $edge->ask_session($session,
	"SELECT snowflake_next() > $first AND snowflake_timestamp(snowflake_last()) - clock_timestamp() > '1 ms'");
is($ahead, 't', 'back a few milliseconds: IDs rise, ahead of the clock');
unlike($edge->log_since($position), $set_back, 'back a few milliseconds: no warning');
usleep(1_000_000);
my $least = time - $begun;
my ($moved) = $edge->ask_session($session,
	"SELECT extract(epoch FROM snowflake_timestamp(snowflake_next()) - snowflake_timestamp($first))");
my $most = time - $begun;
cmp_ok($moved, '>', 0.45 * $least, 'ahead of the clock: the time goes on at half speed');
cmp_ok($moved, '<', 0.55 * $most + 0.01, 'ahead of the clock: and no faster');
my ($rises) = $edge->ask_session($session, qq{
	SELECT count(*) FROM (SELECT id > lag(id, 1, $first) OVER () AS rises FROM snowflake_next_set(1000000) id) made WHERE rises});
is($rises, 1_000_000, 'ahead of the clock: IDs rise');
my ($distance) = $edge->ask_session($session, q{SELECT snowflake_timestamp(snowflake_last()) - clock_timestamp() < '1 min'});
is($distance, 't', 'ahead of the clock: however many are made, it is not spent faster');
$session->quit;

# --- the last milliseconds ---

$edge->stop;
$edge->set_clock($end - 5);
$edge->start;
my $load = $edge->start_load(clients => 4, seconds => 20);
my ($ok, $said) = $edge->finish_load($load);
ok(!$ok, 'to the end of time: the clients were stopped');
like($said, qr/ERROR:  cannot make a Snowflake ID: the layout's timestamp range is exhausted/, 'to the end of time: they were told');
$edge->ids_are_right('to the end of time');
is($edge->safe_psql('postgres', q{
	SELECT max(snowflake_timestamp(last_id)) BETWEEN '2094-09-07 15:47:34Z' AND '2094-09-07 15:47:35.551Z' FROM made}), 't',
	'to the end of time: up to the last second');
is_refused($edge, $out_of_time, 'after the end of time');
$edge->stop;
done_testing();
