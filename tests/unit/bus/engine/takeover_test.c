/* A process whose worker died, and which another worker takes over; see bus/engine/engine_takeover.c. */
#include "bus/ports/process_store.h"
#include "support/suites.h"
#include "unit/bus/intake/stream_world.h"

#include <string.h>

#define SOON_MS 1500

/* Until housekeeping has found a process whose lease has ended. */
#define TAKEN_OVER_MS (1000 * (PROCESS_LEASE_OF_STREAM + PROCESS_LEASE))

/* A product with stock, whose row is locked, so that a process about it does not end. */
static void set_up(void)
{
	set_up_world();
	set_up_stream();
	create_batch("batch", "LAMP", 100);
	allocate("first", "LAMP", 1);
	world_settle(world);
	database_lock_product(world->database, "LAMP");
	begin_reader();
}

static struct stream_id add_cancellation(const char *orderid)
{
	const char *payload = arena_printf(world->arena, "orderid=%s", orderid);

	return memory_stream_add(stream, &(struct stream_entry){.type = MSG_ORDER_CANCELLED,
								.payload = {payload, strlen(payload)},
								.payload_size = strlen(payload)});
}

/* The worker dies when its process has begun, and the product is free again. */
static void die(void)
{
	world_advance_ms(world, SOON_MS);
	ck_assert_uint_eq(database_process_count(world->database), 1);
	crash_reading();
	database_unlock_products(world->database);
}

static void expect_cancelled(const char *orderid)
{
	ck_assert_uint_eq(database_process_count(world->database), 0);
	ck_assert_str_eq(batch_of(orderid, "LAMP", 1), "");
}

static enum stream_injection refuse_claims(void *context, enum consumer_call_kind call)
{
	(void)context;
	return call == STREAM_CLAIM ? STREAM_REFUSED : STREAM_WELL;
}

/* Why the next worker does not read the entries that are pending: */
enum obstacle {
	NO_READER,        /* this worker does not read the stream, */
	STREAM_IS_DOWN,   /* or cannot, */
	READ_IS_SLOW,     /* or is about to, */
	CLAIM_IS_REFUSED, /* or may not claim what the dead worker held, */
	READER_IS_PAUSED, /* or has yet to claim it. */
	OBSTACLES,
};

static void start_before(enum obstacle obstacle)
{
	world_start(world);
	if (obstacle == NO_READER)
		return;
	if (obstacle >= CLAIM_IS_REFUSED) {
		read_and_crash("third worker"); /* with more than one, the group is not moved back */
		consumer_name = "other worker";
	}
	prepare_reader();
	if (obstacle == STREAM_IS_DOWN)
		memory_stream_set_down(stream, true);
	if (obstacle == READ_IS_SLOW)
		cable_hold(memory_consumer_read_answers(consumer));
	if (obstacle == CLAIM_IS_REFUSED)
		memory_consumer_set_injector(consumer, refuse_claims, NULL);
	stream_reader_start(reader);
	world_run(world);
	if (obstacle == READER_IS_PAUSED)
		stream_reader_pause(reader);
}

static void remove_obstacle(enum obstacle obstacle)
{
	if (obstacle == NO_READER)
		begin_reader();
	if (obstacle == STREAM_IS_DOWN)
		memory_stream_set_down(stream, false);
	cable_open(memory_consumer_read_answers(consumer));
	memory_consumer_set_injector(consumer, NULL, NULL);
	stream_reader_resume(reader);
}

START_TEST(a_cancellation_is_not_taken_over_before_the_entries_in_front_of_it_are_read)
{
	enum obstacle obstacle = (enum obstacle)_i;

	add_order("order");
	add_cancellation("order");
	die();
	start_before(obstacle);
	world_advance_ms(world, TAKEN_OVER_MS);
	ck_assert_uint_eq(database_process_count(world->database), 1);

	remove_obstacle(obstacle);
	world_advance_ms(world, TAKEN_OVER_MS);
	ck_assert_ptr_nonnull(strstr(published(), "line_allocated order "));
	expect_cancelled("order");
	expect_stream_is_done();
}
END_TEST

START_TEST(a_cancellation_whose_entry_was_deleted_is_taken_over)
{
	struct stream_id id = add_cancellation("first");

	die();
	memory_stream_drop(stream, id);
	start_reading();
	world_advance_ms(world, TAKEN_OVER_MS);
	ck_assert_uint_eq(lines_logged("is taken over"), 1);
	expect_cancelled("first");
}
END_TEST

START_TEST(a_process_that_waits_to_begin_is_not_taken_over_again)
{
	uint64_t received;

	world_send(world, TRANSPORT_PUBSUB, MSG_ORDER_CANCELLED, "orderid=first");
	die();
	start_reading();
	cable_hold(memory_store_requests(world->intake));
	received = engine_stats(world->engine)->received;
	world_advance_ms(world, TAKEN_OVER_MS);
	ck_assert_uint_eq(engine_stats(world->engine)->received, received + 1);
	cable_open(memory_store_requests(world->intake));
	world_settle(world);
	expect_cancelled("first");
}
END_TEST

