"""JSON and MessagePack, bare and in CloudEvents, in and out."""

import json

import jsonschema
import msgpack
import pytest
from installation import ROOT, unique

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def cloudevent(name, fields, **more):
    return {"specversion": "1.0", "id": unique("id"), "source": "test", "type": name, "data": fields, **more}


def test_a_messagepack_command_is_handled(allocd):
    sku, events = unique("sku"), allocd.listen()
    allocd.send("create_batch", msgpack.packb({"ref": "batch", "sku": sku, "qty": 10, "eta": None}))

    allocd.send("allocate", msgpack.packb({"orderid": "order", "sku": sku, "qty": 3, "unknown": [1.5, b"x"]}))

    events.expect("line_allocated", orderid="order", batchref="batch")


@pytest.mark.parametrize("pack", [lambda event: json.dumps(event).encode(), msgpack.packb], ids=["json", "msgpack"])
def test_a_command_in_a_cloudevent_is_handled(allocd, pack):
    sku, events = unique("sku"), allocd.listen()
    allocd.stock(sku, batch=10)

    event = cloudevent("allocate", {"orderid": "order", "sku": sku, "qty": 3})
    allocd.send("allocate", pack(event))
    allocd.send("allocate", pack({**event, "id": "another", "data": {**event["data"], "orderid": "next"}}))

    events.expect("line_allocated", orderid="order", version=1)
    events.expect("line_allocated", orderid="next", version=2)


def test_source_and_id_together_identify_a_cloudevent(allocd):
    sku, events = unique("sku"), allocd.listen()
    allocd.stock(sku, small=1)
    event = cloudevent("allocate", {"orderid": "order", "sku": sku, "qty": 2})

    allocd.send("allocate", event)
    allocd.send("allocate", event)
    allocd.send("allocate", {**event, "source": "another"})

    events.expect("out_of_stock", version=1)
    events.expect("out_of_stock", version=2)
    allocd.allocate(sku, "last", 1)
    events.expect("line_allocated", orderid="last", version=3)


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_events_are_published_as_cloudevents_by_a_setting(parked, encoding):
    unpack = msgpack.unpackb if encoding == "msgpack" else json.loads
    parked.start(ALLOCD_ENCODING=encoding, ALLOCD_ENVELOPE="cloudevents", ALLOCD_SOURCE="//shop/stock")
    sku, events = unique("sku"), parked.listen()
    parked.stock(sku, batch=10)

    command = cloudevent("allocate", {"orderid": "order", "sku": sku, "qty": 3}, traceparent=TRACE)
    parked.send("allocate", command)

    name, payload = events.next_raw()
    event = unpack(payload)
    assert name == "line_allocated"
    assert event["specversion"] == "1.0"
    assert (event["type"], event["source"], event["id"]) == ("line_allocated", "//shop/stock", f"{sku}/1")
    assert event["data"]["batchref"] == "batch"
    assert event["data"]["version"] == 1
    assert event["time"].endswith("Z")
    # The command's parent span lives on in the event's trace.
    assert event["traceparent"].split("-")[1] == TRACE.split("-")[1]


def test_events_are_published_as_messagepack_by_a_setting(parked):
    parked.start(ALLOCD_ENCODING="msgpack")
    sku, events = unique("sku"), parked.listen()
    parked.stock(sku, batch=10)

    parked.allocate(sku, "order", 3, id="the-cause")

    name, payload = events.next_raw()
    event = msgpack.unpackb(payload)
    assert (name, event["sku"], event["qty"], event["cause"]) == ("line_allocated", sku, 3, "the-cause")


def test_numbers_and_names_at_their_limits_are_accepted(allocd):
    events = allocd.listen()
    sku, order = "☃" * 255, "𝄞" * 255
    allocd.send("create_batch", {"ref": "é" * 255, "sku": sku, "qty": 2147483647})

    allocd.send("allocate", json.dumps({"orderid": order, "sku": sku, "qty": 2147483647.0}).encode())

    events.expect("line_allocated", orderid=order, sku=sku, batchref="é" * 255, qty=2147483647)


def test_every_event_satisfies_its_published_schema(allocd):
    sku, events = unique("sku"), allocd.listen()
    allocd.stock(sku, first=10, second=5)
    allocd.allocate(sku, "order", 5, id="cause")
    allocd.allocate(sku, "huge", 100)
    allocd.send("change_batch_quantity", {"batchref": "first", "qty": 1})

    heard = [events.next() for _ in range(4)]

    assert [name for name, _ in heard] == ["line_allocated", "out_of_stock", "line_deallocated", "line_allocated"]
    for name, fields in heard:
        schema = json.loads((ROOT / "schemas" / f"{name}.json").read_text())
        jsonschema.Draft202012Validator(schema).validate(fields)
    assert [fields["version"] for _, fields in heard] == [1, 2, 3, 4]


WILD = {
    "a 64-bit unsigned number": b"18446744073709551615",
    "more than a double holds": b"-1e4000",
    "NaN": b'[NaN,{"x":-Infinity}]',
    "half of a surrogate pair": b'"\\udc8d"',
    "a key twice": b'{"sku":1,"sku":{"a":0,"a":0}}',
}


@pytest.mark.parametrize("value", WILD.values(), ids=WILD.keys())
def test_an_unknown_field_may_have_any_value(module_allocd, value):
    allocd, sku = module_allocd, unique("sku")
    events = allocd.listen()
    allocd.stock(sku, **{unique("batch"): 10})
    bare = json.dumps({"orderid": "bare", "sku": sku, "qty": 1}).encode()
    event = json.dumps(cloudevent("allocate", {"orderid": "event", "sku": sku, "qty": 1})).encode()

    allocd.send("allocate", b"\xef\xbb\xbf" + bare[:-1] + b',"x":' + value + b"}")
    allocd.send("allocate", b'{"x":' + value + b"," + event[1:-2] + b',"y":' + value + b"}}")

    events.expect("line_allocated", sku=sku, orderid="bare")
    events.expect("line_allocated", sku=sku, orderid="event")


def test_a_cloudevent_of_any_sku_can_be_decoded(parked):
    """Its id, SKU/VERSION, is longer than an id of a command may be."""
    parked.start(ALLOCD_ENVELOPE="cloudevents", ALLOCD_SOURCE="//" + "s" * 1022)
    sku, events, command = "🪑" * 255, parked.listen(), unique("command")
    parked.stock(sku, batch=10)

    parked.allocate(sku, "order", 3, id=command)

    name, payload = events.next_raw()
    assert (name, json.loads(payload)["id"]) == ("line_allocated", f"{sku}/1")
    told = json.loads(parked.run("await", "--id", command, "--json").stdout)
    [outcome] = told["outcomes"]
    assert [event["name"] for event in outcome["events"]] == ["line_allocated"]
    assert outcome["events"][0]["payload"]["data"]["sku"] == sku
