# Three servers write to one table and send each other their rows: no conflict, whatever the way by which rows are kept
# from going in circles. A fourth one that was given a number twice: the trigger notices, and the report afterwards. And
# a server that takes over the number of one that is gone.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeTest qw($quick);
use Test::More;

my $conf = q{
	wal_level = logical
	track_commit_timestamp = on
	max_logical_replication_workers = 16
	max_worker_processes = 24
	max_wal_senders = 16
	wal_retrieve_retry_interval = '500ms'
};

# --- servers and what they send each other ---

sub start_server
{
	my ($name, $node_id) = @_;
	my $server = SnowflakeTest->start_new($name, conf => "$conf\nsnowflake_id.node_id = $node_id");
	$server->{node_id} = $node_id;
	sql($server, q{
		CREATE TABLE orders (id bigint DEFAULT snowflake_next() PRIMARY KEY, made_on text, note text);
		BEGIN;
		CREATE TRIGGER node_conflict BEFORE INSERT ON orders
		  FOR EACH ROW EXECUTE FUNCTION snowflake_node_conflict_trigger('id', 'error');
		ALTER TABLE orders ENABLE REPLICA TRIGGER node_conflict;
		COMMIT});
	return $server;
}

sub sql { my ($server, @statements) = @_; return $server->safe_psql('postgres', join ';', @statements) }

# By row filter: each server sends the rows of its own number only.
sub publish
{
	my ($server, $way, @numbers) = @_;
	my $list = join ', ', @numbers;
	my $filter = $way eq 'row filter' ? "WHERE ((id >> 17) & 31 IN ($list))" : '';
	my $is_there = sql($server, 'SELECT count(*) FROM pg_publication');
	my $verb = $is_there ? 'ALTER PUBLICATION sent SET' : 'CREATE PUBLICATION sent FOR';
	sql($server, "$verb TABLE orders $filter");
}

