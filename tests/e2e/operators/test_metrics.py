"""Metrics: as Prometheus wants them, as the documents list them, and as many as there were messages."""

import contextlib
import json
import re
import subprocess
import time

import psycopg2
from documents import document
from installation import wait_until
from scrape import Scrape

ODD_NAMES = 10000


def documented():
    """{metric: (type, labels)} by the table of docs/metrics.md."""
    rows = re.findall(r"^\| `([a-z_]+)` \| (\w+) \|([^|]*)\|", document("metrics.md"), re.MULTILINE)
    return {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}


def in_all_ways(allocd):
    """One message of every way, one that is refused, and one that names no command."""
    allocd.stock("lamp", shelf=10)
    wait_until(lambda: finished(allocd, 1), "the batch")
    allocd.allocate("lamp", "order-1", 1)
    allocd.allocate("nothing", "order-2", 1)
    assert allocd.post("/allocate", {"orderid": "order-3", "sku": "lamp", "qty": 1}).status_code == 202
    add(allocd, ("allocate", {"orderid": "order-4", "sku": "lamp", "qty": 1}), ("greet", {}))
    return wait_until(lambda: finished(allocd, 6), "6 outcomes")


def add(allocd, *entries):
    """Adds entries to the stream: a type and fields each."""
    pipeline = allocd.redis.pipeline(transaction=False)
    for command, fields in entries:
        pipeline.xadd(allocd.prefix + "allocd:commands", {"type": command, "data": json.dumps(fields)})
    pipeline.execute()


def finished(allocd, count):
    scrape = Scrape(allocd)
    assert scrape.total("allocd_messages_total") <= count
    return scrape if scrape.total("allocd_messages_total") == count else None


def test_promtool_finds_no_fault_in_the_metrics_of_a_live_worker(allocd):
    in_all_ways(allocd)

    done = subprocess.run(
        ["promtool", "check", "metrics"], input=allocd.get("/metrics").content, capture_output=True, check=False
    )

    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_the_documents_list_the_metrics_of_a_live_worker_and_no_others(allocd):
    scrape = Scrape(allocd)
    live = {name: (kind, scrape.labels.get(name, set())) for name, kind in scrape.types.items()}

    assert live == documented()
    assert scrape.helps.keys() == scrape.types.keys()


def test_a_deprecated_metric_names_the_one_that_replaces_it(allocd):
    scrape = Scrape(allocd)
    deprecated = {name: text for name, text in scrape.helps.items() if "eprecated" in text}
    replacements = {re.match(r"Deprecated: see (\w+)\.", text)[1] for text in deprecated.values()}

    assert "allocd_queued_messages" in deprecated
    assert replacements <= scrape.types.keys() - deprecated.keys()
    for name in deprecated:
        assert re.search(rf"^\| `{name}` .* \*\*deprecated\*\*", document("metrics.md"), re.MULTILINE)


def test_odd_names_of_senders_add_no_series(allocd):
    # This one begins when dead letters have been counted.
    wait_until(lambda: ("allocd_dead_letters_dropped_total", frozenset()) in Scrape(allocd).values, "the last series")
    before = Scrape(allocd)
    long_ago = "0001-01-01T00:00:00Z"
    odd = [f'odd-{number}"\\\n' for number in range(ODD_NAMES)]
    add(
        allocd,
        *(
            (name if number % 2 else "allocate", {"orderid": name, "sku": name, "qty": 1, "id": name, "occurred_at": long_ago})
            for number, name in enumerate(odd)
        ),
    )
    for number in range(20):
        allocd.get(f"/odd-{number}")
        allocd.get(f"/events/odd-{number}")

    after = wait_until(lambda: finished(allocd, ODD_NAMES), f"{ODD_NAMES} outcomes")

    assert after.values.keys() == before.values.keys()
    refused = {"message": "allocate", "outcome": "rejected", "reason": "invalid_sku"}
    assert after.value("allocd_rejections_total", **refused) == ODD_NAMES / 2
    unknown = {"message": "unknown", "outcome": "invalid", "reason": "unknown_type"}
    assert after.value("allocd_rejections_total", **unknown) == ODD_NAMES / 2
    assert after.value("allocd_dead_letters_added_total", **unknown) == ODD_NAMES / 2


def test_counts_and_histograms_agree_with_what_was_sent(allocd):
    began = time.time()
    scrape = in_all_ways(allocd)

    ways = {"pubsub": 2, "http": 1, "stream": 1}
    for way, count in ways.items():
        of = {"message": "allocate", "way": way}
        assert scrape.value("allocd_messages_received_total", **of) == count
        assert scrape.value("allocd_message_duration_seconds_count", **of) == count
        assert scrape.value("allocd_message_duration_seconds_bucket", le="+Inf", **of) == count
        assert scrape.value("allocd_messages_total", outcome="handled", **of) == 1
        # Only an entry says when it was published.
        assert scrape.value("allocd_message_critical_seconds_count", **of) == (1 if way == "stream" else 0)
    assert scrape.value("allocd_messages_total", message="allocate", way="pubsub", outcome="rejected") == 1
    assert scrape.total("allocd_rejections_total") == 2
    assert scrape.total("allocd_dead_letters_added_total") == 2
    assert scrape.value("allocd_unit_size_messages_sum") == 6
    assert scrape.value("allocd_queue_messages") == 0
    assert scrape.value("allocd_queue_oldest_age_seconds") == 0
    assert began - 1 < scrape.value("allocd_last_message_timestamp_seconds") < time.time() + 1
    assert began - 1 < scrape.value("allocd_last_commit_timestamp_seconds") < time.time() + 1


