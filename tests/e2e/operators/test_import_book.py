"""scripts/import_book.py: the tables of the book's service become allocd's, and nothing is published."""

import contextlib
import random
import subprocess
import sys

import installation
import psycopg2
import psycopg2.extras
import pytest

IMPORT = installation.ROOT / "scripts" / "import_book.py"

# As SQLAlchemy makes them from the metadata in the book's orm.py.
TABLES = """
    create table order_lines (id serial primary key, sku varchar(255), qty integer not null, orderid varchar(255));
    create table products (sku varchar(255) primary key, version_number integer not null default 0);
    create table batches (id serial primary key, reference varchar(255), sku varchar(255) references products,
        _purchased_quantity integer not null, eta date);
    create table allocations (id serial primary key, orderline_id integer references order_lines,
        batch_id integer references batches);
    create table allocations_view (orderid varchar(255), sku varchar(255), batchref varchar(255))"""


class Book:
    """The database of the Python service."""

    def __init__(self, url):
        self.url = url
        self.connection = psycopg2.connect(url)
        self.connection.autocommit = True
        self.execute(TABLES)

    def execute(self, statement, *arguments):
        with self.connection.cursor() as cursor:
            cursor.execute(statement, arguments)
            return cursor.fetchall() if cursor.description else []

    def batch(self, reference, sku, quantity, eta=None):
        self.execute("insert into products (sku) values (%s) on conflict do nothing", sku)
        self.execute("insert into batches (reference, sku, _purchased_quantity, eta) values (%s, %s, %s, %s)",
                     reference, sku, quantity, eta)  # fmt: skip

    def line(self, orderid, sku, quantity, reference):
        self.execute(
            """with line as (insert into order_lines (sku, qty, orderid) values (%s, %s, %s) returning id)
            insert into allocations (orderline_id, batch_id) select line.id, batches.id from line, batches
            where reference = %s""", sku, quantity, orderid, reference)  # fmt: skip

    def fill(self, skus, lines):
        """Each SKU has a batch in the warehouse and one at sea; the lines go to either."""
        with self.connection.cursor() as cursor:

            def insert(table, rows):
                psycopg2.extras.execute_values(cursor, f"insert into {table} values %s", rows)

            names = [f"sku-{number:04}" for number in range(skus)]
            insert("products (sku)", [(name,) for name in names])
            insert("batches (reference, sku, _purchased_quantity, eta)",
                   [row for name in names for row in ((f"shelf {name}", name, 10_000, None),
                                                      (f"ship {name}", name, 10_000, "2031-05-06"))])  # fmt: skip
            all_lines = [(random.randrange(skus), random.randint(1, 9), f"order-{number}") for number in range(lines)]
            insert("order_lines (sku, qty, orderid)", [(names[at], qty, order) for at, qty, order in all_lines])
            cursor.execute("""insert into allocations (orderline_id, batch_id)
                select l.id, (select min(id) from batches b where b.sku = l.sku) + l.id %% 2 from order_lines l""", ())


@pytest.fixture
def book(server_urls):
    with installation.fresh_database(server_urls["DATABASE_URL"]) as url:
        there = Book(url)
        with contextlib.closing(there.connection):
            yield there


@pytest.fixture
def migrated(parked):
    assert parked.run("migrate").returncode == 0
    return parked


def run_import(allocd, book, *options):
    return allocd.run_program(sys.executable, str(IMPORT), "--allocd", allocd.program, *options, book.url)


def refused(allocd, book, status=1):
    result = run_import(allocd, book)
    assert (result.returncode, result.stdout) == (status, ""), result.stderr
    return result.stderr


def test_stock_and_allocations_are_taken_over_and_nothing_is_published(book, migrated):
    book.batch("shelf", "lamp", 20)
    book.batch("ship", "lamp", 100, "2031-05-06")
    book.batch("emptied", "lamp", 0)
    for number in (3, 1, 2):
        book.line(f"order-{number}", "lamp", 5, "shelf")
    book.line("order-1", "lamp", 5, "shelf")  # again: the book's batch has it once
    book.execute("insert into order_lines (sku, qty, orderid) values ('lamp', 7, 'out of stock')")
    book.execute("insert into products (sku) values ('without a batch')")

    result = run_import(migrated, book)

    assert (result.returncode, result.stdout) == (0, "copied 1 SKUs, 3 batches and 3 lines\n"), result.stderr
    events = migrated.listen()
    migrated.start()
    assert migrated.get("/allocations/order-1").json() == [{"sku": "lamp", "batchref": "shelf"}]
    batches = migrated.get("/products/lamp").json()["batches"]
    assert [(each["batchref"], each["eta"], each["qty"], each["allocated"]) for each in batches] == [
        ("emptied", None, 0, 0), ("shelf", None, 20, 15), ("ship", "2031-05-06", 100, 0)]  # fmt: skip
    migrated.send("change_batch_quantity", {"batchref": "shelf", "qty": 10})
    # The line that was allocated last is displaced, and the first event follows the versions of the lines.
    events.expect("line_deallocated", orderid="order-2", batchref="shelf", version=4)
    events.expect("line_allocated", orderid="order-2", batchref="ship", version=5)
    assert migrated.run("verify").returncode == 0


