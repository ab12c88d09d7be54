# Whoever may make IDs cannot make others wait for theirs: not by making as many as there are, in bulk or one by one,
# not by any other function. And IDs have the right time again soon after a restart, though the floods go on.
# Runs alone: it looks at what others feel.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeHostile;
use SnowflakeTest qw($quick);
use Test::More;
use Time::HiRes qw(time);

my $node = SnowflakeTest->start_new('floods', conf => "synchronous_commit = off\nlog_min_messages = error");
add_people($node, qw(mallory victim));

# Layouts of which there is soon nothing left: some thousand IDs a second; 256 in 10 ms; 4096 a millisecond for all.
my %layouts = (
	seconds => 'timestamp:28 node:22 sequence:13 unit:1s epoch:2025-01-01',
	tens => 'sonyflake',
	single => 'tsid');
my %unit = (seconds => 1, tens => 0.01, single => 0.001);
sub create_generators
{
	my ($role) = @_;
	as($node, $role, "SELECT snowflake_create_generator('$role.$_', '$layouts{$_}')") for sort keys %layouts;
}
create_generators($_) for qw(mallory victim);
add_victims($node, '' => 'snowflake_id', map { +"victim.$_" => $layouts{$_} } keys %layouts);

# --- Floods of IDs ---

# All that there are, by one call; arrays in a loop; single calls in a loop. (%s is for the generator.)
my %floods = (
	reserve => q{count(*) FROM snowflake_reserve(2147483647, '%s')},
	next_array => q{count(cardinality(snowflake_next_array(100, '%s'))) FROM generate_series(1, 1000)},
	next => q{count(snowflake_next('%s')) FROM generate_series(1, 100000)});
my %tried = (seconds => [qw(reserve next_array next)], tens => [qw(reserve next)], single => ['reserve']);
%tried = (seconds => [qw(reserve next)]) if $quick;
for my $name (sort keys %tried)
{
	for my $kind (@{ $tried{$name} })
	{
		my $harm = start_harm($node, 'mallory', 3, sprintf $floods{$kind}, "mallory.$name");
		watch($node, "three sessions loop snowflake_$kind(), $name", seconds => $name eq 'seconds' ? 2 : 1,
			generators => ["victim.$name"], behind => $unit{$name} + 0.2);
		stop_harm($node, $harm);
	}
}

# The extension's own generator, which is everybody's.
my $harm = start_harm($node, 'mallory', 3, sprintf $floods{reserve}, 'snowflake_id');
watch($node, "three sessions loop snowflake_reserve(), the extension's own", generators => ['']);
stop_harm($node, $harm);

# Layouts of one unit share cursors by chance (so there are some here, of different epochs), and one whose sequence has
# few numbers takes large pieces of time.
my @coarse = map { "mallory.coarse_$_" } 1 .. 6;
as($node, 'mallory', join ';', map {
	"SELECT snowflake_create_generator('$coarse[$_]', 'timestamp:33 sequence:1 unit:1s epoch:2025-01-0" . ($_ + 1) . "')"
} 0 .. $#coarse);
$harm = start_harm($node, 'mallory', 4, map { sprintf $floods{reserve}, $_ } @coarse);
watch($node, 'two IDs a second of other layouts', seconds => 2, generators => ['victim.seconds'], behind => 1.2);
stop_harm($node, $harm);

# --- Floods of other calls ---

# What PUBLIC may call besides: it holds nothing for long that others need, nor does it end their ticks.
my %others = (
	'snowflake_observe()' => [
		'snowflake_observe(snowflake_next())',
		'snowflake_observe(snowflake_from_timestamp(clock_timestamp()))',
		map { "snowflake_observe(snowflake_next('mallory.$_'), 'mallory.$_')" } sort keys %layouts ],
	"nextval('snowflake_id') and what reads" => [
		q{nextval('snowflake_id')}, 'count(*) FROM snowflake_id', 'count(*) FROM snowflake_generators',
		q{count(snowflake_decode(n, 'discord')) FROM generate_series(1, 100000) n} ]);
for my $kind (sort keys %others)
{
	$harm = start_harm($node, 'mallory', 3, @{ $others{$kind} });
	watch($node, "three sessions loop $kind", seconds => $kind eq 'snowflake_observe()' ? 2 : 1, behind => 1.2);
	stop_harm($node, $harm);
}

# --- After a restart ---

# It puts time ahead, and nothing lets the clock catch up but that IDs rise more slowly than it does.
my %finest = ('snowflake_id' => 'snowflake_id', map { +"victim.$_" => $layouts{$_} } qw(single tens));
my $how_far = 'SELECT greatest(' . join(', ', map {
	"extract(epoch FROM snowflake_timestamp(snowflake_next('$_'), '$finest{$_}') - clock_timestamp())"
} sort keys %finest) . ')';
my @floods = map { sprintf $floods{reserve}, $_ } qw(snowflake_id mallory.single);
my @harm = map { start_harm($node, 'mallory', 1, $_) } @floods;
pause(1.5);
stop_harm($node, @harm);
$node->stop('immediate');
$node->start;
my $begin = time;
my $ahead = my $at_first = $node->safe_psql('postgres', $how_far);
@harm = map { start_harm($node, 'mallory', 1, $_) } @floods;
pause(0.2), $ahead = $node->safe_psql('postgres', $how_far) while $ahead >= 0.2 && time - $begin < 12;
note sprintf 'restarted: %.3f s ahead of the clock at first, %.3f s after %.1f s of floods', $at_first, $ahead,
  time - $begin;
cmp_ok($at_first, '<=', 3.5, 'restarted: IDs are not far ahead of the clock');
cmp_ok($ahead, '<', 0.2, 'restarted amid floods: IDs have the right time soon');
watch($node, 'restarted amid floods', ahead => 0.2, behind => 1.2);
stop_harm($node, @harm);
unlike($node->log_since, qr/terminated by signal|PANIC/, 'nothing crashed');
$node->stop;
done_testing();
