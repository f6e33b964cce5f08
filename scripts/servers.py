#!/usr/bin/python3
"""A private Postgres and a private Redis, in a directory of their own, gone when their user is.

    servers.py [--data DIR] [--durable] [--pooled] -- COMMAND…

runs COMMAND with DATABASE_URL and REDIS_URL pointing at them and exits with its status. What the
environment names already is used as it is. With --pooled POOLED_URL leads to the same database by way of a
private PgBouncer in transaction mode. Nothing listens beyond this machine, nothing of the
system's own servers is touched, and nothing runs as root: started by root, both servers drop to
another user. Only Python's standard library is needed.
"""

import argparse
import collections
import contextlib
import fcntl
import functools
import glob
import hashlib
import os
import pathlib
import pwd
import random
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

# Where data is kept that is removed after the run.
ON_DISK = "/var/tmp"
IN_MEMORY = "/dev/shm"
MEMORY_NEEDED = 8 << 30  # as much must be free: servers of several tests run side by side, each with its WAL

VARIABLES = ("REDIS_URL", "DATABASE_URL")
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30
# sockaddr_un holds 107 bytes of path, and Postgres' socket is named like this.
SOCKET_PATH_MAX = 107 - len("/.s.PGSQL.5432")

PORTS_KEPT = 200
kept_ports = collections.deque(maxlen=PORTS_KEPT)  # sockets; see free_port()


class ServerError(Exception):
    """A server that does not start or stop; the text says which, and where its log is."""


def wait_until(condition, what, timeout_s=START_TIMEOUT_S):
    """
    Waits until condition() is true and returns what it returned; fails with `what` after the timeout, which may be
    a function that says what is seen by then.
    """
    deadline = time.monotonic() + timeout_s
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise ServerError(f"waited {timeout_s} s in vain: {what() if callable(what) else what}")
        time.sleep(0.02)
    return answer


def server_user():
    """The user whom servers started by root run as; None when this is not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise ServerError("no user 'postgres' or 'nobody' to run the servers as, and they must not run as root")


def run_as(user):
    """The arguments that make subprocess run something as that user, apart from this terminal's signals."""
    if user is None:
        return {"start_new_session": True}
    return {"start_new_session": True, "user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def usable_directory(wanted):
    """`wanted`, or one under /var/tmp where the servers' user cannot reach it or its path is too long."""
    wanted = pathlib.Path(wanted).absolute()
    wanted.mkdir(parents=True, exist_ok=True)
    if len(bytes(wanted / "postgres-socket")) <= SOCKET_PATH_MAX and reaches(server_user(), wanted):
        return wanted
    return fallback_directory(wanted)


def reaches(user, directory):
    return user is None or subprocess.run(["test", "-x", directory], cwd="/", **run_as(user)).returncode == 0


def fallback_path(wanted):
    """Returns the same directory for the same tree."""
    mark = hashlib.sha256(bytes(pathlib.Path(wanted).absolute())).hexdigest()[:12]
    return pathlib.Path(f"/var/tmp/allocd-{mark}")


def fallback_directory(wanted):
    """Creates the directory when it does not exist; refuses one of another user."""
    directory = fallback_path(wanted)
    directory.mkdir(mode=0o755, exist_ok=True)
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise ServerError(f"{directory} belongs to another user: remove it")
    return directory


def cache_path():
    """Where tests keep what they fetched, for all trees of this user: a root of Debian, and packages of npm (those of the bench, too)."""
    return pathlib.Path(tempfile.gettempdir()) / f"allocd-cache-{os.getuid()}"


@functools.cache
def cache_directory():
    """
    Creates it when it does not exist, and keeps it from being removed until this process ends; refuses one of another
    user, whose programs would be run.
    """
    directory = cache_path()

    def is_kept():
        directory.mkdir(mode=0o755, exist_ok=True)
        if directory.lstat().st_uid != os.geteuid():
            raise ServerError(f"{directory} belongs to another user: remove it")
        return lock(directory, fcntl.LOCK_SH) is not None

    wait_until(is_kept, f"{directory} to be removed by another ./dev")
    return directory


def remove_data(wanted):
    """
    Removes what earlier runs left, unless a run is using it. It is moved away first: a process that asks for it
    meanwhile gets a new one, and not one of which a part is missing.
    """
    for directory in (pathlib.Path(wanted), fallback_path(wanted)):
        if directory.exists():
            with tempfile.TemporaryDirectory(prefix=".removed-", dir=directory.parent) as removed:
                with locked(directory):
                    directory.rename(pathlib.Path(removed) / directory.name)


class Server:
    """A server's folder, process and log."""

    name = ""
    pid_file = ""
    stop_signal = signal.SIGTERM

    def __init__(self, directory, durable):
        self.user = server_user()
        self.folder = self.make_folder(directory, self.name)
        self.log = pathlib.Path(directory) / f"{self.name}.log"
        self.durable = durable
        self.process = None

    def make_folder(self, directory, name):
        folder = pathlib.Path(directory) / name
        folder.mkdir(mode=0o700, exist_ok=True)
        if self.user:
            os.chown(folder, self.user.pw_uid, self.user.pw_gid)
        return folder

    def call(self, *command):
        """Runs a tool of the server as the server's user, until it ends."""
        done = subprocess.run(
            command, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **run_as(self.user)
        )
        if done.returncode != 0:
            raise ServerError(f"{' '.join(map(str, command))}:\n{done.stdout}")

    def spawn(self, command, executable=None):
        self.end_leftover()
        with open(self.log, "ab") as log, signals_wait():
            self.process = subprocess.Popen(
                command,
                executable=executable,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **run_as(self.user),
            )
        wait_until(self.ready_or_dead, f"{self.name} to start (see {self.log})")

    def ready_or_dead(self):
        if self.process.poll() is not None:
            raise ServerError(f"{self.name} ended at its start:\n{tail_of(self.log)}")
        return self.is_ready()

    def end_leftover(self):
        """Ends the server that a killed run left in this folder; our caller holds the folder's lock."""
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError, IndexError):
            pid = int((self.folder / self.pid_file).read_text().split()[0])
            if os.readlink(f"/proc/{pid}/cwd") == str(self.folder):
                os.kill(pid, self.stop_signal)
                wait_until(lambda: not os.path.exists(f"/proc/{pid}"), f"{self.name} {pid} to end", STOP_TIMEOUT_S)

    def stop(self, with_signal=None):
        if self.process is None:
            return
        self.process.send_signal(with_signal or self.stop_signal)
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def kill(self):
        """Kills the server as a power cut does: it writes nothing more."""
        self.stop(signal.SIGKILL)


