# What the server tests share: servers with the extension, a clock that can be set, a load that stores every ID, and
# the question whether an ID was made twice.
#
#     my $node = SnowflakeTest->start_new('main', conf => 'snowflake_id.node_id = 3', fake_clock => 1);
#     $node->load_ids(clients => 64, transactions => 100);
#     $node->set_clock_offset(-3600);
#     $node->load_ids(clients => 64, transactions => 100);
#     my $found = $node->ids_are_right('clock set back');      # tests; { ids => 3141592, sessions => 128, … }
#
# A SnowflakeTest is a PostgreSQL::Test::Cluster: backup, kill9, promote and the like are inherited.
package SnowflakeTest;

use strict;
use warnings FATAL => 'all';
use parent 'PostgreSQL::Test::Cluster';

use Exporter 'import';
use IPC::Run;
use List::Util qw(first);
use POSIX qw(strftime);
use PostgreSQL::Test::Utils qw(append_to_file slurp_file);
use Test::More;
use Time::HiRes qw(time);

our @EXPORT_OK = qw($quick $library %scripts);

our $quick = $ENV{SNOWFLAKE_QUICK};
our $library = $ENV{SNOWFLAKE_LIBRARY} // 'snowflake_id';
my $faketime_library = first { -e }
  glob('/usr/lib/*/faketime/libfaketimeMT.so.1 /usr/lib*/faketime/libfaketimeMT.so.1 /usr/local/lib/faketime/libfaketimeMT.so.1');

# --- servers ---

