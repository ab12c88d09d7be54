# A standby reads IDs and makes none; once promoted it makes them, in sessions that were there before, too.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeTest;
use Test::More;

my $primary = SnowflakeTest->start_new('primary', init => [ allows_streaming => 1 ], conf => 'snowflake_id.node_id = 1');
$primary->backup('base');
my $standby = SnowflakeTest->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

$primary->load_ids(clients => 4, transactions => 20);
$primary->wait_for_catchup($standby);

my $session = $standby->session;
my $on_standby = qr/ERROR:  25006: cannot make a Snowflake ID on a standby\nHINT:  Connect to the primary/;
for my $make ('SELECT snowflake_next()', 'SELECT snowflake_next_array(2)', 'SELECT * FROM snowflake_next_set(2)',
	'SELECT * FROM snowflake_reserve(2)')
{
	my ($out, $err) = $standby->ask_session($session, $make);
	is($out, '', "standby: no ID by $make");
	like($err, $on_standby, "standby: $make says so");
}
my $read = q{
	SELECT count(*), sum(snowflake_node(first_id)), max(snowflake_timestamp(last_id)), min(snowflake_worker(first_id)),
	       sum((snowflake_decode(last_id)).sequence) FROM made};
is(($standby->ask_session($session, $read))[0], $primary->safe_psql('postgres', $read), 'standby: IDs are read as on the primary');

my ($last) = $primary->ask('SELECT snowflake_next()');
$primary->wait_for_catchup($standby);
$primary->stop;
$standby->promote;
ok($standby->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()'), 'promoted');
my ($out, $err) = $standby->ask_session($session, 'SELECT snowflake_next()');
cmp_ok($out || 0, '>', $last, 'promoted: the session from before makes IDs, later than those of the primary') or diag $err;
$session->quit;

$standby->load_ids(clients => 4, transactions => 20);
my $found = $standby->ids_are_right('promoted');
is($found->{sessions}, 8, 'promoted: IDs of both servers were compared');

$standby->stop;
done_testing();
