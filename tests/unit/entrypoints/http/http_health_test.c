/* Liveness, readiness and metrics. */
#include "core/partition.h"
#include "http/http_world.h"
#include "support/suites.h"

#include <jansson.h>
#include <string.h>

START_TEST(readiness_names_the_service_that_is_missing)
{
	ck_assert_int_eq(reply_status(world_get(&http_world, "/readyz")), 200);

	http_world.listening = false;
	simulation_advance_ms(http_world.simulation, SAMPLE_FRESH_MS);
	ck_assert_ptr_nonnull(strstr(reply_message(&http_world, world_get(&http_world, "/readyz")),
				     "Not ready: not listening on Redis at a test: Connection refused"));
	http_world.listening = true;
	memory_broker_set_down(http_world.broker, true);
	simulation_advance_ms(http_world.simulation, SAMPLE_FRESH_MS);
	ck_assert_ptr_nonnull(strstr(reply_message(&http_world, world_get(&http_world, "/readyz")),
				     "cannot publish on Redis"));
	database_set_down(http_world.database, true);
	simulation_advance_ms(http_world.simulation, 2 * SAMPLE_MS);
	ck_assert_ptr_nonnull(strstr(reply_message(&http_world, world_get(&http_world, "/readyz")),
				     "the database is away"));
	ck_assert_int_eq(reply_status(world_get(&http_world, "/livez")), 200);
}
END_TEST

/* Redis answers, but refuses: it is read-only, or has no memory left. */
START_TEST(a_worker_whose_events_redis_refuses_is_not_ready)
{
	http_add_batch("shelf", "lamp", 10);
	simulation_advance_ms(http_world.simulation, SAMPLE_FRESH_MS);
	memory_broker_fail_after(http_world.broker, 0);
	ck_assert_int_eq(reply_status(http_allocate("order", 1)), 202);
	ck_assert_ptr_nonnull(strstr(reply_message(&http_world, world_get(&http_world, "/readyz")),
				     "Not ready: Redis refuses events: "));
	ck_assert_int_eq(reply_status(world_get(&http_world, "/livez")), 200);

	world_run_ms(&http_world, 200);
	ck_assert_int_eq(reply_status(world_get(&http_world, "/readyz")), 200);
}
END_TEST

START_TEST(readiness_names_a_damaged_row_of_the_outbox_until_it_is_repaired)
{
	struct outbox_partition *outbox = &http_world.database->outbox[partition_of("lamp")];
	const char *message;

	/* The row of a commit that was uncertain is read from the outbox. */
	http_add_batch("shelf", "lamp", 10);
	cable_hold(memory_store_answers(http_world.stores[2]));
	memory_store_fail_next(http_world.stores[0], CALL_FLUSH, INJECT_LOST_AFTER);
	http_allocate("order", 1);
	outbox->rows[0].frame.size--;
	cable_open(memory_store_answers(http_world.stores[2]));
	simulation_advance_ms(http_world.simulation, 3000);

	message = reply_message(&http_world, world_get(&http_world, "/readyz"));
	ck_assert_msg(
		strstr(message, arena_printf(http_world.arena,
					     "the outbox row of partition %d, position 1 is damaged, and "
					     "holds up the events of its partition",
					     partition_of("lamp"))),
		"%s", message);
	ck_assert_ptr_nonnull(strstr(world_get(&http_world, "/metrics"), "\nallocd_outbox_damaged 1\n"));

	outbox->rows[0].frame.size++;
	simulation_advance_ms(http_world.simulation, 3000);
	ck_assert_int_eq(reply_status(world_get(&http_world, "/readyz")), 200);
	ck_assert_ptr_nonnull(strstr(world_get(&http_world, "/metrics"), "\nallocd_outbox_damaged 0\n"));
}
END_TEST

