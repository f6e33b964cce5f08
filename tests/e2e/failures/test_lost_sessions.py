"""Postgres terminates sessions, or crashes, in the middle of a flush."""

import contextlib

import psycopg2
import servers
from installation import Installation, unique, wait_until
from ledger import Ledger
from proxy import postgres_behind
from sender import RELEASES, STREAM, Senders
from wires import PostgresWire, Watch

TERMINATIONS = 45
CRASHES = 9
HIT_TIMEOUT_S = 20

OTHERS = "from pg_stat_activity where application_name = 'allocd' and datname = current_database()"


class HeldAt:
    """Holds the connection at the phase that it reached, for the length of the block."""

    def __init__(self, proxy, watch, phase):
        self.proxy, self.watch, self.phase = proxy, watch, phase

    def __enter__(self):
        assert self.watch.at(self.phase, self.hold).wait(HIT_TIMEOUT_S), f"no {self.phase} was seen"

    def hold(self, relay):
        self.relay = relay
        relay.hold()

    def __exit__(self, *_):
        self.proxy.release(self.relay)


def test_sessions_terminated_in_mid_flush_lose_and_repeat_nothing(postgres_proxy, parked, watch, ledger):
    """
    45 times, under load, all of the worker's sessions are terminated: before the flush reached its backend,
    while the backend waits for its last lock, and while it may be committing.
    """
    allocd = parked
    allocd.start(DATABASE_URL=postgres_proxy.url)
    ledger.open(*(f"sku-{number}" for number in range(5)))
    at = [terminate_before, terminate_in_the_middle, terminate_at_the_end]

    with ledger.listening():
        with Senders(ledger, [STREAM, "http", "pubsub"], rate=100, anonymous=True, releases=RELEASES) as senders:
            for number in range(TERMINATIONS):
                at[number % len(at)](allocd, postgres_proxy, watch)
        ledger.settle(senders.send)
        ledger.await_stream(STREAM)
        ledger.check(heard_once=True)
    print(f"{TERMINATIONS} terminations, {len(ledger.sent)} commands, phases seen: {dict(watch.seen)}")


def terminate(allocd):
    [(ended,)] = allocd.query(f"select count(pg_terminate_backend(pid, 5000)) {OTHERS}")
    assert ended > 0


def terminate_before(allocd, proxy, watch):
    with HeldAt(proxy, watch, "flush"):
        terminate(allocd)


def terminate_in_the_middle(allocd, proxy, watch):
    """
    Locks the heads of the outbox, which are the last rows that a flush locks. A worker that was probing the database
    when they were locked begins no flush before they are free: then they are locked again.
    """
    flushing = f"select pid {OTHERS} and wait_event_type = 'Lock' and strpos(query, 'select from outbox_heads') <> 1"
    for _ in range(HIT_TIMEOUT_S):
        with heads_locked(allocd), contextlib.suppress(servers.ServerError):
            servers.wait_until(lambda: allocd.query(flushing), "a flush to wait for the heads", 2)
            terminate(allocd)
            return
    raise AssertionError("no flush waited for the heads")


@contextlib.contextmanager
def heads_locked(allocd):
    with contextlib.closing(psycopg2.connect(allocd.database_url)) as blocker:
        blocker.cursor().execute("select from outbox_heads for update")
        yield


def terminate_at_the_end(allocd, proxy, watch):
    with HeldAt(proxy, watch, "sync sent"):
        terminate(allocd)


def test_a_postgres_crash_in_mid_flush_loses_and_repeats_nothing(tmp_path, server_urls, own_postgres):
    """
    9 times, under load, `pg_ctl stop -m immediate` while a flush is under way: before its first byte, and
    after its last one, answered or not; then the server starts again, and recovers.
    """
    name, watch = unique("allocd_e2e"), Watch()
    own_postgres.ensure_database(name)
    allocd = Installation(tmp_path, own_postgres.url(name), server_urls["REDIS_URL"])
    ledger = Ledger(allocd, tmp_path)

    proxy = postgres_behind(allocd.database_url, lambda: PostgresWire(watch))
    with proxy, contextlib.closing(allocd):
        allocd.start(DATABASE_URL=proxy.url)
        ledger.open(*(f"sku-{number}" for number in range(5)))
        with ledger.listening():
            with Senders(ledger, [STREAM, "http", "pubsub"], rate=100, anonymous=True, releases=RELEASES) as senders:
                for number in range(CRASHES):
                    with HeldAt(proxy, watch, ["flush", "sync sent", "committed"][number % 3]):
                        own_postgres.crash()
                    own_postgres.start()
                    await_progress(ledger)
            ledger.settle(senders.send)
            ledger.await_stream(STREAM)
            ledger.check(heard_once=True)
    print(f"{CRASHES} crashes, {len(ledger.sent)} commands")


def await_progress(ledger):
    before = len(ledger.spent())
    wait_until(lambda: len(ledger.spent()) > before, "the worker to go on")
