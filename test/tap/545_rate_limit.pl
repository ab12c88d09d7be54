# A generator with a rate limit gives all sessions together what it says, however they ask for it: no more in any
# window, and no less while somebody wants some. Waits are seen, counted, and can be cancelled at no cost to anybody.
# Whatever its owner does to the sequence, and whatever stands on its page, others' generators go on.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeHostile;
use SnowflakeTest qw($quick);
use Test::More;
use Time::HiRes qw(time);

my $node = SnowflakeTest->start_new('rate_limit', init => [ extra => ['--data-checksums'] ],
	conf => "synchronous_commit = off\nlog_min_messages = panic\nmax_prepared_transactions = 5\nmax_connections = 120");
add_people($node, qw(mallory tenant other victim));

sub make
{
	my ($name, $limit, $options) = @_;
	my (undef, $err) = as($node, 'mallory', "SELECT snowflake_create_generator('mallory.$name', rate_limit => $limit"
		  . ($options ? ", $options" : '') . "); GRANT USAGE ON SEQUENCE mallory.$name TO tenant, other");
	die $err if $err;
}

# --- What it says, within 2 % ---

# Sixteen sessions of two roles want more than there is, for each generator. Ranges as in SnowflakeTest: `id` to `last`.
my %limit = (single => 700, bulk => 20_000, ordered => 1_500, shards => 900);
make('single', $limit{single}, q{prefix => 'm_'});
make('bulk', $limit{bulk});
make('ordered', $limit{ordered}, 'ordered => true');
make('shards', $limit{shards}, q{layout => 'instagram'});
my %layout = (shards => 'instagram');
$node->safe_psql('postgres', q{
	CREATE UNLOGGED TABLE given (generator text, id bigint);
	GRANT INSERT ON given TO PUBLIC});
sub give { my ($name, $ids) = @_; return "INSERT INTO given SELECT '$name', $ids;" }
my %ways = (
	single => [ give('single', q{snowflake_next('mallory.single')}),
		give('single', q{snowflake_from_text(substr(snowflake_next_text('mallory.single'), 3), 'base62')}) ],
	bulk => [
		give('bulk', q{unnest(snowflake_next_array(5000, 'mallory.bulk'))}),
		give('bulk', q{snowflake_next_set(300, 'mallory.bulk')}),
		give('bulk', q{generate_series(first_id, last_id) FROM snowflake_reserve(1000, 'mallory.bulk')}) ],
	ordered => [ give('ordered', q{snowflake_next('mallory.ordered')}),
		give('ordered', q{unnest(snowflake_next_array(70, 'mallory.ordered'))}) ],
	shards => [ give('shards', q{snowflake_next('mallory.shards', :client_id)}) ]);
my @loads = map {
	my $name = $_;
	map { $node->start_load(clients => 8, seconds => 9, scripts => $ways{$name}, options => [ '-j', 1, '-U', $_ ]) }
	  qw(tenant other)
} sort keys %ways;
for my $load (@loads)
{
	my ($ok, $said) = $node->finish_load($load);
	ok($ok, 'a load of eight clients') or diag $said;
}

# Measured by the IDs' own times, after the first moments, in which what had rested is handed out at once. Where nobody
# has asked for longer than the burst (a machine with other things to do), what is lost is what is promised to be lost.
# `excess`: by how many IDs the fullest window has more than limit × (t + 0.1) + 1.
sub measure
{
	my ($name) = @_;
	my $of = $layout{$name} // 'snowflake_id';
	my ($rate, $excess, $ids, $twice) = split /\|/, $node->safe_psql('postgres', qq{
		WITH ids AS (
		  SELECT extract(epoch FROM snowflake_timestamp(id, '$of'))::float8 AS t, id,
		         row_number() OVER (ORDER BY snowflake_timestamp(id, '$of')) AS n
		  FROM given WHERE generator = '$name'),
		steps AS (
		  SELECT *, t - lag(t) OVER w AS gap, n - $limit{$name} * t AS over,
		         min(n - 1 - $limit{$name} * t) OVER w AS least_over, min(t) OVER () + 0.5 AS begin
		  FROM ids WINDOW w AS (ORDER BY n))
		SELECT count(*) FILTER (WHERE t > begin) / (max(t) - min(begin) - coalesce(sum(gap - 0.08) FILTER (WHERE t > begin AND gap > 0.08), 0)),
		       max(over - least_over) - $limit{$name} * 0.1 - 1, count(*), count(*) - count(DISTINCT id)
		FROM steps});
	note sprintf '%s: %d IDs, %.1f a second (%+.2f %%), in the fullest window %+.1f', $name, $ids, $rate,
	  100 * ($rate / $limit{$name} - 1), $excess;
	cmp_ok(abs($rate / $limit{$name} - 1), '<', 0.02, "$name: as many a second as the limit says, within 2 %");
	# What was allowed is handed out a little later, or later still by a process that has to wait for a CPU.
	cmp_ok($excess, '<=', $limit{$name} * 0.2, "$name: no more in any window");
	is($twice, 0, "$name: no duplicates");
}
measure($_) for sort keys %ways;
is($node->safe_psql('postgres', q{SELECT count(DISTINCT generator) FROM given}), 4, 'all kinds were measured');

