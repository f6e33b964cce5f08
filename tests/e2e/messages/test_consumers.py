"""The documented durable consumers: in the end their lines are those of the worker, through all that may happen."""

import contextlib
import json
import signal
import sqlite3

import pytest
import redis
import servers
from documents import LANGUAGES, running
from installation import TIMEOUT_S, restoring, wait_until

STREAM, GROUP = "allocd:events", "shop"
SKUS = ("lamp", "desk/oak", "quiet")


class Consumer:
    """The program and its state, which outlives it."""

    def __init__(self, language, folder, allocd):
        self.language, self.folder, self.allocd = language, folder, allocd
        self.state = folder / "state"
        self.child = None

    @contextlib.contextmanager
    def runs(self):
        """Is killed at the end of the block, unless it has ended."""
        with running(f"consume.{self.language}", self.folder, self.allocd, CONSUMER_STATE=str(self.state)) as self.child:
            yield self.child

    def lines(self):
        """{(order, SKU, quantity): batch}"""
        if not self.state.exists():
            return {}
        if self.language != "py":
            lines = dict(json.loads(self.state.read_text())["lines"])  # an object, or a list of pairs
            return {tuple(json.loads(key)): batch for key, batch in lines.items()}
        with contextlib.closing(sqlite3.connect(self.state)) as db, contextlib.suppress(sqlite3.OperationalError):
            return {(order, sku, qty): batch for order, sku, qty, batch in db.execute("select orderid, sku, qty, batchref from lines")}
        return {}


def allocated(allocd):
    """The same, as GET /allocations has it."""
    orders = {event["data"]["orderid"] for sku in SKUS for event in events(allocd, sku)}
    found = {}
    for order in orders:
        answer = allocd.get(f"/allocations/{order.replace('/', '%2F')}?full")
        for line in answer.json() if answer.ok else []:
            found[order, line["sku"], line["qty"]] = line["batchref"]
    return found


def events(allocd, sku):
    answer = allocd.get(f"/events/{sku.replace('/', '%2F')}")
    return answer.json() if answer.ok else []


def await_agreement(consumer, allocd):
    expected = allocated(allocd)
    with contextlib.suppress(servers.ServerError):  # the comparison says more
        wait_until(lambda: consumer.lines() == expected, "the consumer to agree")
    assert consumer.lines() == expected
    wait_until(lambda: group(allocd)["pending"] == 0, "all to be acknowledged")
    assert consumer.lines() == expected


def group(allocd):
    with contextlib.suppress(redis.ResponseError):  # there is no stream
        for each in allocd.redis.xinfo_groups(STREAM):
            if each["name"] == GROUP.encode():
                return each
    return {"pending": 0, "consumers": 0}


def post(allocd, command, **fields):
    answer = allocd.post(f"/{command}", fields)
    assert answer.ok, answer.text


def allocate(allocd, word, *skus, count=3):
    for number in range(count):
        for sku in skus:
            post(allocd, "allocate", orderid=f"{word}-{number}", sku=sku, qty=1)


@contextlib.contextmanager
def no_acknowledgement(allocd):
    allocd.redis.execute_command("acl", "setuser", "default", "-xack")
    yield
    allocd.redis.execute_command("acl", "setuser", "default", "+xack")


@pytest.fixture(params=LANGUAGES)
def consumer(request, tmp_path, on_own_redis):
    allocd = on_own_redis
    allocd.stop()
    allocd.give_to("")  # as in the documented programs
    allocd.start()
    for sku in SKUS:
        post(allocd, "add_batch", ref=f"{sku}/shelf", sku=sku, qty=20)
        post(allocd, "add_batch", ref=f"{sku}/ship", sku=sku, qty=1000, eta="2030-01-01")
    return Consumer(request.param, tmp_path, allocd)


