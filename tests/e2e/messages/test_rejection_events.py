"""A publisher hears that its message was not handled, if ALLOCD_REJECTION_EVENTS is on."""

import json
import re

import jsonschema
import msgpack
import pytest
from installation import ROOT, unique, wait_until

SCHEMA = json.loads((ROOT / "schemas" / "command_rejected.json").read_text())


@pytest.fixture
def telling(parked):
    parked.start(ALLOCD_REJECTION_EVENTS="on")
    return parked


def status_with_unheard(allocd, count):
    status = allocd.get("/admin/status").json()
    return status if status["outputs"]["unheard"] == count else None


def test_each_outcome_is_heard_on_its_channel_and_stays_in_the_event_stream(telling):
    events, ids = telling.listen(), [unique("id") for _ in range(3)]
    telling.send("allocate", {"orderid": "order", "sku": "no-such-sku", "qty": 1, "id": ids[0]})
    rejected = events.expect("command_rejected", id=ids[0], message="allocate", outcome="rejected")
    telling.send("change_batch_quantity", {"batchref": "none", "qty": "many", "id": ids[1]})
    invalid = events.expect("command_rejected", id=ids[1], message="change_batch_quantity", outcome="invalid")
    entry = telling.redis.xadd(telling.prefix + "allocd:commands", {"type": "ship", "data": "no JSON"}).decode()
    events.expect("command_rejected", id=entry, message="ship", outcome="invalid", reason_code="malformed")
    telling.send("allocate", b"no JSON")
    unnamed = events.expect("command_rejected", message="allocate", reason_code="malformed")

    assert (rejected["reason_code"], rejected["reason"]) == ("invalid_sku", "invalid sku no-such-sku")
    assert (invalid["reason_code"], "id" in unnamed, "source" in rejected) == ("malformed", False, False)
    for event in (rejected, invalid, unnamed):
        jsonschema.validate(event, SCHEMA)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", event["at"])
    kept = telling.redis.xrange(telling.prefix + "allocd:events")
    assert [fields[b"type"] for _, fields in kept] == 4 * [b"command_rejected"]
    assert json.loads(kept[0][1][b"data"]) == rejected
    assert len(telling.dead_letters()) == 4
    assert telling.run("verify").returncode == 0


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_as_a_cloudevent_it_has_an_id_of_its_own_and_the_source_of_the_message(parked, encoding):
    unpack = msgpack.unpackb if encoding == "msgpack" else json.loads
    parked.start(ALLOCD_REJECTION_EVENTS="on", ALLOCD_ENCODING=encoding, ALLOCD_ENVELOPE="cloudevents")
    events, trace = parked.listen(), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    command = {"specversion": "1.0", "id": "id-1", "source": "test", "type": "allocate", "traceparent": trace}
    parked.send("allocate", {**command, "data": {"orderid": "order", "sku": "no-such-sku", "qty": 1}})
    name, raw = events.next_raw()
    named = unpack(raw)
    parked.send("allocate", {**command, "source": "other", "data": {"orderid": "order", "sku": "no-such-sku", "qty": 1}})
    other = unpack(events.next_raw()[1])
    parked.send("allocate", b"no JSON")
    unnamed = unpack(events.next_raw()[1])

    assert name == named["type"] == "command_rejected"
    assert (named["data"]["id"], named["data"]["source"], named["traceparent"]) == ("id-1", "test", trace)
    assert (other["data"]["id"], other["data"]["source"]) == ("id-1", "other")
    assert named["time"] == named["data"]["at"]
    assert {"id", "source"}.isdisjoint(unnamed["data"]) and unnamed["data"]["place"].endswith("allocate")
    assert len({event["id"] for event in (named, other, unnamed)} | {"", "id-1"}) == 5


def test_no_event_is_raised_by_default(allocd):
    events = allocd.listen()
    allocd.send("allocate", {"orderid": "order", "sku": "no-such-sku", "qty": 1})
    allocd.await_dead_letters()
    allocd.stock("lamp", batch=1)
    allocd.allocate("lamp", "order", 1)

    events.expect("line_allocated", orderid="order")
    assert allocd.query("select count(*) from outbox where product_id is null") == [(0,)]


@pytest.mark.parametrize("stream", ["allocd:events", ""])
def test_an_event_without_a_subscriber_is_a_trouble_only_where_no_event_stream_has_it(parked, stream):
    parked.start(ALLOCD_REJECTION_EVENTS="on", ALLOCD_EVENT_STREAM=stream)
    wait_until(lambda: status_with_unheard(parked, 0), "the first status")
    parked.send("allocate", {"orderid": "order", "sku": "no-such-sku", "qty": 1})
    status = wait_until(lambda: status_with_unheard(parked, 1), "the event to go out")

    assert ("nobody-listens" in [trouble["code"] for trouble in status["troubles"]]) == (not stream)


def test_an_entry_that_a_dead_worker_did_not_acknowledge_is_heard_once(telling):
    """The entry is added to the group's pending entries again, as if it had not been acknowledged."""
    stream = telling.prefix + "allocd:commands"
    events, message = telling.listen(), json.dumps({"orderid": "order", "sku": "no-such-sku", "qty": 1})
    entry = telling.redis.xadd(stream, {"type": "allocate", "data": message}).decode()
    events.expect("command_rejected", id=entry)
    group = telling.redis.xinfo_groups(stream)[0]["name"]
    wait_until(lambda: not telling.redis.xpending(stream, group)["pending"], "the acknowledgement")
    telling.kill()
    telling.redis.xclaim(stream, group, "dead", 0, [entry], force=True)
    telling.start(ALLOCD_REJECTION_EVENTS="on")
    wait_until(lambda: telling.query("select attempts from dead_letters") == [(2,)], "the second delivery")
    telling.send("allocate", {"orderid": "order", "sku": "another", "qty": 1, "id": "last"})

    events.expect("command_rejected", id="last")


def test_events_of_no_product_survive_the_tools(telling):
    """`forget` replaces an order's id in them, `outbox renew` leaves them as they are, `verify` finds damage."""
    order, events = unique("order"), telling.listen()
    telling.send("allocate", {"orderid": order, "sku": f"sku of {order}", "qty": 1, "id": order})
    events.expect("command_rejected", id=order)
    sku = "lamp"
    telling.stock(sku, batch=1)
    assert telling.run("forget", "--order", order).returncode == 0
    assert telling.run("verify").returncode == 0
    ((frame,),) = telling.query("select frame from outbox where product_id is null and partition = 0")
    telling.stop()
    telling.query("update outbox_cursors set position = 0 where partition = 0")
    renewed = telling.run("outbox", "renew", "--yes")
    assert renewed.returncode == 0, renewed.stderr
    telling.start(ALLOCD_REJECTION_EVENTS="on")
    heard = events.expect("command_rejected", message="allocate")

    assert order.encode() not in bytes(frame)
    assert heard["id"] != order and heard["reason"] == f"invalid sku sku of {heard['id']}"
    assert telling.run("verify").returncode == 0
    telling.query("update outbox set frame = frame || frame where product_id is null")
    assert telling.run("verify").returncode == 0
    telling.query("update outbox set frame = '\\x00' where product_id is null")
    assert "outbox-frame" in telling.run("verify").stdout
