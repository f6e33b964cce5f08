"""Two workers on one database: both healthy, and with one of them killed or stopped."""

import collections
import contextlib
import signal
import time

import pytest
from installation import Installation, wait_until
from ledger import Ledger
from sender import RELEASES, STREAM, Senders

SKUS = [f"sku-{number}" for number in range(10)]
STANDSTILL_S = 30
# The server ends a session that a stopped worker left in a flush after 10 s.
PAUSE_MAX_S = 12


@pytest.fixture
def pair(tmp_path, database_url, server_urls):
    """One reads the stream and pub/sub, the other one pub/sub only; both publish."""
    (tmp_path / "other").mkdir()
    one = Installation(tmp_path, database_url, server_urls["REDIS_URL"])
    other = Installation(tmp_path / "other", database_url, server_urls["REDIS_URL"])
    other.prefix = one.prefix
    other.settings["ALLOCD_STREAM"] = ""
    one.start()
    other.start()
    with contextlib.closing(one), contextlib.closing(other):
        yield one, other


def test_two_healthy_workers_publish_everything_once(pair, tmp_path):
    """Ten SKUs, whose commands both receive by pub/sub: each has one effect, and each event is published once."""
    ledger = Ledger(pair[0], tmp_path)
    ledger.open(*SKUS)
    with ledger.listening():
        with Senders(ledger, [STREAM, "pubsub", "http"], rate=100, anonymous=True, releases=RELEASES) as senders:
            wait_until(lambda: len(ledger.spent()) > 1000, "1000 commands to be handled")
        ledger.settle(senders.send)
        ledger.check(heard_once=True)
    print(f"{len(ledger.sent)} commands")


@pytest.mark.parametrize("victim", [0, 1], ids=["the stream's reader", "the other"])
def test_the_other_of_two_workers_continues_when_one_is_killed(pair, tmp_path, victim):
    """The other one continues, and publishes what the dead one committed; the stream waits for a reader."""
    ledger, dead = Ledger(pair[1 - victim], tmp_path), pair[victim]
    ledger.open(*SKUS)
    with ledger.listening():
        with Senders(ledger, [STREAM, "pubsub", "http"], rate=100, anonymous=True, releases=RELEASES) as senders:
            wait_until(lambda: len(ledger.spent()) > 300, "both to work")
            dead.kill()
            before = len(ledger.spent())
            wait_until(lambda: len(ledger.spent()) > before + 300, "the other to go on")
        ledger.await_published()
        dead.start()
        ledger.settle(senders.send)
        ledger.check(heard_once=True)


def test_the_other_of_two_workers_continues_while_one_is_stopped(pair, tmp_path):
    """
    SIGSTOP for 30 s under load: on no SKU does the other one pause for longer than the server lets a session
    idle in its transaction. Then the first resumes as if nothing had happened.
    """
    going, standing = pair
    ledger = Ledger(going, tmp_path)
    ledger.open(*SKUS)
    with ledger.listening():
        with Senders(ledger, [STREAM, "pubsub", "http"], rate=50, anonymous=True, releases=RELEASES) as senders:
            wait_until(lambda: len(ledger.spent()) > 300, "both to work")
            standing.worker.send_signal(signal.SIGSTOP)
            pauses = longest_pauses(ledger, STANDSTILL_S)
            standing.worker.send_signal(signal.SIGCONT)
            wait_until(standing.ready, "readiness to return")
        ledger.settle(senders.send)
        ledger.check(heard_once=True)
    print(f"longest pause of each SKU: {pauses}")
    assert max(pauses.values()) < PAUSE_MAX_S


def longest_pauses(ledger, seconds):
    """The longest time without an event of a SKU."""
    versions, moved_at, pauses = {}, {}, collections.defaultdict(float)
    end = time.monotonic() + seconds
    while (now := time.monotonic()) < end:
        for sku, version in ledger.allocd.query("select sku, version from products"):
            if versions.get(sku) != version:
                versions[sku], moved_at[sku] = version, now
            pauses[sku] = round(max(pauses[sku], now - moved_at[sku]), 1)
        time.sleep(0.1)
    return dict(pauses)
