/* A publisher whose Redis is lost, refuses rows, or has no memory. */
#include "adapters/redis/publisher/fence.h"

#include "integration/redis/publisher/publisher_world.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* ---- losing Redis ---- */

START_TEST(without_redis_a_call_fails_with_retry)
{
	server_kill(&world.server);
	run_until(!publisher_is_up());

	publish_rows("a", 0, "1=one");
	publish_rows("b", 0, "2=two");
	run_until(answered("ab"));

	ck_assert_str_eq(answers, "A B ");
	ck_assert_int_eq(failure_kind, FAILURE_RETRY);
	ck_assert_str_eq(failure_text, redis_publisher_trouble(world.publisher));
}
END_TEST

START_TEST(calls_under_way_are_answered_in_order_when_redis_dies)
{
	kill(world.server.pid, SIGSTOP);
	for (const char *letter = "abcde"; *letter; letter++)
		publish_rows(letter, 0, "1=one");
	run_for(100);
	ck_assert_str_eq(answers, "");
	server_kill(&world.server);
	run_until(answered("abcde"));

	ck_assert_str_eq(answers, "A B C D E ");
	ck_assert_int_eq(failure_kind, FAILURE_RETRY);
	ck_assert_int_eq(failure_position, 0);
	ck_assert_uint_eq(publisher_stats()->published, 0);
}
END_TEST

/* Redis returns without fence, script and stream. */
START_TEST(events_are_published_to_a_redis_that_lost_its_data)
{
	use_stream();
	publish_now("a", 0, "1=one 2=two");
	kill(world.server.pid, SIGSTOP);
	publish_rows("b", 2, "3=three");
	run_for(50);
	server_kill(&world.server);
	run_until(answered("ab"));
	ck_assert_str_eq(answers, "a=2/2 B ");
	server_restart(&world.server);
	run_until(publisher_is_up());
	redisReconnect(world.control);

	ck_assert_str_eq(publish_now("c", 2, "3=three 4=four"), "c=4/2 ");
	ck_assert_str_eq(events_kept(), "three four ");
	ck_assert_ptr_null(redis_publisher_trouble(world.publisher));
}
END_TEST

static size_t retries;

static void on_done_retry(void *context, const struct published *published, const struct failure *failure)
{
	static const struct outgoing one = {.type = MSG_LINE_ALLOCATED, .payload = {"x", 1}};

	if (failure && ++retries)
		publish_events(world.publisher, &one, 1, on_done_retry, context);
	else
		on_rows_published(context, published, failure);
}

START_TEST(a_caller_that_retries_at_once_does_not_stop_the_loop)
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

	ck_assert_int_eq(answers[0], 'a');
}
END_TEST

START_TEST(a_freed_object_answers_no_calls)
{
	kill(world.server.pid, SIGSTOP);
	publish_rows("a", 0, "1=one");
	run_for(50);
	server_kill(&world.server);
	run_until(!publisher_is_up());
	answers[0] = '\0';
	publish_rows("b", 0, "1=one");
	redis_publisher_free(&world.publisher);
	run_for(50);

	ck_assert_str_eq(answers, "");
	ck_assert_ptr_null(world.publisher);
}
END_TEST

START_TEST(a_dropped_publisher_connects_again)
{
	kill(world.server.pid, SIGSTOP);
	publish_rows("a", 0, "1=one");
	redis_publisher_drop(world.publisher, "for a test");
	ck_assert_str_eq(answers, "A ");
	ck_assert_str_eq(failure_text, "for a test");
	kill(world.server.pid, SIGCONT);
	run_until(publisher_is_up());

	publish_now("b", 1, "2=two");
	ck_assert_str_eq(answers, "b=2/1 ");
}
END_TEST

/* ---- what Redis refuses ---- */

