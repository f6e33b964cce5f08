-- All SQL of the worker: see statements.py for how this file is read.
--
-- The rows that a statement works on are passed as arrays, one for each column, which unnest() turns into rows (plain
-- inserts select unnest() directly, which saves a copy of all rows); for one row statements.py makes a twin. Rows of
-- several products are always locked in the order of their keys, so that two workers never wait for each other.
--
-- A plan is made once per session, perhaps while the tables are empty, and must be good when they are not: a plain
-- join to a table that looked empty would read the whole table for each row. So nothing here is left to the planner's
-- estimates. A row is found by a lateral look-up that ends with a limit, which only the index can serve. Rows to
-- delete are found in the same way, and deleted by their ctid. Rows to update are joined by `between x and x`, which
-- only the index can serve, or, if the key has several columns, inserted over the old ones.

-- define started_over
-- Whether the stream ($2: its last id, $3: whether it has our group, $4: the last id delivered to the group, $5: its
-- marks) began again: it lacks the mark that was seen on it, and its group is missing or behind; or no mark was
-- seen yet, its last id is below the highest one, and its group is missing.
case
	when s.marked = s.incarnation then
		not s.life || '.' || s.incarnation = any(string_to_array($5::text, ' '))
		and (not $3::boolean or excluded.highest < s.highest or excluded.done < s.done)
	else not $3::boolean and excluded.highest < s.highest
end

-- define earlier_incarnation
-- The incarnation whose mark the stream ($5: its marks) bears, or null.
(
	select max(split_part(seen.mark, '.', 2)::bigint)
	from string_to_table($5::text, ' ') as seen(mark)
	where split_part(seen.mark, '.', 1) = s.life::text
)

-- define batch_columns
b.id, b.reference, b.eta, b.original_qty, b.purchased, b.allocated, b.changed_at

-- define has_entry
-- Whether the outbox's directory has an entry for the part.
part.last_version / {DIRECTORY_STEP} > (part.first_version - 1) / {DIRECTORY_STEP}

-- define named_products
-- Products by SKU ($1), and the owners of batches by reference ($2).
(
	select p.id
	from unnest($1::text[]) as w(sku)
	cross join lateral (select id from products where sku = w.sku limit 1) as p
	union
	select b.product_id
	from unnest($2::text[]) as w(reference)
	cross join lateral (select product_id from batches where reference = w.reference limit 1) as b
) as named


-- ==== transactions ====

-- statement SET_TIME
-- Limits the time of each statement until the end of this transaction.
select set_config('statement_timeout', $1, true)

-- statement BEGIN_SNAPSHOT
-- The transaction only reads, but is not READ ONLY, because it sometimes reserves keys from their sequence.
begin isolation level repeatable read

-- statement BEGIN_LOCKING
begin isolation level read committed

-- statement COMMIT
commit

-- statement ROLLBACK
rollback


-- ==== sessions that a pooler lends for one transaction ====

-- statement SET_FOR_TRANSACTION for pools
-- Sets until the end of this transaction what a session of our own gets once (see session_settings in tools.sql), and
-- returns the server's mark. If that is not $3 the statement fails, because 'another server' is no valid time.
select pg_postmaster_start_time(),
	set_config('statement_timeout', case when pg_postmaster_start_time() <> $3 then 'another server' else $1 end, true),
	set_config('lock_timeout', $2, true),
	set_config('idle_in_transaction_session_timeout', '10s', true),
	set_config('plan_cache_mode', 'force_generic_plan', true),
	set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
	set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
	set_config('jit', 'off', true)


-- ==== resolve ====

-- statement RESOLVE_BATCHES for intake
select w.at, p.sku
from unnest($1::text[]) with ordinality as w(reference, at)
cross join lateral (select product_id from batches where reference = w.reference limit 1) as b
cross join lateral (select sku from products where id = b.product_id limit 1) as p


-- statement BEGIN_PROCESSES for intake
-- Rows for each event: its process, and one of the process's lines, if it has any; or one that says that the event is
-- dated from the future, and its id is not spent. No row: no process began, because the id is spent, or the replay is
-- stale. A process that is there already keeps its lines, and their order, by which its commands are numbered. At most
-- 20000 lines are returned, but at least those of one event.
-- All who lock several rows of processes lock them in the order of message_id and source, or do not wait.
with w as (
	select w.*, w.occurred_at > clock_timestamp() + interval '5 minutes'
		and not exists (select from processes p where p.message_id = w.id and p.source = w.source)
		and (select true from inbox i where i.id = w.id and i.source = w.source limit 1) is null as is_future
	from unnest(
		$1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::integer[], $7::bytea[], $8::text[],
		$9::timestamptz[], $10::bigint[], $11::integer[], $12::text[], $16::text[]
	) with ordinality
		as w(source, id, digest, message, place, lease, payload, orderid, occurred_at, letter, attempts, way, part, at)
), begun as (
	insert into processes as p (source, message_id, digest, message, way, place, payload, orderid, skus, qtys, due_at)
	select w.source, w.id, w.digest, w.message, w.way, w.place, w.payload, w.orderid, lines.skus, lines.qtys,
		now() + make_interval(secs => w.lease)
	from w
	cross join lateral (
		select coalesce(array_agg(line.sku), '{}') as skus, coalesce(array_agg(line.qty), '{}') as qtys
		from (
			select v.sku, v.qty from allocations_view v where v.orderid = w.orderid
			union
			select p.sku, l.qty
			from displaced_lines l
			cross join lateral (select sku from products where id = l.product_id limit 1) as p
			where l.orderid = w.orderid
			union
			select pending.sku, pending.qty
			from unnest($13::bigint[], $14::text[], $15::integer[]) as pending(event, sku, qty)
			where pending.event = w.at
		) as line
	) as lines
	where w.is_future is not true
		and not exists (select from inbox i where i.id = w.id and i.source = w.source)
		-- The event is done as a whole, if this is its part on one stream; or its part on this stream is done.
		and not exists (
			select from inbox i
			where w.part <> ''
				and i.id = case when starts_with(w.source, 'part of ') then left(w.id, -length(w.part))
					else w.id || w.part end
				and i.source = case when starts_with(w.source, 'part of ') then substr(w.source, 9)
					else 'part of ' || w.source end
		)
		and (w.letter = 0
			or exists (select from dead_letters d where d.id = w.letter and d.attempts = w.attempts))
	order by w.id collate "C", w.source collate "C"
	on conflict (message_id, source) do update set due_at = greatest(p.due_at, excluded.due_at)
	returning p.message_id, p.source, p.key, p.digest, p.skus, p.qtys
), answers as (
	select w.at, begun.*, sum(cardinality(begun.skus)) over (order by w.at) as lines,
		row_number() over (order by w.at) as number
	from w
	join begun on begun.message_id = w.id and begun.source = w.source
)
select a.at, a.key, a.digest, line.sku, line.qty, a.lines <= 20000 or a.number = 1, false, line.number
from answers a
left join lateral (
	select a.skus[i] as sku, a.qtys[i] as qty, i as number
	from generate_subscripts(a.skus, 1) as i
	where a.lines <= 20000 or a.number = 1
) as line on true
union all
select w.at, 0, 0, null, null, true, true, null from w where w.is_future
order by 1, 8

