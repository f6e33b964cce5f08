/*
 * A flood of messages for a SKU that is held up fills half of the queue, and no more; see
 * bus/engine/postponed.h.
 */
#include "bus/ports/process_store.h"
#include "support/suites.h"
#include "unit/bus/intake/stream_world.h"

#include <string.h>

#define QUEUE_MAX 40
#define HELD_MAX  (QUEUE_MAX / 2)
#define FLOOD     300

/* Longer than a lock timeout, the search for the locked product, and a flush of one message alone. */
#define SOON_MS 1500

/* Two products without stock, so that each allocate has an effect of its own: an event. */
static void set_up(void)
{
	set_up_world();
	set_up_stream();
	for (int i = 0; i < 2; i++) {
		const char *sku = i ? "cold" : "hot";

		create_batch(sku, sku, 1);
		allocate("first", sku, 1);
	}
	world_settle(world);
	world_crash(world);
	world->config.queue_max = QUEUE_MAX;
	start_reading();
}

static void add_entry(enum message_type type, const char *payload)
{
	memory_stream_add(stream, &(struct stream_entry){.type = type,
							 .payload = {payload, strlen(payload)},
							 .payload_size = strlen(payload)});
}

static void add_allocate(const char *sku, const char *word, int number)
{
	add_entry(MSG_ALLOCATE,
		  arena_printf(world->arena, "orderid=%s-%d\nsku=%s\nqty=1", word, number, sku));
}

static void flood(const char *word, int count)
{
	for (int i = 0; i < count; i++)
		add_allocate("hot", word, i);
}

static int count_orders(const char *word)
{
	const char *needle = arena_printf(world->arena, " %s-", word);
	int count = 0;

	for (const char *at = published(); (at = strstr(at, needle)); at++)
		count++;
	return count;
}

static const struct engine_stats *stats(void)
{
	return engine_stats(world->engine);
}

static void expect_in_order(const char *word, int count)
{
	const char *at = published();

	for (int i = 0; i < count; i++) {
		at = strstr(at, arena_printf(world->arena, " %s-%d ", word, i));
		ck_assert_msg(at, "%s-%d came too early, or not at all", word, i);
	}
	ck_assert_int_eq(count_orders(word), count);
}

static void expect_all_done(void)
{
	ck_assert_uint_eq(memory_stream_pending(stream, GROUP), 0);
	ck_assert_uint_eq(stats()->parked_messages, 0);
	ck_assert_uint_eq(stats()->postponed_skus, 0);
	ck_assert_uint_eq(stats()->queued, 0);
	ck_assert(stream_reader_is_idle(reader));
}

START_TEST(a_flood_for_a_locked_product_fills_half_of_the_queue_and_stays_in_order)
{
	database_lock_product(world->database, "hot");
	flood("flood", FLOOD);
	for (int i = 0; i < 20; i++) {
		world_advance_ms(world, SOON_MS);
		ck_assert_uint_le(stats()->parked_messages, HELD_MAX + 1); /* plus the one being tried */
	}
	ck_assert_uint_ge(stats()->parked_messages, HELD_MAX);
	ck_assert_uint_eq(memory_stream_pending(stream, GROUP), FLOOD);
	ck_assert_uint_eq(stats()->postponed_skus, 1);
	ck_assert_uint_eq(lines_logged("stream entries stay pending"), 1);

	database_unlock_products(world->database);
	world_settle(world);
	world_advance_ms(world, 5000);
	expect_in_order("flood", FLOOD);
	expect_all_done();
	ck_assert_uint_eq(lines_logged("stayed pending were read again"), 1);
}
END_TEST

START_TEST(other_products_are_handled_while_a_flood_stays_pending)
{
	database_lock_product(world->database, "hot");
	flood("flood", FLOOD);
	world_advance_ms(world, SOON_MS);
	for (int i = 0; i < 50; i++) {
		add_allocate("cold", "cold", i);
		flood(arena_printf(world->arena, "more%d", i), 10);
		world_advance_ms(world, 100);
		ck_assert_int_eq(count_orders("cold"), i + 1);
	}
	ck_assert_int_eq(count_orders("flood"), 0);
}
END_TEST

