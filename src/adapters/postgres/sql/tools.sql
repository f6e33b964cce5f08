-- The SQL of sessions, migrations and the operators' commands, which is sent as it is and not prepared; see
-- statements.py for how this file is read. statements.sql has the worker's.


-- ==== sessions ====

-- query session_settings
-- $1: statement_timeout, $2: lock_timeout.
--
-- A plan must not depend on what the tables held when it was made: a plan made on empty tables reads whole
-- tables once they have grown. So the planner is left with index scans and nested loops, and plans once.
--
-- Our locking relies on READ COMMITTED, where a row is read again after the wait for its lock. The keepalives
-- are for the server's end: no timeout of its own ends a backend that waits for the rest of a pipeline.
select set_config(name, setting, false)
from (values
	('statement_timeout', $1::text),
	('lock_timeout', $2::text),
	('idle_in_transaction_session_timeout', '10s'),
	('default_transaction_isolation', 'read committed'),
	('plan_cache_mode', 'force_generic_plan'),
	('enable_seqscan', 'off'),
	('enable_bitmapscan', 'off'),
	('enable_hashjoin', 'off'),
	('enable_mergejoin', 'off'),
	('jit', 'off'),
	('tcp_keepalives_idle', '2'),
	('tcp_keepalives_interval', '1'),
	('tcp_keepalives_count', '3'),
	('tcp_user_timeout', '5000')
) as settings (name, setting)

-- query identify_server
-- The timeline is that of the WAL that is being written: a standby has none, and is not asked.
select
	system_identifier,
	substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8),
	exists (select from pg_trigger where tginitdeferred),
	(extract(epoch from pg_postmaster_start_time() - timestamptz '2000-01-01 00:00:00+00') * 1000000)::bigint
from pg_control_system()

-- query set_time_limits
-- Sets statement_timeout to $1, and lifts the other limits, until the end of the transaction, of which this is
-- the first statement.
select set_config(name, setting, true)
from (values
	('statement_timeout', $1::text),
	('lock_timeout', '0'),
	('idle_in_transaction_session_timeout', '0')
) as settings (name, setting)

-- script set_time_limits_lifted
-- The same for statements that are sent as one text.
set local statement_timeout = 0;
set local lock_timeout = 0;
set local idle_in_transaction_session_timeout = 0


-- ==== migrations ====

-- define migration_lock
-- Programs that migrate wait for each other by this lock. Any number will do, as long as it never changes.
7302157463491

-- query create_migrations
create table if not exists migrations (
	number integer primary key,
	name text not null,
	oldest_program integer not null,
	checksum text not null,
	applied_at timestamptz not null default now()
)

-- query lacks_migrations
select to_regclass('migrations') is null

-- query read_migrations
select number, oldest_program, checksum from migrations order by number

-- query add_migration
insert into migrations (number, name, oldest_program, checksum) values ($1, $2, $3, $4)

-- query try_migration_lock_of_session
select pg_try_advisory_lock({migration_lock})

-- query try_migration_lock_of_transaction
select pg_try_advisory_xact_lock({migration_lock})

-- script begin_migration
begin;
set local lock_timeout = '5s';
set local statement_timeout = 0

-- script lift_session_limits
set statement_timeout = 0;
set lock_timeout = 0


-- ==== dead letters ====

-- define opened_at
timestamptz 'epoch' + $8::bigint * interval '1 microsecond'

-- define letter_columns
id, outcome, reason, way, place, entry_id, incarnation, message, source, message_id, payload, payload_bytes,
attempts, first_at, last_at

-- define matching_letters
-- $1: no letter above this id; $2: ids; $3: outcome; $4: part of the reason; $5: message; $6, $7: seconds, older
-- and newer than; $8: the instant that they count from; $9: those that were discarded; $10: the microsecond since
-- which they were tried; $11: the whole reason; $12: the message's id. Null: any. Both tables are read in the order of their ids, so a page reads its rows only;
-- a condition inside of the union would sort all that remain.
from (
	select {letter_columns}, false as is_discarded from dead_letters
	union all
	select {letter_columns}, true from discarded_letters
) as letters
where is_discarded = $9::boolean and id <= $1
and ($2::bigint[] is null or id = any($2))
and ($3::text is null or outcome = $3)
and ($4::text is null or strpos(lower(reason), lower($4)) > 0)
and ($5::text is null or message = $5)
and ($6::bigint is null or last_at <= {opened_at} - $6::bigint * interval '1 second')
and ($7::bigint is null or last_at > {opened_at} - $7::bigint * interval '1 second')
and ($10::bigint is null or last_at >= timestamptz 'epoch' + $10::bigint * interval '1 microsecond')
and ($11::text is null or reason = $11)
and ($12::text is null or message_id = $12)

-- query open_letters
select
	(extract(epoch from clock_timestamp()) * 1000000)::bigint,
	greatest((select max(id) from dead_letters), (select max(id) from discarded_letters), 0)

-- query count_letters
select message, way, count(*)
from (select message, way {matching_letters} order by id limit $13::bigint) as matching
group by message, way
order by message, way

