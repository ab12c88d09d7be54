# The client and the extension snowflake_registry understand each other.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RegistryClient;
use Test::More;
use Time::HiRes qw(sleep);

my $node = PostgreSQL::Test::Cluster->new('registry');
$node->init;
$node->start;
$node->safe_psql('postgres', q{
	CREATE DATABASE ids});
$node->safe_psql('ids', q{
	CREATE SCHEMA "Odd schema"; CREATE EXTENSION snowflake_registry SCHEMA "Odd schema";
	SELECT "Odd schema".snowflake_registry_create_realm('small', 7, 7, '2 s');
	CREATE ROLE server LOGIN; SELECT "Odd schema".snowflake_registry_admit('server');
	GRANT USAGE ON SCHEMA "Odd schema" TO server});
my $place = 'host=' . $node->host . ' port=' . $node->port . ' dbname=ids user=server';
my $client = RegistryClient->new($place);

my $first = $client->ask('claim main 77 a:1');
is("$first->{kind} $first->{node} $first->{from}", 'granted 0 0', 'claim') or diag $first->{message};
is($first->{until} - $first->{now}, 30_000, '... for half a minute');
is($client->ask('claim main 77 a:1')->{until}, $first->{until}, '... the same again');
my $renewed = $client->ask("renew main 0 77 a:1 0 $first->{until}");
cmp_ok($renewed->{until}, '>', $first->{until}, 'renew') or diag $renewed->{message};
is($client->ask("renew main 0 78 b:1 0 $first->{until}")->{kind}, 'lost', '... not by another');
is($client->ask('give_back main 0 78 5')->{kind}, 'lost', '... who does not give it back either');
is($client->ask("give_back main 0 77 $renewed->{now}")->{kind}, 'returned', 'give back');
my $next = $client->ask('claim main 79 a:1');
is("$next->{node} $next->{from}", "0 $renewed->{now}", 'the next one begins there');

my $only = $client->ask('claim small 1 a:1');
is($only->{node}, 7, 'another realm') or diag $only->{message};
is($client->ask('claim small 2 b:1')->{kind}, 'full', '... that is full');
sleep(2.5);
is($client->ask('claim small 2 b:1')->{from}, $only->{until}, '... until its number is over');
like($client->ask('claim smal 3 a:1')->{message}, qr/there is no realm "smal"/, 'no realm');
like($client->ask("renew smal 3 3 a:1 0 $first->{until}")->{message}, qr/there is no realm "smal"/, '... to renew in');

my @clients = map { RegistryClient->new($place) } 1 .. 40;
$clients[ $_ - 1 ]->say('claim main ' . (100 + $_) . " s$_:1") for 1 .. 40;
my @granted = grep { $_->{kind} eq 'granted' } map { $_->answer } @clients;
my %nodes = map { $_->{node} => 1 } @granted;
is(@granted . ' ' . keys %nodes, '31 31', '40 at once: each number that is left, once');
$_->end for @clients, $client;

done_testing();