-- statement DELETE_SPENT_PROCESSES for intake
-- A process that began although its id is spent: the id was being spent meanwhile. Its number is returned.
with spent as materialized (
	select w.at, p.key
	from unnest($1::text[], $2::text[]) with ordinality as w(source, id, at)
	cross join lateral (select from inbox where id = w.id and source = w.source limit 1) as i
	join processes p on p.message_id between w.id and w.id and p.source = w.source
	order by p.message_id, p.source
	for update of p
), gone as (
	delete from processes p using spent where p.key between spent.key and spent.key
)
select at from spent

-- ==== load ====

-- statement LOAD_CLOCK
-- All partitions are in the same epoch.
select clock_timestamp(), coalesce((select epoch from outbox_heads where partition = 0 limit 1), 1)

-- statement RESERVE_KEYS
select nextval('row_keys') from generate_series(1, $1::integer)

-- statement CHECK_REVISIONS
select w.id
from unnest($1::bigint[], $2::bigint[]) as w(id, revision)
cross join lateral (select revision from products where id = w.id limit 1) as p
where p.revision <> w.revision

-- statement LOCK_PRODUCTS
select named.id
from (select id from {named_products} order by id) as named
cross join lateral (select id from products where id = named.id for no key update) as p

-- statement LOAD_PRODUCTS
select named.id, p.sku, p.version, p.revision, p.last_row, s.target, s.cause, s.traceparent, {batch_columns}
from {named_products}
cross join lateral (select * from products where id = named.id limit 1) as p
left join lateral (select * from shrinks where product_id = named.id limit 1) as s on true
left join lateral (select * from batches where id = s.batch_id limit 1) as b on true

-- statement LOAD_OPEN_BATCHES
select b.product_id, {batch_columns}
from {named_products}
cross join lateral (
	select * from batches b
	where b.product_id = named.id and b.open
	order by b.eta, b.reference
	limit $3::integer
) as b

-- statement LOAD_BATCHES
select b.product_id, p.sku, {batch_columns}
from unnest($1::text[]) as w(reference)
cross join lateral (select * from batches where reference = w.reference limit 1) as b
cross join lateral (select sku from products where id = b.product_id limit 1) as p

-- statement LOAD_LINES
select l.product_id, l.orderid, l.qty, l.version, {batch_columns}
from unnest($1::text[], $2::text[], $3::integer[]) as w(sku, orderid, qty)
cross join lateral (select id from products where sku = w.sku limit 1) as p
cross join lateral (
	select * from order_lines l
	where l.product_id = p.id and l.orderid = w.orderid and l.qty = w.qty
	limit 1
) as l
cross join lateral (select * from batches where id = l.batch_id limit 1) as b

-- statement LOAD_NEWEST_LINES
-- `above` is the sum of the batch's newer lines.
select b.product_id, b.reference, l.orderid, l.qty, l.version
from unnest($1::text[], $2::integer[]) as w(reference, lowest_qty)
cross join lateral (select * from batches where reference = w.reference limit 1) as b
cross join lateral (
	select newest.*, sum(qty) over (order by version desc rows unbounded preceding) - qty as above
	from (
		select orderid, qty, version from order_lines
		where batch_id = b.id
		order by version desc
		limit $3::integer
	) as newest
) as l
where l.above < b.allocated - w.lowest_qty

-- statement LOAD_INBOX
select w.at, i.digest
from unnest($1::text[], $2::text[]) with ordinality as w(source, id, at)
cross join lateral (
	select digest from inbox i
	where i.id = w.id and i.source = w.source
	limit 1
) as i

-- statement LOAD_REPLAYS
select w.at
from unnest($1::bigint[], $2::integer[]) with ordinality as w(id, attempts, at)
cross join lateral (select attempts from dead_letters where id = w.id limit 1) as d
where d.attempts = w.attempts

-- statement LOAD_LETTERS
-- Stream entries, each by its place, the stream's incarnation and its id, that are dead letters already.
select w.at
from unnest($1::text[], $2::bigint[], $3::text[]) with ordinality as w(place, incarnation, entry, at)
cross join lateral (
	select from dead_letters d
	where d.place = w.place and d.incarnation = w.incarnation and d.entry_id = w.entry
	limit 1
) as d

