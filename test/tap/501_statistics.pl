# What operators are told is so: counters are exact against a load that is counted, before and after a session is killed;
# all of it can be read by pg_monitor, in a session that made no ID, without preload, and on a standby.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeTest qw($quick);
use Test::More;

my $primary = SnowflakeTest->start_new('counted', fake_clock => 1, init => [ allows_streaming => 1 ],
	conf => "restart_after_crash = on\nmax_connections = 50");
$primary->safe_psql('postgres', q{
	CREATE ROLE watcher LOGIN;
	GRANT pg_monitor TO watcher;
	SELECT snowflake_create_generator('ordered', ordered => true);
	SELECT snowflake_create_generator('chat', 'discord');
	SELECT snowflake_create_generator('slow', 'timestamp:35 node:8 worker:4 sequence:6 unit:100ms epoch:2026-01-01')});

# A new connection each time, which makes no ID.
sub watch
{
	my ($node, $sql, $dbname) = @_;
	return $node->safe_psql($dbname // 'postgres', $sql, extra_params => [ '-U', 'watcher' ]);
}

sub stat_of { return watch($_[0], "SELECT $_[1] FROM snowflake_stat WHERE layout = '" . ($_[2] // 'snowflake_id') . "'") }

# --- Before anything was made ---

is(watch($primary, 'SELECT version, node, node_source, preloaded, sessions FROM snowflake_status'),
	'1.0|0|default|f|0', 'status: in a session that made no ID, without preload');
is(watch($primary, q{SELECT count(*) FROM snowflake_health WHERE state IN ('ok', 'warning', 'critical')}), 9, 'health: nine checks');
is(watch($primary, 'SELECT coalesce(sum(ids), 0) FROM snowflake_stat'), 0, 'stat: no IDs yet');

# --- A load that is counted ---

my %load = (clients => $quick ? 8 : 32, transactions => $quick ? 20 : 100);
my %script = (
	single => q{SELECT snowflake_next() FROM generate_series(1, 30)},
	bulk => q{SELECT cardinality(snowflake_next_array(5000)), count(*) FROM snowflake_reserve(700)},
	set => q{SELECT count(*) FROM snowflake_next_set(1000)},
	ordered => q{SELECT snowflake_next('ordered') FROM generate_series(1, 50)},
	chat => q{SELECT snowflake_next('chat') FROM generate_series(1, 40)},
	slow => q{SELECT snowflake_next('slow')},
	rolled_back => q{BEGIN; SELECT snowflake_next() FROM generate_series(1, 20); ROLLBACK});
my %ids = (single => 30, bulk => 5700, set => 1000, ordered => 50, chat => 40, slow => 1, rolled_back => 20);

# Runs one script after the other; the IDs by layout.
sub counted_load
{
	my ($node) = @_;
	my %made;
	for my $name (sort keys %script)
	{
		my $clients = $name eq 'slow' ? 4 : $load{clients};
		$node->finish_load($node->start_load(%load, clients => $clients, scripts => [ $script{$name} ])) or die "load $name failed";
		$made{ $name eq 'chat' ? 'discord' : $name eq 'slow' ? 'slow' : 'snowflake_id' } += $clients * $load{transactions} * $ids{$name};
	}
	return %made;
}

my $slow = $primary->safe_psql('postgres', q{SELECT layout FROM snowflake_generators WHERE generator = 'slow'::regclass});
my %made = counted_load($primary);
is(stat_of($primary, 'ids'), $made{snowflake_id}, "counted load: $made{snowflake_id} IDs of the standard layout, exactly");
is(stat_of($primary, 'ids', 'discord'), $made{discord}, 'counted load: those of another layout');
is(stat_of($primary, 'ids', $slow), $made{slow}, 'counted load: those of a layout with long ticks');
is(watch($primary, 'SELECT sum(sessions) FROM snowflake_stat'), 0, 'no session is left');
cmp_ok(stat_of($primary, 'reservations'), '>', 0, 'reservations were made: ' . stat_of($primary, 'reservations'));
cmp_ok(stat_of($primary, 'peak_ids'), '<=', stat_of($primary, 'tick_ids'), 'no tick has more IDs than it has');
cmp_ok(stat_of($primary, 'horizon_moves'), '>=', 1, 'the horizon was moved');

# --- What is not reported yet, and the own session ---

my $session = $primary->session;
my ($own) = $primary->ask_session($session, q{SELECT count(snowflake_next()) FROM generate_series(1, 7)});
my $before = $made{snowflake_id};
is(($primary->ask_session($session, 'SELECT ids FROM snowflake_stat WHERE layout = \'snowflake_id\''))[0], $before + 7,
	'a session finds all that it made itself');
is(watch($primary, 'SELECT sessions FROM snowflake_status'), 1, 'it is there');
$primary->ask_session($session, 'SELECT snowflake_next(), pg_sleep(0.02)');
my $seen = stat_of($primary, 'ids');
cmp_ok($seen, '>=', $before + 7, 'others find what it made before its last tick');
cmp_ok($seen, '<=', $before + 8, 'and no more than it made');
$session->quit;
is(stat_of($primary, 'ids'), $before + 8, 'all of it when it has ended');

# --- All IDs of a moment ---

my $flood = $primary->start_load(clients => 3, transactions => $quick ? 2 : 5,
	scripts => [ 'SELECT cardinality(snowflake_next_array(3000000))' ]);
$primary->finish_load($flood) or die 'no flood';
for my $count (qw(ticks_spent hops))
{
	cmp_ok(stat_of($primary, $count), '>', 100, "a flood: $count");
}
cmp_ok(stat_of($primary, 'clock_waits + share_waits'), '>', 2, 'a flood: calls waited');
cmp_ok(stat_of($primary, 'clock_wait_time + share_wait_time'), '>', 1, 'a flood: for more than a millisecond in all');
is(watch($primary, q{SELECT state FROM snowflake_health WHERE name = 'peak_use'}), 'warning', 'a flood: it shows in peak_use');

my $busy = $primary->start_load(clients => 1, seconds => 3, scripts => [ 'SELECT count(snowflake_next()) FROM generate_series(1, 100000)' ]);
select(undef, undef, undef, 2);
is(watch($primary, q{SELECT count(*) FROM snowflake_stat_workers WHERE layout = 'snowflake_id'}), 32, 'workers: a row each');
is(watch($primary, q{SELECT sum(sessions) FROM snowflake_stat_workers WHERE layout = 'snowflake_id'}), 1, 'workers: one has a session');
cmp_ok(watch($primary, 'SELECT max(used) FROM snowflake_stat_workers'), '>', 0.01, 'workers: the last second was used');
cmp_ok(watch($primary, 'SELECT max(used) FROM snowflake_stat_workers'), '<=', 1, 'workers: of all that there is');
$primary->finish_load($busy) or die 'nobody was busy';

# --- A session is killed: the server begins a new life, and counts from zero ---

my $started = watch($primary, 'SELECT started FROM snowflake_status');
my $victim = $primary->session;
my ($pid) = $primary->ask_session($victim, 'SELECT pg_backend_pid() FROM snowflake_next()');
kill('KILL', $pid) or die "cannot kill $pid";
$primary->poll_query_until('postgres', "SELECT started > '$started' FROM snowflake_status") or die 'no new life';
%made = counted_load($primary);
is(stat_of($primary, 'ids'), $made{snowflake_id}, 'after kill -9: exact from the new start on');
is(watch($primary, q{SELECT stats_reset = started FROM snowflake_status}), 't', 'after kill -9: and it says since when');

# --- The clock ---

$primary->set_clock_offset(-40);
$primary->ask('SELECT snowflake_next(), pg_sleep(0.05)') for 1 .. 5;
is(stat_of($primary, 'setbacks'), 1, 'clock set back: counted once');
like(stat_of($primary, 'largest_setback'), qr/^00:00:(39|40)/, 'clock set back: by how much');
cmp_ok(stat_of($primary, 'ahead_time'), '>', 50, 'clock set back: for how long IDs were ahead');
like(watch($primary, 'SELECT ahead FROM snowflake_status'), qr/^00:00:[34]\d/, 'clock set back: how far they are');
$primary->set_clock_offset(-20 * 86400);
my (undef, $said) = $primary->ask('SELECT snowflake_next()');
like($said, qr/55000/, 'clock too far back: an error');
is(stat_of($primary, 'rejected_clock'), 1, 'clock too far back: counted');
$primary->set_clock_offset(0);

# --- Reset ---

like((as_watcher('SELECT snowflake_stat_reset()'))[1], qr/42501/, 'reset: not for those who only watch');
sub as_watcher { return $primary->ask($_[0], extra_params => [ '-U', 'watcher' ]) }
$primary->safe_psql('postgres', 'SELECT snowflake_stat_reset()');
is(watch($primary, 'SELECT count(*), coalesce(sum(ids), 0) FROM snowflake_stat'), '0|0', 'reset: nothing is left');
is(watch($primary, 'SELECT stats_reset > started FROM snowflake_status'), 't', 'reset: and it says since when');

# --- A standby ---

$primary->backup('base');
my $standby = SnowflakeTest->new('reader');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
is(watch($standby, 'SELECT sessions, horizon IS NOT NULL, horizon_durable IS NULL FROM snowflake_status'), '0|t|t', 'standby: status');
$standby->ask('SELECT snowflake_next()') for 1 .. 3;
is(stat_of($standby, 'rejected_standby'), 3, 'standby: calls that failed are counted');
is(watch($standby, 'SELECT count(*) FROM snowflake_health'), 9, 'standby: health');

$standby->stop;
$primary->stop;
done_testing();
