"""Tools that verify, rebuild and republish, on a running worker, or on a database that the test has damaged."""

import contextlib
import json
import subprocess

import psycopg2
import psycopg2.extensions
import pytest
import redis
from background import Background
from installation import Installation, administrator, binary, fresh_database, unique, wait_until
from tools import handled, lines_of

UNKNOWN = "there is no such id"

# ---- verify ----


@pytest.fixture(scope="module")
def used(tmp_path_factory, server_urls):
    """A database that a worker has used, and whose worker has ended."""
    with fresh_database(server_urls["DATABASE_URL"]) as url:
        there = Installation(tmp_path_factory.mktemp("used"), url, server_urls["REDIS_URL"])
        there.start()
        for sku in ("chair", "lamp"):
            there.stock(sku, **{f"{sku}-shelf": 100, f"{sku}-ship": (100, "2031-01-01")})
            for order in range(5):
                there.allocate(sku, f"order-{order}", 10 + order, id=f"{sku}-{order}")
                handled(there, f"{sku}-{order}")  # so that each has a row of its own in the outbox
            for command in ("deallocate", "ship"):
                line = {"sku": sku, "orderid": f"{command}-order", "qty": 10}
                there.post("/allocate", line)
                there.post(f"/{command}", line)
            shrink = {"batchref": f"{sku}-shelf", "qty": 30, "id": f"{sku}-shrink"}
            there.send("change_batch_quantity", shrink)
        there.allocate("no-such-sku", "order", 1, id="rejected")
        there.await_dead_letters()
        handled(there, "lamp-shrink")
        there.close()
        there.database.close()
        yield there


@contextlib.contextmanager
def damaged(used, sql):
    """A copy of that database that violates a rule."""
    name, whole = unique("damaged"), psycopg2.extensions.parse_dsn(used.database_url)["dbname"]
    url = psycopg2.extensions.make_dsn(used.database_url, dbname=name)
    there = Installation(used.log.parent, url, used.redis_url)
    there.prefix = used.prefix
    with administrator(psycopg2.extensions.make_dsn(used.database_url, dbname="postgres")) as execute:
        execute(f'create database "{name}" template "{whole}"')
        try:
            if sql:
                there.query(sql)
            yield there
        finally:
            if there.database:
                there.database.close()
            execute(f'drop database "{name}" with (force)')


def test_verify_finds_nothing_after_a_worker_has_worked(used):
    with damaged(used, None) as there:
        done = there.run("verify")

    assert (done.returncode, done.stdout) == (0, ""), done.stdout
    assert done.stderr == f"all {len(RULES)} rules hold\n"


def test_verify_finds_nothing_while_an_order_is_being_cancelled(used):
    spent = """insert into inbox (message, source, id, digest, outcome)
        select 'deallocate', 'process ' || key, '1', 1, 'handled' from processes"""
    with damaged(used, process() + spent) as there:
        done = there.run("verify")

    assert (done.returncode, done.stdout) == (0, ""), done.stdout


SHRINK = """insert into shrinks (product_id, batch_id, target)
    select product_id, id, purchased from batches where reference = 'lamp-ship';"""

# A line that was deallocated, or shipped, and is in its batch still.
STALE_LINE = """insert into order_lines (product_id, orderid, qty, batch_id, version)
    select product_id, '{orderid}', 10, id, 6 from batches where reference = 'lamp-shelf'"""

# Rows with one part, as programs wrote them that do not know migration 14.
IN_SECTIONS = """update outbox set
    sections = array[product_id, first_version, last_version, coalesce(previous, 0), octet_length(frame)],
    product_id = null, first_version = null, last_version = null, previous = null;"""

# The order's event has begun to be handled.
PROCESS = """insert into processes (source, message_id, digest, message, place, payload, orderid, skus, qtys, begun_at, due_at)
    values ('', '{id}', 1, 'order_cancelled', 'order_cancelled', '{{}}', 'order-1', '{skus}', '{qtys}',
        now() - interval '2 minutes', now() + interval '{lease}');"""


