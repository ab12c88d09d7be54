# What others do to a generator while sessions use it: rights given and taken, renamed, moved, given away, dropped, made
# anew. Live sessions take up each change at once, and go on or say why not.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeGenerators;
use SnowflakeTest qw($quick);
use Test::More;
use Time::HiRes qw(usleep);

my $node = SnowflakeTest->start_new('generator_sessions', conf => "log_statement = none\nsynchronous_commit = off");
sub admin { return $node->safe_psql('postgres', join ';', @_) }
admin(q{CREATE ROLE owner; CREATE ROLE clerk; CREATE ROLE team; CREATE SCHEMA shop AUTHORIZATION owner; GRANT USAGE ON SCHEMA shop TO PUBLIC},
	q{SET ROLE owner}, q{SELECT snowflake_create_generator('shop.orders_id'), snowflake_create_generator('shop.photos', 'instagram'), snowflake_create_generator('shop.tickets', 'discord', ordered => true)});

# --- Rights ---

# A clerk whose session has made IDs already, with plans at hand that name the sequences by OID, as a DEFAULT does.
my $clerk = $node->session;
my ($orders, $photos, $tickets) = map { admin("SELECT 'shop.$_'::regclass::oid") } qw(orders_id photos tickets);
$node->ask_session($clerk, qq{SET ROLE clerk; PREPARE one AS SELECT snowflake_next($orders) > 0;
	PREPARE shard AS SELECT snowflake_next($photos, 7) > 0; PREPARE ticket AS SELECT snowflake_next($tickets) > 0});
sub clerk_may
{
	my ($what, @kinds) = @_;
	@kinds = qw(one shard ticket) unless @kinds;
	is(($node->ask_session($clerk, "EXECUTE $_"))[0], 't', "$what: $_") for @kinds;
}

sub clerk_may_not
{
	my ($what) = @_;
	like(($node->ask_session($clerk, "EXECUTE $_"))[1], qr/ERROR:  42501: permission denied for sequence/, "$what: not $_") for qw(one shard ticket);
}

my $all = 'ALL SEQUENCES IN SCHEMA shop';
clerk_may_not('no right');
admin("GRANT USAGE ON $all TO clerk");
clerk_may('granted');
admin("REVOKE USAGE ON $all FROM clerk");
clerk_may_not('revoked');
admin("GRANT USAGE ON $all TO PUBLIC");
clerk_may('granted to all');
admin("REVOKE USAGE ON $all FROM PUBLIC");
clerk_may_not('revoked from all');
admin("GRANT USAGE ON $all TO team");
clerk_may_not('granted to others');
admin('GRANT team TO clerk');
clerk_may('member');
admin('REVOKE team FROM clerk');
clerk_may_not('member no more');
admin('GRANT team TO clerk', 'ALTER ROLE clerk NOINHERIT') if $node->pg_version < 16;
clerk_may_not('member that does not inherit') if $node->pg_version < 16;
admin('ALTER ROLE clerk INHERIT', 'GRANT team TO clerk');
clerk_may('member again');
admin("REVOKE USAGE ON $all FROM team");
clerk_may_not('the role lost it');
admin('ALTER ROLE clerk SUPERUSER');
clerk_may('superuser');
admin('ALTER ROLE clerk NOSUPERUSER');
clerk_may_not('superuser no more');
admin(map { "ALTER SEQUENCE shop.$_ OWNER TO clerk" } qw(orders_id photos tickets));
clerk_may('owner');
admin(map { "ALTER SEQUENCE shop.$_ OWNER TO owner" } qw(orders_id photos tickets));
clerk_may_not('owner no more');
admin('GRANT USAGE ON SCHEMA shop TO clerk', "GRANT USAGE ON $all TO clerk");
clerk_may('granted once more');
# As for nextval(), the right to the schema is asked where its name is used.
admin('REVOKE USAGE ON SCHEMA shop FROM clerk, PUBLIC');
like(($node->ask_session($clerk, q{SELECT snowflake_next('shop.orders_id')}))[1], qr/ERROR:  42501: permission denied for schema shop/, 'no right to the schema');
admin('GRANT USAGE ON SCHEMA shop TO PUBLIC');

# The extension's own generator.
is(($node->ask_session($clerk, 'SELECT snowflake_next() > 0'))[0], 't', 'snowflake_next() is for all');
admin('REVOKE USAGE ON SEQUENCE snowflake_id FROM PUBLIC');
like(($node->ask_session($clerk, 'SELECT snowflake_next()'))[1], qr/ERROR:  42501: permission denied for sequence snowflake_id/, 'until that is revoked');
admin('GRANT USAGE ON SEQUENCE snowflake_id TO PUBLIC');
is(($node->ask_session($clerk, 'SELECT snowflake_next() > 0'))[0], 't', 'and granted again');

