"""A shrink that moves more lines than one unit of work holds, through a worker that dies on the way."""

from installation import unique, wait_until

LINES = 10500


def fill(allocd, sku):
    allocd.stock(sku, big=LINES)
    pipeline = allocd.redis.pipeline(transaction=False)
    for order in range(LINES):
        fields = f'{{"orderid":"order-{order}","sku":"{sku}","qty":1}}'
        pipeline.publish(allocd.prefix + "allocate", fields)
        if order % 1000 == 999:
            pipeline.execute()
            wait_until(lambda count=order: version_of(allocd, sku) > count, "the lines to be allocated")
    pipeline.execute()
    wait_until(lambda: version_of(allocd, sku) == LINES, "the lines to be allocated")


def version_of(allocd, sku):
    rows = allocd.query("select version from products where sku = %s", sku)
    return rows[0][0] if rows else 0


def test_more_than_ten_thousand_lines_move(allocd):
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


def test_a_crash_on_the_way_resumes(allocd):
    sku = unique("sku")
    fill(allocd, sku)
    allocd.stock(sku, other=(LINES, "2011-01-01"))
    allocd.send("change_batch_quantity", {"batchref": "big", "qty": 0})
    wait_until(lambda: version_of(allocd, sku) > LINES, "the first step to commit")

    allocd.kill()
    allocd.start()

    wait_until(lambda: version_of(allocd, sku) == 3 * LINES, "every line to move")
    assert allocd.get("/allocations/order-0").json() == [{"sku": sku, "batchref": "other"}]