/* Reads succeed: only an empty unit of work shows that commits fail. */
START_TEST(an_idle_worker_notices_that_the_database_commits_nothing)
{
	const char *reply;

	simulation_advance_ms(http_world.simulation, 10000);
	ck_assert_int_eq(reply_status(world_get(&http_world, "/readyz")), 200);

	database_set_broken(http_world.database, true);
	simulation_advance_ms(http_world.simulation, 7000);
	reply = world_get(&http_world, "/readyz");
	ck_assert_int_eq(reply_status(reply), 503);
	ck_assert_ptr_nonnull(strstr(reply_message(&http_world, reply), "nothing is committed: "));
	ck_assert_ptr_nonnull(strstr(reply_message(&http_world, reply), "the database is broken"));
	ck_assert_ptr_nonnull(strstr(reply_body(reply), "\"since\":\"2"));
	ck_assert_ptr_nonnull(strstr(world_get(&http_world, "/metrics"), "allocd_database_up 0\n"));

	database_set_broken(http_world.database, false);
	simulation_advance_ms(http_world.simulation, 2000);
	ck_assert_int_eq(reply_status(world_get(&http_world, "/readyz")), 200);
	ck_assert_ptr_nonnull(strstr(world_get(&http_world, "/metrics"), "allocd_database_up 1\n"));
}
END_TEST

START_TEST(events_taken_is_0_while_redis_is_away)
{
	ck_assert_ptr_nonnull(strstr(world_get(&http_world, "/metrics"), "allocd_events_taken 1\n"));
	memory_broker_set_down(http_world.broker, true);
	ck_assert_ptr_nonnull(strstr(world_get(&http_world, "/metrics"), "allocd_events_taken 0\n"));
}
END_TEST

START_TEST(the_count_of_dead_letters_is_nan_while_the_database_is_away)
{
	simulation_advance_ms(http_world.simulation, 1000);
	ck_assert_ptr_nonnull(strstr(world_get(&http_world, "/metrics"), "allocd_dead_letters 0\n"));
	ck_assert_ptr_nonnull(
		strstr(world_get(&http_world, "/metrics"), "allocd_dead_letters_dropped_total 0\n"));

	database_set_down(http_world.database, true);
	simulation_advance_ms(http_world.simulation, 10000);
	ck_assert_ptr_nonnull(strstr(world_get(&http_world, "/metrics"), "allocd_dead_letters NaN\n"));
	ck_assert_ptr_nonnull(
		strstr(world_get(&http_world, "/metrics"), "allocd_dead_letters_dropped_total 0\n"));
}
END_TEST

START_TEST(a_database_that_does_not_answer_reads_for_5_s_is_a_trouble)
{
	const char *reply;

	cable_hold(memory_views_requests(http_world.views));
	simulation_advance_ms(http_world.simulation, SAMPLE_READ_MS - SAMPLE_MS);
	ck_assert_int_eq(reply_status(world_get(&http_world, "/readyz")), 200);
	simulation_advance_ms(http_world.simulation, 2 * SAMPLE_MS);
	reply = world_get(&http_world, "/readyz");

	ck_assert_int_eq(reply_status(reply), 503);
	ck_assert_ptr_nonnull(strstr(reply_message(&http_world, reply),
				     "Not ready: the database does not answer, since 2"));
	cable_open(memory_views_requests(http_world.views));
}
END_TEST

START_TEST(a_stopping_worker_refuses_commands_and_is_not_ready)
{
	http_add_batch("shelf", "lamp", 10);
	http_api_stop(http_world.api);
	sampler_stop(http_world.sampler);

	ck_assert_int_eq(reply_status(http_allocate("order", 1)), 503);
	ck_assert_ptr_nonnull(
		strstr(reply_message(&http_world, world_get(&http_world, "/readyz")), "stopping"));
	ck_assert_int_eq(reply_status(world_get(&http_world, "/events/lamp")), 200);
}
END_TEST

/* The body of a reply, which the caller releases. */
static json_t *json_of(const char *path, int status)
{
	const char *reply = world_get(&http_world, path);
	json_t *json = json_loads(reply_body(reply), 0, NULL);

	ck_assert_int_eq(reply_status(reply), status);
	ck_assert_ptr_nonnull(json);
	return json;
}

