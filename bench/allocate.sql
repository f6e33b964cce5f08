-- One `allocate`, as a worker would send it that commits each message in a separate transaction (for pgbench).
--
-- It writes the same rows as allocd.  It does not decode, look up the line, publish, save cursors or
-- acknowledge, all of which allocd's figures include.
--
-- skus: the number of SKUs to draw from.  sent: 0 at the start; each client counts its messages.

\set number random(1, :skus)
\set sent :sent + 1

begin;

insert into units (witness) values (gen_random_uuid());

insert into inbox (message, source, id, digest, outcome)
values ('allocate', '', gen_random_uuid()::text, :sent, 'handled');

select id as product, sku, version + 1 as version,
	'order-' || :client_id::text || '-' || :sent::text as orderid
from products
where sku = 'sku-' || :number::text
for no key update
\gset

select id as batch, reference, format(
		'{"orderid":"%s","sku":"%s","qty":%s,"batchref":"%s","version":%s,"occurred_at":"%s"}',
		:orderid::text, :sku::text, 1, reference, :version::text,
		to_char(now() at time zone 'utc', 'YYYY-MM-DD"T"HH24":"MI":"SS.US"Z"')
	) as event
from batches
where product_id = :product and open
order by eta, reference
limit 1
\gset

update batches set allocated = allocated + 1 where id = :batch;

update products set version = :version, revision = revision + 1 where id = :product;

insert into order_lines (product_id, orderid, qty, batch_id, version)
values (:product, :orderid, 1, :batch, :version);

insert into allocations_view (orderid, sku, qty, batchref)
values (:orderid, :sku, 1, :reference);

\set partition :product % 16
update outbox_heads set position = position + 1 where partition = :partition
returning position
\gset

insert into outbox (partition, position, product_id, first_version, last_version, frame)
values (:partition, :position, :product, :version, :version,
	'\016line_allocated'::bytea || int4send(octet_length(:event::text)) || convert_to(:event, 'UTF8'));

commit;
