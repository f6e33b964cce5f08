#!/usr/bin/python3
"""Runs what takes too long for CI, one step after the other, within a bound of time.

    nightly.py [--minutes N] [--logs DIR] [--steps FILE] [STEP…]

FILE (scripts/nightly.list) has the steps; STEP chooses some of them by name. A step fails when its command ends with
another status than 0, when it is not done within its minutes, or when it leaves a process; what it left is ended, and
the next step is run. The output of each step is in DIR (build/nightly), and the last line of it in the table at the end.
"""

import argparse
import collections
import contextlib
import ctypes
import os
import pathlib
import signal
import subprocess
import sys
import time

import servers

ROOT = pathlib.Path(__file__).resolve().parents[1]
NIGHT = 8 * 60  # minutes
PYTEST = (
    "scripts/servers.py -- env ALLOCD_BIN=build/allocd"
    " /usr/bin/python3 -m pytest -q -s --tb=short -p no:cacheprovider"
)
END_S = 60  # in which a step ends after SIGTERM
LEAVE_S = 5  # in which the last processes of a step end after its command
SHOWN = 40  # lines of the output of a step that failed

PR_SET_CHILD_SUBREAPER = 36  # prctl(2): processes whose parents have ended become children of this one

# `minutes` in a night; one that `shares` takes the seconds that STEP_SECONDS names, and another one what it takes.
Step = collections.namedtuple("Step", "name minutes command shares")
Result = collections.namedtuple("Result", "step verdict text seconds last_line")


class Interrupted(Exception):
    """The signal that asks to end."""


def read_steps(file):
    for line in file.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, minutes, command = line.split(maxsplit=2)
            yield Step(name, float(minutes), command, "STEP_SECONDS" in command)


# ---- time ----


class Time:
    """What is left, and what of it belongs to the steps that take a share."""

    def __init__(self, minutes, steps):
        self.part = minutes / NIGHT
        self.end = time.monotonic() + minutes * 60
        self.shared = sum(self.share(step) for step in steps)

    def share(self, step):
        return step.minutes * 60 * self.part if step.shares else 0

    def left(self):
        return self.end - time.monotonic()

    def bound(self, step):
        """The seconds after which the step is ended, or None when it does not fit in what is left."""
        self.shared -= self.share(step)
        if step.shares:
            return min(self.share(step) + END_S, self.left())
        bound = step.minutes * 60
        return bound if bound <= self.left() - self.shared else None


# ---- processes ----


def adopt_orphans():
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def descendants():
    """{pid: command line} of all processes below this one that have not ended."""
    children = collections.defaultdict(list)
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            children[int(parent)].append((int(folder.name), state))
    found, parents = {}, [os.getpid()]
    while parents:
        for pid, state in children[parents.pop()]:
            parents.append(pid)
            if state != "Z":
                with contextlib.suppress(OSError):
                    words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
                    found[pid] = words.decode(errors="replace").strip()
    return found


def await_none(seconds):
    """Returns the processes that are left after that time."""
    end = time.monotonic() + seconds
    while (left := descendants()) and time.monotonic() < end:
        time.sleep(0.02)
    return left


def end_all():
    """Ends a command that still runs, and all that it started."""
    for pid in descendants():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    await_none(END_S)


def kill_all():
    while left := descendants():
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def bury(but=None):
    """Reaps the children that have ended, which were adopted, up to the one that is `but`."""
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) and ended.si_pid != but:
            os.waitpid(ended.si_pid, 0)


def await_end(command, seconds):
    """Returns the status of the command. A test in it may wait until an orphan is gone, which the kernel shows until it is reaped."""
    end = time.monotonic() + seconds
    while command.poll() is None:
        if time.monotonic() > end:
            raise subprocess.TimeoutExpired(command.args, seconds)
        bury(but=command.pid)
        time.sleep(0.02)
    return command.returncode


# ---- one step ----


