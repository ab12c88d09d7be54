# What the hostile tests share: people of one server who do not trust each other, and victims whose every call is
# measured while somebody does harm.
#
#     my $node = SnowflakeTest->start_new('owner');
#     add_people($node, qw(mallory victim));            # each a role that may log in, with a schema of its own
#     add_victims($node, '' => 'snowflake_id', 'victim.orders' => 'discord');
#     watch($node, 'setval()', harm => sub { as($node, 'mallory', q{SELECT setval('mallory.mine', 1)}) });
#
# A victim makes one ID a millisecond. What it feels is measured in the server, right before and after the call: how
# long it took, and how far the ID's time is off the clock. So the rest of a transaction, a slow client and a slow
# disk do not count.
package SnowflakeHostile;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use List::Util qw(max min);
use SnowflakeTest qw($quick);
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(add_people as is_refused add_victims watch felt start_harm stop_harm pause);

# --- people ---

sub add_people
{
	my ($node, @roles) = @_;
	$node->safe_psql('postgres', join ';', map { "CREATE ROLE $_ LOGIN" } @roles);
	$node->safe_psql('postgres', join ';',
		map { "CREATE SCHEMA $_ AUTHORIZATION $_; GRANT USAGE ON SCHEMA $_ TO PUBLIC" } @roles);
}

# Runs SQL as a role, in a new connection, going on after errors: (rows, what was reported, with SQLSTATEs).
sub as
{
	my ($node, $role, $sql, %params) = @_;
	return $node->ask($sql, extra_params => [ '-U', $role ], %params);
}

# Tests that a role gets an error of one of these classes, and nothing else.
sub is_refused
{
	my ($node, $role, $sqlstates, $sql, %params) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($out, $err) = as($node, $role, $sql, %params);
	like($err, qr/ERROR:  ($sqlstates): /, "$role is refused: $sql") or diag $out;
}

# --- harm that goes on for a while ---

# Clients of a role that run these statements in a loop until they are stopped. What the role may not do at all would
# be no harm: the only errors are that of nextval(), and that of a time limit.
sub start_harm
{
	my ($node, $role, $clients, @statements) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	for my $statement (@statements)
	{
		my (undef, $err) = as($node, $role, "SET statement_timeout = '100ms'; SELECT $statement");
		unlike($err, qr/ERROR:  (?!57014|2200H)/, "$role may: $statement");
	}
	local $ENV{PGAPPNAME} = 'harm';
	my @scripts = map {
		"DO \$\$ BEGIN PERFORM $_; EXCEPTION WHEN OTHERS THEN PERFORM pg_sleep(0); END \$\$;"
	} @statements;
	my $load = $node->start_load(
		clients => $clients, seconds => 600, scripts => \@scripts, options => [ '-U', $role, '-M', 'simple' ]);
	$node->poll_query_until('postgres',
		"SELECT count(*) >= $clients FROM pg_stat_activity WHERE application_name = 'harm'") or die 'no harm is done';
	return $load;
}

sub stop_harm
{
	my ($node, @loads) = @_;
	$node->safe_psql('postgres',
		q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'harm'});
	$node->finish_load($_) for @loads;
}

sub pause { sleep($_[0]) }

# --- victims ---

# Makes what victims need in a database: `generators` of it, as name => layout, where '' stands for snowflake_next().
# Role victim must have a right to them.
sub add_victims
{
	my ($node, %generators) = @_;
	my $dbname = delete $generators{dbname} // 'postgres';
	$node->safe_psql($dbname, q{
		CREATE TABLE felt (
		  generator text, at timestamptz DEFAULT clock_timestamp(), ids int, slowest float8, ahead float8, behind float8,
		  failure text);
		GRANT SELECT, INSERT ON felt TO PUBLIC;
		CREATE FUNCTION feel(generator text, layout snowflake_layout, calls int) RETURNS void LANGUAGE plpgsql AS $$
		DECLARE
		  of regclass := nullif(generator, '');
		  id bigint; began timestamptz; ended timestamptz;
		  made int := 0; slowest interval := '0'; ahead interval; behind interval;
		BEGIN
		  FOR i IN 1 .. calls LOOP
		    began := clock_timestamp();
		    IF of IS NULL THEN id := snowflake_next(); ELSE id := snowflake_next(of); END IF;
		    ended := clock_timestamp();
		    made := made + 1;
		    slowest := greatest(slowest, ended - began);
		    ahead := greatest(ahead, snowflake_timestamp(id, layout) - ended);
		    behind := greatest(behind, began - snowflake_timestamp(id, layout));
		    PERFORM pg_sleep(0.001);
		  END LOOP;
		  INSERT INTO felt (generator, ids, slowest, ahead, behind) VALUES (
		    generator, made, extract(epoch FROM slowest), extract(epoch FROM ahead), extract(epoch FROM behind));
		EXCEPTION WHEN query_canceled OR OTHERS THEN
		  INSERT INTO felt (generator, ids, slowest, failure) VALUES (
		    generator, 0, extract(epoch FROM greatest(slowest, clock_timestamp() - began)), SQLSTATE || ' ' || SQLERRM);
		END $$});
	$node->{victims}{$dbname} = \%generators;
}

