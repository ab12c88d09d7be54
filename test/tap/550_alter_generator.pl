# Generators are altered while sessions make their IDs. The layout is changed under load, again and again: no ID twice,
# what is made later is larger. A rollback, a prepared transaction and a crash leave what was; sessions that hold
# reservations, in long transactions and with prepared statements, take up what is committed; a commit that is held up in
# its middle changes nothing of that. What sql/alter.sql says of a single session is not said again.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils ();
use SnowflakeHostile;
use SnowflakeTest qw($quick);
use Test::More;
use Time::HiRes qw(sleep time);

my $node = SnowflakeTest->start_new('alter_generator', conf => "max_prepared_transactions = 5\nmax_connections = 40");
sub admin { return $node->safe_psql('postgres', join ';', @_) }
add_people($node, qw(owner clerk mallory));
sub owner_may { my ($out, $err) = as($node, 'owner', join ';', @_); die $err if $err; return $out }
sub create { my ($name, @rest) = @_; owner_may("SELECT snowflake_create_generator('owner.$name'" . join('', map { ", $_" } @rest) . ')') }
sub change { my ($name, $what) = @_; owner_may("SELECT snowflake_alter_generator('owner.$name', $what)") }
sub next_of { my ($name) = @_; return admin("SELECT snowflake_next('owner.$name')") }

# The smallest ID of a layout that anybody can make from now on.
sub smallest { my ($layout) = @_; return admin("SELECT snowflake_from_timestamp(clock_timestamp() - interval '1 s', '$layout')") }

# --- under load ---

# Each is followed by one of larger IDs, which differs in its epoch, its unit or its fields.
my @layouts = qw(javascript mastodon sonyflake discord twitter);
create('plain', "'$layouts[0]'");
create('ordered', "'$layouts[0]'", 'ordered => true');
admin('GRANT USAGE ON ALL SEQUENCES IN SCHEMA owner TO PUBLIC');
admin(q{
	CREATE UNLOGGED TABLE made (generator text, id bigint, session int, step serial, began timestamptz, ended timestamptz);
	CREATE FUNCTION work(generator text, rounds int, ids int) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE began timestamptz; made bigint[];
	BEGIN
	  FOR i IN 1 .. rounds LOOP
	    began := clock_timestamp();
	    IF ids > 20 THEN
	      SELECT array_agg(id ORDER BY id) INTO made
	      FROM snowflake_reserve(ids, generator::regclass), generate_series(first_id, last_id) AS id;
	    ELSIF ids > 1 THEN made := snowflake_next_array(ids, generator::regclass);
	    ELSE made := ARRAY[snowflake_next(generator::regclass)];
	    END IF;
	    INSERT INTO made SELECT generator, id, pg_backend_pid(), nextval('made_step_seq'), began, clock_timestamp() FROM unnest(made) AS id;
	  END LOOP;
	END $$});

