"""deploy/worker-role.sql: its role can do all of the worker's work, and nothing else."""

import contextlib
import subprocess

import psycopg2
import psycopg2.extensions
import pytest
from installation import ROOT, administrator, unique, wait_until

PASSWORD = "the worker's"


@pytest.fixture
def owner_url(database_url):
    return database_url


@pytest.fixture
def role(parked, owner_url):
    """A role that the script made in a migrated database, and that the worker uses."""
    name = unique("worker-role")
    assert parked.run("migrate").returncode == 0
    make_role(owner_url, name)
    with administrator(owner_url) as execute:
        execute(f"alter role \"{name}\" password '{PASSWORD.replace(chr(39), 2 * chr(39))}'")
    parked.database_url = psycopg2.extensions.make_dsn(owner_url, user=name, password=PASSWORD)
    yield name
    if parked.worker:
        assert parked.stop() == 0
    with administrator(owner_url) as execute:
        execute(f'drop owned by "{name}"; drop role "{name}"')


def make_role(owner_url, name):
    script = ROOT / "deploy" / "worker-role.sql"
    command = ["psql", "-X", "-q", "-d", owner_url, "-v", f"role={name}", "-f", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def expect(listener, sku, expected_name, **expected):
    """The SKU's next event. After `outbox renew` earlier events of others may be published once more."""
    name, fields = listener.next()
    while fields["sku"] != sku:
        name, fields = listener.next()
    assert (name, fields) == (expected_name, {**fields, **expected})


def work(allocd):
    """An allocation, a shrink that moves it, an out of stock, and a dead letter that a replay can handle."""
    sku, (shelf, ship) = unique("sku"), (unique("shelf"), unique("ship"))
    listener = allocd.listen()
    allocd.stock(sku, **{shelf: 10, ship: (10, "2026-01-01")})
    allocd.allocate(sku, "order-1", 8)
    expect(listener, sku, "line_allocated", batchref=shelf)
    allocd.send("change_batch_quantity", {"batchref": shelf, "qty": 5})
    expect(listener, sku, "line_deallocated", batchref=shelf)
    expect(listener, sku, "line_allocated", batchref=ship)
    allocd.allocate(sku, "order-2", 9, id=unique("id"))
    expect(listener, sku, "out_of_stock", orderid="order-2")
    late = unique("late")
    allocd.allocate(late, "order-3", 1)
    allocd.await_dead_letters()
    allocd.stock(late, **{unique("batch"): 5})
    return sku


def test_the_worker_and_the_tools_work_with_the_role(parked, role):
    parked.start()

    sku = work(parked)

    for command in (
        ["verify"],
        ["quiesce"],
        ["dead-letters", "list"],
        ["dead-letters", "replay", "--reason", "invalid sku", "--dry-run"],
        ["dead-letters", "replay", "--reason", "invalid sku", "--yes"],
        ["rebuild-view"],
        ["republish", "--sku", sku, "--from-version", "1"],
        ["forget", "--order", "order-1", "--dry-run"],
        ["forget", "--order", "order-1"],
        ["outbox", "renew", "--yes"],
        ["verify"],
    ):
        done = parked.run(*command)
        assert done.returncode == 0, (command, done.stderr)
    assert parked.query("select count(*) from allocations_view where orderid = 'order-1'") == [(0,)]
    # Until then the worker publishes once more what it published after its cursors were saved last.
    wait_until(lambda: any("the outbox was renewed" in line for line in parked.log_lines()), "the renewal to be noticed")
    wait_until(parked.ready, "the worker to be ready after the renewal")
    work(parked)
    assert parked.run("dead-letters", "discard", "--reason", "invalid sku", "--yes").returncode == 0


@pytest.mark.parametrize(
    "statement",
    [
        "create table t ()",
        "drop table outbox",
        "truncate inbox",
        "alter table products add column c int",
        "update migrations set name = 'another'",
        "delete from migrations",
        "select setval('row_keys', 1)",
        "create role another",
        "copy products to program 'cat'",
    ],
)
def test_the_worker_role_has_no_other_rights(parked, role, statement):
    with contextlib.closing(psycopg2.connect(parked.database_url)) as connection:
        with connection.cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute(statement)


@pytest.mark.parametrize("table", ["forgets", "order_lines", "outbox", "dead_letters"])
def test_forget_with_a_role_that_may_not_write_a_table_names_it(parked, role, owner_url, table):
    parked.start()
    work(parked)  # order-1 has a line, and order-3 a dead letter
    with administrator(owner_url) as execute:
        execute(f'revoke insert, update on {table} from "{role}"')

    done = parked.run("forget", "--order", "order-3" if table == "dead_letters" else "order-1")

    assert done.returncode == 1
    refused, hint = done.stderr.splitlines()
    assert refused == f"allocd: forget: the database: ERROR:  permission denied for table {table}"
    assert hint == "allocd: forget: not finished: run it again when that is corrected"


def test_the_script_can_be_run_again(role, owner_url):
    make_role(owner_url, role)
