/* The stream port on a real Redis: its groups, their state, and what happens without one. */
#include "integration/redis/stream/reading.h"
#include "support/suites.h"

#include <stdio.h>
#include <string.h>

static void setup(void)
{
	set_up_reading(NULL, 0);
}

static void setup_group(void)
{
	set_up_reading(NULL, 0);
	DO(create_group, ("0-0"));
}

/* ---- look, create_group ---- */

START_TEST(a_missing_stream_has_no_group)
{
	DO(look, ());

	assert_id(reading.state.last_generated, "0-0");
	ck_assert(!reading.state.has_group);
}
END_TEST

START_TEST(a_stream_without_groups_has_nothing_done)
{
	add_numbers(1, 3);
	DO(look, ());

	assert_id(reading.state.last_generated, "3-1");
	ck_assert(!reading.state.has_group);
	assert_id(reading.state.done_by_all, "0-0");
}
END_TEST

START_TEST(a_group_makes_the_stream_and_stays)
{
	DO(create_group, ("0-0"));
	add_numbers(1, 5);
	DO(read_new, ());
	DO(create_group, ("3-1"));
	DO(look, ());

	ck_assert(reading.state.has_group);
	ck_assert_uint_eq(reading.state.pending, 5);
}
END_TEST

START_TEST(a_group_begins_at_the_given_id)
{
	add_numbers(1, 5);
	DO(create_group, ("3-1"));
	DO(read_new, ());

	assert_read(4, 5);
}
END_TEST

START_TEST(entries_below_the_first_pending_one_are_done)
{
	DO(create_group, ("0-0"));
	add_numbers(1, 6);
	DO(look, ());
	assert_id(reading.state.last_generated, "6-1");
	assert_id(reading.state.done, "0-0");
	ck_assert_uint_eq(reading.state.pending, 0);

	DO(read_new, ());
	DO(look, ());
	assert_id(reading.state.done, "1-0");
	ck_assert_uint_eq(reading.state.pending, 6);

	acknowledge_numbers(1, 2);
	acknowledge_numbers(4, 4);
	DO(look, ());
	assert_id(reading.state.done, "3-0");
	assert_id(reading.state.done_by_all, "3-0");
	ck_assert_uint_eq(reading.state.pending, 3);

	acknowledge_numbers(1, 6);
	DO(look, ());
	assert_id(reading.state.done, "6-1");
	assert_id(reading.state.done_by_all, "6-1");
	ck_assert_uint_eq(reading.state.pending, 0);
}
END_TEST

START_TEST(the_slowest_group_determines_what_all_have_done)
{
	DO(create_group, ("0-0"));
	add_numbers(1, 6);
	DO(read_new, ());
	acknowledge_numbers(1, 6);
	command("XGROUP CREATE p:commands other 4-1");
	command("XGROUP CREATE p:commands %b 5-1", "binary\0\r\n", (size_t)9);
	DO(look, ());
	assert_id(reading.state.done, "6-1");
	assert_id(reading.state.done_by_all, "4-1");

	command("XREADGROUP GROUP other c COUNT 2 STREAMS p:commands >");
	DO(look, ());
	assert_id(reading.state.done_by_all, "5-0");

	command("XACK p:commands other 5-1 6-1");
	DO(look, ());
	assert_id(reading.state.done_by_all, "5-1");
}
END_TEST

START_TEST(too_many_consumer_groups_are_reported)
{
	DO(create_group, ("0-0"));
	for (int i = 1; i < 1023; i++)
		command("XGROUP CREATE p:commands g%d 0", i);
	DO(look, ());
	ck_assert(reading.state.has_group);

	command("XGROUP CREATE p:commands g1023 0");
	begin_look();
	expect_failure(&reading.look, FAILURE_FATAL, "too many consumer groups");
}
END_TEST

/* The first and the last entry in the reply to XINFO STREAM are not kept in memory. */
START_TEST(the_state_of_a_stream_of_huge_entries_is_read)
{
	static char huge[8 << 20];
	size_t before;

	DO(create_group, ("0-0"));
	run_once();
	before = world.most_memory;
	memset(huge, 'x', sizeof huge);
	command("XADD p:commands 7-1 a %b b %b", huge, sizeof huge, huge, sizeof huge);
	DO(look, ());

	assert_id(reading.state.last_generated, "7-1");
	ck_assert_uint_ge(reading.state.largest, 2 * sizeof huge);
	ck_assert_uint_lt(world.most_memory, before + (1 << 20));
}
END_TEST

