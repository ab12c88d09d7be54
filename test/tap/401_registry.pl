# The registry under load, in crashes, with a clock that is set, promoted, restored in three ways: no two servers are
# granted overlapping ranges of a number, and a healthy server goes on. What one session can see is in
# test/pgtap/registry.sql.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils qw(append_to_file slurp_file);
use SnowflakeFault qw(start_again);
use SnowflakeTest qw($quick);
use Test::More;
use Time::HiRes qw(sleep time);

# --- Registries and their answers ---

sub start_registry
{
	my ($name, %options) = @_;
	my $node = SnowflakeTest->new($name);
	$node->fake_clock if $options{fake_clock};
	$node->init(allows_streaming => 1);
	$node->append_conf('postgresql.conf', "max_connections = 60\nwal_keep_size = 1GB\n" . ($options{conf} // ''));
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION snowflake_registry');
	return $node;
}

my @parts = qw(refusal node from_ms until_ms now_ms);

sub answer
{
	my ($node, $parts, $call, %params) = @_;
	my ($out, $err) = $node->ask(
		'SELECT ' . join(', ', @$parts) . " FROM snowflake_registry_$call", %params, timeout => 60);
	chomp $out;
	my %answer = (map({ $_ => 0 } @$parts), error => $err, refusal => '');
	@answer{@$parts} = split /\|/, $out, -1 if $out ne '';
	return \%answer;
}

sub claim { my ($node, $realm, $holder, $label) = @_; return answer($node, \@parts, "claim('$realm', $holder, '$label')") }

sub renew
{
	my ($node, $realm, $holder, $label, $grant) = @_;
	my $renewed = answer($node, [qw(refusal until_ms now_ms)],
		"renew('$realm', $grant->{node}, $holder, '$label', $grant->{from_ms}, $grant->{until_ms})");
	return { %$grant, %$renewed };
}

sub give_back
{
	my ($node, $realm, $holder, $grant, $last_used) = @_;
	return $node->safe_psql('postgres',
		"SELECT snowflake_registry_give_back('$realm', $grant->{node}, $holder, $last_used)");
}

sub restored_at { $_[0]->safe_psql('postgres', "SELECT restored_at_ms FROM snowflake_registry_realms WHERE realm = '$_[1]'") }
sub is_granted { my ($grant, $what) = @_; is("$grant->{error}$grant->{refusal}", '', $what) or diag explain $grant }

my $registry = start_registry('registry', conf => 'wal_writer_delay = 10s');
sub make_realm { my ($node, @terms) = @_; $node->safe_psql('postgres', 'SELECT snowflake_registry_create_realm(' . join(', ', @terms) . ')') }

# --- Many at once ---

sub all_at_once
{
	my ($ok, $said) = $registry->finish_load(
		$registry->start_load(clients => 32, transactions => 1,
			scripts => [q{SELECT node FROM snowflake_registry_claim('main', :client_id + 1, 'server ' || :client_id)}]));
	ok($ok, '32 servers claim at once, the first ever') or diag $said;
	is($registry->safe_psql('postgres', 'SELECT count(DISTINCT holder) FROM snowflake_registry_numbers WHERE holder > 0'), 32,
		'each has a number of its own');
	is(claim($registry, 'main', 33, 'one more')->{refusal}, 'full', 'one more does not');
	make_realm($registry, q{'retry'});
	$registry->finish_load(
		$registry->start_load(clients => 8, transactions => 1,
			scripts => [q{SELECT node FROM snowflake_registry_claim('retry', 77, 'impatient')}]));
	is($registry->safe_psql('postgres', q{SELECT count(*) FROM snowflake_registry_numbers WHERE realm = 'retry' AND holder = 77}), 1,
		'a holder that asks on eight connections at once has one number');
}

all_at_once();

# --- Nobody waits for somebody who does not end his transaction ---

sub nobody_waits
{
	make_realm($registry, q{'held_up'}, 0, 9);
	my $honest = claim($registry, 'held_up', 1, 'honest');
	my $session = $registry->session;
	$registry->ask_session($session, q{BEGIN; SELECT snowflake_registry_claim('held_up', 2, 'hostile');
		SELECT snowflake_registry_renew('held_up', 0, 3, 'hostile', 0, 1);
		SELECT 1 FROM snowflake_registry_realms WHERE realm = 'held_up' FOR UPDATE});
	my $begin = time;
	my $renewed = renew($registry, 'held_up', 1, 'honest', $honest);
	is_granted($renewed, 'a transaction that does not end: others renew');
	cmp_ok($renewed->{until_ms}, '>', $honest->{until_ms}, '… and their time goes on');
	my $other = claim($registry, 'held_up', 4, 'other');
	is_granted($other, '… others claim');
	is($other->{node}, 2, '… another number than the one that is being claimed');
	is(give_back($registry, 'held_up', 4, $other, $other->{now_ms}), 't', '… others give back');
	cmp_ok(time - $begin, '<', 4, '… without waiting');
	eval { $session->quit };
}

nobody_waits();

# --- A number's life: over, retaken, given back ---

sub handed_on
{
	make_realm($registry, q{'short'}, 0, 0, q{'2 s'});
	my $first = claim($registry, 'short', 1, 'a:1');
	is(claim($registry, 'short', 2, 'a:1')->{refusal}, 'full', 'an unexpired number is not retaken, not even by its label');
	my $again = claim($registry, 'short', 1, 'a:1');
	is_deeply([@$again{qw(node from_ms until_ms)}], [@$first{qw(node from_ms until_ms)}], 'a lost answer is given again');
	sleep(2.1);
	my $second = claim($registry, 'short', 2, 'b:1');
	is_granted($second, 'a number that is over is given on');
	is($second->{from_ms}, $first->{until_ms}, '… from its old end on');
	is(renew($registry, 'short', 1, 'a:1', $first)->{refusal}, 'lost', '… and lost for the old holder');
	is(give_back($registry, 'short', 1, $first, $second->{until_ms}), 'f', '… who cannot give it back');
	is(give_back($registry, 'short', 2, $second, $second->{now_ms}), 't', 'the new one gives it back');
	is(claim($registry, 'short', 3, 'c:1')->{from_ms}, $second->{now_ms}, '… and it is free at once, from the last time used on');
}

handed_on();

# --- A grant is durable, whatever the session says ---

sub survives_a_crash
{
	make_realm($registry, q{'durable'});
	$registry->safe_psql('postgres', 'CREATE TABLE careless (n int); CHECKPOINT; SELECT pg_switch_wal()');
	local $ENV{PGOPTIONS} = '-c synchronous_commit=off';
	my $grant = claim($registry, 'durable', 5, 'careless');
	$registry->safe_psql('postgres', 'INSERT INTO careless VALUES (1)');
	$registry->kill9;
	start_again($registry);
	is($registry->safe_psql('postgres', 'SELECT count(*) FROM careless'), 0, 'kill -9, synchronous_commit = off: what a session wrote carelessly is lost');
	my $again = claim($registry, 'durable', 5, 'careless');
	is_deeply([@$again{qw(node until_ms)}], [@$grant{qw(node until_ms)}], '… a grant is not');
	my ($out) = $registry->ask(q{BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT snowflake_registry_claim('durable', 6, 'old')});
	is($out, '', 'no grant in a snapshot of the past');
}

survives_a_crash();

# --- The clock of the registry is set ---

sub with_clock_set
{
	my $node = start_registry('clock', fake_clock => 1);
	make_realm($node, q{'few'}, 0, 1);
	my $grant = claim($node, 'few', 1, 'healthy');
	$grant = renew($node, 'few', 1, 'healthy', $grant) for 1 .. 6;
	is($grant->{until_ms} - $grant->{now_ms}, 600_000, 'a full lease');
	for my $offset (-3600, -3630, -3500, -86400, 0, 7200, 0)
	{
		my $before = $grant;
		$node->set_clock_offset($offset);
		sleep(0.5);
		$grant = renew($node, 'few', 1, 'healthy', $before);
		is_granted($grant, "clock set to $offset s: a holder renews");
		sleep(1);
		my $later = renew($node, 'few', 1, 'healthy', $grant);
		my $gained = $later->{until_ms} - $grant->{until_ms};
		ok($gained >= 1000 && $gained < 20_000, "… and its end goes on at the clock's rate: $gained ms");
		cmp_ok($grant->{now_ms}, '>=', $before->{now_ms}, '… the time of the registry does not go back');
		$grant = $later;
	}
	is(restored_at($node, 'few'), '', 'none of this looks like a restore');
	my $ahead = claim($node, 'few', 2, 'crashed');
	$node->set_clock_offset(-60);
	is(claim($node, 'few', 3, 'next')->{refusal}, 'full', 'a number whose lease is not over by the registry\'s time rests');
	$node->set_clock_offset(7300);
	my $next = claim($node, 'few', 3, 'next');
	is($next->{from_ms}, $ahead->{until_ms}, '… and is given on when it is');
	$node->stop;
}

with_clock_set();

# --- Promoted with lost commits ---

sub start_standby
{
	my ($primary, $name) = @_;
	$primary->backup($name);
	my $standby = SnowflakeTest->new($name);
	$standby->init_from_backup($primary, $name, has_streaming => 1);
	$standby->start;
	$primary->wait_for_catchup($standby);
	return $standby;
}

sub promote_after_loss
{
	my ($standby) = @_;
	$standby->start;
	$standby->promote;
	$standby->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die 'not promoted';
}

sub after_promotion
{
	my $primary = start_registry('primary');
	make_realm($primary, q{'main_like'}, 0, 7, q{'30 s'});
	make_realm($primary, q{'brief'}, 0, 1, q{'1 s'});
	make_realm($primary, q{'sync'}, 0, 7, q{'30 s'}, 'true');
	my $standby = start_standby($primary, 'heir');
	my %known = map { $_ => claim($primary, 'main_like', $_, "known $_") } 1, 2;
	my $brief = claim($primary, 'brief', 1, 'brief');
	$primary->wait_for_catchup($standby);
	like(claim($standby, 'main_like', 1, 'x')->{error}, qr/ERROR:  25006/, 'a standby grants nothing');
	$standby->stop;
	sleep(1.1);

	# All of this is lost: 2 renews, 3 claims, the number of `brief` is over and goes to another one, which is over, too.
	my $renewed = renew($primary, 'main_like', 2, 'known 2', $known{2});
	my $forgotten = claim($primary, 'main_like', 3, 'forgotten');
	my $over = claim($primary, 'brief', 2, 'over');
	my $over_too = claim($primary, 'brief', 3, 'other');
	$primary->kill9;
	promote_after_loss($standby);

	my $refused = claim($standby, 'main_like', 9, 'new');
	is($refused->{refusal}, 'settling', 'promoted with lost commits: who is new waits');
	my $t0 = restored_at($standby, 'main_like');
	is($t0, $refused->{now_ms} + 5000, '… for that was noticed');
	is(claim($standby, 'main_like', 3, 'forgotten')->{refusal}, 'settling', '… and so waits a forgotten holder that only claims');
	is_granted(renew($standby, 'main_like', 1, 'known 1', $known{1}), 'a holder that is known goes on');
	my $on = renew($standby, 'main_like', 2, 'known 2', $renewed);
	is_granted($on, 'a holder whose renewal is lost goes on');
	cmp_ok($on->{until_ms}, '>=', $renewed->{until_ms}, '… never with less than it was told');
	my $recovered = renew($standby, 'main_like', 3, 'forgotten', $forgotten);
	is_granted($recovered, 'a forgotten holder that is not over recovers');
	is(renew($standby, 'brief', 2, 'over', $over)->{refusal}, 'lost', 'a forgotten one that is over is lost');
	is(renew($standby, 'brief', 3, 'other', $over_too)->{refusal}, 'lost', '… so is the one after it');
	is(renew($standby, 'brief', 1, 'brief', $brief)->{refusal}, 'lost', '… and the one before it, whose row is still there');
	like(claim($standby, 'brief', 1, 'brief')->{refusal}, qr/settling/, '… and it does not come back by a claim');

	is_granted(claim($standby, 'sync', 4, 'new'), 'lossless: who is new does not wait');
	is(restored_at($standby, 'sync'), '', '… for nothing was lost');

	$t0 = restored_at($standby, 'main_like');
	my $new;
	for (1 .. 200) { $new = claim($standby, 'main_like', 9, 'new'); last if $new->{refusal} ne 'settling'; sleep(0.3) }
	is_granted($new, 'who is new gets a number after a while');
	is($new->{from_ms}, $t0 + 30_000, '… from a lease after t0 on');
	cmp_ok($new->{from_ms}, '>=', $_->{until_ms}, '… past the end of what was forgotten') for $renewed, $forgotten;
	is_granted(renew($standby, 'main_like', 3, 'forgotten', $recovered), 'the recovered holder goes on and on');
	is(restored_at($standby, 'main_like'), $t0, '… without another restore being noted');
	$standby->stop;
}

after_promotion();

# --- Restored: from a dump, and as files ---

sub restored_dump
{
	my $dump = PostgreSQL::Test::Utils::tempdir . '/registry.dump';
	$registry->safe_psql('postgres', 'CREATE DATABASE source');
	my $sql = sub { $registry->safe_psql($_[0], $_[1]) };
	$sql->('source', q{CREATE SCHEMA "Odd name"; CREATE EXTENSION snowflake_registry SCHEMA "Odd name"});
	my $claim = sub { my ($db, $holder) = @_; $sql->($db, qq{SELECT refusal, node, from_ms, until_ms FROM "Odd name".snowflake_registry_claim('main', $holder, 'server $holder')}) };
	like($claim->('source', 1), qr/^\|0\|0\|\d+$/, 'a registry in a schema with an odd name');
	$registry->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $registry->connstr('source') ], 'it is dumped');
	my (undef, $node, $from, $until) = split /\|/, $claim->('source', 2), -1;
	$sql->('source', q{SELECT pg_sleep(0.1); SELECT "Odd name".snowflake_registry_renew('main', 0, 1, 'server 1', 0, 1)});
	$registry->safe_psql('postgres', 'CREATE DATABASE target');
	$registry->command_ok([ 'pg_restore', '-d', $registry->connstr('target'), $dump ], 'it is restored, into the same server');
	is($claim->('target', 3), 'settling|||', 'a restored dump: who is new waits');
	is($sql->('target', q{SELECT restored_because FROM "Odd name".snowflake_registry_realms}), 'another server, timeline or database', '… for that was noticed');
	is($sql->('target', qq{SELECT refusal, until_ms > $until FROM "Odd name".snowflake_registry_renew('main', $node, 2, 'server 2', $from, $until)}), '|t', '… who was forgotten recovers');
	is($sql->('target', q{SELECT string_agg(label, ', ' ORDER BY node) FROM "Odd name".snowflake_registry_grant_log}), 'server 1, server 2', '… the log came along');
}

