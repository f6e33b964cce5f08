"""Five faults, and the page, the command and an alert that name each of them within a minute; a sixth that no code names.

The page is kept as a picture of each, in the folder ALLOCD_TEST_PICTURES, else build-pictures.
"""

import contextlib
import dataclasses
import json
import signal
import time

import installation
import psycopg2
import pytest
import servers
from browser import LOOKS
from prometheus import running_prometheus

LIMIT_S = 60


# ---- the faults ----


@contextlib.contextmanager
def redis_hangs(allocd, redis):
    redis.process.send_signal(signal.SIGSTOP)
    assert allocd.post("/allocate", {"orderid": "order-unpublished", "sku": "lamp", "qty": 1}).ok
    try:
        yield
    finally:
        redis.process.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def a_table_is_locked(allocd, redis):
    with contextlib.closing(psycopg2.connect(allocd.database_url, application_name="forgotten")) as session:
        session.cursor().execute("lock table products")
        allocd.allocate("lamp", "order-waits", 1)
        yield


@contextlib.contextmanager
def the_acl_lacks_a_right(allocd, redis):
    allocd.redis.execute_command("acl", "setuser", "default", "-hset")
    allocd.allocate("lamp", "order-unpublished", 1)
    try:
        yield
    finally:
        allocd.redis.execute_command("acl", "setuser", "default", "+hset")


@contextlib.contextmanager
def entries_are_trimmed(allocd, redis):
    """A publisher adds with a MAXLEN, so what it added before is gone before it was read."""
    stream = allocd.prefix + "allocd:commands"
    entry = {"type": "allocate", "data": json.dumps({"orderid": "order-lost", "sku": "lamp", "qty": 1})}
    with allocd.redis.pipeline() as transaction:
        for _ in range(3):
            transaction.xadd(stream, entry, maxlen=1, approximate=False)
        transaction.xtrim(stream, maxlen=0, approximate=False).execute()
    allocd.redis.xadd(stream, entry)
    yield


@contextlib.contextmanager
def a_publisher_names_an_unknown_sku(allocd, redis):
    for number in range(60):
        allocd.allocate("lampp", f"order-{number}", 1)
    yield


@contextlib.contextmanager
def a_trigger_refuses_each_commit(allocd, redis):
    """With a SQLSTATE that no table of ours has."""
    allocd.query("create function gate() returns trigger language plpgsql as $$begin raise 'the gate is closed' using errcode = 'GA001'; end$$")
    allocd.query("create trigger gate before insert on units for each statement execute function gate()")
    allocd.allocate("lamp", "order-stalled", 1)
    try:
        yield
    finally:
        allocd.query("drop trigger gate on units")


@dataclasses.dataclass
class Fault:
    play: object
    code: str
    state: str
    cause: str  # in the text
    advice: str  # the next step, in the same words everywhere
    alert: str
    alert_says: str
    check: int  # exit status of `allocd status --check`
    also: tuple = ()  # another alert, and what it says


FAULTS = [
    Fault(
        redis_hangs, "redis-unreachable", "not_ready", "(1 event waits in the database)",
        "check whether Redis runs and answers PING: start it, restart it if it hangs, or correct REDIS_URL; the worker connects again by itself",
        "AllocdRedisUnreachable", "Redis refuses connections, or does not answer", 2,
    ),
    Fault(
        a_table_is_locked, "database-locked", "not_ready", "canceling statement due to lock timeout (SQLSTATE 55P03)",
        "find the session that makes statements wait, in pg_stat_activity and pg_locks, and end it: docs/operating.md has the query",
        "AllocdDatabaseLocked", "another session locks a table", 2,
    ),
    Fault(
        the_acl_lacks_a_right, "redis-noperm", "not_ready", "the ACL of the user in REDIS_URL must allow hget, hset",
        "give the user the right that the error names, or all rights of the ACL line in docs/operating.md",
        "AllocdRedisNoperm", "The user in REDIS_URL lacks a right (NOPERM)", 2,
    ),
    Fault(
        entries_are_trimmed, "stream-lost", "degraded", "3 entries were trimmed or deleted in the last hour before they were handled, the last of stream",
        "find who trims or deletes entries: publishers must add without MAXLEN; the log (`entries lost`) says which stream and when",
        "AllocdStreamLost", "Entries were trimmed or deleted before they were handled", 1,
    ),
    Fault(
        a_publisher_names_an_unknown_sku, "dead-letters-new", "healthy", "60 kept in all; the most frequent here: allocate, invalid_sku (60)",
        "run `allocd dead-letters list --group --since 1h`",
        "AllocdDeadLettersNew", "Messages became dead letters in the last hour", 0,
        ("AllocdDeadLettersMany", " allocate messages became dead letters in five minutes: rejected, invalid_sku"),
    ),
    Fault(
        a_trigger_refuses_each_commit, "stalled", "not_ready", "nothing is committed: the gate is closed (SQLSTATE GA001)",
        "look for the last error in the database server's log",
        "AllocdStalled", "Nothing is committed because of an error that no other code names", 2,
    ),
]  # fmt: skip


