/* Messages from a real Redis, through pauses and losses. */
#include "support/suites.h"
#include "world.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KIB ((size_t)1024)
#define MIB (KIB * KIB)

static void setup(void)
{
	world_setup();
	start_server(NULL, 0);
	use_url("redis://127.0.0.1:%d", world.server.port);
	subscribe();
	run_until(subscriber_is_up());
}

static const char *const signals[] = {"allocd:one", "allocd:two"};

static void hear_signals(void)
{
	redis_subscriber_free(&world.subscriber);
	subscribe_with_signals(signals, 2);
	run_until(subscriber_is_up());
}

/* Publishes the numbers from `first` to `last` on one channel, which must have one subscriber. */
static void publish_numbers(long first, long last)
{
	for (long number = first; number <= last; number++)
		redisAppendCommand(world.control, "PUBLISH p:allocate %ld", number);
	for (long number = first; number <= last; number++) {
		redisReply *reply;

		ck_assert_int_eq(redisGetReply(world.control, (void **)&reply), REDIS_OK);
		ck_assert_int_eq(reply->integer, 1);
		freeReplyObject(reply);
	}
}

/* Makes a payload of `size` bytes with a distinct first and last byte. */
static void publish_large(size_t size)
{
	char *payload = malloc(size);

	memset(payload, 'x', size);
	payload[0] = '<';
	payload[size - 1] = '>';
	ck_assert_int_eq(command("PUBLISH p:allocate %b", payload, size), 1);
	free(payload);
}

static bool reconnected(void)
{
	return world.told.ups == 2 && subscriber_is_up();
}

/* ---- hearing ---- */

START_TEST(each_channel_delivers_one_type_of_message)
{
	char channel[64];

	snprintf(channel, sizeof channel, "p:%s", message_name(command_types[_i]));
	command("PUBLISH %s %s", channel, "payload");
	run_until(world.told.messages == 1);

	ck_assert_int_eq(world.told.type, command_types[_i]);
	ck_assert_str_eq(world.told.channel, channel);
	ck_assert_mem_eq(world.told.payload, "payload", 7);
	ck_assert_uint_eq(world.told.true_size, 7);
}
END_TEST

START_TEST(messages_on_other_channels_are_not_received)
{
	ck_assert_int_eq(command("PUBLISH allocate x"), 0);
	ck_assert_int_eq(command("PUBLISH p:line_allocated x"), 0);
}
END_TEST

static const struct bytes payloads[] = {{"", 0}, {"\0", 1}, {"a\0b\r\n$-1\r\n", 10}, {"\xff\xfe", 2}};

START_TEST(a_payload_may_hold_any_bytes)
{
	command("PUBLISH p:allocate %b", payloads[_i].data, payloads[_i].size);
	run_until(world.told.messages == 1);

	ck_assert_uint_eq(world.told.size, payloads[_i].size);
	ck_assert_uint_eq(world.told.true_size, payloads[_i].size);
	ck_assert(!memcmp(world.told.payload, payloads[_i].data, payloads[_i].size));
}
END_TEST

START_TEST(a_payload_of_the_maximum_size_is_kept_whole)
{
	publish_large(64 * KIB);
	run_until(world.told.messages == 1);

	ck_assert_uint_eq(world.told.size, 64 * KIB);
	ck_assert_uint_eq(world.told.true_size, 64 * KIB);
	ck_assert_int_eq(world.told.payload[64 * KIB - 1], '>');
	ck_assert_uint_eq(redis_subscriber_stats(world.subscriber)->oversized, 0);
}
END_TEST

static const size_t oversized[] = {64 * KIB + 1, 256 * KIB, 8 * MIB};

START_TEST(a_larger_payload_is_drained_and_the_next_is_received)
{
	size_t before;

	run_once();
	before = world.most_memory;
	publish_large(oversized[_i]);
	run_until(world.told.messages == 1);

	ck_assert_uint_eq(world.told.size, 64 * KIB);
	ck_assert_uint_eq(world.told.true_size, oversized[_i]);
	ck_assert_int_eq(world.told.payload[0], '<');
	ck_assert_int_eq(world.told.payload[64 * KIB - 1], 'x');
	ck_assert_uint_eq(redis_subscriber_stats(world.subscriber)->oversized, 1);
	ck_assert_uint_lt(world.most_memory, before + MIB);

	publish_numbers(7, 7);
	run_until(world.told.messages == 2);
	ck_assert_int_eq(world.told.number, 7);
}
END_TEST

