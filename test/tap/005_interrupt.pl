# Sessions that are stopped: killed amid a load, cancelled or killed while they wait for the clock.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeTest qw($quick);
use Test::More;
use Time::HiRes qw(time usleep);

my $node = SnowflakeTest->start_new('interrupt', conf => 'synchronous_commit = off');

# --- amid a load ---

$node->prepare_load;
my $load = $node->start_load(clients => 16, seconds => $quick ? 2 : 5, scripts => [qw(one rows array reserve reserve_many)]);
$node->poll_query_until('postgres', 'SELECT count(*) > 1000 FROM made_by_default') or die 'no load';
my $killed = 0;
for (1 .. 4)
{
	$killed += $node->safe_psql('postgres', q{
		SELECT count(pg_terminate_backend(pid)) FROM (
		  SELECT pid FROM pg_stat_activity
		  WHERE query ~ '^\s*INSERT INTO made' ORDER BY random() LIMIT 3) victim});
	usleep(50_000);
}
my ($ok, $said) = $node->finish_load($load);
cmp_ok($killed, '>', 6, 'terminate: sessions were killed');
my @aborted = $said =~ /terminating connection due to administrator command|server closed the connection/g;
cmp_ok(scalar @aborted, '>', 6, 'terminate: clients noticed');
my @strange = grep { /error/ && !/terminating connection|server closed|aborted|Run was aborted|PQ|perhaps|This probably/ } split /\n/, $said;
is("@strange", '', 'terminate: no other error');

my $before = $node->ids_are_right('terminate');
$node->load_ids(clients => 16, transactions => 20);
my $after = $node->ids_are_right('after terminate');
cmp_ok($after->{ids}, '>', $before->{ids}, 'after terminate: new IDs');
unlike($node->log_since, qr/terminated by signal|PANIC/, 'terminate: nothing crashed');

# --- while waiting ---

# Far more IDs than there are before the test's end.
my %wait = (
	next => 'SELECT count(snowflake_next()) FROM generate_series(1, 10000) a, generate_series(1, 10000) b',
	next_array => 'SELECT cardinality(snowflake_next_array(100000000))',
	next_set => 'SELECT count(*) FROM snowflake_next_set(1000000000)',
	reserve => 'SELECT count(*) FROM snowflake_reserve(2000000000)');

# Ranges are made in no time, nearly all of this is waiting. (Under a fake clock, SIGALRM does not end a system call.)
my ($out, $err) = $node->ask("SET statement_timeout = '300ms'; $wait{reserve}");
like($err, qr/ERROR:  57014: canceling statement due to statement timeout/, 'statement_timeout ends a wait');

# On a clock that stands still, all waits last for ever once the millisecond's 131072 IDs are spent.
$node->stop;
$node->fake_clock;
$node->start;
my $now = int(time) + 3600;
$node->stop_clock($now);

# Starts a statement that waits; returns the session and its process ID.
sub start_waiting
{
	my ($sql) = @_;
	my $session = $node->session;
	my ($pid) = $node->ask_session($session, 'SELECT pg_backend_pid()');
	$session->query_until(qr/begun/, "\\echo begun\n$sql;\n");
	return ($session, $pid);
}

sub seen_waiting
{
	my ($pid) = @_;
	return $node->poll_query_until('postgres',
		"SELECT wait_event_type = 'Extension' FROM pg_stat_activity WHERE pid = $pid AND state = 'active'");
}

for my $function (sort keys %wait)
{
	my ($session, $pid) = start_waiting($wait{$function});
	ok(seen_waiting($pid), "$function: waits, and says so in pg_stat_activity");
	my $asked = time;
	$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
	($out, $err) = $node->ask_session($session, 'SELECT 1');
	like($err, qr/ERROR:  57014: canceling statement due to user request/, "$function: can be cancelled");
	cmp_ok(time - $asked, '<', 5, "$function: answers soon");
	$node->stop_clock(++$now);
	($out, $err) = $node->ask_session($session,
		'SELECT snowflake_last() AS last \gset' . "\n" . 'SELECT snowflake_next() > :last');
	is($out, 't', "$function: the session goes on, with larger IDs") or diag $err;
	$session->quit;
}

# The event has a name of its own where PostgreSQL knows such names.
my ($session, $pid) = start_waiting($wait{reserve});
my $event = $node->pg_version < 17 ? 'Extension' : 'SnowflakeIdClock';
ok($node->poll_query_until('postgres', "SELECT wait_event = '$event' FROM pg_stat_activity WHERE pid = $pid"),
	"the wait event is $event");

# While it waits, it is in nobody's way.
like(($node->ask('SELECT count(*) FROM made'))[0], qr/^\d+$/, 'others can work meanwhile');

$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid"),
	'can be terminated while waiting');
eval { $session->quit };

$node->stop;
done_testing();