static const struct {
	const char *trouble, *cure;
	const char *words;
} troubles[] = {
	{"SET p:events x", "DEL p:events", "WRONGTYPE"},
	{"SET p:allocd:fence:one x", "DEL p:allocd:fence:one", "WRONGTYPE"},
	{"ACL SETUSER default -evalsha", "ACL SETUSER default +evalsha", "NOPERM"},
	{"ACL SETUSER default -hget", "ACL SETUSER default +hget", "must allow hget"},
	{"ACL SETUSER default -hset", "ACL SETUSER default +hset", "must allow hget"},
	{"ACL SETUSER default -pexpire", "ACL SETUSER default +pexpire", "must allow hget"},
	{"ACL SETUSER default -xadd", "ACL SETUSER default +xadd", "must allow hget"},
	{"ACL SETUSER default -publish", "ACL SETUSER default +publish", "the ACL of the user"},
	{"ACL SETUSER default resetkeys ~p:allocd:*", "ACL SETUSER default allkeys", "NOPERM"},
	{"CONFIG SET min-replicas-to-write 1", "CONFIG SET min-replicas-to-write 0", "NOREPLICAS"},
};

/* Whether a script can check its user's rights, as since version 7. */
static bool tells_channels(void)
{
	redisReply *reply = redisCommand(world.control, "EVAL %s 0", "return redis.acl_check_cmd and 1 or 0");
	bool tells = reply->integer;

	freeReplyObject(reply);
	return tells;
}

/* No retry publishes or stores any part of the row until Redis accepts the whole row. */
START_TEST(a_refused_row_is_retried_and_no_event_of_it_is_published)
{
	use_stream();
	command(troubles[_i].trouble);
	for (size_t i = 0; i < 5; i++)
		publish_rows(&"abcde"[i], 0, "1=one,two 2=three");
	run_until(answered("abcde"));

	ck_assert_str_eq(answers, "A B C D E ");
	ck_assert_int_eq(failure_kind, FAILURE_RETRY);
	ck_assert_msg(strstr(failure_text, troubles[_i].words), "%s", failure_text);
	ck_assert_uint_eq(log_lines("Redis refuses events"), 1);
	ck_assert_uint_eq(publisher_stats()->refused, 5);
	ck_assert_str_eq(events_heard(), "");
	ck_assert(publisher_is_up());

	command(troubles[_i].cure);
	ck_assert_str_eq(publish_now("f", 0, "1=one,two 2=three"), "f=2/3 ");
	ck_assert_str_eq(events_heard(), "one two three ");
	/* Before version 7 events are added to the stream again if only their channel is refused. */
	if (tells_channels() || !strstr(troubles[_i].trouble, "publish"))
		ck_assert_str_eq(events_kept(), "one two three ");
	ck_assert_uint_eq(publisher_stats()->published, 3);
}
END_TEST

START_TEST(rows_before_the_one_that_is_refused_stay_behind_the_fence)
{
	use_stream();
	command("ACL SETUSER default resetchannels &p:line_allocated");
	for (size_t i = 0; i < 3; i++)
		publish_rows(&"abc"[i], 0, "1=one 2=two,!three 3=four");
	run_until(answered("abc"));
	ck_assert_str_eq(answers, "A B C ");
	if (!tells_channels())
		return; /* before version 7 only the PUBLISH itself is refused, without a name */
	ck_assert_ptr_nonnull(strstr(failure_text, "p:out_of_stock"));
	ck_assert_str_eq(events_kept(), "one ");
	ck_assert_uint_eq(publisher_stats()->published, 1);

	command("ACL SETUSER default allchannels");
	ck_assert_str_eq(publish_now("d", 0, "1=one 2=two,!three 3=four"), "d=3/3 ");
	ck_assert_str_eq(events_kept(), "one two three four ");
}
END_TEST

START_TEST(a_fence_that_could_not_be_read_stays_where_it_is)
{
	publish_now("a", 0, "1=one 2=two");
	command("ACL SETUSER default -hget");
	publish_now("b", 0, "1=one 2=two");
	command("ACL SETUSER default +hget");

	ck_assert_str_eq(publish_now("c", 0, "1=one 2=two 3=three"), "c=3/1 ");
}
END_TEST

/* The stream has room for one more entry, with the highest possible id. */
START_TEST(no_event_is_published_of_a_row_that_the_stream_took_in_part)
{
	use_stream();
	command("XADD p:events 18446744073709551615-18446744073709551614 type x data x");
	publish_rows("a", 0, "1=one,two");
	publish_rows("b", 0, "1=one,two");
	run_until(answered("ab"));

	ck_assert_str_eq(answers, "A B ");
	ck_assert_str_eq(events_heard(), "");
}
END_TEST

