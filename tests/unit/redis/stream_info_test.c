/* The state of a stream, as several versions of Redis report it, and as it changes between two answers. */
#include "adapters/redis/stream/stream_info.h"

#include "replies.h"
#include "support/suites.h"

#include <stdio.h>
#include <string.h>

static struct stream_info info;

static bool begin(const char *text)
{
	redisReply *reply = reply_written(text);
	bool good = stream_info_begin(&info, reply);

	return good;
}

static bool take_groups(const char *text)
{
	redisReply *reply = reply_written(text);
	bool good = stream_info_parse_groups(&info, reply, "g");

	return good;
}

static bool take_pending(const char *text)
{
	redisReply *reply = reply_written(text);
	bool good = stream_info_parse_pending(&info, reply, "me");

	return good;
}

/* last_generated, then, of our group, done and pending, then done_by_all. */
static void assert_state(const char *expected)
{
	const struct stream_state *state = &info.state;
	char ids[3][STREAM_ID_TEXT], text[256];

	stream_id_format(state->last_generated, ids[0]);
	stream_id_format(state->done, ids[1]);
	stream_id_format(state->done_by_all, ids[2]);
	snprintf(text, sizeof text, "%s %s%s %d %s", ids[0], state->has_group ? "" : "without ", ids[1],
		 (int)state->pending, ids[2]);
	ck_assert_str_eq(text, expected);
}

/* ---- versions ---- */

#define ENTRY "['1-1' ['type' 'allocate' 'last-generated-id' '77-7']]"

static const char *const streams[] = {
	/* 6.2 */
	"['length' :1 'radix-tree-keys' :1 'radix-tree-nodes' :2 'last-generated-id' '5-1' 'groups' :1"
	" 'first-entry' " ENTRY " 'last-entry' nil]",
	/* 7.0 */
	"['length' :1 'radix-tree-keys' :1 'radix-tree-nodes' :2 'last-generated-id' '5-1'"
	" 'max-deleted-entry-id' '0-0' 'entries-added' :1 'recorded-first-entry-id' '1-1' 'groups' :1"
	" 'first-entry' " ENTRY " 'last-entry' " ENTRY "]",
	/* in another order, and more of it */
	"['first-entry' " ENTRY " 'last-generated-id' '5-1' 'x' ['last-generated-id' '9-9'] 'y']",
};

static const char *const groups[] = {
	"[['name' 'g' 'consumers' :1 'pending' :1 'last-delivered-id' '4-1']]",
	"[['name' 'g' 'consumers' :1 'pending' :1 'last-delivered-id' '4-1' 'entries-read' nil 'lag' :3]]",
	"[['lag' :3 'last-delivered-id' '4-1' 'x' ['name' 'y'] 'name' 'g']]",
};

START_TEST(fields_of_xinfo_are_found_by_name)
{
	ck_assert(begin(streams[_i]));
	ck_assert(take_groups(groups[_i]));
	ck_assert(take_pending("[:2 '2-0' '4-1' [['me' '2']]]"));

	assert_state("5-1 1-18446744073709551615 2 1-18446744073709551615");
}
END_TEST

static const struct {
	const char *pending;
	bool others_hold_some;
} holders[] = {
	{"[:0 nil nil nil]", false},
	{"[:2 '2-0' '4-1' [['me' '2']]]", false},
	{"[:2 '2-0' '4-1' [['me' '1'] ['mee' '1']]]", true},
	{"[:1 '2-0' '4-1' [['other' '1']]]", true},
};

START_TEST(it_is_known_whether_another_consumer_holds_entries)
{
	ck_assert(begin(streams[0]));
	ck_assert(take_groups(groups[0]));
	ck_assert(take_pending(holders[_i].pending));

	ck_assert_int_eq(info.state.others_hold_some, holders[_i].others_hold_some);
}
END_TEST

static const struct {
	const char *group;
	int64_t lag;
} lags[] = {
	{"[['name' 'g' 'last-delivered-id' '0-9' 'lag' :3]]", 3},
	{"[['name' 'g' 'last-delivered-id' '0-9' 'lag' nil]]", -1},
	{"[['name' 'g' 'last-delivered-id' '1-1' 'lag' :0]]", 0},
	{"[['name' 'g' 'last-delivered-id' '1-1' 'lag' :3]]", 0},
	{"[['name' 'g' 'last-delivered-id' '5-1' 'lag' :3]]", 0},
	{"[['name' 'g' 'last-delivered-id' '5-1']]", -1},
};

/* The last entry of the stream is 1-1. */
START_TEST(a_group_with_the_last_entry_has_no_lag)
{
	ck_assert(begin(streams[1]));
	ck_assert(take_groups(lags[_i].group));

	ck_assert_int_eq(info.state.lag, lags[_i].lag);
}
END_TEST

/* ---- what happens between two answers ---- */

START_TEST(a_group_without_pending_entries_has_done_all_it_was_delivered)
{
	ck_assert(begin(streams[0]));
	ck_assert(take_groups(groups[0]));
	ck_assert(take_pending("[:0 nil nil nil]"));

	assert_state("5-1 4-1 0 4-1");
}
END_TEST

