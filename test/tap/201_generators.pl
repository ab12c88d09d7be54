# Generators of all presets and of unusual layouts, all at once, under many clients: no layout has an ID twice. And how
# many generators and layouts there may be.
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
my (undef, $said) = $node->ask(q{SELECT snowflake_create_generator('ended', 'baidu'); SELECT snowflake_next('ended')});
like($said, qr/ERROR:  2200H: cannot make a Snowflake ID: the time of the layout has ended/, 'a layout whose time has ended makes none');

# A node ID that a layout cannot hold is refused, not cut.
$node->append_conf('postgresql.conf', 'snowflake_id.node_id = 20');
$node->restart;
(my $made, $said) = $node->ask(q{SELECT snowflake_next('javascript'); SELECT snowflake_node(snowflake_next('twitter'), 'twitter'), snowflake_next('bare') > 0});
like($said, qr/ERROR:  55000: snowflake_id.node_id 20 does not fit the layout/, 'a node ID too large for a layout is refused');
is($made, '20|t', 'other layouts take it, or need none');
$node->stop;

# --- How many ---

for my $preload (0, 1)
{
	my $most = $preload ? 64 : 16;
	my $what = $preload ? 'preloaded' : 'not preloaded';
	my $crowded = SnowflakeTest->start_new("crowded_$preload", preload => $preload);

	# 1000 generators of one layout, all of them used by one session; the names lie in a schema of their own.
	is($crowded->safe_psql('postgres', q{
		CREATE SCHEMA many;
		SELECT count(snowflake_create_generator('many.g' || n)) FROM generate_series(1, 1000) n;
		SELECT count(DISTINCT snowflake_next(generator)) FROM snowflake_generators WHERE generator::text ~ 'many';
		SELECT count(DISTINCT snowflake_next(generator)) FROM snowflake_generators WHERE generator::text ~ 'many'}), "1000\n1000\n1000", "$what: 1000 generators");

	# The standard layout is one of them.
	$crowded->safe_psql('postgres', "SELECT snowflake_create_generator('l' || n, ('timestamp:41 sequence:12 epoch:' || n)::snowflake_layout) FROM generate_series(2, $most + 1) n");
	is($crowded->safe_psql('postgres', "SELECT count(snowflake_next('l' || n)) FROM generate_series(2, $most) n"), $most - 1, "$what: $most layouts");
	my $one_too_many = $most + 1;
	my ($id, $refused) = $crowded->ask("SELECT snowflake_next('l$one_too_many')");
	is($id, '', "$what: one more makes none");
	like($refused, qr/ERROR:  53400: too many layouts: this server has room for $most/, "$what: and says so");
	like($refused, $preload ? qr/HINT:.*restart/ : qr/HINT:.*shared_preload_libraries.* 64/, "$what: and what to do");
	($id, $refused) = $crowded->ask("SELECT snowflake_next('l2') > 0, snowflake_next() > 0; SELECT snowflake_next('l$one_too_many'); SELECT snowflake_next('l$most') > 0");
	is($id, "t|t\nt", "$what: the others go on") or diag $refused;
	$crowded->safe_psql('postgres', q{DROP SEQUENCE l2});
	$crowded->restart;
	is($crowded->safe_psql('postgres', "SELECT snowflake_next('l$one_too_many') > 0"), 't', "$what: there is room after a restart");
	unlike($crowded->log_since, qr/terminated by signal|PANIC/, "$what: nothing crashed");
	$crowded->stop;
}
done_testing();
