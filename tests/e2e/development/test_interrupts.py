"""Ctrl-C of what runs long for developers: it ends at once, with what was done until then and no false verdict."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest
from dev_program import environment, of_folder
from installation import ROOT, TIMEOUT_S, wait_until

sys.path.append(str(ROOT / "scripts"))
import jobs  # noqa: E402

SOON_S = 10  # in which a process ends that has nothing to wait for

# tests/mutants/run and faults.py on trees that are not built: a program of the folder stands for each mutant's.
PROLOGUE = """
import contextlib, importlib.machinery, importlib.util, os, pathlib, sys
sys.path[:0] = [{root!r} + "/tests/mutants", {root!r} + "/tests/simulation", {root!r} + "/scripts"]
import mutants, servers
FOLDER = pathlib.Path({folder!r})
os.cpu_count = lambda: 1
mutants.Tree.with_fault = lambda self, mutant: contextlib.nullcontext()
mutants.Tree.make = lambda self, *programs: mutants.run(FOLDER / "make")
servers.end_in_order_on_signals()
"""
MUTANTS = """
loader = importlib.machinery.SourceFileLoader("mutants_run", {root!r} + "/tests/mutants/run")
runner = importlib.util.module_from_spec(importlib.util.spec_from_loader("mutants_run", loader))
loader.exec_module(runner)
def made(self, directory, mutants):
    self.build, self.programs = FOLDER, []
runner.TestedTree.__init__ = made
runner.sound_suites = lambda tree, mutants: []
runner.read_mutants = lambda: [{{"file": "src/core/a.c", "breaks": name, "program": "tests/unit/" + name}} for name in {names!r}]
sys.exit(runner.main())
"""
FAULTS = """
import faults
def made(self, directory):
    self.build, self.sound = FOLDER, FOLDER / "sound"
faults.SimulatedTree.__init__ = made
faults.SIMULATIONS = pathlib.Path()
faults.read_mutants = lambda: [{{"file": "src/core/a.c", "breaks": name, "simulation": name}} for name in {names!r}]
sys.exit(faults.main([]))
"""
BUILDING = """
(FOLDER / "make").write_text((FOLDER / "hanging").read_text())
with mutants.copied_trees(2, lambda directory: mutants.Tree.make(None)):
    print("built")
