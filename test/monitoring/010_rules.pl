# What can be said of the files of monitoring/ without a server: the rules are valid, fire and clear when the numbers say
# so, not before their `for`, and each has a page to read. The dashboard is what Grafana can load.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use JSON::PP qw(decode_json);
use PostgreSQL::Test::Utils qw(slurp_file);
use SnowflakeMonitoring qw(monitoring_file alert_names);
use Test::More;

sub promtool
{
	my ($what, @arguments) = @_;
	my $said = '';
	ok(IPC::Run::run([ 'promtool', @arguments ], '>', \$said, '2>&1'), $what) or diag $said;
}

promtool('promtool check rules', qw(check rules --lint=all --lint-fatal), monitoring_file('alerts.yml'));
promtool('promtool test rules', qw(test rules), "$FindBin::RealBin/alerts_test.yml");

# --- Each alert is tried, and has what an operator needs ---

my $rules = slurp_file(monitoring_file('alerts.yml'));
my $tried = slurp_file("$FindBin::RealBin/alerts_test.yml");
my $page = slurp_file("$FindBin::RealBin/../../docs/monitoring.md");
for my $alert (alert_names())
{
	my ($rule) = $rules =~ /- alert: $alert\n(.*?)(?=^\s+- alert:|\z)/ms;
	like($rule, qr/severity: (?:warning|critical)\}/, "$alert has a severity");
	like($rule, qr/summary: \S.*\n\s+action: \S/, "$alert has summary and action");
	like($page, qr/^### $alert$/m, "$alert has a section in docs/monitoring.md");
	like($tried, qr/name: $alert$/m, "$alert is tried by promtool test rules");
}

# --- The dashboard ---

my $dashboard = decode_json(slurp_file(monitoring_file('dashboard.json')));
cmp_ok($dashboard->{schemaVersion}, '>=', 36, 'the dashboard is of Grafana 9 or later');
is_deeply([ map { $_->{name} } @{ $dashboard->{templating}{list} } ], [qw(datasource instance)],
	'its data source and its servers are variables');
my %ids = map { ($_->{id} => 1) } @{ $dashboard->{panels} };
is(scalar keys %ids, scalar @{ $dashboard->{panels} }, 'each panel has an ID of its own');
for my $panel (@{ $dashboard->{panels} })
{
	is($panel->{datasource}{uid}, '${datasource}', "$panel->{title}: the data source is the variable");
	like($panel->{description}, qr/\S/, "$panel->{title}: has a description");
}
is_deeply([ overlapping(@{ $dashboard->{panels} }) ], [], 'no panel lies on another');

sub overlapping
{
	my @panels = @_;
	my @found;
	while (my $panel = shift @panels)
	{
		push @found, map { "$panel->{title}, $_->{title}" } grep { overlap($panel->{gridPos}, $_->{gridPos}) } @panels;
	}
	return @found;
}

sub overlap
{
	my ($a, $b) = @_;
	return $a->{x} < $b->{x} + $b->{w} && $b->{x} < $a->{x} + $a->{w}
	  && $a->{y} < $b->{y} + $b->{h} && $b->{y} < $a->{y} + $a->{h};
}

done_testing();
