"""Events of a database that was restored from a backup: consumers tell them from those that were lost."""

import itertools
import threading

import pytest
from books import Books, await_balance
from documents import LANGUAGES, listening
from installation import restoring, wait_until


def stock(allocd, *skus):
    for sku in skus:
        for reference, qty, eta in (("shelf", 30, None), ("ship", 1000, "2030-01-01")):
            batch = {"ref": f"{sku}/{reference}", "sku": sku, "qty": qty, "eta": eta}
            assert allocd.post("/add_batch", batch).status_code == 201


def allocate(allocd, sku, word, count):
    for number in range(count):
        fields = {"orderid": f"{sku}/{word}-{number}", "sku": sku, "qty": 1}
        assert allocd.post("/allocate", fields).status_code == 202


def shrink(allocd, sku, qty):
    assert allocd.post("/change_batch_quantity", {"batchref": f"{sku}/shelf", "qty": qty}).status_code == 202


def renew(allocd):
    renewed = allocd.run("outbox", "renew", "--yes")
    assert renewed.returncode == 0, renewed.stdout + renewed.stderr
    return renewed.stdout.splitlines()[1]


def verify(allocd):
    done = allocd.run("verify")
    assert done.returncode == 0, done.stdout


@pytest.fixture
def unprefixed(on_own_redis):
    on_own_redis.stop()
    on_own_redis.give_to("")  # as in the documented programs
    return on_own_redis


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_documented_consumers_balance_their_books_across_a_restore(tmp_path, unprefixed, server_urls, language):
    """Lost are events of which other ones get the versions ("busy", "few"), and the last ones of "quiet"."""
    allocd = unprefixed
    allocd.start()
    stock(allocd, "busy", "few", "quiet")
    with listening(language, tmp_path, allocd) as listener:
        books = Books(listener)
        for sku in ("busy", "few", "quiet"):
            allocate(allocd, sku, "before", 5)
        await_balance(books, allocd)
        assert allocd.stop() == 0
        with restoring(allocd, server_urls["DATABASE_URL"]):
            allocd.start()
            for sku in ("busy", "few", "quiet"):
                allocate(allocd, sku, "lost", 10)
            shrink(allocd, "busy", 8)
            await_balance(books, allocd)
            assert allocd.stop() == 0
        allocd.launch()
        wait_until(lambda: "outbox renew" in allocd.readiness(), "readiness to say what is wrong")
        fields = {"orderid": "busy/refused", "sku": "busy", "qty": 1}
        assert allocd.post("/allocate", fields).status_code == 503

        assert renew(allocd) == "epoch 1 -> 2"

        wait_until(allocd.ready, "readiness to return")
        allocate(allocd, "busy", "after", 40)
        allocate(allocd, "few", "after", 2)
        shrink(allocd, "busy", 20)
        await_balance(books, allocd)

    assert books.undone >= 3 * 10
    epochs = [event["data"].get("epoch", 1) for event in allocd.get("/events/busy").json()]
    assert epochs == [1] * 5 + [2] * (len(epochs) - 5)
    assert [event["data"]["version"] for event in allocd.get("/events/busy?after=40&epoch=1").json()][-1] == len(epochs)
    assert allocd.get("/events/quiet").headers["Allocd-Version"] == "5"
    verify(allocd)


def test_consumers_keep_their_books_while_the_outbox_is_renewed_under_load(tmp_path, unprefixed):
    allocd = unprefixed
    allocd.start()
    skus = [f"sku-{number}" for number in range(8)]
    stock(allocd, *skus)
    ended = threading.Event()

    def load(sku):
        for number in itertools.count():
            if ended.is_set():
                return
            allocate(allocd, sku, f"order-{number}", 5)
            shrink(allocd, sku, 20 + number % 10)

    with listening("py", tmp_path, allocd) as listener:
        books = Books(listener)
        threads = [threading.Thread(target=load, args=(sku,)) for sku in skus]
        for thread in threads:
            thread.start()
        try:
            for epoch in (1, 2):
                count = len(books.lines)
                wait_until(lambda: len(books.lines) > count + 200, "events to be heard")
                assert renew(allocd) == f"epoch {epoch} -> {epoch + 1}"
            count = len(books.lines)
            wait_until(lambda: len(books.lines) > count + 200, "events to be heard")
        finally:
            ended.set()
            for thread in threads:
                thread.join()
        await_balance(books, allocd)

    for sku in skus:
        epochs = [event["data"].get("epoch", 1) for event in allocd.get(f"/events/{sku}").json()]
        assert epochs == sorted(epochs) and epochs[-1] == 3
    assert allocd.dead_letters() == []
    verify(allocd)
