"""Signals, crashes, and servers that stop and start."""

import json
import signal

import pytest
from installation import unique, wait_until


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_drains_and_ends_with_0(allocd, number):
    sku, events = unique("sku"), allocd.listen()
    allocd.stock(sku, batch=1000)
    for order in range(200):
        allocd.allocate(sku, f"order-{order}", 1)
    events.expect("line_allocated", orderid="order-0")

    assert allocd.stop(number) == 0

    [(committed,)] = allocd.query("select version from products where sku = %s", sku)
    for version in range(2, committed + 1):
        events.expect("line_allocated", version=version)


def test_a_signal_leaves_no_entry_of_a_stream_half_done(allocd):
    stream, sku = allocd.prefix + "allocd:commands", unique("sku")
    allocd.stock(sku, batch=100000)
    with allocd.redis.pipeline(transaction=False) as pipeline:
        for order in range(20000):
            line = json.dumps({"orderid": f"order-{order}", "sku": sku, "qty": 1})
            pipeline.xadd(stream, {"type": "allocate", "data": line})
        pipeline.execute()
    wait_until(lambda: allocd.query("select 1 from order_lines limit 1"), "the first orders")

    assert allocd.stop() == 0

    [group] = [each for each in allocd.redis.xinfo_groups(stream) if each["name"] == b"allocd"]
    [[handled]] = allocd.query("select count(*) from order_lines")
    # A read that is not answered within 300 ms of the stop leaves its entries to the next reader.
    assert group["entries-read"] == handled + group["pending"] and group["pending"] <= 1000


def test_a_second_worker_resumes_where_the_first_ended(allocd):
    sku, events = unique("sku"), allocd.listen()
    allocd.stock(sku, batch=10)
    allocd.allocate(sku, "before", 1)
    events.expect("line_allocated", version=1)
    assert allocd.stop() == 0

    allocd.start()
    allocd.allocate(sku, "after", 1)

    events.expect("line_allocated", orderid="after", version=2)


def test_events_committed_before_a_crash_are_published_after_it(on_own_redis, own_redis):
    allocd, sku = on_own_redis, unique("sku")
    assert allocd.post("/add_batch", {"ref": "batch", "sku": sku, "qty": 10}).status_code == 201
    own_redis.kill()
    assert allocd.post("/allocate", {"orderid": "order", "sku": sku, "qty": 3}).status_code == 202
    allocd.kill()

    own_redis.start()
    events = allocd.listen()
    allocd.start()

    events.expect("line_allocated", orderid="order", sku=sku, version=1)


def test_the_worker_subscribes_again_after_a_restart_of_redis(on_own_redis, own_redis):
    allocd, sku = on_own_redis, unique("sku")
    allocd.stock(sku, batch=10)
    # Redis answers the publisher before it writes to the subscribers, so the batch is lost if it is killed at once.
    wait_until(lambda: allocd.query("select sku from products where sku = %s", sku), "the batch to be there")
    own_redis.kill()
    wait_until(lambda: not allocd.ready(), "readiness to turn off without Redis")

    own_redis.start()
    wait_until(allocd.ready, "readiness to return with Redis")

    events = allocd.listen()
    allocd.allocate(sku, "order", 3)
    events.expect("line_allocated", orderid="order")


def test_a_restart_of_postgres_loses_no_message(on_own_postgres, own_postgres):
    allocd, sku, events = on_own_postgres, unique("sku"), on_own_postgres.listen()
    allocd.stock(sku, batch=10)
    allocd.allocate(sku, "before", 1)
    events.expect("line_allocated", orderid="before", version=1)

    own_postgres.kill()
    allocd.allocate(sku, "while it is away", 1)
    own_postgres.start()

    events.expect("line_allocated", orderid="while it is away", version=2)
    wait_until(allocd.ready, "readiness to return")
    assert allocd.dead_letters() == []


def test_without_a_database_a_caller_gets_503_and_may_retry(on_own_postgres, own_postgres):
    allocd, sku = on_own_postgres, unique("sku")
    batch = {"ref": "batch", "sku": sku, "qty": 10, "id": unique("id")}
    own_postgres.kill()

    answer = allocd.post("/add_batch", batch)

    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "same id" in answer.json()["message"]
    own_postgres.start()
    wait_until(lambda: allocd.post("/add_batch", batch).status_code == 201, "the retry to succeed")


def test_without_a_database_a_signal_ends_the_worker_and_counts_unfinished_messages(on_own_postgres, own_postgres):
    allocd, sku = on_own_postgres, unique("sku")
    own_postgres.kill()
    allocd.stock(sku, one=1, two=2)
    wait_until(lambda: not allocd.ready(), "readiness to turn off without Postgres")

    assert allocd.stop() == 75

    assert "messages=2 " in allocd.log_lines()[-1]


def test_a_second_signal_ends_the_worker_at_once(on_own_postgres, own_postgres):
    allocd = on_own_postgres
    own_postgres.kill()
    allocd.stock(unique("sku"), batch=1)
    wait_until(lambda: not allocd.ready(), "readiness to turn off without Postgres")

    allocd.worker.terminate()
    wait_until(lambda: draining(allocd), "the first signal to be noticed")
    allocd.worker.terminate()

    assert allocd.wait() != 0


def draining(allocd):
    return any("SIGTERM" in line for line in allocd.log_lines())


def test_a_subscriber_that_never_reads_does_not_block_the_worker(allocd):
    """A client that subscribes and never reads does not block the worker."""
    sku, deaf, events = unique("sku"), allocd.listen(), allocd.listen()
    allocd.stock(sku, batch=100000)

    for order in range(2000):
        allocd.allocate(sku, f"order-{order}", 1)

    for version in range(1, 2001):
        events.expect("line_allocated", version=version)
    deaf.pubsub.close()
