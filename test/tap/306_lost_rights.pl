# Who has lost a right has lost it at the next call of a live session, whatever plan, function or default it is in: by
# REVOKE, with a role, with the ownership of the database. And who gets a session from a pooler after DISCARD, or by
# SET ROLE, learns nothing of the IDs that were made in it before.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeHostile;
use SnowflakeTest;
use Test::More;

my $node = SnowflakeTest->start_new('lost_rights', conf => 'log_min_messages = panic');
add_people($node, qw(alice bob team));
$node->safe_psql('postgres', 'CREATE DATABASE shop OWNER alice');
$node->safe_psql('shop', 'CREATE EXTENSION snowflake_id; CREATE TABLE made (id bigint); GRANT ALL ON made TO PUBLIC');
sub admin { return $node->safe_psql('shop', join ';', @_) }
admin(q{SELECT snowflake_create_generator('orders'), snowflake_create_generator('photos', 'instagram'),
	snowflake_create_generator('tickets', 'discord', ordered => true)},
	'REVOKE ALL ON SEQUENCE snowflake_id FROM PUBLIC');
my $all = 'SEQUENCE snowflake_id, orders, tickets, photos';

# Every way to make IDs, prepared so that nothing of it is looked up anew. A range and a set are left half used.
my %ways = (
	next => 'SELECT snowflake_next()',
	of => q{SELECT snowflake_next('orders')},
	ordered => q{SELECT snowflake_next('tickets')},
	shard => q{SELECT snowflake_next('photos', 5)},
	text => q{SELECT snowflake_next_text('orders')},
	array => 'SELECT snowflake_next_array(3)',
	array_of => q{SELECT snowflake_next_array(3, 'orders')},
	set => 'SELECT count(*) FROM snowflake_next_set(3)',
	set_of => q{SELECT count(*) FROM snowflake_next_set(3, 'tickets')},
	ranges => 'SELECT count(*) FROM snowflake_reserve(3)',
	ranges_of => q{SELECT count(*) FROM snowflake_reserve(3, 'orders')},
	row => 'INSERT INTO made VALUES (snowflake_next()) RETURNING id',
	body => 'SELECT pg_temp.made()',
	observed => 'SELECT snowflake_observe(1) IS NOT NULL',
	observed_of => q{SELECT snowflake_observe(1, 'orders') IS NOT NULL},
	last => 'SELECT snowflake_last()',
	last_of => q{SELECT snowflake_last('orders')});

sub session_of
{
	my ($role) = @_;
	my $session = $node->session('shop', $role);
	$node->ask_session($session, 'CREATE FUNCTION pg_temp.made() RETURNS bigint LANGUAGE plpgsql AS '
		  . q{$$ BEGIN RETURN snowflake_next('orders'); END $$});
	$node->ask_session($session, "PREPARE make_$_ AS $ways{$_}") for sort keys %ways;
	return $session;
}

my $alice = session_of('alice');

# Which ways are open to a session: all that give something. Those first after which there is a last ID.
my @ways = ('next', 'of', grep { !/^(next|of)$/ } sort keys %ways);

sub open_ways
{
	my ($session) = @_;
	my ($out, $err) = $node->ask_session($session, join '', map { "\\echo way $_\nEXECUTE make_$_;\n" } @ways);
	my @strange = grep { /ERROR/ && !/ERROR:  42501: permission denied for sequence/ } split /\n/, $err;
	is("@strange", '', 'a right is all that is missing');
	return join ' ', map { /^way (\w+)\n(.*)/s ? $1 : () } grep { /\n./ } split /^(?=way )/m, $out;
}

sub may { my ($session, $what) = @_; is(open_ways($session), "@ways", "$what: may do all") }
sub may_not { my ($session, $what) = @_; is(open_ways($session), '', "$what: may do nothing") }

may_not($alice, 'no right');
admin("GRANT USAGE ON $all TO alice");
may($alice, 'granted');
admin("REVOKE USAGE ON $all FROM alice");
may_not($alice, 'revoked');
admin("GRANT USAGE ON $all TO team", 'GRANT team TO alice');
may($alice, 'member of a role');
admin('REVOKE team FROM alice');
may_not($alice, 'member no more');
admin("GRANT USAGE ON $all TO PUBLIC");
may($alice, 'granted to all');
admin("REVOKE USAGE ON $all FROM PUBLIC");
may_not($alice, 'revoked from all');