/* Ten of its messages take 40 ms, so a read of a thousand takes 4 s, and the pass over all of them 12 s. */
START_TEST(other_products_are_handled_while_a_flood_is_read_again)
{
	world->config.unit_max = 10;
	crash_reading();
	start_reading();
	database_lock_product(world->database, "hot");
	flood("flood", 10 * FLOOD);
	world_advance_ms(world, SOON_MS);
	cable_delay(memory_store_answers(world->lanes[0]), 20, 21, &world->random.random);
	database_unlock_products(world->database);
	world_advance_ms(world, STREAM_WAIT_MS);
	add_allocate("cold", "cold", 0);
	world_advance_ms(world, 8000);
	ck_assert_int_eq(count_orders("cold"), 1);
	ck_assert_uint_eq(stats()->postponed_skus, 1);

	world_advance_ms(world, 60000);
	expect_in_order("flood", 10 * FLOOD);
	expect_all_done();
}
END_TEST

START_TEST(an_entry_behind_a_postponed_one_is_postponed_even_if_there_is_room)
{
	database_lock_product(world->database, "hot");
	database_lock_product(world->database, "cold");
	for (int i = 0; i < HELD_MAX; i++)
		add_allocate("cold", "cold", i);
	world_advance_ms(world, SOON_MS);
	flood("flood", 10);
	world_advance_ms(world, SOON_MS);
	crash_reading(); /* the dead worker holds no lock */
	start_reading();
	world_advance_ms(world, SOON_MS);
	flood("late", 10);
	world_advance_ms(world, SOON_MS);
	database_unlock_products(world->database);
	world_advance_ms(world, 60000);

	expect_in_order("cold", HELD_MAX);
	expect_in_order("flood", 10);
	expect_in_order("late", 10);
	ck_assert(strstr(strstr(published(), " flood-9 "), " late-0 "));
	expect_all_done();
}
END_TEST

START_TEST(a_cancellation_behind_postponed_entries_is_postponed_and_sees_their_lines)
{
	const char *orders[] = {"flood-0", arena_printf(world->arena, "flood-%d", FLOOD - 1)};

	create_batch("more", "hot", FLOOD);
	world_settle(world);
	database_lock_product(world->database, "hot");
	flood("flood", FLOOD);
	world_advance_ms(world, SOON_MS);
	for (int i = 0; i < 2; i++)
		add_entry(MSG_ORDER_CANCELLED, arena_printf(world->arena, "orderid=%s", orders[i]));
	world_advance_ms(world, SOON_MS);
	ck_assert_uint_eq(world->database->process_count, 0);

	database_unlock_products(world->database);
	world_advance_ms(world, 60000);
	expect_all_done();
	for (int i = 0; i < 2; i++) {
		ck_assert_ptr_nonnull(
			strstr(published(), arena_printf(world->arena, "line_allocated %s ", orders[i])));
		ck_assert_str_eq(batch_of(orders[i], "hot", 1), "");
	}
	ck_assert_int_eq(database_allocated(world->database, "more"), FLOOD - 2);
}
END_TEST

static void expect_cancelled(const char *orderid)
{
	ck_assert_ptr_nonnull(strstr(published(), arena_printf(world->arena, "line_allocated %s ", orderid)));
	ck_assert_str_eq(batch_of(orderid, "hot", 1), "");
}

/* _i: 1: the entry is free again, but not read, when the lease of the process ends. */
START_TEST(a_cancellation_that_began_before_an_entry_in_front_of_it_was_postponed_is_postponed_too)
{
	create_batch("more", "hot", FLOOD);
	world_settle(world);
	database_lock_product(world->database, "hot");
	flood("flood", HELD_MAX);
	world_advance_ms(world, SOON_MS);
	/* Others arrive while the first event begins.  They begin together, with an entry between them. */
	cable_hold(memory_store_requests(world->intake));
	add_entry(MSG_ORDER_CANCELLED, "orderid=unknown-1");
	world_run(world);
	add_entry(MSG_ORDER_CANCELLED, "orderid=unknown-2");
	add_allocate("hot", "late", 0);
	add_entry(MSG_ORDER_CANCELLED, "orderid=late-0");
	world_run(world);
	cable_open(memory_store_requests(world->intake));
	world_advance_ms(world, SOON_MS);
	ck_assert_uint_eq(world->database->process_count, 3);
	if (_i) {
		engine_on_change(world->engine, NULL, NULL);
		stream_reader_pause(reader);
		database_unlock_products(world->database);
	}
	world_advance_ms(world, 1000 * (PROCESS_LEASE_OF_STREAM + 100));

	database_unlock_products(world->database);
	stream_reader_resume(reader);
	world_advance_ms(world, 60000);
	expect_all_done();
	expect_cancelled("late-0");
}
END_TEST

