# Synchronous replication. A session makes IDs only up to a horizon that the standby has confirmed as the session's
# synchronous_commit asks. So while the link hangs it goes on for some seconds, then waits, visibly and so that it can
# be cancelled, until the link is back or nobody is to be waited for. After a failover to the standby, on a clock that
# replays what was made, no ID that such a session gave to its client is made again.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils qw(slurp_file);
use SnowflakeFault;
use SnowflakeTest qw($quick);
use Test::More;
use Time::HiRes qw(time);

my $window = 3;    # how far ahead of the clock a horizon lies, in seconds
my @waiting_modes = qw(remote_write on remote_apply);
my $primary = start_faulty('primary',
	init => [ allows_streaming => 1 ], conf => "synchronous_commit = on\nwal_keep_size = 1GB\n");
$primary->backup('base');
my $standby = SnowflakeTest->new('heir');
$standby->fake_clock;
$standby->init_from_backup($primary, 'base', has_streaming => 1);
# It reports when it has received something, and not besides: nobody may rely on a report that happens to come.
$standby->append_conf('postgresql.conf', 'wal_receiver_status_interval = 1h');
$standby->start;
sub sql { return $primary->safe_psql('postgres', $_[0]) }

sub replicate_to
{
	my ($names) = @_;
	sql("ALTER SYSTEM SET synchronous_standby_names = '$names'");
	$primary->reload;
	is_synchronous() if $names;
}

sub is_synchronous
{
	$primary->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'})
	  or die 'the standby is not synchronous';
}

replicate_to('heir');
sql('INSERT INTO stored (session) VALUES (0); SELECT snowflake_next()');

# Nothing is sent to the standby any more, and the connection is there.
my $sender;
sub hang_link
{
	$sender = sql('SELECT pid FROM pg_stat_replication');
	kill('STOP', $sender) or die "cannot stop $sender: $!";
}
sub mend_link { kill('CONT', $sender) or die "cannot continue $sender: $!" }

# --- Clients that ask for one ID after the other for longer than the window ---

my $ask = 'SELECT count(snowflake_next()) FROM generate_series(1, 210) n, LATERAL pg_sleep(0.02 + 0 * n)';

