"""The operators' tools, on a running worker, or on a database that the test has damaged."""

import contextlib
import json
import subprocess
import threading

import psycopg2
import psycopg2.extensions
import pytest
import redis
from installation import Installation, administrator, binary, fresh_database, unique, wait_until
from many_lines import LINES, fill

UNKNOWN = "there is no such id"
ASKS = """select 1 from pg_stat_activity
    where query like '%%from inbox where id%%' and pid <> pg_backend_pid() and datname = current_database()"""


def lines_of(done):
    return done.stdout.splitlines()


def events_of(done):
    pairs = (line.split(" ", 1) for line in lines_of(done)[1:])
    return [(name, json.loads(payload)) for name, payload in pairs]


# ---- await ----


def test_await_prints_the_outcome_and_the_events(module_allocd):
    sku, create, allocate = unique("sku"), unique("id"), unique("id")
    module_allocd.send("create_batch", {"batchref": unique("batch"), "sku": sku, "qty": 10, "id": create})
    module_allocd.allocate(sku, "order", 3, id=allocate)
    module_allocd.allocate(sku, "another", 4, id=unique("id"))

    created, allocated = (module_allocd.run("await", "--id", each) for each in (create, allocate))

    assert (created.returncode, created.stdout) == (0, f"handled create_batch {create}\n")
    assert allocated.returncode == 0, allocated.stderr
    assert lines_of(allocated)[0] == f"handled allocate {allocate}"
    ((name, fields),) = events_of(allocated)
    assert name == "line_allocated"
    assert (fields["orderid"], fields["cause"], fields["version"]) == ("order", allocate, 1)


def test_await_escapes_control_characters_on_a_terminal(module_allocd):
    sku, message, orderid = unique("sku"), unique("id"), "clear\x9b2J"
    module_allocd.stock(sku, **{unique("batch"): 10})
    module_allocd.allocate(sku, orderid, 3, id=message)

    done = module_allocd.run("await", "--id", message)

    assert "\x9b" not in done.stdout
    ((_, fields),) = events_of(done)
    assert fields["orderid"] == orderid


