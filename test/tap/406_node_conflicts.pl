# snowflake_node_conflicts(): which node numbers several servers have used in a table. Where rows came from is said by
# replication origins, as an apply worker sets them; 404_logical_replication.pl has the workers themselves.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeTest;
use Test::More;

my $node = SnowflakeTest->start_new('conflicts', conf => "track_commit_timestamp = on\nsnowflake_id.node_id = 3");
sub sql { return $node->safe_psql('postgres', join ";\n", @_) }
sub conflicts { return sql("SELECT node, origin, row_count, example FROM snowflake_node_conflicts($_[0])") }

# Rows of another server: the origin is that of the session, the commit's time is that of the origin.
sub receive
{
	my ($origin, $table, $ids, $committed) = @_;
	$committed //= 'now()';
	return sql(
		"SELECT pg_replication_origin_session_setup('$origin')", 'BEGIN',
		"SELECT pg_replication_origin_xact_setup('0/1', $committed)",
		"INSERT INTO $table (id) SELECT $ids", 'COMMIT');
}

sub id { my ($node_id, $time) = @_; return 'snowflake_encode(' . ($time // 'now()') . ", $node_id, 0, 0)" }

sql(q{
	CREATE TABLE orders (item text, id bigint);
	SELECT pg_replication_origin_create(name) FROM unnest(ARRAY['east', 'west', 'copy']) name});
is(conflicts("'orders', 'id'"), '', 'nothing in an empty table');

# --- what is no conflict ---

sql('INSERT INTO orders (id) SELECT snowflake_next() FROM generate_series(1, 10)');
receive('east', 'orders', id(1));
receive('west', 'orders', id(2));
receive('west', 'orders', id(2, "now() + interval '5 s'"));
is(conflicts("'orders', 'id'"), '', 'nothing where each server has its own number');

receive('east', 'orders', id(3, "now() - interval '1 hour'"), 'now()');
is(conflicts("'orders', 'id'"), '', 'a row that was committed long after its ID was made tells nothing');
is(conflicts("'orders', 'id', max_delay => '2 hours'") =~ tr/\n// + 1, 2, '... unless asked for');
sql("DELETE FROM orders WHERE snowflake_timestamp(id) < now() - interval '30 min'");

sql(q{UPDATE orders SET item = 'updated here' WHERE snowflake_node(id) = 1});
receive('east', 'orders', id(1, "now() + interval '1 s'"));
is(conflicts("'orders', 'id'"), '', 'a row that was updated here tells nothing');

receive('copy', 'orders', id(2, "now() + interval '2 s'"));
is(conflicts("'orders', 'id'") =~ tr/\n// + 1, 2, 'the same number from two origins is a conflict');
sql(q{SELECT pg_replication_origin_drop('copy')});
is(conflicts("'orders', 'id'"), '', '... and none if one of them is gone, as that of an initial copy');
is(sql(q{SELECT pg_replication_origin_create('north')}), 3, 'another origin is given its number');
is(conflicts("'orders', 'id'"), '', '... and has nothing to do with its rows');
receive('north', 'orders', id(2, "now() + interval '3 s'"));
is(conflicts("'orders', 'id'") =~ s/\|\d+$//gmr, "2|west|2\n2|north|1", '... but with those that follow');
sql(q{SELECT pg_replication_origin_drop('north')});

sql('INSERT INTO orders (id) VALUES (NULL), (-1)');
is(conflicts("'orders', 'id'"), '', 'what is no ID is left out');
sql('DELETE FROM orders WHERE id IS NULL OR id < 0');

# --- what is one ---

my $foreign = sql('SELECT ' . id(3, q{'2035-01-01'}));
receive('west', 'orders', $foreign, "'2035-01-01 00:00:01'");
my $ours = sql('SELECT min(id) FROM orders WHERE snowflake_node(id) = 3');
is(conflicts("'orders', 'id'"), "3||10|$ours\n3|west|1|$foreign", 'our number in a row of another server');
is(sql(q{SELECT count(DISTINCT origin), bool_and(first_time <= last_time), max(last_time) = '2035-01-01 UTC'
	FROM snowflake_node_conflicts('orders', 'id')}), '1|t|t', 'with the times of the first and the last');
is(sql('BEGIN', "INSERT INTO orders (id) SELECT $foreign + 1",
	q{SELECT sum(row_count) FROM snowflake_node_conflicts('orders', 'id')}, 'ROLLBACK'), 11,
	'rows of the running transaction have no origin yet');
is(sql('BEGIN ISOLATION LEVEL REPEATABLE READ', "DELETE FROM orders WHERE id = $foreign",
	q{SELECT count(*) FROM snowflake_node_conflicts('orders', 'id')}, 'ROLLBACK'), 0, 'a deleted row is gone');

# The layout decides what the number is.
sql('CREATE TABLE discord (id bigint)');
sql(q{INSERT INTO discord SELECT snowflake_encode(now(), 7, 1, 0, 'discord')});
receive('west', 'discord', q{snowflake_encode(now(), 7, 2, 0, 'discord')});
is(sql(q{SELECT DISTINCT node FROM snowflake_node_conflicts('discord', 'id', 'discord')}), 7, 'of another layout');

# --- which tables ---

sql(q{
	CREATE TABLE parts (id bigint) PARTITION BY RANGE (id);
	CREATE TABLE part_0 (gone int, id bigint);
	ALTER TABLE part_0 DROP COLUMN gone;
	ALTER TABLE parts ATTACH PARTITION part_0 FOR VALUES FROM (0) TO (snowflake_from_timestamp('2030-01-01'));
	CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (snowflake_from_timestamp('2030-01-01')) TO (MAXVALUE);
	INSERT INTO parts SELECT snowflake_next()});
receive('west', 'parts', id(3, q{'2035-01-01'}), "'2035-01-01'");
is(conflicts("'parts', 'id'"), sql('SELECT string_agg(line, chr(10)) FROM (SELECT CASE WHEN id > 1::bigint << 60 '
	. "THEN '3|west|1|' ELSE '3||1|' END || id AS line FROM parts ORDER BY id) l"), 'in all partitions');
is(sql('BEGIN', 'DECLARE c CURSOR FOR SELECT * FROM snowflake_node_conflicts($$orders$$, $$id$$)', 'FETCH 1 FROM c',
	'COMMIT') =~ tr/\n//, 0, 'a cursor may stop in the middle');

# --- whose rights ---

sql(q{
	CREATE ROLE mallory LOGIN; CREATE ROLE reader LOGIN;
	GRANT SELECT ON orders TO reader;
	CREATE TABLE guarded (id bigint, owner text DEFAULT current_user);
	GRANT SELECT ON guarded TO reader;
	CREATE FUNCTION peep(text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''ran''; END';
	CREATE POLICY own ON guarded USING (peep(owner));
	ALTER TABLE guarded ENABLE ROW LEVEL SECURITY});
sub as { return ($node->ask($_[1], extra_params => [ '-U', $_[0] ]))[1] }
my $ask = q{SELECT * FROM snowflake_node_conflicts('orders', 'id')};
like(as('mallory', $ask), qr/ERROR:  42501: permission denied for table orders/, 'needs SELECT');
is(as('reader', $ask), '', '... and nothing else');
like(as('reader', q{SELECT * FROM snowflake_node_conflicts('guarded', 'id')}), qr/ERROR:  42501: row-level security/,
	'refuses where row-level security hides rows, and runs no policy');
is(as('postgres', q{SELECT * FROM snowflake_node_conflicts('guarded', 'id')}), '', '... which it does not for all');

# Names that others place in the way are not looked up; a strange name is only a name.
sql(q{CREATE TABLE "drop table orders; --""" ("the "" id" bigint)});
receive('west', q{"drop table orders; --""" ("the "" id") SELECT 1 WHERE false; --}, '1');
is(as('postgres', q{SELECT * FROM snowflake_node_conflicts('"drop table orders; --"""', 'the " id')}), '',
	'strange names');

# --- it can be cancelled ---

sql('CREATE TABLE large (id bigint)');
sql('INSERT INTO large SELECT snowflake_next() FROM generate_series(1, 3000000)');
like(as('postgres', q{SET statement_timeout = '20ms'; SELECT * FROM snowflake_node_conflicts('large', 'id')}),
	qr/ERROR:  57014/, 'it can be cancelled');

$node->stop;
done_testing();
