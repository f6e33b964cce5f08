"""kill -9, repeatedly, at every phase of a unit of work."""

import contextlib
import itertools
import os
import random
import signal
import time

from books import Books
from documents import LANGUAGES, listening
from installation import EVENTS, wait_until
from ledger import Ledger
from sender import RELEASES, STREAM, Senders
from servers import ServerError
from wires import PHASES

KILLS, KILLS_AND_REBUILDS = int(os.environ.get("ALLOCD_TEST_KILLS", "100")), 10
KILLED_AT = tuple(phase for phase in PHASES if phase != "flush")
PHASE_TIMEOUT_S = 20


def test_kills_at_every_phase_lose_nothing_and_do_nothing_twice(behind_proxies, parked, watch, ledger):
    """
    The worker is killed under load, ALLOCD_TEST_KILLS times, and started again at once: 3 of 4 times when a phase
    is seen on the wire, in rotation, otherwise at random, also during the start. Commands are sent by stream (some
    without an id), by HTTP with callers that retry, and by pub/sub, again until they are handled. Many lines are
    deallocated, shipped or cancelled.
    """
    allocd, hits = parked, dict.fromkeys(KILLED_AT, 0)
    allocd.start(**behind_proxies)
    ledger.open(*(f"sku-{number}" for number in range(10)))
    phases = itertools.cycle(KILLED_AT)

    with ledger.listening():
        with Senders(ledger, [STREAM, "http", "pubsub"], rate=100, anonymous=True, releases=RELEASES) as senders:
            for kill in range(KILLS):
                if kill % 4 == 3:
                    time.sleep(random.uniform(0, 0.3))
                    allocd.kill()
                else:
                    phase = next(phases)
                    kill_at(phase, allocd, watch)
                    hits[phase] += 1
                allocd.launch(**behind_proxies)
        ledger.settle(senders.send)
        ledger.await_stream(STREAM)
        ledger.check(heard_once=True)
    assert all(hits.values()), hits
    print(f"{KILLS} kills, {len(ledger.sent)} commands, {hits}")


def kill_at(phase, allocd, watch):
    def kill(relay):
        os.kill(allocd.worker.pid, signal.SIGKILL)
        relay.hold()

    seen = watch.at(phase, kill)
    assert seen.wait(PHASE_TIMEOUT_S), f"no {phase} was seen in {PHASE_TIMEOUT_S} s"
    allocd.wait()


def test_listeners_replay_what_the_read_model_shows_after_kills_and_rebuilds(on_own_redis, tmp_path):
    """
    The worker is killed while lines are deallocated and orders are cancelled, and the read model is rebuilt
    meanwhile. Then the documented listeners, unchanged, replay all events of each SKU.
    """
    allocd = on_own_redis
    allocd.stop()
    allocd.give_to("")  # as in the documented programs
    allocd.start()
    ledger = Ledger(allocd, tmp_path)
    ledger.open(*(f"sku-{number}" for number in range(5)))
    releases = [release for release in RELEASES if release != "ship"]

    with ledger.listening():
        with Senders(ledger, [STREAM, "http", "pubsub"], rate=100, releases=releases) as senders:
            for _ in range(KILLS_AND_REBUILDS):
                await_more(ledger, 50)
                allocd.kill()
                allocd.start()
                rebuilt = allocd.run("rebuild-view")
                assert rebuilt.returncode == 0, rebuilt.stderr
        ledger.settle(senders.send)
        ledger.await_stream(STREAM)
        ledger.check(heard_once=True)

    for language in LANGUAGES:
        wait_until(lambda: not any(n for _, n in allocd.redis.pubsub_numsub(*EVENTS)), "the last listener to be gone")
        with listening(language, tmp_path, allocd) as listener:
            books = Books(listener)
            for sku in ledger.skus:  # the first event that it hears is behind a gap
                line = {"orderid": f"heard-{language}", "sku": sku, "qty": 1}
                assert allocd.post("/allocate", line).status_code == 202
            shown = set(allocd.query("select orderid, batchref from allocations_view"))
            with contextlib.suppress(ServerError):  # the comparison says more
                wait_until(lambda: lines_of(books) == shown, "the listener to know the lines of the read model")
            assert lines_of(books) == shown


def await_more(ledger, count):
    before = len(ledger.spent())
    wait_until(lambda: len(ledger.spent()) >= before + count, f"{count} more commands to be handled")


def lines_of(books):
    """The orders and batches that a listener knows; the reference of a batch has its SKU."""
    held = set()
    for name, order, batch, _ in sorted(list(books.lines), key=lambda words: int(words[3])):
        if name == "line_allocated":
            held.add((order, batch))
        elif name == "line_deallocated":
            held.remove((order, batch))
    return held
