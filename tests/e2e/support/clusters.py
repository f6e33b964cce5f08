"""Two Postgres clusters, a primary and its standby, and what a failover does to them."""

import contextlib
import os
import pathlib
import signal

import psycopg2.extensions
import servers


class Standby(servers.Postgres):
    """A standby that replicates from `primary` until it is promoted."""

    def __init__(self, directory, primary):
        super().__init__(directory)
        self.primary = primary

    def create_cluster(self):
        self.call(
            servers.postgres_tool("pg_basebackup"), "--pgdata", self.folder, "--write-recovery-conf",
            "--checkpoint=fast", "--wal-method=stream", "--no-sync",
            "--dbname", f"host={self.primary.sockets} user=allocd",
        )  # fmt: skip

    def promote(self):
        """Promotes the standby, which has all commits; it is a primary when this returns."""
        self.psql("select pg_promote(true, 20)")


@contextlib.contextmanager
def primary_and_standby():
    with contextlib.ExitStack() as stack:
        first, second = (stack.enter_context(servers.scratch_directory()) for _ in range(2))
        primary = stack.enter_context(servers.running(servers.Postgres(first)))
        primary.ensure_database("allocd")
        standby = stack.enter_context(servers.running(Standby(second, primary)))
        try:
            yield primary, standby
        finally:
            signal_all(primary, signal.SIGCONT)


def make_synchronous(primary):
    """From now on a commit waits until the standby has it on disk."""
    primary.psql("alter system set synchronous_standby_names = '*'")
    primary.psql("select pg_reload_conf()")
    servers.wait_until(lambda: primary.psql("select sync_state from pg_stat_replication") == "sync", "a synchronous standby", 20)


def cut_off(standby):
    """The standby receives no more, and keeps what it has."""
    standby.psql("alter system set primary_conninfo = ''")
    standby.psql("select pg_reload_conf()")
    servers.wait_until(lambda: standby.psql("select count(*) from pg_stat_wal_receiver") == "0", "the receiver to end", 20)


def demote(primary):
    """A primary that was stopped comes back as a standby of nothing, which accepts no writes."""
    (primary.folder / "standby.signal").touch()
    primary.start()


def caught_up(primary, standby):
    position = primary.psql("select pg_current_wal_lsn()")
    return standby.psql(f"select pg_last_wal_replay_lsn() >= '{position}'") == "t"


def signal_all(server, number):
    """The postmaster and all of its processes."""
    if not server.process:
        return
    children = [pid for pid in os.listdir("/proc") if pid.isdigit() and parent_of(pid) == server.process.pid]
    for pid in (server.process.pid, *map(int, children)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def parent_of(pid):
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return None


def freeze(server):
    signal_all(server, signal.SIGSTOP)


def thaw(server):
    signal_all(server, signal.SIGCONT)


def url_of(*all_servers, **more):
    hosts = ",".join(str(server.sockets) for server in all_servers)
    return psycopg2.extensions.make_dsn(host=hosts, dbname="allocd", user="allocd", **more)