def process(event="cancelled", skus="{lamp}", qtys="{11}", lease="1 minute"):
    return PROCESS.format(id=event, skus=skus, qtys=qtys, lease=lease)


DAMAGES = [
    ("batch-lines", "update batches set allocated = allocated - 1 where reference = 'lamp-ship'"),
    ("batch-lines", "delete from order_lines where orderid = 'order-1'"),
    (
        "batch-stock",
        """alter table batches drop constraint batches_never_beyond_purchased;
        update batches set purchased = allocated - 1 where reference = 'lamp-ship'""",
    ),
    (
        "line-batch",
        """update order_lines set batch_id = (select id from batches where reference = 'chair-ship')
        where product_id = (select id from products where sku = 'lamp') and orderid = 'order-2'""",
    ),
    ("line-batch", "update order_lines set batch_id = 1234567890 where orderid = 'order-2'"),
    ("line-version", "update order_lines set version = 1000 where orderid = 'order-2'"),
    (
        "line-displaced",
        SHRINK + "insert into displaced_lines select product_id, orderid, qty, version from order_lines",
    ),
    (
        "displaced-shrink",
        "insert into displaced_lines select id, 'order-x', 1, 1 from products where sku = 'lamp'",
    ),
    (
        "shrink-batch",
        """insert into shrinks (product_id, batch_id, target) select p.id, b.id, b.purchased
        from products p, batches b where p.sku = 'chair' and b.reference = 'lamp-ship'""",
    ),
    ("shrink-batch", SHRINK + "update shrinks set target = target - 1"),
    ("product-batches", "insert into products (id, sku, version, revision) values (0, 'empty', 0, 1)"),
    ("product-version", "update products set version = version + 1 where sku = 'lamp'"),
    ("outbox-product", "update outbox set product_id = 1234567890 + product_id where first_version = 1"),
    ("outbox-product", IN_SECTIONS + "update outbox set sections[1] = 1234567890 + sections[1] where sections[2] = 1"),
    (
        "outbox-product",
        """update outbox set key = null, product_id = null, first_version = null, last_version = null
        where first_version = 1""",
    ),
    ("outbox-versions", "delete from outbox where first_version = 2"),
    ("outbox-versions", "update outbox set first_version = first_version - 1 where first_version = 3"),
    ("outbox-list", "update outbox set previous = previous + 1 where first_version = 2"),
    ("outbox-list", "update outbox set previous = null where first_version = 2"),
    ("outbox-list", IN_SECTIONS + "update outbox set sections[4] = sections[4] + 1 where sections[2] = 2"),
    ("outbox-last", "update products set last_row = last_row - 1 where sku = 'lamp'"),
    ("outbox-directory", "insert into outbox_directory select id, 32, 5 from products where sku = 'lamp'"),
    (
        "outbox-positions",
        "delete from outbox o where position = 2 and partition = (select min(partition) from outbox)",
    ),
    ("outbox-head", "update outbox_heads set position = position + 1"),
    ("outbox-cursor", "update outbox_cursors set position = 1000"),
    ("outbox-epoch", "update outbox_heads set epoch = 2 where partition = 7"),
    (
        "outbox-frame",
        "update outbox_heads set epoch = 2; insert into epochs select 2, partition, 0 from outbox_heads",
    ),
    ("outbox-unpublished", "update outbox_cursors set position = 0; delete from outbox where position = 1"),
    (
        "outbox-unpublished",
        "update outbox_cursors set position = position - 1 where position > 0; truncate outbox",
    ),
    ("outbox-partitions", "delete from outbox_cursors where partition = 15"),
    (
        "outbox-partition",
        """with from_to as (select min(partition) as old, 15 - min(partition) as new from outbox)
        update outbox set partition = new from from_to where partition = old""",
    ),
    ("outbox-frame", "update outbox set frame = substr(frame, 2) where first_version = 1"),
    ("outbox-frame", "update outbox set frame = frame || frame where first_version = 1"),
    ("outbox-sections", "update outbox set product_id = null where first_version = 1"),
    ("outbox-sections", "update outbox set last_version = null where first_version = 1"),
    ("outbox-sections", "update outbox set frame = '' where first_version = 1"),
    ("outbox-sections", IN_SECTIONS + "update outbox set frame = frame || frame where sections[2] = 1"),
    ("outbox-sections", IN_SECTIONS + "update outbox set sections = null where sections[2] = 1"),
    ("outbox-sections", IN_SECTIONS + "update outbox set sections = sections || 1::bigint where sections[2] = 1"),
    ("outbox-sections", IN_SECTIONS + "update outbox set sections[5] = -5 where sections[2] = 1"),
    ("outbox-sections", IN_SECTIONS + "update outbox set sections[5] = 5000000000 where sections[2] = 1"),
    ("outbox-sections", IN_SECTIONS + "update outbox set sections[5] = null where sections[2] = 1"),
    (
        "outbox-frame",
        """update outbox set last_version = last_version + 1
        where last_version = (select max(last_version) from outbox)""",
    ),
    (
        "outbox-frame",
        """update outbox o set frame = other.frame from outbox other
        where o.first_version = 1 and other.first_version = 1 and other.product_id <> o.product_id""",
    ),
    (
        "outbox-frame",
        """update outbox o set frame = other.frame from outbox other
        where o.first_version = 1 and other.first_version = 2 and other.product_id = o.product_id""",
    ),
    ("outbox-line", "update order_lines set version = version - 1 where orderid = 'order-0'"),
    ("outbox-line", STALE_LINE.format(orderid="deallocate-order")),
    ("outbox-line", STALE_LINE.format(orderid="ship-order")),
    (
        "outbox-line",
        """update order_lines l set batch_id = other.id from batches b, batches other
        where b.id = l.batch_id and other.product_id = l.product_id and other.id <> b.id and orderid = 'order-0'""",
    ),
    ("view", "update allocations_view set batchref = 'lamp-ship' where orderid = 'order-0'"),
    ("view", "delete from allocations_view where orderid = 'order-0'"),
    ("view", "insert into allocations_view values ('nobody', 'lamp', 1, 'lamp-ship')"),
    ("view", "insert into allocations_view values ('nobody', 'no-such-sku', 1, 'no-such-batch')"),
    ("inbox-outcome", "update inbox set outcome = 'rejected' where id = 'lamp-1'"),
    ("limits", "update products set revision = 0 where sku = 'lamp'"),
    ("limits", "update batches set original_qty = 0 where reference = 'lamp-ship'"),
    ("limits", "update order_lines set qty = 0 where orderid = 'order-2'"),
    ("limits", "update outbox set first_version = 0 where first_version = 1"),
    ("process-spent", process(event="lamp-1")),
    ("process-due", process(lease="-1 hour")),
    ("process-lines", process(skus="{lamp, chair, lamp}", qtys="{11, 11, 11}")),
    ("process-lines", process(qtys="{0}")),
    ("process-lines", process(skus="{null}")),
    (
        "process-lines",
        process()
        + """insert into inbox (message, source, id, digest, outcome)
        select 'deallocate', 'process ' || key, '2', 1, 'handled' from processes""",
    ),
    ("dead-letter-total", "update dead_letter_totals set kept = kept + 1"),
    ("dead-letter-total", "delete from dead_letter_totals"),
    ("stream-done", "insert into streams (name, highest, done) values ('commands', '{5, 1}', '{5, 2}')"),
    (
        "blind-window",
        """alter table blind_windows drop constraint blind_windows_order;
        insert into blind_windows (since, until, cause) values (now(), now() - interval '1 s', 'test')""",
    ),
]

