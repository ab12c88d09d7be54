# The files of monitoring/ at work: an exporter for each server, a Prometheus that asks them every second. On loopback.
#
#     my $monitoring = SnowflakeMonitoring->start(main => { node => $node }, standby => { node => $other });
#     $monitoring->query('snowflake_id_status_sessions');    # ({ metric => { instance => 'main', … }, value => 8 })
#     $monitoring->wait_for_alert('SnowflakeIdNoData', 'main', 30);
#     $monitoring->wait_until_quiet('SnowflakeIdNoData', 'main', 30);
#
# The rules are those of alerts.yml, only faster: `for` is a second, and rates are taken over five.
# However a test ends, what it started ends with it.
package SnowflakeMonitoring;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use FindBin;
use HTTP::Tiny;
use IO::Socket::INET;
use IPC::Run;
use JSON::PP qw(decode_json);
use PostgreSQL::Test::Utils qw(append_to_file slurp_file);
use SnowflakeTest;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(monitoring_file panels_of_dashboard alert_names kernel_clock kernel_says);

my @until_the_test_ends = qw(setpriv --pdeathsig KILL);

# --- what is shipped ---

sub monitoring_file { return "$FindBin::RealBin/../../monitoring/$_[0]" }

# ({ type, title, unit, queries => [ { query, legend }, … ] }, …), as Grafana would fill them in for all servers.
sub panels_of_dashboard
{
	my $dashboard = decode_json(slurp_file(monitoring_file('dashboard.json')));
	return map { panel_of($_) } @{ $dashboard->{panels} };
}

sub panel_of
{
	my ($panel) = @_;
	my @queries = map { { query => filled_in($_->{expr}), legend => $_->{legendFormat} } } @{ $panel->{targets} };
	return { %$panel{qw(type title)}, unit => $panel->{fieldConfig}{defaults}{unit}, queries => \@queries };
}

sub filled_in
{
	my ($query) = @_;
	return $query =~ s/\$instance/.*/gr =~ s/\$__rate_interval/10s/gr;
}

sub alert_names { return slurp_file(monitoring_file('alerts.yml')) =~ /^\s+- alert: (\w+)$/mg }

sub faster_rules
{
	my $rules = slurp_file(monitoring_file('alerts.yml'));
	return $rules =~ s/^(\s+for:) \S+$/$1 1s/mgr =~ s/\[5m\]/[5s]/gr;
}

# --- the kernel's clock ---