restored_dump();

# The data directory is put back as it was: identifier and timeline are the same.
sub restored_snapshot
{
	my $node = start_registry('snapshot');
	my $claimed = claim($node, 'main', 1, 'old');
	my $identity = $node->safe_psql('postgres', 'SELECT identity FROM snowflake_registry_realms');
	$node->stop;
	my $data = $node->data_dir;
	system('cp', '-a', $data, "$data.old") == 0 or die 'cannot copy';
	$node->start;
	my $renewed = renew($node, 'main', 1, 'old', $claimed);
	my $forgotten = claim($node, 'main', 2, 'forgotten');
	$node->stop;
	system('rm', '-rf', $data) == 0 && rename("$data.old", $data) or die 'cannot put back';
	$node->start;
	is(restored_at($node, 'main'), '', 'a snapshot does not know that it is one');
	is_granted(renew($node, 'main', 2, 'forgotten', $forgotten), '… until somebody renews what it has forgotten, and recovers');
	isnt(restored_at($node, 'main'), '', '… then it does');
	is($node->safe_psql('postgres', 'SELECT identity FROM snowflake_registry_realms'), $identity, '… though identifier and timeline are the same');
	is(claim($node, 'main', 3, 'new')->{refusal}, 'settling', '… and who is new waits');
	is_granted(renew($node, 'main', 1, 'old', $renewed), '… and who is known goes on');
	$node->stop;
}

