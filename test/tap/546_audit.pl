# pgaudit with the very statements of docs/tenants.md: what a tenant writes is in the log, and who reads its table.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils qw(slurp_file);
use SnowflakeHostile;
use SnowflakeTest;
use Test::More;

chomp(my $libraries = `pg_config --pkglibdir`);
plan(skip_all => 'no pgaudit here') unless -e "$libraries/pgaudit.so";

my $page = slurp_file("$FindBin::RealBin/../../docs/tenants.md");
my ($statements) = $page =~ m{run by test/tap/546_audit.pl -->\n```sql\n(.*?)```}s;

my $node = SnowflakeTest->start_new('audit', conf => "fsync = off\nshared_preload_libraries = 'pgaudit'");
add_people($node, qw(blue green));
my (undef, $err) = as($node, 'blue', q{
	SELECT snowflake_create_generator('blue.orders_id', rate_limit => 1000);
	CREATE TABLE blue.orders (id bigint DEFAULT snowflake_next('blue.orders_id') PRIMARY KEY, item text)});
is($err, '', 'a tenant');
(undef, $err) = $node->ask($statements);
is($err, '', 'the statements of the page');
sub audit_of { my ($do) = @_; my $begin = -s $node->logfile; $do->(); return $node->log_since($begin) =~ s/^(?!.*AUDIT).*\n//mgr }

my $writes = 'INSERT INTO blue.orders (item) VALUES (\'skis\') RETURNING id';
my ($id, $log);
$log = audit_of(sub { ($id) = as($node, 'blue', $writes) });
like($log, qr/AUDIT: SESSION,\d+,\d+,WRITE,INSERT,.*VALUES \('skis'\)/, 'what the tenant writes is logged');
unlike($log, qr/\Q$id\E/, '... not the ID that the default has made');
like(audit_of(sub { as($node, 'blue', 'CREATE TABLE blue.more (); GRANT USAGE ON SEQUENCE blue.orders_id TO green') }),
	qr/DDL,CREATE TABLE.*ROLE,GRANT/s, 'and its DDL and GRANTs');
like(audit_of(sub { $node->safe_psql('postgres', 'SELECT count(*) FROM blue.orders') }),
	qr/AUDIT: OBJECT,\d+,\d+,READ,SELECT,TABLE,blue\.orders/, 'who reads its table is logged, a superuser too');
is(audit_of(sub { as($node, 'green', 'SELECT snowflake_next(), snowflake_next(\'blue.orders_id\')') }), '',
	'what others do elsewhere is not');
$node->stop;
done_testing();
