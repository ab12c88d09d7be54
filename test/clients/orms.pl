#!/usr/bin/perl
# Runs docs/orms.md with the tools that it names, against the server of PGHOST, PGPORT and PGUSER, so that no line there
# is wrong. Writes TAP:
#
#     test/clients/orms.pl PAGE DIRECTORY [SECTION…]
#
# DIRECTORY is where the tools are: node_modules, say. Without sections all are run. The server has preloaded
# pg_stat_statements.
#
# The convention, for those who write examples. A section (## …) is tried in an empty directory and in a database of its
# own, which the ```sql blocks of the section "The schema to install into" have prepared.
#
#   - A block that begins with a comment and a file's name, "// app.mjs" or "# app.py", is that file. The same name
#     again goes on with it. All files of all sections are there before the first is run.
#   - A ```sh block is run, and must end with status 0. A ```text block right after it is what it prints, the errors
#     among it; "…" stands for anything.
#   - Other blocks are for the reader; those of ```sql are run by test/docs/examples.pl.
use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use File::Path qw(make_path remove_tree);
use IO::Socket::INET;
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

sub anchor_of { my ($section) = @_; return lc $section->{name} =~ s/[^\w -]//gr =~ s/ /-/gr }

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

# JDBC knows no unix sockets.
sub start_relay
{
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die "no port: $!";
    my $port = $listener->sockport;
    close $listener;
    my $process = fork // die "fork: $!";
    return ($process, $port) if $process;
    exec 'socat', "TCP-LISTEN:$port,bind=127.0.0.1,fork,reuseaddr", "UNIX-CONNECT:$ENV{PGHOST}/.s.PGSQL.$ENV{PGPORT}";
}

sub jars
{
    my @names = qw(postgresql hibernate3 geronimo-jpa_2.0_spec geronimo-jta-1.2-spec dom4j slf4j-api slf4j-nop javassist
      commons-collections3 antlr hibernate-commons-annotations);
    return join ':', '.', map { "/usr/share/java/$_.jar" } @names;
}

sub prepare_database
{
    my ($database, $preparation) = @_;
    psql('postgres', "SET client_min_messages = warning;\nDROP DATABASE IF EXISTS $database;");
    psql('postgres', "CREATE DATABASE $database");
    psql($database, $preparation);
    return;
}

sub directory_of { my ($section) = @_; return "$directory/sections/" . name_of($section) }

sub prepare_directory
{
    my ($section) = @_;
    my $work = directory_of($section);
    remove_tree($work);
    make_path($work);
    for my $tool (qw(node_modules package.json tsconfig.json))
    {
        symlink "$directory/$tool", "$work/$tool" if -e "$directory/$tool";
    }
    for my $block (@{ $section->{blocks} })
    {
        my $file = file_of($block);
        write_file("$work/$file", $block->{code}) if defined $file;
    }
    return;
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
    my ($status, $output) = run_commands($block->{code});
    my $right = defined $block->{expected} ? $output =~ pattern_of($block->{expected}) : 1;
    ok($status == 0 && $right, "docs/orms.md:$block->{line}") or diag("status $status\n$output");
    return;
}

# The table on top of the page says of each section how many statements insert 3000 rows. Statements of one row, which
# are there for other reasons, are few.
sub claims_of
{
    my ($text) = @_;
    return $text =~ /^\| \[[^\]]+\]\(#([\w-]+)\) .*\| (\d+) \|$/mg;
}

sub inserts_as_claimed
{
    my ($database, $claim) = @_;
    my $counted = `psql -XAtd postgres -c "
        SELECT coalesce(sum(calls) FILTER (WHERE rows > calls), 0), coalesce(sum(rows) FILTER (WHERE rows > calls), 0),
               coalesce(sum(calls) FILTER (WHERE rows <= calls), 0)
        FROM pg_stat_statements
        WHERE query ~* '^ *insert into [^ ]*(posts|notes)'
          AND dbid = (SELECT oid FROM pg_database WHERE datname = '$database')"`;
    chomp $counted;
    my ($bulk, $rows, $single) = split /\|/, $counted;
    ok($rows >= 3000 && $bulk <= $claim && $single <= 10, "3000 rows in $claim statements")
      or diag("$bulk statements for $rows rows, and $single for one");
    return;
}

sub run_section
{
    my ($section, $preparation, $claim, $relay_port) = @_;
    my $database = name_of($section);
    prepare_database($database, $preparation);
    chdir directory_of($section) or die "$database: $!";
    # What prisma fetches for its migrations is no package of npm; nothing here is to wait for it.
    local %ENV = (
        %ENV,
        PGDATABASE => $database,
        CLASSPATH => jars(),
        JDBC_URL => "jdbc:postgresql://127.0.0.1:$relay_port/$database?user=$ENV{PGUSER}&reWriteBatchedInserts=true",
        PRISMA_SCHEMA_ENGINE_BINARY => '/bin/false',
        PATH => "$directory/node_modules/.bin:$ENV{PATH}",
        DATABASE_URL => "postgresql://$ENV{PGUSER}\@localhost:$ENV{PGPORT}/$database?host=$ENV{PGHOST}");
    run_block($_) for grep { $_->{language} eq 'sh' } @{ $section->{blocks} };
    inserts_as_claimed($database, $claim) if $claim;
    return;
}

my $text = slurp($page);
my %claims = claims_of($text);
my @sections = sections_of($text);
my ($schema) = grep { $_->{name} eq 'The schema to install into' } @sections;
my $preparation = join "\n", map { $_->{code} } grep { $_->{language} eq 'sql' } @{ $schema->{blocks} };
psql('postgres', 'SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
my ($relay, $relay_port) = start_relay();
@sections = grep { is_run($_) } @sections;
prepare_directory($_) for @sections;
for my $section (@sections)
{
    next if @chosen && !grep { $_ eq name_of($section) } @chosen;
    my $claim = $claims{ anchor_of($section) };
    subtest $section->{name} => sub { run_section($section, $preparation, $claim, $relay_port); done_testing() };
}
kill 'TERM', $relay;
waitpid $relay, 0;
done_testing();
