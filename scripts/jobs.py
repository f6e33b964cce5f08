"""Processes that threads start and wait for, and that end before this program when a signal asks it to end.

A terminal's Ctrl-C does not reach them, so that none fails because of it. A thread whose process was ended together
with this program gets Ended: it cannot take that for a verdict.
"""

import concurrent.futures
import contextlib
import os
import signal
import subprocess
import threading

import servers

END_S = 5  # in which a process ends after SIGTERM
POLL_S = 0.2  # a signal may reach another thread, and does not wake the main one
# A program that ends all processes of another one at once, as the night does, may end ours a moment before us.
SIGNAL_FOLLOWS_S = 1

lock = threading.Lock()
running = set()
asked_to_end = set()
is_ending = threading.Event()


class Ended(Exception):
    """This program ends, and nothing is to be made of how its processes ended."""


@contextlib.contextmanager
def started(command, **options):
    """A process, in a group of its own, which has ended when the block has."""
    process = None
    try:
        with servers.signals_wait(), lock:
            if is_ending.is_set():
                raise Ended
            process = subprocess.Popen(command, start_new_session=True, **options)
            running.add(process)
        yield process
    finally:
        if process:
            end([process])
            with process, lock:  # closes its pipes
                running.discard(process)
            if was_ended_with_us(process):
                raise Ended
            asked_to_end.discard(process)


def was_ended_with_us(process):
    unasked = process not in asked_to_end and -process.returncode in servers.ENDING
    return is_ending.wait(SIGNAL_FOLLOWS_S if unasked else 0)


def end(processes):
    """Ends those that have not ended, with their groups."""
    for with_signal in (signal.SIGTERM, signal.SIGKILL):
        left = [process for process in processes if process.poll() is None]
        for process in left:
            asked_to_end.add(process)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, with_signal)
        for process in left:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(END_S)


def run(command, timeout=None, **options):
    """Returns the status, or None if the process was ended after the timeout, and what it printed."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "errors": "replace"}
    with started(command, **streams, **options) as process:
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            return None, ""
    return process.returncode, output


def side_by_side(count, function, items):
    """
    Returns what the function returns for each item, in threads. An exception of one of them, or a signal, ends all
    processes, and is raised when all threads have ended.
    """
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        try:
            futures = [pool.submit(function, item) for item in items]
            while True:
                done, left = concurrent.futures.wait(futures, POLL_S, concurrent.futures.FIRST_EXCEPTION)
                for future in done:
                    future.result()
                if not left:
                    return [future.result() for future in futures]
        except BaseException:
            with lock:
                is_ending.set()
                processes = list(running)
            end(processes)
            pool.shutdown(cancel_futures=True)
            is_ending.clear()
            raise
