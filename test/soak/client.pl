# A client of scripts/soak: makes statements at random until DIRECTORY/stop is there or its parent is gone, and writes down each ID that it is given.
#
#     client.pl load|migration|hostile NUMBER SEED DIRECTORY
#
# It connects to the server that DIRECTORY/target names, again whenever it has lost it, and now and then for a change. What
# it was given lies in DIRECTORY/client_NUMBER.….ids, files that are complete once they have that name: layout, source,
# session, step, place, first ID, last ID; the IDs of one source rise within a session by step and place. Beside them
# client_NUMBER.samples (session, kind, its age in seconds, statements so far, bytes in memory contexts, bytes of the
# process) and client_NUMBER.errors. A hostile client's own errors are expected, unless they are internal ones.
use strict;
use warnings FATAL => 'all';

use DBI;
use Time::HiRes qw(sleep time);

my ($kind, $number, $seed, $directory) = @ARGV;
srand $seed;
my $base = "$directory/client_$number";
my ($db, $session, $connected_at, $pid, @generators);
my ($connections, $statements, $files) = (0, 0, 0);
my $last_file = my $last_sample = time;
open my $given, '>', "$base.writing" or die $!;

sub pick { return $_[ rand @_ ] }

# --- Files ---

sub append
{
	my ($suffix, @fields) = @_;
	open my $file, '>>', "$base.$suffix" or die $!;
	print $file join("\t", @fields), "\n";
	close $file or die $!;
}

sub finish_file
{
	close $given or die $!;
	rename "$base.writing", sprintf('%s.%06d.ids', $base, ++$files) or die $!;
	open $given, '>', "$base.writing" or die $!;
	$last_file = time;
}

# What is private to the process; of the contexts, what PostgreSQL keeps of each sequence is its own affair.
sub take_sample
{
	my ($contexts) = $db->selectrow_array(
		q{SELECT sum(used_bytes) FROM pg_backend_memory_contexts WHERE name <> 'Sequence values'});
	open my $status, '<', "/proc/$pid/status" or die "no process $pid";
	my ($process) = map { /^RssAnon:\s+(\d+)/ ? $1 * 1024 : () } <$status>;
	append('samples', $session, $kind, int(time - $connected_at), $statements, $contexts, $process);
	$last_sample = time;
}

# --- Statements ---

sub statement { $statements++; $db->do($_[0]) }

# Runs a query whose rows are ranges of IDs: place, first, last.
sub give
{
	my ($layout, $source, $sql) = @_;
	my $step = ++$statements;
	print $given join("\t", $layout, $source, $session, $step, @$_), "\n" for @{ $db->selectall_arrayref($sql) };
}

sub in_ranges { return "SELECT min(place), min(id), max(id) FROM $_[0] made (id, place) GROUP BY id - place ORDER BY 1" }

sub one_by_one { return in_ranges("(SELECT $_[0], place FROM generate_series(1, $_[1]) place OFFSET 0)") }

# The ways to be given IDs of a generator. Ranges fill whole milliseconds, so that a time that comes again is noticed.
sub ways
{
	my ($name, $is_plenty) = @_;
	my $count = 1 + int rand($is_plenty ? 1000 : 20);
	return (
		one_by_one("snowflake_next('$name')", $count),
		in_ranges("unnest(snowflake_next_array($count, '$name')) WITH ORDINALITY"),
		in_ranges("snowflake_next_set($count, '$name') WITH ORDINALITY"),
		'SELECT place, first_id, last_id FROM snowflake_reserve(' . ($is_plenty ? 60 * $count : $count)
		  . ", '$name') WITH ORDINALITY reserved (first_id, last_id, place)");
}

my $stored = 'WITH stored AS (INSERT INTO events (place) SELECT generate_series(1, 50) RETURNING id, place) '
  . in_ranges('(SELECT id, place FROM stored)');

sub give_some
{
	my ($name, $layout, $has_shards, $is_plenty) = @{ pick(@generators) };
	my $shard = int rand 4;
	return give($layout, "$name/$shard", one_by_one("snowflake_next('$name', $shard)", 3)) if $has_shards;
	return give($layout, $name, pick(($name eq 'snowflake_id' ? ($stored) x 4 : ()), ways($name, $is_plenty)));
}

# One by one, or some in a transaction, which may be rolled back.
sub load
{
	return give_some() if rand() < 0.7;
	$db->begin_work;
	give_some() for 1 .. 3;
	rand() < 0.5 ? $db->commit : $db->rollback;
}

