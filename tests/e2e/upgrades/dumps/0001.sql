-- The rows of a database that was used up to migration 1: see make_dump.py.
INSERT INTO public.allocations_view (orderid, sku, qty, batchref) VALUES
	('order-1', 'lamp', 10, 'lamp-shelf'),
	('order-2', 'lamp', 20, 'lamp-shelf'),
	('order-3', 'lamp', 10, 'lamp-ship'),
	('order-4', 'desk', 5, 'desk-shelf');
INSERT INTO public.products (id, sku, version, revision) VALUES
	(1, 'lamp', 3, 3),
	(2, 'desk', 3, 4);
INSERT INTO public.batches (id, product_id, reference, eta, original_qty, purchased, allocated, changed_at) VALUES
	(11, 1, 'lamp-shelf', '-infinity', 30, 30, 30, NULL),
	(12, 1, 'lamp-ship', '2031-01-01', 100, 90, 10, '2026-01-01 08:59:59.989374+00'),
	(21, 2, 'desk-shelf', '-infinity', 12, 5, 5, '2026-01-01 10:59:59.989374+00');
INSERT INTO public.dead_letter_totals (kept, dropped, only_row) VALUES
	(3, 2, true);
INSERT INTO public.dead_letters (id, outcome, reason, way, place, entry_id, message, source, message_id, payload, payload_bytes, attempts, first_at, last_at) OVERRIDING SYSTEM VALUE VALUES
	(1, 'rejected', 'invalid sku lamp', 'pubsub', 'allocate', NULL, 'allocate', '', 'letter-1', '{"orderid":"order-6","sku":"lamp","qty":1,"id":"letter-1"}', 58, 2, '2026-01-01 11:59:59.989374+00', '2026-01-01 11:59:59.989374+00'),
	(2, 'invalid', 'not UTF-8', 'pubsub', 'allocate', NULL, 'allocate', '', NULL, '\377\000{', 3, 1, '2026-01-01 11:59:59.989374+00', '2026-01-01 11:59:59.989374+00'),
	(3, 'failed', 'too large', 'stream', 'upgrade:commands', '1700000000000-1', 'allocate', '', 'letter-3', '{', 70000, 3, '2026-01-01 11:59:59.989374+00', '2026-01-01 11:59:59.989374+00');
INSERT INTO public.displaced_lines (product_id, orderid, qty, version) VALUES
	(2, 'order-5', 7, 3);
INSERT INTO public.inbox (message, source, id, digest, outcome, handled_at) VALUES
	('allocate', '', 'message-1', -1234567890123456789, 'handled', '2026-01-01 08:59:59.989374+00'),
	('create_batch', '', 'message-1', 1, 'handled', '2026-01-01 09:59:59.989374+00'),
	('allocate', '/shop', 'message-1', 2, 'skipped', '2026-01-01 10:59:59.989374+00');
INSERT INTO public.migrations (number, name, oldest_program, checksum, applied_at) VALUES
	(1, '0001_tables', 1, '4a7c850ae1665752618780ece164eae28927522bbfd0af211120e3f0dfd9e28c', '2026-01-01 11:59:59.988807+00');
INSERT INTO public.notifications (id, sku, orderid, qty, attempts, due_at) OVERRIDING SYSTEM VALUE VALUES
	(1, 'lamp', 'order-14', 500, 0, '2026-01-01 12:59:59.989374+00');
INSERT INTO public.order_lines (product_id, orderid, qty, batch_id, version) VALUES
	(1, 'order-1', 10, 11, 1),
	(1, 'order-2', 20, 11, 2),
	(1, 'order-3', 10, 12, 3),
	(2, 'order-4', 5, 21, 1);
INSERT INTO public.outbox (partition, "position", product_id, first_version, last_version, frame, committed_at) VALUES
	(6, 1, 1, 1, 2, '\016line_allocated\000\000\000{{"orderid":"order-1","sku":"lamp","qty":10,"batchref":"lamp-shelf","version":1,"occurred_at":"2026-01-01T09:00:00.000001Z"}\016line_allocated\000\000\000{{"orderid":"order-2","sku":"lamp","qty":20,"batchref":"lamp-shelf","version":2,"occurred_at":"2026-01-01T09:00:00.000001Z"}', '2026-01-01 08:59:59.989374+00'),
	(6, 2, 1, 3, 3, '\016line_allocated\000\000\000z{"orderid":"order-3","sku":"lamp","qty":10,"batchref":"lamp-ship","version":3,"occurred_at":"2026-01-01T09:00:00.000001Z"}', '2026-01-01 09:59:59.989374+00'),
	(15, 1, 2, 1, 2, '\016line_allocated\000\000\000z{"orderid":"order-4","sku":"desk","qty":5,"batchref":"desk-shelf","version":1,"occurred_at":"2026-01-01T09:00:00.000001Z"}\016line_allocated\000\000\000z{"orderid":"order-5","sku":"desk","qty":7,"batchref":"desk-shelf","version":2,"occurred_at":"2026-01-01T09:00:00.000001Z"}', '2026-01-01 09:59:59.989374+00'),
	(15, 2, 2, 3, 3, '\020line_deallocated\000\000\000z{"orderid":"order-5","sku":"desk","qty":7,"batchref":"desk-shelf","version":3,"occurred_at":"2026-01-01T10:00:00.000001Z"}', '2026-01-01 10:59:59.989374+00');
INSERT INTO public.outbox_cursors (partition, "position") VALUES
	(0, 0),
	(1, 0),
	(2, 0),
	(3, 0),
	(4, 0),
	(5, 0),
	(7, 0),
	(8, 0),
	(9, 0),
	(10, 0),
	(11, 0),
	(12, 0),
	(13, 0),
	(14, 0),
	(6, 1),
	(15, 2);
INSERT INTO public.outbox_heads (partition, "position") VALUES
	(0, 0),
	(1, 0),
	(2, 0),
	(3, 0),
	(4, 0),
	(5, 0),
	(7, 0),
	(8, 0),
	(9, 0),
	(10, 0),
	(11, 0),
	(12, 0),
	(13, 0),
	(14, 0),
	(6, 2),
	(15, 2);
INSERT INTO public.shrinks (product_id, batch_id, target, cause, traceparent) VALUES
	(2, 21, 5, 'shrink-1', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01');
INSERT INTO public.units (witness, settled, at) VALUES
	('00000000-0000-0000-0000-000000000001', false, '2026-01-01 10:59:59.989374+00'),
	('00000000-0000-0000-0000-000000000002', true, '2026-01-01 10:59:59.989374+00');
SELECT pg_catalog.setval('public.dead_letters_id_seq', 3, true);
SELECT pg_catalog.setval('public.notifications_id_seq', 1, true);
SELECT pg_catalog.setval('public.row_keys', 1000, true);
