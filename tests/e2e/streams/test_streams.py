"""Streams of commands and of events, in normal operation and after failures."""

import json

import pytest
from installation import wait_until
from ledger import Command
from sender import STREAM, Senders


@pytest.fixture
def senders(parked, ledger):
    return Senders(ledger, [])


def send(senders, ledger, way, number):
    command = Command(way, "allocate", {"orderid": f"{way}-{number}", "sku": "sku", "qty": 1})
    ledger.write(command)
    senders.add(command)


def test_entries_without_ids_of_two_streams_have_one_effect_each(parked, ledger, senders):
    """Each entry has one effect, and each stream keeps its order."""
    parked.start(ALLOCD_STREAM="first,second")
    ledger.open("sku")
    with ledger.listening():
        for number in range(200):
            send(senders, ledger, "first", number)
            send(senders, ledger, "second", number)
        ledger.settle()
        for stream in ("first", "second"):
            ledger.await_stream(stream)
        ledger.check(heard_once=True)


NO_COMMANDS = [
    {"data": "{}"},
    {"type": "no such"},
    {"type": "allocate"},
    {"type": "allocate", "data": "{"},
    {"type": "allocate", "data": b"\x81\xff"},
    {"x": "y"},
]


def test_an_entry_that_is_not_a_command_becomes_a_dead_letter(parked, ledger, senders):
    """The entry is acknowledged, and the following ones are read."""
    parked.start()
    ledger.open("sku")
    for fields in NO_COMMANDS:
        parked.redis.xadd(parked.prefix + STREAM, fields)
    with ledger.listening():
        send(senders, ledger, STREAM, 1)
        ledger.settle()
        ledger.await_stream(STREAM)
        ledger.check(heard_once=True, dead_letters=len(NO_COMMANDS))
    letters = {(place, outcome) for place, outcome, *_ in parked.dead_letters()}
    assert letters == {(parked.prefix + STREAM, "invalid")}


def test_a_destroyed_consumer_group_is_created_again(parked, ledger, senders):
    """The group is created at the checkpoint in Postgres; entries that are read again have no second effect."""
    parked.start()
    ledger.open("sku")
    with ledger.listening():
        with Senders(ledger, [STREAM], rate=200, anonymous=True):
            for handled in (100, 200, 300):
                wait_until(lambda: len(ledger.spent()) > handled, "the worker to go on")
                parked.redis.xgroup_destroy(parked.prefix + STREAM, "allocd")
        ledger.settle()
        ledger.await_stream(STREAM)
        ledger.check(heard_once=True)


def test_entries_that_are_trimmed_while_pending_are_counted(parked, ledger, senders):
    """A worker dies with entries that it did not handle, and they are trimmed: they are lost, which is logged."""
    parked.start()
    ledger.open("sku")
    assert parked.stop() == 0
    key = parked.prefix + STREAM
    for number in range(10):
        fields = {"orderid": f"lost-{number}", "sku": "sku", "qty": 1}
        parked.redis.xadd(key, {"type": "allocate", "data": json.dumps(fields)})
    [consumer] = [each["name"] for each in parked.redis.xinfo_consumers(key, "allocd")]
    parked.redis.xreadgroup("allocd", consumer, {key: ">"}, count=10)
    parked.redis.xtrim(key, maxlen=0, approximate=False)

    parked.start()
    with ledger.listening():
        send(senders, ledger, STREAM, 1)
        ledger.settle()
        ledger.await_stream(STREAM)
        ledger.check(heard_once=True)
    assert "allocd_stream_entries_lost_total 10" in parked.get("/metrics").text
    assert any("entries lost" in line and "level=error" in line for line in parked.log_lines())


def test_entries_that_another_reader_has_just_read_are_claimed_with_the_lease(parked, ledger, senders):
    """They precede new ones, and only the holder of the lease may handle them."""
    parked.start()
    ledger.open("sku")
    assert parked.stop() == 0
    key = parked.prefix + STREAM
    fields = {"orderid": "busy", "sku": "sku", "qty": 1}
    parked.redis.xadd(key, {"type": "allocate", "data": json.dumps(fields)})
    parked.redis.xreadgroup("allocd", "another", {key: ">"})

    parked.start()
    send(senders, ledger, STREAM, 1)
    ledger.settle()
    assert not parked.redis.xpending_range(key, "allocd", "-", "+", 10, "another")
    assert parked.query("select 1 from allocations_view where orderid = 'busy'")


def test_the_event_stream_has_the_events_of_the_channels(parked, ledger):
    """The event stream has the same events in the same order, for consumers that were not subscribed."""
    parked.start()
    ledger.open("sku-1", "sku-2")
    with ledger.listening():
        with Senders(ledger, [STREAM, "http"], rate=200):
            wait_until(lambda: len(ledger.spent()) > 500, "500 commands to be handled")
        ledger.settle()
        ledger.check(heard_once=True)
    assert ledger.heard_on_stream() == ledger.heard_on_channels()
