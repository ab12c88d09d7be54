# Calls that are interrupted, by a time limit, by a cancel or for want of a lock, leave nothing behind: an ordered
# generator's IDs rise in the order of the calls afterwards, and one with shards gives no shard's ID to another.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeHostile;
use SnowflakeTest qw($quick);
use Test::More;
use Time::HiRes qw(time);

my $node = SnowflakeTest->start_new('interrupted', conf => "synchronous_commit = off\nlog_min_messages = panic");
add_people($node, qw(mallory));

# Ticks of a second: what is left behind stays good for long. Narrow ones: calls have to wait, so that there is
# something to interrupt.
my %layouts = (
	ordered => 'timestamp:31 sequence:16 unit:1s epoch:2024-01-01',
	ordered_few => 'timestamp:41 worker:2 sequence:2 epoch:2024-01-01',
	shards => 'timestamp:31 shard:8 sequence:16 unit:1s epoch:2024-01-01',
	shards_few => 'timestamp:41 shard:8 sequence:2 epoch:2024-01-01');
for my $name (sort keys %layouts)
{
	my $ordered = $name =~ /^ordered/ ? 'true' : 'false';
	as($node, 'mallory', "SELECT snowflake_create_generator('mallory.$name', '$layouts{$name}', ordered => $ordered)");
}

# --- For want of a lock ---

# A transaction that has altered a sequence holds a lock on it until it ends.
sub lock_sequences
{
	my @names = @_;
	my $session = $node->session;
	my (undef, $err) =
	  $node->ask_session($session, join ';', 'BEGIN', map { "ALTER SEQUENCE $_ OWNED BY NONE" } @names);
	die $err if $err;
	return $session;
}

my %next = (
	one => q{SELECT snowflake_next('mallory.ordered')},
	several => q{SELECT max(id) FROM unnest(snowflake_next_array(5, 'mallory.ordered')) id},
	shard => q{SELECT snowflake_next('mallory.shards', 5)});

# What is left of an interrupted call for a shard is nothing for one without, nor for one for another.
sub ask_for_other_shards
{
	my ($session) = @_;
	my ($made, $err) = $node->ask_session($session, q{SELECT snowflake_next('mallory.shards')});
	my @wrong = $err =~ /ERROR:  22023/ ? () : "without a shard: $made";
	($made, $err) = $node->ask_session($session, q{SELECT snowflake_next_array(2, 'mallory.shards')});
	push @wrong, "without a shard: $made" unless $err =~ /ERROR:  22023/;
	($made) = $node->ask_session($session,
		"SELECT snowflake_shard(snowflake_next('mallory.shards', 6), '$layouts{shards}')");
	push @wrong, "of shard $made instead of 6" unless $made eq '6' || $made eq '';
	return @wrong;
}

# Sessions make IDs until each has met an error; the lock ends; then one that has met none makes an ID before they do.
# Tests that theirs are later, and of the shards that they ask for. Gives the errors that were met.
sub interrupt_by_lock
{
	my ($what, @sequences) = @_;
	my %session = map { $_ => $node->session } sort(keys %next), 'other';
	$node->ask_session($_, q{SET lock_timeout = '20ms'}) for values %session;
	$node->ask_session($session{$_}, $next{$_}) for sort keys %next;
	my (%errors, @wrong);
	my $lock = lock_sequences(@sequences);
	for (my $end = time + ($sequences[0] eq 'snowflake_id' ? 8 : 2.5); %errors < %next && time < $end; pause(0.05))
	{
		for my $kind (grep { !$errors{$_} } sort keys %next)
		{
			my (undef, $err) = $node->ask_session($session{$kind}, $next{$kind});
			$errors{$kind} = $1 if $err =~ /ERROR:  (\w+)/;
			push @wrong, ask_for_other_shards($session{shard}) if $kind eq 'shard';
		}
	}
	$lock->quit;
	for my $kind (qw(one several))
	{
		my ($before) = $node->ask_session($session{other}, $next{one});
		my ($after) = $node->ask_session($session{$kind}, $next{$kind});
		push @wrong, "$kind: $after after $before" unless $after > $before;
	}
	$_->quit for values %session;
	is(join("\n", @wrong), '', "$what: IDs rise in the order of the calls, and are of the shard that was asked for");
	return join ' ', map { $errors{$_} } sort keys %errors;
}

# Generators are in nobody's way. The extension's own sequence takes a superuser; calls wait for it when the horizon
# is reached.
is(interrupt_by_lock('generators are locked', 'mallory.ordered', 'mallory.shards'),
	'', 'generators are locked: no call is held up');
