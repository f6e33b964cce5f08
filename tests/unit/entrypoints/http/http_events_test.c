/* Answers to commands as JSON, with the events that the command raised. */
#include "entrypoints/http/http_accept.h"
#include "http/http_world.h"
#include "support/suites.h"

#include <jansson.h>
#include <string.h>

static const struct {
	const char *accept;
	bool json;
} headers[] = {
	{NULL, false},
	{"", false},
	{"*/*", false},
	{"application/*", false},
	{"text/plain", false},
	{"application/json", true},
	{" Application/JSON ; charset=utf-8", true},
	{"application/jsonx", false},
	{"application/problem+json", false},
	{"application/json, text/plain", false},
	{"application/json, text/plain, */*", false},
	{"application/json, */*", false},
	{"application/json, */*;q=0.8", true},
	{"*/* ; q=0.01 , application/json", true},
	{"text/html,application/json;q=0.9,*/*;q=0.8", true},
	{"application/json;q=0.5, text/plain;q=0.4, */*", true},
	{"text/plain;q=0.4, */*, application/json;q=0.5", true},
	{"text/*;q=0.6, text/plain;q=0.4, application/json;q=0.5", true},
	{"text/*;q=0.6, application/json;q=0.5", false},
	{"text/*;q=0.4, */*;q=0.9, application/json;q=0.5", true},
	{"application/json;q=0", false},
	{"application/json;q=0.001", true},
	{"application/json;q=0.", false},
	{"application/json;v=1;q=0.2, text/plain;q=0.3", false},
	{"application/json;q=1.000, text/plain;Q=0.999", true},
	{"application/json;q=1.001", false},
	{"application/json;q=2", false},
	{"application/json;q=x", false},
	{"application/json;q=", false},
	{"application/json;q=0.1234", false},
	{"application/json;q=00.1", false},
	{",,;,application/json,", true},
};

START_TEST(json_is_preferred_when_it_is_named_and_weighs_more_than_text)
{
	ck_assert_msg(prefers_json(headers[_i].accept) == headers[_i].json, "%s", headers[_i].accept);
}
END_TEST

static const struct {
	const char *codings;
	bool gzip;
} codings[] = {
	{NULL, false},
	{"", false},
	{"br", false},
	{"br, GZip", true},
	{"gzip;q=0.5", true},
	{"gzip;q=0", false},
	{"gzip ; q=0.0, br", false},
	{"gzipped", false},
	{"*", false},
};

START_TEST(gzip_is_accepted_when_it_is_named_and_not_forbidden)
{
	ck_assert_msg(accepts_gzip(codings[_i].codings) == codings[_i].gzip, "%s",
		      codings[_i].codings ? codings[_i].codings : "none");
}
END_TEST

static const struct {
	const char *tags;
	bool listed;
} tag_lists[] = {
	{NULL, false},
	{"", false},
	{"\"abc-gzip\"", true},
	{"W/\"abc-gzip\"", true},
	{"\"x\", W/\"y\",\"abc-gzip\"", true},
	{"\"abc\"", false},
	{"\"abc-gzip", false},
	{"abc-gzip", false},
	{"\"an-abc-gzip\"", false},
	{"*", true},
	{" * ", true},
	{"\"*\"", false},
	{"*, \"x\"", false},
};

START_TEST(an_etag_is_listed_by_itself_as_a_weak_one_and_by_an_asterisk)
{
	ck_assert_msg(lists_etag(tag_lists[_i].tags, "\"abc-gzip\"") == tag_lists[_i].listed, "%s",
		      tag_lists[_i].tags ? tag_lists[_i].tags : "none");
}
END_TEST

static const char *post(const char *path, const char *body)
{
	return world_ask(
		&http_world,
		arena_printf(http_world.arena,
			     "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
			     "Accept: application/json\r\nContent-Length: %zu\r\n\r\n%s",
			     path, strlen(body), body));
}

