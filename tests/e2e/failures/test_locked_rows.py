"""Rows that another session locks, and messages that are temporarily refused, hold up no other product."""

import contextlib
import json
import threading
import time

import psycopg2
import pytest
import requests
from installation import unique, wait_until

STREAM = "allocd:commands"
OTHERS = 8
SOON_S = 2
# A busy machine under sanitizers: what the rule promises is measured, and this much is allowed on top of it.
ALLOWANCE_S = 2


@contextlib.contextmanager
def session(allocd, *statements):
    """Another session that runs the statements and leaves its transaction open."""
    with contextlib.closing(psycopg2.connect(allocd.database_url)) as connection:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        yield
        connection.rollback()


def lock_products(*skus):
    return [f"update products set revision = revision where sku = '{sku}'" for sku in skus]


def lock_batch(reference):
    return [f"update batches set purchased = purchased where reference = '{reference}'"]


def add(allocd, kind, fields):
    allocd.redis.xadd(allocd.prefix + STREAM, {"type": kind, "data": json.dumps(fields)})


def order(sku, orderid):
    return {"orderid": orderid, "sku": sku, "qty": 1}


def deliver(allocd, way, sku, orderid):
    """Sends one allocate, without waiting for HTTP's answer, which a locked product delays."""
    if way == "stream":
        add(allocd, "allocate", order(sku, orderid))
    elif way == "pubsub":
        allocd.send("allocate", order(sku, orderid))
    else:
        threading.Thread(target=post_in_silence, args=(allocd, sku, orderid), daemon=True).start()


def post_in_silence(allocd, sku, orderid):
    with contextlib.suppress(requests.RequestException):
        allocd.post("/allocate", order(sku, orderid))


def orders(allocd):
    return {orderid for (orderid,) in allocd.query("select orderid from order_lines")}


def expect_soon(allocd, expected):
    """Every one of these orders is allocated within the promised time."""
    begin = time.monotonic()
    wait_until(lambda: expected <= orders(allocd), f"{len(expected)} orders of other products")
    took = time.monotonic() - begin
    assert took < SOON_S + ALLOWANCE_S, f"{took:.1f} s"
    print(f"{len(expected)} orders of other products took {took:.2f} s")


def stock_up(allocd, count, qty=100):
    skus = [unique("sku") for _ in range(count)]
    for sku in skus:
        assert allocd.post("/add_batch", {"ref": f"batch-{sku}", "sku": sku, "qty": qty}).status_code == 201
    return skus


def metric(allocd, name):
    for line in allocd.get("/metrics").text.splitlines():
        if line.startswith(name + " "):
            return float(line.split()[1])
    return None


@pytest.mark.parametrize("way", ["stream", "pubsub", "http"])
def test_two_locked_products_hold_up_no_other_product(allocd, way):
    locked, others = (lambda skus: (skus[:2], skus[2:]))(stock_up(allocd, OTHERS + 2))
    with session(allocd, *lock_products(*locked)):
        for number, sku in enumerate(locked):
            deliver(allocd, way, sku, f"locked-{number}")
        for number, sku in enumerate(others):
            deliver(allocd, way, sku, f"other-{number}")
        expect_soon(allocd, {f"other-{number}" for number in range(OTHERS)})
        assert not {"locked-0", "locked-1"} & orders(allocd)
        wait_until(allocd.ready, "it to be ready although a SKU is parked")
    wait_until(lambda: {"locked-0", "locked-1"} <= orders(allocd), "the locked ones")
    assert not allocd.dead_letters()


def test_a_change_of_a_locked_batch_waits_alone(allocd):
    sku, *others = stock_up(allocd, OTHERS)
    with session(allocd, *lock_batch(f"batch-{sku}")):
        add(allocd, "change_batch_quantity", {"batchref": f"batch-{sku}", "qty": 50})
        for number, other in enumerate(others):
            add(allocd, "allocate", order(other, f"other-{number}"))
        expect_soon(allocd, {f"other-{number}" for number in range(OTHERS - 1)})
    purchased = "select purchased from batches where reference = %s"
    wait_until(lambda: allocd.query(purchased, f"batch-{sku}") == [(50,)], "the change")
    assert not allocd.dead_letters()


def test_a_lock_that_is_taken_under_load_keeps_the_order_of_its_product(allocd):
    hot, *others = stock_up(allocd, 4, qty=300)
    for number in range(100):
        add(allocd, "allocate", order(hot, f"hot-{number}"))
    with session(allocd, *lock_products(hot)):
        for number in range(100, 600):
            add(allocd, "allocate", order(hot, f"hot-{number}"))
            if number % 50 == 0:
                add(allocd, "allocate", order(others[number % 3], f"other-{number}"))
        expect_soon(allocd, {f"other-{number}" for number in range(100, 600, 50)})
    wait_until(lambda: version(allocd, hot) == 600, "every order of the hot product")
    hot_ones = {orderid for orderid in orders(allocd) if orderid.startswith("hot-")}
    assert hot_ones == {f"hot-{number}" for number in range(300)}, "the first 300 got the stock"


