"""An order is cancelled: each of its lines gives its stock back, once."""

import collections
import json

import pytest
from installation import unique, wait_until

STREAM = "allocd:commands"
WAYS = ["pubsub", "stream", "http"]
LINES = 10_000


def add(allocd, *messages):
    """Adds entries to the stream, in one round trip."""
    with allocd.redis.pipeline(transaction=False) as pipeline:
        for name, fields in messages:
            pipeline.xadd(allocd.prefix + STREAM, {"type": name, "data": json.dumps(fields)})
        pipeline.execute()


def cancel(allocd, way, order, **more):
    fields = {"orderid": order, **more}
    if way == "stream":
        add(allocd, ("order_cancelled", fields))
    elif way == "pubsub":
        allocd.send("order_cancelled", fields)
    else:
        assert allocd.post("/order_cancelled", fields).status_code == 202


def lines_of(allocd, order):
    return set(allocd.query("select sku, qty from allocations_view where orderid = %s", order))


def await_ended(allocd):
    """Waits until every entry is acknowledged and every process has ended."""

    def has_ended():
        groups = allocd.redis.xinfo_groups(allocd.prefix + STREAM)
        [group] = [each for each in groups if each["name"] == b"allocd"]
        return not group["pending"] and not group["lag"] and not allocd.query("select key from processes")

    wait_until(has_ended, "every cancellation to end")


def expect_verified(allocd):
    done = allocd.run("verify")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("way", WAYS)
def test_a_cancelled_order_gives_the_stock_of_all_its_lines_back(allocd, way):
    skus, order, events = [unique("sku") for _ in range(3)], unique("order"), allocd.listen()
    for sku in skus:
        allocd.stock(sku, **{f"batch of {sku}": 10})
        allocd.allocate(sku, order, 10)
        events.expect("line_allocated", sku=sku)

    cancel(allocd, way, order, id=unique("cancellation"))

    heard = {}
    for _ in skus:
        fields = events.expect("line_deallocated", orderid=order, qty=10, version=2, reason="cancelled")
        heard[fields["sku"]] = fields["batchref"]
        assert fields["cause"].startswith("cancellation")
    assert heard == {sku: f"batch of {sku}" for sku in skus}
    assert allocd.get(f"/allocations/{order}").status_code == 404
    allocd.allocate(skus[0], "next", 10)
    events.expect("line_allocated", orderid="next", version=3)
    wait_until(lambda: not allocd.query("select key from processes"), "the process to end")
    expect_verified(allocd)


@pytest.mark.parametrize("way", WAYS)
def test_a_cancellation_of_an_unknown_order_is_handled(allocd, way):
    spent = unique("id")

    cancel(allocd, way, "an unknown order", id=spent)

    done = allocd.run("await", "--id", spent)
    assert (done.returncode, done.stdout.split()[0]) == (0, "handled"), done.stdout + done.stderr
    assert allocd.dead_letters() == []


def test_a_cancellation_that_comes_again_by_any_way_has_one_effect(allocd):
    sku, order, spent, events = unique("sku"), unique("order"), unique("id"), allocd.listen()
    allocd.stock(sku, batch=10)
    allocd.allocate(sku, order, 1)
    events.expect("line_allocated")
    cancel(allocd, "pubsub", order, id=spent)
    events.expect("line_deallocated", version=2, cause=spent)
    allocd.run("await", "--id", spent)
    allocd.allocate(sku, order, 1)
    events.expect("line_allocated", version=3)

    for way in WAYS:
        cancel(allocd, way, order, id=spent)
    await_ended(allocd)
    reused = allocd.post("/order_cancelled", {"orderid": "another", "id": spent})

    assert reused.status_code == 409
    assert lines_of(allocd, order) == {(sku, 1)}
    assert allocd.dead_letters() == []


