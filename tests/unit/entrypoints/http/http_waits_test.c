/* Requests that wait: the queue, the deadline, clients that leave. */
#include "http/http_world.h"
#include "support/suites.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

START_TEST(a_command_for_a_full_queue_is_answered_503_at_once)
{
	int clients[HTTP_QUEUE_MAX];
	const char *reply;

	cable_hold(memory_store_requests(http_world.stores[0]));
	for (int i = 0; i < HTTP_QUEUE_MAX; i++) {
		const char *body =
			arena_printf(http_world.arena, "{\"ref\":\"b%d\",\"sku\":\"s\",\"qty\":1}", i);

		clients[i] = world_connect(&http_world);
		world_send(
			clients[i],
			arena_printf(
				http_world.arena,
				"POST /add_batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
				"Content-Length: %zu\r\n\r\n%s",
				strlen(body), body));
	}
	world_run_ms(&http_world, 30);

	reply = http_allocate("order", 1);
	ck_assert_int_eq(reply_status(reply), 503);
	ck_assert_ptr_nonnull(strstr(reply_message(&http_world, reply), "queue is full"));
	ck_assert_ptr_nonnull(reply_header_value(&http_world, reply, "Retry-After"));

	cable_open(memory_store_requests(http_world.stores[0]));
	for (int i = 0; i < HTTP_QUEUE_MAX; i++) {
		ck_assert_int_eq(reply_status(world_receive(&http_world, clients[i], 1)), 201);
		close(clients[i]);
	}
}
END_TEST

START_TEST(a_command_without_outcome_at_the_deadline_is_answered_503)
{
	const char *reply, *metrics;

	http_add_batch("shelf", "lamp", 10);
	cable_hold(memory_store_answers(http_world.stores[0]));
	reply = http_allocate("order", 1);

	ck_assert_int_eq(reply_status(reply), 503);
	ck_assert_ptr_nonnull(reply_header_value(&http_world, reply, "Retry-After"));
	ck_assert_ptr_nonnull(strstr(reply_message(&http_world, reply), "retry with the same id"));
	metrics = world_get(&http_world, "/metrics");
	ck_assert_ptr_nonnull(
		strstr(metrics, "\nallocd_http_requests_total{route=\"/allocate\",status=\"503\"} 1\n"));
	ck_assert_ptr_nonnull(
		strstr(metrics,
		       "\nallocd_http_request_duration_seconds_bucket{route=\"/allocate\",le=\"0.1\"} 0\n"));

	cable_open(memory_store_answers(http_world.stores[0]));
	world_run_ms(&http_world, 20);
	ck_assert_int_eq(database_allocated(http_world.database, "shelf"), 1);
	ck_assert_uint_eq(http_api_unanswered(http_world.api), 0);
}
END_TEST

/* The cause is known by then, and is not this client's command. */
START_TEST(the_answer_at_the_deadline_names_the_trouble_of_the_database)
{
	const char *reply;

	http_add_batch("shelf", "lamp", 10);
	database_set_broken(http_world.database, true);
	simulation_advance_ms(http_world.simulation, 7000);
	reply = http_allocate("order", 1);

	ck_assert_int_eq(reply_status(reply), 503);
	ck_assert_ptr_nonnull(strstr(reply_message(&http_world, reply), "Perhaps done"));
	ck_assert_ptr_nonnull(strstr(reply_message(&http_world, reply), "(nothing is committed: "));
	ck_assert_ptr_nonnull(strstr(reply_message(&http_world, reply), "the database is broken"));

	database_set_broken(http_world.database, false);
	simulation_advance_ms(http_world.simulation, 2000);
	world_run_ms(&http_world, 20);
	ck_assert_uint_eq(http_api_unanswered(http_world.api), 0);
}
END_TEST

/* The waiting requests may be commands of a product that another session has locked. */
START_TEST(requests_that_have_waited_long_give_way_to_new_ones)
{
	int clients[CONNECTIONS_MAX - CONNECTIONS_MAX / 8];
	const size_t count = sizeof clients / sizeof *clients;

	cable_hold(memory_views_requests(http_world.views));
	for (size_t i = 0; i < count; i++) {
		clients[i] = world_connect(&http_world);
		world_send(clients[i], "GET /allocations/order HTTP/1.1\r\nHost: localhost\r\n\r\n");
	}
	world_run_ms(&http_world, DEADLINE_MS / 3);
	http_add_batch("shelf", "lamp", 10);
	ck_assert_int_eq(reply_status(world_receive(&http_world, clients[0], 1)), 503);
	ck_assert_int_eq(reply_status(http_allocate("another", 1)), 202);

	cable_open(memory_views_requests(http_world.views));
	for (size_t i = 2; i < count; i++)
		ck_assert_int_eq(reply_status(world_receive(&http_world, clients[i], 1)), 404);
	for (size_t i = 0; i < count; i++)
		close(clients[i]);
	ck_assert_uint_eq(http_api_unanswered(http_world.api), 0);
}
END_TEST

