# Parallel plans: the leader and every worker process make IDs of one statement, all different.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeTest qw($quick);
use Test::More;

my $rows = $quick ? 100_000 : 1_000_000;
my $node = SnowflakeTest->start_new('parallel', conf => q{
	max_worker_processes = 16
	max_parallel_workers = 8
	max_parallel_workers_per_gather = 4
	parallel_setup_cost = 0
	parallel_tuple_cost = 0
	min_parallel_table_scan_size = 0
});
$node->safe_psql('postgres', qq{
	CREATE TABLE source AS SELECT n FROM generate_series(1, $rows) n;
	ALTER TABLE source SET (parallel_workers = 4);
	ANALYZE source;});

for my $leader (qw(on off))
{
	my $plan = $node->safe_psql('postgres', qq{
		SET parallel_leader_participation = $leader;
		EXPLAIN (ANALYZE, VERBOSE, TIMING OFF) CREATE TABLE made_$leader AS SELECT n, snowflake_next() AS id FROM source});
	like($plan, qr/Workers Launched: [2-4]/, "leader $leader: several worker processes");
	like($plan, qr/Parallel Seq Scan.*\n\s+Output: n, snowflake_next\(\)/, "leader $leader: it is they who make the IDs");

	is($node->safe_psql('postgres', "SELECT count(*), count(DISTINCT id), min(id) > 0 FROM made_$leader"),
		"$rows|$rows|t", "leader $leader: all IDs differ");
	cmp_ok($node->safe_psql('postgres', "SELECT count(DISTINCT snowflake_worker(id)) FROM made_$leader"),
		'>=', 2, "leader $leader: made by several workers");
}
is($node->safe_psql('postgres', 'SELECT count(*) FROM made_on JOIN made_off USING (id)'), 0, 'no ID in both tables');

# All of it at once, by several clients: worker processes of one leader race with those of another.
$node->safe_psql('postgres', 'CREATE TABLE made_at_once (id bigint)');
my $script = PostgreSQL::Test::Utils::tempdir . '/ctas';
PostgreSQL::Test::Utils::append_to_file($script, q{
	CREATE TEMP TABLE mine AS SELECT snowflake_next() AS id FROM source;
	INSERT INTO made_at_once SELECT id FROM mine;
	DROP TABLE mine;
});
$node->command_ok([ 'pgbench', '--no-vacuum', '-c', 3, '-t', 1, '-f', $script, $node->connstr('postgres') ],
	'three parallel statements at once');
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT id) FROM made_at_once'),
	join('|', (3 * $rows) x 2), 'all IDs differ');

$node->stop;
done_testing();
