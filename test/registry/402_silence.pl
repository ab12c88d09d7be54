# Registries that do not answer: nothing blocks, and a question fails after five seconds.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use IO::Socket::INET;
use PostgreSQL::Test::Utils;
use RegistryClient;
use Test::More;

# Accepts (the kernel does) and says nothing.
my $silent = IO::Socket::INET->new(Listen => 50, LocalAddr => '127.0.0.1') or die $!;
my $port = $silent->sockport;
my $authority = PostgreSQL::Test::Utils::tempdir() . '/authority.pem';
system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout /dev/null -out $authority 2>/dev/null") == 0
  or die 'openssl';
my %registries = (
	'etcd' => "etcd://127.0.0.1:$port",
	'etcd by TLS' => "etcds://127.0.0.1:$port?cacert=$authority",
	'PostgreSQL' => "host=127.0.0.1 port=$port dbname=ids user=ids",
	'PostgreSQL by TLS' => "host=127.0.0.1 port=$port dbname=ids user=ids sslmode=require");

my %clients = map { $_ => RegistryClient->new($registries{$_})->say('claim main 1 a:1') } keys %registries;
for my $what (sort keys %clients)
{
	my $answer = $clients{$what}->answer;
	is($answer->{kind}, 'failed', "$what: silence is a failure");
	cmp_ok($answer->{took}, '>=', 4900, '... after five seconds');
	cmp_ok($answer->{took}, '<', 6000, '... not much later');
	like($answer->{message}, qr/127\.0\.0\.1.*no answer in time/, '... that names the place');
}

# The second is tried in time, whatever the first does.
for my $what (sort keys %registries)
{
	my $free = Etcd::free_port();
	my $registry = $registries{$what} =~ s{://127.0.0.1:$port}{://127.0.0.1:$port,127.0.0.1:$free}r
	  =~ s{host=127.0.0.1 port=$port}{host=127.0.0.1,127.0.0.1 port=$port,$free}r;
	my $answer = RegistryClient->new($registry)->ask('claim main 1 a:1');
	like($answer->{message}, qr/:$port: no answer in time; .*:$free: .*(?:refused|connect)/i, "$what: the second place is tried, too");
}

# All together, they are given no more time than one.
for my $registry ('etcd://' . join(',', ("127.0.0.1:$port") x 5), 'postgresql://' . join(',', ("127.0.0.1:$port") x 5) . '/ids')
{
	my $answer = RegistryClient->new($registry)->ask('claim main 1 a:1');
	is($answer->{kind}, 'failed', 'five places that are silent: a failure');
	cmp_ok($answer->{took}, '<', 6000, '... in time');
}

# A name whose resolution hangs.
my %slow = (LD_PRELOAD => $ENV{SLOW_RESOLVER}, SLOW_HOST => 'slow.example', SLOW_SECONDS => 20);
for my $registry ('etcd://slow.example:2379', 'postgresql://slow.example/ids')
{
	my $client = RegistryClient->new($registry, %slow);
	for my $time (1, 2)
	{
		my $answer = $client->ask('claim main 1 a:1');
		is($answer->{kind}, 'failed', "$registry cannot be resolved: a failure, $time");
		cmp_ok($answer->{took}, '<', 6000, '... in time');
	}
	is($client->say('end')->answer->{kind}, 'ended', '... and the client can be destroyed meanwhile');
	$client->kill;
}
my $answer = RegistryClient->new('etcd://no-such-host.invalid')->ask('claim main 1 a:1');
like($answer->{message}, qr/no-such-host\.invalid:2379: the name cannot be resolved|no answer in time/, 'a name that is none');

# Destroyed in the middle of each.
for my $what (sort keys %registries)
{
	is(RegistryClient->new($registries{$what})->say('end')->answer->{kind}, 'ended', "$what: destroyed in the middle");
}

done_testing();