START_TEST(a_cancellation_behind_a_postponed_entry_does_not_begin_with_another_one)
{
	create_batch("more", "hot", FLOOD);
	world_settle(world);
	database_lock_product(world->database, "hot");
	flood("flood", FLOOD);
	world_advance_ms(world, SOON_MS);
	cable_hold(memory_store_requests(world->intake));
	world_send(world, TRANSPORT_PUBSUB, MSG_ORDER_CANCELLED, "orderid=unknown-1");
	world_run(world);
	world_send(world, TRANSPORT_PUBSUB, MSG_ORDER_CANCELLED, "orderid=unknown-2");
	add_entry(MSG_ORDER_CANCELLED, arena_printf(world->arena, "orderid=flood-%d", FLOOD - 1));
	world_run(world);
	cable_open(memory_store_requests(world->intake));
	world_advance_ms(world, SOON_MS);
	ck_assert_uint_eq(world->database->process_count, 2);

	database_unlock_products(world->database);
	world_advance_ms(world, 60000);
	expect_all_done();
	expect_cancelled(arena_printf(world->arena, "flood-%d", FLOOD - 1));
}
END_TEST

START_TEST(a_cancellation_whose_commands_are_behind_a_postponed_entry_is_postponed_too)
{
	create_batch("more", "hot", FLOOD);
	world_settle(world);
	cable_hold(memory_store_requests(world->lanes[0]));
	flood("flood", QUEUE_MAX - 5);
	add_entry(MSG_ORDER_CANCELLED, "orderid=flood-0");
	add_entry(MSG_ORDER_CANCELLED, arena_printf(world->arena, "orderid=flood-%d", QUEUE_MAX - 6));
	world_advance_ms(world, 100);
	ck_assert_uint_eq(world->database->process_count, 2);
	database_lock_product(world->database, "hot");
	cable_open(memory_store_requests(world->lanes[0]));
	world_advance_ms(world, SOON_MS);
	ck_assert_uint_eq(stats()->postponed_skus, 1);
	world_advance_ms(world, 1000 * (PROCESS_LEASE_OF_STREAM + 100));

	database_unlock_products(world->database);
	world_advance_ms(world, 60000);
	expect_all_done();
	expect_cancelled("flood-0");
	expect_cancelled(arena_printf(world->arena, "flood-%d", QUEUE_MAX - 6));
	ck_assert_int_eq(database_allocated(world->database, "more"), QUEUE_MAX - 7);
}
END_TEST

START_TEST(cancellations_of_lines_that_are_held_up_leave_room_for_others)
{
	create_batch("more", "hot", FLOOD);
	world_settle(world);
	for (int i = 0; i < 100; i++)
		add_allocate("hot", "many", i);
	world_advance_ms(world, SOON_MS);
	database_lock_product(world->database, "hot");
	for (int i = 0; i < 100; i++) {
		add_entry(MSG_ORDER_CANCELLED, arena_printf(world->arena, "orderid=many-%d", i));
		if (i % 5 == 4)
			world_advance_ms(world, 200);
	}
	world_advance_ms(world, 10 * SOON_MS);
	add_allocate("cold", "cold", 0);
	world_advance_ms(world, 10 * SOON_MS);
	ck_assert_int_eq(count_orders("cold"), 1);
	database_unlock_products(world->database);
	world_advance_ms(world, 60000);
	expect_all_done();
	ck_assert_int_eq(database_allocated(world->database, "more"), 0);
}
END_TEST

/* The commands of the cancellation are placed while the entries behind it still wait for the database. */
START_TEST(an_entry_behind_a_large_cancellation_is_placed_before_postponed_entries_are_read_again)
{
	create_batch("more", "cold", 1000);
	for (int qty = 1; qty <= 30; qty++)
		allocate("large", "cold", qty);
	world_settle(world);
	database_lock_product(world->database, "hot");
	flood("flood", HELD_MAX + 5);
	world_advance_ms(world, SOON_MS);
	ck_assert_uint_eq(stats()->postponed_skus, 1);

	cable_delay(memory_store_answers(world->intake), 5000, 5001, &world->random.random);
	world_send(world, TRANSPORT_PUBSUB, MSG_ORDER_CANCELLED, "orderid=large");
	add_entry(MSG_CHANGE_BATCH_QUANTITY, "batchref=unknown\nqty=1");
	add_allocate("hot", "late", 0);
	world_run(world);
	database_unlock_products(world->database);
	world_advance_ms(world, 60000);
	expect_in_order("flood", HELD_MAX + 5);
	expect_in_order("late", 1);
	ck_assert(strstr(strstr(published(), arena_printf(world->arena, " flood-%d ", HELD_MAX + 4)),
			 " late-0 "));
	expect_all_done();
	ck_assert_int_eq(database_allocated(world->database, "more"), 0);
}
END_TEST