sub subscribe
{
	my ($server, $way, @others) = @_;
	my $options = $way eq 'row filter' ? 'copy_data = true' : 'copy_data = false, origin = none';
	for my $other (@others)
	{
		my ($name, $from) = ($server->name, $other->name);
		sql($server, "CREATE SUBSCRIPTION from_$from CONNECTION '" . ($other->connstr('postgres') =~ s/'/''/gr)
			. "' PUBLICATION sent WITH (slot_name = '${from}_to_$name', $options)");
	}
}

# What comes with the initial copy does not say from where.
sub are_ready
{
	my ($subscriptions, @servers) = @_;
	my $ready = "SELECT count(*) = $subscriptions FROM pg_subscription_rel WHERE srsubstate = 'r'";
	$_->poll_query_until('postgres', $ready) or die 'not ready' for @servers;
}

sub contents
{
	return sql($_[0], q{
		SELECT count(*), count(DISTINCT id), md5(string_agg(id || made_on || coalesce(note, ''), ',' ORDER BY id))
		FROM orders});
}

sub has_all
{
	my ($what, $rows, @servers) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$_->poll_query_until('postgres', "SELECT count(*) >= $rows FROM orders") or die 'rows are missing' for @servers;
	my ($first, @others) = map { contents($_) } @servers;
	like($first, qr/^$rows\|$rows\|/, "$what: all rows have arrived, none twice");
	is($_, $first, "$what: the same everywhere") for @others;
}

sub insert
{
	my ($server, $count) = @_;
	my $name = $server->name;
	sql($server, "INSERT INTO orders (made_on) SELECT '$name' FROM generate_series(1, $count)");
}

sub errors_of { my ($server) = @_; return join '', grep { /ERROR|WARNING/ } split /^/, $server->log_since(0) }

# --- three servers, both ways ---

sub three_servers
{
	my ($way, $prefix) = @_;
	my @servers = map { start_server($prefix . qw(a b c)[$_], $_ + 1) } 0 .. 2;
	my $rows = 0;
	if ($way eq 'row filter') { insert($_, 100), $rows += 100 for @servers }    # for the initial copy
	publish($_, $way, $_->{node_id}) for @servers;
	for my $server (@servers) { subscribe($server, $way, grep { $_ != $server } @servers) }
	has_all("$way: initial copy", $rows, @servers) if $rows;
	are_ready(2, @servers);

	my @loads = map { $_->start_load(clients => 4, seconds => $quick ? 1 : 3, scripts =>
		[ "INSERT INTO orders (made_on) SELECT '" . $_->name . "' FROM generate_series(1, 5);" ]) } @servers;
	for my $i (0 .. 2)
	{
		my ($ok, $said) = $servers[$i]->finish_load($loads[$i]);
		ok($ok, "$way: clients of " . $servers[$i]->name . ' met no error') or diag $said;
		$rows += sql($servers[$i], "SELECT count(*) FROM orders WHERE made_on = '@{[ $servers[$i]->name ]}'");
	}
	$rows -= 300 if $way eq 'row filter';
	cmp_ok($rows, '>', 1000, "$way: $rows rows were made");
	has_all($way, $rows, @servers);
	is(errors_of($_), '', "$way: no conflict on " . $_->name) for @servers;
	is(sql($servers[0], q{SELECT string_agg(DISTINCT snowflake_node(id) || made_on, ' ') FROM orders}),
		join(' ', map { $_->{node_id} . $_->name } @servers), "$way: each ID bears the number of its server");
	is(sql($_, q{SELECT count(*) FROM snowflake_node_conflicts('orders', 'id')}), 0,
		"$way: nothing is reported on " . $_->name) for @servers;
	return ($rows, @servers);
}

# A change goes out from the server that made the row; by origin, from any.
sub changes_arrive
{
	my ($way, $rows, $made_by, $changed_on, @servers) = @_;
	my ($name) = $made_by->name;
	my $id = sql($made_by, "SELECT min(id) FROM orders WHERE made_on = '$name'");
	sql($changed_on, "UPDATE orders SET note = 'changed' WHERE id = $id");
	$_->poll_query_until('postgres', "SELECT note = 'changed' FROM orders WHERE id = $id") or die for @servers;
	has_all("$way: after a change", $rows, @servers);
	is(sql($_, q{SELECT count(*) FROM snowflake_node_conflicts('orders', 'id')}), 0,
		"$way: a changed row is not reported on " . $_->name) for @servers;
}

my $version = SnowflakeTest->new('probe')->pg_version;
plan(skip_all => 'row filters begin with PostgreSQL 15') if $version < 15;

SKIP:
{
	skip('origin = none begins with PostgreSQL 16', 1) if $version < 16;
	my ($rows, @servers) = three_servers('origin = none', 'o');
	changes_arrive('origin = none', $rows, @servers[0, 1], @servers);
	$_->stop for @servers;
}

my ($rows, $a, $b, $c) = three_servers('row filter', '');
changes_arrive('row filter', $rows, $a, $a, $a, $b, $c);

my (undef, $refusal) = $a->ask('CREATE PUBLICATION refused FOR TABLE orders WHERE (snowflake_node(id) = 1)');
like($refusal, qr/ERROR:  \w+: invalid publication WHERE expression/, 'a row filter cannot call snowflake_node()');

# --- what is not carried along ---

# Its IDs are now half a minute ahead of the clock of the others.
sql($c, q{SELECT snowflake_observe(snowflake_encode(clock_timestamp() + interval '30 s', 0, 0, 0))});
insert($c, 10);
has_all('ahead', $rows += 10, $a, $b, $c);
is(sql($b, 'SELECT snowflake_next() < max(id) FROM orders'), 't',
	'a subscriber keeps its own time: later IDs arrive, it makes none');

# --- a number twice ---

my $d = start_server('d', 1);
publish($d, 'row filter', 1);
subscribe($_, 'row filter', $d) for $a, $b;
are_ready(3, $a, $b);
insert($d, 1);
my $foreign = sql($d, 'SELECT id FROM orders');
$a->poll_query_until('postgres', q{SELECT apply_error_count > 0 FROM pg_stat_subscription_stats WHERE subname = 'from_d'})
  or die 'no error';
like(errors_of($a), qr/ERROR:  a row of another server bears the node number of this one, 1/,
	'error: the server of that number says so');
like($a->log_since(0), qr/DETAIL:  ID $foreign in table "orders" was made at /, '... and which ID');
is(sql($a, "SELECT count(*) FROM orders WHERE id = $foreign"), 0, '... and lets the row not in');
insert($c, 5);
has_all('meanwhile the others go on', $rows += 5, $a, $c);
$b->poll_query_until('postgres', "SELECT count(*) = 1 FROM orders WHERE id = $foreign") or die 'the row did not arrive';
is(errors_of($b), '', 'a server of another number lets it in');
is(sql($b, q{SELECT node, row_count, subname FROM snowflake_node_conflicts('orders', 'id')
	JOIN pg_subscription s ON origin = 'pg_' || s.oid ORDER BY subname}) =~ s/\|\d\d+\|/|many|/r,
	"1|many|from_a\n1|1|from_d", '... and reports, afterwards, from where the number came');

# A warning lets it in. Where rows are filtered by number, it then goes on to others like a row of our own: they must
# not have it from where it came from as well.
sql($b, 'DROP SUBSCRIPTION from_d');
sql($b, "DELETE FROM orders WHERE id = $foreign");
sql($a, q{
	BEGIN;
	DROP TRIGGER node_conflict ON orders;
	CREATE TRIGGER node_conflict BEFORE INSERT ON orders
	  FOR EACH ROW EXECUTE FUNCTION snowflake_node_conflict_trigger('id', 'warning');
	ALTER TABLE orders ENABLE REPLICA TRIGGER node_conflict;
	COMMIT});
$a->poll_query_until('postgres', "SELECT count(*) = 1 FROM orders WHERE id = $foreign") or die 'the row did not arrive';
like(errors_of($a), qr/WARNING:  a row of another server bears the node number of this one, 1/, 'warning: it says so');
is(sql($a, q{SELECT string_agg(node || coalesce(origin, ' here'), ', ') LIKE '1 here, 1pg_%'
	FROM snowflake_node_conflicts('orders', 'id')}), 't', 'the report has our own rows and those that came');

# It goes on when the number is right; what was made before the restart is let in, and nothing is lost.
sql($a, q{
	BEGIN;
	DROP TRIGGER node_conflict ON orders;
	CREATE TRIGGER node_conflict BEFORE INSERT ON orders
	  FOR EACH ROW EXECUTE FUNCTION snowflake_node_conflict_trigger('id', 'error');
	ALTER TABLE orders ENABLE REPLICA TRIGGER node_conflict;
	COMMIT});
my $position = -s $a->logfile;
insert($d, 1);
my $second = sql($d, 'SELECT max(id) FROM orders');
for (1 .. 600) { last if $a->log_since($position) =~ /ERROR:  a row of another server/; select undef, undef, undef, 0.1 }
like($a->log_since($position), qr/ERROR:  a row of another server/, 'error again');
sql($d, 'ALTER SYSTEM SET snowflake_id.node_id = 4');
$d->restart;
publish($d, 'row filter', 1, 4);
insert($d, 1);
$a->restart;
$position = -s $a->logfile;
$a->poll_query_until('postgres', q{SELECT count(*) = 3 FROM orders WHERE made_on = 'd'}) or die 'rows of d are missing';
is(sql($a, "SELECT count(*) FROM orders WHERE id IN ($foreign, $second)"), 2,
	'after the number is right and a restart, all rows are there');
unlike($a->log_since($position), qr/ERROR:  a row/, '... without another error');
$b->poll_query_until('postgres', q{SELECT count(*) = 2 FROM orders WHERE made_on = 'd'}) or die 'rows of d are missing';
# The publishers' restarts: connections that are lost, and workers that come back before the one before them is gone.
is(errors_of($b) =~ s/.*(?:publisher|primary|replication origin .* is already active).*\n//gr, '', 'those with our number went on to others');

# --- taking over a number ---

# c is gone for good, and b has all its rows. They are half a minute ahead of b's clock: so would be IDs made twice.
$c->stop('immediate');
my $last_of_c = sql($b, 'SELECT max(id) FROM orders WHERE snowflake_node(id) = 3');
is(sql($b, "SELECT snowflake_timestamp($last_of_c) > now()"), 't', 'the one that is gone was ahead');
sql($b, 'SELECT snowflake_observe(max(id)) FROM orders');
sql($b, 'ALTER SYSTEM SET snowflake_id.node_id = 3');
$b->restart;
publish($b, 'row filter', 2, 3);
insert($b, 10);
is(sql($b, "SELECT count(*) FROM orders WHERE id > $last_of_c AND snowflake_node(id) = 3"), 10,
	'taken over: IDs of the number go on after its last');
my $count = 'SELECT count(*) FROM orders WHERE snowflake_node(id) = 3';
$rows = sql($b, $count);
$a->poll_query_until('postgres', "SELECT ($count) >= $rows") or die 'rows are missing';
is(sql($a, $count), $rows, 'taken over: all rows arrive elsewhere');
unlike($a->log_since($position), qr/ERROR:  a row/, '... and nobody minds');

$_->stop for $a, $b, $d;
done_testing();
