# Layouts that are not ours, under concurrency: shards that the caller chooses, layouts without a worker, ticks of 10 ms
# and of a second that are soon spent. No ID twice, all rise, and who waits waits for the next tick only.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeGenerators;
use SnowflakeTest qw($quick);
use Test::More;
use Time::HiRes qw(time);

my $node = SnowflakeTest->start_new('shards_and_units', preload => 1, conf => "synchronous_commit = off\nmax_connections = 80");
my $transactions = $quick ? 5 : 40;
my $session = $session_number;

# --- Shards ---

# Many clients in all shards, several shards in one statement; the layouts have no worker, one below, or one above.
my %shards = (
	photos => 'instagram',
	shard_above => 'timestamp:41 shard:9 worker:3 sequence:10 epoch:2024-01-01',
	shard_below => 'timestamp:41 node:3 worker:5 sequence:6 shard:8 epoch:2024-01-01',
	few_of_each => 'timestamp:35 shard:10 sequence:5 unit:100ms epoch:2024-01-01');
prepare_generators($node, %shards);
$node->load_ids(clients => 32, transactions => $transactions, scripts => [
	map { "INSERT INTO made_by SELECT '$_', $session, :step, number, shard, id, id
	  FROM (SELECT number, shard, snowflake_next('$_', shard) AS id FROM generate_series(1, " . ($_ eq 'few_of_each' ? 3 : 40) . ") number, unnest(ARRAY[0, 1, 32, 255]) shard OFFSET 0) made;"
	} sort keys %shards ]);
layouts_are_right($node, 'shards');
for my $name (sort keys %shards)
{
	is(ids_of($node, $name, 'count(DISTINCT shard) = 4 AND count(DISTINCT session) > 8'), 't', "$name: many clients in all shards");
	is(ids_of($node, $name, "bool_and(snowflake_shard(first_id, '$shards{$name}') = shard)"), 't', "$name: the IDs say which");
}

# Each shard's IDs rise across sessions: a call that begins after another has ended gets a larger ID. The witness counts.
$node->safe_psql('postgres', 'CREATE SEQUENCE witness; CREATE TABLE seen (shard int, before bigint, id bigint, after bigint)');
$node->load_ids(clients => 32, transactions => $transactions * 5, scripts => [
	q{\set shard random(0, 3)
	INSERT INTO seen SELECT :shard, nextval('witness'), snowflake_next('photos', :shard), nextval('witness') FROM generate_series(1, 5);} ]);
is($node->safe_psql('postgres', q{
	SELECT count(*) FROM (
	  SELECT id, is_begin, max(id) FILTER (WHERE NOT is_begin) OVER (PARTITION BY shard ORDER BY moment) AS largest_ended
	  FROM (SELECT shard, before AS moment, true AS is_begin, id FROM seen UNION ALL SELECT shard, after, false, id FROM seen) events) calls
	WHERE is_begin AND id <= largest_ended}), 0, 'within a shard, IDs rise across all sessions');

# --- Without workers; long ticks ---

prepare_generators($node,
	one_cursor => 'timestamp:41 sequence:10 epoch:2024-01-01',
	one_cursor_of_node => 'timestamp:41 node:5 sequence:8 epoch:2024-01-01',
	tens => 'sonyflake',
	seconds => 'timestamp:33 worker:3 sequence:12 unit:1s epoch:2024-01-01',
	scarce => 'timestamp:33 worker:2 sequence:7 unit:1s epoch:2024-01-01');
$node->safe_psql('postgres', 'TRUNCATE made_by');
$node->load_ids(clients => 32, transactions => $transactions, scripts => scripts_of($node, qw(one_cursor one_cursor_of_node tens seconds)));
layouts_are_right($node, 'one cursor, long ticks');
is($node->safe_psql('postgres', q{SELECT count(*) FROM snowflake_reserve(1000, 'tens') WHERE first_id <> last_id}), 0, 'where the sequence is not lowest, each range is one ID');

# 32 clients share 512 IDs a second, and want 1920: four seconds and a little, and nobody starves.
my $begin = time;
$node->load_ids(clients => 32, transactions => 3, scripts => [
	"INSERT INTO made_by SELECT 'scarce', $session, :step, number, NULL, id, id FROM (SELECT number, snowflake_next('scarce') AS id FROM generate_series(1, 20) number OFFSET 0) made;" ]);
my $took = time - $begin;
is(ids_of($node, 'scarce', 'count(*)'), 1920, 'scarce: all have what they wanted');
cmp_ok($took, '<', 60, 'scarce: none waits for long');
is($node->safe_psql('postgres', q{SELECT max(n) <= 512 FROM (SELECT count(*) n FROM made_by WHERE generator = 'scarce' GROUP BY snowflake_timestamp(first_id, 'timestamp:33 worker:2 sequence:7 unit:1s epoch:2024-01-01')) a}), 't',
	'scarce: no second has more than there are');
is($node->safe_psql('postgres', q{SELECT bool_and(snowflake_timestamp(first_id, 'timestamp:33 worker:2 sequence:7 unit:1s epoch:2024-01-01') <= clock_timestamp()) FROM made_by WHERE generator = 'scarce'}), 't',
	'scarce: no ID of a time to come');
layouts_are_right($node, 'scarce');

# Waiting for a long tick can be cancelled.
my (undef, $said) = $node->ask(q{SET statement_timeout = '2s'; SELECT count(*) FROM snowflake_next_set(100000, 'scarce')});
like($said, qr/ERROR:  57014: canceling statement due to statement timeout/, 'a wait for a long tick is cancelled');
$node->stop;
done_testing();
