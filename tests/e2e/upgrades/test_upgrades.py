"""A database of each migration, with rows in every table: today's program migrates it, and continues the work that is in it."""

import contextlib
import hashlib
import json
import os

import installation
import old_databases
import pytest
import servers
from dead_letters import ids, replay, versions_of
from installation import wait_until
from old_databases import DUMPS, NEWEST

# The first migrations that know of what is in question.
ONE_COMMAND_AN_ID, PROCESSES = 4, 12
NUMBERS = range(1, NEWEST + 1)
# Those that a worker continues in every run: the last ones before something took another form, and the newest. All in `./dev nightly`.
CONTINUED = NUMBERS if os.environ.get("ALLOCD_TEST_UPGRADES") == "all" else (1, 7, 8, 11, 13, 16, NEWEST)


def name_of(number):
    return f"{number:04}"


@pytest.fixture(scope="module")
def redis_url():
    """A Redis of this file, because all databases have one prefix."""
    with servers.scratch_directory() as directory, servers.running(servers.Redis(directory)) as redis:
        yield redis.url()


class Upgraded(installation.Installation):
    """An installation whose database was one of the migration, and is migrated."""

    def __init__(self, number, *where):
        super().__init__(*where)
        self.number = number
        self.prefix = "upgrade:"
        self.settings["ALLOCD_STREAM"] = "commands"
        old_databases.restore(self.database_url, number)
        with old_databases.session(self.database_url) as cursor:
            self.columns = old_databases.columns_of(cursor)
            self.before = old_databases.rows_of(cursor, self.columns)
            self.functions = old_databases.functions_of(cursor)
        done = self.run("migrate")
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def upgrade(server_urls, redis_url, tmp_path_factory):
    """Makes an installation that is upgraded from the migration, until the block ends."""

    @contextlib.contextmanager
    def make(number):
        with installation.fresh_database(server_urls["DATABASE_URL"]) as url:
            there = Upgraded(number, tmp_path_factory.mktemp("upgraded"), url, redis_url)
            there.redis.flushall()
            yield there
            there.close()

    return make


@pytest.fixture(scope="module", params=NUMBERS, ids=name_of)
def upgraded(request, upgrade):
    with upgrade(request.param) as there:
        yield there


@pytest.fixture(params=CONTINUED, ids=name_of)
def continued(request, upgrade):
    """The same, for one test, whose worker is ended also when it fails."""
    with upgrade(request.param) as there:
        yield there


@pytest.fixture(scope="module")
def new(server_urls, redis_url, tmp_path_factory):
    """An installation whose database was empty, and is migrated."""
    with installation.fresh_database(server_urls["DATABASE_URL"]) as url:
        there = installation.Installation(tmp_path_factory.mktemp("new"), url, redis_url)
        assert there.run("migrate").returncode == 0
        yield there
        there.close()


@pytest.fixture(scope="module")
def new_schema(new):
    return old_databases.pg_dump(new.database_url, "--schema-only")


# ---- the dumps ----


def test_each_migration_has_a_dump_which_is_as_it_was_made():
    made = [line.split() for line in (DUMPS / "made.sha256").read_text(encoding="ascii").splitlines()]

    assert [name for _digest, name in made] == [f"{name_of(number)}.sql" for number in NUMBERS], "see make_dump.py"
    for digest, name in made:
        assert hashlib.sha256((DUMPS / name).read_bytes()).hexdigest() == digest, f"{name} never changes"


def test_the_newest_dump_has_rows_in_every_table(server_urls):
    with installation.fresh_database(server_urls["DATABASE_URL"]) as url:
        old_databases.restore(url, NEWEST)
        with old_databases.session(url) as cursor:
            rows = old_databases.rows_of(cursor, old_databases.columns_of(cursor))

    assert [table for table, found in rows.items() if not found] == []


# ---- what a migration leaves ----


def rows_to_expect(there):
    """What migrations change in rows by intention."""
    if there.number >= ONE_COMMAND_AN_ID:
        return there.before
    return {**there.before, "inbox": [row for row in there.before["inbox"] if not row.startswith("(create_batch,")]}


def rows_now(there, cursor):
    return old_databases.rows_of(cursor, there.columns)