static const char *member(const json_t *json, const char *name)
{
	return json_string_value(json_object_get(json, name));
}

START_TEST(readiness_lists_the_troubles_and_what_to_do)
{
	json_t *problem, *verbose, *trouble;

	http_world.listening = false;
	simulation_advance_ms(http_world.simulation, SAMPLE_FRESH_MS);
	problem = json_of("/readyz", 503);
	verbose = json_of("/readyz?verbose", 503);
	trouble = json_array_get(json_object_get(problem, "troubles"), 0);

	ck_assert_str_eq(member(problem, "type"), "urn:allocd:problem:not-ready");
	ck_assert_uint_eq(json_array_size(json_object_get(problem, "troubles")), 1);
	ck_assert_str_eq(member(trouble, "code"), "redis-unreachable");
	ck_assert_str_eq(member(trouble, "severity"), "stop");
	ck_assert_str_eq(member(trouble, "doc"), "docs/operating.md#redis-unreachable");
	ck_assert(strstr(member(trouble, "effect"), "lost") && strstr(member(trouble, "advice"), "Redis"));
	ck_assert(json_equal(json_object_get(problem, "troubles"), json_object_get(verbose, "troubles")));
	ck_assert_str_eq(member(verbose, "state"), "not_ready");
	ck_assert_str_eq(member(verbose, "name"), "test:5005");
	ck_assert_ptr_nonnull(strstr(world_get(&http_world, "/metrics"),
				     "\nallocd_trouble{code=\"redis-unreachable\",severity=\"stop\"} 1\n"));
	ck_assert_int_eq(reply_status(world_get(&http_world, "/readyz?for=http")), 200);
	json_decref(problem);
	json_decref(verbose);
}
END_TEST

START_TEST(a_worker_that_is_degraded_is_ready)
{
	json_t *status;

	memory_notifier_set_down(http_world.notifier, true);
	http_add_batch("shelf", "lamp", 1);
	http_allocate("order", 10);
	world_run_ms(&http_world, 200);
	status = json_of("/readyz?verbose", 200);

	ck_assert_str_eq(member(status, "state"), "degraded");
	ck_assert_str_eq(member(json_array_get(json_object_get(status, "troubles"), 0), "code"),
			 "mail-unreachable");
	ck_assert_int_eq(reply_status(world_get(&http_world, "/readyz")), 200);
	json_decref(status);
}
END_TEST

static const char *awaited(void *context, struct arena *arena, enum awaited_service *service)
{
	(void)context;
	*service = AWAITS_DATABASE;
	return arena_strdup(arena, "waiting for the database: Connection refused (SQLSTATE 57P03)");
}

START_TEST(a_worker_is_not_ready_before_it_starts)
{
	struct world world;
	json_t *problem;
	const char *reply;

	world_init_starting(&world, HTTP_QUEUE_MAX);
	sampler_await(world.sampler, awaited, NULL);
	simulation_advance_ms(world.simulation, SAMPLE_FRESH_MS);
	reply = world_get(&world, "/readyz");
	problem = json_loads(reply_body(reply), 0, NULL);

	ck_assert_str_eq(reply_message(&world, reply), "Not ready: starting, waiting for the database: "
						       "Connection refused (SQLSTATE 57P03)");
	ck_assert_str_eq(member(json_array_get(json_object_get(problem, "troubles"), 0), "code"),
			 "database-unreachable");
	world_start(&world);
	ck_assert_int_eq(reply_status(world_get(&world, "/readyz")), 200);
	json_decref(problem);
	world_release(&world);
}
END_TEST

START_TEST(readiness_is_also_reported_as_text)
{
	const char *text;

	http_world.listening = false;
	simulation_advance_ms(http_world.simulation, SAMPLE_FRESH_MS);
	text = reply_body(world_ask(&http_world, "GET /readyz?verbose HTTP/1.1\r\nHost: localhost\r\n"
						 "Accept: text/plain\r\n\r\n"));

	ck_assert_ptr_nonnull(strstr(text, " at test:5005: not_ready since 2"));
	ck_assert_ptr_nonnull(strstr(text, "\n[-]redis-unreachable (stop) not listening on Redis"));
	ck_assert_ptr_nonnull(strstr(text, "\n   next: "));
}
END_TEST