-- query find_missing_letters
-- Those of $1 that are no dead letters, or with $2 no discarded ones.
select w.id
from unnest($1::bigint[]) with ordinality as w(id, at)
left join dead_letters d on d.id = w.id and not $2::boolean
left join discarded_letters g on g.id = w.id and $2::boolean
where d.id is null and g.id is null
order by w.at

-- query read_letters
-- Reads a page of $14 letters after id $13, with payloads if $15.
select
	id, outcome, reason, way, place, entry_id, coalesce(incarnation, 0), message, source, message_id,
	payload_bytes, attempts,
	(extract(epoch from first_at) * 1000000)::bigint,
	(extract(epoch from last_at) * 1000000)::bigint,
	case when $15 then payload end,
	exists (
		select from inbox i
		where i.id = letters.message_id and i.source = letters.source and i.message = letters.message
		and i.outcome = 'handled' and i.handled_at > letters.last_at
	)
{matching_letters} and id > $13
order by id
limit $14::bigint

-- query read_letter_history
select attempt, action, who, (extract(epoch from at) * 1000000)::bigint, edits, outcome, reason
from dead_letter_history
where dead_letter_id = $1
order by attempt

-- define moved_columns
id, outcome, reason, way, place, entry_id, incarnation, message, source, message_id, payload, payload_bytes,
attempts + 1, first_at, now()

-- query discard_letters
-- Moves the letters of ids $1 that had $2 attempts to the discarded ones; $3: the operator; $4: the operator's note.
with gone as (
	delete from dead_letters d
	using unnest($1::bigint[], $2::integer[]) as w(id, attempts)
	where d.id = w.id and d.attempts = w.attempts
	returning d.*
), earlier as (
	delete from discarded_letters e
	using gone
	where e.place = gone.place and e.incarnation = gone.incarnation and e.entry_id = gone.entry_id
), kept as (
	insert into discarded_letters ({letter_columns}) select {moved_columns} from gone
)
insert into dead_letter_history (dead_letter_id, attempt, action, who, edits, outcome, reason, message, message_id)
select id, attempts + 1, 'discarded', $3, $4, outcome, reason, message, message_id from gone
returning dead_letter_id

-- query restore_letters
-- Moves them back likewise, except those of entries that are dead letters again.
with gone as (
	delete from discarded_letters d
	using unnest($1::bigint[], $2::integer[]) as w(id, attempts)
	where d.id = w.id and d.attempts = w.attempts
	and not exists (
		select from dead_letters n
		where n.place = d.place and n.incarnation = d.incarnation and n.entry_id = d.entry_id
	)
	returning d.*
), kept as (
	insert into dead_letters ({letter_columns}) overriding system value select {moved_columns} from gone
)
insert into dead_letter_history (dead_letter_id, attempt, action, who, edits, outcome, reason, message, message_id)
select id, attempts + 1, 'restored', $3, $4, outcome, reason, message, message_id from gone
returning dead_letter_id

-- query resend_mail
-- Queues the mail of letter $1 again, if it had $2 attempts; $3: the operator.
with gone as (
	delete from dead_letters where id = $1 and attempts = $2 and way = 'mail' returning *
), noted as (
	insert into dead_letter_history (dead_letter_id, attempt, action, who, reason, message, message_id)
	select id, attempts + 1, 'replayed', $3, 'to be sent again', message, message_id from gone
)
insert into notifications (sku, orderid, qty, recipient, due_at)
select mail->>'sku', mail->>'orderid', (mail->>'qty')::integer, mail->>'to', now()
from (select convert_from(payload, 'UTF8')::jsonb as mail from gone) as mails
returning id


-- ==== the outcome of a message ====

-- query find_outcomes
-- $1: the message's id. A stream's entry is known by its entry id, too: without another one, that is the id that
-- it spent, with its stream and the stream's incarnation as the source (see delivery.h).
--
-- A refusal from before the id was spent is superseded by the handling. Both bear the time of their commit; in
-- the same commit, a refusal because the id was spent came after it.
with spent as (
	select message, source, outcome, '' as reason, handled_at as at from inbox where id = $1::text
), entries as (
	select d.*
	from streams s
	cross join generate_series(1, s.incarnation) as i(n)
	cross join lateral (
		select * from dead_letters d where d.place = s.name and d.incarnation = i.n and d.entry_id = $1::text
	) as d
	where d.message_id is distinct from $1::text
), letters as (
	select message, source, outcome, reason, last_at as at, id from dead_letters where message_id = $1::text
	union all
	select
		message,
		case when message_id is null then format('%s %s', place, incarnation) else source end,
		outcome, reason, last_at, id
	from entries
), refused as (
	select distinct on (message, source) message, source, outcome, reason, at
	from letters
	order by message, source, at desc, id desc
)
select message, source, outcome, reason, (extract(epoch from at) * 1000000)::bigint
from (
	select * from spent
	union all
	select * from refused r
	where not exists (
		select from spent s
		where s.source in (r.source, replace(r.source, ' ', '%20'))
		and (s.at > r.at or s.at = r.at and not starts_with(r.reason, 'id reused '))
	)
) as known
where not exists (select from shrinks where cause = $1::text)
order by at, outcome in ('handled', 'skipped') desc, message, source

