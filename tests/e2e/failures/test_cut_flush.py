"""The connection to Postgres breaks after byte N of a flush, or of its answer."""

import pytest
from ledger import TOO_MANY, Command
from proxy import REPLY, REQUEST, postgres_behind
from sender import Senders
from wires import PostgresWire, Watch

CUTS = 60


class Scissors:
    """Cuts the next flush after the given number of its bytes, and of its answer's, have passed."""

    def __init__(self):
        self.remaining = None  # not armed
        self.passed = 0

    def arm(self, offset):
        self.remaining, self.passed = offset, 0

    def pass_by(self, relay, way, message):
        if self.remaining is None:
            return
        if message[:1] == b"Z":  # the end: some flushes are shorter than the measured one
            self.remaining = min(self.remaining, len(message) - 1)
        if self.remaining < len(message):
            relay.cut(way, message[: self.remaining])
            self.remaining = None
        else:
            self.remaining -= len(message)
            self.passed += len(message)


class CutWire(PostgresWire):
    def __init__(self, scissors):
        super().__init__(Watch())
        self.scissors = scissors

    def before(self, relay, way, message):
        super().before(relay, way, message)
        if (way == REQUEST and self.segment == "flush") or (way == REPLY and self.segments[0] == "flush"):
            self.scissors.pass_by(relay, way, message)


@pytest.fixture
def scissors():
    return Scissors()


@pytest.fixture
def cut_proxy(database_url, scissors):
    with postgres_behind(database_url, lambda: CutWire(scissors)) as proxy:
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
        for number in range(1, CUTS + 1):
            scissors.arm((number - 1) * (length - 1) // (CUTS - 1))
            answers[post(senders, ledger, number)] += 1
            assert scissors.remaining is None, "nothing was cut"
            if ledger.sent[-1].id:
                senders.post(ledger.sent[-1])
        ledger.settle()
        ledger.check(heard_once=True)
    print(f"{CUTS} cuts of {length} bytes, answers: {answers}")


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
