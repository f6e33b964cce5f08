/* The stream of a SKU, and changes of the list that keep the order of every SKU. */
#include "bus/base/stream_list.h"
#include "core/base/crc32.h"
#include "support/suites.h"

#include <stdio.h>
#include <string.h>

static char names[2][STREAMS_MAX][16];

/* "a" stands for itself, 8 for the range s0 to s7, and 0 for no range. */
static struct stream_list list_of(int which, const char *plain, size_t range)
{
	struct stream_list list = {0};

	if (*plain)
		list.names[list.count++] = plain;
	list.range_first = range ? list.count : 0;
	list.range_count = range;
	for (size_t i = 0; i < range; i++) {
		snprintf(names[which][i], sizeof names[which][i], "s%zu", i);
		list.names[list.count++] = names[which][i];
	}
	return list;
}

START_TEST(a_sku_has_the_stream_of_its_crc_among_those_of_the_range)
{
	struct stream_list list = list_of(0, "plain", 8);

	ck_assert_uint_eq(stream_list_place(&list, "lamp"), 1 + crc32_of("lamp") % 8);
}
END_TEST

START_TEST(without_a_range_a_sku_has_one_of_all_streams)
{
	struct stream_list list = {.names = {"a", "b", "c"}, .count = 3};

	ck_assert_uint_eq(stream_list_place(&list, "lamp"), crc32_of("lamp") % 3);
}
END_TEST

static const struct {
	const char *from_plain;
	size_t from_range;
	const char *to_plain;
	size_t to_range;
	bool may;
} changes[] = {
	{"", 8, "", 16, true},           {"", 8, "plain", 16, true},
	{"", 8, "", 12, false}, /* a SKU moves from s4 to s0, which is read */
	{"", 16, "", 8, false},          {"plain", 0, "plain", 8, true},
	{"s1", 0, "", 8, false}, /* each SKU was on s1, which is read */
	{"a", 0, "b", 0, true},  /* nothing divides the SKUs */
	{"plain", 8, "plain", 0, false}, {"plain", 8, "other", 0, true},
};

START_TEST(a_sku_keeps_its_stream_or_gets_one_that_is_not_read_yet)
{
	struct stream_list from = list_of(0, changes[_i].from_plain, changes[_i].from_range);
	struct stream_list to = list_of(1, changes[_i].to_plain, changes[_i].to_range);

	ck_assert_int_eq(stream_list_may_become(&from, &to), changes[_i].may);
}
END_TEST

SUITE("stream list")
{
	tcase_add_test(tests, a_sku_has_the_stream_of_its_crc_among_those_of_the_range);
	tcase_add_test(tests, without_a_range_a_sku_has_one_of_all_streams);
	tcase_add_loop_test(tests, a_sku_keeps_its_stream_or_gets_one_that_is_not_read_yet, 0,
			    COUNT(changes));
}
