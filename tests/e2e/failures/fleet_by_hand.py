"""
Three workers on two streams and ten SKUs, which are restarted in turns, or killed, ended, stopped, and cut off
from Postgres or Redis at random. It takes minutes, and is run by hand:

    scripts/servers.py -- env ALLOCD_FLEET_S=600 ALLOCD_BIN=$PWD/build/allocd \
        /usr/bin/python3 -m pytest -q -s -p no:cacheprovider tests/e2e/failures/fleet_by_hand.py
"""

import collections
import contextlib
import itertools
import os
import random
import signal
import time

import pytest
from fleet import fleet_of, spent_since
from installation import wait_until
from ledger import Ledger
from proxy import postgres_behind, redis_behind
from sender import RELEASES, STREAM, Senders
from wires import PostgresWire, RedisWire, Watch

SECONDS = int(os.environ.get("ALLOCD_FLEET_S", "120"))
SEED = int(os.environ.get("ALLOCD_FLEET_SEED", "1"))
RESTART_EVERY_S = 20
MORE = "allocd:more"
WAYS = (STREAM, MORE, "http", "pubsub")
FAULTS = ("kill -9", "SIGTERM", "SIGSTOP", "no Postgres", "no Redis")
WORKERS = 3


class Member:
    """A worker that reaches its servers through proxies of its own."""

    def __init__(self, stack, make, database_url, redis_url):
        self.postgres = stack.enter_context(postgres_behind(database_url, lambda: PostgresWire(Watch())))
        self.redis = stack.enter_context(redis_behind(redis_url, lambda: RedisWire(Watch())))
        self.there = make(DATABASE_URL=self.postgres.url, REDIS_URL=self.redis.url, ALLOCD_STREAM=f"{STREAM},{MORE}")
        self.mend = None  # what ends the fault
        self.ends_at = 0

    def suffer(self, fault, seconds):
        self.mend, self.ends_at = self.begin(fault), time.monotonic() + seconds

    def begin(self, fault):
        worker = self.there.worker
        if fault == "SIGSTOP":
            worker.send_signal(signal.SIGSTOP)
            return lambda: worker.send_signal(signal.SIGCONT)
        if fault in ("no Postgres", "no Redis"):
            proxy = self.postgres if fault == "no Postgres" else self.redis
            proxy.swallow()
            return lambda: (proxy.heal(), proxy.cut())
        self.there.stop(signal.SIGKILL if fault == "kill -9" else signal.SIGTERM)
        return self.there.launch

    def heal(self):
        mend, self.mend = self.mend, None
        if mend:
            mend()


class Fleet:
    def __init__(self, stack, folder, database_url, redis_url):
        make = stack.enter_context(fleet_of(folder, database_url, redis_url))
        self.members = [Member(stack, make, database_url, redis_url) for _ in range(WORKERS)]
        stack.callback(self.heal)
        self.ledger = Ledger(self.members[0].there, folder)
        self.ledger.open(*(f"sku-{number}" for number in range(10)))
        self.pauses = []
        self.done = collections.Counter()

    def await_progress(self):
        begin = time.monotonic()
        wait_until(spent_since(self.ledger), "a worker to handle commands")
        self.pauses.append(time.monotonic() - begin)

    def heal(self, now=None):
        """Ends all faults, or those that are due by now."""
        for member in self.members:
            if now is None or now >= member.ends_at:
                member.heal()

    def settle(self, send):
        self.heal()
        for member in self.members:
            wait_until(member.there.ready, "each worker to be ready")
        wait_until(lambda: not self.on_streams_missing(), "the commands on streams to be handled")
        missing = len(self.ledger.missing())
        self.ledger.settle(send)
        for stream in (STREAM, MORE):
            self.ledger.await_stream(stream)
        self.ledger.check(heard_once=True)
        return missing

    def on_streams_missing(self):
        return [command for command in self.ledger.missing() if command.is_on_stream]

    def leases_lost(self):
        return sum(member.there.log.read_text().count("lease lost") for member in self.members)


def restart_in_turns(fleet):
    begin = time.monotonic()
    for member in fleet.members:
        member.there.stop()
        member.there.start()
        fleet.done["restarts"] += 1
    fleet.await_progress()
    wait_until(lambda: time.monotonic() - begin >= RESTART_EVERY_S, "the next restart to be due")


def break_at_random(fleet, chance=random.Random(SEED), number=itertools.count()):
    sound = [member for member in fleet.members if not member.mend]
    if len(sound) > 1:
        fault = FAULTS[next(number) % len(FAULTS)]
        fleet.done[fault] += 1
        chance.choice(sound).suffer(fault, chance.uniform(0.2, 8))
    fleet.await_progress()
    time.sleep(chance.uniform(0, 2))
    fleet.heal(time.monotonic())


@pytest.mark.parametrize("trouble", [restart_in_turns, break_at_random])
def test_three_workers_lose_nothing_and_do_nothing_twice(trouble, tmp_path, database_url, server_urls):
    with contextlib.ExitStack() as stack:
        fleet = Fleet(stack, tmp_path, database_url, server_urls["REDIS_URL"])
        end = time.monotonic() + SECONDS
        with fleet.ledger.listening():
            with Senders(fleet.ledger, WAYS, rate=100, anonymous=True, releases=RELEASES) as senders:
                while time.monotonic() < end:
                    trouble(fleet)
                fleet.heal()
            missing = fleet.settle(senders.send)
        sent = collections.Counter(command.way for command in fleet.ledger.sent)
        print(
            f"\n{trouble.__name__}, seed {SEED}, {SECONDS} s: {dict(sent)} commands, {missing} of pub/sub lost,"
            f" {dict(fleet.done)}, {fleet.leases_lost()} leases lost,"
            f" longest wait for 20 commands {max(fleet.pauses):.2f} s"
        )
