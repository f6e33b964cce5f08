/* What the HTTP front makes of requests on their way from the socket to the API. */
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

/* All that comes on a connection of its own; the last request is refused, so that the server closes it. */
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

START_TEST(what_is_refused_is_answered_in_its_turn_and_is_the_last)
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

START_TEST(a_refusal_is_counted_and_its_connection_forgotten)
{
	const char *metrics;

	all_replies(REFUSED);
	world_run_ms(&world, 400);

	metrics = world_get(&world, "/metrics");
	ck_assert_ptr_nonnull(strstr(metrics, "{status=\"4xx\"} 1\n"));
	ck_assert_ptr_nonnull(strstr(metrics, "\nallocd_http_connections 1\n"));
}
END_TEST

START_TEST(a_refused_head_is_answered_without_a_body)
{
	const char *reply = all_replies("HEAD /livez HTTP/1.1\r\n\r\n");

	ck_assert_int_eq(reply_status(reply), 400);
	ck_assert_str_eq(reply_body(reply), "");
}
END_TEST

static const char *const methods[] = {"GET", "HEAD", "OPTIONS", "DELETE", "PUT", "PATCH", "TRACE", "BREW"};

START_TEST(the_body_of_a_method_that_takes_none_is_no_request)
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

START_TEST(a_client_is_told_to_go_on_behind_the_replies_to_what_it_sent_before)
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

START_TEST(many_requests_at_once_are_answered_one_by_one)
{
	char *requests = arena_alloc(world.arena, 1000 * strlen(LIVENESS) + sizeof REFUSED);

	for (size_t i = 0; i < 1000; i++)
		memcpy(requests + i * strlen(LIVENESS), LIVENESS, strlen(LIVENESS));
	strcat(requests, REFUSED);

	ck_assert_int_eq(count(all_replies(requests), "HTTP/1.1 200 "), 1000);
}
END_TEST

/* ---- who may ask ---- */

START_TEST(a_stranger_changes_and_reads_nothing)
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

START_TEST(http_is_ready_whatever_becomes_of_redis)
{
	world.listening = false;

	ck_assert_int_eq(reply_status(world_get(&world, "/readyz")), 503);
	ck_assert_int_eq(reply_status(world_get(&world, "/readyz?for=http")), 200);
}
END_TEST

START_TEST(http_is_not_ready_when_its_commands_are_refused)
{
	http_api_stop(world.api);

	ck_assert_ptr_nonnull(
		strstr(reply_message(&world, world_get(&world, "/readyz?for=http")), "stopping"));
}
END_TEST

START_TEST(readiness_is_for_http_or_for_all)
{
	ck_assert_int_eq(reply_status(world_get(&world, "/readyz?for=stream")), 400);
	ck_assert_int_eq(reply_status(world_get(&world, "/readyz?for=")), 400);
	ck_assert_int_eq(reply_status(world_get(&world, "/readyz?verbose")), 200);
}
END_TEST

SUITE("http strict", set_up, tear_down)
{
	tcase_add_test(tests, what_is_refused_is_answered_in_its_turn_and_is_the_last);
	tcase_add_test(tests, a_refusal_is_counted_and_its_connection_forgotten);
	tcase_add_test(tests, a_refused_head_is_answered_without_a_body);
	tcase_add_loop_test(tests, the_body_of_a_method_that_takes_none_is_no_request, 0, COUNT(methods));
	tcase_add_test(tests, a_client_is_told_to_go_on_behind_the_replies_to_what_it_sent_before);
	tcase_add_test(tests, many_requests_at_once_are_answered_one_by_one);
	tcase_add_test(tests, a_stranger_changes_and_reads_nothing);
	tcase_add_test(tests, http_is_ready_whatever_becomes_of_redis);
	tcase_add_test(tests, http_is_not_ready_when_its_commands_are_refused);
	tcase_add_test(tests, readiness_is_for_http_or_for_all);
}
