"""Several workers of one installation, and the leases that they have."""

import contextlib
import itertools
import time

from installation import Installation, wait_until

# How soon messages are handled again after a worker is killed, and after it gets SIGTERM.  Promised are 5 s and
# 1 s; a busy machine under sanitizers gets more, but no orderly end takes as long as the quickest takeover.
TAKEOVER_S, HAND_OVER_S = 7, 2


@contextlib.contextmanager
def fleet_of(folder, database_url, redis_url):
    """Yields a function that makes and starts a worker, of another program if one is given; each is ended at last."""
    with contextlib.ExitStack() as ends:
        numbers = itertools.count()
        workers = []

        def make(program=None, **settings):
            own = folder / str(next(numbers))
            own.mkdir()
            worker = Installation(own, database_url, redis_url)
            worker.prefix = workers[0].prefix if workers else worker.prefix
            worker.program = program or worker.program
            worker.settings.update(settings)
            workers.append(worker)
            ends.enter_context(contextlib.closing(worker))
            worker.start()
            return worker

        yield make


def leases(worker):
    """The name of the worker that has each lease; a lease without a holder is left out."""
    rows = worker.query("select l.name, w.name from leases l join workers w on w.id = l.holder")
    return {lease.removeprefix(worker.prefix): name for lease, name in rows}


def holders(worker):
    """The same for streams."""
    return {lease: name for lease, name in leases(worker).items() if lease != "pubsub"}


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