START_TEST(http_callers_for_a_flooded_product_are_asked_to_try_again)
{
	struct sent *hot, *cold;

	database_lock_product(world->database, "hot");
	flood("flood", FLOOD);
	world_advance_ms(world, SOON_MS);
	hot = allocate("by-http", "hot", 1);
	cold = allocate("by-http", "cold", 1);
	world_advance_ms(world, SOON_MS);
	ck_assert_int_eq(hot->outcome, OUTCOME_POSTPONED);
	expect_handled(cold);
	ck_assert_uint_eq(world->database->dead_letter_count, 0);
}
END_TEST

/* The lines that a cancellation concerns are known only when it has begun. */
START_TEST(cancellations_over_http_are_asked_to_try_again_while_held_up_messages_have_no_room)
{
	const struct sent *sent;

	database_lock_product(world->database, "hot");
	flood("flood", FLOOD);
	world_advance_ms(world, SOON_MS);
	sent = world_send(world, TRANSPORT_HTTP, MSG_ORDER_CANCELLED, "orderid=first");
	world_advance_ms(world, SOON_MS);
	ck_assert_int_eq(sent->outcome, OUTCOME_POSTPONED);
	ck_assert_uint_eq(world->database->process_count, 0);
}
END_TEST

START_TEST(cancellations_over_http_that_were_answered_are_kept_though_their_lines_have_no_room)
{
	create_batch("more", "hot", FLOOD);
	for (int i = 0; i < QUEUE_MAX / 2; i++)
		allocate(arena_printf(world->arena, "many-%d", i), "hot", 1);
	world_settle(world);
	database_lock_product(world->database, "hot");
	for (int i = 0; i < QUEUE_MAX / 2; i++)
		world_send(world, TRANSPORT_HTTP, MSG_ORDER_CANCELLED, "orderid=many-%d", i);
	world_advance_ms(world, SOON_MS);
	ck_assert_uint_eq(database_process_count(world->database), QUEUE_MAX / 2);
	ck_assert_uint_eq(message_statistics_count(&stats()->by_message, OUTCOME_POSTPONED), 0);

	database_unlock_products(world->database);
	world_settle(world);
	ck_assert_int_eq(database_allocated(world->database, "more"), 0);
}
END_TEST

START_TEST(cancellations_over_pubsub_pause_it_while_their_lines_have_no_room)
{
	create_batch("more", "hot", FLOOD);
	for (int i = 0; i < QUEUE_MAX; i++)
		allocate(arena_printf(world->arena, "pub-%d", i), "hot", 1);
	world_settle(world);
	database_lock_product(world->database, "hot");
	for (int i = 0; i < HELD_MAX; i++) {
		world_send(world, TRANSPORT_PUBSUB, MSG_ORDER_CANCELLED, "orderid=pub-%d", i);
		world_advance_ms(world, SOON_MS);
	}
	ck_assert(engine_pauses_pubsub(world->engine));
	ck_assert(!engine_is_full(world->engine));

	database_unlock_products(world->database);
	world_settle(world);
	ck_assert(!engine_pauses_pubsub(world->engine));
	ck_assert_int_eq(database_allocated(world->database, "more"), QUEUE_MAX - HELD_MAX);
}
END_TEST

