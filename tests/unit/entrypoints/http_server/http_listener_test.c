/* Many connections, few descriptors, and the time before http_api_start(). */
#include "adapters/system/instants.h"
#include "support/suites.h"
#include "world.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUEUE_MAX 1000

static struct world world;

static void set_up(void)
{
	world_init(&world, QUEUE_MAX);
}

static void set_up_starting(void)
{
	world_init_starting(&world, QUEUE_MAX);
}

static void tear_down(void)
{
	world_release(&world);
}

/* ---- crowds ---- */

#define CROWD 100

static void connect_crowd(int crowd[CROWD], const char *bytes)
{
	for (int i = 0; i < CROWD; i++) {
		crowd[i] = world_connect(&world);
		world_send(crowd[i], bytes);
		world_run_ms(&world, 1);
	}
}

static void close_crowd(const int crowd[CROWD])
{
	for (int i = 0; i < CROWD; i++)
		close(crowd[i]);
}

static bool is_closed_by_peer(int client)
{
	char byte;
	ssize_t got = recv(client, &byte, 1, MSG_DONTWAIT);

	return got == 0 || (got < 0 && errno != EAGAIN);
}

/* What each of many connections has sent. */
static const char *const unfinished[] = {
	"",
	"G",
	"GET /livez HTTP/1.1\r\nHost: local",
	"POST /allocate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
	"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", /* answered, and idle since */
	"FETCH",
};

START_TEST(clients_that_send_no_request_do_not_keep_others_out)
{
	int crowd[CROWD];
	int64_t begin;

	connect_crowd(crowd, unfinished[_i]);
	begin = monotonic_ms();
	ck_assert_int_eq(reply_status(world_get(&world, "/livez")), 200);

	ck_assert_int_lt(monotonic_ms() - begin, 1000);
	ck_assert_ptr_nonnull(
		strstr(world_get(&world, "/metrics"),
		       arena_printf(world.arena, "\nallocd_http_connections %d\n", CONNECTIONS_MAX)));
	close_crowd(crowd);
}
END_TEST

