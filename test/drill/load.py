"""Clients that write all the while, connect again to a writable node when they have to, and keep what was acknowledged.

Each row is marked with the client, its statement and the place within that statement, so that two rows with one ID can
be told from one row that was seen twice.
"""

import multiprocessing
import os
import random
import time
from dataclasses import dataclass

import psycopg2

CLIENTS = 4
BULK = 100  # rows in a bulk statement; each fifth statement is one
PAUSE = 0.01  # seconds between two statements: the load shall be steady, not heavy
CONNECTION_LIFE = 1.0  # seconds; as a connection pool does, and so that all nodes that accept writes get some

# The table has no unique index: a duplicate shall be seen, not refused.
COLUMNS = "client int, statement int, item int, server int DEFAULT inet_server_port()"


@dataclass(frozen=True)
class Table:
    """How rows get their ID: the one thing in which a comparison differs."""

    name: str
    create: str
    insert_one: str
    insert_many: str


SNOWFLAKE = Table(
    name="rows_snowflake",
    create=f"CREATE TABLE rows_snowflake (id bigint DEFAULT snowflake_next(), {COLUMNS})",
    insert_one="INSERT INTO rows_snowflake (client, statement, item) VALUES (%s, %s, 1) RETURNING id",
    insert_many=f"""INSERT INTO rows_snowflake (id, client, statement, item)
        SELECT id, %s, %s, item FROM unnest(snowflake_next_array({BULK})) WITH ORDINALITY AS made (id, item)
        RETURNING id""",
)

IDENTITY = Table(
    name="rows_identity",
    create=f"CREATE TABLE rows_identity (id bigint GENERATED ALWAYS AS IDENTITY, {COLUMNS})",
    insert_one="INSERT INTO rows_identity (client, statement, item) VALUES (%s, %s, 1) RETURNING id",
    insert_many=f"""INSERT INTO rows_identity (client, statement, item)
        SELECT %s, %s, item FROM generate_series(1, {BULK}) AS item RETURNING id""",
)


@dataclass(frozen=True)
class Acknowledged:
    time: float
    client: int
    statement: int
    ids: tuple


def is_expected(error):
    """Whether it is the end of a connection, or of a node's being the primary; anything else is a fault of ours."""
    code = error.pgcode or "08000"
    return code.startswith("08") or code.startswith("57P0") or code == "25006"


class Client:
    def __init__(self, number, table, access, ports, directory):
        self._number = number
        self._table = table
        self._access = access
        self._ports = list(ports)
        self._statement = 0
        self._file = open(os.path.join(directory, f"client{number}"), "w", encoding="ascii", buffering=1)

    def run(self, stop):
        while not stop.is_set():
            try:
                self._use_one_connection(stop)
            except psycopg2.Error as error:
                if not is_expected(error):
                    self._note("error", error.pgcode, str(error).replace("\n", " "))
                time.sleep(0.05)

    def _use_one_connection(self, stop):
        connection = self._connect()
        connection.autocommit = True
        end = time.monotonic() + CONNECTION_LIFE
        try:
            with connection.cursor() as cursor:
                while time.monotonic() < end and not stop.is_set():
                    self._write(cursor)
                    time.sleep(PAUSE)
        finally:
            connection.close()

    def _connect(self):
        random.shuffle(self._ports)
        return psycopg2.connect(
            **self._access, host=",".join(["127.0.0.1"] * len(self._ports)), port=",".join(map(str, self._ports)),
            target_session_attrs="read-write", connect_timeout=2,
        )

    def _write(self, cursor):
        self._statement += 1
        insert = self._table.insert_many if self._statement % 5 == 0 else self._table.insert_one
        cursor.execute(insert, (self._number, self._statement))
        ids = [id for (id,) in cursor.fetchall()]
        self._note("row", time.monotonic(), self._statement, *ids)

    def _note(self, *words):
        self._file.write(" ".join(map(str, words)) + "\n")


class Load:
    """Starts the clients; afterwards knows what they were told."""

    def __init__(self, table, cluster):
        self._directory = os.path.join(cluster.directory, table.name)
        os.makedirs(self._directory, exist_ok=True)
        fork = multiprocessing.get_context("fork")
        self._stop = fork.Event()
        ports = [node.port for node in cluster.nodes]
        self._clients = [
            fork.Process(
                target=self._run_client, args=(number, table, cluster.access, ports), daemon=True
            )
            for number in range(CLIENTS)
        ]
        for client in self._clients:
            client.start()

    def _run_client(self, number, table, access, ports):
        Client(number, table, access, ports, self._directory).run(self._stop)

    def stop(self):
        self._stop.set()
        for client in self._clients:
            client.join()

    def acknowledged(self):
        """All acknowledged statements so far, in the order of time."""
        found = [
            Acknowledged(float(when), number, int(statement), tuple(map(int, ids)))
            for number, (kind, when, statement, *ids) in self._notes()
            if kind == "row"
        ]
        return sorted(found, key=lambda acknowledged: acknowledged.time)

    def errors(self):
        return [" ".join(text) for _, (kind, *text) in self._notes() if kind == "error"]

    def _notes(self):
        for number in range(CLIENTS):
            with open(os.path.join(self._directory, f"client{number}"), encoding="ascii") as file:
                for line in file:
                    if line.endswith("\n"):  # else it is still being written
                        yield number, line.split()
