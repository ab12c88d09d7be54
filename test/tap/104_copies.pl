# Databases that travel: a base backup recovered to a point in time, dumps restored in several ways, a template, an
# upgrade. Each ends on a server whose clock replays the load, and which must not make an ID that came with the copy.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeFault;
use SnowflakeTest qw($quick);
use Test::More;

my $seconds = $quick ? 1 : 2;
my $source = start_faulty('source', init => [ allows_streaming => 1, has_archiving => 1 ]);
my $before;    # the load whose rows are copied

sub load_source
{
	fresh_start($source);
	$source->safe_psql('postgres', 'TRUNCATE stored');
	$before = run_clients($source, $seconds);
	$source->{rows} = $source->safe_psql('postgres', 'SELECT count(*) FROM stored');
}

# Tests a copy, in a server that has never made an ID later than the load began.
sub copy_is_right
{
	my ($copy, $what, $dbname) = @_;
	$dbname //= 'postgres';
	is($copy->safe_psql($dbname, 'SELECT count(*) FROM stored'), $source->{rows}, "$what: it has the rows");
	my $after = run_clients_again($copy, $before, dbname => $dbname);
	replays($after, $before, $what);
	no_duplicates($copy, $what, [$after], $dbname);
}

# --- Recovery to a point in time ---

$source->backup('base');
load_source();
$source->safe_psql('postgres', q{SELECT pg_create_restore_point('enough'), pg_switch_wal()});
$source->safe_psql('postgres', q{DELETE FROM stored; SELECT snowflake_next(); SELECT pg_switch_wal()});
my $recovered = SnowflakeTest->new('recovered');
$recovered->fake_clock;
$recovered->init_from_backup($source, 'base', has_restoring => 1, standby => 0);
$recovered->append_conf('postgresql.conf', "recovery_target_name = 'enough'\nrecovery_target_action = promote");
$recovered->start;
$recovered->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die 'the copy is not promoted';
copy_is_right($recovered, 'recovered to a point in time');
$recovered->stop;

# --- Dump and restore, into a server with a life of its own ---

my $target = start_faulty('target');
my $dump = PostgreSQL::Test::Utils::tempdir . '/dump';
load_source();
$source->command_ok([ 'pg_dump', '-Fd', '-f', $dump, $source->connstr('postgres') ], 'pg_dump');

sub restore_is_right
{
	my ($dbname, $what, @steps) = @_;
	$target->stop;    # what it knows of the copy before is forgotten: this one has to do without
	start_replaying($target, $before);
	$target->safe_psql('postgres', "CREATE DATABASE $dbname TEMPLATE template0");
	for my $step (@steps)
	{
		if (ref $step) { $target->command_ok([ 'pg_restore', @$step, '-d', $target->connstr($dbname), $dump ], "$what: pg_restore @$step") }
		else { $target->safe_psql($dbname, $step) }
	}
	copy_is_right($target, $what, $dbname);
}

restore_is_right('plain', 'restored', []) unless $quick;
restore_is_right('parallel', 'restored in parallel', [ '-j', 2 ]) unless $quick;
restore_is_right('data_only', 'restored, --data-only', ['--schema-only'], 'SELECT snowflake_next()', ['--data-only'])
  unless $quick;
restore_is_right('data_only_parallel', 'restored, --data-only, in parallel',
	['--schema-only'], 'SELECT snowflake_next()', [ '--data-only', '-j', 2 ]);

# --- A template ---

load_source();
$source->safe_psql('template1', "CREATE DATABASE from_template TEMPLATE postgres");
$source->safe_psql('postgres', 'TRUNCATE stored');
$source->stop('immediate');
start_replaying($source, $before);
copy_is_right($source, 'database made from a template, after a crash', 'from_template');

# --- pg_upgrade. To the same major, the only one at hand: what matters is how it carries the sequence. ---

sub upgrade
{
	load_source();
	$source->stop;
	my $upgraded = SnowflakeTest->new('upgraded');
	$upgraded->fake_clock;
	$upgraded->init;
	my $bin = PostgreSQL::Test::Utils::tempdir;
	chomp(my $bindir = `pg_config --bindir`);
	chdir $bin;
	$upgraded->command_ok(
		[ 'pg_upgrade', '--no-sync', '-d', $source->data_dir, '-D', $upgraded->data_dir, '-b', $bindir, '-B', $bindir,
			'-s', $upgraded->host, '-p', $source->port, '-P', $upgraded->port ], 'pg_upgrade');
	start_replaying($upgraded, $before);
	copy_is_right($upgraded, 'upgraded');
	$upgraded->stop;
}

upgrade() unless $quick;    # takes long

$target->stop;
done_testing();
