-- The rows of a database that was used up to migration 18: see make_dump.py.
INSERT INTO public.allocations_view (orderid, sku, qty, batchref) VALUES
	('order-1', 'lamp', 10, 'lamp-shelf'),
	('order-2', 'lamp', 20, 'lamp-shelf'),
	('order-3', 'lamp', 10, 'lamp-ship'),
	('order-4', 'desk', 5, 'desk-shelf'),
	('order-9', 'chair', 5, 'chair-shelf'),
	('order-10', 'chair', 1, 'chair-shelf'),
	('order-7', 'chair', 10, 'chair-shelf'),
	('order-8', 'vase', 2, 'vase-shelf'),
	('order-12', 'sofa', 1, 'sofa-ship'),
	('order-13', 'sofa', 2, 'sofa-ship');
INSERT INTO public.products (id, sku, version, revision, last_row) VALUES
	(1, 'lamp', 3, 3, 0),
	(2, 'desk', 3, 4, 0),
	(4, 'vase', 1, 1, 5002),
	(3, 'chair', 35, 35, 5003),
	(5, 'sofa', 2, 2, 6002);
INSERT INTO public.batches (id, product_id, reference, eta, original_qty, purchased, allocated, changed_at) VALUES
	(11, 1, 'lamp-shelf', '-infinity', 30, 30, 30, NULL),
	(12, 1, 'lamp-ship', '2031-01-01', 100, 90, 10, '2026-01-01 08:59:59.927973+00'),
	(21, 2, 'desk-shelf', '-infinity', 12, 5, 5, '2026-01-01 10:59:59.927973+00'),
	(41, 4, 'vase-shelf', '-infinity', 10, 10, 2, NULL),
	(31, 3, 'chair-shelf', '-infinity', 50, 50, 16, NULL),
	(51, 5, 'sofa-ship', '2032-02-02', 8, 8, 3, NULL);
INSERT INTO public.blind_windows (id, since, until, cause) OVERRIDING SYSTEM VALUE VALUES
	(1, '2026-01-01 09:59:59.947806+00', '2026-01-01 10:59:59.947806+00', 'not connected yet'),
	(2, '2026-01-01 11:49:59.947806+00', '2026-01-01 11:49:59.947806+00', 'connection refused');
INSERT INTO public.dead_letter_history (dead_letter_id, attempt, action, who, at, edits, outcome, reason, message, message_id) VALUES
	(1, 2, 'replayed', 'operator@host', '2026-01-01 11:59:59.947806+00', 'qty=1', 'rejected', 'invalid sku lamp', 'allocate', 'letter-1'),
	(100, 2, 'discarded', 'operator@host', '2026-01-01 11:59:59.947806+00', '', NULL, NULL, 'allocate', NULL);
INSERT INTO public.dead_letter_totals (kept, dropped, only_row) VALUES
	(4, 2, true);
INSERT INTO public.dead_letters (id, outcome, reason, way, place, entry_id, message, source, message_id, payload, payload_bytes, attempts, first_at, last_at, incarnation) OVERRIDING SYSTEM VALUE VALUES
	(1, 'rejected', 'invalid sku lamp', 'pubsub', 'allocate', NULL, 'allocate', '', 'letter-1', '{"orderid":"order-6","sku":"lamp","qty":1,"id":"letter-1"}', 58, 2, '2026-01-01 11:59:59.927973+00', '2026-01-01 11:59:59.927973+00', NULL),
	(2, 'invalid', 'not UTF-8', 'pubsub', 'allocate', NULL, 'allocate', '', NULL, '\377\000{', 3, 1, '2026-01-01 11:59:59.927973+00', '2026-01-01 11:59:59.927973+00', NULL),
	(3, 'failed', 'too large', 'stream', 'upgrade:commands', '1700000000000-1', 'allocate', '', 'letter-3', '{', 70000, 3, '2026-01-01 11:59:59.927973+00', '2026-01-01 11:59:59.927973+00', NULL),
	(4, 'rejected', 'invalid sku sofa', 'stream', 'upgrade:commands', '1700000000000-3', 'allocate', '', NULL, '{"orderid":"order-15","sku":"sofa","qty":1}', 43, 1, '2026-01-01 11:59:59.947806+00', '2026-01-01 11:59:59.947806+00', 1);
INSERT INTO public.displaced_lines (product_id, orderid, qty, version) VALUES
	(2, 'order-5', 7, 3);
INSERT INTO public.epochs (epoch, partition, "position") VALUES
	(2, 0, 0),
	(2, 1, 0),
	(2, 2, 0),
	(2, 3, 0),
	(2, 4, 0),
	(2, 5, 0),
	(2, 7, 0),
	(2, 8, 0),
	(2, 9, 0),
	(2, 10, 0),
	(2, 11, 0),
	(2, 13, 0),
	(2, 14, 0),
	(2, 6, 2),
	(2, 15, 2),
	(2, 12, 2);
