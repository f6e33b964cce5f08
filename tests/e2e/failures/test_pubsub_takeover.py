"""Several workers hear the same channels: each message has one effect, although one of them dies, hangs or ends."""

import contextlib
import json
import os
import signal
import time
import uuid

import pytest
import redis
import servers
from background import Background
from fleet import HAND_OVER_S, TAKEOVER_S, fleet_of, seconds_until
from installation import unique, wait_until
from ledger import TOO_MANY, Ledger
from servers import ServerError

SKUS = [f"sku-{number}" for number in range(10)]
RATE = 2000
AWAY_S = int(os.environ.get("ALLOCD_AWAY_S", "10"))


class Publisher(Background):
    """Publishes orders that never find stock, each of which raises one event at each time it is handled."""

    def __init__(self, allocd, rate=RATE, with_ids=False):
        super().__init__()
        self.channel = allocd.prefix + "allocate"
        self.redis = redis.Redis.from_url(allocd.redis_url)
        self.rate, self.with_ids = rate, with_ids
        self.count = 0
        self.least_heard = None

    def run(self):
        begin = time.monotonic()
        while not self.over.wait(0.005):
            due = int((time.monotonic() - begin) * self.rate) - self.count
            with self.redis.pipeline(transaction=False) as pipeline:
                for _ in range(due):
                    pipeline.publish(self.channel, self.order())
                heard = pipeline.execute()
            self.least_heard = min([*heard, self.least_heard or 99])

    def order(self):
        self.count += 1
        fields = {"orderid": f"order-{self.count}", "sku": SKUS[self.count % len(SKUS)], "qty": TOO_MANY}
        return json.dumps(fields | ({"id": str(uuid.uuid4())} if self.with_ids else {}))


def pubsub_lease(worker):
    """The name of the worker that handles pub/sub, and up to where all is finished."""
    rows = worker.query("select w.name, l.note from leases l join workers w on w.id = l.holder where l.name = 'pubsub'")
    return rows[0] if rows else (None, "")


def handles(worker):
    return (pubsub_lease(worker)[0] or "").endswith(worker.http.rpartition(":")[2])


def holder_among(workers):
    return wait_until(lambda: next(filter(handles, workers), None), "a worker to handle pub/sub")


def await_names(worker):
    """From now on, a worker that takes over knows what the holder had done."""
    wait_until(lambda: pubsub_lease(worker)[1], "the holder to say up to where all is finished")


def handled(worker):
    """Each handling raises one event, which has a version of its own."""
    return int(worker.query("select coalesce(sum(version), 0) from products")[0][0])


def metric(worker, name):
    lines = (line.split() for line in worker.get("/metrics").text.splitlines())
    return next(int(line[1]) for line in lines if line[0] == name)


def await_all(worker, count):
    """Waits as long as further orders are handled: on a slow machine many may be waiting when the publisher ends."""
    with contextlib.suppress(ServerError):  # the caller says what is missing
        while (before := handled(worker)) < count:
            wait_until(lambda before=before: handled(worker) > before, "further orders to be handled")


def check(ledger, publisher):
    """Every order was handled once."""
    assert publisher.least_heard >= 1, "a worker heard each of them"
    await_all(ledger.allocd, publisher.count)
    orders = [event["orderid"] for sku in SKUS for event in ledger.events(sku)]
    expected = {f"order-{number}" for number in range(1, publisher.count + 1)}
    lost, twice = expected - set(orders), len(orders) - len(set(orders))
    print(f"{publisher.count} orders, {len(lost)} lost, {twice} twice")
    assert (len(lost), twice) == (0, 0), sorted(lost)[:5]


