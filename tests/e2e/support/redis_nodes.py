"""Several servers of one Redis: a master with its replica, and the sentinels that watch them."""

import contextlib
import os
import socket

import redis
import servers

MASTER = "main"


class Node(servers.Redis):
    """A server of Redis with a name of its own, in a directory that it shares with others."""

    def __init__(self, directory, name, options=(), password=None):
        self.name = name
        self.password = password
        login = ("--requirepass", password, "--masterauth", password) if password else ()
        super().__init__(directory, options=("--repl-diskless-sync-delay", "0", *login, *options))

    def is_ready(self):
        """Any answer will do, since it may demand a password."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as probe:
            probe.sendall(b"PING\r\n")
            return bool(probe.recv(64))
        return False

    def client(self):
        return redis.Redis(port=self.port, password=self.password)


class Sentinel(Node):
    def __init__(self, directory, name, master):
        super().__init__(directory, name, password=master.password)
        self.master = master

    def start(self):
        self.spawn(
            ["redis-server", self.write_configuration(), "--sentinel"], executable=servers.redis_program()
        )
        return self

    def write_configuration(self):
        """A sentinel writes what it learns into this file."""
        password = self.master.password
        lines = [
            f"port {self.port}", "bind 127.0.0.1", f"dir {self.folder}", f"pidfile {self.folder}/{self.pid_file}",
            f"sentinel monitor {MASTER} 127.0.0.1 {self.master.port} 2",
            f"sentinel down-after-milliseconds {MASTER} 500", f"sentinel failover-timeout {MASTER} 3000",
            *([f"sentinel auth-pass {MASTER} {password}", f"requirepass {password}"] if password else []),
        ]  # fmt: skip
        path = self.folder / "sentinel.conf"
        path.write_text("\n".join(lines) + "\n")
        if self.user:
            os.chown(path, self.user.pw_uid, self.user.pw_gid)
        return path

    def watches_all(self):
        """Whether it knows the replica and the two other sentinels, without which there is no failover."""
        [state] = [each for each in self.client().sentinel_masters().values() if each["name"] == MASTER]
        return state["num-slaves"] >= 1 and state["num-other-sentinels"] == 2


class Watched:
    """A master, a replica, and three sentinels."""

    def __init__(self, nodes, sentinels):
        self.nodes, self.sentinels = nodes, sentinels

    def url(self, user=""):
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{user}{hosts}/{MASTER}/0"

    def master(self):
        """The node that the last sentinel takes for the master."""
        _, port = self.sentinels[-1].client().sentinel_get_master_addr_by_name(MASTER)
        [node] = [node for node in self.nodes if node.port == port]
        return node


@contextlib.contextmanager
def watched(password=None):
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(servers.scratch_directory())
        nodes = [Node(directory, f"redis-{number}", password=password) for number in range(2)]
        for node in nodes:
            stack.enter_context(servers.running(node))
        nodes[1].client().replicaof("127.0.0.1", nodes[0].port)
        servers.wait_until(lambda: is_in_sync(nodes[1]), "the replica to be in sync", 20)
        sentinels = [Sentinel(directory, f"sentinel-{number}", nodes[0]) for number in range(3)]
        for sentinel in sentinels:
            stack.enter_context(servers.running(sentinel))
        for sentinel in sentinels:
            servers.wait_until(sentinel.watches_all, "the sentinels to know each other", 20)
        yield Watched(nodes, sentinels)


def is_in_sync(node):
    return node.client().info("replication").get("master_link_status") == "up"
