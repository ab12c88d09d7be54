"""A Patroni cluster on loopback: one etcd, and nodes with a PostgreSQL each.

Every process writes its number to DIRECTORY/NAME/pid, so that scripts/drill can stop it however the drill ends.
"""

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import time
import urllib.request

import psycopg2

NODES = 3
PATIENCE = 90  # seconds until we give up on something that ought to happen

# Settings that all nodes share. A standby that finds no primary asks again after 5 s by default, and does not hear
# that it was promoted meanwhile: that would be noise of 5 s in what we measure.
PARAMETERS = {
    "wal_keep_size": "256MB",
    "wal_retrieve_retry_interval": "500ms",
    "shared_preload_libraries": os.environ["SNOWFLAKE_LIBRARY"],
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(what, condition):
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {PATIENCE} s in vain until {what}")
        time.sleep(0.1)
    return found


class Process:
    """A process in a session of its own, so that a signal to the drill does not reach it."""

    def __init__(self, directory, command):
        os.makedirs(directory, exist_ok=True)
        self._pid_file = os.path.join(directory, "pid")
        with open(os.path.join(directory, "process.log"), "ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        with open(self._pid_file, "w", encoding="ascii") as file:
            file.write(str(self._process.pid))

    def send(self, number):
        self._process.send_signal(number)

    def kill(self):
        os.remove(self._pid_file)
        self._process.kill()
        self._process.wait()


class Node:
    """A PostgreSQL and the Patroni that looks after it."""

    def __init__(self, number, cluster):
        self.number = number
        self.name = f"node{number}"
        self.node_id = number
        self.port = free_port()
        self._rest_port = free_port()
        self._cluster = cluster
        self._directory = os.path.join(cluster.directory, self.name)
        self._patroni = None

    @property
    def rest_url(self):
        return f"http://127.0.0.1:{self._rest_port}"

    @property
    def config_file(self):
        return os.path.join(self._directory, "patroni.yml")

    def configure(self):
        os.makedirs(self._directory, exist_ok=True)
        with open(self.config_file, "w", encoding="ascii") as file:
            json.dump(self._config(), file, indent=2)  # JSON is YAML

    def _config(self):
        return {
            "scope": "drill",
            "name": self.name,
            "restapi": self._address(self._rest_port),
            "etcd3": {"host": f"127.0.0.1:{self._cluster.etcd_port}"},
            "bootstrap": {
                "dcs": {
                    "ttl": 20,
                    "loop_wait": 2,
                    "retry_timeout": 5,
                    "maximum_lag_on_failover": 100_000_000,
                    "postgresql": {"use_pg_rewind": True, "parameters": PARAMETERS},
                },
                "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}, "data-checksums"],
            },
            "postgresql": {
                **self._address(self.port),
                "data_dir": os.path.join(self._directory, "data"),
                "bin_dir": self._cluster.bin_dir,
                "pgpass": os.path.join(self._directory, "pgpass"),
                "custom_conf": os.path.join(self._cluster.directory, "stage.conf"),
                "authentication": {
                    "superuser": {"username": "postgres", "password": self._cluster.password},
                    "replication": {"username": "replicator", "password": self._cluster.password},
                },
                "pg_hba": [
                    "host all all 127.0.0.1/32 scram-sha-256",
                    "host replication replicator 127.0.0.1/32 scram-sha-256",
                ],
                # What belongs to this server alone stands here, not in the DCS that all share.
                "parameters": {
                    **self._node_id_setting(),
                    "unix_socket_directories": "",
                    "logging_collector": "off",
                },
            },
        }

    def _node_id_setting(self):
        """Nothing, where a registry gives the number."""
        return {} if self.node_id is None else {"snowflake_id.node_id": self.node_id}

    @staticmethod
    def _address(port):
        return {"listen": f"127.0.0.1:{port}", "connect_address": f"127.0.0.1:{port}"}

    def start(self):
        self._patroni = Process(self._directory, ["/usr/bin/patroni", self.config_file])

    def reload(self):
        self._patroni.send(signal.SIGHUP)

    def pause_patroni(self):
        self._patroni.send(signal.SIGSTOP)

    def resume_patroni(self):
        self._patroni.send(signal.SIGCONT)

    def kill(self):
        """As if the machine had died: neither Patroni nor the postmaster can do anything more."""
        with open(os.path.join(self._directory, "data", "postmaster.pid"), encoding="ascii") as file:
            postmaster = int(file.readline())
        self._patroni.kill()
        os.kill(postmaster, signal.SIGKILL)

    @contextlib.contextmanager
    def cursor(self):
        connection = psycopg2.connect(**self._cluster.access, host="127.0.0.1", port=self.port, connect_timeout=3)
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()

    def ask(self, query, *values):
        """The first row of the answer, or nothing if the node does not answer."""
        try:
            with self.cursor() as cursor:
                cursor.execute(query, values)
                return cursor.fetchone()
        except psycopg2.Error:
            return None

    def has_number(self):
        if self.node_id is None:
            return self.ask("SELECT state FROM snowflake_node_status()") == ("held",)
        return self.ask("SELECT state, node FROM snowflake_node_status()") == ("fixed", self.node_id)

    def is_primary(self):
        return self.ask("SELECT pg_is_in_recovery()") == (False,)


class Cluster:
    def __init__(self, directory, bin_dir):
        self.directory = directory
        self.bin_dir = bin_dir
        self.password = secrets.token_hex()
        self.access = {"user": "postgres", "password": self.password, "dbname": "postgres"}
        self.etcd_port = free_port()
        self.registry_port = free_port()
        self.nodes = [Node(number, self) for number in range(1, NODES + 1)]

    def start(self):
        self._start_etcd("etcd", self.etcd_port)
        self._start_etcd("registry", self.registry_port)
        for node in self.nodes:
            node.configure()
            node.start()
        self.wait_until_whole()

    def _start_etcd(self, name, port):
        directory = os.path.join(self.directory, name)
        clients, peers = (f"http://127.0.0.1:{port}" for port in (port, free_port()))
        Process(directory, [
            "etcd", "--data-dir", os.path.join(directory, "data"),
            "--listen-client-urls", clients, "--advertise-client-urls", clients,
            "--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers,
            "--initial-cluster", f"default={peers}",
        ])

    def primaries(self):
        return [node for node in self.nodes if node.is_primary()]

    def only_primary(self):
        """In a list, which is empty while there are none or two."""
        primaries = self.primaries()
        return primaries if len(primaries) == 1 else []

    def leader(self):
        (leader,) = self.primaries()
        return leader

    def wait_for_new_leader(self, old):
        return wait_until("another node is primary", lambda: [node for node in self.primaries() if node != old])[0]

    def wait_until_whole(self):
        wait_until("one node is primary and all others stream from it", self._is_whole)

    def _is_whole(self):
        streaming = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
        return any(primary.ask(streaming) == (NODES - 1,) for primary in self.only_primary())

    def switch_over(self):
        subprocess.run(
            ["/usr/bin/patronictl", "-c", self.nodes[0].config_file, "switchover", "--force"],
            check=True, stdout=subprocess.DEVNULL,
        )

    def set_node_ids(self, node_id_of):
        """Each node's number in its own configuration, or, if it is None, that of the registry."""
        for node in self.nodes:
            node.node_id = node_id_of(node)
            node.configure()
            node.reload()
        has_registry = self.nodes[0].node_id is None
        self._set_registry(f"etcd://127.0.0.1:{self.registry_port}" if has_registry else None)
        for node in self.nodes:
            wait_until(f"{node.name} has its number", lambda node=node: node.has_number())

    def _set_registry(self, registry):
        """In the configuration that all members share."""
        change = {"postgresql": {"parameters": {"snowflake_id.registry": registry}}}
        request = urllib.request.Request(
            self.nodes[0].rest_url + "/config", data=json.dumps(change).encode(), method="PATCH"
        )
        urllib.request.urlopen(request, timeout=PATIENCE).close()

    def wait_until_replayed(self):
        """Whether the standbys come to have all that the leader wrote."""
        (end,) = self.leader().ask("SELECT pg_current_wal_flush_lsn()")
        for node in self.nodes:
            wait_until(
                f"{node.name} has replayed all",
                lambda node=node: node.is_primary()
                or node.ask("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", end) == (True,),
            )