# A generator's whole life. Few names, over and over: a session of PostgreSQL remembers each that is not there any more.
sub migration
{
	my ($layout, $is_plenty) = @{ pick(grep { !$_->[2] } @generators) }[ 1, 3 ];
	my ($life, $name, $new_name) = ("life_$statements", map { "tenant.$_" . $statements % 10 } qw(passing passed));
	my $ordered = pick('true', 'false');
	statement("SELECT snowflake_create_generator('$name', '$layout', ordered => $ordered)");
	give($layout, $life, pick(ways($name, $is_plenty)));
	statement("ALTER SEQUENCE $name RENAME TO " . $new_name =~ s/tenant.//r);
	give($layout, $life, pick(ways($new_name, $is_plenty)));
	statement("DROP SEQUENCE $new_name");
}

my @harm = (
	(map { "SELECT $_" } q{setval('mallory.mine', snowflake_from_timestamp(now() + interval '6 days'))},
		q{setval('mallory.mine', seqmax) FROM pg_sequence WHERE seqrelid = 'mallory.mine'::regclass},
		q{setval('snowflake_id', 1)}, q{nextval('snowflake_id')}, q{nextval('mallory.mine')}, q{snowflake_reset_clock()},
		q{snowflake_observe(snowflake_next())}, q{snowflake_observe(snowflake_now() + snowflake_span('1 hour'))},
		q{pg_terminate_backend(pid) FROM pg_stat_activity}, (q{snowflake_create_generator('mallory.mine')}) x 2),
	(map { "ALTER SEQUENCE mallory.mine $_" } 'CYCLE', 'RESTART', 'NO MINVALUE NO MAXVALUE INCREMENT 1', 'OWNED BY NONE'),
	q{DROP SEQUENCE mallory.mine}, q{REVOKE ALL ON SEQUENCE snowflake_id FROM PUBLIC}, q{SET snowflake_id.node_id = 9},
	q{SELECT 1 / (1 - count(*)) FROM pg_prepared_xacts; BEGIN; ALTER SEQUENCE mallory.tens OWNED BY NONE; PREPARE TRANSACTION 'lock'},
	q{ROLLBACK PREPARED 'lock'}, 'DISCARD ALL',
	(map { "SELECT count(snowflake_next('$_')) FROM generate_series(1, 5000)" } qw(snowflake_id mallory.mine mallory.tens)),
	(map { "SELECT count(*) FROM snowflake_reserve(1000000, '$_')" } qw(snowflake_id mallory.mine mallory.seconds)));

sub hostile { statement(pick(@harm)) }

# --- Connections ---

sub connect_again
{
	open my $file, '<', "$directory/target" or die $!;
	chomp(my $target = <$file>);
	my $role = $kind eq 'hostile' ? 'mallory' : 'tenant';
	$db = DBI->connect("dbi:Pg:$target;dbname=postgres;application_name=client_$number", $role, '',
		{ RaiseError => 1, PrintError => 0, PrintWarn => 0, pg_server_prepare => 0 });
	$session = "$number." . ++$connections;
	($pid, $connected_at) = ($db->{pg_pid}, time);
	$db->do('SET client_min_messages = error');
	@generators = @{ $db->selectall_arrayref(q{
		SELECT generator::text, layout::text, layout::text ~ 'shard', rate_limit = 0 AND ids_per_second > 100000
		FROM snowflake_generators JOIN pg_class ON pg_class.oid = generator, snowflake_layout_facts(layout)
		WHERE relnamespace = 'public'::regnamespace ORDER BY 1}) };
	drop_left_behind() if $kind eq 'migration';
	take_sample();
}

sub drop_left_behind
{
	$db->do("DROP SEQUENCE $_") for @{ $db->selectcol_arrayref(
		q{SELECT oid::regclass FROM pg_class WHERE relnamespace = 'tenant'::regnamespace AND relkind = 'S'}) };
}

# An error, or the server is lost, which is no news here. Whoever is disconnected comes again.
my $dropped = qr/could not open relation with OID/;    # nextval() of what another client is just dropping

sub note_error
{
	my ($error, $state) = ($@ =~ s/\s+/ /gr, $DBI::state // '');
	my $lives = $db && eval { $db->ping > 0 };
	append('errors', $state, $error) if $lives && ($kind ne 'hostile' || ($state =~ /^XX|^$/ && $error !~ /$dropped/));
	return $db->{AutoCommit} ? $db->do('ROLLBACK') : $db->rollback if $lives;
	eval { $db->disconnect } if $db;
	undef $db;
	sleep(0.1);
}

my %work = (load => \&load, migration => \&migration, hostile => \&hostile);
my $parent = getppid;
until (-e "$directory/stop" || getppid != $parent)
{
	eval {
		connect_again() unless $db;
		$work{$kind}->();
		take_sample() if time - $last_sample > 5;
		1;
	} or note_error();
	finish_file() if time - $last_file > 2;
	if ($db && $kind ne 'migration' && $number % 2 && rand() < 0.005) { $db->disconnect; undef $db }
	sleep(rand 0.04);
}
finish_file();
