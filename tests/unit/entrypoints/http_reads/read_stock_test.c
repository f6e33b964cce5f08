/* GET /products and GET /batches: what is in stock. */
#include "entrypoints/http/http_answer.h"
#include "http/http_world.h"
#include "support/suites.h"

#include <jansson.h>
#include <string.h>

static void add_shipment(const char *reference, int qty, const char *eta)
{
	const char *body =
		arena_printf(http_world.arena, "{\"ref\":\"%s\",\"sku\":\"lamp\",\"qty\":%d,\"eta\":\"%s\"}",
			     reference, qty, eta);

	ck_assert_int_eq(reply_status(world_post(&http_world, "/add_batch", body)), 201);
}

static const char *body_of(const char *path)
{
	const char *reply = world_get(&http_world, path);

	ck_assert_int_eq(reply_status(reply), 200);
	ck_assert_str_eq(reply_header_value(&http_world, reply, "Content-Type"), "application/json");
	return reply_body(reply);
}

START_TEST(a_product_is_shown_with_its_batches_in_order_of_preference)
{
	add_shipment("late", 7, "2030-02-01");
	add_shipment("early", 5, "2030-01-31");
	http_add_batch("shelf-2", "lamp", 3);
	http_add_batch("shelf-1", "lamp", 2);
	http_add_batch("other", "chair", 9);

	ck_assert_str_eq(
		body_of("/products/lamp"),
		"{\"sku\":\"lamp\",\"version\":0,\"batches\":["
		"{\"batchref\":\"shelf-1\",\"eta\":null,\"qty\":2,\"allocated\":0,\"available\":2},"
		"{\"batchref\":\"shelf-2\",\"eta\":null,\"qty\":3,\"allocated\":0,\"available\":3},"
		"{\"batchref\":\"early\",\"eta\":\"2030-01-31\",\"qty\":5,\"allocated\":0,\"available\":5},"
		"{\"batchref\":\"late\",\"eta\":\"2030-02-01\",\"qty\":7,\"allocated\":0,\"available\":7}]}");
}
END_TEST

START_TEST(a_batch_is_shown_with_its_sku)
{
	add_shipment("ship/ment \xc3\xa9", 7, "0001-01-01");

	ck_assert_str_eq(body_of("/batches/ship%2Fment%20%C3%A9"),
			 "{\"sku\":\"lamp\",\"batchref\":\"ship/ment \xc3\xa9\",\"eta\":\"0001-01-01\","
			 "\"qty\":7,\"allocated\":0,\"available\":7}");
}
END_TEST

START_TEST(the_location_of_an_added_batch_leads_to_it)
{
	const char *body = "{\"ref\":\"a b/c\",\"sku\":\"lamp\",\"qty\":1}";

	for (int i = 0; i < 2; i++) { /* a duplicate is answered as the first time */
		const char *reply = world_post(&http_world, "/add_batch", body);
		const char *location = reply_header_value(&http_world, reply, "Location");

		ck_assert_int_eq(reply_status(reply), 201);
		ck_assert_str_eq(location, "/batches/a%20b%2Fc");
		ck_assert_ptr_nonnull(strstr(body_of(location), "\"batchref\":\"a b/c\""));
	}
}
END_TEST

static const struct {
	const char *path, *body, *qty, *allocated, *available;
} changes[] = {
	{"/allocate", "{\"orderid\":\"o\",\"sku\":\"lamp\",\"qty\":4}", "10", "4", "6"},
	{"/allocate", "{\"orderid\":\"o\",\"sku\":\"lamp\",\"qty\":10}", "10", "10", "0"},
	{"/change_batch_quantity", "{\"batchref\":\"shelf\",\"qty\":4}", "4", "0", "4"},
	{"/change_batch_quantity", "{\"batchref\":\"shelf\",\"qty\":0}", "0", "0", "0"},
	{"/change_batch_quantity", "{\"batchref\":\"shelf\",\"qty\":2147483647}", "2147483647", "0",
	 "2147483647"},
};

START_TEST(a_batch_shows_what_is_allocated_and_what_is_still_available)
{
	http_add_batch("shelf", "lamp", 10);
	world_post(&http_world, changes[_i].path, changes[_i].body);

	ck_assert_str_eq(body_of("/batches/shelf"),
			 arena_printf(http_world.arena,
				      "{\"sku\":\"lamp\",\"batchref\":\"shelf\",\"eta\":null,\"qty\":%s,"
				      "\"allocated\":%s,\"available\":%s}",
				      changes[_i].qty, changes[_i].allocated, changes[_i].available));
}
END_TEST

START_TEST(a_line_that_was_shipped_leaves_the_quantity_of_its_batch)
{
	const char *line = "{\"orderid\":\"order\",\"sku\":\"lamp\",\"qty\":4}";

	http_add_batch("shelf", "lamp", 10);
	http_allocate("order", 4);
	world_post(&http_world, "/ship", line);

	ck_assert_str_eq(body_of("/products/lamp"),
			 "{\"sku\":\"lamp\",\"version\":2,\"batches\":[{\"batchref\":\"shelf\",\"eta\":null,"
			 "\"qty\":6,\"allocated\":0,\"available\":6}]}");
}
END_TEST

/* ---- pages ---- */

#define BATCHES 1001

static void add_many(const char *prefix)
{
	for (int i = 0; i < BATCHES; i++) {
		const char *body = arena_printf(http_world.arena,
						"{\"ref\":\"%s%04d\",\"sku\":\"lamp\",\"qty\":1}", prefix, i);

		engine_submit(http_world.engine, &(struct arrival){.transport = TRANSPORT_PUBSUB,
								   .origin = "create_batch",
								   .type = MSG_CREATE_BATCH,
								   .payload = {body, strlen(body)},
								   .payload_size = strlen(body)});
	}
	world_run_ms(&http_world, 100);
}