RULES = {rule for rule, _ in DAMAGES}


@pytest.mark.parametrize(("rule", "sql"), DAMAGES, ids=[rule for rule, _ in DAMAGES])
def test_verify_names_the_rule_that_is_broken(used, rule, sql):
    with damaged(used, sql) as there:
        done = there.run("verify")

    assert done.returncode == 1, done.stderr
    assert rule in {line.split(":")[0] for line in lines_of(done)}, done.stdout
    assert "hold" not in done.stderr


def test_verify_prints_ten_violations_of_a_rule_and_counts_the_rest(used):
    many = """insert into allocations_view
        select 'nobody-' || n, 'lamp', 1, 'lamp-ship' from generate_series(1, 25) n"""
    with damaged(used, many) as there:
        told, counted = there.run("verify"), there.run("verify", "--json")

    assert len(lines_of(told)) == 11
    assert lines_of(told)[10] == "view: and 15 more"
    report = json.loads(counted.stdout)
    assert (report["rules"], report["breaches"], len(report["broken"])) == (len(RULES), 25, 11)
    assert report["broken"][0]["rule"] == "view"
    assert report["broken"][10] == {"rule": "view", "more": 15}


def test_broken_outbox_frames_are_printed_and_counted(used):
    with damaged(used, "update outbox set frame = 'x'") as there:
        done = there.run("verify")

    rows = [line for line in lines_of(done) if line.startswith("outbox-frame")]
    assert len(rows) == 11
    assert rows[10].startswith("outbox-frame: and ")


