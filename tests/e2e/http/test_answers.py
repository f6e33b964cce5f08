"""Answers to commands as JSON, with the events that the command raised."""

import requests
from installation import TIMEOUT_S, unique, wait_until
from many_lines import LINES, fill, version_of

JSON = {"Accept": "application/json"}


def post(allocd, path, fields, **headers):
    return requests.post(allocd.url(path), json=fields, headers=headers or JSON, timeout=2 * TIMEOUT_S)


def types(answer):
    return [event["type"] for event in answer.json()["events"]]


def test_the_answer_has_the_events_that_are_published(allocd):
    sku, order, events = unique("sku"), unique("order"), allocd.listen()
    added = post(allocd, "/add_batch", {"ref": "shelf", "sku": sku, "qty": 10})

    answer = post(allocd, "/allocate", {"id": "id-1", "orderid": order, "sku": sku, "qty": 3})

    assert (added.status_code, added.json()) == (201, {"id": None, "outcome": "handled", "events": []})
    assert added.headers["Location"] == "/batches/shelf"
    assert (answer.status_code, answer.headers["Content-Type"]) == (202, "application/json")
    assert answer.headers["Location"] == f"/allocations/{order}"
    published = events.expect("line_allocated", orderid=order, sku=sku, qty=3, batchref="shelf", version=1, cause="id-1")
    assert answer.json() == {"id": "id-1", "outcome": "handled", "events": [{"type": "line_allocated", "data": published}]}


def test_each_command_answers_with_its_own_events(allocd):
    sku = unique("sku")
    line = {"orderid": "order", "sku": sku, "qty": 6}
    for reference, eta in (("shelf", None), ("late", "2030-01-01")):
        post(allocd, "/add_batch", {"ref": reference, "sku": sku, "qty": 10, "eta": eta})

    assert types(post(allocd, "/allocate", line)) == ["line_allocated"]
    assert types(post(allocd, "/allocate", line)) == []
    assert types(post(allocd, "/allocate", {**line, "qty": 11})) == ["out_of_stock"]
    assert types(post(allocd, "/change_batch_quantity", {"batchref": "shelf", "qty": 5})) == ["line_deallocated", "line_allocated"]
    assert types(post(allocd, "/ship", line)) == ["line_shipped"]
    assert types(post(allocd, "/deallocate", line)) == []
    stored = allocd.get(f"/events/{sku}").json()
    assert [event["data"]["version"] for event in stored] == [1, 2, 3, 4, 5]


def test_a_duplicate_is_skipped_with_the_same_status(allocd):
    sku = unique("sku")
    post(allocd, "/add_batch", {"ref": "shelf", "sku": sku, "qty": 10})
    line = {"id": unique("id"), "orderid": "order", "sku": sku, "qty": 6}

    first, again = post(allocd, "/allocate", line), post(allocd, "/allocate", line)

    assert (first.status_code, first.json()["outcome"], types(first)) == (202, "handled", ["line_allocated"])
    assert (again.status_code, again.json()) == (202, {"id": line["id"], "outcome": "skipped", "events": []})
    assert again.headers["Location"] == first.headers["Location"]


def test_a_cancelled_order_has_no_outcome_yet_when_it_is_answered(allocd):
    sku, events, cancelled = unique("sku"), allocd.listen(), unique("id")
    post(allocd, "/add_batch", {"ref": "shelf", "sku": sku, "qty": 10})
    post(allocd, "/allocate", {"orderid": "order", "sku": sku, "qty": 6})

    answer = post(allocd, "/order_cancelled", {"id": cancelled, "orderid": "order"})

    assert (answer.status_code, answer.json()) == (202, {"id": cancelled, "outcome": None, "events": []})
    events.expect("line_allocated")
    events.expect("line_deallocated", cause=cancelled, reason="cancelled")
    assert allocd.run("await", "--id", cancelled).returncode == 0
    again = post(allocd, "/order_cancelled", {"id": cancelled, "orderid": "order"})
    assert again.json() == {"id": cancelled, "outcome": "skipped", "events": []}


def test_text_stays_the_answer_unless_json_is_preferred(module_allocd):
    sku = unique("sku")
    post(module_allocd, "/add_batch", {"ref": sku, "sku": sku, "qty": 10})

    for accept in ("*/*", "text/plain", "application/json, text/plain, */*", "application/*"):
        answer = post(module_allocd, "/allocate", {"orderid": accept, "sku": sku, "qty": 1}, Accept=accept)
        assert (answer.text, answer.headers["Content-Type"]) == ("OK", "text/plain; charset=utf-8")
    refused = post(module_allocd, "/allocate", {"orderid": "order", "sku": unique("none"), "qty": 1})
    assert (refused.status_code, refused.headers["Content-Type"]) == (400, "application/problem+json")


def test_events_in_cloudevents_of_messagepack_are_shown_as_json(parked):
    parked.start(ALLOCD_ENCODING="msgpack", ALLOCD_ENVELOPE="cloudevents", ALLOCD_SOURCE="/stock")
    sku = unique("sku")
    post(parked, "/add_batch", {"ref": "shelf", "sku": sku, "qty": 10})

    answer = post(parked, "/allocate", {"orderid": "order", "sku": sku, "qty": 1}).json()

    assert answer["events"] == parked.get(f"/events/{sku}").json()
    assert answer["events"][0]["data"]["source"] == "/stock"


def test_the_answer_to_a_large_shrink_leads_to_the_rest_of_its_events(allocd):
    sku = unique("sku")
    fill(allocd, sku)

    answer = post(allocd, "/change_batch_quantity", {"batchref": "big", "qty": 0})

    if answer.status_code == 503:  # slow machine: the outcome was not known within the deadline
        wait_until(lambda: version_of(allocd, sku) == 3 * LINES, "the shrink to end")
        return
    assert answer.status_code == 202
    assert len(answer.json()["events"]) == 1000
    assert answer.links["next"]["url"] == f"/events/{sku}?after={LINES + 1000}"
    [first, *_] = allocd.get(answer.links["next"]["url"]).json()
    assert first["data"]["version"] == LINES + 1001
