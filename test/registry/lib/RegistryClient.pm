# What the tests of the registry's clients share: clients, as programs that are asked and answer, and an etcd.
#
#     my $etcd = Etcd->start;
#     my $client = RegistryClient->new($etcd->uri);
#     my $answer = $client->ask('claim main 77 db1:5432');
#     is($answer->{kind}, 'granted');                     # node, from, until, now; took, longest, noise (ms); message
#
# However a test ends, what it started ends with it.
#
# No call of a client's library may take long, whatever is wrong: each answer is tested for it.
#
# REGISTRY_CLIENT is the program, REGISTRY_LIBRARY the library.
package RegistryClient;

use strict;
use warnings FATAL => 'all';

use IPC::Run;
use Test::More;

# More on a machine that has other things to do. What blocks blocks for seconds.
my $longest_call_ms = 50;

sub new
{
	my ($class, $registry, %environment) = @_;
	my $self = bless { in => '', out => '', err => '' }, $class;
	$self->{harness} = IPC::Run::start(
		[ qw(setpriv --pdeathsig KILL env), (map { "$_=$environment{$_}" } sort keys %environment),
			$ENV{REGISTRY_CLIENT}, $ENV{REGISTRY_LIBRARY}, $registry ],
		\$self->{in}, \$self->{out}, \$self->{err}, IPC::Run::timeout(900));
	return $self;
}

# Asks without waiting for the answer.
sub say
{
	my ($self, $question) = @_;
	$self->{in} .= "$question\n";
	$self->{harness}->pump_nb;
	return $self;
}

sub answer
{
	my ($self) = @_;
	$self->{harness}->pump until $self->{out} =~ /\n/ || !$self->{harness}->pumpable;
	$self->{out} =~ s/^(.*)\n// or die "the client ended: $self->{err}";
	my ($said, $more) = split / \| /, $1, 2;
	my %answer;
	@answer{qw(kind node from until now)} = split / /, $said;
	@answer{qw(took longest noise message)} = split / /, $more, 4;
	cmp_ok($answer{longest}, '<=', $longest_call_ms + 3 * $answer{noise}, "no call took long: $said");
	return \%answer;
}

sub ask
{
	my ($self, $question) = @_;
	return $self->say($question)->answer;
}

sub end
{
	my ($self) = @_;
	$self->say('quit')->{harness}->finish;    # other children may have its standard input open, too
	return;
}

# Ends it whatever it does.
sub kill
{
	my ($self) = @_;
	$self->{harness}->kill_kill(grace => 0);
	return;
}

package Etcd;

use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);

my @all;
my @proxies;

sub free_port
{
	my $socket = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die $!;
	return $socket->sockport;
}

# An etcd of one member on loopback. Options: arguments, scheme.
sub start
{
	my ($class, %options) = @_;
	my $self = bless {
		directory => PostgreSQL::Test::Utils::tempdir_short(), port => free_port(), peer => free_port(),
		scheme => 'http', arguments => [], %options }, $class;
	push @all, $self;
	$self->start_again;
	return $self;
}

sub url { my ($self) = @_; return "$self->{scheme}://127.0.0.1:$self->{port}" }
sub uri { my ($self, $rest) = @_; return "etcd://127.0.0.1:$self->{port}" . ($rest // '') }

sub start_again
{
	my ($self) = @_;
	$self->{pid} = fork // die $!;
	if ($self->{pid} == 0)
	{
		open STDOUT, '>>', "$self->{directory}/log" or die $!;
		open STDERR, '>&', \*STDOUT or die $!;
		$ENV{ETCD_UNSUPPORTED_ARCH} = 'arm64' if `uname -m` =~ /aarch64/;
		exec(qw(setpriv --pdeathsig KILL etcd),
			'--data-dir', $self->{data} // "$self->{directory}/data", '--name', 'one',
			'--listen-client-urls', $self->url, '--advertise-client-urls', $self->url,
			'--listen-peer-urls', "http://127.0.0.1:$self->{peer}",
			'--initial-advertise-peer-urls', "http://127.0.0.1:$self->{peer}",
			'--initial-cluster', "one=http://127.0.0.1:$self->{peer}",
			'--unsafe-no-fsync', @{ $self->{arguments} }) or die $!;
	}
	for (1 .. 600)
	{
		return if IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port}) && $self->is_ready;
		sleep(0.1);
	}
	die "etcd does not start: see $self->{directory}/log";
}

