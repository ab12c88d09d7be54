# A primary and its standby, which takes over when the primary is lost; another standby is then made of it. Their clocks
# can be set; tables and generators for the clients of scripts/soak are in them.
#
#     my $pair = SnowflakePair->start;
#     $pair->primary->safe_psql('postgres', 'SELECT snowflake_next()');
#     my $clock = $pair->fail_over;                   # what the clock of the new primary did meanwhile
#     $pair->remove_lost;                             # the old one, when its log was read
#
# After each fault the clock is unchanged, goes through the last seconds once more, or is ahead.
package SnowflakePair;

use strict;
use warnings FATAL => 'all';

use File::Path qw(rmtree);
use List::Util qw(max);
use SnowflakeFault;
use SnowflakeGenerators;
use SnowflakeHostile qw(add_people as);
use SnowflakeTest;
use Time::HiRes qw(sleep);

# Time goes back and leaps: nothing of replication may depend on it.
my $conf = q{
	max_connections = 40
	max_prepared_transactions = 5
	restart_after_crash = on
	shared_buffers = 64MB
	max_wal_size = 256MB
	wal_keep_size = 256MB
	wal_sender_timeout = 0
	wal_receiver_timeout = 0
	wal_retrieve_retry_interval = 200ms
	log_min_messages = warning
	log_line_prefix = '%m [%p] user=%u %e '
};

my %generators = (
	orders => 'snowflake_id',
	ordered => [ 'discord', ', ordered => true' ],
	photos => 'instagram',
	bare => 'timestamp:41 sequence:22 epoch:2024-01-01',
	limited => [ 'snowflake_id', ', rate_limit => 5000' ],
	tens => 'sonyflake',
	hundreds => 'timestamp:35 shard:10 sequence:5 unit:100ms epoch:2024-01-01',
	seconds => 'timestamp:33 worker:4 sequence:16 unit:1s epoch:2024-01-01');

sub start
{
	my ($class) = @_;
	my $self = bless { servers => 1, lost => [] }, $class;
	my $primary = $self->{primary} = SnowflakeTest->start_new('server_1',
		fake_clock => 1, init => [ allows_streaming => 1 ], conf => $conf, preload => int rand 2);
	add_people($primary, qw(tenant mallory));
	$primary->safe_psql('postgres', q{
		GRANT pg_read_all_stats TO tenant, mallory;
		ALTER ROLE mallory SET statement_timeout = '500ms';
		CREATE TABLE events (id bigint DEFAULT snowflake_next() PRIMARY KEY, place int) PARTITION BY RANGE (id);
		ALTER TABLE events OWNER TO tenant; GRANT CREATE ON SCHEMA public TO tenant;
		CREATE TABLE moved (
			old_id serial PRIMARY KEY, id bigint DEFAULT snowflake_next() UNIQUE, made_at timestamptz, is_old boolean);
		ALTER TABLE moved OWNER TO tenant});
	prepare_generators($primary, %generators);
	$primary->safe_psql('postgres', "GRANT USAGE ON SEQUENCE $_ TO PUBLIC") for sort keys %generators;
	as($primary, 'mallory', "SELECT snowflake_create_generator('mallory.$_', '$generators{$_}')") for qw(tens seconds);
	$self->keep_partitions;
	$self->add_standby;
	return $self;
}

sub primary { return $_[0]{primary} }

