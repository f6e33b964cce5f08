/* From the subscription into the engine, and how it is held when the engine is full. */
#include "bus/intake/admission.h"
#include "support/suites.h"
#include "world.h"

#include <string.h>

#define QUEUE_MAX 4

static struct world world;
static struct admission consumer;
static int pauses, resumes;

static void on_pause(void *source)
{
	ck_assert_ptr_eq(source, &world);
	pauses++;
}

static void on_resume(void *source)
{
	ck_assert_ptr_eq(source, &world);
	resumes++;
}

static void set_up(void)
{
	world_init(&world, QUEUE_MAX);
	admission_init(&consumer, world.engine);
	admission_add(&consumer, &(struct admission_valve){on_pause, on_resume, &world, .is_durable = false});
	pauses = resumes = 0;
}

static void tear_down(void)
{
	world_release(&world);
}

static void take(const char *payload)
{
	admission_submit(&consumer, MSG_CREATE_BATCH, "create_batch",
			 (struct bytes){payload, strlen(payload)}, strlen(payload));
}

START_TEST(a_message_gets_into_the_engine)
{
	take("{\"ref\":\"shelf\",\"sku\":\"lamp\",\"qty\":3}");
	world_run_ms(&world, 10);

	ck_assert_int_eq(database_batch(world.database, "shelf")->purchased, 3);
}
END_TEST

START_TEST(a_bad_message_is_kept_with_its_channel_and_its_true_size)
{
	admission_submit(&consumer, MSG_ALLOCATE, "prefix:allocate", (struct bytes){"{}", 2},
			 PAYLOAD_MAX + 1);
	world_run_ms(&world, 10);

	ck_assert_uint_eq(world.database->dead_letter_count, 1);
	ck_assert_str_eq(world.database->dead_letters[0].place, "prefix:allocate");
	ck_assert_uint_eq(world.database->dead_letters[0].payload_size, PAYLOAD_MAX + 1);
	ck_assert_int_eq(world.database->dead_letters[0].outcome, OUTCOME_INVALID);
}
END_TEST

START_TEST(a_full_engine_pauses_the_source_until_there_is_room)
{
	cable_hold(memory_store_requests(world.stores[0]));
	for (int i = 0; i < QUEUE_MAX; i++) {
		ck_assert_int_eq(pauses, 0);
		take(arena_printf(world.arena, "{\"ref\":\"b%d\",\"sku\":\"lamp\",\"qty\":3}", i));
	}
	ck_assert_int_eq(pauses, 1);
	ck_assert_int_eq(resumes, 0);

	cable_open(memory_store_requests(world.stores[0]));
	world_run_ms(&world, 20);

	ck_assert_int_eq(pauses, 1);
	ck_assert_int_eq(resumes, 1);
}
END_TEST

START_TEST(what_comes_after_the_pause_is_taken_too)
{
	cable_hold(memory_store_requests(world.stores[0]));
	for (int i = 0; i < QUEUE_MAX + 2; i++)
		take(arena_printf(world.arena, "{\"ref\":\"b%d\",\"sku\":\"lamp\",\"qty\":3}", i));
	ck_assert_int_eq(pauses, 1);

	cable_open(memory_store_requests(world.stores[0]));
	world_run_ms(&world, 20);

	ck_assert_int_eq(database_batch(world.database, "b5")->purchased, 3);
	ck_assert_int_eq(resumes, 1);
}
END_TEST

static void fill_over_http(void)
{
	static const char payload[] = "{\"ref\":\"b\",\"sku\":\"lamp\",\"qty\":3}";

	for (int i = 0; i < QUEUE_MAX; i++)
		engine_submit(world.engine, &(struct arrival){.way = TRANSPORT_HTTP,
							      .place = "/add_batch",
							      .type = MSG_CREATE_BATCH,
							      .payload = {payload, strlen(payload)},
							      .payload_size = strlen(payload)});
}

START_TEST(an_engine_that_others_fill_pauses_the_source_too)
{
	cable_hold(memory_store_requests(world.stores[0]));
	fill_over_http();
	world_run_ms(&world, 20);
	ck_assert_int_eq(pauses, 1);

	cable_open(memory_store_requests(world.stores[0]));
	world_run_ms(&world, 20);

	ck_assert_int_eq(resumes, 1);
}
END_TEST

static int durable_pauses, durable_resumes;

static void on_durable_pause(void *source)
{
	(void)source;
	durable_pauses++;
}

static void on_durable_resume(void *source)
{
	(void)source;
	durable_resumes++;
}

START_TEST(only_a_durable_source_waits_for_the_database)
{
	durable_pauses = durable_resumes = 0;
	admission_add(&consumer, &(struct admission_valve){on_durable_pause, on_durable_resume, NULL,
							   .is_durable = true});
	ck_assert_int_eq(durable_pauses, 0);
	database_set_down(world.database, true);
	take("{\"ref\":\"table\",\"sku\":\"lamp\",\"qty\":3}");
	world_run_ms(&world, 20);
	ck_assert_int_eq(durable_pauses, 1);
	ck_assert_int_eq(durable_resumes, 0);

	database_set_down(world.database, false);
	for (int turns = 0; !durable_resumes && turns < 500; turns++)
		world_run_ms(&world, 10);

	ck_assert_int_eq(durable_resumes, 1);
	ck_assert_int_eq(pauses, 0);
}
END_TEST

START_TEST(a_stopped_consumer_lets_its_source_be)
{
	cable_hold(memory_store_requests(world.stores[0]));
	for (int i = 0; i < QUEUE_MAX; i++)
		take(arena_printf(world.arena, "{\"ref\":\"b%d\",\"sku\":\"lamp\",\"qty\":3}", i));
	admission_stop(&consumer);

	cable_open(memory_store_requests(world.stores[0]));
	world_run_ms(&world, 20);

	ck_assert_int_eq(resumes, 0);
}
END_TEST

SUITE("consumer", set_up, tear_down)
{
	tcase_add_test(tests, a_message_gets_into_the_engine);
	tcase_add_test(tests, a_bad_message_is_kept_with_its_channel_and_its_true_size);
	tcase_add_test(tests, a_full_engine_pauses_the_source_until_there_is_room);
	tcase_add_test(tests, what_comes_after_the_pause_is_taken_too);
	tcase_add_test(tests, an_engine_that_others_fill_pauses_the_source_too);
	tcase_add_test(tests, only_a_durable_source_waits_for_the_database);
	tcase_add_test(tests, a_stopped_consumer_lets_its_source_be);
}
