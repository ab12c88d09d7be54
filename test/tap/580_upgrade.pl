# ALTER EXTENSION … UPDATE leads to what CREATE EXTENSION makes: every object, with its definition, privileges and comment,
# as pg_dump describes them. For all versions that there are; and for versions 1.1 of the test's own, one of them right,
# the others with something forgotten, which must be noticed.
use strict;
use warnings FATAL => 'all';

use File::Basename qw(dirname);
use File::Find qw(find);
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils qw(append_to_file slurp_file);
use SnowflakeTest;
use Test::More;

my $stage = $ENV{SNOWFLAKE_STAGE};
plan skip_all => 'there is no staged extension to copy' if !$stage;

# --- a copy of the staged extension, to which versions can be added ---

my $copy = PostgreSQL::Test::Utils::tempdir();
system('cp', '-r', "$stage/.", $copy) == 0 or die "cannot copy $stage";
my ($control, $module);
find(sub {
	$control = $File::Find::name if $_ eq 'snowflake_id.control';
	$module = $File::Find::name if $_ eq 'snowflake_id.so';
}, $copy);
my $scripts = dirname($control);
my $destination = SnowflakeTest->new('unused')->pg_version >= 18
  ? "extension_control_path = '" . dirname($scripts) . ":\$system'\ndynamic_library_path = '" . dirname($module) . ":\$libdir'"
  : "extension_destdir = '$copy'";

sub write_script
{
	my ($name, @text) = @_;
	unlink "$scripts/$name";
	append_to_file("$scripts/$name", join "\n", @text);
}

# --- what is in a database of an extension ---

my $node = SnowflakeTest->start_new('main', conf => $destination);
my $databases = 0;

sub database_with
{
	my (@statements) = @_;
	my $database = 'upgrade' . ++$databases;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, $_) for @statements;
	return $database;
}

# Entries of a dump, sorted, for they come in the order of OIDs. Members of extensions are dumped for pg_upgrade only.
sub entries_of
{
	my ($database) = @_;
	my $file = "$copy/dump";
	system('pg_dump', '--binary-upgrade', '--schema-only', '-h', $node->host, '-p', $node->port, '-f', $file, $database) == 0
	  or die "cannot dump $database";
	my $dump = slurp_file($file);
	$dump =~ s/\Q$database\E/the_database/g;
	$dump =~ s/^SELECT pg_catalog\.binary_upgrade_set_next_\w+\(.*\n//mg; # OIDs
	$dump =~ s/(?<=\bbinary_upgrade_create_empty_extension\()(.*)/$1 =~ s{\d{4,}}{an OID}gr/e;
	$dump =~ s/^SET relfrozenxid = .*\nWHERE oid = .*\n//mg;
	$dump =~ s/^-- For binary upgrade, must preserve .*\n//mg;
	$dump =~ s/^\\(?:un)?restrict .*\n//mg;                                # a random word
	$dump =~ s/\n{2,}/\n\n/g;
	return sort grep { !/^-- Name: .*; Type: SEQUENCE SET;/ } split /^--\n(?=-- Name: )/m, $dump; # the horizon
}

# Test: both databases have the same objects.
sub same
{
	my ($upgraded, $fresh, $what) = @_;
	is_deeply([ entries_of($upgraded) ], [ entries_of($fresh) ], $what);
}

sub differences
{
	my ($upgraded, $fresh) = map { { map { $_ => 1 } entries_of($_) } } @_;
	return grep { !$upgraded->{$_} || !$fresh->{$_} } sort keys %{ { %$upgraded, %$fresh } };
}

# --- versions that there are ---

for my $extension (qw(snowflake_id snowflake_registry))
{
	my $fresh = database_with("CREATE EXTENSION $extension");
	cmp_ok(scalar(grep { /$extension/ } entries_of($fresh)), '>', 10, "the dump of $extension has its objects");
	my %versions = map { $_ => 1 } grep { defined } map { /--(.+?)(?:--(.+))?\.sql$/ } glob "$scripts/$extension--*.sql";
	for my $version (sort keys %versions)
	{
		my $upgraded = database_with("CREATE EXTENSION $extension VERSION '$version'", "ALTER EXTENSION $extension UPDATE");
		same($upgraded, $fresh, "$extension $version becomes what is installed today");
	}
}

# --- versions of our own ---

my $released = slurp_file("$scripts/snowflake_id--1.0.sql");
my $function = q{CREATE FUNCTION snowflake_dummy(id bigint) RETURNS bigint AS 'SELECT id' LANGUAGE sql IMMUTABLE STRICT;};
my $revoke = 'REVOKE EXECUTE ON FUNCTION snowflake_dummy(bigint) FROM PUBLIC;';
my $comment = q{COMMENT ON FUNCTION snowflake_dummy(bigint) IS 'for a test';};
my $view = 'CREATE VIEW snowflake_dummies AS SELECT 1 AS one;';
write_script('snowflake_id--1.1.sql', $released, $function, $revoke, $comment, $view);

my $make = 'SELECT snowflake_next()';
for my $case (
	[ undef, $function, $revoke, $comment, $view ],
	[ 'nothing' ],
	[ 'a comment', $function, $revoke, $view ],
	[ 'privileges', $function, $comment, $view ],
	[ 'a property', $function =~ s/ STRICT//r, $revoke, $comment, $view ],
	[ 'a view', $function, $revoke, $comment ],
	[ 'an object is the extension\'s', $function, $revoke, $comment, $view, 'ALTER EXTENSION snowflake_id DROP VIEW snowflake_dummies;' ],
	[ 'what was before', $function, $revoke, $comment, $view, 'ALTER FUNCTION snowflake_next() COST 2;' ])
{
	my ($forgotten, @script) = @$case;
	write_script('snowflake_id--1.0--1.1.sql', @script);
	my $fresh = database_with(q{CREATE EXTENSION snowflake_id VERSION '1.1'});
	my $upgraded = database_with(q{CREATE EXTENSION snowflake_id VERSION '1.0'});
	if ($forgotten)
	{
		$node->safe_psql($upgraded, q{ALTER EXTENSION snowflake_id UPDATE TO '1.1'});
		my @differences = differences($upgraded, $fresh);
		cmp_ok(scalar @differences, '>', 0, "noticed: $forgotten");
		next;
	}
	my $ids = $node->safe_psql($upgraded, "$make; ALTER EXTENSION snowflake_id UPDATE TO '1.1'; $make; SELECT snowflake_dummy(1)");
	my ($before, $after, $dummy) = split /\n/, $ids;
	cmp_ok($before, '<', $after, 'a session goes on over an update');
	is($dummy, 1, 'and has what is new');
	same($upgraded, $fresh, '1.0 becomes a 1.1 that is right');
}

done_testing();
