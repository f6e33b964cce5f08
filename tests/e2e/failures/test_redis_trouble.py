"""Redis crashes, loses its data, or is out of memory."""

import re
import time

import pytest
import redis
import servers
from installation import ROOT, Installation, wait_until
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


def test_a_damaged_row_of_the_outbox_holds_up_its_partition_until_it_is_repaired(allocd, durable_redis):
    """The events of SKUs in other partitions are published, and those behind the row once its frame is restored."""
    row, frame, listener = start_with_a_damaged_row(allocd, durable_redis)
    heard = [order_of(listener) for _ in range(4)]
    assert [order for order in heard if order != "lamp-0"] == orders_of("chair")
    assert "lamp-0" in heard, "the row before the damaged one was held up"
    await_held_up(allocd, row)
    assert "\nallocd_outbox_damaged 1\n" in allocd.get("/metrics").text
    assert allocd.stop() == 0, "a worker that stops waited for the damaged row"
    allocd.launch()
    await_held_up(allocd, row)

    allocd.query("update outbox set frame = %s where partition = %s and position = %s", frame, *row)
    assert [order_of(listener) for _ in range(2)] == orders_of("lamp")[1:]
    wait_until(allocd.ready, "readiness to return")
    assert "\nallocd_outbox_damaged 0\n" in allocd.get("/metrics").text
    assert allocd.run("verify").returncode == 0


def test_events_behind_a_damaged_row_are_published_once_its_own_are_given_up(allocd, durable_redis):
    """As docs/operating.md describes: listeners miss the row's events, and neither reads nor verify hide that."""
    row, _, listener = start_with_a_damaged_row(allocd, durable_redis)
    await_held_up(allocd, row)
    allocd.query("update outbox set frame = '' where partition = %s and position = %s", *row)

    heard = [order_of(listener) for _ in range(5)]
    assert [order for order in heard if order.startswith("lamp")] == ["lamp-0", "lamp-2"]
    wait_until(allocd.ready, "readiness to return")
    assert allocd.get("/events/lamp").status_code == 500
    assert [event["data"]["version"] for event in allocd.get("/events/lamp?after=2").json()] == [3]
    assert rules_broken(allocd) == {"outbox-sections", "outbox-frame"}


def test_events_behind_a_deleted_row_are_published_once_an_empty_row_takes_its_place(allocd, durable_redis):
    """By the statement of docs/operating.md. To verify, that row is no fault; the gap that it leaves is one."""
    row, _, listener = start_with_a_damaged_row(
        allocd, durable_redis, "delete from outbox where partition = %s and position = %s"
    )
    await_held_up(allocd, row, "missing")
    assert "outbox-positions" in rules_broken(allocd)
    [statement] = re.findall(r"insert into outbox .+;", (ROOT / "docs/operating.md").read_text(encoding="utf-8"))
    allocd.query(statement.replace("(6, 2, ", "({}, {}, ".format(*row)))

    heard = [order_of(listener) for _ in range(5)]
    assert [order for order in heard if order.startswith("lamp")] == ["lamp-0", "lamp-2"]
    wait_until(allocd.ready, "readiness to return")
    assert rules_broken(allocd) == {"outbox-versions", "outbox-list"}


def rules_broken(allocd):
    return {line.split(":")[0] for line in allocd.run("verify").stdout.splitlines()}


DAMAGE = "update outbox set frame = frame || '\\x01' where partition = %s and position = %s"


def start_with_a_damaged_row(allocd, durable_redis, damage=DAMAGE):
    """A worker starts with three events each of lamps and chairs to publish; the row of the lamps' second is damaged."""
    for sku in ("lamp", "chair"):
        assert allocd.post("/add_batch", {"ref": f"{sku}s", "sku": sku, "qty": 10}).status_code == 201
    durable_redis.kill()
    for lamp, chair in zip(orders_of("lamp"), orders_of("chair"), strict=True):
        assert allocd.post("/allocate", {"orderid": lamp, "sku": "lamp", "qty": 1}).status_code == 202
        assert allocd.post("/allocate", {"orderid": chair, "sku": "chair", "qty": 1}).status_code == 202
    allocd.kill()
    [[*row, frame]] = allocd.query(SECOND_ROW)
    allocd.query(damage, *row)
    durable_redis.start()
    listener = allocd.listen()
    allocd.launch()
    return row, frame, listener


SECOND_ROW = """
    select o.partition, o.position, frame from outbox o
    join product_frames f using (partition, position)
    join products p on p.id = f.product_id
    where sku = 'lamp' and f.first_version = 2
"""


def await_held_up(allocd, row, state="damaged"):
    reason = "the outbox row of partition {}, position {} is ".format(*row) + state
    wait_until(lambda: reason in allocd.readiness(), "readiness to name the row")


def orders_of(sku):
    return [f"{sku}-{order}" for order in range(3)]


def order_of(listener):
    return listener.expect("line_allocated")["orderid"]
