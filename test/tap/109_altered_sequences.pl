# Sequences that are altered around a crash, on a clock that replays what was made before it: a generator that exists
# only in a prepared transaction, one that its table takes along when it becomes unlogged, one that its owner restarts
# and sets; and the extension's own sequence, restarted in a transaction that is rolled back.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeFault;
use SnowflakeTest qw($quick);
use Test::More;

my $node = start_faulty('altered', conf => "max_prepared_transactions = 5\nsynchronous_commit = on\n");
my $seconds = $quick ? 0.6 : 1;

sub sql { return $node->safe_psql('postgres', join ';', @_) }

# For about that long, IDs of a whole millisecond every few milliseconds.
sub densely
{
	my ($arguments) = @_;
	my $steps = int($seconds / 0.005);
	return "SELECT -1 AS session, step, place, first_id, last_id FROM generate_series(1, $steps) step,
		LATERAL snowflake_reserve(CASE WHEN pg_sleep(0.004 + 0 * step)::text IS NOT NULL THEN 60000 END$arguments)
		  WITH ORDINALITY AS reserved (first_id, last_id, place)";
}

sub crash_and_replay
{
	my ($load, %options) = @_;
	kill_postmaster($node);
	start_replaying($node, $load);
	return run_clients_again($node, $load, %options);
}

sub prepare_round
{
	fresh_start($node);
	sql('TRUNCATE stored');
}

# --- A generator that is made and used in a transaction which is prepared ---

prepare_round();
my ($before, $said) = run_as_client($node, qq{
	BEGIN; SELECT snowflake_create_generator('late_id'); INSERT INTO stored @{[ densely(", 'late_id'") ]};
	PREPARE TRANSACTION 'late'});
is($said, '', 'prepared: IDs of a generator that no other transaction sees');
my $after = crash_and_replay($before);
replays($after, $before, 'prepared');
sql(q{COMMIT PREPARED 'late'});
cmp_ok(sql('SELECT count(*) FROM stored WHERE session = -1'), '>', 1000, 'prepared: and they are stored in the end');
my $later = run_clients($node, 0.5, generator => 'late_id', kinds => [qw(given_ranges stored_rows)]);
no_duplicates($node, 'prepared', [ $after, $later ]);

# --- A generator that becomes unlogged with its table, under load ---

sql(q{SELECT snowflake_create_generator('posts_id')},
	q{CREATE TABLE posts (id bigint DEFAULT snowflake_next('posts_id'))}, 'ALTER SEQUENCE posts_id OWNED BY posts.id');
prepare_round();
$before = start_clients($node, generator => 'posts_id');
pause($seconds / 2);
sql('ALTER TABLE posts SET UNLOGGED');    # since PostgreSQL 15, its sequences as well
pause($seconds / 2);
kill_postmaster($node);
wait_for_clients($before);
start_replaying($node, $before);
$after = run_clients_again($node, $before, kinds => [qw(given_ranges stored_rows given_set)]);
$later = run_clients($node, 0.3, generator => 'posts_id', kinds => [qw(given_ranges stored_rows)]);
replays($after, $before, 'unlogged');
no_duplicates($node, 'unlogged', [ $before, $after, $later ]);

# --- The extension's own sequence, restarted by a superuser in a transaction ---

prepare_round();
my $others = start_clients($node, kinds => [qw(stored_ranges given_ranges)]);
($before, $said) = run_as_client($node, qq{
	BEGIN; ALTER SEQUENCE snowflake_id RESTART; SAVEPOINT s;
	COPY (@{[ densely('') ]}) TO STDOUT; ROLLBACK TO s; SELECT snowflake_next(); ROLLBACK;
	BEGIN; SAVEPOINT s; ALTER SEQUENCE snowflake_id RESTART; ROLLBACK TO s; SELECT snowflake_next(); ROLLBACK});
pause($seconds);
my @refused = $said =~ /ERROR:  55000: /g;
is(@refused, 2, 'snowflake_id restarted: no IDs in the transaction that did it, but after a rollback to before')
  or diag $said;
unlike($said, qr/ERROR:  (?!55000)/, 'snowflake_id restarted: no other error');
kill_postmaster($node);
wait_for_clients($others);
start_replaying($node, $others);
$after = run_clients_again($node, $others);
replays($after, $others, 'snowflake_id restarted');
no_duplicates($node, 'snowflake_id restarted, rolled back', [ $before, $others, $after ]);

# Without anybody else, who would have moved the horizon that comes back.
prepare_round();
($before) = run_as_client($node,
	"BEGIN; ALTER SEQUENCE snowflake_id RESTART; COPY (@{[ densely('') ]}) TO STDOUT; ROLLBACK");
$after = crash_and_replay($before);
no_duplicates($node, 'snowflake_id restarted by the only session', [ $before, $after ]);

# --- A generator that its owner restarts and sets ---

sql('CREATE ROLE owner', 'GRANT ALL ON SCHEMA public TO owner', 'SET ROLE owner',
	q{SELECT snowflake_create_generator('mine')});
prepare_round();
$others = start_clients($node, kinds => [qw(stored_ranges given_ranges)]);
($before, $said) = run_as_client($node, qq{
	SET ROLE owner; BEGIN; ALTER SEQUENCE mine RESTART; COPY (@{[ densely(", 'mine'") ]}) TO STDOUT;
	ROLLBACK; SELECT setval('mine', 1); SELECT setval('mine', 9000000000000000000)});
is($said, '', 'a generator restarted by its owner: IDs are made in that transaction, too');
kill_postmaster($node);
wait_for_clients($others);
start_replaying($node, $others);
$after = run_clients_again($node, $others, generator => 'mine', kinds => [qw(stored_ranges given_set)]);
$later = run_clients($node, 0.3, kinds => [qw(given_ranges stored_rows)]);
replays($after, $before, 'a generator restarted by its owner');
no_duplicates($node, 'a generator restarted by its owner', [ $before, $others, $after, $later ]);
cmp_ok(seconds_ahead($node), '<', $seconds + 5, 'a generator restarted by its owner: nor does time go with it');

$node->stop;
done_testing();
