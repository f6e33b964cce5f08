/* GET /allocations: the lines of an order. */
#include "http/http_world.h"
#include "support/suites.h"

#include <string.h>

START_TEST(an_order_without_allocations_is_answered_404_and_a_malformed_name_400)
{
	ck_assert_int_eq(reply_status(world_get(&http_world, "/allocations/none")), 404);
	ck_assert_int_eq(reply_status(world_get(&http_world, "/allocations/none?full")), 404);
	ck_assert_int_eq(reply_status(world_get(&http_world, "/allocations/%zz")), 400);
	ck_assert_int_eq(reply_status(world_get(&http_world, "/allocations/%ff")), 400);
}
END_TEST

#define PLAIN "[{\"sku\":\"lamp\",\"batchref\":\"shelf\"},{\"sku\":\"lamp\",\"batchref\":\"shelf\"}]"
#define FULL                                                                                                 \
	"[{\"sku\":\"lamp\",\"batchref\":\"shelf\",\"qty\":1},"                                              \
	"{\"sku\":\"lamp\",\"batchref\":\"shelf\",\"qty\":3}]"

static const struct {
	const char *query, *body;
} queries[] = {
	{"", PLAIN},         {"?", PLAIN},      {"?fuller", PLAIN},        {"?other=full", PLAIN},
	{"?full", FULL},     {"?full=", FULL},  {"?other=1&full", FULL},   {"?full&other", FULL},
	{"?ful&full", FULL}, {"?&full&", FULL}, {"?fuller=1&full=", FULL},
};

START_TEST(the_quantities_of_an_orders_lines_are_shown_when_they_are_asked_for)
{
	http_add_batch("shelf", "lamp", 10);
	http_allocate("order", 3);
	http_allocate("order", 1);

	ck_assert_str_eq(
		reply_body(world_get(&http_world, arena_printf(http_world.arena, "/allocations/order%s",
							       queries[_i].query))),
		queries[_i].body);
}
END_TEST

START_TEST(full_with_a_value_is_answered_400)
{
	const char *reply = world_get(&http_world, "/allocations/order?full=no");

	ck_assert_int_eq(reply_status(reply), 400);
	ck_assert_ptr_nonnull(strstr(reply_message(&http_world, reply), "?full"));
}
END_TEST

SUITE("read allocations", set_up_http, tear_down_http)
{
	tcase_add_test(tests, an_order_without_allocations_is_answered_404_and_a_malformed_name_400);
	tcase_add_loop_test(tests, the_quantities_of_an_orders_lines_are_shown_when_they_are_asked_for, 0,
			    COUNT(queries));
	tcase_add_test(tests, full_with_a_value_is_answered_400);
}