sub is_ready
{
	my ($self) = @_;
	return 1 if $self->{scheme} eq 'https';
	return $self->post('kv/range', q({"key":"YQ=="})) =~ /header|user name is empty/;
}

# By the JSON gateway; for what a client does not do.
sub post
{
	my ($self, $path, $body, @headers) = @_;
	my @curl = ('curl', '-s', '-m', '5', (map { ('-H', $_) } @headers), '-d', $body, $self->url . "/v3/$path");
	open my $pipe, '-|', @curl or die $!;
	local $/;
	return <$pipe> // '';
}

sub put
{
	my ($self, $key, $value) = @_;
	require MIME::Base64;
	my ($k, $v) = map { MIME::Base64::encode_base64($_, '') } $key, $value;
	my $said = $self->post('kv/put', qq({"key":"$k","value":"$v"}));
	die $said unless $said =~ /revision/;
	return;
}

# All values below a key.
sub get
{
	my ($self, $prefix) = @_;
	require MIME::Base64;
	my ($begin, $end) = map { MIME::Base64::encode_base64($_, '') } $prefix, "$prefix\xff";
	my $said = $self->post('kv/range', qq({"key":"$begin","range_end":"$end"}));
	my %values;
	while ($said =~ /\{"key":"([^"]*)"[^}]*?"value":"([^"]*)"/g)
	{
		$values{ MIME::Base64::decode_base64($1) } = MIME::Base64::decode_base64($2);
	}
	return \%values;
}

sub signal { my ($self, $signal) = @_; return kill $signal, $self->{pid} }

sub kill9
{
	my ($self) = @_;
	kill 'KILL', $self->{pid};
	waitpid $self->{pid}, 0;
	delete $self->{pid};
	return;
}

# A way to this etcd on which its clock is wrong, by as many seconds as the file says: etcd's own cannot be set.
sub skewed_uri
{
	my ($self, $offset_file) = @_;
	my $listener = IO::Socket::INET->new(Listen => 20, LocalAddr => '127.0.0.1') or die $!;
	my $parent = $$;
	my $pid = fork // die $!;
	if ($pid == 0)
	{
		local $SIG{CHLD} = 'IGNORE';
		while (getppid == $parent)
		{
			my $client = IO::Select->new($listener)->can_read(1) ? $listener->accept : undef;
			next if !$client || fork;
			skew($client, IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port}), $offset_file);
			POSIX::_exit(0);
		}
		POSIX::_exit(0);
	}
	push @proxies, $pid;
	return 'etcd://127.0.0.1:' . $listener->sockport;
}

sub skew
{
	my ($client, $etcd, $offset_file) = @_;
	my $both = IO::Select->new($client, $etcd);
	while (my @ready = $both->can_read)
	{
		for my $from (@ready)
		{
			sysread($from, my $bytes, 1 << 16) or return;
			my $date = http_date(time + PostgreSQL::Test::Utils::slurp_file($offset_file));
			$bytes =~ s/^Date: [^\r]*/Date: $date/m if $from == $etcd;
			syswrite($from == $etcd ? $client : $etcd, $bytes);
		}
	}
	return;
}

sub http_date
{
	my ($time) = @_;
	return POSIX::strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime $time);
}

END
{
	my $status = $?;
	kill 'TERM', @proxies;
	for my $etcd (grep { $_->{pid} } @all)
	{
		kill 'CONT', $etcd->{pid};
		$etcd->kill9;
	}
	$? = $status;
}

1;
