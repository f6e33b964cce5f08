"""Packages of npm, for tests and for the peers of the bench; the program needs none."""

import contextlib
import hashlib
import pathlib
import subprocess
import tempfile

import servers

INSTALL_S = 120


def node_modules(*packages):
    """Where these packages are, NAME@VERSION each; they are installed once, into the cache that `./dev clean` removes."""
    key = hashlib.sha256(" ".join(packages).encode()).hexdigest()[:16]
    directory = servers.cache_directory() / f"npm-{key}"
    if not directory.exists():
        with tempfile.TemporaryDirectory(dir=directory.parent) as scratch:
            made = pathlib.Path(scratch) / directory.name
            options = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", made]
            subprocess.run(["npm", "install", *options, *packages], check=True, timeout=INSTALL_S, stdout=subprocess.DEVNULL)
            with contextlib.suppress(OSError):  # another test was quicker
                made.rename(directory)  # in one step, so that no other test finds a part of it
    return directory / "node_modules"