def test_no_row_is_lost_or_changed(upgraded):
    with old_databases.session(upgraded.database_url) as cursor:
        assert rows_now(upgraded, cursor) == rows_to_expect(upgraded)


def test_a_row_that_a_migration_loses_or_changes_would_be_found(upgrade):
    changes = ["update batches set allocated = allocated - 1 where reference = 'lamp-shelf'"]
    with upgrade(NEWEST) as there, old_databases.session(there.database_url) as cursor:
        changes += [f"delete from {table} where ctid = (select min(ctid) from {table})" for table in there.columns]
        for change in changes:
            cursor.execute(f"begin; {old_databases.WITHOUT_TRIGGERS}; {change}")
            assert rows_now(there, cursor) != rows_to_expect(there), change
            cursor.execute("rollback")


def test_the_schema_is_that_of_a_new_database(upgraded, new_schema):
    assert old_databases.pg_dump(upgraded.database_url, "--schema-only") == new_schema


def test_every_rule_holds(upgraded):
    done = upgraded.run("verify")

    assert (done.returncode, done.stdout) == (0, ""), done.stdout


# ---- what programs from before a migration still find ----


def test_each_function_that_an_older_program_calls_is_kept(upgraded):
    with old_databases.session(upgraded.database_url) as cursor:
        assert upgraded.functions <= old_databases.functions_of(cursor)


@pytest.mark.parametrize("number", range(old_databases.oldest_program(), NEWEST + 1), ids=name_of)
def test_todays_schema_takes_the_rows_that_an_older_program_writes(new, number):
    """It names the columns that it knows, and no others."""
    with old_databases.session(new.database_url) as cursor:
        cursor.execute("begin")
        old_databases.insert_rows(cursor, number)
        cursor.execute("rollback")


# ---- what the new program does with it ----


def events_of(frame):
    """Each event of a row of the outbox: its name and its payload (see src/bus/unit_of_work/outbox_frame.h)."""
    at = 0
    while at < len(frame):
        name_end = at + 1 + frame[at]
        payload_at = name_end + 4
        end = payload_at + int.from_bytes(frame[name_end:payload_at], "big")
        yield frame[at + 1 : name_end].decode(), frame[payload_at:end]
        at = end


END = ("line_allocated", b"the end")  # after the last event
UNPUBLISHED = """
    select frame from outbox o join outbox_cursors c using (partition) where o.position > c.position order by partition, o.position
"""


def by_sku(events):
    """The events of each SKU in their order: name, version and payload."""
    found = {}
    for name, payload in events:
        fields = json.loads(payload)
        found.setdefault(fields["sku"], []).append((name, fields["version"], payload))
    return found


def await_version(there, sku, version):
    """Until the history of the product, of which a migration may have left the rows, ends with the event of that version."""
    expected = list(range(versions_of(there, sku)[0], version + 1))
    wait_until(lambda: versions_of(there, sku) == expected, f"{sku} to have its event {version}")


def test_the_work_that_is_in_it_continues(continued):
    unpublished = by_sku(event for [frame] in continued.query(UNPUBLISHED) for event in events_of(bytes(frame)))
    letters = [letter for [letter] in continued.query("select id from dead_letters order by id")]
    expected = {"lamp": [("line_allocated", 4), ("line_allocated", 5)], "desk": [("out_of_stock", 4)]}
    if continued.number >= PROCESSES:
        expected["vase"] = [("line_deallocated", 2)]

    listener = continued.listen()
    continued.start()
    assert ids(continued) == letters
    assert replay(continued, 1).returncode == 0
    continued.redis.xadd("upgrade:commands", {"type": "allocate", "data": '{"orderid": "order-20", "sku": "lamp", "qty": 1}'})
    for sku, [*_, (_name, version)] in expected.items():
        await_version(continued, sku, version)
    assert continued.stop() == 0  # all is published then

    continued.redis.publish(continued.prefix + END[0], END[1])
    events = by_sku(iter(listener.next_raw, END))
    for sku in unpublished.keys() | expected.keys():
        before = unpublished.get(sku, [])
        assert events[sku][: len(before)] == before
        assert [event[:2] for event in events.pop(sku)[len(before) :]] == expected.get(sku, [])
    assert not events
    assert continued.run("verify").returncode == 0