sub servers { return ($_[0]{primary}, $_[0]{standby} // (), @{ $_[0]{lost} }) }

sub add_standby
{
	my ($self) = @_;
	my ($primary, $standby) = ($self->{primary}, SnowflakeTest->new('server_' . ++$self->{servers}));
	$primary->backup('base');
	$standby->fake_clock;
	$standby->set_clock_offset($primary->{clock_offset});
	$standby->init_from_backup($primary, 'base', has_streaming => 1);
	rmtree($primary->backup_dir . '/base');
	$standby->start;
	$primary->wait_for_catchup($standby);
	$self->{standby} = $standby;
}

# What an extension sets is known once it is loaded.
sub configure
{
	my ($self, %settings) = @_;
	$self->{primary}->safe_psql('postgres', join "\n", 'SELECT FROM snowflake_clock();',
		map { "ALTER SYSTEM SET $_ = '$settings{$_}';" } sort keys %settings);
	$self->{primary}->reload;
	return join ', ', values %settings;
}

# The partitions of three hours, and what was dropped or created.
sub keep_partitions
{
	my ($self) = @_;
	my ($changed, $said) = as($self->{primary}, 'tenant', q{
		SELECT snowflake_create_partitions('events', '1 hour', '3 hours');
		SELECT snowflake_drop_partitions('events', '1 hour')});
	die $said if $said =~ /ERROR/;
	return $changed =~ s/\n/, /gr;
}

# While clients use them.
sub alter_generators
{
	my ($self) = @_;
	my ($ordered, $rate) = ((qw(true false))[ rand 2 ], 1000 + int rand 9000);
	$self->{primary}->safe_psql('postgres', qq{
		SELECT snowflake_alter_generator('orders', ordered => $ordered);
		SELECT snowflake_alter_generator('limited', rate_limit => $rate)});
	return "ordered $ordered, at most $rate IDs a second";
}

# Rows older than any ID, and some with IDs of today, in a table that has both of earlier calls.
sub backfill
{
	my ($self) = @_;
	my ($wrong, $said) = as($self->{primary}, 'tenant', q{
		INSERT INTO moved (id, made_at, is_old)
		SELECT NULL, now() - random() * interval '300 days', true FROM generate_series(1, 1000);
		INSERT INTO moved (made_at) SELECT now() FROM generate_series(1, 100);
		CALL snowflake_backfill('moved', 'id', 'made_at');
		SELECT count(*) FROM moved
		WHERE id IS NULL OR is_old AND snowflake_timestamp(id) NOT BETWEEN made_at - interval '1 s' AND made_at + interval '1 s'});
	die "backfill: $said" if $said =~ /ERROR/;
	die "$wrong rows were not filled by their time" if $wrong ne '0';
	return '1000 rows';
}

# --- The clock ---

# Never more than five minutes behind what it ever was: partitions that are still in use are not dropped.
sub shift_clock
{
	my ($self, $seconds) = @_;
	my $offset = $self->{primary}{clock_offset};
	$self->{latest_offset} = max($self->{latest_offset} // 0, $offset);
	$self->{primary}->set_clock_offset(max($offset + $seconds, $self->{latest_offset} - 300));
	return sprintf '%+.3f s', $seconds;
}

sub for_a_second
{
	my ($self, $seconds) = @_;
	my $offset = $self->{primary}{clock_offset};
	$self->{primary}->set_clock_offset($offset + $seconds);
	sleep(1);
	$self->{primary}->set_clock_offset($offset);
	return '';
}

sub shift_clock_somehow
{
	my ($self) = @_;
	my $seconds = (0, -2 - rand 5, (60, 2400)[ rand 2 ])[ rand 3 ];
	return 'the clock ' . ($seconds ? $self->shift_clock($seconds) : 'unchanged');
}

# --- Faults: each returns what the clock did ---

sub restart
{
	my ($self, $mode) = @_;
	$mode eq 'kill' ? kill_postmaster($self->{primary}) : $self->{primary}->stop($mode);
	my $clock = $self->shift_clock_somehow;
	start_again($self->{primary});
	return $clock;
}

sub kill_some_backend
{
	my ($self) = @_;
	kill_backend($self->{primary});
	my $clock = $self->shift_clock_somehow;
	my @question = ('pg_isready', '-q', '-d', $self->{primary}->connstr('postgres'));
	for (1 .. 600) { return $clock if system(@question) == 0; sleep(0.1) }
	die 'the server does not come back';
}

# What clients were given is safe where the standby has confirmed what allowed it; what was given before that, too, once
# something was given since.
sub make_synchronous
{
	my ($self) = @_;
	$self->configure(synchronous_commit => 'on', synchronous_standby_names => '*');
	$self->{primary}->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'})
	  or die 'no synchronous standby';
	sleep(2);
}

sub fail_over
{
	my ($self) = @_;
	$self->make_synchronous;
	kill_postmaster($self->{primary});
	my $old = $self->{primary};
	push @{ $self->{lost} }, $old;
	my $new = $self->{primary} = delete $self->{standby};
	$new->set_clock_offset($old->{clock_offset});
	my $clock = $self->shift_clock_somehow;
	$new->promote;
	$new->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die 'the standby was not promoted';
	return $clock;
}

sub remove_lost
{
	my ($self) = @_;
	rmtree($_->basedir) for splice @{ $self->{lost} };
}

1;
