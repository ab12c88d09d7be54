# snowflake_analyze(): whose tables it reads, that it shows what it is at and can be cancelled at any time, what it
# leaves behind then, and that its memory has a limit. What it says is tested in sql/analyze.sql.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeTest qw($quick);
use Test::More;
use Time::HiRes qw(time);

my $rows = $quick ? 1_000_000 : 10_000_000;
my $node = SnowflakeTest->start_new('analyze',
	conf => "fsync = off\nautovacuum = off\nmax_wal_size = 4GB\nlog_temp_files = 0\nmaintenance_work_mem = 8MB\nmax_parallel_workers_per_gather = 0");
sub sql { return $node->safe_psql('postgres', join ";\n", @_) }
sub as { return ($node->ask($_[1], extra_params => [ '-U', $_[0] ]))[1] }
sub fact { return sql("SELECT value FROM snowflake_analyze($_[0]) WHERE fact = '$_[1]'") }

# --- a large table, in random order, so that sorting takes its time ---

sql('CREATE UNLOGGED TABLE large (id bigint)');
sql("INSERT INTO large SELECT (snowflake_from_timestamp('2026-01-01') + (i * 7919 % $rows << 22)) FROM generate_series(1::bigint, $rows) i");
sql('INSERT INTO large SELECT id FROM large LIMIT 5');
my $began = time;
my $log = -s $node->logfile;
is(sql(q{SELECT string_agg(value, ' ' ORDER BY fact COLLATE "C") FROM snowflake_analyze('large')
	WHERE fact IN ('IDs', 'duplicates', 'NULL', 'largest gap')}),
	join(' ', $rows + 5, 0, 5, '00:00:00.001'), 'all are counted');
diag sprintf '%d rows: %.1f s', $rows, time - $began;
like($node->log_since($log), qr/temporary file: path/, '... sorted on disk, as they do not fit in maintenance_work_mem');
$began = time;
my $sampled = fact(q{'large', sample => 1}, 'rows');
diag sprintf 'a sample of 1 %%: %.2f s', time - $began;
cmp_ok(abs($sampled / $rows - 0.01), '<', 0.005, 'a sample of 1 % reads about as many rows');
like(as('postgres', q{SET temp_file_limit = '1MB'; SELECT * FROM snowflake_analyze('large')}), qr/ERROR:  53400/,
	'temp_file_limit holds');

# --- it can be cancelled, in all that it does ---

my %event = (scan => 'SnowflakeIdAnalyzeScan', sort => 'SnowflakeIdAnalyzeSort', count => 'SnowflakeIdAnalyzeCount');
sub temporary_files { return sql(q{SELECT count(*) FROM pg_ls_tmpdir()}) }

# Whether it was seen in that state, and cancelled in it. Before 17 all states have one name, and any will do.
sub cancel_in
{
	my ($state) = @_;
	my $event = $node->pg_version < 17 ? 'Extension' : $event{$state};
	my $session = $node->session;
	my ($pid) = $node->ask_session($session, 'SELECT pg_backend_pid()');
	$session->query_until(qr/begun/, "SET maintenance_work_mem = '1GB';\n\\echo begun\nSELECT * FROM snowflake_analyze('large');\n");
	my $seen = sql(qq{DO \$\$
		DECLARE deadline timestamptz := clock_timestamp() + interval '60 s';
		BEGIN
		  LOOP
		    PERFORM pg_stat_clear_snapshot();
		    IF EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid AND state = 'active' AND wait_event = '$event') THEN
		      PERFORM pg_cancel_backend($pid);
		      RETURN;
		    END IF;
		    IF clock_timestamp() > deadline OR EXISTS (
		      SELECT FROM pg_stat_activity WHERE pid = $pid AND state = 'idle' AND query ~ 'analyze') THEN
		      RAISE EXCEPTION 'never seen';
		    END IF;
		  END LOOP;
		END \$\$; SELECT 'seen'});
	my $asked = time;
	my (undef, $err) = $node->ask_session($session, 'SELECT 1');
	my $waited = time - $asked;
	$session->quit;
	return ($seen, $err, $waited);
}

for my $state (sort keys %event)
{
	my ($seen, $err, $waited) = cancel_in($state);
	is($seen, 'seen', "$state: shows what it is at");
	like($err, qr/ERROR:  57014: canceling statement due to user request/, "$state: can be cancelled");
	cmp_ok($waited, '<', 5, "$state: ends soon");
}
for my $ms (1, 20, 100, 300, 600)
{
	like(as('postgres', "SET statement_timeout = '${ms}ms'; SELECT * FROM snowflake_analyze('large')"),
		qr/ERROR:  57014/, "... whenever: after $ms ms")
	  if $ms < 300 || !$quick;
}
is(temporary_files(), 0, 'no temporary file is left behind');
is(sql('BEGIN', 'SAVEPOINT s', q{SELECT count(*) FROM snowflake_analyze('large', sample => 1) WHERE fact = 'rows'},
	'ROLLBACK TO s', 'COMMIT'), 1, 'within a transaction');