INSERT INTO public.forgets (digest, token) VALUES
	('d/\355\215\004''?&c\324\231q\202Ey\263f''\337\307\203bY@$\032\364\316\222\371i\205', 'forgotten-1');
INSERT INTO public.inbox (message, source, id, digest, outcome, handled_at) VALUES
	('allocate', '', 'message-1', -1234567890123456789, 'handled', '2026-01-01 08:59:59.927973+00'),
	('allocate', '/shop', 'message-1', 2, 'skipped', '2026-01-01 10:59:59.927973+00'),
	('stream entry', 'upgrade:commands 1', '1700000000000-2', -3, 'handled', '2026-01-01 11:59:59.947806+00'),
	('ship', '', 'message-2', 4, 'skipped', '2026-01-01 11:59:59.964544+00'),
	('deallocate', 'process 1', '1', -7994715843820945498, 'handled', '2026-01-01 11:59:59.981731+00');
INSERT INTO public.installation (incarnation, heard_until, only_row, prefix, streams) VALUES
	('4d015592-f6ef-4dd3-a0f8-4d4049b21cb2', '2026-01-01 11:58:59.947806+00', true, 'upgrade:', 'commands');
INSERT INTO public.leases (name, term, holder, note, since) VALUES
	('pubsub', '00000000-0000-0000-0000-000000000171', '00000000-0000-0000-0000-000000000017', '', '2026-01-01 10:59:59.994186+00'),
	('upgrade:commands', '00000000-0000-0000-0000-000000000172', '00000000-0000-0000-0000-000000000017', '7 127.0.0.1:1', '2026-01-01 11:59:59.994186+00'),
	('upgrade:orders', '00000000-0000-0000-0000-000000000173', NULL, '', '2026-01-01 10:59:59.994186+00');
INSERT INTO public.migrations (number, name, oldest_program, checksum, applied_at) VALUES
	(1, '0001_tables', 1, '4a7c850ae1665752618780ece164eae28927522bbfd0af211120e3f0dfd9e28c', '2026-01-01 11:59:59.927469+00'),
	(2, '0002_nothing_lost', 1, 'c74d21161747a5722e6ba0bc306cd40dc6dc3a7275fc2ac83f64989e190f7abc', '2026-01-01 11:59:59.947449+00'),
	(3, '0003_cheaper_rows', 1, '66ae69198a64ff6155b8b1a3847727eb7f72f08a03ede567fa511bc020b64101', '2026-01-01 11:59:59.955096+00'),
	(4, '0004_one_command_an_id', 4, 'a3c516f4c4116694a60c0298660060934fb672544424fd7614051827a6e9a581', '2026-01-01 11:59:59.964423+00'),
	(5, '0005_stream_lives', 1, '0f08a60352a9cdc9555fca0ce17e543239d38b25c03ce3f066a818c3b3ed82d9', '2026-01-01 11:59:59.966073+00'),
	(6, '0006_one_mail_a_recipient', 1, '5d894f5c1a82cf25c11ffb6b8f0b41ae39b3f6b32537b08ba8fc289559b8a402', '2026-01-01 11:59:59.966501+00'),
	(7, '0007_trim_surplus_only', 1, '9a99977cf122832fbf0a4df2bd1a68a391323da1405964128d45d049877371d0', '2026-01-01 11:59:59.966873+00'),
	(8, '0008_outbox_by_partition', 4, 'e1deb1a8bd96da50d6eaae0cf244af67b60248aded54fa757d018691b91db4d9', '2026-01-01 11:59:59.970836+00'),
	(9, '0009_epoch', 1, '91320743501d2a2bf5722d529bd7a92d16610c9a97b20ef26f39d1c4c43b77b5', '2026-01-01 11:59:59.977958+00'),
	(10, '0010_dead_letters_by_age', 1, 'f9fac02776bef069a07464ff21adea00e54a164b0e5ea239bb7ce7971d351272', '2026-01-01 11:59:59.978889+00'),
	(11, '0011_forgets', 1, '2f414774253caa8fcc209e62ec509d6f4b1b50080c943e518ce735feadbf6e3b', '2026-01-01 11:59:59.979714+00'),
	(12, '0012_processes', 9, '41baa0894c052a71b1acdcd132c99887a12793e3b63921dee266807359440ad2', '2026-01-01 11:59:59.981646+00'),
	(13, '0013_exhausted_batches', 1, '753a406597d2fac26771de7f3f3fc1dea4206ab86f4dc7d3b2f3885919e2bdc8', '2026-01-01 11:59:59.988726+00'),
	(14, '0014_rows_with_one_part', 4, 'b5bb7037aaeebf08d4d99f7c365b2dd66868d64b5c76927c6ef42a487a0e8347', '2026-01-01 11:59:59.990907+00'),
	(15, '0015_ways_of_processes', 9, '6094cdbd5f7ac292e32e3eb6e497eb46d9aa8fb2110a36a659bdf931b4bc162a', '2026-01-01 11:59:59.991941+00'),
	(16, '0016_prefix', 1, '813401e67088ae4ef0f5adb090967d44690c38282dab75d34b3fde967167eff9', '2026-01-01 11:59:59.992543+00'),
	(17, '0017_leases', 9, '3fe28846e2c71f0c75b308465b75190ff0b65a0fb45df4dde3917c0431eb8689', '2026-01-01 11:59:59.994105+00'),
	(18, '0018_streams', 1, '46133736860d943b81208f3fd3699472098f930a1cbd345889e93c24d8453fbf', '2026-01-01 11:59:59.999469+00');
