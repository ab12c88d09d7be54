# A registry of node numbers, and servers that have their numbers from it: all of one configuration.
#
#     my $registry = SnowflakeRegistry->start('postgresql', lease => 3);    # or 'etcd'
#     my $first = $registry->start_server('first');
#     my $second = $registry->clone($first, 'second');                      # of its data directory, beside it
#     number_of($first);                                                    # waits for it
#     $registry->freeze; $registry->thaw; $registry->stop; $registry->start_service;
#
# Both kinds keep one contract, so that most tests are run with both: kinds(). Quickly, with the first.
package SnowflakeRegistry;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use IO::Socket::INET;
use IPC::Run;
use List::Util qw(max);
use PostgreSQL::Test::Utils qw(append_to_file slurp_file);
use SnowflakeFault;
use SnowflakeTest qw($quick $library);
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(kinds number_of state_of status_of wait_for_state wait_for_other_number stop_process go_on_process
  all_processes_of);

my $etcd = (grep { -x "$_/etcd" } split /:/, $ENV{PATH} // '')[0];

sub kinds { return $etcd && !$quick ? qw(postgresql etcd) : 'postgresql' }

# --- the registry ---

# Options: lease in seconds (of the first and every later grant), first, last: the node numbers.
sub start
{
	my ($class, $kind, %options) = @_;
	my $self = bless { kind => $kind, lease => 3, first => 0, last => 31, %options }, $class;
	$kind eq 'etcd' ? $self->_start_etcd : $self->_start_postgresql;
	return $self;
}

sub _start_postgresql
{
	my ($self) = @_;
	my $node = $self->{node} = SnowflakeTest->new('registry_' . int(rand(2**20)));
	$node->fake_clock;
	$node->init(allows_streaming => 1);
	$node->append_conf('postgresql.conf', "log_statement = none\nlog_min_messages = warning\nwal_keep_size = 64MB");
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION snowflake_registry');
	$self->configure;
	$self->{uri} = $self->uri_of($node);
}

sub uri_of
{
	my ($self, @nodes) = @_;
	my $hosts = join ',', map { $_->host =~ s{/}{%2F}gr } @nodes;
	my $ports = join ',', map { $_->port } @nodes;
	return "postgresql:///postgres?host=$hosts&port=$ports&user=" . (getpwuid($<))[0];
}

# An etcd of one member on loopback.
sub _start_etcd
{
	my ($self) = @_;
	$self->{directory} = PostgreSQL::Test::Utils::tempdir;
	@$self{qw(port peer_port)} = map { free_port() } 1 .. 2;
	$self->{uri} = "etcd://127.0.0.1:$self->{port}";
	$self->start_service;
	$self->configure;
}

sub free_port
{
	my $socket = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die "no free port: $!";
	return $socket->sockport;
}

# Makes the realm `main`. Made with a longer lease, and shortened then, it would remember the longer one.
sub configure
{
	my ($self) = @_;
	my @settings = @$self{qw(first last lease)};
	if ($self->{node})
	{
		$self->{node}->safe_psql('postgres', sprintf q{SELECT snowflake_registry_create_realm('main', %d, %d, '%s seconds')}, @settings);
		return;
	}
	$self->put('/snowflake_id/main/config', sprintf '{"first": %d, "last": %d, "lease_seconds": %d}', @settings);
}

# By the same gateway that our client uses.
sub put
{
	my ($self, $key, $value) = @_;
	require MIME::Base64;
	require HTTP::Tiny;
	my $json = sprintf '{"key":"%s","value":"%s"}', map { MIME::Base64::encode_base64($_, '') } $key, $value;
	my $answer = HTTP::Tiny->new->post("http://127.0.0.1:$self->{port}/v3/kv/put", { content => $json });
	die "etcd: $answer->{status} $answer->{content}" unless $answer->{success};
}

sub stop
{
	my ($self) = @_;
	return $self->{node}->stop('immediate') if $self->{node};
	return unless $self->{etcd};
	$self->{etcd}->kill_kill;
	delete $self->{etcd};
}

sub start_service
{
	my ($self) = @_;
	return $self->{node}->start if $self->{node};
	my $log = "$self->{directory}/log";
	my @urls = map { "http://127.0.0.1:$_" } @$self{qw(port peer_port)};
	$self->{etcd} = IPC::Run::start(
		[ 'etcd', '--data-dir', "$self->{directory}/data", '--listen-client-urls', $urls[0], '--advertise-client-urls', $urls[0],
			'--listen-peer-urls', $urls[1], '--initial-advertise-peer-urls', $urls[1], '--initial-cluster', "default=$urls[1]" ],
		'>', $log, '2>&1');
	for (1 .. 300)
	{
		return if eval { $self->put('ready', 'yes'); 1 };
		sleep(0.1);
	}
	die 'etcd does not answer';
}

# A way to it that can be cut: $link->{uri}, $link->cut, $link->mend.
sub link
{
	my ($self) = @_;
	my ($from, $to, $uri);
	if ($self->{node})
	{
		my ($directory, $port) = (PostgreSQL::Test::Utils::tempdir_short(), 5432);
		$from = "UNIX-LISTEN:$directory/.s.PGSQL.$port,fork";
		$to = 'UNIX-CONNECT:' . $self->{node}->host . '/.s.PGSQL.' . $self->{node}->port;
		$uri = "postgresql:///postgres?host=" . ($directory =~ s{/}{%2F}gr) . "&port=$port&user=" . (getpwuid($<))[0];
	}
	else
	{
		my $port = free_port();
		$from = "TCP-LISTEN:$port,bind=127.0.0.1,reuseaddr,fork";
		$to = "TCP:127.0.0.1:$self->{port}";
		$uri = "etcd://127.0.0.1:$port";
	}
	return SnowflakeRegistry::Link->start($from, $to, $uri);
}

# Its processes hang; connections to it stay.
sub freeze { stop_process($_[0]->processes) }
sub thaw { go_on_process($_[0]->processes) }

sub processes
{
	my ($self) = @_;
	return all_processes_of($self->{node}) if $self->{node};
	return map { $_->{PID} } @{ $self->{etcd}{KIDS} };
}

sub stop_process { kill 'STOP', @_ }
sub go_on_process { kill 'CONT', reverse @_ }

# The postmaster first.
sub all_processes_of
{
	my ($node) = @_;
	my ($postmaster) = split /\n/, slurp_file($node->data_dir . '/postmaster.pid');
	my @children = split ' ', `ps -o pid= --ppid $postmaster`;
	return ($postmaster, @children);
}

# --- servers ---

# What every server's configuration says; nothing in it is about one server.
sub settings
{
	my ($self, $uri) = @_;
	return "shared_preload_libraries = '$library'\nsnowflake_id.registry = '@{[ $uri // $self->{uri} ]}'\n";
}

# A server with a clock that can be set and the tables that clients need. Options as of start_faulty(), and registry: a URI.
sub start_server
{
	my ($self, $name, %options) = @_;
	return start_faulty($name, init => [ allows_streaming => 1 ], %options,
		conf => $self->settings($options{registry}) . "log_min_messages = log\n" . ($options{conf} // ''));
}

# A copy of a server's data directory, configuration and all, as people make it: started beside it.
my $copies = 0;

sub clone
{
	my ($self, $node, $name, %options) = @_;
	$node->backup('copy_' . ++$copies);
	my $clone = SnowflakeTest->new($name);
	$clone->fake_clock;
	$clone->set_clock_offset($options{clock_offset} // $node->{clock_offset});
	$clone->init_from_backup($node, "copy_$copies", %{ $options{init} // {} });
	$clone->start;
	return $clone;
}

# --- questions ---

# What snowflake_node_status() says, as a hash.
sub status_of
{
	my ($node) = @_;
	my @columns = qw(state node granted_from granted_until registry realm last_success last_problem);
	my $row = $node->safe_psql('postgres', 'SELECT ' . join(', ', @columns) . ' FROM snowflake_node_status()');
	my %status;
	@status{@columns} = split /\|/, $row, -1;
	return \%status;
}

sub state_of { return status_of($_[0])->{state} }

sub wait_for_state
{
	my ($node, $state, $seconds) = @_;
	my $end = time + ($seconds // 60);
	while (time < $end)
	{
		return 1 if state_of($node) =~ /^(?:$state)$/;
		sleep(0.05);
	}
	diag explain status_of($node);
	return 0;
}

# Waits until the server has a number, and says which.
sub number_of
{
	my ($node, $seconds) = @_;
	wait_for_state($node, 'held|late', $seconds) or return 'none';
	return status_of($node)->{node};
}

sub wait_for_other_number
{
	my ($node, $number, $seconds) = @_;
	my $end = time + ($seconds // 60);
	while (time < $end)
	{
		my $status = status_of($node);
		return $status->{node} if $status->{state} eq 'held' && $status->{node} ne $number;
		sleep(0.05);
	}
	return 'none';
}

package SnowflakeRegistry::Link;

# socat forks a process for each connection: all of them are stopped and go on together.
sub start
{
	my ($class, $from, $to, $uri) = @_;
	my $harness = IPC::Run::start([ 'setsid', 'socat', $from, $to ]);
	return bless { uri => $uri, harness => $harness }, $class;
}

sub processes
{
	my ($self) = @_;
	my $first = $self->{harness}{KIDS}[0]{PID};
	return ($first, split ' ', `ps -o pid= --ppid $first`);
}

sub cut { kill 'STOP', $_[0]->processes }
sub mend { kill 'CONT', $_[0]->processes }

sub DESTROY
{
	my ($self) = @_;
	local ($@, $?);
	kill 'KILL', $self->processes;
	eval { $self->{harness}->finish };
}

1;