-- query frames_of_commit
-- Both the inbox's and the outbox's instants are those of their transaction.
select product_id, last_version, events
from product_frames
where committed_at = timestamptz 'epoch' + $1::bigint * interval '1 microsecond'
order by partition, product_id, last_version

-- query next_frame_of_product
-- Of product $1 after version $2. The last column is true for the commit of another message, which bears the id
-- $3 with another source; $4: the instant of our message's commit.
select
	$1::bigint, last_version, events,
	exists (
		select from inbox
		where id = $3::text and handled_at = committed_at
		and handled_at <> timestamptz 'epoch' + $4::bigint * interval '1 microsecond'
	)
from frames_of_product($1::bigint, $2::bigint, 1)
order by last_version
limit 1


-- ==== the outbox ====

-- query read_outbox_page
-- At most 500 rows of partition $1 after position $2 and up to $3; after a MiB of them, no more. Each with the number of
-- events that its parts hold; -1: it has no parts.
select
	position,
	(
		select coalesce(sum(part.last_version - part.first_version + 1), -1)
		from outbox_parts(sections, product_id, first_version, last_version, null, null) as part
	),
	frame
from (
	select
		next.*,
		sum(octet_length(frame)) over (order by position rows between unbounded preceding and 1 preceding)
			as bytes_before
	from (
		select * from outbox
		where partition = $1::smallint and position > $2::bigint and position <= $3::bigint
		order by position
		limit 500
	) as next
) as page
where coalesce(bytes_before, 0) < 1048576
order by position

-- query rewrite_row
-- $4: where each event ends in the new frame, $3; $5: the frame that was read. Sections without parts stay.
update outbox set frame = $3::bytea, sections = (
	select coalesce(array_agg(coalesce(ends.number, s.number) order by s.at), sections)
	from (
		select number, at, sum(case at % 5 when 2 then 1 - number when 3 then number end) over (order by at) as events
		from unnest(sections) with ordinality as s(number, at)
	) as s
	left join unnest($4::bigint[]) with ordinality as ends(number, event) on s.at % 5 = 0 and ends.event = s.events
)
where partition = $1::smallint and position = $2::bigint and frame = $5::bytea

-- script begin_renewal
begin isolation level read committed;
set local statement_timeout = 0;
set local lock_timeout = '30s'

-- query read_installation
select prefix, streams from installation

-- query take_installation
-- A worker that reads no streams leaves them to others.
update installation set prefix = $1, streams = coalesce(streams, nullif($2, ''))
where coalesce(prefix, $1) = $1 and (prefix is null or (streams is null and $2 <> ''))

-- query give_to_prefix
update installation set prefix = $1, streams = null

-- query set_streams
update installation set streams = $1 where streams is not distinct from $2

-- script begin_change_of_streams
-- Until the end no worker takes a stream: see CHANGE_LEASE.
begin isolation level read committed;
set local statement_timeout = '10s';
select from installation for update

-- query find_worker_with_other_streams
-- A worker that lives and could read one of the streams $1, or that has the lease of one, though its candidacies lack one of
-- $2, or have one of $3. Each of these is a list with one name a line.
with lists as (
	select string_to_array($1, e'\n') as streams, string_to_array($2, e'\n') as needed, string_to_array($3, e'\n') as unwanted
), known as (
	select id, name, beat_at, string_to_array(candidacies, e'\n') as candidacies from workers
)
select coalesce(k.name, w.id::text)
from (
	select k.id from known k, lists where k.beat_at > now() - interval '10 s' and k.candidacies && streams
	union
	select l.holder from leases l, lists where l.holder is not null and l.name = any(streams)
) as w
left join known k on k.id = w.id
cross join lists
where (k.candidacies @> needed and not k.candidacies && unwanted) is not true
limit 1

-- query read_holders
-- Of the leases of the streams $1, one name a line.
select l.name, coalesce(l.holder::text, ''), coalesce(w.beats, 0), coalesce(w.name, l.holder::text, '')
from leases l
left join workers w on w.id = l.holder
where l.name = any(string_to_array($1, e'\n'))
order by l.name

-- query lock_installation
-- One renewal follows another.
select from installation for update

-- query begin_epoch
insert into epochs (epoch, partition, position)
select h.epoch + 1, h.partition, least(h.position, c.position)
from outbox_heads h
join outbox_cursors c using (partition)
returning epoch, partition, position

-- query raise_epoch
-- In the order in which workers lock the heads.
with locked as (select partition from outbox_heads order by partition for no key update)
update outbox_heads h set epoch = h.epoch + 1
from locked
where h.partition = locked.partition

-- query renew_incarnation
-- A cursor beyond its head dates from before the database was restored, and is moved back to the head.
with before as (
	select incarnation from installation for update
), repaired as (
	update outbox_cursors c set position = h.position
	from outbox_heads h
	where h.partition = c.partition and c.position > h.position
)
update installation i set incarnation = gen_random_uuid()
from before
returning before.incarnation, i.incarnation

