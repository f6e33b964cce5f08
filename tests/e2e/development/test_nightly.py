"""./dev nightly: a step that fails, hangs or leaves a process does not keep the others from being run."""

import os
import re
import signal
import subprocess
import sys

import pytest
from dev_program import of_folder
from installation import ROOT, TIMEOUT_S, wait_until

sys.path.append(str(ROOT / "scripts"))
import nightly  # noqa: E402

# With a short wait for the end of a step; LEAVE_S: the seconds that the last processes of a step have.
RUNNER = """
import os, signal, subprocess, sys, nightly

class InterruptedAtItsStart(subprocess.Popen):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        os.kill(os.getpid(), signal.SIGTERM)

if "INTERRUPT_AT_START" in os.environ:
    subprocess.Popen = InterruptedAtItsStart
nightly.END_S, nightly.LEAVE_S = 0.3, float(os.environ["LEAVE_S"])
sys.exit(nightly.main(sys.argv[1:]))
"""


class Night:
    """The runner, on steps of the test's own."""

    def __init__(self, folder, *steps, minutes=480, leave_s=TIMEOUT_S):
        (folder / "steps").write_text("\n".join(["# NAME MINUTES COMMAND", *steps]), encoding="utf-8")
        self.child = subprocess.Popen(
            [
                sys.executable, "-c", RUNNER,
                "--steps", folder / "steps", "--logs", folder / "logs", "--minutes", str(minutes),
            ],
            env={**os.environ, "PYTHONPATH": str(ROOT / "scripts"), "NIGHT": str(folder), "LEAVE_S": str(leave_s)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.folder = folder

    def end(self):
        """Returns the status, and the lines of the table, by step, with the closing line under its own name."""
        output, _ = self.child.communicate(timeout=TIMEOUT_S)
        self.output = output.strip()
        *rows, closing = self.output.rpartition("\n\n")[2].splitlines()
        return self.child.returncode, {row.split()[0]: row for row in rows}, closing

    def is_gone(self):
        return not of_folder(self.folder)


def test_a_failing_step_is_named_and_the_next_ones_are_run(tmp_path):
    night = Night(tmp_path, "good 1 echo 7 seeds, 0 failed", "bad 1 echo what is wrong; exit 3", "last 1 true")
    status, table, closing = night.end()

    assert status == 1
    assert re.fullmatch(r"good +passed +\d+ s +7 seeds, 0 failed", table["good"])
    assert re.fullmatch(r"bad +FAILED +\d+ s +ended with 3", table["bad"])
    assert re.match(r"last +passed", table["last"])
    assert closing == "2 passed, 1 failed"
    assert "what is wrong" in night.output
    assert (tmp_path / "logs" / "bad.log").read_text(encoding="utf-8") == "what is wrong\n"


@pytest.mark.parametrize("kind", ["sleep 1000", "trap '' TERM; while :; do sleep 1000; done", "setsid sleep 1000 & wait"])
def test_a_step_that_hangs_is_ended(tmp_path, kind):
    night = Night(tmp_path, f"hanging 0.01 {kind}", "next 1 true")
    status, table, closing = night.end()

    assert status == 1
    assert "FAILED" in table["hanging"] and "not done in 1 s" in table["hanging"]
    assert closing == "1 passed, 1 failed"
    assert night.is_gone()


@pytest.mark.parametrize("kind", ["sleep 1000 &", "(setsid sleep 1000 & exit) & wait", "nohup setsid sleep 1000 >/dev/null 2>&1 & disown"])
def test_a_step_that_leaves_a_process_fails_and_the_process_is_ended(tmp_path, kind):
    night = Night(tmp_path, f"leaving 1 {kind}", "next 1 true", leave_s=2)
    status, table, closing = night.end()

    assert status == 1
    assert "left 1 running: sleep 1000" in table["leaving"]
    assert closing == "1 passed, 1 failed"
    assert night.is_gone()


def test_a_process_that_ends_soon_after_its_step_is_not_left(tmp_path):
    assert Night(tmp_path, "soon 1 sleep 0.1 &").end()[0] == 0


def test_a_step_sees_that_a_process_whose_parent_has_ended_is_gone(tmp_path):
    orphan = """orphan 1 child=$(bash -c 'sleep 0.1 >&- & echo $!'); while [ -e /proc/$child ]; do sleep 0.02; done"""
    assert Night(tmp_path, orphan).end()[2] == "1 passed, 0 failed"


def test_steps_that_do_not_fit_in_the_time_are_not_run(tmp_path):
    """Of a minute, 6 s belong to "shares", which has a tenth of a night."""
    night = Night(tmp_path, "long 0.95 true", "short 0.5 true", "shares 48 echo $STEP_SECONDS", minutes=1)
    status, table, closing = night.end()

    assert status == 0
    assert re.fullmatch(r"long +not run +0 s +it may take 0.95 min", table["long"])
    assert re.fullmatch(r"shares +passed +\d+ s +6", table["shares"])
    assert closing == "2 passed, 0 failed, 1 not run"


def test_a_night_without_any_step_has_not_passed(tmp_path):
    assert Night(tmp_path, "long 2 true", minutes=1).end()[0] == 1


def test_the_end_of_the_time_ends_a_step_that_has_a_share(tmp_path):
    night = Night(tmp_path, "shares 480 sleep 1000; echo $STEP_SECONDS", minutes=0.01)
    status, table, _ = night.end()

    assert status == 1
    assert "FAILED" in table["shares"] and "not done in" in table["shares"]
    assert night.is_gone()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_step_and_says_what_was_done(tmp_path, number):
    night = Night(tmp_path, "first 1 true", f"second 1 touch {tmp_path}/begun; sleep 1000", "third 1 true")
    wait_until((tmp_path / "begun").exists, "the second step to begin")
    night.child.send_signal(number)
    status, table, closing = night.end()

    assert status == 128 + number
    assert "passed" in table["first"] and "interrupted" in table["second"] and "not run" in table["third"]
    assert closing == "1 passed, 1 failed, 1 not run"
    assert night.is_gone()


def test_a_signal_while_a_step_is_started_ends_that_step(tmp_path, monkeypatch):
    monkeypatch.setenv("INTERRUPT_AT_START", "1")
    night = Night(tmp_path, "first 1 sleep 1000")
    status, table, _ = night.end()

    assert status == 128 + signal.SIGTERM
    assert "interrupted" in table["first"]
    assert night.is_gone()


def test_a_step_that_is_not_there_is_named(tmp_path):
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "nightly.py", "kils"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 1
    assert "no such step: kils; there are simulation," in done.stderr


# ---- the steps of the project ----

STEPS = list(nightly.read_steps(ROOT / "scripts" / "nightly.list"))


def test_all_steps_fit_in_a_night():
    assert sum(step.minutes for step in STEPS) <= nightly.NIGHT
    assert len({step.name for step in STEPS}) == len(STEPS)


def test_each_file_and_variable_that_a_step_names_exists():
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    sources += (ROOT / "scripts" / "run_tests.py").read_text(encoding="utf-8")
    for step in STEPS:
        for path in re.findall(r"(?:scripts|tests)/[\w./]+", step.command):
            assert (ROOT / path).exists(), f"{step.name}: {path}"
        for variable in re.findall(r"(ALLOCD_\w+)=", step.command):
            assert f'"{variable}"' in sources, f"{step.name}: {variable}"


def test_a_step_in_a_bare_root_has_a_minute_to_make_it():
    for step in STEPS:
        for seconds in re.findall(r"bare_root\.sh .*?--timeout (\d+)", step.command):
            assert int(seconds) <= 60 * step.minutes - 60, step.name


def test_each_failure_that_is_played_by_hand_is_a_step():
    commands = " ".join(step.command for step in STEPS)
    assert [path for path in (ROOT / "tests" / "e2e" / "failures").glob("*_by_hand.py") if path.name not in commands] == []
