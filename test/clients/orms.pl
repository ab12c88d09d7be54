#!/usr/bin/perl
# Runs docs/orms.md with the tools that it names, against the server of PGHOST, PGPORT and PGUSER, so that no line there
# is wrong. Writes TAP:
#
#     test/clients/orms.pl PAGE DIRECTORY [SECTION…]
#
# DIRECTORY is where the tools are: node_modules, say. Without sections all are run.
#
# The convention, for those who write examples. A section (## …) is tried in an empty directory and in a database of its
# own, which the ```sql blocks of the section "The schema to install into" have prepared.
#
#   - A block that begins with a comment and a file's name, "// app.mjs" or "# app.py", is that file. The same name
#     again goes on with it.
#   - A ```sh block is run, and must end with status 0. A ```text block right after it is what it prints, the errors
#     among it; "…" stands for anything.
#   - Other blocks are for the reader; that of ```sql are run by test/docs/examples.pl.
use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use File::Path qw(make_path remove_tree);
use Test::More;

my ($page, $directory, @chosen) = @ARGV;
die "usage: orms.pl PAGE DIRECTORY [SECTION…]\n" unless defined $directory;
($page, $directory) = map { abs_path($_) } $page, $directory;

sub slurp
{
    my ($file) = @_;
    open my $handle, '<', $file or die "$file: $!";
    local $/;
    return <$handle>;
}

# The sections of the page: { name, blocks => [{ language, code, line, expected }] }.
sub sections_of
{
    my ($text) = @_;
    my (@sections, $block);
    my $line = 0;
    for (split /^/, $text)
    {
        $line++;
        if ($block)
        {
            if (/^```\s*$/) { undef $block }
            else { $block->{code} .= $_ }
        }
        elsif (/^## (.+)$/) { push @sections, { name => $1, blocks => [] } }
        elsif (/^```(\w+)/)
        {
            $block = { language => $1, code => '', line => $line };
            push @{ $sections[-1]{blocks} }, $block;
        }
    }
    return map { with_expectations($_) } @sections;
}

# A ```text block belongs to the ```sh block before it.
sub with_expectations
{
    my ($section) = @_;
    my @kept;
    for my $block (@{ $section->{blocks} })
    {
        if ($block->{language} ne 'text') { push @kept, $block }
        elsif (@kept && $kept[-1]{language} eq 'sh') { $kept[-1]{expected} = $block->{code} }
    }
    return { %$section, blocks => \@kept };
}

sub file_of
{
    my ($block) = @_;
    return $block->{code} =~ m{\A(?://|\#|--) ([\w./-]+\.\w+)\n} ? $1 : undef;
}

sub is_run { my ($section) = @_; return scalar grep { $_->{language} eq 'sh' } @{ $section->{blocks} } }

sub name_of { my ($section) = @_; return lc $section->{name} =~ s/\W+/_/gr }

# --- a section's surroundings ---

sub psql
{
    my ($database, $sql) = @_;
    open my $psql, '|-', 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-d', $database or die "psql: $!";
    print $psql $sql;
    close $psql or die "psql failed on $database";
    return;
}

sub prepare_database
{
    my ($database, $preparation) = @_;
    psql('postgres', "SET client_min_messages = warning; DROP DATABASE IF EXISTS $database;\nCREATE DATABASE $database;");
    psql($database, $preparation);
    return;
}

sub prepare_directory
{
    my ($name) = @_;
    my $work = "$directory/sections/$name";
    remove_tree($work);
    make_path($work);
    for my $tool (qw(node_modules package.json tsconfig.json))
    {
        symlink "$directory/$tool", "$work/$tool" if -e "$directory/$tool";
    }
    return $work;
}

# --- running it ---

sub write_file
{
    my ($file, $code) = @_;
    my $path = $file =~ s{/?[^/]+$}{}r;
    make_path($path) if $path ne '';
    open my $handle, '>>', $file or die "$file: $!";
    print $handle $code;
    close $handle;
    return;
}

sub run_commands
{
    my ($code) = @_;
    write_file('.commands', '');
    open my $handle, '>', '.commands' or die ".commands: $!";
    print $handle "set -eu\n$code";
    close $handle;
    my $output = `timeout 120 bash .commands </dev/null 2>&1`;
    return ($?, $output);
}

sub pattern_of
{
    my ($expected) = @_;
    my $pattern = join '.*?', map { quotemeta } split /…/, $expected =~ s/\s+\z//r, -1;
    return qr/\A$pattern\s*\z/s;
}

sub run_block
{
    my ($block) = @_;
    if (my $file = file_of($block)) { return write_file($file, $block->{code}) }
    return if $block->{language} ne 'sh';
    my ($status, $output) = run_commands($block->{code});
    my $right = defined $block->{expected} ? $output =~ pattern_of($block->{expected}) : 1;
    ok($status == 0 && $right, "docs/orms.md:$block->{line}") or diag("status $status\n$output");
    return;
}

sub run_section
{
    my ($section, $preparation) = @_;
    my $database = name_of($section);
    prepare_database($database, $preparation);
    my $work = prepare_directory($database);
    chdir $work or die "$work: $!";
    # What prisma fetches for its migrations is no package of npm; nothing here is to wait for it.
    local %ENV = (
        %ENV,
        PGDATABASE => $database,
        PRISMA_SCHEMA_ENGINE_BINARY => '/bin/false',
        PATH => "$directory/node_modules/.bin:$ENV{PATH}",
        DATABASE_URL => "postgresql://$ENV{PGUSER}\@localhost:$ENV{PGPORT}/$database?host=$ENV{PGHOST}");
    run_block($_) for @{ $section->{blocks} };
    return;
}

my @sections = sections_of(slurp($page));
my ($schema) = grep { $_->{name} eq 'The schema to install into' } @sections;
my $preparation = join "\n", map { $_->{code} } grep { $_->{language} eq 'sql' } @{ $schema->{blocks} };
for my $section (grep { is_run($_) } @sections)
{
    next if @chosen && !grep { $_ eq name_of($section) } @chosen;
    subtest $section->{name} => sub { run_section($section, $preparation); done_testing() };
}
done_testing();
