#!/usr/bin/python3
"""Fuzzes the readers of the program; `./dev fuzz` builds the targets and runs it.

    ./dev fuzz [TARGET|all] [SECONDS]    each target for SECONDS (60)
    ./dev fuzz --keep [TARGET|all]       makes the corpus of the tree anew, of its inputs and those that were found

A target begins with its inputs of tests/fuzz/corpus; what it finds beside them is kept in BUILD/found and used again.
An input that fails is stored there, too, and printed with the command that repeats it. What was found for `messages`
and `rows` is judged by Python, too (judge.py, judge_rows.py).
"""

import argparse
import hashlib
import os
import pathlib
import re
import shlex
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]

sys.path.append(str(ROOT / "scripts"))
import servers  # noqa: E402

LIMITS = ("-timeout=10", "-rss_limit_mb=2048")  # seconds and MB of one input: one that takes more fails
INPUT_MAX = 16384  # bytes of an input that is made up
SHORTER = {"product": 4096, "times": 256}  # of a target that leaves the rest of a longer one unread, or needs no more
JUDGES = {"messages": ("judge.py", "tests/unit/codec/verdicts"), "rows": ("judge_rows.py", "tests/fuzz/frames")}
CORPUS_MAX = 80  # inputs of a target in the tree, beside those that have a name
SHOWN = 30  # lines of the output of a target that failed
CLOSE_S = 300  # for a target to play what it has, before its time begins, and to end after it

# A feature that this many inputs reached is not rare: libFuzzer looks for each one among all rare ones.
RARE = "-entropic_feature_frequency_threshold=16"

# What is wrong ends the process at once, so that the input is stored. The quarantine holds what one input frees.
SANITIZERS = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1:quarantine_size_mb=16",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
}
STATUS = re.compile(r"^#\d+\s.*\bcov: (\d+) ft: (\d+)", re.MULTILINE)
HASH = re.compile(r"[0-9a-f]{12}|[0-9a-f]{40}")  # the name of an input that was made up
EXECUTED = re.compile(r"^stat::number_of_executed_units:\s*(\d+)$", re.MULTILINE)


class Target:
    def __init__(self, program, build):
        self.name = program.name.removeprefix("fuzz-")
        self.program = program
        self.corpus = HERE / "corpus" / self.name
        self.found = build / "found" / self.name
        self.log = build / "found" / f"{self.name}.log"
        self.judge = [HERE / JUDGES[self.name][0], build / JUDGES[self.name][1]] if self.name in JUDGES else None

    def run(self, seconds, *arguments):
        """Returns how it ended, if not in order, and what libFuzzer wrote."""
        with open(self.log, "wb") as log:
            try:
                status = subprocess.run(
                    [self.program, *LIMITS, *arguments],
                    stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **SANITIZERS}, timeout=seconds + CLOSE_S, check=False,
                ).returncode  # fmt: skip
                trouble = f"ended with {status}" if status else None
            except subprocess.TimeoutExpired:
                trouble = f"was not done in {seconds + CLOSE_S} s"
        return trouble, self.log.read_text(encoding="utf-8", errors="replace")

    def command(self, failure):
        """What a shell runs to repeat an input that failed, under the same limits and options."""
        return shlex.join(["env", *(f"{name}={value}" for name, value in SANITIZERS.items()), str(self.program), *LIMITS, str(failure)])

    def failures(self):
        return set(self.found.parent.glob(f"{self.name}-*"))


def fuzz(target, seconds):
    """Prints what became of it; returns the number of executions, and whether an input failed."""
    before = target.failures()
    target.found.mkdir(parents=True, exist_ok=True)  # libFuzzer writes into the first folder that it is given
    folders = [target.found, target.corpus]
    trouble, output = target.run(
        seconds, f"-max_total_time={seconds}", f"-max_len={SHORTER.get(target.name, INPUT_MAX)}", RARE, "-print_final_stats=1",
        f"-artifact_prefix={target.found.parent}/{target.name}-", *(folder for folder in folders if folder.is_dir()),
    )  # fmt: skip
    trouble = trouble or judge(target)
    executed = int(EXECUTED.findall(output)[-1]) if EXECUTED.search(output) else 0
    reached = "%s edges, %s features" % STATUS.findall(output)[-1] if STATUS.search(output) else "nothing"
    print(f"{target.name:12} {executed:10} executions, {executed / seconds:7.0f}/s; reached {reached}", flush=True)
    if trouble:
        print(*output.splitlines()[-SHOWN:], sep="\n")
        for failure in sorted(target.failures() - before):
            print(f"== Repeat it: {target.command(failure)}")
        print(f"== {target.name} {trouble}; all of its output: {target.log}", flush=True)
    return executed, trouble is not None


