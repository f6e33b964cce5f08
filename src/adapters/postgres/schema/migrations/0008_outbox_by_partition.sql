-- oldest-program: 4
-- in steps
--
-- A unit of work writes one row of the outbox for each partition, where it wrote one for each product. The row's `frame`
-- holds the events of several products, one after another; `sections` says which part belongs to which product, in five
-- numbers each:
--
--     product, version of its first event, version of its last event, key of the row with the product's events before
--     these (0: there are none), number of the part's last byte
--
-- products.last_row is the key of the row with a product's last event. From there the rows of a product form a
-- list, from the latest to the earliest; outbox_directory has an entry for about one in 32 events, so that no reader walks
-- the list from its end. The list ends where the older rows have been deleted.
--
-- Events resemble one another, so a row of several KiB shrinks to a fraction: it is compressed, but stays in the table.
--
-- Rows that earlier programs write have no sections. They are found by their product and version until they are
-- deleted. When an earlier program deletes rows with sections, their entries stay in the directory; readers skip these.
--
-- Workers go on writing meanwhile. Each step locks one table at most, and waits for it only a little longer than an
-- autovacuum takes to yield.

-- step
do $$
begin
	perform set_config('lock_timeout', '1500ms', true);
	alter table products add column if not exists last_row bigint not null default 0;
end
$$

-- step
do $$
declare
	name text;
begin
	perform set_config('lock_timeout', '1500ms', true);
	alter table outbox
		add column if not exists key bigint,
		add column if not exists sections bigint[],
		alter column product_id drop not null,
		alter column first_version set default 0,
		alter column last_version set default 0,
		alter column frame set storage main,
		alter column sections set storage main,
		set (toast_tuple_target = 1024);
	begin
		alter table outbox alter column frame set compression lz4, alter column sections set compression lz4;
	exception
		when feature_not_supported then
			raise notice 'this Postgres was built without lz4: rows of the outbox are compressed by pglz';
	end;
	-- What an interrupted attempt left.
	foreach name in array array['outbox_key', 'outbox_product_key'] loop
		if exists (select from pg_index where indexrelid = to_regclass(name) and not indisvalid) then
			execute format('drop index %I', name);
		end if;
	end loop;
end
$$

-- step
create unique index concurrently if not exists outbox_key on outbox (key) where key is not null

-- step
create unique index concurrently if not exists outbox_product_key on outbox (product_id, last_version)
where product_id is not null

-- step
do $$
begin
	perform set_config('lock_timeout', '1500ms', true);
	alter table outbox drop constraint if exists outbox_version_key;
	drop index if exists outbox_version_key;
end
$$

-- step
alter index outbox_product_key rename to outbox_version_key;

-- Where events of a product are found: `version` is the last one of the product in the row `key`.
create table if not exists outbox_directory (
	product_id bigint not null,
	version bigint not null,
	key bigint not null,
	constraint outbox_directory_pkey primary key (product_id, version)
);

-- The parts of a row of the outbox. A part has no events if its versions do not count upwards from 1, or its end is not
-- within the frame. (Both values are decompressed once for all parts: the concatenations and the offset see to that.)
create or replace function outbox_parts(sections bigint[], frame bytea)
returns table (product_id bigint, first_version bigint, last_version bigint, previous bigint, events bytea)
language sql immutable as $$
	select
		s[i], s[i + 1], s[i + 2], s[i + 3],
		case
			when s[i + 1] between 1 and s[i + 2] and s[i + 4] between coalesce(s[i - 1], 0) and octet_length(f)
			then substring(
				f from coalesce(s[i - 1], 0)::integer + 1 for (s[i + 4] - coalesce(s[i - 1], 0))::integer
			)
		end
	from (select sections || '{}'::bigint[] as s, frame || ''::bytea as f offset 0) as plain
	cross join generate_series(1, cardinality(s), 5) as i
$$;

-- Every part of the outbox's rows, those of before as well.
create or replace view product_frames as
select
	partition, position, key, product_id, first_version, last_version, null::bigint as previous, frame as events,
	committed_at
from outbox
where sections is null
union all
select o.partition, o.position, o.key, part.*, o.committed_at
from outbox o
cross join lateral outbox_parts(o.sections, o.frame) as part
where o.sections is not null;

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
		cross join lateral outbox_parts(o.sections, o.frame) as part
		where part.product_id = product
		union all
		select part.*, o.committed_at
		from list
		cross join lateral (select * from outbox where key = list.previous limit 1) as o
		cross join lateral outbox_parts(o.sections, o.frame) as part
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
		where o.product_id = product and o.last_version > after_version
		order by o.last_version
		limit at_most + 1
	)
	order by last_version
$$