restored_snapshot();

# --- Ranges never overlap ---

# A client is a psql that does at random what servers do. It writes down what it was granted, once it was told so, and
# what it gives back, before it says so. One that crashes comes back as another holder with the same label.
my $holders = 0;

sub client_script
{
	my ($client, $steps) = @_;
	my $script = "\\set ON_ERROR_STOP off\n\\pset tuples_only\n\\pset format unaligned\n";
	$script .= sprintf "\\set have %s\n", $client->{grant} ? 't' : 'f';
	$script .= "\\set holder $client->{holder}\n";
	$script .= "\\set node $client->{grant}[0]\n\\set from_ms $client->{grant}[1]\n\\set until_ms $client->{grant}[2]\n" if $client->{grant};
	my $note = "\\if :have\n\\echo grant :holder :node :from_ms :until_ms\n\\endif\n";
	for (1 .. $steps)
	{
		my $what = rand;
		$script .= sprintf "SELECT pg_sleep(%.3f) \\g /dev/null\n", rand(0.06);
		$script .= "\\if :have\n";
		if ($what < 0.75)
		{
			$script .= "SELECT refusal IS NULL AS have, coalesce(until_ms, 0) AS until_ms FROM snowflake_registry_renew('main', :node, :holder, '$client->{label}', :from_ms, :until_ms) \\gset\n$note";
		}
		elsif ($what < 0.85)
		{
			$script .= "SELECT least(:until_ms, greatest(:from_ms, snowflake_registry_clock())) AS last_used \\gset\n"
			  . "\\echo back :holder :node :from_ms :last_used\n\\set have f\n"
			  . "SELECT snowflake_registry_give_back('main', :node, :holder, :last_used) \\g /dev/null\n";
		}
		elsif ($what < 0.92) { $script .= "\\set have f\n" }
		$script .= "\\else\n\\set holder " . new_holder() . "\n"
		  . "SELECT refusal IS NULL AS have, node, from_ms, until_ms FROM snowflake_registry_claim('main', :holder, '$client->{label}') \\gset\n$note\\endif\n";
	}
	return $script;
}