def test_a_durable_consumer_agrees_with_the_worker_through_all_that_may_happen(consumer, server_urls):
    allocd = consumer.allocd

    with consumer.runs():
        allocate(allocd, "first", *SKUS, count=10)
        post(allocd, "change_batch_quantity", batchref="lamp/shelf", qty=4)
        post(allocd, "deallocate", orderid="first-0", sku="lamp", qty=1)
        post(allocd, "ship", orderid="first-1", sku="lamp", qty=1)
        await_agreement(consumer, allocd)

        # It acts on an event, and ends before that is acknowledged.
        with no_acknowledgement(allocd):
            allocate(allocd, "unacknowledged", "lamp", count=1)
            assert consumer.child.wait(TIMEOUT_S) != 0
        assert ("unacknowledged-0", "lamp", 1) in consumer.lines()
        assert group(allocd)["pending"] == 1
        allocd.redis.xautoclaim(STREAM, GROUP, "as it was named before", 0)

    with consumer.runs():
        await_agreement(consumer, allocd)

    # The same, and those that were delivered to it with that one, but the last, are trimmed before it comes back.
    allocate(allocd, "pending", *SKUS)
    with no_acknowledgement(allocd), consumer.runs():
        assert consumer.child.wait(TIMEOUT_S) != 0
    assert group(allocd)["pending"] > 1
    allocd.redis.xtrim(STREAM, maxlen=1, approximate=False)
    with consumer.runs():
        await_agreement(consumer, allocd)
        allocate(allocd, "killed", "lamp", "desk/oak", count=10)
        consumer.child.send_signal(signal.SIGKILL)

    with consumer.runs():
        await_agreement(consumer, allocd)

    # Entries are trimmed that it had not read, those of "quiet" without any behind them.
    allocate(allocd, "trimmed", *SKUS)
    allocd.redis.xtrim(STREAM, maxlen=0, approximate=False)
    allocate(allocd, "behind", "lamp", count=1)
    with consumer.runs():
        await_agreement(consumer, allocd)

        # Entries come once more, late. (What is republished goes to channels, and not into the stream.)
        allocate(allocd, "repeated", *SKUS)
        assert allocd.run("republish", "--sku", "lamp", "--from-version", "1").returncode == 0
        for _, fields in allocd.redis.xrevrange(STREAM):
            allocd.redis.xadd(STREAM, fields)
        last = allocd.redis.xinfo_stream(STREAM)["last-generated-id"]
        wait_until(lambda: group(allocd)["last-delivered-id"] == last, "the entries to be read again")
        await_agreement(consumer, allocd)

    # An event comes under a name that the consumer does not know, because it replaced the other one, and then under that.
    allocate(allocd, "renamed", "lamp", count=1)
    [(id_, fields)] = allocd.redis.xrevrange(STREAM, count=1)
    allocd.redis.xdel(STREAM, id_)
    allocd.redis.xadd(STREAM, {**fields, b"type": b"line_assigned"})
    allocd.redis.xadd(STREAM, fields)
    with consumer.runs():
        await_agreement(consumer, allocd)

    # Redis loses the stream and the group.
    allocate(allocd, "lost", *SKUS)
    allocd.redis.delete(STREAM)
    with consumer.runs():
        await_agreement(consumer, allocd)

    # The database is restored: it lacks events on which the consumer acted.
    assert allocd.stop() == 0
    with restoring(allocd, server_urls["DATABASE_URL"]):
        allocd.start()
        with consumer.runs():
            allocate(allocd, "undone", *SKUS)
            await_agreement(consumer, allocd)
        assert allocd.stop() == 0
    allocd.launch()
    wait_until(lambda: "outbox renew" in allocd.readiness(), "readiness to say what is wrong")
    assert allocd.run("outbox", "renew", "--yes").returncode == 0
    wait_until(allocd.ready, "readiness to return")
    with consumer.runs():
        allocate(allocd, "restored", "lamp", count=2)  # nothing comes of the others: it has to ask
        await_agreement(consumer, allocd)

    assert not any(order.startswith("undone") for order, _, _ in consumer.lines())
    assert len(consumer.lines()) > 50
