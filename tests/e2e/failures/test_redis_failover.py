"""Redis fails over behind a proxy while the demoted master stays up: all connections of the worker move."""

import json
import os
import pathlib
import signal

import pytest
import redis
import servers
from installation import Installation, unique, wait_until
from proxy import Proxy
from wires import RedisWire


class Pair:
    """A master and its replica; the worker reaches one of them, through the proxy."""

    def __init__(self, master, replica, proxy):
        self.master, self.replica, self.proxy = master, replica, proxy
        self.old, self.new = (redis.Redis(port=server.port) for server in (master, replica))

    def promote(self):
        self.new.replicaof("NO", "ONE")
        self.proxy.upstream = ("127.0.0.1", self.replica.port)

    def connections(self, client):
        return [each for each in client.client_list() if each["name"].startswith("allocd-")]


@pytest.fixture
def pair(watch):
    with (
        servers.scratch_directory() as first,
        servers.scratch_directory() as second,
        servers.running(servers.Redis(first)) as master,
        servers.running(servers.Redis(second)) as replica,
        Proxy(("127.0.0.1", master.port), lambda: RedisWire(watch)) as proxy,
    ):
        it = Pair(master, replica, proxy)
        it.old.config_set("repl-diskless-sync-delay", 0)
        it.new.replicaof("127.0.0.1", master.port)
        wait_until(lambda: it.new.info("replication").get("master_link_status") == "up", "replication")
        yield it
        it.old.config_set("save", "")  # otherwise it would refuse to stop while it cannot save


@pytest.fixture
def allocd(tmp_path, database_url, pair):
    there = Installation(tmp_path, database_url, f"redis://127.0.0.1:{pair.proxy.port}/0")
    there.start()
    yield there
    there.close()


def demote_to_replica(pair):
    pair.promote()
    pair.old.replicaof("127.0.0.1", pair.replica.port)


def demote_to_nowhere(pair):
    """The demoted server replicates no server, so events of the new master are not published there."""
    pair.promote()
    pair.old.replicaof("127.0.0.1", 1)


def freeze(pair):
    pair.promote()
    pair.master.process.send_signal(signal.SIGSTOP)


def lose_the_disk(pair):
    """The demoted server stays a master, and refuses writes."""
    folder = pathlib.Path(pair.old.config_get("dir")["dir"])
    os.chmod(folder, 0o500)
    pair.old.config_set("save", "3600 1")

    pair.old.bgsave()
    wait_until(lambda: pair.old.info("persistence")["rdb_last_bgsave_status"] == "err", "the save to fail")
    pair.promote()


def cut_all_but_the_subscriber(pair):
    pair.promote()
    for each in pair.connections(pair.old):
        if each["name"] != "allocd-subscriber":
            pair.old.client_kill_filter(_id=each["id"])


WAYS = (demote_to_replica, demote_to_nowhere, freeze, lose_the_disk, cut_all_but_the_subscriber)


@pytest.mark.parametrize("fail_over", WAYS, ids=lambda way: way.__name__)
def test_the_worker_follows_the_new_master_with_every_connection(allocd, pair, fail_over):
    sku = unique("sku")
    assert allocd.post("/add_batch", {"ref": sku, "sku": sku, "qty": 100}).status_code == 201
    allocd.redis = pair.new
    events = allocd.listen()

    fail_over(pair)
    assert allocd.post("/allocate", {"orderid": "by-http", "sku": sku, "qty": 1}).status_code == 202
    line = {"orderid": "by-stream", "sku": sku, "qty": 1}
    pair.new.xadd(f"{allocd.prefix}allocd:commands", {"type": "allocate", "data": json.dumps(line)})
    heard = {events.next()[1]["orderid"] for _ in range(2)}
    wait_until(lambda: len(pair.connections(pair.new)) == 4, "every connection to be at the new master")
    wait_until(allocd.ready, "readiness to return")
    allocd.allocate(sku, "by-channel", 1)
    events.expect("line_allocated", orderid="by-channel", version=3)

    assert heard == {"by-http", "by-stream"}
    assert not events.pubsub.get_message(timeout=0.5), "an event went out twice"
    pair.master.process.send_signal(signal.SIGCONT)
    wait_until(lambda: not pair.connections(pair.old), "the old master to be left")
    warnings = [line for line in allocd.log_lines() if "level=warn" in line and "Redis" in line]
    assert len(warnings) <= 8, "\n".join(warnings)
