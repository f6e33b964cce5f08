"""Inserts the stock that the pgbench scripts beside this file expect."""

from partition import PARTITIONS, partition_of
from place import connected

# A product's key determines its partition, which pgbench cannot compute from the SKU.
PRODUCTS = """
insert into products (id, sku, version, revision)
select id, sku, %(lines)s, 1 from unnest(%(ids)s, %(names)s) as w (id, sku)
"""

# The first is in the warehouse, the second is a shipment.
BATCHES = """
insert into batches (id, product_id, reference, eta, original_qty, purchased, allocated)
select nextval('row_keys'), p.id, 'batch-' || substr(p.sku, 5) || '-' || b.number, b.eta, %(qty)s, %(qty)s,
	case when b.number = 1 then %(allocated)s else 0 end
from products p
cross join (values (1, '-infinity'::date), (2, current_date + 1)) as b (number, eta)
"""

# One line of 10 a SKU, in its first batch, with its event.
LINES = [
    """
insert into order_lines (product_id, orderid, qty, batch_id, version)
select b.product_id, 'order-' || substr(p.sku, 5), 10, b.id, 1
from products p join batches b on b.product_id = p.id and b.eta = '-infinity'
""",
    """
insert into allocations_view (orderid, sku, qty, batchref)
select l.orderid, p.sku, l.qty, b.reference
from order_lines l join products p on p.id = l.product_id join batches b on b.id = l.batch_id
""",
]


def fill(url, script, skus):
    """Fills an empty database for `allocate` (stock that no run uses up) or `reallocate` (one line a SKU)."""
    has_lines = script == "reallocate"
    names = [f"sku-{number}" for number in range(1, skus + 1)]
    values = {
        "names": names,
        "ids": [PARTITIONS * number + partition_of(sku) for number, sku in enumerate(names)],
        "lines": 1 if has_lines else 0,
        "qty": 10 if has_lines else 100_000_000,
        "allocated": 10 if has_lines else 0,
    }
    with connected(url) as database:
        for statement in (PRODUCTS, BATCHES, *(LINES if has_lines else [])):
            database.run(statement, values)
        database.run("vacuum (analyze)")
