"""Everything that runs: two Postgres servers, two of Redis, three sentinels, three workers, and what a fault can do to each."""

import contextlib
import pathlib
import signal
import struct
import subprocess
import time

import installation
import namespaces
import requests
import servers
from ledger import Ledger
from postgres_pair import make_pair
from sender import STREAM
from watched_redis import make_watched

WORKERS = 3
STREAMS = (STREAM, "allocd:more")
SKUS = [f"sku-{number}" for number in range(10)]
PORT = 5000
READY_S = 60  # in which a worker is ready, once what it needs is there


class WorkerEnded(Exception):
    """A worker that ended by itself, or not as it must; the text says which, and how its log ends."""


class Shim:
    """What a process is to see of the clock and the disk, which may change while it runs: see shim.c."""

    def __init__(self, library, path):
        self.library, self.path = library, path
        self.clock_s = self.fsync_s = 0
        path.touch(mode=0o644)
        self.write()

    def write(self):
        """In place: processes have the file in their memory."""
        with open(self.path, "r+b", buffering=0) as file:
            file.write(struct.pack("qq", int(self.clock_s * 1e6), int(self.fsync_s * 1e3)))

    def variables(self):
        return {"LD_PRELOAD": str(self.library), "CHAOS_SHIM": str(self.path)} if self.library else {}

    def words(self):
        """The beginning of a command line with them."""
        return ["env", *(f"{name}={value}" for name, value in self.variables().items())]

    def set_clock(self, seconds):
        self.clock_s = seconds
        self.write()

    def slow_down(self, seconds):
        self.fsync_s = seconds
        self.write()


class Member(installation.Installation):
    """A worker, on a machine of its own if there is one."""

    def __init__(self, number, folder, site, machine, shim):
        super().__init__(folder, site.postgres.url(), site.redis.nodes[0].url())
        self.number = number
        self.machine, self.shim = machine, shim
        self.redis_url = site.redis.url()
        self.settings = {"ALLOCD_STREAM": ",".join(STREAMS), "ALLOCD_START_WAIT": str(READY_S), **shim.variables()}
        self.words = []
        if machine:
            self.words = machine.words
            self.http = f"{machine.address}:{PORT + number}"  # the port is part of the name by which workers know each other
            self.settings["ALLOCD_HTTP_OPEN"] = "on"
        self.recover()

    def recover(self):
        self.fault = None  # which one it suffers
        self.sound_since = time.monotonic()

    def __str__(self):
        return f"Worker {self.number}"

    def launch(self, **settings):
        command = [*self.words, self.program, "run"]
        with open(self.log, "ab") as log, servers.signals_wait():
            self.worker = subprocess.Popen(command, env=self.environment(settings), stderr=log, start_new_session=True)

    def ready(self):
        """A worker that is stopped, or whose cable is pulled, is not asked for long."""
        with contextlib.suppress(requests.RequestException):
            return requests.get(self.url("/readyz"), timeout=1).status_code == 200
        return False

    def end(self):
        """Ends it in order; it must have nothing left to do."""
        if status := self.stop():
            raise WorkerEnded(f"{self} ended with {status} on SIGTERM; its log ends:\n{servers.tail_of(self.log, 8)}")

    def check_alive(self):
        if self.worker and self.worker.poll() is not None:
            raise WorkerEnded(
                f"{self} ended by itself, with {self.worker.returncode}; its log ends:\n{servers.tail_of(self.log, 8)}"
            )

    def close(self):
        """After a run that failed it may be in any state."""
        self.in_use.remove(self)
        if self.worker:
            self.worker.send_signal(signal.SIGKILL)
            self.worker.wait()
            self.worker = None


class Site:
    """Everything is ended with `stack`. `means.namespaces` and `means.shim` say what this machine allows."""

    def __init__(self, stack, folder, means, program):
        self.means = means
        self.is_networked = means.namespaces
        directory = pathlib.Path(stack.enter_context(servers.scratch_directory()))
        shims = {name: Shim(means.shim, directory / f"{name}.shim") for name in self.names()}
        disks = namespaces.Disk if self.is_networked else Folder
        addresses = namespaces.DATABASE_ADDRESSES if self.is_networked else (None, None)
        host = namespaces.REDIS_ADDRESS if self.is_networked else "127.0.0.1"
        self.postgres = make_pair(stack, directory, addresses, [shims["db1"], shims["db2"]], disks)
        self.redis = make_watched(stack, directory, host, [shims["redis1"], shims["redis2"]], disks)
        for server in (*self.postgres.nodes, *self.redis.nodes, *self.redis.sentinels):
            server.log = folder / f"{server.folder.parent.name if server in self.postgres.nodes else server.name}.log"
        self.postgres.start()
        self.redis.start()
        self.members = [self.make_member(stack, number, folder, shims, program) for number in range(1, WORKERS + 1)]
        self.ledger = Ledger(self.members[0], folder)

    @staticmethod
    def names():
        return ("db1", "db2", "redis1", "redis2", *(f"worker{number}" for number in range(1, WORKERS + 1)))

    def make_member(self, stack, number, folder, shims, program):
        machine = stack.enter_context(namespaces.Machine(number)) if self.is_networked else None
        own = folder / f"worker{number}"
        own.mkdir()
        member = Member(number, own, self, machine, shims[f"worker{number}"])
        member.prefix = "chaos:"
        member.program = program
        stack.callback(member.close)
        return member

    def start(self):
        for member in self.members:
            member.launch()
        servers.wait_until(self.all_ready, "the workers to be ready", READY_S)
        self.ledger.open(*SKUS)

    def all_ready(self):
        self.check_alive()
        return all(member.ready() for member in self.members)

    def others_ready(self):
        """Whether all workers are ready that suffer no fault of their own."""
        return all(member.ready() for member in self.members if not member.fault)

    def check_alive(self):
        for member in self.members:
            if not member.fault:
                member.check_alive()


class Folder:
    """What stands for a disk where there may be none of our own."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        self.path.mkdir(mode=0o755)
        return self

    def __exit__(self, *_):
        pass
