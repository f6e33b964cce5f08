"""An earlier program, which is built from the history of this tree."""

import os
import shutil
import subprocess
import tempfile

from installation import ROOT

MIGRATIONS = "src/adapters/postgres/schema/migrations"


class NoHistory(Exception):
    """The program cannot be built; the text says why."""


def git(*words):
    done = subprocess.run(["git", "-C", ROOT, *words], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def commit_before(path, *which):
    """The commit before the one that added the file, or the newest file, of that path."""
    began = git("log", *which, "--diff-filter=A", "--format=%H", "--", path)
    commit = git("rev-parse", "--verify", f"{began}^") if began else ""
    if not commit:
        raise NoHistory(f"the history does not reach back to {path}: git fetch --unshallow")
    return commit


def last_release():
    """(commit, its name): of the last release; where there is no release yet, the last one with another schema."""
    if tag := git("describe", "--tags", "--match=v*", "--abbrev=0", "HEAD^"):
        return git("rev-list", "-n1", tag), tag
    commit = commit_before(MIGRATIONS, "-1")
    return commit, f"{commit[:12]}, before the newest migration"


def build(commit, folder):
    """Builds the program of that commit there, unless it is there. Returns its path."""
    program = folder / "allocd"
    if program.exists():
        return str(program)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="source-", dir=folder) as source:
        with subprocess.Popen(["git", "-C", ROOT, "archive", commit], stdout=subprocess.PIPE) as archive:
            subprocess.run(["tar", "-x", "-C", source], stdin=archive.stdout, check=True)
        run(["meson", "setup", f"{source}/build", source], env={**os.environ, "CC": "gcc"})
        run(["ninja", "-C", f"{source}/build", "--quiet", "allocd"])
        shutil.copy(f"{source}/build/allocd", folder / "new")
        (folder / "new").rename(program)
    return str(program)


def run(command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **more)
    if done.returncode:
        raise NoHistory(f"{' '.join(map(str, command))}:\n{done.stdout[-4000:]}")
