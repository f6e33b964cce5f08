"""A stream that is lost and begins again, one whose acknowledgements are refused, and large entries."""

import json
import os
import pathlib
import re
import signal
import time

import pytest
import servers
from installation import wait_until
from sender import STREAM

MIB = 1 << 20


@pytest.fixture
def worker(on_own_redis):
    """Every allocate is out of stock, so that each handling of one is an event of its own."""
    response = on_own_redis.post("/add_batch", {"ref": "batch", "sku": "sku", "qty": 1})
    assert response.status_code == 201
    assert on_own_redis.post("/allocate", {"orderid": "first", "sku": "sku", "qty": 1}).status_code == 202
    return on_own_redis


def key(worker):
    return worker.prefix + STREAM


def add(worker, orderid, entry_id="*", **fields):
    payload = json.dumps({"orderid": orderid, "sku": "sku", "qty": 1})
    return worker.redis.xadd(key(worker), {"type": "allocate", "data": payload, **fields}, id=entry_id).decode()


def add_large(worker, size):
    return worker.redis.xadd(key(worker), {"type": "allocate", "data": b"x" * size}).decode()


def handled(worker):
    """The orders in the order of their events; an order that was handled twice is listed twice."""
    entries = worker.redis.xrange(worker.prefix + "allocd:events")
    return [json.loads(fields[b"data"])["orderid"] for _, fields in entries][1:]


def await_handled(worker, *orders):
    wait_until(lambda: handled(worker) == list(orders), f"{orders} to be handled")


def await_noted(worker, entry_id):
    mark = [int(number) for number in entry_id.split("-")]
    wait_until(lambda: worker.query("select 1 from streams where done = %s::numeric[] and marked = incarnation",
                                    mark), "the stream to be noted")  # fmt: skip


def await_acknowledged(worker):
    wait_until(lambda: worker.redis.xpending(key(worker), "allocd")["pending"] == 0, "all to be acknowledged")


def milliseconds(entry_id):
    return int(entry_id.split("-")[0])


@pytest.mark.parametrize("offsets", [(-1, 5000), (0, 1), (0, 60000)])
def test_a_stream_that_is_lost_and_begins_again_is_read_whole(worker, offsets):
    """The ids of its entries are below, at and above the known ones."""
    known = add(worker, "a")
    await_noted(worker, known)
    worker.redis.delete(key(worker))
    for orderid, offset in zip("bc", offsets):
        add(worker, orderid, f"{milliseconds(known) + offset}-0")
    await_handled(worker, "a", "b", "c")
    await_acknowledged(worker)
    assert sum("stream began again" in line for line in worker.log_lines()) == 1


@pytest.mark.parametrize("recreate", [False, True])
def test_a_group_that_was_moved_ahead_while_the_worker_was_away_is_moved_back(worker, recreate):
    await_noted(worker, add(worker, "a"))
    assert worker.stop() == 0
    add(worker, "b")
    add(worker, "c")
    if recreate:
        worker.redis.xgroup_destroy(key(worker), "allocd")
        worker.redis.xgroup_create(key(worker), "allocd", "$")
    else:
        worker.redis.xgroup_setid(key(worker), "allocd", "$")
    worker.start()
    await_handled(worker, "a", "b", "c")
    await_acknowledged(worker)


@pytest.mark.parametrize("backlog", [5, 2500])
def test_refused_acknowledgements_are_logged_and_sent_again(worker, backlog):
    """Meanwhile SIGTERM ends the worker in time, and unacknowledged entries are counted."""
    admin = worker.redis
    url = worker.redis_url
    admin.execute_command("ACL", "SETUSER", "app", "on", ">pw", "~*", "&*", "+@all")
    assert worker.stop() == 0
    worker.redis_url = url.replace("redis://", "redis://app:pw@")
    worker.start()
    admin.execute_command("ACL", "SETUSER", "app", "-xack")
    with admin.pipeline(transaction=False) as pipeline:
        payload = json.dumps({"orderid": "many", "sku": "sku", "qty": 1})
        for _ in range(backlog):
            pipeline.xadd(key(worker), {"type": "allocate", "data": payload})
        pipeline.execute()
    wait_until(lambda: len(handled(worker)) == backlog, "all to be handled")
    readiness = wait_until(lambda: not_ready(worker), "readiness to say it")
    assert "takes no acknowledgements" in readiness and "NOPERM" in readiness
    wait_until(lambda: f"allocd_stream_entries_pending {backlog}\n" in worker.get("/metrics").text, "the metric")
    assert told(worker, "acknowledgements are refused") == 1
    if backlog > 1000:
        assert worker.stop() == 75
        assert f"{backlog}" in worker.log_lines()[-1]
        worker.launch()
        wait_until(lambda: told(worker, "acknowledgements are refused") == 2, "the next worker to say it, too")
    admin.execute_command("ACL", "SETUSER", "app", "+xack")
    await_acknowledged(worker)
    wait_until(worker.ready, "the worker to be ready")
    assert told(worker, "acknowledgements are accepted again") == 1
    assert len(handled(worker)) == backlog


def not_ready(worker):
    response = worker.get("/readyz")
    return response.text if response.status_code == 503 else None


def told(worker, text):
    return sum(text in line for line in worker.log_lines())


