#!/usr/bin/perl
# Runs the examples of README.md, SECURITY.md and docs/ against a server (the one that PGHOST, PGPORT and PGUSER name),
# so that none of them is wrong, and looks whether what they link to is there. Writes TAP: prove test/docs/examples.pl
#
# The convention, for those who write examples:
#
#   - Every ```sql block is run, by one psql for each file, from top to bottom, in a database of its own. An error
#     that the block does not announce fails the test.
#   - A ```text block right after it (only blank lines between) is what psql prints, errors included. What was made
#     during the run - IDs and times that are not older than it - may differ from what the page shows; so may the
#     widths of columns. All else must be as it is there: a number, the ID that is decoded, the plan of a query.
#   - A block that cannot be run has a comment above it that says why, and counts as skipped:
#         <!-- not run: needs a second server -->
#   - So does a block that needs a version of an extension, where the server does not have that one:
#         <!-- needs pg_partman 5 -->
#   - One that another test reads from the page and runs names it, and is left to it:
#         <!-- run by test/tap/540_pg_cron.pl -->
use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp ();
use POSIX qw(strftime);
use Test::More;

my $root = abs_path(dirname(__FILE__) . '/../..');
my @psql = qw(psql -X --no-psqlrc --pset=pager=off);
my $epoch_ms = 1735689600000;

# What is older than this was not made during the run.
my $start_ms = 1000 * time;
my $first_id = ($start_ms - $epoch_ms) << 22;
my $first_time = strftime('%Y-%m-%dT%H:%M:%S', gmtime($start_ms / 1000));
my $first_bits = sprintf '%041b', $start_ms - $epoch_ms;

# --- reading a page ---