# --- Changed under a live session ---

my ($before) = $node->ask_session($clerk, q{SELECT snowflake_next('shop.orders_id')});
admin('ALTER SEQUENCE shop.orders_id RENAME TO numbers', 'CREATE SCHEMA store', 'GRANT USAGE ON SCHEMA store TO PUBLIC', 'ALTER SEQUENCE shop.numbers SET SCHEMA store');
clerk_may('renamed and moved', 'one');
is(($node->ask_session($clerk, qq{SELECT snowflake_next('store.numbers') > $before}))[0], 't', 'renamed and moved: by its new name, later IDs');
admin('CREATE TABLE store.orders (id bigint)', 'ALTER TABLE store.orders OWNER TO owner', 'ALTER SEQUENCE store.numbers OWNED BY store.orders.id');
clerk_may('owned by a column', 'one');
admin('ALTER SEQUENCE store.numbers OWNED BY NONE');
admin('ALTER SEQUENCE store.numbers RESTART');
is(($node->ask_session($clerk, qq{SELECT snowflake_next('store.numbers') > $before}))[0], 't', 'restarted: later IDs');
admin('ALTER SEQUENCE store.numbers INCREMENT 1');
like(($node->ask_session($clerk, 'EXECUTE one'))[1], qr/ERROR:  42809: "numbers" is not a generator/, 'made an ordinary sequence: an error');
admin('ALTER SEQUENCE store.numbers INCREMENT 9223372036854775807');
clerk_may('made a generator again', 'one');
if ($node->pg_version >= 15)
{
	admin('ALTER SEQUENCE store.numbers SET UNLOGGED');
	is(($node->ask_session($clerk, qq{SELECT snowflake_next('store.numbers') > $before}))[0], 't', 'made unlogged: later IDs, for nothing in it has to survive');
	admin('ALTER SEQUENCE store.numbers SET LOGGED');
	is(($node->ask_session($clerk, qq{SELECT snowflake_next('store.numbers') > $before}))[0], 't', 'logged again: later IDs');
	# The one that holds the horizon has to survive: without it there are no IDs of any generator.
	admin('ALTER SEQUENCE snowflake_id SET UNLOGGED');
	my $unlogged = qr/ERROR:  42809: the sequence "snowflake_id" of the extension snowflake_id is unlogged/;
	like(($node->ask_session($clerk, $_))[1], $unlogged, "horizon made unlogged: an error for $_") for 'EXECUTE one', 'SELECT snowflake_next()';
	admin('ALTER SEQUENCE snowflake_id SET LOGGED');
	is(($node->ask_session($clerk, qq{SELECT snowflake_next('store.numbers') > $before}))[0], 't', 'horizon logged again: later IDs');
}

# The extension's own sequence is known by more than its name: another one of that name gives no horizon and no rights.
admin('ALTER SEQUENCE snowflake_id RENAME TO hidden', q{SELECT snowflake_create_generator('snowflake_id')}, 'GRANT USAGE ON SEQUENCE snowflake_id TO PUBLIC');
my $missing = qr/ERROR:  42P01: the sequence "snowflake_id" of the extension snowflake_id is missing/;
like(($node->ask_session($clerk, $_))[1], $missing, "another sequence of its name: an error for $_") for 'SELECT snowflake_next()', 'EXECUTE one';
admin('DROP SEQUENCE snowflake_id', 'ALTER SEQUENCE hidden RENAME TO snowflake_id');
is(($node->ask_session($clerk, qq{SELECT snowflake_next() > 0, snowflake_next('store.numbers') > $before}))[0], 't|t', 'its own name again: later IDs');
admin('DROP SEQUENCE store.numbers');
like(($node->ask_session($clerk, 'EXECUTE one'))[1], qr/ERROR:  42P01: /, 'dropped: an error');

# A name that comes again, with another layout.
admin('SET ROLE owner', q{SELECT snowflake_create_generator('shop.orders_id', 'twitter')}, 'GRANT USAGE ON SEQUENCE shop.orders_id TO clerk');
is(($node->ask_session($clerk, q{SELECT snowflake_timestamp(snowflake_next('shop.orders_id'), 'twitter') > now() - interval '1 minute'}))[0], 't', 'made anew with another layout');

