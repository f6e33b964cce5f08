"""./dev simulate: what fails is named, repeated by its command, and shrunk to the fewest steps."""

import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import time

import pytest
from dev_program import of_folder
from installation import ROOT, TIMEOUT_S, wait_until

sys.path.append(str(ROOT / "tests" / "simulation"))
import faults  # noqa: E402
import mutants  # noqa: E402
import simulate  # noqa: E402

# Fails for the seeds of FAILING when all steps of NEEDED are taken: in the place, or in another one without step 50.
PROGRAM = """#!/usr/bin/python3
import os, sys
def numbers(text):
    return [n for part in text.split(",") if part for a, _, b in [part.partition("-")] for n in range(int(a), int(b or a) + 1)]
first, count = int(os.environ["ALLOCD_TEST_SEED"]), int(os.environ.get("ALLOCD_TEST_SEEDS", 1))
steps = numbers(os.environ.get("ALLOCD_TEST_STEPS", "1-100"))
failing, needed, has_steps = {failing!r}, {needed!r}, {has_steps!r}
if os.environ.get("ALLOCD_TEST_STORY") == "1" and has_steps:
    print(f"     0.000 s  step 0    seed {{first}} begins, with 100 steps")
    for step in steps:
        print(f"     0.000 s  step {{step}}   something happens")
failed = [seed for seed in range(first, first + count) if seed in failing and set(needed) <= set(steps)]
for seed in failed:
    place = "tests/ledger.c:7" if 50 in steps or 50 not in needed + [50] else "tests/ledger.c:9"
    print(f"{{place}}:F:a suite (with words):a_test:{{seed}}: m-{{seed}} is lost")
if {crashes!r} and failed and os.environ.get("CK_FORK") == "no":
    os.kill(os.getpid(), 11)
sys.exit(1 if failed else 0)
"""


@pytest.fixture
def program(tmp_path):
    """Writes the one program of a build."""

    def write(failing=(), needed=(), has_steps=True, crashes=False):
        path = tmp_path / "tests" / "simulation" / "bus-simulation"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            PROGRAM.format(failing=failing, needed=list(needed), has_steps=has_steps, crashes=crashes), encoding="utf-8"
        )
        path.chmod(0o755)
        return path

    return write


def command(tmp_path, *arguments):
    return [
        sys.executable, ROOT / "tests" / "simulation" / "simulate.py",
        "--build", tmp_path, "--only", "bus-simulation", "--jobs", "2", *arguments,
    ]  # fmt: skip


def run_simulate(tmp_path, *arguments):
    """Returns the status, the output, and the closing line."""
    done = subprocess.run(command(tmp_path, *arguments), capture_output=True, text=True, timeout=3 * TIMEOUT_S, check=False)
    return done.returncode, done.stdout, (done.stdout + done.stderr).strip().splitlines()[-1]


def test_all_seeds_are_played_once(program, tmp_path):
    program()
    status, output, closing = run_simulate(tmp_path, "--seeds", "35")
    assert status == 0
    assert re.fullmatch(r"35 schedules, \d+ a second and core, 0 failures", closing)
    assert re.match(r"== seeds from \d+ on\n", output)


def test_seeds_are_played_until_the_time_is_over(program, tmp_path):
    program()
    begin = time.monotonic()
    status, _, closing = run_simulate(tmp_path, "--minutes", "0.02")
    assert status == 0 and time.monotonic() - begin >= 1.2
    assert int(closing.split()[0]) > 0


