"""Runs allocd-dev, and finds what it left."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess

import redis
import requests

from installation import ROOT, TIMEOUT_S, binary, wait_until


def dev_program():
    """allocd-dev is built beside allocd; where allocd was copied, that of the build is used."""
    beside = pathlib.Path(binary()).with_name("allocd-dev")
    return str(beside if beside.exists() else ROOT / "build" / "allocd-dev")


def environment(folder, **more):
    """Nothing of the tests' own servers, and a place for temporary files where what is left can be seen."""
    of_tests = ("ALLOCD_", "DATABASE_URL", "REDIS_URL")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(of_tests)}
    return {**kept, "TMPDIR": str(folder), **more}


def of_folder(folder):
    """The processes whose command line or environment names the folder: {pid: command line}."""
    found = {}
    for process in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            pid = int(process.name)
            texts = [(process / name).read_bytes() for name in ("cmdline", "environ")]
            if pid != os.getpid() and str(folder).encode() in b" ".join(texts):
                found[pid] = texts[0].replace(b"\0", b" ").decode(errors="replace")
    return found


def assert_nothing_left(folder):
    wait_until(lambda: not of_folder(folder) and not os.listdir(folder), f"nothing to be left in {folder}")


class Running:
    """An allocd-dev without COMMAND."""

    def __init__(self, folder, *options, **more):
        self.folder = folder
        self.process = subprocess.Popen(
            [dev_program(), "--json", *options], env=environment(folder, **more),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        line = self.process.stdout.readline()
        self.at = json.loads(line) if line else None

    def redis(self):
        return redis.Redis.from_url(self.at["REDIS_URL"], decode_responses=True)

    def reset(self):
        answer = requests.post(f"{self.at['ALLOCD_DEV_URL']}/admin/reset", timeout=TIMEOUT_S)
        assert (answer.status_code, answer.text) == (200, "OK\n")

    def get(self, path):
        return requests.get(self.at["ALLOCD_URL"] + path, timeout=TIMEOUT_S)

    def end(self, number=signal.SIGTERM):
        """Returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.communicate(timeout=TIMEOUT_S)
        return self.process.returncode


@contextlib.contextmanager
def running(folder, *options, **more):
    dev = Running(folder, *options, **more)
    try:
        yield dev
    finally:
        dev.end()
        assert_nothing_left(folder)


def run(folder, *words, **more):
    """Runs `allocd-dev WORDS…` to its end."""
    return subprocess.run(
        [dev_program(), *words], env=environment(folder, **more), capture_output=True, text=True,
        timeout=3 * TIMEOUT_S, check=False,
    )  # fmt: skip
