# snowflake_create_partitions(), snowflake_drop_partitions(): several callers at once, writers meanwhile, other
# sessions' locks, a clock that is wrong. What they create and refuse is tested in sql/partitions.sql.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeTest;
use Test::More;

my $node = SnowflakeTest->start_new('partitions', fake_clock => 1, conf => "fsync = off\nautovacuum = off");
sub sql { return $node->safe_psql('postgres', join ";\n", @_) }
my $count = q{SELECT count(*) FROM snowflake_partitions WHERE relation = 'events'::regclass};
my $create = q{SELECT snowflake_create_partitions('events', '1 day', '30 days')};

sql('CREATE TABLE events (id bigint DEFAULT snowflake_next() PRIMARY KEY, what text) PARTITION BY RANGE (id)');

# --- two at once: the second waits for the first, and finds nothing to do ---

my ($first, $second) = ($node->session, $node->session);
my ($created) = $node->ask_session($first, "BEGIN; $create");
is(scalar(() = $created =~ /events_p/g), 31, 'the first creates them');
my ($pid) = $node->ask_session($second, 'SELECT pg_backend_pid()');
$second->query_until(qr/begun/, "\\echo begun\n$create;\n");
ok($node->poll_query_until('postgres', "SELECT EXISTS (SELECT FROM pg_locks WHERE pid = $pid AND NOT granted)"),
	'the second waits');
is(sql('SELECT count(*) FROM events'), 0, '... while others read');
$node->ask_session($first, 'COMMIT');
my ($out, $err) = $node->ask_session($second, 'SELECT 1');
is("$out$err", '1', '... creates none, and meets no error');
is(sql($count), 31, 'each is there once');

# --- writers go on while partitions are created ---

$node->ask_session($first, "BEGIN; SELECT snowflake_create_partitions('events', '1 day', '40 days')");
is(sql(q{SET lock_timeout = '5s'}, q{INSERT INTO events (what) VALUES ('meanwhile')}, q{SELECT what FROM events}), 'meanwhile',
	'rows are written and read while partitions are being created');
$node->ask_session($first, 'ROLLBACK');
is(sql($count), 31, 'rolled back, they are gone');

# --- nothing to do: no lock that anybody waits for ---

$node->ask_session($first, q{BEGIN; INSERT INTO events (what) VALUES ('open')});
is(sql(q{SET lock_timeout = '5s'}, $create, q{SELECT snowflake_drop_partitions('events', '1 day')}), '',
	'with nothing to do, they wait for no writer');
$node->ask_session($first, 'ROLLBACK');

# --- the view waits for nobody ---

my ($locked) = split /\n/, sql('SELECT partition FROM snowflake_partitions ORDER BY from_time');
$node->ask_session($first, "BEGIN; LOCK TABLE $locked");
($out) = $node->ask(q{SET lock_timeout = '5s'; SELECT count(*) FILTER (WHERE size IS NULL) || ' ' || count(*) FROM snowflake_partitions});
is($out, '1 31', 'a partition that is locked has no size in the view');
$node->ask_session($first, 'COMMIT');

# --- two that drop at once ---

sql(q{SELECT format('CREATE TABLE old PARTITION OF events FOR VALUES FROM (%s) TO (%s)',
	snowflake_from_timestamp(now() - interval '90 days'), snowflake_from_timestamp(now() - interval '80 days')) \gexec});
my $drop = q{SELECT snowflake_drop_partitions('events', '30 days')};
($out, $err) = $node->ask_session($first, "BEGIN; $drop");
is("$out$err", 'public.old', 'one is over');
$second->query_until(qr/begun/, "\\echo begun\n$drop;\n");
ok($node->poll_query_until('postgres', "SELECT EXISTS (SELECT FROM pg_locks WHERE pid = $pid AND NOT granted)"),
	'the second waits');
$node->ask_session($first, 'COMMIT');
($out, $err) = $node->ask_session($second, 'SELECT 1');
is("$out$err", '1', '... drops none, and meets no error');

# --- a call that drops nothing keeps no lock: two that drop later would wait for each other ---

my ($pid_of_first) = $node->ask_session($first, 'SELECT pg_backend_pid()');
$node->ask_session($first, "BEGIN; $drop");
is(sql("SELECT count(*) FROM pg_locks WHERE pid = $pid_of_first AND relation = 'events'::regclass"), 0,
	'a call that drops nothing keeps no lock');
$node->ask_session($first, 'COMMIT');

# --- a snapshot that is old: what another has created since is seen nevertheless ---

$node->ask_session($first, 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM events');
sql(q{SELECT snowflake_create_partitions('events', '1 day', '33 days')});
($out, $err) = $node->ask_session($first, q{SELECT snowflake_create_partitions('events', '1 day', '33 days')});
is("$out$err", '', 'in an old snapshot, those are seen that others have created');
$node->ask_session($first, 'COMMIT');

# --- the clock ---

$node->set_clock_offset(60 * 86400);
($out, $err) = $node->ask($drop);
like($err, qr/ERROR:  55000: no partition of table "events" reaches the present/, 'a clock far ahead drops nothing');
is(sql($count), 34, '... none');
my $midnight = int(time / 86400) * 86400;
$node->set_clock($midnight + 32.5 * 86400);
is(scalar(() = sql(q{SELECT snowflake_drop_partitions('events', '30 days')}) =~ /events_p/g), 2,
	'as days go by, those are dropped that have ended 30 days ago');
$node->set_clock_offset(-3 * 86400);
is(sql($drop), '', 'a clock set back drops nothing');

# --- days of UTC, also where a day of the session's time zone has 25 hours ---

$node->set_clock(1793507400); # 2026-11-01 04:30 UTC, half past midnight in New York
for my $zone ('UTC', 'America/New_York', 'Asia/Kathmandu')
{
	sql('DROP TABLE IF EXISTS hours', 'CREATE TABLE hours (id bigint PRIMARY KEY) PARTITION BY RANGE (id)');
	is(sql("SET TimeZone = '$zone'", q{SELECT count(*) FROM snowflake_create_partitions('hours', '1 hour', '1 day')}), 25,
		"$zone: a day ahead is 24 hours");
	is(sql(q{SET TimeZone = 'UTC'}, q{SELECT min(from_time) || ' ' || max(to_time) || ' ' || min(partition::text) FROM snowflake_partitions
		WHERE relation = 'hours'::regclass}),
		'2026-11-01 04:00:00+00 2026-11-02 05:00:00+00 hours_p20261101_04', '... of UTC');
}

$_->quit for $first, $second;
$node->stop;
done_testing();