-- query find_events
select
	p.version,
	(select first_version from frames_of_product(p.id, 0, 1) order by first_version limit 1)
from products p
where p.sku = $1::text

-- query next_frames_of_sku
-- The parts that begin within the next 256 events; after a MiB of them, no more.
select first_version, last_version, events
from (
	select
		kept.*,
		min(first_version) over () as first,
		sum(octet_length(events)) over (order by last_version rows between unbounded preceding and 1 preceding)
			as bytes_before
	from (select id from products where sku = $1::text limit 1) as p
	cross join lateral frames_of_product(p.id, $2::bigint - 1, 256) as kept
) as page
where first_version < greatest(first, $2::bigint) + 256 and coalesce(bytes_before, 0) < 1048576
order by last_version

-- query count_unfinished_work
select
	(select coalesce(sum(h.position - c.position), 0) from outbox_heads h join outbox_cursors c using (partition)),
	(select count(*) from shrinks)


-- ==== rebuilding the read model ====
--
-- The read model is compared and corrected in pieces. The key that begins a piece is $1 to $3, the one that ends it $4 to $6,
-- the products that may be corrected are $7.

-- define wrong_lines
join products p on p.id = l.product_id
join batches b on b.id = l.batch_id
left join allocations_view v on v.orderid = l.orderid and v.sku = p.sku and v.qty = l.qty
where v.batchref is distinct from b.reference

-- define wrong_rows
left join products p on p.sku = v.sku
where not exists (
	select from order_lines l where l.product_id = p.id and l.orderid = v.orderid and l.qty = v.qty
)

-- define rows_of_piece
(v.orderid, v.sku, v.qty) > ($1::text, $2::text, $3::integer)
and (v.orderid, v.sku, v.qty) <= ($4::text, $5::text, $6::integer)

-- define may_change
and (p.id is null or p.id = any($7::bigint[]))

-- script begin_rebuild
-- Every query concerns a piece, which the planner cannot know: without these settings it would read whole tables for
-- each piece. They last for the transaction only, because a pooler may lend the session to other clients.
begin isolation level read committed;
set local lock_timeout = '500ms';
set local enable_seqscan = off;
set local enable_bitmapscan = off;
set local enable_hashjoin = off;
set local enable_mergejoin = off;
set local jit = off

-- query scan_lines
-- A piece has 1000 rows, few enough not to delay a worker that waits for a product.
with piece as materialized (
	select * from order_lines
	where (product_id, orderid, qty) > ($1::bigint, $2::text, $3::integer)
	order by product_id, orderid, qty
	limit 1000
), wrong as (
	select l.product_id from piece l {wrong_lines}
)
select
	product_id, orderid, qty,
	(select count(*) from piece),
	(select count(*) from wrong),
	(select coalesce(array_agg(distinct product_id), '{}') from wrong)
from piece
order by product_id desc, orderid desc, qty desc
limit 1

-- query show_lines
with piece as materialized (
	select * from order_lines
	where (product_id, orderid, qty) > ($1::bigint, $2::text, $3::integer)
	and (product_id, orderid, qty) <= ($4::bigint, $5::text, $6::integer)
	and product_id = any($7::bigint[])
), wrong as materialized (
	select l.orderid, p.sku, l.qty, b.reference, v.batchref from piece l {wrong_lines}
), shown as (
	insert into allocations_view (orderid, sku, qty, batchref)
	select orderid, sku, qty, reference from wrong
	on conflict (orderid, sku, qty) do update set batchref = excluded.batchref
)
select count(*) filter (where batchref is null), count(batchref), 0 from wrong

-- query scan_rows
with piece as materialized (
	select * from allocations_view
	where (orderid, sku, qty) > ($1::text, $2::text, $3::integer)
	order by orderid, sku, qty
	limit 1000
), wrong as (
	select p.id from piece v {wrong_rows}
)
select
	orderid, sku, qty,
	(select count(*) from piece),
	(select count(*) from wrong),
	(select coalesce(array_agg(distinct id), '{}') from wrong where id is not null)
from piece
order by orderid desc, sku desc, qty desc
limit 1

-- query lock_products
select from products where id = any($1::bigint[]) order by id for no key update

-- query lock_rows
-- A row whose SKU is no product's has nothing to lock but itself. Once it is locked, a worker that creates the
-- product and shows the line waits for us and shows it then; hide_rows sees what was committed before.
select from allocations_view v {wrong_rows} and {rows_of_piece} {may_change}
order by v.orderid, v.sku, v.qty
for update of v

-- query hide_rows
with piece as materialized (
	select * from allocations_view v where {rows_of_piece}
), wrong as materialized (
	select v.orderid, v.sku, v.qty from piece v {wrong_rows} {may_change}
), hidden as (
	delete from allocations_view r
	using wrong w
	where r.orderid = w.orderid and r.sku = w.sku and r.qty = w.qty
	returning 1
)
select 0, 0, count(*) from hidden


-- ==== forgetting an order ====
--
-- $1: its id. $2: the token.

-- define digest_of_order
sha256(convert_to($1::text, 'UTF8'))

