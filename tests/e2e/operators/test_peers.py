"""bench/peers: workers on Node do what is measured of them, and what they lose is found."""

import contextlib
import os
import shutil
import socket
import sys

import installation
import pytest
from installation import TIMEOUT_S, unique

sys.path.append(str(installation.ROOT / "bench"))

import load  # noqa: E402
import peers  # noqa: E402
import place  # noqa: E402

MESSAGES, SKUS = 40, 7


@pytest.fixture(autouse=True)
def node():
    if missing := [command for command in ("node", "npm") if not shutil.which(command)]:
        refuse = pytest.fail if os.geteuid() == 0 else pytest.skip  # ./dev installs what is missing when it is root
        refuse(f"{', '.join(missing)} not installed: see ./dev packages peers")


@pytest.fixture(params=peers.PEERS)
def ready(request, database_url, server_urls):
    """A peer that has its messages in its queue, and what listens to its events."""
    prefix = f"{unique('peer')}:"
    peer = peers.start(database_url, server_urls["REDIS_URL"], request.param, prefix, MESSAGES, SKUS)
    with contextlib.closing(load.Ear(server_urls["REDIS_URL"], f"{prefix}line_allocated".encode())) as ear:
        yield peer, ear
    peers.end(peer)
    place.remove_keys(server_urls["REDIS_URL"], prefix)


# Faults, each with its repair.
DAMAGES = {
    "delete from peer.order_lines where orderid = 'order-3'": (
        "insert into peer.order_lines values ('order-3', 'sku-3', 1, 'batch-3')"
    ),
    "update peer.batches set allocated = allocated - 1 where reference = 'batch-3'": (
        "update peer.batches set allocated = allocated + 1 where reference = 'batch-3'"
    ),
}


def test_each_message_is_a_line_an_event_and_is_acknowledged_and_else_it_is_lost(ready, database_url):
    peer, ear = ready
    seconds, cpu = peers.timed(peer, ear, MESSAGES, {"worker": peer.pid})
    left = peers.stop(peer)

    assert seconds > 0 and cpu["worker"] > 0
    peers.check(database_url, "x", MESSAGES, ear.count, left)
    for events, still_pending in ((MESSAGES - 1, 0), (MESSAGES, 1)):
        with pytest.raises(place.LostMessage):
            peers.check(database_url, "x", MESSAGES, events, still_pending)
    with place.connected(database_url) as database:
        for damage, repair in DAMAGES.items():
            database.run(damage)
            with pytest.raises(place.LostMessage):
                peers.check(database_url, "x", MESSAGES, ear.count, left)
            database.run(repair)


def test_a_message_that_the_database_refuses_ends_the_peer(ready, database_url):
    peer, _ = ready
    with place.connected(database_url) as database:
        database.run("alter table peer.order_lines add check (orderid <> 'order-3')")

    peers.begin(peer)

    assert peer.wait(TIMEOUT_S) == 1


def test_a_peer_whose_redis_answers_nothing_is_not_waited_for(database_url, monkeypatch):
    monkeypatch.setattr(peers, "START_S", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        with pytest.raises(place.BenchError, match="the peer pool was not ready within 1 s"):
            peers.start(database_url, url, "pool", "silent:", MESSAGES, SKUS)