# ---- the installation ----


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    with running_prometheus(tmp_path_factory.mktemp("prometheus")) as there:
        yield there


@pytest.fixture(scope="module")
def redis_of_all():
    with servers.scratch_directory() as directory, servers.running(servers.Redis(directory)) as redis:
        yield redis


class Played:
    """A fault in a live installation, whose page has been open since before it, and whose metrics are scraped."""

    def __init__(self, fault, allocd, browser, prometheus):
        self.fault, self.allocd, self.browser, self.prometheus = fault, allocd, browser, prometheus
        self.began = time.monotonic()

    def wait(self, condition, what):
        return servers.wait_until(condition, what, self.left_s())

    def left_s(self):
        return max(LIMIT_S - (time.monotonic() - self.began), 0.1)


@pytest.fixture(scope="module", params=FAULTS, ids=[fault.play.__name__ for fault in FAULTS])
def played(request, tmp_path_factory, server_urls, redis_of_all, browser, prometheus):
    fault = request.param
    with installation.fresh_database(server_urls["DATABASE_URL"]) as url:
        there = installation.Installation(tmp_path_factory.mktemp("faults"), url, redis_of_all.url())
        there.start()
        listener = there.listen()  # so that nothing but the fault is wrong
        there.stock("lamp", shelf=100)
        there.allocate("lamp", "order-1", 1)
        listener.expect("line_allocated", orderid="order-1")
        prometheus.scrape(there)
        browser.fresh(there.url("/#/"), **LOOKS["light"])
        browser.shows("✓ Healthy")
        assert there.run("status", "--check").stdout == "healthy\n"
        with fault.play(there, redis_of_all):
            yield Played(fault, there, browser, prometheus)
        there.close()


# ---- the faces ----


def test_the_command_names_the_cause_and_the_next_step(played):
    fault, allocd = played.fault, played.allocd

    def named():
        status = json.loads(allocd.run("status", "--json").stdout)
        found = [trouble for trouble in status["troubles"] if trouble["code"] == fault.code and fault.cause in trouble["text"]]
        return found and (status, found[0])

    status, trouble = played.wait(named, f"`allocd status --json` to name {fault.code}")
    assert (status["state"], [each["code"] for each in status["troubles"]]) == (fault.state, [fault.code])
    assert trouble["advice"] == fault.advice
    assert trouble["doc"] == f"docs/operating.md#{fault.code}"
    shown = allocd.run("status").stdout
    assert f"{fault.code}  " in shown and f"next: {fault.advice}\n" in shown
    check = allocd.run("status", "--check")
    assert (check.returncode, check.stdout) == (fault.check, f"{fault.state}: {fault.code}\n")


STATES = {"healthy": "✓ Healthy", "degraded": "! Degraded", "not_ready": "✕ Not ready"}


def test_the_page_names_the_cause_and_the_next_step(played):
    fault, browser = played.fault, played.browser
    browser.run(
        "await page.locator('#troubles li', {hasText: given.cause}).waitFor({timeout: given.ms})",
        cause=fault.cause, ms=1000 * played.left_s(),
    )  # fmt: skip
    [item] = browser.run("return page.locator('#troubles li').allInnerTexts()")
    assert fault.code in item
    assert f"Next: {fault.advice.replace('`', '')}".lower() in " ".join(item.split()).lower()
    assert browser.run("return page.locator('#state').innerText()") == STATES[fault.state]
    if fault.also:
        browser.shows("invalid sku lampp", timeout_s=played.left_s())  # among what needs a person
        assert browser.run("return page.getByText('nothing waits for a person').count()") == 0
    for look in LOOKS:
        browser.has_look(look)
        browser.keep_picture(look, f"fault-{fault.code}")
    assert browser.complaints() == []


def test_an_alert_names_the_cause_and_the_next_step(played):
    fault = played.fault
    alert = played.wait(lambda: played.prometheus.firing().get(fault.alert), f"{fault.alert} to fire")
    text = alert["annotations"]
    assert alert["labels"]["code"] == fault.code
    assert alert["labels"]["instance"] == played.allocd.http
    assert text["summary"].startswith(f"{fault.code} on {played.allocd.http}: ") and fault.alert_says in text["summary"]
    assert f"Next: {fault.advice[0].upper()}{fault.advice[1:]}." in text["description"]
    assert text["runbook"] == f"docs/operating.md#{fault.code}"
    if fault.also:
        name, says = fault.also
        other = played.wait(lambda: played.prometheus.firing().get(name), f"{name} to fire")
        assert says in other["annotations"]["summary"]
    assert [name for name, each in played.prometheus.firing().items() if each["labels"]["severity"] == "page" and name != fault.alert] == []