sub start_asking
{
	my ($name, $mode, $settings, $sql) = @_;
	my $client = { name => $name, out => '', err => '', began => time };
	local $ENV{PGOPTIONS} = "-c synchronous_commit=$mode " . ($settings // '');
	$client->{harness} = IPC::Run::start(
		[ 'psql', '-XAtq', '-v', 'VERBOSITY=verbose',
			'-d', $primary->connstr('postgres') . " application_name=asking_$name", '-c', $sql // $ask ],
		'>', \$client->{out}, '2>', \$client->{err}, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return $client;
}

sub finish_asking
{
	my ($client) = @_;
	$client->{harness}->finish;
	chomp $client->{out};
	return time;
}

# Tests that these wait for what only the extension waits for.
sub come_to_wait
{
	my ($what, @clients) = @_;
	my $names = join ', ', map { "'asking_$_->{name}'" } @clients;
	my $begin = time;
	my %waiting;
	while (keys %waiting < @clients && time - $begin < $window + 7)
	{
		$waiting{$_} = 1 for split /\n/, sql("SELECT application_name FROM pg_stat_activity
			WHERE application_name IN ($names) AND state = 'active' AND wait_event_type = 'Extension'");
		pause(0.1);
	}
	is(scalar keys %waiting, scalar @clients, "$what: sessions wait, with a wait event");
	cmp_ok(time - $begin, '<', $window + 5, "$what: when they have used up what was confirmed");
}

sub go_on
{
	my ($what, @clients) = @_;
	my $begin = time;
	for my $client (@clients)
	{
		finish_asking($client);
		is("$client->{out}$client->{err}", 210, "$what: $client->{name} goes on by itself");
	}
	cmp_ok(time - $begin, '<', 8, "$what: soon");
}

sub insert_waits
{
	my ($what) = @_;
	my $event = sql(q{SELECT wait_event FROM pg_stat_activity WHERE application_name = 'asking_insert'});
	is($event, 'SyncRep', "$what: an INSERT waits for the standby");
}

# --- The link hangs, and is back ---

hang_link();
my @asking = map { start_asking($_, $_) } @waiting_modes;
my $local = start_asking('local', 'local');
my $insert = start_asking('insert', 'on', '', 'INSERT INTO stored (session) VALUES (-1) RETURNING session');
my $cancelled = start_asking('cancelled', 'on');
my $timed = start_asking('timed', 'on', '-c statement_timeout=4000');
come_to_wait('the link hangs', @asking, $cancelled);
insert_waits('the link hangs');

sql(q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'asking_cancelled'});
my $asked = time;
cmp_ok(finish_asking($cancelled) - $asked, '<', 2, 'the link hangs: a session that waits can be cancelled');
like($cancelled->{err}, qr/ERROR:  57014: canceling statement due to user request/, 'the link hangs: it says so');
finish_asking($timed);
like($timed->{err}, qr/ERROR:  57014: canceling statement due to statement timeout/,
	'the link hangs: statement_timeout ends a wait');
go_on('the link hangs, synchronous_commit = local', $local);
mend_link();
go_on('the link is back', @asking);
finish_asking($insert);
is($insert->{out}, -1, 'the link is back: so does the INSERT');

# --- The link hangs, and nobody is to be waited for any more; then somebody is again ---

sub without_standby
{
	hang_link();
	@asking = map { start_asking($_, $_) } @waiting_modes;
	come_to_wait('the link hangs again', @asking);
	replicate_to('');
	go_on('no synchronous standby any more', @asking);
	mend_link();

	# The horizon is moved while nobody is asked, and not so near that the next session has to move it again: the
	# standby has it, and says nothing more of it by itself.
	pause(1.2);
	sql('SELECT snowflake_next()');
	$primary->wait_for_catchup($standby);
	replicate_to('heir');
	my $begin = time;
	my ($made, $said) = $primary->ask(q{SET statement_timeout = '5s'; SELECT snowflake_next() > 0});
	is($made, 't', 'a synchronous standby again: an ID is made') or diag $said;
	cmp_ok(time - $begin, '<', 1, 'a synchronous standby again: soon');
}

# A standby that has flushed WAL replays it before it is promoted: nobody has to wait until it has done so.
sub with_replay_paused
{
	$standby->safe_psql('postgres', 'SELECT pg_wal_replay_pause()');
	my $asking = start_asking('remote_apply', 'remote_apply');
	$insert = start_asking('insert', 'remote_apply', '', 'INSERT INTO stored (session) VALUES (-2) RETURNING session');
	go_on('replay is paused', $asking);
	insert_waits('replay is paused');
	$standby->safe_psql('postgres', 'SELECT pg_wal_replay_resume()');
	finish_asking($insert);
}

unless ($quick)
{
	without_standby();
	with_replay_paused();
}

# --- The link hangs, the primary is lost, the standby is promoted ---

$primary->stop;
fresh_clock($primary);
start_again($primary);
$standby->set_clock_offset($primary->{clock_offset});
is_synchronous();
sql('SELECT snowflake_next()');

# A process that has ended may not be buried yet.
sub is_running { my ($pid) = @_; return -e "/proc/$pid" && slurp_file("/proc/$pid/stat") !~ /\) Z / }

my $waited = 0;
my @modes = ('local', @waiting_modes);
my %before =
  map { ($_ => start_clients($primary, kinds => ['given_ranges'], settings => { synchronous_commit => $_ })) } @modes;
pause(0.5);
hang_link();
pause($window + 1.5);
my @sessions = split /\n/, sql(q{SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'client%'});
kill_postmaster($primary);
kill('KILL', $sender);    # the last one who could tell the standby
pause(0.1) while grep({ is_running($_) } @sessions) && $waited++ < 50;
is(scalar grep({ is_running($_) } @sessions), 0, 'the primary is lost: sessions that wait for the standby end with it');
kill('KILL', grep { is_running($_) } @sessions);
wait_for_clients($before{$_}) for @modes;

set_clock_back_to($standby, $before{local});
$standby->promote;
$standby->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die 'the standby was not promoted';
my $after = start_clients($standby, restless => 1, kinds => ['given_ranges'], replaying => $before{local});
pause(1.5);
stop_clients($after);
for my $mode (@modes)
{
	my ($ids) = count_made($standby, 'postgres', 'TABLE given', $before{$mode});
	my $common = common_ids($standby, $before{$mode}, $after);
	cmp_ok($ids, '>', 100_000, "failover, $mode: many IDs were given");
	if ($mode ne 'local') { is($common, 0, "failover, $mode: none is made again") }
	else { cmp_ok($common, '>', 0, "failover, $mode: some are made again, as nobody had asked for the standby") }
	is(said_by_clients($before{$mode}), '', "failover, $mode: no client met an error");
}
is(said_by_clients($after), '', 'failover: nor after it');

$standby->stop;
done_testing();
