# Whoever owns a generator cannot stop, delay or shift in time the IDs of others, whatever is done to its sequence: be
# it set, altered, cycled, made unlogged, locked in a prepared transaction, or dropped. Neither now nor after a restart.
# Runs alone: it looks at what others feel.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeHostile;
use SnowflakeTest qw($quick);
use Test::More;

my $node = SnowflakeTest->start_new('owner', conf => "max_prepared_transactions = 5\nlog_min_messages = error");
add_people($node, qw(mallory tenant victim));
sub admin { return $node->safe_psql('postgres', join ';', @_) }

# Mallory's generators have the layouts of the victims' generators: they share what layouts share.
my %layouts = (mine => 'snowflake_id', tens => 'sonyflake2', seconds => 'timestamp:33 worker:4 sequence:16 unit:1s');
sub make_generators
{
	my ($role) = @_;
	my @said = as($node, $role, join ';',
		map { "SELECT snowflake_create_generator('$role.$_', '$layouts{$_}')" } sort keys %layouts);
	die $said[1] if $said[1];
}
make_generators('victim');
add_victims($node, '' => 'snowflake_id', map { ("victim.$_" => $layouts{$_}) } keys %layouts);
$node->safe_psql('postgres', 'CREATE DATABASE elsewhere');
$node->safe_psql('elsewhere', 'CREATE EXTENSION snowflake_id');
add_victims($node, dbname => 'elsewhere', '' => 'snowflake_id');

# New ones for each attempt. All are used, by a tenant too, so that there is something to spoil.
sub fresh_generators
{
	as($node, 'mallory', q{DO $$ DECLARE mine regclass; BEGIN
		FOR mine IN SELECT oid FROM pg_class WHERE relnamespace = 'mallory'::regnamespace LOOP
		  EXECUTE 'DROP SEQUENCE ' || mine;
		END LOOP;
	END $$});
	make_generators('mallory');
	as($node, 'mallory', 'GRANT USAGE ON ALL SEQUENCES IN SCHEMA mallory TO tenant');
	as($node, $_, join ';', use_all()) for qw(mallory tenant);
}

sub use_all { return map { "SELECT snowflake_next('mallory.$_')" } sort keys %layouts }

sub alter { my ($how) = @_; return map { "ALTER SEQUENCE mallory.$_ $how" } sort keys %layouts }
sub nextval_all { return map { "SELECT nextval('mallory.$_')" } sort keys %layouts }

# To the largest value that it takes, and to an ID of some days from now, which somebody may hope to mean something.
sub set_to_end
{
	return map {
		"SELECT setval('mallory.$_', (SELECT seqmax FROM pg_sequence WHERE seqrelid = 'mallory.$_'::regclass))"
	} sort keys %layouts;
}

sub set_to_days
{
	my ($days) = @_;
	return map {
		"SELECT setval('mallory.$_', snowflake_from_timestamp(now() + interval '$days days', '$layouts{$_}'))"
	} sort keys %layouts;
}

# Generators of other layouts, whose epochs lie before, get the parameters of this one: what such a sequence holds is
# read as a time some years from now.
my $altered_layouts = q{
	DO $$ DECLARE other record; BEGIN
	  FOR other IN SELECT name FROM snowflake_layouts WHERE name IN ('twitter', 'discord', 'clickhouse', 'mastodon') LOOP
	    EXECUTE format('SELECT snowflake_create_generator(%L, %L)', 'mallory.' || other.name, other.name);
	    EXECUTE format('SELECT snowflake_next(%L)', 'mallory.' || other.name);
	    EXECUTE (SELECT format('ALTER SEQUENCE mallory.%I MINVALUE %s MAXVALUE %s START %s INCREMENT %s CACHE %s',
	                           other.name, seqmin, seqmax, seqstart, seqincrement, seqcache)
	             FROM pg_sequence WHERE seqrelid = 'mallory.mine'::regclass);
	    BEGIN EXECUTE format('SELECT snowflake_next(%L)', 'mallory.' || other.name);
	    EXCEPTION WHEN OTHERS THEN NULL; END;
	  END LOOP;
	END $$};

# What is done as mallory, and from a reference to a role's name on as that role.
my $unlogged = $node->pg_version >= 15 ? 'SET UNLOGGED' : 'OWNED BY NONE';
my @attempts = (
	'altered and dropped' => [
		$altered_layouts, alter('RESTART'), use_all(),
		alter('NO MINVALUE NO MAXVALUE INCREMENT 1 RESTART 8000000000000000000'), nextval_all(), use_all(),
		map { "DROP SEQUENCE mallory.$_" } sort keys %layouts ],
	'set to a far future' => [
		"SELECT setval('mallory.mine', snowflake_from_timestamp('2080-01-01Z'))", use_all(), set_to_end(), use_all(),
		alter('CYCLE'), \'tenant', (nextval_all()) x 3, use_all() ],
	'set six days ahead' => [ set_to_days(6), use_all(), alter($unlogged), use_all() ]);
splice @attempts, 0, 2 if $quick;