-- define other_lines
-- Lines are replaced with their products, and the read model's rows with their lines; these rows belong to no line.
from allocations_view v
where v.orderid = $1 and not exists (
	select from products p
	cross join lateral (
		select from order_lines where product_id = p.id and orderid = v.orderid and qty = v.qty limit 1
	) as l
	where p.sku = v.sku
)

-- query begin_forgetting
-- The token of an interrupted call, unless a line came back since that would be the same as one that has the token.
insert into forgets as f (digest, token) values ({digest_of_order}, $2)
on conflict (digest) do update set token = case
	when exists (
		select from allocations_view v
		cross join lateral (
			select from allocations_view where orderid = f.token and sku = v.sku and qty = v.qty limit 1
		) as twin
		where v.orderid = $1
	) then excluded.token
	else f.token
end
returning token

-- query expect_no_process
select expect_no_process($1)

-- query end_forgetting
delete from forgets where digest = {digest_of_order}

-- query find_lines
-- Of the next 1000 products after $2: the last one, how many lines of the order they have, and which products have some.
select max(id), coalesce(sum(lines), 0), coalesce(sum(displaced), 0),
	array_agg(id order by id) filter (where lines + displaced > 0)
from (
	select
		page.id,
		(select count(*) from order_lines where product_id = page.id and orderid = $1) as lines,
		(select count(*) from displaced_lines where product_id = page.id and orderid = $1) as displaced
	from (select id from products where id > $2::bigint order by id limit 1000) as page
) as found

-- query replace_lines
-- Of the products $3, which are locked: at most 1000 lines of each kind.
with lines as (
	update order_lines set orderid = $2
	where ctid = any(array(
		select l.ctid
		from unnest($3::bigint[]) as w(id)
		cross join lateral (
			select ctid from order_lines where product_id = w.id and orderid = $1 limit 1000
		) as l
		limit 1000
	))
	returning product_id, qty
), displaced as (
	update displaced_lines set orderid = $2
	where ctid = any(array(
		select l.ctid
		from unnest($3::bigint[]) as w(id)
		cross join lateral (
			select ctid from displaced_lines where product_id = w.id and orderid = $1 limit 1000
		) as l
		limit 1000
	))
	returning product_id
), shown as (
	update allocations_view set orderid = $2
	where ctid = any(array(
		select v.ctid
		from lines
		cross join lateral (select sku from products where id = lines.product_id limit 1) as p
		cross join lateral (
			select ctid from allocations_view
			where orderid = $1 and sku = p.sku and qty = lines.qty
			limit 1
		) as v
	))
	returning 1
), changed as (
	update products set revision = revision + 1
	where id = any(array(select product_id from lines union select product_id from displaced))
)
select (select count(*) from lines), (select count(*) from displaced), (select count(*) from shown)

-- query count_view_rows
select count(*) from allocations_view where orderid = $1

-- query replace_view_rows
update allocations_view set orderid = $2 where ctid = any(array(select v.ctid {other_lines} limit 1000))

-- query count_notifications
select count(*) from notifications where orderid = $1

-- query replace_notifications
update notifications set orderid = $2
where ctid = any(array(select ctid from notifications where orderid = $1 limit 1000 for update))

-- query count_inbox
select count(*) from inbox where id = $1

-- query replace_inbox
update inbox set id = $2 where ctid = any(array(select ctid from inbox where id = $1 limit 1000))

-- query read_heads
select partition, position from outbox_heads order by partition

-- query read_letters_page
-- The letters after $1, the discarded ones among them; their key has one number, and $2 is for others.
select id, attempts, outcome, reason, message_id, payload
from (
	select id, attempts, outcome, reason, message_id, payload from dead_letters
	union all
	select id, attempts, outcome, reason, message_id, payload from discarded_letters
) as letters
where id > $1::bigint and $2::bigint is not null
order by id
limit 50

-- define replaced_letter
set reason = $3, message_id = $4, payload = substring($5::bytea for 65536),
	payload_bytes = payload_bytes + octet_length($5::bytea) - octet_length(payload)
where id = $1::bigint and attempts = $2::integer
returning id

-- query replace_letter
-- The letter $1 that had $2 attempts. Its payload has grown by what it has more bytes now.
with kept as (
	update dead_letters {replaced_letter}
), discarded as (
	update discarded_letters {replaced_letter}
)
select id from kept union all select id from discarded

-- query read_attempts_page
select dead_letter_id, attempt, edits, reason, message_id
from dead_letter_history
where (dead_letter_id, attempt) > ($1::bigint, $2::bigint)
order by dead_letter_id, attempt
limit 500

-- query replace_attempt
update dead_letter_history set edits = $3, reason = $4, message_id = $5
where dead_letter_id = $1::bigint and attempt = $2::integer


-- ==== dry runs ====
--
-- A session for dry runs works on temporary tables that hide the real ones, which stay visible as stored_NAME.

-- query hide_tables
do $$
declare
	name text;
