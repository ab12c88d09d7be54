# All IDs that clients were given, in rounds: a server of its own keeps those of two rounds and checks them, and of all
# earlier ones the largest of each layout. So a soak may last for days.
#
#     my $ledger = SnowflakeLedger->start;
#     my $found = $ledger->close_round(glob '*.ids');    # { ids, clients, duplicates, not_rising, late, examples }
#
# A client hands over what it was given some seconds after it was given; a round lasts longer. So whatever comes in one
# round was made after all that came in the round before the last, and its ID must be larger: after restarts,
# failovers and whatever the clock did. That finds IDs that come again from long ago.
package SnowflakeLedger;

use strict;
use warnings FATAL => 'all';

use IPC::Run;
use SnowflakeTest;

sub start
{
	my ($class) = @_;
	my $node = SnowflakeTest->start_new('ledger', conf => 'fsync = off');
	$node->safe_psql('postgres', q{
		CREATE TABLE incoming (
		  layout text, source text, session text, step bigint, place bigint, first_id bigint, last_id bigint);
		CREATE TABLE given (round int, LIKE incoming);
		CREATE TABLE largest (layout text PRIMARY KEY, id bigint)});
	return bless { node => $node, round => 0 }, $class;
}

# Ordered by their first IDs, a range meets another if it begins before the end of all that are before it.
my $check = q{
	SET work_mem = '256MB';
	CREATE TEMP TABLE checked AS
	  SELECT *, CASE WHEN first_id <= end_of_others THEN 'duplicates' WHEN first_id <= end_of_session THEN 'not_rising'
	                 WHEN round = ROUND AND first_id <= id THEN 'late' WHEN first_id < 0 OR last_id < first_id THEN 'broken' END AS wrong
	  FROM (SELECT *, max(last_id) OVER (PARTITION BY layout ORDER BY first_id, last_id
	                                     ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS end_of_others,
	               lag(last_id) OVER (PARTITION BY session, source ORDER BY step, place) AS end_of_session
	        FROM given) neighbours LEFT JOIN largest USING (layout);
	SELECT coalesce(sum(last_id - first_id + 1) FILTER (WHERE round = ROUND), 0),
	       count(DISTINCT split_part(session, '.', 1)) FILTER (WHERE round = ROUND), count(DISTINCT layout),
	       count(*) FILTER (WHERE wrong = 'duplicates'), count(*) FILTER (WHERE wrong = 'not_rising'),
	       count(*) FILTER (WHERE wrong = 'late'), count(*) FILTER (WHERE wrong = 'broken') FROM checked;
	SELECT * FROM (TABLE checked LIMIT 0) none UNION ALL (SELECT * FROM checked WHERE wrong IS NOT NULL LIMIT 5);
	INSERT INTO largest SELECT layout, max(last_id) FROM given WHERE round < ROUND GROUP BY layout
	  ON CONFLICT (layout) DO UPDATE SET id = greatest(largest.id, excluded.id);
	DELETE FROM given WHERE round < ROUND};

# Takes files of clients, which are removed, and checks them with those of the round before.
sub close_round
{
	my ($self, @files) = @_;
	my ($node, $round) = ($self->{node}, ++$self->{round});
	IPC::Run::run([ 'cat', '/dev/null', @files ], '|',
		[ 'psql', '-Xq', '-d', $node->connstr('postgres'), '-c', 'COPY incoming FROM STDIN' ])
	  or die 'cannot fetch the IDs';
	unlink @files;
	$node->safe_psql('postgres', "INSERT INTO given SELECT $round, * FROM incoming; TRUNCATE incoming");
	my ($counts, @examples) = split /\n/, $node->safe_psql('postgres', $check =~ s/ROUND/$round/gr);
	my %found = (examples => \@examples);
	@found{qw(ids clients layouts duplicates not_rising late broken)} = split /\|/, $counts;
	return \%found;
}

1;
