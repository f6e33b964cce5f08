/* The fences of partitions on a real Redis. */
#include "adapters/redis/publisher/fence.h"

#include "integration/redis/publisher/publisher_world.h"

#include <stdio.h>
#include <string.h>

/* ---- the fence ---- */

static const struct {
	int64_t known; /* the last position that the publisher knows to be published */
	const char *rows, *answer, *heard;
} behind_ten[] = {
	/* The fence is at 10. */
	{0, "9=x 10=y", "a=10/0 ", ""},    {0, "9=x 10=y 11=z 12=w", "a=12/2 ", "z w "},
	{10, "11=z", "a=11/1 ", "z "},     {0, "12=w", "a=10/0 ", ""},
	{0, "11=z 13=v", "a=11/1 ", "z "}, {12, "12=w 13=v", "a=13/1 ", "v "},
	{12, "14=u", "a=12/0 ", ""},       {12, "", "a=12/0 ", ""},
	{0, "11= 12=w", "a=12/1 ", "w "},
};

START_TEST(rows_are_published_behind_the_fence_without_gaps)
{
	uint64_t before;

	publish_now("a", 0, "1=1 2=2 3=3 4=4 5=5 6=6 7=7 8=8 9=9 10=10");
	events_heard();
	before = publisher_stats()->by_event.counts[MSG_LINE_ALLOCATED][EVENT_PUBLISHED];

	ck_assert_str_eq(publish_now("a", behind_ten[_i].known, behind_ten[_i].rows), behind_ten[_i].answer);

	ck_assert_str_eq(events_heard(), behind_ten[_i].heard);
	ck_assert_uint_eq(publisher_stats()->by_event.counts[MSG_LINE_ALLOCATED][EVENT_PUBLISHED] - before,
			  strlen(behind_ten[_i].heard) / 2);
}
END_TEST

START_TEST(a_call_whose_rows_follow_a_gap_is_counted)
{
	publish_now("a", 0, "1=one");
	ck_assert_uint_eq(publisher_stats()->gaps, 0);
	publish_now("b", 0, "3=three");
	publish_now("c", 0, "2=two 4=four");

	ck_assert_uint_eq(publisher_stats()->gaps, 2);
	ck_assert_uint_eq(publisher_stats()->refused, 0);
}
END_TEST

START_TEST(of_two_publishers_of_the_same_rows_each_row_goes_out_once)
{
	struct redis_publisher *first = world.publisher;
	uint64_t published;

	start_publisher(NULL);
	run_until(publisher_is_up());
	for (int64_t i = 1; i <= 50; i++) {
		const struct publication *publication =
			publication_from(0, arena_printf(world.arena, "%d=%d", (int)i, (int)i));

		submit_rows(i % 3 ? first : world.publisher, publication, "a");
		submit_rows(i % 3 ? world.publisher : first, publication, "b");
		run_until(answered("ab"));
		answers[0] = '\0';
		ck_assert_str_eq(events_heard(), arena_printf(world.arena, "%d ", (int)i));
	}

	published = publisher_stats()->published + redis_publisher_stats(first)->published;
	redis_publisher_free(&first);
	ck_assert_uint_eq(published, 50);
}
END_TEST

START_TEST(two_publishers_of_alternating_rows_wait_for_each_other)
{
	struct redis_publisher *first = world.publisher;

	start_publisher(NULL);
	run_until(publisher_is_up());
	submit_rows(world.publisher, publication_from(0, "2=two"), "a");
	run_until(answered("a"));
	submit_rows(first, publication_from(0, "1=one"), "b");
	run_until(answered("ab"));
	submit_rows(world.publisher, publication_from(0, "2=two"), "c");
	run_until(answered("abc"));
	submit_rows(first, publication_from(1, "3=three"), "d");
	run_until(answered("abcd"));

	ck_assert_str_eq(answers, "a=0/0 b=1/1 c=2/1 d=3/1 ");
	ck_assert_str_eq(events_heard(), "one two three ");
	redis_publisher_free(&first);
}
END_TEST

START_TEST(each_partition_and_each_incarnation_has_its_own_fence)
{
	struct publication *other = publication_from(0, "1=other"),
			   *restored = publication_from(0, "1=restored");

	publish_now("a", 0, "1=one 2=two");
	other->partition = 4;
	restored->incarnation = "two";
	submit_rows(world.publisher, other, "b");
	submit_rows(world.publisher, restored, "c");
	run_until(answered("abc"));

	ck_assert_str_eq(answers, "a=2/2 b=1/1 c=1/1 ");
	ck_assert_str_eq(events_heard(), "one two other restored ");
	ck_assert_int_eq(command("HLEN p:allocd:fence:one"), 2);
	ck_assert_int_eq(command("HLEN p:allocd:fence:two"), 1);
}
END_TEST

