"""The flow of the book: two batches, one order, shrink the first, and the order moves to the other."""

import datetime

import pytest
from installation import unique

TODAY = datetime.date.today().isoformat()


def test_a_change_of_quantity_reallocates(allocd):
    sku, order, events = unique("sku"), unique("order"), allocd.listen()
    allocd.stock(sku, earlier=(10, "2011-01-01"), later=(10, "2011-01-02"))
    allocd.allocate(sku, order, 10)
    first = events.expect("line_allocated", orderid=order, sku=sku, qty=10, batchref="earlier", version=1)

    allocd.send("change_batch_quantity", {"batchref": "earlier", "qty": 5})

    events.expect("line_deallocated", orderid=order, sku=sku, qty=10, batchref="earlier", version=2)
    last = events.expect("line_allocated", orderid=order, sku=sku, qty=10, batchref="later", version=3)
    assert first["occurred_at"] <= last["occurred_at"]
    assert allocd.get(f"/allocations/{order}").json() == [{"sku": sku, "batchref": "later"}]


def test_commands_over_http_have_the_same_events(allocd):
    sku, order, events = unique("sku"), unique("order"), allocd.listen()
    for reference, eta in (("earlier", "2011-01-01"), ("later", "2011-01-02")):
        answer = allocd.post("/add_batch", {"ref": reference, "sku": sku, "qty": 10, "eta": eta})
        assert (answer.status_code, answer.text) == (201, "OK")

    answer = allocd.post("/allocate", {"orderid": order, "sku": sku, "qty": 10})
    assert (answer.status_code, answer.text) == (202, "OK")
    assert answer.headers["Location"] == f"/allocations/{order}"
    assert allocd.get(answer.headers["Location"]).json() == [{"sku": sku, "batchref": "earlier"}]

    answer = allocd.post("/change_batch_quantity", {"batchref": "earlier", "qty": 5})
    assert (answer.status_code, answer.text) == (202, "OK")
    assert allocd.get(f"/allocations/{order}").json() == [{"sku": sku, "batchref": "later"}]
    events.expect("line_allocated", batchref="earlier", version=1)
    events.expect("line_deallocated", batchref="earlier", version=2)
    events.expect("line_allocated", batchref="later", version=3)


def test_a_deallocated_line_gives_its_stock_back(allocd):
    sku, order, events = unique("sku"), unique("order"), allocd.listen()
    allocd.stock(sku, shelf=10)
    allocd.allocate(sku, order, 10)
    line = {"orderid": order, "sku": sku, "qty": 10}

    allocd.send("deallocate", line)

    events.expect("line_allocated", **line, batchref="shelf", version=1)
    events.expect("line_deallocated", **line, batchref="shelf", version=2, reason="cancelled")
    allocd.allocate(sku, "next", 10)
    events.expect("line_allocated", orderid="next", batchref="shelf", version=3)
    assert allocd.get(f"/allocations/{order}").status_code == 404


def test_a_shipped_line_leaves_with_its_stock(allocd):
    sku, order, events = unique("sku"), unique("order"), allocd.listen()
    allocd.stock(sku, shelf=10)
    allocd.allocate(sku, order, 6)
    line = {"orderid": order, "sku": sku, "qty": 6}

    allocd.send("ship", line)

    events.expect("line_allocated", **line, batchref="shelf", version=1)
    events.expect("line_shipped", **line, batchref="shelf", version=2)
    allocd.allocate(sku, "too-much", 5)
    events.expect("out_of_stock", orderid="too-much", version=3)
    assert allocd.get(f"/allocations/{order}").status_code == 404


@pytest.mark.parametrize(("command", "event"), [("deallocate", "line_deallocated"), ("ship", "line_shipped")])
def test_a_line_leaves_its_batch_over_http_and_once(allocd, command, event):
    sku, order, events = unique("sku"), unique("order"), allocd.listen()
    line = {"orderid": order, "sku": sku, "qty": 10}
    allocd.post("/add_batch", {"ref": "shelf", "sku": sku, "qty": 10})
    allocd.post("/allocate", line)

    for _ in range(2):
        answer = allocd.post(f"/{command}", line)
        assert (answer.status_code, answer.text) == (202, "OK")
        assert answer.headers["Location"] == f"/allocations/{order}"

    assert allocd.get(f"/allocations/{order}").status_code == 404
    allocd.post("/allocate", {**line, "qty": 11})
    events.expect("line_allocated", orderid=order, version=1)
    events.expect(event, **line, batchref="shelf", version=2)
    events.expect("out_of_stock", orderid=order, qty=11, version=3)
    assert allocd.dead_letters() == []


def test_the_warehouse_comes_before_shipments(allocd):
    sku, events = unique("sku"), allocd.listen()
    allocd.stock(sku, shipment=(10, TODAY), warehouse=10)

    allocd.allocate(sku, "order", 3)

    events.expect("line_allocated", batchref="warehouse")


