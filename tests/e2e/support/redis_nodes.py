"""Several servers of one Redis: a master and its replica, watched by sentinels; and a cluster; with TLS where a test wants it."""

import contextlib
import os
import pathlib
import socket
import subprocess

import redis
import servers

MASTER = "main"


class Certificate:
    """A certificate for this machine, which is its own authority, and its key: servers and clients share them."""

    def __init__(self, directory):
        self.file, self.key = (pathlib.Path(directory) / name for name in ("redis.crt", "redis.key"))
        self.renew()

    def renew(self):
        """Replaces both; the new one is not trusted by those who know only the former one."""
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-days", "2", "-subj", "/CN=redis", "-addext", "subjectAltName=IP:127.0.0.1",
             "-keyout", self.key, "-out", self.file],
            check=True, capture_output=True,
        )  # fmt: skip
        self.key.chmod(0o644)

    def of_server(self, port):
        """The configuration of a server that speaks TLS at this port, and demands the certificate of its clients."""
        return {
            "tls-port": port, "tls-cert-file": self.file, "tls-key-file": self.key, "tls-ca-cert-file": self.file,
            "tls-replication": "yes",
        }  # fmt: skip

    def of_worker(self):
        names = ("CA", self.file), ("CERT", self.file), ("KEY", self.key)
        return {f"ALLOCD_REDIS_{name}_FILE": str(path) for name, path in names}


class Node(servers.Redis):
    """
    A server of Redis with a name of its own, in a directory that it shares with others. With a certificate it speaks TLS,
    and listens without TLS for the clients of the test alone.
    """

    def __init__(self, directory, name, options=(), password=None, certificate=None, tls_port=None, host="127.0.0.1"):
        self.name = name
        self.password = password
        self.host = host  # the address that other servers and clients use
        if host != "127.0.0.1":
            options = (*options, "--bind", "127.0.0.1", host, "--protected-mode", "no")
        login = ("--requirepass", password, "--masterauth", password) if password else ()
        super().__init__(directory, options=("--repl-diskless-sync-delay", "0", *login, *options))
        self.tls = certificate.of_server(tls_port or servers.free_port()) if certificate else {}
        self.options += tuple(word for name, value in self.tls.items() for word in (f"--{name}", str(value)))

    @property
    def public_port(self):
        """The port that other servers name to their clients."""
        return self.tls.get("tls-port", self.port)

    def url(self):
        return f"{'rediss' if self.tls else 'redis'}://{self.host}:{self.public_port}/0"

    def is_ready(self):
        """Any answer will do, since it may demand a password."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as probe:
            probe.sendall(b"PING\r\n")
            return bool(probe.recv(64))
        return False

    def client(self):
        return redis.Redis(port=self.port, password=self.password)


class Sentinel(Node):
    def __init__(self, directory, name, master, certificate=None, host="127.0.0.1"):
        super().__init__(directory, name, password=master.password, certificate=certificate, host=host)
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
            f"port {self.port}", f"bind {' '.join(sorted({'127.0.0.1', self.host}))}", f"dir {self.folder}", f"pidfile {self.folder}/{self.pid_file}",
            *(f"{name} {value}" for name, value in self.tls.items()),
            f"sentinel monitor {MASTER} {self.master.host} {self.master.public_port} 2",
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
        hosts = ",".join(f"{sentinel.host}:{sentinel.public_port}" for sentinel in self.sentinels)
        return f"{'rediss' if self.nodes[0].tls else 'redis'}+sentinel://{user}{hosts}/{MASTER}/0"

    def master(self):
        """The node that the last sentinel takes for the master."""
        _, port = self.sentinels[-1].client().sentinel_get_master_addr_by_name(MASTER)
        [node] = [node for node in self.nodes if node.public_port == port]
        return node


@contextlib.contextmanager
def watched(password=None, certificate=None):
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(servers.scratch_directory())
        nodes = [Node(directory, f"redis-{number}", (), password, certificate) for number in range(2)]
        for node in nodes:
            stack.enter_context(servers.running(node))
        nodes[1].client().replicaof("127.0.0.1", nodes[0].public_port)
        servers.wait_until(lambda: is_in_sync(nodes[1]), "the replica to be in sync", 20)
        sentinels = [Sentinel(directory, f"sentinel-{number}", nodes[0], certificate) for number in range(3)]
        for sentinel in sentinels:
            stack.enter_context(servers.running(sentinel))
        for sentinel in sentinels:
            servers.wait_until(sentinel.watches_all, "the sentinels to know each other", 20)
        yield Watched(nodes, sentinels)


def is_in_sync(node):
    return node.client().info("replication").get("master_link_status") == "up"


SLOTS = 16384


class Cluster:
    """Three masters, each with a replica."""

    def __init__(self, nodes):
        self.nodes = nodes

    def alive(self):
        return [node for node in self.nodes if node.process]

    def state_of(self, key):
        """The ports of the nodes that have the key's slot, as a living node sees it: the master's first."""
        slot = self.slot_of(key)
        for first, last, *members in self.alive()[0].client().execute_command("CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return [member[1] for member in members]
        return []

    def slot_of(self, key):
        return self.alive()[0].client().execute_command("CLUSTER", "KEYSLOT", key)

    def master_of(self, key):
        [port, *_] = self.state_of(key)
        [node] = [node for node in self.nodes if node.port == port]
        return node

    def replica_of(self, key):
        [node] = [node for node in self.nodes if node.port in self.state_of(key)[1:]]
        return node

    def begin_migration(self, key, target):
        """From now on the keys of this key's slot move to `target`, one by one."""
        source, slot = self.master_of(key), self.slot_of(key)
        target.client().execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", source.identity())
        source.client().execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", target.identity())

    def migrate_key(self, key, target):
        done = self.master_of(key).client().migrate("127.0.0.1", target.port, key, 0, 5000)
        assert done == b"OK", f"{key}: {done}"

    def end_migration(self, key, target):
        """Moves the keys that are left, and makes `target` the owner of the slot."""
        source, slot = self.master_of(key), self.slot_of(key)
        for each in source.client().execute_command("CLUSTER", "GETKEYSINSLOT", slot, 100):
            self.migrate_key(each, target)
        for node in (target, source):
            node.client().execute_command("CLUSTER", "SETSLOT", slot, "NODE", target.identity())

    def is_well(self):
        """Whether every living node knows all others and every slot, and every replica is in sync."""
        return all(is_member(node.client(), len(self.nodes)) for node in self.alive())


