"""The place of a measurement: new databases on a server, with a private worker on each."""

import contextlib
import json
import os
import pathlib
import secrets
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import psycopg2
import psycopg2.extensions

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "scripts"))

import servers  # noqa: E402

# The settings that make a commit durable.
DURABLE = ("fsync", "synchronous_commit", "full_page_writes")
# The contract gives the worker 10 s to drain.
STOP_TIMEOUT_S = 30


class BenchError(Exception):
    """There is no result; the text says why, for the person who asked for it."""


class LostMessage(BenchError):
    """A message had no effect, or a wrong one."""


class Database:
    """One connection in autocommit, for all that is not measured."""

    def __init__(self, url):
        self.url = url
        try:
            self.connection = psycopg2.connect(url)
        except psycopg2.OperationalError as error:
            raise BenchError(f"Postgres: {str(error).strip()}") from None
        self.connection.autocommit = True

    def rows(self, statement, arguments=None):
        with self.connection.cursor() as cursor:
            cursor.execute(statement, arguments)
            return cursor.fetchall() if cursor.description else []

    def value(self, statement, arguments=None):
        return self.rows(statement, arguments)[0][0]

    def run(self, script, arguments=None):
        self.rows(script, arguments)

    def close(self):
        self.connection.close()


@contextlib.contextmanager
def connected(url):
    with contextlib.closing(Database(url)) as database:
        yield database


@contextlib.contextmanager
def fresh_database(server):
    """Yields the URL of a database with allocd's empty tables; it is dropped at the end."""
    name = f"allocd-bench-{secrets.token_hex(4)}"
    url = psycopg2.extensions.make_dsn(server.url, dbname=name)
    server.run(f'create database "{name}"')
    try:
        run_program("migrate", environment=environment_of(url))
        yield url
    finally:
        server.run(f'drop database "{name}" with (force)')


def environment_of(database_url, **settings):
    """Our environment without allocd's settings, because the defaults are measured."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ALLOCD_")}
    return {**kept, "DATABASE_URL": database_url, **settings}


def refuse_unsafe(server):
    for name in DURABLE:
        value = server.value(f"show {name}")
        if value not in ("on", "local"):
            raise BenchError(f"{name} is {value} on this Postgres: what it says is committed may be lost")


def program():
    return os.path.abspath(os.environ.get("ALLOCD_BIN") or ROOT / "build" / "allocd")


def built(name):
    """A program that is built beside allocd."""
    return os.path.join(os.path.dirname(program()), name)


def bench_program():
    return built("allocd-bench")


def ask_redis(redis_url, *words):
    """Redis' answer as lines of text."""
    command = ["redis-cli", "-u", redis_url, *words]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def run_program(*arguments, environment):
    """Runs one of allocd's commands until it ends, and returns its output."""
    command = [program(), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchError(f"allocd {arguments[0]} ended with {done.returncode}: {done.stderr}{done.stdout}")
    return done.stdout


def run_bench(*arguments, environment):
    """The result of `allocd-bench --json`."""
    command = [bench_program(), *map(str, arguments), "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode == 1:
        raise LostMessage(f"allocd-bench {' '.join(command[1:])}: {done.stderr}{done.stdout}")
    if done.returncode != 0:
        raise BenchError(f"allocd-bench ended with {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


class Worker:
    """A worker with default settings on a database, with a port of its own."""

    def __init__(self, database_url, redis_url, prefix, **settings):
        self.prefix = prefix
        self.http = f"127.0.0.1:{servers.free_port()}"
        self.environment = environment_of(
            database_url, REDIS_URL=redis_url, ALLOCD_PREFIX=prefix, ALLOCD_HTTP=self.http,
            ALLOCD_LOG_LEVEL="warn", **settings,
        )  # fmt: skip
        self.process = None

    def start(self):
        with servers.signals_wait():
            self.process = subprocess.Popen([program(), "run"], env=self.environment, start_new_session=True)
        servers.wait_until(self.ready_or_dead, "the worker to be ready")

    def ready_or_dead(self):
        if self.process.poll() is not None:
            raise BenchError(f"the worker ended at its start with {self.process.returncode}")
        with contextlib.suppress(urllib.error.URLError, OSError):
            return urllib.request.urlopen(f"http://{self.http}/readyz", timeout=2).status == 200
        return False

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        if status != 0:
            raise BenchError(f"the worker ended with {status}")

    def bench(self, *arguments):
        return run_bench(*arguments, environment=self.environment)


@contextlib.contextmanager
def worker_on(database_url, redis_url, **settings):
    with replicas_on(database_url, redis_url, 1, **settings) as workers:
        yield workers[0]


@contextlib.contextmanager
def replicas_on(database_url, redis_url, count, **settings):
    """Workers that share a database and a prefix on Redis. Each has its share of the streams."""
    prefix = f"bench-{secrets.token_hex(4)}:"
    with contextlib.ExitStack() as stack:
        stack.callback(remove_keys, redis_url, prefix)
        workers = [Worker(database_url, redis_url, prefix, **settings) for _ in range(count)]
        for worker in workers:
            stack.callback(worker.stop)
            worker.start()
        streams = settings.get("ALLOCD_STREAM", "allocd:commands").split(",")
        names = [prefix + stream for stream in streams]
        with connected(database_url) as database:
            readers = "select count(distinct holder) from leases where name = any(%s)"
            expected = min(count, len(streams))
            servers.wait_until(lambda: database.value(readers, [names]) == expected, "the streams to be shared out")
        yield workers


def remove_keys(redis_url, prefix):
    """Deletes a stream after its measurement, so that it does not affect the next one."""
    script = (
        "local cursor = '0' repeat local page = redis.call('SCAN', cursor, 'MATCH', ARGV[1], 'COUNT', 1000)"
        " cursor = page[1] for _, key in ipairs(page[2]) do redis.call('UNLINK', key) end until cursor == '0'"
    )
    command = ["redis-cli", "-u", redis_url, "eval", script, "0", f"{prefix}*"]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
