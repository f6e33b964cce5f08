#!/usr/bin/python3
"""
Drills docs/operating.md, "Backups", on servers of its own: what each kind of backup loses and repeats, and how long
each step takes.

    backup_drill.py [--rate N] [--seconds N] [--durable] ALLOCD

Commands come by HTTP and by stream, N a second together. A delayed standby receives the WAL, and does not replay it yet;
under the load a dump and a base backup are made, and the WAL is archived. Some seconds later comes the moment to which the
database is to return, and after as many more seconds the server is killed. Then the dump is loaded, the base backup is
recovered to the moment, and the standby is promoted at the moment, each beside a copy of Redis as it was. After each
follows `allocd outbox renew`, and the stream is read again from the mark. It ends with 1 when a command of the stream is
lost, or one that was accepted before what the backup holds, or when one was done twice.
"""

import argparse
import collections
import contextlib
import datetime
import http.client
import itertools
import json
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid

import servers

SKUS = [f"sku-{number}" for number in range(5)]
STREAM, EVENTS, GROUP = "allocd:commands", "allocd:events", "allocd"
MOMENT = """select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00:00"')"""
TIMEOUT_S = 60

# One command: how it came, its order, and when it was answered (seconds since 1970), if it was.
Command = collections.namedtuple("Command", "way order answered")


class DrillFailed(Exception):
    """Something was lost or done twice that must not be; the text says what."""


# ---- servers ----


class Archived(servers.Postgres):
    """A Postgres that archives its WAL, and of which base backups are made."""

    def __init__(self, directory, durable):
        self.archive = self.make_archive(directory)
        settings = ("archive_mode=on", f"archive_command=cp %p {self.archive}/%f")
        super().__init__(directory, durable, settings)

    def make_archive(self, directory):
        self.user = servers.server_user()
        return self.make_folder(directory, "archive")

    def back_up(self, directory):
        """Returns the folder of the base backup, which recovery completes from the archive."""
        backup = self.make_folder(directory, "backup")
        self.call(
            servers.postgres_tool("pg_basebackup"), "--pgdata", backup, "--wal-method=none", "--checkpoint=fast",
            "--dbname", f"host={self.sockets} user=allocd",
            *([] if self.durable else ["--no-sync"]),
        )  # fmt: skip
        return backup

    def dump(self, directory):
        """Returns the file of a dump."""
        file = self.make_folder(directory, "dump") / "allocd.dump"
        self.call(servers.postgres_tool("pg_dump"), "--format=custom", "--file", file, self.url("allocd"))
        return file

    def await_archived(self):
        """Waits until the WAL that was written up to now is in the archive."""
        last = self.psql("select pg_walfile_name(pg_switch_wal())")
        servers.wait_until(lambda: (self.archive / last).exists(), f"{last} to be archived")


def recovered_to(moment, *settings):
    return (*settings, f"recovery_target_time={moment}", "recovery_target_action=promote")


class Recovered(servers.Postgres):
    """A Postgres made from a base backup and the archive, as it was at the moment."""

    def __init__(self, directory, durable, backup, archive, moment):
        self.backup = backup
        super().__init__(directory, durable, recovered_to(moment, f"restore_command=cp {archive}/%f %p"))

    def create_cluster(self):
        self.call("cp", "--archive", f"{self.backup}/.", self.folder)
        self.call("touch", self.folder / "recovery.signal")