-- statement LOAD_FITTING_BATCHES
select b.product_id, {batch_columns}
from unnest($1::bigint[], $2::integer[], $3::date[], $4::text[], $5::integer[])
	as w(product_id, fitting, eta, reference, batches)
cross join lateral (
	select * from batches b
	where b.product_id = w.product_id and b.open
		and (b.eta, b.reference) > (w.eta, w.reference)
		and b.purchased - b.allocated >= w.fitting
	order by b.eta, b.reference
	limit w.batches
) as b

-- statement LOAD_OLDER_LINES
select w.at, l.orderid, l.qty, l.version
from unnest($1::bigint[], $2::bigint[], $3::integer[]) with ordinality as w(batch_id, lines_from, qty, at)
cross join lateral (
	select older.*, sum(qty) over (order by version desc rows unbounded preceding) - qty as above
	from (
		select orderid, qty, version from order_lines
		where batch_id = w.batch_id and version < w.lines_from
		order by version desc
		limit $4::integer
	) as older
) as l
where l.above < w.qty

-- statement LOAD_DISPLACED_LINES
select w.at, l.orderid, l.qty, l.version
from unnest($1::bigint[]) with ordinality as w(product_id, at)
cross join lateral (
	select * from displaced_lines l
	where l.product_id = w.product_id
	order by l.version
	limit $2::integer
) as l


-- ==== flush ====

-- statement INSERT_WITNESS
insert into units (witness) values ($1) returning at

-- statement CHECK_LEASES for units and intake
-- Locks the leases until we commit: a worker that takes one of them waits for us.
select expect_leases(count(*), $3::bigint)
from unnest($1::text[], $2::text[]) as w(name, term)
cross join lateral (select from leases where name = w.name and term = w.term::uuid for key share) as l

-- statement INSERT_INBOX
insert into inbox (message, source, id, digest, outcome)
select unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), unnest($4::bigint[]), unnest($5::text[])

-- statement CHECK_PRODUCTS
-- A row that another session was changing is read again after the wait for its lock.
select expect_revisions(count(*) filter (where p.revision = w.revision), $3::bigint)
from unnest($1::bigint[], $2::bigint[]) as w(id, revision)
cross join lateral (select revision from products where id = w.id for no key update) as p

-- statement UPDATE_PRODUCTS
-- Locks the rows in the order of the arrays; a session that held one meanwhile has raised its revision.
with changed as (
	update products p set version = w.version, revision = w.revision + 1, last_row = w.last_row
	from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) as w(id, revision, version, last_row)
	where p.id between w.id and w.id and p.revision = w.revision
	returning 1
)
select expect_revisions(count(*), $5::bigint) from changed

-- statement INSERT_PRODUCTS
insert into products (id, sku, version, revision, last_row)
select w.id, w.sku, w.version, 1, w.last_row
from unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[]) as w(id, sku, version, last_row)

-- statement UPDATE_BATCHES
update batches b set purchased = w.purchased, allocated = w.allocated, changed_at = w.changed_at
from unnest($1::bigint[], $2::integer[], $3::integer[], $4::timestamptz[])
	as w(id, purchased, allocated, changed_at)
where b.id between w.id and w.id

-- statement INSERT_BATCHES
insert into batches (id, product_id, reference, eta, original_qty, purchased, allocated, changed_at)
select * from unnest(
	$1::bigint[], $2::bigint[], $3::text[], $4::date[],
	$5::integer[], $6::integer[], $7::integer[], $8::timestamptz[]
) as w

-- statement DELETE_LINES
delete from order_lines where ctid = any(array(
	select l.ctid
	from unnest($1::bigint[], $2::text[], $3::integer[]) as w(product_id, orderid, qty)
	cross join lateral (
		select ctid from order_lines l
		where l.product_id = w.product_id and l.orderid = w.orderid and l.qty = w.qty
		limit 1
	) as l
))

-- statement UPDATE_LINES
insert into order_lines (product_id, orderid, qty, batch_id, version)
select * from unnest($1::bigint[], $2::text[], $3::integer[], $4::bigint[], $5::bigint[]) as w
on conflict (product_id, orderid, qty) do update set batch_id = excluded.batch_id, version = excluded.version

-- statement INSERT_LINES
insert into order_lines (product_id, orderid, qty, batch_id, version)
select
	unnest($1::bigint[]), unnest($2::text[]), unnest($3::integer[]),
	unnest($4::bigint[]), unnest($5::bigint[])

-- statement DELETE_DISPLACED
delete from displaced_lines where ctid = any(array(
	select l.ctid
	from unnest($1::bigint[], $2::text[], $3::integer[]) as w(product_id, orderid, qty)
	cross join lateral (
		select ctid from displaced_lines l
		where l.product_id = w.product_id and l.orderid = w.orderid and l.qty = w.qty
		limit 1
	) as l
))

-- statement INSERT_DISPLACED
insert into displaced_lines (product_id, orderid, qty, version)
select * from unnest($1::bigint[], $2::text[], $3::integer[], $4::bigint[]) as w

-- statement DELETE_SHRINKS
delete from shrinks where ctid = any(array(
	select s.ctid
	from unnest($1::bigint[]) as w(product_id)
	cross join lateral (select ctid from shrinks where product_id = w.product_id limit 1) as s
))

-- statement PUT_SHRINKS
insert into shrinks (product_id, batch_id, target, cause, traceparent)
select * from unnest($1::bigint[], $2::bigint[], $3::integer[], $4::text[], $5::text[]) as w
on conflict (product_id) do update
set batch_id = excluded.batch_id, target = excluded.target,
	cause = excluded.cause, traceparent = excluded.traceparent

