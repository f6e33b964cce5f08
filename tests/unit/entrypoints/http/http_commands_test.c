/* Commands over HTTP: answers, paths and methods. */
#include "entrypoints/http/command_endpoint.h"
#include "http/http_world.h"
#include "support/suites.h"

#include <string.h>
#include <unistd.h>

START_TEST(a_command_is_answered_after_its_commit)
{
	const char *reply;

	http_add_batch("shelf", "lamp", 10);
	reply = http_allocate("order 1", 3);

	ck_assert_int_eq(reply_status(reply), 202);
	ck_assert_str_eq(reply_body(reply), "OK");
	ck_assert_str_eq(reply_header_value(&http_world, reply, "Location"), "/allocations/order%201");
	ck_assert_int_eq(database_allocated(http_world.database, "shelf"), 3);
}
END_TEST

START_TEST(a_read_after_the_answer_to_a_command_sees_its_effect)
{
	const char *reply;

	http_add_batch("shelf", "lamp", 10);
	http_allocate("order 1", 3);
	reply = world_get(&http_world, "/allocations/order%201");

	ck_assert_int_eq(reply_status(reply), 200);
	ck_assert_str_eq(reply_header_value(&http_world, reply, "Content-Type"), "application/json");
	ck_assert_str_eq(reply_body(reply), "[{\"sku\":\"lamp\",\"batchref\":\"shelf\"}]");
}
END_TEST

START_TEST(the_answer_to_a_rejected_command_gives_the_reason)
{
	const char *reply = http_allocate("order", 1);

	ck_assert_int_eq(reply_status(reply), 400);
	ck_assert_str_eq(reply_message(&http_world, reply), "Invalid sku lamp");
}
END_TEST

START_TEST(the_answer_to_an_invalid_command_gives_the_reason)
{
	const char *reply = world_post(&http_world, "/allocate", "{\"orderid\":\"o\"");

	ck_assert_int_eq(reply_status(reply), 400);
	ck_assert_int_gt((int)strlen(reply_message(&http_world, reply)), 0);
	ck_assert_int_eq(reply_status(world_post(&http_world, "/allocate", "")), 400);
}
END_TEST

START_TEST(a_body_of_another_type_than_json_is_answered_415)
{
	const char *reply = world_ask(
		&http_world, "POST /allocate HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
			     "Content-Length: 2\r\n\r\n{}");

	ck_assert_int_eq(reply_status(reply), 415);
	ck_assert_ptr_nonnull(strstr(reply_message(&http_world, reply), "application/json"));
}
END_TEST

/* ---- paths and methods ---- */

START_TEST(each_command_is_served_at_the_path_of_its_schema)
{
	const char *path = command_endpoints[command_types[_i]].path;

	ck_assert_int_eq(reply_status(world_post(&http_world, path, "{}")), 400);
	ck_assert_int_eq(reply_status(world_get(&http_world, path)), 405);
}
END_TEST

START_TEST(an_unknown_path_is_answered_404)
{
	ck_assert_int_eq(reply_status(world_get(&http_world, "/page")), 404);
	ck_assert_int_eq(reply_status(world_get(&http_world, "/allocations/")), 404);
	ck_assert_int_eq(reply_status(world_get(&http_world, "/allocate/x")), 404);
	reply_message(&http_world, world_get(&http_world, "/livezz"));
}
END_TEST

static const struct {
	const char *method, *path, *allow;
} wrong_methods[] = {
	{"GET", "/allocate", "POST"},        {"PUT", "/add_batch", "POST"},
	{"OPTIONS", "/allocate", "POST"},    {"BREW", "/allocate", "POST"},
	{"POST", "/livez", "GET, HEAD"},     {"DELETE", "/allocations/x", "GET, HEAD"},
	{"PATCH", "/events/x", "GET, HEAD"}, {"POST", "/products/x", "GET, HEAD"},
	{"PUT", "/batches/x", "GET, HEAD"},
};

START_TEST(a_wrong_method_is_answered_405_with_the_methods_that_are_allowed)
{
	const char *reply = world_ask(
		&http_world, arena_printf(http_world.arena, "%s %s HTTP/1.1\r\nHost: localhost\r\n\r\n",
					  wrong_methods[_i].method, wrong_methods[_i].path));

	ck_assert_int_eq(reply_status(reply), 405);
	ck_assert_str_eq(reply_header_value(&http_world, reply, "Allow"), wrong_methods[_i].allow);
	reply_message(&http_world, reply);
}
END_TEST

START_TEST(a_head_request_is_answered_without_a_body)
{
	int client = world_connect(&http_world);
	const char *replies;

	world_send(client, "HEAD /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
	world_run_ms(&http_world, 50);
	world_send(client, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
	world_run_ms(&http_world, 50);
	replies = world_receive(&http_world, client, 3);
	close(client);

	ck_assert_int_eq(reply_status(replies), 200);
	ck_assert_str_eq(reply_header_value(&http_world, replies, "Content-Length"), "6");
	ck_assert_int_eq(reply_status(reply_body(replies)), 200);
	ck_assert_str_eq(reply_body(reply_body(replies)), "alive\n");
}
END_TEST

SUITE("http commands", set_up_http, tear_down_http)
{
	tcase_add_test(tests, a_command_is_answered_after_its_commit);
	tcase_add_test(tests, a_read_after_the_answer_to_a_command_sees_its_effect);
	tcase_add_test(tests, the_answer_to_a_rejected_command_gives_the_reason);
	tcase_add_test(tests, the_answer_to_an_invalid_command_gives_the_reason);
	tcase_add_test(tests, a_body_of_another_type_than_json_is_answered_415);
	tcase_add_loop_test(tests, each_command_is_served_at_the_path_of_its_schema, 0, COMMAND_TYPES);
	tcase_add_test(tests, an_unknown_path_is_answered_404);
	tcase_add_loop_test(tests, a_wrong_method_is_answered_405_with_the_methods_that_are_allowed, 0,
			    COUNT(wrong_methods));
	tcase_add_test(tests, a_head_request_is_answered_without_a_body);
}
