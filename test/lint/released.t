#!/usr/bin/perl
# A script that was released never changes: databases were made by it. A change is a script more, --1.0--1.1.sql; that it
# leads to the same is test/tap/580_upgrade.pl's. Releases are the tags v1.0.0, … Writes TAP.
use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use Test::More;

sub slurp
{
    my ($file) = @_;
    open my $handle, '<:raw', $file or return undef;
    local $/;
    return <$handle>;
}

# Scripts of releases that are another, or none, in a directory today.
sub changed_in
{
    my ($directory) = @_;
    my @changed;
    my $git = "git -c safe.directory='*' -C $directory";
    return () if !-e "$directory/.git"; # a distribution
    chomp(my @tags = `$git tag --list 'v[0-9]*'`);
    die "cannot ask git for the releases\n" if $?;
    for my $tag (@tags)
    {
        chomp(my @scripts = grep { /--.*\.sql$/ } `$git ls-tree --name-only $tag`);
        for my $script (@scripts)
        {
            my $released = `$git show $tag:$script`;
            push @changed, "$script of $tag" if $released ne (slurp("$directory/$script") // '');
        }
    }
    return @changed;
}

my $root = abs_path(dirname(abs_path(__FILE__)) . '/../..');
is_deeply([changed_in($root)], [], 'no script of a release has changed');

my $tree = tempdir(CLEANUP => 1);
sub run { system("cd $tree && exec >/dev/null 2>&1; $_[0]") == 0 or die "failed: $_[0]" }
my $commit = 'git add -A && git -c user.name=test -c user.email=test@localhost -c commit.gpgsign=false commit -m test';

run("git init . && echo 'SELECT 1;' >x--1.0.sql && echo 'SELECT 2;' >y--1.0.sql && $commit");
run("echo 'SELECT 3;' >x--1.0.sql");
is_deeply([changed_in($tree)], [], 'before the first release scripts change');
run("$commit && git -c tag.gpgsign=false tag v1.0.0 && echo 'SELECT 4;' >x--1.0--1.1.sql && $commit");
is_deeply([changed_in($tree)], [], 'afterwards scripts come');
run("git -c tag.gpgsign=false tag v1.1.0 && echo >>x--1.0.sql");
is_deeply([changed_in($tree)], ['x--1.0.sql of v1.0.0', 'x--1.0.sql of v1.1.0'], 'noticed: a released script changes');
run('git checkout x--1.0.sql && git mv y--1.0.sql z--1.0.sql');
is_deeply([changed_in($tree)], ['y--1.0.sql of v1.0.0', 'y--1.0.sql of v1.1.0'], 'noticed: a released script goes');

done_testing();