def version(allocd, sku):
    return allocd.query("select version from products where sku = %s", sku)[0][0]


@pytest.mark.parametrize("state", ["57014", "53400", "42501", "0A000", "58030"])
def test_a_message_that_is_temporarily_refused_waits_alone(allocd, state):
    sku, *others = stock_up(allocd, OTHERS)
    refuse(allocd, f"raise exception 'not now' using errcode = '{state}'")
    add(allocd, "allocate", order(sku, "victim"))
    add(allocd, "allocate", order(sku, "behind"))
    for number, other in enumerate(others):
        add(allocd, "allocate", order(other, f"other-{number}"))
    expect_soon(allocd, {f"other-{number}" for number in range(OTHERS - 1)})
    assert not {"victim", "behind"} & orders(allocd)
    allocd.query("drop trigger refuse on order_lines")
    wait_until(lambda: {"victim", "behind"} <= orders(allocd), "the victim and what waits behind it")
    assert not allocd.dead_letters()


def refuse(allocd, action):
    allocd.query(
        "create function refuse() returns trigger language plpgsql as $$ begin"
        f" if new.orderid = 'victim' then {action}; end if; return new; end $$"
    )
    allocd.query("create trigger refuse before insert on order_lines for each row execute function refuse()")


def test_a_slow_message_waits_alone(allocd):
    sku, *others = stock_up(allocd, OTHERS)
    refuse(allocd, "perform pg_sleep(20)")
    add(allocd, "allocate", order(sku, "victim"))
    for number, other in enumerate(others):
        add(allocd, "allocate", order(other, f"other-{number}"))
    expect_soon(allocd, {f"other-{number}" for number in range(OTHERS - 1)})
    allocd.query("drop trigger refuse on order_lines")
    wait_until(lambda: "victim" in orders(allocd), "the slow one")
    assert not allocd.dead_letters()


def test_parked_messages_are_counted_at_the_end_and_handled_after_a_restart(allocd):
    sku, other = stock_up(allocd, 2)
    with session(allocd, *lock_products(sku)):
        for number in range(5):
            add(allocd, "allocate", order(sku, f"locked-{number}"))
        add(allocd, "allocate", order(other, "other"))
        expect_soon(allocd, {"other"})
        wait_until(lambda: metric(allocd, "allocd_parked_messages"), "the gauge to count what waits")
        assert metric(allocd, "allocd_parked_skus") == 1
        assert allocd.stop() == 75
        print(allocd.log_lines()[-1])
    allocd.start()
    wait_until(lambda: {f"locked-{number}" for number in range(5)} <= orders(allocd), "what waited")
    assert version(allocd, sku) == 5, "each once"


FLOOD = 12000
HALF_OF_THE_QUEUE = 4000


def test_a_flood_on_a_stream_for_a_locked_product_stays_pending_and_holds_up_nothing_else(allocd):
    """More messages than the worker's queue holds wait for one product."""
    sku, *others = stock_up(allocd, 4)
    with session(allocd, *lock_products(sku)):
        flood(allocd, "stream", sku, FLOOD)
        wait_until(lambda: "stream entries stay pending" in allocd.log.read_text(), "the log to say so")
        expect_others(allocd, others, ["stream", "pubsub", "http"])
        assert metric(allocd, "allocd_parked_messages") <= HALF_OF_THE_QUEUE + 1
        assert metric(allocd, "allocd_postponed_skus") == 1
        answer = allocd.post("/allocate", order(sku, "by-http"))
        assert answer.status_code == 503 and "held up" in answer.text
        wait_until(allocd.ready, "it to be ready although a SKU is parked")
    wait_until(lambda: version(allocd, sku) == FLOOD, "every order of the flood, each once")
    expect_first_orders(allocd)
    wait_until(lambda: pending(allocd) == 0, "all of them to be acknowledged")
    assert metric(allocd, "allocd_postponed_skus") == 0
    assert not allocd.dead_letters()


