"""The drill: rounds of load with faults in the middle of it, and what must be true afterwards.

    drill.py DIRECTORY BIN_DIR [--quick | --same-node-split]

Run by scripts/drill, which builds the extension and stops everything at the end.
"""

import itertools
import sys
import time
import traceback
from dataclasses import dataclass

from cluster import Cluster, wait_until
from load import IDENTITY, SNOWFLAKE, Load

STEADY = 2  # seconds of load before a fault, and of load after it until the lost node comes back
SPLIT = 4  # seconds during which two primaries live


def say(text):
    print(text, flush=True)


class Checks:
    def __init__(self):
        self.passed = 0
        self.failed = 0

    def check(self, holds, what):
        self.passed += bool(holds)
        self.failed += not holds
        say(f"{'ok' if holds else 'not ok'} - {what}")  # as TAP has it

    def summary(self):
        return f"{self.passed} passed, {self.failed} failed"


def brief(findings):
    """What to add to a line: nothing if nothing was found."""
    return "".join(f"\n#   {finding}" for finding in list(findings)[:3])


# --- Faults: each begins and ends with a whole cluster, and returns what two primaries had ------------------------


def kill_leader(cluster, _table, checks):
    old = cluster.leader()
    old.kill()
    new = cluster.wait_for_new_leader(old)
    checks.check(not old.is_primary(), f"{old.name} is dead, {new.name} leads")
    time.sleep(STEADY)
    old.start()
    return []


def switch_over(cluster, _table, checks):
    old = cluster.leader()
    cluster.switch_over()
    new = cluster.wait_for_new_leader(old)
    checks.check(not old.is_primary(), f"{old.name} stepped down, {new.name} leads")
    time.sleep(STEADY)
    return []


def split_brain(cluster, table, checks):
    """The leader's Patroni sleeps and cannot stop its PostgreSQL when the others elect a new leader.

    When it wakes up, either of the two may be deposed: Patroni may take the leader's key back before it looks at it.
    """
    old = cluster.leader()
    old.pause_patroni()
    new = cluster.wait_for_new_leader(old)
    before = [count_rows(node, table) for node in (old, new)]
    time.sleep(SPLIT)
    growth = [count_rows(node, table) - count for node, count in zip((old, new), before)]
    checks.check(
        min(growth) > 0,
        f"two primaries took writes for {SPLIT} s: {growth[0]} rows on {old.name}, {growth[1]} on {new.name}",
    )
    rows = rows_of(old, table) + rows_of(new, table)
    checks.check(len(cluster.primaries()) == 2, "both are primaries still")
    old.resume_patroni()
    (left,) = wait_until("one of them has stepped down", cluster.only_primary)
    say(f"# {left.name} is left as primary")
    return rows


FAULTS = {
    kill_leader: "leader killed",
    switch_over: "switchover",
    split_brain: "leader's Patroni stopped",
}


# --- Rows ------------------------------------------------------------------------------------------------------------


def count_rows(node, table):
    """Asked again where there is no answer: a node that is being promoted closes connections."""
    (count,) = wait_until(f"{node.name} answers", lambda: node.ask(f"SELECT count(*) FROM {table.name}"))
    return count


def rows_of(node, table):
    """All rows as (ID, the mark of the row)."""
    with node.cursor() as cursor:
        cursor.execute(f"SELECT id, client, statement, item FROM {table.name}")
        return [(id, mark) for id, *mark in cursor.fetchall()]


def rows_acknowledged(acknowledged):
    for statement in acknowledged:
        for item, id in enumerate(statement.ids, start=1):
            yield id, (statement.client, statement.statement, item)


def given_twice(*sources):
    """The IDs that two different rows bear. One row may be in several sources."""
    first_mark = {}
    return {
        id for id, mark in itertools.chain(*sources) if first_mark.setdefault(id, tuple(mark)) != tuple(mark)
    }


# --- Rounds ----------------------------------------------------------------------------------------------------------


@dataclass
class Round:
    title: str
    table: object
    faults: tuple
    shared_node_id: object = None  # None: each node has its own
    registry: bool = False  # the numbers are those of a registry, and no node has one in its configuration

    def node_id_of(self, node):
        if self.registry:
            return None
        return node.number if self.shared_node_id is None else self.shared_node_id


@dataclass
class Outcome:
    """What a round left behind."""

    table: object
    acknowledged: list
    rows_of_both: list  # what two primaries had, one of which was then deposed
    errors: list
    spans: dict  # of each fault: from when to when

    def outages(self):
        return {fault: longest_silence(self.acknowledged, *span) for fault, span in self.spans.items()}

    def ever_given_twice(self, survivors):
        return given_twice(rows_acknowledged(self.acknowledged), self.rows_of_both, survivors)


def longest_silence(acknowledged, begin, end):
    times = [begin, *(a.time for a in acknowledged if begin <= a.time <= end), end]
    return max(later - earlier for earlier, later in zip(times, times[1:]))


def play(this, cluster, checks):
    say(f"# {this.title}")
    cluster.set_node_ids(this.node_id_of)
    with cluster.leader().cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {this.table.name}")
        cursor.execute(this.table.create)
    load = Load(this.table, cluster)
    spans, rows_of_both = {}, []
    for fault in this.faults:
        time.sleep(STEADY)
        begin = time.monotonic()
        rows_of_both += fault(cluster, this.table, checks)
        cluster.wait_until_whole()
        spans[fault] = (begin, time.monotonic())
    time.sleep(1)
    load.stop()
    cluster.wait_until_replayed()
    return Outcome(this.table, load.acknowledged(), rows_of_both, load.errors(), spans)