START_TEST(a_process_is_taken_over_later_while_held_up_messages_have_no_room)
{
	enum { QUEUE_MAX = 40 };

	world_send(world, TRANSPORT_PUBSUB, MSG_ORDER_CANCELLED, "orderid=first");
	die();
	world->config.queue_max = QUEUE_MAX;
	database_lock_product(world->database, "LAMP");
	start_reading();
	add_orders(QUEUE_MAX);
	world_advance_ms(world, TAKEN_OVER_MS);
	ck_assert_uint_eq(lines_logged("is taken over"), 0);
	database_unlock_products(world->database);
	world_advance_ms(world, TAKEN_OVER_MS);
	expect_cancelled("first");
}
END_TEST

/* Its line finds no room, so it is postponed though its process began. */
START_TEST(a_postponed_cancellation_stays_with_its_worker_until_its_entry_is_deleted)
{
	enum { QUEUE_MAX = 40 };
	struct stream_id id;

	crash_reading();
	world->config.queue_max = QUEUE_MAX;
	start_reading();
	add_orders(QUEUE_MAX / 2);
	world_advance_ms(world, SOON_MS);
	id = add_cancellation("first");
	world_advance_ms(world, TAKEN_OVER_MS);
	ck_assert_uint_eq(database_process_count(world->database), 1);
	ck_assert_int_eq(world->database->processes[0]->takeovers, 0);

	memory_stream_drop(stream, id);
	database_unlock_products(world->database);
	world_advance_ms(world, TAKEN_OVER_MS);
	ck_assert_uint_eq(lines_logged("is taken over"), 1);
	expect_cancelled("first");
}
END_TEST

/* Housekeeping of the other worker always comes first, by a few seconds. */
START_TEST(a_process_that_one_worker_cannot_take_over_is_left_to_another_one)
{
	struct world *other = world_beside(world);
	struct stream_id id = add_cancellation("first");

	die();
	memory_stream_drop(stream, id);
	world_start(other);
	world_advance_ms(world, 3000);
	start_reading();
	world_advance_ms(world, 10 * TAKEN_OVER_MS);
	expect_cancelled("first");
	world_free(&other);
}
END_TEST

START_TEST(a_process_of_an_event_that_only_a_newer_program_knows_is_left_to_it)
{
	world_send(world, TRANSPORT_PUBSUB, MSG_ORDER_CANCELLED, "orderid=first");
	die();
	world->database->processes[0]->type = MSG_NONE;
	start_reading();
	world_advance_ms(world, TAKEN_OVER_MS);
	ck_assert_uint_eq(world->database->dead_letter_count, 0);
	ck_assert_uint_eq(database_process_count(world->database), 1);
}
END_TEST

/* The entry is postponed after the takeover, and its product is free again before the process begins. */
START_TEST(a_cancellation_that_is_taken_over_does_not_overtake_a_postponed_entry)
{
	enum { QUEUE_MAX = 40 };
	struct stream_id id;

	add_order("order");
	id = add_cancellation("order");
	die();
	memory_stream_drop(stream, id);
	database_lock_product(world->database, "LAMP");
	world->config.queue_max = QUEUE_MAX;
	world_start(world);
	cable_hold(memory_store_requests(world->lanes[0]));
	cable_hold(memory_store_requests(world->intake));
	for (int i = 0; i < QUEUE_MAX / 2; i++)
		world_send(world, TRANSPORT_PUBSUB, MSG_ALLOCATE, "orderid=pub-%d\nsku=LAMP\nqty=1", i);
	world_send(world, TRANSPORT_PUBSUB, MSG_CHANGE_BATCH_QUANTITY, "batchref=unknown\nqty=1");
	begin_reader();
	world_advance_ms(world, TAKEN_OVER_MS);
	ck_assert_uint_eq(lines_logged("is taken over"), 1);

	cable_open(memory_store_requests(world->lanes[0]));
	world_advance_ms(world, SOON_MS);
	ck_assert(cable_let_one(memory_store_requests(world->intake)));
	world_advance_ms(world, SOON_MS);
	ck_assert_uint_eq(engine_stats(world->engine)->postponed_skus, 1);
	database_unlock_products(world->database);
	world_advance_ms(world, 10 * SOON_MS);
	cable_open(memory_store_requests(world->intake));
	world_advance_ms(world, TAKEN_OVER_MS);
	ck_assert_ptr_nonnull(strstr(published(), "line_allocated order "));
	expect_cancelled("order");
}
END_TEST

SUITE("takeover of processes", set_up, tear_down_stream_world, .timeout_s = 30)
{
	tcase_add_loop_test(tests,
			    a_cancellation_is_not_taken_over_before_the_entries_in_front_of_it_are_read, 0,
			    OBSTACLES);
	tcase_add_test(tests, a_cancellation_whose_entry_was_deleted_is_taken_over);
	tcase_add_test(tests, a_process_that_waits_to_begin_is_not_taken_over_again);
	tcase_add_test(tests, a_process_is_taken_over_later_while_held_up_messages_have_no_room);
	tcase_add_test(tests, a_postponed_cancellation_stays_with_its_worker_until_its_entry_is_deleted);
	tcase_add_test(tests, a_process_that_one_worker_cannot_take_over_is_left_to_another_one);
	tcase_add_test(tests, a_process_of_an_event_that_only_a_newer_program_knows_is_left_to_it);
	tcase_add_test(tests, a_cancellation_that_is_taken_over_does_not_overtake_a_postponed_entry);
}
