/* The HTTP API from outside: requests, limits, deadlines, clients that leave. */
#include "support/suites.h"
#include "world.h"

#include "entrypoints/http_server/http_server.h"

#include <jansson.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUEUE_MAX 8

/* More than the API takes. */
#define HTTP_TEST_HEADERS 20000

static struct world world;

static void set_up(void)
{
	world_init(&world, QUEUE_MAX);
}

static void tear_down(void)
{
	world_release(&world);
}

static void add_batch(const char *reference, const char *sku, int qty)
{
	const char *body =
		arena_printf(world.arena, "{\"ref\":\"%s\",\"sku\":\"%s\",\"qty\":%d}", reference, sku, qty);

	ck_assert_int_eq(reply_status(world_post(&world, "/add_batch", body)), 201);
}

static const char *allocate(const char *order, int qty)
{
	return world_post(
		&world, "/allocate",
		arena_printf(world.arena, "{\"orderid\":\"%s\",\"sku\":\"lamp\",\"qty\":%d}", order, qty));
}

/* ---- commands ---- */

START_TEST(a_command_is_answered_after_its_commit)
{
	const char *reply;

	add_batch("shelf", "lamp", 10);
	reply = allocate("order 1", 3);

	ck_assert_int_eq(reply_status(reply), 202);
	ck_assert_str_eq(reply_body(reply), "OK");
	ck_assert_str_eq(reply_header_value(&world, reply, "Location"), "/allocations/order%201");
	ck_assert_int_eq(database_batch(world.database, "shelf")->allocated, 3);
}
END_TEST

START_TEST(a_read_after_the_answer_sees_the_effect)
{
	const char *reply;

	add_batch("shelf", "lamp", 10);
	allocate("order 1", 3);
	reply = world_get(&world, "/allocations/order%201");

	ck_assert_int_eq(reply_status(reply), 200);
	ck_assert_str_eq(reply_header_value(&world, reply, "Content-Type"), "application/json");
	ck_assert_str_eq(reply_body(reply), "[{\"sku\":\"lamp\",\"batchref\":\"shelf\"}]");
}
END_TEST

START_TEST(a_rejected_command_is_told_why)
{
	const char *reply = allocate("order", 1);

	ck_assert_int_eq(reply_status(reply), 400);
	ck_assert_str_eq(reply_message(&world, reply), "Invalid sku lamp");
}
END_TEST

START_TEST(an_invalid_command_is_told_why)
{
	const char *reply = world_post(&world, "/allocate", "{\"orderid\":\"o\"");

	ck_assert_int_eq(reply_status(reply), 400);
	ck_assert_int_gt((int)strlen(reply_message(&world, reply)), 0);
	ck_assert_int_eq(reply_status(world_post(&world, "/allocate", "")), 400);
}
END_TEST

START_TEST(what_is_not_json_is_refused)
{
	const char *reply =
		world_ask(&world, "POST /allocate HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
				  "Content-Length: 2\r\n\r\n{}");

	ck_assert_int_eq(reply_status(reply), 415);
	ck_assert_ptr_nonnull(strstr(reply_message(&world, reply), "application/json"));
}
END_TEST

/* ---- paths and methods ---- */

START_TEST(an_unknown_path_is_not_found)
{
	ck_assert_int_eq(reply_status(world_get(&world, "/")), 404);
	ck_assert_int_eq(reply_status(world_get(&world, "/allocations/")), 404);
	ck_assert_int_eq(reply_status(world_get(&world, "/allocate/x")), 404);
	reply_message(&world, world_get(&world, "/livezz"));
}
END_TEST

static const struct {
	const char *method, *path, *allow;
} wrong_methods[] = {
	{"GET", "/allocate", "POST"},        {"PUT", "/add_batch", "POST"},
	{"OPTIONS", "/allocate", "POST"},    {"BREW", "/allocate", "POST"},
	{"POST", "/livez", "GET, HEAD"},     {"DELETE", "/allocations/x", "GET, HEAD"},
	{"PATCH", "/events/x", "GET, HEAD"},
};

