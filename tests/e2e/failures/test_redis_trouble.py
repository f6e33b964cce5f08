"""Redis crashes, loses its data, or is out of memory."""

import time

import pytest
import redis
import servers
from installation import Installation, wait_until
from ledger import Ledger
from sender import STREAM, Senders

RESTARTS = 5
FLUSHES = 5


@pytest.fixture
def durable_redis(own_directory):
    """
    A Redis that loses nothing that it acknowledged. With appendfsync everysec it would: while a sync of the
    append-only file takes long, Redis answers before it writes to the file.
    """
    options = ["--appendfsync", "always"]
    with servers.running(servers.Redis(own_directory, durable=True, options=options)) as server:
        yield server


@pytest.fixture
def allocd(tmp_path, database_url, durable_redis):
    there = Installation(tmp_path, database_url, durable_redis.url())
    there.start()
    yield there
    there.close()


@pytest.fixture
def ledger(allocd, tmp_path):
    return Ledger(allocd, tmp_path)


def test_a_redis_that_is_killed_and_restarted_loses_no_event(allocd, durable_redis, ledger):
    """
    Redis is killed 5 times under load, and restarts with its data. Every entry of the stream is handled, and
    every event is published; commands on pub/sub may be lost, and are sent again until they are handled.
    """
    ledger.open("sku-1", "sku-2", "sku-3")
    with ledger.listening():
        with Senders(ledger, [STREAM, "http", "pubsub"], rate=100) as senders:
            for _ in range(RESTARTS):
                await_progress(ledger)
                durable_redis.kill()
                await_progress(ledger)  # by HTTP
                durable_redis.start()
                wait_until(allocd.ready, "readiness to return with Redis")
        ledger.settle(senders.send)
        ledger.await_stream(STREAM)
        ledger.check(heard_all=False)
    print(f"{RESTARTS} restarts, {len(ledger.sent)} commands")


def test_a_redis_that_is_flushed_under_load_recovers(allocd, durable_redis, ledger):
    """
    FLUSHALL, 5 times under load. Unread entries of the stream are lost, by the operator's will, and are sent
    again; the group is created again and reading resumes; every event is published on its channel.
    """
    ledger.open("sku-1", "sku-2", "sku-3")
    client = redis.Redis.from_url(durable_redis.url())
    with ledger.listening():
        with Senders(ledger, [STREAM, "http", "pubsub"], rate=100) as senders:
            for _ in range(FLUSHES):
                await_progress(ledger)
                client.flushall()
            await_progress(ledger)
        ledger.settle(again_and_again(senders), again=("pubsub", STREAM))
        ledger.await_stream(STREAM)
        ledger.check(on_stream=False, in_order=False)
    incarnations = allocd.query("select incarnation from streams where name = %s", allocd.prefix + STREAM)
    print(f"{FLUSHES} times FLUSHALL, {len(ledger.sent)} commands, incarnation {incarnations}")


def again_and_again(senders):
    """Waits a moment, so that the commands already sent arrive."""
    sent_at = {}

    def send(command):
        if time.monotonic() > sent_at.get(command.id, 0) + 2:
            sent_at[command.id] = time.monotonic()
            senders.send(command)

    return send


def test_a_redis_out_of_memory_gets_events_on_their_channels(allocd, durable_redis, ledger):
    """Redis refuses scripts and streams: events are still published on the channels, and the rest recovers by itself."""
    ledger.open("sku-1", "sku-2")
    client = redis.Redis.from_url(durable_redis.url())
    with ledger.listening():
        with Senders(ledger, ["http", "pubsub"], rate=100) as senders:
            await_progress(ledger)
            client.config_set("maxmemory", 1)
            await_hearing(ledger, 100)
            client.config_set("maxmemory", 0)
            await_hearing(ledger, 100)
        ledger.settle(senders.send)
        ledger.check(on_stream=False)
    wait_until(allocd.ready, "readiness to return")
    heard = ledger.heard_on_stream()
    assert heard[-1] == ledger.heard_on_channels()[-1], "the stream did not recover"
    assert len(heard) < len(ledger.heard_on_channels()), "Redis refused nothing"
    assert any("memory" in line and "level=warn" in line for line in allocd.log_lines())


def await_progress(ledger):
    before = len(ledger.spent())
    wait_until(lambda: len(ledger.spent()) > before + 50, "the worker to go on")


def await_hearing(ledger, more):
    before = len(ledger.heard_on_channels())
    wait_until(lambda: len(ledger.heard_on_channels()) > before + more, "events to be heard")
