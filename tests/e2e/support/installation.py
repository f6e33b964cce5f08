"""End-to-end tests drive allocd from outside, with clients that we did not write."""

import contextlib
import json
import os
import pathlib
import secrets
import signal
import subprocess

import psycopg2
import psycopg2.extensions
import redis
import requests

import servers
from message_names import EVENTS

ROOT = pathlib.Path(__file__).resolve().parents[3]
# Generous: the tests run under sanitizers, on small and busy machines.
TIMEOUT_S = 20


def binary():
    return os.path.abspath(os.environ.get("ALLOCD_BIN") or ROOT / "build" / "allocd")


def bench_program():
    """allocd-bench is built beside allocd."""
    return os.path.join(os.path.dirname(binary()), "allocd-bench")


def wait_until(condition, what):
    return servers.wait_until(condition, what, TIMEOUT_S)


def unique(word):
    return f"{word}-{secrets.token_hex(4)}"


@contextlib.contextmanager
def fresh_database(server_url):
    """Yields the URL of an empty database on that server; it is dropped at the end."""
    name = unique("allocd-e2e")
    with administrator(server_url) as execute:
        execute(f'create database "{name}"')
        try:
            yield psycopg2.extensions.make_dsn(server_url, dbname=name)
        finally:
            execute(f'drop database "{name}" with (force)')


@contextlib.contextmanager
def administrator(url):
    with contextlib.closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor.execute


@contextlib.contextmanager
def restoring(allocd, server_url):
    """Makes a backup of the database, and restores it at the end of the block; the worker is stopped."""
    allocd.database.close()  # a database that is copied has no sessions
    allocd.database = None
    name, copy = psycopg2.extensions.parse_dsn(allocd.database_url)["dbname"], unique("backup")
    with administrator(server_url) as execute:
        execute(f'create database "{copy}" template "{name}"')
        yield
        execute(f'drop database "{name}" with (force)')
        execute(f'alter database "{copy}" rename to "{name}"')


def by_way_of(pooler, database_url):
    """The same database, as the pooler's clients reach it."""
    return psycopg2.extensions.make_dsn(database_url, host="127.0.0.1", port=pooler.port)


