# CREATE EXTENSION is enough, with and without preload; other sessions survive that it is dropped and made anew.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeTest qw($quick %scripts);
use Test::More;
use Time::HiRes qw(usleep);

for my $preload (0, 1)
{
	my $what = $preload ? 'preloaded' : 'not preloaded';
	my $node = SnowflakeTest->start_new($preload ? 'preload' : 'no_preload', preload => $preload);
	$node->load_ids(clients => 8, transactions => 20);
	$node->ids_are_right($what);

	# The same IDs' owner in every database and schema.
	$node->safe_psql('postgres', 'CREATE DATABASE other');
	$node->safe_psql('other', 'CREATE SCHEMA ids; CREATE EXTENSION snowflake_id SCHEMA ids');
	my ($made) = $node->ask(q{
		SELECT snowflake_next() AS here \gset
		\c other
		SELECT ids.snowflake_next() AS there \gset
		SELECT :here < :there, ids.snowflake_node(:there), ids.snowflake_timestamp(:there) > now() - interval '1 minute';});
	is($made, 't|0|t', "$what: another database, another schema");

	# After a restart as before it.
	$node->restart;
	$node->load_ids(clients => 8, transactions => 20);
	$node->ids_are_right("$what, restarted");
	$node->stop;
}

# Clients that need the extension all the time, while it comes and goes. What they meet is noted.
my $node = SnowflakeTest->start_new('drop', conf => 'synchronous_commit = off');
$node->prepare_load;
$node->safe_psql('postgres', 'CREATE TABLE met (sqlstate text, message text)');
my $live = $node->session;
my ($before) = $node->ask_session($live, 'SELECT snowflake_next()');

my $load = $node->start_load(
	clients => 8,
	seconds => $quick ? 4 : 6,
	options => [ '-M', 'simple' ],
	scripts => [qq{
		DO \$\$ BEGIN
		  $scripts{array}
		EXCEPTION WHEN OTHERS THEN
		  INSERT INTO met VALUES (SQLSTATE, SQLERRM);
		END \$\$;
	}]);
my $rounds = 0;
for (; $load->{harness}->pumpable; $rounds++)
{
	$node->safe_psql('postgres', 'SET client_min_messages = warning; DROP EXTENSION snowflake_id CASCADE');
	usleep(20_000);
	$node->safe_psql('postgres', 'CREATE EXTENSION snowflake_id');
	usleep(100_000);
	$load->{harness}->pump_nb;
}
my ($ok, $said) = $node->finish_load($load);
ok($ok, 'DROP EXTENSION: no client lost its connection') or diag $said;
cmp_ok($rounds, '>', 5, 'DROP EXTENSION: several times');
note $node->safe_psql('postgres', 'SELECT sqlstate, message, count(*) FROM met GROUP BY 1, 2');
cmp_ok($node->safe_psql('postgres', "SELECT count(*) FROM met WHERE sqlstate = '42883'"), '>', 0, 'DROP EXTENSION: clients met it');
# PostgreSQL does not lock functions: a plan made just before the drop fails by their OID.
is($node->safe_psql('postgres', q{
	SELECT * FROM met
	WHERE sqlstate <> '42883'
	  AND message !~ '^cache lookup failed for function|^function with OID \d+ does not exist|snowflake_id was dropped'}), '',
	'DROP EXTENSION: nothing but clean errors');
$node->ids_are_right('DROP EXTENSION');
my ($after) = $node->ask_session($live, 'SELECT snowflake_next()');
cmp_ok($after, '>', $before, 'DROP EXTENSION: a session from before makes IDs with the new one');
unlike($node->log_since, qr/terminated by signal|PANIC/, 'DROP EXTENSION: nothing crashed');
$live->quit;
$node->stop;
done_testing();