START_TEST(pubsub_pauses_while_its_messages_have_no_room)
{
	database_lock_product(world->database, "hot");
	for (int i = 0; i < HELD_MAX; i++)
		world_send(world, TRANSPORT_PUBSUB, MSG_ALLOCATE, "orderid=pub-%d\nsku=hot\nqty=1", i);
	world_advance_ms(world, SOON_MS);
	ck_assert(!engine_pauses_pubsub(world->engine));
	world_send(world, TRANSPORT_PUBSUB, MSG_ALLOCATE, "orderid=cold-0\nsku=cold\nqty=1");
	world_advance_ms(world, SOON_MS);
	ck_assert(!engine_pauses_pubsub(world->engine));
	ck_assert_int_eq(count_orders("cold"), 1);

	for (int i = 0; i < 2; i++)
		world_send(world, TRANSPORT_PUBSUB, MSG_ALLOCATE, "orderid=pub-%d\nsku=hot\nqty=1",
			   HELD_MAX + i);
	world_advance_ms(world, SOON_MS);
	ck_assert(engine_pauses_pubsub(world->engine));
	ck_assert(!engine_is_full(world->engine));
	ck_assert_uint_eq(lines_logged("pub/sub is not read"), 1);

	database_unlock_products(world->database);
	world_settle(world);
	ck_assert(!engine_pauses_pubsub(world->engine));
	ck_assert_uint_eq(lines_logged("reading pub/sub resumed"), 1);
	expect_in_order("pub", HELD_MAX + 2);
}
END_TEST

/* A burst arrives before the lock is noticed, and a message on pub/sub cannot stay in Redis. */
START_TEST(streams_are_read_though_pubsub_brought_more_than_the_queue_holds)
{
	database_lock_product(world->database, "hot");
	for (int i = 0; i < 2 * QUEUE_MAX; i++)
		world_send(world, TRANSPORT_PUBSUB, MSG_ALLOCATE, "orderid=pub-%d\nsku=hot\nqty=1", i);
	world_advance_ms(world, SOON_MS);
	ck_assert_uint_ge(stats()->parked_messages, 2 * QUEUE_MAX - 1);
	add_allocate("cold", "cold", 0);
	add_allocate("hot", "hot", 0);
	world_advance_ms(world, SOON_MS);
	ck_assert_int_eq(count_orders("cold"), 1);
	ck_assert_uint_eq(memory_stream_pending(stream, GROUP), 1);

	database_unlock_products(world->database);
	world_advance_ms(world, 60000);
	expect_in_order("pub", 2 * QUEUE_MAX);
	expect_in_order("hot", 1);
	expect_all_done();
}
END_TEST

/* _i: 0: a postponed entry creates the changed batch; 1: no entry does. */
START_TEST(a_change_of_a_batch_that_a_postponed_entry_creates_is_no_unknown_batch)
{
	database_lock_product(world->database, "hot");
	flood("flood", FLOOD);
	world_advance_ms(world, SOON_MS);
	add_entry(MSG_CREATE_BATCH, "ref=new\nsku=hot\nqty=500");
	add_entry(MSG_CHANGE_BATCH_QUANTITY, _i ? "batchref=none\nqty=70" : "batchref=new\nqty=70");
	world_advance_ms(world, SOON_MS);
	ck_assert_uint_eq(world->database->dead_letter_count, 0);

	database_unlock_products(world->database);
	world_advance_ms(world, 60000);
	world_settle(world);
	ck_assert_int_eq(database_purchased(world->database, "new"), _i ? 500 : 70);
	ck_assert_uint_eq(world->database->dead_letter_count, (size_t)_i);
	expect_all_done();
}
END_TEST

START_TEST(with_too_many_postponed_products_no_new_entries_are_read_until_some_are_free)
{
	enum { SKUS = 1100 };

	for (int i = 0; i < SKUS; i++)
		database_lock_product(world->database, arena_printf(world->arena, "sku-%d", i));
	for (int i = 0; i < SKUS; i++)
		add_entry(MSG_CREATE_BATCH, arena_printf(world->arena, "ref=b-%d\nsku=sku-%d\nqty=1", i, i));
	for (int i = 0; i < SKUS; i++)
		add_allocate(arena_printf(world->arena, "sku-%d", i), "many", i);
	world_advance_ms(world, 60000);
	ck_assert_uint_le(stats()->postponed_skus, 1000 + STREAM_READ_MAX);
	ck_assert_uint_lt(memory_stream_pending(stream, GROUP), 2 * SKUS);

	database_unlock_products(world->database);
	world_advance_ms(world, 600000);
	ck_assert_int_eq(count_orders("many"), SKUS);
	expect_all_done();
}
END_TEST