class ClusterNode(Node):
    def __init__(self, directory, name, certificate=None):
        options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "1500", "--repl-ping-replica-period", "1")
        port = cluster_port()
        super().__init__(directory, name, options, certificate=certificate, tls_port=port)
        if certificate:
            self.options += ("--tls-cluster", "yes")
        else:
            self.port = port


    def identity(self):
        return self.client().execute_command("CLUSTER", "MYID")


def cluster_port():
    """A free port whose bus port, 10000 above it, is free, too, and below the range of outgoing connections."""
    while True:
        port = servers.free_port()
        with contextlib.suppress(OSError), socket.socket() as probe:
            if port + 10000 < 32768:
                probe.bind(("127.0.0.1", port + 10000))
                return port


def is_member(client, size):
    state = client.execute_command("CLUSTER", "INFO").decode().split()
    info = client.info("replication")
    is_known = f"cluster_known_nodes:{size}" in state and "cluster_state:ok" in state
    return is_known and (info["role"] == "master" or info["master_link_status"] == "up")


@contextlib.contextmanager
def clustered(certificate=None):
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(servers.scratch_directory())
        nodes = [ClusterNode(directory, f"redis-{number}", certificate) for number in range(6)]
        clients = [stack.enter_context(servers.running(node)).client() for node in nodes]
        for number, client in enumerate(clients):
            client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            client.execute_command("CLUSTER", "MEET", "127.0.0.1", nodes[0].public_port)
        for number, client in enumerate(clients[:3]):
            client.execute_command("CLUSTER", "ADDSLOTS", *range(SLOTS * number // 3, SLOTS * (number + 1) // 3))
        cluster = Cluster(nodes)
        servers.wait_until(cluster.is_well, "the nodes to meet", 20)
        for master, replica in zip(clients[:3], clients[3:]):
            replica.execute_command("CLUSTER", "REPLICATE", master.execute_command("CLUSTER", "MYID"))
        servers.wait_until(lambda: has_replicas(cluster), "every master to have a replica", 20)
        yield cluster


def has_replicas(cluster):
    """Whether every node knows a replica of each master, and all are in sync."""
    ranges = [each for node in cluster.nodes for each in node.client().execute_command("CLUSTER", "SLOTS")]
    return all(len(members) == 2 for _, _, *members in ranges) and cluster.is_well()
