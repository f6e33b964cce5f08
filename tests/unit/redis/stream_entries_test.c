/* Replies to XREADGROUP, good and malformed. */
#include "adapters/redis/stream/stream_entries.h"

#include "replies.h"
#include "support/suites.h"

#include <string.h>

static struct stream_entries entries;

static bool take(const char *text)
{
	redisReply *reply = reply_written(text);
	bool good = stream_entries_parse(&entries, reply);

	return good;
}

START_TEST(a_nil_reply_holds_no_entries)
{
	entries.count = 7;

	ck_assert(take("nil"));
	ck_assert_uint_eq(entries.count, 0);
	ck_assert(take("[['key' []]]"));
	ck_assert_uint_eq(entries.count, 0);
}
END_TEST

START_TEST(an_entry_keeps_nothing_of_the_one_before_it)
{
	ck_assert(take("[['key' [['1-1' ['type' 'x' 'data' 'y' 'id' 'z']] ['2-1' nil]]]]"));
	ck_assert_uint_eq(entries.count, 2);
	ck_assert_ptr_nonnull(entries.all[0].defect);
	ck_assert(entries.all[1].gone);

	ck_assert(take(
		"[['key' [['3-1' ['type' 'allocate' 'data' '']] ['4-1' ['data' 'x' 'type' 'allocate']]]]]"));
	ck_assert_uint_eq(entries.count, 2);
	for (size_t i = 0; i < 2; i++) {
		ck_assert_ptr_null(entries.all[i].defect);
		ck_assert_ptr_null(entries.all[i].message_id);
		ck_assert_int_eq(entries.all[i].type, MSG_ALLOCATE);
		ck_assert(!entries.all[i].gone);
		ck_assert_uint_eq(entries.all[i].payload_size, i);
	}
}
END_TEST

static const char *const others[] = {":1",
				     "[]",
				     "-NOGROUP",
				     "'x'",
				     "[['key']]",
				     "[['key' nil]]",
				     "[['key' []] ['key' []]]",
				     "[['key' ['1-1' []]]]",
				     "[['key' [[]]]]",
				     "[['key' [['1-1']]]]",
				     "[['key' [['x' []]]]]",
				     "[['key' [[:1 []]]]]",
				     "[['key' [['1-1' :1]]]]",
				     "[['key' [['1-1' ['type' :1]]]]]",
				     "[['key' [['1-1' [['type'] 'x']]]]]"};

START_TEST(a_reply_that_is_no_list_of_entries_is_refused)
{
	ck_assert(!take(others[_i]));
}
END_TEST

START_TEST(more_entries_than_requested_are_refused)
{
	char text[16384] = "[['key' [";

	for (int i = 0; i < STREAM_READ_MAX; i++)
		strcat(text, "['1-1' []]");
	strcpy(text + strlen(text), "]]]");
	ck_assert(take(text));
	strcpy(text + strlen(text) - 3, "['1-1' []]]]]");
	ck_assert(!take(text));
}
END_TEST

SUITE("redis entries")
{
	tcase_add_test(tests, a_nil_reply_holds_no_entries);
	tcase_add_test(tests, an_entry_keeps_nothing_of_the_one_before_it);
	tcase_add_loop_test(tests, a_reply_that_is_no_list_of_entries_is_refused, 0, COUNT(others));
	tcase_add_test(tests, more_entries_than_requested_are_refused);
}
