/* The stream of a SKU, and changes of the list that keep the order of every SKU. */
#include "bus/base/stream_plan.h"
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

static const struct {
	size_t from, to;
	bool grows;
} sizes[] = {{2, 4, true}, {2, 3, true}, {4, 2, false}, {4, 4, false}, {0, 4, false}};

START_TEST(a_range_grows_at_its_end)
{
	struct stream_list from = list_of(0, "a", sizes[_i].from), to = list_of(1, "a", sizes[_i].to);

	ck_assert_int_eq(stream_list_grows(&from, &to), sizes[_i].grows);
	to.names[0] = "b"; /* the first list has a name that the second one lacks */
	ck_assert(!stream_list_grows(&from, &to));
	to.names[0] = "a";
	to.names[1] = "another";
	ck_assert(!stream_list_grows(&from, &to));
}
END_TEST

/* ---- journeys ---- */

/* Lists the places of a journey that begins on `place`; returns how many it visits. */
static size_t travel(const struct stream_list *list, size_t place, size_t places[STREAMS_MAX])
{
	struct stream_journey journey = stream_journey_begin(&(struct stream_route){list, place});

	places[0] = place;
	for (; journey.visited + 1 < journey.length; journey.visited++)
		places[journey.visited + 1] = stream_journey_next(list, &journey);
	ck_assert_uint_eq(stream_journey_next(list, &journey), place);
	return journey.length;
}

START_TEST(a_journey_visits_every_stream_of_the_range)
{
	struct stream_list list = list_of(0, "plain", 4);
	size_t places[STREAMS_MAX], count = travel(&list, 1 + (size_t)_i, places);

	ck_assert_uint_eq(count, 4);
	for (size_t place = 1; place < 5; place++) {
		size_t at = 0;

		while (at < count && places[at] != place)
			at++;
		ck_assert_uint_lt(at, count);
	}
}
END_TEST

/* So no message overtakes another one on its way when the range grows. */
START_TEST(the_journey_over_a_range_is_the_beginning_of_that_over_a_longer_one)
{
	struct stream_list list = list_of(0, "", 4), longer = list_of(1, "", 8);
	size_t before[STREAMS_MAX], after[STREAMS_MAX];
	size_t count = travel(&list, (size_t)_i, before);

	ck_assert_uint_eq(travel(&longer, (size_t)_i, after), 8);
	for (size_t at = 0; at < count; at++)
		ck_assert_uint_eq(before[at], after[at]);
}
END_TEST

START_TEST(while_the_range_grows_a_journey_has_the_former_length)
{
	struct stream_list list = list_of(0, "plain", 4);
	struct stream_journey journey;

	list.grows_from = 2;
	journey = stream_journey_begin(&(struct stream_route){&list, 2});
	ck_assert_uint_eq(journey.length, 2);
	ck_assert_uint_eq(stream_journey_next(&list, &journey), 1);
	ck_assert_uint_eq(stream_journey_place(&list, &journey, "lamp"), 1 + crc32_of("lamp") % 2);
}
END_TEST

/* ---- what the database says ---- */

static const struct {
	const char *text;
	int step; /* -1: it is malformed */
	const char *from, *to;
} plans[] = {
	{"a,s[0-1]", STREAMS_SETTLED, "a,s[0-1]", "a,s[0-1]"},
	{"s[0-1], -> s[0-3]", STREAMS_PREPARED, "s[0-1]", "s[0-3]"},
	{"s[0-1], => s[0-3]", STREAMS_AGREED, "s[0-1]", "s[0-3]"},
	{"s[0-3], -> s[0-1]", -1, NULL, NULL},
	{"s[0-1], => s[3-0]", -1, NULL, NULL},
	{"s[0-1],", -1, NULL, NULL},
};

START_TEST(a_plan_has_one_list_or_two)
{
	struct arena *arena = arena_new(1024);
	struct stream_plan plan;

	ck_assert_int_eq(stream_plan_parse(plans[_i].text, &plan, arena), plans[_i].step >= 0);
	if (plans[_i].step >= 0) {
		ck_assert_int_eq(plan.step, plans[_i].step);
		ck_assert_str_eq(plan.from.text, plans[_i].from);
		ck_assert_str_eq(plan.to.text, plans[_i].to);
		ck_assert_str_eq(stream_plan_text(plan.step, plan.from.text, plan.to.text, arena),
				 plans[_i].text);
		ck_assert(stream_plan_admits(&plan, plan.to.text));
		ck_assert_int_eq(stream_plan_admits(&plan, plan.from.text), plan.step != STREAMS_AGREED);
		ck_assert(!stream_plan_admits(&plan, "s[0-2]"));
		ck_assert_int_eq(stream_plan_is_to_come(&plan, "s2"), plan.step != STREAMS_SETTLED);
		ck_assert(!stream_plan_is_to_come(&plan, "s1"));
		ck_assert(!stream_plan_is_to_come(&plan, "s4"));
	}
	arena_free(&arena);
}
END_TEST

START_TEST(two_lists_are_no_list_for_a_program_that_does_not_know_them)
{
	struct arena *arena = arena_new(1024);
	struct stream_list list;

	ck_assert(!stream_list_parse(plans[1].text, &list, arena));
	ck_assert(!stream_list_parse(plans[2].text, &list, arena));
	arena_free(&arena);
}
END_TEST

SUITE("stream list")
{
	tcase_add_loop_test(tests, a_range_grows_at_its_end, 0, COUNT(sizes));
	tcase_add_loop_test(tests, a_journey_visits_every_stream_of_the_range, 0, 4);
	tcase_add_loop_test(tests, the_journey_over_a_range_is_the_beginning_of_that_over_a_longer_one, 0, 4);
	tcase_add_test(tests, while_the_range_grows_a_journey_has_the_former_length);
	tcase_add_loop_test(tests, a_plan_has_one_list_or_two, 0, COUNT(plans));
	tcase_add_test(tests, two_lists_are_no_list_for_a_program_that_does_not_know_them);
	tcase_add_test(tests, a_sku_has_the_stream_of_its_crc_among_those_of_the_range);
	tcase_add_test(tests, without_a_range_a_sku_has_one_of_all_streams);
	tcase_add_loop_test(tests, a_sku_keeps_its_stream_or_gets_one_that_is_not_read_yet, 0,
			    COUNT(changes));
}