# Two sessions a database that stay, and one that is a new one each time, as a first ID takes more ways than another.
# A call that waits longer than `patience` has failed.
sub start_victims
{
	my ($node, $seconds, @generators) = @_;
	local $ENV{PGOPTIONS} = '-c statement_timeout=' . ($node->{patience} // 4) . 's';
	my @loads;
	for my $dbname (sort keys %{ $node->{victims} })
	{
		my $layouts = $node->{victims}{$dbname};
		my @scripts = map { "SELECT feel('$_', '$layouts->{$_}', 20);" }
		  grep { my $name = $_; !@generators || grep { $_ eq $name } @generators } sort keys %$layouts;
		next unless @scripts;
		push @loads, map {
			$node->start_load(
				clients => @$_ ? 1 : 2, seconds => $seconds, dbname => $dbname, scripts => \@scripts,
				options => [ '-U', 'victim', @$_ ])
		} [], ['-C'];
	}
	return @loads;
}

# What all victims felt since a time: the slowest call, the extremes of how far an ID was ahead of the clock and
# behind it (in seconds), how many IDs were made, what failed.
sub felt
{
	my ($node, $since) = @_;
	my %all = (slowest => 0, ahead => -1e9, behind => -1e9, ids => 0, failure => '');
	for my $dbname (sort keys %{ $node->{victims} })
	{
		my ($slowest, $ahead, $behind, $ids, $failure) = split /\|/, $node->safe_psql($dbname, qq{
			SELECT coalesce(max(slowest), 0), coalesce(max(ahead), -1e9), coalesce(max(behind), -1e9),
			       coalesce(sum(ids), 0),
			       coalesce(string_agg(DISTINCT generator || ': ' || failure, '; ') FILTER (WHERE failure <> ''), '')
			FROM felt WHERE at >= '$since'}), -1;
		$all{slowest} = max($all{slowest}, $slowest);
		$all{ahead} = max($all{ahead}, $ahead);
		$all{behind} = max($all{behind}, $behind);
		$all{ids} += $ids;
		$all{failure} .= "$dbname: $failure\n" if $failure ne '';
	}
	return \%all;
}

# Watches the victims while harm is done, and tests that they feel nothing of it. Options: `harm`, done when they are
# at work; `seconds`; `generators` (default: all); limits in seconds: `slowest` (0.3), `ahead` (0.1), `behind` (0.2).
# Where only the slowest call is too slow, it is done again, up to three times: this machine has others to serve, too.
sub watch
{
	my ($node, $what, %options) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my %limit = (slowest => 0.3, ahead => 0.1, behind => 0.2);
	$limit{$_} = $options{$_} // $limit{$_} for keys %limit;
	my ($felt, @slowest);
	for (1 .. 3)
	{
		my $since = $node->safe_psql('postgres', 'SELECT clock_timestamp()');
		my @victims = start_victims($node, $options{seconds} // 1, @{ $options{generators} // [] });
		pause(0.3);
		$options{harm}->() if $options{harm};
		my @ends = map { [ $node->finish_load($_) ] } @victims;
		$felt = felt($node, $since);
		$felt->{failure} .= join '', map { $_->[0] ? () : $_->[1] } @ends;
		push @slowest, $felt->{slowest};
		last if $felt->{slowest} <= $limit{slowest} || $felt->{failure} ne '';
		last if $felt->{ahead} > $limit{ahead} || $felt->{behind} > $limit{behind};
	}
	note sprintf '%s: %d IDs, slowest call %s ms, ahead of the clock %.0f ms, behind it %.0f ms', $what, $felt->{ids},
	  join(', ', map { sprintf '%.0f', $_ * 1000 } @slowest), map { $felt->{$_} * 1000 } qw(ahead behind);
	is($felt->{failure}, '', "$what: no call fails");
	cmp_ok($felt->{ids}, '>', 20, "$what: IDs are made");
	cmp_ok(min(@slowest), '<=', $limit{slowest}, "$what: the slowest call");
	cmp_ok($felt->{ahead}, '<=', $limit{ahead}, "$what: IDs are not ahead of the clock");
	cmp_ok($felt->{behind}, '<=', $limit{behind}, "$what: IDs are not behind the clock");
	return $felt;
}

1;