-- statement DELETE_VIEW
delete from allocations_view where ctid = any(array(
	select v.ctid
	from unnest($1::text[], $2::text[], $3::integer[]) as w(orderid, sku, qty)
	cross join lateral (
		select ctid from allocations_view v
		where v.orderid = w.orderid and v.sku = w.sku and v.qty = w.qty
		limit 1
	) as v
))

-- statement PUT_VIEW
insert into allocations_view (orderid, sku, qty, batchref)
select * from unnest($1::text[], $2::text[], $3::integer[], $4::text[]) as w
on conflict (orderid, sku, qty) do update set batchref = excluded.batchref

-- statement INSERT_VIEW
insert into allocations_view (orderid, sku, qty, batchref)
select unnest($1::text[]), unnest($2::text[]), unnest($3::integer[]), unnest($4::text[])

-- statement INSERT_NOTIFICATIONS
insert into notifications (sku, orderid, qty, due_at)
select w.sku, w.orderid, w.qty, now() + make_interval(secs => $4::integer)
from unnest($1::text[], $2::text[], $3::integer[]) with ordinality as w(sku, orderid, qty, at)
order by w.at
returning id

-- statement INSERT_DEAD_LETTERS
-- A stream entry that was delivered again is the same dead letter, even if both deliveries are in this unit. Of the entries
-- $12 must be new, unless it is -1.
with kept as (
	insert into dead_letters as d
		(outcome, reason, way, place, incarnation, entry_id, message, source, message_id, payload, payload_bytes)
	select w.outcome, w.reason, w.way, w.place, w.incarnation, w.entry_id,
		w.message, w.source, w.message_id, w.payload, w.payload_bytes
	from (
		select *, row_number() over (partition by place, incarnation, entry_id order by at desc) as deliveries
		from unnest(
			$1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[],
			$7::text[], $8::text[], $9::text[], $10::bytea[], $11::bigint[]
		) with ordinality as w(
			outcome, reason, way, place, incarnation, entry_id,
			message, source, message_id, payload, payload_bytes, at
		)
	) as w
	where w.entry_id is null or w.deliveries = 1
	order by w.at
	on conflict (place, incarnation, entry_id) where entry_id is not null do update
	set attempts = d.attempts + 1, last_at = now(), outcome = excluded.outcome, reason = excluded.reason
	returning d.entry_id is not null and d.attempts = 1 as is_new
)
select expect_attempts(count(*) filter (where is_new), $12::bigint)
from kept
having $12::bigint >= 0

-- statement DELETE_PROCESSES
with ended as materialized (
	select p.key
	from unnest($1::bigint[]) as w(key)
	join processes p on p.key between w.key and w.key
	order by p.message_id, p.source
	for update of p
)
delete from processes p using ended where p.key between ended.key and ended.key

-- statement CHECK_REPLAYS
select expect_attempts(count(*) filter (where d.attempts = w.attempts), $3::bigint)
from (select * from unnest($1::bigint[], $2::integer[]) as w(id, attempts) order by id) as w
cross join lateral (select attempts from dead_letters where id = w.id for update) as d

-- statement INSERT_REPLAYS
insert into dead_letter_history
	(dead_letter_id, attempt, action, who, edits, outcome, reason, message, message_id)