START_TEST(requests_that_have_just_come_do_not_give_way)
{
	int clients[CONNECTIONS_MAX - CONNECTIONS_MAX / 8];

	cable_hold(memory_views_requests(http_world.views));
	for (size_t i = 0; i < sizeof clients / sizeof *clients; i++) {
		clients[i] = world_connect(&http_world);
		world_send(clients[i], "GET /allocations/order HTTP/1.1\r\nHost: localhost\r\n\r\n");
	}
	for (int ms = 0; http_api_unanswered(http_world.api) < sizeof clients / sizeof *clients && ms < 1000;
	     ms++)
		world_run_ms(&http_world, 1);
	ck_assert_ptr_nonnull(
		strstr(reply_message(&http_world, http_allocate("order", 1)), "too many requests wait"));

	cable_open(memory_views_requests(http_world.views));
	for (size_t i = 0; i < sizeof clients / sizeof *clients; i++) {
		ck_assert_int_eq(reply_status(world_receive(&http_world, clients[i], 1)), 404);
		close(clients[i]);
	}
}
END_TEST

START_TEST(a_read_without_result_at_the_deadline_is_answered_503)
{
	const char *reply;

	cable_hold(memory_views_requests(http_world.views));
	reply = world_get(&http_world, "/allocations/order");

	ck_assert_int_eq(reply_status(reply), 503);
	cable_open(memory_views_requests(http_world.views));
	world_run_ms(&http_world, 20);
}
END_TEST

START_TEST(a_command_is_handled_although_its_client_has_left)
{
	const char body[] = "{\"orderid\":\"order\",\"sku\":\"lamp\",\"qty\":1}";
	int client;

	http_add_batch("shelf", "lamp", 10);
	cable_hold(memory_store_answers(http_world.stores[0]));
	client = world_connect(&http_world);
	world_send(client,
		   arena_printf(
			   http_world.arena,
			   "POST /allocate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
			   "Content-Length: %zu\r\n\r\n%s",
			   strlen(body), body));
	world_run_ms(&http_world, 20);
	ck_assert_int_eq(
		setsockopt(client, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger)), 0);
	close(client);
	world_run_ms(&http_world, 20);

	cable_open(memory_store_answers(http_world.stores[0]));
	world_run_ms(&http_world, 20);

	ck_assert_int_eq(database_allocated(http_world.database, "shelf"), 1);
	ck_assert_int_eq(reply_status(world_get(&http_world, "/livez")), 200);
}
END_TEST

START_TEST(an_api_with_a_waiting_request_can_be_freed)
{
	const char body[] = "{\"ref\":\"b\",\"sku\":\"s\",\"qty\":1}";
	int client = world_connect(&http_world);

	cable_hold(memory_store_answers(http_world.stores[0]));
	world_send(client,
		   arena_printf(
			   http_world.arena,
			   "POST /add_batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
			   "Content-Length: %zu\r\n\r\n%s",
			   strlen(body), body));
	world_run_ms(&http_world, 20);
	ck_assert_uint_eq(http_api_unanswered(http_world.api), 1);
	close(client);
}
END_TEST

SUITE("http waits", set_up_http, tear_down_http)
{
	tcase_add_test(tests, a_command_for_a_full_queue_is_answered_503_at_once);
	tcase_add_test(tests, a_command_without_outcome_at_the_deadline_is_answered_503);
	tcase_add_test(tests, the_answer_at_the_deadline_names_the_trouble_of_the_database);
	tcase_add_test(tests, requests_that_have_waited_long_give_way_to_new_ones);
	tcase_add_test(tests, requests_that_have_just_come_do_not_give_way);
	tcase_add_test(tests, a_read_without_result_at_the_deadline_is_answered_503);
	tcase_add_test(tests, a_command_is_handled_although_its_client_has_left);
	tcase_add_test(tests, an_api_with_a_waiting_request_can_be_freed);
}
