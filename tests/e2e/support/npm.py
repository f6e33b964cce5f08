"""Packages of npm, for tests alone."""

import contextlib
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile

INSTALL_S = 120


def node_modules(*packages):
    """Where these packages are, NAME@VERSION each; they are installed into a scratch directory of the machine, once."""
    key = hashlib.sha256(" ".join(packages).encode()).hexdigest()[:16]
    directory = pathlib.Path(tempfile.gettempdir()) / f"allocd-npm-{os.getuid()}-{key}"
    if not (directory / "node_modules").exists():
        with tempfile.TemporaryDirectory(dir=directory.parent) as scratch:
            command = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--prefix", scratch, *packages]
            subprocess.run(command, check=True, timeout=INSTALL_S, stdout=subprocess.DEVNULL)
            with contextlib.suppress(FileExistsError):
                shutil.copytree(pathlib.Path(scratch) / "node_modules", directory / "node_modules")
    return directory / "node_modules"
