"""`allocd forget`: an order's id is replaced wherever the database has it, while a worker runs."""

import contextlib
import json
import os
import re
import signal
import subprocess
import threading
import time
import urllib.parse

import psycopg2
import pytest
from installation import administrator, binary, unique, wait_until
from many_lines import LINES, fill as fill_large, version_of
from tables import everything
from tools import handled

# Quotes, a backslash and letters that JSON may escape.
ORDER = 'o"\\/rdér-1'
OTHERS = (ORDER + "0", "my-" + ORDER, ORDER[:-2])
TOKEN = re.compile(r"forgotten-[0-9a-f]{32}")

# Every column that may hold a text: those in which `forget` replaces an order's id, and the others.
FORGOTTEN = {
    "order_lines.orderid", "displaced_lines.orderid", "allocations_view.orderid", "outbox.frame",
    "notifications.orderid", "inbox.id", "dead_letters.payload", "dead_letters.reason", "dead_letters.message_id",
    "dead_letter_history.edits", "dead_letter_history.reason", "dead_letter_history.message_id",
    "discarded_letters.payload", "discarded_letters.reason", "discarded_letters.message_id",
}  # fmt: skip
NOT_OF_ORDERS = {
    "allocations_view.batchref", "allocations_view.sku", "batches.reference", "blind_windows.cause",
    "dead_letter_history.action", "dead_letter_history.message", "dead_letter_history.outcome",
    "dead_letter_history.who", "dead_letters.entry_id", "dead_letters.message", "dead_letters.outcome",
    "dead_letters.place", "dead_letters.source", "dead_letters.way", "discarded_letters.entry_id",
    "discarded_letters.message", "discarded_letters.outcome", "discarded_letters.place", "discarded_letters.source",
    "discarded_letters.way", "forgets.digest", "forgets.token",
    "inbox.message", "inbox.outcome", "inbox.source", "migrations.checksum", "migrations.name",
    "notifications.recipient", "notifications.sku", "products.sku", "shrinks.cause", "shrinks.traceparent",
    "streams.name", "installation.prefix", "installation.streams", "leases.name", "leases.note", "workers.name",
    "workers.candidacies", "workers.messages",
    # A process has the order's id only while it lasts, and `forget` waits for its end.
    "processes.source", "processes.message_id", "processes.message", "processes.place", "processes.payload",
    "processes.orderid", "processes.skus", "processes.way",
}  # fmt: skip


def test_every_column_that_may_hold_a_text_is_named_here(parked):
    assert parked.run("migrate").returncode == 0

    columns = parked.query(
        """select c.table_name || '.' || c.column_name from information_schema.columns c
        join information_schema.tables t using (table_schema, table_name)
        where table_schema = 'public' and t.table_type = 'BASE TABLE'
        and c.udt_name in ('text', '_text', 'varchar', '_varchar', 'bpchar', 'bytea', '_bytea', 'json', 'jsonb')"""
    )

    assert {column for (column,) in columns} == FORGOTTEN | NOT_OF_ORDERS


