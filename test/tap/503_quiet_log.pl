# A server under load writes no line into its log that is not worth reading: none at all while all is well, in old
# sessions and new ones, with numbers that are typed or granted; and one, not one a session, when the clock is set back.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeRegistry;
use SnowflakeTest qw($quick);
use Test::More;
use Time::HiRes qw(sleep);

my $seconds = $quick ? 2 : 5;

# PostgreSQL's own lines of checkpoints and the like, which each server writes, have no word of ours.
sub lines_of_log
{
	my ($node, $position) = @_;
	my @lines = grep { !/LOG:  (?:checkpoint|automatic)/ } split /\n/, $node->log_since($position);
	return join "\n", @lines;
}

# Sessions that stay, and sessions that come and go.
sub run_load
{
	my ($node) = @_;
	my @loads = map { $node->start_load(seconds => $seconds, clients => 4, options => $_, scripts =>
		  [ 'SELECT snowflake_next();', 'SELECT count(*) FROM snowflake_next_set(100000);', 'SELECT snowflake_next_array(100);' ]) }
	  [], ['--connect'];
	for my $load (@loads)
	{
		my ($ok, $said) = $node->finish_load($load);
		ok($ok, 'a load without errors') or diag $said;
	}
}

sub is_quiet
{
	my ($what, $node) = @_;
	$node->safe_psql('postgres', 'SELECT snowflake_next()');
	my $position = -s $node->logfile;
	run_load($node);
	is(lines_of_log($node, $position), '', "$what: nothing to read");
}

my $alone = SnowflakeTest->start_new('alone', fake_clock => 1);
is($alone->safe_psql('postgres', 'SHOW log_min_messages'), 'warning', 'the default of log_min_messages');
is_quiet('a server alone', $alone);

my $position = -s $alone->logfile;
$alone->set_clock_offset(-20);
run_load($alone);
like(lines_of_log($alone, $position), qr/\A[^\n]*WARNING:  the clock was set back[^\n]*(?:\n[^\n]*(?:HINT|DETAIL|STATEMENT):[^\n]*)*\z/,
	'the clock is set back under load: one WARNING');

my $registry = SnowflakeRegistry->start('postgresql', lease => 4);
my $granted = SnowflakeTest->start_new('granted', conf => $registry->settings);
number_of($granted);
is_quiet('a server with a registry, which renews its grant', $granted);

$_->stop for $alone, $granted;
done_testing();
