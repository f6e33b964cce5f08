"""`allocd quiesce` returns when every worker is done with what was sent before."""

import contextlib
import json
import subprocess
import threading

import psycopg2
import pytest
from installation import binary, unique, wait_until

# ---- quiesce: the worker's part played by the test ----


class StandIn(threading.Thread):
    """Subscribes as a worker does, and answers questions as the test says."""

    def __init__(self, parked):
        super().__init__(daemon=True)
        self.redis, self.prefix = parked.redis, parked.prefix
        self.questions = 0
        self.quiet_from = 1  # the number of the first question that is answered
        self.pubsub = parked.redis.pubsub(ignore_subscribe_messages=True)
        self.pubsub.subscribe(parked.prefix + "allocd:quiesce")
        self.over = threading.Event()

    def run(self):
        while not self.over.is_set():
            message = self.pubsub.get_message(timeout=0.05)
            if message:
                self.questions += 1
                if self.questions >= self.quiet_from:
                    self.redis.publish(self.prefix + "allocd:quiet", message["data"])

    def __enter__(self):
        wait_until(lambda: self.redis.pubsub_numsub(self.prefix + "allocd:quiesce")[0][1], "the stand-in")
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()
        self.pubsub.close()


@pytest.fixture
def migrated(parked):
    assert parked.run("migrate").returncode == 0
    return parked


def test_quiesce_without_a_worker_is_an_error(migrated):
    done = migrated.run("quiesce")

    assert (done.returncode, done.stderr) == (69, "allocd: quiesce: no worker listens\n")


def test_quiesce_waits_for_every_worker(migrated):
    with StandIn(migrated) as worker:
        quick = migrated.run("quiesce")
        assert (quick.returncode, quick.stdout, quick.stderr) == (0, "", "")
        worker.quiet_from = 1000
        slow = migrated.run("quiesce", "--timeout", "0.3")

    assert (slow.returncode, slow.stderr) == (75, "allocd: quiesce: still busy: 1 of 1 workers\n")


def test_quiesce_waits_for_unread_stream_entries(migrated):
    stream, group = migrated.prefix + "allocd:commands", "allocd"
    entries = [migrated.redis.xadd(stream, {"type": "allocate", "data": "{}"}) for _ in range(3)]
    with StandIn(migrated):
        without_group = migrated.run("quiesce", "--timeout", "0.2")
        migrated.redis.xgroup_create(stream, group, "0")
        unread = migrated.run("quiesce", "--timeout", "0.2")
        migrated.redis.xreadgroup(group, "me", {stream: ">"}, count=3)
        pending = migrated.run("quiesce", "--timeout", "0.2")
        migrated.redis.xack(stream, group, *entries)
        done = migrated.run("quiesce")
        migrated.redis.xdel(stream, migrated.redis.xadd(stream, {"gone": "before it was read"}))
        gone = migrated.run("quiesce")

    for busy in (without_group, unread, pending):
        assert busy.returncode == 75
        assert busy.stderr == "allocd: quiesce: still busy: 3 entries or more of stream allocd:commands\n"
    assert (done.returncode, gone.returncode) == (0, 0)


def test_quiesce_waits_for_the_outbox_and_for_active_shrinks(migrated):
    with StandIn(migrated) as worker:
        migrated.query("update outbox_heads set position = 2 where partition = 3")
        unpublished = migrated.run("quiesce", "--timeout", "0.2")
        asked = worker.questions
        waiting = subprocess.Popen([binary(), "quiesce"], env=migrated.environment())
        wait_until(lambda: worker.questions > asked, "it to look")
        migrated.query("update outbox_cursors set position = 2 where partition = 3")

        assert waiting.wait(20) == 0
    assert unpublished.returncode == 75
    assert "2 commits to publish" in unpublished.stderr


def test_quiesce_without_redis_ends_with_69(migrated):
    done = migrated.run("quiesce", REDIS_URL="redis://:secret@127.0.0.1:1")

    assert done.returncode == 69
    assert "secret" not in done.stderr


# ---- quiesce: a worker ----


def test_messages_sent_before_quiesce_are_done_when_it_returns(allocd):
    sku, stream = unique("sku"), allocd.prefix + "allocd:commands"
    allocd.stock(sku, batch=10_000)
    assert allocd.run("quiesce").returncode == 0
    for burst in range(5):
        pipeline = allocd.redis.pipeline(transaction=False)
        for order in range(burst * 200, burst * 200 + 200):
            heard = {"orderid": f"heard-{order}", "sku": sku, "qty": 1}
            read = {"orderid": f"read-{order}", "sku": sku, "qty": 1}
            pipeline.publish(allocd.prefix + "allocate", json.dumps(heard))
            pipeline.xadd(stream, {"type": "allocate", "data": json.dumps(read)})
        pipeline.execute()

        done = allocd.run("quiesce")

        assert (done.returncode, done.stderr) == (0, "")
        expected = 400 * (burst + 1)
        assert allocd.query("select count(*) from order_lines") == [(expected,)]
        assert allocd.redis.xlen(allocd.prefix + "allocd:events") == expected
        assert allocd.redis.xpending(stream, "allocd")["pending"] == 0
    assert allocd.run("verify").returncode == 0


def test_quiesce_gives_up_while_the_worker_cannot_finish(allocd):
    sku = unique("sku")
    allocd.stock(sku, batch=10)
    assert allocd.run("quiesce").returncode == 0
    with contextlib.closing(psycopg2.connect(allocd.database_url)) as holder:
        with holder.cursor() as cursor:
            cursor.execute("select from products where sku = %s for update", (sku,))
        allocd.allocate(sku, "order", 1)
        busy = allocd.run("quiesce", "--timeout", "1")
    done = allocd.run("quiesce")

    assert (busy.returncode, busy.stderr) == (75, "allocd: quiesce: still busy: 1 of 1 workers\n")
    assert done.returncode == 0
    assert allocd.query("select orderid from order_lines") == [("order",)]