# DROP OWNED, with sessions that use what it drops: nothing is left.
my $ids = admin(q{SELECT string_agg(oid::text, ',') FROM pg_class WHERE relname IN ('orders_id', 'photos', 'tickets')});
admin('DROP OWNED BY owner CASCADE');
like(($node->ask_session($clerk, "EXECUTE $_"))[1], qr/ERROR:  42P01: /, "DROP OWNED: an error for $_") for qw(shard ticket);
is(admin('SELECT count(*) FROM snowflake_generators'), 1, 'DROP OWNED: no generators are left');
is(admin("SELECT (SELECT count(*) FROM pg_sequence WHERE seqrelid IN ($ids)) + (SELECT count(*) FROM pg_depend WHERE objid IN ($ids) OR refobjid IN ($ids)) + (SELECT count(*) FROM pg_shdepend WHERE objid IN ($ids))"), 0, 'DROP OWNED: nothing is left of them');
$clerk->quit;

# --- The same under load ---

# Clients that use one generator all the time, while it is renamed, moved, given away and back, and its rights change.
admin(q{CREATE SCHEMA place_1; CREATE SCHEMA place_2; CREATE TABLE met (sqlstate text, message text)}, q{SELECT snowflake_create_generator('place_1.busy')});
my $oid = admin(q{SELECT 'place_1.busy'::regclass::oid});
$node->prepare_load;
my $load = $node->start_load(
	clients => 8,
	seconds => $quick ? 3 : 8,
	options => [ '-M', 'simple' ],
	scripts => [qq{
		DO \$\$ BEGIN
		  INSERT INTO made_in_bulk SELECT id, id, $session_number, :step, place FROM unnest(snowflake_next_array(20, $oid)) WITH ORDINALITY made (id, place);
		EXCEPTION WHEN OTHERS THEN
		  INSERT INTO met VALUES (SQLSTATE, SQLERRM);
		END \$\$;
	}]);
my $rounds = 0;
for (; $load->{harness}->pumpable; $rounds++)
{
	my ($here, $there) = $rounds % 2 ? qw(place_2 place_1) : qw(place_1 place_2);
	admin("ALTER SEQUENCE $here.busy SET SCHEMA $there", "ALTER SEQUENCE $there.busy RENAME TO other", "ALTER SEQUENCE $there.other RENAME TO busy");
	admin("ALTER SEQUENCE $there.busy OWNER TO clerk", "GRANT USAGE ON SEQUENCE $there.busy TO team");
	admin("REVOKE USAGE ON SEQUENCE $there.busy FROM team", "ALTER SEQUENCE $there.busy OWNER TO postgres") if $rounds % 3 == 0;
	admin("ALTER SEQUENCE $there.busy RESTART") if $rounds % 5 == 0;
	usleep(20_000);
	$load->{harness}->pump_nb;
}
my ($ok, $output) = $node->finish_load($load);
ok($ok, 'under load: no client lost its connection') or diag $output;
cmp_ok($rounds, '>', 5, 'under load: several times');
is(admin('SELECT sqlstate, message, count(*) FROM met GROUP BY 1, 2'), '', 'under load: no errors');
$node->ids_are_right('under load');

# And dropped and made anew: only clean errors, and the IDs of the layout stay unique throughout.
admin('TRUNCATE met', 'DROP SCHEMA place_1, place_2 CASCADE', q{SELECT snowflake_create_generator('busy')});
$load = $node->start_load(
	clients => 8,
	seconds => $quick ? 3 : 8,
	options => [ '-M', 'simple' ],
	scripts => [qq{
		DO \$\$ BEGIN
		  INSERT INTO made_in_bulk SELECT id, id, $session_number, :step, place FROM unnest(snowflake_next_array(20, 'busy')) WITH ORDINALITY made (id, place);
		EXCEPTION WHEN OTHERS THEN
		  INSERT INTO met VALUES (SQLSTATE, SQLERRM);
		END \$\$;
	}]);
for ($rounds = 0; $load->{harness}->pumpable; $rounds++)
{
	admin('DROP SEQUENCE busy');
	usleep(10_000);
	admin(q{SELECT snowflake_create_generator('busy')});
	usleep(50_000);
	$load->{harness}->pump_nb;
}
($ok, $output) = $node->finish_load($load);
ok($ok, 'dropped under load: no client lost its connection') or diag $output;
cmp_ok($rounds, '>', 5, 'dropped under load: several times');
note admin('SELECT sqlstate, message, count(*) FROM met GROUP BY 1, 2');
cmp_ok(admin(q{SELECT count(*) FROM met WHERE sqlstate = '42P01'}), '>', 0, 'dropped under load: clients met it');
is(admin(q{SELECT DISTINCT sqlstate, message FROM met WHERE sqlstate <> '42P01'}), '', 'dropped under load: nothing but clean errors');
$node->ids_are_right('dropped under load');
unlike($node->log_since, qr/terminated by signal|PANIC/, 'nothing crashed');
$node->stop;
done_testing();
