-- What a database holds after some use: for each migration the rows that the program of its time writes, which come on top of those of the
-- migrations before. make_dump.py runs it; it creates the functions for each session.

-- ==== functions

create function pg_temp.event(name text, payload json) returns bytea language sql as $$
	select set_byte('\x00', 0, octet_length(name)) || convert_to(name, 'UTF8')
		|| int4send(octet_length(payload::text)) || convert_to(payload::text, 'UTF8')
$$;

create function pg_temp.line_allocated(version bigint, sku text, batchref text, orderid text, qty integer, epoch bigint default null) returns bytea
language sql as $$
	select pg_temp.event('line_allocated', json_strip_nulls(json_build_object(
		'orderid', orderid, 'sku', sku, 'qty', qty, 'batchref', batchref, 'version', version,
		'occurred_at', '2026-01-01T09:00:00.000001Z', 'epoch', epoch)))
$$;

create function pg_temp.line_deallocated(version bigint, sku text, batchref text, orderid text, qty integer, epoch bigint default null) returns bytea
language sql as $$
	select pg_temp.event('line_deallocated', json_strip_nulls(json_build_object(
		'orderid', orderid, 'sku', sku, 'qty', qty, 'batchref', batchref, 'version', version,
		'occurred_at', '2026-01-01T10:00:00.000001Z', 'epoch', epoch)))
$$;

-- ==== migration 1
-- The lamp has a batch without free stock, one with an ETA, and events in partition 6 that are not published. The desk's batch shrinks in
-- steps: one line is displaced, and its event in partition 15 is published.

select setval('row_keys', 1000);
insert into products (id, sku, version, revision) values (1, 'lamp', 3, 3), (2, 'desk', 3, 4);
insert into batches (id, product_id, reference, eta, original_qty, purchased, allocated, changed_at) values
	(11, 1, 'lamp-shelf', '-infinity', 30, 30, 30, null),
	(12, 1, 'lamp-ship', '2031-01-01', 100, 90, 10, now() - interval '3 hours'),
	(21, 2, 'desk-shelf', '-infinity', 12, 5, 5, now() - interval '1 hour');
insert into order_lines (product_id, orderid, qty, batch_id, version) values
	(1, 'order-1', 10, 11, 1), (1, 'order-2', 20, 11, 2), (1, 'order-3', 10, 12, 3), (2, 'order-4', 5, 21, 1);
insert into allocations_view (orderid, sku, qty, batchref) values
	('order-1', 'lamp', 10, 'lamp-shelf'), ('order-2', 'lamp', 20, 'lamp-shelf'), ('order-3', 'lamp', 10, 'lamp-ship'),
	('order-4', 'desk', 5, 'desk-shelf');
