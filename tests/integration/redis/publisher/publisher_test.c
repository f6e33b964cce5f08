/* The broker port on a real Redis: channels, the event stream, signals, and large publications. */
#include "integration/redis/publisher/publisher_world.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- publishing ---- */

START_TEST(an_event_goes_to_the_channel_of_its_name)
{
	redisContext *context = server_control(&world.server);
	struct outgoing one = {.type = event_types[_i], .payload = {"a\0\r\n", 4}};
	struct outgoing_row row = {1, &one, 1};
	redisReply *reply;

	freeReplyObject(redisCommand(context, "SUBSCRIBE p:%s", message_name(event_types[_i])));
	submit_rows(world.publisher,
		    &(struct publication){.incarnation = "one", .rows = &row, .row_count = 1}, "a");
	run_until(answered("a"));

	ck_assert_int_eq(redisGetReply(context, (void **)&reply), REDIS_OK);
	ck_assert_uint_eq(reply->element[2]->len, 4);
	ck_assert_mem_eq(reply->element[2]->str, "a\0\r\n", 4);
	freeReplyObject(reply);
	redisFree(context);
}
END_TEST

START_TEST(rows_are_published_in_order)
{
	publish_rows("a", 0, "1=one,two 2= 3=three");
	publish_rows("b", 0, "4=!four");
	publish_rows("c", 0, "");
	run_until(answered("abc"));

	ck_assert_str_eq(answers, "a=3/3 b=4/1 c=4/0 ");
	ck_assert_str_eq(events_heard(), "one two three four ");
	ck_assert_uint_eq(publisher_stats()->published, 4);
	ck_assert_uint_eq(publisher_stats()->unheard, 0);
}
END_TEST

START_TEST(an_event_of_an_unknown_type_is_left_out)
{
	ck_assert_str_eq(publish_now("a", 0, "1=?new,one 2=?new 3=two"), "a=3/2 ");
	ck_assert_str_eq(events_heard(), "one two ");
}
END_TEST

START_TEST(an_event_without_a_subscriber_is_counted)
{
	hear_nothing();
	ck_assert_str_eq(publish_now("a", 0, "1=one,two"), "a=1/2 ");
	hear_events("p:line_allocated");
	ck_assert_str_eq(publish_now("b", 1, "2=three"), "b=2/1 ");

	ck_assert_uint_eq(publisher_stats()->published, 3);
	ck_assert_uint_eq(publisher_stats()->unheard, 2);
	ck_assert_uint_eq(publisher_stats()->by_event.counts[MSG_LINE_ALLOCATED][EVENT_UNHEARD], 2);
	ck_assert_uint_eq(publisher_stats()->by_event.counts[MSG_LINE_ALLOCATED][EVENT_PUBLISHED], 1);
}
END_TEST

static const struct {
	const char *channels;
	uint64_t unheard, unheard_predecessors;
} listeners[] = {
	{"p:line_allocated p:line_deallocated", 1, 0},
	{"p:line_allocated", 1, 4},
	{"p:line_deallocated", 1, 0},
	{"p:out_of_stock", 3, 4},
	{"p:line_deallocated p:out_of_stock", 0, 0},
	{"p:other", 4, 4},
};

static const char *const rows_with_predecessors = "1=one,<one 2=?new,!two 3=three,<three,<three,four,<four";

START_TEST(an_event_that_was_heard_under_one_of_its_names_is_not_unheard)
{
	const struct event_statistics *by_event = &publisher_stats()->by_event;

	hear_nothing();
	hear_events(listeners[_i].channels);
	ck_assert_str_eq(publish_now("a", 0, rows_with_predecessors), "a=3/8 ");

	ck_assert_uint_eq(publisher_stats()->unheard, listeners[_i].unheard);
	ck_assert_uint_eq(by_event->counts[MSG_LINE_DEALLOCATED][EVENT_UNHEARD],
			  listeners[_i].unheard_predecessors);
	ck_assert_uint_eq(by_event->counts[MSG_LINE_DEALLOCATED][EVENT_PUBLISHED],
			  4 - listeners[_i].unheard_predecessors);
}
END_TEST

