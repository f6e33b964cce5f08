"""Several workers read the same streams: each stream has one reader at a time, and the next one takes over."""

import signal
import time

import pytest
from installation import wait_until
from ledger import Ledger
from sender import STREAM, Senders

SKUS = [f"sku-{number}" for number in range(10)]
# The contract's bounds, in seconds.
TAKEOVER_S = 5
HAND_OVER_S = 1
SHARE_OUT_S = 5


def holders(worker):
    """The name of the worker that has each lease; a lease without a holder is left out."""
    rows = worker.query("select l.name, w.name from leases l join workers w on w.id = l.holder")
    return {lease.removeprefix(worker.prefix): name for lease, name in rows}


def has_all(worker):
    return all(name.endswith(worker.http.rpartition(":")[2]) for name in holders(worker).values()) and holders(worker)


def reader_and_standby(one, other):
    wait_until(lambda: holders(one), "a worker to have the lease")
    return (one, other) if has_all(one) else (other, one)


def seconds_until(condition, what):
    begin = time.monotonic()
    wait_until(condition, what)
    return time.monotonic() - begin


def spent_since(ledger):
    before = len(ledger.spent())
    return lambda: len(ledger.spent()) > before + 20


@pytest.mark.parametrize("how", ["kill -9", "SIGTERM", "SIGSTOP"])
def test_the_next_worker_takes_over_and_nothing_is_lost_or_done_twice(fleet, tmp_path, how):
    """Ten SKUs under load on one stream: the order of each SKU, and one effect of each command."""
    reader, standby = reader_and_standby(fleet(), fleet())
    assert standby.ready(), "a worker that waits for a lease is ready"
    ledger = Ledger(standby, tmp_path)
    ledger.open(*SKUS)
    with ledger.listening():
        with Senders(ledger, [STREAM], rate=200, anonymous=True) as senders:
            wait_until(lambda: len(ledger.spent()) > 500, "500 commands to be handled")
            if how == "kill -9":
                reader.kill()
            else:
                reader.worker.send_signal(signal.SIGTERM if how == "SIGTERM" else signal.SIGSTOP)
            took_s = seconds_until(lambda: has_all(standby), "the other worker to take the lease")
            paused_s = took_s + seconds_until(spent_since(ledger), "it to handle commands")
            if how == "SIGSTOP":
                reader.worker.send_signal(signal.SIGCONT)
            elif how == "SIGTERM":
                assert reader.wait() == 0
            wait_until(lambda: len(ledger.spent()) > 1500, "it to go on")
        ledger.settle(senders.send)
        ledger.check(heard_once=True)
    print(f"{how}: the lease was taken after {took_s:.2f} s, and commands were handled after {paused_s:.2f} s")
    assert paused_s < (HAND_OVER_S if how == "SIGTERM" else TAKEOVER_S)


def test_a_worker_that_was_stopped_and_comes_back_does_nothing_under_its_old_lease(fleet, tmp_path):
    """It is stopped again and again, in the middle of its work."""
    one, other = fleet(), fleet()
    ledger = Ledger(one, tmp_path)
    ledger.open(*SKUS)
    taken = 0
    with ledger.listening():
        with Senders(ledger, [STREAM, "http"], rate=200, anonymous=True) as senders:
            for _ in range(4):
                reader, standby = reader_and_standby(one, other)
                reader.worker.send_signal(signal.SIGSTOP)
                try:
                    wait_until(lambda standby=standby: has_all(standby), "the other worker to take the lease")
                    wait_until(spent_since(ledger), "it to handle commands")
                finally:
                    reader.worker.send_signal(signal.SIGCONT)
                wait_until(reader.ready, "readiness to return")
                taken += 1
        ledger.settle(senders.send)
        ledger.check(heard_once=True)
    assert taken == 4
    assert all("lease lost" in worker.log.read_text() for worker in (one, other))


def test_streams_are_shared_out_evenly_whenever_a_worker_comes_or_goes(fleet):
    streams = ",".join(f"allocd:commands{number}" for number in range(8))
    workers = [fleet(ALLOCD_STREAM=streams)]

    def counts():
        names = list(holders(workers[0]).values())
        return sorted(names.count(name) for name in set(names))

    wait_until(lambda: counts() == [8], "the first worker to have all")
    for expected in ([4, 4], [2, 3, 3], [2, 2, 2, 2]):
        workers.append(fleet(ALLOCD_STREAM=streams))
        assert seconds_until(lambda expected=expected: counts() == expected, f"{expected}") < SHARE_OUT_S
    assert workers.pop().stop() == 0
    assert seconds_until(lambda: counts() == [2, 3, 3], "the others to share what it had") < SHARE_OUT_S
    workers.pop().kill()
    assert seconds_until(lambda: counts() == [4, 4], "the others to share what the dead one had") < SHARE_OUT_S


def test_a_worker_that_is_killed_and_started_again_continues_at_once(fleet, tmp_path):
    alone = fleet()
    ledger = Ledger(alone, tmp_path)
    ledger.open("sku")
    with ledger.listening():
        with Senders(ledger, [STREAM], rate=100) as senders:
            wait_until(lambda: len(ledger.spent()) > 100, "it to work")
            alone.kill()
            alone.start()
            paused_s = seconds_until(spent_since(ledger), "it to handle commands")
        ledger.settle(senders.send)
        ledger.check(heard_once=True)
    assert paused_s < 1.5
