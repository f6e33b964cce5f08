"""Readiness means that waiting messages get handled; metrics and log while the worker is not ready."""

import contextlib
import json
import time

import psycopg2
import pytest
from installation import wait_until

# The most log lines of one trouble, however often it repeats: few enough for a person to read.
LINES_OF_A_TROUBLE = 4
# The time until the worker is ready once the cause is gone, however long it lasted: 2 s, and slack.
READY_AGAIN_S = 3


def metric(allocd, name):
    for line in allocd.get("/metrics").text.splitlines():
        if line.startswith(name + " "):
            return line.split()[1]
    return None


def lines(allocd, level):
    return [line for line in allocd.log_lines() if f"level={level} " in line]


def reason(allocd):
    """Why the worker is not ready, or None."""
    reply = allocd.get("/readyz")
    return None if reply.status_code == 200 else reply.json()


def await_reason(allocd, *words):
    def reason_with_words():
        body = reason(allocd)
        return body if body and all(word in body["message"] for word in words) else None

    body = wait_until(reason_with_words, lambda: f"a reason with {words}; it is {reason(allocd)}")
    assert body["since"].startswith("2")
    return body


# The database.


@contextlib.contextmanager
def trigger(allocd, body):
    allocd.query("create function refuse() returns trigger language plpgsql as $$ begin " + body + "; end $$")
    allocd.query("create trigger refuse before insert on units for each row execute function refuse()")
    yield
    allocd.query("drop trigger refuse on units")
    allocd.query("drop function refuse()")


def raising(code):
    return lambda allocd: trigger(allocd, f"raise exception 'it cannot be done' using errcode = '{code}'")


def sleeping(allocd):
    return trigger(allocd, "perform pg_sleep(60); return new")


@contextlib.contextmanager
def table_locked(allocd):
    with contextlib.closing(psycopg2.connect(allocd.database_url)) as session, session.cursor() as cursor:
        cursor.execute("lock table units")
        yield
        session.rollback()


@contextlib.contextmanager
def table_gone(allocd):
    allocd.query("alter table units rename to units_elsewhere")
    yield
    allocd.query("alter table units_elsewhere rename to units")


TROUBLES = {
    "53200": (raising("53200"), ["SQLSTATE 53200", "more memory"]),
    "55000": (raising("55000"), ["SQLSTATE 55000"]),
    "40001 each time": (raising("40001"), ["SQLSTATE 40001"]),
    "a locked table": (table_locked, ["since 2"]),
    "a table that is gone": (table_gone, ["SQLSTATE 42P01", "allocd verify"]),
    "a trigger that sleeps": (sleeping, ["since 2"]),
}
EACH_TROUBLE = pytest.mark.parametrize(("trouble", "words"), TROUBLES.values(), ids=TROUBLES)


@EACH_TROUBLE
def test_a_worker_whose_units_the_database_refuses_is_not_ready(allocd, trouble, words):
    allocd.stock("lamp", shelf=100)
    with trouble(allocd):
        fields = json.dumps({"orderid": "order", "sku": "lamp", "qty": 1})
        allocd.redis.xadd(allocd.prefix + "allocd:commands", {"type": "allocate", "data": fields})
        await_reason(allocd, *words)
        assert allocd.get("/livez").status_code == 200
    wait_until(allocd.ready, "it to be ready again")
    wait_until(lambda: allocd.query("select 1 from order_lines"), "the order line")
    wait_until(lambda: metric(allocd, "allocd_database_up") == "1", "the metric to say so")


@pytest.mark.parametrize("code", ["58030", "42501"])
def test_an_idle_worker_detects_that_no_unit_could_be_committed(allocd, code):
    with raising(code)(allocd):
        await_reason(allocd, f"SQLSTATE {code}")
        assert metric(allocd, "allocd_database_up") == "0"
    begin = time.monotonic()
    wait_until(allocd.ready, "it to be ready again")
    assert time.monotonic() - begin < 5


# Redis.


@pytest.mark.parametrize(
    ("spoil", "mend", "word"),
    [
        (("acl", "setuser", "default", "-hset"), ("acl", "setuser", "default", "+hset"), "NOPERM"),
        (("config", "set", "min-replicas-to-write", 3), ("config", "set", "min-replicas-to-write", 0), "NOREPLICAS"),
    ],
)
def test_a_worker_whose_events_redis_refuses_is_not_ready(on_own_redis, spoil, mend, word):
    on_own_redis.stock("lamp", shelf=100)
    wait_until(lambda: on_own_redis.query("select 1 from batches"), "the batch")
    on_own_redis.redis.execute_command(*spoil)
    on_own_redis.post("/allocate", {"orderid": "order", "sku": "lamp", "qty": 1})
    body = await_reason(on_own_redis, "Redis refuses events: ", "since 2")
    assert any(each in body["message"] for each in (word, "can't", "ACL failure in script")), body
    on_own_redis.redis.execute_command(*mend)
    wait_until(on_own_redis.ready, "it to be ready again")