def test_out_of_stock_is_an_event_and_not_a_failure(allocd):
    sku, events = unique("sku"), allocd.listen()
    allocd.stock(sku, small=3)

    allocd.allocate(sku, "order", 4)

    events.expect("out_of_stock", orderid="order", sku=sku, qty=4, version=1)
    assert allocd.dead_letters() == []
    assert allocd.get("/allocations/order").status_code == 404


def test_an_allocate_of_an_allocated_line_is_skipped(allocd):
    sku, events = unique("sku"), allocd.listen()
    allocd.stock(sku, batch=10)
    allocd.allocate(sku, "order", 3)

    allocd.allocate(sku, "order", 3)
    allocd.allocate(sku, "another", 3)

    events.expect("line_allocated", orderid="order", version=1)
    events.expect("line_allocated", orderid="another", version=2)


def test_an_id_is_spent_once_over_all_transports(allocd):
    sku, events, spent = unique("sku"), allocd.listen(), unique("id")
    allocd.stock(sku, batch=3)
    allocd.allocate(sku, "order", 4, id=spent)
    events.expect("out_of_stock", orderid="order", cause=spent, version=1)

    answer = allocd.post("/allocate", {"orderid": "order", "sku": sku, "qty": 4, "id": spent})

    assert answer.status_code == 202
    allocd.allocate(sku, "witness", 1)
    events.expect("line_allocated", orderid="witness", version=2)


def test_a_spent_id_with_other_content_is_rejected(allocd):
    sku, spent = unique("sku"), unique("id")
    allocd.post("/add_batch", {"ref": "batch", "sku": sku, "qty": 3, "id": spent})

    answer = allocd.post("/add_batch", {"ref": "batch", "sku": sku, "qty": 4, "id": spent})

    assert answer.status_code == 409
    assert "id reused" in answer.json()["message"]


def test_an_older_change_of_quantity_is_out_of_date(allocd):
    sku, events = unique("sku"), allocd.listen()
    allocd.post("/add_batch", {"ref": "batch", "sku": sku, "qty": 10})

    for hour, qty in (("12", 5), ("11", 1), ("12", 4)):
        change = {"batchref": "batch", "qty": qty, "occurred_at": f"2020-01-01T{hour}:00:00Z"}
        assert allocd.post("/change_batch_quantity", change).status_code == 202

    allocd.allocate(sku, "too-much", 5)
    allocd.allocate(sku, "fits", 4)
    events.expect("out_of_stock", orderid="too-much")
    events.expect("line_allocated", orderid="fits", batchref="batch")


@pytest.mark.parametrize(
    ("path", "fields", "status", "words"),
    [
        ("/allocate", {"orderid": "o", "sku": "NONE", "qty": 1}, 400, "Invalid sku NONE"),
        ("/allocate", {"orderid": "o", "sku": "NONE"}, 400, "qty"),
        ("/allocate", {"orderid": "o", "sku": "NONE", "qty": "1"}, 400, "qty"),
        ("/allocate", {"orderid": "o", "sku": "NONE", "qty": 0}, 400, "qty"),
        ("/deallocate", {"orderid": "o", "sku": "NONE", "qty": 1}, 400, "Invalid sku NONE"),
        ("/ship", {"orderid": "o", "sku": "NONE", "qty": 1}, 400, "Invalid sku NONE"),
        ("/ship", {"orderid": "o", "sku": "NONE"}, 400, "qty"),
        ("/add_batch", {"ref": "a", "batchref": "b", "sku": "s", "qty": 1}, 400, "ref"),
        ("/change_batch_quantity", {"batchref": "NONE", "qty": 1}, 404, "NONE"),
    ],
)
def test_an_http_error_names_what_is_wrong(allocd, path, fields, status, words):
    answer = allocd.post(path, fields)

    assert answer.status_code == status
    assert answer.headers["Content-Type"].split(";")[0] == "application/problem+json"
    assert words in answer.json()["message"]
    assert answer.json()["status"] == status
    assert allocd.dead_letters() == []


def test_a_taken_reference_is_a_conflict(allocd):
    sku = unique("sku")
    batch = {"ref": "batch", "sku": sku, "qty": 10}
    assert allocd.post("/add_batch", batch).status_code == 201
    assert allocd.post("/add_batch", batch).status_code == 201, "the same batch again is no fault"

    answer = allocd.post("/add_batch", {**batch, "qty": 11})

    assert answer.status_code == 409


def test_names_may_be_any_utf_8_and_are_encoded_in_urls(allocd):
    sku, order = "größe/✓ 50%?&=", "a b/c?d=é"
    allocd.post("/add_batch", {"ref": "#1 ☂", "sku": sku, "qty": 10})

    answer = allocd.post("/allocate", {"orderid": order, "sku": sku, "qty": 10})

    assert answer.status_code == 202
    assert answer.headers["Location"].isascii()
    assert allocd.get(answer.headers["Location"]).json() == [{"sku": sku, "batchref": "#1 ☂"}]