def test_a_flood_on_pubsub_for_a_locked_product_pauses_pubsub_and_nothing_else(allocd):
    sku, *others = stock_up(allocd, 4)
    with session(allocd, *lock_products(sku)):
        flood(allocd, "pubsub", sku, FLOOD)
        wait_until(lambda: "pub/sub is not read" in allocd.log.read_text(), "the log to say so")
        expect_others(allocd, others, ["stream", "http"])
        allocd.send("allocate", order(others[0], "late"))
    wait_until(lambda: version(allocd, sku) == FLOOD, "every order of the flood, each once")
    expect_first_orders(allocd)
    wait_until(lambda: "late" in orders(allocd), "what came behind the flood")
    assert not allocd.dead_letters()


def test_a_killed_worker_handles_postponed_entries_in_order_after_its_restart(allocd):
    sku, other, _ = stock_up(allocd, 3)
    with session(allocd, *lock_products(sku)):
        flood(allocd, "stream", sku, FLOOD)
        wait_until(lambda: metric(allocd, "allocd_postponed_skus") == 1, "entries that stay pending")
        allocd.kill()
        allocd.start()
        add(allocd, "allocate", order(other, "other"))
        wait_until(lambda: "other" in orders(allocd), "the other product")
    wait_until(lambda: version(allocd, sku) == FLOOD, "every order of the flood, each once")
    expect_first_orders(allocd)
    assert not allocd.dead_letters()


def expect_others(allocd, others, ways):
    for way in ways:
        for sku in others:
            deliver(allocd, way, sku, f"{way}-{sku}")
    expect_soon(allocd, {f"{way}-{sku}" for way in ways for sku in others})


def expect_first_orders(allocd):
    """The orders that arrived first are allocated the stock."""
    assert {orderid for orderid in orders(allocd) if orderid.startswith("flood")} == {f"flood-{number}" for number in range(100)}


def pending(allocd):
    return allocd.redis.xpending(allocd.prefix + STREAM, "allocd")["pending"]


def flood(allocd, way, sku, count):
    pipeline = allocd.redis.pipeline(transaction=False)
    for number in range(count):
        data = json.dumps(order(sku, f"flood-{number}"))
        if way == "stream":
            pipeline.xadd(allocd.prefix + STREAM, {"type": "allocate", "data": data})
        else:
            pipeline.publish(allocd.prefix + "allocate", data)
    pipeline.execute()


def test_four_slow_messages_cost_the_others_little_more_than_one(allocd):
    skus = stock_up(allocd, OTHERS + 4)
    slow, others = skus[:4], skus[4:]
    refuse(allocd, "perform pg_sleep(20)")
    for number, sku in enumerate(slow):
        add(allocd, "allocate", {"orderid": "victim", "sku": sku, "qty": 1 + number})
    for number, other in enumerate(others):
        add(allocd, "allocate", order(other, f"other-{number}"))
    try:
        expect_soon(allocd, {f"other-{number}" for number in range(OTHERS)})
    finally:
        allocd.query("drop trigger refuse on order_lines")
        wait_until(lambda: allocd.query("select count(*) from order_lines where orderid = 'victim'") == [(4,)], "all")


def test_a_product_that_is_free_again_does_not_wait_for_those_that_stay_locked(allocd):
    skus = stock_up(allocd, 61)
    with session(allocd, *lock_products(*skus[1:])):
        with session(allocd, *lock_products(skus[0])):
            for number, sku in enumerate(skus):
                add(allocd, "allocate", order(sku, f"locked-{number}"))
            wait_until(lambda: metric(allocd, "allocd_parked_skus") == 61, "all of them to be parked")
        begin = time.monotonic()
        wait_until(lambda: "locked-0" in orders(allocd), "the one that is free")
        assert time.monotonic() - begin < 6
    assert not allocd.dead_letters()


def test_a_refused_message_in_a_large_unit_waits_alone(allocd):
    sku, *others = stock_up(allocd, 4, qty=1000)
    refuse(allocd, "raise exception 'not now' using errcode = '57014'")
    pipeline = allocd.redis.pipeline(transaction=False)
    for number in range(2000):
        fields = order(sku, "victim") if number == 700 else order(others[number % 3], f"other-{number}")
        pipeline.xadd(allocd.prefix + STREAM, {"type": "allocate", "data": json.dumps(fields)})
    pipeline.execute()
    try:
        expect_soon(allocd, {f"other-{number}" for number in range(2000) if number != 700})
    finally:
        allocd.query("drop trigger refuse on order_lines")
    wait_until(lambda: "victim" in orders(allocd), "the victim")
    assert not allocd.dead_letters()


SLEEPING = "select pid from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()"


