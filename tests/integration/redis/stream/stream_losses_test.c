/* A reader of a stream whose Redis is killed, stopped, quiet, or believes that an old connection lives. */
#include "bus/intake/stream_account.h"
#include "integration/redis/stream/reading.h"
#include "support/suites.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Longer than a silent peer is tolerated. */
#define LONG_MS 10500

static void setup(void)
{
	static const char *const options[] = {"--appendonly", "yes", "--appendfsync", "always"};

	set_up_reading(options, COUNT(options));
	DO(create_group, ("0-0"));
}

static void begin_all(void)
{
	begin_look();
	begin_create_group("0-0");
	begin_claim();
	begin_read_pending("0-0");
	begin_read_new();
	begin_acknowledge(&(struct stream_id){1, 1}, 1);
	begin_trim("0-1");
}

static void expect_all_failed(const char *text)
{
	expect_failure(&reading.look, FAILURE_RETRY, text);
	expect_failure(&reading.create_group, FAILURE_RETRY, text);
	expect_failure(&reading.claim, FAILURE_RETRY, text);
	expect_failure(&reading.read_pending, FAILURE_RETRY, text);
	expect_failure(&reading.read_new, FAILURE_RETRY, text);
	expect_failure(&reading.acknowledge, FAILURE_RETRY, text);
	expect_failure(&reading.trim, FAILURE_RETRY, text);
}

START_TEST(without_redis_a_call_fails_with_retry)
{
	server_kill(&world.server);
	run_until(!stream_is_up());
	run_until(log_lines("Redis") >= 4); /* two connections were made, and two were lost */
	begin_all();

	expect_all_failed("");
	ck_assert_ptr_nonnull(redis_stream_trouble(reading.stream));
}
END_TEST

START_TEST(calls_under_way_fail_when_redis_dies)
{
	kill(world.server.pid, SIGSTOP);
	begin_all();
	run_for(100);
	ck_assert_uint_eq(reading.read_new.came + reading.look.came, 0);
	server_kill(&world.server);

	expect_all_failed("");
	run_for(100);
	expect_all_failed(""); /* no callback is called twice */
}
END_TEST

START_TEST(reading_resumes_when_redis_returns)
{
	add_numbers(1, 3);
	DO(read_new, ());
	DO(acknowledge, (&(struct stream_id){2, 1}, 1));
	begin_read_new();
	run_for(50);
	server_kill(&world.server);
	expect_failure(&reading.read_new, FAILURE_RETRY, "");
	server_restart(&world.server);
	redisReconnect(world.control);
	run_until(stream_is_up());

	ck_assert_ptr_null(redis_stream_trouble(reading.stream));
	DO(look, ());
	ck_assert_uint_eq(reading.state.pending, 2);
	DO(read_pending, ("0-0"));
	ck_assert_uint_eq(reading.count, 2);
	assert_id(reading.entries[1].id, "3-1");
	add_numbers(4, 4);
	DO(read_new, ());
	assert_id(reading.entries[0].id, "4-1");
}
END_TEST

START_TEST(a_stopped_redis_is_found_within_ten_seconds)
{
	int64_t begin;

	run_for(3500); /* so that a PING is due */
	begin_read_new();
	run_for(_i * 500);
	kill(world.server.pid, SIGSTOP);
	begin = milliseconds();
	begin_look();
	expect_failure(&reading.read_new, FAILURE_RETRY, "Redis does not answer");
	expect_failure(&reading.look, FAILURE_RETRY, "Redis does not answer");
	ck_assert_int_le(milliseconds() - begin, 10000);
	ck_assert(!stream_is_up());

	kill(world.server.pid, SIGCONT);
	run_until(stream_is_up());
	DO(look, ());
	ck_assert(reading.state.has_group);
}
END_TEST

START_TEST(a_stopped_redis_is_found_without_a_call_under_way)
{
	kill(world.server.pid, SIGSTOP);
	run_for(10000);

	ck_assert(!stream_is_up());
	ck_assert_uint_eq(log_lines("Redis does not answer"), 2);
}
END_TEST

START_TEST(a_read_that_waits_for_long_is_not_taken_for_a_dead_connection)
{
	int64_t end = milliseconds() + LONG_MS;

	while (milliseconds() < end) {
		DO(read_new, ());
		ck_assert_uint_eq(reading.count, 0);
	}

	ck_assert(stream_is_up());
	ck_assert_uint_eq(log_lines("lost"), 0);
}
END_TEST