# A transaction for each ID, long ones, and bulk.
my @loads = map {
	my $name = "owner.$_";
	$node->start_load(
		clients => 4, seconds => $quick ? 6 : 10,
		scripts => [ map { "SELECT work('$name', $_);" } '1, 1', '200, 1', '2, 10', '1, 50' ])
} qw(plain ordered);
admin("SELECT work('owner.$_', 10, 1)") for qw(plain ordered);
for my $layout (@layouts[ 1 .. $#layouts ])
{
	sleep($quick ? 0.5 : 1.5);
	for my $name (qw(plain ordered))
	{
		owner_may('BEGIN', "SELECT snowflake_alter_generator('owner.$name', 'clickhouse')", 'SELECT pg_sleep(0.1)', 'ROLLBACK');
		change($name, "'$layout'");
		admin("SELECT work('owner.$name', 10, 1)");  # of each layout some, however slow the load is
	}
}
for my $load (@loads)
{
	my ($ok, $said) = $node->finish_load($load);
	ok($ok, 'under load: no call fails') or diag $said;
}

for my $generator (map { "owner.$_" } qw(plain ordered))
{
	note admin("SELECT count(*) || ' IDs' FROM made WHERE generator = '$generator'");
	is(admin("SELECT count(*) - count(DISTINCT id) FROM made WHERE generator = '$generator'"), 0, "$generator: no ID twice");
	is(admin("SELECT count(*) FROM (SELECT id <= lag(id) OVER (PARTITION BY session ORDER BY step) AS falls
		FROM made WHERE generator = '$generator') AS made WHERE falls"), 0, "$generator: each session's IDs rise");

	# A call that begins 20 ms after another has ended makes larger IDs. By slices of 10 ms.
	is(admin("
		WITH events AS (
		  SELECT floor(extract(epoch FROM began) * 100) AS slice, min(id) AS smallest, 0 AS largest FROM made WHERE generator = '$generator' GROUP BY 1
		  UNION ALL
		  SELECT floor(extract(epoch FROM ended) * 100), NULL, max(id) FROM made WHERE generator = '$generator' GROUP BY 1)
		SELECT count(*) FROM (
		  SELECT smallest, max(largest) OVER (ORDER BY slice RANGE BETWEEN UNBOUNDED PRECEDING AND 3 PRECEDING) AS before
		  FROM events) AS slices
		WHERE smallest <= before"), 0, "$generator: later ones are larger, over all changes");
	is(admin("
		SELECT string_agg(DISTINCT name, ' ') FROM snowflake_layouts JOIN made ON generator = '$generator'
		  AND id BETWEEN snowflake_from_timestamp(began - interval '1 min', layout) AND snowflake_from_timestamp(ended + interval '1 min', layout)
		WHERE name IN ('clickhouse', '" . join("','", @layouts) . "')"),
		join(' ', sort @layouts), "$generator: of all layouts that were committed, of no other");
}

# --- sessions that were there before ---

sub ask { my ($session, $sql) = @_; my ($out, $err) = $node->ask_session($session, $sql); return $err || $out }

create('kept', "'discord'");
admin("GRANT USAGE ON SEQUENCE owner.kept TO PUBLIC");
my %sessions = map { $_ => $node->session } qw(repeatable prepared cursor);
my %next = (
	repeatable => q{SELECT snowflake_next('owner.kept')}, prepared => 'EXECUTE one', cursor => 'FETCH ids');
ask($sessions{repeatable}, 'BEGIN ISOLATION LEVEL REPEATABLE READ');
ask($sessions{prepared}, q{PREPARE one AS SELECT snowflake_next('owner.kept')});
ask($sessions{cursor}, q{BEGIN; DECLARE ids CURSOR FOR SELECT snowflake_next('owner.kept') FROM generate_series(1, 1000)});
my %before = map { $_ => ask($sessions{$_}, $next{$_}) } keys %sessions;
change('kept', "'twitter'");
my $new = smallest('twitter');
for (sort keys %sessions)
{
	cmp_ok($before{$_}, '<', $new, "$_: the old layout");
	cmp_ok(ask($sessions{$_}, $next{$_}), '>', $new, "$_: the new one, at the next call");
	$sessions{$_}->quit;
}

# A reservation lasts as long as its tick: what is left of it is smaller than all that others make of the new layout.
my @seconds = map { "timestamp:35 sequence:16 node:5 unit:1s epoch:$_" } qw(2020-01-01 2010-01-01);
create('slow', "'$seconds[0]'");
admin("GRANT USAGE ON SEQUENCE owner.slow TO PUBLIC");
my $holder = $node->session;
my $mine = ask($holder, q{BEGIN; SELECT snowflake_next('owner.slow')});
change('slow', "'$seconds[1]'");
my ($first, $falls, $until) = (next_of('slow'), 0, time + 20);
while ($mine < $first && time < $until)
{
	my $next = ask($holder, q{SELECT snowflake_next('owner.slow')});
	$falls++ if $next <= $mine;
	$mine = $next;
}
cmp_ok($mine, '>', $first, 'a tick of a second: the new layout in the end');
is($falls, 0, 'a tick of a second: the IDs rise');
$holder->quit;

# --- a prepared transaction, and a crash ---

create('patient', "'discord'");
admin("GRANT USAGE ON SEQUENCE owner.patient TO PUBLIC");
my $patient = $node->session;
ask($patient, q{SELECT snowflake_next('owner.patient')});
owner_may('BEGIN', q{SELECT snowflake_alter_generator('owner.patient', 'twitter', prefix => 'p_')}, q{PREPARE TRANSACTION 'alter'});
$new = smallest('twitter');
sub is_of_old
{
	my ($what) = @_;
	cmp_ok(ask($patient, q{SET statement_timeout = '20s'; SELECT snowflake_next('owner.patient')}), '<', $new, "$what: the old layout, in a session that was there");
	cmp_ok(admin(q{SET statement_timeout = '20s'; SELECT snowflake_next('owner.patient')}), '<', $new, "$what: and in a new one");
}
is_of_old('prepared');
is_refused($node, 'mallory', '42501', q{SET statement_timeout = '20s'; SELECT snowflake_alter_generator('owner.patient', prefix => 'mine')});
$patient->quit;
$node->stop('immediate');
$node->start;
$patient = $node->session;
is_of_old('prepared, and a crash');
as($node, 'owner', q{COMMIT PREPARED 'alter'});
cmp_ok(ask($patient, q{SELECT snowflake_next('owner.patient')}), '>', $new, 'committed: the new layout');
my $made = next_of('patient');
$node->stop('immediate');
$node->start;
cmp_ok(next_of('patient'), '>', $made, 'and after a crash');

# --- a commit that is held up when others see it, and nobody was told ---

my $hold = PostgreSQL::Test::Utils::tempdir . '/held_commit.so';
chomp(my $headers = `$ENV{PG_CONFIG} --includedir-server`);
system($ENV{CC} // 'cc', '-shared', '-fPIC', "-I$headers", "$FindBin::RealBin/held_commit.c", '-o', $hold) == 0 or die 'no compiler';
admin("CREATE FUNCTION hold_commit(ms int) RETURNS void AS '$hold' LANGUAGE C");
create('held', "'discord'");
admin("GRANT USAGE ON SEQUENCE owner.held TO PUBLIC");
my ($busy, $alters) = ($node->session, $node->session);
ask($busy, q{BEGIN; SELECT snowflake_next('owner.held')});
$alters->query_until(qr/begun/, "\\echo begun
	BEGIN; SELECT hold_commit(20000), snowflake_alter_generator('owner.held', 'twitter'); COMMIT;\n");
$new = smallest('twitter');
my $other;
for (1 .. 100)
{
	$other = next_of('held');
	last if $other > $new;
	sleep 0.1;
}
cmp_ok($other, '>', $new, 'held up: a new session sees the new layout');
sleep 0.1;
cmp_ok(ask($busy, q{SELECT snowflake_next('owner.held')}), '>', $other, 'held up: so does one that was there, from then on');
is(admin(q{SELECT count(*) FROM pg_stat_activity WHERE query ~ 'COMMIT' AND state = 'active' AND pid <> pg_backend_pid()}), 1, 'held up: still');
$busy->quit;

# --- others ---

admin(q{GRANT ALL ON ALL SEQUENCES IN SCHEMA owner TO mallory});
is_refused($node, 'mallory', '42501', "SELECT snowflake_alter_generator('owner.plain', $_)")
  for q{'clickhouse'}, q{prefix => 'x'}, 'ordered => true', 'rate_limit => 1';
is_refused($node, 'mallory', '0A000', q{SELECT snowflake_alter_generator('snowflake_id', rate_limit => 1)});

# A dump carries what was changed.
my $specs = q{SELECT string_agg(format('%s %s %s %s', generator, layout, ordered, prefix), E'\n' ORDER BY generator::text) FROM snowflake_generators};
my $dump = PostgreSQL::Test::Utils::tempdir . '/dump.sql';
admin('DROP FUNCTION hold_commit');
$node->command_ok([ 'pg_dump', '-f', $dump, $node->connstr('postgres') ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $node->connstr('copy') ], 'restored');
is($node->safe_psql('copy', $specs), admin($specs), 'a dump carries generators as they are now');

unlike($node->log_since, qr/terminated by signal|PANIC/, 'nothing crashed');
$node->stop('immediate');
eval { $alters->quit };  # its server is gone
done_testing();