class DelayedStandby(servers.Postgres):
    """Receives the WAL of the primary at once, and replays it much later, or now and up to a moment."""

    def __init__(self, directory, durable, primary):
        super().__init__(directory, durable)
        self.primary = primary

    def delay(self):
        """
        A standby replays what came with its backup before it receives more.  So the delay begins afterwards: it would
        otherwise hold up the first commit that came with the backup, and nothing would be received before the hour is over.
        """
        servers.wait_until(lambda: self.psql("select status from pg_stat_wal_receiver") == "streaming", "the standby to stream")
        self.psql("alter system set recovery_min_apply_delay = '1h'")
        self.psql("select pg_reload_conf()")

    def create_cluster(self):
        self.call(
            servers.postgres_tool("pg_basebackup"), "--pgdata", self.folder, "--wal-method=stream", "--checkpoint=fast",
            "--create-slot", "--slot=standby",  # the primary keeps what was not received yet
            "--write-recovery-conf", "--dbname", f"host={self.primary.sockets} user=allocd",
            *([] if self.durable else ["--no-sync"]),
        )  # fmt: skip

    def await_received(self):
        """Waits until it has all WAL that was written up to now."""
        end = self.primary.psql("select pg_current_wal_lsn()")
        received = f"select pg_last_wal_receive_lsn() >= '{end}'"
        servers.wait_until(
            lambda: self.psql(received) == "t",
            lambda: f"the standby to receive the WAL; its log:\n{servers.tail_of(self.log)}",
        )

    def replay_to(self, moment):
        """
        A promotion alone would replay all that was received. So the standby is started again, with the moment as its
        target, and without the delay.
        """
        self.stop()
        self.settings = recovered_to(moment, "recovery_min_apply_delay=0", "primary_conninfo=")


class Loaded(servers.Postgres):
    """A Postgres into which a dump is loaded."""

    def __init__(self, directory, durable, dump):
        super().__init__(directory, durable)
        self.dump = dump

    def start(self):
        super().start()
        self.ensure_database("allocd")
        self.call(servers.postgres_tool("pg_restore"), "--exit-on-error", "--dbname", self.url("allocd"), self.dump)
        return self


class CopiedRedis(servers.Redis):
    """A Redis that begins with the data of another one, which has ended."""

    def __init__(self, directory, original):
        super().__init__(directory, original.durable)
        self.call("cp", "--archive", f"{original.folder}/.", self.folder)


