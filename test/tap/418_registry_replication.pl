# Three servers with one configuration, their numbers from a registry, write one table and send each other their rows.
# One of them crashes and goes on with another number. All rows are everywhere, and no two have one ID.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeFault;
use SnowflakeRegistry;
use SnowflakeTest qw($quick);
use Test::More;

my $conf = q{
wal_level = logical
max_logical_replication_workers = 8
max_worker_processes = 16
wal_retrieve_retry_interval = '500ms'
};

# A number may change, so rows are kept from going in circles by where they were made: by origin, or, where subscriptions
# do not know of that, by a column.
my $with_origin;

sub prepare
{
	my ($server) = @_;
	my $name = $server->name;
	$server->safe_psql('postgres', qq{
		CREATE TABLE orders (id bigint DEFAULT snowflake_next() PRIMARY KEY, made_on text NOT NULL DEFAULT '$name',
		                     UNIQUE (id, made_on));
		ALTER TABLE orders REPLICA IDENTITY USING INDEX orders_id_made_on_key;
		BEGIN;
		CREATE TRIGGER node_conflict BEFORE INSERT ON orders
		  FOR EACH ROW EXECUTE FUNCTION snowflake_node_conflict_trigger('id', 'error');
		ALTER TABLE orders ENABLE REPLICA TRIGGER node_conflict;
		COMMIT;
		CREATE PUBLICATION sent FOR TABLE orders @{[ $with_origin ? '' : "WHERE (made_on = '$name')" ]}});
}

sub subscribe
{
	my ($server, @others) = @_;
	for my $other (@others)
	{
		my ($name, $from) = ($server->name, $other->name);
		my $connection = $other->connstr('postgres') =~ s/'/''/gr;
		$server->safe_psql('postgres', "CREATE SUBSCRIPTION from_$from CONNECTION '$connection' PUBLICATION sent
			WITH (slot_name = '${from}_to_$name', copy_data = false @{[ $with_origin ? ', origin = none' : '' ]})");
	}
}

sub load_all
{
	my ($what, @servers) = @_;
	my $script = "INSERT INTO orders (id) SELECT snowflake_next() FROM generate_series(1, 5);";
	my @loads = map { $_->start_load(clients => 4, seconds => $quick ? 1 : 3, scripts => [$script]) } @servers;
	for my $i (0 .. $#servers)
	{
		my ($ok, $said) = $servers[$i]->finish_load($loads[$i]);
		ok($ok, "$what: clients of " . $servers[$i]->name . ' met no error') or diag $said;
	}
}

sub all_rows_everywhere
{
	my ($what, @servers) = @_;
	my $rows = 0;
	$rows += $_->safe_psql('postgres', "SELECT count(*) FROM orders WHERE made_on = '@{[ $_->name ]}'") for @servers;
	cmp_ok($rows, '>', 500, "$what: $rows rows were made");
	my $contents = "SELECT count(*), count(DISTINCT id), md5(string_agg(id || made_on, ',' ORDER BY id)) FROM orders";
	for my $server (@servers)
	{
		$server->poll_query_until('postgres', "SELECT count(*) >= $rows FROM orders") or diag 'rows are missing';
		like($server->safe_psql('postgres', $contents), qr/^$rows\|$rows\|/, "$what: all rows are on " . $server->name);
	}
	my %contents = map { $_->safe_psql('postgres', $contents) => 1 } @servers;
	is(scalar(keys %contents), 1, "$what: the same on all");
}

plan(skip_all => 'row filters begin with PostgreSQL 15') if SnowflakeTest->new('probe')->pg_version < 15;

my $registry = SnowflakeRegistry->start('postgresql', lease => 600);
my @servers = map { $registry->start_server("writer_$_", conf => $conf) } qw(a b c);
$with_origin = $servers[0]->pg_version >= 16;
my %numbers = map { number_of($_) => 1 } @servers;
is(scalar(keys %numbers), 3, "three servers of one configuration, three numbers: @{[ sort keys %numbers ]}");
prepare($_) for @servers;
for my $server (@servers) { subscribe($server, grep { $_ != $server } @servers) }
load_all('at first', @servers);
all_rows_everywhere('at first', @servers);

my $before = number_of($servers[1]);
kill_postmaster($servers[1]);
start_again($servers[1]);
isnt(number_of($servers[1]), $before, 'one has crashed, and goes on with another number');
load_all('after a crash', @servers);
all_rows_everywhere('after a crash', @servers);
is(join('', map { grep { /conflict|bears the node number|duplicate key/ } split /^/, $_->log_since(0) } @servers), '',
	'no conflict anywhere');
$_->stop for @servers;
$registry->stop;
done_testing();
