#!/usr/bin/python3
"""Puts faults into the program one by one: the simulation must find each; `./dev simulate --faults` runs it.

The faults are those mutants of tests/mutants/*.toml that name, as `simulation`, the program that must find them. Each
is put into a copy of the tree, and the program plays seeds in a row from FIRST on, so that a run can be repeated.
"""

import argparse
import os
import pathlib
import shutil
import sys
import time

import simulate

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "mutants"))
from mutants import Broken, Tree, choose, copied_trees, counted, judge_all, read_mutants  # noqa: E402

SIMULATIONS = pathlib.Path("tests/simulation")
FIRST = 1000  # short schedules; most faults need no long one
BATCHES = (25, 75, 400, 500)  # seeds; the last number again and again


class SimulatedTree(Tree):
    """A copy of the tree, in which the simulations are built; those without a fault are kept."""

    def __init__(self, directory):
        super().__init__(directory, optimization=2)
        self.make("simulations")
        self.sound = directory / "sound"
        shutil.copytree(self.build / SIMULATIONS, self.sound)

    def is_sound(self, name, seed):
        return not simulate.play(self.sound / name, seed, 1)

    def first_finding(self, name, bound):
        """Returns the failure of the first seed, of `bound` ones, that fails, and does not without the fault; or None."""
        first, batches = FIRST, iter(BATCHES)
        while first < FIRST + bound:
            count = min(next(batches, BATCHES[-1]), FIRST + bound - first)
            for failure in sorted(simulate.play(self.build / SIMULATIONS / name, first, count), key=lambda failure: failure.seed):
                if self.is_sound(name, failure.seed):
                    return failure
                print(f"{name}: seed {failure.seed} fails without any fault, too: {failure.message}", flush=True)
            first += count
        return None


def verdict_of(finding, bound):
    if not finding:
        return f"NOT FOUND in {bound} schedules"
    return f"found after {finding.seed - FIRST + 1} schedules: seed {finding.seed}, {finding.place}: {finding.message}"


def judge_within(bound):
    def judge(tree, mutant):
        """Whether the simulation finds the fault, as it should."""
        started = time.monotonic()
        tree.make(SIMULATIONS / mutant["simulation"])
        finding = tree.first_finding(mutant["simulation"], bound)
        print(f"{mutant['breaks']}: {verdict_of(finding, bound)} ({time.monotonic() - started:.1f} s)", flush=True)
        return finding is not None

    return judge


def read_arguments(arguments):
    parser = argparse.ArgumentParser(prog="./dev simulate --faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("word", nargs="?", default="", metavar="WORD", help="only the faults whose description has WORD; 2/3: every third one")
    parser.add_argument("--within", type=simulate.count_of, metavar="N", default=20000, help="schedules, by which each must be found (default: 20000)")
    parser.add_argument("--jobs", type=simulate.count_of, metavar="J", default=os.cpu_count() or 1, help="faults at a time (default: one a processor)")
    return parser.parse_args(arguments)


def main(arguments):
    options = read_arguments(arguments)
    faults = choose([mutant for mutant in read_mutants() if "simulation" in mutant], options.word)
    print("== building the simulations without a fault", flush=True)
    verdicts = []
    try:
        with copied_trees(min(options.jobs, len(faults)), SimulatedTree) as trees:
            judge_all(trees, faults, judge_within(options.within), verdicts)
    finally:
        print(counted(verdicts, faults, "found", "not found"))
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    simulate.servers.end_in_order_on_signals()
    try:
        sys.exit(main(sys.argv[1:]))
    except Broken as error:
        sys.exit(f"faults: {error}")