sub attempt
{
	my @todo = @_;
	my $role = 'mallory';
	while (@todo)
	{
		my @batch;
		push @batch, shift @todo while @todo && !ref $todo[0];
		as($node, $role, join ';', @batch);
		$role = ${ shift @todo } if @todo;
	}
}

# A restart puts time ahead by up to the window of the horizon, whoever does what, and ticks of a second begin when
# their time comes: at half speed, two seconds later at most.
sub watch_after_restart
{
	my ($what) = @_;
	$node->stop('immediate');
	$node->start;
	watch($node, "$what, restarted", ahead => 4.5, generators => [ '', 'victim.mine', 'victim.tens' ]);
	my ($made, $said) = as($node, 'victim', "SET statement_timeout = '3s'; SELECT snowflake_next('victim.seconds') > 0");
	is($made, 't', "$what, restarted: units of a second") or diag $said;
}

watch($node, 'in peace', behind => 1.2) unless $quick;
while (my ($what, $todo) = splice @attempts, 0, 2)
{
	fresh_generators();
	watch($node, "generators are $what", harm => sub { attempt(@$todo) }, ahead => 4.5, behind => 1.2);
	watch_after_restart("generators are $what");
}

# --- Locks ---

# Each holds a lock on a generator for as long as it likes, even over a restart.
fresh_generators();
my @locks = (
	'ALTER SEQUENCE mallory.mine OWNED BY NONE', 'ALTER SEQUENCE mallory.tens RESTART', 'DROP SEQUENCE mallory.seconds');
watch($node, 'locks in prepared transactions', ahead => 4.5, behind => 1.2, harm => sub {
	as($node, 'mallory', "BEGIN; $locks[$_]; PREPARE TRANSACTION 'lock_$_'") for 0 .. $#locks;
	is(admin('SELECT count(*) FROM pg_prepared_xacts'), 3, 'transactions are prepared');
});
watch_after_restart('locks in prepared transactions');

# Nor does it keep anybody from making new generators of the layout and using them, or from looking.
my ($out, $err) = as($node, 'victim', "SET statement_timeout = '4s';" . join ';', map {
	"SELECT snowflake_create_generator('victim.new_$_', '$layouts{$_}'); SELECT snowflake_next('victim.new_$_') > 0"
} sort keys %layouts);
is($err, '', 'new generators work while others are locked');
is(() = $out =~ /^t$/mg, 3, 'new generators make IDs while others are locked');
as($node, 'mallory', "ROLLBACK PREPARED 'lock_$_'") for 0 .. $#locks;

# Two lawful migrations at once, each of which alters its own generator and then uses the other's layout for the first
# time: they must not wait for each other.
as($node, 'victim', q{SELECT snowflake_create_generator('victim.one'), snowflake_create_generator('victim.two')});
as($node, 'victim', q{SELECT snowflake_create_generator('victim.three'), snowflake_create_generator('victim.four')});
my @migrations = map { $node->session } 1 .. 2;
my @their = ([qw(one three)], [qw(two four)]);
for (0, 1)
{
	$node->ask_session($migrations[$_], "SET deadlock_timeout = '100ms'; BEGIN;
		ALTER SEQUENCE victim.$their[$_][0] OWNED BY NONE");
}
$migrations[0]->query_until(qr/begun/, "\\echo begun
	SELECT pg_sleep(0.2); SELECT 'made ' || snowflake_next('victim.three');\n");
my ($second) = $node->ask_session($migrations[1], q{SELECT 'made ' || snowflake_next('victim.four')});
my ($first, $said) = $node->ask_session($migrations[0], q{SELECT 'goes on'});
like($first, qr/made \d+\ngoes on/, 'two migrations: the first') or diag $said;
like($second, qr/made \d+/, 'two migrations: the second');
$node->ask_session($_, 'ROLLBACK'), $_->quit for @migrations;

# --- The extension's own sequence ---

# Anybody may read it and make its IDs. That gives no way to move it.
as($node, 'mallory', 'SELECT snowflake_next()');
for my $statement (
	q{SELECT setval('snowflake_id', 1)}, q{SELECT nextval('snowflake_id')}, 'ALTER SEQUENCE snowflake_id CYCLE',
	'ALTER SEQUENCE snowflake_id RESTART', 'ALTER SEQUENCE snowflake_id OWNED BY NONE', 'DROP SEQUENCE snowflake_id',
	'UPDATE snowflake_id SET last_value = 1', 'DELETE FROM snowflake_id', 'TRUNCATE snowflake_id',
	'BEGIN; LOCK TABLE snowflake_id', 'SELECT * FROM snowflake_id FOR UPDATE',
	'COMMENT ON SEQUENCE snowflake_id IS NULL', 'ALTER EXTENSION snowflake_id DROP SEQUENCE snowflake_id',
	'DROP EXTENSION snowflake_id', 'SELECT snowflake_reset_clock()')
{
	is_refused($node, 'mallory', '42501|42809|2200H|0A000', $statement);
}
watch($node, 'after all that', ahead => 4.5, behind => 1.2);
unlike($node->log_since, qr/terminated by signal|PANIC/, 'nothing crashed');
$node->stop;
done_testing();
