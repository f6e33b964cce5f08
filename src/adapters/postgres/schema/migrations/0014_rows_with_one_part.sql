-- oldest-program: 4
-- in steps
--
-- A row of the outbox with a single part, which is what a small unit of work writes, says in columns of its own what
-- `sections` says of several parts: product_id, first_version, last_version, and `previous`, the key of the row with the
-- product's events before these (null: there are none). Its part ends where the frame ends. An array costs 21 bytes more
-- than its numbers. In rows with several parts these columns are null, and take no place either.
--
-- Rows of programs that know migration 8 have sections in any case, and those of earlier programs have no key: both stay
-- readable. Programs of before read the new rows by the functions below, but their `verify` reports these, and when they
-- delete such a row, its entries stay in the directory; readers skip these.

-- step
do $$
begin
	perform set_config('lock_timeout', '1500ms', true);
	alter table outbox
		add column if not exists previous bigint,
		alter column first_version drop not null,
		alter column first_version drop default,
		alter column last_version drop not null,
		alter column last_version drop default;
	-- What an interrupted attempt left.
	if exists (select from pg_index where indexrelid = to_regclass('outbox_product_key') and not indisvalid) then
		drop index outbox_product_key;
	end if;
end
$$

-- step
create unique index concurrently if not exists outbox_product_key on outbox (product_id, last_version) where key is null

-- step
do $$
begin
	perform set_config('lock_timeout', '1500ms', true);
	drop index if exists outbox_version_key;
end
$$

-- step
alter index outbox_product_key rename to outbox_version_key;

-- The parts of a row of any kind.
create or replace function outbox_parts(
	sections bigint[], product bigint, first bigint, last bigint, before bigint, frame bytea
)
returns table (product_id bigint, first_version bigint, last_version bigint, previous bigint, events bytea)
language sql immutable as $$
	select * from outbox_parts(
		coalesce(sections, array[product, first, last, coalesce(before, 0), nullif(octet_length(frame), 0)]), frame
	)
$$;

-- Every part of the outbox's rows, those of before as well.
create or replace view product_frames as
select o.partition, o.position, o.key, part.*, o.committed_at
from outbox o
cross join lateral outbox_parts(
	o.sections, o.product_id, o.first_version, o.last_version, o.previous, o.frame
) as part;

-- The parts with a product's events after a version, oldest first: at least those with the next `at_most` events that
-- are kept. About 64 rows more than those may be read. The lowest version falls from each row of the list to the next, so
-- the reading ends even if a damaged row refers to itself.
--
-- Retention deletes a product's earliest rows first. So where the list ends although the directory has an earlier entry
-- whose row is kept, a row between them is missing or damaged. In place of the missing versions, up to where the list
-- begins, there is then one row without events.
create or replace function frames_of_product(product bigint, after_version bigint, at_most integer)
returns table (first_version bigint, last_version bigint, events bytea, committed_at timestamptz)
language sql stable as $$
	with recursive beginning as (
		select coalesce(
			(
				select d.key from outbox_directory d
				cross join lateral (select from outbox where key = d.key limit 1) as kept
				where d.product_id = product and d.version >= at_most + greatest(after_version, (
					select d.version from outbox_directory d
					cross join lateral (select from outbox where key = d.key limit 1) as kept
					where d.product_id = product and d.version > after_version
					order by d.version
					limit 1
				))
				order by d.version
				limit 1
			),
			(select p.last_row from products p where p.id = product limit 1)
		) as key
	), list as (
		select part.*, o.committed_at
		from beginning
		cross join lateral (select * from outbox where key = beginning.key limit 1) as o
		cross join lateral outbox_parts(
			o.sections, o.product_id, o.first_version, o.last_version, o.previous, o.frame
		) as part
		where part.product_id = product
		union all
		select part.*, o.committed_at
		from list
		cross join lateral (select * from outbox where key = list.previous limit 1) as o
		cross join lateral outbox_parts(
			o.sections, o.product_id, o.first_version, o.last_version, o.previous, o.frame
		) as part
		where list.first_version > after_version + 1
		and part.product_id = product and part.last_version < least(list.first_version, list.last_version)
	), whole as (
		select coalesce(
			(select min(l.first_version) from list l),
			(select p.version + 1 from products p where p.id = product limit 1)
		) as from_version
	)
	select l.first_version, l.last_version, l.events, l.committed_at
	from list l
	where greatest(l.first_version, l.last_version) > after_version
	union all
	select greatest(d.version, after_version) + 1, whole.from_version - 1, null, null
	from whole
	cross join lateral (
		select d.version from outbox_directory d
		cross join lateral (select from outbox where key = d.key limit 1) as kept
		where d.product_id = product and d.version < whole.from_version
		order by d.version desc
		limit 1
	) as d
	where whole.from_version > after_version + 1
	union all
	(
		select o.first_version, o.last_version, o.frame, o.committed_at
		from outbox o
		where o.product_id = product and o.last_version > after_version and o.key is null
		order by o.last_version
		limit at_most + 1
	)
	order by last_version
$$