sub new_holder { return ++$holders + 1_000_000 }

sub start_clients
{
	my ($node, $steps, @clients) = @_;
	for my $client (@clients)
	{
		@$client{qw(out err)} = ('', '');
		my $script = client_script($client, $steps);
		my $file = PostgreSQL::Test::Utils::tempdir . '/client';
		append_to_file($file, $script);
		$client->{harness} = IPC::Run::start([ 'psql', '-Xq', '-d', $node->connstr('postgres'), '-f', $file ],
			'>', \$client->{out}, '2>', \$client->{err}, IPC::Run::timeout(300));
	}
}

# Adds what the clients were granted, and knows then what each still holds: its last line, if it is a grant.
sub finish_clients
{
	my ($grants, @clients) = @_;
	for my $client (@clients)
	{
		$client->{harness}->finish;
		delete $client->{grant};
		for my $line (split /\n/, $client->{out})
		{
			my ($what, $holder, $node, $from, $end) = $line =~ /^(grant|back) (\d+) (\d+) (\d+) (\d+)$/ or next;
			my $grant = $grants->{"$holder/$node"} //= { holder => $holder, node => $node, from => $from, until => $from };
			$grant->{until} = $end if $what eq 'back' || $end > $grant->{until};
			@$client{qw(holder grant)} = ($holder, $what eq 'grant' ? [ $node, $from, $end ] : undef);
		}
		$client->{holder} = new_holder() unless $client->{grant};
	}
}

