/* Requests on their way from the socket to the API: refusals, order, access. */
#include "support/suites.h"
#include "world.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUEUE_MAX 8

static struct world world;

static void set_up(void)
{
	world_init(&world, QUEUE_MAX);
}

static void tear_down(void)
{
	world_release(&world);
}

#define LIVENESS "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define REFUSED  "GET /livez\r\n\r\n"
#define BATCH    "{\"ref\":\"shelf\",\"sku\":\"lamp\",\"qty\":1}"
#define ADD                                                                                                  \
	"POST /add_batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"                  \
	"Content-Length: 36\r\n"

/* All replies on a new connection; the last request is refused, so that the server closes it. */
static const char *all_replies(const char *request)
{
	int client = world_connect(&world);
	const char *replies;

	world_send(client, request);
	replies = world_receive(&world, client, INT32_MAX);
	close(client);
	return replies;
}

static int count(const char *replies, const char *status)
{
	int found = 0;

	for (const char *at = replies; (at = strstr(at, status)); at++)
		found++;
	return found;
}

START_TEST(a_refused_request_is_answered_in_order_and_is_the_last)
{
	const char *replies = all_replies(ADD "\r\n" BATCH LIVENESS REFUSED LIVENESS);

	ck_assert_int_eq(reply_status(replies), 201);
	replies = strstr(replies + 1, "HTTP/1.1 ");
	ck_assert_int_eq(reply_status(replies), 200);
	replies = strstr(replies + 1, "HTTP/1.1 ");
	ck_assert_int_eq(reply_status(replies), 400);
	ck_assert_str_eq(reply_header_value(&world, replies, "Connection"), "close");
	ck_assert_int_eq(count(replies, "HTTP/1.1 "), 1);
	reply_message(&world, replies);
}
END_TEST

START_TEST(a_refusal_is_counted_and_its_connection_released)
{
	const char *metrics;

	all_replies(REFUSED);
	world_run_ms(&world, 400);

	metrics = world_get(&world, "/metrics");
	ck_assert_ptr_nonnull(strstr(metrics, "{status=\"4xx\"} 1\n"));
	ck_assert_ptr_nonnull(strstr(metrics, "\nallocd_http_connections 1\n"));
}
END_TEST

START_TEST(a_refused_head_request_is_answered_without_a_body)
{
	const char *reply = all_replies("HEAD /livez HTTP/1.1\r\n\r\n");

	ck_assert_int_eq(reply_status(reply), 400);
	ck_assert_str_eq(reply_body(reply), "");
}
END_TEST

static const char *const methods[] = {"GET", "HEAD", "OPTIONS", "DELETE", "PUT", "PATCH", "TRACE", "BREW"};

START_TEST(the_body_of_a_get_is_dropped_and_not_read_as_a_request)
{
	const char *sized = arena_printf(
		world.arena, "%s /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n%s%s",
		methods[_i], strlen(ADD "\r\n" BATCH), ADD "\r\n" BATCH, REFUSED);
	const char *chunked = arena_printf(
		world.arena,
		"%s /livez HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n%zx\r\n%s\r\n0\r\n\r\n%s",
		methods[_i], strlen(ADD "\r\n" BATCH), ADD "\r\n" BATCH, REFUSED);

	ck_assert_int_eq(count(all_replies(sized), "HTTP/1.1 "), 2);
	ck_assert_int_eq(count(all_replies(chunked), "HTTP/1.1 "), 2);
	ck_assert_ptr_null(database_batch(world.database, "shelf"));
}
END_TEST

START_TEST(a_100_continue_follows_the_replies_to_earlier_requests)
{
	int client = world_connect(&world);
	const char *replies;

	world_send(client, LIVENESS ADD "Expect: 100-continue\r\n\r\n");
	replies = world_receive(&world, client, 2);
	ck_assert_int_eq(reply_status(replies), 200);
	ck_assert_int_eq(reply_status(strstr(replies + 1, "HTTP/1.1 ")), 100);

	world_send(client, BATCH LIVENESS);
	replies = world_receive(&world, client, 2);
	ck_assert_int_eq(reply_status(replies), 201);
	ck_assert_int_eq(reply_status(strstr(replies + 1, "HTTP/1.1 ")), 200);
	close(client);
}
END_TEST

