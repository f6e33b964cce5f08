"""A dry run of dead letters predicts what their replay does, for any letters and any number of them."""

import json
import subprocess

import pytest
from installation import administrator, binary, unique
from many_lines import LINES, fill
from tables import everything


def letter(allocd, message, **fields):
    """Inserts a dead letter."""
    payload = json.dumps(fields).encode()
    allocd.query(
        """insert into dead_letters (outcome, reason, way, place, message, source, message_id, payload, payload_bytes)
        values ('rejected', 'once upon a time', 'pubsub', 'p', %s, '', %s, %s, %s)""",
        message, fields.get("id"), payload, len(payload),
    )  # fmt: skip


def create(allocd, ref, sku, qty, **more):
    letter(allocd, "create_batch", batchref=ref, sku=sku, qty=qty, **more)


def allocate(allocd, sku, orderid, qty=1, **more):
    letter(allocd, "allocate", orderid=orderid, sku=sku, qty=qty, **more)


def change(allocd, ref, qty, **more):
    letter(allocd, "change_batch_quantity", batchref=ref, qty=qty, **more)


def reports_of(done):
    """The printed reports of a replay, without the times of events and without changes."""
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    for report in reports:
        report.pop("changes", None)
        report.pop("changes_left_out", None)
        for event in report["events"]:
            del event["payload"]["occurred_at"]
    return reports


def events_of(reports):
    return [(e["message"], e["payload"]["orderid"], e["payload"].get("batchref")) for r in reports for e in r["events"]]


def dry_run_and_replay(allocd, *arguments):
    """The dry run and the replay agree, and the dry run changes nothing; returns the reports."""
    before = everything(allocd)
    predicted = allocd.run("dead-letters", "replay", "--dry-run", "--json", *arguments)
    assert everything(allocd) == before
    replayed = allocd.run("dead-letters", "replay", "--yes", "--json", *arguments)

    assert predicted.returncode == replayed.returncode
    assert reports_of(predicted) == reports_of(replayed)
    in_words = [done.stderr.splitlines()[-1].partition("events: ")[2] for done in (predicted, replayed)]
    assert in_words[0] == in_words[1]
    assert not [line for line in predicted.stderr.splitlines() if line.startswith("time=")], "nothing happened"
    assert allocd.run("verify").returncode == 0
    return reports_of(predicted)


@pytest.fixture
def database(parked):
    """A migrated database with a product of two batches that hold three lines, and no worker."""
    parked.start()
    for ref, qty, eta in (("shelf", 5, None), ("ship", 4, "2030-01-01")):
        parked.post("/add_batch", {"ref": ref, "sku": "lamp", "qty": qty, "eta": eta}).raise_for_status()
    for orderid, qty in (("old-1", 2), ("old-2", 2), ("old-3", 1)):
        parked.post("/allocate", {"orderid": orderid, "sku": "lamp", "qty": qty}).raise_for_status()
    assert parked.stop() == 0
    return parked


def test_a_dry_run_of_several_letters_allocates_stock_once(database):
    create(database, "few", "chair", 6)
    for number in range(12):
        allocate(database, "chair", f"order-{number}")

    reports = dry_run_and_replay(database)

    names = [name for name, *_ in events_of(reports)]
    assert names == 6 * ["line_allocated"] + 6 * ["out_of_stock"]


def several_skus(database):
    for number in range(3):
        for sku in ("lamp", "chair", "table"):
            allocate(database, sku, f"order-{number}", 2)
        create(database, f"chairs-{number}", "chair", 3)
        change(database, f"chairs-{number}", 2)
    create(database, "chairs-0", "table", 1)
    return {"line_allocated": 4, "out_of_stock": 1}


def a_shrink_that_moves_lines(database):
    change(database, "shelf", 2)
    allocate(database, "lamp", "new", 1)
    change(database, "ship", 0)
    change(database, "shelf", 9)
    allocate(database, "lamp", "last", 3)
    return {"line_deallocated": 5}


def the_same_id_twice(database):
    for sku, qty in (("lamp", 1), ("lamp", 1), ("lamp", 2), ("nothing", 1)):
        allocate(database, sku, "order", qty, id="one")
    create(database, "another", "lamp", 1, id="one")
    allocate(database, "nothing", "order", 1, id="two")
    create(database, "batch", "nothing", 1, id="two")
    change(database, "batch", 0, id="two")
    return {"line_allocated": 1}