def test_the_critical_time_counts_from_the_time_that_the_publisher_states(allocd):
    allocd.stock("lamp", shelf=10)
    hour_ago = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600))
    add(allocd, ("allocate", {"orderid": "order-1", "sku": "lamp", "qty": 1, "occurred_at": hour_ago}))

    scrape = wait_until(lambda: finished(allocd, 2), "2 outcomes")

    of = {"message": "allocate", "way": "stream"}
    assert 3599 < scrape.value("allocd_message_critical_seconds_sum", **of) < 3700
    assert scrape.value("allocd_message_critical_seconds_bucket", le="10", **of) == 0
    assert scrape.value("allocd_message_duration_seconds_sum", **of) < 60


POSTGRES_ROLES = ("lane", "parking", "intake", "publisher", "housekeeper", "views", "checkpoints", "leases")
REDIS_ROLES = ("publisher", "subscriber", "stream", "stream-waiting")


def connections_up(allocd):
    return {
        (labels["to"], labels["role"])
        for labels in map(dict, Scrape(allocd).with_value("allocd_connection_up", 1))
    }


def test_each_connection_is_seen_to_go_and_to_come_back(on_own_redis, own_redis):
    allocd = on_own_redis
    to_postgres, to_redis = ({(to, role) for role in roles} for to, roles in
                             (("postgres", POSTGRES_ROLES), ("redis", REDIS_ROLES)))
    wait_until(lambda: connections_up(allocd) == to_postgres | to_redis, "all connections")
    before = Scrape(allocd)

    own_redis.kill()
    wait_until(lambda: connections_up(allocd) == to_postgres, "the connections to Redis to be gone")
    own_redis.start()
    wait_until(lambda: connections_up(allocd) == to_postgres | to_redis, "all connections again")

    after = Scrape(allocd)
    for role in REDIS_ROLES:
        made = [scrape.value("allocd_connections_total", to="redis", role=role) for scrape in (before, after)]
        assert made[1] > made[0] >= 1, role
    assert after.value("allocd_connections_total", to="postgres", role="views") == 1


def test_the_ages_of_a_stream_grow_while_the_database_commits_nothing(allocd):
    """More entries than the worker reads ahead: some stay pending, the others unread."""
    stream = allocd.prefix + "allocd:commands"
    allocd.stock("lamp", shelf=12000)
    wait_until(lambda: finished(allocd, 1), "the batch")

    def age(what):
        return Scrape(allocd).value(f"allocd_stream_oldest_{what}_age_seconds", stream=stream)

    with contextlib.closing(psycopg2.connect(allocd.database_url)) as holder:
        holder.cursor().execute("lock table units in share mode")
        orders = (f"order-{number}" for number in range(12000))
        add(allocd, *(("allocate", {"orderid": order, "sku": "lamp", "qty": 1}) for order in orders))
        wait_until(lambda: age("pending") > 2 and age("unread") > 1, "both ages to grow")
        assert Scrape(allocd).value("allocd_stream_pending_entries", stream=stream) > 0
        assert Scrape(allocd).value("allocd_queue_oldest_age_seconds") > 2

    wait_until(lambda: Scrape(allocd).total("allocd_messages_total", outcome="handled") == 12001, "all outcomes")
    wait_until(lambda: age("pending") == 0 and age("unread") == 0, "nothing to be old")
    scrape = Scrape(allocd)
    assert scrape.value("allocd_stream_entries_total", stream=stream, what="acknowledged") == 12000
    assert scrape.value("allocd_stream_pending_entries", stream=stream) == 0


def test_events_are_counted_by_what_became_of_them(on_own_redis, own_redis):
    allocd = on_own_redis

    def count(event, result):
        return Scrape(allocd).value("allocd_events_total", event=event, result=result)

    allocd.stock("lamp", shelf=1)
    allocd.allocate("lamp", "order-1", 1)
    wait_until(lambda: count("line_allocated", "unheard") == 1, "an event without a subscriber")
    events = allocd.listen()
    allocd.allocate("lamp", "order-2", 1)
    events.expect("out_of_stock", orderid="order-2")
    wait_until(lambda: count("out_of_stock", "published") == 1, "an event that was heard")

    own_redis.kill()
    assert allocd.post("/allocate", {"orderid": "order-3", "sku": "lamp", "qty": 1}).status_code == 202
    wait_until(lambda: count("out_of_stock", "failed") > 0, "an attempt that failed")
    assert Scrape(allocd).value("allocd_outbox_unpublished_rows") == 1
    wait_until(lambda: Scrape(allocd).value("allocd_outbox_oldest_age_seconds") > 1, "the event to grow old")
    own_redis.start()
    wait_until(lambda: count("out_of_stock", "unheard") == 1, "the event to go out")
    assert Scrape(allocd).value("allocd_outbox_oldest_age_seconds") == 0


def test_errors_of_the_database_are_counted_by_class_and_the_lines_about_them_by_level(allocd):
    allocd.stock("lamp", shelf=10)
    before = wait_until(lambda: finished(allocd, 1), "the batch")
    with contextlib.closing(psycopg2.connect(allocd.database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("update products set revision = revision where sku = 'lamp'")
        allocd.allocate("lamp", "order-1", 1)
        wait_until(lambda: grown(before, Scrape(allocd), "55"), "a wait for the locked product to end")
        connection.rollback()

    allocd.query(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    )
    after = wait_until(lambda: grown(before, Scrape(allocd), "connection"), "lost connections")

    assert after.value("allocd_log_lines_total", level="warn") > before.value("allocd_log_lines_total", level="warn")


def grown(before, after, kind):
    """What is scraped after, if it counts more errors of this class."""
    name = "allocd_database_errors_total"
    return after if after.value(name, **{"class": kind}) > before.value(name, **{"class": kind}) else None