def interrupted(tmp_path, begun, *arguments):
    """Returns the status, and what was printed before and after the interrupt."""
    log = tmp_path / "log"
    with open(log, "w", encoding="utf-8") as output:
        # A shell that runs the tests in the background has SIGINT ignored.
        words = ["env", "--default-signal=INT", *command(tmp_path, *arguments)]
        simulation = subprocess.Popen(words, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        wait_until(begun.exists, "a program that hangs")
        os.killpg(simulation.pid, signal.SIGINT)
        status = simulation.wait(TIMEOUT_S)
        wait_until(lambda: not of_folder(begun), "what it started to end")
    finally:
        simulation.kill()
        simulation.wait()
    return status, log.read_text(encoding="utf-8")


def test_an_interrupt_ends_it_and_the_batches_under_way_do_not_count(program, tmp_path):
    begun = tmp_path / "begun"
    program().write_text(f"#!/bin/sh\ntouch {begun}\nsh -c 'sleep 1000; : {begun}'\n", encoding="utf-8")
    status, output = interrupted(tmp_path, begun, "--minutes", "60")

    assert status == 130
    assert re.fullmatch(r"== seeds from \d+ on\n0 schedules, 0 a second and core, 0 failures\n", output)


def test_an_interrupt_while_a_failure_is_shrunk_leaves_its_command(program, tmp_path):
    begun, path = tmp_path / "begun", program(failing=[77])
    hangs = f'open({str(begun)!r}, "w"); import time; time.sleep(1000)'
    text = path.read_text(encoding="utf-8").replace("steps = numbers", f'if "ALLOCD_TEST_STEPS" in os.environ: {hangs}\nsteps = numbers', 1)
    path.write_text(text, encoding="utf-8")
    status, output = interrupted(tmp_path, begun, "--seed", "77")

    assert status == 130
    assert output.endswith(f"== Repeat it: ALLOCD_TEST_SEED=77 {path}\n1 schedules, {rate_of(output)} a second and core, 1 failure\n")


def rate_of(output):
    return re.search(r", (\d+) a second", output)[1]


@pytest.mark.parametrize("crashes", [False, True])
def test_a_failing_seed_is_shrunk_and_its_story_printed(program, tmp_path, crashes):
    path = program(failing=[77], needed=[3, 50, 51, 98], crashes=crashes)
    status, output, closing = run_simulate(tmp_path, "--seed", "77")

    assert status == 1
    assert "bus-simulation, seed 77: tests/ledger.c:7: m-77 is lost" in output
    assert "Shrunk to 4 steps" in output
    assert re.findall(r"step (\d+)   something happens", output) == ["3", "50", "51", "98"]
    assert f"ALLOCD_TEST_SEED=77 ALLOCD_TEST_STEPS=3,50-51,98 {path}" in output
    assert closing.endswith(", 1 failure")


def test_a_failure_at_another_place_is_another_one(program, tmp_path):
    """Without step 50 the program fails, too, but elsewhere."""
    program(failing=[77], needed=[3])
    _, output, _ = run_simulate(tmp_path, "--seed", "77")
    assert re.findall(r"step (\d+)   something happens", output) == ["3", "50"]


def test_of_a_program_without_steps_only_the_seed_is_named(program, tmp_path):
    path = program(failing=[77], has_steps=False)
    status, output, _ = run_simulate(tmp_path, "--seed", "77")
    assert status == 1
    assert f"Repeat it: ALLOCD_TEST_SEED=77 {path}\n" in output
    assert "Shrunk" not in output


def test_each_seed_of_a_batch_that_fails_is_named(program, tmp_path):
    program(failing=range(1, 1 << 30), has_steps=False)
    status, output, closing = run_simulate(tmp_path, "--seeds", "12")
    assert status == 1
    assert closing.endswith(", 12 failures")
    assert len(set(re.findall(r"Repeat it: ALLOCD_TEST_SEED=(\d+)", output))) == 12


def test_a_program_that_says_nothing_of_a_seed_is_a_failure(program, tmp_path):
    program().write_text("#!/bin/sh\necho cannot open a library\nexit 127\n", encoding="utf-8")
    status, output, closing = run_simulate(tmp_path, "--seed", "5")
    assert status == 1
    assert "seeds 5 to 5 end with 127: cannot open a library" in output
    assert closing.endswith(", 1 failure")


@pytest.mark.parametrize(
    "arguments, error",
    [
        (["--seeds", "0"], "'0' is not a number from 1"),
        (["--minutes", "-1"], "-1 is not more than 0"),
        (["--minutes", "nan"], "nan is not more than 0"),
        (["--seed", "-1"], "'-1' is not a number from 0"),
        (["--seeds", "1", "--seed", "1"], "not allowed with argument"),
        (["--only", "bus"], "there is no program bus"),
    ],
)
def test_a_bad_option_is_named(tmp_path, arguments, error):
    status, _, closing = run_simulate(tmp_path, *arguments)
    assert status == 2
    assert error in closing


# ---- faults that are to be found ----


@pytest.fixture
def tree(program, tmp_path):
    """A tree whose sound program fails for seed 1003, and whose faulty one for 1003 and some others, too."""

    def make(*seeds):
        path = program(failing=[1003])
        (tmp_path / "sound").mkdir()
        (tmp_path / "sound" / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
        (tmp_path / "sound" / path.name).chmod(0o755)
        program(failing=[1003, *seeds])
        made = object.__new__(faults.SimulatedTree)
        made.build, made.sound = tmp_path, tmp_path / "sound"
        return made

    return make


def test_a_fault_is_found_by_the_first_seed_that_fails_because_of_it(tree, capsys):
    assert tree(1640, 1007).first_finding("bus-simulation", 20000).seed == 1007
    assert "seed 1003 fails without any fault, too: m-1003 is lost" in capsys.readouterr().out


def test_a_fault_behind_the_bound_is_not_found(tree):
    made = tree(1640)
    assert made.first_finding("bus-simulation", 640) is None
    assert made.first_finding("bus-simulation", 641).seed == 1640


def test_the_faults_are_for_programs_that_there_are():
    named = {mutant["simulation"] for mutant in mutants.read_mutants() if "simulation" in mutant}
    assert named and named <= {pathlib.Path(name).name for name in simulate.PROGRAMS}


# ---- shrinking ----


def in_time(seconds=60):
    return time.monotonic() + seconds


@pytest.mark.parametrize("needed", [[], [1], [100], [1, 100], [3, 50, 51, 98], list(range(40, 60))])
def test_what_is_needed_is_left(needed):
    assert simulate.smallest(list(range(1, 101)), lambda steps: set(needed) <= set(steps), in_time()) == needed


def test_none_of_what_is_left_can_be_left_out():
    """Also when what fails is not monotonic: any set whose sum is odd and of more than two steps."""
    for seed in range(20):
        chance = random.Random(seed)
        odd = chance.sample(range(1, 101), 60)

        def fails(steps, odd=odd):
            return len(set(steps) & set(odd)) % 2 == 1 and len(steps) > 2

        left = simulate.smallest(odd if fails(odd) else odd[1:], fails, in_time())
        assert fails(left)
        assert not any(fails(left[:i] + left[i + 1 :]) for i in range(len(left)))


def test_shrinking_ends_in_time():
    begin = time.monotonic()

    def fails(steps):
        time.sleep(0.01)
        return 1 in steps and len(steps) % 2 == 0

    left = simulate.smallest(list(range(1, 1001)), fails, in_time(0.3))
    assert time.monotonic() - begin < 5
    assert fails(left) and len(left) < 1000


@pytest.mark.parametrize("steps, text", [([], ""), ([7], "7"), ([1, 2, 3], "1-3"), ([3, 1, 2, 9, 8, 20], "1-3,8-9,20")])
def test_steps_are_named_by_their_ranges(steps, text):
    assert simulate.ranges(steps) == text


# ---- the programs of the project ----

BUILD = next((ROOT / name for name in ("build-sanitized", "build") if (ROOT / name / simulate.PROGRAMS[0]).exists()), ROOT / "build")


@pytest.mark.skipif(not (BUILD / simulate.PROGRAMS[0]).exists(), reason="the simulations are not built here")
@pytest.mark.parametrize("name", simulate.PROGRAMS[:2])
def test_a_seed_has_the_same_trace_in_two_processes(name):
    """The addresses of two processes differ, and so does the order of anything that depends on them."""

    def trace_of(seed, steps):
        chosen = {**os.environ, **simulate.environment(seed, 1, steps, ALLOCD_TEST_STORY="1")}
        output = subprocess.check_output([BUILD / name], env=chosen, text=True, timeout=3 * TIMEOUT_S)
        return re.findall("^trace [0-9a-f]{16}$", output, re.MULTILINE)

    for seed in (1000, 1001, 1002):
        steps = [1, 2, 3, 5]
        assert len(trace_of(seed, steps)) == 1
        assert trace_of(seed, steps) == trace_of(seed, steps)
        assert trace_of(seed, steps) != trace_of(seed + 1, steps)
