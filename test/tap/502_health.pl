# Each check of snowflake_health turns when what it is for happens, and turns back when it is over; read by pg_monitor.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils qw(append_to_file);
use SnowflakeRegistry;
use SnowflakeTest qw($library);
use Test::More;
use Time::HiRes qw(sleep time);

my $patience = $PostgreSQL::Test::Utils::timeout_default;

sub health
{
	my ($node, $check, $column) = @_;
	return $node->safe_psql('postgres', 'SELECT ' . ($column // 'state') . " FROM snowflake_health WHERE name = '$check'",
		extra_params => [ '-U', 'watcher' ]);
}

# Tests that a check comes to a state, sooner or later, and that its value says why.
sub turns
{
	my ($node, $check, $state, $value, $why) = @_;
	my $end = time + $patience;
	sleep(0.2) while health($node, $check) ne $state && time < $end;
	is(health($node, $check), $state, "$check: $state: $why");
	like(health($node, $check, 'value'), $value, "$check: $why: it says so");
}

sub start_watched
{
	my ($name, %options) = @_;
	my $node = SnowflakeTest->start_new($name, %options);
	$node->safe_psql('postgres', 'CREATE ROLE watcher LOGIN; GRANT pg_monitor TO watcher');
	return $node;
}

# The library is loaded first: without preload, no session knows its settings before.
sub set
{
	my ($node, $setting, $value) = @_;
	my $change = defined $value ? "SET $setting = '$value'" : "RESET $setting";
	$node->safe_psql('postgres', "SELECT snowflake_timestamp(0); SET synchronous_commit = local; ALTER SYSTEM $change");
	$node->reload;
}

# --- The clock of the kernel ---

my $kernel = PostgreSQL::Test::Utils::tempdir . '/kernel_clock';
my $cc = $ENV{CC} // 'cc';
system($cc, '-shared', '-fPIC', "$FindBin::RealBin/kernel_clock.c", '-o', "$kernel.so") == 0 or die 'no compiler';

sub kernel_says
{
	unlink "$kernel.new";
	append_to_file("$kernel.new", "$_[0]\n");
	rename("$kernel.new", $kernel) or die "cannot write: $!";
}

kernel_says('0 200 30000');
{
	local $ENV{LD_PRELOAD} = "$kernel.so";
	local $ENV{KERNEL_CLOCK} = $kernel;
	my $node = start_watched('disciplined');
	turns($node, 'clock_disciplined', 'ok', qr/^synchronised, off by 0\.200 ms, at most 30\.000 ms$/, 'a time daemon is at work');
	kernel_says('5 200 16000000');
	turns($node, 'clock_disciplined', 'warning', qr/^not synchronised$/, 'it is gone');
	kernel_says('0 200000 900000');
	turns($node, 'clock_disciplined', 'warning', qr/off by 200\.000 ms/, 'it is far off');
	kernel_says('0 200 1100000');
	turns($node, 'clock_disciplined', 'warning', qr/at most 1100\.000 ms/, 'it is not heard of');
	kernel_says('-1 0 0');
	turns($node, 'clock_disciplined', 'ok', qr/^unknown$/, 'the kernel does not say');
	$node->stop;
}

# --- The clock, and IDs ---

my $node = start_watched('main', fake_clock => 1, init => [ allows_streaming => 'logical' ],
	conf => "snowflake_id.max_clock_drift = 40s\nwal_receiver_status_interval = 1s");
sub make { return $node->ask('SELECT snowflake_next()') }
make();
turns($node, 'clock_distance', 'ok', qr/^IDs are 0\.\d{3} s ahead/, 'a clock that is right');
$node->set_clock_offset(-10);
make();
turns($node, 'clock_distance', 'warning', qr/^IDs are (?:[4-9]|1[0-3])\.\d{3} s ahead/, 'set back by 10 s');
$node->set_clock_offset(-30);
make();
turns($node, 'clock_distance', 'critical', qr/^IDs are [23]\d\.\d{3} s ahead/, 'set back by most of what is allowed');
$node->set_clock_offset(0);
make();
turns($node, 'clock_distance', 'ok', qr/ahead/, 'and right again');
$node->set_clock_offset(3600);
make();
turns($node, 'clock_distance', 'warning', qr/^IDs are 3[56]\d\d\.\d{3} s behind the clock, which leapt$/, 'it leaps ahead');
$node->set_clock_offset(0);
make();
turns($node, 'clock_distance', 'ok', qr/ahead/, 'and back');

# --- The node number ---

turns($node, 'node_number', 'ok', qr/^0, by default$/, 'a server alone');
$node->safe_psql('postgres', 'CREATE PUBLICATION shared FOR ALL TABLES');
turns($node, 'node_number', 'warning', qr/^0, by default; there is a publication$/, 'a publication');
set($node, 'snowflake_id.node_id', 3);
turns($node, 'node_number', 'ok', qr/^3, by setting$/, 'a number');
set($node, 'snowflake_id.node_id', 0);
turns($node, 'node_number', 'ok', qr/^0, by setting$/, 'a 0 that somebody typed');
$node->safe_psql('postgres', 'DROP PUBLICATION shared');
set($node, 'snowflake_id.node_id', undef);
turns($node, 'node_number', 'ok', qr/^0, by default$/, 'alone again');

$node->backup('base');
my $standby = SnowflakeTest->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
turns($node, 'node_number', 'warning', qr/WAL is sent to other servers$/, 'a standby');
turns($standby, 'node_number', 'warning', qr/this server is a standby$/, 'on the standby');
turns($standby, 'horizon', 'ok', qr/^durable$/, 'on the standby');
$standby->stop;
turns($node, 'node_number', 'ok', qr/^0, by default$/, 'the standby is gone');
$node->safe_psql('postgres', q{CREATE SUBSCRIPTION elsewhere CONNECTION '' PUBLICATION shared WITH (connect = false)});
turns($node, 'node_number', 'warning', qr/there is a subscription$/, 'a subscription');
$node->safe_psql('postgres', 'ALTER SUBSCRIPTION elsewhere SET (slot_name = NONE); DROP SUBSCRIPTION elsewhere');

# --- The horizon ---

make();
turns($node, 'horizon', 'ok', qr/^durable$/, 'no standby is asked');
set($node, 'synchronous_standby_names', 'nobody');
my $waiting = $node->session;
$waiting->query_safe('SET statement_timeout = 0');
$waiting->{stdin} .= "SELECT count(snowflake_next()) FROM generate_series(1, 100) AS n, LATERAL pg_sleep(0.05 + 0 * n);\n";
$waiting->{run}->pump_nb;
turns($node, 'horizon', 'critical', qr/^not durable for \d+\.\d{3} s$/, 'a synchronous standby is missing');
set($node, 'synchronous_standby_names', undef);
turns($node, 'horizon', 'ok', qr/^durable$/, 'it is asked no more');
$waiting->quit;
cmp_ok($node->safe_psql('postgres', 'SELECT horizon_waits FROM snowflake_stat'), '>=', 1, 'horizon: a call waited, and is counted');

# --- Layouts ---

turns($node, 'layout_end', 'ok', qr/of layout snowflake_id$/, 'the standard layout');
for my $case ([ 36, 'warning' ], [ 34, 'critical' ])
{
	my ($bits, $state) = @$case;
	my $epoch = $node->safe_psql('postgres', q{SELECT (now() - interval '1 day')::date});
	my $generator = "SELECT snowflake_create_generator('short', 'timestamp:$bits node:5 sequence:8 unit:1ms epoch:$epoch')";
	$node->safe_psql('postgres', $generator);
	turns($node, 'layout_end', $state, qr/^\d\.\d years, of layout timestamp:$bits /, "a generator of $bits bits");
	$node->safe_psql('postgres', 'DROP SEQUENCE short');
	turns($node, 'layout_end', 'ok', qr/of layout snowflake_id$/, 'it is gone');
}

turns($node, 'peak_use', 'ok', qr/^\d+\.\d %, of layout snowflake_id$/, 'hardly any IDs');
$node->safe_psql('postgres', 'SELECT cardinality(snowflake_next_array(2000000))');
turns($node, 'peak_use', 'warning', qr/^(?:[89]\d|100)\.\d %, of layout snowflake_id$/, 'all of a millisecond');
$node->safe_psql('postgres', 'SELECT snowflake_stat_reset()');
turns($node, 'peak_use', 'ok', qr/^0 %$/, 'reset');
$node->safe_psql('postgres', 'SELECT cardinality(snowflake_next_array(2000000))');
turns($node, 'peak_use', 'warning', qr/%/, 'again');
$node->set_clock_offset(150);
turns($node, 'peak_use', 'ok', qr/^0 %$/, 'two minutes later');
$node->set_clock_offset(0);

# --- Rows of other servers ---

$node->safe_psql('postgres', q{
	CREATE TABLE received (id bigint);
	CREATE TRIGGER conflict BEFORE INSERT ON received FOR EACH ROW
	  EXECUTE FUNCTION snowflake_node_conflict_trigger('id', 'error');
	ALTER TABLE received ENABLE REPLICA TRIGGER conflict});
turns($node, 'node_conflicts', 'ok', qr/^0 rows$/, 'none');
my (undef, $said) = $node->ask(q{SET session_replication_role = replica;
	INSERT INTO received SELECT snowflake_encode(now() + interval '10 s', 0, 0, 0)});
like($said, qr/23000/, 'a row that another server must have made');
turns($node, 'node_conflicts', 'critical', qr/^1 rows$/, 'it was noticed');
$node->safe_psql('postgres', 'SELECT snowflake_stat_reset()');
turns($node, 'node_conflicts', 'ok', qr/^0 rows$/, 'reset');

# --- A registry ---

turns($node, 'preload', 'ok', qr/^not preloaded$/, 'not needed');
turns($node, 'grant', 'ok', qr/^no registry$/, 'none');
set($node, 'snowflake_id.registry', 'postgresql://nowhere.invalid/');
turns($node, 'preload', 'critical', qr/^not preloaded$/, 'a registry without the worker that asks it');
set($node, 'snowflake_id.registry', undef);
$node->stop;

my $registry = SnowflakeRegistry->start('postgresql', lease => 8, first => 1, last => 2);
$registry->freeze;
my $granted = $registry->start_server('granted');
$granted->safe_psql('postgres', 'CREATE ROLE watcher LOGIN; GRANT pg_monitor TO watcher');
turns($granted, 'preload', 'ok', qr/^preloaded$/, 'with a registry');
turns($granted, 'grant', 'critical', qr/^waiting/, 'the registry does not answer');
$registry->thaw;
turns($granted, 'grant', 'ok', qr/^held$/, 'a number was granted');
turns($granted, 'node_number', 'ok', qr/^1, by registry$/, 'a number was granted');
$registry->freeze;
turns($granted, 'grant', 'warning', qr/^late/, 'it is not renewed');
turns($granted, 'grant', 'critical', qr/^ended/, 'it has ended');
$granted->ask('SELECT snowflake_next()');
cmp_ok($granted->safe_psql('postgres', 'SELECT rejected_grant FROM snowflake_stat'), '>=', 1, 'grant: a call failed, and is counted');
$registry->thaw;
turns($granted, 'grant', 'ok', qr/^held$/, 'the registry is back');
$granted->stop;
$registry->stop;

done_testing();
