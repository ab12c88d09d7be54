# pg_upgrade from an older major version: what was made before is never made again, with a clock that replays the load;
# generators, defaults, indexes and views are what they were. Run where there is an older PostgreSQL beside this one
# (SNOWFLAKE_OLD: its directory with bin/, into which the extension is installed): scripts/test upgrade.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeFault;
use SnowflakeTest;
use Test::More;

my $older = $ENV{SNOWFLAKE_OLD} or plan(skip_all => 'needs an older PostgreSQL: scripts/test upgrade has one');
chomp(my $bin = `pg_config --bindir`);
my $conf = "fsync = off\nautovacuum = off\nmax_connections = 30\nlog_statement = none\n";

# --- before: a server of the older version ---

my $old = SnowflakeTest->new('old', install_path => $older);
$old->fake_clock;
{
	local $ENV{TEMP_CONFIG};    # settings for the newer version
	$old->init;
}
$old->append_conf('postgresql.conf', $conf);
$old->start;
$old->safe_psql('postgres', q{
	CREATE SCHEMA ids;
	CREATE EXTENSION snowflake_id SCHEMA ids;
	ALTER DATABASE postgres SET search_path = public, ids;
});
prepare_tables($old, 'postgres');
$old->safe_psql('postgres', q{
	SELECT snowflake_create_generator('orders_id', layout => 'discord', prefix => 'ord_');
	CREATE TABLE orders (id bigint DEFAULT snowflake_next('orders_id') PRIMARY KEY,
	  made timestamptz GENERATED ALWAYS AS (snowflake_timestamp(id, 'discord')) STORED, as_text text DEFAULT snowflake_next_text('orders_id'));
	CREATE INDEX by_day ON orders (date_trunc('day', snowflake_timestamp(id, 'discord') AT TIME ZONE 'UTC'));
	CREATE TABLE events (id bigint DEFAULT snowflake_next() PRIMARY KEY) PARTITION BY RANGE (id);
	SELECT snowflake_create_partitions('events', '1 day', '2 days');
	CREATE VIEW recent AS SELECT * FROM orders WHERE snowflake_between(id, now() - interval '1 day', NULL, 'discord');
	INSERT INTO orders SELECT FROM generate_series(1, 1000);
	INSERT INTO events SELECT FROM generate_series(1, 1000);
});
my $rows = 'SELECT count(*) FROM stored';
my $generators = 'SELECT * FROM snowflake_generators ORDER BY 1';
my $partitions = 'SELECT partition, from_time, to_time FROM snowflake_partitions ORDER BY 1';
my $orders = 'SELECT count(*), max(id), min(made), max(as_text), count(DISTINCT id) FROM orders';

my $before = run_clients($old, 1);
my %found = map { $_ => $old->safe_psql('postgres', $_) } $rows, $generators, $partitions, $orders;
my $largest = $old->safe_psql('postgres', 'SELECT max(last_id) FROM stored');
my $largest_order = $old->safe_psql('postgres', 'SELECT max(id) FROM orders');
$old->stop;

# --- the upgrade ---

my $new = SnowflakeTest->new('new');
$new->fake_clock;
$new->init(extra => $new->pg_version >= 18 ? ['--no-data-checksums'] : []);
$new->append_conf('postgresql.conf', $conf);
cmp_ok($new->pg_version, '>', $old->pg_version, 'from ' . $old->pg_version . ' to ' . $new->pg_version);
chdir PostgreSQL::Test::Utils::tempdir();
$new->command_ok(
	[ 'pg_upgrade', '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir, '-b', "$older/bin", '-B', $bin,
		'-s', $new->host, '-p', $old->port, '-P', $new->port ], 'pg_upgrade');

# --- after: the clock is where it was when the load began ---

start_replaying($new, $before);
cmp_ok($new->safe_psql('postgres', 'SELECT snowflake_next()'), '>', $largest, 'the first ID is later than all before');
cmp_ok($new->safe_psql('postgres', q{SELECT snowflake_next('orders_id')}), '>', $largest_order, "... that of a generator, too");
is($new->safe_psql('postgres', $_), $found{$_}, "the same: $_") for $rows, $partitions, $orders, $generators;
is($new->safe_psql('postgres', q{INSERT INTO orders DEFAULT VALUES RETURNING made = snowflake_timestamp(id, 'discord'), as_text LIKE 'ord_%'}),
	't|t', 'defaults and generated columns work');
is($new->safe_psql('postgres', 'INSERT INTO events DEFAULT VALUES RETURNING 1'), '1', '... also in partitions');
is($new->safe_psql('postgres', q{SELECT count(*) > 1000 FROM recent}), 't', 'a view by time works');
like($new->safe_psql('postgres', q{SET enable_seqscan = off; EXPLAIN SELECT FROM orders
	WHERE date_trunc('day', snowflake_timestamp(id, 'discord') AT TIME ZONE 'UTC') = '2026-01-01'}), qr/by_day/, 'an index on a function is used');
is($new->safe_psql('postgres', q{SELECT count(*) FROM pg_index WHERE NOT indisvalid}), '0', 'every index is valid');

my $after = run_clients_again($new, $before);
replays($after, $before, 'upgraded');
no_duplicates($new, 'upgraded', [ $before, $after ]);

$new->stop;
done_testing();
