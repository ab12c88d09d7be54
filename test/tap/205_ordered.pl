# An ordered generator's IDs rise in the order of the calls of all sessions: a call that begins after another has ended
# gets a larger ID. A sequence is the witness of the order: it is asked just before each call and just after it.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeTest qw($quick);
use Test::More;

my $node = SnowflakeTest->start_new('ordered', conf => "synchronous_commit = off\nmax_connections = 100", fake_clock => 1);
$node->safe_psql('postgres', q{
	CREATE SEQUENCE witness;
	CREATE UNLOGGED TABLE calls (generator text, before bigint, first_id bigint, last_id bigint, after bigint);
	SELECT snowflake_create_generator('standard', ordered => true), snowflake_create_generator('standard_too', ordered => true),
	       snowflake_create_generator('tens', 'sonyflake', ordered => true), snowflake_create_generator('bare', 'timestamp:41 sequence:22 epoch:2024-01-01', ordered => true),
	       snowflake_create_generator('upside_down', 'timestamp:41 sequence:8 worker:6 node:8 epoch:2024-01-01', ordered => true),
	       snowflake_create_generator('not_ordered')});

# The columns are evaluated from left to right.
sub single
{
	my ($name) = @_;
	return "INSERT INTO calls SELECT '$name', before, id, id, after FROM (SELECT nextval('witness') AS before, snowflake_next('$name') AS id, nextval('witness') AS after FROM generate_series(1, 5) OFFSET 0) made;";
}

sub bulk
{
	my ($name) = @_;
	return "INSERT INTO calls SELECT '$name', before, ids[1], ids[30], after FROM (SELECT nextval('witness') AS before, snowflake_next_array(30, '$name') AS ids, nextval('witness') AS after FROM generate_series(1, 3) OFFSET 0) made;";
}

# How many calls got an ID that is not larger than all IDs of the calls that had ended before.
sub out_of_order
{
	my ($name) = @_;
	return $node->safe_psql('postgres', qq{
		SELECT count(*) FROM (
		  SELECT first_id, is_begin, max(last_id) FILTER (WHERE NOT is_begin) OVER (ORDER BY moment) AS largest_ended
		  FROM (SELECT before AS moment, true AS is_begin, first_id, last_id FROM calls WHERE generator ~ '^$name'
		        UNION ALL SELECT after, false, first_id, last_id FROM calls WHERE generator ~ '^$name') events) asked
		WHERE is_begin AND first_id <= largest_ended});
}

# Two generators of one layout rise together: they share the cursor.
my @ordered = qw(standard standard_too tens bare upside_down);
sub load
{
	my ($what, $transactions) = @_;
	$node->safe_psql('postgres', 'TRUNCATE calls');
	my $load = $node->start_load(clients => 64, transactions => $transactions, scripts => [ (map { single($_) } @ordered, 'not_ordered'), map { bulk($_) } @ordered ]);
	$node->set_clock_offset(-$_), select(undef, undef, undef, 0.1) for $what =~ /stepped/ ? (0.005, 1, 30, 0, 29, 60, 60.5, 0.3) : ();
	my ($ok, $said) = $node->finish_load($load);
	ok($ok, "$what: all clients are served") or diag $said;
	for my $name (qw(standard tens bare upside_down))
	{
		is(out_of_order($name), 0, "$what: $name: IDs rise in the order of the calls");
	}
	is($node->safe_psql('postgres', q{SELECT count(*) FROM calls WHERE first_id > last_id}), 0, "$what: within a call, too");
	note 'out of order where that was not asked for: ', out_of_order('not_ordered'), ' of ', $node->safe_psql('postgres', q{SELECT count(*) FROM calls WHERE generator = 'not_ordered'});
	note $node->safe_psql('postgres', 'SELECT generator, count(*) FROM calls GROUP BY 1 ORDER BY 1');
}

$node->prepare_load;
load('64 clients', $quick ? 15 : 100);
load('64 clients, clock stepped', $quick ? 15 : 100);
$node->set_clock_offset(0);
is($node->safe_psql('postgres', q{SELECT min(snowflake_worker(first_id)) >= 24 FROM calls WHERE generator ~ '^standard'}), 't', 'the last quarter of the workers makes them all');
is($node->safe_psql('postgres', q{SELECT count(*) FROM (SELECT first_id FROM calls WHERE generator ~ 'standard|not_ordered' GROUP BY 1 HAVING count(*) > 1) twice}), 0, 'no duplicates, with an unordered generator of the same layout');
$node->stop;
done_testing();
