# A clock that is set back, or wrong: IDs go on and rise, or there is an error that says why.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeTest qw($quick $library);
use Test::More;
use Time::HiRes qw(usleep);

my $node = SnowflakeTest->start_new('clock', fake_clock => 1, conf => 'synchronous_commit = off');
my $set_back = qr/WARNING:  the clock was set back: it is (\d+)\.\d+ s behind the last Snowflake ID/;
my $fresh = q{SELECT abs(extract(epoch FROM clock_timestamp() - snowflake_timestamp(snowflake_next()))) < 0.5};
$node->prepare_load;

# Runs a load, does something amid it, and returns the server's log of that time.
sub load_with
{
	my ($harm) = @_;
	my $position = -s $node->logfile;
	my $begun = $node->safe_psql('postgres', 'SELECT count(*) FROM made_by_default');
	my $load = $node->start_load(clients => 4, seconds => $quick ? 1 : 2, scripts => [qw(one rows array reserve)]);
	$node->poll_query_until('postgres', "SELECT count(*) > $begun + 200 FROM made_by_default") or die 'no load';
	$harm->();
	my ($ok, $said) = $node->finish_load($load);
	ok($ok, 'no client met an error') or diag $said;
	return $node->log_since($position);
}

# --- back a little: waited for ---

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
		$node->set_clock_offset(-$back);
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

	$log = load_with(sub { $node->set_clock_offset(0) });
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
my $out_of_time = qr/ERROR:  2200H: cannot make a Snowflake ID: the time of the layout has ended\n.*2094-09-07T15:47:35\.551Z.*HINT:  If the year is wrong/s;
my $epoch = 1735689600;
my $end = $epoch + 2**41 / 1000;
my %wrong = (
	'1970' => [ 3600, $before_epoch ],
	'2001' => [ 1_000_000_000, $before_epoch ],
	'2024' => [ $epoch - 60, $before_epoch ],
	'2094' => [ $end + 1, $out_of_time ],
	'2200' => [ 7_258_118_400, $out_of_time ]);
for my $year (sort keys %wrong)
{
	my ($time, $expected) = @{ $wrong{$year} };
	$node->set_clock($time);
	is_refused($node, $expected, "the clock says $year");
	$node->set_clock_offset(0);
	makes_ids($node, "the clock says $year no more");
}
$node->ids_are_right('after all that');
$node->stop;

# --- the first milliseconds ---

my $edge = SnowflakeTest->new('edge');
$edge->fake_clock;
$edge->set_clock($epoch - 60);
$edge->init;
$edge->start;
$edge->safe_psql('postgres', 'CREATE EXTENSION snowflake_id');
$edge->prepare_load;
is_refused($edge, $before_epoch, 'begun before the epoch');
$edge->set_clock($epoch);
$edge->load_ids(clients => 4, transactions => 20);
$edge->ids_are_right('from the epoch on');
is($edge->safe_psql('postgres', q{
	SELECT min(snowflake_timestamp(first_id)) >= '2025-01-01Z' AND max(snowflake_timestamp(last_id)) < '2025-01-01 01:00Z'
	FROM made}), 't', 'from the epoch on: of the first minutes');

# --- back a little, looked at closely ---

# So slow a clock that there is time to set it back by six milliseconds and to look.
my $offset = $epoch + 3600 - time;
$edge->set_clock_offset($offset, 0.001);
my $session = $edge->session;
my ($first) = $edge->ask_session($session, 'SELECT snowflake_next()');
my $position = -s $edge->logfile;
$edge->set_clock_offset($offset - 0.006, 0.001);
my ($ahead) = $edge->ask_session($session, 'SELECT snowflake_timestamp(snowflake_last()) - clock_timestamp()');
like($ahead, qr/^00:00:00\.00[456]/, 'back a few milliseconds: the last ID is ahead of the clock');
my ($rises) = $edge->ask_session($session, "SELECT count(*) FROM snowflake_next_set(1000) id WHERE id > $first");
is($rises, 1000, 'back a few milliseconds: what is left of its millisecond may be used');
my ($other) = $edge->ask(q{SELECT snowflake_timestamp(snowflake_next()) - clock_timestamp() > '1 ms'});
is($other, 't', 'back a few milliseconds: by other sessions, too');
unlike($edge->log_since($position), $set_back, 'back a few milliseconds: no warning');
$session->quit;

# --- the last milliseconds ---

$edge->set_clock($end - 3);
my $load = $edge->start_load(clients => 4, seconds => 20);
my ($ok, $said) = $edge->finish_load($load);
ok(!$ok, 'to the end of time: the clients were stopped');
like($said, qr/ERROR:  cannot make a Snowflake ID: the time of the layout has ended/, 'to the end of time: they were told');
$edge->ids_are_right('to the end of time');
is($edge->safe_psql('postgres', q{
	SELECT max(snowflake_timestamp(last_id)) BETWEEN '2094-09-07 15:47:34Z' AND '2094-09-07 15:47:35.551Z' FROM made}), 't',
	'to the end of time: up to the last second');
is_refused($edge, $out_of_time, 'after the end of time');
$edge->stop;
done_testing();