class Installation:
    """A database, a prefix on Redis and an HTTP port; its worker is started and stopped as a test needs."""

    in_use = []  # those that are not closed yet

    def __init__(self, folder, database_url, redis_url):
        self.database_url = database_url
        self.redis_url = redis_url
        self.http = f"127.0.0.1:{servers.free_port()}"
        self.prefix = unique("e2e") + ":"
        self.log = pathlib.Path(folder) / "allocd.log"
        self.settings = {}
        self.program = binary()
        self.worker = None
        self.database = None
        self.redis = redis.Redis.from_url(redis_url)
        self.in_use.append(self)

    def environment(self, settings=None):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ALLOCD_", "PG"))}
        return {
            **kept,
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "ALLOCD_PREFIX": self.prefix,
            "ALLOCD_HTTP": self.http,
            "ALLOCD_START_WAIT": "10",
            **self.settings,
            **(settings or {}),
        }

    # The program.

    def run(self, *arguments, timeout_s=2 * TIMEOUT_S, **settings):
        """Runs one of the program's commands until it ends."""
        return self.run_program(self.program, *arguments, timeout_s=timeout_s, **settings)

    def bench(self, *arguments, **settings):
        """Runs allocd-bench to its end."""
        return self.run_program(bench_program(), *arguments, **settings)

    def run_program(self, program, *arguments, timeout_s=2 * TIMEOUT_S, **settings):
        return subprocess.run(
            [program, *arguments], env=self.environment(settings), capture_output=True, text=True,
            timeout=timeout_s, check=False,
        )  # fmt: skip

    def start(self, **settings):
        self.launch(**settings)
        wait_until(self.ready_or_dead, f"allocd to be ready; its log: {self.log}")

    def launch(self, **settings):
        """Starts the worker without waiting for it."""
        with open(self.log, "ab") as log:
            self.worker = subprocess.Popen([self.program, "run"], env=self.environment(settings), stderr=log)

    def ready_or_dead(self):
        assert self.worker.poll() is None, f"allocd ended with {self.worker.returncode}:\n{self.log.read_text()}"
        return self.ready()

    def ready_or_dead_without_a_log(self):
        assert self.worker.poll() is None, f"allocd ended with {self.worker.returncode}"
        return self.ready()

    def ready(self):
        with contextlib.suppress(requests.ConnectionError):
            return self.get("/readyz").status_code == 200
        return False

    def readiness(self):
        """What /readyz says; empty before it can be asked."""
        with contextlib.suppress(requests.ConnectionError):
            return self.get("/readyz").text
        return ""

    def stop(self, with_signal=signal.SIGTERM):
        """Returns the worker's exit status."""
        self.worker.send_signal(with_signal)
        return self.wait()

    def wait(self):
        status = self.worker.wait(TIMEOUT_S)
        self.worker = None
        return status

    def give_to(self, prefix):
        """Changes the prefix of this installation, whose database a worker has used already."""
        self.query("update installation set prefix = %s", prefix)
        self.prefix = prefix

    def kill(self):
        self.stop(signal.SIGKILL)

    def close(self):
        """Ends the worker in order after any test: a sanitizer's report fails the test."""
        if self in self.in_use:
            self.in_use.remove(self)
        if self.worker:
            assert self.stop() == 0, self.log.read_text()
        log = self.log.read_text(errors="replace") if self.log.exists() else ""
        assert "Sanitizer" not in log and "runtime error" not in log, log

    def log_lines(self):
        return self.log.read_text().splitlines()

    # Redis.

    def send(self, command, fields):
        """Publishes a command; bytes go as they are."""
        payload = fields if isinstance(fields, bytes) else json.dumps(fields)
        assert self.redis.publish(self.prefix + command, payload) == 1, "exactly one worker listens"

    def listen(self, *names):
        """To these events, or to all."""
        return Listener(self.redis, self.prefix, names or EVENTS)

    # HTTP.

    def url(self, path):
        return f"http://{self.http}{path}"

    def get(self, path):
        return requests.get(self.url(path), timeout=TIMEOUT_S)

    def post(self, path, fields):
        return requests.post(self.url(path), json=fields, timeout=TIMEOUT_S)

    # The database, for facts that no interface shows.

    def query(self, statement, *arguments):
        try:
            return self.query_connected(statement, arguments)
        except psycopg2.Error as error:
            if error.pgcode and not isinstance(error, psycopg2.OperationalError):
                raise
            self.database = None  # the test restarted the server
            return self.query_connected(statement, arguments)

    def query_connected(self, statement, arguments):
        if not self.database:
            self.database = psycopg2.connect(self.database_url)
            self.database.autocommit = True
        with self.database.cursor() as cursor:
            cursor.execute(statement, arguments)
            return cursor.fetchall() if cursor.description else []

    # Shorthands for commands.

    def stock(self, sku, **batches):
        """Publishes one batch a keyword: its reference and its quantity, or (quantity, eta)."""
        for reference, stock in batches.items():
            qty, eta = stock if isinstance(stock, tuple) else (stock, None)
            self.send("create_batch", {"batchref": reference, "sku": sku, "qty": qty, "eta": eta})

    def allocate(self, sku, orderid, qty, **more):
        self.send("allocate", {"orderid": orderid, "sku": sku, "qty": qty, **more})

    def await_dead_letters(self, count=1):
        return wait_until(lambda: at_least(count, self.dead_letters()), f"{count} dead letters")

    def dead_letters(self):
        return self.query(DEAD_LETTERS)


DEAD_LETTERS = "select place, outcome, reason, payload, payload_bytes from dead_letters order by id"


def at_least(count, rows):
    return rows if len(rows) >= count else None


class Listener:
    """Receives every event from the moment it is created."""

    def __init__(self, client, prefix, names=EVENTS):
        self.prefix = prefix
        self.pubsub = client.pubsub()
        self.pubsub.subscribe(*(prefix + name for name in names))
        for _ in names:
            assert self.pubsub.get_message(timeout=TIMEOUT_S)["type"] == "subscribe"

    def next_raw(self):
        message = self.pubsub.get_message(timeout=TIMEOUT_S)
        assert message, f"no event came in {TIMEOUT_S} s"
        return message["channel"].decode().removeprefix(self.prefix), message["data"]

    def next(self):
        """The next event: its name and its fields, when it is JSON."""
        name, payload = self.next_raw()
        return name, json.loads(payload)

    def expect(self, expected_name, **expected):
        name, fields = self.next()
        assert (name, fields) == (expected_name, {**fields, **expected})
        return fields