START_TEST(a_hundred_thousand_messages_arrive_in_order)
{
	for (long first = 1; first < 100000; first += 1000) {
		publish_numbers(first, first + 999);
		run_until(world.told.messages == (size_t)first + 999);
	}

	ck_assert_uint_eq(world.told.disorders, 0);
	ck_assert_uint_eq(redis_subscriber_stats(world.subscriber)->received, 100000);
}
END_TEST

START_TEST(signals_are_received_and_are_no_messages)
{
	hear_signals();
	command("PUBLISH p:allocd:two x");
	command("PUBLISH p:allocd:one y");
	command("PUBLISH p:allocate 7");
	run_until(world.told.messages == 1);

	ck_assert_str_eq(world.told.signals, "1=x 0=y ");
	ck_assert_int_eq(world.told.number, 7);
	ck_assert_uint_eq(redis_subscriber_stats(world.subscriber)->received, 1);
}
END_TEST

START_TEST(a_pause_holds_signals_back_in_order_with_messages)
{
	hear_signals();
	world.told.pause_after = 1;
	command("PUBLISH p:allocate 1");
	command("PUBLISH p:allocd:one x");
	command("PUBLISH p:allocate 2");
	run_until(world.told.messages == 1);
	run_for(100);
	ck_assert_str_eq(world.told.signals, "");
	ck_assert(redis_subscriber_is_paused(world.subscriber));
	ck_assert_uint_eq(redis_subscriber_stats(world.subscriber)->pauses, 1);

	world.told.pause_after = 0;
	redis_subscriber_resume(world.subscriber);
	run_until(world.told.messages == 2);
	ck_assert_str_eq(world.told.signals, "0=x ");
}
END_TEST

START_TEST(a_signal_that_an_acl_forbids_is_named)
{
	command("ACL SETUSER me on >pw ~* resetchannels +@all &p:allocd:one");
	for (int i = 0; i < COMMAND_TYPES; i++)
		command("ACL SETUSER me &p:%s", message_name(command_types[i]));
	redis_subscriber_free(&world.subscriber);
	use_url("redis://me:pw@127.0.0.1:%d", world.server.port);
	subscribe_with_signals(signals, 2);
	run_until(log_lines("SUBSCRIBE to p:allocd:two and the others: NOPERM"));

	ck_assert(!subscriber_is_up());
	command("ACL SETUSER me &p:allocd:two");
	run_until(subscriber_is_up());
}
END_TEST

/* ---- pausing ---- */

START_TEST(a_pause_takes_effect_at_once)
{
	world.told.pause_after = 3;
	publish_numbers(1, 1000);
	run_until(world.told.messages == 3);
	run_for(200);

	ck_assert_uint_eq(world.told.messages, 3);
	ck_assert(subscriber_is_up());
}
END_TEST

START_TEST(messages_that_waited_during_pauses_arrive_in_order)
{
	enum { TOTAL = 20000, PORTION = 700 };

	redis_subscriber_pause(world.subscriber);
	publish_numbers(1, TOTAL);
	while (world.told.messages < TOTAL) {
		size_t target = world.told.messages + PORTION < TOTAL ? world.told.messages + PORTION : TOTAL;

		world.told.pause_after = target;
		redis_subscriber_resume(world.subscriber);
		run_until(world.told.messages >= target);
		run_once();
		ck_assert_uint_eq(world.told.messages, target);
	}

	ck_assert_uint_eq(world.told.disorders, 0);
	ck_assert_uint_eq(world.told.downs, 0);
}
END_TEST

START_TEST(resume_calls_no_callback_itself)
{
	redis_subscriber_pause(world.subscriber);
	publish_numbers(1, 10);
	run_for(100);

	redis_subscriber_resume(world.subscriber);
	ck_assert_uint_eq(world.told.messages, 0);
	run_until(world.told.messages == 10);
}
END_TEST

START_TEST(a_subscriber_resumed_and_paused_at_once_delivers_nothing)
{
	redis_subscriber_pause(world.subscriber);
	publish_numbers(1, 10);
	run_for(100);
	redis_subscriber_resume(world.subscriber);
	redis_subscriber_pause(world.subscriber);
	run_for(100);

	ck_assert_uint_eq(world.told.messages, 0);
}
END_TEST