sub overlaps
{
	my ($grants) = @_;
	my (%last, @found);
	for my $grant (sort { $a->{node} <=> $b->{node} || $a->{from} <=> $b->{from} || $a->{until} <=> $b->{until} } values %$grants)
	{
		next if $grant->{until} <= $grant->{from};    # never used
		my $last = $last{ $grant->{node} };
		push @found, "node $grant->{node}: $last->{holder} ($last->{from}, $last->{until}], $grant->{holder} ($grant->{from}, $grant->{until}]"
		  if $last && $grant->{from} < $last->{until};
		$last{ $grant->{node} } = $grant if !$last || $grant->{until} > $last->{until};
	}
	return @found;
}

sub are_disjoint
{
	my ($what, $grants, $node) = @_;
	my @found = overlaps($grants);
	is(scalar @found, 0, "$what: no overlap in what clients were told") or diag join "\n", @found[ 0 .. ($#found > 9 ? 9 : $#found) ];
	is($node->safe_psql('postgres', q{SELECT count(*) FROM snowflake_registry_grant_log a JOIN snowflake_registry_grant_log b USING (realm, node)
		WHERE a.from_ms < b.from_ms AND b.from_ms < a.until_ms}), 0, "$what: nor in the log");
	note "$what: " . keys(%$grants) . ' grants';
}

sub random_life
{
	ok(overlaps({ a => { node => 1, from => 0, until => 5, holder => 1 }, b => { node => 1, from => 4, until => 6, holder => 2 } }), 'an overlap would be found');
	my $primary = start_registry('random');
	make_realm($primary, q{'main'}, 0, 7, q{'1 s'});
	my @clients = map { { label => "server $_:5432", holder => new_holder() } } 1 .. 12;
	my %grants;
	start_clients($primary, $quick ? 80 : 250, @clients);
	finish_clients(\%grants, @clients);
	cmp_ok(scalar keys %grants, '>', $quick ? 30 : 100, 'random clients: many grants');
	is(join('', grep { /ERROR/ } map { $_->{err} } @clients), '', 'random clients: no error');
	are_disjoint('random clients', \%grants, $primary);

	# With a longer lease, so that what was forgotten is not over when the standby is promoted.
	$primary->safe_psql('postgres', q{SELECT snowflake_registry_alter_realm('main', 0, 15, '9 s')});
	for my $round (1 .. ($quick ? 1 : 2))
	{
		my $standby = start_standby($primary, "random_heir_$round");
		start_clients($primary, 100, @clients);
		sleep(1.5);
		$standby->stop;
		sleep(1.5);
		$primary->kill9;
		finish_clients(\%grants, @clients);
		my $before = keys %grants;
		promote_after_loss($standby);
		# Nothing is granted at first, for a lease and 5 s; how long the clients take depends on the machine.
		for (1 .. 10)
		{
			start_clients($standby, 400, @clients);
			finish_clients(\%grants, @clients);
			last if keys %grants > $before;
		}
		cmp_ok(scalar keys %grants, '>', $before, "promoted with lost commits, round $round: there are new grants");
		isnt(restored_at($standby, 'main'), '', "promoted with lost commits, round $round: noticed");
		are_disjoint("promoted with lost commits, round $round", \%grants, $standby);
		$primary = $standby;
	}
	$primary->stop;
}

random_life();
$registry->stop;
done_testing();
