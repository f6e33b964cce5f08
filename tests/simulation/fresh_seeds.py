#!/usr/bin/python3
"""Runs the tests by chance with random seeds, for a time, and names the seeds that fail.

    fresh_seeds.py BUILD SECONDS

Builds what it needs of BUILD. One program after the other runs a few seeds, each processor has one of them at a time; a
seed is repeated as docs/debugging.md says.
"""

import concurrent.futures
import itertools
import os
import pathlib
import random
import re
import subprocess
import sys
import time

PROGRAMS = {  # and how many seeds take a few seconds
    "tests/simulation/bus-simulation": 20,
    "tests/simulation/held-up-simulation": 20,
    "tests/unit/core/core-properties": 40,
}
TIMEOUT_S = 600
FIRST_SEEDS = range(1000, 1 << 30)  # beyond those of every run
FAILURE = re.compile(r":[FE]:[^\n]*?:(\d+): ")  # file:line:F:case:test:seed: message


def run(build, program, count):
    """Returns the seeds that failed, and what the program said of them."""
    first = random.choice(FIRST_SEEDS)
    done = subprocess.run(
        [build / program], env={**os.environ, "ALLOCD_TEST_SEED": str(first), "ALLOCD_TEST_SEEDS": str(count)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    if done.returncode == 0:
        return [], ""
    return FAILURE.findall(done.stdout) or [f"{first} and the {count - 1} after it"], done.stdout


def main(build, seconds):
    build, end = pathlib.Path(build), time.monotonic() + float(seconds)
    subprocess.run(["ninja", "-C", build, "--quiet", *PROGRAMS], check=True)
    failed, seeds, turns = [], 0, itertools.cycle(PROGRAMS)

    def work():
        nonlocal seeds
        while True:
            program = next(turns)
            found, said = run(build, program, PROGRAMS[program])
            seeds += PROGRAMS[program]
            if found:
                print(said)
                failed.extend(f"ALLOCD_TEST_SEED={seed} {build / program}" for seed in found)
            if time.monotonic() > end:
                return

    with concurrent.futures.ThreadPoolExecutor() as pool:
        for worker in [pool.submit(work) for _ in range(os.cpu_count() or 1)]:
            worker.result()
    print(*failed, f"{seeds} seeds, {len(failed)} failed", sep="\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