/* A busy loop would use all of the processor time. */
static double cpu_seconds_of_a_second(void)
{
	clock_t begin = clock();

	run_for(1000);
	return (double)(clock() - begin) / CLOCKS_PER_SEC;
}

START_TEST(a_paused_subscriber_holds_a_bounded_amount_and_rests)
{
	size_t before;

	run_once();
	before = world.most_memory;
	redis_subscriber_pause(world.subscriber);
	for (int i = 0; i < 200; i++)
		publish_large(64 * KIB);
	run_for(500);

	ck_assert_uint_lt(world.most_memory, before + MIB);
	ck_assert_double_lt(cpu_seconds_of_a_second(), 0.3);
	redis_subscriber_resume(world.subscriber);
	run_until(world.told.messages == 200);
	ck_assert_uint_eq(world.told.downs, 0);
}
END_TEST

START_TEST(a_paused_subscriber_connects)
{
	redis_subscriber_pause(world.subscriber);
	server_kill(&world.server);
	run_until(world.told.downs == 1);
	server_restart(&world.server);
	run_until(reconnected());
	redisReconnect(world.control);
	publish_numbers(1, 5);
	run_for(100);
	ck_assert_uint_eq(world.told.messages, 0);

	redis_subscriber_resume(world.subscriber);
	run_until(world.told.messages == 5);
}
END_TEST

/* ---- losing Redis ---- */

START_TEST(a_subscriber_finds_a_killed_server_that_returns)
{
	int64_t before = calendar_us(), first_up = world.told.window.until;

	server_kill(&world.server);
	run_until(world.told.downs == 1);
	ck_assert(!subscriber_is_up());
	ck_assert_ptr_nonnull(redis_subscriber_trouble(world.subscriber));
	run_for(500);
	server_restart(&world.server);
	run_until(reconnected());

	ck_assert_ptr_null(redis_subscriber_trouble(world.subscriber));
	ck_assert_str_eq(world.told.cause, "Redis closed the connection");
	ck_assert_int_eq(world.told.window.since, world.told.down_since);
	ck_assert_int_ge(world.told.window.since, first_up - 1000000);
	ck_assert_int_le(world.told.window.since, before);
	ck_assert_int_ge(world.told.window.until, before + 500000);
	ck_assert_int_le(world.told.window.until, calendar_us());
	redisReconnect(world.control);
	publish_numbers(1, 10);
	run_until(world.told.messages == 10);
	ck_assert_uint_eq(redis_subscriber_stats(world.subscriber)->losses, 1);
}
END_TEST

START_TEST(the_first_gap_begins_with_the_subscriber)
{
	ck_assert_uint_eq(world.told.ups, 1);
	ck_assert_int_le(world.told.window.since, world.told.window.until);
	ck_assert_int_gt(world.told.window.since, calendar_us() - PATIENCE_MS * 1000L);
	ck_assert_str_eq(world.told.cause, "not connected yet");
	ck_assert(world.told.window.is_first);
}
END_TEST

START_TEST(a_cut_connection_is_made_again)
{
	ck_assert_int_eq(command("CLIENT KILL TYPE pubsub"), 1);
	run_until(reconnected());

	ck_assert_uint_eq(world.told.downs, 1);
	ck_assert(!world.told.window.is_first);
	publish_numbers(1, 10);
	run_until(world.told.messages == 10);
}
END_TEST

START_TEST(a_dropped_subscriber_connects_again_and_reports_the_gap)
{
	int64_t up_at = world.told.window.until, since = up_at + 1;

	redis_subscriber_drop(world.subscriber, since, "for a test");
	ck_assert_uint_eq(world.told.downs, 1);
	ck_assert_int_eq(world.told.down_since, since);
	redis_subscriber_drop(world.subscriber, since, "again");
	run_until(reconnected());

	ck_assert_int_eq(world.told.window.since, since);
	ck_assert_str_eq(world.told.cause, "for a test");
	ck_assert_uint_eq(redis_subscriber_stats(world.subscriber)->losses, 1);
	up_at = world.told.window.until;

	redis_subscriber_drop(world.subscriber, up_at - 1, "for a test");
	ck_assert_int_eq(world.told.down_since, up_at);
}
END_TEST

