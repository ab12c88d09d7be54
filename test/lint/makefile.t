#!/usr/bin/perl
# The Makefile builds in other directories than its own, never builds a library of nothing, and hands COPT to the C++
# compiler. What make would do is read, not done; but for one object. Writes TAP.
use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use File::Basename qw(basename dirname);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Test::More;

my $root = abs_path(dirname(abs_path(__FILE__)) . '/../..');
my $pg_config = $ENV{PG_CONFIG} // 'pg_config';
my $scratch = tempdir(CLEANUP => 1);

# A copy, for make looks for objects beside the sources, too.
my $sources = "$scratch/sources";
make_path($sources);
system('cp', '-r', "$root/Makefile", "$root/src", glob("$root/snowflake_*.control"), glob("$root/snowflake_*--*.sql"), $sources) == 0
  or die 'cannot copy the sources';
unlink glob("$sources/src/*/*.o");

# make in a directory: its status and what it says.
sub make_in
{
    my ($directory, @arguments) = @_;
    make_path($directory);
    open my $output, '-|', qw(sh -c), 'exec "$@" 2>&1', 'sh', 'make', '-C', $directory, "PG_CONFIG=$pg_config", @arguments
      or die "make: $!";
    my $text = do { local $/; <$output> };
    close $output;
    return ($? >> 8, $text);
}

# Sources that would be compiled, and objects that would be linked, in the order of their names.
sub compiled { return sort map { m{ -c -o \S+ (\S+\.cpp)$}m ? basename($1) : () } split /\n/, $_[0] }

sub linked
{
    my $lines = $_[0] =~ s/\\\n//gr;
    return sort map { basename($_) =~ s/\.o$/.cpp/r } map { m{ -shared } ? m{(\S+\.o)(?= )}g : () } split /\n/, $lines;
}

my @all = sort map { basename($_) } glob("$sources/src/{core,pg,registry}/*.cpp");

for my $case (['in its own directory', $sources], ['in another one', "$scratch/elsewhere", '-f', "$sources/Makefile"],
    ['in another one, as Debian does', "$scratch/debian", '-f', "$sources/Makefile", "VPATH=$sources"])
{
    my ($where, $directory, @arguments) = @$case;
    my ($status, $output) = make_in($directory, @arguments, '--dry-run', 'WITH_ETCD=yes', 'COPT=-DPROBE');
    is($status, 0, "make runs $where");
    is_deeply([compiled($output)], \@all, "every source is compiled $where");
    is_deeply([linked($output)], \@all, "every object is linked $where");
    is_deeply([grep { / -c -o / && !/ -DPROBE / } split /\n/, $output], [], "COPT reaches the C++ compiler $where");
}

my ($status, $output) = make_in("$scratch/elsewhere", '-f', "$sources/Makefile", 'src/core/text.o', 'src/registry/magic.o');
is($status, 0, 'objects are made in another directory') or diag($output);
ok(-e "$scratch/elsewhere/src/$_" && !-e "$sources/src/$_", "$_ is there") for qw(core/text.o registry/magic.o);

for my $directory (qw(core pg registry))
{
    rename "$sources/src/$directory", "$sources/src/away" or die "$directory: $!";
    for my $case (['in its own directory', $sources], ['in another one', "$scratch/nothing", '-f', "$sources/Makefile"])
    {
        my ($where, @arguments) = @$case;
        ($status, $output) = make_in(@arguments, '--dry-run');
        isnt($status, 0, "without src/$directory there is no library, $where");
        like($output, qr{no sources in \S*src/$directory}, "and make says so, $where");
    }
    rename "$sources/src/away", "$sources/src/$directory" or die "$directory: $!";
}

done_testing();