"""

PROGRAMS = {
    "make": "exit 0",
    "tests/unit/good": "exit 0",
    "tests/unit/hanging": "touch $FOLDER/begun; exec sleep 1000",
    "tests/unit/noticed": "echo 'not ok 1 - a.c:a case:a_test: wrong'; exec sleep 1000",
    "found": "echo 'tests/ledger.c:7:F:a case:a_test:1000: lost'; exit 1",
    "sound/found": "exit 0",
    "sound/hanging": "exit 0",
    "hanging": "touch $FOLDER/begun; exec sleep 1000",
}
TOOLS = {
    "lcov": "exit 0",
    "meson": "trap 'touch $FOLDER/ended; exit 1' TERM; trap '' INT; touch $FOLDER/begun; while :; do sleep 0.1; done",
}


class Program:
    """A developers' program in a group of its own, as a terminal starts it, and the scripts that it runs."""

    def __init__(self, folder, command, scripts, **variables):
        for name, script in scripts.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
            path.chmod(0o755)
        (folder / "tmp").mkdir()
        self.folder = folder
        self.child = subprocess.Popen(
            command, env=environment(folder / "tmp", FOLDER=str(folder), **variables),
            start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def end(self, send):
        """Returns the status, the output and what came on standard error."""
        try:
            wait_until((self.folder / "begun").exists, "a program that hangs")
            begin = time.monotonic()
            send(self)
            output, errors = self.child.communicate(timeout=TIMEOUT_S)
            assert time.monotonic() - begin < SOON_S
            wait_until(lambda: not of_folder(self.folder), "its processes to end")
            assert list((self.folder / "tmp").iterdir()) == [], "a copy of the tree is left"
            return self.child.returncode, output, errors
        finally:
            for pid in of_folder(self.folder):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def on_trees(folder, text, names=()):
    program = (PROLOGUE + text).format(root=str(ROOT), folder=str(folder), names=list(names))
    return Program(folder, [sys.executable, "-c", program], PROGRAMS)


def by_a_terminal(program):
    os.killpg(program.child.pid, signal.SIGINT)


def by_its_parent(program):
    program.child.terminate()


def as_the_night_does(program):
    """All processes at once, in any order."""
    for pid in sorted(of_folder(program.folder), reverse=True):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


SIGNALS = [(by_a_terminal, 130), (by_its_parent, 143), (as_the_night_does, 143)]


@pytest.mark.parametrize("send, status", SIGNALS)
def test_mutants_that_were_not_judged_are_neither_killed_nor_survived(tmp_path, send, status):
    code, output, errors = on_trees(tmp_path, MUTANTS, ["noticed", "good", "hanging", "good"]).end(send)

    assert (code, errors) == (status, "")
    *_, killed, survived, closing = output.splitlines()
    assert killed.startswith("src/core/a.c: noticed: killed by a_test ")
    assert survived.startswith("src/core/a.c: good: SURVIVED ")
    assert closing == "1 killed, 1 survived, 2 not judged"


@pytest.mark.parametrize("send, status", SIGNALS)
def test_faults_that_were_not_judged_are_neither_found_nor_not_found(tmp_path, send, status):
    code, output, errors = on_trees(tmp_path, FAULTS, ["found", "hanging", "found"]).end(send)

    assert (code, errors) == (status, "")
    *_, found, closing = output.splitlines()
    assert found.startswith("found: found after 1 schedules: seed 1000")
    assert closing == "1 found, 0 not found, 2 not judged"


@pytest.mark.parametrize("send, status", SIGNALS[:2])
def test_an_interrupted_build_of_a_tree_is_no_fault(tmp_path, send, status):
    assert on_trees(tmp_path, BUILDING).end(send) == (status, "", "")


@pytest.mark.parametrize("send, status", SIGNALS[:2])
def test_coverage_ends_its_tests_and_drops_its_database(tmp_path, server_urls, send, status):
    (tmp_path / "build" / "meson-logs").mkdir(parents=True)
    command = [sys.executable, ROOT / "scripts" / "coverage.py", tmp_path / "build"]
    variables = {"PATH": f"{tmp_path}:{os.environ['PATH']}", **server_urls}
    code, _, errors = Program(tmp_path, command, TOOLS, **variables).end(send)

    assert (code, errors) == (status, "")
    assert (tmp_path / "ended").exists()


# ---- the processes of several threads ----


def test_a_process_that_another_one_ended_has_a_status_as_any(tmp_path):
    assert jobs.run(["sh", "-c", "kill -TERM $$"]) == (-signal.SIGTERM, "")


def test_a_process_that_is_too_slow_is_ended_with_its_group(tmp_path):
    (tmp_path / "slow").write_text("#!/bin/sh\nsleep 1000\n", encoding="utf-8")
    assert jobs.run(["sh", tmp_path / "slow"], 0.1) == (None, "")
    wait_until(lambda: not of_folder(tmp_path), "the process to end")


def test_a_failure_of_one_thread_ends_the_processes_of_the_others(tmp_path):
    begun = tmp_path / "begun"

    def one(number):
        if number == 0:
            jobs.run(["sh", "-c", f"touch {begun}; exec sleep 1000"])
        wait_until(begun.exists, "the other process")
        raise ZeroDivisionError

    begin = time.monotonic()
    with pytest.raises(ZeroDivisionError):
        jobs.side_by_side(2, one, range(2))
    assert time.monotonic() - begin < SOON_S
    assert jobs.run(["true"]) == (0, ""), "processes can be started again"
