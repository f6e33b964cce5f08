"""A message's traceparent, however it came in, is on the events that it causes."""

import json

import msgpack
import pytest
import requests
from installation import unique, wait_until

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
OTHER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


def by_member(allocd, command):
    allocd.send("allocate", {**command, "traceparent": TRACE})


def by_messagepack(allocd, command):
    allocd.send("allocate", msgpack.packb({**command, "traceparent": TRACE}))


def by_attribute(allocd, command):
    envelope = {"specversion": "1.0", "type": "allocate", "source": "shop", "id": unique("id"), "traceparent": TRACE}
    allocd.send("allocate", {**envelope, "data": {**command, "traceparent": OTHER}})


def by_entry(allocd, command):
    allocd.redis.xadd(allocd.prefix + "allocd:commands", {"type": "allocate", "data": json.dumps(command), "traceparent": TRACE})


def by_entry_and_member(allocd, command):
    entry = {"type": "allocate", "data": json.dumps({**command, "traceparent": TRACE}), "traceparent": OTHER}
    allocd.redis.xadd(allocd.prefix + "allocd:commands", entry)


def by_header(allocd, command):
    requests.post(allocd.url("/allocate"), json=command, headers={"traceparent": TRACE}, timeout=10).raise_for_status()


WAYS = [by_member, by_messagepack, by_attribute, by_entry, by_entry_and_member, by_header]


@pytest.mark.parametrize("send", WAYS, ids=lambda send: send.__name__)
def test_a_trace_goes_from_a_command_to_its_event(module_allocd, send):
    allocd, sku = module_allocd, unique("sku")
    events = allocd.listen()
    allocd.stock(sku, **{unique("batch"): 10})
    wait_until(lambda: allocd.get(f"/products/{sku}").ok, "the batch, which came by another way than the command will")

    send(allocd, {"orderid": "order", "sku": sku, "qty": 1})

    events.expect("line_allocated", sku=sku, traceparent=TRACE)
    [event] = allocd.get(f"/events/{sku}").json()
    assert event["data"]["traceparent"] == TRACE


@pytest.mark.parametrize("trace", ["", "00-zz", 5, None, ["x"], TRACE.upper()], ids=str)
def test_a_malformed_trace_is_no_reason_to_refuse_a_command(module_allocd, trace):
    allocd, sku = module_allocd, unique("sku")
    events = allocd.listen()
    allocd.stock(sku, **{unique("batch"): 10})

    allocd.send("allocate", {"orderid": "order", "sku": sku, "qty": 1, "traceparent": trace})

    assert "traceparent" not in events.expect("line_allocated", sku=sku)


def test_the_same_id_with_another_trace_is_a_duplicate(module_allocd):
    allocd, sku, command = module_allocd, unique("sku"), unique("id")
    assert allocd.post("/add_batch", {"ref": unique("batch"), "sku": sku, "qty": 10}).status_code == 201
    fields = {"orderid": "order", "sku": sku, "qty": 1, "id": command}

    answers = [
        requests.post(
            allocd.url("/allocate"),
            json={**fields, "traceparent": trace},
            headers={"Accept": "application/json"},
            timeout=10,
        ).json()["outcome"]
        for trace in (TRACE, OTHER)
    ]

    assert answers == ["handled", "skipped"]


def test_the_log_of_a_refused_message_names_its_trace_and_its_sku(module_allocd):
    allocd, sku = module_allocd, unique("sku")

    allocd.send("allocate", {"orderid": "order", "sku": sku, "qty": 1, "traceparent": TRACE})

    expected = f" sku={sku} trace_id={TRACE.split('-')[1]}"
    wait_until(lambda: any(line.endswith(expected) for line in allocd.log_lines()), "the line")
