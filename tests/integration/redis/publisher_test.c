/* The broker port on a real Redis, through whatever happens to it. */
#include "suites.h"
#include "world.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALLS_MAX 64

/* What was answered: one letter a call, in the order of the answers; and the last failure's text. */
static char answers[CALLS_MAX + 1];
static char failure_text[256];
static enum failure_kind failure_kind;

static void on_done(void *context, const struct published *published, const struct failure *failure)
{
	char letter = *(const char *)context;

	(void)published;
	if (failure) {
		failure_kind = failure->kind;
		snprintf(failure_text, sizeof failure_text, "%s", failure->text);
		letter = (char)(letter - 'a' + 'A');
	}
	answers[strlen(answers)] = letter;
}

static void publish(const struct outgoing *events, size_t count, const char *letter)
{
	struct broker *broker = redis_publisher_broker(world.publisher);
	size_t before = strlen(answers);
	char *context = (char *)(uintptr_t)letter;

	publish_events(broker, events, count, on_done, context);
	ck_assert_uint_eq(strlen(answers), before);
}

static struct outgoing event(enum message_type type, const char *text)
{
	return (struct outgoing){type, {text, strlen(text)}};
}

static void publish_one(const char *letter)
{
	struct outgoing one = event(MSG_LINE_ALLOCATED, letter);

	publish(&one, 1, letter);
}

static bool answered(const char *expected)
{
	return strlen(answers) >= strlen(expected);
}

static void setup(void)
{
	world_setup();
	memset(answers, 0, sizeof answers);
	start_server(NULL, 0);
	use_url("redis://127.0.0.1:%d", world.server.port);
	start_publisher(NULL);
	run_until(publisher_is_up());
}

/* Another program that hears the channels. */
static redisContext *listener_on(const char *channel)
{
	redisContext *context = server_control(&world.server);

	freeReplyObject(redisCommand(context, "SUBSCRIBE %s", channel));
	return context;
}

static void assert_hears(redisContext *context, const char *payload)
{
	redisReply *reply = NULL;

	ck_assert_int_eq(redisGetReply(context, (void **)&reply), REDIS_OK);
	ck_assert_str_eq(reply->element[2]->str, payload);
	freeReplyObject(reply);
}

static const struct redis_publisher_stats *stats(void)
{
	return redis_publisher_stats(world.publisher);
}

/* ---- publishing ---- */

static const struct {
	enum message_type type;
	const char *channel;
} channels[] = {
	{MSG_LINE_ALLOCATED, "p:line_allocated"},
	{MSG_LINE_DEALLOCATED, "p:line_deallocated"},
	{MSG_OUT_OF_STOCK, "p:out_of_stock"},
};

START_TEST(an_event_goes_to_the_channel_of_its_name)
{
	redisContext *listener = listener_on(channels[_i].channel);
	struct outgoing one = event(channels[_i].type, "payload");

	publish(&one, 1, "a");
	run_until(answered("a"));

	ck_assert_str_eq(answers, "a");
	assert_hears(listener, "payload");
	redisFree(listener);
}
END_TEST

START_TEST(events_of_many_calls_come_in_order)
{
	redisContext *listener = listener_on("p:line_allocated");
	char texts[1000][8];
	struct outgoing events[1000];

	for (int i = 0; i < 1000; i++) {
		snprintf(texts[i], sizeof texts[i], "%d", i);
		events[i] = event(MSG_LINE_ALLOCATED, texts[i]);
	}
	publish(events, 1, "a");
	publish(events + 1, 0, "b");
	publish(events + 1, 998, "c");
	publish(events + 999, 1, "d");
	run_until(answered("abcd"));

	ck_assert_str_eq(answers, "abcd");
	for (int i = 0; i < 1000; i++)
		assert_hears(listener, texts[i]);
	ck_assert_uint_eq(stats()->published, 1000);
	ck_assert_uint_eq(stats()->nobody_heard, 0);
	redisFree(listener);
}
END_TEST

START_TEST(an_event_that_nobody_heard_is_counted)
{
	publish_one("a");
	run_until(answered("a"));

	ck_assert_str_eq(answers, "a");
	ck_assert_uint_eq(stats()->published, 1);
	ck_assert_uint_eq(stats()->nobody_heard, 1);
}
END_TEST

/* ---- failing ---- */