class Postgres(Server):
    name = "postgres"
    pid_file = "postmaster.pid"
    stop_signal = signal.SIGINT  # "fast": ends the sessions, then itself

    def __init__(self, directory, durable=False, settings=()):
        super().__init__(directory, durable)
        self.sockets = self.make_folder(directory, "postgres-socket")
        self.settings = settings  # "name=value", besides ours

    def start(self):
        if not (self.folder / "PG_VERSION").exists():
            self.create_cluster()
        self.spawn([
            postgres_tool("postgres"), "-D", self.folder, "-c", "listen_addresses=",
            "-c", f"unix_socket_directories={self.sockets}", "-c", "unix_socket_permissions=0700",
            "-c", f"fsync={'on' if self.durable else 'off'}", "-c", "max_connections=300",
            *(word for setting in self.settings for word in ("-c", setting)),
        ])  # fmt: skip
        return self

    def create_cluster(self):
        """Creates the cluster atomically: an interrupted run leaves nothing that looks like one."""
        shutil.rmtree(self.folder)
        self.folder = self.make_folder(self.folder.parent, self.name)
        self.call(
            postgres_tool("initdb"), "--pgdata", self.folder, "--username=allocd", "--auth=trust",
            "--encoding=UTF8", "--locale=C.UTF-8", *([] if self.durable else ["--no-sync"]),
        )  # fmt: skip

    def crash(self):
        """What `pg_ctl stop -m immediate` does: every session ends at once, nothing is written."""
        self.stop(signal.SIGQUIT)

    def is_ready(self):
        probe = [postgres_tool("pg_isready"), "--quiet", "--host", self.sockets]
        return subprocess.run(probe, check=False).returncode == 0

    def psql(self, statement, database="postgres"):
        done = subprocess.run(
            [postgres_tool("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement, self.url(database)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise ServerError(f"psql: {done.stdout}")
        return done.stdout.strip()

    def ensure_database(self, name):
        if not self.psql(f"select 1 from pg_database where datname = '{name}'"):
            self.psql(f'create database "{name}"')

    def url(self, database):
        host = urllib.parse.quote(str(self.sockets), safe="")
        return f"postgresql:///{database}?host={host}&user=allocd"


class PgBouncer(Server):
    """A PgBouncer in transaction mode, unless `settings` differ, with few sessions, so that clients share them."""

    name = "pgbouncer"
    pid_file = "pid"
    # Ends at once. (SIGINT waits for transactions.)
    stop_signal = signal.SIGTERM

    def __init__(self, directory, database_url, settings=()):
        super().__init__(directory, durable=False)
        self.port = free_port()
        self.settings = {
            "pool_mode": "transaction", "default_pool_size": "4", "max_client_conn": "500",
            "server_login_retry": "1", **dict(setting.split("=", 1) for setting in settings),
        }  # fmt: skip
        server = urllib.parse.urlsplit(database_url)
        query = dict(urllib.parse.parse_qsl(server.query))
        self.database = server.path.strip("/")
        self.target = {
            "host": server.hostname or query.get("host", "/var/run/postgresql"),
            "port": str(server.port or query.get("port", 5432)),
            "user": urllib.parse.unquote(server.username or query.get("user", "postgres")),
            "password": urllib.parse.unquote(server.password or query.get("password", "")),
        }

    def write_configuration(self):
        target = " ".join(f"{word}={value}" for word, value in self.target.items() if value)
        lines = [
            "[databases]", f"* = {target}", "[pgbouncer]", "listen_addr = 127.0.0.1", f"listen_port = {self.port}",
            "unix_socket_dir =", "auth_type = trust", f"auth_file = {self.folder}/users",
            f"admin_users = {self.target['user']}", f"pidfile = {self.folder}/{self.pid_file}",
            *(f"{name} = {value}" for name, value in self.settings.items()),
        ]  # fmt: skip
        files = {"users": f'"{self.target["user"]}" ""\n', "ini": "\n".join(lines) + "\n"}
        for name, text in files.items():
            (self.folder / name).write_text(text, encoding="utf-8")
            (self.folder / name).chmod(0o644)

    def start(self):
        self.write_configuration()
        self.spawn([pgbouncer_program(), self.folder / "ini"])
        return self

    def is_ready(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def where(self):
        """The connection as libpq's keywords, to append to others."""
        return f"host=127.0.0.1 port={self.port}"

    def url(self, database=None):
        return f"postgresql://{self.target['user']}@127.0.0.1:{self.port}/{database or self.database}"

    def command(self, text):
        """Runs a command of the admin console: PAUSE, RESUME, RECONNECT, …"""
        done = subprocess.run(
            [postgres_tool("psql"), "-XAtq", "-c", text, self.url("pgbouncer")],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=STOP_TIMEOUT_S,
        )  # fmt: skip
        if done.returncode != 0:
            raise ServerError(f"pgbouncer: {text}: {done.stdout}")
        return done.stdout.strip()


class Redis(Server):
    name = "redis"
    pid_file = "redis.pid"

    def __init__(self, directory, durable=False, options=()):
        super().__init__(directory, durable)
        self.options = options  # of redis-server, besides ours
        self.port = free_port()
        self.socket = self.folder / "socket"

    def start(self):
        self.spawn(
            [
                "redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--dir", self.folder,
                "--unixsocket", self.socket,
                "--pidfile", self.folder / self.pid_file, "--save", "",
                "--appendonly", "yes" if self.durable else "no", "--appendfsync", "everysec",
                *self.options,
            ],
            executable=redis_program(),
        )  # fmt: skip
        return self

    def is_ready(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as probe:
            probe.sendall(b"PING\r\n")
            return probe.recv(64).startswith(b"+PONG")
        return False

    def url(self):
        return f"redis://127.0.0.1:{self.port}/0"


def postgres_tool(name):
    """Debian keeps the server's programs out of the PATH, one folder a version."""
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: float(path.split("/")[-2]))
    for folder in [*reversed(folders), *os.get_exec_path()]:
        if os.access(f"{folder}/{name}", os.X_OK):
            return f"{folder}/{name}"
    raise ServerError(f"Postgres' {name} is not installed")


def pgbouncer_program():
    if path := shutil.which("pgbouncer", path=os.pathsep.join([*os.get_exec_path(), "/usr/sbin"])):
        return path
    raise ServerError("PgBouncer is not installed")


def redis_program():
    if path := shutil.which("redis-server"):
        return path
    raise ServerError("found no redis-server in PATH: apt-get install redis-server")


def free_port():
    """
    A port below the range of outgoing connections. A socket that is bound to it, and does not listen, keeps it from
    others who look for a port, until this process ends or has asked for PORTS_KEPT more. A server can listen there
    nevertheless, since both set SO_REUSEADDR.
    """
    while True:
        port = random.randrange(20000, 32000)
        keeper = socket.socket()
        try:
            keeper.bind(("127.0.0.1", port))  # with SO_REUSEADDR this would succeed beside another keeper
        except OSError:
            keeper.close()
            continue
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept_ports.append(keeper)
        return port


def tail_of(path, lines=15):
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


def lock(directory, kind):
    """
    Returns a descriptor that locks the directory until it is closed or this process ends, or None when another
    process keeps it from that, or removes the directory.
    """
    with contextlib.suppress(FileNotFoundError, BlockingIOError), contextlib.ExitStack() as undo:
        file = pathlib.Path(directory) / "lock"
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        undo.callback(os.close, descriptor)
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), os.stat(file)):
            undo.pop_all()
            return descriptor
    return None


@contextlib.contextmanager
def locked(directory):
    """Allows one user a directory."""
    descriptor = lock(directory, fcntl.LOCK_EX)
    if descriptor is None:
        raise ServerError(f"{directory} is in use, by another ./dev or by a test")
    try:
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def running(server):
    try:
        yield server.start()
    finally:
        server.stop()


def given():
    """The servers that the environment names."""
    return {name: os.environ[name] for name in VARIABLES if os.environ.get(name)}


@contextlib.contextmanager
def environment(wanted=None, durable=False, settings=()):
    """
    Yields {DATABASE_URL, REDIS_URL}: the environment's own, or of servers that live as long as the block, the
    Postgres with further settings ("name=value").
    """
    urls = given()
    with contextlib.ExitStack() as stack:
        if len(urls) < len(VARIABLES):
            directory = usable_directory(wanted or stack.enter_context(scratch_directory(durable)))
            if wanted and directory != pathlib.Path(wanted).absolute():
                print(f"servers: their user cannot use {wanted}, so their data is in {directory}", file=sys.stderr)
            stack.enter_context(locked(directory))
        if "REDIS_URL" not in urls:
            urls["REDIS_URL"] = stack.enter_context(running(Redis(directory, durable))).url()
        if "DATABASE_URL" not in urls:
            postgres = stack.enter_context(running(Postgres(directory, durable, settings)))
            postgres.ensure_database("allocd")
            urls["DATABASE_URL"] = postgres.url("allocd")
        yield urls


@contextlib.contextmanager
def pooler(database_url, settings=()):
    """Runs a PgBouncer in front of that server, for the length of the block."""
    with scratch_directory() as directory, running(PgBouncer(directory, database_url, settings)) as bouncer:
        yield bouncer


def has_room(directory):
    return os.path.isdir(directory) and min(shutil.disk_usage(directory).free, available_memory()) >= MEMORY_NEEDED


def available_memory():
    meminfo = pathlib.Path("/proc/meminfo").read_text(encoding="ascii")
    return int(re.search(r"^MemAvailable: +(\d+) kB$", meminfo, re.MULTILINE)[1]) << 10


@contextlib.contextmanager
def scratch_directory(durable=False):
    """
    A directory for one run that the servers' user can enter; removed at the end.  If `durable`, it is on a disk:
    otherwise, where there is room, in memory, where a database is made in 40 ms instead of 300.
    """
    in_memory = not durable and has_room(IN_MEMORY)
    directory = tempfile.mkdtemp(prefix="allocd-", dir=IN_MEMORY if in_memory else ON_DISK)
    os.chmod(directory, 0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def end_in_order_on_signals():
    """Signals that would end this process at once raise an exception instead, so that no server is left behind."""

    def unwind(number, _frame):
        for other in ENDING:
            signal.signal(other, signal.SIG_IGN)  # a second one must not cut the unwinding short
        raise SystemExit(128 + number)

    for number in ENDING:
        signal.signal(number, unwind)


@contextlib.contextmanager
def signals_wait():
    """
    Signals that would end this process wait until the end of the block, in which it starts another process and stores
    it for the code that ends it. Yields the handlers that the signals get then. (Only the main thread is interrupted.)
    """
    if threading.current_thread() is not threading.main_thread():
        yield {}
        return
    came = []
    handlers = {number: signal.signal(number, lambda number, _frame: came.append(number)) for number in ENDING}
    try:
        yield handlers
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for number in came[:1]:
            signal.raise_signal(number)


def run_command(command, variables):
    """Ctrl-C reaches the command directly (it shares our terminal); the other signals are forwarded."""

    def forward(number, _frame):
        child.send_signal(number)

    with signals_wait() as handlers:
        child = subprocess.Popen(command, env={**os.environ, **variables})
        handlers |= {signal.SIGINT: signal.SIG_IGN, signal.SIGTERM: forward, signal.SIGHUP: forward}
    status = child.wait()
    return status if status >= 0 else 128 - status


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="keep the data in this directory (else in one that is removed)")
    parser.add_argument("--durable", action="store_true", help="write as a production server does")
    parser.add_argument("--pooled", action="store_true", help="start a PgBouncer in transaction mode, too")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    end_in_order_on_signals()
    try:
        with contextlib.ExitStack() as stack:
            variables = stack.enter_context(environment(options.data, options.durable))
            if options.pooled:
                bouncer = stack.enter_context(pooler(variables["DATABASE_URL"]))
                variables = {**variables, "POOLED_URL": bouncer.url(), "ALLOCD_TEST_POOLER": bouncer.where()}
            return run_command(options.command, variables)
    except ServerError as error:
        print(f"servers: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