static void publish_on(const char *system, const char *timeline, struct publication *publication)
{
	answers[0] = '\0';
	publication->system = system;
	publication->timeline = timeline;
	submit_rows(world.publisher, publication, "a");
	run_until(answered("a"));
}

START_TEST(nothing_of_an_older_timeline_of_the_same_system_is_published)
{
	publish_now("a", 0, "1=one");
	publish_on("7", "0000000A", publication_from(1, ""));

	publish_on("7", "00000009", publication_from(5, "6=late"));
	ck_assert_str_eq(answers, "A ");
	ck_assert_int_eq(failure_kind, FAILURE_FENCED);
	ck_assert_str_eq(
		failure_text,
		"FENCED another worker has published on timeline 0000000A of the database, and this one is "
		"on 00000009");
	ck_assert_int_eq(command("HINCRBY p:allocd:fence:one 3 0"), 1);
	ck_assert_str_eq(events_heard(), "one ");
}
END_TEST

static const struct {
	const char *system, *timeline;
} not_older[] = {{"7", "0000000A"}, {"7", "00000010"}, {"8", "00000001"}, {NULL, NULL}};

START_TEST(a_timeline_that_is_not_older_and_one_of_another_system_are_accepted)
{
	publish_on("7", "0000000A", publication_from(1, ""));
	publish_on(not_older[_i].system, not_older[_i].timeline, publication_from(5, "6=one"));
	ck_assert_str_eq(answers, "a=6/1 ");
}
END_TEST

START_TEST(a_missing_fence_begins_at_the_position_that_the_caller_knows)
{
	ck_assert_str_eq(publish_now("a", 41, "42=one"), "a=42/1 ");
	command("FLUSHALL");
	ck_assert_str_eq(publish_now("b", 42, "43=two"), "b=43/1 ");
	command("FLUSHALL");
	ck_assert_str_eq(publish_now("c", 42, "45=four"), "c=42/0 ");

	ck_assert_str_eq(events_heard(), "one two ");
}
END_TEST

/* The largest integers that Lua can distinguish from the next one. */
START_TEST(positions_up_to_two_to_the_53_are_exact)
{
	ck_assert_str_eq(publish_now("a", 9007199254740989, "9007199254740990=one"), "a=9007199254740990/1 ");
	ck_assert_str_eq(publish_now("b", 0, "9007199254740990=one 9007199254740991=two"),
			 "b=9007199254740991/1 ");
	ck_assert_str_eq(publish_now("c", 0, "9007199254740991=two"), "c=9007199254740991/0 ");
}
END_TEST

START_TEST(unused_fences_expire)
{
	long long life_ms;

	publish_now("a", 0, "1=one");
	command("PEXPIRE p:allocd:fence:one 1000");
	publish_now("b", 1, "2=two");

	life_ms = command("PTTL p:allocd:fence:one");
	ck_assert_int_gt(life_ms, 29LL * 24 * 60 * 60 * 1000);
	ck_assert_int_le(life_ms, 30LL * 24 * 60 * 60 * 1000);
}
END_TEST

START_TEST(a_script_that_redis_forgot_is_loaded_again)
{
	publish_now("a", 0, "1=one");
	command("SCRIPT FLUSH");
	publish_rows("b", 1, "2=two");
	publish_rows("c", 2, "3=three");
	run_until(answered("abc"));

	ck_assert_str_eq(answers, "a=1/1 b=2/1 c=3/1 ");
	ck_assert_str_eq(events_heard(), "one two three ");
	ck_assert_uint_eq(publisher_stats()->refused, 0);
}
END_TEST

SUITE("redis publisher", publisher_setup, publisher_teardown, .timeout_s = 120)
{
	tcase_add_loop_test(tests, rows_are_published_behind_the_fence_without_gaps, 0, COUNT(behind_ten));
	tcase_add_test(tests, a_call_whose_rows_follow_a_gap_is_counted);
	tcase_add_test(tests, of_two_publishers_of_the_same_rows_each_row_goes_out_once);
	tcase_add_test(tests, two_publishers_of_alternating_rows_wait_for_each_other);
	tcase_add_test(tests, each_partition_and_each_incarnation_has_its_own_fence);
	tcase_add_test(tests, nothing_of_an_older_timeline_of_the_same_system_is_published);
	tcase_add_loop_test(tests, a_timeline_that_is_not_older_and_one_of_another_system_are_accepted, 0,
			    COUNT(not_older));
	tcase_add_test(tests, a_missing_fence_begins_at_the_position_that_the_caller_knows);
	tcase_add_test(tests, positions_up_to_two_to_the_53_are_exact);
	tcase_add_test(tests, unused_fences_expire);
	tcase_add_test(tests, a_script_that_redis_forgot_is_loaded_again);
}