# A running server with the extension in database postgres. Options: conf => lines of postgresql.conf,
# preload => 1, fake_clock => 1, libraries => [ files for LD_PRELOAD, beside that of fake_clock ],
# init => [ arguments of PostgreSQL::Test::Cluster::init ].
sub start_new
{
	my ($class, $name, %options) = @_;
	my $node = $class->new($name);
	$node->fake_clock if $options{fake_clock};
	$node->{libraries} = $options{libraries} // [];
	$node->init(@{ $options{init} // [] });
	$node->append_conf('postgresql.conf', 'log_statement = none');
	$node->append_conf('postgresql.conf', $options{conf}) if $options{conf};
	$node->preload if $options{preload};
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION snowflake_id');
	return $node;
}

sub preload
{
	my ($self) = @_;
	$self->append_conf('postgresql.conf', "shared_preload_libraries = '$library'");
}

# The modules of 13 know neither of these two.
sub pg_version
{
	my ($self) = @_;
	return $self->SUPER::pg_version if PostgreSQL::Test::Cluster->can('pg_version');
	return $self->{major} //= `$ENV{PG_REGRESS} --version` =~ /PostgreSQL\) (\d+)/ ? $1 : die 'which version?';
}

sub installed_command
{
	my ($self, $command) = @_;
	return PostgreSQL::Test::Cluster->can('installed_command') ? $self->SUPER::installed_command($command) : $command;
}

# --- the clock ---

# From its next start on, the server has a wall clock of its own.
sub fake_clock
{
	my ($self) = @_;
	$self->{clock_file} = PostgreSQL::Test::Utils::tempdir . '/clock';
	$self->set_clock_offset(0);
}

# How far the server's wall clock is ahead of ours, in seconds. With a `rate` of 0.01 it runs at a hundredth of our
# speed (counted from the server's start), and the server's naps last a hundred times longer.
sub set_clock_offset
{
	my ($self, $seconds, $rate) = @_;
	$self->{clock_offset} = $seconds;
	# Without a rate, libfaketime keeps the last one.
	$self->_write_clock(sprintf '%+.3f x%g', $seconds, $rate // 1);
}

# Sets the server's wall clock to a Unix time; it runs on from there.
sub set_clock
{
	my ($self, $unix_time) = @_;
	$self->set_clock_offset($unix_time - time);
}

# Stops the server's wall clock at a Unix time, in whole seconds. Naps go on, pg_sleep() and timeouts last for ever.
sub stop_clock
{
	my ($self, $unix_time) = @_;
	$self->_write_clock(strftime('%Y-%m-%d %H:%M:%S', localtime $unix_time));
}

# Effective at once. Renamed into place: a reader never finds half a line.
sub _write_clock
{
	my ($self, $line) = @_;
	unlink "$self->{clock_file}.new";
	append_to_file("$self->{clock_file}.new", "$line\n");
	rename("$self->{clock_file}.new", $self->{clock_file}) or die "cannot set the clock: $!";
}

sub _clock_environment
{
	my ($self) = @_;
	return () unless $self->{clock_file};
	return (
		LD_PRELOAD => join(':', $faketime_library, @{ $self->{libraries} // [] }),
		FAKETIME_TIMESTAMP_FILE => $self->{clock_file},
		FAKETIME_NO_CACHE => 1,
		DONT_FAKE_MONOTONIC => 1,
		FAKETIME_DONT_FAKE_MONOTONIC => 1);
}

sub start
{
	my ($self, %params) = @_;
	local %ENV = (%ENV, $self->_clock_environment);
	return $self->SUPER::start(%params);
}

sub restart
{
	my ($self) = @_;
	local %ENV = (%ENV, $self->_clock_environment);
	return $self->SUPER::restart;
}

# --- asking ---

# A psql that is refused may be gone before it has read its SQL, which is no error of ours: nothing was run, and it is asked
# again.
sub _heard
{
	my ($ask) = @_;
	while (1)
	{
		my @answer = eval { $ask->() };
		return @answer if $@ eq '';
		die $@ if $@ !~ /Broken pipe/;
	}
}

# Runs SQL in a new connection, going on after errors: (rows, what was reported, with SQLSTATEs).
sub ask
{
	my ($self, $sql, %params) = @_;
	return (_heard(sub {
		$self->psql($params{dbname} // 'postgres', "\\set VERBOSITY verbose\n$sql", on_error_stop => 0, %params);
	}))[ 1, 2 ];
}

sub poll_query_until
{
	my ($self, @arguments) = @_;
	return (_heard(sub { scalar $self->SUPER::poll_query_until(@arguments) }))[0];
}

# A psql that stays connected.
sub session
{
	my ($self, $dbname, $role) = @_;
	return $self->background_psql($dbname // 'postgres',
		on_error_stop => 0, extra_params => [ '-v', 'VERBOSITY=verbose', $role ? ('-U', $role) : () ]);
}

# Runs SQL in a session(): (rows, what was reported). With marks of its own: the modules of old majors lose count after an
# error.
my $asked = 0;

sub ask_session
{
	my ($self, $session, $sql) = @_;
	my $mark = 'asked: ' . ++$asked;
	my ($out, $err) = map { \$session->{$_} } qw(stdout stderr);
	$session->{stdin} .= "$sql\n;\n\\echo '$mark'\n\\warn '$mark'\n";
	$session->{run}->pump until ($$out =~ /^$mark\n/m && $$err =~ /^$mark\n/m) || $session->{timeout}->is_expired;
	die "no answer to: $sql" if $session->{timeout}->is_expired;
	my @said = map { $$_ =~ s/\n?^$mark\n//mr } $out, $err;
	$$_ = '' for $out, $err;
	return @said;
}

# The server's log since a position (-s $node->logfile).
sub log_since
{
	my ($self, $position) = @_;
	return slurp_file($self->logfile, $position // 0);
}

# --- load ---

# IDs are stored as ranges, so that hundreds of millions are checked in seconds; a single ID is a range of one. `step`
# counts in a session, `place` within a step.
my $tables = q{
	CREATE TABLE IF NOT EXISTS made_by_default
	  (first_id bigint DEFAULT snowflake_next(), session bigint, step bigint, place bigint);
	CREATE TABLE IF NOT EXISTS made_in_bulk
	  (first_id bigint, last_id bigint, session bigint, step bigint, place bigint);
	CREATE OR REPLACE VIEW made AS
	  SELECT first_id, first_id AS last_id, session, step, place FROM made_by_default
	  UNION ALL TABLE made_in_bulk;
};

# A session is one connection of one load; :run keeps apart what happens to have one process ID.
my $session = '(:run::bigint << 32) + pg_backend_pid()';

# Stores a list of IDs as the ranges of which it consists. One that comes again begins a range of its own.
sub store
{
	my ($ids) = @_;
	return qq{
		INSERT INTO made_in_bulk SELECT min(id), max(id), $session, :step, min(place)
		FROM $ids WITH ORDINALITY made(id, place) GROUP BY id - place;};
}

our %scripts = (
	one => "INSERT INTO made_by_default (session, step, place) VALUES ($session, :step, 1);",
	rows => "INSERT INTO made_by_default (session, step, place)
	  SELECT $session, :step, place FROM generate_series(1, 50) place;",
	array => store('unnest(snowflake_next_array(:count))'),
	set => store('snowflake_next_set(:count)'),
	reserve => "INSERT INTO made_in_bulk SELECT first_id, last_id, $session, :step, place
	  FROM snowflake_reserve(:count) WITH ORDINALITY reserved(first_id, last_id, place);",
	# More than any worker has left: races through all workers, millisecond by millisecond.
	reserve_many => "INSERT INTO made_in_bulk SELECT first_id, last_id, $session, :step, place
	  FROM snowflake_reserve(200000) WITH ORDINALITY reserved(first_id, last_id, place);");

sub prepare_load
{
	my ($self, $dbname) = @_;
	$self->safe_psql($dbname // 'postgres', "SET client_min_messages = warning; $tables");
}

# Starts pgbench and returns it as an IPC::Run harness, so that the test can do harm meanwhile; finish_load() waits for it.
# Options: clients, transactions of each client or seconds, scripts => [ names from above, or SQL ], dbname,
# options => [ of pgbench ]. Expects the tables of prepare_load().
sub start_load
{
	my ($self, %load) = @_;
	my @scripts = @{ $load{scripts} // [qw(one rows array set reserve)] };
	my $file = PostgreSQL::Test::Utils::tempdir . '/script';
	append_to_file("$file$_",
		"\\set step :step + 1\n\\set count random_exponential(1, 10000, 20)\n" . ($scripts{ $scripts[$_] } // $scripts[$_]))
	  for 0 .. $#scripts;

	my ($out, $err) = ('', '');
	my $harness = IPC::Run::start(
		[
			$self->installed_command('pgbench'), '--no-vacuum', '-M', 'prepared',
			'-c', $load{clients} // 8, '-j', 2,
			($load{seconds} ? ('-T', $load{seconds}) : ('-t', $load{transactions} // 100)),
			'-D', 'run=' . int(rand(2**30)), '-D', 'step=0',
			(map { ('-f', "$file$_") } 0 .. $#scripts), @{ $load{options} // [] }, $self->connstr($load{dbname} // 'postgres')
		],
		'>', \$out, '2>', \$err, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return { harness => $harness, out => \$out, err => \$err };
}

# Waits for a load: true if all of it was well; in list context also what pgbench said.
sub finish_load
{
	my ($self, $load) = @_;
	my $ok = $load->{harness}->finish;
	return wantarray ? ($ok, ${ $load->{out} } . ${ $load->{err} }) : $ok;
}

# A whole load; dies if a client met an error.
sub load_ids
{
	my ($self, %load) = @_;
	$self->prepare_load($load{dbname});
	my ($ok, $said) = $self->finish_load($self->start_load(%load));
	die "pgbench: $said" unless $ok;
}

# Brings the IDs that were stored in another database, maybe of another server, into this one, to be checked together.
sub fetch_ids
{
	my ($self, $other, $other_dbname, $dbname) = @_;
	IPC::Run::run(
		[ 'psql', '-Xq', '-d', $other->connstr($other_dbname), '-c',
			'COPY (TABLE made) TO STDOUT' ],
		'|',
		[ 'psql', '-Xq', '-d', $self->connstr($dbname // 'postgres'), '-c', 'COPY made_in_bulk FROM STDIN' ])
	  or die 'cannot fetch the IDs';
}

# What is to be said of the stored IDs, as a hash. Ordered by their first IDs, two ranges overlap only if two neighbours do.
sub check_ids
{
	my ($self, $dbname) = @_;
	my %found;
	@found{qw(ids duplicates not_rising sessions broken)} = split /\|/, $self->safe_psql($dbname // 'postgres', q{
		SET work_mem = '512MB';
		SELECT coalesce(sum(last_id - first_id + 1), 0),
		       count(*) FILTER (WHERE first_id <= last_of_others),
		       count(*) FILTER (WHERE first_id <= last_of_session),
		       count(DISTINCT session),
		       count(*) FILTER (WHERE first_id < 0 OR last_id < first_id)
		FROM (SELECT *, lag(last_id) OVER (ORDER BY first_id, last_id) AS last_of_others,
		                lag(last_id) OVER (PARTITION BY session ORDER BY step, place) AS last_of_session
		      FROM made) neighbours});
	return \%found;
}

# Tests what must hold whatever was done to the server: no ID twice, each session's IDs rise.
sub ids_are_right
{
	my ($self, $what, $dbname) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $found = $self->check_ids($dbname);
	note "$what: $found->{ids} IDs of $found->{sessions} sessions";
	cmp_ok($found->{ids}, '>', 0, "$what: IDs were made");
	is($found->{duplicates}, 0, "$what: no duplicates");
	is($found->{not_rising}, 0, "$what: each session's IDs rise");
	is($found->{broken}, 0, "$what: no negative ID, no empty range");
	return $found;
}

1;
