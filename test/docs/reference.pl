#!/usr/bin/perl
# docs/reference.md says what the catalog says: asked of a server (the one that PGHOST, PGPORT and PGUSER name) with the
# extensions. Writes TAP. With --write it corrects the page instead, after a change of the SQL scripts:
#
#     test/docs/reference.pl --write
#
# The page is written by hand, but for what stands between a line of these and the next <!-- end -->:
#
#     <!-- functions: snowflake_next, since 1.0 -->     the functions of that name, and who may call them
#     <!-- view: snowflake_stat, since 1.0 -->          its columns
#     <!-- settings, since 1.0 -->                      the settings
#
# Every function and view has its place and an example; every error message and wait event of the sources stands in the
# page.
use strict;
use warnings FATAL => 'all';
use utf8;
use open qw(:std :encoding(UTF-8));

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use Test::More;

my $root = abs_path(dirname(__FILE__) . '/../..');
my $page = "$root/docs/reference.md";
my $database = 'docs_reference_check';
my $write = @ARGV && $ARGV[0] eq '--write';

sub slurp
{
    my ($file) = @_;
    open my $handle, '<', $file or die "$file: $!";
    local $/;
    return <$handle>;
}

# --- the catalog ---

sub ask
{
    my ($sql, $dbname) = @_;
    local $ENV{PGOPTIONS} = '-c client_min_messages=error';
    open my $psql, '-|', 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-F', "\t", '-d', $dbname // $database, '-c', $sql
      or die "psql: $!";
    my @rows = map { chomp; [ split /\t/, s/timestamp with time zone/timestamptz/gr, -1 ] } <$psql>;
    close $psql or die "psql failed: $sql";
    return @rows;
}

sub members_sql
{
    my ($catalog) = @_;
    return qq{(SELECT objid FROM pg_depend JOIN pg_extension ON pg_extension.oid = refobjid
        WHERE refclassid = 'pg_extension'::regclass AND extname IN ('snowflake_id', 'snowflake_registry') AND classid = '$catalog'::regclass)};
}

