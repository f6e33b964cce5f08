"""
Workers come and go under load: a stream that keeps its reader does not pause, and the others move at once.

ALLOCD_TEST_JOINS sets how often (20 for the figures in docs/decisions/leases.md), and then the pauses are
held to their bounds; the few joins and leaves of every run share their processors with other tests.
"""

import collections
import itertools
import json
import os
import threading
import time
import uuid

import redis
from fleet import seconds_until
from installation import TIMEOUT_S, wait_until

CHANGES = int(os.environ.get("ALLOCD_TEST_JOINS", "4"))
PAUSE_S = 0.25 if "ALLOCD_TEST_JOINS" in os.environ else 1.5
SHARE_OUT_S = 5
RATE = 2000
STREAMS = [f"allocd:commands{number}" for number in range(8)]
PAUSED_FROM_S = 1  # a change is watched for this long before it, and
WATCHED_S = 4  # this long after it


class Load:
    """Sends allocates of one SKU a stream at a steady rate, and notes when the event of each arrives."""

    def __init__(self, allocd):
        self.redis = redis.Redis.from_url(allocd.redis_url)
        self.prefix = allocd.prefix
        self.sent = 0
        self.heard = {stream: [] for stream in STREAMS}
        self.stopping, self.all_sent = threading.Event(), threading.Event()
        self.sender, self.listener = (threading.Thread(target=run, daemon=True) for run in (self.send, self.hear))
        self.subscription = self.redis.pubsub()
        self.subscription.subscribe(self.prefix + "line_allocated")
        self.subscription.get_message(timeout=5)

    def __enter__(self):
        self.sender.start()
        self.listener.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.sender.join()
        self.all_sent.set()
        self.listener.join()

    def send(self):
        streams = itertools.cycle(STREAMS)
        begin = time.monotonic()
        while not self.stopping.wait(0.01):
            pipeline = self.redis.pipeline(transaction=False)
            for _ in range(int((time.monotonic() - begin) * RATE) - self.sent):
                stream = next(streams)
                line = {"orderid": str(uuid.uuid4()), "sku": stream, "qty": 1}
                pipeline.xadd(self.prefix + stream, {"type": "allocate", "data": json.dumps(line)})
            self.sent += len(pipeline)
            pipeline.execute()

    def hear(self):
        last = time.monotonic()
        while not self.all_sent.is_set() or (self.count() < self.sent and time.monotonic() < last + TIMEOUT_S):
            last = last if self.all_sent.is_set() else time.monotonic()
            message = self.subscription.get_message(timeout=0.1)
            if message and message["type"] == "message":
                self.heard[json.loads(message["data"])["sku"]].append(time.monotonic())

    def count(self):
        return sum(map(len, self.heard.values()))

    def longest_pause(self, stream, since, until):
        times = [since, *(at for at in list(self.heard[stream]) if since < at < until), until]
        return max(later - earlier for earlier, later in itertools.pairwise(times))


def terms(allocd):
    return {name.removeprefix(allocd.prefix): term for name, term in allocd.query("select name, term from leases")}


def counts(allocd, workers):
    """How many leases each worker has, while every lease has a worker."""
    found = collections.Counter(
        name for (name,) in allocd.query("select w.name from leases l join workers w on w.id = l.holder")
    )
    all_leases = len(STREAMS) + 1  # of the streams and of pub/sub
    is_complete = sum(found.values()) == all_leases and len(found) == len(workers)
    return sorted(found.values()) if is_complete else None


def is_even(allocd, workers):
    found = counts(allocd, workers)
    return found and found[-1] - found[0] <= 1


def test_a_stream_that_keeps_its_reader_does_not_pause_when_workers_come_and_go(fleet):
    streams = ",".join(STREAMS)
    workers = [fleet(ALLOCD_STREAM=streams) for _ in range(2)]
    first = workers[0]
    for stream in STREAMS:
        assert first.post("/add_batch", {"ref": stream, "sku": stream, "qty": 2_000_000_000}).status_code == 201
    wait_until(lambda: is_even(first, workers), "the streams to be shared out")
    kept, moved, shared_s = [0], [0], []
    with Load(first) as load:
        wait_until(lambda: load.count() > RATE, "commands to be handled")
        for change in range(CHANGES):
            before, since = terms(first), time.monotonic()
            time.sleep(PAUSED_FROM_S)
            if change % 2 == 0:
                workers.append(fleet(ALLOCD_STREAM=streams))
            else:
                assert workers.pop().stop() == 0
            shared_s.append(seconds_until(lambda: is_even(first, workers), "the streams to be shared out evenly"))
            wait_until(lambda since=since: time.monotonic() > since + PAUSED_FROM_S + WATCHED_S, "it to be over")
            until, after = time.monotonic(), terms(first)
            for stream in STREAMS:
                pause_s = load.longest_pause(stream, since, until)
                (kept if before[stream] == after[stream] else moved).append(pause_s)
    assert load.count() == load.sent
    print(
        f"{CHANGES} joins and leaves at {RATE}/s: {len(kept) - 1} streams stayed and paused for"
        f" {max(kept):.3f} s at most, {len(moved) - 1} moved and paused for {max(moved):.3f} s at most;"
        f" even after {max(shared_s):.2f} s"
    )
    assert max(kept) < PAUSE_S
    assert max(shared_s) < SHARE_OUT_S
