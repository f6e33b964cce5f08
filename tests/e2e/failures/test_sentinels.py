"""The sentinels promote the replica: the worker asks them for the new master, with every connection."""

import signal
import time

import pytest
import redis_nodes
from installation import Installation, unique, wait_until
from ledger import Ledger
from sure_publishers import SurePublishers, await_handled, connections

FOLLOWED_S = 6  # sentinels demote a former master after 8 s or more
SECRET = "sesame-4711"


@pytest.fixture
def watched():
    with redis_nodes.watched() as there:
        yield there


@pytest.fixture
def parked_at(tmp_path, database_url):
    """Makes an installation whose worker asks these sentinels, and does not run yet."""
    made = []

    def make(watched, user=""):
        there = Installation(tmp_path, database_url, watched.nodes[0].url())
        there.redis_url = watched.url(user)
        there.redis = watched.nodes[0].client()
        made.append(there)
        return there

    yield make
    for there in made:
        there.close()


def kill(watched):
    watched.nodes[0].kill()


def demote(watched):
    """The former master stays up, as a replica of the new one."""
    watched.sentinels[0].client().sentinel_failover(redis_nodes.MASTER)


@pytest.mark.parametrize("fail_over", (kill, demote), ids=lambda way: way.__name__)
def test_a_failover_under_load_loses_nothing_and_does_nothing_twice(watched, parked_at, tmp_path, fail_over):
    allocd = parked_at(watched)
    allocd.start()
    ledger = Ledger(allocd, tmp_path)
    ledger.heard.touch()
    ledger.open(*(unique("sku") for _ in range(5)))

    with SurePublishers(ledger, lambda: watched.master().client()) as publishers:
        await_handled(ledger, 100)
        fail_over(watched)
        wait_until(lambda: watched.master() is watched.nodes[1], "the replica to be promoted")
        begun = time.monotonic()
        allocd.redis = watched.nodes[1].client()
        wait_until(lambda: len(connections(allocd)) == 4, "every connection to be at the new master")
        took_s = time.monotonic() - begun
        await_handled(ledger, 100)
    publishers.send_again()
    ledger.settle()
    ledger.await_stream("allocd:commands")
    # What the former master had published, and not replicated yet, is lost with it.
    ledger.check(heard_all=False, on_stream=fail_over is kill, in_order=False)
    events = allocd.listen()
    assert allocd.post("/allocate", {"orderid": "after", "sku": ledger.skus[0], "qty": 1}).status_code == 202
    events.expect("line_allocated", orderid="after")
    assert took_s < FOLLOWED_S, "the worker stayed at the former master until that was demoted"
    print(f"{len(ledger.sent)} commands, {len(publishers.unsure)} of them sent again; followed within {took_s:.1f} s")


def test_one_sentinel_that_answers_suffices_with_tls_and_passwords_that_stay_secret(parked_at, redis_certificate):
    with redis_nodes.watched(SECRET, redis_certificate) as watched:
        allocd = parked_at(watched, f":{SECRET}@")
        allocd.settings |= redis_certificate.of_worker()
        watched.sentinels[0].kill()
        watched.sentinels[1].process.send_signal(signal.SIGSTOP)
        allocd.start()
        wrong = allocd.run("publish", "allocate", "sku=s", "orderid=o", "qty=1", REDIS_URL=watched.url(":other-secret@"))
        watched.sentinels[1].process.send_signal(signal.SIGCONT)

        allocd.stock("a-sku", shelf=1)
        wait_until(lambda: allocd.get("/products/a-sku").status_code == 200, "the batch to be there")
        assert SECRET not in allocd.log.read_text()
        assert f"127.0.0.1:{watched.nodes[0].public_port}" in allocd.log.read_text()
        assert wrong.returncode != 0
        assert "refuses the user and password in REDIS_URL" in wrong.stderr
        assert "other-secret" not in wrong.stderr