START_TEST(without_the_fence_an_event_is_unheard_under_the_same_condition)
{
	hear_nothing();
	hear_events(listeners[_i].channels);
	command("CONFIG SET maxmemory 1");
	ck_assert_str_eq(publish_now("a", 0, rows_with_predecessors), "a=3/8 ");
	command("CONFIG SET maxmemory 0");

	ck_assert_uint_eq(publisher_stats()->unfenced, 8);
	ck_assert_uint_eq(publisher_stats()->unheard, listeners[_i].unheard);
}
END_TEST

/* ---- much at once ---- */

static const struct {
	size_t sizes[6], count;
	int calls;
} cuts[] = {
	{{MIB / 2, MIB / 2 - 1024}, 2, 1},
	{{MIB / 2, MIB / 2}, 2, 2},
	{{400000, 400000, 400000, 400000, 400000, 10}, 6, 3},
	{{10, 3 * MIB, 10, 10}, 4, 3},
};

START_TEST(a_call_is_of_a_mebibyte_at_most_or_of_one_row)
{
	const char *letters = "a b c d e f ";

	submit_rows(world.publisher, large_rows(cuts[_i].sizes, cuts[_i].count), "a");
	run_until(answered("a"));

	ck_assert_str_eq(answers, arena_printf(world.arena, "a=%zu/%zu ", cuts[_i].count, cuts[_i].count));
	ck_assert_int_eq(script_calls(), cuts[_i].calls);
	ck_assert_int_eq(strncmp(events_heard(), letters, 2 * cuts[_i].count), 0);
}
END_TEST

START_TEST(rows_behind_a_gap_are_not_sent)
{
	static const size_t sizes[] = {MIB, MIB, MIB};
	struct publication *publication = large_rows(sizes, 3);

	publication->rows++;
	publication->row_count--;
	submit_rows(world.publisher, publication, "a");
	run_until(answered("a"));

	ck_assert_str_eq(answers, "a=0/0 ");
	ck_assert_int_eq(script_calls(), 1);
	ck_assert_str_eq(events_heard(), "");
}
END_TEST

/* The size of unsent publications is bounded. */
START_TEST(calls_fail_while_redis_does_not_read_what_was_sent)
{
	enum { SIZE = 2 * 1024 * 1024 - 4096, CALLS = 26 };
	char *payload = calloc(1, SIZE);
	char letters[] = "abcdefghijklmnopqrstuvwxyz";
	struct outgoing large = {.type = MSG_LINE_ALLOCATED, .payload = {payload, SIZE}};
	size_t accepted;

	world.settings.silence_max_ms = 600000; /* no PING takes unsent calls along */
	use_stream();
	kill(world.server.pid, SIGSTOP);
	run_once();
	for (int i = 0; i < CALLS; i++) {
		publish_events(world.publisher, &large, 1, on_rows_published, &letters[i]);
		run_for(20);
	}
	run_for(200);

	ck_assert_uint_lt(world.most_memory, PUBLISHER_OUTPUT_MAX + 3 * SIZE);
	ck_assert_int_eq(answers[strlen(answers) - 2], 'Z');
	ck_assert_ptr_null(strchr(answers, '='));
	accepted = CALLS - strlen(answers) / 2;
	kill(world.server.pid, SIGCONT);
	run_until(answered(letters));
	ck_assert_uint_eq(publisher_stats()->published, accepted);
	ck_assert_uint_gt(accepted, 0);
	free(payload);

	/* The connection, which had to wait for room, sends again at once. */
	publish_rows("!", world.rows, "1=one");
	run_until(answered("!"));
}
END_TEST

/* ---- the stream of events ---- */

START_TEST(the_event_stream_keeps_what_was_published)
{
	redisReply *reply;

	use_stream();
	publish_now("a", 0, "1=!one 2=two");

	ck_assert_str_eq(events_heard(), "one two ");
	reply = redisCommand(world.control, "XRANGE p:events - +");
	ck_assert_uint_eq(reply->elements, 2);
	for (size_t i = 0; i < 2; i++) {
		redisReply *fields = reply->element[i]->element[1];

		ck_assert_uint_eq(fields->elements, 4);
		ck_assert_str_eq(fields->element[0]->str, "type");
		ck_assert_str_eq(fields->element[1]->str, i ? "line_allocated" : "out_of_stock");
		ck_assert_str_eq(fields->element[2]->str, "data");
		ck_assert_str_eq(fields->element[3]->str, i ? "two" : "one");
	}
	freeReplyObject(reply);
}
END_TEST