def run(step, bound, share, log):
    """Returns why the step failed, or None."""
    with open(log, "wb") as output:
        variables = {"STEP_SECONDS": str(share), "PYTEST": PYTEST}
        try:
            with servers.signals_wait():
                command = subprocess.Popen(
                    ["bash", "-c", step.command], cwd=ROOT, start_new_session=True, env={**os.environ, **variables},
                    stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                )  # fmt: skip
            status = await_end(command, bound)
            left = await_none(LEAVE_S)
        except subprocess.TimeoutExpired:
            return f"not done in {bound:.0f} s"
        finally:
            if command.returncode is None:
                end_all()
            kill_all()
            command.poll()
            bury()
    if left:
        return f"left {len(left)} running: {'; '.join(left.values())}"
    return f"ended with {status}" if status else None


def last_line(log):
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "")


def show_end(log):
    print(*log.read_text(encoding="utf-8", errors="replace").splitlines()[-SHOWN:], sep="\n", flush=True)


def run_step(step, time_, logs):
    share = int(time_.share(step))
    bound = time_.bound(step)
    if bound is None:
        return Result(step, "not run", f"it may take {step.minutes:g} min", 0, "")
    print(f"== {step.name}: {bound / 60:.1f} min at most", flush=True)
    log, begin = logs / f"{step.name}.log", time.monotonic()
    why = run(step, bound, share, log)
    if why:
        print(f"== {step.name}: {why}; its output ends:", flush=True)
        show_end(log)
    return Result(step, "FAILED" if why else "passed", why or "", time.monotonic() - begin, last_line(log))


# ---- all of them ----


def run_all(steps, minutes, logs):
    """Returns the results, and the signal that ended the night, or 0."""
    results, time_ = [], Time(minutes, steps)
    try:
        for step in steps:
            results.append(run_step(step, time_, logs))
    except Interrupted as interrupted:
        step = steps[len(results)]
        results.append(Result(step, "FAILED", "interrupted", 0, ""))
        results += [Result(step, "not run", "interrupted", 0, "") for step in steps[len(results) :]]
        return results, interrupted.args[0]
    return results, 0


def report(results):
    print()
    width = max(len(result.step.name) for result in results)
    for step, verdict, text, seconds, line in results:
        text = "; ".join(filter(None, (text, line[:120] if verdict == "passed" else "")))
        print(f"{step.name:{width}}  {verdict:7}  {seconds:6.0f} s  {text}")
    count = collections.Counter(result.verdict for result in results)
    not_run = f", {count['not run']} not run" if count["not run"] else ""
    print(f"{count['passed']} passed, {count['FAILED']} failed{not_run}", flush=True)
    return 0 if count["passed"] and not count["FAILED"] else 1


def interrupt(number, _frame):
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)  # the step is ended in order
    raise Interrupted(number)


def choose(steps, names):
    unknown = set(names) - {step.name for step in steps}
    if unknown:
        sys.exit(f"nightly: no such step: {', '.join(sorted(unknown))}; there are {', '.join(step.name for step in steps)}")
    return [step for step in steps if not names or step.name in names]


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="./dev nightly", description="Runs what takes too long for CI.")
    parser.add_argument("--minutes", type=float, default=NIGHT, help="of all steps together (%(default)s)")
    parser.add_argument("--logs", type=pathlib.Path, default=ROOT / "build" / "nightly", help="folder of the outputs")
    parser.add_argument("--steps", type=pathlib.Path, default=ROOT / "scripts" / "nightly.list", help="file of the steps")
    parser.add_argument("names", nargs="*", metavar="STEP", help="the steps that are run (all)")
    options = parser.parse_args(arguments)
    steps = choose(list(read_steps(options.steps)), options.names)
    options.logs.mkdir(parents=True, exist_ok=True)
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, interrupt)
    adopt_orphans()
    results, ended_by = run_all(steps, options.minutes, options.logs)
    status = report(results)
    return 128 + ended_by if ended_by else status


if __name__ == "__main__":
    sys.exit(main())
