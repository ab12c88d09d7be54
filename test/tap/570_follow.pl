# docs/follow.md: its statements, against writers that commit in another order than they make IDs, on a standby, on a
# subscriber, with users who write what they like. `id > last seen` loses rows there, follow_outbox() none.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils qw(slurp_file);
use SnowflakeTest qw($quick);
use Test::More;

my $page = slurp_file("$FindBin::RealBin/../../docs/follow.md");
my ($recipe) = $page =~ /^```sql\n(CREATE EXTENSION.*?)^```/ms or die 'no recipe on the page';
my ($trigger) = $page =~ /^```sql\n(CREATE FUNCTION stamp_transaction.*?)^```/ms or die 'no trigger on the page';
my ($restored) = $page =~ /^```sql\n(UPDATE outbox.*?)^```/ms or die 'no restore on the page';
$recipe =~ s/CREATE EXTENSION snowflake_id;\n//;

my $node = SnowflakeTest->start_new('follow', init => [ allows_streaming => 'logical' ],
	conf => "max_connections = 50\nmax_prepared_transactions = 20\nautovacuum = off");
sub sql { return $node->safe_psql('postgres', join ";\n", @_) }

sql($recipe, q{INSERT INTO followers (name) VALUES ('mailer'), ('feed')});

# What a follower has read, in its order; and the one that goes by IDs alone.
sql(q{CREATE TABLE read (place bigserial, name text, xid xid8, id bigint)},
	q{CREATE TABLE naive (last bigint DEFAULT 0)}, q{INSERT INTO naive DEFAULT VALUES});
sub follow { my ($name) = @_; return "INSERT INTO read (name, xid, id) SELECT '$name', xid, id FROM follow_outbox('$name', 50);" }
my $follow_naively = q{
	BEGIN;
	SELECT last FROM naive FOR UPDATE \gset
	WITH rows AS (INSERT INTO read (name, id) SELECT 'naive', id FROM outbox WHERE id > :last ORDER BY id LIMIT 50 RETURNING id)
	UPDATE naive SET last = coalesce((SELECT max(id) FROM rows), last);
	COMMIT;
};

