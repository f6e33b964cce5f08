"""
Three workers on two streams and ten SKUs, which are restarted in turns, or killed, ended, stopped, and cut off
from Postgres or Redis at random. It takes minutes, and is run by hand:

    scripts/servers.py -- env ALLOCD_FLEET_S=600 ALLOCD_BIN=$PWD/build/allocd \
        /usr/bin/python3 -m pytest -q -s -p no:cacheprovider tests/e2e/failures/fleet_by_hand.py

ALLOCD_FLEET_SEED chooses what happens at random, and ALLOCD_FLEET_RATE how many commands a second are sent each way.
"""

import collections
import contextlib
import datetime
import itertools
import os
import random
import signal
import time

import pytest
import servers
from fleet import fleet_of
from installation import wait_until
from ledger import Ledger
from proxy import postgres_behind, redis_behind
from sender import RELEASES, STREAM, Senders
from wires import PostgresWire, RedisWire, Watch

SECONDS = int(os.environ.get("ALLOCD_FLEET_S", "120"))
SEED = int(os.environ.get("ALLOCD_FLEET_SEED", "1"))
RATE = int(os.environ.get("ALLOCD_FLEET_RATE", "50"))
RESTART_EVERY_S = 20
MORE = "allocd:more"
FAULTS = ("kill -9", "SIGTERM", "SIGSTOP", "no Postgres", "no Redis")
WORKERS = 3
SETTLE_S = 120
TAKEOVER_S = 5  # after a single fault


class Member:
    """A worker that reaches its servers through proxies of its own."""

    def __init__(self, stack, make, database_url, redis_url):
        self.postgres = stack.enter_context(postgres_behind(database_url, lambda: PostgresWire(Watch())))
        self.redis = stack.enter_context(redis_behind(redis_url, lambda: RedisWire(Watch())))
        self.there = make(DATABASE_URL=self.postgres.url, REDIS_URL=self.redis.url, ALLOCD_STREAM=f"{STREAM},{MORE}")
        stack.callback(self.there.close)  # before its proxies
        self.mend = None  # what ends the fault
        self.ends_at = 0
        self.statuses = []  # with which it ended on SIGTERM

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
        if fault == "kill -9":
            self.there.kill()
        else:
            self.end()
        return self.there.launch

    def end(self):
        self.statuses.append(self.there.stop())

    def heal(self):
        mend, self.mend = self.mend, None
        if mend:
            mend()

    def is_sound(self):
        return not self.mend and self.there.ready()


class Fleet:
    def __init__(self, stack, folder, database_url, redis_url):
        make = stack.enter_context(fleet_of(folder, database_url, redis_url))
        self.members = [Member(stack, make, database_url, redis_url) for _ in range(WORKERS)]
        stack.callback(self.heal)
        self.ledger = Ledger(self.members[0].there, folder)
        self.ledger.open(*(f"sku-{number}" for number in range(10)))
        self.done = collections.Counter()
        self.faults = []  # when each begins and ends, and which one it is

    def begin(self, fault, member, seconds):
        begin = datetime.datetime.now(datetime.UTC)
        self.done[fault] += 1
        self.faults.append((begin, begin + datetime.timedelta(seconds=seconds), f"{fault} of {self.members.index(member)}"))
        member.suffer(fault, seconds)

    def faults_during(self, begin, end):
        return ", ".join(
            f"{fault} from {(since - begin).total_seconds():.1f} to {(until - begin).total_seconds():.1f} s"
            for since, until, fault in self.faults if since < end and until > begin
        )  # fmt: skip

    def wait(self, seconds):
        """Ends faults when they are due, meanwhile."""
        until = time.monotonic() + seconds

        def is_over():
            self.heal(time.monotonic())
            return time.monotonic() >= until

        servers.wait_until(is_over, "the time to pass", seconds + 1)

    def heal(self, now=None):
        """Ends all faults, or those that are due by now."""
        for member in self.members:
            if now is None or now >= member.ends_at:
                member.heal()

    def settle(self, send):
        """Returns the messages of pub/sub that were lost; they are sent again."""
        for member in self.members:
            wait_until(member.there.ready, "each worker to be ready")

        def is_handled():
            return all(command.way == "pubsub" for command in self.ledger.missing())

        servers.wait_until(is_handled, "the commands on streams to be handled", SETTLE_S)
        with contextlib.suppress(servers.ServerError):
            servers.wait_until(lambda: not self.ledger.missing(), "those of pub/sub to be handled", 10)
        lost = self.ledger.missing()
        self.ledger.settle(send)
        for stream in (STREAM, MORE):
            self.ledger.await_stream(stream)
        return lost

    def leases_lost(self):
        return sum(member.there.log.read_text().count("lease lost") for member in self.members)


