"""The mutants, which are small faults, and copies of the tree into which they are put one by one.

They are in *.toml beside this file: what a mutant breaks, the file, the exact text and its replacement; where it saves
time, the suite that runs first; or the one program that has to notice it, and, of one in tests/integration, the only
suite that is run; and `simulation`, the simulation that has to find it within some thousand schedules (see
tests/simulation/faults.py).
"""

import contextlib
import pathlib
import queue
import re
import shutil
import sys
import tempfile
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent

sys.path.append(str(ROOT / "scripts"))
import jobs  # noqa: E402


class Broken(Exception):
    """No mutant can be tested."""


def read_mutants():
    mutants = [
        mutant
        for listing in sorted(HERE.glob("*.toml"))
        for mutant in tomllib.loads(listing.read_text(encoding="utf-8"))["mutant"]
    ]
    for mutant in mutants:
        source = (ROOT / mutant["file"]).read_text(encoding="utf-8")
        if source.count(mutant["old"]) != 1:
            raise Broken(f"{mutant['file']}: not there exactly once:\n{mutant['old']}")
    return mutants


def choose(mutants, word):
    """Those whose description has the word; or a part of them, by turns: "2/3"."""
    if part := re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", word):
        chosen = mutants[int(part[1]) - 1 :: int(part[2])]
    else:
        chosen = [mutant for mutant in mutants if word in mutant["file"] + " " + mutant["breaks"]]
    if not chosen:
        raise Broken(f"no mutant says {word!r}")
    return chosen


def run(*command, **options):
    """Returns what it printed."""
    status, output = jobs.run(command, **options)
    if status != 0:
        raise Broken(output[-4000:])
    return output


def copy_tree(copy):
    """The files that git tracks or could track, without built ones."""
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)


class Tree:
    """A copy of the tree, and its one build directory."""

    def __init__(self, directory, optimization):
        self.source = directory / "source"
        self.build = directory / "build"
        copy_tree(self.source)
        run("meson", "setup", "--buildtype=debug", f"-Doptimization={optimization}", "-Dwerror=false", self.build, self.source)

    def make(self, *programs):
        run("ninja", "-C", self.build, *programs)

    @contextlib.contextmanager
    def with_fault(self, mutant):
        path = self.source / mutant["file"]
        sound = path.read_text(encoding="utf-8")
        path.write_text(sound.replace(mutant["old"], mutant["new"]), encoding="utf-8")
        try:
            yield
        except Broken as error:
            raise Broken(f"{mutant['file']}: {mutant['breaks']}: cannot be judged:\n{error}") from error
        finally:
            path.write_text(sound, encoding="utf-8")


@contextlib.contextmanager
def copied_trees(count, make):
    """Makes `count` trees, side by side, each by a call of `make` with its directory."""
    with tempfile.TemporaryDirectory(prefix="allocd-mutants-") as directory:
        yield jobs.side_by_side(count, make, [pathlib.Path(directory) / str(number) for number in range(count)])


def judge_all(trees, mutants, judge, verdicts):
    """Adds to `verdicts` what `judge` says of each mutant; each tree has one of them at a time."""
    free = queue.SimpleQueue()
    for tree in trees:
        free.put(tree)

    def judge_in_free_tree(mutant):
        tree = free.get()
        try:
            with tree.with_fault(mutant):
                verdicts.append(judge(tree, mutant))
        finally:
            free.put(tree)

    jobs.side_by_side(len(trees), judge_in_free_tree, mutants)


def counted(verdicts, mutants, good, bad):
    """What was done, also when it was interrupted."""
    missing = len(mutants) - len(verdicts)
    return f"{sum(verdicts)} {good}, {len(verdicts) - sum(verdicts)} {bad}" + (f", {missing} not judged" if missing else "")
