# An etcd with TLS, with users, with both.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use RegistryClient;
use Test::More;

my $directory = PostgreSQL::Test::Utils::tempdir();

sub write_file
{
	my ($name, $content, $mode) = @_;
	append_to_file("$directory/$name", $content);
	chmod($mode // 0600, "$directory/$name");
	return "$directory/$name";
}

sub openssl
{
	my (@arguments) = @_;
	system("cd $directory && openssl @arguments >>openssl.log 2>&1") == 0 or die "openssl @arguments: see openssl.log";
	return;
}

sub make_authority
{
	my ($name) = @_;
	openssl("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=$name -keyout $name.key -out $name.pem");
	return;
}

sub make_certificate
{
	my ($name, $authority, $names) = @_;
	write_file("$name.ext", "subjectAltName=$names\n");
	openssl("req -newkey rsa:2048 -nodes -subj /O=$name -keyout $name.key -out $name.csr");
	openssl("x509 -req -in $name.csr -CA $authority.pem -CAkey $authority.key -CAcreateserial -days 2"
		  . " -extfile $name.ext -out $name.pem");
	return;
}

make_authority('authority');
make_authority('stranger');
make_certificate('server', 'authority', 'IP:127.0.0.1,DNS:localhost');
make_certificate('client', 'authority', 'DNS:client');
make_certificate('foreigner', 'stranger', 'DNS:client');

# --- TLS ---
my $secured = Etcd->start(scheme => 'https', arguments => [
	'--cert-file', "$directory/server.pem", '--key-file', "$directory/server.key",
	'--client-cert-auth', '--trusted-ca-file', "$directory/authority.pem" ]);

sub tls
{
	my ($host, $authority, $certificate) = @_;
	my $rest = $certificate ? "&cert=$directory/$certificate.pem&key=$directory/$certificate.key" : '';
	my $uri = "etcds://$host:$secured->{port}/ids?cacert=$directory/$authority.pem$rest";
	return RegistryClient->new($uri)->ask('claim main 1 a:1');
}

my $answer = tls('127.0.0.1', 'authority', 'client');
is($answer->{kind}, 'granted', 'TLS with certificates') or diag $answer->{message};
$answer = tls('localhost', 'authority', 'client');
is($answer->{kind}, 'granted', 'by name') or diag $answer->{message};
is(tls('127.0.0.1', 'stranger', 'client')->{kind}, 'failed', 'an authority that is not trusted');
is(tls('127.0.0.1', 'authority', 'foreigner')->{kind}, 'failed', 'a certificate that etcd does not trust');
is(tls('127.0.0.1', 'authority', undef)->{kind}, 'failed', 'no certificate');
$answer = RegistryClient->new("etcds://127.0.0.2:$secured->{port}?cacert=$directory/authority.pem")->ask('claim main 1 a:1');
is($answer->{kind}, 'failed', 'another host than the certificate names');

# --- users ---
my $etcd = Etcd->start(arguments => [ '--auth-token-ttl', '3' ]);
$etcd->post(@$_) for [ 'auth/user/add', '{"name":"root","password":"r"}' ],
  [ 'auth/role/add', '{"name":"root"}' ], [ 'auth/user/grant', '{"user":"root","role":"root"}' ],
  [ 'auth/user/add', '{"name":"ids","password":"s3c\"ret"}' ], [ 'auth/role/add', '{"name":"ids"}' ],
  [ 'auth/user/grant', '{"user":"ids","role":"ids"}' ],
  # /ids/ to /ids0
  [ 'auth/role/grant', '{"name":"ids","perm":{"permType":"READWRITE","key":"L2lkcy8=","range_end":"L2lkczA="}}' ],
  [ 'auth/enable', '{}' ];
my $good = write_file('good', "s3c\"ret\n");
my $open = write_file('open', "s3c\"ret\n", 0644);
my $bad = write_file('bad', "wrong\n");

sub with_user { my ($user, $file, $prefix) = @_; return "etcd://$user\@127.0.0.1:$etcd->{port}/$prefix?passfile=$file" }

my $client = RegistryClient->new(with_user('ids', $good, 'ids'));
$answer = $client->ask('claim main 1 a:1');
is($answer->{kind}, 'granted', 'a user with a password') or diag $answer->{message};
sleep(6);
my $renewed = $client->ask("renew main 0 1 a:1 0 $answer->{until}");
is($renewed->{kind}, 'granted', 'the token is over, and is renewed') or diag $renewed->{message};
$etcd->kill9;
$etcd->start_again;
$renewed = $client->ask("renew main 0 1 a:1 0 $renewed->{until}");
is($renewed->{kind}, 'granted', 'etcd was restarted, and knows no token') or diag $renewed->{message};

sub refused
{
	my ($uri) = @_;
	my $said = RegistryClient->new($uri)->ask('claim main 1 a:1');
	is($said->{kind}, 'failed', "refused: $uri");
	return $said->{message};
}
like(refused(with_user('ids', $bad, 'ids')), qr/authentication failed/, 'a wrong password');
like(refused(with_user('ids', $open, 'ids')), qr/owner only/, 'a password that others can read');
like(refused(with_user('ids', "$directory/none", 'ids')), qr/No such file/, 'no password file');
like(refused(with_user('ids', $good, 'other')), qr/permission denied/, 'keys of others');
like(refused("etcd://127.0.0.1:$etcd->{port}/ids"), qr/user name is empty|permission denied/, 'no user');

done_testing();