/* ---- move_group, mark_life ---- */

START_TEST(the_first_unread_and_the_first_pending_entry_are_known)
{
	DO(create_group, ("0-0"));
	DO(look, ());
	assert_id(reading.state.first_unread, "0-0");
	assert_id(reading.state.first_pending, "0-0");
	add_numbers(1, 3);
	DO(look, ());
	assert_id(reading.state.first_unread, "1-1");
	ck_assert_uint_eq(reading.state.length, 3);
	DO(read_new, ());
	acknowledge_numbers(1, 1);
	add_numbers(4, 5);
	DO(look, ());
	assert_id(reading.state.first_unread, "4-1");
	assert_id(reading.state.first_pending, "2-1");
	DO(read_new, ());
	acknowledge_numbers(2, 5);
	DO(look, ());
	assert_id(reading.state.first_unread, "0-0");
	assert_id(reading.state.first_pending, "0-0");
}
END_TEST

START_TEST(a_group_that_is_moved_back_gets_entries_again)
{
	DO(create_group, ("0-0"));
	add_numbers(1, 5);
	DO(read_new, ());
	acknowledge_numbers(1, 4);
	DO(move_group, ("2-1"));
	DO(look, ());
	assert_id(reading.state.delivered, "2-1");
	DO(read_new, ());

	assert_read(3, 5);
	DO(look, ());
	assert_id(reading.state.delivered, "5-1");
	ck_assert_uint_eq(reading.state.consumers, 1);
}
END_TEST

static const char *const lives[] = {"x.1", "b0a6b2a4-07fb-4c5f-a5f1-7a3a30c4e0c8.9223372036854775807"};

START_TEST(a_mark_lives_as_long_as_its_stream_and_holds_no_entries_back)
{
	DO(create_group, ("0-0"));
	DO(mark_life, (lives[_i]));
	DO(mark_life, (lives[_i]));
	command("XGROUP CREATE p:commands other:life:1 5-0"); /* it belongs to another group */
	add_numbers(1, 9);
	DO(read_new, ());
	acknowledge_numbers(1, 9);
	DO(look, ());
	ck_assert_str_eq(reading.state.lives, lives[_i]);
	assert_id(reading.state.done, "9-1");
	assert_id(reading.state.done_by_all, "5-0");

	command("XGROUP DESTROY p:commands g");
	DO(look, ());
	ck_assert(stream_lives_hold(reading.state.lives, lives[_i]));
	ck_assert(!stream_lives_hold(reading.state.lives, "x"));

	command("DEL p:commands");
	DO(create_group, ("0-0"));
	DO(look, ());
	ck_assert_str_eq(reading.state.lives, "");
}
END_TEST

/* ---- the group is lost, or another thing is in its place ---- */

static const char *const losses[] = {"XGROUP DESTROY p:commands g", "DEL p:commands", "FLUSHALL",
				     "RENAME p:commands elsewhere"};

START_TEST(without_the_group_a_call_fails_with_conflict)
{
	add_numbers(1, 3);
	DO(read_new, ());
	command(losses[_i]);

	begin_read_new();
	begin_read_pending("0-0");
	begin_claim();
	expect_failure(&reading.read_new, FAILURE_CONFLICT, "NOGROUP");
	expect_failure(&reading.read_pending, FAILURE_CONFLICT, "NOGROUP");
	expect_failure(&reading.claim, FAILURE_CONFLICT, "NOGROUP");
	DO(look, ());
	ck_assert(!reading.state.has_group);
	acknowledge_numbers(1, 3);
	ck_assert(stream_is_up());
}
END_TEST

START_TEST(a_read_that_may_not_wait_is_answered_at_once)
{
	begin_read_what_is_there();
	run_for(STREAM_WAIT_MS / 2);
	ck_assert(reading.read_new.came && !reading.read_new.failed);
	ck_assert_uint_eq(reading.count, 0);

	add_numbers(1, 3);
	begin_read_what_is_there();
	run_until(reading.read_new.came);
	ck_assert_uint_eq(reading.count, 3);
}
END_TEST

