# Generators of all presets and of unusual layouts, all at once, under many clients: no layout has an ID twice. And that
# there may be any number of generators and layouts.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeGenerators;
use SnowflakeTest qw($quick);
use Test::More;

my $transactions = $quick ? 3 : 12;

# --- All at once ---

my $node = SnowflakeTest->start_new('generators', preload => 1, conf => "synchronous_commit = off\nsnowflake_id.node_id = 3");
my %presets = map { split /\|/ } split /\n/, $node->safe_psql('postgres', "SELECT name, name FROM snowflake_layouts WHERE name NOT IN ('snowflake_id', 'baidu')");
prepare_generators($node,
	%presets,
	standard => 'snowflake_id',
	standard_too => 'snowflake_id',
	standard_ordered => [ 'snowflake_id', ', ordered => true' ],
	tens_ordered => [ 'sonyflake', ', ordered => true' ],
	seconds => 'timestamp:33 node:6 worker:4 sequence:16 unit:1s epoch:2020-02-02',
	upside_down => 'timestamp:41 sequence:8 worker:6 node:8 epoch:2024-01-01',
	bare => 'timestamp:41 sequence:22 epoch:2024-01-01',
	shard_of_worker => 'timestamp:41 shard:9 worker:3 sequence:10 epoch:2024-01-01',
	shard_lowest => 'timestamp:41 sequence:6 worker:2 node:4 shard:9 epoch:2024-01-01');
$node->load_ids(clients => 16, transactions => $transactions * 10, scripts => scripts_of($node));
my $layouts = layouts_are_right($node, 'all presets at once');
cmp_ok($layouts, '>', 18, 'all presets at once: of all layouts');
is($node->safe_psql('postgres', q{
	SELECT made_by.generator, first_id FROM made_by JOIN snowflake_generators g ON made_by.generator = g.generator::text
	WHERE abs(extract(epoch FROM snowflake_timestamp(first_id, layout) - clock_timestamp())) > 600 OR snowflake_node(first_id, layout) <> 3 LIMIT 3}), '',
	'all presets at once: IDs say this time and this node');
my (undef, $said) = $node->ask(q{SELECT snowflake_create_generator('ended', 'baidu')});
like($said, qr/ERROR:  2200H: cannot make a Snowflake ID: the layout's timestamp range is exhausted/, 'a layout whose time has ended makes none');

# A node ID that a layout cannot hold is refused, not cut.
$node->append_conf('postgresql.conf', 'snowflake_id.node_id = 20');
$node->restart;
(my $made, $said) = $node->ask(q{SELECT snowflake_next('javascript'); SELECT snowflake_node(snowflake_next('twitter'), 'twitter'), snowflake_next('bare') > 0});
like($said, qr/ERROR:  55000: node number 20 of this server does not fit the layout/, 'a node ID too large for a layout is refused');
is($made, '20|t', 'other layouts take it, or need none');
$node->stop;

# --- How many ---

for my $preload (0, 1)
{
	my $what = $preload ? 'preloaded' : 'not preloaded';
	my $crowded = SnowflakeTest->start_new("crowded_$preload", preload => $preload, conf => 'synchronous_commit = off');

	# 1000 generators of one layout, all of them used by one session; the names lie in a schema of their own.
	is($crowded->safe_psql('postgres', q{
		CREATE SCHEMA many;
		SELECT count(snowflake_create_generator('many.g' || n)) FROM generate_series(1, 1000) n;
		SELECT count(DISTINCT snowflake_next(generator)) FROM snowflake_generators WHERE generator::text ~ 'many';
		SELECT count(DISTINCT snowflake_next(generator)) FROM snowflake_generators WHERE generator::text ~ 'many'}), "1000\n1000\n1000", "$what: 1000 generators");

	# As many layouts, of all units. Most of them share a cursor with others.
	is($crowded->safe_psql('postgres', q{
		SELECT count(snowflake_create_generator('l' || n, ('timestamp:41 sequence:12 unit:' || (ARRAY['1ms', '10ms', '100ms', '1s'])[n % 4 + 1] || ' epoch:' ||
			to_char(timestamp '2020-01-01' + n * interval '1 day', 'YYYY-MM-DD'))::snowflake_layout) ) FROM generate_series(1, 1000) n}), 1000, "$what: 1000 layouts");
	$crowded->safe_psql('postgres', 'CREATE TABLE made_by_layouts (generator text, session bigint, step bigint, id bigint)');
	$crowded->prepare_load;
	$crowded->load_ids(clients => 8, transactions => $quick ? 40 : 200, scripts => [
		"\\set n random(1, 25)\nINSERT INTO made_by_layouts SELECT generator, $session_number, :step, snowflake_next(generator) FROM generate_series(:n, 1000, 25) n, concat('l', n) AS names (generator);" ]);
	is($crowded->safe_psql('postgres', q{
		SELECT count(DISTINCT generator), count(*) - count(DISTINCT (generator, id)), count(*) FILTER (WHERE id <= last)
		FROM (SELECT *, lag(id) OVER (PARTITION BY generator, session ORDER BY step) AS last FROM made_by_layouts) made}), '1000|0|0',
		"$what: IDs of 1000 layouts, no duplicates, all rise");
	unlike($crowded->log_since, qr/terminated by signal|PANIC/, "$what: nothing crashed");
	$crowded->stop;
}
done_testing();
