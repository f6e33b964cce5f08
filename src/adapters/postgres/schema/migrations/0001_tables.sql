-- oldest-program: 1
--
-- All tables.  The line above names the oldest program that works with a database that has this migration,
-- by the number of the newest migration that program knows.
--
-- Keys are integers inside and text outside; text is compared by bytes.  Rows that are updated often keep
-- room on their page (fillfactor), so that an update touches no index.
--
-- Products, batches and keys of lines are never deleted, and a flush takes their keys from rows that it has
-- locked.  So a foreign key on the many rows (lines, read model, outbox) could never fail; it would cost a
-- look-up and a row lock a line.  Only what is written rarely has one.

-- Keys of products and batches: workers take them beforehand, many at a time.
create sequence row_keys cache 1000;

create table products (
	id bigint constraint products_pkey primary key,
	sku text collate "C" not null constraint products_sku_key unique,
	version bigint not null,
	revision bigint not null,
	constraint products_sku_length check (char_length(sku) between 1 and 255),
	constraint products_version check (version >= 0),
	constraint products_revision check (revision >= 1)
) with (fillfactor = 70);

-- An ETA of -infinity is the warehouse: it sorts first.  `open` and not the comparison is what the index asks
-- for: an update that leaves it as it is touches no index.
create table batches (
	id bigint constraint batches_pkey primary key,
	product_id bigint not null constraint batches_product references products,
	reference text collate "C" not null constraint batches_reference_key unique,
	eta date not null,
	original_qty integer not null,
	purchased integer not null,
	allocated integer not null,
	changed_at timestamptz,
	open boolean not null generated always as (allocated < purchased) stored,
	constraint batches_reference_length check (char_length(reference) between 1 and 255),
	constraint batches_original_qty check (original_qty >= 1),
	constraint batches_allocated check (allocated >= 0),
	constraint batches_never_beyond_purchased check (allocated <= purchased)
) with (fillfactor = 70);

create index batches_open on batches (product_id, eta, reference) where open;

-- The lines that batches hold.  A line's version is that of its line_allocated event.
create table order_lines (
	product_id bigint not null,
	orderid text collate "C" not null,
	qty integer not null,
	batch_id bigint not null,
	version bigint not null,
	constraint order_lines_pkey primary key (product_id, orderid, qty),
	constraint order_lines_orderid_length check (char_length(orderid) between 1 and 255),
	constraint order_lines_qty check (qty >= 1),
	constraint order_lines_version check (version >= 1)
);

create index order_lines_newest on order_lines (batch_id, version);

-- A shrink that goes on in steps, and the lines that wait meanwhile for a batch.
create table shrinks (
	product_id bigint constraint shrinks_pkey primary key constraint shrinks_product references products,
	batch_id bigint not null constraint shrinks_batch references batches,
	target integer not null,
	cause text,
	traceparent text,
	constraint shrinks_target check (target >= 0)
);

create table displaced_lines (
	product_id bigint not null,
	orderid text collate "C" not null,
	qty integer not null,
	version bigint not null,
	constraint displaced_lines_pkey primary key (product_id, orderid, qty),
	constraint displaced_lines_qty check (qty >= 1),
	constraint displaced_lines_version check (version >= 1)
);

create index displaced_lines_oldest on displaced_lines (product_id, version);

-- The read model.
create table allocations_view (
	orderid text collate "C" not null,
	sku text collate "C" not null,
	qty integer not null,
	batchref text collate "C" not null,
	constraint allocations_view_pkey primary key (orderid, sku, qty)
);

-- What was published or is to be: one row a unit of work and product.  Positions are gapless per partition
-- and in the order of the commits, for the head is the last row that a transaction locks.
create table outbox (
	partition smallint not null,
	position bigint not null,
	product_id bigint not null,
	first_version bigint not null,
	last_version bigint not null,
	frame bytea not null,
	committed_at timestamptz not null default now(),
	constraint outbox_pkey primary key (partition, position),
	constraint outbox_version_key unique (product_id, last_version),
	constraint outbox_versions check (first_version between 1 and last_version)
);

create table outbox_heads (
	partition smallint constraint outbox_heads_pkey primary key,
	position bigint not null default 0
) with (fillfactor = 10);

