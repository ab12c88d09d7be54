# Many clients at once, all making functions, single and bulk: no ID twice, each session's IDs rise.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeTest qw($quick);
use Test::More;

my $node = SnowflakeTest->start_new('load', conf => "max_connections = 1100\nsynchronous_commit = off");
my $transactions = $quick ? 20 : 100;

# 64 clients, two to a worker.
$node->load_ids(clients => 64, transactions => $transactions);
my $found = $node->ids_are_right('64 clients');
is($found->{sessions}, 64, '64 clients: 64 sessions');
cmp_ok($found->{ids}, '>', 64 * $transactions * 100, '64 clients: many IDs');

# More than a worker has: every session goes through all workers, hence races against all others.
my $before = $found->{ids};
$node->load_ids(clients => 8, transactions => $transactions, scripts => ['reserve_many']);
$found = $node->ids_are_right('8 clients in bulk');
is($found->{ids} - $before, 8 * $transactions * 200_000, '8 clients in bulk: as many IDs as were asked for');

# A thousand connections over 32 workers; each makes its first ID while others make theirs.
my $clients = $quick ? 200 : 1000;
$node->load_ids(clients => $clients, transactions => 10, scripts => [qw(one array reserve)]);
$found = $node->ids_are_right("$clients connections");
is($found->{sessions}, 64 + 8 + $clients, "$clients connections: as many sessions");

# New connections all the time: homes are left and moved into, what was not used is given back.
$node->load_ids(clients => 16, transactions => $quick ? 10 : 50, scripts => [qw(one array)], options => ['-C']);
$node->ids_are_right('connections that come and go');

# Two databases of one server, at the same time.
my @dbnames = qw(left_db right_db);
for my $dbname (@dbnames)
{
	$node->safe_psql('postgres', "CREATE DATABASE $dbname");
	$node->safe_psql($dbname, 'CREATE EXTENSION snowflake_id');
	$node->prepare_load($dbname);
}
my @loads = map {
	$node->start_load(clients => 8, transactions => $transactions, dbname => $_,
		scripts => [qw(one rows array reserve reserve_many)])
} @dbnames;
for my $load (@loads)
{
	my ($ok, $said) = $node->finish_load($load);
	ok($ok, 'two databases: pgbench met no error') or diag $said;
}
my ($left, $right) = map { $node->ids_are_right("database $_", $_) } @dbnames;
$node->fetch_ids($node, 'right_db', 'left_db');
my $both = $node->ids_are_right('both databases', 'left_db');
is($both->{ids}, $left->{ids} + $right->{ids}, 'both databases: all IDs were compared');

$node->stop;
done_testing();