@pytest.mark.parametrize("with_ids", [True, False], ids=["with ids", "without ids"])
@pytest.mark.parametrize("how", ["kill -9", "SIGTERM", "SIGSTOP"])
def test_no_message_is_lost_or_handled_twice_when_the_holder_ends(fleet, tmp_path, how, with_ids):
    """At 2000 messages a second. A holder that was stopped past its lease comes back, and does nothing."""
    workers = [fleet(), fleet()]
    holder = holder_among(workers)
    other = next(worker for worker in workers if worker is not holder)
    ledger = Ledger(other, tmp_path)
    ledger.open(*SKUS)
    with Publisher(other, with_ids=with_ids) as publisher:
        await_names(other)
        wait_until(lambda: handled(other) > 2000, "2000 orders to be handled")
        if how == "kill -9":
            holder.kill()
        else:
            holder.worker.send_signal(signal.SIGTERM if how == "SIGTERM" else signal.SIGSTOP)
        took_s = seconds_until(lambda: handles(other), "the other one to take over")
        at_once = handled(other)
        took_s += seconds_until(lambda: handled(other) > at_once + 100, "it to handle orders")
        if how == "SIGSTOP":
            holder.worker.send_signal(signal.SIGCONT)
        elif how == "SIGTERM":
            assert holder.wait() == 0
        wait_until(lambda: handled(other) > at_once + 6000, "it to go on")
    check(ledger, publisher)
    print(f"{how}: orders are handled again after {took_s:.2f} s")
    assert took_s < (HAND_OVER_S if how == "SIGTERM" else TAKEOVER_S)


def test_a_rolling_restart_of_all_workers_loses_nothing_and_does_nothing_twice(fleet, tmp_path):
    workers = [fleet(), fleet(), fleet()]
    ledger = Ledger(workers[0], tmp_path)
    ledger.open(*SKUS)
    with Publisher(workers[0], rate=1000) as publisher:
        await_names(workers[0])
        for worker in 2 * workers:
            assert worker.stop() == 0
            worker.start()
            before = handled(worker)
            wait_until(lambda worker=worker, before=before: handled(worker) > before + 500, "orders to be handled")
    check(ledger, publisher)


def test_a_worker_that_is_alone_spends_no_names(fleet, tmp_path):
    alone = fleet()
    ledger = Ledger(alone, tmp_path)
    ledger.open(*SKUS)
    with Publisher(alone) as publisher:
        wait_until(lambda: handled(alone) > 2000, "2000 orders to be handled")
    check(ledger, publisher)
    assert alone.query("select count(*) from inbox where message = 'pubsub message'") == [(0,)]
    assert pubsub_lease(alone)[1] == ""


def test_a_holder_that_is_killed_and_started_again_at_once_loses_nothing(fleet, tmp_path):
    """It has the same address as before, and did not hear what the other worker heard."""
    workers = [fleet(), fleet()]
    holder = holder_among(workers)
    other = next(worker for worker in workers if worker is not holder)
    ledger = Ledger(other, tmp_path)
    ledger.open(*SKUS)
    with Publisher(other) as publisher:
        await_names(other)
        wait_until(lambda: handled(other) > 2000, "2000 orders to be handled")
        holder.kill()
        holder.launch()
        at_once = handled(other)
        wait_until(lambda: handled(other) > at_once + 6000, "it to go on")
    check(ledger, publisher)


def test_no_message_is_lost_or_handled_twice_while_the_database_is_away(own_postgres, server_urls, tmp_path):
    """Two workers keep what is published at 2000 messages a second. By hand with ALLOCD_AWAY_S=60."""
    name = unique("allocd_e2e")
    own_postgres.ensure_database(name)
    with fleet_of(tmp_path, own_postgres.url(name), server_urls["REDIS_URL"]) as fleet:
        workers = [fleet(), fleet()]
        ledger = Ledger(workers[0], tmp_path)
        ledger.open(*SKUS)
        with Publisher(workers[0]) as publisher:
            await_names(workers[0])
            wait_until(lambda: handled(workers[0]) > 2000, "2000 orders to be handled")
            own_postgres.stop()
            until = publisher.count + AWAY_S * RATE
            servers.wait_until(lambda: publisher.count >= until, "orders to be published", 2 * AWAY_S)
            kept = [metric(worker, "allocd_pubsub_kept_bytes") for worker in workers]
            own_postgres.start()
            begin = time.monotonic()
            servers.wait_until(lambda: handled(workers[0]) >= until, "them to be handled", 2 * AWAY_S + 20)
            took_s = time.monotonic() - begin
        check(ledger, publisher)
        given_up = [metric(worker, "allocd_pubsub_given_up_total") for worker in workers]
    print(f"away for {AWAY_S} s: kept bytes {kept}, all handled {took_s:.1f} s after the start, given up {given_up}")
    assert given_up == [0, 0]
