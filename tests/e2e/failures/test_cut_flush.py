"""
The connection breaks after byte N of a flush or of its answer, and after byte N of a publication or of its answer.

ALLOCD_TEST_CUTS sets how often each ("all": at every byte).
"""

import os
import struct

import pytest
from installation import wait_until
from ledger import TOO_MANY, Command
from proxy import REPLY, REQUEST, postgres_behind, redis_behind
from sender import Senders
from wires import PostgresWire, RedisWire, Watch, command_of

CUTS = os.environ.get("ALLOCD_TEST_CUTS")
RESTART_AFTER = 4  # publications that were cut, because the worker waits longer after each before it connects again


class Scissors:
    """Cuts the next exchange after the given number of its bytes, and of its answer's, have passed."""

    def __init__(self):
        self.remaining = None  # not armed
        self.passed = 0

    def arm(self, offset):
        self.remaining, self.passed = offset, 0

    def pass_by(self, relay, way, message, is_last):
        if self.remaining is None:
            return
        if is_last:  # some are shorter than the measured one
            self.remaining = min(self.remaining, len(message) - 1)
        if self.remaining < len(message):
            relay.cut(way, message[: self.remaining])
            self.remaining = None
        else:
            self.remaining -= len(message)
            self.passed += len(message)


def offsets(length, count):
    """Of the bytes before which a connection is cut: from none to all but the last."""
    count = length if CUTS == "all" else int(CUTS or count)
    return [number * (length - 1) // (count - 1) for number in range(count)]


class CutFlush(PostgresWire):
    def __init__(self, scissors):
        super().__init__(Watch())
        self.scissors = scissors

    def before(self, relay, way, message):
        super().before(relay, way, message)
        if (way == REQUEST and self.segment == "flush") or (way == REPLY and self.segments[0] == "flush"):
            self.scissors.pass_by(relay, way, message, message[:1] == b"Z")


class SpoiltFlush(PostgresWire):
    """Spoils the first row of a flush's answer, with which libpq then makes an error of its own."""

    def __init__(self, scissors):
        super().__init__(Watch())
        self.scissors = scissors

    def before(self, relay, way, message):
        super().before(relay, way, message)
        if self.scissors.remaining is not None and way == REPLY and self.segments[0] == "flush" and message[:1] == b"D":
            self.scissors.remaining = None
            relay.waiting[REPLY][0] = b"D" + struct.pack("!IH", 6, 99)  # a row of 99 columns


class CutPublication(RedisWire):
    """A publication is a call of the fence's script."""

    def __init__(self, scissors):
        super().__init__(Watch())
        self.scissors = scissors

    def before(self, relay, way, message):
        super().before(relay, way, message)
        command = command_of(message) if way == REQUEST else self.commands and self.commands[0]
        if command == b"EVALSHA":
            self.scissors.pass_by(relay, way, message, way == REPLY)


@pytest.fixture
def scissors():
    return Scissors()


@pytest.fixture
def cut_proxy(database_url, scissors):
    with postgres_behind(database_url, lambda: CutFlush(scissors)) as proxy:
        yield proxy


def test_a_connection_cut_at_any_byte_of_a_flush_loses_and_repeats_nothing(cut_proxy, parked, scissors, ledger):
    """
    60 cuts, spread from the first byte of a flush to the last of its answer. The caller gets 2xx only for a
    committed command, otherwise 503 and retries; with the same id the command has one effect. (Without an id,
    too, unless the caller has to retry: the worker asks the database for the outcome of a flush.)
    """
    parked.start(DATABASE_URL=cut_proxy.url)
    ledger.open("sku")
    with ledger.listening():
        senders = Senders(ledger, [])
        scissors.arm(10**9)
        post(senders, ledger, 0)
        length, answers = scissors.passed, {202: 0, 503: 0}
        cuts = offsets(length, 60)
        for number, offset in enumerate(cuts, 1):
            scissors.arm(offset)
            answers[post(senders, ledger, number)] += 1
            assert scissors.remaining is None, "nothing was cut"
            if ledger.sent[-1].id:
                senders.post(ledger.sent[-1])
        ledger.settle()
        ledger.check(heard_once=True)
    print(f"{len(cuts)} cuts of {length} bytes, answers: {answers}")


def test_a_result_that_libpq_cannot_take_leaves_the_commit_uncertain(database_url, parked, scissors, ledger):
    """As without memory for the result. The unit is committed, so it is not done again; a command without an id would be."""
    with postgres_behind(database_url, lambda: SpoiltFlush(scissors)) as proxy:
        parked.start(DATABASE_URL=proxy.url)
        ledger.open("sku")
        with ledger.listening():
            scissors.arm(0)
            assert post(Senders(ledger, []), ledger, 3) == 202
            assert scissors.remaining is None, "nothing was spoilt"
            ledger.settle()
            ledger.check(heard_once=True)
        parked.stop()


@pytest.fixture
def cut_redis(server_urls, scissors):
    with redis_behind(server_urls["REDIS_URL"], lambda: CutPublication(scissors)) as proxy:
        yield proxy


def test_a_connection_cut_at_any_byte_of_a_publication_loses_and_repeats_no_event(cut_redis, parked, scissors, ledger):
    """12 cuts, spread from the first byte of a call of the fence's script to the last of its answer."""
    parked.start(REDIS_URL=cut_redis.url)
    ledger.open("sku")
    with ledger.listening():
        senders = Senders(ledger, [])
        scissors.arm(10**9)
        senders.post(publication(ledger, 0))
        ledger.await_heard(1)
        ledger.await_published()
        length = scissors.passed
        cuts = offsets(length, 12)
        for number, offset in enumerate(cuts, 1):
            scissors.arm(offset)
            senders.post(publication(ledger, number))
            wait_until(lambda: scissors.remaining is None, "the connection to be cut")
            ledger.await_heard(number + 1)
            if number % RESTART_AFTER == 0:
                parked.stop()
                parked.start(REDIS_URL=cut_redis.url)
        ledger.settle()
        ledger.check(heard_once=True)
    print(f"{len(cuts)} cuts of {length} bytes")


def publication(ledger, number):
    """A command whose event is published."""
    command = Command("http", "allocate", {"orderid": f"order-{number}", "sku": "sku", "qty": 1, "id": f"id-{number}"})
    ledger.write(command)
    return command


def post(senders, ledger, number):
    """
    Sends one allocate, with an id or without, and checks the answer against the database at once; returns its
    status.
    """
    fields = {"orderid": f"order-{number}", "sku": "sku", "qty": TOO_MANY if number % 2 else 1}
    command = Command("http", "allocate", fields if number % 3 == 0 else fields | {"id": f"id-{number}"})
    ledger.write(command)
    answer = senders.post_once(command)
    if answer:
        assert ledger.has_events_of(command), "it was answered as done, and is not"
    return answer.status_code if answer else 503