static const char *at(json_t *event, const char *name)
{
	return json_string_value(json_object_get(json_object_get(event, "data"), name));
}

START_TEST(a_command_is_answered_with_its_id_outcome_and_events)
{
	const char *reply;
	json_t *answer, *events;

	http_add_batch("shelf", "lamp", 10);
	reply = post("/allocate", "{\"id\":\"a\\\"b\",\"orderid\":\"order 1\",\"sku\":\"lamp\",\"qty\":3}");
	answer = json_loads(reply_body(reply), 0, NULL);
	events = json_object_get(answer, "events");

	ck_assert_int_eq(reply_status(reply), 202);
	ck_assert_str_eq(reply_header_value(&http_world, reply, "Content-Type"), "application/json");
	ck_assert_str_eq(reply_header_value(&http_world, reply, "Location"), "/allocations/order%201");
	ck_assert_ptr_null(reply_header_value(&http_world, reply, "Link"));
	ck_assert_uint_eq(json_object_size(answer), 3);
	ck_assert_str_eq(json_string_value(json_object_get(answer, "id")), "a\"b");
	ck_assert_str_eq(json_string_value(json_object_get(answer, "outcome")), "handled");
	ck_assert_uint_eq(json_array_size(events), 1);
	ck_assert_str_eq(json_string_value(json_object_get(json_array_get(events, 0), "type")),
			 "line_allocated");
	ck_assert_str_eq(at(json_array_get(events, 0), "batchref"), "shelf");
	ck_assert_str_eq(at(json_array_get(events, 0), "cause"), "a\"b");
	json_decref(answer);
}
END_TEST

START_TEST(the_events_of_an_answer_are_those_that_are_read_later)
{
	const char *reply, *read;

	http_add_batch("shelf", "lamp", 10);
	http_allocate("order-1", 3);
	http_allocate("order-2", 3);
	reply = reply_body(post("/change_batch_quantity", "{\"batchref\":\"shelf\",\"qty\":0}"));
	read = reply_body(world_get(&http_world, "/events/lamp?after=2"));

	ck_assert_str_eq(reply, arena_printf(http_world.arena,
					     "{\"id\":null,\"outcome\":\"handled\",\"events\":%s}", read));
}
END_TEST

static const struct {
	const char *path, *body;
	int status;
	const char *answer;
} answers[] = {
	{"/add_batch", "{\"ref\":\"more\",\"sku\":\"lamp\",\"qty\":1}", 201,
	 "{\"id\":null,\"outcome\":\"handled\",\"events\":[]}"},
	{"/add_batch", "{\"id\":\"x\",\"ref\":\"shelf\",\"sku\":\"lamp\",\"qty\":10}", 201,
	 "{\"id\":\"x\",\"outcome\":\"skipped\",\"events\":[]}"},
	{"/ship", "{\"orderid\":\"none\",\"sku\":\"lamp\",\"qty\":1}", 202,
	 "{\"id\":null,\"outcome\":\"skipped\",\"events\":[]}"},
	/* Its lines are deallocated after the answer. */
	{"/order_cancelled", "{\"id\":\"y\",\"orderid\":\"order\"}", 202,
	 "{\"id\":\"y\",\"outcome\":null,\"events\":[]}"},
};

START_TEST(a_command_that_raised_no_events_is_answered_with_an_empty_list)
{
	const char *reply;

	http_add_batch("shelf", "lamp", 10);
	http_allocate("order", 1);
	reply = post(answers[_i].path, answers[_i].body);

	ck_assert_int_eq(reply_status(reply), answers[_i].status);
	ck_assert_str_eq(reply_body(reply), answers[_i].answer);
}
END_TEST