def test_a_message_that_is_slow_while_it_holds_the_outbox_waits_alone(allocd):
    """Its attempts must not lock the positions of the outbox, which the events of all other products need."""
    sku, *others = stock_up(allocd, 64)  # enough that some share the slow one's part of the outbox
    allocd.query(
        "create function linger() returns trigger language plpgsql as $$ begin"
        " if exists (select from outbox_parts(new.sections, new.product_id, null, null, null, null) as part"
        f" join products p on p.id = part.product_id and sku = '{sku}') then perform pg_sleep(20); end if;"
        " return new; end $$"
    )
    allocd.query("create trigger linger before insert on outbox for each row execute function linger()")
    add(allocd, "allocate", order(sku, "slow"))
    wait_until(lambda: metric(allocd, "allocd_parked_skus") == 1, "the slow one to be parked")
    for number in range(3):
        wait_until(lambda: allocd.query(SLEEPING), "the slow one to be tried again")
        for other in others:
            add(allocd, "allocate", order(other, f"{number}-{other}"))
        expect_soon(allocd, {f"{number}-{other}" for other in others})
    assert metric(allocd, "allocd_parked_skus") == 1, "no other product had to wait"
    allocd.query("drop trigger linger on outbox")
    wait_until(lambda: "slow" in orders(allocd), "the slow one")
    assert not allocd.dead_letters()


def test_a_message_whose_dead_letter_is_held_up_waits_alone(allocd):
    """A session that removes dead letters, and does not commit, locks their count, which each further one changes."""
    others = stock_up(allocd, OTHERS)
    add(allocd, "allocate", order("unknown", "before"))
    allocd.await_dead_letters()
    with session(allocd, "delete from dead_letters"):
        add(allocd, "allocate", order("unknown", "behind"))
        for number, sku in enumerate(others):
            add(allocd, "allocate", order(sku, f"other-{number}"))
        expect_soon(allocd, {f"other-{number}" for number in range(OTHERS)})
        wait_until(allocd.ready, "it to be ready although a SKU is parked")
    allocd.await_dead_letters(2)


def test_a_message_that_is_slow_at_its_commit_waits_alone(allocd):
    """A deferred trigger would run at the commit, where no statement_timeout ends it."""
    allocd.query(
        "create function dawdle() returns trigger language plpgsql as $$ begin"
        " if new.orderid = 'slow' then perform pg_sleep(20); end if; return new; end $$"
    )
    allocd.query(
        "create constraint trigger dawdle after insert on order_lines deferrable initially deferred"
        " for each row execute function dawdle()"
    )
    assert allocd.stop() == 0
    allocd.start()  # sessions that begin now notice the trigger
    sku, *others = stock_up(allocd, OTHERS)
    add(allocd, "allocate", order(sku, "slow"))
    for number, other in enumerate(others):
        add(allocd, "allocate", order(other, f"other-{number}"))
    expect_soon(allocd, {f"other-{number}" for number in range(OTHERS - 1)})
    allocd.query("drop trigger dawdle on order_lines")
    wait_until(lambda: "slow" in orders(allocd), "the slow one")
    assert not allocd.dead_letters()


def test_a_shrink_in_steps_whose_product_is_locked_waits_alone(allocd):
    """A shrink of more lines than one step moves; later messages of its SKU keep their order."""
    lines = 20000
    (sku, *others) = stock_up(allocd, OTHERS, qty=lines)
    pipeline = allocd.redis.pipeline(transaction=False)
    for number in range(lines):
        fields = json.dumps(order(sku, f"line-{number}"))
        pipeline.xadd(allocd.prefix + STREAM, {"type": "allocate", "data": fields})
    pipeline.execute()
    wait_until(lambda: allocd.query("select count(*) from order_lines") == [(lines,)], "all lines")
    later = {"batchref": f"later-{sku}", "sku": sku, "qty": lines, "eta": "2031-01-01"}
    add(allocd, "create_batch", later)
    add(allocd, "change_batch_quantity", {"batchref": f"batch-{sku}", "qty": 0})
    add(allocd, "allocate", order(sku, "behind"))
    wait_until(lambda: allocd.query("select 1 from shrinks"), "the shrink to begin")
    with session(allocd, *lock_products(sku)):
        assert allocd.query("select 1 from shrinks"), "it was locked on its way"
        for number, other in enumerate(others):
            add(allocd, "allocate", order(other, f"other-{number}"))
        expect_soon(allocd, {f"other-{number}" for number in range(OTHERS - 1)})
        wait_until(allocd.ready, "it to be ready although a SKU is parked")
    allocated = "select purchased, allocated from batches where reference = %s"
    wait_until(lambda: allocd.query(allocated, f"batch-{sku}") == [(0, 0)], "the shrink")
    wait_until(lambda: allocd.query(allocated, f"later-{sku}") == [(lines, lines)], "every line but the last one")
    assert "behind" not in orders(allocd), "its turn came after them"
    assert not allocd.dead_letters()