START_TEST(without_redis_the_answer_is_retry)
{
	server_kill(&world.server);
	run_until(!publisher_is_up());

	publish_one("a");
	publish_one("b");
	run_until(answered("ab"));

	ck_assert_str_eq(answers, "AB");
	ck_assert_int_eq(failure_kind, FAILURE_RETRY);
	ck_assert_str_eq(failure_text, redis_publisher_trouble(world.publisher));
}
END_TEST

START_TEST(calls_under_way_are_answered_in_order_when_redis_dies)
{
	kill(world.server.pid, SIGSTOP);
	for (const char *letter = "abcde"; *letter; letter++)
		publish_one(letter);
	run_for(100);
	ck_assert_str_eq(answers, "");
	server_kill(&world.server);
	run_until(answered("abcde"));

	ck_assert_str_eq(answers, "ABCDE");
	ck_assert_int_eq(failure_kind, FAILURE_RETRY);
	ck_assert_uint_eq(stats()->published, 0);
}
END_TEST

START_TEST(a_redis_that_comes_back_is_published_to)
{
	server_kill(&world.server);
	run_until(!publisher_is_up());
	server_restart(&world.server);
	run_until(publisher_is_up());

	publish_one("a");
	run_until(answered("a"));

	ck_assert_str_eq(answers, "a");
	ck_assert_ptr_null(redis_publisher_trouble(world.publisher));
}
END_TEST