/* The script makes this Redis answer an HSET with an error in the words of Redis 6.2. */
START_TEST(an_error_of_an_older_redis_is_reported_with_its_code)
{
	const char *script = arena_printf(world.arena,
					  "local newer = redis "
					  "local redis = {call = function(name, ...) "
					  "  if name ~= 'HSET' then return newer.call(name, ...) end "
					  "  error('@user_script: 12: -OOM command not allowed.\\r\\n', 0) "
					  "end} %s",
					  fence_script);
	redisReply *reply =
		redisCommand(world.control, "EVAL %s 1 p:f 3 7 1000 10 p: 8 1 line_allocated x", script);

	ck_assert_uint_eq(reply->elements, 4);
	ck_assert_int_eq(reply->element[0]->integer, 7);
	ck_assert_int_eq(reply->element[3]->type, REDIS_REPLY_ERROR);
	ck_assert_int_eq(strncmp(reply->element[3]->str, "OOM command", strlen("OOM command")), 0);
	freeReplyObject(reply);
}
END_TEST

START_TEST(a_script_that_may_not_be_loaded_is_reported)
{
	command("ACL SETUSER me on >pw ~* &* +@all -script");
	redis_publisher_free(&world.publisher);
	use_url("redis://me:pw@127.0.0.1:%d", world.server.port);
	start_publisher(NULL);
	run_until(log_lines("cannot reach Redis"));

	ck_assert(!publisher_is_up());
	ck_assert_uint_eq(log_lines("SCRIPT LOAD: NOPERM"), 1);
	ck_assert_ptr_nonnull(strstr(redis_publisher_trouble(world.publisher), "ACL"));
	command("ACL SETUSER me +script|load");
	run_until(publisher_is_up());
}
END_TEST

/* ---- a Redis without memory ---- */

static const char *const no_memory = "Redis is out of memory: events are published without the fence";
static const char *const memory_again = "Redis has memory again";

START_TEST(without_memory_events_are_published_without_the_fence)
{
	use_stream();
	publish_now("a", 0, "1=one");
	command("CONFIG SET maxmemory 1");
	publish_rows("b", 1, "2=two,three 3= 4=!four");
	run_until(answered("ab"));
	publish_rows("c", 4, "5=five");
	run_until(answered("abc"));
	command("CONFIG SET maxmemory 0");

	ck_assert_str_eq(answers, "a=1/1 b=4/3 c=5/1 ");
	ck_assert_str_eq(events_heard(), "one two three four five ");
	ck_assert_str_eq(events_kept(), "one ");
	ck_assert_uint_eq(publisher_stats()->published, 5);
	ck_assert_uint_eq(publisher_stats()->unfenced, 4);
	ck_assert_uint_eq(publisher_stats()->refused, 0);
	ck_assert_uint_eq(log_lines(no_memory), 1);
}
END_TEST

START_TEST(without_memory_the_position_of_the_fence_is_kept_as_known)
{
	publish_now("a", 0, "1=one 2=two");
	command("CONFIG SET maxmemory 1");
	ck_assert_str_eq(publish_now("b", 0, "1=one 2=two"), "b=2/0 ");
	ck_assert_str_eq(publish_now("c", 0, "2=two 3=three 5=five"), "c=3/1 ");
	ck_assert_str_eq(publish_now("d", 0, "5=five"), "d=2/0 ");
	command("CONFIG SET maxmemory 0");

	ck_assert_str_eq(events_heard(), "one two three ");
	ck_assert_uint_eq(publisher_stats()->gaps, 2);
	ck_assert_uint_eq(publisher_stats()->unfenced, 1);
}
END_TEST

START_TEST(the_fence_advances_once_redis_has_memory_again)
{
	int64_t row = 4;

	use_stream();
	command("CONFIG SET maxmemory 1");
	ck_assert_str_eq(publish_now("a", 0, "1=one 2=two 3=three"), "a=3/3 ");
	command("CONFIG SET maxmemory 0");
	ck_assert_str_eq(publish_now("b", 3, "4=four"), "b=4/1 ");
	ck_assert_str_eq(events_kept(), "four ");
	ck_assert_str_eq(publish_now("c", 0, "2=two 3=three 4=four"), "c=4/0 ");
	ck_assert_str_eq(events_heard(), "one two three four ");
	ck_assert_uint_eq(log_lines(memory_again), 0);

	for (; !log_lines(memory_again); row++)
		publish_now("d", row, "");
	command("CONFIG SET maxmemory 1");
	publish_now("e", row, "");
	command("CONFIG SET maxmemory 0");
	ck_assert_uint_eq(log_lines(no_memory), 2);
}
END_TEST

