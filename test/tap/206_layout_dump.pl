# Dump and restore: generators come along with layout and options, and with them the horizon of the database, however the
# dump is made; so do columns of the type snowflake_layout, as text and in binary.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils qw(append_to_file);
use SnowflakeTest;
use Test::More;

my $node = SnowflakeTest->start_new('layout_dump', fake_clock => 1);
my $dump = PostgreSQL::Test::Utils::tempdir . '/dump';
$node->safe_psql('postgres', q{
	CREATE SCHEMA shop;
	SELECT snowflake_create_generator('shop.orders_id', 'discord', prefix => 'ord_', encoding => 'base58', rate_limit => 77777),
	       snowflake_create_generator('shop."Odd name"', 'timestamp:40 sequence:10 worker:3 node:10 unit:100ms epoch:2001-02-03T04:05:06.700Z', ordered => true, prefix => 'zZ_9876', encoding => 'hex', rate_limit => 10000000),
	       snowflake_create_generator('shop.tens', 'sonyflake'), snowflake_create_generator('shop.photos', 'instagram'),
	       snowflake_create_generator('shop.unused', 'pgedge1'), snowflake_create_generator('alone');
	CREATE TABLE shop.orders (id bigint DEFAULT snowflake_next('shop.orders_id') PRIMARY KEY, code text DEFAULT snowflake_next_text('shop."Odd name"'), n int);
	ALTER SEQUENCE shop.orders_id OWNED BY shop.orders.id;
	CREATE VIEW shop.new_photo AS SELECT snowflake_next('shop.photos', shard => 77) AS id;
	CREATE TABLE dialects (name text, layout snowflake_layout);
	INSERT INTO dialects SELECT name, layout FROM snowflake_layouts;
	INSERT INTO dialects VALUES ('odd', 'timestamp:31 shard:1 sequence:31 unit:60s epoch:1970-01-01T00:00:00.001Z'), ('none', NULL);
	CREATE ROLE clerk; GRANT USAGE ON SEQUENCE shop.orders_id TO clerk; COMMENT ON SEQUENCE shop.tens IS 'tens';
});

# The clock is far ahead when the last IDs are made, and right again where they are restored: only the horizon can tell.
$node->set_clock_offset(7200);
$node->restart;
my %last = map { split /\|/ } split /\n/, $node->safe_psql('postgres', q{
	INSERT INTO shop.orders (n) SELECT generate_series(1, 500);
	SELECT 'orders_id', snowflake_last('shop.orders_id'); SELECT 'tens', snowflake_next('shop.tens');
	SELECT 'photos', id FROM shop.new_photo; SELECT 'odd', snowflake_next('shop."Odd name"'); SELECT 'default', snowflake_next(); SELECT 'alone', snowflake_next('alone')});
my $what_there_is = q{SELECT generator, layout, ordered, prefix, encoding, rate_limit FROM snowflake_generators ORDER BY generator::text COLLATE "C"};
my $generators = $node->safe_psql('postgres', $what_there_is);

