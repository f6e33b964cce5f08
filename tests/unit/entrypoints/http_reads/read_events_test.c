/* GET /events: what it answers, page by page. */
#include "core/partition.h"
#include "http/http_world.h"
#include "support/suites.h"

#include <jansson.h>
#include <string.h>

static json_t *events(const char *path)
{
	const char *reply = world_get(&http_world, path);
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

START_TEST(events_are_read_from_behind_the_given_version)
{
	json_t *list;

	http_add_batch("shelf", "lamp", 10);
	for (int i = 0; i < 3; i++)
		http_allocate(arena_printf(http_world.arena, "order-%d", i), 1);

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

static void expect_place(const char *path, const char *epoch, const char *version)
{
	const char *reply = world_get(&http_world, path);

	ck_assert_str_eq(reply_header_value(&http_world, reply, "Allocd-Epoch"), epoch);
	ck_assert_str_eq(reply_header_value(&http_world, reply, "Allocd-Version"), version);
}

START_TEST(a_read_of_events_tells_the_epoch_and_the_version_of_the_sku)
{
	json_t *list;

	http_add_batch("shelf", "lamp", 10);
	http_allocate("order-1", 1);
	expect_place("/events/lamp?after=1", "1", "1");
	database_renew(http_world.database);
	http_allocate("order-2", 1);
	expect_place("/events/lamp", "2", "2");
	expect_place("/events/unknown", "2", "0");

	list = events("/events/lamp?after=7&epoch=1");
	ck_assert_int_eq(version_at(list, json_array_size(list) - 1), 2);
	ck_assert_int_eq(
		json_integer_value(json_object_get(data_at(list, json_array_size(list) - 1), "epoch")), 2);
	json_decref(list);
	list = events("/events/lamp?after=7&epoch=2");
	ck_assert_uint_eq(json_array_size(list), 0);
	json_decref(list);
}
END_TEST

START_TEST(each_event_that_is_read_has_its_type)
{
	json_t *list;

	http_add_batch("shelf", "lamp", 10);
	http_allocate("order", 10);
	world_post(&http_world, "/change_batch_quantity", "{\"batchref\":\"shelf\",\"qty\":0}");

	list = events("/events/lamp");
	ck_assert_uint_eq(json_array_size(list), 3);
	ck_assert_str_eq(type_at(list, 0), "line_allocated");
	ck_assert_str_eq(type_at(list, 1), "line_deallocated");
	ck_assert_str_eq(type_at(list, 2), "out_of_stock");
	json_decref(list);
}
END_TEST

START_TEST(events_behind_a_version_that_is_no_number_are_answered_400)
{
	ck_assert_int_eq(reply_status(world_get(&http_world, "/events/lamp?after=x")), 400);
	ck_assert_int_eq(reply_status(world_get(&http_world, "/events/lamp?after=-1")), 400);
	ck_assert_int_eq(reply_status(world_get(&http_world, "/events/lamp?after=")), 400);
	ck_assert_int_eq(reply_status(world_get(&http_world, "/events/lamp?after=1&epoch=x")), 400);
	ck_assert_int_eq(reply_status(world_get(&http_world, "/events/lamp?after")), 400);
	ck_assert_int_eq(reply_status(world_get(&http_world, "/events/%zz")), 400);
}
END_TEST

START_TEST(more_events_than_a_page_holds_come_with_a_link_to_the_next_page)
{
	const char *reply;
	json_t *list;

	/* One shrink that takes every line from one batch and finds no other: two events a line. */
	http_add_batch("shelf", "lamp", 600);
	for (int i = 0; i < 600; i++)
		engine_submit(
			http_world.engine,
			&(struct arrival){
				.transport = TRANSPORT_PUBSUB,
				.origin = "allocate",
				.type = MSG_ALLOCATE,
				.payload = {arena_printf(http_world.arena,
							 "{\"orderid\":\"o%04d\",\"sku\":\"lamp\",\"qty\":1}",
							 i),
					    strlen("{'orderid':'o0000','sku':'lamp','qty':1}")},
				.payload_size = 40});
	world_run_ms(&http_world, 100);
	world_post(&http_world, "/change_batch_quantity", "{\"batchref\":\"shelf\",\"qty\":0}");

	reply = world_get(&http_world, "/events/lamp?after=600");
	list = json_loads(reply_body(reply), 0, NULL);
	ck_assert_uint_eq(json_array_size(list), 1000);
	ck_assert_int_eq(version_at(list, 999), 1600);
	ck_assert_str_eq(reply_header_value(&http_world, reply, "Link"),
			 "</events/lamp?after=1600>; rel=\"next\"");
	json_decref(list);

	reply = world_get(&http_world, "/events/lamp?after=1600");
	list = json_loads(reply_body(reply), 0, NULL);
	ck_assert_uint_eq(json_array_size(list), 200);
	ck_assert_ptr_null(reply_header_value(&http_world, reply, "Link"));
	json_decref(list);
}
END_TEST

/* A consumer would take the answer for all events that there are. */
START_TEST(a_page_that_would_lack_an_event_is_answered_500_with_the_missing_version)
{
	struct outbox_partition *partition = &http_world.database->outbox[partition_of("lamp")];
	const char *reply;

	http_add_batch("shelf", "lamp", 10);
	for (int i = 0; i < 4; i++)
		http_allocate(arena_printf(http_world.arena, "order-%d", i), 1);
	partition->rows[1].parts[0].size = _i ? 3 : 0;

	reply = world_get(&http_world, "/events/lamp");
	ck_assert_int_eq(reply_status(reply), 500);
	ck_assert_ptr_nonnull(strstr(reply, "from version 2 on are missing or damaged"));

	partition->rows[1].part_count = 0;
	reply = world_get(&http_world, "/events/lamp");
	ck_assert_int_eq(reply_status(reply), 500);
	ck_assert_ptr_nonnull(strstr(reply, "from version 2 on are missing or damaged"));
	ck_assert_int_eq(reply_status(world_get(&http_world, "/events/lamp?after=2")), 200);
}
END_TEST

SUITE("read events", set_up_http, tear_down_http)
{
	tcase_add_test(tests, events_are_read_from_behind_the_given_version);
	tcase_add_test(tests, a_read_of_events_tells_the_epoch_and_the_version_of_the_sku);
	tcase_add_test(tests, each_event_that_is_read_has_its_type);
	tcase_add_test(tests, events_behind_a_version_that_is_no_number_are_answered_400);
	tcase_add_test(tests, more_events_than_a_page_holds_come_with_a_link_to_the_next_page);
	tcase_add_loop_test(tests, a_page_that_would_lack_an_event_is_answered_500_with_the_missing_version,
			    0, 2);
}