START_TEST(memory_that_runs_out_during_a_call_is_noticed_by_the_next_call)
{
	static const size_t sizes[] = {MIB, MIB, MIB};

	command("CONFIG SET maxmemory 1");
	submit_rows(world.publisher, large_rows(sizes, 3), "a");
	run_until(answered("a"));
	command("CONFIG SET maxmemory 0");

	ck_assert_str_eq(answers, "a=3/3 ");
	ck_assert_str_eq(events_heard(), "a b c ");
	ck_assert_uint_eq(publisher_stats()->unfenced, 3);
}
END_TEST

START_TEST(the_publisher_connects_without_memory_too)
{
	command("CONFIG SET maxmemory 1");
	redis_publisher_free(&world.publisher);
	start_publisher(NULL);
	run_until(publisher_is_up());
	ck_assert_str_eq(publish_now("a", 0, "1=one"), "a=1/1 ");
	command("CONFIG SET maxmemory 0");

	ck_assert_str_eq(events_heard(), "one ");
}
END_TEST

START_TEST(an_event_that_is_refused_without_the_fence_fails_the_call)
{
	command("CONFIG SET maxmemory 1");
	command("ACL SETUSER default resetchannels &p:line_allocated");
	publish_rows("a", 0, "1=one 2=!two 3=three");
	run_until(answered("a"));
	ck_assert_str_eq(answers, "A ");
	ck_assert_ptr_nonnull(strstr(failure_text, "NOPERM"));

	publish_rows("b", 0, "1=one");
	kill(world.server.pid, SIGSTOP);
	run_for(20);
	server_kill(&world.server);
	run_until(answered("ab"));
}
END_TEST

/* The first event is heard, its predecessor is refused, and the second event has no subscriber. */
START_TEST(a_refused_name_of_an_event_does_not_make_the_next_event_heard)
{
	hear_nothing();
	hear_events("p:line_allocated");
	command("CONFIG SET maxmemory 1");
	command("ACL SETUSER default resetchannels &p:line_allocated &p:out_of_stock");
	publish_rows("a", 0, "1=one,<one,!two");
	run_until(answered("a"));

	ck_assert_str_eq(answers, "A ");
	ck_assert_uint_eq(publisher_stats()->unfenced, 2);
	ck_assert_uint_eq(publisher_stats()->unheard, 1);
}
END_TEST

SUITE("redis publisher", publisher_setup, publisher_teardown, .timeout_s = 120)
{
	tcase_add_test(tests, without_redis_a_call_fails_with_retry);
	tcase_add_test(tests, calls_under_way_are_answered_in_order_when_redis_dies);
	tcase_add_test(tests, events_are_published_to_a_redis_that_lost_its_data);
	tcase_add_test(tests, a_caller_that_retries_at_once_does_not_stop_the_loop);
	tcase_add_test(tests, a_freed_object_answers_no_calls);
	tcase_add_test(tests, a_dropped_publisher_connects_again);
	tcase_add_loop_test(tests, a_refused_row_is_retried_and_no_event_of_it_is_published, 0,
			    COUNT(troubles));
	tcase_add_test(tests, rows_before_the_one_that_is_refused_stay_behind_the_fence);
	tcase_add_test(tests, a_fence_that_could_not_be_read_stays_where_it_is);
	tcase_add_test(tests, no_event_is_published_of_a_row_that_the_stream_took_in_part);
	tcase_add_test(tests, an_error_of_an_older_redis_is_reported_with_its_code);
	tcase_add_test(tests, a_script_that_may_not_be_loaded_is_reported);
	tcase_add_test(tests, without_memory_events_are_published_without_the_fence);
	tcase_add_test(tests, without_memory_the_position_of_the_fence_is_kept_as_known);
	tcase_add_test(tests, the_fence_advances_once_redis_has_memory_again);
	tcase_add_test(tests, memory_that_runs_out_during_a_call_is_noticed_by_the_next_call);
	tcase_add_test(tests, the_publisher_connects_without_memory_too);
	tcase_add_test(tests, an_event_that_is_refused_without_the_fence_fails_the_call);
	tcase_add_test(tests, a_refused_name_of_an_event_does_not_make_the_next_event_heard);
}
