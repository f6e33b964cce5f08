"""What is in stock, and the lines of an order, read over HTTP."""

import urllib.parse

import pytest
import requests
from installation import TIMEOUT_S, unique


def quoted(name):
    return urllib.parse.quote(name, safe="")


def add(allocd, reference, sku, qty, **more):
    answer = allocd.post("/add_batch", {"ref": reference, "sku": sku, "qty": qty, **more})
    assert answer.status_code == 201
    return answer


def line(order, sku, qty):
    return {"orderid": order, "sku": sku, "qty": qty}


def batch(reference, qty, allocated, eta=None):
    return {"batchref": reference, "eta": eta, "qty": qty, "allocated": allocated, "available": qty - allocated}


def product(allocd, sku):
    answer = allocd.get(f"/products/{quoted(sku)}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    return answer.json()


def test_a_product_is_shown_with_its_batches_in_order_of_preference(module_allocd):
    sku, late, early, shelf, first = (unique(word) for word in ("sku", "b-late", "z-early", "y-shelf", "x-shelf"))
    add(module_allocd, late, sku, 10, eta="2030-02-01T10:00:00Z")
    add(module_allocd, early, sku, 20, eta="2011-01-01")
    add(module_allocd, shelf, sku, 30)
    add(module_allocd, first, sku, 40)

    assert product(module_allocd, sku) == {
        "sku": sku,
        "version": 0,
        "batches": [batch(first, 40, 0), batch(shelf, 30, 0), batch(early, 20, 0, "2011-01-01"), batch(late, 10, 0, "2030-02-01")],
    }


def test_each_command_shows_in_the_stock_when_it_is_answered(module_allocd):
    sku, shelf = unique("sku"), unique("shelf")
    add(module_allocd, shelf, sku, 100)
    day = [
        ("/allocate", line("order-1", sku, 30), batch(shelf, 100, 30), 1),
        ("/allocate", line("order-2", sku, 20), batch(shelf, 100, 50), 2),
        ("/ship", line("order-1", sku, 30), batch(shelf, 70, 20), 3),
        ("/change_batch_quantity", {"batchref": shelf, "qty": 68}, batch(shelf, 68, 20), 3),
        ("/deallocate", line("order-2", sku, 20), batch(shelf, 68, 0), 4),
        ("/allocate", line("order-3", sku, 69), batch(shelf, 68, 0), 5),
        ("/allocate", line("order-4", sku, 68), batch(shelf, 68, 68), 6),
        ("/change_batch_quantity", {"batchref": shelf, "qty": 0}, batch(shelf, 0, 0), 8),
    ]

    for path, fields, expected, version in day:
        assert module_allocd.post(path, fields).status_code == 202
        assert product(module_allocd, sku) == {"sku": sku, "version": version, "batches": [expected]}
        assert module_allocd.get(f"/batches/{shelf}").json() == {"sku": sku, **expected}


@pytest.mark.parametrize("word", ["plain", "with blank", "a/b?c#d", "ä€🪑", "100%", "a+b&c=d", '"quoted" \\ \u0001', "é" * 200])
def test_names_are_percent_encoded(module_allocd, word):
    sku, shelf, order = unique(word), unique(word), unique(word)

    location = add(module_allocd, shelf, sku, 5).headers["Location"]
    module_allocd.post("/allocate", line(order, sku, 2))

    assert location == f"/batches/{quoted(shelf)}"
    assert module_allocd.get(location).json() == {"sku": sku, **batch(shelf, 5, 2)}
    assert product(module_allocd, sku) == {"sku": sku, "version": 1, "batches": [batch(shelf, 5, 2)]}
    behind = requests.get(module_allocd.url(f"/products/{quoted(sku)}"), params={"after": shelf}, timeout=TIMEOUT_S)
    assert behind.json()["batches"] == []
    full = module_allocd.get(f"/allocations/{quoted(order)}?full")
    assert full.json() == [{"sku": sku, "batchref": shelf, "qty": 2}]


def test_the_location_is_that_of_the_first_time(module_allocd):
    sku, shelf = unique("sku"), unique("shelf")
    first = add(module_allocd, shelf, sku, 5)
    module_allocd.post("/change_batch_quantity", {"batchref": shelf, "qty": 3})

    again = add(module_allocd, shelf, sku, 5)
    taken = module_allocd.post("/add_batch", {"batchref": shelf, "sku": sku, "qty": 6})

    assert again.headers["Location"] == first.headers["Location"] == f"/batches/{shelf}"
    assert (taken.status_code, taken.headers.get("Location")) == (409, None)
    assert module_allocd.get(f"/batches/{shelf}").json() == {"sku": sku, **batch(shelf, 3, 0)}


def test_a_line_of_an_order_has_two_members_unless_all_are_asked_for(module_allocd):
    sku, shelf, order = unique("sku"), unique("shelf"), unique("order")
    add(module_allocd, shelf, sku, 10)
    for qty in (3, 1):
        module_allocd.post("/allocate", line(order, sku, qty))

    pair = {"sku": sku, "batchref": shelf}
    assert module_allocd.get(f"/allocations/{order}").json() == [pair, pair]
    assert module_allocd.get(f"/allocations/{order}?full").json() == [{**pair, "qty": 1}, {**pair, "qty": 3}]


def test_all_batches_of_a_product_are_read_in_pages(module_allocd):
    sku, prefix = unique("sku"), unique("batch")
    add(module_allocd, f"{prefix} -1", sku, 1)
    [[product_id]] = module_allocd.query("select id from products where sku = %s", sku)
    module_allocd.query(
        "insert into batches (id, product_id, reference, eta, original_qty, purchased, allocated)"
        " select -n, %s, %s || ' ' || n, '2011-01-01'::date + n / 2, 2, 2, (n %% 3 = 0)::integer * 2 from generate_series(1, 2500) n",
        product_id, prefix,
    )  # fmt: skip
    pages, path = [], f"/products/{sku}"

    while path:
        answer = module_allocd.get(path)
        pages.append(answer.json()["batches"])
        path = answer.links["next"]["url"] if answer.links else None

    batches = [batch for page in pages for batch in page]
    assert [len(page) for page in pages] == [1000, 1000, 501]
    assert [batch["eta"] or "" for batch in batches] == sorted(batch["eta"] or "" for batch in batches)
    assert len({batch["batchref"] for batch in batches}) == 2501
    assert sum(batch["available"] == 0 for batch in batches) == 833


@pytest.mark.parametrize(
    ("path", "status", "name"),
    [
        ("/products/no-such-sku", 404, "no-such-sku"),
        ("/batches/no-such-batch", 404, "no-such-batch"),
        ("/allocations/no-such-order?full", 404, "no-such-order"),
        ("/products/%FF", 400, "SKU"),
        ("/batches/%C3", 400, "batch reference"),
        ("/batches/" + "x" * 256, 400, "255 characters"),
        ("/products/no-such-sku?after=", 400, "?after=BATCHREF"),
        ("/allocations/no-such-order?full=1", 400, "?full"),
    ],
)
def test_what_cannot_be_read_is_answered_with_an_error_that_names_it(module_allocd, path, status, name):
    answer = module_allocd.get(path)

    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert answer.json()["type"] == "urn:allocd:problem:" + ("not-found" if status == 404 else "invalid")
    assert name in answer.json()["message"]


def test_a_page_begins_behind_a_batch_of_the_same_product(module_allocd):
    sku, shelf, other = unique("sku"), unique("shelf"), unique("other")
    add(module_allocd, shelf, sku, 1)
    add(module_allocd, other, unique("another-sku"), 1)

    answer = module_allocd.get(f"/products/{sku}?after={other}")

    assert answer.status_code == 400
    assert sku in answer.json()["message"] and other in answer.json()["message"]


@pytest.mark.parametrize("path", ["/products/", "/batches/"])
def test_stock_is_only_read(module_allocd, path):
    sku = unique("sku")
    add(module_allocd, sku, sku, 1)
    url = module_allocd.url(path + sku)

    head = requests.head(url, timeout=TIMEOUT_S)
    posted = requests.post(url, json={}, timeout=TIMEOUT_S)

    assert (head.status_code, head.text) == (200, "")
    assert int(head.headers["Content-Length"]) == len(requests.get(url, timeout=TIMEOUT_S).content)
    assert (posted.status_code, posted.headers["Allow"]) == (405, "GET, HEAD")


def test_a_product_is_read_while_its_row_is_locked(module_allocd):
    """The read side has a connection of its own, and takes no locks."""
    sku = unique("sku")
    add(module_allocd, sku, sku, 3)
    module_allocd.query("begin")
    module_allocd.query("select from products where sku = %s for update", sku)

    try:
        assert product(module_allocd, sku)["batches"] == [batch(sku, 3, 0)]
        assert module_allocd.get(f"/batches/{sku}").status_code == 200
    finally:
        module_allocd.query("rollback")