static size_t count_batches(const char *body)
{
	json_t *product = json_loads(body, 0, NULL);
	size_t count = json_array_size(json_object_get(product, "batches"));

	json_decref(product);
	return count;
}

START_TEST(more_batches_than_a_page_holds_come_with_a_link_to_the_next_page)
{
	const char *reply, *link, *path;

	add_many("shelf/ ");
	reply = world_get(&http_world, "/products/lamp");
	link = reply_header_value(&http_world, reply, "Link");

	ck_assert_uint_eq(count_batches(reply_body(reply)), 1000);
	ck_assert_str_eq(link, "</products/lamp?after=shelf%2F%200999>; rel=\"next\"");
	path = "/products/lamp?after=shelf%2F%200999";
	ck_assert_str_eq(body_of(path),
			 "{\"sku\":\"lamp\",\"version\":0,\"batches\":[{\"batchref\":\"shelf/ 1000\","
			 "\"eta\":null,\"qty\":1,\"allocated\":0,\"available\":1}]}");
	ck_assert_ptr_null(reply_header_value(&http_world, world_get(&http_world, path), "Link"));
	reply = world_get(&http_world, "/products/lamp?after=shelf%2F+0000");
	ck_assert_uint_eq(count_batches(reply_body(reply)), 1000);
	ck_assert_ptr_null(reply_header_value(&http_world, reply, "Link"));
}
END_TEST

START_TEST(behind_the_last_batch_there_are_no_more)
{
	http_add_batch("shelf", "lamp", 1);

	ck_assert_str_eq(body_of("/products/lamp?after=shelf"),
			 "{\"sku\":\"lamp\",\"version\":0,\"batches\":[]}");
}
END_TEST

/* ---- what cannot be read ---- */

static const struct {
	const char *path;
	int status;
	const char *named;
} refused[] = {
	{"/products/none%20such", 404, "none such"},
	{"/products/shelf", 404, "shelf"},
	{"/products/none?after=shelf", 404, "none"},
	{"/products/%ff", 400, "a SKU"},
	{"/products/%", 400, "a SKU"},
	{"/products/a%00", 400, "a SKU"},
	{"/products/lamp?after", 400, "?after=BATCHREF"},
	{"/products/lamp?after=", 400, "?after=BATCHREF"},
	{"/products/lamp?after=%zz", 400, "?after=BATCHREF"},
	{"/products/lamp?after=none", 400, "none"},
	{"/products/lamp?after=other", 400, "other"},
	{"/batches/none%20such", 404, "none such"},
	{"/batches/lamp", 404, "lamp"},
	{"/batches/%c3", 400, "a batch reference"},
	{"/products/", 404, "nothing at this path"},
	{"/batches/", 404, "nothing at this path"},
	{"/products", 404, "nothing at this path"},
};

START_TEST(what_cannot_be_read_is_answered_with_an_error_that_names_it)
{
	const char *reply, *message;

	http_add_batch("shelf", "lamp", 1);
	http_add_batch("other", "chair", 1);
	reply = world_get(&http_world, refused[_i].path);
	message = reply_message(&http_world, reply);

	ck_assert_int_eq(reply_status(reply), refused[_i].status);
	ck_assert_msg(strstr(message, refused[_i].named), "%s", message);
}
END_TEST

static const char *const paths[] = {"/products/lamp", "/batches/shelf", "/allocations/order"};

START_TEST(a_database_that_is_away_is_answered_503)
{
	const char *reply;

	http_add_batch("shelf", "lamp", 1);
	http_allocate("order", 1);
	database_set_down(http_world.database, true);
	reply = world_get(&http_world, paths[_i]);

	ck_assert_int_eq(reply_status(reply), 503);
	ck_assert_ptr_nonnull(strstr(reply, PROBLEM_DATABASE_AWAY));
	ck_assert_ptr_nonnull(reply_header_value(&http_world, reply, "Retry-After"));
}
END_TEST

START_TEST(a_head_request_for_stock_is_answered_without_a_body)
{
	const char *reply;

	http_add_batch("shelf", "lamp", 1);
	http_allocate("order", 1);
	reply = world_ask(&http_world,
			  arena_printf(http_world.arena,
				       "HEAD %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
				       paths[_i]));

	ck_assert_int_eq(reply_status(reply), 200);
	ck_assert_str_eq(reply_body(reply), "");
	ck_assert_str_ne(reply_header_value(&http_world, reply, "Content-Length"), "0");
}
END_TEST

SUITE("read stock", set_up_http, tear_down_http)
{
	tcase_add_test(tests, a_product_is_shown_with_its_batches_in_order_of_preference);
	tcase_add_test(tests, a_batch_is_shown_with_its_sku);
	tcase_add_test(tests, the_location_of_an_added_batch_leads_to_it);
	tcase_add_loop_test(tests, a_batch_shows_what_is_allocated_and_what_is_still_available, 0,
			    COUNT(changes));
	tcase_add_test(tests, a_line_that_was_shipped_leaves_the_quantity_of_its_batch);
	tcase_add_test(tests, more_batches_than_a_page_holds_come_with_a_link_to_the_next_page);
	tcase_add_test(tests, behind_the_last_batch_there_are_no_more);
	tcase_add_loop_test(tests, what_cannot_be_read_is_answered_with_an_error_that_names_it, 0,
			    COUNT(refused));
	tcase_add_loop_test(tests, a_database_that_is_away_is_answered_503, 0, COUNT(paths));
	tcase_add_loop_test(tests, a_head_request_for_stock_is_answered_without_a_body, 0, COUNT(paths));
}
