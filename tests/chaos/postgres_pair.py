"""Two Postgres servers: a primary, and a synchronous standby that can take over, any number of times."""

import contextlib
import pathlib
import shutil
import signal

import clusters
import namespaces
import psycopg2.extensions
import servers

SETTINGS = (
    "wal_retrieve_retry_interval=500ms",
    "max_wal_size=256MB",
    "wal_keep_size=64MB",
    "dynamic_shared_memory_type=mmap",  # what a killed server leaves behind is in its folder
)


class Node(servers.Postgres):
    """A server whose folder is made as a primary, or as a copy of `primary` if there is one."""

    def __init__(self, directory, title, address, shim):
        listen = (f"listen_addresses={address}",) if address else ()
        super().__init__(directory, durable=True, settings=(*SETTINGS, *listen))
        self.title = title
        self.address = address or str(self.sockets)
        self.shim = shim
        self.primary = None

    def create_cluster(self):
        if not self.primary:
            super().create_cluster()
            with open(self.folder / "pg_hba.conf", "a", encoding="utf-8") as rules:
                rules.write(f"host all all {namespaces.NET}.0.0/16 trust\n")
            return
        self.call(
            servers.postgres_tool("pg_basebackup"), "--pgdata", self.folder, "--write-recovery-conf",
            "--checkpoint=fast", "--wal-method=stream", "--dbname", f"host={self.primary.sockets} user=allocd",
        )  # fmt: skip

    def spawn(self, command, executable=None):
        super().spawn([*self.shim.words(), *command])

    def end_at_once(self):
        """Ends all of its processes, also those that are stopped."""
        if self.process:
            clusters.signal_all(self, signal.SIGKILL)
            self.stop(signal.SIGKILL)

    def become_copy_of(self, primary):
        """Makes the server anew, as a standby."""
        self.end_at_once()
        shutil.rmtree(self.folder)
        self.folder = self.make_folder(self.folder.parent, self.name)
        self.primary = primary
        self.start()

    def has_died(self):
        return self.process is not None and self.process.poll() is not None


class PostgresPair:
    def __init__(self, nodes):
        self.nodes = nodes
        self.primary, self.standby = nodes

    def start(self):
        self.primary.start()
        self.primary.ensure_database("allocd")
        self.standby.become_copy_of(self.primary)
        clusters.make_synchronous(self.primary)

    def end(self):
        for node in self.nodes:
            node.end_at_once()

    def url(self):
        return psycopg2.extensions.make_dsn(
            host=",".join(node.address for node in self.nodes), dbname="allocd", user="allocd",
            target_session_attrs="read-write", connect_timeout=2,
        )  # fmt: skip

    def promote(self):
        """The standby takes over. Its commits wait for no other server, until there is one again."""
        self.standby.psql("alter system set synchronous_standby_names = ''")
        self.standby.psql("select pg_reload_conf()")
        self.standby.psql("select pg_promote(true, 20)")
        self.primary, self.standby = self.standby, self.primary

    def rejoin(self):
        """The former primary, which is ended, comes back as a synchronous standby of the present one."""
        self.standby.become_copy_of(self.primary)
        clusters.make_synchronous(self.primary)

    def is_safe(self):
        """Whether the standby may take over and has all that was committed."""
        with contextlib.suppress(servers.ServerError):
            return self.primary.psql("select count(*) from pg_stat_replication where sync_state = 'sync'") == "1"
        return False


def make_pair(stack, directory, addresses, shims, disks):
    """Each server has a folder of its own, on a disk of its own if `disks` makes one."""
    nodes = []
    for number, (address, shim) in enumerate(zip(addresses, shims), 1):
        folder = pathlib.Path(directory) / f"db{number}"
        disk = stack.enter_context(disks(folder))
        node = Node(folder, f"db{number}", address, shim)
        node.disk = disk
        nodes.append(node)
    pair = PostgresPair(nodes)
    stack.callback(pair.end)
    return pair