# Amid a transaction, and between two fetches of one statement.
admin("GRANT USAGE ON $all TO alice");
$node->ask_session($alice, 'BEGIN; SELECT snowflake_next();
	DECLARE rest CURSOR FOR SELECT snowflake_next() FROM generate_series(1, 10000000); FETCH 3 FROM rest; SAVEPOINT a');
admin("REVOKE USAGE ON $all FROM alice");
for my $call ('SELECT snowflake_next()', 'MOVE 1000000 IN rest')
{
	my (undef, $said) = $node->ask_session($alice, "$call;\nROLLBACK TO a");
	like($said, qr/ERROR:  42501/, "revoked amid a transaction: $call is refused");
}
$node->ask_session($alice, 'ROLLBACK');

# --- The owner of the database ---

SKIP: {
	skip 'there is no role pg_database_owner', 8 if $node->pg_version < 14;
	admin("GRANT USAGE ON $all TO pg_database_owner");
	my $bob = session_of('bob');
	may($alice, 'owner of the database');
	may_not($bob, 'not its owner');
	admin('ALTER DATABASE shop OWNER TO bob');
	may_not($alice, 'its owner no more');
	may($bob, 'its new owner');
	admin("REVOKE USAGE ON $all FROM pg_database_owner");
	$bob->quit;
}
admin("GRANT USAGE ON $all TO alice");
may($alice, 'granted once more');

# --- The last ID ---

# As lastval(), it takes a right to the sequence at the moment of the call.
my $pooled = session_of('alice');
my $last = q{SELECT snowflake_last() IS NOT NULL, snowflake_last('orders') IS NOT NULL};
sub made_in_it { $node->ask_session($pooled, q{SELECT snowflake_next(), snowflake_next('orders')}) }
sub last_is_known { my ($what) = @_; is(($node->ask_session($pooled, $last))[0], 't|t', $what) }

sub last_is_refused
{
	my ($what, $sqlstate) = @_;
	for my $call ('snowflake_last()', q{snowflake_last('orders')})
	{
		my ($out, $err) = $node->ask_session($pooled, "SELECT $call");
		like($err, qr/ERROR:  $sqlstate/, "$what: $call") or diag $out;
	}
}

last_is_refused('before the first ID', '55000');
made_in_it();
last_is_known('after the first ID');
admin("REVOKE USAGE ON $all FROM alice");
last_is_refused('USAGE is revoked', '42501');
admin("GRANT SELECT ON $all TO alice");
last_is_known('SELECT is enough');
admin("REVOKE SELECT ON $all FROM alice", "GRANT UPDATE ON $all TO alice");
last_is_refused('UPDATE is not', '42501');
admin("REVOKE ALL ON $all FROM alice", "GRANT USAGE ON $all TO alice");
last_is_known('USAGE is granted again');

# A session of several users: by SET ROLE, by a function of another owner.
admin('GRANT bob TO alice');
$node->ask_session($pooled, 'SET ROLE bob');
last_is_refused('another role', '42501');
$node->ask_session($pooled, 'RESET ROLE');
last_is_known('the role that made it');
admin('CREATE FUNCTION last_for_bob() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$SELECT snowflake_last()$$',
	'ALTER FUNCTION last_for_bob() OWNER TO bob');
like(($node->ask_session($pooled, 'SELECT last_for_bob()'))[1], qr/ERROR:  42501/, "a function of another role's");

# A pooler in session mode gives the session to somebody else after DISCARD ALL.
for my $discard ('DISCARD ALL', 'DISCARD SEQUENCES')
{
	made_in_it();
	last_is_known("before $discard");
	my (undef, $err) = $node->ask_session($pooled, $discard);
	is($err, '', $discard);
	last_is_refused("after $discard", '55000');
	my ($id) = $node->ask_session($pooled, 'SELECT snowflake_next()');
	is(($node->ask_session($pooled, 'SELECT snowflake_last()'))[0], $id, "after $discard: the next one is known");
}
made_in_it();
for my $other ('DISCARD PLANS', 'DISCARD TEMP', 'DEALLOCATE ALL', 'RESET ALL')
{
	$node->ask_session($pooled, $other);
	last_is_known("$other is about something else");
}

# IDs rise in a session whatever was discarded.
my ($before) = $node->ask_session($pooled, 'SELECT snowflake_next()');
my ($after) = $node->ask_session($pooled, "DISCARD ALL;\nSELECT snowflake_next()");
cmp_ok($after =~ s/.*\n//sr, '>', $before, 'IDs rise over DISCARD ALL');
$_->quit for $alice, $pooled;
unlike($node->log_since, qr/terminated by signal|PANIC/, 'nothing crashed');
$node->stop;
done_testing();