# ---- rebuild-view, verify: while the worker works ----


class Traffic(Background):
    """Sends commands continuously, so that lines are allocated and moved all the time."""

    def __init__(self, allocd, skus):
        super().__init__()
        self.allocd, self.skus = allocd, skus
        self.orders = 0

    def run(self):
        client = redis.Redis.from_url(self.allocd.redis_url)
        while not self.over.is_set():
            pipeline = client.pipeline(transaction=False)
            for sku in self.skus:
                for _ in range(5):
                    self.orders += 1
                    order = {"orderid": f"traffic-{self.orders}", "sku": sku, "qty": 1}
                    pipeline.publish(self.allocd.prefix + "allocate", json.dumps(order))
                shelf = {"batchref": f"{sku}-shelf", "qty": 50 + self.orders % 100}
                pipeline.publish(self.allocd.prefix + "change_batch_quantity", json.dumps(shelf))
            pipeline.execute()
            self.over.wait(0.01)


def prepare(allocd):
    skus = [unique("sku") for _ in range(20)]
    for sku in skus:
        allocd.stock(sku, **{f"{sku}-shelf": 100, f"{sku}-ship": (1_000_000, "2031-01-01")})
    wait_until(lambda: allocd.query("select count(*) from batches")[0][0] >= 40, "the stock")
    return skus


def test_verify_finds_nothing_while_workers_work(allocd):
    with Traffic(allocd, prepare(allocd)) as traffic:
        for _ in range(5):
            before = traffic.orders
            done = allocd.run("verify")
            assert done.returncode == 0, done.stdout
            wait_until(lambda count=before: traffic.orders > count + 200, "traffic")
    assert allocd.query("select count(*) from order_lines")[0][0] > 200


def test_the_view_is_rebuilt_while_the_worker_works(allocd):
    with Traffic(allocd, prepare(allocd)) as traffic:
        wait_until(lambda: traffic.orders > 3000, "traffic")
        allocd.query("delete from allocations_view where hashtext(orderid) %% 3 = 0")
        allocd.query("update allocations_view set batchref = 'nowhere' where hashtext(orderid) %% 3 = 1")
        allocd.query(
            """insert into allocations_view
            select 'gone-' || n, (select sku from products limit 1), 1, 'x' from generate_series(1, 3000) n"""
        )
        allocd.query("insert into allocations_view values ('order', 'no-such-sku', 1, 'x')")
        before = traffic.orders
        done = allocd.run("rebuild-view")
        assert traffic.orders > before
        checked = allocd.run("verify")

    assert (done.returncode, done.stderr) == (0, "")
    added, corrected, removed = (int(words.split()[1]) for words in done.stdout.split(","))
    assert added > 100
    assert corrected > 100
    assert removed >= 3001
    assert checked.returncode == 0, checked.stdout


def test_rebuild_view_does_not_write_a_view_that_agrees(used):
    with damaged(used, None) as there:
        assert there.run("rebuild-view").stdout == "added 0, corrected 0, removed 0\n"
        printed = json.loads(there.run("rebuild-view", "--json").stdout)
        assert printed == {"finished": True, "added": 0, "corrected": 0, "removed": 0}


