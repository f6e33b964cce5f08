/* What clients send and how they connect: limits, pipelines, the address. */
#include "http/http_world.h"
#include "support/suites.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Bytes of a header: more than the API accepts. */
#define LONG_HEADER 20000

static const char *post_of_size(size_t size)
{
	char *body = arena_alloc(http_world.arena, size + 1);

	memset(body, ' ', size);
	memcpy(body, "{}", 2);
	return world_post(&http_world, "/allocate", body);
}

START_TEST(a_body_over_64_kib_is_answered_413)
{
	ck_assert_int_eq(reply_status(post_of_size(PAYLOAD_MAX)), 400);
	ck_assert_int_eq(reply_status(post_of_size(PAYLOAD_MAX + 1)), 413);
	reply_message(&http_world, post_of_size(PAYLOAD_MAX + 1));
}
END_TEST

START_TEST(a_chunk_of_2_gib_is_answered_413_before_it_arrives)
{
	int client = world_connect(&http_world);
	const char *reply;

	world_send(client, "POST /allocate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
			   "Transfer-Encoding: chunked\r\n\r\n7fffffff\r\n");
	reply = world_receive(&http_world, client, 1);
	close(client);

	ck_assert_int_eq(reply_status(reply), 413);
}
END_TEST

START_TEST(a_header_over_the_limit_is_answered_431)
{
	int client = world_connect(&http_world);
	char *header = arena_alloc(http_world.arena, LONG_HEADER + 1);
	const char *reply;

	memset(header, 'x', LONG_HEADER);
	memcpy(header, "GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ",
	       strlen("GET /livez HTTP/1.1\r\nHost: localhost\r\nX: "));
	world_send(client, header);
	reply = world_receive(&http_world, client, 1);
	close(client);

	ck_assert_int_eq(reply_status(reply), 431);
}
END_TEST

/* ---- connections ---- */

START_TEST(pipelined_requests_are_answered_in_order)
{
	int client = world_connect(&http_world);
	const char *replies;

	world_send(
		client,
		"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\nGET /allocations/none HTTP/1.1\r\nHost: localhost\r\n\r\n"
		"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
	replies = world_receive(&http_world, client, 3);
	close(client);

	ck_assert_int_eq(reply_status(replies), 200);
	replies = strstr(replies + 1, "HTTP/1.1 ");
	ck_assert_int_eq(reply_status(replies), 404);
	replies = strstr(replies + 1, "HTTP/1.1 ");
	ck_assert_int_eq(reply_status(replies), 200);
}
END_TEST

START_TEST(a_request_that_expects_100_continue_gets_it)
{
	const char body[] = "{\"ref\":\"b\",\"sku\":\"s\",\"qty\":1}";
	int client = world_connect(&http_world);

	world_send(client,
		   arena_printf(
			   http_world.arena,
			   "POST /add_batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
			   "Expect: 100-continue\r\nContent-Length: %zu\r\n\r\n",
			   strlen(body)));
	ck_assert_int_eq(reply_status(world_receive(&http_world, client, 1)), 100);
	world_send(client, body);
	ck_assert_int_eq(reply_status(world_receive(&http_world, client, 1)), 201);
	close(client);
}
END_TEST

START_TEST(a_client_that_closes_its_sending_side_still_gets_the_answer)
{
	int client = world_connect(&http_world);

	world_send(client, "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n");
	shutdown(client, SHUT_WR);

	ck_assert_int_eq(reply_status(world_receive(&http_world, client, 1)), 200);
	close(client);
}
END_TEST

START_TEST(closed_connections_are_no_longer_counted)
{
	for (int i = 0; i < 20; i++)
		world_get(&http_world, "/livez");
	world_run_ms(&http_world, 300);

	ck_assert_ptr_nonnull(strstr(world_get(&http_world, "/metrics"), "\nallocd_http_connections 1\n"));
}
END_TEST

static struct http_api *api_at(const char *host, uint16_t port, const char **error, bool *in_use)
{
	const struct http_server_config config = {
		.address = {host, port},
		.connections_max = CONNECTIONS_MAX,
		.logger = &http_world.logger.logger,
	};

	return http_api_new(http_world.base, &config, &(struct http_gate){0}, http_world.sampler, 1,
			    http_world.arena, error, in_use);
}

START_TEST(an_address_in_use_is_reported_apart_from_a_wrong_one)
{
	const char *error;
	bool in_use = false;

	ck_assert_ptr_null(api_at("127.0.0.1", http_api_port(http_world.api), &error, &in_use));
	ck_assert(in_use);
	ck_assert_str_eq(error, arena_printf(http_world.arena, "127.0.0.1:%u: Address already in use",
					     http_api_port(http_world.api)));

	ck_assert_ptr_null(api_at("192.0.2.1", 1, &error, &in_use));
	ck_assert(!in_use);
}
END_TEST

SUITE("http clients", set_up_http, tear_down_http)
{
	tcase_add_test(tests, a_body_over_64_kib_is_answered_413);
	tcase_add_test(tests, a_chunk_of_2_gib_is_answered_413_before_it_arrives);
	tcase_add_test(tests, a_header_over_the_limit_is_answered_431);
	tcase_add_test(tests, pipelined_requests_are_answered_in_order);
	tcase_add_test(tests, a_request_that_expects_100_continue_gets_it);
	tcase_add_test(tests, a_client_that_closes_its_sending_side_still_gets_the_answer);
	tcase_add_test(tests, closed_connections_are_no_longer_counted);
	tcase_add_test(tests, an_address_in_use_is_reported_apart_from_a_wrong_one);
}
