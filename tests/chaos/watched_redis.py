"""A master of Redis and its replica, which three sentinels watch, and which take over from each other any number of times."""

import collections
import contextlib
import pathlib

import redis
import servers
from redis_nodes import MASTER, Node, Sentinel, Watched, is_in_sync

TIMEOUT_S = 1
FOLLOW_S = 60

# A client of the master, and how many replicas must have a command before it counts as sent.
Present = collections.namedtuple("Present", "client replicas")


class DurableNode(Node):
    def __init__(self, directory, name, host, shim):
        super().__init__(directory, name, ("--appendonly", "yes", "--appendfsync", "everysec"), host=host)
        self.title = name
        self.shim = shim

    def spawn(self, command, executable=None):
        super().spawn([*self.shim.words(), executable, *command[1:]])

    def start_as_replica_of(self, master):
        before = self.options
        self.options += ("--replicaof", self.host, str(master.port))
        try:
            self.start()
        finally:
            self.options = before

    def patient_client(self):
        """A client that waits for an answer for a second."""
        return redis.Redis(host=self.host, port=self.port, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)


class WatchedRedis(Watched):
    """`present` is replaced as a whole, so that any thread may read it."""

    def start(self):
        for node in self.nodes:
            node.start()
        self.nodes[1].client().replicaof(self.nodes[1].host, self.nodes[0].port)
        servers.wait_until(lambda: is_in_sync(self.nodes[1]), "the replica to be in sync", 20)
        for sentinel in self.sentinels:
            sentinel.start()
        for sentinel in self.sentinels:
            servers.wait_until(sentinel.watches_all, "the sentinels to know each other", 20)
        self.use(self.nodes[0], 1)

    def end(self):
        for server in (*self.sentinels, *self.nodes):
            server.kill()

    def use(self, node, replicas):
        self.now = node
        self.present = Present(node.patient_client(), replicas)

    def other(self):
        """The server that is not the master."""
        [node] = [node for node in self.nodes if node is not self.now]
        return node

    def has_moved(self):
        """Whether all sentinels name the other server, and it is a master."""
        with contextlib.suppress(redis.RedisError):
            named = {sentinel.client().sentinel_get_master_addr_by_name(MASTER)[1] for sentinel in self.sentinels}
            return named == {self.other().port} and self.other().patient_client().info("replication")["role"] == "master"
        return False

    def follow(self):
        """No replica may be waited for, until the former master is one."""
        self.use(self.other(), 0)

    def is_replicated(self):
        """Whether the former master has become a replica, and has all that the present one has."""
        with contextlib.suppress(redis.RedisError):
            known = self.now.patient_client().info("replication")
            link = self.other().patient_client().info("replication")
            return known["connected_slaves"] == 1 and link["role"] == "slave" and link["master_link_status"] == "up"
        return False

    def is_safe(self):
        """Whether the replica may take over, and all sentinels would let it."""
        with contextlib.suppress(redis.RedisError, ValueError):
            return self.present.replicas == 1 and self.is_replicated() and all(map(sees_both, self.sentinels))
        return False


def sees_both(sentinel):
    client = sentinel.client()
    [master] = [each for each in client.sentinel_masters().values() if each["name"] == MASTER]
    replicas = [each for each in client.sentinel_slaves(MASTER) if not each["is_sdown"] and not each["is_disconnected"]]
    return not (master["is_sdown"] or master["is_odown"]) and len(replicas) == 1


def make_watched(stack, directory, host, shims, disks):
    nodes = []
    for number, shim in enumerate(shims, 1):
        folder = pathlib.Path(directory) / f"redis{number}"
        disk = stack.enter_context(disks(folder))
        node = DurableNode(folder, f"redis{number}", host, shim)
        node.disk = disk
        nodes.append(node)
    sentinels = [Sentinel(directory, f"sentinel{number}", nodes[0], host=host) for number in (1, 2, 3)]
    watched = WatchedRedis(nodes, sentinels)
    stack.callback(watched.end)
    return watched