def empty_batches(database):
    """A product that was loaded before does not include a batch that has no lines and no free stock."""
    create(database, "hollow", "lamp", 1)
    change(database, "hollow", 0)
    change(database, "ship", 0)
    change(database, "ship", 1)
    allocate(database, "lamp", "new")
    return {"line_allocated": 1}


def lines_that_leave(database):
    """A line of a batch that has no free stock, one that is allocated again, and one that is not there."""
    def line(message, orderid, qty):
        letter(database, message, orderid=orderid, sku="lamp", qty=qty)

    line("deallocate", "old-2", 2)
    allocate(database, "lamp", "new", 2)
    line("ship", "old-1", 2)
    line("ship", "old-1", 2)
    line("ship", "new", 2)
    create(database, "more", "lamp", 9)
    line("deallocate", "nobody", 1)
    line("ship", "old-3", 1)
    change(database, "shelf", 0)
    return {"line_deallocated": 1, "line_shipped": 3, "line_allocated": 1}


def orders_that_are_cancelled(database):
    """An order of before, one of two letters' lines, one that is allocated again behind it, and one without lines."""
    create(database, "chairs", "chair", 5)
    allocate(database, "chair", "two")
    allocate(database, "lamp", "two", 4)
    letter(database, "order_cancelled", orderid="old-2", id="cancel-old-2")
    letter(database, "order_cancelled", orderid="two")
    allocate(database, "chair", "two")
    letter(database, "order_cancelled", orderid="old-2", id="cancel-old-2")
    letter(database, "order_cancelled", orderid="old-3", id="cancel-old-2")
    letter(database, "order_cancelled", orderid="nobody")
    letter(database, "order_cancelled", order="old-3")
    change(database, "shelf", 3)
    allocate(database, "lamp", "last", 4)
    return {"line_allocated": 4, "line_deallocated": 3}


@pytest.mark.parametrize(
    "scenario", [lines_that_leave, orders_that_are_cancelled, several_skus, a_shrink_that_moves_lines, the_same_id_twice, empty_batches], ids=lambda s: s.__name__
)
def test_a_replay_does_what_its_dry_run_predicted(database, scenario):
    expected = scenario(database)

    reports = dry_run_and_replay(database)

    names = [name for name, *_ in events_of(reports)]
    assert {name: names.count(name) for name in expected} == expected


def test_a_dry_run_predicts_a_cancelled_line_that_the_database_had_refused(database):
    """Its letter is a command of the cancellation, which has ended; one of the lines was released meanwhile."""
    database.query("""
        create function refuse() returns trigger language plpgsql as $$ begin raise 'no' using errcode = '23514'; end $$;
        create trigger refuse before delete on order_lines for each row execute function refuse()""")
    database.start()
    for order in ("old-1", "old-2"):
        database.send("order_cancelled", {"orderid": order})
    database.await_dead_letters(2)
    database.query("drop trigger refuse on order_lines")
    database.post("/ship", {"orderid": "old-1", "sku": "lamp", "qty": 2}).raise_for_status()
    assert database.stop() == 0
    assert database.query("select distinct way, message from dead_letters") == [("process", "deallocate")]
    letter(database, "order_cancelled", orderid="old-3")
    allocate(database, "lamp", "new", 3)

    reports = dry_run_and_replay(database)

    assert sorted(report["outcome"] for report in reports) == ["handled", "handled", "handled", "skipped"]
    released = [order for name, order, _ in events_of(reports) if name == "line_deallocated"]
    assert released == ["old-2", "old-3"]


def test_a_dry_run_finds_the_product_of_an_empty_batch(database):
    """The batch has no lines and no stock, so the product is found only by the batch's reference."""
    database.start()
    database.post("/add_batch", {"ref": "empty", "sku": "lamp", "qty": 1}).raise_for_status()
    database.post("/change_batch_quantity", {"batchref": "empty", "qty": 0}).raise_for_status()
    assert database.stop() == 0
    allocate(database, "lamp", "new", 4)
    change(database, "empty", 50)
    allocate(database, "lamp", "newer", 40)
    create(database, "empty", "lamp", 1)

    reports = dry_run_and_replay(database)

    assert events_of(reports) == [("line_allocated", "new", "ship"), ("line_allocated", "newer", "empty")]
    assert [report["outcome"] for report in reports] == ["handled", "handled", "handled", "skipped"]