START_TEST(pipelined_requests_are_answered_one_by_one)
{
	char *requests = arena_alloc(world.arena, 1000 * strlen(LIVENESS) + sizeof REFUSED);

	for (size_t i = 0; i < 1000; i++)
		memcpy(requests + i * strlen(LIVENESS), LIVENESS, strlen(LIVENESS));
	strcat(requests, REFUSED);

	ck_assert_int_eq(count(all_replies(requests), "HTTP/1.1 200 "), 1000);
}
END_TEST

/* ---- access ---- */

START_TEST(a_request_with_a_foreign_host_or_origin_is_refused)
{
	const char *reply =
		world_ask(&world, "POST /add_batch HTTP/1.1\r\nHost: evil.example\r\nContent-Type: "
				  "application/json\r\nContent-Length: 36\r\n\r\n" BATCH);

	ck_assert_int_eq(reply_status(reply), 421);
	reply = world_ask(&world, ADD "Origin: http://evil.example\r\n\r\n" BATCH);
	ck_assert_int_eq(reply_status(reply), 403);
	reply = world_ask(&world, ADD "Sec-Fetch-Site: cross-site\r\n\r\n" BATCH);
	ck_assert_int_eq(reply_status(reply), 403);
	ck_assert_ptr_null(database_batch(world.database, "shelf"));
	reply = world_ask(&world, "GET /events/lamp HTTP/1.1\r\nHost: evil.example\r\n\r\n");
	ck_assert_int_eq(reply_status(reply), 421);
	reply = world_ask(&world, "GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n");
	ck_assert_int_eq(reply_status(reply), 200);
}
END_TEST

/* ---- readiness for HTTP alone ---- */

START_TEST(readiness_for_http_does_not_depend_on_redis)
{
	world.listening = false;
	simulation_advance_ms(world.simulation, SAMPLE_FRESH_MS);

	ck_assert_int_eq(reply_status(world_get(&world, "/readyz")), 503);
	ck_assert_int_eq(reply_status(world_get(&world, "/readyz?for=http")), 200);
}
END_TEST

START_TEST(readiness_for_http_is_off_while_commands_are_refused)
{
	http_api_stop(world.api);
	sampler_stop(world.sampler);

	ck_assert_ptr_nonnull(
		strstr(reply_message(&world, world_get(&world, "/readyz?for=http")), "stopping"));
}
END_TEST

START_TEST(an_unknown_kind_of_readiness_is_answered_400)
{
	ck_assert_int_eq(reply_status(world_get(&world, "/readyz?for=stream")), 400);
	ck_assert_int_eq(reply_status(world_get(&world, "/readyz?for=")), 400);
	ck_assert_int_eq(reply_status(world_get(&world, "/readyz?verbose")), 200);
}
END_TEST

SUITE("http strict", set_up, tear_down)
{
	tcase_add_test(tests, a_refused_request_is_answered_in_order_and_is_the_last);
	tcase_add_test(tests, a_refusal_is_counted_and_its_connection_released);
	tcase_add_test(tests, a_refused_head_request_is_answered_without_a_body);
	tcase_add_loop_test(tests, the_body_of_a_get_is_dropped_and_not_read_as_a_request, 0, COUNT(methods));
	tcase_add_test(tests, a_100_continue_follows_the_replies_to_earlier_requests);
	tcase_add_test(tests, pipelined_requests_are_answered_one_by_one);
	tcase_add_test(tests, a_request_with_a_foreign_host_or_origin_is_refused);
	tcase_add_test(tests, readiness_for_http_does_not_depend_on_redis);
	tcase_add_test(tests, readiness_for_http_is_off_while_commands_are_refused);
	tcase_add_test(tests, an_unknown_kind_of_readiness_is_answered_400);
}