def check_load(outcome, checks):
    last = outcome.acknowledged[-1].time
    checks.check(last > max(end for _, end in outcome.spans.values()), "writing went on after the last fault")
    checks.check(not outcome.errors, f"clients lost connections and met no other error{brief(outcome.errors)}")


def check_rows(outcome, cluster, checks):
    total, distinct = cluster.leader().ask(f"SELECT count(*), count(DISTINCT id) FROM {outcome.table.name}")
    checks.check(total == distinct > 0, f"{total - distinct} duplicates in {total} rows on the leader")
    contents = {
        node.name: node.ask(f"SELECT count(*), sum(hashtextextended(made::text, 0)) FROM {outcome.table.name} made")
        for node in cluster.nodes
    }
    differing = contents if len(set(contents.values())) > 1 else {}
    checks.check(not differing, f"all nodes have the same rows{brief(differing.items())}")


def check_node_ids(this, outcome, cluster, checks):
    with cluster.leader().cursor() as cursor:
        cursor.execute(f"SELECT DISTINCT server, snowflake_node(id) FROM {outcome.table.name}")
        pairs = cursor.fetchall()
    found = dict(pairs)
    if this.registry:
        servers, numbers = ({pair[i] for pair in pairs} for i in (0, 1))
        right = 1 < len(servers) <= len(numbers)
        checks.check(right, f"{len(servers)} servers had numbers of the registry: {sorted(pairs)}")
        return
    expected = {node.port: this.node_id_of(node) for node in cluster.nodes if node.port in found}
    right = found == expected and len(found) > 1
    checks.check(right, f"IDs bear the node ID of their server: {sorted(found.values())}")


def check_all_ever_made(outcome, cluster, checks):
    duplicates = outcome.ever_given_twice(rows_of(cluster.leader(), outcome.table))
    made = sum(len(a.ids) for a in outcome.acknowledged)
    checks.check(
        not duplicates,
        f"{len(duplicates)} duplicates in {made} acknowledged IDs "
        f"and {len(outcome.rows_of_both)} rows of two primaries",
    )


def play_and_check(this, cluster, checks):
    outcome = play(this, cluster, checks)
    check_load(outcome, checks)
    check_rows(outcome, cluster, checks)
    check_node_ids(this, outcome, cluster, checks)
    if this.shared_node_id is None:
        check_all_ever_made(outcome, cluster, checks)
    return outcome


# --- Plans -----------------------------------------------------------------------------------------------------------


def run_quick(cluster, checks):
    nobody = Round("no node ID anywhere: a registry", SNOWFLAKE, (kill_leader,), registry=True)
    print_outages({"snowflake_id": play_and_check(nobody, cluster, checks)})


def run_full(cluster, checks):
    all_faults = tuple(FAULTS)
    snowflake = play_and_check(Round("each node its own node ID", SNOWFLAKE, all_faults), cluster, checks)
    nobody = Round("no node ID anywhere: a registry", SNOWFLAKE, all_faults, registry=True)
    registry = play_and_check(nobody, cluster, checks)
    comparison = Round("for comparison, without the extension: an identity column", IDENTITY, all_faults)
    identity = play(comparison, cluster, checks)
    one_primary = (kill_leader, switch_over)
    play_and_check(Round("one node ID for all, one primary at a time", SNOWFLAKE, one_primary, 7), cluster, checks)
    print_outages({"snowflake_id": snowflake, "with a registry": registry, "identity": identity})
    repeated = identity.ever_given_twice(rows_of(cluster.leader(), IDENTITY))
    say(f"# the identity column gave {len(repeated)} numbers to two rows, of which one was lost with its leader")


def run_same_node_split(cluster, checks):
    mistake = Round("a mistake: one node ID for all, two primaries", SNOWFLAKE, (split_brain,), 7)
    outcome = play(mistake, cluster, checks)
    duplicates = outcome.ever_given_twice(rows_of(cluster.leader(), SNOWFLAKE))
    checks.check(duplicates, f"the drill sees duplicates where there must be some: {len(duplicates)}")


PLANS = {"": run_full, "--quick": run_quick, "--same-node-split": run_same_node_split}


def print_outages(outcomes):
    say("\n# how long nobody could write:\n")
    say(f"| fault | {' | '.join(outcomes)} |\n|---|{'---:|' * len(outcomes)}")
    outages = [outcome.outages() for outcome in outcomes.values()]
    for fault in outages[0]:
        say(f"| {FAULTS[fault]} | {' | '.join(f'{outage[fault]:.1f} s' for outage in outages)} |")
    say("")


def main(directory, bin_dir, plan=""):
    checks = Checks()
    try:
        cluster = Cluster(directory, bin_dir)
        say("# starting etcd and three nodes")
        cluster.start()
        with cluster.leader().cursor() as cursor:
            cursor.execute("CREATE EXTENSION snowflake_id")
        PLANS[plan](cluster, checks)
    except Exception:
        traceback.print_exc()
        checks.check(False, "the drill ran to its end")
    say(checks.summary())
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