def test_a_dry_run_follows_a_shrink_in_steps_to_its_end(parked):
    sku = unique("sku")
    parked.start()
    fill(parked, sku)
    assert parked.stop() == 0
    change(parked, "big", 0)
    create(parked, "more", sku, 5)
    allocate(parked, sku, "after", 1)

    reports = dry_run_and_replay(parked)

    shrink, _, after = reports
    assert len(shrink["events"]) == 10000
    assert shrink["events_left_out"] == 2 * LINES - 10000
    assert events_of([after]) == [("line_allocated", "after", "more")]


# ---- no worker waits ----


def test_a_dry_run_waits_for_no_lock_and_holds_no_lock(database):
    for number in range(4):
        allocate(database, "lamp", f"order-{number}")
    everybody_waits = "lock table products, batches, order_lines, inbox, dead_letters in exclusive mode"
    locks = """select count(*) from pg_locks l join pg_class c on c.oid = l.relation join pg_namespace n
        on n.oid = c.relnamespace where n.nspname = 'public' and l.mode <> 'AccessShareLock' and l.pid <> pg_backend_pid()"""
    with administrator(database.database_url) as execute:
        execute(f"begin; {everybody_waits}")
        assert database.run("dead-letters", "replay", "--dry-run").returncode == 0
        execute("rollback")

    slow = subprocess.Popen(
        [binary(), "dead-letters", "replay", "--dry-run", "--rate", "2"],
        env=database.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    slow.stdout.readline()
    assert database.query(locks) == [(0,)]
    with administrator(database.database_url) as execute:
        execute("set lock_timeout = '1s'; begin; " + everybody_waits)
        execute("update products set revision = revision + 1; update batches set allocated = 0; delete from order_lines")
        execute("commit")
    rest, errors = slow.communicate(timeout=20)

    assert slow.returncode == 0, errors
    assert rest.count("-> handled: accepted") == 3


def test_a_dry_run_that_loses_its_session_ends_with_75(database):
    for number in range(6):
        allocate(database, "lamp", f"order-{number}")
    before = everything(database)
    slow = subprocess.Popen(
        [binary(), "dead-letters", "replay", "--dry-run", "--rate", "2"],
        env=database.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    slow.stdout.readline()

    database.query("""select pg_terminate_backend(pid) from pg_stat_activity
        where pid <> pg_backend_pid() and datname = current_database()""")
    _, errors = slow.communicate(timeout=20)

    assert slow.returncode == 75
    assert "the effects of the dry run with it: start it again" in errors
    assert everything(database) == before


def test_a_dry_run_writes_to_no_permanent_table(database):
    allocate(database, "lamp", "order")
    database.query("create function spy() returns trigger language plpgsql as $$ begin raise 'written'; end $$")
    for table in ("products", "order_lines", "outbox", "inbox", "dead_letters", "notifications", "units"):
        database.query(f"create trigger spy before insert or update or delete on {table} execute function spy()")

    done = database.run("dead-letters", "replay", "--dry-run")

    assert done.returncode == 0, done.stderr
    assert "-> handled: accepted" in done.stdout


def test_a_dry_run_of_1010_letters_predicts_their_replay(database):
    database.query("""insert into dead_letters (outcome, reason, way, place, message, source, payload, payload_bytes)
        select 'rejected', 'r', 'pubsub', 'p', 'allocate', '', payload, octet_length(payload) from (
            select convert_to(json_build_object('orderid', 'o' || n, 'sku', 'sku-' || n %% 10, 'qty', 1)::text, 'UTF8')
                as payload from generate_series(1, 1000) n) as m""")
    for number in range(10):
        create(database, f"b-{number}", f"sku-{number}", 60)
    # The letters that create batches are the last ones, so none of the earlier letters finds stock.
    done = database.run("dead-letters", "replay", "--dry-run")
    assert done.stderr.splitlines()[-1].endswith("1010 replayed in a dry run, nothing changed: 10 handled, 0 skipped, 1000 failed again; 0 left")
    assert database.run("dead-letters", "replay", "--yes", "--message", "create_batch").returncode == 0

    reports = dry_run_and_replay(database)

    names = [name for name, *_ in events_of(reports)]
    assert (names.count("line_allocated"), names.count("out_of_stock")) == (600, 400)