def test_rebuild_view_restores_an_emptied_view(used):
    with damaged(used, "truncate allocations_view") as there:
        assert there.run("rebuild-view").stdout == "added 10, corrected 0, removed 0\n"
        assert there.run("verify").returncode == 0


def test_rebuild_view_waits_for_a_session_that_locks_a_product(used):
    with damaged(used, "delete from allocations_view") as there:
        with contextlib.closing(psycopg2.connect(there.database_url)) as holder:
            with holder.cursor() as cursor:
                cursor.execute("select from products where sku = 'lamp' for no key update")
            rebuild = subprocess.Popen(
                [binary(), "rebuild-view"], env=there.environment(), stdout=subprocess.PIPE, text=True
            )
            attempts = set()
            wait_until(lambda: attempts.update(waiting(there)) or len(attempts) > 1, "it to wait twice")
            assert rebuild.poll() is None
        out, _ = rebuild.communicate(timeout=30)

    assert out == "added 10, corrected 0, removed 0\n"


def waiting(there):
    """The start times of the transactions that wait for a lock."""
    return there.query(
        """select xact_start from pg_stat_activity
        where wait_event_type = 'Lock' and datname = current_database()"""
    )


# ---- republish ----


def sell(allocd, orders):
    """Makes a SKU with that many events, each in a separate unit of work; returns it and its batch."""
    sku, batch = unique("sku"), unique("batch")
    allocd.stock(sku, **{batch: 1000})
    for order in range(orders):
        message = unique("id")
        allocd.allocate(sku, f"order-{order}", 1, id=message)
        handled(allocd, message)
    return sku, batch


def test_republish_repeats_events_in_order_on_their_channels(module_allocd):
    first = module_allocd.listen()
    sku, _ = sell(module_allocd, 7)
    module_allocd.allocate(sku, "too-much", 5000)
    original = [first.next_raw() for _ in range(8)]
    events = module_allocd.listen()
    entries = module_allocd.redis.xlen(module_allocd.prefix + "allocd:events")

    done = module_allocd.run("republish", "--sku", sku, "--from-version", "3")

    assert (done.returncode, done.stdout) == (0, "6 events published\n")
    assert [events.next_raw() for _ in range(6)] == original[2:]
    assert module_allocd.redis.xlen(module_allocd.prefix + "allocd:events") == entries


def test_republish_can_begin_in_the_middle_of_a_commit(module_allocd):
    first = module_allocd.listen()
    sku, batch = sell(module_allocd, 3)
    module_allocd.send("change_batch_quantity", {"batchref": batch, "qty": 0})
    original = [first.next_raw() for _ in range(9)]
    events = module_allocd.listen()

    done = module_allocd.run("republish", "--sku", sku, "--from-version", "6")

    assert done.stdout == "4 events published\n"
    assert [events.next_raw() for _ in range(4)] == original[5:]


