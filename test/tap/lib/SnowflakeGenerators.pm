# What the tests of generators share: generators of several layouts, a load that stores each ID with what made it, and
# the question whether a layout has an ID twice.
#
#     prepare_generators($node, tens => 'sonyflake2', seconds => 'timestamp:33 … unit:1s …');
#     $node->load_ids(clients => 8, transactions => 100, scripts => scripts_of($node));
#     layouts_are_right($node, 'under load');
#
# The scripts are for SnowflakeTest::start_load().
package SnowflakeGenerators;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use Test::More;

our @EXPORT = qw(prepare_generators scripts_of layouts_are_right ids_of $session_number);

# Makes generators, by name => layout, or name => [ layout, further arguments in SQL ], and the table for their IDs.
sub prepare_generators
{
	my ($node, %layouts) = @_;
	$node->safe_psql('postgres', q{
		CREATE TABLE IF NOT EXISTS made_by (generator text, session bigint, step bigint, place bigint, shard int, first_id bigint, last_id bigint)});
	for my $name (sort keys %layouts)
	{
		my ($layout, $options) = ref $layouts{$name} ? @{ $layouts{$name} } : ($layouts{$name}, '');
		$node->safe_psql('postgres', "SELECT snowflake_create_generator('$name', '$layout'$options)");
	}
}

# In a script: which connection of which load it is.
our $session_number = '(:run::bigint << 32) + pg_backend_pid()';

# One script for each generator (those named, or all but the extension's own): ranges as dense as its layout allows,
# then single IDs; of each shard where there are some. A layout whose ticks are soon spent is asked for less.
sub scripts_of
{
	my ($node, @names) = @_;
	my %about = map { split /\|/ } split /\n/, $node->safe_psql('postgres', q{
		SELECT generator, CASE WHEN layout::text ~ 'shard' THEN 'shards' WHEN ids_per_second < 100000 THEN 'few' ELSE 'many' END
		FROM snowflake_generators, snowflake_layout_facts(layout)});
	@names = grep { $_ ne 'snowflake_id' } sort keys %about unless @names;
	return [ map { _script($_, $about{$_}) } @names ];
}

sub _script
{
	my ($name, $kind) = @_;
	my $into = "INSERT INTO made_by SELECT '$name', $session_number, :step,";
	return "$into number, shard, id, id FROM (SELECT number, number % 5 * 100 AS shard, snowflake_next('$name', number % 5 * 100) AS id
		FROM generate_series(1, 300) number OFFSET 0) made;" if $kind eq 'shards';
	my $count = $kind eq 'many' ? 20000 : 20;
	return "$into place, NULL, first_id, last_id FROM snowflake_reserve($count, '$name') WITH ORDINALITY reserved (first_id, last_id, place);
		\\set step :step + 1
		$into place, NULL, id, id FROM (SELECT place, snowflake_next('$name') AS id FROM generate_series(1, 10) place OFFSET 0) made;
		\\set step :step + 1
		$into place, NULL, id, id FROM unnest(snowflake_next_array(10, '$name')) WITH ORDINALITY made (id, place);";
}

# Tests that no ID was made twice by the generators of a layout, and that those of each session (and shard) rise.
# Ordered by their first IDs, two ranges overlap only if two neighbours do.
sub layouts_are_right
{
	my ($node, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $counts = $node->safe_psql('postgres', q{
		SET work_mem = '256MB';
		SELECT format('%s: %s duplicates, %s not rising, %s of another shard', min(names), count(*) FILTER (WHERE first_id <= last_of_others),
		              count(*) FILTER (WHERE first_id <= last_of_session), count(*) FILTER (WHERE snowflake_shard(first_id, layout) <> shard)),
		       sum(last_id - first_id + 1)
		FROM (SELECT made_by.*, generators.layout, generators.names,
		             lag(last_id) OVER (PARTITION BY generators.names ORDER BY first_id, last_id) AS last_of_others,
		             lag(last_id) OVER (PARTITION BY generator, session, shard ORDER BY step, place) AS last_of_session
		      FROM made_by
		      JOIN (SELECT generator::text, layout, min(generator::text) OVER (PARTITION BY layout::text) AS names FROM snowflake_generators) generators USING (generator)) neighbours
		GROUP BY names ORDER BY names});
	my @lines = split /\n/, $counts;
	my @kinds = map { /^(.*): 0 duplicates, 0 not rising, 0 of another shard\|(\d+)$/ ? "$1 ($2)" : () } @lines;
	ok(@lines && @kinds == @lines, "$what: no duplicates, and IDs rise") or diag join "\n", @lines;
	note "$what: ", join ', ', @kinds;
	return scalar @lines;
}

# The figures of one generator's stored IDs: an SQL expression over made_by.
sub ids_of
{
	my ($node, $name, $expression) = @_;
	return $node->safe_psql('postgres', "SELECT $expression FROM made_by WHERE generator = '$name'");
}

1;
