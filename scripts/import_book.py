#!/usr/bin/python3
"""
Copies the stock and the allocations of the Python service of "Architecture Patterns with Python" into allocd's database.

    import_book.py [-n] [--allocd PROGRAM] BOOK_URL

BOOK_URL is the Postgres database of the Python service; DATABASE_URL is that of allocd, whose schema `allocd migrate` has
made. Neither the Python service nor a worker of allocd may run meanwhile. The tables are checked first, and nothing is
copied while something in them cannot be kept. SKUs are copied some hundred a transaction. After an interruption the
same command continues: what is there already is compared instead. At the end `allocd verify` checks the database. No event is published.

Exit: 0 done, 1 failed, 2 usage, 69 a database cannot be reached, 75 a worker runs: try again.
"""

import argparse
import contextlib
import os
import subprocess
import sys

import psycopg2
import psycopg2.extras

CHUNK = 500  # SKUs of a transaction
REPORTED_MAX = 20  # faults of a kind that are printed

# The book compares order lines by their values, so a line that a batch has twice counts once. Its place among the lines of its
# SKU is the order in which they were allocated: it becomes the version of the line.
LINES = """
    select sku, orderid, qty, reference, row_number() over (partition by sku order by id) as version
    from (
        select b.sku, l.orderid, l.qty, b.reference, min(a.id) as id
        from allocations a join order_lines l on l.id = a.orderline_id join batches b on b.id = a.batch_id
        group by b.sku, l.orderid, l.qty, b.reference
    ) as line"""

# Each selects what allocd cannot keep, as a line of text.
FAULTS = {
    "Names must have 1 to 255 characters.": """
        select format('a batch of SKU %L with the reference %L', sku, reference) from batches
        where coalesce(sku, '') = '' or coalesce(reference, '') = ''
        union all
        select format('a line of order %L and SKU %L', orderid, sku) from order_lines l
        where (coalesce(sku, '') = '' or coalesce(orderid, '') = '')
            and exists (select from allocations a where a.orderline_id = l.id)""",
    "A reference must name one batch.": """
        select format('%s batches have the reference %s', count(*), reference) from batches
        group by reference having count(*) > 1""",
    "Quantities of batches must not be negative, and those of lines must be at least 1.": """
        select format('batch %s: %s', reference, _purchased_quantity) from batches where _purchased_quantity < 0
        union all
        select format('the line of order %s and SKU %s: %s', orderid, sku, qty) from order_lines l
        where qty < 1 and exists (select from allocations a where a.orderline_id = l.id)""",
    "ETAs must lie between the years 1 and 9999.": """
        select format('batch %s: %s', reference, eta) from batches
        where eta not between '0001-01-01' and '9999-12-31'""",
    "A line must be in a batch of its own SKU.": """
        select format('the line of order %s and SKU %s is in batch %s of SKU %s', l.orderid, l.sku, b.reference, b.sku)
        from allocations a join order_lines l on l.id = a.orderline_id join batches b on b.id = a.batch_id
        where l.sku <> b.sku""",
    "A line must be in one batch. The book can allocate it twice; delete one of these allocations.": f"""
        select format('the line of order %s, SKU %s and quantity %s is in batches %s',
            orderid, sku, qty, string_agg(reference, ', ' order by version))
        from ({LINES}) as line group by orderid, sku, qty having count(*) > 1""",
    "A batch must not have more allocated than it has.": f"""
        select format('batch %s has %s, of which %s are allocated', b.reference, b._purchased_quantity, sum(l.qty))
        from batches b join ({LINES}) as l on l.reference = b.reference
        group by b.reference, b._purchased_quantity having sum(l.qty) > b._purchased_quantity""",
}

BATCHES = """
    select sku, reference, coalesce(eta, '-infinity')::text, _purchased_quantity from batches
    where sku in %s order by sku, id"""

LOADED = """
    create temporary table if not exists loaded_batches (sku text collate "C", reference text collate "C", eta date, qty integer)
        on commit delete rows;
    create temporary table if not exists loaded_lines (sku text collate "C", orderid text collate "C", qty integer,
        reference text collate "C", version bigint) on commit delete rows"""

# A product that is there already is not copied. Its first event comes after as many versions as it has lines.
COPY = [
    """
    create temporary table copied on commit drop as
    with copied as (
        insert into products (id, sku, version, revision)
        select nextval('row_keys'), sku, (select count(*) from loaded_lines l where l.sku = b.sku), 1
        from loaded_batches b group by sku
        on conflict (sku) do nothing
        returning id, sku
    ) select * from copied""",
    """
    insert into batches (id, product_id, reference, eta, original_qty, purchased, allocated)
    select nextval('row_keys'), p.id, b.reference, b.eta, greatest(b.qty, 1), b.qty,
        (select coalesce(sum(l.qty), 0) from loaded_lines l where l.reference = b.reference)
    from loaded_batches b join copied p using (sku)""",
    """
    insert into order_lines (product_id, orderid, qty, batch_id, version)
    select p.id, l.orderid, l.qty, b.id, l.version
    from loaded_lines l join copied p using (sku) join batches b using (reference)""",
    """
    insert into allocations_view (orderid, sku, qty, batchref)
    select l.orderid, l.sku, l.qty, l.reference from loaded_lines l join copied p using (sku)""",
]