def restart_in_turns(fleet):
    while True:
        begin = time.monotonic()
        for member in fleet.members:
            member.end()
            member.there.start()
            fleet.done["restarts"] += 1
        yield
        fleet.wait(max(0, begin + RESTART_EVERY_S - time.monotonic()))


def break_at_random(fleet):
    """While one worker stays sound the others suffer, two of them at once now and then."""
    chance = random.Random(SEED)
    for fault in itertools.cycle(FAULTS):
        sound = []
        while len(sound) < 2:
            fleet.wait(0.1)
            sound = [member for member in fleet.members if member.is_sound()]
        fleet.begin(fault, chance.choice(sound), chance.uniform(0.2, 8))
        fleet.wait(chance.uniform(0, 4))
        yield


@contextlib.contextmanager
def sending(ledger):
    """The two streams divide the SKUs, because the order of what comes on both is not defined."""

    def senders(ways, skus):
        return Senders(ledger, ways, skus, rate=RATE, anonymous=True, releases=RELEASES)

    with senders((STREAM, "http", "pubsub"), ledger.skus[:5]) as some, senders((MORE,), ledger.skus[5:]):
        yield some


def doubled(ledger, events):
    """How often commands had an effect once more than they must."""
    expected, effects = ledger.expected_effects(), ledger.effects(events)
    surplus = collections.Counter((line, effect) for line, of in effects.items() for effect, _ in of)
    surplus -= collections.Counter((line, effect) for line, of in expected.items() for effect, _ in of)
    return surplus.total()


def pauses(ledger, events):
    """Of each way: the times between two of its commands' events, as (seconds, begin, end), the longest first."""
    way_of = {command.id: command.way for command in ledger.sent if command.id}
    times = collections.defaultdict(list)
    for event in itertools.chain.from_iterable(events.values()):
        if event.get("cause") in way_of:
            times[way_of[event["cause"]]].append(datetime.datetime.fromisoformat(event["occurred_at"]))
    return {
        way: sorted(((end - begin).total_seconds(), begin, end) for begin, end in itertools.pairwise(sorted(of)))[::-1]
        for way, of in times.items()
    }


def losses(lost):
    """The times at which messages were sent that were lost, as (count, begin, end)."""
    since = until = count = 0
    for at in [*sorted(command.sent_at for command in lost), float("inf")]:
        if count and at > until + 1:
            yield count, *(datetime.datetime.fromtimestamp(each, datetime.UTC) for each in (since, until))
            count = 0
        since, until, count = (since if count else at), at, count + 1


def figures(fleet, lost):
    ledger = fleet.ledger
    events = {sku: ledger.events(sku) for sku in ledger.skus}
    sent = collections.Counter(command.way for command in ledger.sent)
    yield f"{sent.total()} messages: {dict(sent)}; {dict(fleet.done)}, {fleet.leases_lost()} leases lost"
    yield f"lost: {len(lost)} of pub/sub, 0 of others; doubled: {doubled(ledger, events)}"
    for count, begin, end in losses(lost):
        yield f"  {count} from {begin:%T} to {end:%T}: {fleet.faults_during(begin, end)}"
    for way, of in pauses(ledger, events).items():
        longest = ", ".join(f"{pause:.2f}" for pause, _, _ in of[:5])
        yield f"{way}: longest pauses {longest} s; {sum(pause > 1 for pause, _, _ in of)} over 1 s"
        for pause, begin, end in of if way != "http" else []:
            if pause > TAKEOVER_S:
                yield f"  {pause:.2f} s from {begin:%T}: {fleet.faults_during(begin, end)}"


@pytest.mark.parametrize("trouble", [restart_in_turns, break_at_random])
def test_three_workers_lose_nothing_and_do_nothing_twice(trouble, tmp_path, database_url, server_urls):
    with contextlib.ExitStack() as stack:
        fleet = Fleet(stack, tmp_path, database_url, server_urls["REDIS_URL"])
        end = time.monotonic() + SECONDS
        with fleet.ledger.listening():
            with sending(fleet.ledger) as senders:
                try:
                    for _ in trouble(fleet):
                        if time.monotonic() >= end:
                            break
                finally:
                    fleet.heal()  # a sender may wait for its worker
            lost = fleet.settle(senders.send)
            print(f"\n{trouble.__name__}, seed {SEED}, {SECONDS} s", *figures(fleet, lost), sep="\n  ")
            fleet.ledger.check(heard_once=True)
            assert {status for member in fleet.members for status in member.statuses} == {0}