def judge(target):
    """Has Python read what was found, where it can. Prints the difference, if there is any, and returns so."""
    if not target.judge:
        return None
    words = [*target.judge, ROOT / "schemas", target.found, target.corpus]
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=CLOSE_S, check=False)
    except subprocess.TimeoutExpired:
        return f"was not judged in {CLOSE_S} s"
    print(done.stdout if done.returncode else done.stdout.splitlines()[-1], flush=True)
    return "is judged otherwise by Python" if done.returncode else None


# ---- the corpus of the tree ----


def reached_by(target, inputs):
    """{input: its edges}: libFuzzer notes them, as in the first half of a merge; a feature is an edge and a count of eight."""
    control = target.found.parent / f"{target.name}.merge"
    control.write_text("\n".join([str(len(inputs)), "0", *map(str, inputs), ""]), encoding="utf-8")
    trouble, output = target.run(CLOSE_S, "-merge_inner=2", f"-merge_control_file={control}")
    if trouble:
        sys.exit(f"fuzz: {target.name} {trouble}: {output[-2000:]}")
    noted = re.findall(r"^FT (\d+)(.*)$", control.read_text(encoding="utf-8"), re.MULTILINE)
    return {inputs[int(number)]: {int(feature) // 8 for feature in features.split()} for number, features in noted}


def smallest(reached, named):
    """Beside these inputs the one that reaches the most of what is left, and of those the shortest, again and again."""
    left = set().union(*reached.values()) - set().union(*(reached[path] for path in named))
    chosen = []
    while left and len(chosen) < CORPUS_MAX:
        best = max(reached, key=lambda path: (len(reached[path] & left), -path.stat().st_size))
        chosen.append(best)
        left -= reached[best]
    return chosen


def keep(target):
    """Makes the corpus anew: the inputs that have a name of their own stay."""
    for folder in (target.corpus, target.found):
        folder.mkdir(parents=True, exist_ok=True)
    own = sorted(target.corpus.iterdir())
    reached = reached_by(target, own + sorted(target.found.iterdir()))
    named = [path for path in own if not HASH.fullmatch(path.name)]
    chosen = {path: path.read_bytes() for path in named + smallest(reached, named)}
    with servers.signals_wait():
        for path in own:
            path.unlink()
        for path, content in chosen.items():
            name = hashlib.sha1(content).hexdigest()[:12] if HASH.fullmatch(path.name) else path.name
            (target.corpus / name).write_bytes(content)
    print(f"{target.name}: {len(chosen)} inputs with {sum(map(len, chosen.values()))} bytes")


def seconds_of(text):
    if not re.fullmatch(r"[1-9]\d{0,5}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 1 to 999999")
    return int(text)


def main(arguments):
    parser = argparse.ArgumentParser(prog="./dev fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", nargs="?", default="all", metavar="TARGET", help="one of them, or all")
    parser.add_argument("seconds", nargs="?", type=seconds_of, default=60, metavar="SECONDS", help="for each target (default: 60)")
    parser.add_argument("--keep", action="store_true", help="make the corpus of the tree anew, and fuzz nothing")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build-fuzz", help="where the targets are (default: build-fuzz)")
    options = parser.parse_args(arguments)
    targets = {target.name: target for target in (Target(program, options.build) for program in programs(options.build))}
    chosen = list(targets.values()) if options.target == "all" else [targets[options.target]] if options.target in targets else []
    if not chosen:
        parser.error(f"there is no target {options.target}; there are: {', '.join(targets)}, all")
    if options.keep:
        for target in chosen:
            keep(target)
        return 0
    results = []
    try:
        for target in chosen:
            results.append(fuzz(target, options.seconds))
    finally:
        failures = sum(failed for _, failed in results)
        print(f"{len(results)} targets, {sum(executed for executed, _ in results)} executions, {failures} failed")
    return 1 if failures else 0


def programs(build):
    return sorted(path for path in (build / "tests" / "fuzz").glob("fuzz-*") if path.is_file() and os.access(path, os.X_OK))


if __name__ == "__main__":
    servers.end_in_order_on_signals()  # what was found until then is kept
    sys.exit(main(sys.argv[1:]))
