-- oldest-program: 1
--
-- The epoch, which `allocd outbox renew` raises: a restored database gives versions of events a second time. An event
-- is in the epoch of its place in the outbox, and bears its number from epoch 2 on. A program of before writes events
-- without one, so none may run after the first `outbox renew`.

-- In all partitions the same. A flush checks it while it locks the heads.
alter table outbox_heads add column if not exists epoch bigint not null default 1;

-- Where each epoch after the first begins: after this position of the partition.
create table if not exists epochs (
	epoch bigint not null,
	partition smallint not null,
	position bigint not null,
	constraint epochs_pkey primary key (epoch, partition)
);

-- Raises the failure of a flush whose events are of another epoch than the database.
create or replace function refuse_epoch() returns boolean language plpgsql as $$
begin
	raise exception 'the outbox was renewed while a unit of work was handled' using errcode = 'ZR001';
end
$$;

-- The version after which a product's events are read, to get those after `version` and all of later epochs than
-- `known`: up to 31 events may come before them.
create or replace function version_before_epoch(product bigint, known bigint, version bigint) returns bigint
language sql stable as $$
	select case
		when not exists (select from epochs where epoch > known) then version
		else least(version, coalesce((
			select d.version
			from outbox_directory d
			cross join lateral (select o.partition, o.position from outbox o where o.key = d.key limit 1) as row
			cross join lateral (
				select e.position from epochs e where e.epoch = known + 1 and e.partition = row.partition limit 1
			) as began
			where d.product_id = product and row.position <= began.position
			order by d.version desc
			limit 1
		), 0))
	end
$$;