# A library for a server to preload, to which the kernel says what kernel_says() does: at first that all is well. The
# machine's own time daemon, if there is one, plays no part.
sub kernel_clock
{
	my $directory = PostgreSQL::Test::Utils::tempdir();
	$ENV{KERNEL_CLOCK} = "$directory/kernel_clock";
	kernel_says('0 200 30000');
	system($ENV{CC} // 'cc', '-shared', '-fPIC', "$FindBin::RealBin/../tap/kernel_clock.c", '-o', "$directory/kernel_clock.so") == 0
	  or die 'no compiler';
	return "$directory/kernel_clock.so";
}

# State (5: nobody keeps the clock right), estimated and maximum error in microseconds.
sub kernel_says
{
	my ($words) = @_;
	unlink "$ENV{KERNEL_CLOCK}.new";
	append_to_file("$ENV{KERNEL_CLOCK}.new", "$words\n");
	rename("$ENV{KERNEL_CLOCK}.new", $ENV{KERNEL_CLOCK}) or die "cannot write: $!";
}

# --- processes ---

sub start
{
	my ($class, %servers) = @_;
	my $self = bless { directory => PostgreSQL::Test::Utils::tempdir(), servers => \%servers }, $class;
	$self->start_exporter($_) for sort keys %servers;
	$self->_start_prometheus;
	return $self;
}

# Asks as a role that may nothing but watch. Options are those of the exporter.
sub start_exporter
{
	my ($self, $name) = @_;
	my $node = $self->{servers}{$name}{node};
	my @options = @{ $self->{servers}{$name}{options} // [] };
	$node->safe_psql('postgres', q{DO $$ BEGIN
		IF NOT pg_is_in_recovery() AND to_regrole('watcher') IS NULL THEN CREATE ROLE watcher LOGIN IN ROLE pg_monitor; END IF;
		END $$});
	local $ENV{DATA_SOURCE_NAME} =
	  sprintf 'user=watcher dbname=postgres host=%s port=%d sslmode=disable', $node->host, $node->port;
	$self->{ports}{$name} //= free_port();
	$self->_run("exporter_$name", 'prometheus-postgres-exporter', '--disable-default-metrics', '--disable-settings-metrics',
		'--no-collector.database', '--no-collector.bgwriter',
		'--web.listen-address=127.0.0.1:' . $self->{ports}{$name}, '--extend.query-path=' . monitoring_file('queries.yml'), @options);
	$self->_wait_for("http://127.0.0.1:$self->{ports}{$name}/metrics");
}

sub _start_prometheus
{
	my ($self) = @_;
	my $directory = $self->{directory};
	my $port = free_port();
	$self->{url} = "http://127.0.0.1:$port";
	append_to_file("$directory/alerts.yml", faster_rules());
	append_to_file("$directory/prometheus.yml", $self->_configuration);
	$self->_run('prometheus', 'prometheus', "--config.file=$directory/prometheus.yml", "--storage.tsdb.path=$directory/data",
		"--web.listen-address=127.0.0.1:$port", '--log.level=warn');
	$self->_wait_for("$self->{url}/-/ready");
}

sub _configuration
{
	my ($self) = @_;
	my $targets = join '', map { "      - {targets: ['127.0.0.1:$self->{ports}{$_}'], labels: {instance: $_}}\n" }
	  sort keys %{ $self->{ports} };
	return "global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [alerts.yml]\n"
	  . "scrape_configs:\n  - job_name: postgresql\n    static_configs:\n$targets";
}

sub _run
{
	my ($self, $name, @command) = @_;
	$self->{logs}{$name} = "$PostgreSQL::Test::Utils::log_path/$name.log";
	$self->{running}{$name} =
	  IPC::Run::start([ @until_the_test_ends, @command ], '<', \undef, '>>', $self->{logs}{$name}, '2>&1');
}

sub stop
{
	my ($self, $name) = @_;
	(delete $self->{running}{$name})->kill_kill;
}

sub free_port { return IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')->sockport }

sub _wait_for
{
	my ($self, $url) = @_;
	my $end = time + 60;
	until (HTTP::Tiny->new(timeout => 10)->get($url)->{success})
	{
		die "$url does not answer" if time > $end;
		sleep(0.1);
	}
}

sub log_of { return slurp_file($_[0]{logs}{ $_[1] }) }

# --- questions ---

sub _ask
{
	my ($self, $path, %parameters) = @_;
	my $http = HTTP::Tiny->new(timeout => 30);
	my $answer = $http->get("$self->{url}/api/v1/$path?" . $http->www_form_urlencode(\%parameters));
	die "Prometheus: $answer->{content}" unless $answer->{success};
	return decode_json($answer->{content})->{data};
}

# NaN, which is the exporter's NULL, is no value.
sub query
{
	my ($self, $query) = @_;
	my $result = $self->_ask('query', query => $query)->{result};
	return grep { $_->{value} ne 'NaN' } map { { metric => $_->{metric}, value => $_->{value}[1] } } @$result;
}

# ({ metric, values => [ [ time, value ], … ] }), a value a second
sub query_range
{
	my ($self, $query, $from, $until) = @_;
	return @{ $self->_ask('query_range', query => $query, start => $from, end => $until, step => 1)->{result} };
}

# The names of the alerts that fire for a server.
sub firing
{
	my ($self, $server) = @_;
	my @alerts = grep { $_->{state} eq 'firing' && $_->{labels}{instance} eq $server } @{ $self->_ask('alerts')->{alerts} };
	return sort keys %{ { map { ($_->{labels}{alertname} => 1) } @alerts } };
}

# The rules that could not be evaluated, with what was said.
sub problems_of_rules
{
	my ($self) = @_;
	my @rules = map { @{ $_->{rules} } } @{ $self->_ask('rules')->{groups} };
	return map { "$_->{name}: $_->{health} " . ($_->{lastError} // '') } grep { $_->{health} ne 'ok' } @rules;
}

sub annotations_of
{
	my ($self, $alert, $server) = @_;
	my ($found) = grep { $_->{labels}{alertname} eq $alert && $_->{labels}{instance} eq $server } @{ $self->_ask('alerts')->{alerts} };
	return $found->{annotations};
}

# Seconds until it was so, or undef.
sub wait_for_alert { return $_[0]->_wait_for_state($_[1], $_[2], 1, $_[3]) }
sub wait_until_quiet { return $_[0]->_wait_for_state($_[1], $_[2], 0, $_[3]) }

sub _wait_for_state
{
	my ($self, $alert, $server, $fires, $seconds) = @_;
	return wait_until(sub { $fires == grep { $_ eq $alert } $self->firing($server) }, $seconds);
}

# Until the query has an answer.
sub wait_for
{
	my ($self, $query, $seconds) = @_;
	return wait_until(sub { scalar(my @found = $self->query($query)) }, $seconds);
}

sub wait_until
{
	my ($is_so, $seconds) = @_;
	my $begin = time;
	while (time - $begin < $seconds)
	{
		return time - $begin if $is_so->();
		sleep(0.2);
	}
	return;
}

# --- a picture ---

# A file for each panel of the dashboard, N.tsv: a block of (series, time, value) for each series; their names and titles
# in panels.tsv.
sub write_panels
{
	my ($self, $directory, $from, $until) = @_;
	mkdir $directory or die "$directory: $!";
	my $number = 0;
	for my $panel (panels_of_dashboard())
	{
		next if $panel->{type} eq 'table';
		append_to_file("$directory/panels.tsv", join("\t", ++$number, @$panel{qw(type unit title)}) . "\n");
		append_to_file("$directory/$number.tsv", join "\n\n\n", map { block_of($_, $from) } $self->_series_of($panel, $from, $until));
	}
}

sub _series_of
{
	my ($self, $panel, $from, $until) = @_;
	return map {
		my $legend = $_->{legend};
		map { { %$_, name => $legend =~ s/\{\{(\w+)\}\}/$_->{metric}{$1} \/\/ ''/ger } } $self->query_range($_->{query}, $from, $until)
	} @{ $panel->{queries} };
}

# Without what stands between two values like it.
sub block_of
{
	my ($series, $from) = @_;
	my @values = map { [ $_->[0], $_->[1] eq 'NaN' ? 'NaN' : sprintf '%.4g', $_->[1] ] } @{ $series->{values} };
	my @turns = grep {
		$_ == 0 || $_ == $#values || $values[$_][1] ne $values[ $_ - 1 ][1] || $values[$_][1] ne $values[ $_ + 1 ][1]
	} 0 .. $#values;
	return join "\n", map { join "\t", $series->{name}, $_->[0] - $from, $_->[1] } @values[@turns];
}

sub DESTROY
{
	my ($self) = @_;
	local ($@, $?);
	eval { $_->kill_kill } for values %{ $self->{running} };
}

1;
