"""kill -9, repeatedly, at every phase of a unit of work."""

import itertools
import os
import random
import signal
import time

from sender import STREAM, Senders
from wires import PHASES

KILLS = 200
KILLED_AT = tuple(phase for phase in PHASES if phase != "flush")
PHASE_TIMEOUT_S = 20


def test_kills_at_every_phase_lose_nothing_and_do_nothing_twice(behind_proxies, parked, watch, ledger):
    """
    The worker is killed 200 times under load, and started again at once: 3 of 4 times when a phase is seen on
    the wire, in rotation, otherwise at random, also during the start. Commands are sent by stream (some
    without an id), by HTTP with callers that retry, and by pub/sub, again until they are handled.
    """
    allocd, hits = parked, dict.fromkeys(KILLED_AT, 0)
    allocd.start(**behind_proxies)
    ledger.open(*(f"sku-{number}" for number in range(10)))
    phases = itertools.cycle(KILLED_AT)

    with ledger.listening():
        with Senders(ledger, [STREAM, "http", "pubsub"], rate=100, anonymous=True) as senders:
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
