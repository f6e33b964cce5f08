"""
Two versions of the program on one database and one Redis, under load: today's, and the last one of before leases
(migration 17), which is built from the history; so it is run by hand:

    scripts/servers.py -- env ALLOCD_BIN=$PWD/build/allocd \
        /usr/bin/python3 -m pytest -q -s -p no:cacheprovider tests/e2e/failures/versions_by_hand.py
"""

import collections
import contextlib
import re

import earlier_program
import installation
import pytest
import servers
from fleet import fleet_of, leases
from installation import wait_until
from ledger import Ledger
from sender import RELEASES, STREAM, Senders

NEW = installation.binary()
WAYS = (STREAM, "pubsub", "http")
SKUS = [f"sku-{number}" for number in range(10)]
CLAIMED_S = 120  # an old program claims what a dead one had read after a minute, and looks every 10 s


@pytest.fixture(scope="module")
def old_program(tmp_path_factory):
    """The path of the old program."""
    return earlier_program.build(earlier_program.commit_before("*/0016_leases.sql"), tmp_path_factory.mktemp("before"))


class Site:
    """Two workers, at first of the old program, and the ledger, whose commands over HTTP one of them receives."""

    def __init__(self, make, program, folder, streams, http):
        self.workers = [make(program, ALLOCD_STREAM=stream) for stream in streams]
        self.ledger = Ledger(self.workers[http], folder)
        self.ledger.open(*SKUS)
        self.lost = 0

    def replace(self, worker, program):
        """Ends the worker in order, and starts the program in its place."""
        assert worker.stop() == 0
        worker.program = program
        worker.start()
        self.await_work()

    def await_work(self, ways=WAYS):
        """Waits until commands that are sent from now on are handled, of each way."""
        mark = len(self.ledger.sent)

        def handled():
            spent = self.ledger.spent()
            return {command.way for command in self.ledger.sent[mark:] if command.id in spent}

        wait_until(lambda: handled() >= set(ways), "commands of each way to be handled")

    def settle(self, send):
        def is_handled():
            return all(command.way == "pubsub" for command in self.ledger.missing())

        servers.wait_until(is_handled, "the commands over streams and HTTP to be handled", CLAIMED_S)
        self.await_work_of_pubsub()
        self.lost = len(self.ledger.missing())
        self.ledger.settle(send)

    def await_work_of_pubsub(self):
        """What is heard is handled at once, if it is handled at all."""
        with contextlib.suppress(servers.ServerError):
            servers.wait_until(lambda: not self.ledger.missing(), "what was published to be handled", 5)

    def migrations(self):
        [[newest]] = self.workers[0].query("select max(number) from migrations")
        return newest

    def report(self, scene):
        sent = collections.Counter(command.way for command in self.ledger.sent)
        print(f"\n{scene}: {dict(sent)} commands, {self.lost} of pub/sub lost")
        for worker in self.workers:
            for words, count in troubles(worker).items():
                print(f"  {count} x {words}")


def troubles(worker):
    """The warnings and errors in its log, without their fields."""
    lines = [line for line in worker.log_lines() if re.search(r"level=(warn|error)", line)]
    return collections.Counter(re.sub(r'.*level=(\w+) msg=("[^"]*"|\S+).*', r"\1: \2", line) for line in lines)


@pytest.fixture
def site(old_program, tmp_path, database_url, server_urls):
    with fleet_of(tmp_path, database_url, server_urls["REDIS_URL"]) as make:
        yield lambda *streams, http=0: Site(make, old_program, tmp_path, streams, http)


def test_one_worker_after_the_other_is_upgraded_rolled_back_and_upgraded_again(site, old_program):
    """One of the two reads the stream, as before leases: the order of each SKU is kept, too."""
    there = site(STREAM, "")
    reader, other = there.workers
    before = there.migrations()
    with there.ledger.listening():
        with Senders(there.ledger, WAYS, rate=100, anonymous=True, releases=RELEASES) as senders:
            there.await_work()
            there.replace(other, NEW)  # migrates, while the old one reads
            assert there.migrations() > before
            there.replace(reader, NEW)
            there.replace(reader, old_program)
            there.replace(other, old_program)
            there.replace(other, NEW)
            there.replace(reader, NEW)
            wait_until(lambda: STREAM in leases(reader), "the stream to have its reader")
        there.settle(senders.send)
        there.ledger.check(heard_once=True)
    there.report(f"from migration {before} to {there.migrations()}, back, and again")
    assert there.lost == 0


@pytest.mark.parametrize("victim", ["the old one", "the new one"])
def test_an_old_and_a_new_worker_read_one_stream_until_one_is_killed(site, victim):
    """Nothing is lost or done twice. The order of a SKU is not kept while both read."""
    there = site(STREAM, STREAM, http=1 if victim == "the old one" else 0)
    old, new = there.workers
    with there.ledger.listening():
        with Senders(there.ledger, WAYS, rate=100, anonymous=True) as senders:
            there.await_work()
            there.replace(new, NEW)
            wait_until(lambda: STREAM in leases(new), "the new one to read, too")
            for _ in range(3):
                there.await_work()
            dead = old if victim == "the old one" else new
            dead.kill()
            there.await_work()
            dead.program = NEW
            dead.start()
            if victim == "the new one":
                there.replace(old, NEW)
            there.await_work()
        there.settle(senders.send)
        there.ledger.check(heard_once=True, in_order=False)
    there.report(f"both read, and {victim} is killed")
    print(f"  {broken_orders(there.ledger)} of {len(SKUS)} SKUs were handled in another order")
    assert there.lost == 0


def broken_orders(ledger):
    """The SKUs of which a command of the stream had its event before that of one that was sent earlier."""
    broken = set()
    for sku in SKUS:
        versions = {event.get("cause"): event["version"] for event in ledger.events(sku)}
        own = [command for command in ledger.sent if command.sku == sku and command.name == "allocate"]
        ordered = [versions[command.id] for command in own if command.is_on_stream and command.id]
        if ordered != sorted(ordered):
            broken.add(sku)
    return len(broken)