/* Redis reports it at once, when the wait ends, or (6.2) at the next read. */
START_TEST(a_group_that_is_lost_during_a_waiting_read_is_reported)
{
	begin_read_new();
	run_for(100);
	command(losses[_i]);
	run_until(reading.read_new.came);
	if (!reading.read_new.failed) {
		ck_assert_uint_eq(reading.count, 0);
		begin_read_new();
	}

	expect_failure(&reading.read_new, FAILURE_CONFLICT, "");
	ck_assert(stream_is_up());
}
END_TEST

START_TEST(a_group_that_was_lost_is_made_again)
{
	command(losses[_i]);
	begin_read_new();
	expect_failure(&reading.read_new, FAILURE_CONFLICT, "");
	DO(create_group, ("1-1"));
	add_numbers(5, 6);
	DO(read_new, ());

	ck_assert_uint_eq(reading.count, 2);
}
END_TEST

static const struct {
	const char *trouble, *cure;
	const char *words;
} troubles[] = {
	{"ACL SETUSER default -xreadgroup -xautoclaim -xack -xtrim -xinfo -xgroup",
	 "ACL SETUSER default +@all", "NOPERM"},
	{"RENAME p:commands kept", "RENAME kept p:commands", "WRONGTYPE"},
};

START_TEST(a_call_that_redis_refuses_may_be_retried)
{
	add_numbers(1, 3);
	DO(read_new, ());
	command(troubles[_i].trouble);
	if (!strcmp(troubles[_i].words, "WRONGTYPE"))
		command("SET p:commands x");

	begin_read_new();
	begin_claim();
	begin_acknowledge(&(struct stream_id){1, 1}, 1);
	begin_trim("1-1");
	expect_failure(&reading.read_new, FAILURE_FATAL, troubles[_i].words);
	expect_failure(&reading.claim, FAILURE_FATAL, troubles[_i].words);
	expect_failure(&reading.acknowledge, FAILURE_FATAL, troubles[_i].words);
	expect_failure(&reading.trim, FAILURE_FATAL, troubles[_i].words);
	ck_assert(stream_is_up());

	command(troubles[_i].cure);
	DO(look, ());
	ck_assert_uint_eq(reading.state.pending, 3);
}
END_TEST

START_TEST(a_key_of_another_type_is_reported)
{
	command("DEL p:commands");
	command("SET p:commands x");
	begin_look();
	begin_create_group("0-0");

	expect_failure(&reading.look, FAILURE_FATAL, "set ALLOCD_PREFIX");
	expect_failure(&reading.create_group, FAILURE_FATAL, "set ALLOCD_PREFIX");
}
END_TEST

SUITE("redis stream", setup, tear_down_reading, .timeout_s = 120)
{
	tcase_add_test(tests, a_missing_stream_has_no_group);
	tcase_add_test(tests, a_stream_without_groups_has_nothing_done);
	tcase_add_test(tests, a_group_makes_the_stream_and_stays);
	tcase_add_test(tests, a_group_begins_at_the_given_id);
	tcase_add_test(tests, entries_below_the_first_pending_one_are_done);
	tcase_add_test(tests, the_slowest_group_determines_what_all_have_done);
	tcase_add_test(tests, too_many_consumer_groups_are_reported);
	tcase_add_test(tests, the_first_unread_and_the_first_pending_entry_are_known);
	tcase_add_test(tests, a_group_that_is_moved_back_gets_entries_again);
	tcase_add_loop_test(tests, a_mark_lives_as_long_as_its_stream_and_holds_no_entries_back, 0,
			    COUNT(lives));
	tcase_add_test(tests, the_state_of_a_stream_of_huge_entries_is_read);
}

SUITE("redis stream", setup_group, tear_down_reading, .timeout_s = 120)
{
	tcase_add_test(tests, a_read_that_may_not_wait_is_answered_at_once);
	tcase_add_loop_test(tests, without_the_group_a_call_fails_with_conflict, 0, COUNT(losses));
	tcase_add_loop_test(tests, a_group_that_is_lost_during_a_waiting_read_is_reported, 0, COUNT(losses));
	tcase_add_loop_test(tests, a_group_that_was_lost_is_made_again, 0, COUNT(losses));
	tcase_add_loop_test(tests, a_call_that_redis_refuses_may_be_retried, 0, COUNT(troubles));
	tcase_add_test(tests, a_key_of_another_type_is_reported);
}