/* What waits to be sent is bounded; who is refused for that is answered in turn all the same. */
START_TEST(a_redis_that_does_not_read_is_not_fed_for_ever)
{
	enum { SIZE = 2 * 1024 * 1024 - 4096, CALLS = 26 };
	char *payload = calloc(1, SIZE);
	char letters[] = "abcdefghijklmnopqrstuvwxyz";
	struct outgoing large = {MSG_LINE_ALLOCATED, {payload, SIZE}};

	kill(world.server.pid, SIGSTOP);
	run_once();
	for (int i = 0; i < CALLS; i++) {
		publish(&large, 1, &letters[i]);
		run_for(20);
	}
	run_for(200);

	ck_assert_uint_lt(world.most_memory, PUBLISHER_OUTPUT_MAX + 3 * SIZE);
	ck_assert_str_eq(answers, "");
	kill(world.server.pid, SIGCONT);
	run_until(answered(letters));
	for (size_t i = 0; i < CALLS; i++)
		ck_assert_int_eq(answers[i] | 0x20, letters[i]);
	ck_assert_int_eq(answers[0], 'a');
	ck_assert_int_eq(answers[CALLS - 1], 'Z');
	ck_assert_uint_eq(stats()->published, strcspn(answers, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"));
	free(payload);
}
END_TEST

static size_t retries;

static void on_done_retry(void *context, const struct published *published, const struct failure *failure)
{
	struct broker *broker = redis_publisher_broker(world.publisher);
	static const struct outgoing one = {MSG_LINE_ALLOCATED, {"x", 1}};

	if (failure && ++retries)
		publish_events(broker, &one, 1, on_done_retry, context);
	else
		on_done(context, published, failure);
}

START_TEST(who_tries_again_at_once_does_not_stop_the_loop)
{
	static char letter[] = "a";
	static const struct failure nothing = {FAILURE_RETRY, ""};

	server_kill(&world.server);
	run_until(!publisher_is_up());
	retries = 0;
	on_done_retry(letter, NULL, &nothing);
	run_for(50);
	ck_assert_uint_gt(retries, 1);
	server_restart(&world.server);
	run_until(answered("a"));

	ck_assert_str_eq(answers, "a");
}
END_TEST

START_TEST(freed_it_answers_no_more)
{
	kill(world.server.pid, SIGSTOP);
	publish_one("a");
	run_for(50);
	redis_publisher_free(&world.publisher);
	run_for(50);

	ck_assert_str_eq(answers, "");
	ck_assert_ptr_null(world.publisher);
}
END_TEST

START_TEST(a_channel_that_an_acl_forbids_is_told_once)
{
	command("ACL SETUSER me on >pw ~* resetchannels &p:out_of_stock +@all");
	redis_publisher_free(&world.publisher);
	use_url("redis://me:pw@127.0.0.1:%d", world.server.port);
	start_publisher(NULL);
	run_until(publisher_is_up());

	publish_one("a");
	publish_one("b");
	run_until(answered("ab"));

	ck_assert_str_eq(answers, "AB");
	ck_assert_int_eq(failure_kind, FAILURE_RETRY);
	ck_assert_msg(strstr(failure_text, "NOPERM"), "%s", failure_text);
	ck_assert_uint_eq(log_lines("Redis refuses events"), 1);
	ck_assert_uint_eq(stats()->refused, 2);

	command("ACL SETUSER me allchannels");
	publish_one("c");
	run_until(answered("abc"));
	ck_assert_str_eq(answers, "ABc");
}
END_TEST

/* ---- the stream of events ---- */

static void use_stream(void)
{
	redis_publisher_free(&world.publisher);
	start_publisher("events");
	run_until(publisher_is_up());
}

START_TEST(the_stream_keeps_what_the_channels_told)
{
	struct outgoing events[] = {event(MSG_LINE_DEALLOCATED, "one"), event(MSG_LINE_ALLOCATED, "two")};
	redisContext *listener = listener_on("p:line_allocated");
	redisReply *reply;

	use_stream();
	publish(events, 2, "a");
	run_until(answered("a"));

	ck_assert_str_eq(answers, "a");
	assert_hears(listener, "two");
	reply = redisCommand(world.control, "XRANGE p:events - +");
	ck_assert_uint_eq(reply->elements, 2);
	for (size_t i = 0; i < 2; i++) {
		redisReply *fields = reply->element[i]->element[1];

		ck_assert_uint_eq(fields->elements, 4);
		ck_assert_str_eq(fields->element[0]->str, "type");
		ck_assert_str_eq(fields->element[1]->str, i ? "line_allocated" : "line_deallocated");
		ck_assert_str_eq(fields->element[2]->str, "data");
		ck_assert_str_eq(fields->element[3]->str, i ? "two" : "one");
	}
	ck_assert_uint_eq(stats()->published, 2);
	ck_assert_uint_eq(stats()->nobody_heard, 1);
	freeReplyObject(reply);
	redisFree(listener);
}
END_TEST

START_TEST(the_stream_is_trimmed)
{
	enum { PORTION = 5000, CALLS = 22 };
	static struct outgoing events[PORTION];
	static const char letters[] = "abcdefghijklmnopqrstuv";

	use_stream();
	for (int i = 0; i < PORTION; i++)
		events[i] = event(MSG_OUT_OF_STOCK, "x");
	for (int i = 0; i < CALLS; i++)
		publish(events, PORTION, &letters[i]);
	run_until(answered(letters));

	ck_assert_str_eq(answers, letters);
	ck_assert_int_ge(command("XLEN p:events"), 100000);
	ck_assert_int_le(command("XLEN p:events"), 101000);
}
END_TEST

static const struct {
	const char *trouble, *cure;
	const char *words;
} troubles[] = {
	{"CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0", "OOM"},
	{"REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE", "READONLY"},
	{"SET p:events x", "DEL p:events", "WRONGTYPE"},
	{"ACL SETUSER default -xadd", "ACL SETUSER default +xadd", "NOPERM"},
	{"CONFIG SET min-replicas-to-write 1", "CONFIG SET min-replicas-to-write 0", "NOREPLICAS"},
};

START_TEST(what_the_stream_refuses_is_tried_again)
{
	struct outgoing events[] = {event(MSG_LINE_ALLOCATED, "one"), event(MSG_LINE_ALLOCATED, "two")};

	use_stream();
	command(troubles[_i].trouble);
	publish(events, 2, "a");
	publish(events, 2, "b");
	run_until(answered("ab"));

	ck_assert_str_eq(answers, "AB");
	ck_assert_int_eq(failure_kind, FAILURE_RETRY);
	ck_assert_msg(strstr(failure_text, troubles[_i].words), "%s", failure_text);
	ck_assert_uint_eq(log_lines("Redis refuses events"), 1);
	ck_assert(publisher_is_up());

	command(troubles[_i].cure);
	publish(events, 2, "c");
	run_until(answered("abc"));
	ck_assert_str_eq(answers, "ABc");
	ck_assert_int_eq(command("XLEN p:events"), 2);
}
END_TEST

static void assert_stream(const char *const *payloads, size_t count)
{
	redisReply *reply = redisCommand(world.control, "XRANGE p:events - +");

	ck_assert_uint_eq(reply->elements, count);
	for (size_t i = 0; i < count; i++)
		ck_assert_str_eq(reply->element[i]->element[1]->element[3]->str, payloads[i]);
	freeReplyObject(reply);
}

static const char *const one_two_three[] = {"one", "two", "three"};

static struct outgoing numbers[3];

/* The stream refused one call already: the next one is a probe. */
static redisContext *listen_after_a_refusal(void)
{
	redisContext *listener = listener_on("p:line_allocated");

	for (int i = 0; i < 3; i++)
		numbers[i] = event(MSG_LINE_ALLOCATED, one_two_three[i]);
	use_stream();
	command("SET p:events x");
	publish(numbers, 3, "a");
	run_until(answered("a"));
	for (int i = 0; i < 3; i++)
		assert_hears(listener, one_two_three[i]);
	return listener;
}

START_TEST(what_the_stream_refuses_is_not_heard_at_each_repetition)
{
	redisContext *listener = listen_after_a_refusal();
	struct outgoing last = event(MSG_LINE_ALLOCATED, "last");

	for (size_t i = 1; i <= 5; i++) {
		publish(numbers, 3, &"abcdef"[i]);
		run_until(answers[i]);
	}
	command("DEL p:events");
	publish(numbers, 3, "g");
	publish(&last, 1, "h");
	run_until(answered("abcdefgh"));

	ck_assert_str_eq(answers, "ABCDEFgh");
	for (int i = 0; i < 3; i++)
		assert_hears(listener, one_two_three[i]);
	assert_hears(listener, "last");
	assert_stream((const char *const[]){"one", "two", "three", "last"}, 4);
	ck_assert_uint_eq(stats()->published, 3 + 3 + 1);
	redisFree(listener);
}
END_TEST

START_TEST(calls_behind_a_probe_go_out_after_it_in_order)
{
	redisContext *listener = listen_after_a_refusal();

	command("DEL p:events");
	publish(numbers, 1, "b");
	publish(numbers + 1, 0, "c");
	publish(numbers + 1, 1, "d");
	publish(numbers + 2, 1, "e");
	run_until(answered("abcde"));

	ck_assert_str_eq(answers, "Abcde");
	for (int i = 0; i < 3; i++)
		assert_hears(listener, one_two_three[i]);
	assert_stream(one_two_three, 3);
	redisFree(listener);
}
END_TEST

START_TEST(calls_behind_a_probe_fail_with_it)
{
	redisContext *listener = listen_after_a_refusal();

	publish(numbers, 1, "b");
	publish(numbers + 1, 2, "c");
	run_until(answered("abc"));
	ck_assert_str_eq(answers, "ABC");
	ck_assert_msg(strstr(failure_text, "WRONGTYPE"), "%s", failure_text);
	ck_assert_uint_eq(stats()->published, 3);

	kill(world.server.pid, SIGSTOP);
	publish(numbers, 1, "d");
	publish(numbers + 1, 2, "e");
	run_for(50);
	ck_assert_str_eq(answers, "ABC");
	server_kill(&world.server);
	run_until(answered("abcde"));

	ck_assert_str_eq(answers, "ABCDE");
	redisFree(listener);
}
END_TEST

Suite *publisher_suite(void)
{
	Suite *suite = suite_create("redis publisher");
	TCase *tests = tcase_create("publisher");

	tcase_add_checked_fixture(tests, setup, world_teardown);
	tcase_set_timeout(tests, 120);
	tcase_add_loop_test(tests, an_event_goes_to_the_channel_of_its_name, 0, COUNT(channels));
	tcase_add_test(tests, events_of_many_calls_come_in_order);
	tcase_add_test(tests, an_event_that_nobody_heard_is_counted);
	tcase_add_test(tests, without_redis_the_answer_is_retry);
	tcase_add_test(tests, calls_under_way_are_answered_in_order_when_redis_dies);
	tcase_add_test(tests, a_redis_that_comes_back_is_published_to);
	tcase_add_test(tests, a_redis_that_does_not_read_is_not_fed_for_ever);
	tcase_add_test(tests, who_tries_again_at_once_does_not_stop_the_loop);
	tcase_add_test(tests, freed_it_answers_no_more);
	tcase_add_test(tests, a_channel_that_an_acl_forbids_is_told_once);
	tcase_add_test(tests, the_stream_keeps_what_the_channels_told);
	tcase_add_test(tests, the_stream_is_trimmed);
	tcase_add_loop_test(tests, what_the_stream_refuses_is_tried_again, 0, COUNT(troubles));
	tcase_add_test(tests, what_the_stream_refuses_is_not_heard_at_each_repetition);
	tcase_add_test(tests, calls_behind_a_probe_go_out_after_it_in_order);
	tcase_add_test(tests, calls_behind_a_probe_fail_with_it);
	suite_add_tcase(suite, tests);
	return suite;
}
