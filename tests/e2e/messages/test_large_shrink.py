"""A shrink that moves more lines than one unit of work holds, through a worker that dies on the way."""

from installation import unique, wait_until
from many_lines import LINES, fill, version_of


def test_a_shrink_of_more_than_ten_thousand_lines_moves_all_of_them(allocd):
    sku = unique("sku")
    fill(allocd, sku)
    allocd.stock(sku, other=(LINES, "2011-01-01"))

    allocd.send("change_batch_quantity", {"batchref": "big", "qty": 0})
    allocd.allocate(sku, "afterwards", 1)

    events = LINES + 2 * LINES + 1
    wait_until(lambda: version_of(allocd, sku) == events, "every line to move")
    assert allocd.get("/allocations/order-0").json() == [{"sku": sku, "batchref": "other"}]
    assert allocd.get(f"/allocations/order-{LINES - 1}").json() == [{"sku": sku, "batchref": "other"}]
    assert allocd.get("/allocations/afterwards").status_code == 404, "the other batch was full before it came"


def test_a_shrink_in_steps_resumes_after_a_crash(allocd):
    sku = unique("sku")
    fill(allocd, sku)
    allocd.stock(sku, other=(LINES, "2011-01-01"))
    allocd.send("change_batch_quantity", {"batchref": "big", "qty": 0})
    wait_until(lambda: version_of(allocd, sku) > LINES, "the first step to commit")

    allocd.kill()
    allocd.start()

    wait_until(lambda: version_of(allocd, sku) == 3 * LINES, "every line to move")
    assert allocd.get("/allocations/order-0").json() == [{"sku": sku, "batchref": "other"}]
