# A standby is promoted: while its primary is killed in mid-load, on a clock that replays the load; and while its primary
# lives on, with a node ID of its own and with the same.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeFault;
use SnowflakeTest qw($quick);
use Test::More;

my $primary = start_faulty('primary', init => [ allows_streaming => 1 ]);
$primary->backup('base');

sub start_standby
{
	my ($name, %options) = @_;
	my $standby = SnowflakeTest->new($name);
	$standby->fake_clock;
	$standby->init_from_backup($primary, 'base', has_streaming => 1);
	$standby->append_conf('postgresql.conf', $options{conf}) if $options{conf};
	$standby->start;
	return $standby;
}

# --- Both live, each with its own node ID ---

my $twin = start_standby('twin', conf => 'snowflake_id.node_id = 1');
$primary->wait_for_catchup($twin);
$twin->promote;
$twin->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
my $each = $quick ? 500_000 : 3_000_000;
my %set = map { $_->name => [ split /\n/, make_at_once($_) ] } $primary, $twin;

# Ranges by two sessions in turn, while the other server does the same.
sub make_at_once
{
	my ($node) = @_;
	return $node->safe_psql('postgres', "SELECT first_id, last_id FROM snowflake_reserve($each)");
}

my @both = (start_clients($primary), start_clients($twin));
pause($quick ? 1 : 3);
stop_clients($_) for reverse @both;
is(common_ids($primary, @both), 0, 'two primaries with node IDs of their own: no common ID under load');
no_duplicates($primary, 'the old primary', [ $both[0] ]);
no_duplicates($twin, 'the new primary', [ $both[1] ]);