static size_t retries;

static void on_read_retry(void *context, const struct stream_entry *entries, size_t count,
			  const struct failure *failure)
{
	struct stream *stream = redis_stream_port(reading.stream);

	(void)context;
	(void)entries;
	(void)count;
	retries++;
	if (failure)
		stream->ops->read_new(stream, STREAM_READ_FIRST, true, on_read_retry, NULL);
}

START_TEST(a_caller_that_retries_at_once_does_not_stop_the_loop)
{
	struct stream *stream = redis_stream_port(reading.stream);

	server_kill(&world.server);
	retries = 0;
	stream->ops->read_new(stream, STREAM_READ_FIRST, true, on_read_retry, NULL);
	run_for(50);
	ck_assert_uint_gt(retries, 1);
	server_restart(&world.server);
	run_until(stream_is_up());
}
END_TEST

START_TEST(a_freed_object_answers_no_calls)
{
	if (_i)
		server_kill(&world.server);
	else
		kill(world.server.pid, SIGSTOP);
	run_for(100);
	begin_all();
	stop_reading();
	run_for(100);

	ck_assert_uint_eq(reading.look.came + reading.read_new.came + reading.trim.came, 0);
	ck_assert_ptr_null(reading.stream);
}
END_TEST

/* ---- a connection that lives on at the other end only ---- */

/*
 * Duplicates our end of the connection that Redis knows by that name, so that it stays open when ours is
 * closed.
 */
static int keep_open(const char *name)
{
	redisReply *reply = redisCommand(world.control, "CLIENT LIST");
	const char *at = strstr(reply->str, name);
	struct sockaddr_in own = {0};
	unsigned port;
	int kept = -1;

	ck_assert_ptr_nonnull(at);
	while (at > reply->str && at[-1] != '\n')
		at--;
	ck_assert_int_eq(sscanf(at, "id=%*u addr=127.0.0.1:%u", &port), 1);
	for (int fd = 3; fd < 1024 && kept < 0; fd++) {
		socklen_t size = sizeof own;

		if (getsockname(fd, (struct sockaddr *)&own, &size) == 0 && own.sin_family == AF_INET &&
		    ntohs(own.sin_port) == port)
			kept = dup(fd);
	}
	ck_assert_int_ge(kept, 0);
	freeReplyObject(reply);
	return kept;
}

START_TEST(no_entry_is_delivered_to_a_connection_that_was_given_up)
{
	int kept = keep_open("name=allocd-test-waiting");

	begin_read_new();
	run_for(50);
	shutdown(kept, SHUT_RD); /* we see an end; Redis sees none, so its client still waits */
	expect_failure(&reading.read_new, FAILURE_RETRY, "closed");
	begin_read_pending("0-0"); /* too early: Redis may still deliver entries to the old client */
	expect_failure(&reading.read_pending, FAILURE_RETRY, "closed");
	run_until(stream_is_up());

	DO(read_pending, ("0-0"));
	begin_read_new();
	run_for(50);
	add_numbers(1, 1);
	expect_good(&reading.read_new);
	ck_assert_uint_eq(reading.count, 1);
	close(kept);
}
END_TEST

START_TEST(a_user_without_client_kill_reads_all_the_same)
{
	stop_reading();
	command("ACL SETUSER me on >pw ~* &* +@all -client +client|setname");
	use_url("redis://me:pw@127.0.0.1:%d", world.server.port);
	start_reading("me", STREAM_CLAIM_IDLE_MS);
	command("CLIENT KILL USER me");
	run_until(!stream_is_up());
	run_until(stream_is_up());
	add_numbers(1, 1);
	DO(read_new, ());

	ck_assert_uint_eq(reading.count, 1);
}
END_TEST

/* ---- entries that no reader got ---- */

/*
 * What happens to entries 1-1 to 9-1 before the group, at 3-1, reads again, and how many are not delivered.
 */