def forget(there, order, *options):
    done = there.run("forget", "--order", order, "--json", *options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def rows_with(there, text):
    """Where a text is found in the decoded columns; the outbox as `GET /events` decodes it."""
    found = {}
    for column in FORGOTTEN - {"outbox.frame", "dead_letters.payload", "discarded_letters.payload"}:
        table, name = column.split(".")
        found[column] = there.query(f"select count(*) from {table} where {name} = %s", text)[0][0]
    return {column: count for column, count in found.items() if count}


def events(there, sku):
    """Fields of the SKU's events, without their envelopes."""
    listed = [event["data"] for event in there.get(f"/events/{sku}?after=0").json()]
    return [event.get("data", event) for event in listed]


def orders_of(there, *skus):
    return [event["orderid"] for sku in skus for event in events(there, sku)]


def fill(there, sku):
    """Lines of the order and of others, one of them moved, and one out of stock."""
    there.stock(sku, **{f"{sku}-shelf": 20, f"{sku}-ship": (100, "2031-01-01")})
    for number, order in enumerate((*OTHERS, ORDER)):
        there.allocate(sku, order, 5, id=f"{sku}-{number}")
    there.send("change_batch_quantity", {"batchref": f"{sku}-shelf", "qty": 10, "id": f"{sku}-shrink"})
    there.allocate(sku, ORDER, 1000, id=f"{sku}-none")
    handled(there, f"{sku}-none")


@pytest.mark.parametrize("envelope", ["bare", "cloudevents"])
@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_an_order_is_forgotten_and_the_books_balance_while_a_worker_runs(parked, encoding, envelope):
    there = parked
    there.start(ALLOCD_ENCODING=encoding, ALLOCD_ENVELOPE=envelope)
    for sku in ("LAMP", "CHAIR"):
        fill(there, sku)
    there.allocate("no-such-sku", ORDER, 1, id=ORDER)
    there.allocate("no-such-sku", OTHERS[0], 1)
    there.allocate("no-such-sku", ORDER, 2)
    there.await_dead_letters(3)
    assert there.run("dead-letters", "discard", "--yes", "1").returncode == 0
    before = {sku: events(there, sku) for sku in ("LAMP", "CHAIR")}
    wait_until(lambda: there.run("quiesce").returncode == 0, "the worker to be idle")

    revisions = there.query("select id, revision from products order by id")

    tables = everything(there) | {"streams": None, "units": None, "workers": None}  # which the worker changes
    dry = forget(there, ORDER, "--dry-run")
    assert everything(there) | {"streams": None, "units": None, "workers": None} == tables, "a dry run changes nothing"
    done = forget(there, ORDER)

    assert done["replaced"] == dry["replaced"]
    assert done["replaced"]["order_lines"] == done["replaced"]["allocations_view"] == 2
    assert done["replaced"]["outbox"] == json.dumps(before).count(json.dumps(ORDER))
    assert done["replaced"]["dead_letters"] == 2, "one of them was discarded"
    [(payload, message_id)] = there.query("select payload, message_id from discarded_letters")
    assert b"forgotten-" in bytes(payload) and TOKEN.fullmatch(message_id)
    assert rows_with(there, ORDER) == {}
    for sku, old in before.items():
        new = events(there, sku)
        token = next(event["orderid"] for event in new if TOKEN.fullmatch(event["orderid"]))
        assert new == [{**event, "orderid": token} if event["orderid"] == ORDER else event for event in old]
    assert there.get("/allocations/" + urllib.parse.quote(ORDER, safe="")).status_code == 404
    assert len(there.get(f"/allocations/{token}").json()) == 2
    verified = there.run("verify")
    assert verified.returncode == 0, verified.stdout
    # A unit of work that has loaded the lines before must meet another revision.
    assert there.query("select id, revision - 1 from products order by id") == revisions
    there.send("change_batch_quantity", {"batchref": "LAMP-ship", "qty": 0, "id": "last-shrink"})
    handled(there, "last-shrink")
    assert ORDER not in orders_of(there, "LAMP", "CHAIR")
    assert there.run("verify").returncode == 0
    assert set(forget(there, ORDER)["replaced"].values()) == {0}


def test_an_order_that_is_being_cancelled_is_not_forgotten_yet(parked):
    there = parked
    assert there.run("migrate").returncode == 0
    there.query(
        "insert into processes (source, message_id, digest, message, place, payload, orderid, skus, qtys, due_at)"
        " values ('', 'id', 1, 'order_cancelled', 'order_cancelled', '', %s, '{}', '{}', 'infinity')", ORDER,
    )  # fmt: skip

    done = there.run("forget", "--order", ORDER)

    assert done.returncode != 0
    assert "is being cancelled: try again when that has ended" in done.stderr
    there.query("delete from processes")
    forget(there, ORDER)


def test_an_unknown_order_prints_zeros(allocd):
    done = allocd.run("forget", "--order", "unknown")

    assert done.returncode == 0
    assert re.search(r"^order_lines +0$", done.stdout, re.MULTILINE)
    assert "XTRIM" in done.stdout
    assert allocd.query("select count(*) from forgets") == [(0,)]


def test_dead_letters_of_any_payload_forget_the_order(allocd):
    payloads = [
        b'{"orderid":"\\u0041-1234","sku":"x","qty":"no"}',
        b'{"orderid":"A-1234","sku',
        b'{"order":"A-1234"}',
        b"\x82\xa7orderid\xa6A-1234\xa3qty\xa1x",
        b'{"orderid":"A-12345","sku":"x"}',
    ]
    for payload in payloads:
        allocd.send("allocate", payload)
    allocd.await_dead_letters(len(payloads))

    done = forget(allocd, "A-1234")

    assert done["replaced"]["dead_letters"] == 4
    kept = [bytes(row[0]) for row in allocd.query("select payload from dead_letters order by id")]
    assert kept[4] == payloads[4]
    assert not any(b"A-1234" in payload or b"\\u0041" in payload for payload in kept[:4])
    assert allocd.query("select count(*) from dead_letters where payload_bytes <> octet_length(payload)") == [(0,)]
    assert allocd.run("dead-letters", "show").returncode == 0


def lines_with(there, order):
    return there.query("select count(*) from order_lines where orderid = %s", order)[0][0]


@contextlib.contextmanager
def load(there, skus):
    """Sends lines of other orders and moves them, until the end of the block."""
    done = threading.Event()

    def send():
        for number in range(100000):
            if done.is_set():
                return
            sku = skus[number % len(skus)]
            there.allocate(sku, f"other-{number}", 1)
            time.sleep(0.005)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        done.set()
        sender.join()


def test_one_that_was_killed_continues_with_its_token_while_a_worker_is_busy(allocd):
    skus = [f"sku-{number}" for number in range(8)]
    for sku in skus:
        allocd.stock(sku, **{f"{sku}-shelf": 100000})
        for qty in range(1, 21):
            allocd.allocate(sku, "order-1", qty, id=f"{sku}-{qty}")
        handled(allocd, f"{sku}-20")
    locking = psycopg2.connect(allocd.database_url)
    with load(allocd, skus[:4]), locking.cursor() as cursor:
        # When it is killed it has replaced the lines, and the events of all partitions but the last.
        cursor.execute("select from outbox where partition = (select max(partition) from outbox) for update")
        killed = subprocess.Popen([binary(), "forget", "--order", "order-1"], env=allocd.environment())
        wait_until(lambda: not lines_with(allocd, "order-1"), "the lines to be replaced")
        time.sleep(0.2)  # it may be anywhere behind that
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        locking.rollback()
        (token,) = allocd.query("select token from forgets")[0]

        done = forget(allocd, "order-1")

    locking.close()
    assert done["replaced"]["order_lines"] == 0
    assert done["replaced"]["outbox"] > 0
    assert lines_with(allocd, token) == 160
    orders = orders_of(allocd, *skus)
    assert orders.count(token) == 160
    assert all(order.startswith("other-") for order in orders if order != token)
    assert allocd.query("select count(*) from forgets") == [(0,)]
    wait_until(lambda: allocd.run("quiesce").returncode == 0, "the worker to be idle")
    verified = allocd.run("verify")
    assert verified.returncode == 0, verified.stdout


def test_a_line_that_came_back_after_an_interruption_gets_another_token(allocd):
    allocd.stock("LAMP", shelf=10)
    allocd.allocate("LAMP", "order-1", 1)
    allocd.allocate("LAMP", "forgotten-before", 1, id="two")
    handled(allocd, "two")
    allocd.query("insert into forgets (digest, token) values (sha256('order-1'), 'forgotten-before')")

    assert forget(allocd, "order-1")["replaced"]["order_lines"] == 1

    orders = orders_of(allocd, "LAMP")
    assert "order-1" not in orders
    assert len(set(orders)) == 2
    assert allocd.run("verify").returncode == 0


def test_a_row_of_the_outbox_from_before_migration_8_forgets_the_order(allocd):
    allocd.stock("LAMP", shelf=10)
    allocd.allocate("LAMP", "order-1", 1, id="one")
    handled(allocd, "one")
    wait_until(lambda: allocd.run("quiesce").returncode == 0, "the worker to be idle")
    allocd.query("update outbox set key = null, previous = null")
    allocd.query("delete from outbox_directory; update products set last_row = 0, revision = revision + 1")

    assert forget(allocd, "order-1")["replaced"]["outbox"] == 1

    (event,) = events(allocd, "LAMP")
    assert TOKEN.fullmatch(event["orderid"])


def test_an_order_that_is_no_utf_8_is_a_usage_error(parked):
    done = subprocess.run(
        [os.fsencode(binary()), b"forget", b"--order", b"\xff"],
        env=parked.environment(), capture_output=True, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (2, b"allocd: forget: --order: expected UTF-8\n")


# ---- large orders, and lines that have no batch ----


def test_a_line_that_a_shrink_has_displaced_is_forgotten_before_it_is_allocated_again(parked):
    there, sku = parked, unique("sku")
    there.start()
    fill_large(there, sku)
    there.stock(sku, other=(LINES, "2031-01-01"))
    there.send("change_batch_quantity", {"batchref": "big", "qty": 0})
    wait_until(lambda: version_of(there, sku) > LINES, "the first step to commit")
    there.kill()
    [[order], *_] = there.query("select orderid from displaced_lines order by orderid")
    tables = everything(there)

    dry = forget(there, order, "--dry-run")
    assert everything(there) == tables
    done = forget(there, order)

    assert done["replaced"] == dry["replaced"]
    assert (done["replaced"]["displaced_lines"], done["replaced"]["order_lines"]) == (1, 0)
    assert done["replaced"]["outbox"] == 2, "it was allocated, and lost its batch"
    there.start()
    wait_until(lambda: version_of(there, sku) == 3 * LINES, "every line to move")
    assert rows_with(there, order) == {}
    assert there.query("select count(*) from allocations_view where batchref = 'other'") == [(LINES,)]
    [(token,)] = there.query("select orderid from allocations_view where orderid !~ '^order-'")
    assert TOKEN.fullmatch(token)
    verified = there.run("verify")
    assert verified.returncode == 0, verified.stdout


def test_an_order_of_ten_thousand_lines_is_forgotten(allocd):
    skus = [unique("sku") for _ in range(4)]
    pipeline = allocd.redis.pipeline(transaction=False)

    def add(name, **fields):
        pipeline.xadd(allocd.prefix + "allocd:commands", {"type": name, "data": json.dumps(fields)})

    for sku in skus:
        add("create_batch", batchref=sku, sku=sku, qty=2500 * 2501 // 2)
        for qty in range(1, 2501):
            add("allocate", orderid="order-1", sku=sku, qty=qty)
    pipeline.execute()
    wait_until(lambda: lines_with(allocd, "order-1") == 10_000, "the lines to be allocated")

    done = forget(allocd, "order-1")

    for place in ("order_lines", "allocations_view", "outbox"):
        assert done["replaced"][place] == 10_000
    assert rows_with(allocd, "order-1") == {}
    [(token,)] = allocd.query("select distinct orderid from order_lines")
    assert orders_of(allocd, skus[0])[:10] == [token] * 10
    verified = allocd.run("verify")
    assert verified.returncode == 0, verified.stdout


# ---- orders that were cancelled ----


def test_an_order_whose_cancellation_is_held_up_is_forgotten_when_that_has_ended(allocd):
    """The event has the order's id as its own, and one of its lines becomes a dead letter."""
    lines = [unique("lamp"), unique("chair")]
    for sku in lines:
        allocd.stock(sku, **{sku: 10})
        allocd.allocate(sku, "order-1", 1, id=sku)
        handled(allocd, sku)
    allocd.query(
        """create function refuse() returns trigger language plpgsql as
        $$ begin raise exception 'order-1 stays' using errcode = '23514'; end $$"""
    )
    [(product,)] = allocd.query("select id from products where sku = %s", lines[0])
    allocd.query(
        "create trigger refuse before delete on order_lines for each row"
        f" when (old.product_id = {product}) execute function refuse()"
    )
    with administrator(allocd.database_url) as execute:
        execute(f"begin; select from products where sku = '{lines[1]}' for update")
        allocd.send("order_cancelled", {"orderid": "order-1", "id": "order-1"})
        allocd.await_dead_letters()

        early = allocd.run("forget", "--order", "order-1")

        assert (early.returncode, "order-1 is being cancelled" in early.stderr) == (75, True), early.stderr
        execute("rollback")
    wait_until(lambda: not allocd.query("select key from processes"), "the cancellation to end")

    done = forget(allocd, "order-1")

    assert (done["replaced"]["order_lines"], done["replaced"]["inbox"], done["replaced"]["dead_letters"]) == (1, 1, 1)
    assert rows_with(allocd, "order-1") == {}
    assert not [row for rows in everything(allocd).values() for [row] in rows if "order-1" in row]
    [(payload, reason)] = allocd.query("select payload, reason from dead_letters")
    assert b"forgotten-" in bytes(payload) and b"order-1" not in bytes(payload) and "order-1" not in reason
    allocd.query("drop trigger refuse on order_lines")
    assert allocd.run("dead-letters", "replay", "--yes").returncode == 0
    assert allocd.query("select count(*) from order_lines") == [(0,)]
    assert allocd.run("verify").returncode == 0