select w.id, w.attempt, 'replayed', w.who, w.edits, w.outcome, w.reason, w.message, w.message_id
from unnest(
	$1::bigint[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[]
) as w(id, attempt, who, edits, outcome, reason, message, message_id)
-- The letters are locked with their attempts, so an attempt that is there already is no other operator's.
on conflict (dead_letter_id, attempt) do nothing

-- statement UPDATE_DEAD_LETTERS
update dead_letters d
set attempts = d.attempts + 1, last_at = now(), outcome = w.outcome, reason = w.reason
from unnest($1::bigint[], $2::text[], $3::text[]) as w(id, outcome, reason)
where d.id between w.id and w.id

-- statement DELETE_DEAD_LETTERS
delete from dead_letters where ctid = any(array(
	select d.ctid
	from unnest($1::bigint[]) as w(id)
	cross join lateral (select ctid from dead_letters where id = w.id limit 1) as d
))

-- statement TRIM_DEAD_LETTERS for units and chores
select trim_dead_letters($1::bigint)

-- statement MOVE_CURSORS for units and publisher
-- A position beyond the head, or of an earlier epoch, dates from before this database was restored: events that are
-- committed below it were not published, so the cursor is not moved.
update outbox_cursors c set position = locked.position
from (
	select c.partition, w.position
	from unnest($1::smallint[], $2::bigint[], $3::bigint[]) as w(partition, position, epoch)
	join outbox_cursors c on c.partition = w.partition
	join outbox_heads h on h.partition = w.partition and h.position >= w.position and h.epoch = w.epoch
	order by c.partition
	for no key update of c
) as locked
where c.partition = locked.partition and c.position < locked.position

-- statement DEFER_NO_LONGER
-- Runs constraints and triggers that were deferred to the commit. Without the block the statement would leave a
-- warning in the server's log, because a pipeline does not count as a transaction block.
do $$ begin set constraints all immediate; end $$

-- statement INSERT_DIRECTORY
insert into outbox_directory (product_id, version, key)
select unnest($1::bigint[]), unnest($2::bigint[]), unnest($3::bigint[])

-- statement INSERT_OUTBOX
-- This comes last, because all workers that write events of these partitions wait for the heads until we commit. Each
-- row has its distance from its partition's head, and that head's number among those of $1, in order. The $14 heads
-- must be in the epoch of our events, $13: the outbox may have been renewed while we waited for them. The server must be
-- on the timeline $15 (empty: on any): a standby that was promoted may lack rows that were published, and positions that
-- are given a second time would be taken for these.
with moved as (
	update outbox_heads h set position = h.position + w.rows
	from unnest($1::smallint[], $2::bigint[]) as w(partition, rows)
	where h.partition between w.partition and w.partition and h.epoch = $13::bigint
	returning h.partition, h.position - w.rows as before
), heads as (
	select array_agg(before order by partition) as before
	from moved
	having (count(*) = $14::bigint or refuse_epoch()) and (wal_timeline() = $15::text or $15 = '' or refuse_timeline())
), kept as (
	insert into outbox (
		partition, position, key, product_id, first_version, last_version, previous, sections, frame
	)
	select
		w.partition, (select before from heads)[w.head] + w.step, w.key, nullif(w.product, 0), nullif(w.first, 0),
		nullif(w.last, 0), nullif(w.previous, 0), w.sections::bigint[], w.frame
	from unnest(
		$3::smallint[], $4::integer[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[],
		$10::bigint[], $11::text[], $12::bytea[]
	) as w(partition, head, step, key, product, first, last, previous, sections, frame)
)
select partition, before from moved


-- ==== after a lost connection ====

-- statement WAIT_LONGER
-- Waits longer for locks until the end of this transaction, because the lost session may still be committing.
select set_config('lock_timeout', '8s', true)

-- statement SETTLE_WITNESS
insert into units (witness, settled) values ($1, true) on conflict (witness) do nothing

-- statement READ_WITNESS
select settled from units where witness = $1

-- statement FIND_LOST_LEASES
select w.at
from unnest($1::text[], $2::text[]) with ordinality as w(name, term, at)
where not exists (select from leases l where l.name = w.name and l.term = w.term::uuid)

-- statement FIND_LOCKED_PRODUCTS
select w.at
from unnest($1::text[]) with ordinality as w(sku, at)
cross join lateral (select id from products where sku = w.sku limit 1) as p
where not exists (
	select from products locked where locked.id between p.id and p.id for no key update skip locked
)

-- statement FIND_LOCKED_BATCHES
select w.at
from unnest($1::text[], $2::bigint[]) as w(reference, at)
cross join lateral (select id from batches where reference = w.reference limit 1) as b
where not exists (
	select from batches locked where locked.id between b.id and b.id for no key update skip locked
)

-- statement PROBE for units and chores
insert into units (witness) values (gen_random_uuid())

-- statement PROBE_TABLES for units and chores
-- Writes no row, but requests the locks and the rights that a flush needs, table by table.
with inbox as (insert into inbox (id) select '' where false),
	products as (insert into products (id) select 0 where false),
	changed_products as (update products set revision = revision where false),
	batches as (insert into batches (id) select 0 where false),
	changed_batches as (update batches set purchased = purchased where false),
	lines as (insert into order_lines (orderid) select '' where false),
	moved_lines as (delete from order_lines where false),
	displaced as (insert into displaced_lines (orderid) select '' where false),
	shrinks as (insert into shrinks (target) select 0 where false),
	view as (insert into allocations_view (orderid) select '' where false),
	shown as (update allocations_view set orderid = orderid where false),
	notifications as (insert into notifications (orderid) select '' where false),
	totals as (update dead_letter_totals set kept = kept where false),
	outbox as (insert into outbox (position) select 0 where false)
update outbox_cursors set position = position where false

-- statement PROBE_LETTERS for units and chores
-- Does the same, but only plans, because the statement-level trigger would lock the totals. A session that removes
-- dead letters holds that lock until its transaction ends, and only messages that become dead letters need to wait.
explain insert into dead_letters (outcome) select '' where false

-- statement PROBE_HEADS for units and chores
select from outbox_heads order by partition for no key update


-- ==== the outbox ====

-- statement READ_CURSORS for publisher
select h.partition, c.position, h.position, i.incarnation::text, h.epoch, (select wal_timeline()),
	(select system_identifier::text from pg_control_system())
from outbox_heads h
join outbox_cursors c on c.partition = h.partition
cross join (select incarnation from installation where only_row limit 1) as i

-- statement READ_OUTBOX for publisher
-- Returns no more bytes than asked for, but at least one row.
select position, frame
from (
	select next.*, sum(octet_length(frame)) over (order by position) as bytes,
		row_number() over (order by position) as number
	from (
		select * from outbox
		where partition = $1 and position > $2
		order by position
		limit $3::bigint
	) as next
) as counted
where bytes <= $4::bigint or number = 1
order by position

-- statement READ_HEAD for publisher
-- It is read behind the rows: if these are of the next epoch, so is the head.
select position, epoch from outbox_heads where partition = $1


-- ==== notifications ====

-- statement TAKE_NOTIFICATIONS for chores
update notifications set due_at = now() + make_interval(secs => $2::integer)
where ctid = any(array(
	select ctid from notifications
	where due_at <= now()
	order by due_at
	limit $1::bigint
	for update skip locked
))
returning id, sku, orderid, qty, attempts, recipient

-- statement DELETE_NOTIFICATION for chores
delete from notifications where id = $1

-- statement POSTPONE_NOTIFICATION for chores
update notifications set attempts = attempts + 1, due_at = now() + make_interval(secs => $2::integer)
where id = $1

-- statement SPLIT_NOTIFICATION for chores
with gone as (
	delete from notifications where id = $1 and recipient is null returning sku, orderid, qty, attempts
)
insert into notifications (sku, orderid, qty, attempts, recipient, due_at)
select gone.sku, gone.orderid, gone.qty, gone.attempts, w.recipient, now() + make_interval(secs => $3::integer)
from gone
cross join unnest($2::text[]) with ordinality as w(recipient, at)
order by w.at
returning id

-- statement READ_INSTALLATION for chores
select incarnation::text from installation where only_row limit 1

-- statement READ_STOCK for chores
select b.reference, b.eta, b.purchased - b.allocated
from (select id from products where sku = $1 limit 1) as p
cross join lateral (
	select reference, eta, purchased, allocated from batches
	where product_id = p.id and open
	order by eta, reference
	limit $2::bigint
) as b
order by b.eta, b.reference

-- statement BURY_NOTIFICATION for chores
with gone as (
	delete from notifications where id = $1 returning sku, orderid, qty, attempts, recipient
)
insert into dead_letters (outcome, reason, way, place, message, source, payload, payload_bytes, attempts)
select 'failed', $2::text, 'mail', 'out_of_stock', 'out_of_stock', '',
	event.payload, octet_length(event.payload), gone.attempts + 1
from gone
cross join lateral (
	select convert_to(json_strip_nulls(
		json_build_object('sku', sku, 'orderid', orderid, 'qty', qty, 'to', recipient)
	)::text, 'UTF8') as payload
) as event


-- ==== housekeeping ====

-- statement READ_SHRINKS for chores
-- Reads shrinks in a circle, from the product after $2 on.
select s.product_id, p.sku
from (
	(select product_id from shrinks where product_id > $2 order by product_id limit $1::bigint)
	union all
	(select product_id from shrinks where product_id <= $2 order by product_id limit $1::bigint)
	limit $1::bigint
) as s
cross join lateral (select sku from products where id = s.product_id limit 1) as p

-- statement KEEP_PROCESSES for chores
-- A row that is locked has just begun again, or is about to go.
update processes set due_at = greatest(due_at, now() + make_interval(secs => $2::integer))
where ctid = any(array(
	select p.ctid
	from unnest($1::bigint[]) as w(key)
	cross join lateral (select ctid from processes where key = w.key limit 1 for update skip locked) as p
))

-- statement CLAIM_PROCESSES for chores
update processes set due_at = now() + make_interval(secs => $1::integer - $2::integer * random())
where ctid = any(array(
	select ctid from processes
	where due_at <= now() and (way <> 'stream' or place = any($4::text[]))
	order by due_at
	limit $3::bigint
	for update skip locked
))
returning key, message, source, message_id, way, place, payload

-- statement DELETE_EXPIRED_UNITS for chores
-- Deletes on the pages from $1 up to $2. A witness is read again only moments after its unit, so a day is long enough.
with gone as (
	delete from units
	where ctid >= $1::text::tid and ctid < $2::text::tid and at < now() - interval '1 day'
	returning 1
)
select pg_relation_size('units') / current_setting('block_size')::bigint, (select count(*) from gone), now()

-- statement DELETE_EXPIRED_INBOX for chores
with gone as (
	delete from inbox
	where ctid >= $1::text::tid and ctid < $2::text::tid and handled_at < now() - make_interval(days => $3::integer)
	returning 1
)
select pg_relation_size('inbox') / current_setting('block_size')::bigint, (select count(*) from gone), now()

-- statement DELETE_EXPIRED_BLIND_WINDOWS for chores
delete from blind_windows where ctid = any(array(
	select ctid from blind_windows
	where until < now() - interval '90 days'
	order by until
	limit $1::integer
))

-- statement DELETE_EXPIRED_HISTORY for chores
delete from dead_letter_history where ctid = any(array(
	select ctid from dead_letter_history
	where at < now() - interval '90 days'
	order by at
	limit $1::integer
))

-- statement DELETE_EXPIRED_DISCARDED_LETTERS for chores
delete from discarded_letters where ctid = any(array(
	select ctid from discarded_letters
	where last_at < now() - interval '7 days'
	order by last_at
	limit $1::integer
))

-- statement DELETE_EXPIRED_DEAD_LETTERS for chores
-- Looks at the letters after $1, in the order of their ids.
select seen, gone, last from expire_dead_letters($1::bigint, $2::integer, $3::integer)

-- statement READ_DEAD_LETTER_TOTALS for chores
select kept, dropped from dead_letter_totals where only_row

-- statement DELETE_EXPIRED_OUTBOX for chores
-- Deletes only rows up to the cursor, because the others are not published yet, and the directory's entries of these
-- rows. Earlier entries of the same products are those of rows that an earlier program deleted.
with expired as (
	select oldest.*
	from outbox_cursors c
	cross join lateral (
		select ctid, sections, product_id, first_version, last_version, committed_at from outbox o
		where o.partition = c.partition and o.position <= c.position
		order by o.position
		limit $1::integer
	) as oldest
	where oldest.committed_at < now() - interval '7 days'
), entries as (
	delete from outbox_directory where ctid = any(array(
		select d.ctid
		from expired
		cross join lateral outbox_parts(
			expired.sections, expired.product_id, expired.first_version, expired.last_version, null, null
		) as part
		cross join lateral (
			select ctid from outbox_directory
			where product_id = part.product_id and version <= part.last_version
		) as d
		where {has_entry}
	))
)
delete from outbox where ctid = any(array(select ctid from expired))


-- ==== views ====

-- statement VIEW_ALLOCATIONS for views
-- The lines of each of the orders ($1), which are numbered from 1 on.
select w.n, v.sku, v.qty, v.batchref
from unnest($1::text[]) with ordinality as w(orderid, n)
join allocations_view v on v.orderid between w.orderid and w.orderid
order by w.n, v.sku, v.qty

-- statement VIEW_PRODUCT for views
-- A row for each batch behind the batch $2 ('' is before the first one), at most $3; at least one row if the product exists.
-- The page has no start if $2 is no batch of the product.
select p.sku, p.version, start.reference is null, b.reference, b.eta, b.purchased, b.allocated
from (select id, sku, version from products where sku = $1 limit 1) as p
left join lateral (
	select '-infinity'::date as eta, '' as reference where $2::text = ''
	union all
	select eta, reference from batches where reference = $2::text and product_id = p.id
	limit 1
) as start on true
left join lateral (
	(
		select reference, eta, purchased, allocated from batches
		where product_id = p.id and open and (eta, reference) > (start.eta, start.reference)
		order by eta, reference
		limit $3::integer
	)
	union all
	(
		select reference, eta, purchased, allocated from batches
		where product_id = p.id and not open and (eta, reference) > (start.eta, start.reference)
		order by eta, reference
		limit $3::integer
	)
	order by eta, reference
	limit $3::integer
) as b on true
order by b.eta, b.reference

-- statement VIEW_BATCH for views
-- The columns are those of VIEW_PRODUCT.
select p.sku, p.version, false, b.reference, b.eta, b.purchased, b.allocated
from (select product_id, reference, eta, purchased, allocated from batches where reference = $1 limit 1) as b
cross join lateral (select sku, version from products where id = b.product_id limit 1) as p

-- statement VIEW_EVENTS for views
-- A part may hold very many events, so no more parts are read than hold $3 + 1 events after the first one kept; none is
-- looked for where $2 is the product's version or beyond. At least one row shows the epoch and the product's version.
select h.epoch, coalesce(p.version, 0), coalesce(p.after, $2::bigint), f.first_version, f.events
from (select epoch from outbox_heads where partition = 0 limit 1) as h
left join lateral (
	select id, version, version_before_epoch(id, $4::bigint, $2::bigint) as after
	from products
	where sku = $1
	limit 1
) as p on true
left join lateral (
	select *
	from (
		select kept.*, greatest(min(kept.first_version) over (), p.after + 1) as first
		from frames_of_product(p.id, p.after, $3::integer + 1) as kept
		where p.version > p.after
	) as page
	where first_version <= first + $3::integer
) as f on true
order by f.first_version

-- statement READ_GAPS for views
select since, until, cause
from blind_windows
order by id desc
limit $1::integer

-- statement PING for views
select clock_timestamp(), coalesce(v.breaches, 0), coalesce(v.view_breaches, 0)
from (select) as this
left join verification v on v.only_row


-- ==== checkpoints ====

-- statement OPEN_STREAM for checkpoints
with before as (select incarnation from streams where name = $1)
insert into streams as s (name, highest, done)
values ($1, string_to_array($2::text, '-')::numeric[], string_to_array($4::text, '-')::numeric[])
on conflict (name) do update
set incarnation = case
		when {started_over} then coalesce({earlier_incarnation}, greatest(s.latest, s.incarnation) + 1)
		else s.incarnation
	end,
	latest = case
		when {started_over} and {earlier_incarnation} is null then greatest(s.latest, s.incarnation) + 1
		else greatest(s.latest, s.incarnation)
	end,
	marked = case when {started_over} then {earlier_incarnation} else s.marked end,
	highest = case when {started_over} then excluded.highest else greatest(s.highest, excluded.highest) end,
	done = case
		when not {started_over} then s.done
		when {earlier_incarnation} is null then '{0, 0}'
		else excluded.done
	end
returning incarnation, array_to_string(done, '-'), life || '.' || incarnation,
	coalesce(incarnation <> (select incarnation from before), false)

-- statement MARK_STREAM for checkpoints
update streams s
set done = greatest(s.done, now.done), highest = greatest(s.highest, now.highest),
	marked = case
		when s.life || '.' || s.incarnation = any(string_to_array($5::text, ' ')) then s.incarnation else s.marked
	end
from (
	select string_to_array($3::text, '-')::numeric[] as done, string_to_array($4::text, '-')::numeric[] as highest
) as now
where s.name = $1 and s.incarnation = $2

-- statement INSERT_BLIND_WINDOWS for checkpoints
-- A window that is reported twice is written once. One that still lasts is reported repeatedly, with a later end.
with w as (
	select * from unnest($1::timestamptz[], $2::timestamptz[], $3::text[], $4::boolean[])
		as w(since, until, cause, is_first)
), grown as (
	update blind_windows b set until = greatest(b.until, w.until), cause = left(w.cause, 500)
	from w
	where b.since = w.since and b.until >= w.since and not w.is_first
	returning b.since
)
insert into blind_windows (since, until, cause)
select case when w.is_first then least(w.since, i.heard_until) else w.since end, w.until, left(w.cause, 500)
from w
cross join (select heard_until from installation where only_row limit 1) as i
where w.is_first or not exists (select from grown where grown.since = w.since)
on conflict (until, cause) do nothing

-- statement RECORD_SUBSCRIBED for checkpoints
update installation set heard_until = now() where only_row

-- statement FIND_DEAD_MESSAGES for checkpoints
select w.at
from unnest($1::text[], $2::text[], $3::text[]) with ordinality as w(place, entry, id, at)
cross join lateral (
	select 1 from dead_letters d where d.place = w.place and d.incarnation = 0 and d.entry_id = w.entry
	union all
	select 1 from dead_letters d where d.message_id = w.id and d.place = w.place
	limit 1
) as d


-- ==== dry runs: see dry_run_commits.h ====

-- statement COPY_PRODUCTS for dry_runs
-- Copies products by SKU ($1) and by batch ($2), each once, in one snapshot, with those of their batches that are open,
-- hold lines or shrink. Any other batch is empty; if it is named later than its product, it is copied as it was at
-- that time. (An offset keeps the planner from reading whole tables to find the products in them.)
with named as (
	select p.id
	from unnest($1::text[]) as w(sku)
	cross join lateral (select id from stored_products where sku = w.sku limit 1) as p
	union
	select b.product_id
	from unnest($2::text[]) as w(reference)
	cross join lateral (select product_id from stored_batches where reference = w.reference limit 1) as b
), fresh as (
	insert into products (id, sku, version, revision)
	select p.id, p.sku, p.version, p.revision
	from named
	cross join lateral (select * from stored_products where id = named.id limit 1) as p
	on conflict do nothing
	returning id
), lines as (
	insert into order_lines (product_id, orderid, qty, batch_id, version)
	select l.product_id, l.orderid, l.qty, l.batch_id, l.version
	from fresh
	cross join lateral (select * from stored_order_lines where product_id = fresh.id offset 0) as l
	returning batch_id
), displaced as (
	insert into displaced_lines (product_id, orderid, qty, version)
	select l.product_id, l.orderid, l.qty, l.version
	from fresh
	cross join lateral (select * from stored_displaced_lines where product_id = fresh.id offset 0) as l
), shrinking as (
	insert into shrinks (product_id, batch_id, target, cause, traceparent)
	select s.product_id, s.batch_id, s.target, s.cause, s.traceparent
	from fresh
	cross join lateral (select * from stored_shrinks where product_id = fresh.id limit 1) as s
	returning batch_id
), wanted as (
	select b.id, false as is_late
	from fresh
	cross join lateral (select id from stored_batches where product_id = fresh.id and open offset 0) as b
	union all
	select batch_id, false from lines
	union all
	select batch_id, false from shrinking
	union all
	select b.id, true
	from unnest($2::text[]) as w(reference)
	cross join lateral (select id from stored_batches where reference = w.reference limit 1) as b
), chosen as (
	select id, bool_and(is_late) as is_late from wanted group by id
), copied as (
	insert into batches (id, product_id, reference, eta, original_qty, purchased, allocated, changed_at)
	select b.id, b.product_id, b.reference, b.eta, b.original_qty,
		case when is_late then 0 else b.purchased end, case when is_late then 0 else b.allocated end,
		b.changed_at
	from chosen
	cross join lateral (select * from stored_batches where id = chosen.id limit 1) as b
	on conflict do nothing
)
select 1

-- statement COPY_INBOX for dry_runs
insert into inbox (message, source, id, digest, outcome, handled_at)
select i.message, i.source, i.id, i.digest, i.outcome, i.handled_at
from unnest($1::text[], $2::text[]) as w(source, id)
cross join lateral (select * from stored_inbox where id = w.id and source = w.source limit 1) as i
on conflict do nothing

-- statement COPY_ORDERS for dry_runs
-- The lines of orders, as far as BEGIN_PROCESSES reads them; displaced ones, too.
insert into allocations_view (orderid, sku, qty, batchref)
select w.orderid, line.sku, line.qty, line.batchref
from unnest($1::text[]) as w(orderid)
cross join lateral (
	select v.sku, v.qty, v.batchref from stored_allocations_view v where v.orderid = w.orderid
	union all
	select p.sku, l.qty, ''
	from stored_displaced_lines l
	cross join lateral (select sku from stored_products where id = l.product_id limit 1) as p
	where l.orderid = w.orderid
) as line
on conflict do nothing

-- statement COPY_DEAD_LETTERS for dry_runs
-- The payloads are not needed.
insert into dead_letters (id, outcome, reason, way, place, message, source, payload, payload_bytes, attempts)
overriding system value
select d.id, d.outcome, d.reason, d.way, d.place, d.message, d.source, '', 0, d.attempts
from unnest($1::bigint[]) as w(id)
cross join lateral (select * from stored_dead_letters where id = w.id limit 1) as d
on conflict do nothing


-- ==== leases ====

-- statement NEED_NOT_LAST for leases
-- The rest of this transaction may be lost in a crash of the server.
select set_config('synchronous_commit', 'off', true)

-- statement ADD_LEASES for leases
insert into leases (name, term)
select w.name, gen_random_uuid()
from string_to_table($1::text, e'\n') as w(name)
where not exists (select from leases l where l.name = w.name)
on conflict (name) do nothing

-- statement BEAT for leases
insert into workers (id, name, ttl_ms, candidacies, messages) values ($1::text::uuid, $2, $3::integer, $4, $5)
on conflict (id) do update
set beats = workers.beats + 1, ttl_ms = excluded.ttl_ms, candidacies = excluded.candidacies,
	messages = excluded.messages, beat_at = now()

-- statement READ_WORKERS for leases
-- A worker that ended long ago is left out.
select id::text, name, beats, ttl_ms, candidacies, messages from workers
where beat_at > now() - interval '1 day'
order by id

-- statement READ_LEASES for leases
select name, term::text, holder::text, note, (select coalesce(streams, '') from installation where only_row limit 1)
from leases
order by name

-- statement END_SESSIONS_UNDER_LEASE for leases
select pg_terminate_backend(pid) from sessions_under_lease($1) as pid where pid <> pg_backend_pid()

-- statement LOCK_LEASE for leases
-- Waits for the units that are being committed under the lease.
select from leases where name = $1 for update

-- statement CHANGE_LEASE for leases
-- A take under what the database says about the streams comes before a change of that, or fails.
with said as (select coalesce(streams, '') as streams from installation where only_row and $7::text is not null for share)
update leases set term = $3::text::uuid, holder = nullif($4, '')::uuid, note = $5, since = now()
where name = $1 and term = $2::text::uuid and note = coalesce($6, note)
	and ($7::text is null or (select streams from said) = $7)
returning true

-- statement NOTE_LEASE for leases
-- Changes no key, and so does not wait for the units that are being committed under the lease.
update leases set note = $3 where name = $1 and term = $2::text::uuid
returning true

-- statement DELETE_WORKER for leases
-- Deletes those that ended long ago, too.
delete from workers where id = $1::text::uuid or beat_at < now() - interval '1 day'
