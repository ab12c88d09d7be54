# snowflake_observe() is for all who may make IDs, as what it does with an ID of the past harms nobody: no time is
# shifted, no call of others waits. A later ID moves the time of everybody, and takes the right by which setval()
# could do it.
# Runs alone: it looks at what others feel.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use SnowflakeHostile;
use SnowflakeTest qw($quick);
use Test::More;
use Time::HiRes qw(time);

my $node = SnowflakeTest->start_new('observe', conf => 'log_min_messages = panic');
add_people($node, qw(owner clerk stranger trusted victim));
my %layouts = (
	'' => 'snowflake_id',
	'owner.same' => 'snowflake_id',
	'owner.tens' => 'sonyflake2',
	'owner.seconds' => 'timestamp:33 worker:4 sequence:16 unit:1s epoch:2024-01-01');
delete $layouts{'owner.tens'} if $quick;
my @named = grep { $_ } sort keys %layouts;
as($node, 'owner', join ';', map { "SELECT snowflake_create_generator('$_', '$layouts{$_}')" } @named);
as($node, 'owner', "GRANT USAGE ON SEQUENCE $_ TO clerk, trusted, victim") for @named;
$node->safe_psql('postgres', 'REVOKE USAGE ON SEQUENCE snowflake_id FROM PUBLIC;
	GRANT USAGE ON SEQUENCE snowflake_id TO owner, clerk, trusted, victim;
	GRANT UPDATE ON SEQUENCE snowflake_id TO trusted');
add_victims($node, %layouts);

# An ID that a generator could make some seconds from now.
sub id_of
{
	my ($name, $seconds) = @_;
	return "snowflake_from_timestamp(clock_timestamp() + interval '$seconds s', '$layouts{$name}')";
}

sub observe
{
	my ($name, $id) = @_;
	return $name ? "SELECT snowflake_observe($id, '$name')" : "SELECT snowflake_observe($id)";
}

sub seconds_ahead
{
	return $node->safe_psql('postgres',
		'SELECT extract(epoch FROM snowflake_timestamp(snowflake_next()) - clock_timestamp())');
}

# --- The past ---

for my $name (sort keys %layouts)
{
	my ($out, $err) = as($node, 'clerk', observe($name, id_of($name, -5)));
	is($err, '', ($name || 'the default') . ': a clerk observes the past');
	is_refused($node, 'stranger', '42501', observe($name, id_of($name, -5)));
}
cmp_ok(abs(seconds_ahead()), '<', 0.2, 'the past: no time is shifted');
as($node, 'owner', q{GRANT SELECT ON SEQUENCE owner.same TO stranger});
is_refused($node, 'stranger', '42501', observe('owner.same', 1));

# What may be done under load without anybody noticing.
watch($node, 'a clerk observes the past', behind => 1.2, harm => sub {
	as($node, 'clerk', join ';', map { observe($_, id_of($_, -1)) } sort keys %layouts);
});

# NULL in, NULL out: the form for a table, be there rows or none.
$node->safe_psql('postgres', 'CREATE TABLE imported (id bigint); GRANT ALL ON imported TO PUBLIC');
for my $name ('', $quick ? () : 'owner.tens')
{
	my $what = $name || 'the default';
	my ($out, $err) = as($node, 'clerk', observe($name, 'max(id)') . ' IS NULL FROM imported');
	is("$out$err", 't', "$what: NULL is nothing to observe");
	as($node, 'clerk', 'INSERT INTO imported SELECT ' . id_of($name, -2) . ' - n FROM generate_series(0, 9) n');
	($out, $err) = as($node, 'clerk', observe($name, 'max(id)') . ' FROM imported');
	is($err, '', "$what: all rows of a table");
	$node->safe_psql('postgres', 'TRUNCATE imported');
}

# After it returns, all sessions make IDs of later ticks: also of the tick that is not over yet.
for my $name (sort keys %layouts)
{
	my $what = $name || 'the default';
	my $next = $name ? "snowflake_next('$name')" : 'snowflake_next()';
	my @sessions = map { $node->session('postgres', 'clerk') } 1 .. 3;
	$node->ask_session($_, "SELECT $next") for @sessions;
	my $begin = time;
	my ($observed) = $node->ask_session($sessions[0], "SELECT $next");
	my (undef, $err) = $node->ask_session($sessions[0], observe($name, $observed));
	my $took = time - $begin;
	is($err, '', "$what: an ID of this moment");
	my $is_later = "SELECT snowflake_timestamp($next, '$layouts{$name}') > "
	  . "snowflake_timestamp($observed, '$layouts{$name}')";
	my @earlier = grep { $_ ne 't' } map { ($node->ask_session($_, $is_later))[0] } @sessions;
	is("@earlier", '', "$what: IDs of later ticks in all sessions");
	cmp_ok($took, '<', 3.5, "$what: it does not take long");
	$_->quit for @sessions;
}
cmp_ok(seconds_ahead(), '<', 0.2, 'IDs of this moment: no time is shifted');

# --- The future ---

for my $name (sort keys %layouts)
{
	my $what = $name || 'the default';
	is_refused($node, $_, '42501', observe($name, id_of($name, 3600))) for qw(clerk owner);
	is_refused($node, 'clerk', '42501|55000', observe($name, id_of($name, 86400 * 365)));
}
cmp_ok(abs(seconds_ahead()), '<', 0.2, 'the future, without the right: no time is shifted');
watch($node, 'a clerk tries to observe the future', behind => 1.2, harm => sub {
	for my $seconds (5, 3600, 86400 * 6)
	{
		as($node, 'clerk', join ';', map { observe($_, id_of($_, $seconds)) } sort keys %layouts);
	}
});

# The right is taken away like any other; a role that has it moves the time of all.
my $trusted = $node->session('postgres', 'trusted');
is(($node->ask_session($trusted, observe('', id_of('', 2))))[1], '',
	'with the right to the horizon, an ID of the future');
cmp_ok(seconds_ahead(), '>', 1, 'it moves the time');
$node->safe_psql('postgres', 'REVOKE UPDATE ON SEQUENCE snowflake_id FROM trusted');
like(($node->ask_session($trusted, observe('', id_of('', 60))))[1], qr/ERROR:  42501/, 'the right is taken away');
$trusted->quit;
ok($node->poll_query_until('postgres', q{SELECT snowflake_timestamp(snowflake_next()) < clock_timestamp() + '0.2 s'}),
	'the clock catches up');

# A right to a generator, even to own it, is none to the horizon; UPDATE on it is none to other generators.
is_refused($node, 'owner', '42501', observe('owner.same', id_of('owner.same', 60)));
$node->safe_psql('postgres', 'GRANT UPDATE ON SEQUENCE snowflake_id TO stranger');
is_refused($node, 'stranger', '42501', observe('owner.same', id_of('owner.same', 60)));
cmp_ok(abs(seconds_ahead()), '<', 0.3, 'no time is shifted');

# --- What is no ID ---

is_refused($node, 'clerk', '22003|22023', observe('', -1));
is_refused($node, 'clerk', '42809', q{SELECT snowflake_observe(1, 'imported')});
$node->stop;
done_testing();
