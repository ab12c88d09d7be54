# A registry in etcd: numbers are distinct, are granted again from where they were used to, and survive what etcd does.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use List::Util qw(max uniq);
use PostgreSQL::Test::Utils;
use RegistryClient;
use Test::More;
use Time::HiRes qw(sleep);

my $etcd = Etcd->start;

# --- many at once ---
{
	$etcd->put('/snowflake_id/many/config', '{"last": 30}');
	my @clients = map { RegistryClient->new($etcd->uri) } 1 .. 40;
	$clients[ $_ - 1 ]->say("claim many $_ server$_:5432") for 1 .. 40;
	my @answers = map { $_->answer } @clients;
	my @granted = grep { $_->{kind} eq 'granted' } @answers;
	is(scalar @granted, 31, '40 claim at once: all 31 numbers are granted') or diag explain \@answers;
	is(scalar(uniq map { $_->{node} } @granted), 31, '... each to one of them');
	is(scalar(grep { $_->{kind} eq 'full' } @answers), 9, '... and the others are told that there are no more');
	$_->end for @clients;
}

# --- one after the other ---
my $client = RegistryClient->new($etcd->uri);
{
	my $first = $client->ask('claim main 77 a:1');
	is("$first->{kind} $first->{node} $first->{from}", 'granted 0 0', 'the first number, from the beginning of time');
	is($first->{until} - $first->{now}, 30_000, 'for half a minute at first');
	cmp_ok(abs($first->{now} / 1000 - time), '<', 5, "by etcd's clock");
	my $again = $client->ask('claim main 77 a:1');
	is("$again->{node} $again->{until}", "0 $first->{until}", 'the same once more');
	my $renewed = $client->ask("renew main 0 77 a:1 0 $first->{until}");
	is($renewed->{until} - $renewed->{now}, 60_000, 'a renewal doubles the lease');
	is($client->ask("renew main 0 78 b:1 0 $first->{until}")->{kind}, 'lost', 'not for another holder');
	is($client->ask('give_back main 0 78 5')->{kind}, 'lost', 'nor does another give it back');
	is($client->ask("give_back main 0 77 $first->{now}")->{kind}, 'returned', 'the holder does');
	my $next = $client->ask('claim main 79 a:1');
	is("$next->{node} $next->{from}", "0 $first->{now}", 'the next begins where it was last used');
	like($etcd->get('/snowflake_id/main/node/0')->{'/snowflake_id/main/node/0'},
		qr/^\{"version": 1, "holder": "79", "label": "a:1", "from": $first->{now}, /, 'people can read it');
	my @log = sort keys %{ $etcd->get('/snowflake_id/main/log/') };
	is_deeply(\@log, [ '/snowflake_id/main/log/0/000000000000000', "/snowflake_id/main/log/0/00$next->{from}" ],
		'each grant is in the log');
}

# --- over ---
{
	$etcd->put('/snowflake_id/short/config', '{"last": 0, "lease_seconds": 2}');
	my $first = $client->ask('claim short 1 a:1');
	is($client->ask('claim short 2 a:1')->{kind}, 'full', 'a number that is not over is granted to nobody else');
	sleep(4);
	my $second = $client->ask('claim short 2 b:1');
	is("$second->{kind} $second->{from}", "granted $first->{until}", 'when it is over it is, from its end on');
	is($client->ask("renew short 0 1 a:1 0 $first->{until}")->{kind}, 'lost', '... and the first has lost it');
}

# --- what is not understood ---
{
	$etcd->put('/snowflake_id/odd/config', '{"lats": 5}');
	like($client->ask('claim odd 1 a:1')->{message}, qr{/snowflake_id/odd/config.*unknown member lats}, 'a misspelt setting');
	$etcd->put('/snowflake_id/spoilt/node/3', 'x');
	like($client->ask('claim spoilt 1 a:1')->{message}, qr{/snowflake_id/spoilt/node/3}, 'a spoilt value');
}

# --- etcd is killed, and started again ---
{
	my $held = $client->ask('claim killed 5 a:1');
	$etcd->kill9;
	my $failed = $client->ask("renew killed 0 5 a:1 0 $held->{until}");
	is($failed->{kind}, 'failed', 'without etcd there is no answer');
	like($failed->{message}, qr/127\.0\.0\.1:$etcd->{port}: .*connect/, '... and it is said why');
	$etcd->start_again;
	my $renewed = $client->ask("renew killed 0 5 a:1 0 $held->{until}");
	is($renewed->{kind}, 'granted', 'when it is back, the client is too');
}

# --- etcd freezes in the middle ---
{
	my $held = $client->ask('claim frozen 5 a:1');
	$etcd->signal('STOP');
	my $failed = $client->ask("renew frozen 0 5 a:1 0 $held->{until}");
	$etcd->signal('CONT');
	is($failed->{kind}, 'failed', 'a frozen etcd: no answer');
	cmp_ok($failed->{took}, '>=', 4900, '... not before five seconds');
	cmp_ok($failed->{took}, '<', 6000, '... nor much later');
	is($client->ask("renew frozen 0 5 a:1 0 $held->{until}")->{kind}, 'granted', 'when it goes on, so does the client');
}

# --- several endpoints ---
{
	my $dead = Etcd::free_port();
	my $answer = RegistryClient->new("etcd://127.0.0.1:$dead,127.0.0.1:$etcd->{port}")->ask('claim several 1 a:1');
	is($answer->{kind}, 'granted', 'the first endpoint is dead: the second is asked');
	my $silent = IO::Socket::INET->new(Listen => 10, LocalAddr => '127.0.0.1');
	my $other = RegistryClient->new('etcd://127.0.0.1:' . $silent->sockport . ",127.0.0.1:$etcd->{port}");
	$answer = $other->ask('claim several 2 b:1');
	is($answer->{kind}, 'granted', 'the first accepts and says nothing: the second is asked');
	cmp_ok($other->ask('claim several 2 b:1')->{took}, '<', 1000, '... and at once the next time');
}

# --- what is refused before etcd is asked ---
{
	is(RegistryClient->new('etcd://127.0.0.1:1')->ask('claim a/b 1 a:1')->{kind}, 'failed', 'a realm with a slash');
	like(RegistryClient->new('etcd://u:secret@127.0.0.1:1?passfile=/x')->ask('claim main 1 a:1')->{message},
		qr/a password must not stand/, 'a password in the URI');
	like(RegistryClient->new('etcd://127.0.0.1:1?x=y')->ask('claim main 1 a:1')->{message}, qr/unknown option x/,
		'an unknown option');
}

# --- the clock of etcd is set back by an hour ---
sub set_clock
{
	my ($file, $offset) = @_;
	append_to_file("$file.new", $offset);
	rename("$file.new", $file) or die $!;
	return;
}
{
	my $offset = PostgreSQL::Test::Utils::tempdir() . '/offset';
	set_clock($offset, 3600);
	my $watcher = RegistryClient->new($etcd->skewed_uri($offset));
	my $held = $watcher->ask('claim skewed 5 a:1');
	cmp_ok($held->{now} / 1000, '>', time + 3500, 'a registry that is an hour ahead');
	set_clock($offset, 0);
	my $renewed = $watcher->ask("renew skewed 0 5 a:1 0 $held->{until}");
	is($renewed->{kind}, 'granted', '... and then right again renews');
	cmp_ok($renewed->{now}, '>=', $held->{now}, '... its time does not go back');
	sleep(2.1);
	my $later = $watcher->ask("renew skewed 0 5 a:1 0 $renewed->{until}");
	cmp_ok($later->{now} - $renewed->{now}, '>=', 2000, '... and goes on');
	cmp_ok($later->{until}, '>', $renewed->{until}, '... and so do grants');
}

# --- etcd is restored from a copy that is older ---
{
	my $member = Etcd->start;
	$member->put('/snowflake_id/main/config', '{"lease_seconds": 20}');
	my @watchers = map { RegistryClient->new($member->uri) } 1 .. 3;
	my $old = $watchers[0]->ask('claim main 1 a:1');
	$member->kill9;
	system('cp', '-r', "$member->{directory}/data", "$member->{directory}/copy") == 0 or die;
	$member->start_again;
	my $forgotten = $watchers[1]->ask('claim main 2 b:1');
	is("$old->{node} $forgotten->{node}", '0 1', 'two servers have numbers');
	$member->kill9;
	$member->{data} = "$member->{directory}/copy";
	$member->start_again;
	is($watchers[1]->ask('claim main 9 z:1')->{kind}, 'settling', 'a restored etcd: who was there before notices');
	my $renewed = $watchers[1]->ask("renew main 1 2 b:1 $forgotten->{from} $forgotten->{until}");
	is($renewed->{kind}, 'granted', '... whom it has forgotten recovers');
	my $settling = $watchers[2]->ask('claim main 3 c:1');
	is($settling->{kind}, 'settling', '... no other number is granted yet');
	like($settling->{message}, qr/restored.* \d+ s$/, '... which is said');
	is($watchers[0]->ask("renew main 0 1 a:1 0 $old->{until}")->{kind}, 'granted', '... whom it knows goes on');
	my $granted;
	for (1 .. 60)
	{
		$granted = $watchers[2]->ask('claim main 3 c:1');
		last if $granted->{kind} ne 'settling';
		sleep(1);
	}
	is($granted->{kind}, 'granted', 'after a lease numbers are granted again');
	cmp_ok($granted->{from}, '>=', $forgotten->{until}, '... from later than all that was forgotten');
}

$client->end;
done_testing();