# What differs between the two databases, of the SKUs that were loaded.
DIFFERENCES = """
    with kept_batches as (
        select p.sku, b.reference, b.eta, b.purchased from loaded_batches l
        join products p using (sku) join batches b on b.product_id = p.id
    ), kept_lines as (
        select p.sku, l.orderid, l.qty, b.reference from (select distinct sku from loaded_batches) as loaded
        join products p using (sku) join order_lines l on l.product_id = p.id join batches b on b.id = l.batch_id
    )
    select format('batch %s of SKU %s: %s', reference, sku, place) from (
        (select *, 'only the book has it so' as place
        from (table loaded_batches except select * from kept_batches) as missing)
        union all
        (select *, 'only allocd has it so'
        from (select * from kept_batches except table loaded_batches) as further)
    ) as different
    union all
    select format('the line of order %s and SKU %s: %s', orderid, sku, place) from (
        (select *, 'only the book has it so' as place from (
            select sku, orderid, qty, reference from loaded_lines except select * from kept_lines) as missing)
        union all
        (select *, 'only allocd has it so' from (
            select * from kept_lines except select sku, orderid, qty, reference from loaded_lines) as further)
    ) as different"""


class Refused(Exception):
    """The import cannot be done; the text says why and what to do, the status is what the program exits with."""

    def __init__(self, text, status=1):
        super().__init__(text)
        self.status = status


def say(text):
    print(text, file=sys.stderr)


def listed(texts):
    more = [f"  and {len(texts) - REPORTED_MAX} more"] if len(texts) > REPORTED_MAX else []
    return "\n".join([f"  {text}" for text in texts[:REPORTED_MAX]] + more)


def connect(url, what):
    try:
        return contextlib.closing(psycopg2.connect(url, connect_timeout=10, application_name="import_book"))
    except psycopg2.OperationalError as error:
        raise Refused(f"cannot reach the database of {what}: {str(error).strip()}", 69) from error


def values(cursor, query, parameters=None):
    cursor.execute(query, parameters)
    return [row[0] for row in cursor]


def check_book(book):
    """Refuses to begin while something cannot be kept."""
    try:
        found = {rule: values(book, query) for rule, query in FAULTS.items()}
    except psycopg2.errors.UndefinedTable as error:
        raise Refused(f"BOOK_URL does not lead to the book's tables: {error.diag.message_primary}") from error
    texts = [f"{rule}\n{listed(faults)}" for rule, faults in found.items() if faults]
    if texts:
        raise Refused("\n".join(["nothing was copied. Correct this in the book's database first:", *texts]))


def check_allocd(allocd):
    try:
        alive = values(allocd, "select name from workers where beat_at > now() - ttl_ms * interval '1 millisecond'")
    except psycopg2.errors.UndefinedTable as error:
        raise Refused("DATABASE_URL does not lead to allocd's tables: run allocd migrate first") from error
    if alive:
        raise Refused(f"stop all workers first: {', '.join(alive)}", 75)


def load(book, allocd, skus):
    """Fills the temporary tables with all that the book has of these SKUs."""
    allocd.execute(LOADED)
    book.execute(BATCHES, (skus,))
    psycopg2.extras.execute_values(allocd, "insert into loaded_batches values %s", book)
    book.execute(f"select * from ({LINES}) as line where sku in %s", (skus,))
    psycopg2.extras.execute_values(allocd, "insert into loaded_lines values %s", book)


def copy(book, allocd, skus):
    """Returns how many products, batches and lines were copied."""
    load(book, allocd, skus)
    counts = []
    for statement in COPY:
        allocd.execute(statement)
        counts.append(allocd.rowcount)
    different = values(allocd, DIFFERENCES)
    if different:
        raise Refused(f"SKUs that allocd has already, and has otherwise; they were not changed:\n{listed(different)}")
    return counts[:3]


def copy_all(book, connection):
    """Copies the SKUs that have batches, in their order; without one a SKU is unknown to allocd."""
    skus, copied = values(book, "select distinct sku from batches order by sku"), [0, 0, 0]
    for begin in range(0, len(skus), CHUNK):
        chunk = tuple(skus[begin : begin + CHUNK])
        with connection, connection.cursor() as allocd:
            counts = copy(book, allocd, chunk)
        copied = [total + count for total, count in zip(copied, counts, strict=True)]
        say(f"{begin + len(chunk)} of {len(skus)} SKUs")
    return len(skus), copied


def verify(program):
    say("allocd verify:")
    try:
        status = subprocess.run([program, "verify"], stdout=sys.stderr).returncode
    except OSError as error:
        raise Refused(f"cannot run {program} verify: {error.strerror}: say where it is by --allocd PROGRAM") from error
    if status:
        raise Refused(f"{program} verify ended with {status}")


def import_book(options):
    url = os.environ.get("DATABASE_URL") or "postgresql:///allocd"
    with connect(options.book, "the book") as book_connection, connect(url, "allocd") as connection:
        book_connection.set_session(isolation_level="repeatable read", readonly=True)
        book = book_connection.cursor()
        check_book(book)
        with connection, connection.cursor() as allocd:
            check_allocd(allocd)
        if options.dry_run:
            return "everything can be copied; nothing was"
        count, (products, batches, lines) = copy_all(book, connection)
    verify(options.allocd)
    there = f"; {count - products} SKUs were there already" if products < count else ""
    return f"copied {products} SKUs, {batches} batches and {lines} lines{there}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", "--dry-run", action="store_true", help="only check that everything can be copied")
    parser.add_argument("--allocd", default="allocd", metavar="PROGRAM", help="the program for `verify`; default: allocd")
    parser.add_argument("book", metavar="BOOK_URL", help="postgresql://allocation:…@host:5432/allocation")
    try:
        print(import_book(parser.parse_args()))
    except Refused as refusal:
        say(f"import_book: {refusal}")
        return refusal.status
    except psycopg2.Error as error:
        say(f"import_book: {str(error).strip()}; run the same command again")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
