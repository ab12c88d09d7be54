# pg_cron calls snowflake_create_partitions() and snowflake_drop_partitions() with the very statements of
# docs/partitions.md, but every minute; for a superuser, on a table of somebody else. What is run as whom when partitions
# are created is tested in sql/partitions.sql.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils qw(slurp_file);
use SnowflakeHostile;
use SnowflakeTest;
use Test::More;

chomp(my $libraries = `pg_config --pkglibdir`);
plan(skip_all => 'no pg_cron here') unless -e "$libraries/pg_cron.so";

my $page = slurp_file("$FindBin::RealBin/../../docs/partitions.md");
my ($statements) = $page =~ m{run by test/tap/540_pg_cron.pl -->\n```sql\n(.*?)```}s;
$statements =~ s/'[12]7 \* /'* * /g;

my $node = SnowflakeTest->start_new('cron',
	conf => "fsync = off\nshared_preload_libraries = 'pg_cron'\ncron.database_name = 'postgres'\n"
	  . "cron.use_background_workers = on\nmax_worker_processes = 20");
$node->safe_psql('postgres', 'CREATE EXTENSION pg_cron; ALTER DATABASE postgres SET search_path = mallory, public');
add_people($node, 'mallory');
my (undef, $err) = as($node, 'mallory', q{
	CREATE TABLE events (id bigint DEFAULT snowflake_next() PRIMARY KEY, what text) PARTITION BY RANGE (id);
	SELECT snowflake_create_partitions('events', '1 day', '0 days');
	SELECT format('CREATE TABLE old PARTITION OF events FOR VALUES FROM (%s) TO (%s)',
	  snowflake_from_timestamp(now() - interval '100 days'), snowflake_from_timestamp(now() - interval '99 days')) \gexec});
is($err, '', 'a table of somebody else');

sub runs
{
	my ($job) = @_;
	ok($node->poll_query_until('postgres', "SELECT count(*) > 0 FROM cron.job_run_details WHERE jobid = $job AND status = 'succeeded'"),
		"job $job runs")
	  or diag $node->safe_psql('postgres', 'SELECT * FROM cron.job_run_details');
}

is($node->safe_psql('postgres', 'SELECT count(*) FROM snowflake_partitions'), 2, 'before: a partition for today, an old one');
is($node->safe_psql('postgres', $statements), "1\n2", 'two jobs are scheduled');
runs($_) for 1, 2;
is($node->safe_psql('postgres', q{SELECT count(*) >= 8, max(to_time) >= now() + interval '7 days' FROM snowflake_partitions}), 't|t',
	'then: a week ahead');
is($node->safe_psql('postgres', q{SELECT to_regclass('mallory.old') IS NULL}), 't', '... the old one is gone');
is($node->safe_psql('postgres', q{SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class
	WHERE relkind IN ('r', 'p') AND relname LIKE 'events%'}), 'mallory', 'what was created belongs to the owner of the table');

$node->stop;
done_testing();