START_TEST(a_wrong_method_is_told_the_right_one)
{
	const char *reply =
		world_ask(&world, arena_printf(world.arena, "%s %s HTTP/1.1\r\nHost: localhost\r\n\r\n",
					       wrong_methods[_i].method, wrong_methods[_i].path));

	ck_assert_int_eq(reply_status(reply), 405);
	ck_assert_str_eq(reply_header_value(&world, reply, "Allow"), wrong_methods[_i].allow);
	reply_message(&world, reply);
}
END_TEST

START_TEST(a_head_gets_the_headers_only)
{
	int client = world_connect(&world);
	const char *replies;

	world_send(client, "HEAD /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
	world_run_ms(&world, 50);
	world_send(client, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
	world_run_ms(&world, 50);
	replies = world_receive(&world, client, 3);
	close(client);

	ck_assert_int_eq(reply_status(replies), 200);
	ck_assert_str_eq(reply_header_value(&world, replies, "Content-Length"), "6");
	ck_assert_int_eq(reply_status(reply_body(replies)), 200);
	ck_assert_str_eq(reply_body(reply_body(replies)), "alive\n");
}
END_TEST

/* ---- reads ---- */

START_TEST(an_order_without_allocations_is_not_found)
{
	ck_assert_int_eq(reply_status(world_get(&world, "/allocations/none")), 404);
	ck_assert_int_eq(reply_status(world_get(&world, "/allocations/%zz")), 400);
	ck_assert_int_eq(reply_status(world_get(&world, "/allocations/%ff")), 400);
}
END_TEST

static json_t *events(const char *path)
{
	const char *reply = world_get(&world, path);
	json_t *list = json_loads(reply_body(reply), 0, NULL);

	ck_assert_int_eq(reply_status(reply), 200);
	ck_assert(json_is_array(list));
	return list;
}

static const char *type_at(json_t *list, size_t index)
{
	return json_string_value(json_object_get(json_array_get(list, index), "type"));
}

static json_t *data_at(json_t *list, size_t index)
{
	return json_object_get(json_array_get(list, index), "data");
}

static json_int_t version_at(json_t *list, size_t index)
{
	return json_integer_value(json_object_get(data_at(list, index), "version"));
}

START_TEST(events_are_read_from_a_version_on)
{
	json_t *list;

	add_batch("shelf", "lamp", 10);
	for (int i = 0; i < 3; i++)
		allocate(arena_printf(world.arena, "order-%d", i), 1);

	list = events("/events/lamp");
	ck_assert_uint_eq(json_array_size(list), 3);
	ck_assert_str_eq(json_string_value(json_object_get(data_at(list, 0), "orderid")), "order-0");
	json_decref(list);

	list = events("/events/lamp?other=1&after=1");
	ck_assert_uint_eq(json_array_size(list), 2);
	ck_assert_int_eq(version_at(list, 0), 2);
	json_decref(list);

	list = events("/events/unknown?after=5");
	ck_assert_uint_eq(json_array_size(list), 0);
	json_decref(list);
}
END_TEST

START_TEST(events_that_are_read_say_what_they_are)
{
	json_t *list;

	add_batch("shelf", "lamp", 10);
	allocate("order", 10);
	world_post(&world, "/change_batch_quantity", "{\"batchref\":\"shelf\",\"qty\":0}");

	list = events("/events/lamp");
	ck_assert_uint_eq(json_array_size(list), 3);
	ck_assert_str_eq(type_at(list, 0), "line_allocated");
	ck_assert_str_eq(type_at(list, 1), "line_deallocated");
	ck_assert_str_eq(type_at(list, 2), "out_of_stock");
	json_decref(list);
}
END_TEST

START_TEST(a_version_is_a_number)
{
	ck_assert_int_eq(reply_status(world_get(&world, "/events/lamp?after=x")), 400);
	ck_assert_int_eq(reply_status(world_get(&world, "/events/lamp?after=-1")), 400);
	ck_assert_int_eq(reply_status(world_get(&world, "/events/lamp?after=")), 400);
}
END_TEST

START_TEST(many_events_come_in_pages)
{
	const char *reply;
	json_t *list;

	/* One shrink that takes every line from one batch and finds no other: two events a line. */
	add_batch("shelf", "lamp", 600);
	for (int i = 0; i < 600; i++)
		engine_submit(
			world.engine,
			&(struct arrival){
				.way = TRANSPORT_PUBSUB,
				.place = "allocate",
				.type = MSG_ALLOCATE,
				.payload = {arena_printf(world.arena,
							 "{\"orderid\":\"o%04d\",\"sku\":\"lamp\",\"qty\":1}",
							 i),
					    strlen("{'orderid':'o0000','sku':'lamp','qty':1}")},
				.payload_size = 40});
	world_run_ms(&world, 100);
	world_post(&world, "/change_batch_quantity", "{\"batchref\":\"shelf\",\"qty\":0}");

	reply = world_get(&world, "/events/lamp?after=600");
	list = json_loads(reply_body(reply), 0, NULL);
	ck_assert_uint_eq(json_array_size(list), 1000);
	ck_assert_int_eq(version_at(list, 999), 1600);
	ck_assert_str_eq(reply_header_value(&world, reply, "Link"),
			 "</events/lamp?after=1600>; rel=\"next\"");
	json_decref(list);

	reply = world_get(&world, "/events/lamp?after=1600");
	list = json_loads(reply_body(reply), 0, NULL);
	ck_assert_uint_eq(json_array_size(list), 200);
	ck_assert_ptr_null(reply_header_value(&world, reply, "Link"));
	json_decref(list);
}
END_TEST

/* ---- health ---- */

START_TEST(readiness_names_what_is_missing)
{
	ck_assert_int_eq(reply_status(world_get(&world, "/readyz")), 200);

	world.listening = false;
	ck_assert_ptr_nonnull(strstr(reply_message(&world, world_get(&world, "/readyz")),
				     "Not ready: not listening on Redis (since 2"));
	world.listening = true;
	memory_broker_set_down(world.broker, true);
	ck_assert_ptr_nonnull(
		strstr(reply_message(&world, world_get(&world, "/readyz")), "cannot publish on Redis"));
	database_set_down(world.database, true);
	ck_assert_ptr_nonnull(
		strstr(reply_message(&world, world_get(&world, "/readyz")), "the database does not answer"));
	ck_assert_int_eq(reply_status(world_get(&world, "/livez")), 200);
}
END_TEST

/* Redis answers, but refuses: it is read-only, or has no memory left. */
START_TEST(who_cannot_get_rid_of_events_is_not_ready)
{
	add_batch("shelf", "lamp", 10);
	memory_broker_fail_after(world.broker, 0);
	ck_assert_int_eq(reply_status(allocate("order", 1)), 202);
	ck_assert_ptr_nonnull(strstr(reply_message(&world, world_get(&world, "/readyz")),
				     "Not ready: Redis refuses events, since 2"));
	ck_assert_int_eq(reply_status(world_get(&world, "/livez")), 200);

	world_run_ms(&world, 200);
	ck_assert_int_eq(reply_status(world_get(&world, "/readyz")), 200);
}
END_TEST

/* Reads go well: only an empty unit of work shows that none would be committed. */
START_TEST(an_idle_worker_finds_out_that_nothing_would_be_committed)
{
	const char *reply;

	simulation_advance_ms(world.simulation, 10000);
	ck_assert_int_eq(reply_status(world_get(&world, "/readyz")), 200);

	database_set_broken(world.database, true);
	simulation_advance_ms(world.simulation, 7000);
	reply = world_get(&world, "/readyz");
	ck_assert_int_eq(reply_status(reply), 503);
	ck_assert_ptr_nonnull(
		strstr(reply_message(&world, reply), "units of work are not committed, since 2"));
	ck_assert_ptr_nonnull(strstr(reply_message(&world, reply), "the database is broken"));
	ck_assert_ptr_nonnull(strstr(reply_body(reply), "\"since\":\"2"));
	ck_assert_ptr_nonnull(strstr(world_get(&world, "/metrics"), "allocd_database_up 0\n"));

	database_set_broken(world.database, false);
	simulation_advance_ms(world.simulation, 2000);
	ck_assert_int_eq(reply_status(world_get(&world, "/readyz")), 200);
	ck_assert_ptr_nonnull(strstr(world_get(&world, "/metrics"), "allocd_database_up 1\n"));
}
END_TEST

START_TEST(what_redis_took_last_is_not_told_while_it_is_away)
{
	ck_assert_ptr_nonnull(strstr(world_get(&world, "/metrics"), "allocd_events_taken 1\n"));
	memory_broker_set_down(world.broker, true);
	ck_assert_ptr_nonnull(strstr(world_get(&world, "/metrics"), "allocd_events_taken 0\n"));
}
END_TEST

START_TEST(dead_letters_are_not_told_while_the_database_is_away)
{
	simulation_advance_ms(world.simulation, 1000);
	ck_assert_ptr_nonnull(strstr(world_get(&world, "/metrics"), "allocd_dead_letters 0\n"));
	ck_assert_ptr_nonnull(strstr(world_get(&world, "/metrics"), "allocd_dead_letters_dropped_total 0\n"));

	database_set_down(world.database, true);
	simulation_advance_ms(world.simulation, 10000);
	ck_assert_ptr_nonnull(strstr(world_get(&world, "/metrics"), "allocd_dead_letters NaN\n"));
	ck_assert_ptr_nonnull(strstr(world_get(&world, "/metrics"), "allocd_dead_letters_dropped_total 0\n"));
}
END_TEST

START_TEST(readiness_does_not_wait_for_ever)
{
	const char *reply;

	cable_hold(memory_views_requests(world.views));
	reply = world_get(&world, "/readyz");

	ck_assert_int_eq(reply_status(reply), 503);
	ck_assert_str_eq(reply_message(&world, reply), "Not ready: the database does not answer");
	cable_open(memory_views_requests(world.views));
}
END_TEST

START_TEST(who_stops_takes_no_commands_and_is_not_ready)
{
	add_batch("shelf", "lamp", 10);
	http_api_stop(world.api);

	ck_assert_int_eq(reply_status(allocate("order", 1)), 503);
	ck_assert_ptr_nonnull(strstr(reply_message(&world, world_get(&world, "/readyz")), "stopping"));
	ck_assert_int_eq(reply_status(world_get(&world, "/events/lamp")), 200);
}
END_TEST

START_TEST(metrics_count_what_happened)
{
	const char *reply;

	add_batch("shelf", "lamp", 10);
	allocate("order", 1);
	reply = world_get(&world, "/metrics");

	ck_assert_int_eq(reply_status(reply), 200);
	ck_assert_ptr_nonnull(strstr(reply, "\nallocd_messages_total{outcome=\"handled\"} 2\n"));
	ck_assert_ptr_nonnull(strstr(reply, "\nallocd_http_replies_total{status=\"2xx\"} 2\n"));
}
END_TEST

/* ---- limits ---- */

static const char *post_of_size(size_t size)
{
	char *body = arena_alloc(world.arena, size + 1);

	memset(body, ' ', size);
	memcpy(body, "{}", 2);
	return world_post(&world, "/allocate", body);
}

START_TEST(a_body_has_64_kib_at_most)
{
	ck_assert_int_eq(reply_status(post_of_size(PAYLOAD_MAX)), 400);
	ck_assert_int_eq(reply_status(post_of_size(PAYLOAD_MAX + 1)), 413);
	reply_message(&world, post_of_size(PAYLOAD_MAX + 1));
}
END_TEST

START_TEST(a_huge_body_is_refused_unread)
{
	int client = world_connect(&world);
	const char *reply;

	world_send(client, "POST /allocate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
			   "Transfer-Encoding: chunked\r\n\r\n7fffffff\r\n");
	reply = world_receive(&world, client, 1);
	close(client);

	ck_assert_int_eq(reply_status(reply), 413);
}
END_TEST

START_TEST(headers_are_bounded)
{
	int client = world_connect(&world);
	char *header = arena_alloc(world.arena, HTTP_TEST_HEADERS + 1);
	const char *reply;

	memset(header, 'x', HTTP_TEST_HEADERS);
	memcpy(header, "GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ",
	       strlen("GET /livez HTTP/1.1\r\nHost: localhost\r\nX: "));
	world_send(client, header);
	reply = world_receive(&world, client, 1);
	close(client);

	ck_assert_int_eq(reply_status(reply), 431);
}
END_TEST

START_TEST(a_full_queue_is_said_at_once)
{
	int clients[QUEUE_MAX];
	const char *reply;

	cable_hold(memory_store_requests(world.stores[0]));
	for (int i = 0; i < QUEUE_MAX; i++) {
		const char *body = arena_printf(world.arena, "{\"ref\":\"b%d\",\"sku\":\"s\",\"qty\":1}", i);

		clients[i] = world_connect(&world);
		world_send(
			clients[i],
			arena_printf(
				world.arena,
				"POST /add_batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
				"Content-Length: %zu\r\n\r\n%s",
				strlen(body), body));
	}
	world_run_ms(&world, 30);

	reply = allocate("order", 1);
	ck_assert_int_eq(reply_status(reply), 503);
	ck_assert_ptr_nonnull(strstr(reply_message(&world, reply), "queue is full"));
	ck_assert_ptr_nonnull(reply_header_value(&world, reply, "Retry-After"));

	cable_open(memory_store_requests(world.stores[0]));
	for (int i = 0; i < QUEUE_MAX; i++) {
		ck_assert_int_eq(reply_status(world_receive(&world, clients[i], 1)), 201);
		close(clients[i]);
	}
}
END_TEST

/* ---- time, and clients that leave ---- */

START_TEST(an_outcome_that_takes_too_long_is_perhaps_done)
{
	const char *reply;

	add_batch("shelf", "lamp", 10);
	cable_hold(memory_store_answers(world.stores[0]));
	reply = allocate("order", 1);

	ck_assert_int_eq(reply_status(reply), 503);
	ck_assert_ptr_nonnull(reply_header_value(&world, reply, "Retry-After"));
	ck_assert_ptr_nonnull(strstr(reply_message(&world, reply), "retry with the same id"));

	cable_open(memory_store_answers(world.stores[0]));
	world_run_ms(&world, 20);
	ck_assert_int_eq(database_batch(world.database, "shelf")->allocated, 1);
	ck_assert_uint_eq(http_api_unanswered(world.api), 0);
}
END_TEST

/* The cause is known by then, and it is not this client's command. */
START_TEST(an_outcome_that_the_database_keeps_back_names_the_cause)
{
	const char *reply;

	add_batch("shelf", "lamp", 10);
	database_set_broken(world.database, true);
	simulation_advance_ms(world.simulation, 7000);
	reply = allocate("order", 1);

	ck_assert_int_eq(reply_status(reply), 503);
	ck_assert_ptr_nonnull(strstr(reply_message(&world, reply), "Perhaps done"));
	ck_assert_ptr_nonnull(
		strstr(reply_message(&world, reply), "(units of work are not committed, since 2"));
	ck_assert_ptr_nonnull(strstr(reply_message(&world, reply), "the database is broken"));

	database_set_broken(world.database, false);
	simulation_advance_ms(world.simulation, 2000);
	world_run_ms(&world, 20);
	ck_assert_uint_eq(http_api_unanswered(world.api), 0);
}
END_TEST

/* Such as the commands of a product that another session has locked. */
START_TEST(many_requests_that_wait_for_long_make_room_for_others)
{
	int clients[CONNECTIONS_MAX - CONNECTIONS_MAX / 8];
	const size_t count = sizeof clients / sizeof *clients;

	cable_hold(memory_views_requests(world.views));
	for (size_t i = 0; i < count; i++) {
		clients[i] = world_connect(&world);
		world_send(clients[i], "GET /allocations/order HTTP/1.1\r\nHost: localhost\r\n\r\n");
	}
	world_run_ms(&world, DEADLINE_MS / 3);
	add_batch("shelf", "lamp", 10);
	ck_assert_int_eq(reply_status(world_receive(&world, clients[0], 1)), 503);
	ck_assert_int_eq(reply_status(allocate("another", 1)), 202);

	cable_open(memory_views_requests(world.views));
	for (size_t i = 2; i < count; i++)
		ck_assert_int_eq(reply_status(world_receive(&world, clients[i], 1)), 404);
	for (size_t i = 0; i < count; i++)
		close(clients[i]);
	ck_assert_uint_eq(http_api_unanswered(world.api), 0);
}
END_TEST

START_TEST(requests_that_have_not_waited_for_long_keep_their_places)
{
	int clients[CONNECTIONS_MAX - CONNECTIONS_MAX / 8];

	cable_hold(memory_views_requests(world.views));
	for (size_t i = 0; i < sizeof clients / sizeof *clients; i++) {
		clients[i] = world_connect(&world);
		world_send(clients[i], "GET /allocations/order HTTP/1.1\r\nHost: localhost\r\n\r\n");
	}
	world_run_ms(&world, 5);
	ck_assert_ptr_nonnull(strstr(reply_message(&world, allocate("order", 1)), "too many requests wait"));

	cable_open(memory_views_requests(world.views));
	for (size_t i = 0; i < sizeof clients / sizeof *clients; i++) {
		ck_assert_int_eq(reply_status(world_receive(&world, clients[i], 1)), 404);
		close(clients[i]);
	}
}
END_TEST

START_TEST(a_read_that_takes_too_long_is_given_up)
{
	const char *reply;

	cable_hold(memory_views_requests(world.views));
	reply = world_get(&world, "/allocations/order");

	ck_assert_int_eq(reply_status(reply), 503);
	cable_open(memory_views_requests(world.views));
	world_run_ms(&world, 20);
}
END_TEST

START_TEST(a_command_whose_client_left_is_done_all_the_same)
{
	const char body[] = "{\"orderid\":\"order\",\"sku\":\"lamp\",\"qty\":1}";
	int client;

	add_batch("shelf", "lamp", 10);
	cable_hold(memory_store_answers(world.stores[0]));
	client = world_connect(&world);
	world_send(client,
		   arena_printf(
			   world.arena,
			   "POST /allocate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
			   "Content-Length: %zu\r\n\r\n%s",
			   strlen(body), body));
	world_run_ms(&world, 20);
	ck_assert_int_eq(
		setsockopt(client, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger)), 0);
	close(client);
	world_run_ms(&world, 20);

	cable_open(memory_store_answers(world.stores[0]));
	world_run_ms(&world, 20);

	ck_assert_int_eq(database_batch(world.database, "shelf")->allocated, 1);
	ck_assert_int_eq(reply_status(world_get(&world, "/livez")), 200);
}
END_TEST

START_TEST(who_ends_while_somebody_waits_ends_cleanly)
{
	const char body[] = "{\"ref\":\"b\",\"sku\":\"s\",\"qty\":1}";
	int client = world_connect(&world);

	cable_hold(memory_store_answers(world.stores[0]));
	world_send(client,
		   arena_printf(
			   world.arena,
			   "POST /add_batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
			   "Content-Length: %zu\r\n\r\n%s",
			   strlen(body), body));
	world_run_ms(&world, 20);
	ck_assert_uint_eq(http_api_unanswered(world.api), 1);
	close(client);
}
END_TEST

START_TEST(pipelined_requests_are_answered_in_their_order)
{
	int client = world_connect(&world);
	const char *replies;

	world_send(
		client,
		"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\nGET /allocations/none HTTP/1.1\r\nHost: localhost\r\n\r\n"
		"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
	replies = world_receive(&world, client, 3);
	close(client);

	ck_assert_int_eq(reply_status(replies), 200);
	replies = strstr(replies + 1, "HTTP/1.1 ");
	ck_assert_int_eq(reply_status(replies), 404);
	replies = strstr(replies + 1, "HTTP/1.1 ");
	ck_assert_int_eq(reply_status(replies), 200);
}
END_TEST

START_TEST(who_expects_to_be_told_to_continue_is_told)
{
	const char body[] = "{\"ref\":\"b\",\"sku\":\"s\",\"qty\":1}";
	int client = world_connect(&world);

	world_send(client,
		   arena_printf(
			   world.arena,
			   "POST /add_batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
			   "Expect: 100-continue\r\nContent-Length: %zu\r\n\r\n",
			   strlen(body)));
	ck_assert_int_eq(reply_status(world_receive(&world, client, 1)), 100);
	world_send(client, body);
	ck_assert_int_eq(reply_status(world_receive(&world, client, 1)), 201);
	close(client);
}
END_TEST

START_TEST(who_closes_one_direction_still_gets_the_answer)
{
	int client = world_connect(&world);

	world_send(client, "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n");
	shutdown(client, SHUT_WR);

	ck_assert_int_eq(reply_status(world_receive(&world, client, 1)), 200);
	close(client);
}
END_TEST

START_TEST(closed_connections_are_forgotten)
{
	for (int i = 0; i < 20; i++)
		world_get(&world, "/livez");
	world_run_ms(&world, 300);

	ck_assert_ptr_nonnull(strstr(world_get(&world, "/metrics"), "\nallocd_http_connections 1\n"));
}
END_TEST

static struct http_api *api_at(const char *host, uint16_t port, const char **error, bool *in_use)
{
	const struct http_server_config config = {
		.address = {host, port},
		.connections_max = CONNECTIONS_MAX,
		.logger = &world.logger.logger,
	};

	return http_api_new(world.base, &config, &(struct http_gate){0}, 1, world.arena, error, in_use);
}

START_TEST(an_address_in_use_is_told_from_a_wrong_one)
{
	const char *error;
	bool in_use = false;

	ck_assert_ptr_null(api_at("127.0.0.1", http_api_port(world.api), &error, &in_use));
	ck_assert(in_use);
	ck_assert_str_eq(error, arena_printf(world.arena, "127.0.0.1:%u: Address already in use",
					     http_api_port(world.api)));

	ck_assert_ptr_null(api_at("192.0.2.1", 1, &error, &in_use));
	ck_assert(!in_use);
}
END_TEST

SUITE("http", set_up, tear_down)
{
	tcase_add_test(tests, a_command_is_answered_after_its_commit);
	tcase_add_test(tests, a_read_after_the_answer_sees_the_effect);
	tcase_add_test(tests, a_rejected_command_is_told_why);
	tcase_add_test(tests, an_invalid_command_is_told_why);
	tcase_add_test(tests, what_is_not_json_is_refused);
	tcase_add_test(tests, an_unknown_path_is_not_found);
	tcase_add_loop_test(tests, a_wrong_method_is_told_the_right_one, 0, COUNT(wrong_methods));
	tcase_add_test(tests, a_head_gets_the_headers_only);
	tcase_add_test(tests, an_order_without_allocations_is_not_found);
	tcase_add_test(tests, events_are_read_from_a_version_on);
	tcase_add_test(tests, events_that_are_read_say_what_they_are);
	tcase_add_test(tests, a_version_is_a_number);
	tcase_add_test(tests, many_events_come_in_pages);
	tcase_add_test(tests, readiness_names_what_is_missing);
	tcase_add_test(tests, who_cannot_get_rid_of_events_is_not_ready);
	tcase_add_test(tests, an_idle_worker_finds_out_that_nothing_would_be_committed);
	tcase_add_test(tests, what_redis_took_last_is_not_told_while_it_is_away);
	tcase_add_test(tests, dead_letters_are_not_told_while_the_database_is_away);
	tcase_add_test(tests, readiness_does_not_wait_for_ever);
	tcase_add_test(tests, who_stops_takes_no_commands_and_is_not_ready);
	tcase_add_test(tests, metrics_count_what_happened);
	tcase_add_test(tests, a_body_has_64_kib_at_most);
	tcase_add_test(tests, a_huge_body_is_refused_unread);
	tcase_add_test(tests, headers_are_bounded);
	tcase_add_test(tests, a_full_queue_is_said_at_once);
	tcase_add_test(tests, an_outcome_that_takes_too_long_is_perhaps_done);
	tcase_add_test(tests, an_outcome_that_the_database_keeps_back_names_the_cause);
	tcase_add_test(tests, many_requests_that_wait_for_long_make_room_for_others);
	tcase_add_test(tests, requests_that_have_not_waited_for_long_keep_their_places);
	tcase_add_test(tests, a_read_that_takes_too_long_is_given_up);
	tcase_add_test(tests, a_command_whose_client_left_is_done_all_the_same);
	tcase_add_test(tests, who_ends_while_somebody_waits_ends_cleanly);
	tcase_add_test(tests, pipelined_requests_are_answered_in_their_order);
	tcase_add_test(tests, who_expects_to_be_told_to_continue_is_told);
	tcase_add_test(tests, who_closes_one_direction_still_gets_the_answer);
	tcase_add_test(tests, closed_connections_are_forgotten);
	tcase_add_test(tests, an_address_in_use_is_told_from_a_wrong_one);
}