START_TEST(a_new_connection_replaces_the_one_that_was_idle_longest)
{
	int idle = world_connect(&world), in_use = world_connect(&world);
	int crowd[CROWD];

	for (int i = 0; i < CROWD; i++) {
		crowd[i] = world_connect(&world);
		world_send(in_use, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
		ck_assert_int_eq(reply_status(world_receive(&world, in_use, 1)), 200);
	}

	ck_assert(is_closed_by_peer(idle));
	ck_assert(is_closed_by_peer(crowd[0]));
	ck_assert(!is_closed_by_peer(crowd[CROWD - 1]));
	close_crowd(crowd);
	close(idle);
	close(in_use);
}
END_TEST

static const char slow_command[] =
	"POST /allocate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
	"Content-Length: 42\r\n\r\n"
	"{\"orderid\":\"order\",\"sku\":\"lamp\",\"qty\":1} ";

/* More requests than places, all waiting for a database that does not answer. */
static const char *const waiting[] = {slow_command,
				      "GET /allocations/order HTTP/1.1\r\nHost: localhost\r\n\r\n",
				      "GET /products/lamp HTTP/1.1\r\nHost: localhost\r\n\r\n"};

START_TEST(requests_that_wait_for_the_database_do_not_keep_probes_out)
{
	int crowd[CROWD];
	int64_t begin;

	cable_hold(memory_store_requests(world.stores[0]));
	cable_hold(memory_store_requests(world.stores[1]));
	cable_hold(memory_views_requests(world.views));
	connect_crowd(crowd, waiting[_i]);
	begin = monotonic_ms();
	ck_assert_int_eq(reply_status(world_get(&world, "/livez")), 200);

	ck_assert_int_lt(monotonic_ms() - begin, 1000);
	cable_open(memory_store_requests(world.stores[0]));
	cable_open(memory_store_requests(world.stores[1]));
	cable_open(memory_views_requests(world.views));
	world_run_ms(&world, 20);
	close_crowd(crowd);
}
END_TEST

START_TEST(a_request_beyond_those_that_may_wait_is_answered_503)
{
	int crowd[CONNECTIONS_MAX];
	const char *reply;

	cable_hold(memory_views_requests(world.views));
	for (int i = 0; i < CONNECTIONS_MAX - CONNECTIONS_MAX / 8; i++) {
		crowd[i] = world_connect(&world);
		world_send(crowd[i], "GET /events/lamp HTTP/1.1\r\nHost: localhost\r\n\r\n");
	}
	world_run_ms(&world, 10);
	reply = world_get(&world, "/events/lamp");

	ck_assert_int_eq(reply_status(reply), 503);
	ck_assert_ptr_nonnull(strstr(reply_message(&world, reply), "Too many requests wait"));
	ck_assert_ptr_nonnull(reply_header_value(&world, reply, "Retry-After"));
	cable_open(memory_views_requests(world.views));
	for (int i = 0; i < CONNECTIONS_MAX - CONNECTIONS_MAX / 8; i++) {
		ck_assert_int_eq(reply_status(world_receive(&world, crowd[i], 1)), 200);
		close(crowd[i]);
	}
}
END_TEST

/* ---- few descriptors ---- */

/* Lowers the limit so that the process can open no descriptor; returns the old limit. */
static struct rlimit take_descriptors_away(void)
{
	struct rlimit before, none;
	int next = dup(0);

	getrlimit(RLIMIT_NOFILE, &before);
	none = before;
	none.rlim_cur = (rlim_t)next;
	close(next);
	setrlimit(RLIMIT_NOFILE, &none);
	return before;
}

static size_t logged(const char *text)
{
	return memory_logger_count(&world.logger, text);
}

static void run_until_logged(const char *text)
{
	for (int i = 0; i < 100 && !logged(text); i++)
		world_run_ms(&world, 50);
	ck_assert_uint_eq(logged(text), 1);
}

static const char refused[] = "warn HTTP connections cannot be accepted error=Too many open files";
static const char healed[] = "info HTTP connections are accepted again";

START_TEST(a_refused_accept_is_logged_once_and_retried_until_it_works)
{
	int clients[5];
	struct rlimit before;

	for (int i = 0; i < 5; i++)
		clients[i] = socket(AF_INET, SOCK_STREAM, 0);
	before = take_descriptors_away();
	for (int i = 0; i < 5; i++)
		world_join(&world, clients[i]);
	world_run_ms(&world, 700);
	ck_assert_uint_eq(logged(refused), 1);
	ck_assert_uint_eq(logged(healed), 0);

	setrlimit(RLIMIT_NOFILE, &before);
	for (int i = 0; i < 5; i++) {
		world_send(clients[i], "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
		ck_assert_int_eq(reply_status(world_receive(&world, clients[i], 1)), 200);
		close(clients[i]);
	}
	run_until_logged(healed);
	ck_assert_uint_eq(logged(refused), 1);
}
END_TEST

START_TEST(a_refused_accept_ends_an_idle_connection)
{
	int idle = world_connect(&world), client = socket(AF_INET, SOCK_STREAM, 0);
	struct rlimit before;

	world_run_ms(&world, 300);
	before = take_descriptors_away();
	world_join(&world, client);
	world_send(client, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");

	ck_assert_int_eq(reply_status(world_receive(&world, client, 1)), 200);
	ck_assert_uint_eq(logged(refused), 1);
	ck_assert(is_closed_by_peer(idle));
	setrlimit(RLIMIT_NOFILE, &before);
	close(idle);
	close(client);
}
END_TEST

/* ---- before http_api_start() ---- */

static const struct {
	const char *request;
	int status;
	const char *body;
} early[] = {
	{"GET /livez", 200, "alive"},
	{"HEAD /livez", 200, ""},
	{"GET /readyz", 503, "Not ready: starting"},
	{"GET /metrics", 200, "allocd_database_up 0\n"},
	{"GET /allocations/order", 503, "starting; retry later"},
	{"GET /events/lamp?after=x", 503, "starting; retry later"},
	{"POST /allocate", 503, "retry with the same id"},
	{"POST /add_batch", 503, "retry with the same id"},
	{"GET /nowhere", 404, ""},
	{"GET /allocate", 405, ""},
};

START_TEST(a_request_that_needs_a_service_is_answered_503_before_the_start)
{
	const char *reply = world_ask(
		&world,
		arena_printf(
			world.arena,
			"%s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n",
			early[_i].request));

	ck_assert_int_eq(reply_status(reply), early[_i].status);
	ck_assert_ptr_nonnull(strstr(reply, early[_i].body));
	if (early[_i].status == 503)
		ck_assert_ptr_nonnull(reply_header_value(&world, reply, "Retry-After"));
}
END_TEST

/* A counter that begins at 0 and then jumps to the stored count would look like that many drops at once. */
START_TEST(dropped_dead_letters_have_no_metric_before_the_first_count)
{
	const char *reply = world_get(&world, "/metrics");

	ck_assert_ptr_nonnull(strstr(reply, "\nallocd_dead_letters NaN\n"));
	ck_assert_ptr_null(strstr(reply, "\nallocd_dead_letters_dropped_total"));
}
END_TEST

static const char *awaited(void *context, struct arena *arena, enum awaited_service *service)
{
	(void)service;
	return arena_strdup(arena, context ? context : "");
}

START_TEST(readiness_before_the_start_names_what_is_awaited)
{
	char reason[] = "waiting for the database since 2026-01-31T12:00:00Z: no route";

	sampler_await(world.sampler, awaited, reason);
	simulation_advance_ms(world.simulation, SAMPLE_FRESH_MS);
	ck_assert_str_eq(reply_message(&world, world_get(&world, "/readyz")),
			 arena_printf(world.arena, "Not ready: starting, %s", reason));

	sampler_await(world.sampler, awaited, NULL);
	sampler_stop(world.sampler);
	ck_assert_str_eq(reply_message(&world, world_get(&world, "/readyz")), "Not ready: stopping");
}
END_TEST

START_TEST(a_connection_opened_before_the_start_is_served_after_it)
{
	int client = world_connect(&world);

	world_send(client, "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n");
	ck_assert_int_eq(reply_status(world_receive(&world, client, 1)), 503);
	world_start(&world);
	world_send(client, "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n");
	ck_assert_int_eq(reply_status(world_receive(&world, client, 1)), 200);
	close(client);
}
END_TEST

SUITE("http listener", set_up, tear_down)
{
	tcase_add_loop_test(tests, clients_that_send_no_request_do_not_keep_others_out, 0, COUNT(unfinished));
	tcase_add_test(tests, a_new_connection_replaces_the_one_that_was_idle_longest);
	tcase_add_loop_test(tests, requests_that_wait_for_the_database_do_not_keep_probes_out, 0,
			    COUNT(waiting));
	tcase_add_test(tests, a_request_beyond_those_that_may_wait_is_answered_503);
	tcase_add_test(tests, a_refused_accept_is_logged_once_and_retried_until_it_works);
	tcase_add_test(tests, a_refused_accept_ends_an_idle_connection);
}

SUITE("http listener", set_up_starting, tear_down)
{
	tcase_add_loop_test(tests, a_request_that_needs_a_service_is_answered_503_before_the_start, 0,
			    COUNT(early));
	tcase_add_test(tests, dropped_dead_letters_have_no_metric_before_the_first_count);
	tcase_add_test(tests, readiness_before_the_start_names_what_is_awaited);
	tcase_add_test(tests, a_connection_opened_before_the_start_is_served_after_it);
}