/* The flood of one product fills the room, yet the other product's message is parked, and retried there. */
START_TEST(a_second_product_that_is_locked_beside_a_flood_is_not_tried_without_end)
{
	uint64_t read;

	database_lock_product(world->database, "hot");
	flood("flood", FLOOD);
	world_advance_ms(world, SOON_MS);
	database_lock_product(world->database, "cold");
	for (int i = 0; i < 3; i++)
		add_allocate("cold", "cold", i);
	world_advance_ms(world, SOON_MS);
	read = stream_reader_stats(reader)->read;
	world_advance_ms(world, 60000);
	ck_assert_uint_eq(stream_reader_stats(reader)->read, read);

	database_unlock_products(world->database);
	world_advance_ms(world, 60000);
	expect_in_order("flood", FLOOD);
	expect_in_order("cold", 3);
	expect_all_done();
}
END_TEST

/* Every product is tried once in ten seconds, all at the same time. */
START_TEST(products_that_find_no_room_even_for_one_message_are_tried_seldom)
{
	enum { SKUS = 2 * QUEUE_MAX };
	uint64_t read;

	for (int i = 0; i < SKUS; i++) {
		database_lock_product(world->database, arena_printf(world->arena, "sku-%d", i));
		add_entry(MSG_CREATE_BATCH, arena_printf(world->arena, "ref=b-%d\nsku=sku-%d\nqty=1", i, i));
	}
	world_advance_ms(world, 10000);
	ck_assert_uint_ge(stats()->parked_messages, 3 * QUEUE_MAX / 4 - 1); /* one may be in a try */
	ck_assert_uint_le(stats()->parked_messages, 3 * QUEUE_MAX / 4 + 1);
	read = stream_reader_stats(reader)->read;
	world_advance_ms(world, 60000);
	ck_assert_uint_le(stream_reader_stats(reader)->read - read, (uint64_t)3 * SKUS);

	database_unlock_products(world->database);
	world_advance_ms(world, 15000);
	for (int i = 0; i < SKUS; i++)
		ck_assert_ptr_nonnull(database_batch(world->database, arena_printf(world->arena, "b-%d", i)));
	world_settle(world);
	expect_all_done();
}
END_TEST

SUITE("postponing", set_up, tear_down_stream_world, .timeout_s = 30)
{
	tcase_add_test(tests, a_flood_for_a_locked_product_fills_half_of_the_queue_and_stays_in_order);
	tcase_add_test(tests, other_products_are_handled_while_a_flood_stays_pending);
	tcase_add_test(tests, other_products_are_handled_while_a_flood_is_read_again);
	tcase_add_test(tests, an_entry_behind_a_postponed_one_is_postponed_even_if_there_is_room);
	tcase_add_test(tests, a_cancellation_behind_postponed_entries_is_postponed_and_sees_their_lines);
	tcase_add_loop_test(
		tests,
		a_cancellation_that_began_before_an_entry_in_front_of_it_was_postponed_is_postponed_too, 0,
		2);
	tcase_add_test(tests, a_cancellation_behind_a_postponed_entry_does_not_begin_with_another_one);
	tcase_add_test(tests, a_cancellation_whose_commands_are_behind_a_postponed_entry_is_postponed_too);
	tcase_add_test(tests, cancellations_of_lines_that_are_held_up_leave_room_for_others);
	tcase_add_test(
		tests,
		an_entry_behind_a_large_cancellation_is_placed_before_postponed_entries_are_read_again);
	tcase_add_test(tests, http_callers_for_a_flooded_product_are_asked_to_try_again);
	tcase_add_test(tests,
		       cancellations_over_http_are_asked_to_try_again_while_held_up_messages_have_no_room);
	tcase_add_test(tests,
		       cancellations_over_http_that_were_answered_are_kept_though_their_lines_have_no_room);
	tcase_add_test(tests, cancellations_over_pubsub_pause_it_while_their_lines_have_no_room);
	tcase_add_test(tests, pubsub_pauses_while_its_messages_have_no_room);
	tcase_add_test(tests, streams_are_read_though_pubsub_brought_more_than_the_queue_holds);
	tcase_add_loop_test(tests, a_change_of_a_batch_that_a_postponed_entry_creates_is_no_unknown_batch, 0,
			    2);
	tcase_add_test(tests, a_second_product_that_is_locked_beside_a_flood_is_not_tried_without_end);
	tcase_add_test(tests, products_that_find_no_room_even_for_one_message_are_tried_seldom);
	tcase_add_test(tests, with_too_many_postponed_products_no_new_entries_are_read_until_some_are_free);
}