sub run_tool { $node->command_ok([@_], join ' ', 'runs:', map { s/.*\///r } @_) }

# Another server, whose clock is right: it has made no IDs.
my $servers = 0;
sub new_server
{
	my $other = SnowflakeTest->new('restored_' . ++$servers);
	$other->fake_clock;
	$other->init;
	$other->start;
	$other->safe_psql('postgres', 'CREATE ROLE clerk; CREATE DATABASE restored TEMPLATE template0');
	return $other;
}

sub is_restored
{
	my ($other, $what) = @_;
	my $ask = sub { return $other->safe_psql('restored', "SET client_min_messages = error; $_[0]") };
	is($ask->($what_there_is), $generators, "$what: generators with layouts and options");
	is($ask->(q{SELECT count(*), count(layout), count(DISTINCT layout::text) FROM dialects}), "18|17|16", "$what: a column of layouts");
	is($ask->(q{SELECT dialects.name FROM dialects JOIN snowflake_layouts USING (name) WHERE dialects.layout <> snowflake_layouts.layout}), '', "$what: the same layouts");
	my $later = q{SELECT snowflake_timestamp(%s, '%s') > snowflake_timestamp(%s, '%2$s')};
	is($ask->(sprintf $later, q{snowflake_next('shop.orders_id')}, 'discord', $last{orders_id}), 't', "$what: later IDs");
	is($ask->(sprintf $later, q{snowflake_next('shop.tens')}, 'sonyflake', $last{tens}), 't', "$what: later IDs, 10 ms");
	is($ask->("SELECT id > $last{photos} FROM shop.new_photo"), 't', "$what: later IDs, shards");
	is($ask->("SELECT snowflake_next() > $last{default}, snowflake_next('alone') > $last{alone}"), 't|t', "$what: later IDs, the extension's own");
	is($ask->(q{INSERT INTO shop.orders (n) VALUES (501) RETURNING code ~ '^zZ_9876[0-9a-f]{16}$'}), 't', "$what: defaults work");
	is($ask->('SELECT count(*) - count(DISTINCT id), count(*) - count(DISTINCT code) FROM shop.orders'), '0|0', "$what: no duplicates");
	is($ask->(q{SELECT pg_get_serial_sequence('shop.orders', 'id'), has_sequence_privilege('clerk', 'shop.orders_id', 'USAGE'), has_sequence_privilege('clerk', 'shop.tens', 'USAGE'), obj_description('shop.tens'::regclass)}),
		'shop.orders_id|t|f|tens', "$what: owner, rights, comment");
	$other->stop;
}

sub pg_dump { run_tool('pg_dump', '-d', $node->connstr('postgres'), @_) }
sub pg_restore { my $other = shift; run_tool('pg_restore', '-d', $other->connstr('restored'), '--exit-on-error', @_) }

# As a script.
my $other = new_server();
pg_dump('-f', "$dump.sql");
run_tool('psql', '-Xqo', '/dev/null', '-v', 'ON_ERROR_STOP=1', '-d', $other->connstr('restored'), '-f', "$dump.sql");
is_restored($other, 'script');

# Parallel.
$other = new_server();
pg_dump('-Fd', '-j', 2, '-f', "$dump.dir");
pg_restore($other, '-j', 2, "$dump.dir");
is_restored($other, 'parallel');

# Schema first, data later; nobody makes an ID in between.
$other = new_server();
pg_dump('-Fc', '-f', "$dump.custom");
pg_restore($other, '--schema-only', "$dump.custom");
pg_restore($other, '--data-only', '--disable-triggers', "$dump.custom");
is_restored($other, 'schema and data apart');

# Between the two, an application is already at work: what it made is not made again, nor is what the dump knows.
$other = new_server();
pg_restore($other, '--schema-only', "$dump.custom");
my $early = $other->safe_psql('restored', q{SET client_min_messages = error; SELECT snowflake_next('shop.tens')});
pg_restore($other, '--data-only', '--disable-triggers', "$dump.custom");
is_restored($other, 'used before the data came');

# One table with the generator that it owns.
$other = new_server();
$other->safe_psql('restored', 'CREATE EXTENSION snowflake_id; CREATE SCHEMA shop');
$other->safe_psql('restored', q{SELECT snowflake_create_generator('shop."Odd name"')});
pg_dump('-Fc', '-t', 'shop.orders', '-f', "$dump.table");
pg_restore($other, "$dump.table");
is($other->safe_psql('restored', q{SELECT generator, prefix, encoding, layout = 'discord' FROM snowflake_generators WHERE generator::text ~ 'orders'}), 'shop.orders_id|ord_|base58|t', 'one table: its generator comes with it');
# The horizon is that of a database, and stays there. The table itself tells how far its IDs go.
is($other->safe_psql('restored', qq{SET client_min_messages = error; SELECT snowflake_observe(max(id), 'shop.orders_id') FROM shop.orders;
	INSERT INTO shop.orders (n) VALUES (0) RETURNING id > $last{orders_id}}), "\nt", 'one table: later IDs');
$other->stop;

# --- A copy in binary form ---

my $file = PostgreSQL::Test::Utils::tempdir . '/copy';
$node->safe_psql('postgres', qq{CREATE TABLE copies (LIKE dialects); COPY dialects TO '$file' (FORMAT binary); COPY copies FROM '$file' (FORMAT binary)});
is($node->safe_psql('postgres', 'SELECT count(*) FROM dialects JOIN copies USING (name) WHERE dialects.layout IS NOT DISTINCT FROM copies.layout'), 18, 'COPY BINARY there and back');

# A file of one layout, as COPY writes it: signature, flags, extension; one row of one column of 22 bytes; the end.
sub binary_file
{
	my (@layout) = @_;    # shift and width of timestamp, node, worker, shard, sequence; unit; epoch
	return "PGCOPY\n\377\r\n\0" . pack('N2 n N C10 N Q> n', 0, 0, 1, 22, @layout, 0xffff);
}
sub load_binary
{
	my ($bytes) = @_;
	unlink "$file.bad";
	open my $out, '>:raw', "$file.bad" or die $!;
	print $out $bytes;
	close $out;
	return $node->ask("TRUNCATE copies; COPY copies (layout) FROM '$file.bad' (FORMAT binary); SELECT layout = 'snowflake_id' FROM copies");
}
my @good = (22, 41, 17, 5, 12, 5, 0, 0, 0, 12, 1, 1735689600000);
is((load_binary(binary_file(@good)))[0], 't', 'binary: a layout');
my %bad = (
	'fields overlap' => [ 22, 41, 16, 5, 12, 5, 0, 0, 0, 12, 1, 1735689600000 ],
	'64 bits' => [ 22, 42, 17, 5, 12, 5, 0, 0, 0, 12, 1, 1735689600000 ],
	'no timestamp' => [ 0, 0, 17, 5, 12, 5, 0, 0, 0, 12, 1, 1735689600000 ],
	'no sequence' => [ 10, 41, 5, 5, 0, 5, 0, 0, 0, 0, 1, 1735689600000 ],
	'timestamp not first' => [ 12, 41, 53, 10, 0, 0, 0, 0, 0, 12, 1, 1735689600000 ],
	'unit 0' => [ 22, 41, 17, 5, 12, 5, 0, 0, 0, 12, 0, 1735689600000 ],
	'unit too long' => [ 22, 41, 17, 5, 12, 5, 0, 0, 0, 12, 60001, 1735689600000 ],
	'epoch in the future' => [ 22, 41, 17, 5, 12, 5, 0, 0, 0, 12, 1, 7258118400000 ],
	'wide beyond all bits' => [ 255, 255, 17, 5, 12, 5, 0, 0, 0, 12, 1, 1735689600000 ]);
like((load_binary(binary_file(@{ $bad{$_} })))[1], qr/ERROR:  22P03: invalid layout: /, "binary: $_") for sort keys %bad;
like((load_binary(substr(binary_file(@good), 0, 30)))[1], qr/ERROR: /, 'binary: cut short');
$node->stop;
done_testing();
