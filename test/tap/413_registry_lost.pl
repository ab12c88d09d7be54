# A registry that has forgotten: promoted with lost commits, and restored from a dump. Servers that it does not know any
# more, and new ones, make no ID twice.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeFault;
use SnowflakeRegistry;
use SnowflakeTest qw($quick);
use Test::More;
use Time::HiRes qw(sleep time);

my $lease = 12;
my $seconds = $quick ? 1 : 2;

# All of them make IDs; clients that meet an error are no fault of this test, but some must have made many.
sub load_of
{
	my (@servers) = @_;
	my @loads = map { start_clients($_) } @servers;
	pause($seconds);
	stop_clients($_) for @loads;
	return @loads;
}

sub none_twice
{
	my ($what, $node, @loads) = @_;
	my ($ids, $twice) = count_made($node, 'postgres', 'TABLE given', @loads);
	cmp_ok($ids, '>', 100_000, "$what: many IDs: $ids");
	is($twice, 0, "$what: none twice");
}

# --- promoted with lost commits ---

sub promoted
{
	my $registry = SnowflakeRegistry->start('postgresql', lease => $lease, first => 0, last => 31);
	$registry->{node}->backup('standby');
	my $standby = SnowflakeTest->new('registry_standby');
	$standby->init_from_backup($registry->{node}, 'standby', has_streaming => 1);
	$standby->start;
	$registry->{uri} = $registry->uri_of($registry->{node}, $standby);
	my $old = $registry->start_server('known');
	my $known = number_of($old);
	$registry->{node}->wait_for_catchup($standby);

	# From here on, the standby hears nothing. A server comes that only the lost commits know.
	$standby->append_conf('postgresql.conf', "primary_conninfo = ''");
	$standby->reload;
	sleep(1);
	my $forgotten = $registry->clone($old, 'forgotten');
	my $number = number_of($forgotten);
	$_->safe_psql('postgres', 'TRUNCATE stored') for $old, $forgotten;
	my @before = load_of($old, $forgotten);
	kill_postmaster($registry->{node});
	$standby->promote;
	my @meanwhile = map { start_clients($_) } $old, $forgotten;

	# New ones may be given the forgotten number: later.
	my @new = map { $registry->clone($old, "new_$_") } 1 .. 2;
	like(number_of($_, 90), qr/^\d+$/, 'promoted: a new server has a number') for @new;
	my @after = load_of(@new);
	pause($lease);
	stop_clients($_) for @meanwhile;
	is(said_by_clients($meanwhile[0]), '', 'promoted: the server that it knows goes on');
	like(number_of($forgotten, 90), qr/^\d+$/, 'promoted: the forgotten one has a number, too');
	my @end = load_of($old, $forgotten, @new);
	is(said_by_clients(@end), '', 'promoted: all go on');
	none_twice('promoted', $old, @before, @meanwhile, @after, @end);
	$_->stop for $old, $forgotten, @new, $standby;
}

# --- restored from a dump ---

sub restored
{
	my $registry = SnowflakeRegistry->start('postgresql', lease => $lease, first => 3, last => 5);
	my $old = $registry->start_server('dumped');
	number_of($old);
	my $dump = PostgreSQL::Test::Utils::tempdir . '/registry.sql';
	$registry->{node}->command_ok([ 'pg_dump', '-f', $dump, $registry->{node}->connstr('postgres') ], 'the registry is dumped');
	my $forgotten = $registry->clone($old, 'not_dumped');
	number_of($forgotten);
	$_->safe_psql('postgres', 'TRUNCATE stored') for $old, $forgotten;
	my @before = map { start_clients($_) } $old, $forgotten;
	$registry->{node}->safe_psql('template1', 'DROP DATABASE postgres WITH (FORCE)');
	$registry->{node}->safe_psql('template1', 'CREATE DATABASE postgres TEMPLATE template0');
	$registry->{node}->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $registry->{node}->connstr('postgres') ],
		'and restored');
	my $new = $registry->clone($old, 'after_restore');
	like(number_of($new, 90), qr/^\d+$/, 'restored: a new server has a number');
	my @after = load_of($new);
	pause($lease);
	stop_clients($_) for @before;
	like(number_of($_, 90), qr/^\d+$/, 'restored: a server that was there has one') for $old, $forgotten;
	my @end = load_of($old, $forgotten, $new);
	none_twice('restored', $old, @before, @after, @end);
	$_->stop for $old, $forgotten, $new;
	$registry->stop;
}

promoted();
restored();
done_testing();