begin
	foreach name in array array[
		'units', 'inbox', 'products', 'batches', 'order_lines', 'shrinks', 'displaced_lines', 'allocations_view',
		'notifications', 'dead_letters', 'dead_letter_history', 'dead_letter_totals', 'outbox', 'outbox_directory',
		'outbox_heads', 'outbox_cursors', 'processes'
	] loop
		execute format('create temporary view stored_%1$s as select * from %1$s', name);
		execute format('create temporary table %1$s (like %1$s including all)', name);
	end loop;
end
$$

-- query create_row_keys
-- Keys of new rows are far above any real one.
create temporary sequence row_keys start with 70368744177664

-- query copy_heads
insert into outbox_heads select * from stored_outbox_heads

-- query copy_cursors
insert into outbox_cursors select * from stored_outbox_cursors

-- query limit_dry_runs
-- Copying a product with very many lines takes longer than the worker's statements may.
select set_config('statement_timeout', '5min', false), set_config('default_transaction_read_only', 'on', false)


-- ==== what a benchmark left ====
--
-- $1: the run, with which the keys of its rows begin. Keys are compared by bytes, so each condition is one range
-- of an index: "n" comes right after "m".

-- query count_spent
select count(*) from inbox where id >= $1::text || '-m' and id < $1::text || '-n'

-- query count_results
select
	(
		select count(*) from inbox
		where outcome = 'handled' and id >= $1::text || '-m' and id < $1::text || '-n'
	),
	(
		select coalesce(sum(allocated), 0)::bigint from batches
		where reference >= $1::text || '-b' and reference < $1::text || '-c'
	),
	(
		select count(*) from order_lines l join products p on p.id = l.product_id
		where sku >= $1::text || '-s' and sku < $1::text || '-t'
	),
	(select count(*) from allocations_view where orderid >= $1::text || '-o' and orderid < $1::text || '-p'),
	(select count(*) from dead_letters where message_id >= $1::text || '-m' and message_id < $1::text || '-n')

-- query find_unhandled
select n
from generate_series(0, $2::bigint - 1) n
where not exists (select from inbox where id = $1::text || '-m' || lpad(n::text, 8, '0'))
order by n

-- query find_versions
select right(sku, 8)::bigint, version from products where sku >= $1::text || '-s' and sku < $1::text || '-t'

-- query find_refused
select outcome, message_id, reason
from dead_letters
where message_id >= $1::text || '-m' and message_id < $1::text || '-n'
order by id
limit 10

-- query read_gauges
-- The process that serves us, or 0 if it runs on another machine; the bytes of WAL written until now.
select
	case when inet_server_addr() is not distinct from inet_client_addr() then pg_backend_pid() else 0 end,
	pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint


-- ==== the rules of the database ====

-- script begin_verification
-- The planner expects a thousand parts in each row of the outbox, so it would compile most of the rules, which takes longer
-- than to run them.
begin isolation level repeatable read read only;
set local statement_timeout = 0;
set local jit = off

-- query record_verification
insert into verification (at, breaches, view_breaches) values (now(), $1, $2)
on conflict (only_row) do update
set at = excluded.at, breaches = excluded.breaches, view_breaches = excluded.view_breaches

-- query record_rebuilding
update verification set breaches = breaches - view_breaches, view_breaches = 0 where view_breaches > 0

-- query declare_frames
declare frames no scroll cursor for
select p.sku, f.first_version, f.last_version, f.events, f.partition, f.position, (
	select coalesce(max(e.epoch), 1) from epochs e where e.partition = f.partition and e.position < f.position
), f.product_id
from product_frames f
join products p on p.id = f.product_id
union all
select '', 0, 0, frame, partition, position, 1, 0
from outbox
where key is not null and cardinality(sections) = 0

-- query fetch_frames
-- A frame can hold megabytes, so only a few are fetched at a time.
fetch 16 from frames

-- query find_outdated_lines
-- $1: events that say in which batch a line is, or that it is in none. No line is older than an event about it.
select
	format('line %s of %s of %s', l.orderid, l.qty, p.sku),
	format('%s at version %s', coalesce('batch ' || e.batchref, 'no batch'), e.version),
	format('batch %s at version %s', b.reference, l.version)
from jsonb_to_recordset($1::jsonb) as e(product bigint, orderid text, qty integer, version bigint, batchref text)
cross join lateral (
	select * from order_lines l
	where l.product_id = e.product and l.orderid = e.orderid and l.qty = e.qty
	limit 1
) as l
join products p on p.id = e.product
join batches b on b.id = l.batch_id
where l.version < e.version or (l.version = e.version and b.reference is distinct from e.batchref)

-- define each_rule
-- Every rule selects the rows that break it: the row's key, the expected and the found value, as text. Of them $1
-- are reported, beside the number of all.
select *, count(*) over () from ({rule}) as breach (key, expected, found) limit $1::bigint

-- rule batch-lines: a batch has allocated what its lines add up to
select format('batch %s', b.reference), coalesce(l.qty, 0)::text, b.allocated::text
from batches b
left join (select batch_id, sum(qty) as qty from order_lines group by batch_id) l on l.batch_id = b.id
where b.allocated <> coalesce(l.qty, 0)

-- rule batch-stock: no batch has more allocated than purchased
select format('batch %s', reference), format('at most %s', purchased), allocated::text
from batches
where allocated > purchased