def test_no_metric_keeps_a_stale_value_while_redis_is_away(on_own_redis, own_redis):
    assert metric(on_own_redis, "allocd_events_taken") == "1"
    assert metric(on_own_redis, "allocd_blind") == "0"
    windows = int(metric(on_own_redis, "allocd_blind_windows_total"))
    own_redis.stop()
    wait_until(lambda: metric(on_own_redis, "allocd_blind") == "1", "the blind window in the metrics")
    assert int(metric(on_own_redis, "allocd_blind_windows_total")) == windows + 1
    assert metric(on_own_redis, "allocd_events_taken") == "0"
    assert metric(on_own_redis, "allocd_redis_listening") == "0"
    wait_until(lambda: metric(on_own_redis, "allocd_stream_entries_pending") == "NaN", "pending to be unknown")
    blind = float(metric(on_own_redis, "allocd_blind_seconds_total"))
    wait_until(lambda: float(metric(on_own_redis, "allocd_blind_seconds_total")) > blind + 1, "it to grow")
    rows = "select since, until, cause from blind_windows order by since desc limit 1"
    (since, until, _), = wait_until(lambda: on_own_redis.query(rows), "the window in the table")
    wait_until(lambda: on_own_redis.query(rows)[0][1] > until, "the window's end to grow")
    own_redis.start()
    wait_until(on_own_redis.ready, "it to be ready again")
    assert metric(on_own_redis, "allocd_blind") == "0"
    wait_until(lambda: on_own_redis.query(rows)[0][0] == since, "the same window to be there")


# The log.


def test_a_stopped_postgres_is_logged_in_a_few_lines(on_own_postgres, own_postgres):
    on_own_postgres.stock("lamp", shelf=100)
    wait_until(lambda: on_own_postgres.query("select 1 from batches"), "the batch")
    own_postgres.stop()
    on_own_postgres.send("allocate", {"orderid": "order", "sku": "lamp", "qty": 1})
    wait_until(lambda: reason(on_own_postgres), "it to be not ready")
    assert metric(on_own_postgres, "allocd_database_up") == "0"
    assert metric(on_own_postgres, "allocd_dead_letters") == "NaN"
    time.sleep(4)  # further lines would be written now
    own_postgres.start()
    wait_until(on_own_postgres.ready, "it to be ready again")
    wait_until(lambda: "trouble=database after_ms=" in on_own_postgres.log.read_text(), "the end to be written")
    warnings = lines(on_own_postgres, "warn") + lines(on_own_postgres, "error")
    assert 1 <= len(warnings) <= LINES_OF_A_TROUBLE, warnings


def test_a_stopped_redis_is_logged_in_a_few_lines(on_own_redis, own_redis):
    own_redis.stop()
    await_reason(on_own_redis, "not listening on Redis", "check whether Redis runs", "since 2")
    time.sleep(6)  # further lines would be written now, and the pauses between attempts grow
    own_redis.start()
    begin = time.monotonic()
    wait_until(on_own_redis.ready, "it to be ready again")
    assert time.monotonic() - begin < READY_AGAIN_S
    wait_until(lambda: "trouble=Redis after_ms=" in on_own_redis.log.read_text(), "the end to be written")
    warnings = lines(on_own_redis, "warn") + lines(on_own_redis, "error")
    assert 1 <= len(warnings) <= LINES_OF_A_TROUBLE, warnings


def test_10000_refused_messages_are_logged_in_a_few_lines_and_counted(parked):
    parked.start(ALLOCD_DEAD_LETTERS_MAX="1000")
    pipeline = parked.redis.pipeline(transaction=False)
    for number in range(10000):
        payload = b"{" if number % 10 else json.dumps({"orderid": f"o{number}", "sku": "none", "qty": 1})
        pipeline.publish(parked.prefix + "allocate", payload)
    pipeline.execute()
    totals = "select kept, dropped from dead_letter_totals"
    wait_until(lambda: parked.query(totals) == [(1000, 9000)], "all to be dead letters")
    wait_until(lambda: metric(parked, "allocd_dead_letters_dropped_total") == "9000", "the metric to say so")
    parked.stop()
    written = parked.log_lines()
    assert len([line for line in written if "message refused" in line and "outcome=" in line]) <= 14, written
    assert any("were left out" in line and "invalid" in line and "rejected" in line for line in written), written
    expected = "migrating the database", 'msg="lease ', 'msg="a trouble '  # on a slow machine several troubles
    others = [line for line in written if not any(words in line for words in expected)]
    assert len(others) < 20, written


def test_an_absent_row_of_the_outbox_is_named_until_another_takes_its_place(parked):
    parked.start()
    parked.stop()
    parked.query("update outbox_heads set position = 1 where partition = 3")
    parked.launch()

    wait_until(lambda: "partition 3, position 1 is missing" in parked.readiness(), "readiness to name the row")
    wait_until(lambda: metric(parked, "allocd_outbox_damaged") == "1", "the metric")

    parked.query("insert into outbox (partition, position, frame) values (3, 1, '')")
    wait_until(parked.ready, "readiness")
    assert metric(parked, "allocd_outbox_damaged") == "0"
    assert parked.run("verify").returncode == 0
