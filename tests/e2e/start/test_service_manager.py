"""The worker under a service manager: readiness, status, watchdog and end, by the protocol of sd_notify(3)."""

import contextlib
import signal
import time

import pytest
from installation import wait_until
from service_manager import service_manager

WATCHDOG_S = 2


@pytest.fixture
def manager(tmp_path):
    with service_manager(tmp_path) as there:
        yield there


@pytest.fixture
def supervised(parked, manager):
    """An installation whose worker will have a service manager with a watchdog."""
    parked.settings |= {**manager.settings, "WATCHDOG_USEC": str(WATCHDOG_S * 1000000)}
    return parked


@contextlib.contextmanager
def frozen(process):
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def longest_silence(manager, key, since, until):
    instants = [when for when, line in list(manager.lines) if line.startswith(f"{key}=") and since < when < until]
    return max(later - earlier for earlier, later in zip([since, *instants], [*instants, until]))


@pytest.mark.parametrize("is_abstract", [False, True], ids=["path", "abstract"])
def test_it_reports_that_it_is_ready_and_that_it_stops(parked, tmp_path, is_abstract):
    with service_manager(tmp_path, is_abstract) as manager:
        parked.settings |= manager.settings
        parked.launch()

        wait_until(lambda: manager.values("READY"), "READY")
        assert parked.ready(), "a client that starts then is served"
        manager.await_status("healthy")
        assert parked.stop() == 0
        wait_until(lambda: manager.values("STOPPING"), "STOPPING")

    assert (manager.values("READY"), manager.values("STOPPING"), manager.status()) == (["1"], ["1"], "stopping")
    assert not manager.values("WATCHDOG"), "there is no watchdog"


def test_a_start_that_waits_for_the_database_is_prolonged(supervised, manager, own_postgres):
    supervised.settings["DATABASE_URL"] = own_postgres.url("postgres")
    own_postgres.stop()
    supervised.launch(ALLOCD_START_WAIT="60")
    try:
        manager.await_status("starting, waiting for the database since ")
        manager.await_again("EXTEND_TIMEOUT_USEC")
        assert not manager.values("READY") and not manager.values("WATCHDOG")
    finally:
        own_postgres.start()

    wait_until(lambda: manager.values("READY"), "READY")
    manager.await_status("healthy")
    assert supervised.stop() == 0  # before the database is gone


def test_the_status_is_the_worst_trouble(supervised, manager, own_redis):
    supervised.settings["REDIS_URL"] = own_redis.url()
    supervised.start()

    own_redis.stop()
    manager.await_status("not ready: redis-unreachable: not listening on Redis")
    assert "check whether Redis runs" in manager.status(), "the next step"
    own_redis.start()

    manager.await_status("healthy")
    assert manager.values("READY") == ["1"]
    supervised.stop()


def test_the_watchdog_is_fed_only_while_the_loop_turns(supervised, manager):
    supervised.start()
    manager.await_again("WATCHDOG")

    with frozen(supervised.worker):
        began = time.monotonic()
        wait_until(lambda: time.monotonic() - began > WATCHDOG_S, "the watchdog's time")
        assert len(manager.values("WATCHDOG", began)) <= 1, "one may have been on its way"

    manager.await_again("WATCHDOG")


def test_a_database_that_refuses_all_work_is_no_reason_to_end_the_worker(supervised, manager):
    supervised.start()
    supervised.query("create function gate() returns trigger language plpgsql as $$begin raise 'the gate is closed' using errcode = 'GA001'; end$$")
    supervised.query("create trigger gate before insert on units for each statement execute function gate()")
    manager.await_status("not ready: stalled: nothing is committed: the gate is closed (SQLSTATE GA001)")
    began = time.monotonic()
    supervised.allocate("lamp", "order-waits", 1)

    wait_until(lambda: time.monotonic() - began > 3 * WATCHDOG_S, "the watchdog's time, three times")
    assert longest_silence(manager, "WATCHDOG", began, time.monotonic()) < WATCHDOG_S
    supervised.query("drop trigger gate on units")

    manager.await_status("healthy")