-- rule line-batch: a line is in a batch of its own product
select
	format('line %s of %s', l.orderid, l.qty),
	format('a batch of product %s', l.product_id),
	coalesce(format('one of product %s', b.product_id), 'no batch')
from order_lines l
left join batches b on b.id = l.batch_id
where b.product_id is distinct from l.product_id

-- rule line-version: no line is newer than its product
select format('line %s of %s of %s', l.orderid, l.qty, p.sku), format('at most %s', p.version), l.version::text
from (
	select product_id, orderid, qty, version from order_lines
	union all
	select product_id, orderid, qty, version from displaced_lines
) l
join products p on p.id = l.product_id
where l.version > p.version

-- rule line-displaced: a line is in a batch or displaced, not both
select format('line %s of %s of product %s', orderid, qty, product_id), 'one of them', 'both'
from displaced_lines
join order_lines using (product_id, orderid, qty)

-- rule displaced-shrink: lines are displaced only while their product shrinks
select format('line %s of %s of product %s', d.orderid, d.qty, d.product_id), 'a shrink', 'none'
from displaced_lines d
left join shrinks s using (product_id)
where s.product_id is null

-- rule shrink-batch: a shrinking batch belongs to its product and is no larger than it must be
select
	format('batch %s', b.reference),
	format('product %s, purchased %s', s.product_id, greatest(b.allocated, s.target)),
	format('product %s, purchased %s', b.product_id, b.purchased)
from shrinks s
join batches b on b.id = s.batch_id
where b.product_id <> s.product_id or b.purchased <> greatest(b.allocated, s.target)

-- rule product-batches: a product has a batch
select format('product %s', p.sku), 'a batch', 'none'
from products p
where not exists (select from batches b where b.product_id = p.id)

-- rule product-version: a product's version is that of its last event
select format('product %s', p.sku), o.last::text, p.version::text
from products p
join (select product_id, max(last_version) as last from product_frames group by product_id) o on o.product_id = p.id
where p.version <> o.last

-- rule outbox-product: events belong to an existing product
-- A row without product and events takes the place of one that was lost: see docs/operating.md.
select format('partition %s, position %s', f.partition, f.position), format('product %s', f.product_id), 'none'
from product_frames f
left join products p on p.id = f.product_id
where p.id is null and (f.product_id is not null or exists (
	select from outbox o
	where o.partition = f.partition and o.position = f.position and o.frame <> ''
))

-- rule outbox-versions: events of a product are numbered without gaps
select format('partition %s, position %s', partition, position), (before + 1)::text, first_version::text
from (
	select
		partition, position, first_version,
		lag(last_version) over (partition by product_id order by last_version) as before
	from product_frames
) o
where first_version <> before + 1

-- rule outbox-list: from each row with events of a product, the row with those before them is found
select format('partition %s, position %s', partition, position), format('row %s', before), format('row %s', previous)
from (
	select
		partition, position, previous,
		lag(key) over (partition by product_id order by last_version) as before
	from product_frames
	where key is not null
) o
where previous <> before

-- rule outbox-last: the row with the last event of a product is found
select format('product %s', p.sku), format('row %s', o.key), format('row %s', p.last_row)
from products p
join (
	select distinct on (product_id) product_id, key from product_frames
	where key is not null
	order by product_id, last_version desc
) o on o.product_id = p.id
where p.last_row <> o.key

-- rule outbox-directory: the directory has an entry for one in 32 events of a product
-- Entries before a product's first part are left from rows that an earlier program deleted.
select
	format('product %s, version %s', product_id, version),
	coalesce(format('row %s', part.key), 'none'),
	coalesce(format('row %s', d.key), 'none')
from (
	select product_id, last_version as version, key from product_frames
	where key is not null and last_version / {DIRECTORY_STEP} > (first_version - 1) / {DIRECTORY_STEP}
) part
full join outbox_directory d using (product_id, version)
left join (
	select product_id, min(first_version) as first_version from product_frames
	where key is not null
	group by product_id
) kept using (product_id)
where d.key is distinct from part.key and version >= coalesce(kept.first_version, version + 1)

-- rule outbox-sections: the parts of a row, if it has any, follow one another, and the last one ends where the frame ends
select
	format('partition %s, position %s', partition, position),
	case when sections is null then 'one part, and its frame' else format('%s bytes', octet_length(frame)) end,
	coalesce('parts ' || sections::text, format('product %s, versions %s to %s', product_id, first_version, last_version))
from outbox
where key is not null and (
	sections is null and (product_id is null or first_version is null or last_version is null or frame = '')
	or cardinality(sections) % 5 <> 0
	or array_position(sections, null) is not null or sections[cardinality(sections)] <> octet_length(frame)
	or exists (
		select from generate_series(5, cardinality(sections), 5) as i
		where sections[i] <= coalesce(sections[i - 5], 0)
	)
)

-- rule outbox-positions: rows of a partition are numbered without gaps
select format('partition %s', partition), format('position %s', before + 1), position::text
from (
	select partition, position, lag(position) over (partition by partition order by position) as before
	from outbox
) o
where position <> before + 1

