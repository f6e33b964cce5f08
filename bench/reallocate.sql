-- One `change_batch_quantity`, as a worker would send it that commits each message in a separate transaction
-- (for pgbench); the remarks in allocate.sql hold here, too.
--
-- Each SKU has two batches of 10 and one line of 10.  In turn the batch with the line shrinks to 5, so that
-- the line moves to the other, and grows again: half of the messages move a line.  Each client has separate
-- SKUs.
--
-- skus, clients: their numbers.  sent: 0 at the start; each client counts its messages.

\set own :skus / :clients
\set turn :sent / 2
\set number 1 + :client_id + :clients * (:turn % :own)
\set batch_number 1 + :turn / :own % 2
\set qty case when :sent % 2 = 0 then 5 else 10 end
\set sent :sent + 1

begin;

insert into units (witness) values (gen_random_uuid());

insert into inbox (message, source, id, digest, outcome)
values ('change_batch_quantity', '', gen_random_uuid()::text, :sent, 'handled');

select id as product, sku, version
from products
where id = (
	select product_id from batches
	where reference = 'batch-' || :number::text || '-' || :batch_number::text
)
for no key update
\gset

select id as batch, reference, allocated
from batches
where reference = 'batch-' || :number::text || '-' || :batch_number::text
\gset

\if :allocated > :qty

select orderid, qty as line_qty
from order_lines
where batch_id = :batch
order by version desc
limit 1
\gset

update batches set purchased = :qty, allocated = allocated - :line_qty where id = :batch;

select id as other, reference as other_reference,
	format(
		'{"orderid":"%s","sku":"%s","qty":%s,"batchref":"%s","version":%s,"occurred_at":"%s"}',
		:orderid::text, :sku::text, :line_qty::text, :reference::text, (:version + 1)::text,
		to_char(now() at time zone 'utc', 'YYYY-MM-DD"T"HH24":"MI":"SS.US"Z"')
	) as freed,
	format(
		'{"orderid":"%s","sku":"%s","qty":%s,"batchref":"%s","version":%s,"occurred_at":"%s"}',
		:orderid::text, :sku::text, :line_qty::text, reference, (:version + 2)::text,
		to_char(now() at time zone 'utc', 'YYYY-MM-DD"T"HH24":"MI":"SS.US"Z"')
	) as taken
from batches
where product_id = :product and open and purchased - allocated >= :line_qty
order by eta, reference
limit 1
\gset

update batches set allocated = allocated + :line_qty where id = :other;

update products set version = :version + 2, revision = revision + 1 where id = :product;

update order_lines set batch_id = :other, version = :version + 2
where product_id = :product and orderid = :orderid and qty = :line_qty;

update allocations_view set batchref = :other_reference
where orderid = :orderid and sku = :sku and qty = :line_qty;

\set partition :product % 16
update outbox_heads set position = position + 1 where partition = :partition
returning position
\gset

insert into outbox (partition, position, product_id, first_version, last_version, frame)
values (:partition, :position, :product, :version + 1, :version + 2,
	'\020line_deallocated'::bytea || int4send(octet_length(:freed::text)) || convert_to(:freed, 'UTF8')
	|| '\016line_allocated'::bytea || int4send(octet_length(:taken::text)) || convert_to(:taken, 'UTF8'));

\else

update batches set purchased = :qty where id = :batch;

update products set revision = revision + 1 where id = :product;

\endif

commit;