def test_an_interrupted_import_continues(book, migrated):
    book.fill(2000, 20_000)
    command = [sys.executable, str(IMPORT), "--allocd", migrated.program, book.url]
    with subprocess.Popen(command, env=migrated.environment(), stderr=subprocess.PIPE, text=True) as killed:
        assert killed.stderr.readline() == "500 of 2000 SKUs\n"
        killed.kill()

    result = run_import(migrated, book)

    assert result.returncode == 0, result.stderr
    there = int(result.stdout.rsplit("; ")[1].split()[0])
    assert 500 <= there <= 2000
    assert migrated.query("select count(*), sum(allocated) from batches") == book.execute(
        "select 4000, sum(qty) from order_lines")  # fmt: skip
    assert migrated.query("select count(*) from allocations_view") == [(20_000,)]
    assert run_import(migrated, book).stdout == "copied 0 SKUs, 0 batches and 0 lines; 2000 SKUs were there already\n"


def test_what_allocd_has_already_is_never_changed(book, migrated):
    book.batch("shelf", "lamp", 20)
    book.batch("case", "chair", 20)
    assert run_import(migrated, book).returncode == 0
    book.execute("update batches set _purchased_quantity = 30 where reference = 'shelf'")
    book.line("order-1", "chair", 5, "case")

    said = refused(migrated, book)

    assert "batch shelf of SKU lamp: only the book has it so" in said
    assert "the line of order order-1 and SKU chair: only the book has it so" in said
    assert migrated.query("select reference, purchased, allocated from batches order by 1") == [
        ("case", 20, 0), ("shelf", 20, 0)]  # fmt: skip


def test_faults_of_the_book_are_listed_and_nothing_is_copied(book, migrated):
    book.batch("good", "lamp", 20)
    book.batch("twice", "lamp", 20)
    book.batch("twice", "lamp", 20)
    book.batch("full", "lamp", 5)
    book.batch("negative", "lamp", -1)
    book.batch("other", "chair", 5)
    book.batch("far", "chair", 5, "infinity")
    book.batch("", "chair", 5)
    book.line("order-1", "lamp", 3, "full")
    book.line("order-2", "lamp", 3, "full")
    book.line("order-3", "lamp", 3, "good")
    book.line("order-3", "lamp", 3, "other")
    book.line("order-4", "lamp", 0, "good")
    book.line("", "lamp", 1, "good")

    said = refused(migrated, book)

    for fault in ("2 batches have the reference twice", "batch full has 5, of which 6 are allocated",
                  "batch negative: -1", "the line of order order-3 and SKU lamp is in batch other of SKU chair",
                  "batch far: infinity", "a batch of SKU 'chair' with the reference ''",
                  "the line of order order-4 and SKU lamp: 0", "a line of order '' and SKU 'lamp'"):  # fmt: skip
        assert fault in said
    assert migrated.query("select count(*) from products") == [(0,)]


def test_a_line_that_the_book_allocated_to_two_batches_is_listed(book, migrated):
    book.batch("first", "lamp", 5)
    book.batch("second", "lamp", 5)
    book.line("order-1", "lamp", 5, "first")
    book.line("order-1", "lamp", 5, "second")

    assert "order order-1, SKU lamp and quantity 5 is in batches first, second" in refused(migrated, book)


def test_it_waits_for_no_worker_and_finds_both_databases(book, parked, server_urls):
    assert "run allocd migrate first" in refused(parked, book)
    parked.start()
    assert "stop all workers first" in refused(parked, book, 75)
    parked.stop()
    book.batch("shelf", "lamp", 20)
    checked = run_import(parked, book, "--dry-run")
    assert (checked.returncode, checked.stdout) == (0, "everything can be copied; nothing was\n")
    assert parked.query("select count(*) from products") == [(0,)]
    away = parked.run_program(sys.executable, str(IMPORT), "postgresql://127.0.0.1:1/nowhere")
    assert (away.returncode, "cannot reach the database of the book" in away.stderr) == (69, True)
    unlike = parked.run_program(sys.executable, str(IMPORT), server_urls["DATABASE_URL"])
    assert (unlike.returncode, "does not lead to the book's tables" in unlike.stderr) == (1, True)