/* The entry was delivered after the reply to XINFO GROUPS. */
START_TEST(pending_entries_above_the_last_delivered_one_do_not_count)
{
	ck_assert(begin(streams[0]));
	ck_assert(take_groups(groups[0]));
	ck_assert(take_pending("[:1 '5-1' '5-1' [['me' '1']]]"));

	assert_state("5-1 4-1 1 4-1");
}
END_TEST

#define TWO                                                                                                  \
	"[['name' 'f' 'last-delivered-id' '3-0'] ['name' 'g' 'last-delivered-id' '4-1'] ['name' 'gg' "       \
	"'last-delivered-id' '4-0']]"

START_TEST(a_group_that_vanished_meanwhile_is_left_out)
{
	ck_assert(begin(streams[0]));
	ck_assert(take_groups(TWO));
	ck_assert(take_pending("-NOGROUP No such key 'x' or consumer group 'f'"));
	ck_assert(take_pending("[:0 nil nil nil]"));
	ck_assert(take_pending("[:0 nil nil nil]"));

	assert_state("5-1 4-1 0 4-0");
}
END_TEST

START_TEST(our_group_that_vanished_meanwhile_is_missing)
{
	ck_assert(begin(streams[0]));
	ck_assert(take_groups(TWO));
	ck_assert(take_pending("[:0 nil nil nil]"));
	ck_assert(take_pending("-NOGROUP No such key 'x' or consumer group 'g'"));
	ck_assert(take_pending("[:0 nil nil nil]"));

	assert_state("5-1 without 0-0 0 3-0");
}
END_TEST

START_TEST(without_groups_left_nothing_is_done)
{
	ck_assert(begin(streams[0]));
	ck_assert(take_groups(groups[0]));
	ck_assert(take_pending("-NOGROUP"));

	assert_state("5-1 without 0-0 0 0-0");
}
END_TEST

START_TEST(a_stream_that_vanished_meanwhile_is_missing)
{
	ck_assert(begin(streams[0]));
	ck_assert(take_groups("-ERR no such key"));

	ck_assert_uint_eq(info.groups, 0);
	assert_state("0-0 without 0-0 0 0-0");
}
END_TEST

/* ---- what is no answer ---- */

static const char *const no_streams[] = {"nil",
					 "[]",
					 ":1",
					 "-NOPERM",
					 "-ERR unknown command",
					 "['last-generated-id' :1]",
					 "['last-generated-id' 'x']",
					 "['last-generated-id']"};

START_TEST(a_reply_without_a_last_id_is_no_stream)
{
	ck_assert(!begin(no_streams[_i]));
}
END_TEST

static const char *const no_groups[] = {"nil",
					":1",
					"-NOPERM",
					"[nil]",
					"[['name' 'g']]",
					"[['last-delivered-id' '1-1']]",
					"[['name' :1 'last-delivered-id' '1-1']]",
					"[['name' 'g' 'last-delivered-id' 'x']]"};

START_TEST(a_reply_without_names_and_ids_is_no_list_of_groups)
{
	ck_assert(begin(streams[0]));
	ck_assert(!take_groups(no_groups[_i]));
}
END_TEST

static const char *const no_pendings[] = {"nil",         "[]",   ":0",       "-NOPERM",
					  "['1' '1-1']", "[:1]", "[:1 nil]", "[:1 'x']"};

START_TEST(a_reply_without_a_lowest_id_is_no_summary_of_pending_entries)
{
	ck_assert(begin(streams[0]));
	ck_assert(take_groups(groups[0]));
	ck_assert(!take_pending(no_pendings[_i]));
}
END_TEST

SUITE("redis standing")
{
	tcase_add_loop_test(tests, fields_of_xinfo_are_found_by_name, 0, COUNT(streams));
	tcase_add_loop_test(tests, it_is_known_whether_another_consumer_holds_entries, 0, COUNT(holders));
	tcase_add_loop_test(tests, a_group_with_the_last_entry_has_no_lag, 0, COUNT(lags));
	tcase_add_test(tests, a_group_without_pending_entries_has_done_all_it_was_delivered);
	tcase_add_test(tests, pending_entries_above_the_last_delivered_one_do_not_count);
	tcase_add_test(tests, a_group_that_vanished_meanwhile_is_left_out);
	tcase_add_test(tests, our_group_that_vanished_meanwhile_is_missing);
	tcase_add_test(tests, without_groups_left_nothing_is_done);
	tcase_add_test(tests, a_stream_that_vanished_meanwhile_is_missing);
	tcase_add_loop_test(tests, a_reply_without_a_last_id_is_no_stream, 0, COUNT(no_streams));
	tcase_add_loop_test(tests, a_reply_without_names_and_ids_is_no_list_of_groups, 0, COUNT(no_groups));
	tcase_add_loop_test(tests, a_reply_without_a_lowest_id_is_no_summary_of_pending_entries, 0,
			    COUNT(no_pendings));
}
