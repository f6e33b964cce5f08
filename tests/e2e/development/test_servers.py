"""scripts/servers.py: what the tests and `./dev` start their servers with."""

import contextlib
import fcntl
import os
import pathlib
import signal
import socket
import subprocess
import sys

import pytest
import servers
from dev_program import environment

SCRIPTS = pathlib.Path(servers.__file__).parent
ASK = """
import random, sys
sys.path.insert(0, sys.argv[1])
import servers
random.randrange = lambda low, high, ports=[*map(int, sys.argv[2:])]: ports.pop(0)
print(servers.free_port())
"""


def asked_by_another_process(*ports):
    """What free_port() returns in another process, which comes upon these ports in this order."""
    done = subprocess.run(
        [sys.executable, "-c", ASK, SCRIPTS, *map(str, ports)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_a_port_is_not_given_to_two_processes_before_a_server_listens():
    ours, other = servers.free_port(), servers.free_port()
    servers.kept_ports.pop().close()  # the other one is free again

    assert asked_by_another_process(ours, other) == other


def test_a_server_that_sets_so_reuseaddr_can_listen_at_its_port():
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", servers.free_port()))
        server.listen()


# ---- signals ----

# `servers.py -- sleep 1000`, which gets the signal before it knows the process that it starts.
INTERRUPTED = """
import os, signal, subprocess, sys, servers

class InterruptedAtItsStart(subprocess.Popen):
    def __init__(self, command, **options):
        super().__init__(command, **options)
        if os.environ["INTERRUPT"] == os.path.basename(command[0]):
            print(self.pid)
            os.kill(os.getpid(), signal.SIGTERM)

subprocess.Popen = InterruptedAtItsStart
sys.argv = ["servers.py", "--", "sleep", "1000"]
sys.exit(servers.main())
"""


@pytest.mark.parametrize("started", ["postgres", "redis-server", "sleep"])
def test_a_signal_while_a_process_is_started_leaves_none_behind(started, tmp_path):
    variables = environment(tmp_path, PYTHONPATH=str(SCRIPTS), INTERRUPT=started)
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], env=variables, stdout=subprocess.PIPE, text=True, check=False, timeout=60)

    assert done.returncode == 128 + signal.SIGTERM
    assert not os.path.exists(f"/proc/{int(done.stdout)}")


# ---- the cache of the tests ----

USE_CACHE = "import sys, servers; print(servers.cache_directory(), flush=True); sys.stdin.read()"
REMOVE_CACHE = "import servers; servers.remove_data(servers.cache_path())"


@pytest.fixture
def with_cache(tmp_path):
    """The options of a process whose cache is below a folder of the test."""
    return {"env": {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(SCRIPTS)}, "text": True}


@contextlib.contextmanager
def using_cache(options):
    """Yields the cache that a process uses for the length of the block."""
    with subprocess.Popen([sys.executable, "-c", USE_CACHE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options) as user:
        yield pathlib.Path(user.stdout.readline().strip())


def remove_cache(options):
    return subprocess.run([sys.executable, "-c", REMOVE_CACHE], capture_output=True, check=False, **options)


def test_the_cache_is_not_removed_while_any_process_uses_it(with_cache, tmp_path):
    with using_cache(with_cache) as cache:
        with using_cache(with_cache) as same:
            assert same == cache
        refused = remove_cache(with_cache)

        assert refused.returncode == 1 and f"{cache} is in use" in refused.stderr
        assert cache.is_dir()

    assert remove_cache(with_cache).returncode == 0
    assert os.listdir(tmp_path) == []


def test_a_cache_that_is_asked_for_while_it_is_removed_is_a_new_one(tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    rename = pathlib.Path.rename

    def rename_and_ask(path, target):
        rename(path, target)
        cache.mkdir()
        assert servers.lock(cache, fcntl.LOCK_SH) is not None

    (cache / "old").mkdir(parents=True)
    monkeypatch.setattr(pathlib.Path, "rename", rename_and_ask)
    servers.remove_data(cache)

    assert os.listdir(cache) == ["lock"]


def test_a_directory_that_was_removed_meanwhile_is_not_locked(tmp_path, monkeypatch):
    cache, flock = tmp_path / "cache", fcntl.flock

    def lock_after_the_removal(*arguments):
        cache.rename(tmp_path / "removed")
        flock(*arguments)

    cache.mkdir()
    monkeypatch.setattr(fcntl, "flock", lock_after_the_removal)

    assert servers.lock(cache, fcntl.LOCK_SH) is None
