#!/usr/bin/perl
# META.json is what PGXN's specification asks for (https://pgxn.org/spec/) and says what the control files say; make dist
# packs what was committed, the same bytes each time. Writes TAP.
use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use JSON::PP qw(decode_json);
use Test::More;

my $root = abs_path(dirname(abs_path(__FILE__)) . '/../..');
my $semantic_version = qr/^(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2}(?:-[a-z][-0-9a-z]*)?$/i;
my $term = qr{^[^\s/\\[:cntrl:]]{2,}$};
my @licenses = qw(agpl_3 apache_1_1 apache_2_0 artistic_1 artistic_2 bsd freebsd gfdl_1_2 gfdl_1_3 gpl_1 gpl_2 gpl_3
  lgpl_2_1 lgpl_3_0 mit mozilla_1_0 mozilla_1_1 openssl perl_5 postgresql qpl_1_0 ssleay sun zlib open_source restricted
  unrestricted unknown);

sub slurp
{
    my ($file) = @_;
    open my $handle, '<:raw', $file or die "$file: $!";
    local $/;
    return <$handle>;
}

# What is wrong with a META.json, one line each; $there says whether the distribution has a file.
sub problems_of
{
    my ($meta, $there) = @_;
    my @problems = map { "no $_" } grep { !defined $meta->{$_} }
      qw(name version abstract maintainer license provides meta-spec);
    return @problems if @problems;
    push @problems, 'name is no term' if $meta->{name} !~ $term;
    push @problems, 'version is not semantic' if $meta->{version} !~ $semantic_version;
    push @problems, 'abstract is empty' if $meta->{abstract} !~ /\S/;
    push @problems, 'maintainer is empty'
      if grep { !/\S/ } ref $meta->{maintainer} ? @{ $meta->{maintainer} } : $meta->{maintainer};
    my $license = $meta->{license};
    push @problems, "license $license is unknown" if !ref $license && !grep { $_ eq $license } @licenses;
    push @problems, 'meta-spec is not 1.0.x' if ($meta->{'meta-spec'}{version} // '') !~ /^1\.0\.\d+$/;
    push @problems, 'release_status is unknown' if ($meta->{release_status} // 'stable') !~ /^(?:stable|testing|unstable)$/;
    push @problems, 'nothing is provided' if !%{ $meta->{provides} };
    for my $name (sort keys %{ $meta->{provides} })
    {
        my $provided = $meta->{provides}{$name};
        push @problems, "$name is no term" if $name !~ $term;
        push @problems, "version of $name is not semantic" if ($provided->{version} // '') !~ $semantic_version;
        push @problems, "no file of $name" if !defined $provided->{file};
        push @problems, map { "$_ is not there" } grep { defined && !$there->($_) } @$provided{qw(file docfile)};
    }
    for my $prereqs (map { values %$_ } values %{ $meta->{prereqs} // {} })
    {
        push @problems, map { "prerequisite $_ has no version" } grep { $prereqs->{$_} !~ $semantic_version } keys %$prereqs;
    }
    return @problems;
}

my $text = slurp("$root/META.json");
my $meta = decode_json($text);
my $in_tree = sub { -f "$root/$_[0]" };
is_deeply([problems_of($meta, $in_tree)], [], 'META.json is as specified');

for my $case (
    ['no maintainer', sub { delete $_[0]{maintainer} }, 'no maintainer'],
    ['a version of two numbers', sub { $_[0]{version} = '1.0' }, 'version is not semantic'],
    ['a version with a zero in front', sub { $_[0]{version} = '1.01.0' }, 'version is not semantic'],
    ['a file that is not there', sub { $_[0]{provides}{snowflake_id}{file} = 'x.sql' }, 'x.sql is not there'],
    ['an unknown license', sub { $_[0]{license} = 'ours' }, 'license ours is unknown'],
    ['a prerequisite without a version', sub { $_[0]{prereqs}{runtime}{requires}{PostgreSQL} = '13' },
        'prerequisite PostgreSQL has no version'])
{
    my ($name, $break, $expected) = @$case;
    my $broken = decode_json($text);
    $break->($broken);
    is_deeply([problems_of($broken, $in_tree)], [$expected], "noticed: $name");
}

for my $extension (sort keys %{ $meta->{provides} })
{
    my $control = slurp("$root/$extension.control");
    my ($version) = $control =~ /^default_version = '(.*)'$/m;
    my ($comment) = $control =~ /^comment = '(.*)'$/m;
    my $provided = $meta->{provides}{$extension};
    like($provided->{version}, qr/^\Q$version\E\.\d+$/, "$extension has the version of its control file");
    is($provided->{version}, $meta->{version}, "$extension has the version of the distribution");
    is($provided->{file}, "$extension--$version.sql", "$extension has that version's script");
    is($provided->{abstract}, $comment, "$extension is what its control file says");
}
my ($of_library) = slurp("$root/src/pg/version.hpp") =~ /version\[\] = "(.*)"/;
like($meta->{version}, qr/^\Q$of_library\E\.\d+$/, 'the library has that version');
like(slurp("$root/debian/changelog"), qr/^snowflake-id \(\Q$meta->{version}\E-\d+\)/, 'so has Debian\'s package');
like(slurp("$root/CHANGELOG.md"), qr/^## \Q$of_library\E, \d{4}-\d\d-\d\d$/m, 'CHANGELOG.md says what is new in it');
is_deeply([sort keys %{ $meta->{provides} }], [sort map { s{.*/}{}r =~ s/\.control$//r } glob("$root/*.control")],
    'every extension is provided');

# A repository of the test's own, for the distribution is of a commit.
sub run { system("exec >/dev/null 2>&1; $_[0]") == 0 or die "failed: $_[0]" }

my $scratch = tempdir(CLEANUP => 1);
my $pg_config = $ENV{PG_CONFIG} // 'pg_config';
my $git = "git -C $scratch/tree -c user.name=test -c user.email=test\@localhost -c commit.gpgsign=false";
run("mkdir -p $scratch/tree $scratch/second && cd $root && cp -r Makefile META.json *.control *--*.sql src README.md docs $scratch/tree");
run("rm -f $scratch/tree/src/*/*.o && git init $scratch/tree && $git add -A && $git commit -m test");
run("TZ=Asia/Tokyo make -C $scratch/tree PG_CONFIG=$pg_config dist");
sleep 2; # a zip's clock has steps of two seconds
run("touch $scratch/tree/Makefile $scratch/tree/untracked");
run("TZ=America/New_York make -C $scratch/second -f $scratch/tree/Makefile PG_CONFIG=$pg_config dist");

my @zips = map { "$scratch/$_/snowflake_id-$meta->{version}.zip" } qw(tree second);
ok(slurp($zips[0]) eq slurp($zips[1]), 'make dist makes the same bytes at another time, in another place and time zone');
chomp(my @committed = `$git ls-files`);
chomp(my @packed = grep { !m{/$} } map { s/\n//r } `unzip -Z1 $zips[0]`);
is_deeply([sort @packed], [sort map { "snowflake_id-$meta->{version}/$_" } @committed], 'it has all that was committed');

done_testing();
