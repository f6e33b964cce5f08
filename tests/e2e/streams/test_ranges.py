"""A range of streams divides the SKUs: allocd:commands[0-7] by CRC-32, for several workers and for publishers."""

import json
import os
import random
import signal
import subprocess
import threading
import time
import zlib

import pytest
import redis
from documents import LANGUAGES, LIBRARIES, command_of
from installation import unique, wait_until

EIGHT, SIXTEEN = "allocd:commands[0-7]", "allocd:commands[0-15]"


def stream_of(sku, count=8):
    return f"allocd:commands{zlib.crc32(sku.encode()) % count}"


class Publisher:
    """Adds commands to the streams of an installation."""

    def __init__(self, worker, count=8):
        self.redis, self.prefix, self.count = redis.Redis.from_url(worker.redis_url), worker.prefix, count

    def add(self, command, stream=None, entry=None, **fields):
        name = stream or stream_of(fields["sku"], self.count)
        fields = {"type": command, "data": json.dumps(fields), **(entry or {})}
        return self.redis.xadd(self.prefix + name, fields)


def await_handled(worker, *streams):
    """Every stream is read, and every entry acknowledged."""

    def is_handled(stream):
        key = worker.prefix + stream
        if not worker.redis.exists(key):
            return True
        last = worker.redis.xinfo_stream(key)["last-generated-id"]
        groups = [group for group in worker.redis.xinfo_groups(key) if group["name"] == b"allocd"]
        return bool(groups) and groups[0]["last-delivered-id"] == last and groups[0]["pending"] == 0

    # What is forwarded is in the other stream before it is acknowledged here, so one quiet round is enough.
    wait_until(lambda: all([is_handled(stream) for stream in streams * 2]), f"{streams} to be handled")


def all_of(count):
    return [f"allocd:commands{number}" for number in range(count)]


def letters(worker):
    return worker.query("select outcome, reason from dead_letters")


# ---- the rule, in every language ----

PIECES = ["lamp", "ü", "椅子", "\U0001f4a1", "\u0301", " ", '"', "\\", "/", "\t", "'", "%", "\x7f", "\u2028", "ÿ"]


def random_skus(number):
    chance = random.Random(14)
    return {"".join(chance.choices(PIECES, k=chance.randint(1, 12))) + str(at) for at in range(number)}


def streams_by_sku(client):
    """The SKU of each entry, with the stream that has it."""
    return {
        json.loads(entry[b"data"])["sku"]: stream for stream in all_of(8) for _, entry in client.xrange(stream)
    }  # fmt: skip


