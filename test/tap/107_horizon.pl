# The horizon itself: what it costs in WAL, in which transactions it moves, who may touch it, what the functions for those
# who run servers do with it.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeFault;
use SnowflakeTest qw($quick);
use Test::More;

my $node = start_faulty('horizon', conf => "max_worker_processes = 8\nmax_parallel_workers = 8");

sub sql { my ($sql, $dbname) = @_; return $node->safe_psql($dbname // 'postgres', $sql) }

# --- WAL ---

sub wal_bytes_of
{
	my ($session, $sql) = @_;
	my $position = sql('SELECT pg_current_wal_insert_lsn()');
	$node->ask_session($session, $sql);
	return sql("SELECT pg_current_wal_insert_lsn() - '$position'");
}

# After a checkpoint whoever is first to change a page pays for it: the first ID, and queries that leave hints in
# catalogs.
my $session = $node->session;
sql('CHECKPOINT');
wal_bytes_of($session, $_)
  for 'SELECT pg_sleep(0)', 'SELECT count(*) FROM snowflake_next_set(1)', 'SELECT count(*) FROM snowflake_reserve(1)';
is(wal_bytes_of($session, 'SELECT pg_sleep(' . ($quick ? 1 : 4) . ')'), 0, 'no WAL while nobody makes IDs');
cmp_ok(wal_bytes_of($session, 'SELECT count(*) FROM snowflake_next_set(1000000)'), '<=', 1024, 'at most 1 kB of WAL for a million IDs');
my $millions = $quick ? 100 : 500;
my $bytes = wal_bytes_of($session, "SELECT count(*) FROM snowflake_reserve(${millions}000000)");
cmp_ok($bytes, '<=', 1024, "at most 1 kB of WAL for $millions million IDs");
note "$bytes bytes of WAL for $millions million IDs";
$session->quit;

# --- Transactions ---

# Takes the signature off the horizon, so that the next session has to write it, whatever transaction it is in.
sub unsign
{
	my ($dbname) = @_;
	sql(q{SELECT setval('snowflake_id', last_value) FROM snowflake_id}, $dbname);
	is(sql('SELECT log_cnt FROM snowflake_id', $dbname), 0, 'nobody has signed the horizon') or die;
}

sub is_signed { my ($what, $dbname) = @_; is(sql('SELECT log_cnt <> 0 FROM snowflake_id', $dbname), 't', "$what: the horizon is written") }

# Before the clock is set to another time: worker processes may not see that (they are forked in a signal handler, in which
# libfaketime shows the true clock).
sql(q{CREATE TABLE source AS SELECT n FROM generate_series(1, 20000) n; ALTER TABLE source SET (parallel_workers = 3); ANALYZE source});
unsign();
my $in_workers = sql(q{
	SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
	SET parallel_leader_participation = off;
	BEGIN READ ONLY;
	EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF) SELECT count(DISTINCT id) FROM (SELECT snowflake_next() AS id FROM source OFFSET 0) made;
	SELECT 'distinct ' || count(DISTINCT id) FROM (SELECT snowflake_next() AS id FROM source OFFSET 0) made});
like($in_workers, qr/Workers Launched: [1-3]/, 'parallel workers: they were launched');
like($in_workers, qr/distinct 20000/, 'parallel workers: all IDs differ');
is_signed('parallel workers');

my $in_block = 'DO $$ DECLARE id bigint; BEGIN BEGIN id := snowflake_next(); RAISE division_by_zero; EXCEPTION WHEN division_by_zero THEN NULL; END;
	RAISE NOTICE $n$made %$n$, coalesce(id, snowflake_next()); END $$';
my %transactions = (
	'read-only transaction' => 'BEGIN READ ONLY; SELECT snowflake_next(); COMMIT',
	'serializable read-only transaction' => 'BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE; SELECT snowflake_next(); COMMIT',
	'default_transaction_read_only' => 'SET default_transaction_read_only = on; SELECT snowflake_next()',
	'rolled back' => 'BEGIN; SELECT snowflake_next(); ROLLBACK',
	'rolled back to a savepoint' => 'BEGIN; SAVEPOINT a; SELECT snowflake_next(); ROLLBACK TO a; COMMIT',
	'EXCEPTION block' => $in_block,
	'EXCEPTION block, read-only' => "BEGIN READ ONLY; $in_block; COMMIT",
	'cursor' => 'BEGIN; DECLARE c CURSOR FOR SELECT snowflake_next(); FETCH c; CLOSE c; ROLLBACK',
	'temporary table' => 'CREATE TEMP TABLE t AS SELECT snowflake_next() AS id; SELECT * FROM t');
for my $what (sort keys %transactions)
{
	# What is found unsigned counts as used up to the horizon: a time that the clock is past by then.
	fresh_start($node);
	unsign();
	my ($made, $said) = $node->ask($transactions{$what});
	like("$made$said", qr/^(made )?\d{15,}$|NOTICE:.* made \d{15,}/m, "$what: an ID is made") or diag "$made$said";
	unlike($said, qr/ERROR/, "$what: without an error");
	is_signed($what);
}

# --- The transaction of CREATE EXTENSION itself ---

# Where wal_level is minimal, nothing of a relation made in this transaction goes to WAL.
for my $wal_level (qw(minimal replica))
{
	my $what = "in the transaction of CREATE EXTENSION, wal_level $wal_level";
	my $dbname = "new_$wal_level";
	$node->append_conf('postgresql.conf', "wal_level = $wal_level\nmax_wal_senders = 0");
	$node->restart;
	fresh_start($node);
	sql("CREATE DATABASE $dbname");
	prepare_tables($node, $dbname);
	my $load = { node => $node, began => SnowflakeFault::server_time($node), members => [] };
	my ($made, $said) = $node->ask(q{
		BEGIN; CREATE EXTENSION snowflake_id; SELECT snowflake_next(); ROLLBACK;
		BEGIN; CREATE EXTENSION snowflake_id;
		INSERT INTO stored SELECT -1, 1, place, first_id, last_id FROM snowflake_reserve(100000000) WITH ORDINALITY AS r (first_id, last_id, place);
		COMMIT; CHECKPOINT;
		SELECT count(*) > 0 FROM snowflake_reserve(100)}, dbname => $dbname);
	is($said, '', "$what: no error");
	$load->{ended} = SnowflakeFault::server_time($node);
	kill_postmaster($node);
	start_replaying($node, $load);
	my $after = run_clients_again($node, $load, dbname => $dbname);
	replays($after, $load, $what);
	no_duplicates($node, $what, [$after], $dbname);
}

# --- Who may touch it ---

fresh_start($node);
sql(q{CREATE ROLE mallory LOGIN; SELECT snowflake_next(); CREATE DATABASE virgin});
sql('CREATE EXTENSION snowflake_id', 'virgin');
my @as_mallory = (extra_params => [ '-U', 'mallory' ]);
my $horizon = sql('SELECT log_cnt, is_called, last_value FROM snowflake_id');
for my $try ("SELECT nextval('snowflake_id')", "SELECT setval('snowflake_id', 1)", "SELECT setval('snowflake_id', 9000000000000000000)",
	'ALTER SEQUENCE snowflake_id RESTART', 'ALTER SEQUENCE snowflake_id INCREMENT BY 1', 'UPDATE snowflake_id SET last_value = 1',
	'DROP SEQUENCE snowflake_id', q{SELECT snowflake_observe(snowflake_from_timestamp(clock_timestamp() + '1 h'))},
	'SELECT snowflake_reset_clock()')
{
	my ($made, $said) = $node->ask($try, @as_mallory);
	like($said, qr/ERROR:  (42501|2200H|42809|55000)/, "a user is refused: $try") or diag $made;
}
# To be told of an ID asks for a horizon, as an ID does: it may have been moved on.
my ($signature, $bound) = $horizon =~ /^(.*)\|(\d+)$/;
is(sql(qq{SELECT log_cnt || '|' || is_called, last_value BETWEEN $bound AND snowflake_from_timestamp(clock_timestamp() + '4 s') FROM snowflake_id}),
	($signature =~ s/\|t$/|true/r) . '|t', 'and the horizon is where it was');
my (undef, $refused) = $node->ask(q{SELECT nextval('snowflake_id')});
like($refused, qr/ERROR:  2200H/, 'nextval() fails for a superuser, too');

# A sequence gives its first value away even if there is no second. This one has given it away from the beginning.
my (undef, $at_first) = $node->ask(q{SELECT nextval('snowflake_id')}, dbname => 'virgin', @as_mallory);
like($at_first, qr/ERROR:  2200H/, 'nextval() fails on a new sequence, too');
cmp_ok(abs(seconds_ahead($node, 'virgin')), '<', 4, 'nextval() on a new sequence changes nothing');

# Whoever signs a horizon that was set to an old value leaves it no earlier than what other sessions rely on; not even
# where the time is ahead of the clock, and a horizon is no longer put so far ahead.
sql('SELECT snowflake_next()');
$bound = sql('SELECT last_value FROM snowflake_id');
$node->set_clock_offset($node->{clock_offset} - 3600);
for my $set (q{SELECT setval('snowflake_id', 1)}, 'ALTER SEQUENCE snowflake_id RESTART')
{
	sql($set);
	sql('SELECT snowflake_next()');
	cmp_ok(sql('SELECT last_value FROM snowflake_id'), '>=', $bound, "$set: the horizon is no earlier than it was");
}
fresh_start($node);

# A superuser may put it to an old value: while the server lives, this brings no duplicate.
sql('TRUNCATE stored');
my $clients = start_clients($node);
for (1 .. ($quick ? 3 : 10))
{
	sql(q{SELECT setval('snowflake_id', 1)});
	pause(0.05);
	sql('ALTER SEQUENCE snowflake_id RESTART');
	pause(0.05);
	sql(q{SELECT setval('snowflake_id', snowflake_from_timestamp(now() - interval '1 hour'))});
	pause(0.05);
}
stop_clients($clients);
no_duplicates($node, 'setval() and RESTART under load', [$clients]);

# --- snowflake_observe() ---

sql('TRUNCATE stored');
my $other = $node->session;
my $elsewhere = $node->session('virgin');
$node->ask_session($_, 'SELECT snowflake_next()') for $other, $elsewhere;
sub id_in_hours { my ($hours) = @_; return sql("SELECT snowflake_from_timestamp(clock_timestamp() + $hours * interval '1 hour')") }

my $past = id_in_hours(-1);
sql("SELECT snowflake_observe($past)");
cmp_ok(abs(seconds_ahead($node)), '<', 4, 'observe() of an old ID changes nothing');

my $too_late = id_in_hours(8 * 24);
my (undef, $said) = $node->ask("SELECT snowflake_observe($too_late)");
like($said, qr/ERROR:  55000/, 'observe() of an ID beyond max_clock_drift: an error');
cmp_ok(abs(seconds_ahead($node)), '<', 4, 'observe() of an ID beyond max_clock_drift: nothing changed');
(undef, $said) = $node->ask('SELECT snowflake_observe(-1)');
like($said, qr/ERROR:  22003/, 'observe() of a negative ID: an error');

my $later = id_in_hours(2) | 0x3FFFFF;    # the very last ID of its millisecond
sql("SELECT snowflake_observe($later)");
cmp_ok(($node->ask_session($_->[1], 'SELECT snowflake_next()'))[0], '>', $later, "observe(): later IDs in $_->[0]")
  for [ 'another session', $other ], [ 'another database', $elsewhere ];
cmp_ok(sql('SELECT snowflake_next()'), '>', $later, 'observe(): later IDs in a new session');
cmp_ok(seconds_ahead($node), '<', 2 * 3600 + 1, 'observe(): not further ahead than it');
eval { $_->quit } for $other, $elsewhere;
sql("SELECT snowflake_observe($later)");
$node->stop('immediate');
start_again($node);
cmp_ok(sql('SELECT snowflake_next()'), '>', $later, 'observe(): later IDs after a crash');

# Not even one ID was made of that time: what was observed is durable by itself.
fresh_start($node);
sql('SELECT snowflake_reset_clock()');
my $latest = id_in_hours(48);
sql("SELECT snowflake_observe($latest)");
$node->stop('immediate');
start_again($node);
cmp_ok(sql('SELECT snowflake_next()'), '>', $latest, 'observe(), and at once a crash: later IDs');

# --- snowflake_clock() ---

sql(q{CREATE DATABASE another});
sql('CREATE EXTENSION snowflake_id', 'another');
$node->set_clock_offset($node->{clock_offset} + 49 * 3600);
$node->restart;
is(sql(q{
	SELECT latest IS NULL AND ahead = '0' AND setbacks = 0 AND wall_clock - horizon BETWEEN '50 min' AND '70 min'
	FROM snowflake_clock()}, 'another'),
	't', 'snowflake_clock() before the first ID');
my $incarnation = sql('SELECT snowflake_next(); SELECT incarnation FROM snowflake_clock()') =~ /(-?\d+)$/ ? $1 : die;
is(sql('SELECT incarnation FROM snowflake_clock()', 'another'), $incarnation, 'snowflake_clock(): one incarnation for all databases');
is(sql('SELECT log_cnt FROM snowflake_id'), $incarnation, 'snowflake_clock(): it is the one that signed the horizon');
is(sql(q{SELECT abs(extract(epoch FROM wall_clock - clock_timestamp())) < 1 AND latest <= horizon AND latest <= wall_clock
	AND horizon <= wall_clock + interval '3 s' AND ahead = '0' AND setbacks = 0 AND largest_setback = '0' FROM snowflake_clock()}),
	't', 'snowflake_clock(): a clock that is right') or diag sql('SELECT * FROM snowflake_clock()');
is(sql(q{
	SELECT snowflake_next() AS id \gset
	SELECT latest >= snowflake_timestamp(:id) AND latest < snowflake_timestamp(:id) + interval '1 s' FROM snowflake_clock()}),
	't', 'snowflake_clock(): the latest time used in an ID');
for my $step ([ 60, 1, 60 ], [ 5, 2, 60 ], [ 120, 3, 120 ])
{
	my ($seconds, $count, $largest) = @$step;
	$node->set_clock_offset($node->{clock_offset} - $seconds);
	sql('SELECT snowflake_next()');
	is(sql("SELECT setbacks, round(extract(epoch FROM largest_setback) / 5) * 5 FROM snowflake_clock()"), "$count|$largest",
		"snowflake_clock(): setback number $count, of $seconds s") or diag sql('SELECT * FROM snowflake_clock()');
}
is(sql(q{SELECT ahead BETWEEN '175 s' AND '186 s' FROM snowflake_clock()}), 't', 'snowflake_clock(): as far ahead as all of them together');
$node->restart;
isnt(sql('SELECT incarnation FROM snowflake_clock()'), $incarnation, 'snowflake_clock(): another incarnation after a restart');
is(sql('SELECT setbacks FROM snowflake_clock()'), 0, 'snowflake_clock(): setbacks are counted since start');

# --- An extension that is dropped and made anew, and a crash before its first ID ---

fresh_start($node);
my $before_drop = sql('SELECT snowflake_next()');
sql('DROP EXTENSION snowflake_id CASCADE; CREATE EXTENSION snowflake_id');
$node->stop('immediate');
$node->set_clock_offset($node->{clock_offset} - 60);
start_again($node);
cmp_ok(sql('SELECT snowflake_next()'), '>', $before_drop, 'dropped and made anew, then a crash: later IDs');

$node->stop;
done_testing();
