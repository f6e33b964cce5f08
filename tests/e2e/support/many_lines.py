"""Order lines, more of them than one unit of work holds."""

from installation import wait_until

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