def lines_of(skus, escapes):
    """As JSON, with \\u escapes or without."""
    return "".join(
        json.dumps({"command": "allocate", "orderid": "o", "sku": sku, "qty": 1}, ensure_ascii=escapes) + "\n"
        for sku in skus
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("escapes", [False, True], ids=["as_utf8", "as_escapes"])
def test_the_documented_publishers_choose_the_stream_of_each_sku(tmp_path, own_redis, language, escapes):
    skus = random_skus(300)
    done = subprocess.run(
        command_of(f"add.{language}", tmp_path), input=lines_of(skus, escapes), encoding="utf-8",
        env={**os.environ, **LIBRARIES, "REDIS_URL": own_redis.url()},
        capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert streams_by_sku(redis.Redis.from_url(own_redis.url())) == {sku: stream_of(sku) for sku in skus}


def test_the_program_chooses_the_stream_of_each_sku(parked):
    skus = random_skus(30)
    for number, sku in enumerate(skus):
        flags = ["--stream"] if number % 2 else [f"--stream={EIGHT}"]
        done = parked.run(
            "publish", *flags, "allocate", "orderid=o", f"sku={sku}", "qty=1", ALLOCD_STREAM=EIGHT, ALLOCD_PREFIX=""
        )
        assert done.returncode == 0, done.stderr
    found = streams_by_sku(parked.redis)
    parked.redis.delete(*all_of(8))
    assert found == {sku: stream_of(sku) for sku in skus}


# ---- one list for all workers ----


def test_a_worker_with_another_list_is_refused(fleet):
    first = fleet(ALLOCD_STREAM=EIGHT)
    refused = first.run("run", ALLOCD_STREAM=SIXTEEN, ALLOCD_HTTP="")
    assert refused.returncode == 78
    assert f'belongs to ALLOCD_STREAM \\"{EIGHT}\\", not to \\"{SIXTEEN}\\"' in refused.stderr
    assert "allocd streams resize" in refused.stderr
    for mistake in ({"ALLOCD_STREAM": SIXTEEN, "ALLOCD_PREFIX": "other:"}, {"ALLOCD_STREAM": ""}, {}):
        mistaken = {"ALLOCD_PREFIX": first.prefix, **mistake}
        settings, first.settings = first.settings, {}  # the default must not replace the list by accident
        assert first.run("streams", "resize", **mistaken).returncode == 78
        first.settings = settings
    fleet(ALLOCD_STREAM="")  # it reads none, and fits any list
    assert first.query("select streams from installation") == [(EIGHT,)]


# ---- commands that name their batch ----


def test_commands_that_name_their_batch_may_come_on_any_stream(fleet):
    """Three workers; each batch is changed by one stream, in order, with and without ids."""
    workers = [fleet(ALLOCD_STREAM=EIGHT) for _ in range(3)]
    publisher = Publisher(workers[0])
    skus = [unique("sku") for _ in range(20)]
    for number, sku in enumerate(skus):
        publisher.add("create_batch", batchref=f"batch of {sku}", sku=sku, qty=100)
        for qty in range(1, 21):
            entry = {"id": f"{sku} {qty}"} if qty % 2 else {}
            stream = f"allocd:commands{number % 8}"
            publisher.add("change_batch_quantity", stream, entry, batchref=f"batch of {sku}", qty=qty)
    await_handled(workers[0], *all_of(8))

    assert letters(workers[0]) == []
    wanted = {(f"batch of {sku}", 20) for sku in skus}
    assert set(workers[0].query("select reference, purchased from batches")) == wanted


def test_a_batch_that_no_stream_creates_is_rejected_once(fleet):
    worker = fleet(ALLOCD_STREAM=EIGHT)
    Publisher(worker).add("change_batch_quantity", "allocd:commands3", {"id": "a"}, batchref="lost", qty=1)
    wait_until(lambda: letters(worker), "the dead letter")
    await_handled(worker, *all_of(8))
    assert letters(worker) == [("rejected", "unknown batch lost")]


# ---- cancelled orders ----


def paused_at_random(workers, stopping):
    """Stops one worker after another for a time longer or shorter than a lease, and lets it go on."""
    chance = random.Random(9)
    while not stopping.wait(chance.uniform(0.2, 1)):
        worker = chance.choice(workers)
        worker.worker.send_signal(signal.SIGSTOP)
        stopping.wait(chance.choice([0.3, 1, 4]))
        worker.worker.send_signal(signal.SIGCONT)


def test_a_cancelled_order_keeps_no_line_on_any_stream(fleet):
    """Eight streams, three workers that are paused at random; orders have lines on all streams."""
    workers = [fleet(ALLOCD_STREAM=EIGHT) for _ in range(3)]
    publisher = Publisher(workers[0])
    skus = [unique("sku") for _ in range(40)]
    while {stream_of(sku) for sku in skus} != set(all_of(8)):
        skus.append(unique("sku"))
    for sku in skus:
        publisher.add("create_batch", batchref=f"batch of {sku}", sku=sku, qty=10_000)
    stopping = threading.Event()
    thread = threading.Thread(target=paused_at_random, args=[workers, stopping])
    thread.start()
    try:
        for number in range(30):
            for sku in skus:
                publisher.add("allocate", orderid=f"order-{number}", sku=sku, qty=1)
            stream, entry = f"allocd:commands{number % 8}", {"id": f"cancel-{number}"} if number % 2 else {}
            publisher.add("order_cancelled", stream, entry, orderid=f"order-{number}")
            time.sleep(0.3)
    finally:
        stopping.set()
        thread.join()
    await_handled(workers[0], *all_of(8))

    assert letters(workers[0]) == []
    assert workers[0].query("select sku, orderid from allocations_view") == []
    for sku in skus:
        cancelled = [
            event["data"]["orderid"]
            for event in workers[0].get(f"/events/{sku}").json()
            if event["type"] == "line_deallocated"
        ]
        assert sorted(cancelled) == sorted(f"order-{number}" for number in range(30))
    spent = {identity for (identity,) in workers[0].query("select id from inbox")}
    assert {f"cancel-{number}" for number in range(1, 30, 2)} <= spent
    assert workers[0].run("verify").returncode == 0


def test_without_a_range_an_order_is_cancelled_by_the_stream_that_the_event_came_by(fleet):
    """An allocate that is behind the cancellation on its stream stays."""
    worker = fleet(ALLOCD_STREAM="one,two")
    publisher = Publisher(worker)
    publisher.add("create_batch", "one", batchref="batch", sku="lamp", qty=10)
    publisher.add("allocate", "one", orderid="order", sku="lamp", qty=1)
    publisher.add("order_cancelled", "one", orderid="order")
    publisher.add("allocate", "one", orderid="order", sku="lamp", qty=1)
    await_handled(worker, "one", "two")
    assert not worker.redis.xlen(worker.prefix + "two")
    assert worker.query("select orderid from allocations_view") == [("order",)]