INSERT INTO public.notifications (id, sku, orderid, qty, attempts, due_at, recipient) OVERRIDING SYSTEM VALUE VALUES
	(1, 'lamp', 'order-14', 500, 0, '2026-01-01 12:59:59.927973+00', NULL),
	(2, 'lamp', 'order-14', 500, 3, '2026-01-01 12:59:59.966562+00', 'stock@example.com');
INSERT INTO public.order_lines (product_id, orderid, qty, batch_id, version) VALUES
	(1, 'order-1', 10, 11, 1),
	(1, 'order-2', 20, 11, 2),
	(1, 'order-3', 10, 12, 3),
	(2, 'order-4', 5, 21, 1),
	(3, 'order-9', 5, 31, 31),
	(3, 'order-10', 1, 31, 32),
	(3, 'order-7', 10, 31, 33),
	(4, 'order-8', 2, 41, 1),
	(5, 'order-12', 1, 51, 1),
	(5, 'order-13', 2, 51, 2);
INSERT INTO public.outbox (partition, "position", product_id, first_version, last_version, frame, committed_at, key, sections, previous) VALUES
	(6, 1, 1, 1, 2, '\016line_allocated\000\000\000{{"orderid":"order-1","sku":"lamp","qty":10,"batchref":"lamp-shelf","version":1,"occurred_at":"2026-01-01T09:00:00.000001Z"}\016line_allocated\000\000\000{{"orderid":"order-2","sku":"lamp","qty":20,"batchref":"lamp-shelf","version":2,"occurred_at":"2026-01-01T09:00:00.000001Z"}', '2026-01-01 08:59:59.927973+00', NULL, NULL, NULL),
	(6, 2, 1, 3, 3, '\016line_allocated\000\000\000z{"orderid":"order-3","sku":"lamp","qty":10,"batchref":"lamp-ship","version":3,"occurred_at":"2026-01-01T09:00:00.000001Z"}', '2026-01-01 09:59:59.927973+00', NULL, NULL, NULL),
	(15, 1, 2, 1, 2, '\016line_allocated\000\000\000z{"orderid":"order-4","sku":"desk","qty":5,"batchref":"desk-shelf","version":1,"occurred_at":"2026-01-01T09:00:00.000001Z"}\016line_allocated\000\000\000z{"orderid":"order-5","sku":"desk","qty":7,"batchref":"desk-shelf","version":2,"occurred_at":"2026-01-01T09:00:00.000001Z"}', '2026-01-01 09:59:59.927973+00', NULL, NULL, NULL),
	(15, 2, 2, 3, 3, '\020line_deallocated\000\000\000z{"orderid":"order-5","sku":"desk","qty":7,"batchref":"desk-shelf","version":3,"occurred_at":"2026-01-01T10:00:00.000001Z"}', '2026-01-01 10:59:59.927973+00', NULL, NULL, NULL),
	(12, 1, NULL, 0, 0, '\016line_allocated\000\000\000}{"orderid":"order-9","sku":"chair","qty":5,"batchref":"chair-shelf","version":31,"occurred_at":"2026-01-01T09:00:00.000001Z"}\016line_allocated\000\000\000~{"orderid":"order-10","sku":"chair","qty":1,"batchref":"chair-shelf","version":32,"occurred_at":"2026-01-01T09:00:00.000001Z"}\016line_allocated\000\000\000~{"orderid":"order-7","sku":"chair","qty":10,"batchref":"chair-shelf","version":33,"occurred_at":"2026-01-01T09:00:00.000001Z"}', '2026-01-01 10:59:59.97094+00', 5001, '{3,31,33,0,434}', NULL),
	(12, 2, NULL, 0, 0, '\016line_allocated\000\000\000}{"orderid":"order-8","sku":"chair","qty":5,"batchref":"chair-shelf","version":34,"occurred_at":"2026-01-01T09:00:00.000001Z"}\016line_allocated\000\000\000z{"orderid":"order-8","sku":"vase","qty":2,"batchref":"vase-shelf","version":1,"occurred_at":"2026-01-01T09:00:00.000001Z"}', '2026-01-01 10:59:59.97094+00', 5002, '{3,34,34,5001,144,4,1,1,0,285}', NULL),
	(12, 3, NULL, 0, 0, '\020line_deallocated\000\000\000\207{"orderid":"order-8","sku":"chair","qty":5,"batchref":"chair-shelf","version":35,"occurred_at":"2026-01-01T10:00:00.000001Z","epoch":2}', '2026-01-01 11:58:59.981731+00', 5003, '{3,35,35,5002,156}', NULL),
	(14, 1, 5, 1, 1, '\016line_allocated\000\000\000\204{"orderid":"order-12","sku":"sofa","qty":1,"batchref":"sofa-ship","version":1,"occurred_at":"2026-01-01T09:00:00.000001Z","epoch":2}', '2026-01-01 11:57:59.990983+00', 6001, NULL, NULL),
	(14, 2, 5, 2, 2, '\016line_allocated\000\000\000\204{"orderid":"order-13","sku":"sofa","qty":2,"batchref":"sofa-ship","version":2,"occurred_at":"2026-01-01T09:00:00.000001Z","epoch":2}', '2026-01-01 11:58:59.990983+00', 6002, NULL, 6001);
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
	(13, 0),
	(6, 1),
	(15, 2),
	(12, 1),
	(14, 1);
