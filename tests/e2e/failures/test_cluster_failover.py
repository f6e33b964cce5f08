"""A Redis Cluster of three masters and three replicas: the worker finds the node of its slot, and follows it."""

import time

import pytest
import redis_nodes
from installation import Installation, unique, wait_until
from ledger import Ledger
from sure_publishers import SurePublishers, await_handled, connections

PREFIX = "{allocd}:"


@pytest.fixture(scope="module")
def cluster():
    with redis_nodes.clustered() as there:
        yield there


@pytest.fixture
def cluster_with_tls(redis_certificate):
    with redis_nodes.clustered(redis_certificate) as there:
        yield there


@pytest.fixture
def parked_at(tmp_path, database_url):
    """Makes an installation whose URL names this node, and whose worker does not run yet."""
    made = []

    def make(node, cluster, prefix=PREFIX):
        there = Installation(tmp_path, database_url, node.url())
        there.prefix = prefix
        there.redis = cluster.master_of(prefix).client()
        made.append(there)
        return there

    yield make
    for there in made:
        there.close()


def test_the_worker_finds_the_node_of_its_slot_by_any_node_and_follows_it(cluster_with_tls, redis_certificate, parked_at):
    cluster = cluster_with_tls
    master, replica = cluster.master_of(PREFIX), cluster.replica_of(PREFIX)
    allocd = parked_at(cluster.replica_of("{b}"), cluster)
    assert cluster.replica_of("{b}") is not replica
    allocd.settings |= redis_certificate.of_worker()
    allocd.start()
    assert len(connections(allocd)) == 4
    for node in cluster.nodes:
        done = allocd.run("publish", "create_batch", f"batchref={node.name}", "sku=a-sku", "qty=1", REDIS_URL=node.url())
        assert done.returncode == 0, (node.name, done.stderr)

    replica.client().execute_command("CLUSTER", "FAILOVER")
    allocd.redis = replica.client()
    wait_until(lambda: len(connections(allocd)) == 4, "every connection to be at the new master")
    wait_until(allocd.ready, "the worker to be ready")
    allocd.allocate("a-sku", "an-order", 1)
    wait_until(lambda: allocd.get("/allocations/an-order").status_code == 200, "the order to be allocated")
    left = [each for each in master.client().client_list() if each["name"].startswith("allocd-")]
    assert not left


def test_a_slot_that_migrates_under_load_loses_nothing_and_does_nothing_twice(cluster, parked_at, tmp_path):
    """
    Keys move one by one: those that have moved are answered by ASK, a script on both kinds by TRYAGAIN. The worker waits,
    and follows the MOVED at the end.
    """
    prefix = "{moves}:"
    source, target = cluster.master_of(prefix), cluster.master_of("{b}:")
    assert source is not target
    allocd = parked_at(source, cluster, prefix)
    allocd.start()
    ledger = Ledger(allocd, tmp_path)
    ledger.heard.touch()
    ledger.open(*(unique("sku") for _ in range(5)))

    with SurePublishers(ledger, lambda: cluster.master_of(prefix).client()) as publishers:
        await_handled(ledger, 100)
        cluster.begin_migration(prefix, target)
        for name in ("allocd:commands", "allocd:events"):
            cluster.migrate_key(prefix + name, target)
        wait_until(lambda: "TRYAGAIN " in allocd.log.read_text(), "the script to be answered TRYAGAIN")
        wait_until(lambda: rejected(source, "xinfo|stream", "xreadgroup"), "the reader to be answered ASK")
        cluster.end_migration(prefix, target)
        begun = time.monotonic()
        allocd.redis = target.client()
        wait_until(lambda: len(connections(allocd)) == 4, "every connection to be at the new node")
        await_handled(ledger, 100)
        wait_until(allocd.ready, "the worker to be ready")
        took_s = time.monotonic() - begun
    publishers.send_again()
    ledger.settle()
    ledger.await_stream("allocd:commands")
    ledger.check(heard_all=False, in_order=False)
    assert took_s < 5, f"the worker followed the slot only after {took_s:.1f} s"
    print(f"{len(ledger.sent)} commands, {len(publishers.unsure)} of them sent again; followed within {took_s:.1f} s")


def rejected(node, *commands):
    """How often the node has refused to execute one of these."""
    stats = node.client().info("commandstats")
    return sum(stats.get(f"cmdstat_{command}", {}).get("rejected_calls", 0) for command in commands)


def test_a_killed_node_loses_nothing_and_does_nothing_twice(cluster, parked_at, tmp_path):
    """REDIS_URL names just the node that is killed: the worker remembers the others."""
    master, replica = cluster.master_of(PREFIX), cluster.replica_of(PREFIX)
    allocd = parked_at(master, cluster)
    allocd.start()
    ledger = Ledger(allocd, tmp_path)
    ledger.heard.touch()
    ledger.open(*(unique("sku") for _ in range(5)))

    with SurePublishers(ledger, lambda: cluster.master_of(PREFIX).client()) as publishers:
        await_handled(ledger, 100)
        master.kill()
        wait_until(lambda: cluster.master_of(PREFIX) is replica, "the replica to be promoted")
        allocd.redis = replica.client()
        wait_until(lambda: len(connections(allocd)) == 4, "every connection to be at the new master")
        await_handled(ledger, 100)
    publishers.send_again()
    ledger.settle()
    ledger.await_stream("allocd:commands")
    ledger.check(heard_all=False, in_order=False)
    events = allocd.listen()
    assert allocd.post("/allocate", {"orderid": "after", "sku": ledger.skus[0], "qty": 1}).status_code == 202
    events.expect("line_allocated", orderid="after")
    print(f"{len(ledger.sent)} commands, {len(publishers.unsure)} of them sent again")