# Lets all followers read until there is nothing new.
sub catch_up
{
	for my $name (qw(mailer feed))
	{
		1 while sql('WITH rows AS (' . follow($name) =~ s/;$//r . ' RETURNING 1) SELECT count(*) FROM rows') > 0;
	}
	sql(q{INSERT INTO read (name, id) SELECT 'naive', id FROM outbox, naive WHERE id > last});
}

sub missed { my ($name) = @_; return sql("SELECT count(*) FROM outbox WHERE id NOT IN (SELECT id FROM read WHERE name = '$name')") }

# --- the order of two commits ---

my ($early, $late) = ($node->session, $node->session);
my $messages = q{SELECT string_agg(message, ' ' ORDER BY xid, id) FROM follow_outbox('mailer')};
$node->ask_session($early, q{BEGIN; INSERT INTO outbox (message) VALUES ('early')});
sql(q{INSERT INTO outbox (message) VALUES ('late')});
is(sql($messages), '', 'what began after a transaction that is still open is held back');
$node->ask_session($early, 'COMMIT');
is(sql($messages), 'early late', '... and comes when it has ended, in order of transactions');

$node->ask_session($early, 'BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT count(*) FROM outbox');
sql(q{INSERT INTO outbox (message) VALUES ('while others read')});
is(sql($messages), 'while others read', 'a transaction that only reads holds nothing back');
$node->ask_session($early, 'COMMIT');

$node->ask_session($early, q{BEGIN; INSERT INTO outbox (message) VALUES ('prepared'); PREPARE TRANSACTION 'p'});
sql(q{INSERT INTO outbox (message) VALUES ('after it')});
is(sql($messages), '', 'a prepared transaction holds back');
$node->restart;
is(sql($messages), '', '... over a restart');
sql(q{COMMIT PREPARED 'p'});
is(sql($messages), 'prepared after it', '... until it is committed');
$_->quit for $early, $late;

# --- another database; a call that is rolled back; an old snapshot; a table that is there already ---

$node->safe_psql('postgres', 'CREATE DATABASE other');
my $other = $node->session('other');
$node->ask_session($other, 'BEGIN; SELECT pg_current_xact_id()');
sql(q{INSERT INTO outbox (message) VALUES ('of this database')});
is(sql($messages), '', 'a transaction of another database holds back');
$node->ask_session($other, 'ROLLBACK');
is(sql("BEGIN; $messages; ROLLBACK"), 'of this database', '... until it has ended');
is(sql($messages), 'of this database', 'a call that was rolled back is repeated');
$node->ask_session($other, '\\c postgres');
$node->ask_session($other, 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
sql(q{INSERT INTO outbox (message) VALUES ('later than a snapshot')});
is(($node->ask_session($other, $messages))[0], '', 'in an old snapshot, nothing later is read');
$node->ask_session($other, 'COMMIT');
is(sql($messages), 'later than a snapshot', '... nor is it lost');
$other->quit;

sql('CREATE TABLE old AS SELECT generate_series(1, 3) AS id');
my $file = sql(q{SELECT pg_relation_filenode('old')});
sql('ALTER TABLE old ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id()');
is(sql(q{SELECT count(DISTINCT xid), count(*), pg_relation_filenode('old') FROM old}), "1|3|$file",
	'rows that are there get one transaction, and are not written again');

# --- two calls for one follower ---

my ($first, $second) = ($node->session, $node->session);
sql(q{INSERT INTO outbox (message) VALUES ('once')});
is(($node->ask_session($first, "BEGIN; $messages"))[0], 'once', 'a call returns a row');
my ($pid) = $node->ask_session($second, 'SELECT pg_backend_pid()');
$second->query_until(qr/begun/, "\\echo begun\n$messages;\n");
ok($node->poll_query_until('postgres', "SELECT EXISTS (SELECT FROM pg_locks WHERE pid = $pid AND NOT granted)"),
	'another for the same follower waits');
is(sql(q{SET lock_timeout = '5s'}, q{SELECT count(*) FROM follow_outbox('feed')}), 8, 'one for another follower does not');
$node->ask_session($first, 'COMMIT');
is(($node->ask_session($second, 'SELECT 1'))[0] =~ s/\n//gr, '1', '... and is not given that row again');
$_->quit for $first, $second;
sql('TRUNCATE outbox', 'TRUNCATE read', q{UPDATE followers SET xid = '0', id = 0});

# --- 16 writers ---

my $pause = '\set pause random(1, 300)';
my $insert = 'INSERT INTO outbox (message) VALUES (:client_id);';
my @writers = (
	$insert,
	"INSERT INTO outbox (message) SELECT 'one of many' FROM generate_series(1, 120);",
	"$pause\nBEGIN;\n$insert\n\\sleep :pause ms\n$insert\nCOMMIT;",
	"$pause\nBEGIN;\n$insert\n\\sleep :pause ms\nROLLBACK;",
	"$pause\nBEGIN;\nSAVEPOINT a;\n$insert\nROLLBACK TO a;\n$insert\nSAVEPOINT b;\n$insert\n\\sleep :pause ms\nCOMMIT;",
	"$pause\nBEGIN;\nSELECT snowflake_next() AS made \\gset\n\\sleep :pause ms\n"
	  . "INSERT INTO outbox (id, message) VALUES (:made, 'made before');\nCOMMIT;",
	"$pause\nBEGIN;\n$insert\nPREPARE TRANSACTION 'p:client_id';\n\\sleep :pause ms\nCOMMIT PREPARED 'p:client_id';");
my $seconds = $quick ? 3 : 8;
my @loads = (
	$node->start_load(clients => 16, seconds => $seconds, scripts => \@writers, options => [ '-M', 'simple' ]),
	$node->start_load(clients => 5, seconds => $seconds + 1, options => [ '-M', 'simple' ],
		scripts => [ follow('mailer'), follow('mailer'), follow('feed'), $follow_naively ]));
for my $load (@loads)
{
	my ($ok, $said) = $node->finish_load($load);
	ok($ok, 'writers and followers met no error') or diag $said;
}
my $read_meanwhile = sql(q{SELECT count(*) FROM read WHERE name = 'mailer'});
catch_up();
note sql('SELECT count(*) FROM outbox'), " rows, $read_meanwhile of them read meanwhile; id > last seen lost ", missed('naive');
cmp_ok($read_meanwhile, '>', 0, 'rows were read while others were written');
cmp_ok(missed('naive'), '>', 0, 'id > last seen loses rows');
for my $name (qw(mailer feed))
{
	is(missed($name), 0, "$name: none is missed");
	is(sql("SELECT count(*) - count(DISTINCT id) FROM read WHERE name = '$name'"), 0, "$name: none is read twice");
	is(sql("SELECT count(*) FROM (SELECT (xid, id) > lag((xid, id)) OVER (ORDER BY place) AS rises FROM read WHERE name = '$name') r
		WHERE NOT rises"), 0, "$name: in order");
}

# --- the index serves: no sort, no rows read that were read before ---

sql('VACUUM ANALYZE outbox');
my $plan = sql(q{EXPLAIN (COSTS OFF) SELECT * FROM outbox WHERE (xid, id) > ('7', 7)
	AND xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY xid, id LIMIT 10});
like($plan, qr/Index Scan using outbox_xid_id_idx on outbox\n\s+Index Cond: .*ROW\(xid, id\) > .*pg_snapshot_xmin/,
	'the index gives them in order');
unlike($plan, qr/Sort/, '... without a sort');

# --- users who write what they like ---

sql('TRUNCATE outbox', q{UPDATE followers SET xid = '0', id = 0}, 'CREATE ROLE careful LOGIN', 'CREATE ROLE hostile LOGIN',
	'GRANT INSERT (message) ON outbox TO careful', 'GRANT INSERT ON outbox TO hostile');
my ($out, $err) = $node->ask(q{SET ROLE careful; INSERT INTO outbox (xid, message) VALUES ('1', 'forged')});
like($err, qr/ERROR:  42501/, 'who may write a message only cannot forge a transaction');
sql($messages, 'SET ROLE hostile', q{INSERT INTO outbox (id, xid, message) VALUES (9223372036854775807, '18446744073709551615', 'far ahead')},
	q{INSERT INTO outbox (id, message) VALUES (9223372036854775806, 'largest ID')}, q{INSERT INTO outbox (xid, message) VALUES ('1', 'long ago')});
sql('SET ROLE careful', q{INSERT INTO outbox (message) VALUES ('honest')});
like(sql($messages), qr/honest$/, 'a forged transaction or ID hides no row of others');
sql('SET ROLE careful', q{INSERT INTO outbox (message) VALUES ('next')});
is(sql($messages), 'next', '... later neither');

# --- rows that were restored from another server, whose transactions are of no time of this one ---

sql('TRUNCATE outbox', q{INSERT INTO outbox (xid, message) VALUES ('1', 'old'), ('88888888888', 'old')},
	q{UPDATE followers SET xid = '88888888888'}, $restored, q{INSERT INTO outbox (message) VALUES ('new')});
is(sql($messages), 'new', 'after a restore, what is new is read, and only that');

# --- a standby ---

sql('TRUNCATE outbox');
$node->backup('base');
my $standby = SnowflakeTest->new('follow_standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
my $writer = $node->session;
my $query = q{SELECT string_agg(message, ' ' ORDER BY xid, id) FROM outbox WHERE xid < pg_snapshot_xmin(pg_current_snapshot())};
$node->ask_session($writer, q{BEGIN; INSERT INTO outbox (message) VALUES ('early')});
sql(q{INSERT INTO outbox (message) VALUES ('late')});
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', 'SELECT count(*) FROM outbox'), 1, 'a standby has what was committed');
is($standby->safe_psql('postgres', $query), '', '... and holds it back, for a transaction is open on the primary');
$node->ask_session($writer, 'COMMIT');
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', $query), 'early late', '... until that has ended');
$writer->quit;
$standby->stop('immediate');

# --- a subscriber ---

my $subscriber = SnowflakeTest->start_new('follow_subscriber', conf => 'snowflake_id.node_id = 1');
sql('TRUNCATE outbox', 'CREATE PUBLICATION outbox FOR TABLE outbox', q{INSERT INTO outbox (message) VALUES ('first')});
$subscriber->safe_psql('postgres', "$recipe; $trigger; INSERT INTO followers (name) VALUES ('mailer')");
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION outbox CONNECTION '" . ($node->connstr('postgres') =~ s/'/''/gr) . "' PUBLICATION outbox");
my $all_there = q{SELECT count(*) = %d FROM outbox};
ok($subscriber->poll_query_until('postgres', sprintf $all_there, 1), 'a subscriber has the rows');
is($subscriber->safe_psql('postgres', $messages), 'first', '... its follower reads those of the first copy');
sql(q{INSERT INTO outbox (message) VALUES ('second')});
ok($subscriber->poll_query_until('postgres', sprintf $all_there, 2), 'a row follows');
is($subscriber->safe_psql('postgres', $messages), 'second', '... and is read');
is($subscriber->safe_psql('postgres', 'SELECT count(*) FROM outbox WHERE xid >= pg_snapshot_xmax(pg_current_snapshot())'), 0,
	'... with a transaction of its own server');
$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION outbox');

$subscriber->stop;
$node->stop;
done_testing();