create table outbox_cursors (
	partition smallint constraint outbox_cursors_pkey primary key,
	position bigint not null default 0
) with (fillfactor = 10);

insert into outbox_heads (partition) select generate_series(0, 15);
insert into outbox_cursors (partition) select generate_series(0, 15);

-- The message ids that were spent.
create table inbox (
	message text collate "C" not null,
	source text collate "C" not null,
	id text collate "C" not null,
	digest bigint not null,
	outcome text collate "C" not null,
	handled_at timestamptz not null default now(),
	constraint inbox_pkey primary key (id, source, message),
	constraint inbox_outcome check (outcome in ('handled', 'skipped'))
);

create index inbox_oldest on inbox (handled_at);

-- The witnesses: every unit of work inserts its own first.  When it is not known whether the unit was
-- committed, its witness is inserted again, as settled: then the unit never can be.
create table units (
	witness uuid constraint units_pkey primary key,
	settled boolean not null default false,
	at timestamptz not null default now()
);

create index units_oldest on units (at);

-- Messages that were not handled.
create table dead_letters (
	id bigint generated always as identity constraint dead_letters_pkey primary key,
	outcome text collate "C" not null,
	reason text not null,
	way text collate "C" not null,
	place text not null,
	entry_id text,
	message text collate "C" not null,
	source text not null,
	message_id text,
	payload bytea not null,
	payload_bytes bigint not null,
	attempts integer not null default 1,
	first_at timestamptz not null default now(),
	last_at timestamptz not null default now(),
	constraint dead_letters_outcome check (outcome in ('rejected', 'invalid', 'failed')),
	constraint dead_letters_payload check (octet_length(payload) <= least(payload_bytes, 65536))
);

-- The order in which they leave when there are too many.
create index dead_letters_leaving on dead_letters ((outcome = 'failed'), id);

-- How many there are, kept by triggers: counting them anew would slow every unit that adds one.
create table dead_letter_totals (
	kept bigint not null,
	dropped bigint not null,
	only_row boolean not null default true constraint dead_letter_totals_pkey primary key,
	constraint dead_letter_totals_only_row check (only_row)
) with (fillfactor = 10);

insert into dead_letter_totals (kept, dropped) values (0, 0);

create function count_dead_letters() returns trigger language plpgsql as $$
begin
	if tg_op = 'INSERT' then
		update dead_letter_totals set kept = kept + (select count(*) from rows);
	elsif tg_op = 'DELETE' then
		update dead_letter_totals set kept = kept - (select count(*) from rows);
	else
		update dead_letter_totals set kept = 0;
	end if;
	return null;
end
$$;

create trigger count_inserted after insert on dead_letters
	referencing new table as rows for each statement execute function count_dead_letters();
create trigger count_deleted after delete on dead_letters
	referencing old table as rows for each statement execute function count_dead_letters();
create trigger count_truncated after truncate on dead_letters
	for each statement execute function count_dead_letters();

-- The oldest rejected and invalid ones leave first.
create function trim_dead_letters(at_most bigint) returns void language plpgsql as $$
declare
	surplus bigint := (select kept - at_most from dead_letter_totals);
begin
	if surplus <= 0 then
		return;
	end if;
	delete from dead_letters d using (
		select id from dead_letters order by (outcome = 'failed'), id limit surplus
	) leaving where d.id = leaving.id;
	update dead_letter_totals set dropped = dropped + surplus;
end
$$;

-- Mail that is to be sent; due_at is the end of the lease of whoever sends it.
create table notifications (
	id bigint generated always as identity constraint notifications_pkey primary key,
	sku text collate "C" not null,
	orderid text collate "C" not null,
	qty integer not null,
	attempts integer not null default 0,
	due_at timestamptz not null,
	constraint notifications_qty check (qty >= 1)
);

create index notifications_due on notifications (due_at);

-- The optimistic lock: by then the commit is already in the pipe, so the check must raise.
create function expect_revisions(same bigint, expected bigint) returns void language plpgsql as $$
begin
	if same <> expected then
		raise exception 'a product was changed by another unit of work' using errcode = 'ZR001';
	end if;
end
$$;
