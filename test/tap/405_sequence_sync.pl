# The sequence of the horizon is set from outside while clients make IDs: back, far ahead, a little ahead. So it happens
# where a publication FOR ALL SEQUENCES carries it along (PostgreSQL 19), and by setval() on every major: both write the
# value and forget who signed the page.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeTest qw($quick);
use Test::More;
use Time::HiRes qw(sleep time);

sub sql { my ($node, @statements) = @_; return $node->safe_psql('postgres', join ';', @statements) }
sub seconds_ahead { return sql($_[0], 'SELECT round(extract(epoch FROM snowflake_timestamp(snowflake_next()) - now()))') }

# Sets the horizon as a synchronization does.
my $set = sub { my ($node, $time) = @_; sql($node, "SELECT setval('snowflake_id', snowflake_from_timestamp($time))") };

# --- back, again and again, under load; then a crash, and a clock that replays ---

my $node = SnowflakeTest->start_new('subscriber', fake_clock => 1);
$node->load_ids(clients => 8, transactions => 50);
my $load = $node->start_load(clients => 8, seconds => $quick ? 3 : 6);
for (1 .. 10)
{
	$set->($node, $_) for q{now() - interval '1 hour'}, q{'2025-01-02'};
	sleep(0.25);
}
my ($ok, $said) = $node->finish_load($load);
ok($ok, 'set back under load: no client met an error') or diag $said;
unlike($said, qr/WARNING/, '... nor a warning');
$node->ids_are_right('set back under load');

$set->($node, q{'2025-01-02'});
sql($node, 'SELECT snowflake_next()');
is(sql($node, q{SELECT snowflake_timestamp(last_value) > now() FROM snowflake_id}), 't',
	'the next ID of a new session writes the horizon again');
$node->stop('immediate');
$node->set_clock_offset(-30);
$node->start;
$node->load_ids(clients => 8, transactions => 50);
$node->ids_are_right('set back, crashed, clock set back');

# --- far ahead ---

my $session = $node->session;
$node->ask_session($session, 'SELECT snowflake_next()');
my $began = time;
$set->($node, q{now() + interval '30 days'});
my ($out, $err) = $node->ask('SELECT snowflake_next()');
like($err, qr/ERROR:  55000: cannot make a Snowflake ID: the clock is .* behind.*HINT:.*snowflake_reset_clock/s,
	'far ahead: a new session makes no IDs, and is told what to do');
for (1 .. 600) { last if ($node->ask_session($session, 'SELECT snowflake_next()'))[1]; sleep(0.05) }
cmp_ok(time - $began, '<', 20, '... nor does one that was there, after a moment');
sql($node, 'SELECT snowflake_reset_clock()');
($out, $err) = $node->ask_session($session, 'SELECT snowflake_next()');
is($err, '', 'after snowflake_reset_clock() it does again');
cmp_ok(seconds_ahead($node), '<', 60, '... of the time of before');
$node->load_ids(clients => 8, transactions => 50);
$node->ids_are_right('far ahead and reset');

# --- a little ahead: nothing stops, but the time of the whole server moves ---

$set->($node, q{now() + interval '1 hour'});
$node->load_ids(clients => 8, transactions => 50);
cmp_ok(seconds_ahead($node), '>', 3500, 'an hour ahead: new IDs are later');
$node->ids_are_right('an hour ahead');
my $version = sql($node, 'SHOW server_version_num');
$session->quit;
$node->stop;

# --- carried along by a publication ---

SKIP:
{
	skip('sequences are carried along since PostgreSQL 19', 1) if $version < 190000;
	my $conf = "wal_level = logical\nmax_wal_senders = 4";
	my ($publisher, $subscriber) = map { SnowflakeTest->start_new($_, conf => $conf) } qw(from to);
	sql($publisher, q{SELECT snowflake_create_generator('posts_id')}, 'CREATE PUBLICATION sequences FOR ALL SEQUENCES');
	sql($subscriber, q{SELECT snowflake_create_generator('posts_id')});
	$subscriber->load_ids(clients => 8, transactions => 50);
	sql($publisher, q{SELECT snowflake_observe(snowflake_encode(clock_timestamp() + interval '1 hour', 0, 0, 0))});
	my $horizon = 'SELECT last_value FROM snowflake_id';
	my $connection = $publisher->connstr('postgres') =~ s/'/''/gr;
	sql($subscriber, "CREATE SUBSCRIPTION sequences CONNECTION '$connection' PUBLICATION sequences");
	my $synchronized = q{SELECT count(*) > 0 AND bool_and(srsubstate = 'r') FROM pg_subscription_rel};
	$subscriber->poll_query_until('postgres', $synchronized) or die 'not synchronized';
	is(sql($subscriber, $horizon), sql($publisher, $horizon), 'a publication carries the horizon along');
	cmp_ok(seconds_ahead($subscriber), '>', 3500, '... and with it the time of the publisher');
	$subscriber->load_ids(clients => 8, transactions => 50);
	$subscriber->ids_are_right('carried ahead');

	# Now the subscriber is ahead, and is set back.
	sql($subscriber, q{SELECT snowflake_observe(snowflake_encode(clock_timestamp() + interval '2 hours', 0, 0, 0))});
	my $load = $subscriber->start_load(clients => 8, seconds => 5);
	sleep(0.5);
	for (1 .. 4) { sql($subscriber, 'ALTER SUBSCRIPTION sequences REFRESH SEQUENCES'); sleep(1) }
	my ($ok, $said) = $subscriber->finish_load($load);
	ok($ok, 'carried back under load: no client met an error') or diag $said;
	my $before = sql($subscriber, $horizon);
	sql($subscriber, 'ALTER SUBSCRIPTION sequences REFRESH SEQUENCES');
	ok($subscriber->poll_query_until('postgres', "SELECT last_value < $before - (3000000::bigint << 22) FROM snowflake_id"),
		'carried back: by about an hour');
	$subscriber->load_ids(clients => 8, transactions => 50);
	cmp_ok(sql($subscriber, $horizon), '>=', $before, '... until the next ID of a new session');
	$subscriber->ids_are_right('carried back');
	my $made = q{SELECT count(*) FROM (SELECT snowflake_next('posts_id') FROM generate_series(1, 1000)) made};
	is(sql($subscriber, $made), 1000, 'a generator that was carried along makes IDs');
	$_->stop for $subscriber, $publisher;
}

done_testing();