is(interrupt_by_lock('the horizon is locked', 'snowflake_id'),
	'55P03 55P03 55P03', 'the horizon is locked: calls are interrupted');

# --- By time limits and cancels ---

# Clients whose calls are ended now and then, by their own time limit or by somebody else. An interrupted call stores
# nothing. A sequence is the witness of the order: it is asked just before each call and just after it.
$node->safe_psql('postgres', q{
	CREATE SEQUENCE witness;
	CREATE UNLOGGED TABLE calls (
	  generator text, before bigint, first_id bigint, last_id bigint, after bigint, shard int);
	CREATE UNLOGGED TABLE interrupted (sqlstate text);
	CREATE FUNCTION call(generator text, wanted text, shard int) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE before bigint; ids bigint[];
	BEGIN
	  before := nextval('witness');
	  IF wanted = 'one' THEN ids := ARRAY[snowflake_next(generator::regclass)];
	  ELSIF wanted = 'array' THEN ids := snowflake_next_array(30, generator::regclass);
	  ELSE ids := ARRAY[snowflake_next(generator::regclass, shard)];
	  END IF;
	  INSERT INTO calls VALUES (generator, before, ids[1], ids[cardinality(ids)], nextval('witness'), shard);
	EXCEPTION WHEN query_canceled OR lock_not_available THEN
	  INSERT INTO interrupted VALUES (SQLSTATE);
	END $$});
my @calls = map {
	my $limit = $_;
	map { "SET statement_timeout = '$limit'; SELECT call($_);" } (
		"'mallory.ordered', 'one', NULL", "'mallory.ordered_few', 'one', NULL", "'mallory.ordered_few', 'array', NULL",
		"'mallory.shards_few', 'shard', 3", "'mallory.shards_few', 'shard', 200", "'mallory.shards', 'shard', 77")
} qw(0 2ms);
my $load = $node->start_load(
	clients => 8, seconds => $quick ? 1 : 2, scripts => \@calls, options => [ '-M', 'simple' ]);
for (; $load->{harness}->pumpable; $load->{harness}->pump_nb)
{
	$node->safe_psql('postgres', q{
		SELECT count(pg_cancel_backend(pid)), pg_sleep(0.02) FROM (
		  SELECT pid FROM pg_stat_activity
		  WHERE query ~ '^SELECT call' AND state = 'active' ORDER BY random() LIMIT 2) victim});
}
my (undef, $said) = $node->finish_load($load);
my @strange = grep { /ERROR/ && !/canceling statement/ } split /\n/, $said;
is("@strange", '', 'interrupted under load: no other error');
my $interrupted = $node->safe_psql('postgres', 'SELECT count(*) FROM interrupted');
cmp_ok($interrupted, '>', 10, 'interrupted under load: many calls');
note "$interrupted interrupted; ", $node->safe_psql('postgres', q{
	SELECT string_agg(generator || ' ' || count, ', ')
	FROM (SELECT generator, count(*) FROM calls GROUP BY 1) calls});
for my $name (qw(ordered ordered_few))
{
	is($node->safe_psql('postgres', qq{
		WITH mine AS (SELECT * FROM calls WHERE generator = 'mallory.$name')
		SELECT count(*) FROM (
		  SELECT first_id, is_begin, max(last_id) FILTER (WHERE NOT is_begin) OVER (ORDER BY moment) AS largest_ended
		  FROM (SELECT before AS moment, true AS is_begin, first_id, last_id FROM mine
		        UNION ALL SELECT after, false, first_id, last_id FROM mine) events) asked
		WHERE is_begin AND first_id <= largest_ended}),
		0, "interrupted under load, $name: IDs rise in the order of the calls");
}
for my $name (qw(shards shards_few))
{
	is($node->safe_psql('postgres', qq{
		SELECT count(*) FROM calls
		WHERE generator = 'mallory.$name' AND shard <> snowflake_shard(first_id, '$layouts{$name}')}),
		0, "interrupted under load, $name: of the shard that was asked for");
}
is($node->safe_psql('postgres', q{
	SELECT count(*) FROM (SELECT 1 FROM calls GROUP BY generator, first_id HAVING count(*) > 1) twice}),
	0, 'interrupted under load: no duplicates');
unlike($node->log_since, qr/terminated by signal|PANIC/, 'nothing crashed');
$node->stop;
done_testing();