START_TEST(metrics_count_messages_and_replies)
{
	const char *reply;

	http_add_batch("shelf", "lamp", 10);
	http_allocate("order", 1);
	reply = world_get(&http_world, "/metrics");

	ck_assert_int_eq(reply_status(reply), 200);
	ck_assert_ptr_nonnull(strstr(
		reply, "\nallocd_messages_total{message=\"allocate\",way=\"http\",outcome=\"handled\"} 1\n"));
	ck_assert_ptr_nonnull(strstr(reply, "\nallocd_http_replies_total{status=\"2xx\"} 2\n"));
}
END_TEST

static void assert_requests(const char *metrics, const char *route, int status, int count)
{
	ck_assert_ptr_nonnull(
		strstr(metrics, arena_printf(http_world.arena,
					     "\nallocd_http_requests_total{route=\"%s\",status=\"%d\"} %d\n",
					     route, status, count)));
}

START_TEST(requests_are_counted_by_their_route_and_the_names_in_paths_are_left_out)
{
	const char *metrics;

	http_add_batch("shelf", "lamp", 10);
	http_allocate("order", 1);
	world_get(&http_world, "/products/lamp");
	world_get(&http_world, "/products/nothing");
	world_get(&http_world, "/allocations/order");
	world_post(&http_world, "/livez", "{}");
	world_get(&http_world, "/nowhere");
	world_ask(&http_world, "GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n");
	metrics = world_get(&http_world, "/metrics");

	assert_requests(metrics, "/add_batch", 201, 1);
	assert_requests(metrics, "/allocate", 202, 1);
	assert_requests(metrics, "/products/{sku}", 200, 1);
	assert_requests(metrics, "/products/{sku}", 404, 1);
	assert_requests(metrics, "/allocations/{orderid}", 200, 1);
	assert_requests(metrics, "/livez", 405, 1);
	assert_requests(metrics, "/livez", 200, 0);
	assert_requests(metrics, "other", 404, 1);
	assert_requests(metrics, "/metrics", 200, 1);
	ck_assert_ptr_null(strstr(metrics, "nowhere"));
}
END_TEST

START_TEST(a_request_that_cannot_be_read_has_no_route)
{
	world_ask(&http_world, "GET /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n");

	assert_requests(world_get(&http_world, "/metrics"), "other", 400, 1);
}
END_TEST

SUITE("http health", set_up_http, tear_down_http)
{
	tcase_add_test(tests, readiness_names_the_service_that_is_missing);
	tcase_add_test(tests, a_worker_whose_events_redis_refuses_is_not_ready);
	tcase_add_test(tests, readiness_names_a_damaged_row_of_the_outbox_until_it_is_repaired);
	tcase_add_test(tests, an_idle_worker_notices_that_the_database_commits_nothing);
	tcase_add_test(tests, events_taken_is_0_while_redis_is_away);
	tcase_add_test(tests, the_count_of_dead_letters_is_nan_while_the_database_is_away);
	tcase_add_test(tests, a_database_that_does_not_answer_reads_for_5_s_is_a_trouble);
	tcase_add_test(tests, readiness_lists_the_troubles_and_what_to_do);
	tcase_add_test(tests, a_worker_that_is_degraded_is_ready);
	tcase_add_test(tests, a_worker_is_not_ready_before_it_starts);
	tcase_add_test(tests, readiness_is_also_reported_as_text);
	tcase_add_test(tests, a_stopping_worker_refuses_commands_and_is_not_ready);
	tcase_add_test(tests, metrics_count_messages_and_replies);
	tcase_add_test(tests, requests_are_counted_by_their_route_and_the_names_in_paths_are_left_out);
	tcase_add_test(tests, a_request_that_cannot_be_read_has_no_route);
}