# --- Waits ---

# One a second: an array of a hundred waits for longer than this test lasts.
make('slow', 1);
my $waits = q{SELECT snowflake_next_array(100, 'mallory.slow')};

sub start_waiting
{
	my ($sql, $role) = @_;
	my $session = $node->session('postgres', $role // 'tenant');
	my ($pid) = $node->ask_session($session, 'SELECT pg_backend_pid()');
	$session->query_until(qr/begun/, "\\echo begun\n$sql;\n");
	return ($session, $pid);
}

sub waits_for
{
	my ($pid, $type, $event) = @_;
	return $node->poll_query_until('postgres',
		"SELECT wait_event_type = '$type' AND wait_event = '$event' FROM pg_stat_activity WHERE pid = $pid");
}
my $event = $node->pg_version < 17 ? 'Extension' : 'SnowflakeIdRate';

sub counted { return $node->safe_psql('postgres', "SELECT $_[0] FROM snowflake_stat WHERE layout = 'snowflake_id'") }
my $waited_before = counted('rate_waits');
my ($session, $pid) = start_waiting($waits);
ok(waits_for($pid, 'Extension', $event), "who waits says so in pg_stat_activity: $event");
cmp_ok(counted('rate_waits'), '>', $waited_before, 'a wait is counted when it begins');
cmp_ok(counted('rate_wait_time'), '>', 0, 'and how long it lasts');

$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
my $asked = time;
my (undef, $err) = $node->ask_session($session, 'SELECT 1');
like($err, qr/ERROR:  57014: canceling statement due to user request/, 'it can be cancelled');
cmp_ok(time - $asked, '<', 5, 'and answers soon');
(undef, $err) = $node->ask_session($session, "SET statement_timeout = '200ms'; $waits");
like($err, qr/ERROR:  57014: canceling statement due to statement timeout/, 'a time limit ends a wait');
$session->quit;

# The state of a generator that was just used, before a call and after it gave up. (On a slow machine it may succeed.)
my ($before, $after) = (0, 1);
for (1 .. 10)
{
	my ($out, $err) = as($node, 'mallory', qq{
		SELECT snowflake_next('mallory.slow') > 0; SELECT log_cnt FROM mallory.slow; SET statement_timeout = '50ms';
		SELECT snowflake_next('mallory.slow'); RESET statement_timeout; SELECT log_cnt FROM mallory.slow});
	(undef, $before, $after) = split /\n/, $out;
	last if $err =~ /ERROR:  57014/;
}
is($after, $before, 'who gives up costs nobody anything');

# Many that wait are in nobody's way.
add_victims($node, '' => 'snowflake_id', map { +"victim.$_" => 'snowflake_id' } qw(free limited));
as($node, 'victim', q{SELECT snowflake_create_generator('victim.free'),
	snowflake_create_generator('victim.limited', rate_limit => 5000)});
my $harm = start_harm($node, 'tenant', 40, q{snowflake_next('mallory.slow')}, q{snowflake_next_array(100, 'mallory.slow')});
watch($node, 'forty sessions that wait');
stop_harm($node, $harm);

# --- Where IDs are made ---

make('quick', 100_000);
my $lsn = 'pg_current_wal_insert_lsn()';
is($node->safe_psql('postgres', qq{
	SET ROLE tenant; BEGIN READ ONLY; SELECT count(snowflake_next('mallory.quick')) FROM generate_series(1, 50)}),
	50, 'in a read-only transaction');
my $wal = $node->safe_psql('postgres', qq{
	SELECT $lsn AS before \\gset
	SELECT count(snowflake_next('mallory.quick')) FROM generate_series(1, 1000) \\g /dev/null
	SELECT pg_wal_lsn_diff($lsn, :'before')});
cmp_ok($wal, '<', 2000, 'a thousand IDs: no WAL but for the horizon');
my $forced = $node->pg_version < 16 ? 'force_parallel_mode' : 'debug_parallel_query';
is($node->safe_psql('postgres', qq{
	CREATE TABLE source AS SELECT generate_series(1, 500) AS n; GRANT SELECT ON source TO PUBLIC;
	SET ROLE tenant; SET $forced = on; SELECT count(DISTINCT snowflake_next('mallory.quick')) FROM source}),
	500, 'in a worker process');
is(($node->ask(q{SET ROLE tenant; BEGIN; SELECT snowflake_next('mallory.quick') > 0; SAVEPOINT s; SELECT 1 / 0;
	ROLLBACK TO s; SELECT snowflake_next('mallory.quick') > 0; ROLLBACK}))[0], "t\nt", 'after an error, and a rollback');

# A temporary one is its session's. Others who guess its number are told so.
my $owner = $node->session('postgres', 'mallory');
my ($oid) = $node->ask_session($owner, q{SELECT snowflake_create_generator('pg_temp.passing', rate_limit => 1000)::oid});
is(($node->ask_session($owner, q{SELECT count(snowflake_next('pg_temp.passing')) FROM generate_series(1, 200)}))[0],
	200, 'a temporary generator');
like(($node->ask("SELECT snowflake_next($oid\::regclass)"))[1], qr/ERROR:  0A000/, 'a temporary generator of another session');

# --- What the owner does ---

# It is set and restarted while others wait: they go on, and whatever it was set to holds up nobody.
my @harmless = (
	q{SELECT setval('mallory.quick', 1)},
	q{SELECT setval('mallory.quick', (SELECT seqmax FROM pg_sequence WHERE seqrelid = 'mallory.quick'::regclass))},
	q{SELECT setval('mallory.quick', -1000, false)}, q{SELECT nextval('mallory.quick')}, 'ALTER SEQUENCE mallory.quick RESTART',
	'ALTER SEQUENCE mallory.quick OWNED BY NONE', 'ALTER SEQUENCE mallory.quick RENAME TO renamed',
	'ALTER SEQUENCE mallory.renamed RENAME TO quick');
push @harmless, 'ALTER SEQUENCE mallory.quick SET UNLOGGED' if $node->pg_version >= 15;
my $ids = give('quick', q{snowflake_next('mallory.quick') FROM generate_series(1, 100)});
($oid) = $node->safe_psql('postgres', q{SELECT 'mallory.quick'::regclass::oid});
my $load = $node->start_load(clients => 4, seconds => 3, scripts => [ $ids =~ s/'mallory.quick'/$oid\::regclass/r ],
	options => [ '-U', 'tenant' ]);
for (my $end = time + 2.5; time < $end;)
{
	as($node, 'mallory', join ';', @harmless);
}
my ($ok, $said) = $node->finish_load($load);
ok($ok, 'the owner sets and alters it: others go on') or diag $said;
is($node->safe_psql('postgres', q{SELECT count(*) - count(DISTINCT id), count(*) > 1000 FROM given WHERE generator = 'quick'}),
	'0|t', 'the owner sets and alters it: no duplicates');

# A lock is waited for by those who make IDs of this generator, and they can give up. Nobody else notices.
$node->ask_session($owner, 'BEGIN; ALTER SEQUENCE mallory.quick RESTART');
($session, $pid) = start_waiting(q{SELECT snowflake_next('mallory.quick') > 0});
ok(waits_for($pid, 'Lock', 'relation'), 'the owner holds a lock: who wants an ID of it waits for the lock');
watch($node, 'the owner holds a lock');
(undef, $err) = as($node, 'other', q{SET lock_timeout = '100ms'; SELECT snowflake_next('mallory.quick')});
like($err, qr/ERROR:  55P03/, 'the owner holds a lock: a time limit ends the wait');
$node->ask_session($owner, 'COMMIT');
like(join('', $node->ask_session($session, 'SELECT 1')), qr/^t\n1$/, 'the owner ends the transaction: an ID');
as($node, 'mallory', q{BEGIN; DROP SEQUENCE mallory.quick; PREPARE TRANSACTION 'lock'});
watch($node, 'the owner holds a lock in a prepared transaction');
as($node, 'mallory', q{ROLLBACK PREPARED 'lock'});
# The owner need not wait for those who have made IDs of it.
$node->ask_session($session, q{BEGIN; SELECT snowflake_next('mallory.quick')});
is((as($node, 'mallory', q{SET lock_timeout = '2s'; ALTER SEQUENCE mallory.quick RESTART}))[1], '',
	'an open transaction that has made an ID is in nobody\'s way');
$session->quit;

# What is altered, revoked or dropped is so for those who wait, too.
sub after_harm
{
	my ($what, $sql, $pattern) = @_;
	my ($waiting, $pid) = start_waiting(q{SELECT cardinality(snowflake_next_array(50, 'mallory.slow'))});
	waits_for($pid, 'Extension', $event);
	my (undef, $err) = as($node, 'mallory', $sql);
	is($err, '', "$what: may be done");
	my $begin = time;
	my ($out, $said) = $node->ask_session($waiting, 'SELECT 1');
	like("$out$said", $pattern, "$what while somebody waits");
	cmp_ok(time - $begin, '<', 10, "$what: at once");
	$waiting->quit;
}
my $faster = $node->safe_psql('postgres', q{SELECT seqmax FROM pg_sequence WHERE seqrelid = 'mallory.bulk'::regclass});
my $slower = $node->safe_psql('postgres', q{SELECT seqmax FROM pg_sequence WHERE seqrelid = 'mallory.slow'::regclass});
after_harm('a higher limit', "ALTER SEQUENCE mallory.slow MAXVALUE $faster", qr/^50\n/);
is(($node->ask(q{SELECT rate_limit FROM snowflake_generators WHERE generator = 'mallory.slow'::regclass}))[0], $limit{bulk},
	'a higher limit is shown');
as($node, 'mallory', "ALTER SEQUENCE mallory.slow MAXVALUE $slower");
after_harm('REVOKE', 'REVOKE USAGE ON SEQUENCE mallory.slow FROM tenant', qr/ERROR:  42501/);
as($node, 'mallory', 'GRANT USAGE ON SEQUENCE mallory.slow TO tenant');
after_harm('DROP', 'DROP SEQUENCE mallory.slow', qr/ERROR:  42P01/);

# --- The extension's own ---

# Its page holds the horizon. It takes a superuser to alter it.
my $own = $node->safe_psql('postgres', q{SELECT seqmax FROM pg_sequence WHERE seqrelid = 'snowflake_id'::regclass});
(undef, $err) = $node->ask("ALTER SEQUENCE snowflake_id MAXVALUE $faster; SELECT snowflake_next()");
like($err, qr/ERROR:  55000: .*\n.*HINT:  Make another one/, 'the extension\'s own generator has no limit');
is(($node->ask("ALTER SEQUENCE snowflake_id MAXVALUE $own; SELECT snowflake_next() > 0"))[0], 't', 'and works without one');

# --- What stands on the page ---

# After a crash, or on another machine, it says anything. Written by hand, as nobody but the machine can.
sub write_state
{
	my ($file, $state) = @_;
	open my $page, '+<:raw', $file or die "$file: $!";
	read $page, my $bytes, 8192;
	my $tuple = unpack('L', substr $bytes, 24, 4) & 0x7fff;    # where the first line pointer points to
	seek $page, $tuple + ord(substr $bytes, $tuple + 22, 1) + 8, 0;    # behind the tuple's header and last_value
	print $page pack 'q', $state;
	close $page;
}
my $file = $node->data_dir . '/' . $node->safe_psql('postgres', q{SELECT pg_relation_filepath('mallory.single')});
$node->safe_psql('postgres', q{SELECT snowflake_next('mallory.single'); CHECKPOINT});
$node->stop('immediate');
$node->start;
is($node->safe_psql('postgres', q{SELECT snowflake_next('mallory.single') > 0}), 't', 'after a crash');
$node->stop;
$node->command_ok([ 'pg_checksums', '--check', '-D', $node->data_dir ], 'all checksums are right');
$node->command_ok([ 'pg_checksums', '--disable', '-D', $node->data_dir ], 'checksums are off');
for my $state ('4611686018427387904', '-4611686018427387904', '9223372036854775807', 1)
{
	write_state($file, $state);
	$node->start;
	is($node->safe_psql('postgres', 'SELECT log_cnt FROM mallory.single'), $state, "the page says $state");
	is(($node->ask(q{SET statement_timeout = '5s'; SELECT count(snowflake_next('mallory.single')) FROM generate_series(1, 100)}))[0],
		100, 'and holds up nobody');
	$node->stop;
}
unlike($node->log_since, qr/terminated by signal|PANIC/, 'nothing crashed');
done_testing();
