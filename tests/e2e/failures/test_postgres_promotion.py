"""A standby of Postgres is promoted under load: how long it takes until the worker is ready, and what is lost."""

import contextlib
import json
import time

import clusters
import pytest
import redis
import servers
from installation import Installation, unique, wait_until
from ledger import Ledger
from sure_publishers import SurePublishers, await_handled


@pytest.fixture
def pair():
    with clusters.primary_and_standby() as pair:
        yield pair


@pytest.fixture
def allocd(pair, tmp_path, server_urls):
    url = clusters.url_of(*pair, target_session_attrs="read-write", connect_timeout=2)
    there = Installation(tmp_path, url, server_urls["REDIS_URL"])
    there.start()
    yield there
    there.close()


def kill(primary):
    primary.kill()


@pytest.mark.parametrize(("fail", "ready_within_s"), [(kill, 5), (clusters.freeze, 15)], ids=["killed", "frozen"])
def test_a_synchronous_standby_has_everything_when_it_is_promoted(pair, allocd, tmp_path, fail, ready_within_s):
    primary, standby = pair
    clusters.make_synchronous(primary)
    ledger = Ledger(allocd, tmp_path)
    ledger.open(*(unique("sku") for _ in range(5)))

    with ledger.listening():
        with SurePublishers(ledger, lambda: redis.Redis.from_url(allocd.redis_url), replicas=0) as publishers:
            await_handled(ledger, 100)
            fail(primary)
            allocd.database = None  # a frozen server would never answer the test either
            standby.promote()
            begun = time.monotonic()
            publishers.by_http({"orderid": "first", "sku": ledger.skus[0], "qty": 1, "id": unique("id")})
            wait_until(allocd.ready, "the worker to be ready")
            took_s = time.monotonic() - begun
            await_handled(ledger, 100)
        publishers.send_again()
        ledger.settle()
        ledger.await_stream("allocd:commands")
        ledger.check(in_order=False)
    print(f"{len(ledger.sent)} commands, {len(publishers.unsure)} of them sent again; ready {took_s:.1f} s after the promotion")
    assert took_s < ready_within_s

    if fail is kill:
        check_that_a_demoted_primary_is_passed_over(primary, standby, allocd, ledger.skus[0])


def check_that_a_demoted_primary_is_passed_over(primary, standby, allocd, sku):
    """It is the first of the hosts, and lets every session in, which ends when it has said that it only reads."""
    clusters.demote(primary)
    standby.psql("select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = 'allocd'")
    line = {"orderid": "after", "sku": sku, "qty": 1}
    wait_until(lambda: allocd.post("/allocate", line).status_code == 202, "an order to be allocated")
    wait_until(lambda: allocd.get("/allocations/after").status_code == 200, "the allocation to be read")
    count = "select count(*) from pg_stat_activity where application_name = 'allocd'"
    wait_until(lambda: primary.psql(count) == "0", "no session to be with the demoted primary")


def stock_both(pair, allocd):
    """A SKU with a batch that the standby has, too."""
    sku = unique("sku")
    assert allocd.post("/add_batch", {"ref": unique("batch"), "sku": sku, "qty": 100}).status_code == 201
    servers.wait_until(lambda: clusters.caught_up(*pair), "the standby to have everything", 20)
    return sku


def allocate_without_standby(standby, allocd, sku):
    """The order "lost" is allocated, and published, and the standby never hears of it."""
    clusters.cut_off(standby)
    listener = allocd.listen()
    assert allocd.post("/allocate", {"orderid": "lost", "sku": sku, "qty": 1}).status_code == 202
    listener.expect("line_allocated", orderid="lost", version=1)
    return listener


def renew(allocd):
    renewed = allocd.run("outbox", "renew", "--yes")
    assert renewed.returncode == 0, renewed.stdout + renewed.stderr


def test_a_standby_that_lagged_behind_takes_no_commands_until_the_outbox_is_renewed(pair, allocd):
    primary, standby = pair
    sku = stock_both(pair, allocd)
    listener = allocate_without_standby(standby, allocd, sku)
    primary.kill()
    standby.promote()
    begun = time.monotonic()
    wait_until(lambda: "outbox renew" in allocd.readiness(), "readiness to say what to do")
    found_s = time.monotonic() - begun
    allocd.redis.xadd(f"{allocd.prefix}allocd:commands", allocate("by-stream", sku))
    refused = allocd.post("/allocate", {"orderid": "refused", "sku": sku, "qty": 1})
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:allocd:problem:database-restored")
    assert not allocd.query("select 1 from order_lines")

    renew(allocd)
    listener.expect("line_allocated", orderid="by-stream", version=1, epoch=2)
    wait_until(allocd.ready, "the worker to be ready")
    print(f"the worker found {found_s:.1f} s after the promotion that the database is older than what was published")


def allocate(orderid, sku):
    return {"type": "allocate", "data": json.dumps({"orderid": orderid, "sku": sku, "qty": 1})}


def test_no_event_is_lost_though_a_promoted_standby_gives_positions_again(pair, allocd):
    """A line is lost; those that wait are committed at once, on a position that Redis has published already."""
    primary, standby = pair
    sku = stock_both(pair, allocd)
    listener = allocate_without_standby(standby, allocd, sku)
    primary.kill()
    for number in range(20):
        allocd.redis.xadd(f"{allocd.prefix}allocd:commands", allocate(f"order-{number}", sku))
    standby.promote()
    wait_until(lambda: "outbox renew" in allocd.readiness(), "readiness to say what to do")
    renew(allocd)
    for number in range(20):
        listener.expect("line_allocated", orderid=f"order-{number}", version=number + 1, epoch=2)


def test_while_redis_is_away_after_a_promotion_the_worker_says_that_it_commits_no_event(pair, own_redis, tmp_path):
    primary, standby = pair
    url = clusters.url_of(*pair, target_session_attrs="read-write", connect_timeout=2)
    with contextlib.closing(Installation(tmp_path, url, own_redis.url())) as allocd:
        allocd.start()
        sku = stock_both(pair, allocd)
        own_redis.stop()
        primary.kill()
        standby.promote()

        late = allocd.post("/allocate", {"orderid": "order", "sku": sku, "qty": 1})
        assert (late.status_code, late.json()["type"]) == (503, "urn:allocd:problem:late")
        wait_until(
            lambda: "the broker does not answer which events it has published" in allocd.get("/readyz?for=http").text,
            lambda: f"readiness to say why: {allocd.get('/readyz?for=http').text}",
        )
        print(allocd.run("status").stdout)

        own_redis.start()
        wait_until(lambda: allocd.query("select 1 from order_lines where orderid = 'order'"), "the line that waited")
        wait_until(allocd.ready, "the worker to be ready")
