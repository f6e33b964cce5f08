"""Checks of the files that ship, those of deploy/ and debian/, and faults that show that each check can fail.

A module of checks/ has the checks of one area.  A check is a function of a tree, which is the project or a copy of it;
it raises an AssertionError whose text names what is wrong:

    @check("deploy/allocd.service")
    def systemd_accepts_the_unit(tree):
        ...

    fault("deploy/allocd.service", "old text", "new text", systemd_accepts_the_unit, "a part of the error")

test_shipped_files.py runs each check on the project, and on a copy with each of its faults; a file of which no fault is
recorded fails a test.  A check takes seconds at most, and needs the packages of `./dev packages tests`.
"""

import contextlib
import importlib
import pathlib
import shutil
import subprocess
import tempfile
import typing

from installation import ROOT

HERE = pathlib.Path(__file__).parent
FOLDERS = ("deploy", "debian")
COMMAND_S = 300

CHECKS = []
FAULTS = []


class Check(typing.NamedTuple):
    function: typing.Callable
    paths: tuple  # the files, and the folders with all their files, that it reads


class Fault(typing.NamedTuple):
    """A text of the file that occurs once, and another one that makes the check fail."""

    path: str
    old: str
    new: str
    check: typing.Callable
    error: str


def check(*paths):
    def declare(function):
        CHECKS.append(Check(function, paths))
        return function

    return declare


def fault(path, old, new, function, error):
    """Declares that the check fails with this error (or a longer one) when that text of the file is replaced."""
    assert error, f"{path}: {old!r}: any failure would do"
    FAULTS.append(Fault(path, old, new, function, error))


def import_checks():
    for module in sorted((HERE / "checks").glob("*.py")):
        importlib.import_module(f"checks.{module.stem}")


def shipped_files():
    done = subprocess.run(["git", "ls-files", *FOLDERS], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.split()


def read(tree, path):
    return (tree / path).read_text(encoding="utf-8")


@contextlib.contextmanager
def copy_of(*paths):
    """Yields a copy of the project.  What is not shipped, and is not above one of these paths, is linked, and not copied."""
    copied = {*FOLDERS, *(path.split("/")[0] for path in paths)}
    with tempfile.TemporaryDirectory() as scratch:
        tree = pathlib.Path(scratch)
        for entry in ROOT.iterdir():
            if entry.name not in copied:
                (tree / entry.name).symlink_to(entry)
            elif entry.is_dir():
                shutil.copytree(entry, tree / entry.name)
            else:
                shutil.copy(entry, tree / entry.name)
        yield tree


@contextlib.contextmanager
def copy_with(broken):
    """Yields a copy of the project with this fault."""
    with copy_of(broken.path) as tree:
        text = read(tree, broken.path)
        assert text.count(broken.old) == 1, f"{broken.path}: {broken.old!r} occurs {text.count(broken.old)} times, not once"
        (tree / broken.path).write_text(text.replace(broken.old, broken.new), encoding="utf-8")
        yield tree


def accepts(*command, **more):
    """Runs a tool, which must end with 0; returns what it printed."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "timeout": COMMAND_S, **more}
    done = subprocess.run(command, check=False, **options)
    assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.stdout}"
    return done.stdout
