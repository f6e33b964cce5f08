#!/usr/bin/python3
"""Plays schedules of random seeds, and shrinks those that fail to a few steps; `./dev simulate` runs it.

A schedule is what one of the programs does with one seed. Seeds are played in a row from a random one on, which is
printed. A program whose runs have steps prints its story, and plays some of its steps alone: see schedule.h.
`./dev simulate --faults` puts faults into the program, which the simulations must find; `--faults --help` has its options.
"""

import argparse
import dataclasses
import itertools
import os
import pathlib
import random
import re
import resource
import shlex
import sys
import threading
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
import jobs  # noqa: E402
import servers  # noqa: E402

PROGRAMS = ("tests/simulation/bus-simulation", "tests/simulation/held-up-simulation", "tests/unit/core/core-properties")
FIRST_SEEDS = range(1000, 900_000_000)  # beyond those of every run of the tests, and a run ends below what --seed takes
BATCH_S = 2  # about what one process takes
BATCH_MAX = 2000
TIMEOUT_S = 150
SHRUNK_MAX = 3  # of further failures only the commands are printed
FAILURE = re.compile(r"^(\S+?:\d+):[FE]:[^\n]*?:(\d+): (.*)", re.MULTILINE)  # file:line:F:case:test:seed: message
STEPS = re.compile(r"begins, with (\d+) steps$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Failure:
    """What a seed ends with; the same failure is one at the same place of the source."""

    program: pathlib.Path
    seed: int
    place: str
    message: str


def environment(first, count, steps=None, **more):
    chosen = {"ALLOCD_TEST_SEED": str(first), "ALLOCD_TEST_SEEDS": str(count), **more}
    if steps is not None:
        chosen["ALLOCD_TEST_STEPS"] = ranges(steps)
    return chosen


def run(program, chosen):
    """Returns the status, or None if the program was ended after TIMEOUT_S, and the output."""
    return jobs.run([program], TIMEOUT_S, env={**os.environ, **chosen})


def play(program, first, count):
    """Returns the failures of `count` seeds. All are played in one process, and again in one each if any fails."""
    if run(program, environment(first, count, CK_FORK="no"))[0] == 0:
        return []
    status, output = run(program, environment(first, count))
    found = [Failure(program, int(seed), place, message) for place, seed, message in FAILURE.findall(output)]
    if found:
        return found
    trouble = f"seeds {first} to {first + count - 1} " + ("fail in one process only" if status == 0 else f"end with {status}: {output[-2000:]}")
    return [Failure(program, first, "no place", trouble)]


# ---- shrinking ----


def ranges(steps):
    """[1, 2, 3, 7] as "1-3,7"."""
    texts = []
    for _, group in itertools.groupby(enumerate(sorted(steps)), lambda pair: pair[1] - pair[0]):
        numbers = [number for _, number in group]
        texts.append(str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}")
    return ",".join(texts)


def smallest(steps, fails, end):
    """A few of the steps that still fail, by delta debugging (Zeller and Hildebrandt 2002).

    Leaves out half of them where that still fails, then quarters and so on, from the last steps to the first. None of the
    steps that are returned can be left out alone, unless the time was too short.
    """
    size = len(steps) // 2
    while size and time.monotonic() < end:
        before = len(steps)
        for at in reversed(range(0, len(steps), size)):
            rest = steps[:at] + steps[at + size :]
            if time.monotonic() < end and fails(rest):
                steps = rest
        size = min(size // 2 or int(len(steps) < before), len(steps) // 2 or 1)
    return steps


def shrink(failure, seconds):
    """Returns a few steps that fail in the same way, or None if the program has no steps."""
    story = run(failure.program, environment(failure.seed, 1, ALLOCD_TEST_STORY="1"))[1]
    count = STEPS.search(story)
    if not count:
        return None

    def fails(steps):
        output = run(failure.program, environment(failure.seed, 1, steps))[1]
        return any(place == failure.place for place, _, _ in FAILURE.findall(output))

    return smallest(list(range(1, int(count[1]) + 1)), fails, time.monotonic() + seconds)


def command_of(failure, steps=None):
    chosen = environment(failure.seed, 1, steps)
    del chosen["ALLOCD_TEST_SEEDS"]
    return " ".join([f"{name}={shlex.quote(value)}" for name, value in chosen.items()] + [str(failure.program)])


def report(failure, seconds):
    """Prints the failure, shrunk; and its story, if it has one."""
    print(f"\n== {failure.program.name}, seed {failure.seed}: {failure.place}: {failure.message}", flush=True)
    steps = shrink(failure, seconds)
    if steps is not None:
        print(f"== Shrunk to {len(steps)} steps, it still fails there:")
        print(run(failure.program, environment(failure.seed, 1, steps, ALLOCD_TEST_STORY="1"))[1])
    print(f"== Repeat it: {command_of(failure, steps)}", flush=True)


# ---- playing ----


class Simulation:
    """Plays batches of seeds, side by side, until all seeds are played or the time is over."""

    def __init__(self, programs, first, count, end):
        self.rates = dict.fromkeys(programs, 5.0)  # seeds a second, as the last batch of each program took
        self.turns = itertools.cycle(programs)
        self.next = dict.fromkeys(programs, first)
        self.last = None if count is None else first + count - 1
        self.end = end
        self.lock = threading.Lock()
        self.played = 0
        self.failures = []

    def batch(self):
        """Returns the program that is next, the first seed and how many; or None when all is done."""
        with self.lock:
            for program in itertools.islice(self.turns, len(self.rates)):
                first, count = self.next[program], max(1, min(BATCH_MAX, int(self.rates[program] * BATCH_S)))
                if self.last is not None:
                    count = min(count, self.last + 1 - first)
                if count > 0 and (self.end is None or time.monotonic() < self.end):
                    self.next[program] += count
                    return program, first, count
        return None

    def work(self):
        while batch := self.batch():
            program, first, count = batch
            begin = time.monotonic()
            failures = play(program, first, count)
            with self.lock:
                self.rates[program] = count / (time.monotonic() - begin)
                self.played += count
                self.failures += failures

    def sorted_failures(self):
        return sorted(self.failures, key=lambda failure: failure.seed)

    def play(self, count):
        """A signal ends the batches under way, which do not count."""
        jobs.side_by_side(count, lambda _: self.work(), range(count))


def cpu_seconds():
    """Of the programs that ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def positive(text):
    number = float(text)
    if not number > 0:
        raise argparse.ArgumentTypeError(f"{text} is not more than 0")
    return number


def count_of(text):
    if not re.fullmatch(r"[1-9]\d{0,8}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 999999999")
    return int(text)


def seed_of(text):
    if not re.fullmatch(r"\d{1,9}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 999999999")
    return int(text)


def counted(failures):
    return f"{len(failures)} failure{'' if len(failures) == 1 else 's'}"


def read_arguments(arguments):
    parser = argparse.ArgumentParser(prog="./dev simulate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--seeds", type=count_of, metavar="N", help="play N seeds from a random one on; each program plays all")
    which.add_argument("--seed", type=seed_of, metavar="S", help="play one seed")
    which.add_argument("--minutes", type=positive, metavar="M", default=1, help="play seeds from a random one on for M minutes (default: 1)")
    parser.add_argument("--jobs", type=count_of, metavar="J", default=os.cpu_count() or 1, help="processes at a time (default: one a processor)")
    parser.add_argument("--shrink-seconds", type=positive, metavar="N", default=120, help="for one failure (default: 120)")
    parser.add_argument("--only", metavar="NAME", help=f"only one program: {', '.join(pathlib.Path(name).name for name in PROGRAMS)}")
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"), help="where the programs are (default: build)")
    options = parser.parse_args(arguments)
    options.programs = [options.build / name for name in PROGRAMS if options.only in (None, pathlib.Path(name).name)]
    if not options.programs:
        parser.error(f"--only: there is no program {options.only}")
    return options


def main(arguments):
    options = read_arguments(arguments)
    first, count, end = random.choice(FIRST_SEEDS), options.seeds, None
    if options.seed is not None:
        first, count = options.seed, 1
    elif count is None:
        end = time.monotonic() + 60 * options.minutes
    print(f"== seeds from {first} on", flush=True)
    simulation = Simulation(options.programs, first, count, end)
    shrunk, ended_by = 0, None
    try:
        simulation.play(options.jobs)
        if simulation.failures:
            print(f"== {counted(simulation.failures)}; each of the first {SHRUNK_MAX} is shrunk for {options.shrink_seconds:.0f} s at most", flush=True)
        for failure in simulation.sorted_failures()[:SHRUNK_MAX]:
            report(failure, options.shrink_seconds)
            shrunk += 1
    except SystemExit as ended:
        ended_by = ended.code
    for failure in simulation.sorted_failures()[shrunk:]:
        print(f"== {failure.place}: {failure.message}\n== Repeat it: {command_of(failure)}")
    rate = simulation.played / max(cpu_seconds(), 0.001)
    print(f"{simulation.played} schedules, {rate:.0f} a second and core, {counted(simulation.failures)}")
    return ended_by or (1 if simulation.failures else 0)


if __name__ == "__main__":
    servers.end_in_order_on_signals()
    sys.exit(main(sys.argv[1:]))
