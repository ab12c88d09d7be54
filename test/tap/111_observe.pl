# snowflake_observe() while 8 clients hammer generators with ticks of 1 ms, 100 ms and 1 s: once it has returned, no
# call that begins gives the observed ID, or any other of its tick or an earlier one.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeFault;
use SnowflakeTest qw($quick);
use Test::More;

# By name: the layout, and how many bits are below the time.
my %generators = (
	standard => [ 'timestamp:41 node:5 worker:5 sequence:12 unit:1ms epoch:2025-01-01', 22 ],
	hundreds => [ 'timestamp:36 worker:5 sequence:15 unit:100ms epoch:2024-01-01', 20 ],
	seconds => [ 'timestamp:33 worker:5 sequence:20 unit:1s epoch:2024-01-01', 25 ]);

my $node = SnowflakeTest->start_new('observe', conf => 'synchronous_commit = off');
sub sql { return $node->safe_psql('postgres', $_[0]) }

sql(q{
	CREATE TABLE made (generator text, began timestamptz, id bigint, ended timestamptz);
	CREATE TABLE observed (generator text, id bigint, returned timestamptz)});
sql("SELECT snowflake_create_generator('$_', '$generators{$_}[0]')") for sort keys %generators;

my $load = do
{
	local $ENV{PGAPPNAME} = 'client';
	$node->start_load(clients => 8, seconds => 60, scripts => [ map { qq{
	\\sleep 3 ms
	INSERT INTO made SELECT '$_', began, id, clock_timestamp()
	FROM (SELECT clock_timestamp() AS began, snowflake_next('$_') AS id FROM generate_series(1, 10) OFFSET 0) calls;}
	} sort keys %generators ]);
};
pause(0.5);

# An ID just made; the last of its tick; the last of the next tick. Each takes two ticks.
sub observe
{
	my ($name) = @_;
	my $bits = $generators{$name}[1];
	for my $id ("snowflake_next('$name')", "snowflake_next('$name') | (1 << $bits) - 1",
		$quick ? () : "(snowflake_next('$name') | (1 << $bits) - 1) + (1 << $bits)")
	{
		sql(qq{DO \$\$ DECLARE id bigint := $id; BEGIN
			PERFORM snowflake_observe(id, '$name');
			INSERT INTO observed VALUES ('$name', id, clock_timestamp());
		END \$\$});
		pause(0.05);
	}
}

observe($_) for sort keys %generators;
pause(1.5);    # else those who wait for the next second are not seen
sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'client'});
my (undef, $said) = $node->finish_load($load);
unlike($said, qr/ERROR/, 'no client met an error');

for my $name (sort keys %generators)
{
	my $layout = $generators{$name}[0];
	my ($after, $again, $not_later) = split /\|/, sql(qq{
		SELECT count(*), count(*) FILTER (WHERE made.id = observed.id),
		       count(*) FILTER (WHERE snowflake_timestamp(made.id, '$layout')
		                              <= snowflake_timestamp(observed.id, '$layout'))
		FROM made JOIN observed USING (generator)
		WHERE generator = '$name' AND made.began > observed.returned});
	cmp_ok($after, '>', 1000, "$name: many calls began after an ID was observed");
	is($again, 0, "$name: none gave the observed ID");
	is($not_later, 0, "$name: none gave one of its tick or an earlier one");
	is(sql("SELECT count(*) - count(DISTINCT id) FROM made WHERE generator = '$name'"), 0, "$name: no duplicates");
}
note 'slowest call by generator: ', sql(q{
	SELECT string_agg(format('%s %s', generator, slowest), ', ')
	FROM (SELECT generator, max(ended - began) AS slowest FROM made GROUP BY generator) calls});

$node->stop;
done_testing();
