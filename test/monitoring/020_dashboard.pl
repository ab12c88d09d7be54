# The queries of monitoring/ against servers under load, asked by a role that may nothing but watch: all metrics are there,
# on a standby, too; no panel of the dashboard is empty; no alert fires while all is well.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils qw(slurp_file);
use SnowflakeFault;
use SnowflakeMonitoring qw(monitoring_file panels_of_dashboard kernel_clock);
use SnowflakeRegistry;
use SnowflakeTest qw($quick);
use Test::More;

plan skip_all => 'not with --quick' if $quick;

# --- A primary with two databases, its standby, each with a number of a registry ---

my $registry = SnowflakeRegistry->start('postgresql', lease => 600);
my $kernel_clock = kernel_clock();
my $primary = $registry->start_server('primary', libraries => [$kernel_clock]);
$primary->safe_psql('postgres', 'CREATE ROLE watcher LOGIN IN ROLE pg_monitor');
$primary->backup('base');
my $standby = SnowflakeTest->new('standby');
$standby->fake_clock;
$standby->{libraries} = [$kernel_clock];
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->safe_psql('postgres', q{CREATE DATABASE shop; SELECT snowflake_create_generator('seconds', 'sonyflake')});
$primary->safe_psql('shop', 'CREATE EXTENSION snowflake_id');
number_of($_) for $primary, $standby;

my $monitoring = SnowflakeMonitoring->start(
	primary => { node => $primary, options => [ '--auto-discover-databases', '--include-databases=postgres,shop' ] },
	standby => { node => $standby });
my $load = start_clients($primary, kinds => [qw(given_set stored_rows)]);
$primary->safe_psql('shop', 'SELECT snowflake_next()');
$primary->safe_psql('postgres', q{SELECT snowflake_next('seconds')});
$standby->ask('SELECT snowflake_next()');
pause(12);

# --- Metrics ---

# ([ metric, whether it is asked in each database ], …)
sub metrics_of_queries
{
	my $queries = slurp_file(monitoring_file('queries.yml'));
	my @metrics;
	while ($queries =~ /^(snowflake_\w+):\n(.*?)(?=^\w|\z)/msg)
	{
		my ($namespace, $text) = ($1, $2);
		my $in_each_database = $text !~ /master: true/;
		push @metrics, [ "${namespace}_$1", $in_each_database ] while $text =~ /^    - (\w+): \{usage: (?!LABEL)/mg;
	}
	return @metrics;
}

for my $metric (metrics_of_queries())
{
	my ($name, $in_each_database) = @$metric;
	is_deeply([ map { $_->{metric}{datname} // '' } sort_by_database($monitoring->query("count by (datname) ($name\{instance='primary'})")) ],
		$in_each_database ? [qw(postgres shop)] : [''], "$name, primary");
	is(scalar $monitoring->query("count($name\{instance='standby'})"), 1, "$name, standby");
}

sub sort_by_database { return sort { ($a->{metric}{datname} // '') cmp($b->{metric}{datname} // '') } @_ }

unlike($monitoring->log_of("exporter_$_"), qr/err=|level=error/, "the exporter of the $_ met no error") for qw(primary standby);

# --- What they say is what has happened ---

sub value_of { my ($query) = @_; my ($found) = $monitoring->query($query); return $found->{value} }
my $standard = q{instance="primary", layout="snowflake_id"};
cmp_ok(value_of("sum(rate(snowflake_id_stat_ids_total{$standard}[10s]))"), '>', 1000, 'IDs a second');
is(value_of('snowflake_id_node_number{instance="primary", state="held"}'), number_of($primary), 'the node number');
is(value_of('snowflake_id_rejected_calls_total{instance="standby", reason="standby"}'), 1, 'a call that the standby rejected');
cmp_ok(value_of('snowflake_id_horizon_ahead_seconds{instance="primary", datname="postgres"}'), '>', 0, 'the horizon is ahead');

# --- The dashboard ---

for my $panel (panels_of_dashboard())
{
	cmp_ok(scalar $monitoring->query($_->{query}), '>', 0, "$panel->{title}: $_->{query}") for @{ $panel->{queries} };
}
isnt(scalar panels_of_dashboard(), 0, 'there are panels');

# --- Alerts ---

is_deeply([ $monitoring->problems_of_rules ], [], 'the rules are evaluated without an error');
is_deeply([ $monitoring->firing($_) ], [], "$_: no alert fires") for qw(primary standby);

is(said_by_clients(stop_clients($load)), '', 'no client met an error');
undef $monitoring;
$_->stop for $standby, $primary;
done_testing();