INSERT INTO public.outbox_directory (product_id, version, key) VALUES
	(3, 33, 5001);
INSERT INTO public.outbox_heads (partition, "position", epoch) VALUES
	(12, 3, 2),
	(14, 2, 2),
	(0, 0, 2),
	(1, 0, 2),
	(2, 0, 2),
	(3, 0, 2),
	(4, 0, 2),
	(5, 0, 2),
	(7, 0, 2),
	(8, 0, 2),
	(9, 0, 2),
	(10, 0, 2),
	(11, 0, 2),
	(13, 0, 2),
	(6, 2, 2),
	(15, 2, 2);
INSERT INTO public.processes (key, source, message_id, digest, message, place, payload, orderid, skus, qtys, begun_at, due_at, way) OVERRIDING SYSTEM VALUE VALUES
	(1, '', 'cancelled-1', -1975114202738697587, 'order_cancelled', 'order_cancelled', '{"orderid":"order-8","id":"cancelled-1"}', 'order-8', '{chair,vase}', '{5,2}', '2026-01-01 11:58:59.981731+00', '2026-01-01 11:59:58.981731+00', ''),
	(2, '/shop', 'cancelled-2', 9, 'order_cancelled', 'order_cancelled', '{"orderid":"order-13","id":"cancelled-2"}', 'order-13', '{sofa}', '{2}', '2026-01-01 11:59:58.992004+00', '2026-01-01 12:59:59.992004+00', 'pubsub');
INSERT INTO public.shrinks (product_id, batch_id, target, cause, traceparent) VALUES
	(2, 21, 5, 'shrink-1', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01');
INSERT INTO public.streams (name, incarnation, highest, done, life, latest, marked) VALUES
	('upgrade:commands', 1, '{1700000000000,5}', '{1700000000000,3}', '1e0f5665-3132-4975-8ef8-812e4c13f153', NULL, 1),
	('upgrade:orders', 2, '{1700000000001,18446744073709551615}', '{0,0}', 'c00f1fab-c949-4102-a8b0-495a3e87648b', 3, NULL);
INSERT INTO public.units (witness, settled, at) VALUES
	('00000000-0000-0000-0000-000000000001', false, '2026-01-01 10:59:59.927973+00'),
	('00000000-0000-0000-0000-000000000002', true, '2026-01-01 10:59:59.927973+00');
INSERT INTO public.workers (id, name, beats, ttl_ms, candidacies, started_at, beat_at) VALUES
	('00000000-0000-0000-0000-000000000017', 'host:17', 170, 200, 'pubsub
upgrade:commands', '2026-01-01 10:59:59.994186+00', '2026-01-01 11:58:59.994186+00');
SELECT pg_catalog.setval('public.blind_windows_id_seq', 2, true);
SELECT pg_catalog.setval('public.dead_letters_id_seq', 4, true);
SELECT pg_catalog.setval('public.notifications_id_seq', 2, true);
SELECT pg_catalog.setval('public.processes_key_seq', 2, true);
SELECT pg_catalog.setval('public.row_keys', 1000, true);
