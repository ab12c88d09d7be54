# The node number from the ordinal at the end of the host name, as the pods of a StatefulSet have one: servers that are
# started by one command, with one configuration, on hosts ids-0, ids-1 and ids-2, make IDs of different nodes. Each gets
# a host name of its own in a UTS namespace.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeTest qw($library);
use PostgreSQL::Test::Utils qw(slurp_file append_to_file);
use Test::More;

# Runs a command on a host of that name. Who may set the name is root of a namespace, and PostgreSQL does not run as
# root: so within it the user is another one again.
my @as_user = ('unshare', '--user', "--map-user=$<", '--map-group=' . (split ' ', $()[0]);
my @as_root = ('unshare', '--user', '--map-root-user', '--uts', 'sh', '-c', 'hostname "$0" && exec "$@"');
sub on_host { my ($host, @command) = @_; return (@as_root, $host, @as_user, @command) }

sub said
{
	my ($out, $err);
	return eval { IPC::Run::run([@_], '>', \$out, '2>', \$err) ? $out : $err } // $@;
}
my $answer = said(on_host('ids-7', 'hostname'));
plan(skip_all => "no host name of one's own here: $answer") unless $answer eq "ids-7\n";

# The one command. Where nothing sets HOSTNAME, bash does.
my $command = 'exec pg_ctl start -w -D "$0" -l "$0/../log" -o "-c snowflake_id.node_id=${HOSTNAME##*-}"';

sub make_server
{
	my ($name, $conf) = @_;
	my $server = SnowflakeTest->new($name);
	$server->init;
	$server->append_conf('postgresql.conf', $conf // '');
	return $server;
}

sub start_on
{
	my ($server, $host) = @_;
	my $said = '';
	my @run = on_host($host, 'env', '-u', 'HOSTNAME', 'bash', '-c', $command, $server->data_dir);
	my $started = IPC::Run::run(\@run, '>', \$said, '2>', \$said);
	$server->_update_pid(1) if $started;
	return $started;
}

sub log_of { return slurp_file($_[0]->data_dir . '/../log') }

for my $preload (0, 1)
{
	my $how = $preload ? 'with preload' : 'without preload';
	my $conf = $preload ? "shared_preload_libraries = '$library'" : '';
	my @nodes;
	for my $ordinal (0 .. 2)
	{
		my $server = make_server("s$preload$ordinal", $conf);
		ok(start_on($server, "ids-$ordinal"), "$how: starts on ids-$ordinal") or diag log_of($server);
		push @nodes,
		  $server->safe_psql('postgres', 'CREATE EXTENSION snowflake_id; SELECT snowflake_node(snowflake_next())');
		$server->append_conf('postgresql.conf', 'snowflake_id.node_id = 9');
		$server->reload;
		is($server->safe_psql('postgres', 'SELECT snowflake_node(snowflake_next())'), $ordinal,
			"$how: ... the number of the command holds where the data directory says another one");
		$server->stop;
	}
	is("@nodes", '0 1 2', "$how: one configuration, three numbers");
}

# A name without an ordinal is noticed: with preload at the start, else at the first use.
my $server = make_server('preloaded', "shared_preload_libraries = '$library'");
ok(!start_on($server, 'ids'), 'with preload: does not start on a host without an ordinal');
like(log_of($server), qr/FATAL:  .*"snowflake_id.node_id"/, '... and says why');

my $lazy = make_server('lazy');
ok(start_on($lazy, 'ids'), 'without preload: starts on it');
my ($out, $err) = $lazy->ask('CREATE EXTENSION snowflake_id; SELECT snowflake_next()');
is($out, '', '... and makes no IDs');
like($err, qr/ERROR:  22023: the configured value of parameter/, '... but says why');
$lazy->stop;

# More pods than the standard layout has nodes: an error, but for layouts that have so many.
my $high = make_server('high', "shared_preload_libraries = '$library'");
ok(start_on($high, 'ids-32'), 'starts on ids-32');
($out, $err) = $high->ask('CREATE EXTENSION snowflake_id; SELECT snowflake_next()');
is($out, '', '... and makes no IDs of the standard layout');
like($err, qr/ERROR:  55000: /, '... but an error');
is($high->safe_psql('postgres', q{SELECT snowflake_create_generator('ids', 'timestamp:41 node:8 worker:4 sequence:10');
	SELECT snowflake_node(snowflake_next('ids'), 'timestamp:41 node:8 worker:4 sequence:10')}), "ids\n32",
	'... and those of a layout with 256 nodes');
$high->stop;

# The same data on another host, as when a volume is attached to a pod of another ordinal: the horizon holds for both.
my $moved = make_server('moved');
start_on($moved, 'ids-4');
$moved->safe_psql('postgres', 'CREATE EXTENSION snowflake_id');
my $before = $moved->safe_psql('postgres', 'SELECT snowflake_next()');
$moved->stop;
start_on($moved, 'ids-5');
is($moved->safe_psql('postgres',
	"SELECT snowflake_node($before), snowflake_node(snowflake_next()), snowflake_next() > $before"),
	'4|5|t', 'data that moves to another ordinal go on with its number, later');
$moved->stop;

done_testing();