static const struct {
	const char *commands[2];
	int64_t missing;
} unread[] = {
	{{"PING"}, 0},
	{{"XDEL p:commands 1-1 3-1"}, 0},
	{{"XDEL p:commands 5-1"}, 1},
	{{"XDEL p:commands 1-1 4-1 6-1"}, 2},
	{{"XDEL p:commands 9-1 8-1"}, 2},
	{{"XDEL p:commands 4-1 5-1 6-1 7-1 8-1 9-1"}, 6},
	{{"XTRIM p:commands MAXLEN 4"}, 2},
	{{"XTRIM p:commands MINID 8"}, 4},
	{{"XTRIM p:commands MAXLEN 0"}, 6},
	{{"XTRIM p:commands MAXLEN 5", "XDEL p:commands 7-1 9-1"}, 3},
	{{"XDEL p:commands 5-1", "XTRIM p:commands MAXLEN 5"}, 1},
	{{"XGROUP SETID p:commands g 6-1"}, 3},
	{{"XGROUP SETID p:commands g 6-1", "XDEL p:commands 5-1 7-1"}, 4},
	{{"XGROUP SETID p:commands g 9-1"}, -1}, /* the stream's state shows the group ahead of its reader */
};

static void take_what_came(struct stream_account *account)
{
	for (size_t i = 0; i < reading.count; i++)
		account_received(account, &(struct stream_entry){.id = reading.entries[i].id}, 1, false);
}

static int64_t settled(struct stream_account *account)
{
	DO(look, ());
	return account_reconcile(account, &reading.state);
}

/* Missing entries are reported twice: the second time, after the group was moved back, they are lost. */
static void expect_missing(struct stream_account *account, int64_t missing)
{
	ck_assert_int_eq(account->is_reading_again, missing > 0);
	if (account->is_reading_again)
		ck_assert_int_eq(settled(account), missing);
	ck_assert_int_eq(settled(account), 0);
	ck_assert_int_eq(account->added, 9);
}

START_TEST(entries_that_no_reader_received_are_missing_in_the_count_of_redis)
{
	struct stream_account account = {0};

	ck_assert_int_eq(settled(&account), 0);
	add_numbers(1, 3);
	DO(read_new, ());
	take_what_came(&account);
	add_numbers(4, 9);
	for (size_t i = 0; i < COUNT(unread[_i].commands) && unread[_i].commands[i]; i++)
		command(unread[_i].commands[i]);
	DO(read_new, ());
	take_what_came(&account);
	settled(&account);

	if (reading.state.added < 0) /* before version 7 */
		ck_assert(!account.is_open);
	else if (unread[_i].missing < 0)
		ck_assert_int_lt(account.added, reading.state.added);
	else
		expect_missing(&account, unread[_i].missing);
	account_release(&account);
}
END_TEST

START_TEST(the_count_of_entries_outlives_a_restart_of_redis)
{
	struct stream_account account = {0};

	add_numbers(1, 3);
	DO(read_new, ());
	settled(&account);
	add_numbers(4, 9);
	command("XDEL p:commands 4-1");
	command("XTRIM p:commands MAXLEN 4");
	server_kill(&world.server);
	run_until(!stream_is_up());
	server_restart(&world.server);
	redisReconnect(world.control);
	run_until(stream_is_up());
	DO(read_new, ());
	take_what_came(&account);

	settled(&account);
	if (reading.state.added >= 0)
		ck_assert_int_eq(settled(&account), 2);
	account_release(&account);
}
END_TEST

SUITE("redis stream losses", setup, tear_down_reading, .timeout_s = 120)
{
	tcase_add_test(tests, without_redis_a_call_fails_with_retry);
	tcase_add_test(tests, calls_under_way_fail_when_redis_dies);
	tcase_add_test(tests, reading_resumes_when_redis_returns);
	tcase_add_loop_test(tests, a_stopped_redis_is_found_within_ten_seconds, 0, 4);
	tcase_add_test(tests, a_stopped_redis_is_found_without_a_call_under_way);
	tcase_add_test(tests, a_read_that_waits_for_long_is_not_taken_for_a_dead_connection);
	tcase_add_test(tests, a_caller_that_retries_at_once_does_not_stop_the_loop);
	tcase_add_loop_test(tests, a_freed_object_answers_no_calls, 0, 2);
	tcase_add_test(tests, no_entry_is_delivered_to_a_connection_that_was_given_up);
	tcase_add_test(tests, a_user_without_client_kill_reads_all_the_same);
	tcase_add_loop_test(tests, entries_that_no_reader_received_are_missing_in_the_count_of_redis, 0,
			    COUNT(unread));
	tcase_add_test(tests, the_count_of_entries_outlives_a_restart_of_redis);
}