# What only the server calls, to support a type say, has unnamed arguments.
sub functions
{
    my %functions;
    push @{ $functions{ shift @$_ } }, $_ for ask(q{
        SELECT proname, format('%s(%s)', proname, regexp_replace(replace(regexp_replace(
                 regexp_replace(pg_get_function_arguments(p.oid), '(^|, )IN ', '\1', 'g'), '(^|, )OUT .*', ''), 'snowflake_id'::snowflake_layout::text, 'snowflake_id'),
                 $$(DEFAULT (?:'[^']*'|NULL))::[a-z_ ]+$$, '\1', 'g')),
               concat(CASE WHEN proretset THEN 'set of ' END,
                      coalesce((SELECT '(' || string_agg(quote_ident(proargnames[i]) || ' ' || format_type(proallargtypes[i], NULL), ', ' ORDER BY i) || ')'
                                FROM generate_subscripts(proargmodes, 1) AS i WHERE proargmodes[i] IN ('o', 't')),
                               CASE prokind WHEN 'p' THEN 'a procedure' ELSE format_type(prorettype, NULL) END)),
               obj_description(p.oid, 'pg_proc'),
               CASE provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END
               || CASE proparallel WHEN 's' THEN ', parallel safe' WHEN 'r' THEN ', parallel restricted' ELSE ', parallel unsafe' END,
               CASE WHEN has_function_privilege('somebody', p.oid, 'EXECUTE') THEN 'everybody'
                    WHEN has_function_privilege('pg_monitor', p.oid, 'EXECUTE') THEN 'members of `pg_monitor`'
                    ELSE 'superusers, and whom they grant it' END
        FROM pg_proc AS p WHERE NOT (proargnames IS NULL AND pronargs > 0) AND oid IN } . members_sql('pg_proc') . q{
        ORDER BY proname, pronargs, 2});
    return \%functions;
}

sub views
{
    return map { $_->[0] } ask(q{SELECT relname FROM pg_class WHERE relkind = 'v' AND oid IN } . members_sql('pg_class'));
}

# --- what is generated ---

sub one_of_each { my %seen; return join '; ', grep { !$seen{$_}++ } @_ }

sub about_functions
{
    my ($name, $functions) = @_;
    my @calls = @{ $functions->{$name} // die "there is no function $name\n" };
    return ('| call | result | |', '|---|---|---|', (map { "| `$_->[0]` | `$_->[1]` | $_->[2] |" } @calls), '',
        ucfirst(one_of_each(map { $_->[3] } @calls)) . '. For ' . one_of_each(map { $_->[4] } @calls) . '.');
}

sub about_view
{
    my ($view) = @_;
    my @columns = ask(qq{
        SELECT attname, format_type(atttypid, NULL), col_description(attrelid, attnum)
        FROM pg_attribute WHERE attrelid = '$view'::regclass AND attnum > 0 ORDER BY attnum});
    my ($about) = ask(qq{SELECT obj_description('$view'::regclass),
        CASE WHEN has_table_privilege('somebody', '$view', 'SELECT') THEN 'everybody' ELSE 'members of `pg_monitor`' END});
    return ("\u$about->[0]. For $about->[1].", '', '| column | type | |', '|---|---|---|', map { "| `$_->[0]` | `$_->[1]` | $_->[2] |" } @columns);
}

sub about_settings
{
    return ('| setting | default | | |', '|---|---|---|---|', map { sprintf '| `%s` | %s | %s | %s |', @$_ } ask(q{
        DO $$ BEGIN PERFORM snowflake_span('1 day'); END $$;
        SELECT name, coalesce('`' || nullif(concat_ws(' ', boot_val, unit), '') || '`', 'empty'),
               CASE vartype WHEN 'integer' THEN concat_ws(' ', min_val, 'to', max_val, unit) ELSE vartype END, short_desc
        FROM pg_settings WHERE name LIKE 'snowflake\_id.%' ORDER BY name}));
}

my $functions;

sub generated
{
    my ($kind, $name) = @_;
    my @lines = $kind eq 'settings' ? about_settings() : $kind eq 'view' ? about_view($name) : about_functions($name, $functions);
    return join "\n", '', @lines, '', '';
}

# --- the sources ---

# What the server may say as an error, with … where it fills something in. Messages that are filled in whole are none.
sub messages
{
    my %messages;
    for my $source (map { slurp($_) =~ s/"\s+"//gr } glob "$root/src/pg/*.cpp")
    {
        $messages{ $_ =~ s/\\"/"/gr =~ s/%[-+.0-9]*l*[a-z]/…/gr } = 1
          for $source =~ /\berrcode\(\w+\),\s*errmsg\("((?:[^"\\]|\\.)*)"/g;
    }
    $messages{ s/%/…/gr } = 1 for slurp("$root/snowflake_registry--1.0.sql") =~ /\bRAISE EXCEPTION '([^']*)'/g;
    return grep { $_ ne '…' } sort keys %messages;
}

sub wait_events
{
    return sort map { slurp($_) =~ /\bwait_event\("(\w+)"\)/g } glob "$root/src/pg/*.[ch]pp";
}

# --- the page ---

ask('CREATE ROLE somebody', 'postgres') unless ask(q{SELECT 1 FROM pg_roles WHERE rolname = 'somebody'}, 'postgres');
ask("DROP DATABASE IF EXISTS $database", 'postgres');
ask("CREATE DATABASE $database", 'postgres');
ask($_) for 'CREATE EXTENSION snowflake_id', 'CREATE EXTENSION snowflake_registry';
$functions = functions();

my $text = slurp($page);

sub update
{
    my ($marker, $kind, $name, $was) = @_;
    my $is = generated($kind, $name);
    is($was, $is, "the page about $kind " . ($name // '')) unless $write;
    return "$marker$is<!-- end -->";
}

my $marker = qr/^<!-- (functions|view|settings)(?:: (\w+))?, since [\d.]+ -->\n/m;
$text =~ s/($marker)(.*?)<!-- end -->/update($1, $2, $3, $4)/gmse;

if ($write)
{
    open my $handle, '>', $page or die "$page: $!";
    print $handle $text;
    close $handle or die "$page: $!";
    exit;
}

my %section; # what is written below a heading, by the functions and views that it is about
for my $section (split /^(?=#)/m, $text)
{
    $section{$1} = $section while $section =~ /^<!-- (?:functions|view): (\w+)/mg;
}

# Of the registry's functions those that the page names: the others are its own.
my %wanted = map { $_ => 1 } views(), grep { !/registry/ || defined $section{$_} } keys %$functions;
for my $name (sort keys %wanted)
{
    ok(defined $section{$name}, "$name has its place");
    like($section{$name} // '', qr/^```sql\n[^`]*\b$name\b/m, "$name has an example");
}
my $errors = $text =~ s/.*^## Errors\n//mrs;
like($text, qr/^\|.*`$_`/m, "the wait event $_ has its line") for wait_events();
ok(index($errors, $_) >= 0, "the error \"$_\" is described") for messages();
done_testing();
