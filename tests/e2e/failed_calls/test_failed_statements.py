"""
Each statement that the worker sends to Postgres fails once: the server refuses it, or the connection breaks before it or
before its answer. ALLOCD_TEST_NTH as in test_failed_calls.py; a failure is named by its number and its way: 17/53200.
"""

import collections
import struct

import pytest
from failed_calls import CHOSEN, sample_of
from proxy import REPLY, REQUEST, postgres_behind
from wires import PostgresWire, Watch
from worlds import Trials, Worlds

CUT_BEFORE, CUT_AFTER = "cut-before", "cut-after"
# Out of memory, a serialization failure, cancelled, a lock that is not granted, read only, not allowed.
WAYS = "53200", "40001", "57014", "55P03", "25006", "42501", CUT_BEFORE, CUT_AFTER


class Failure(collections.namedtuple("Failure", "number way")):
    def __str__(self):
        return f"{self.number}/{self.way}"


class Breaker:
    """Counts the statements of all connections, and breaks one."""

    def __init__(self):
        self.count = 0
        self.due = None
        self.happened = None

    def arm(self, failure):
        self.count, self.happened, self.due = 0, None, failure

    def disarm(self):
        self.due = None
        return self.happened is not None

    def way_of(self, message):
        """How the statement fails, or None."""
        self.count += 1
        due = self.due
        if not due or self.count != due.number:
            return None
        self.due, self.happened = None, message[:60]
        return due.way

    def __str__(self):
        return f"the statement that failed: {self.happened}"


class StatementWire(PostgresWire):
    def __init__(self, breaker):
        super().__init__(Watch())
        self.breaker = breaker
        self.is_cut_when_ready = False

    def before(self, relay, way, message):
        super().before(relay, way, message)
        if way == REPLY and message[:1] == b"Z" and self.is_cut_when_ready:
            relay.cut()
        if way == REQUEST and is_statement(message):
            self.fail(relay, message, self.breaker.way_of(message))

    def fail(self, relay, message, way):
        if way == CUT_BEFORE:
            relay.cut()
        elif way == CUT_AFTER:
            self.is_cut_when_ready = True
        elif way:
            relay.waiting[REQUEST][0] = refused(message, way)


def is_statement(message):
    """A statement that is run, or prepared under a name. (The first message of a connection has no type.)"""
    return message[:1] in (b"B", b"Q") or (message[:1] == b"P" and message[5:6] != b"\0")


def refused(message, sqlstate):
    """What the server refuses in place of that message, whose result and whose end it sends as ever."""
    raising = f"do $$begin raise exception using errcode = '{sqlstate}', message = 'refused by the test'; end$$"
    if message[:1] == b"Q":
        return framed(b"Q", raising.encode() + b"\0")
    if message[:1] == b"P":
        return parse(message[5:].partition(b"\0")[0], b"refused by the test")
    return parse(b"", raising.encode()) + framed(b"B", b"\0\0" + struct.pack("!HHH", 0, 0, 0))


def parse(name, statement):
    return framed(b"P", name + b"\0" + statement + b"\0" + struct.pack("!H", 0))


def framed(kind, body):
    return kind + struct.pack("!I", len(body) + 4) + body


@pytest.fixture
def breaker():
    return Breaker()


@pytest.fixture
def worlds(tmp_path_factory, server_urls, breaker):
    def enter_proxy(stack, database_url):
        proxy = stack.enter_context(postgres_behind(database_url, lambda: StatementWire(breaker)))
        return {"DATABASE_URL": proxy.url}

    made = Worlds(lambda: tmp_path_factory.mktemp("world"), server_urls, enter_proxy)
    yield made
    made.close()


def start(world, breaker, failure):
    breaker.arm(failure)
    world.worker.restart()
    world.worker.await_ready()
    return breaker


def work(_, breaker, failure):
    breaker.arm(failure)
    return breaker


@pytest.mark.parametrize("begin", [start, work])
def test_a_statement_that_fails_once_loses_and_repeats_nothing(worlds, breaker, begin):
    """The worker continues, or ends and says why; after it was started again, the ledger balances."""
    world = worlds.current()
    begin(world, breaker, None)
    if begin is work:
        world.play()
    count = breaker.count
    failures = [Failure(number, way) for number in range(1, count + 1) for way in WAYS]

    trials = Trials(worlds)
    trials.run(chosen(failures), lambda world, failure: begin(world, breaker, failure))
    trials.finish(f"{begin.__name__}: {count} statements, {len(failures)} possible failures")


def chosen(failures):
    if "/" not in CHOSEN:
        return sample_of(failures)
    named = [name.partition("/") for name in CHOSEN.split(",")]
    return [Failure(int(number), way) for number, _, way in named]