@pytest.mark.parametrize("reader", ["own", "dead"])
def test_large_entries_that_are_pending_become_dead_letters_in_bounded_memory(worker, reader):
    """Large entries were pending for this worker, or for a dead one; small ones between them are handled."""
    add(worker, "a")
    await_handled(worker, "a")
    await_acknowledged(worker)
    [consumer] = [each["name"] for each in worker.redis.xinfo_consumers(key(worker), "allocd")]
    assert worker.stop() == 0
    large = [size * MIB for size in (1, 12, 12, 12, 40, 12, 12)]
    for number, size in enumerate(large):
        add_large(worker, size)
        add(worker, f"small-{number}")
    name = consumer if reader == "own" else "gone"
    for _ in range(2 * len(large)):
        worker.redis.xreadgroup("allocd", name, {key(worker): ">"}, count=1)
    ids = [each["message_id"] for each in worker.redis.xpending_range(key(worker), "allocd", "-", "+", 100)]
    worker.redis.xclaim(key(worker), "allocd", name, 0, ids, idle=100_000, justid=True)

    worker.start()
    await_handled(worker, "a", *(f"small-{number}" for number in range(len(large))))
    await_acknowledged(worker)
    letters = worker.dead_letters()
    assert [size for *_, size in letters] == large
    assert {len(payload) for *_, payload, _ in letters} == {65536}
    assert {reason for _, _, reason, *_ in letters} == {"payload: larger than 64 KiB"}


def test_an_entry_of_many_large_fields_becomes_a_dead_letter(worker):
    fields = {f"field-{number}": b"x" * (2 * MIB) for number in range(30)}
    worker.redis.xadd(key(worker), {"type": "allocate", **fields, "data": "{}"})
    add(worker, "a")
    await_handled(worker, "a")
    await_acknowledged(worker)
    assert [outcome for _, outcome, *_ in worker.dead_letters()] == ["invalid"]


# The full size, by hand: ALLOCD_TEST_LARGE_MIB=400
LARGE_MIB = int(os.environ.get("ALLOCD_TEST_LARGE_MIB", "100"))


def most_memory(worker):
    """The peak memory of the process, in MiB."""
    status = pathlib.Path(f"/proc/{worker.worker.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) // 1024


@pytest.mark.parametrize("fields", [1, 100])
def test_an_entry_of_hundreds_of_mebibytes_becomes_a_dead_letter_in_a_minute_and_bounded_memory(worker, fields):
    """The other fields, if any, are unknown to the worker. A sanitizer keeps freed memory, within bounds."""
    assert worker.stop() == 0
    worker.start(ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1")
    before, begin = most_memory(worker), time.monotonic()
    size = LARGE_MIB * MIB if fields == 1 else LARGE_MIB * MIB // 80
    entry = ["data", b"x" * size]
    for number in range(1, fields):
        entry += [f"field-{number}", entry[1]]
    worker.redis.execute_command("XADD", key(worker), "*", "type", "allocate", *entry)
    add(worker, "a")
    servers.wait_until(lambda: handled(worker) == ["a"], "what follows to be handled", 60)
    await_acknowledged(worker)
    assert time.monotonic() - begin < 60
    assert [(outcome, length) for _, outcome, _, _, length in worker.dead_letters()] == [("invalid", size)]
    assert most_memory(worker) < before + 32


def test_an_answer_over_the_output_buffer_limit_is_read_in_parts(worker):
    """Redis closes a connection whose answer exceeds client-output-buffer-limit."""
    assert worker.stop() == 0
    worker.redis.config_set("client-output-buffer-limit", f"normal {40 * MIB} 0 0")
    add(worker, "a")
    for _ in range(6):
        add_large(worker, 15 * MIB)
    add(worker, "b")
    worker.start()
    await_handled(worker, "a", "b")
    await_acknowledged(worker)
    assert len(worker.dead_letters()) == 6


def counts_entries(worker):
    """Redis counts deleted entries since version 7."""
    return b"entries-added" in worker.redis.execute_command("XINFO", "STREAM", key(worker))


def lost(worker):
    line = next(each for each in worker.get("/metrics").text.splitlines() if each.startswith(LOST))
    return int(float(line.split()[1]))


LOST = "allocd_stream_entries_lost_total "


def behind_its_back(worker, change):
    """The worker is stopped while it waits: the first entry is delivered to it, and the others stay unread."""
    add(worker, "a")
    await_handled(worker, "a")
    await_acknowledged(worker)
    worker.worker.send_signal(signal.SIGSTOP)
    add(worker, "b")
    change()
    worker.worker.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("trim", [False, True])
def test_entries_that_are_deleted_before_they_are_read_are_counted(worker, trim):
    def change():
        ids = [add(worker, f"unread-{number}") for number in range(5)]
        if trim:
            worker.redis.xtrim(key(worker), maxlen=2, approximate=False)
        else:
            worker.redis.xdel(key(worker), *ids[:3])

    behind_its_back(worker, change)
    await_handled(worker, "a", "b", "unread-3", "unread-4")
    await_acknowledged(worker)
    if counts_entries(worker):
        wait_until(lambda: lost(worker) == 3, "the loss to be counted")
        assert told(worker, "entries lost: they were trimmed, deleted or passed over") == 1


def test_entries_that_a_moved_group_has_skipped_are_read(worker):
    def change():
        add(worker, "c")
        add(worker, "d")
        worker.redis.xgroup_setid(key(worker), "allocd", "$")
        add(worker, "e")

    behind_its_back(worker, change)
    if counts_entries(worker):
        await_handled(worker, "a", "b", "e", "c", "d")
        await_acknowledged(worker)
        assert lost(worker) == 0


def test_a_stream_that_began_again_is_read_whole_with_several_consumers_in_its_group(worker):
    await_noted(worker, add(worker, "a"))
    assert worker.stop() == 0
    worker.redis.delete(key(worker))
    for orderid in "bc":
        add(worker, orderid, f"{ord(orderid)}-0")
    worker.redis.xgroup_create(key(worker), "allocd", "98-0")
    for consumer in ("dead", "deader"):
        worker.redis.xgroup_createconsumer(key(worker), "allocd", consumer)
    worker.start()
    await_handled(worker, "a", "b", "c")
    await_acknowledged(worker)
