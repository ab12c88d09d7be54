#!/usr/bin/perl
# SNOWFLAKE_BUILD may be a directory that is not there yet, also a relative one. Writes TAP.
use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use Test::More;

my $common = abs_path(dirname(__FILE__) . '/../../scripts/lib/common.sh');
my $parent = tempdir('snowflake_id.XXXXXX', TMPDIR => 1, CLEANUP => 1);

# Where a script works that was given this directory: $parent is where it is called, the server's user must get in.
sub works_in
{
    my ($given) = @_;
    my $script = 'cd "$2" && source "$1" && choose_server_user && as_server_user test -d "$SNOWFLAKE_BUILD" && echo "$SNOWFLAKE_BUILD"';
    local $ENV{SNOWFLAKE_BUILD} = $given;
    open my $said, '-|', 'bash', '-euo', 'pipefail', '-c', $script, 'bash', $common, $parent or die "bash: $!";
    chomp(my $directory = <$said> // 'nowhere');
    return $directory;
}

chmod 0755, $parent;
is(works_in("$parent/deep/new"), "$parent/deep/new", 'a directory that is not there is made');
is(works_in('relative'), "$parent/relative", 'a relative one is below the directory of the call');

SKIP:
{
    skip 'for root only', 1 if $> != 0;
    chmod 0700, $parent;
    isnt(works_in("$parent/closed"), "$parent/closed", "one that the server's user cannot reach is replaced");
}
done_testing();
