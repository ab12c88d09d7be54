# Nobody can use up what others need: any number of layouts may be in use, on a server without preload and in
# single-user mode; what is only read, or refused, takes no room; and a session that makes and drops generators does
# not grow.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run;
use SnowflakeHostile;
use SnowflakeTest qw($quick);
use Test::More;

my $node = SnowflakeTest->start_new('room', conf => 'log_min_messages = error');
add_people($node, qw(mallory victim));
my $count = $quick ? 200 : 1000;

# Of all units, by fields and epoch.
$node->safe_psql('postgres', q{
	CREATE FUNCTION public.layout_number(n int) RETURNS snowflake_layout LANGUAGE sql AS $$
	  SELECT format('timestamp:%s node:%s worker:%s sequence:%s unit:%sms epoch:%s', 39 + n % 3, 1 + n % 5, 1 + n % 4,
	                8 + n % 4, unit, 1577836800000 + n * unit)::snowflake_layout
	  FROM (SELECT (ARRAY[1, 10, 100, 1000])[1 + n % 4] AS unit) units $$});

# What an error says, or nothing.
sub reported
{
	my ($role, $sql) = @_;
	my (undef, $err) = as($node, $role, $sql);
	return join "\n", $err =~ /ERROR: .*/g;
}

# --- What only reads, and what is refused ---

my $shared = q{
	SELECT string_agg(name || ' ' || size, '; ' ORDER BY name) FROM pg_shmem_allocations WHERE name ~ 'snowflake'};
$node->safe_psql('postgres', 'SELECT snowflake_next()');
my $before = $node->safe_psql('postgres', $shared);
like($before, qr/^snowflake_id \d+$/, "what is shared: $before bytes");
is(reported('mallory', qq{
	SELECT count(snowflake_decode(n, layout_number(n))) FROM generate_series(1, $count) n;
	SELECT * FROM snowflake_layouts; SELECT * FROM snowflake_generators}), '', 'layouts are read');
my @their = map { "victim.private_$_" } 1 .. 40;
as($node, 'victim', join ';',
	map { "SELECT snowflake_create_generator('$their[$_ - 1]', layout_number($_))" } 1 .. @their);
my (undef, $refused) = as($node, 'mallory', join ';', map { "SELECT snowflake_next('$_')" } @their);
is(() = $refused =~ /ERROR:  42501: permission denied for sequence/g, scalar @their,
	'generators of others are refused');

# --- Many layouts at once ---

# One session uses them all, over and over; then each is used by a session of its own that stays.
is(reported('mallory', qq{
	DO \$\$ BEGIN
	  FOR n IN 1 .. $count LOOP PERFORM snowflake_create_generator('mallory.g' || n, layout_number(n)); END LOOP;
	END \$\$;
	DO \$\$ BEGIN
	  FOR round IN 1 .. 2 LOOP
	    FOR n IN 1 .. $count LOOP PERFORM snowflake_next('mallory.g' || n); END LOOP;
	  END LOOP;
	END \$\$}), '', "$count layouts are used by one session");
is($node->safe_psql('postgres', q{
	SELECT count(DISTINCT layout::text) FROM snowflake_generators WHERE generator::text ~ '^mallory'}),
	$count, 'they are different layouts');
my @sessions = map { $node->session } 1 .. 5;
my @names = map { 'mallory.g' . (7 + 3 * $_) } 0 .. $#sessions;
my @made = map { ($node->ask_session($sessions[$_], "SELECT snowflake_next('$names[$_]')"))[0] } 0 .. $#sessions;
is(scalar(grep { /^\d+$/ } @made), 5, 'by other sessions at the same time, too');

# Others feel nothing of it: those who use the standard layout, one that was not used before, or another database.
$node->safe_psql('postgres', 'CREATE DATABASE elsewhere');
$node->safe_psql('elsewhere', 'CREATE EXTENSION snowflake_id');
as($node, 'victim', q{
	SELECT snowflake_create_generator('victim.late', 'discord'), snowflake_create_generator('victim.tens', 'sonyflake2')});
add_victims($node, '' => 'snowflake_id', 'victim.late' => 'discord', 'victim.tens' => 'sonyflake2');
add_victims($node, dbname => 'elsewhere', '' => 'snowflake_id');
watch($node, "$count layouts in use");
is($node->safe_psql('postgres', $shared), $before, 'no more is shared than before');
$_->quit for @sessions;

# --- One session that goes on and on ---

# What PostgreSQL keeps of each sequence that a session has set or asked is its own affair.
sub memory_of
{
	my ($session) = @_;
	return ($node->ask_session($session,
		q{SELECT sum(used_bytes) FROM pg_backend_memory_contexts WHERE name <> 'Sequence values'}))[0];
}

# Each in a transaction of its own. Some are dropped by another name than they were used by, or rolled back.
sub use_and_drop
{
	my ($session, $rounds) = @_;
	my (undef, $err) = $node->ask_session($session, qq{
		DO \$\$ BEGIN
		  FOR n IN 1 .. $rounds LOOP
		    PERFORM snowflake_create_generator('mallory.passing', layout_number(n % 10));
		    PERFORM snowflake_next('mallory.passing');
		    IF n % 10 = 0 THEN ROLLBACK; CONTINUE; END IF;
		    COMMIT;
		    PERFORM snowflake_next('mallory.passing'), snowflake_last('mallory.passing');
		    IF n % 3 = 0 THEN
		      ALTER SEQUENCE mallory.passing RENAME TO passed;
		      DROP SEQUENCE mallory.passed;
		    ELSE
		      DROP SEQUENCE mallory.passing;
		    END IF;
		    COMMIT;
		  END LOOP;
		END \$\$});
	return $err;
}

my $rounds = $quick ? 300 : 1000;
my $session = $node->session;
is(use_and_drop($session, 100), '', 'generators are made, used and dropped in one session');
SKIP: {
	skip 'a session does not tell of its memory', 2 if $node->pg_version < 14;
	my $first = memory_of($session);
	is(use_and_drop($session, $rounds), '', "$rounds more");
	my $grown = memory_of($session) - $first;
	note "$grown bytes more after $rounds generators";
	cmp_ok($grown, '<', 16_000, 'the session has not grown');
}
$session->quit;
unlike($node->log_since, qr/terminated by signal|PANIC/, 'nothing crashed');

# --- Single-user mode ---

# There is no postmaster, and hardly any shared memory to spare.
$node->stop;
my ($out, $err) = ('', '');
my $statements = "DO 'BEGIN FOR n IN 1 .. $count LOOP PERFORM snowflake_next(''mallory.g'' || n); END LOOP; END';\n"
  . "SELECT 'made ' || snowflake_next();\nSELECT 'made ' || snowflake_next('victim.late');\n";
IPC::Run::run([ $node->installed_command('postgres'), '--single', '-D', $node->data_dir, 'postgres' ],
	'<', \$statements, '>', \$out, '2>', \$err, IPC::Run::timeout(60));
unlike($err, qr/ERROR|FATAL|PANIC/, "single-user mode: $count layouts are used");
is(() = $out =~ /"made \d+"/g, 2, 'single-user mode: others can be used, too') or diag "$out$err";
$node->start;
watch($node, 'after single-user mode', ahead => 4.5);
$node->stop;
done_testing();