START_TEST(bytes_read_before_the_end_are_delivered_after_a_pause)
{
	world.told.pause_after = 1;
	publish_numbers(1, 100);
	run_until(world.told.messages == 1);
	run_for(50);
	command("CLIENT KILL TYPE pubsub");
	run_for(300);
	ck_assert(!subscriber_is_up());
	ck_assert_uint_eq(world.told.messages, 1);

	redis_subscriber_resume(world.subscriber);
	run_until(reconnected());

	ck_assert_uint_eq(world.told.messages, 100);
	ck_assert_uint_eq(world.told.disorders, 0);
	ck_assert_uint_eq(world.told.downs, 1);
}
END_TEST

START_TEST(a_loss_is_reported_during_a_pause_that_holds_nothing_back)
{
	world.told.pause_after = 1;
	publish_numbers(1, 1);
	run_until(world.told.messages == 1);
	server_kill(&world.server);
	run_until(world.told.downs == 1);

	ck_assert(redis_subscriber_is_paused(world.subscriber));
	ck_assert(!subscriber_is_up());
}
END_TEST

/*
 * Redis disconnects a client that reads too slowly. The window then begins with the pause, and its cause says
 * so.
 */
START_TEST(a_slow_subscriber_reports_that_redis_disconnected_it)
{
	int64_t pause_begin;
	char *payload = malloc(64 * KIB);

	memset(payload, 'x', 64 * KIB);
	command("CONFIG SET client-output-buffer-limit %s", "pubsub 1mb 0 0");
	pause_begin = calendar_us();
	redis_subscriber_pause(world.subscriber);
	while (command("PUBLISH p:allocate %b", payload, 64 * KIB))
		continue;
	free(payload);
	run_for(200);
	redis_subscriber_resume(world.subscriber);
	run_until(reconnected());

	ck_assert_msg(strstr(world.told.cause, "slow"), "%s", world.told.cause);
	ck_assert_int_ge(world.told.window.since, pause_begin);
	ck_assert_int_le(world.told.window.since, pause_begin + 100000);
	ck_assert_uint_gt(world.told.messages, 0);
	ck_assert_uint_eq(world.told.size, 64 * KIB);
}
END_TEST

START_TEST(a_freed_subscriber_is_gone_from_redis)
{
	redis_subscriber_free(&world.subscriber);
	run_once();

	ck_assert_ptr_null(world.subscriber);
	for (int i = 0; i < 100 && command("PUBLISH p:allocate x"); i++)
		run_for(10);
	ck_assert_int_eq(command("PUBLISH p:allocate x"), 0);
}
END_TEST

SUITE("redis subscriber", setup, world_teardown, .timeout_s = 120)
{
	tcase_add_loop_test(tests, each_channel_delivers_one_type_of_message, 0, COMMAND_TYPES);
	tcase_add_test(tests, messages_on_other_channels_are_not_received);
	tcase_add_loop_test(tests, a_payload_may_hold_any_bytes, 0, COUNT(payloads));
	tcase_add_test(tests, a_payload_of_the_maximum_size_is_kept_whole);
	tcase_add_loop_test(tests, a_larger_payload_is_drained_and_the_next_is_received, 0, COUNT(oversized));
	tcase_add_test(tests, a_hundred_thousand_messages_arrive_in_order);
	tcase_add_test(tests, signals_are_received_and_are_no_messages);
	tcase_add_test(tests, a_pause_holds_signals_back_in_order_with_messages);
	tcase_add_test(tests, a_signal_that_an_acl_forbids_is_named);
	tcase_add_test(tests, a_pause_takes_effect_at_once);
	tcase_add_test(tests, messages_that_waited_during_pauses_arrive_in_order);
	tcase_add_test(tests, resume_calls_no_callback_itself);
	tcase_add_test(tests, a_subscriber_resumed_and_paused_at_once_delivers_nothing);
	tcase_add_test(tests, a_paused_subscriber_holds_a_bounded_amount_and_rests);
	tcase_add_test(tests, a_paused_subscriber_connects);
	tcase_add_test(tests, a_subscriber_finds_a_killed_server_that_returns);
	tcase_add_test(tests, the_first_gap_begins_with_the_subscriber);
	tcase_add_test(tests, a_cut_connection_is_made_again);
	tcase_add_test(tests, a_dropped_subscriber_connects_again_and_reports_the_gap);
	tcase_add_test(tests, bytes_read_before_the_end_are_delivered_after_a_pause);
	tcase_add_test(tests, a_loss_is_reported_during_a_pause_that_holds_nothing_back);
	tcase_add_test(tests, a_slow_subscriber_reports_that_redis_disconnected_it);
	tcase_add_test(tests, a_freed_subscriber_is_gone_from_redis);
}