def test_await_can_start_before_the_message_is_sent(module_allocd):
    sku, message = unique("sku"), unique("id")
    waiting = subprocess.Popen(
        [binary(), "await", "--id", message, "--timeout", "60"],
        env=module_allocd.environment(), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_until(lambda: module_allocd.query(ASKS), "await to ask")
    assert waiting.poll() is None
    module_allocd.stock(sku, **{unique("batch"): 10})
    module_allocd.allocate(sku, "order", 3, id=message)

    out, _ = waiting.communicate(timeout=30)

    assert waiting.returncode == 0
    assert out.startswith(f"handled allocate {message}\nline_allocated ")


def test_await_ends_with_75_when_there_is_no_outcome(module_allocd):
    done = module_allocd.run("await", "--id", UNKNOWN, "--timeout", "0.2")

    assert (done.returncode, done.stdout) == (75, "")
    assert done.stderr == f"allocd: await: no outcome yet of {UNKNOWN}\n"


def test_await_prints_why_a_message_was_refused(module_allocd):
    rejected, invalid = unique("id"), unique("id")
    module_allocd.allocate("no-such-sku", "order", 3, id=rejected)
    module_allocd.allocate("sku", "order", -3, id=invalid)

    done = module_allocd.run("await", "--id", rejected)
    assert (done.returncode, done.stdout) == (1, f"rejected allocate {rejected}: invalid sku no-such-sku\n")
    done = module_allocd.run("await", "--id", invalid)
    assert done.returncode == 1
    assert done.stdout.startswith(f"invalid allocate {invalid}: qty")


def test_a_message_that_was_rejected_and_then_handled_was_handled(module_allocd):
    sku, message = unique("sku"), unique("id")
    module_allocd.allocate(sku, "order", 3, id=message)
    assert module_allocd.run("await", "--id", message).returncode == 1
    module_allocd.stock(sku, **{unique("batch"): 10})
    module_allocd.allocate(sku, "order", 3, id=message)
    handled(module_allocd, message)

    done = module_allocd.run("await", "--id", message)

    assert done.returncode == 0
    assert [line.split()[0] for line in lines_of(done)] == ["handled", "line_allocated"]


def test_await_prints_a_skipped_duplicate(module_allocd):
    sku, batch, message = unique("sku"), unique("batch"), unique("id")
    module_allocd.stock(sku, **{batch: 10})
    module_allocd.send("create_batch", {"batchref": batch, "sku": sku, "qty": 10, "id": message})

    done = module_allocd.run("await", "--id", message)

    assert (done.returncode, done.stdout) == (0, f"skipped create_batch {message}\n")


def test_await_prints_one_json_object_for_all_messages_with_the_id(module_allocd):
    sku, message = unique("sku"), unique("id")
    module_allocd.stock(sku, **{unique("batch"): 10})
    module_allocd.allocate(sku, "order", 3, id=message)
    event = {"specversion": "1.0", "type": "allocate", "source": "/shop", "id": message}
    module_allocd.send("allocate", {**event, "data": {"orderid": "other", "sku": "no-such-sku", "qty": 1}})
    dead = "select 1 from dead_letters where message_id = %s"
    wait_until(lambda: module_allocd.query(dead, message), "the other to be rejected")

    done = module_allocd.run("await", "--id", message, "--json")

    assert done.returncode == 1, "one of them was rejected"
    told = json.loads(done.stdout)
    outcomes = {outcome["source"]: outcome for outcome in told["outcomes"]}
    assert told["id"] == message
    assert outcomes[""]["outcome"] == "handled"
    assert [event["payload"]["orderid"] for event in outcomes[""]["events"]] == ["order"]
    assert (outcomes["/shop"]["outcome"], outcomes["/shop"]["events"]) == ("rejected", [])


def test_await_waits_for_every_step_of_a_large_shrink(allocd):
    sku = unique("sku")
    fill(allocd, sku)
    allocd.stock(sku, other=(LINES, "2011-01-01"))
    allocd.send("change_batch_quantity", {"batchref": "big", "qty": 0, "id": "shrink"})
    allocd.allocate(sku, "afterwards", 1, id="afterwards")

    done = allocd.run("await", "--id", "shrink", "--timeout", "60")

    assert done.returncode == 0, done.stderr
    versions = [fields["version"] for _, fields in events_of(done)]
    assert versions == list(range(LINES + 1, 3 * LINES + 1))
    assert lines_of(done)[0] == "handled change_batch_quantity shrink"


def test_without_a_database_it_ends_with_69(parked):
    nowhere = "postgresql://user:secret@127.0.0.1:1/allocd"
    for command in (["await", "--id", "x"], ["verify"], ["rebuild-view"], ["outbox", "renew", "--yes"]):
        done = parked.run(*command, DATABASE_URL=nowhere)
        assert done.returncode == 69, command
        assert len(done.stderr.splitlines()) == 1
        assert "secret" not in done.stderr


def test_a_database_that_was_never_migrated_is_refused(parked):
    done = parked.run("verify")

    assert done.returncode == 78
    assert "run `allocd migrate`" in done.stderr


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
            shrink = {"batchref": f"{sku}-shelf", "qty": 30, "id": f"{sku}-shrink"}
            there.send("change_batch_quantity", shrink)
        there.allocate("no-such-sku", "order", 1, id="rejected")
        there.await_dead_letters()
        handled(there, "lamp-shrink")
        there.close()
        there.database.close()
        yield there


def handled(there, message):
    wait_until(lambda: there.query("select 1 from inbox where id = %s", message), f"{message} to be handled")


@contextlib.contextmanager
def damaged(used, sql):
    """A copy of that database that violates a rule."""
    name, whole = unique("damaged"), psycopg2.extensions.parse_dsn(used.database_url)["dbname"]
    url = psycopg2.extensions.make_dsn(used.database_url, dbname=name)
    there = Installation(used.log.parent, url, used.redis_url)
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


SHRINK = """insert into shrinks (product_id, batch_id, target)
    select product_id, id, purchased from batches where reference = 'lamp-ship';"""

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
    ("outbox-versions", "delete from outbox where first_version = 2"),
    ("outbox-versions", "update outbox set first_version = first_version - 1 where first_version = 3"),
    (
        "outbox-positions",
        "delete from outbox o where position = 2 and partition = (select min(partition) from outbox)",
    ),
    ("outbox-head", "update outbox_heads set position = position + 1"),
    ("outbox-cursor", "update outbox_cursors set position = 1000"),
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
    ("view", "update allocations_view set batchref = 'lamp-ship' where orderid = 'order-0'"),
    ("view", "delete from allocations_view where orderid = 'order-0'"),
    ("view", "insert into allocations_view values ('nobody', 'lamp', 1, 'lamp-ship')"),
    ("view", "insert into allocations_view values ('nobody', 'no-such-sku', 1, 'no-such-batch')"),
    ("inbox-outcome", "update inbox set outcome = 'rejected' where id = 'lamp-1'"),
    ("limits", "update products set revision = 0 where sku = 'lamp'"),
    ("limits", "update batches set original_qty = 0 where reference = 'lamp-ship'"),
    ("limits", "update order_lines set qty = 0 where orderid = 'order-2'"),
    ("limits", "update outbox set first_version = 0 where first_version = 1"),
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


class Traffic:
    """Sends commands continuously, so that lines are allocated and moved all the time."""

    def __init__(self, allocd, skus):
        self.allocd, self.skus = allocd, skus
        self.orders = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

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

    done = module_allocd.run("republish", "--sku", sku, "--from-version", "0", "--channel", "repairs")

    assert done.returncode == 0, done.stderr
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
    assert (done.returncode, done.stdout) == (0, f"{before} -> {after}\n")


def test_outbox_renew_needs_a_confirmation(used):
    with damaged(used, None) as there:
        before = there.query("select incarnation from installation")
        done = there.run("outbox", "renew")
        assert there.query("select incarnation from installation") == before

    assert (done.returncode, done.stdout) == (2, "")
    assert "--yes" in done.stderr


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


# ---- a database or a Redis that refuses ----

# What the command asks, and the table without which it cannot.
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