# --- whose rights ---

sql(q{
	CREATE ROLE mallory LOGIN; CREATE ROLE reader LOGIN;
	CREATE TABLE orders (id bigint, owner text DEFAULT current_user, created_at timestamptz DEFAULT now());
	INSERT INTO orders SELECT snowflake_next() FROM generate_series(1, 100);
	GRANT SELECT (id) ON orders TO mallory;
	GRANT SELECT ON orders TO reader;
	CREATE TABLE guarded (LIKE orders);
	GRANT SELECT ON guarded TO reader;
	CREATE FUNCTION peep(text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''ran''; END';
	CREATE POLICY own ON guarded USING (peep(owner));
	ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
	CREATE TABLE parts (id bigint) PARTITION BY RANGE (id);
	CREATE EXTENSION file_fdw;
	CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
	CREATE FOREIGN TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (1) SERVER files OPTIONS (filename '/dev/null');
	CREATE DOMAIN made AS bigint CHECK (peep(value::text) IS NULL)});
for my $how ('', ', sample => 50', q{, time_column => 'created_at'})
{
	my $ask = sub { return "SELECT * FROM snowflake_analyze('$_[0]'$how)" };
	like(as('mallory', $ask->('orders')), qr/ERROR:  42501: permission denied for table orders/, "needs SELECT$how");
	is(as('reader', $ask->('orders')), '', '... and nothing else');
	like(as('reader', $ask->('guarded')), qr/ERROR:  42501: row-level security/,
		'refuses where row-level security hides rows, and runs no policy');
	is(as('postgres', $ask->('guarded')), '', '... which it does not for all');
}
like(as('postgres', q{SELECT * FROM snowflake_analyze('parts')}), qr/ERROR:  42809/, 'no foreign table among partitions');
like(as('postgres', q{SELECT * FROM snowflake_analyze('part')}), qr/ERROR:  42809/, 'nor alone');

# A temporary table of another session cannot be read; one's own can, in a plan that is parallel as well.
my $other = $node->session;
$node->ask_session($other, 'CREATE TEMP TABLE hidden AS SELECT snowflake_next() AS id');
my $schema = sql(q{SELECT relnamespace::regnamespace FROM pg_class WHERE relname = 'hidden'});
like(as('postgres', "SELECT * FROM snowflake_analyze('$schema.hidden')"), qr/ERROR:  42809/, 'of another session');
$other->quit;
is(sql(q{CREATE TEMP TABLE mine AS SELECT snowflake_next() AS id},
	q{SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0},
	q{SET max_parallel_workers_per_gather = 2; ALTER TABLE orders SET (parallel_workers = 2)},
	q{SELECT DISTINCT (SELECT value FROM snowflake_analyze('mine') WHERE fact = 'rows' AND orders.id > 0) FROM orders}), 1,
	'the session\'s own, beside a parallel scan');

# Names that others place in the way are not looked up; a strange name is only a name.
sql(q{CREATE TABLE "drop table orders; --""" ("the "" id" bigint, "at ;" timestamptz)},
	q{INSERT INTO "drop table orders; --""" VALUES (1, now())},
	q{CREATE UNIQUE INDEX "index ""; %s" ON "drop table orders; --""" ("the "" id")});
is(as('postgres', q{SELECT * FROM snowflake_analyze('"drop table orders; --"""', 'the " id', time_column => 'at ;')}), '',
	'strange names');

# An unlogged table, one that grew a column, one that is being changed by the transaction itself.
sql('ALTER TABLE orders ADD COLUMN second bigint DEFAULT 5');
is(fact(q{'orders', 'second'}, 'duplicates'), 99, 'a column that old rows do not have yet');
is(sql('BEGIN', 'DELETE FROM orders WHERE owner IS NOT NULL',
	q{SELECT value FROM snowflake_analyze('orders') WHERE fact = 'rows'}, 'ROLLBACK'), 0, 'deleted rows are gone');

# A unique index that is broken is told of.
sql('CREATE TABLE broken (id bigint)', 'CREATE UNIQUE INDEX broken_id ON broken (id)', 'INSERT INTO broken VALUES (7)',
	q{UPDATE pg_index SET indisready = false, indislive = false WHERE indexrelid = 'broken_id'::regclass});
sql('INSERT INTO broken VALUES (7)',
	q{UPDATE pg_index SET indisready = true, indislive = true WHERE indexrelid = 'broken_id'::regclass});
like(sql(q{SELECT detail FROM snowflake_analyze('broken') WHERE fact = 'duplicates'}), qr/"broken_id" is corrupt/,
	'duplicates in spite of a unique index');

$node->stop;
done_testing();
