# A registry in PostgreSQL, as its client sees it: what is asked, what counts as an answer, where it is found. The
# registry's functions are simple ones, that tell what they were asked and how.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RegistryClient;
use Test::More;
use Time::HiRes qw(sleep);

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', "listen_addresses = '127.0.0.1'\nsynchronous_commit = off\n");
$primary->start;
$primary->safe_psql('postgres', 'CREATE DATABASE ids');
$primary->safe_psql('postgres', q{ALTER ROLE postgres SET search_path = mean});

# Stands in for the extension: its name in the catalog, and functions in a schema that must be quoted.
$primary->safe_psql('ids', q{
	CREATE SCHEMA "Odd schema"; SET search_path = "Odd schema";
	CREATE TABLE asked (question text, settings text[] DEFAULT ARRAY[current_setting('search_path'),
	  current_setting('synchronous_commit'), current_setting('transaction_isolation'), current_setting('application_name')]);
	CREATE TABLE checked (at_commit int UNIQUE DEFERRABLE INITIALLY DEFERRED);
	CREATE FUNCTION snowflake_registry_claim(realm text, holder bigint, label text, OUT refusal text, OUT node int,
	  OUT from_ms bigint, OUT until_ms bigint, OUT now_ms bigint) LANGUAGE plpgsql AS $$
	BEGIN
	  INSERT INTO "Odd schema".asked SELECT concat_ws(' ', 'claim', realm, holder, label);
	  IF realm IN ('full', 'settling', 'no realm', 'surprise') THEN refusal := realm; RETURN; END IF;
	  IF realm = 'error' THEN RAISE 'out of numbers' USING HINT = 'make some'; END IF;
	  IF realm = 'uncommitted' THEN INSERT INTO "Odd schema".checked VALUES (1), (1); END IF;
	  node := 5; from_ms := 100; until_ms := 200; now_ms := CASE WHEN realm <> 'odd' THEN 150 END;
	END $$;
	CREATE FUNCTION snowflake_registry_renew(realm text, node int, holder bigint, label text, known_from_ms bigint,
	  known_until_ms bigint, OUT refusal text, OUT until_ms bigint, OUT now_ms bigint) LANGUAGE plpgsql AS $$
	BEGIN
	  INSERT INTO "Odd schema".asked SELECT concat_ws(' ', 'renew', realm, node, holder, label, known_from_ms, known_until_ms);
	  IF realm = 'lost' THEN refusal := realm; ELSE until_ms := 300; now_ms := 250; END IF;
	END $$;
	CREATE FUNCTION snowflake_registry_give_back(realm text, node int, holder bigint, last_used_ms bigint)
	  RETURNS boolean LANGUAGE plpgsql AS $$
	BEGIN
	  INSERT INTO "Odd schema".asked SELECT concat_ws(' ', 'give_back', realm, node, holder, last_used_ms);
	  RETURN realm <> 'lost';
	END $$;
	INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
	  VALUES (99999, 'snowflake_registry', 10, '"Odd schema"'::regnamespace, false, '1.0');
	-- Whoever looks by name finds these.
	CREATE SCHEMA mean;
	CREATE FUNCTION mean.quote_ident(name) RETURNS text LANGUAGE sql AS $$SELECT 'mean'$$;
});

my $place = 'host=127.0.0.1 port=' . $primary->port . ' dbname=ids user=postgres';
my $client = RegistryClient->new($place);
sub asked { return $primary->safe_psql('ids', q{SELECT question FROM "Odd schema".asked}) }

# --- questions and answers ---
my $answer = $client->ask('claim main 77 db1:5432');
is("$answer->{kind} $answer->{node} $answer->{from} $answer->{until} $answer->{now}", 'granted 5 100 200 150', 'claim')
  or diag $answer->{message};
$answer = $client->ask('renew main 5 77 db1:5432 100 200');
is("$answer->{kind} $answer->{until} $answer->{now}", 'granted 300 250', 'renew');
is($client->ask('renew lost 5 77 db1:5432 100 200')->{kind}, 'lost', '... refused');
is($client->ask('give_back main 5 77 190')->{kind}, 'returned', 'give back');
is($client->ask('give_back lost 5 77 190')->{kind}, 'lost', '... refused');
is(asked(), "claim main 77 db1:5432\nrenew main 5 77 db1:5432 100 200\nrenew lost 5 77 db1:5432 100 200\n"
	  . "give_back main 5 77 190\ngive_back lost 5 77 190", 'the functions were given what they expect');
is($primary->safe_psql('ids', 'SELECT DISTINCT settings FROM "Odd schema".asked'),
	'{"pg_catalog, pg_temp",on,"read committed",snowflake_id}',
	'no search_path, a commit that is durable, a name');
