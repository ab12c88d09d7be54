# The registry worker: who sees it, what it tells, that nothing it waits for holds up the server, and that it follows the
# settings.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils qw(slurp_file);
use SnowflakeFault;
use SnowflakeRegistry;
use SnowflakeTest qw($quick $library);
use Test::More;
use Time::HiRes qw(sleep time);

my $worker = q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'snowflake_id registry worker'};

sub mapped
{
	my ($pid) = @_;
	return join ' ', sort keys %{ { map { $_ => 1 } slurp_file("/proc/$pid/maps") =~ m{/(snowflake_id_registry|libpq|libcurl)[\w.-]*\.so}g } };
}

# --- without preload, or without a registry ---

my $plain = start_faulty('plain', conf => 'snowflake_id.node_id = 12');
is($plain->safe_psql('postgres', $worker), '', 'without preload there is no worker');
is(state_of($plain), 'fixed', 'the number is that of the settings');
is(status_of($plain)->{node}, 12, 'which its status says');
$plain->append_conf('postgresql.conf', "snowflake_id.registry = 'postgresql://localhost/ids'");
$plain->reload;
sleep(0.3);
my ($id, $said) = $plain->ask('SELECT snowflake_next()');
like($said, qr/WARNING: .*snowflake_id.registry is set, but the library is not preloaded/, 'a registry without preload: a warning');
like($said, qr/ERROR:  55000: .*not preloaded.*HINT:  Add snowflake_id to shared_preload_libraries/s, 'an error, and a hint');
$plain->preload;
$plain->append_conf('postgresql.conf', "snowflake_id.registry = ''");
$plain->restart;
isnt($plain->safe_psql('postgres', $worker), '', 'with preload there is a worker, which pg_stat_activity shows');
is($plain->safe_psql('postgres', 'SELECT snowflake_node(snowflake_next())'), 12, 'idle without a registry');
is(mapped($plain->safe_psql('postgres', $worker)), '', 'and without its libraries');

# --- switched on, to another realm or registry, off: at reload, while sessions go on ---

my $registry = SnowflakeRegistry->start('postgresql', lease => 600, first => 20, last => 29);
my $session = $plain->session;
$plain->ask_session($session, 'SELECT snowflake_next()');

sub set_and_reload
{
	my ($name, $value) = @_;
	$plain->append_conf('postgresql.conf', "snowflake_id.$name = '$value'");
	$plain->reload;
}

# The number in the IDs of a session that was there before.
sub number_becomes
{
	my ($expected, $what) = @_;
	my $number;
	for (1 .. 200)
	{
		($number) = $plain->ask_session($session, 'SELECT snowflake_node(snowflake_next())');
		last if $number =~ /^$expected$/;
		sleep(0.05);
	}
	like($number, qr/^$expected$/, $what);
}

set_and_reload('registry', $registry->{uri});
number_becomes(20, 'switched on at reload: the number is that of the registry');
like(mapped($plain->safe_psql('postgres', $worker)), qr/snowflake_id_registry/, 'the worker has its library');
my $backend = ($plain->ask_session($session, 'SELECT pg_backend_pid()'))[0];
is(mapped($backend), '', 'a session has none of its libraries');

$registry->{node}->safe_psql('postgres', q{SELECT snowflake_registry_create_realm('other', 40, 41)});
set_and_reload('realm', 'other');
wait_for_state($plain, 'waiting|held');
(undef, $said) = $plain->ask_session($session, 'SELECT snowflake_next()') for 1 .. 2;
like($said, qr/ERROR:  55000: node number 4\d of this server does not fit the layout/, 'another realm: a number that the layout cannot hold');
$plain->safe_psql('postgres', q{SELECT snowflake_create_generator('wide', (SELECT layout FROM snowflake_presets() WHERE name = 'tsid'))});
is(($plain->ask_session($session, q{SELECT node FROM snowflake_decode(snowflake_next('wide'),
	(SELECT layout FROM snowflake_presets() WHERE name = 'tsid'))}))[0], 40, 'a layout with room takes it');
set_and_reload('realm', 'main');
number_becomes(20, 'back in the first realm, with the number that was given back');
set_and_reload('registry', '');
number_becomes(12, 'switched off: the number of the settings');
set_and_reload('registry', $registry->{uri});
number_becomes(20, 'and on again');

# --- killed ---

my $pid = $plain->safe_psql('postgres', $worker);
$plain->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
number_becomes(20, 'terminated, it is started again, with the same number');
$session->quit;

# --- nothing holds up a stop ---

sub stops_at_once
{
	my ($what, $mode) = @_;
	my $begin = time;
	$plain->stop($mode // 'fast');
	cmp_ok(time - $begin, '<', 4, sprintf '%s: stopped in %.1f s', $what, time - $begin);
}

stops_at_once('a registry that answers');
is($registry->{node}->safe_psql('postgres', q{SELECT state FROM snowflake_registry_nodes WHERE realm = 'main' AND node = 20}),
	'free', 'a number is given back at shutdown');
$plain->start;
is(number_of($plain), 20, 'and taken again');
$plain->stop('smart');
$plain->start;
is(number_of($plain), 20, 'the same after a smart shutdown');
$registry->freeze;
stops_at_once('a registry that hangs');
my $begin = time;
$plain->start;
cmp_ok(time - $begin, '<', 10, 'started although the registry hangs');
sleep(0.5);
stops_at_once('in the middle of a handshake');
$plain->start;
$begin = time;
($id, $said) = $plain->ask('SELECT snowflake_next()');
like($said, qr/ERROR:  55000: .*this server has no node number yet.*HINT:  See snowflake_node_status/s, 'no number, no ID');
cmp_ok(time - $begin, '>', 4, 'after registry_wait');
is(state_of($plain), 'waiting', 'its status says so');
sleep(3);
$begin = time;
$plain->ask('SELECT snowflake_next()');
cmp_ok(time - $begin, '<', 4, 'a registry that has not answered for so long is not waited for by each call');
$registry->thaw;
like(number_of($plain), qr/^2\d$/, 'and back by itself');

# --- what it tells ---

$registry->stop;
my $position = -s $plain->logfile;
sleep($quick ? 5 : 15);
my @lines = $plain->log_since($position) =~ /LOG:  the registry of node numbers gives none: .+/g;
cmp_ok(@lines, '<=', 1, 'a registry that is away is told of once');
is($plain->safe_psql('postgres', 'SELECT count(*) FROM generate_series(1, 1000) WHERE snowflake_next() > 0'), 1000,
	'IDs are made while the registry is away');
$registry->start_service;
ok(wait_for_state($plain, 'held'), 'its number is held again');
my ($out, $err) = $plain->ask('CREATE ROLE plain_user; SET ROLE plain_user; SHOW snowflake_id.registry');
like($err, qr/ERROR:  42501/, 'the registry is shown to superusers only');
(undef, $err) = $plain->ask('SET ROLE plain_user; SELECT * FROM snowflake_node_status()');
like($err, qr/ERROR:  42501/, 'the status to pg_monitor only');
is(($plain->ask('GRANT pg_monitor TO plain_user; SET ROLE plain_user; SELECT state FROM snowflake_node_status()'))[0],
	'held', 'to whom it is shown');
$plain->stop;
$registry->stop;
done_testing();