START_TEST(a_second_delivery_has_the_status_of_the_first_and_no_events)
{
	const char *body = "{\"id\":\"x\",\"orderid\":\"order\",\"sku\":\"lamp\",\"qty\":1}", *reply;

	http_add_batch("shelf", "lamp", 10);
	ck_assert_ptr_nonnull(strstr(post("/allocate", body), "line_allocated"));
	reply = post("/allocate", body);

	ck_assert_int_eq(reply_status(reply), 202);
	ck_assert_str_eq(reply_body(reply), "{\"id\":\"x\",\"outcome\":\"skipped\",\"events\":[]}");
	ck_assert_str_eq(reply_header_value(&http_world, reply, "Location"), "/allocations/order");
}
END_TEST

START_TEST(a_refused_command_is_answered_as_a_problem)
{
	const char *reply = post("/allocate", "{\"orderid\":\"order\",\"sku\":\"none\",\"qty\":1}");

	ck_assert_int_eq(reply_status(reply), 400);
	ck_assert_str_eq(reply_header_value(&http_world, reply, "Content-Type"), "application/problem+json");
	ck_assert_str_eq(reply_message(&http_world, reply), "Invalid sku none");
}
END_TEST

START_TEST(a_client_that_does_not_ask_for_json_is_answered_with_text)
{
	const char *reply;

	http_add_batch("shelf", "lamp", 10);
	reply = http_allocate("order", 1);

	ck_assert_str_eq(reply_body(reply), "OK");
	ck_assert_str_eq(reply_header_value(&http_world, reply, "Content-Type"), "text/plain; charset=utf-8");
}
END_TEST

#define LINES 501

START_TEST(more_than_a_thousand_events_come_with_a_link_to_the_rest)
{
	const char *reply;
	json_t *answer, *rest;

	http_add_batch("shelf", "lamp", LINES);
	for (int i = 0; i < LINES; i++) {
		const char *body =
			arena_printf(http_world.arena, "{\"orderid\":\"o%d\",\"sku\":\"lamp\",\"qty\":1}", i);

		engine_submit(http_world.engine, &(struct arrival){.transport = TRANSPORT_PUBSUB,
								   .origin = "allocate",
								   .type = MSG_ALLOCATE,
								   .payload = {body, strlen(body)},
								   .payload_size = strlen(body)});
	}
	world_run_ms(&http_world, 100);
	reply = post("/change_batch_quantity", "{\"batchref\":\"shelf\",\"qty\":0}");
	answer = json_loads(reply_body(reply), 0, NULL);
	rest = json_loads(reply_body(world_get(&http_world, "/events/lamp?after=1501")), 0, NULL);

	ck_assert_int_eq(reply_status(reply), 202);
	ck_assert_uint_eq(json_array_size(json_object_get(answer, "events")), 1000);
	ck_assert_str_eq(reply_header_value(&http_world, reply, "Link"),
			 "</events/lamp?after=1501>; rel=\"next\"");
	ck_assert_uint_eq(json_array_size(rest), 2);
	json_decref(answer);
	json_decref(rest);
}
END_TEST

SUITE("http events", set_up_http, tear_down_http)
{
	tcase_add_loop_test(tests, an_etag_is_listed_by_itself_as_a_weak_one_and_by_an_asterisk, 0,
			    COUNT(tag_lists));
	tcase_add_loop_test(tests, gzip_is_accepted_when_it_is_named_and_not_forbidden, 0, COUNT(codings));
	tcase_add_loop_test(tests, json_is_preferred_when_it_is_named_and_weighs_more_than_text, 0,
			    COUNT(headers));
	tcase_add_test(tests, a_command_is_answered_with_its_id_outcome_and_events);
	tcase_add_test(tests, the_events_of_an_answer_are_those_that_are_read_later);
	tcase_add_loop_test(tests, a_command_that_raised_no_events_is_answered_with_an_empty_list, 0,
			    COUNT(answers));
	tcase_add_test(tests, a_second_delivery_has_the_status_of_the_first_and_no_events);
	tcase_add_test(tests, a_refused_command_is_answered_as_a_problem);
	tcase_add_test(tests, a_client_that_does_not_ask_for_json_is_answered_with_text);
	tcase_add_test(tests, more_than_a_thousand_events_come_with_a_link_to_the_rest);
}
