# What is looked at besides the IDs: the servers' logs, and the memory of sessions.
#
#     push @wrong, unexpected_lines($node);           # since the last time that this was asked
#     my $found = read_samples(glob '*.samples');     # { sessions, longest, statements => { … }, grown => { … } }
package SnowflakeWatch;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use List::Util qw(max sum0);
use PostgreSQL::Test::Utils qw(slurp_file);

our @EXPORT = qw(unexpected_lines read_samples);

# --- Logs ---

# Of internal errors, PostgreSQL's own nextval() reports one where the sequence is just being dropped.
my $never = qr/PANIC|TRAP:|Assert|unrecognized node|terminated by signal (?!9\b)
	|user=\S*\ XX\S+\ ERROR:\ \ (?!could\ not\ open\ relation\ with\ OID)/x;
# Connections that end, servers that start, replication that is lost; hostile roles; the one warning of ours.
my $accounted_for = qr/user=mallory|57P0\d|08\d\d\d|terminating connection|walreceiver|WAL stream
	|connection\ to\ (?:client|server)|WARNING:\ \ the\ clock\ was\ set\ back:\ it\ is\ [\d.]+\ s\ behind/x;
my $ours = qr/LOG:\ \ (?!parameter|background\ worker\ .*\ exited\ with\ exit\ code\ 1|the\ clock\ has\ leapt\ ahead)
	.*(?:snowflake|node\ number|horizon|clock)/x;

sub is_expected
{
	my ($line) = @_;
	return 0 if $line =~ $never || $line =~ $ours;
	return $line !~ /(?:WARNING|ERROR|FATAL):/ || $line =~ $accounted_for;
}

# Whole lines only; what follows a line of the log (a statement in several lines, say) is not looked at.
sub unexpected_lines
{
	my ($node) = @_;
	my $log = $node->log_since($node->{read_to} //= 0) =~ s/[^\n]*\z//r;
	$node->{read_to} += length $log;
	return map { $node->name . ": $_" } grep { /^\d{4}-/ && !is_expected($_) } split /\n/, $log;
}

# --- Samples of sessions, see client.pl ---

# How a session grows is counted from when it is this old, in seconds: by then it has everything in its caches.
my $grown_up = 15;

sub read_samples
{
	my (@files) = @_;
	my (%sessions, %statements);
	for (map { split /\n/, slurp_file($_) } @files)
	{
		my ($session, $kind, $age, $statements, @bytes) = split /\t/;
		my $seen = $sessions{$session} //= {};
		@$seen{qw(age last)} = ($age, \@bytes);
		$seen->{first} //= \@bytes if $age >= $grown_up;
		$statements{$kind}{ $session =~ s/\..*//r } = $statements;
	}
	my @old = grep { $_->{first} } values %sessions;
	return {
		sessions => scalar keys %sessions,
		longest => max(0, map { $_->{age} } values %sessions),
		statements => { map { $_ => sum0(values %{ $statements{$_} }) } keys %statements },
		grown => {
			contexts => max(0, map { $_->{last}[0] - $_->{first}[0] } @old),
			process => max(0, map { $_->{last}[1] - $_->{first}[1] } @old) } };
}

1;