insert into shrinks (product_id, batch_id, target, cause, traceparent) values
	(2, 21, 5, 'shrink-1', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01');
insert into displaced_lines (product_id, orderid, qty, version) values (2, 'order-5', 7, 3);

insert into outbox (partition, position, product_id, first_version, last_version, frame, committed_at) values
	(6, 1, 1, 1, 2, pg_temp.line_allocated(1, 'lamp', 'lamp-shelf', 'order-1', 10)
		|| pg_temp.line_allocated(2, 'lamp', 'lamp-shelf', 'order-2', 20), now() - interval '3 hours'),
	(6, 2, 1, 3, 3, pg_temp.line_allocated(3, 'lamp', 'lamp-ship', 'order-3', 10), now() - interval '2 hours'),
	(15, 1, 2, 1, 2, pg_temp.line_allocated(1, 'desk', 'desk-shelf', 'order-4', 5)
		|| pg_temp.line_allocated(2, 'desk', 'desk-shelf', 'order-5', 7), now() - interval '2 hours'),
	(15, 2, 2, 3, 3, pg_temp.line_deallocated(3, 'desk', 'desk-shelf', 'order-5', 7), now() - interval '1 hour');
update outbox_heads set position = 2 where partition in (6, 15);
update outbox_cursors set position = 1 where partition = 6;
update outbox_cursors set position = 2 where partition = 15;

-- One id that two commands have spent, which no program does from migration 4 on.
insert into inbox (message, source, id, digest, outcome, handled_at) values
	('allocate', '', 'message-1', -1234567890123456789, 'handled', now() - interval '3 hours'),
	('create_batch', '', 'message-1', 1, 'handled', now() - interval '2 hours'),
	('allocate', '/shop', 'message-1', 2, 'skipped', now() - interval '1 hour');
insert into units (witness, settled, at) values
	('00000000-0000-0000-0000-000000000001', false, now() - interval '1 hour'),
	('00000000-0000-0000-0000-000000000002', true, now() - interval '1 hour');

-- The first one can be replayed. Of the last one the payload was too long to be kept.
insert into dead_letters (outcome, reason, way, place, entry_id, message, source, message_id, payload, payload_bytes, attempts) values
	('rejected', 'invalid sku lamp', 'pubsub', 'allocate', null, 'allocate', '', 'letter-1',
		'{"orderid":"order-6","sku":"lamp","qty":1,"id":"letter-1"}', 58, 2),
	('invalid', 'not UTF-8', 'pubsub', 'allocate', null, 'allocate', '', null, '\xff007b', 3, 1),
	('failed', 'too large', 'stream', 'upgrade:commands', '1700000000000-1', 'allocate', '', 'letter-3', '{', 70000, 3);
update dead_letter_totals set dropped = 2;
insert into notifications (sku, orderid, qty, attempts, due_at) values ('lamp', 'order-14', 500, 0, now() + interval '1 hour');

-- ==== migration 2

update installation set heard_until = now() - interval '1 minute';
insert into streams (name, highest, done) values ('upgrade:commands', '{1700000000000, 5}', '{1700000000000, 3}');
insert into blind_windows (since, until, cause) values
	(now() - interval '2 hours', now() - interval '1 hour', 'not connected yet'),
	(now() - interval '10 minutes', now() - interval '10 minutes', 'connection refused');
insert into dead_letters (outcome, reason, way, place, incarnation, entry_id, message, source, message_id, payload, payload_bytes) values
	('rejected', 'invalid sku sofa', 'stream', 'upgrade:commands', 1, '1700000000000-3', 'allocate', '', null,
		'{"orderid":"order-15","sku":"sofa","qty":1}', 43);
insert into dead_letter_history (dead_letter_id, attempt, action, who, edits, outcome, reason, message, message_id) values
	(1, 2, 'replayed', 'operator@host', 'qty=1', 'rejected', 'invalid sku lamp', 'allocate', 'letter-1'),
	(100, 2, 'discarded', 'operator@host', '', null, null, 'allocate', null);
insert into inbox (message, source, id, digest, outcome) values
	('stream entry', 'upgrade:commands 1', '1700000000000-2', -3, 'handled');

-- ==== migration 3

-- ==== migration 4

insert into inbox (message, source, id, digest, outcome) values ('ship', '', 'message-2', 4, 'skipped');

-- ==== migration 5

update streams set marked = 1;
insert into streams (name, incarnation, highest, done, latest, marked) values
	('upgrade:orders', 2, '{1700000000001, 18446744073709551615}', '{0, 0}', 3, null);

-- ==== migration 6

insert into notifications (sku, orderid, qty, attempts, due_at, recipient) values
	('lamp', 'order-14', 500, 3, now() + interval '1 hour', 'stock@example.com');

-- ==== migration 7

-- ==== migration 8
-- Two products in partition 12: of the chair the first 30 events are deleted, as retention does, so that the directory has an entry. The
-- second row has parts of both, and is not published.

insert into products (id, sku, version, revision, last_row) values (3, 'chair', 34, 34, 5002), (4, 'vase', 1, 1, 5002);
insert into batches (id, product_id, reference, eta, original_qty, purchased, allocated) values
	(31, 3, 'chair-shelf', '-infinity', 50, 50, 21), (41, 4, 'vase-shelf', '-infinity', 10, 10, 2);
insert into order_lines (product_id, orderid, qty, batch_id, version) values
	(3, 'order-9', 5, 31, 31), (3, 'order-10', 1, 31, 32), (3, 'order-7', 10, 31, 33), (3, 'order-8', 5, 31, 34), (4, 'order-8', 2, 41, 1);
insert into allocations_view (orderid, sku, qty, batchref) values
	('order-9', 'chair', 5, 'chair-shelf'), ('order-10', 'chair', 1, 'chair-shelf'), ('order-7', 'chair', 10, 'chair-shelf'),
	('order-8', 'chair', 5, 'chair-shelf'), ('order-8', 'vase', 2, 'vase-shelf');

insert into outbox (partition, position, key, sections, frame, committed_at)
select 12, position, key, sections, frame, now() - interval '1 hour' from (
	select 1 as position, 5001 as key, array[3, 31, 33, 0, octet_length(frame)] as sections, frame from (select
		pg_temp.line_allocated(31, 'chair', 'chair-shelf', 'order-9', 5)
		|| pg_temp.line_allocated(32, 'chair', 'chair-shelf', 'order-10', 1)
		|| pg_temp.line_allocated(33, 'chair', 'chair-shelf', 'order-7', 10) as frame) as published
	union all
	select 2, 5002, array[3, 34, 34, 5001, octet_length(chair), 4, 1, 1, 0, octet_length(chair || vase)], chair || vase from (select
		pg_temp.line_allocated(34, 'chair', 'chair-shelf', 'order-8', 5) as chair,
		pg_temp.line_allocated(1, 'vase', 'vase-shelf', 'order-8', 2) as vase) as unpublished
) as rows;
insert into outbox_directory (product_id, version, key) values (3, 33, 5001);
update outbox_heads set position = 2 where partition = 12;
update outbox_cursors set position = 1 where partition = 12;

-- ==== migration 9
-- The outbox was renewed, while three rows were not published.

update installation set incarnation = gen_random_uuid();
insert into epochs (epoch, partition, position) select 2, partition, position from outbox_heads;
update outbox_heads set epoch = 2;

-- ==== migration 10

-- ==== migration 11
-- An order that was being forgotten.

insert into forgets (digest, token) values (sha256('order-16'), 'forgotten-1');

-- ==== migration 12
-- An order was being cancelled: its chair is deallocated already, in a row that is not published, and its vase is not.

insert into processes (source, message_id, digest, message, place, payload, orderid, skus, qtys, begun_at, due_at) values
	('', 'cancelled-1', -1975114202738697587, 'order_cancelled', 'order_cancelled', '{"orderid":"order-8","id":"cancelled-1"}', 'order-8',
		'{chair, vase}', '{5, 2}', now() - interval '1 minute', now() - interval '1 second');
insert into inbox (message, source, id, digest, outcome) values ('deallocate', 'process 1', '1', -7994715843820945498, 'handled');
delete from order_lines where product_id = 3 and orderid = 'order-8';
delete from allocations_view where sku = 'chair' and orderid = 'order-8';
update batches set allocated = 16 where id = 31;
update products set version = 35, revision = 35, last_row = 5003 where id = 3;
insert into outbox (partition, position, key, sections, frame, committed_at)
select 12, 3, 5003, array[3, 35, 35, 5002, octet_length(frame)], frame, now() - interval '1 minute'
from pg_temp.line_deallocated(35, 'chair', 'chair-shelf', 'order-8', 5, 2) as frame;
update outbox_heads set position = 3 where partition = 12;

-- ==== migration 13

-- ==== migration 14
-- The sofa is in partition 14: rows with one part, the second of which is not published.

insert into products (id, sku, version, revision, last_row) values (5, 'sofa', 2, 2, 6002);
insert into batches (id, product_id, reference, eta, original_qty, purchased, allocated) values
	(51, 5, 'sofa-ship', '2032-02-02', 8, 8, 3);
insert into order_lines (product_id, orderid, qty, batch_id, version) values (5, 'order-12', 1, 51, 1), (5, 'order-13', 2, 51, 2);
insert into allocations_view (orderid, sku, qty, batchref) values
	('order-12', 'sofa', 1, 'sofa-ship'), ('order-13', 'sofa', 2, 'sofa-ship');
insert into outbox (partition, position, key, product_id, first_version, last_version, previous, frame, committed_at) values
	(14, 1, 6001, 5, 1, 1, null, pg_temp.line_allocated(1, 'sofa', 'sofa-ship', 'order-12', 1, 2), now() - interval '2 minutes'),
	(14, 2, 6002, 5, 2, 2, 6001, pg_temp.line_allocated(2, 'sofa', 'sofa-ship', 'order-13', 2, 2), now() - interval '1 minute');
update outbox_heads set position = 2 where partition = 14;
update outbox_cursors set position = 1 where partition = 14;

-- ==== migration 15
-- Another worker, which lives, is cancelling an order.

insert into processes (source, message_id, digest, message, way, place, payload, orderid, skus, qtys, begun_at, due_at) values
	('/shop', 'cancelled-2', 9, 'order_cancelled', 'pubsub', 'order_cancelled', '{"orderid":"order-13","id":"cancelled-2"}', 'order-13',
		'{sofa}', '{2}', now() - interval '1 second', now() + interval '1 hour');

-- ==== migration 16

update installation set prefix = 'upgrade:';

-- ==== migration 17
-- Leases that a worker held when it died, and one without a holder.

insert into workers (id, name, beats, ttl_ms, candidacies, started_at, beat_at) values
	('00000000-0000-0000-0000-000000000017', 'host:17', 170, 200, e'pubsub\nupgrade:commands',
		now() - interval '1 hour', now() - interval '1 minute');
insert into leases (name, term, holder, note, since) values
	('pubsub', '00000000-0000-0000-0000-000000000171', '00000000-0000-0000-0000-000000000017', '', now() - interval '1 hour'),
	('upgrade:commands', '00000000-0000-0000-0000-000000000172', '00000000-0000-0000-0000-000000000017', '7 127.0.0.1:1', now()),
	('upgrade:orders', '00000000-0000-0000-0000-000000000173', null, '', now() - interval '1 hour');

-- ==== migration 18

update installation set streams = 'commands';

-- ==== migration 19

insert into workers (id, name, beats, ttl_ms, candidacies, messages, started_at, beat_at) values
	('00000000-0000-0000-0000-000000000019', 'host:19', 190, 200, 'pubsub', e'allocate\ncreate_batch',
		now() - interval '1 hour', now() - interval '1 minute');

-- ==== migration 20
-- One letter is discarded, another one was, and is restored.

insert into discarded_letters (id, outcome, reason, way, place, message, source, message_id, payload, payload_bytes, attempts, first_at, last_at)
values
	(101, 'rejected', 'invalid sku bed', 'pubsub', 'allocate', 'allocate', '', 'letter-101',
		'{"orderid":"order-17","sku":"bed","qty":1,"id":"letter-101"}', 60, 2, now() - interval '2 hours', now() - interval '1 hour');
insert into dead_letter_history (dead_letter_id, attempt, action, who, edits, outcome, reason, message, message_id) values
	(101, 2, 'discarded', 'operator@host', '', null, null, 'allocate', 'letter-101'),
	(4, 2, 'discarded', 'operator@host', '', null, null, 'allocate', null),
	(4, 3, 'restored', 'operator@host', '', null, null, 'allocate', null);
update dead_letters set attempts = 3 where id = 4;

-- ==== migration 21

insert into verification (at, breaches, view_breaches) values (now() - interval '1 hour', 2, 1);

-- ==== migration 22