START_TEST(the_event_stream_is_trimmed)
{
	enum { PORTION = 5000, CALLS = 22 };
	static struct outgoing events[PORTION];
	static char letters[] = "abcdefghijklmnopqrstuv";

	use_stream();
	for (int i = 0; i < PORTION; i++)
		events[i] = (struct outgoing){.type = MSG_OUT_OF_STOCK, .payload = {"x", 1}};
	for (int i = 0; i < CALLS; i++)
		publish_events(world.publisher, events, PORTION, on_rows_published, &letters[i]);
	run_until(answered(letters));

	ck_assert_uint_eq(publisher_stats()->published, PORTION * CALLS);
	ck_assert_int_ge(command("XLEN p:events"), 100000);
	ck_assert_int_le(command("XLEN p:events"), 101000);
}
END_TEST

/* ---- what is no event ---- */

START_TEST(a_signal_is_published_and_is_no_event)
{
	redisContext *context = server_control(&world.server);
	redisReply *reply;

	freeReplyObject(redisCommand(context, "SUBSCRIBE p:allocd:quiet"));
	redis_publisher_signal(world.publisher, "allocd:quiet", (struct bytes){"token", 5});
	publish_now("a", 0, "1=one");

	ck_assert_int_eq(redisGetReply(context, (void **)&reply), REDIS_OK);
	ck_assert_str_eq(reply->element[2]->str, "token");
	ck_assert_uint_eq(publisher_stats()->published, 1);
	freeReplyObject(reply);
	redisFree(context);
}
END_TEST

START_TEST(a_refused_signal_is_logged_once)
{
	command("ACL SETUSER default resetchannels &p:line_allocated");
	for (int i = 0; i < 3; i++) {
		redis_publisher_signal(world.publisher, "allocd:quiet", (struct bytes){"token", 5});
		publish_now("a", 0, "1=one");
	}

	ck_assert_uint_eq(log_lines("Redis refuses signals"), 1);
	ck_assert_uint_eq(publisher_stats()->refused, 0);
}
END_TEST

START_TEST(without_redis_a_signal_is_dropped)
{
	server_kill(&world.server);
	run_until(!publisher_is_up());

	redis_publisher_signal(world.publisher, "allocd:quiet", (struct bytes){"token", 5});

	server_restart(&world.server);
	run_until(publisher_is_up());
}
END_TEST

SUITE("redis publisher", publisher_setup, publisher_teardown, .timeout_s = 120)
{
	tcase_add_loop_test(tests, an_event_goes_to_the_channel_of_its_name, 0, EVENT_TYPES);
	tcase_add_test(tests, rows_are_published_in_order);
	tcase_add_test(tests, an_event_of_an_unknown_type_is_left_out);
	tcase_add_test(tests, an_event_without_a_subscriber_is_counted);
	tcase_add_loop_test(tests, an_event_that_was_heard_under_one_of_its_names_is_not_unheard, 0,
			    COUNT(listeners));
	tcase_add_loop_test(tests, without_the_fence_an_event_is_unheard_under_the_same_condition, 0,
			    COUNT(listeners));
	tcase_add_loop_test(tests, a_call_is_of_a_mebibyte_at_most_or_of_one_row, 0, COUNT(cuts));
	tcase_add_test(tests, rows_behind_a_gap_are_not_sent);
	tcase_add_test(tests, calls_fail_while_redis_does_not_read_what_was_sent);
	tcase_add_test(tests, the_event_stream_keeps_what_was_published);
	tcase_add_test(tests, the_event_stream_is_trimmed);
	tcase_add_test(tests, a_signal_is_published_and_is_no_event);
	tcase_add_test(tests, a_refused_signal_is_logged_once);
	tcase_add_test(tests, without_redis_a_signal_is_dropped);
}
