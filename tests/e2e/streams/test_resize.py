"""A range of streams grows under load, while messages are under way that concern several streams."""

import contextlib
import json
import random
import signal
import subprocess
import threading
import time
import zlib

import psycopg2
import redis
from installation import binary, unique, wait_until

FROM = 8
FEW, MANY = f"allocd:commands[0-{FROM - 1}]", f"allocd:commands[0-{2 * FROM - 1}]"
SKUS = 12


class Publishers(threading.Thread):
    """
    A publisher for each SKU, which allocates orders in their order, and goes over at its own time. One more changes the
    quantities of batches, of each by one stream, and cancels every other order a little later, by any stream.
    """

    def __init__(self, worker):
        super().__init__()
        self.redis, self.prefix = redis.Redis.from_url(worker.redis_url), worker.prefix
        self.counts = {unique("sku"): FROM for _ in range(SKUS)}
        self.count, self.sent, self.quantities = FROM, 0, {}
        self.stopping, self.error = threading.Event(), None

    def add(self, number, command, identity=None, **fields):
        entry = {"type": command, "data": json.dumps(fields), **({"id": identity} if identity else {})}
        self.redis.xadd(f"{self.prefix}allocd:commands{number}", entry)

    def add_by_sku(self, command, **fields):
        sku = fields["sku"]
        self.add(zlib.crc32(sku.encode()) % self.counts[sku], command, **fields)

    def cancel(self, number):
        identity = f"cancel {number}" if number % 4 == 1 else None
        self.add(number // 2 % self.count, "order_cancelled", identity, orderid=f"{number:06}")

    def take_turn(self):
        number = self.sent
        for place, sku in enumerate(self.counts):
            if number == 0:
                self.add_by_sku("create_batch", batchref=f"batch of {sku}", sku=sku, qty=1_000_000)
            self.add_by_sku("allocate", orderid=f"{number:06}", sku=sku, qty=1)
            if place % 4 == number % 4:
                self.quantities[f"batch of {sku}"] = quantity = 1_000_001 + number
                self.add(place % FROM, "change_batch_quantity", batchref=f"batch of {sku}", qty=quantity)
        if number % 2 and number > 10:
            self.cancel(number - 10)
        self.sent += 1

    def run(self):
        while not self.stopping.wait(0.03):
            self.take_turn()
        for number in range(self.sent):
            if number % 2 and number > self.sent - 1 - 10:
                self.cancel(number)

    def publish_more(self, turns=40):
        last = self.sent + turns
        wait_until(lambda: self.sent > last, "load")

    def go_over(self):
        """One SKU after another, in any order; the publisher of the other messages is among them."""
        skus = random.sample(list(self.counts), SKUS)
        for sku in skus:
            self.counts[sku] = 2 * FROM
            if sku == skus[SKUS // 2]:
                self.count = 2 * FROM
            time.sleep(random.uniform(0, 0.2))


def await_handled(worker):
    """Every entry of every stream is read and acknowledged, in a quiet round."""

    def is_handled(number):
        key = f"{worker.prefix}allocd:commands{number}"
        if not worker.redis.exists(key):
            return True
        groups = [group for group in worker.redis.xinfo_groups(key) if group["name"] == b"allocd"]
        last = worker.redis.xinfo_stream(key)["last-generated-id"]
        return bool(groups) and groups[0]["last-delivered-id"] == last and groups[0]["pending"] == 0

    wait_until(lambda: all([is_handled(number % (2 * FROM)) for number in range(6 * FROM)]), "all to be handled")


def events_of(worker, sku):
    """The orders of each type of event, in the order of their versions."""
    found, version = {}, 0
    while page := [event for event in worker.get(f"/events/{sku}?after={version}").json()
                   if event["data"]["version"] > version]:  # fmt: skip
        for event in page:
            version = event["data"]["version"]
            found.setdefault(event["type"], []).append(event["data"].get("orderid"))
    return found


def streams_of(worker):
    return worker.query("select streams from installation")[0][0]


def resize(worker, *options, to=MANY):
    return worker.run("streams", "resize", *options, ALLOCD_STREAM=to)


def expect_step(worker, recorded, *options):
    """Kills the command somewhere, and runs it to its end."""
    killed = subprocess.Popen([binary(), "streams", "resize", *options], env=worker.environment({"ALLOCD_STREAM": MANY}))
    time.sleep(random.uniform(0, 0.5))
    killed.kill()
    killed.wait()
    if "->" not in streams_of(worker) or "->" not in recorded:  # the first step, once more, is the second one
        result = resize(worker, *options)
        assert (result.returncode, result.stdout.splitlines()[:1]) == (0, [recorded]), result.stdout + result.stderr
    assert streams_of(worker) == recorded


@contextlib.contextmanager
def always_ready(workers):
    """Asks each worker again and again, a little beyond the end, and fails if one was not ready."""
    done, said = threading.Event(), []

    def watch():
        while not done.wait(0.02):
            replies = [(worker.http, worker.get("/readyz")) for worker in workers]
            said.extend((http, reply.json()["detail"]) for http, reply in replies if reply.status_code != 200)

    thread = threading.Thread(target=watch)
    thread.start()
    yield
    done.wait(2)
    done.set()
    thread.join()
    assert said == []


def await_calm(workers):
    """All are ready, and no lease moves any more: a stream whose lease moves may be unread for a while."""
    seen, since = None, 0

    def is_calm():
        nonlocal seen, since
        now = workers[0].query("select name, holder from leases order by name")
        if now != seen or not all(worker.ready() for worker in workers):
            seen, since = now, time.monotonic()
        return time.monotonic() - since >= 2

    wait_until(is_calm, "the leases to stay where they are")


def restart_one_by_one(workers, streams):
    for worker in workers:
        assert worker.stop() == 0
        worker.start(ALLOCD_STREAM=streams)


def test_a_range_grows_under_load_without_a_pause_and_reorders_no_sku(fleet):
    workers = [fleet(ALLOCD_STREAM=FEW) for _ in range(3)]
    publishers = Publishers(workers[0])
    publishers.start()
    try:
        publishers.publish_more()
        expect_step(workers[0], f"{FEW}, -> {MANY}")
        restart_one_by_one(workers[:2], MANY)
        workers[2].kill()
        workers[2].start(ALLOCD_STREAM=MANY)
        publishers.publish_more()
        expect_step(workers[0], f"{FEW}, => {MANY}")
        publishers.go_over()
        workers[0].kill()
        workers[0].start(ALLOCD_STREAM=MANY)
        publishers.publish_more()
        await_calm(workers)
        with always_ready(workers):
            expect_step(workers[0], MANY, "--finish")
        publishers.publish_more()
    finally:
        publishers.stopping.set()
        publishers.join()
    await_handled(workers[0])

    wanted = [f"{number:06}" for number in range(publishers.sent)]
    assert workers[0].query("select outcome, reason from dead_letters") == []
    for sku in publishers.counts:
        events = events_of(workers[0], sku)
        assert events["line_allocated"] == wanted
        assert sorted(events["line_deallocated"]) == wanted[1::2]
    quantities = dict(workers[0].query("select reference, purchased from batches"))
    assert publishers.quantities.items() <= quantities.items()
    left = {orderid for (orderid,) in workers[0].query("select orderid from allocations_view")}
    assert not left & set(wanted[1::2])
    assert workers[0].run("verify").returncode == 0


def test_each_step_waits_for_what_it_needs_and_says_what_to_do(fleet):
    workers = [fleet(ALLOCD_STREAM=FEW) for _ in range(2)]
    early = resize(workers[0], "--finish")
    prepared = resize(workers[0])
    restart_one_by_one(workers[:1], MANY)
    too_soon = resize(workers[0], "--timeout", "0.5")
    restart_one_by_one(workers[1:], MANY)
    skipped = resize(workers[0], "--finish")
    other = resize(workers[0], to="allocd:commands[0-29]")
    for worker in workers:
        worker.worker.send_signal(signal.SIGSTOP)
    unanswered = resize(workers[0], "--timeout", "0.5")
    for worker in workers:
        worker.worker.send_signal(signal.SIGCONT)
    agreed = resize(workers[0])
    refused = workers[1].run("run", ALLOCD_STREAM=FEW, ALLOCD_HTTP="")
    taken_back = resize(workers[0], to=FEW)
    sku = unique("sku")
    stream = f"{workers[0].prefix}allocd:commands{zlib.crc32(sku.encode()) % FROM}"
    batch = json.dumps({"batchref": "shelf", "sku": sku, "qty": 10})
    workers[0].redis.xadd(stream, {"type": "create_batch", "data": batch})
    wait_until(lambda: workers[0].query("select reference from batches"), "the batch")
    with contextlib.closing(psycopg2.connect(workers[0].database_url)) as holder:
        holder.cursor().execute("select from products where sku = %s for update", (sku,))
        line = json.dumps({"orderid": "order", "sku": sku, "qty": 1})
        workers[0].redis.xadd(stream, {"type": "allocate", "data": line})
        waited = resize(workers[0], "--finish", "--timeout", "4")
        recorded = streams_of(workers[0])
    finished = resize(workers[0], "--finish", "--json")

    assert (early.returncode, "without --finish" in early.stderr) == (78, True), early.stderr
    assert prepared.stdout == (
        f"{FEW}, -> {MANY}\nNext: start the workers again, one after the other, with ALLOCD_STREAM='{MANY}';"
        " then run this again.\n"
    )
    assert too_soon.returncode == 75, too_soon.stderr
    assert "nothing is changed: worker " in too_soon.stderr and "start it again with" in too_soon.stderr
    assert (skipped.returncode, "without --finish" in skipped.stderr) == (78, True), skipped.stderr
    assert (other.returncode, "is under way" in other.stderr) == (78, True), other.stderr
    assert (unanswered.returncode, "does not answer" in unanswered.stderr) == (75, True), unanswered.stderr
    assert agreed.stdout.startswith(f"{FEW}, => {MANY}\nNext: let the publishers go over"), agreed.stderr
    assert (refused.returncode, f"{FEW}, => {MANY}" in refused.stderr) == (78, True), refused.stderr
    assert (taken_back.returncode, "finish this change first" in taken_back.stderr) == (78, True), taken_back.stderr
    assert (waited.returncode, "are not handled" in waited.stderr) == (75, True), waited.stderr
    assert recorded == f"{FEW}, => {MANY}"
    assert json.loads(finished.stdout)["recorded"] == MANY, finished.stderr


def test_a_change_that_is_only_prepared_can_be_taken_back(fleet):
    workers = [fleet(ALLOCD_STREAM=FEW) for _ in range(2)]
    resize(workers[0])
    restart_one_by_one(workers[:1], MANY)
    too_soon = resize(workers[0], "--timeout", "0.5", to=FEW)
    restart_one_by_one(workers[:1], FEW)
    taken_back = resize(workers[0], to=FEW)

    assert (too_soon.returncode, f"ALLOCD_STREAM='{FEW}'" in too_soon.stderr) == (75, True), too_soon.stderr
    assert (taken_back.returncode, streams_of(workers[0])) == (0, FEW), taken_back.stderr


def test_a_list_with_new_names_is_set_when_the_former_streams_are_handled(fleet):
    worker = fleet(ALLOCD_STREAM=FEW)
    uneven = resize(worker, to=f"allocd:commands[0-{FROM}]")
    worker.worker.send_signal(signal.SIGSTOP)
    worker.redis.xadd(f"{worker.prefix}allocd:commands0", {"type": "allocate", "data": "{}"})
    too_soon = resize(worker, "--timeout", "0.1", to="allocd:others[0-2]")
    worker.worker.send_signal(signal.SIGCONT)
    resized = resize(worker, to="allocd:others[0-2]")
    again = resize(worker, to="allocd:others[0-2]")

    assert uneven.returncode == 78, uneven.stderr
    assert too_soon.returncode == 75, too_soon.stderr
    assert (resized.returncode, again.returncode, streams_of(worker)) == (0, 0, "allocd:others[0-2]"), resized.stderr