is($client->ask('claim full 77 a')->{kind}, 'full', 'full');
is($client->ask('claim settling 77 a')->{kind}, 'settling', 'settling');
like($client->ask('claim surprise 77 a')->{message}, qr/not known here: surprise/, 'a refusal that is not known');
like($client->ask('claim error 77 a')->{message}, qr/out of numbers \(make some\)/, 'an error, with its hint');
like($client->ask('claim odd 77 a')->{message}, qr/no valid now_ms/, 'a row that lacks something');

# --- what counts as an answer ---
$answer = $client->ask('claim uncommitted 77 a');
is($answer->{kind}, 'failed', 'a row whose transaction fails at commit is no answer');
like($answer->{message}, qr/duplicate key|unique/, '... which is said');
$primary->safe_psql('postgres', q{ALTER SYSTEM SET synchronous_standby_names = 'nobody'});
$primary->reload;
sleep(1);
$answer = $client->ask('claim main 78 a');
is($answer->{kind}, 'failed', 'nor is one that a synchronous standby has not');
cmp_ok($answer->{took}, '<', 6000, '... in time');
$client->say('claim main 79 a');
my $waits = q{FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND backend_start > now() - interval '4 s'};
$primary->poll_query_until('postgres', "SELECT count(*) > 0 $waits") or die;
$primary->safe_psql('postgres', "SELECT pg_cancel_backend(pid) $waits");
like($client->answer->{message}, qr/synchronous standbys/, 'nor one whose wait for a standby was cancelled');
$primary->safe_psql('postgres', 'ALTER SYSTEM RESET synchronous_standby_names');
$primary->reload;

# --- where it is found ---
$primary->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'copy', has_streaming => 1);
$standby->start;
my $both = 'host=127.0.0.1,127.0.0.1 port=' . $standby->port . ',' . $primary->port . ' dbname=ids user=postgres';
is(RegistryClient->new($both)->ask('claim main 1 a')->{kind}, 'granted', 'the primary, behind a standby');
my $uri = 'postgresql://postgres@127.0.0.1:' . Etcd::free_port() . ',localhost:' . $primary->port . '/ids';
$answer = RegistryClient->new($uri)->ask('claim main 1 a');
is($answer->{kind}, 'granted', 'by name, behind a server that is dead') or diag $answer->{message};
is(RegistryClient->new('host=' . $primary->host . ' port=' . $primary->port . ' dbname=ids user=postgres')
	  ->ask('claim main 1 a')->{kind}, 'granted', 'by its socket');
my $services = PostgreSQL::Test::Utils::tempdir() . '/services';
append_to_file($services, "[registry]\nhost=localhost\nport=" . $primary->port . "\ndbname=ids\nuser=postgres\n");
$answer = RegistryClient->new('service=registry', PGSERVICEFILE => $services)->ask('claim main 1 a');
is($answer->{kind}, 'granted', 'by a service') or diag $answer->{message};

# --- what is not taken ---
sub problem_of { return RegistryClient->new($_[0])->ask('claim main 1 a')->{message} }
like(problem_of("$place password=secret"), qr/password must not stand in the connection string/, 'a password');
like(problem_of('postgresql://postgres:secret@127.0.0.1/ids'), qr/password must not stand/, '... in a URI');
like(problem_of('nonsense'), qr/missing "="/, 'nonsense');
like(problem_of('service=none'), qr/service.*none/, 'a service that is none');
like(problem_of("$place dbname=postgres"), qr/snowflake_registry is not installed in database "postgres"/, 'no registry');
like(problem_of("$place dbname=missing"), qr/database "missing" does not exist/, 'no database');

# --- it goes and comes ---
$client->ask('claim main 1 a');
$primary->restart;
is($client->ask('claim main 1 a')->{kind}, 'granted', 'a restart between two questions is not noticed');
$primary->stop('immediate');
$answer = $client->ask('claim main 1 a');
is($answer->{kind}, 'failed', 'without a server, no answer');
$primary->start;
is($client->ask('claim main 1 a')->{kind}, 'granted', 'when it is back, so is the client');
my $backend = $primary->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE application_name = 'snowflake_id'});
my @frozen = ($backend, $primary->{_pid});
kill 'STOP', @frozen;
$answer = $client->ask('claim main 1 a');
kill 'CONT', @frozen;
is($answer->{kind}, 'failed', 'a frozen server: no answer');
cmp_ok($answer->{took}, '<', 6000, '... in time');
is($client->ask('claim main 1 a')->{kind}, 'granted', 'when it goes on, so does the client');

$client->end;
done_testing();
