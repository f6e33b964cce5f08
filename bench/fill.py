"""Fills databases with stock, lines and their traces, as a worker would have."""

import collections

from partition import PARTITIONS, partition_of
from place import connected

# `lines` are spread over the SKUs in turn; `exhausted` batches, of one line each, belong to the first SKU.
Contents = collections.namedtuple("Contents", "skus lines exhausted", defaults=(0, 0))

# The free stock of the open batches: more than any run uses up.
ROOM = 1_000_000_000

# Tables are filled without their indexes, which are created again afterwards.
LARGE = ("order_lines", "allocations_view", "inbox", "outbox")

# `rank` and `neighbours`: a SKU's number in its partition, and the number of SKUs there.
FILLING = """
create temporary table filling as
select *, row_number() over (partition by partition order by number) as rank,
	count(*) over (partition by partition) as neighbours,
	(%(lines)s::bigint - number + %(skus)s) / %(skus)s as lines
from unnest(%(numbers)s, %(names)s, %(partitions)s) as w (number, sku, partition)
"""

PRODUCTS = """
insert into products (id, sku, version, revision) select number, sku, lines, 1 from filling
"""

BATCHES = """
insert into batches (id, product_id, reference, eta, original_qty, purchased, allocated)
select nextval('row_keys'), number, 'batch-' || number || '-' || batch, current_date + batch,
	%(room)s + held, %(room)s + held, held
from filling
cross join generate_series(1, 2) as batch
cross join lateral (select case when batch = 1 and %(exhausted)s = 0 then lines else 0 end as held) as h
"""

# These are in the warehouse, so they are preferred to the open ones.
EXHAUSTED = """
insert into batches (id, product_id, reference, eta, original_qty, purchased, allocated)
select nextval('row_keys'), 1, 'exhausted-' || n, '-infinity', 1, 1, 1
from generate_series(1, %(exhausted)s) as n
"""

# The keys of products were chosen without the sequence.
KEYS = "select setval('row_keys', greatest(%(skus)s, nextval('row_keys')))"

# Line n, the `round`-th of its SKU, and where it is.
LINES = """
create temporary view lines as
select n, f.*, b.id as batch_id, b.reference, 'old-' || n as orderid, (n - 1) / %(skus)s + 1 as round
from generate_series(1, %(lines)s::bigint) as n
join filling f on f.number = (n - 1) %% %(skus)s + 1
join batches b on b.reference =
	case when %(exhausted)s = 0 then 'batch-' || f.number || '-1' else 'exhausted-' || n end
"""

ROWS = (
    """
insert into order_lines (product_id, orderid, qty, batch_id, version)
select number, orderid, 1, batch_id, round from lines
""",
    """
insert into allocations_view (orderid, sku, qty, batchref) select orderid, sku, 1, reference from lines
""",
    # The ids are those of stream entries.
    """
insert into inbox (message, source, id, digest, outcome)
select 'stream entry', 'allocd:commands 1', 1600000000000 + n || '-0', round, 'handled' from lines
""",
    r"""
insert into outbox (partition, position, product_id, first_version, last_version, frame)
select partition, (round - 1) * neighbours + rank, number, round, round,
	'\016line_allocated'::bytea || int4send(octet_length(event)) || convert_to(event, 'UTF8')
from lines
cross join lateral (
	select format(
		'{"orderid":"%%s","sku":"%%s","qty":1,"batchref":"%%s","version":%%s,"occurred_at":"%%s"}',
		orderid, sku, reference, round,
		to_char(now() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
	) as event
) as e
""",
    """
update outbox_heads h set position = o.last
from (select partition, max(position) as last from outbox group by partition) as o
where o.partition = h.partition
""",
    "update outbox_cursors c set position = h.position from outbox_heads h where h.partition = c.partition",
)

INDEXES = """
select i.indrelid::regclass::text, i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid),
	case c.contype when 'p' then 'primary key' when 'u' then 'unique' end
from pg_index i left join pg_constraint c on c.conindid = i.indexrelid and c.conrelid = i.indrelid
where i.indrelid = any (%s::regclass[])
"""


def fill(url, contents):
    """Fills an empty database.  All that its outbox holds counts as published."""
    numbers = range(1, contents.skus + 1)
    names = [f"sku-{number}" for number in numbers]
    values = {
        **contents._asdict(), "room": ROOM, "numbers": list(numbers), "names": names,
        "partitions": [partition_of(sku) for sku in names],
    }  # fmt: skip
    with connected(url) as database:
        database.run("set maintenance_work_mem = '1GB'; set work_mem = '256MB'; set synchronous_commit = off")
        for statement in (FILLING, PRODUCTS, BATCHES, EXHAUSTED, KEYS):
            database.run(statement, values)
        if contents.lines:
            fill_lines(database, values)
        database.run("vacuum (analyze)")


def fill_lines(database, values):
    indexes = database.rows(INDEXES, [list(LARGE)])
    for table, index, _definition, constraint in indexes:
        database.run(f"alter table {table} drop constraint {index}" if constraint else f"drop index {index}")
    for statement in (LINES, *ROWS):
        database.run(statement, values)
    for table, index, definition, constraint in indexes:
        database.run(definition)
        if constraint:
            database.run(f"alter table {table} add constraint {index} {constraint} using index {index}")
