# Each alert fires by the fault that it is for, and clears when that is repaired; none fires before. Real servers under
# load, whose clocks are set, whose registry hangs, whose standby is gone; a real exporter, a real Prometheus.
#
# What the dashboard shows of it is left in TESTDIR/panels: picture.gp draws it.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeFault;
use SnowflakeMonitoring qw(alert_names kernel_clock kernel_says);
use SnowflakeRegistry;
use SnowflakeTest qw($quick);
use Test::More;
use Time::HiRes qw(time);

# One server that nobody has given a number, and one whose number is granted.
my @libraries = (libraries => [ kernel_clock() ]);
my $alone = start_faulty('alone', @libraries, init => [ allows_streaming => 1 ]);
my $registry = $quick ? undef : SnowflakeRegistry->start('postgresql', lease => 15);
my $granted = $registry && $registry->start_server('granted', @libraries, conf => 'snowflake_id.registry_wait = 100ms');
my %servers = (alone => { node => $alone }, $granted ? (granted => { node => $granted }) : ());
my $monitoring = SnowflakeMonitoring->start(%servers);
my $began = int time;

sub sql { return $alone->safe_psql('postgres', $_[0]) }

# Clients that ask for an ID now and then, whatever they are answered.
sub start_asking
{
	my ($node) = @_;
	my $ask = q{while sleep 0.05 && echo 'SELECT snowflake_next();'; do :; done 2>/dev/null | psql -Xq -d "$1" >/dev/null 2>&1};
	return IPC::Run::start([ qw(setpriv --pdeathsig KILL sh -c), $ask, 'asking', $node->connstr('postgres') ]);
}

my @asking = map { start_asking($_->{node}) } values %servers;

# --- Alerts that fire and clear ---

my %cleared;

sub fire_by
{
	my ($what, $server, $alerts, $fault) = @_;
	my %before = map { ($_ => 1) } $monitoring->firing($server);
	$fault->();
	for my $alert (@$alerts)
	{
		ok(!$before{$alert}, "$alert does not fire before");
		my $seconds = $monitoring->wait_for_alert($alert, $server, 60);
		ok(defined $seconds, "$alert fires when $what");
		note sprintf '%s fired after %.1f s, beside it: %s', $alert, $seconds // 'nan', join ' ', $monitoring->firing($server);
		my $summary = ($monitoring->annotations_of($alert, $server) // {})->{summary} // 'nothing';
		like($summary, qr/^$server\b(?!.*<(?:no value|error))/, "$alert says: $summary");
	}
}

sub clear_by
{
	my ($what, $server, $alerts, $repair) = @_;
	$repair->();
	for my $alert (@$alerts)
	{
		my $seconds = $monitoring->wait_until_quiet($alert, $server, 60);
		ok(defined $seconds, "$alert clears when $what");
		note sprintf '%s cleared after %.1f s', $alert, $seconds // 'nan';
		$cleared{$alert} = defined $seconds;
	}
}

ok($monitoring->wait_for('snowflake_id_stat_ids_total > 0', 30), 'IDs are made');
is_deeply([ $monitoring->firing($_) ], [], "$_: no alert fires") for sort keys %servers;

fire_by('the clock is set back', 'alone', ['SnowflakeIdAheadOfClock'], sub { $alone->set_clock_offset(-9) });
clear_by('it is right again', 'alone', ['SnowflakeIdAheadOfClock'], sub { $alone->set_clock_offset(0) });
finish() if $quick;

fire_by('the clock leaps ahead', 'alone', ['SnowflakeIdClockLeapt'], sub { $alone->set_clock_offset(12) });
clear_by('it is right again', 'alone', ['SnowflakeIdClockLeapt'], sub { $alone->set_clock_offset(0) });

fire_by('no time daemon keeps the clock', 'alone', ['SnowflakeIdClockUnsynchronised'], sub { kernel_says('5 200 16000000') });
clear_by('one does', 'alone', ['SnowflakeIdClockUnsynchronised'], sub { kernel_says('0 200 30000') });

my $greedy;
fire_by('clients take all IDs there are', 'alone', ['SnowflakeIdSpent'],
	sub { $greedy = start_clients($alone, restless => 1, kinds => [qw(given_ranges given_ranges)]) });
clear_by('they have gone', 'alone', ['SnowflakeIdSpent'], sub { stop_clients($greedy) });

fire_by('the registry hangs', 'granted', ['SnowflakeIdGrantLate'], sub { $registry->freeze });
fire_by('the registry has hung for a lease', 'granted', [qw(SnowflakeIdNoNumber SnowflakeIdRejected)], sub { });
clear_by('it is back', 'granted', [qw(SnowflakeIdGrantLate SnowflakeIdNoNumber SnowflakeIdRejected)], sub { $registry->thaw });

sub replicate_to { sql("ALTER SYSTEM SET synchronous_standby_names = '$_[0]'"); $alone->reload }
fire_by('the synchronous standby is gone', 'alone', ['SnowflakeIdHorizonStuck'], sub { replicate_to('heir') });
clear_by('nobody is to be waited for', 'alone', ['SnowflakeIdHorizonStuck'], sub { replicate_to('') });

fire_by('a layout is near its end', 'alone', ['SnowflakeIdLayoutEnds'],
	sub { sql(q{SELECT snowflake_create_generator('old', 'timestamp:39 node:10 sequence:14 epoch:2010-01-01')}) });
clear_by('nobody uses it any more', 'alone', ['SnowflakeIdLayoutEnds'], sub { sql('DROP SEQUENCE old') });

fire_by('rows are sent to other servers by one without a number', 'alone', ['SnowflakeIdMisconfigured'],
	sub { sql('CREATE PUBLICATION everything FOR ALL TABLES') });
clear_by('it has a number', 'alone', ['SnowflakeIdMisconfigured'],
	sub { sql('SELECT snowflake_next(); ALTER SYSTEM SET snowflake_id.node_id = 3'); $alone->reload });

sql(q{CREATE TABLE received (id bigint);
	CREATE TRIGGER conflict BEFORE INSERT ON received FOR EACH ROW EXECUTE FUNCTION snowflake_node_conflict_trigger('id', 'warning');
	ALTER TABLE received ENABLE REPLICA TRIGGER conflict});
fire_by('a row of another server bears the number of this one', 'alone', ['SnowflakeIdNodeConflict'],
	sub { sql(q{SET session_replication_role = replica; INSERT INTO received VALUES (snowflake_encode(now() + interval '1 hour', 3, 0, 0))}) });
clear_by('the statistics are reset', 'alone', ['SnowflakeIdNodeConflict'], sub { sql('SELECT snowflake_stat_reset()') });

fire_by('the exporter is gone', 'alone', ['SnowflakeIdNoData'], sub { $monitoring->stop('exporter_alone') });
clear_by('it is back', 'alone', ['SnowflakeIdNoData'], sub { $monitoring->start_exporter('alone') });

is_deeply([ sort keys %cleared ], [ sort(alert_names()) ], 'these are all alerts that there are');
is_deeply([ $monitoring->firing($_) ], [], "$_: no alert fires in the end") for sort keys %servers;
$monitoring->write_panels("$ENV{TESTDIR}/panels", $began, int time);
finish();

sub finish
{
	$_->kill_kill for @asking;
	undef $monitoring;
	$_->{node}->stop for values %servers;
	done_testing();
	exit;
}
