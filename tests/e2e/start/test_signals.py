"""Signals that end the worker, signals that do not, and signals that arrive while it ends."""

import signal
import subprocess

import pytest
from installation import binary, unique, wait_until

UNUSED = [
    signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF, signal.SIGIO,
    signal.SIGPWR, signal.SIGRTMIN, signal.SIGRTMAX, signal.SIGXFSZ,
]  # fmt: skip


def lines_with(allocd, text):
    return [line for line in allocd.log_lines() if text in line]


def test_unused_signals_are_ignored_and_logged_once(allocd):
    for number in UNUSED:
        for _ in range(3):
            allocd.worker.send_signal(number)
    wait_until(lambda: len(lines_with(allocd, "signal ignored")) >= len(UNUSED), "a line for each signal")

    wait_until(allocd.ready, "it to be ready after the signals")
    assert allocd.post("/add_batch", {"ref": unique("ref"), "sku": unique("sku"), "qty": 1}).status_code == 201
    assert len(lines_with(allocd, "signal ignored")) == len(UNUSED)
    assert len(lines_with(allocd, "signal=SIGHUP")) == 1
    assert allocd.stop() == 0


def test_an_ignored_signal_does_not_interrupt_draining(on_own_postgres, own_postgres):
    allocd = on_own_postgres
    own_postgres.kill()
    allocd.stock(unique("sku"), batch=1)
    wait_until(lambda: not allocd.ready(), "readiness to turn off without Postgres")
    allocd.worker.terminate()
    wait_until(lambda: lines_with(allocd, "stopping"), "the first signal to be noticed")

    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGALRM):
        allocd.worker.send_signal(number)
    own_postgres.start()

    assert allocd.wait() == 0


def test_a_worker_that_used_up_its_processor_time_drains(allocd):
    allocd.worker.send_signal(signal.SIGXCPU)
    assert allocd.wait() == 0


def test_sigquit_ends_the_worker_at_once(allocd):
    assert allocd.stop(signal.SIGQUIT) == -signal.SIGQUIT


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1])
def test_an_operators_command_is_ended_by_any_signal(allocd, number):
    tail = subprocess.Popen([binary(), "tail"], env=allocd.environment(), stderr=subprocess.DEVNULL)
    wait_until(lambda: allocd.redis.pubsub_numsub(allocd.prefix + "line_allocated")[0][1] == 1, "tail to subscribe")
    tail.send_signal(number)
    assert tail.wait(10) == -number


def test_a_second_signal_while_the_worker_drains_ends_it_with_75(on_own_postgres, own_postgres):
    allocd = on_own_postgres
    own_postgres.kill()
    allocd.stock(unique("sku"), batch=1)
    wait_until(lambda: not allocd.ready(), "readiness to turn off without Postgres")
    allocd.worker.send_signal(signal.SIGINT)
    wait_until(lambda: lines_with(allocd, "stopping"), "the first signal to be noticed")

    assert allocd.stop(signal.SIGTERM) == 75

    assert lines_with(allocd, "ended before all was done")
