/* A quiet server, a stopped one, and a process that slept are distinguished by time. */
#include "support/suites.h"
#include "world.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

/* How long a peer may be silent in most of these tests, and longer than it takes to find a dead one. */
#define SILENCE_MS 2000
#define LONG_MS    4000

static size_t failures;

static bool both_are_up(void)
{
	return subscriber_is_up() && publisher_is_up();
}

static void connect_as(const char *userinfo)
{
	use_url("redis://%s127.0.0.1:%d", userinfo, world.server.port);
	subscribe();
	start_publisher(NULL);
	run_until(both_are_up());
}

static void setup(void)
{
	world_setup();
	start_server(NULL, 0);
	command("ACL SETUSER narrow on >pw resetkeys resetchannels &p:* ~p:* -@all +subscribe +publish "
		"+script|load +evalsha +hget +hset +pexpire");
}

static void setup_impatient(void)
{
	setup();
	world.silence_max_ms = SILENCE_MS;
}

/* One of the users may not send PING; the refusal is an answer, too. */
static const char *const users[] = {"", "narrow:pw@"};

START_TEST(a_quiet_server_is_not_taken_for_a_stopped_one)
{
	connect_as(users[_i]);
	run_for(LONG_MS);

	ck_assert(both_are_up());
	ck_assert_uint_eq(log_lines("lost"), 0);
	command("PUBLISH p:allocate 1");
	run_until(world.told.messages == 1);
}
END_TEST

static void on_done(void *context, const struct published *published, const struct failure *failure)
{
	(void)published;
	(void)context;
	failures += failure && failure->kind == FAILURE_RETRY;
}

START_TEST(a_stopped_server_is_found_within_ten_seconds)
{
	static const struct outgoing one = {.type = MSG_OUT_OF_STOCK, .payload = {"x", 1}};
	int64_t begin;

	connect_as("");
	kill(world.server.pid, SIGSTOP);
	begin = milliseconds();
	publish_events(world.publisher, &one, 1, on_done, NULL);
	run_until(world.told.downs == 1 && failures == 1);
	ck_assert_int_le(milliseconds() - begin, 10000);
	ck_assert_str_eq(world.told.down_cause, "Redis does not answer");
	ck_assert(!both_are_up());

	kill(world.server.pid, SIGCONT);
	run_until(both_are_up());
	command("PUBLISH p:allocate 1");
	run_until(world.told.messages == 1);
}
END_TEST

START_TEST(a_full_buffer_during_a_pause_is_not_taken_for_a_dead_peer)
{
	char *payload = calloc(1, 65536);

	connect_as("");
	redis_subscriber_pause(world.subscriber);
	for (int i = 0; i < 100; i++)
		command("PUBLISH p:allocate %b", payload, (size_t)65536);
	free(payload);
	run_for(LONG_MS);

	ck_assert(subscriber_is_up());
	redis_subscriber_resume(world.subscriber);
	run_until(world.told.messages == 100);
	ck_assert_uint_eq(world.told.downs, 0);
}
END_TEST

START_TEST(a_dead_peer_is_found_during_a_pause_too)
{
	connect_as("");
	redis_subscriber_pause(world.subscriber);
	kill(world.server.pid, SIGSTOP);
	run_until(!subscriber_is_up());

	ck_assert_uint_eq(world.told.downs, 1);
}
END_TEST

START_TEST(a_sleep_of_the_process_is_not_taken_for_a_dead_peer)
{
	connect_as("");
	run_for(100);
	nanosleep(&(struct timespec){LONG_MS / 1000, LONG_MS % 1000 * 1000000L}, NULL);
	run_for(SILENCE_MS / 2);

	ck_assert_uint_eq(log_lines("lost"), 0);
}
END_TEST

SUITE("redis silence", setup, world_teardown)
{
	tcase_add_test(tests, a_stopped_server_is_found_within_ten_seconds);
}

SUITE("redis silence", setup_impatient, world_teardown)
{
	tcase_add_loop_test(tests, a_quiet_server_is_not_taken_for_a_stopped_one, 0, COUNT(users));
	tcase_add_test(tests, a_full_buffer_during_a_pause_is_not_taken_for_a_dead_peer);
	tcase_add_test(tests, a_dead_peer_is_found_during_a_pause_too);
	tcase_add_test(tests, a_sleep_of_the_process_is_not_taken_for_a_dead_peer);
}