class Worker:
    """`allocd run`, and the other commands, on the servers that are given."""

    def __init__(self, allocd, redis, log):
        self.allocd, self.redis, self.log = allocd, redis, log
        self.http = f"127.0.0.1:{servers.free_port()}"
        self.process = None

    def environment(self, postgres):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ALLOCD_", "PG"))}
        return {
            **kept, "DATABASE_URL": postgres.url("allocd"), "REDIS_URL": self.redis.url(), "ALLOCD_HTTP": self.http,
        }  # fmt: skip

    @contextlib.contextmanager
    def running(self, postgres):
        try:
            with open(self.log, "ab") as log, servers.signals_wait():
                self.process = subprocess.Popen(
                    [self.allocd, "run"], env=self.environment(postgres), stderr=log, start_new_session=True
                )
            yield
        finally:
            self.process.terminate()
            self.process.wait(TIMEOUT_S)

    def run(self, postgres, *words):
        done = subprocess.run(
            [self.allocd, *words], env=self.environment(postgres), capture_output=True, text=True, timeout=TIMEOUT_S
        )
        if done.returncode != 0:
            raise DrillFailed(f"allocd {' '.join(words)} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    def readiness(self):
        try:
            return urllib.request.urlopen(f"http://{self.http}/readyz", timeout=5).status, ""
        except urllib.error.HTTPError as answer:
            return answer.code, answer.read().decode()
        except OSError:
            return None, ""

    def await_ready(self):
        servers.wait_until(lambda: self.readiness()[0] == 200, f"the worker to be ready (see {self.log})")


# ---- the load ----


def redis_client(redis):
    """A function that runs one command, whose words have no blanks or are quoted, and returns the reply's text."""
    file = socket.create_connection(("127.0.0.1", redis.port)).makefile("rwb")

    def run(line):
        file.write(line.encode() + b"\r\n")
        file.flush()
        reply = file.readline()
        if reply.startswith(b"-"):
            raise DrillFailed(f"Redis: {reply.decode().strip()}")
        return file.readline().strip().decode() if reply.startswith(b"$") else reply[1:].strip().decode()

    return run


def fields_of(number):
    identity = str(uuid.uuid4())
    return {"orderid": f"order-{identity}", "sku": SKUS[number % len(SKUS)], "qty": 1, "id": identity}


class Load:
    """Two publishers, until they are stopped or their server is gone."""

    def __init__(self, worker, rate):
        self.worker, self.rate = worker, rate
        self.sent = []
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=send, daemon=True) for send in (self.by_http, self.by_stream)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join(TIMEOUT_S)

    def numbers(self):
        """Numbers at half the rate."""
        begun = time.monotonic()
        for number in itertools.count():
            if self.stopped.wait(max(0, begun + number * 2 / self.rate - time.monotonic())):
                return
            yield number

    def by_http(self):
        connection = http.client.HTTPConnection(self.worker.http, timeout=TIMEOUT_S)
        for number in self.numbers():
            fields = fields_of(number)
            connection.request("POST", "/allocate", json.dumps(fields), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            self.sent.append(Command("HTTP", fields["orderid"], time.time() if answer.status == 202 else None))

    def by_stream(self):
        run = redis_client(self.worker.redis)
        for number in self.numbers():
            fields = fields_of(number)
            run(f"XADD {STREAM} * type allocate data '{json.dumps(fields)}'")
            self.sent.append(Command("stream", fields["orderid"], time.time()))


def open_products(worker):
    for sku in SKUS:
        fields = {"ref": f"batch-of-{sku}", "sku": sku, "qty": 1_000_000}
        request = urllib.request.Request(
            f"http://{worker.http}/add_batch", json.dumps(fields).encode(), {"Content-Type": "application/json"}
        )
        urllib.request.urlopen(request, timeout=TIMEOUT_S).close()


# ---- the steps ----


class Report:
    """Prints each step with the time that it took, and each result."""

    @contextlib.contextmanager
    def step(self, name):
        begun = time.monotonic()
        result = {}
        yield result
        self.line(name, f"{time.monotonic() - begun:.1f} s{result.get('text', '')}")

    def section(self, name):
        print(f"\n{name}", flush=True)

    def line(self, name, text):
        print(f"{name:<38}  {text}", flush=True)


def size_of(path):
    path = pathlib.Path(path)
    return sum(file.stat().st_size for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file())


class Backups:
    """Each kind of backup, made while the worker runs, and until when commands over HTTP are in it."""

    def __init__(self, primary, standby, directory, options, report):
        self.primary, self.standby, self.directory = primary, standby, directory
        self.durable, self.seconds, self.report = options.durable, options.seconds, report

    def make(self):
        self.dumped = self.primary.psql(MOMENT)
        with self.report.step("pg_dump under load") as result:
            self.dump = self.primary.dump(self.directory)
            result["text"] = f", {size_of(self.dump) >> 10} KiB"
        with self.report.step("base backup under load") as result:
            self.base = self.primary.back_up(self.directory)
            result["text"] = f", {size_of(self.base) >> 20} MiB"
        time.sleep(self.seconds)
        self.moment = self.primary.psql(MOMENT)
        time.sleep(self.seconds)

    def complete(self):
        """Waits until the WAL is where the recoveries need it."""
        self.primary.await_archived()
        self.standby.await_received()
        self.report.line("WAL in the archive", f"{size_of(self.primary.archive) >> 20} MiB")

    def recoveries(self):
        """Yields each kind, until when commands must be in it, and a function that makes its server in a directory."""
        yield "pg_dump", self.dumped, lambda there: Loaded(there, self.durable, self.dump)
        yield (
            "base backup, recovered to a moment", self.moment,
            lambda there: Recovered(there, self.durable, self.base, self.primary.archive, self.moment),
        )  # fmt: skip
        yield "delayed standby, promoted at a moment", self.moment, self.standby_at_the_moment

    def standby_at_the_moment(self, _directory):
        self.standby.replay_to(self.moment)
        return self.standby


def work_until_the_server_dies(worker, backups, options):
    """Returns all commands."""
    with worker.running(backups.primary):
        worker.await_ready()
        open_products(worker)
        with Load(worker, options.rate) as load:
            time.sleep(options.seconds)
            backups.make()
        backups.complete()
        backups.primary.kill()
        worker.process.kill()
    return load.sent


def resume(recovered, worker, report):
    """What docs/operating.md says under "A restored database"."""
    with report.step("the worker takes no commands"):
        servers.wait_until(lambda: "outbox renew" in worker.readiness()[1], "the worker to notice the restore")
    done = recovered.psql(f"select array_to_string(done, '-') from streams where name = '{STREAM}'", "allocd")
    redis_client(worker.redis)(f"XGROUP SETID {STREAM} {GROUP} {done}")
    with report.step("outbox renew") as result:
        result["text"] = f", {worker.run(recovered, 'outbox', 'renew', '--yes').splitlines()[-1]}"
    with report.step(f"stream read again from {done}"):
        worker.await_ready()
        worker.run(recovered, "quiesce")


# ---- the balance ----


def lines_in(postgres):
    rows = postgres.psql("select orderid, count(*) from order_lines group by orderid", "allocd")
    return {order: int(count) for order, count in (row.rsplit("|", 1) for row in rows.splitlines())}


def published(redis):
    """How often each event is in the stream of events, as (SKU, version, epoch)."""
    words = ["redis-cli", "-p", str(redis.port), "--raw", "XRANGE", EVENTS, "-", "+"]
    lines = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    events = [json.loads(line) for line in lines[4::5]]
    return collections.Counter((event["sku"], event["version"], event.get("epoch", 1)) for event in events)


def balance(sent, held_until, recovered, worker, report):
    lines, events = lines_in(recovered), published(worker.redis)
    accepted = [command for command in sent if command.answered]
    lost = [command for command in accepted if command.order not in lines]
    target = datetime.datetime.fromisoformat(held_until).timestamp()
    too_early = [command for command in lost if command.way == "stream" or command.answered <= target]
    doubled = [order for order, count in lines.items() if count > 1]
    renewed = {(sku, version) for sku, version, epoch in events if epoch > 1}
    former = {(sku, version) for sku, version, epoch in events if epoch == 1}
    for way in ("HTTP", "stream"):
        of_way, lost_of_way = (sum(command.way == way for command in some) for some in (accepted, lost))
        report.line(f"commands by {way}", f"{of_way} accepted, {lost_of_way} lost")
    report.line("lost, but must not be", str(len(too_early)))
    report.line("done twice", str(len(doubled)))
    report.line("versions given a second time", f"{len(renewed & former)} to events of the next epoch")
    report.line("events published twice", str(sum(count - 1 for count in events.values())))
    if too_early or doubled:
        raise DrillFailed(f"lost too early: {too_early[:3]}; done twice: {doubled[:3]}")


def drill(options, directory, report):
    allocd, log = os.path.abspath(options.allocd), pathlib.Path(directory) / "allocd.log"

    def folder(name):
        return servers.usable_directory(pathlib.Path(directory) / name)

    with contextlib.ExitStack() as stack:
        redis = stack.enter_context(servers.running(servers.Redis(folder("before"))))
        primary = stack.enter_context(servers.running(Archived(folder("before"), options.durable)))
        primary.ensure_database("allocd")
        standby = DelayedStandby(folder("standby"), options.durable, primary)
        stack.enter_context(servers.running(standby)).delay()
        backups = Backups(primary, standby, folder("before"), options, report)
        sent = work_until_the_server_dies(Worker(allocd, redis, log), backups, options)
        redis_client(redis)("SAVE")
        redis.stop()
        for number, (kind, held_until, make) in enumerate(backups.recoveries()):
            report.section(kind)
            there = folder(f"after{number}")
            with servers.running(CopiedRedis(there, redis)) as copy:
                recover(lambda make=make, there=there: make(there), sent, held_until, Worker(allocd, copy, log), report)


def recover(make, sent, held_until, worker, report):
    with contextlib.ExitStack() as stack:
        with report.step(f"recovery to {held_until[11:19]} UTC"):
            recovered = stack.enter_context(servers.running(make()))
            servers.wait_until(lambda: recovered.psql("select pg_is_in_recovery()") == "f", "the recovery to end")
        with worker.running(recovered):
            resume(recovered, worker, report)
            balance(sent, held_until, recovered, worker, report)
            worker.run(recovered, "verify")
    report.line("allocd verify", "finds nothing")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=500, help="commands a second (500)")
    parser.add_argument("--seconds", type=float, default=10, help="of load in each of three parts (10)")
    parser.add_argument("--durable", action="store_true", help="write as a production server does")
    parser.add_argument("allocd", metavar="ALLOCD")
    options = parser.parse_args()
    servers.end_in_order_on_signals()
    try:
        with servers.scratch_directory(options.durable) as directory:
            drill(options, directory, Report())
    except (DrillFailed, servers.ServerError) as error:
        print(f"backup_drill: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
