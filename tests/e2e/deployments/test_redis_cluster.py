"""On a Redis Cluster all keys must lie in one slot; the worker names the setting, and works with it."""

import json
import os

import pytest
import redis
import servers
from installation import Installation, unique, wait_until


# Without a port of its own for its bus, the server takes one in the range of outgoing connections.
CLUSTER = ("--cluster-enabled", "yes", "--cluster-port", str(servers.free_port()))


@pytest.fixture(scope="module")
def cluster():
    """One node that holds every slot."""
    with (
        servers.scratch_directory() as directory,
        servers.running(servers.Redis(directory, options=CLUSTER)) as server,
    ):
        client = redis.Redis(port=server.port)
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        wait_until(lambda: b"cluster_state:ok" in client.execute_command("CLUSTER", "INFO"), "the cluster")
        yield server


@pytest.fixture
def parked(tmp_path, database_url, cluster):
    there = Installation(tmp_path, database_url, cluster.url())
    yield there
    there.close()


@pytest.mark.parametrize("prefix", ["", "shop:", "{}shop:", "shop}{"])
def test_without_a_hash_tag_the_worker_names_the_setting(parked, prefix):
    parked.prefix = prefix
    parked.launch()

    assert parked.wait() == os.EX_CONFIG
    assert "set ALLOCD_PREFIX to one with a hash tag, such as {allocd}:" in parked.log.read_text()


def test_without_a_hash_tag_quiesce_names_the_setting(parked):
    parked.prefix = "shop:"
    assert parked.run("migrate").returncode == 0

    done = parked.run("quiesce")

    assert done.returncode != 0
    assert "hash tag" in done.stderr


@pytest.mark.parametrize("prefix", ["{allocd}:", "shop:{a}b:"])
def test_with_a_hash_tag_the_worker_works_on_a_cluster(parked, prefix):
    parked.prefix = prefix
    parked.start()
    sku = unique("sku")
    events = parked.listen()
    parked.stock(sku, **{sku: 10})
    wait_until(lambda: parked.get(f"/products/{sku}").ok, "the batch, which came by another way than the command will")
    line = {"orderid": "by-stream", "sku": sku, "qty": 1}
    parked.redis.xadd(f"{prefix}allocd:commands", {"type": "allocate", "data": json.dumps(line)})
    events.expect("line_allocated", orderid="by-stream")

    assert parked.run("quiesce").returncode == 0
    assert parked.redis.xlen(f"{prefix}allocd:events") == 1
