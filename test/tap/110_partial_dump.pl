# What dumps carry. Of a whole database: its horizon, which is shown before the first ID is made. Of a table and its
# generator: none; restored where the clock is behind, the table's IDs are made again, unless snowflake_observe() is
# told of them, which needs a right as long as they lie in the future.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeFault;
use SnowflakeTest qw($quick);
use Test::More;

my $seconds = $quick ? 0.6 : 1;
my $source = start_faulty('source');
my $target = start_faulty('target');
my $tempdir = PostgreSQL::Test::Utils::tempdir;

$_->safe_psql('postgres', 'CREATE ROLE owner LOGIN; GRANT ALL ON SCHEMA public TO owner') for $source, $target;
$source->safe_psql('postgres', q{
	SET ROLE owner; SELECT snowflake_create_generator('posts_id');
	CREATE TABLE posts (id bigint DEFAULT snowflake_next('posts_id'), last_id bigint)});

# In ranges, so that there are many.
my ($before, $said) = run_as_client($source, sprintf q{
	INSERT INTO posts SELECT reserved.* FROM generate_series(1, %d) step,
	  LATERAL snowflake_reserve(CASE WHEN pg_sleep(0.004 + 0 * step)::text IS NOT NULL THEN 60000 END,
	                            'posts_id') reserved},
	$seconds / 0.005);
is($said, '', 'there are posts');
my @table = ('-t', 'posts', '-t', 'posts_id');
$source->command_ok([ 'pg_dump', @table, '-f', "$tempdir/posts", $source->connstr('postgres') ], 'pg_dump of the table');
my $max_id = $source->safe_psql('postgres', 'SELECT max(last_id) FROM posts');

# Into a new database of a server whose clock goes once more through the time in which the posts were made. Then:
# `observe`, clients that make IDs, and how many of them a post has already.
my $rounds = 0;
my $dbname;
sub restore_where_clock_is_behind
{
	my ($what, $observe) = @_;
	$dbname = 'round_' . ++$rounds;
	$target->stop;    # what it knows of the rounds before is forgotten
	start_replaying($target, $before);
	$target->safe_psql('postgres', "CREATE DATABASE $dbname TEMPLATE template0");
	$target->safe_psql($dbname,
		'CREATE EXTENSION snowflake_id; GRANT ALL ON SCHEMA public TO owner; SELECT snowflake_next()');
	prepare_tables($target, $dbname);
	my @psql = ('psql', '-Xqo', '/dev/null', '-v', 'ON_ERROR_STOP=1', '-d', $target->connstr($dbname));
	$target->command_ok([ @psql, '-f', "$tempdir/posts" ], "$what: restored");
	is($target->safe_psql($dbname, 'SELECT max(last_id) FROM posts'), $max_id, "$what: the posts are there");
	$target->set_clock_offset($target->{clock_offset} - 30);    # surely behind, however slow this machine is
	$observe->();
	my @after = map { run_clients_again($target, $before, dbname => $dbname, @$_) }
	  [ kinds => [qw(given_ranges given_set)] ], [ kinds => ['given_ranges'], generator => 'posts_id' ];
	replays($_, $before, $what) for @after;
	my (undef, $common) =
	  count_made($target, $dbname, 'TABLE given UNION ALL SELECT -1, 0, 0, id, last_id FROM posts', @after);
	is(said_by_clients(@after), '', "$what: no client met an error");
	return $common;
}

sub ask_as
{
	my ($role, $sql) = @_;
	return $target->ask($sql, dbname => $dbname, extra_params => [ '-U', $role ]);
}

sub sql { return $target->safe_psql($dbname, $_[0]) }

my $observe_all = 'SELECT snowflake_observe(max(last_id)) FROM posts';

cmp_ok(restore_where_clock_is_behind('nobody is told', sub { }), '>', 0, 'nobody is told: posts are made again')
  unless $quick;    # what the next ones are good for

is(restore_where_clock_is_behind('a superuser observes', sub { sql($observe_all) }),
	0, 'a superuser observes: no post is made again');

is(restore_where_clock_is_behind('the owner observes', sub {
	my ($done, $refused) = ask_as('owner', $observe_all);
	like($refused, qr/ERROR:  42501: /, 'the owner observes what lies in the future: refused');
	sql('GRANT UPDATE ON SEQUENCE snowflake_id TO owner');
	($done, $refused) = ask_as('owner', $observe_all);
	unlike($refused, qr/ERROR/, 'with UPDATE on snowflake_id: accepted');
	sql('REVOKE UPDATE ON SEQUENCE snowflake_id FROM owner');
}), 0, 'the owner observes: no post is made again');

# Once the clock has passed them it needs no more than the right to make IDs; and there may be none to tell of.
$target->set_clock_offset($source->{clock_offset});
for my $past ($observe_all, q{SELECT snowflake_observe(max(last_id), 'posts_id') FROM posts},
	'SELECT snowflake_observe(max(last_id)) FROM posts WHERE false', q{SELECT snowflake_observe(NULL, 'posts_id')})
{
	my ($done, $refused) = ask_as('owner', $past);
	is("$done$refused", '', "the clock has passed the posts: their owner may say $past");
}
cmp_ok(sql(q{SELECT snowflake_next('posts_id')}), '>', $max_id, 'later IDs come');
sql('REVOKE USAGE ON SEQUENCE snowflake_id FROM PUBLIC; CREATE ROLE stranger LOGIN');
for my $try ("SELECT snowflake_observe($max_id)", "SELECT snowflake_observe($max_id, 'posts_id')")
{
	like((ask_as('stranger', $try))[1], qr/ERROR:  42501: permission denied for sequence/,
		"who may not make IDs may not say $try");
}

# --- A whole database: the horizon comes with it ---

$source->set_clock_offset(7200);
$source->restart;
$source->safe_psql('postgres', 'SELECT snowflake_next()');
$source->command_ok([ 'pg_dump', '-Fc', '-f', "$tempdir/whole", $source->connstr('postgres') ],
	'pg_dump of the database');
$target->stop;
$target->set_clock_offset(0);
start_again($target);
$target->safe_psql('postgres', 'CREATE DATABASE whole TEMPLATE template0');
$target->command_ok([ 'pg_restore', '-d', $target->connstr('whole'), "$tempdir/whole" ], 'restored');
my $ahead = horizon_ahead($target, 'whole');
cmp_ok($ahead, '>', 7100, 'the horizon is shown before the first ID');
$target->restart;
cmp_ok(horizon_ahead($target, 'whole'), '>', 7100, 'and after a restart');
cmp_ok(seconds_ahead($target, 'whole'), '>', $ahead - 100, 'the first ID is past it');

$_->stop for $source, $target;
done_testing();