-- rule outbox-head: the head of a partition is the position of its last row
select format('partition %s', h.partition), h.position::text, o.last::text
from outbox_heads h
join (select partition, max(position) as last from outbox group by partition) o using (partition)
where o.last <> h.position

-- rule outbox-cursor: no partition is published beyond its head
select format('partition %s', partition), format('at most %s', h.position), c.position::text
from outbox_cursors c
join outbox_heads h using (partition)
where c.position > h.position

-- rule outbox-epoch: all partitions are in the epoch that began last
select format('partition %s', partition), format('epoch %s', coalesce((select max(epoch) from epochs), 1)),
	format('epoch %s', epoch)
from outbox_heads
where epoch <> coalesce((select max(epoch) from epochs), 1)

-- rule outbox-unpublished: rows that are not published yet are kept
select
	format('partition %s', h.partition),
	format('rows from position %s', c.position + 1),
	coalesce(format('from %s', o.first), 'none')
from outbox_heads h
join outbox_cursors c using (partition)
left join (select partition, min(position) as first from outbox group by partition) o using (partition)
where c.position < h.position and coalesce(o.first > c.position + 1, true)

-- rule outbox-partitions: each partition has a head and a cursor
select
	format('partition %s', n),
	'head and cursor',
	case when h.partition is null then 'no head' else 'no cursor' end
from generate_series(0, 15) n
left join outbox_heads h on h.partition = n
left join outbox_cursors c on c.partition = n
where h.partition is null or c.partition is null

-- rule view: the read model shows every line in its batch, and nothing else
select
	format('line %s of %s of %s', orderid, qty, sku),
	coalesce(l.reference, 'no row'),
	coalesce(v.batchref, 'no row')
from (
	select l.orderid, p.sku, l.qty, b.reference
	from order_lines l
	join products p on p.id = l.product_id
	join batches b on b.id = l.batch_id
) l
full join allocations_view v using (orderid, sku, qty)
where l.reference is distinct from v.batchref

-- rule inbox-outcome: a spent id was handled or skipped
select format('%s %s', message, id), 'handled or skipped', outcome
from inbox
where outcome not in ('handled', 'skipped')

-- rule limits: names have 1 to 255 characters, quantities are at least 1, versions count up
select key, '1 to 255 characters, 1 at least', found
from (
	select format('product %s', sku) as key, format('revision %s, version %s', revision, version) as found
	from products
	where char_length(sku) not between 1 and 255 or revision < 1 or version < 0
	union all
	select format('batch %s', reference), original_qty::text
	from batches
	where char_length(reference) not between 1 and 255 or original_qty < 1
	union all
	select format('line %s of product %s', orderid, product_id), qty::text
	from order_lines
	where char_length(orderid) not between 1 and 255 or qty < 1 or version < 1
	union all
	select format('partition %s, position %s', partition, position),
		format('versions %s to %s', first_version, last_version)
	from product_frames
	where first_version not between 1 and last_version
) as beyond

-- rule process-spent: a process ends in the commit that spends its event's id
-- A process that began while another worker's commit spent the id is deleted at once.
select format('process %s', p.key), format('no process of %s', p.message_id), format('one from %s', p.begun_at)
from processes p
join inbox i on i.id = p.message_id and i.source = p.source
where p.begun_at < now() - interval '1 minute'

-- rule process-due: a process whose lease has ended is continued while a worker lives
select format('process %s', key), 'continued by a worker', format('waits since %s', due_at)
from processes
where due_at < (select max(at) from units) - interval '10 minutes'

-- rule process-lines: a process has each of its lines once, and its commands are about no others
select format('process %s', key), expected, found
from (
	select key, 'each line once' as expected, format('line %s of %s %s times', qty, sku, count(*)) as found
	from processes
	cross join lateral unnest(skus, qtys) as line(sku, qty)
	group by key, sku, qty
	having count(*) > 1
	union all
	select key, '1 to 255 characters, 1 at least', format('line %s of %s', qty, sku)
	from processes
	cross join lateral unnest(skus, qtys) as line(sku, qty)
	where coalesce(char_length(sku) not between 1 and 255 or qty < 1, true)
	union all
	select p.key, format('%s lines', cardinality(p.skus)), format('a command about line %s', i.id)
	from processes p
	join inbox i on i.source = format('process %s', p.key)
	where i.id <> all (select n::text from generate_series(1, cardinality(p.skus)) as n)
) as wrong

-- rule dead-letter-total: dead letters are counted
select 'dead letters', count(*)::text, (select kept from dead_letter_totals)::text
from dead_letters
having count(*) is distinct from (select kept from dead_letter_totals)

-- rule stream-done: no stream was handled beyond its last entry
select format('stream %s', name), format('at most %s', array_to_string(highest, '-')), array_to_string(done, '-')
from streams
where done > highest

-- rule blind-window: a blind window begins before it ends
-- Times are RFC 3339, however the database writes them.
select
	format('window %s', id),
	format('until %s or later', to_char(since at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')),
	to_char(until at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
from blind_windows
where since > until