def test_republish_can_publish_to_one_channel(module_allocd):
    sku, _ = sell(module_allocd, 2)
    pubsub = module_allocd.redis.pubsub(ignore_subscribe_messages=True)
    channel = module_allocd.prefix + "repairs"
    pubsub.subscribe(channel)
    wait_until(lambda: module_allocd.redis.pubsub_numsub(channel)[0][1], "the subscription")

    done = module_allocd.run("republish", "--sku", sku, "--from-version", "0", "--channel", "repairs", "--json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"sku": sku, "published": 2}
    messages = [wait_until(lambda: pubsub.get_message(timeout=1), "an event") for _ in range(2)]
    assert [json.loads(message["data"])["version"] for message in messages] == [1, 2]


def test_republish_refuses_versions_that_do_not_exist(module_allocd):
    sku, _ = sell(module_allocd, 5)
    module_allocd.query(
        """delete from outbox where last_version < 3
        and product_id = (select id from products where sku = %s)""",
        sku,
    )
    for arguments, words in [
        (("--sku", sku, "--from-version", "6"), "no event from version 6 on: the last one is 5"),
        (("--sku", sku, "--from-version", "1"), "--from-version"),
        (("--sku", "no-such-sku", "--from-version", "1"), "there is no such SKU"),
    ]:
        done = module_allocd.run("republish", *arguments)
        assert (done.returncode, done.stdout) == (1, ""), arguments
        assert words in done.stderr


def test_republish_stops_at_an_event_that_is_missing_and_names_its_version(module_allocd):
    sku, _ = sell(module_allocd, 5)
    module_allocd.query(
        """update outbox set frame = substr(frame, 2) where last_version = 3
        and product_id = (select id from products where sku = %s)""",
        sku,
    )
    done = module_allocd.run("republish", "--sku", sku, "--from-version", "1")

    assert (done.returncode, done.stdout) == (1, "2 events published\n")
    assert "the events from version 3 on are missing or damaged" in done.stderr


def test_republish_without_redis_ends_with_69(module_allocd):
    sku, _ = sell(module_allocd, 1)

    nowhere = "redis://:secret@127.0.0.1:1"
    done = module_allocd.run("republish", "--sku", sku, "--from-version", "1", REDIS_URL=nowhere)

    assert (done.returncode, done.stdout) == (69, "")
    assert "secret" not in done.stderr


# ---- outbox renew ----


def test_outbox_renew_begins_another_incarnation(used):
    with damaged(used, None) as there:
        before = there.query("select incarnation from installation")[0][0]
        done = there.run("outbox", "renew", "--yes")
        after = there.query("select incarnation from installation")[0][0]

    assert before != after
    assert (done.returncode, done.stdout) == (0, f"{before} -> {after}\nepoch 1 -> 2\n")


def test_outbox_renew_prints_its_result_as_json(used):
    with damaged(used, None) as there:
        before = there.query("select incarnation::text from installation")[0][0]
        printed = json.loads(there.run("outbox", "renew", "-y", "--json", "--prefix", there.prefix).stdout)
        after = there.query("select incarnation::text from installation")[0][0]

    assert printed == {
        "incarnation": {"before": before, "after": after}, "epoch": {"before": 1, "after": 2}, "prefix": there.prefix,
    }  # fmt: skip


def test_outbox_renew_needs_a_confirmation(used):
    with damaged(used, None) as there:
        before = there.query("select incarnation from installation")
        done = there.run("outbox", "renew")
        assert there.query("select incarnation from installation") == before

    assert (done.returncode, done.stdout) == (2, "")
    assert "--yes" in done.stderr


# ---- a database or a Redis that refuses ----

# The arguments of a command that queries the database, and a table that it cannot do without.
ASKED = {
    "await": (["await", "--id", UNKNOWN], "inbox"),
    "quiesce": (["quiesce"], "shrinks"),
    "republish": (["republish", "--sku", "lamp", "--from-version", "1"], "outbox"),
    "outbox renew": (["outbox", "renew", "--yes"], "outbox_cursors"),
    "verify": (["verify"], "batches"),
    "rebuild-view": (["rebuild-view"], "allocations_view"),
}


@pytest.mark.parametrize("command", ASKED)
def test_a_tool_whose_query_is_refused_prints_the_database_s_error(module_allocd, command):
    arguments, table = ASKED[command]
    module_allocd.query(f"alter table {table} rename to elsewhere")

    refused = module_allocd.run(*arguments)

    module_allocd.query(f"alter table elsewhere rename to {table}")
    assert refused.returncode == 1, refused.stderr
    assert f'relation "{table}" does not exist' in refused.stderr
    assert command.split()[0] in refused.stderr


@pytest.mark.parametrize(("host", "why"), [("127.0.0.1:1", "refused"), ("no-such-host.invalid:6379", "no-such-host")])
def test_tail_without_redis_ends_with_69_and_says_why(parked, host, why):
    done = parked.run("tail", REDIS_URL=f"redis://{host}/0", ALLOCD_START_WAIT="1")

    assert done.returncode == 69, done.stderr
    assert "Redis cannot be reached" in done.stderr and why in done.stderr