# The blocks of a page: { line, sql, expected (undef: none), not_run (the reason) }.
sub blocks_of
{
    my ($page) = @_;
    my (@blocks, $open, $reason, $after_sql);
    my $line = 0;
    for (split /^/, slurp($page))
    {
        $line++;
        if ($open)
        {
            if (/^\s*```\s*$/) { $after_sql = $open->{language} eq 'sql'; undef $open }
            else { ${ $open->{into} } .= $_ }
        }
        elsif (/^\s*```(\w*)/)
        {
            $open = { language => $1, into => \my $ignored };
            if ($1 eq 'sql')
            {
                push @blocks, { line => $line, sql => '', not_run => $reason };
                $open->{into} = \$blocks[-1]{sql};
            }
            elsif ($1 eq 'text' && $after_sql)
            {
                $blocks[-1]{expected} = '';
                $open->{into} = \$blocks[-1]{expected};
            }
            ($reason, $after_sql) = (undef, 0);
        }
        elsif (/^<!-- not run: (.+?) -->/) { ($reason, $after_sql) = ($1, 0) }
        elsif (/^<!-- (needs (\w+) ?([\d.]*)) -->/) { ($reason, $after_sql) = (has_extension($2, $3) ? undef : $1, 0) }
        elsif (/^<!-- run by (\S+) -->/) { ($reason, $after_sql) = (is_run_by($1, $page) ? "$1 runs it" : undef, 0) }
        elsif (/\S/) { ($reason, $after_sql) = (undef, 0) }
    }
    return @blocks;
}

sub has_extension
{
    my ($name, $version) = @_;
    my $pattern = $version ? "$version.%" : '%';
    my $found = `@psql -At -d postgres -c "SELECT count(*) FROM pg_available_extension_versions WHERE name = '$name' AND version || '.' LIKE '$pattern'"`;
    die 'cannot ask for extensions' if $?;
    return $found > 0;
}

# A test that is not there, or says nothing of the page, runs none of it.
sub is_run_by
{
    my ($test, $page) = @_;
    my $name = $page =~ s{^\Q$root\E/}{}r;
    return -e "$root/$test" && index(slurp("$root/$test"), $name) >= 0;
}

sub slurp
{
    my ($file) = @_;
    open my $handle, '<', $file or die "$file: $!";
    local $/;
    return <$handle>;
}

# --- running it ---

# Runs the blocks in one session and gives each what psql said, as {said}.
sub run_blocks
{
    my ($database, @blocks) = @_;
    my $script = File::Temp->new;
    print $script "SET client_min_messages = warning; SET TimeZone = 'UTC';\n\\o\n";
    print $script "\\echo [begin $_->{line}]\n$_->{sql}\n;\n\\echo [end $_->{line}]\n" for @blocks;
    close $script;
    my $said = `@psql -d $database <$script 2>&1`;
    for my $block (@blocks)
    {
        ($block->{said}) = $said =~ /^\[begin $block->{line}\]\n(.*?)^\[end $block->{line}\]$/ms;
    }
    return;
}

# --- comparing ---

# The words of an output, a timestamp as one. Columns are as wide as their widest value, so neither blanks nor rules
# count.
sub words_of
{
    my ($text) = @_;
    my @lines = grep { !/^[-+\s]*$/ } split /\n/, $text =~ s/(\d{4}-\d\d-\d\d) (\d\d:)/$1T$2/gr;
    return map { s/\s*\+$//r =~ /\S+/g } @lines;
}

sub is_of_this_run
{
    my ($word) = @_;
    return $1 ge $first_time if $word =~ /^'?(\d{4}-\d\d-\d\dT\S+)/;
    return $word ge $first_bits if $word =~ /^[01]{41}$/;           # in a picture
    return $1 >= $first_id >> 22 if $word =~ /^(\d{11,13})$/;      # its milliseconds
    return $1 >= $first_id if $word =~ /^[{(]?(\d{18,19})\b/;      # an ID, also in an array or a row
    return 0;
}

# What a word looks like, whatever it says.
sub shape_of
{
    my ($word) = @_;
    return $word =~ s/(:\d\d)\.\d+/$1/gr =~ s/\d+/0/gr;
}

sub is_same
{
    my ($said, $expected) = @_;
    return $said eq $expected || is_of_this_run($said) && shape_of($said) eq shape_of($expected);
}

sub agrees
{
    my ($said, $expected) = @_;
    my @said = words_of($said);
    my @expected = words_of($expected);
    return 0 if @said != @expected;
    return !grep { !is_same($said[$_], $expected[$_]) } 0 .. $#said;
}

# --- a test for each block ---

sub test_block
{
    my ($name, $block) = @_;
    my $said = $block->{said};
    my $ok =
        !defined $said ? 0
      : defined $block->{expected} ? agrees($said, $block->{expected})
      : $said !~ /^(ERROR|FATAL|psql:|\\\w+: )/m;
    ok($ok, $name)
      or diag("ran:\n$block->{sql}", 'said:', "\n", $said // 'nothing: psql ended',
        defined $block->{expected} ? "expected:\n$block->{expected}" : ());
    return;
}

sub test_page
{
    my ($page) = @_;
    my @blocks = blocks_of($page);
    my @to_run = grep { !$_->{not_run} } @blocks;
    my $name = $page =~ s{^\Q$root\E/}{}r;
    my $database = 'docs_' . lc($name) =~ s/\W+/_/gr;
    system("@psql -q -d postgres -c 'SET client_min_messages = error' -c 'DROP DATABASE IF EXISTS $database' -c 'CREATE DATABASE $database' 2>&1") == 0
      or die "cannot make the database $database";
    run_blocks($database, @to_run);
    for my $block (@blocks)
    {
      SKIP:
        {
            skip("$name:$block->{line}: $block->{not_run}", 1) if $block->{not_run};
            test_block("$name:$block->{line}", $block);
        }
    }
    return;
}

# Links within the project; those to elsewhere nobody can vouch for.
sub test_links
{
    my ($page) = @_;
    my @targets = grep { !/^(\w+:|$)/ } map { s/#.*//r } slurp($page) =~ /\]\(([^)\s]+)\)/g;
    my @missing = grep { !-e dirname($page) . "/$_" } @targets;
    is("@missing", '', ($page =~ s{^\Q$root\E/}{}r) . ': what it links to is there');
    return;
}

my @of_project = glob "$root/*.md $root/docs/*.md $root/docs/*/*.md";
my @pages = @ARGV ? map { abs_path($_) } @ARGV : @of_project;
test_page($_), test_links($_) for @pages;
done_testing();
