/* Commands reach the engine through the admission, which pauses their sources while the engine is full. */
#include "bus/intake/admission.h"
#include "support/suites.h"
#include "world.h"

#include <string.h>

#define QUEUE_MAX 4

static struct world world;
static struct admission admission;
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
	admission_init(&admission, world.engine);
	admission_add(&admission,
		      &(struct admission_valve){on_pause, on_resume, &world, .is_durable = false});
	pauses = resumes = 0;
}

static void tear_down(void)
{
	world_release(&world);
}

static void submit_on(enum message_type type, const char *channel, const char *payload, size_t size)
{
	admission_submit(&admission, &(struct arrival){.transport = TRANSPORT_PUBSUB,
						       .origin = channel,
						       .type = type,
						       .payload = {payload, strlen(payload)},
						       .payload_size = size});
}

static void submit(const char *payload)
{
	submit_on(MSG_CREATE_BATCH, "create_batch", payload, strlen(payload));
}

START_TEST(a_submitted_message_is_handled)
{
	submit("{\"ref\":\"shelf\",\"sku\":\"lamp\",\"qty\":3}");
	world_run_ms(&world, 10);

	ck_assert_int_eq(database_purchased(world.database, "shelf"), 3);
}
END_TEST

START_TEST(a_bad_message_is_kept_with_its_channel_and_its_true_size)
{
	submit_on(MSG_ALLOCATE, "prefix:allocate", "{}", PAYLOAD_MAX + 1);
	world_run_ms(&world, 10);

	ck_assert_uint_eq(world.database->dead_letter_count, 1);
	ck_assert_str_eq(world.database->dead_letters[0].origin, "prefix:allocate");
	ck_assert_uint_eq(world.database->dead_letters[0].payload_size, PAYLOAD_MAX + 1);
	ck_assert_int_eq(world.database->dead_letters[0].outcome, OUTCOME_INVALID);
}
END_TEST

START_TEST(a_full_engine_pauses_the_source_until_there_is_room)
{
	cable_hold(memory_store_requests(world.stores[0]));
	for (int i = 0; i < QUEUE_MAX; i++) {
		ck_assert_int_eq(pauses, 0);
		submit(arena_printf(world.arena, "{\"ref\":\"b%d\",\"sku\":\"lamp\",\"qty\":3}", i));
	}
	ck_assert_int_eq(pauses, 1);
	ck_assert_int_eq(resumes, 0);

	cable_open(memory_store_requests(world.stores[0]));
	world_run_ms(&world, 20);

	ck_assert_int_eq(pauses, 1);
	ck_assert_int_eq(resumes, 1);
}
END_TEST

START_TEST(messages_that_arrive_after_the_pause_are_handled_too)
{
	cable_hold(memory_store_requests(world.stores[0]));
	for (int i = 0; i < QUEUE_MAX + 2; i++)
		submit(arena_printf(world.arena, "{\"ref\":\"b%d\",\"sku\":\"lamp\",\"qty\":3}", i));
	ck_assert_int_eq(pauses, 1);

	cable_open(memory_store_requests(world.stores[0]));
	world_run_ms(&world, 20);

	ck_assert_int_eq(database_purchased(world.database, "b5"), 3);
	ck_assert_int_eq(resumes, 1);
}
END_TEST

static void fill_over_http(void)
{
	static const char payload[] = "{\"ref\":\"b\",\"sku\":\"lamp\",\"qty\":3}";

	for (int i = 0; i < QUEUE_MAX; i++)
		engine_submit(world.engine, &(struct arrival){.transport = TRANSPORT_HTTP,
							      .origin = "/add_batch",
							      .type = MSG_CREATE_BATCH,
							      .payload = {payload, strlen(payload)},
							      .payload_size = strlen(payload)});
}

START_TEST(an_engine_that_is_full_of_http_requests_pauses_the_source)
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

START_TEST(only_a_durable_source_is_paused_while_the_database_is_away)
{
	durable_pauses = durable_resumes = 0;
	admission_add(&admission, &(struct admission_valve){on_durable_pause, on_durable_resume, NULL,
							    .is_durable = true});
	ck_assert_int_eq(durable_pauses, 0);
	database_set_down(world.database, true);
	submit("{\"ref\":\"table\",\"sku\":\"lamp\",\"qty\":3}");
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

START_TEST(a_stopped_admission_does_not_resume_its_source)
{
	cable_hold(memory_store_requests(world.stores[0]));
	for (int i = 0; i < QUEUE_MAX; i++)
		submit(arena_printf(world.arena, "{\"ref\":\"b%d\",\"sku\":\"lamp\",\"qty\":3}", i));
	admission_stop(&admission);

	cable_open(memory_store_requests(world.stores[0]));
	world_run_ms(&world, 20);

	ck_assert_int_eq(resumes, 0);
}
END_TEST

SUITE("admission", set_up, tear_down)
{
	tcase_add_test(tests, a_submitted_message_is_handled);
	tcase_add_test(tests, a_bad_message_is_kept_with_its_channel_and_its_true_size);
	tcase_add_test(tests, a_full_engine_pauses_the_source_until_there_is_room);
	tcase_add_test(tests, messages_that_arrive_after_the_pause_are_handled_too);
	tcase_add_test(tests, an_engine_that_is_full_of_http_requests_pauses_the_source);
	tcase_add_test(tests, only_a_durable_source_is_paused_while_the_database_is_away);
	tcase_add_test(tests, a_stopped_admission_does_not_resume_its_source);
}