def test_an_order_is_cancelled_before_while_and_after_its_lines_are_allocated(allocd):
    """All in one burst on one stream, so that most lines are queued or in flight when their order is cancelled."""
    sku = unique("sku")
    allocd.post("/add_batch", {"ref": "batch", "sku": sku, "qty": 1_000_000})
    messages = []
    for number in range(200):
        for kind, names in (("before", "ca"), ("after", "ac"), ("between", "aca"), ("twice", "acac")):
            order = f"{kind}-{number}"
            allocate = ("allocate", {"orderid": order, "sku": sku, "qty": 1})
            messages += [allocate if name == "a" else ("order_cancelled", {"orderid": order}) for name in names]
    add(allocd, *messages)
    await_ended(allocd)

    rows = allocd.query("select orderid from allocations_view")
    held = collections.Counter(order.partition("-")[0] for (order,) in rows)
    assert held == {"before": 200, "between": 200}
    [[version]] = allocd.query("select version from products")
    assert version == 200 * (1 + 2 + 3 + 4), "each allocate and each cancellation had its one effect"
    expect_verified(allocd)


def test_the_answer_over_http_comes_once_a_cancellation_can_not_be_lost(allocd):
    """The line's product is locked: the caller is answered all the same, and other messages go on."""
    sku, order, spent = unique("sku"), unique("order"), unique("id")
    allocd.post("/add_batch", {"ref": "batch", "sku": sku, "qty": 10})
    allocd.post("/allocate", {"orderid": order, "sku": sku, "qty": 10})
    allocd.query("begin")
    allocd.query("select from products where sku = %s for update", sku)

    cancel(allocd, "http", order, id=spent)

    other = unique("sku")
    assert allocd.post("/add_batch", {"ref": "other", "sku": other, "qty": 10}).status_code == 201
    assert allocd.run("await", "--id", spent, "--timeout", "1").returncode == 75
    allocd.query("rollback")
    assert allocd.run("await", "--id", spent).returncode == 0
    assert lines_of(allocd, order) == set()


def test_an_order_of_ten_thousand_lines_is_cancelled(allocd):
    skus, order = [unique("sku") for _ in range(100)], unique("order")
    add(allocd, *(("create_batch", {"ref": sku, "sku": sku, "qty": LINES}) for sku in skus))
    lines = [(sku, qty) for sku in skus for qty in range(1, LINES // len(skus) + 1)]
    add(allocd, *(("allocate", {"orderid": order, "sku": sku, "qty": qty}) for sku, qty in lines))
    await_ended(allocd)
    assert lines_of(allocd, order) == set(lines)

    cancel(allocd, "stream", order)
    await_ended(allocd)

    assert lines_of(allocd, order) == set()
    assert allocd.query("select sum(allocated) from batches") == [(0,)]
    expect_verified(allocd)


def test_the_read_model_that_is_rebuilt_while_orders_are_cancelled_is_right(allocd):
    sku = unique("sku")
    allocd.post("/add_batch", {"ref": "batch", "sku": sku, "qty": 1_000_000})
    for begin in range(0, 2000, 500):
        orders = [f"order-{number}" for number in range(begin, begin + 500)]
        add(allocd, *(("allocate", {"orderid": order, "sku": sku, "qty": 1}) for order in orders))
        add(allocd, *(("order_cancelled", {"orderid": order}) for order in orders[::2]))
        assert allocd.run("rebuild-view").returncode == 0
    await_ended(allocd)

    assert len(allocd.query("select 1 from allocations_view")) == 1000
    expect_verified(allocd)


def test_a_cancellation_that_is_a_dead_letter_is_replayed(allocd):
    sku, order = unique("sku"), unique("order")
    allocd.post("/add_batch", {"ref": "batch", "sku": sku, "qty": 10})
    allocd.post("/allocate", {"orderid": order, "sku": sku, "qty": 1})
    allocd.send("order_cancelled", {"order": order})
    allocd.await_dead_letters()
    [[key]] = allocd.query("select id from dead_letters")

    dry = allocd.run("dead-letters", "replay", str(key), "--dry-run", "--edit", f"orderid={order}")
    assert dry.returncode == 0 and "line_deallocated" in dry.stdout, dry.stdout + dry.stderr
    assert lines_of(allocd, order) == {(sku, 1)}
    done = allocd.run("dead-letters", "replay", str(key), "--edit", f"orderid={order}", "--yes")

    assert done.returncode == 0, done.stdout + done.stderr
    assert lines_of(allocd, order) == set()
    assert allocd.dead_letters() == []
    assert not allocd.query("select key from processes")
