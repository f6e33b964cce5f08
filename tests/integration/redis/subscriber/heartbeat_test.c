/*
 * The heartbeat detects whether the subscriber receives what is published, on real servers, over paths that
 * break.
 */
#include "adapters/redis/subscriber/heartbeat.h"

#include "support/suites.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A broken path is found within this time. */
#define FOUND_MS 10000

/* How long an impatient worker tolerates silence; and longer than it needs to react. */
#define SILENCE_MS 2000
#define LONG_MS    4000

/* Much less than the two seconds from one beat to the next. */
#define AT_ONCE_MS 1000

#define WINDOWS_MAX 8

static struct heartbeat *heartbeat;
static char publisher_url[64];
static struct server other;

/* The subscriber's blind windows. */
static struct subscription_gap windows[WINDOWS_MAX];
static char causes[WINDOWS_MAX][REDIS_TROUBLE_MAX];
static size_t window_count;

/* ---- what a worker does ---- */

static void on_message(void *context, enum message_type type, const char *channel, struct bytes payload,
		       size_t true_size)
{
	(void)context;
	(void)type;
	(void)channel;
	(void)payload;
	(void)true_size;
}

static void on_signal(void *context, size_t index, struct bytes payload)
{
	(void)context;
	(void)index;
	heartbeat_received(heartbeat, payload);
}

static void on_subscriber_up(void *context, const struct subscription_gap *window)
{
	(void)context;
	ck_assert_uint_lt(window_count, WINDOWS_MAX);
	windows[window_count] = *window;
	snprintf(causes[window_count++], sizeof causes[0], "%s", window->cause);
	heartbeat_connected(heartbeat);
}

static void on_publisher_up(void *context)
{
	(void)context;
	heartbeat_connected(heartbeat);
}

static void connect_publisher(int port, const char *userinfo)
{
	struct redis_settings settings = world.settings;

	snprintf(publisher_url, sizeof publisher_url, "redis://%s127.0.0.1:%d", userinfo, port);
	settings.url.context = publisher_url;
	world.publisher = redis_publisher_new(
		&settings, &(struct redis_publisher_config){
				   .name = "allocd-test", .prefix = "p:", .up = on_publisher_up});
}

static void connect_subscriber(void)
{
	static const struct redis_listener listener = {
		.message = on_message, .signal = on_signal, .up = on_subscriber_up};
	static const enum message_type type = MSG_ALLOCATE;
	static const char *const signal = HEARTBEAT_CHANNEL;

	world.subscriber = redis_subscriber_new(&world.settings,
						&(struct redis_subscriber_config){.name = "allocd-test",
										  .prefix = "p:",
										  .types = &type,
										  .count = 1,
										  .signals = &signal,
										  .signal_count = 1},
						&listener, NULL);
}

static bool both_are_up(void)
{
	return subscriber_is_up() && publisher_is_up();
}

static bool is_fresh(void)
{
	return heartbeat_is_fresh(heartbeat);
}

static uint64_t losses(void)
{
	return redis_subscriber_stats(world.subscriber)->losses;
}

/* Connects the subscriber to the world's server, and the publisher to the server on that port. */
static void start_worker(int publisher_port, const char *userinfo)
{
	use_url("redis://127.0.0.1:%d", world.server.port);
	connect_subscriber();
	connect_publisher(publisher_port, userinfo);
	heartbeat = heartbeat_new(&world.settings, world.publisher, world.subscriber);
}

/* Forbids the publisher every channel, which breaks its path to the subscriber. */
static void break_path(void)
{
	command("ACL SETUSER publisher resetchannels");
}

static void setup(void)
{
	memset(&other, 0, sizeof other);
	window_count = 0;
	world_setup();
	start_server(NULL, 0);
	command("ACL SETUSER publisher on >pw ~* &* +@all");
}

static void setup_worker(void)
{
	setup();
	start_worker(world.server.port, "publisher:pw@");
	run_until(is_fresh());
}

static void setup_impatient_worker(void)
{
	setup();
	world.silence_max_ms = SILENCE_MS;
	start_worker(world.server.port, "publisher:pw@");
	run_until(is_fresh());
}

static void teardown(void)
{
	heartbeat_free(&heartbeat);
	ck_assert_ptr_null(heartbeat);
	redis_publisher_free(&world.publisher);
	if (*other.folder)
		server_release(&other);
	world_teardown();
}

/* ---- a path that is whole ---- */

START_TEST(a_heartbeat_is_fresh_as_soon_as_both_connections_are_up)
{
	int64_t begin;

	start_worker(world.server.port, "publisher:pw@");
	ck_assert(!is_fresh());
	run_until(both_are_up());
	begin = milliseconds();
	run_until(is_fresh());

	ck_assert_int_lt(milliseconds() - begin, AT_ONCE_MS);
}
END_TEST

static const char *const kinds[] = {"pubsub", "normal"};

START_TEST(a_heartbeat_is_fresh_as_soon_as_a_lost_connection_is_back)
{
	int64_t begin;

	command("CLIENT KILL TYPE %s", kinds[_i]);
	run_until(!both_are_up());
	ck_assert(!is_fresh());
	run_until(both_are_up());
	begin = milliseconds();
	run_until(is_fresh());

	ck_assert_int_lt(milliseconds() - begin, AT_ONCE_MS);
}
END_TEST

START_TEST(a_heartbeat_repeats_under_rising_numbers_and_stays_fresh)
{
	redisContext *listener = server_control(&world.server);
	redisReply *reply;
	char token[33] = "";
	unsigned long number = 0;

	freeReplyObject(redisCommand(listener, "SUBSCRIBE p:" HEARTBEAT_CHANNEL));
	run_for(LONG_MS);

	ck_assert(is_fresh());
	ck_assert_uint_eq(losses(), 0);
	for (int i = 0; i < 5; i++) {
		const char *beat;

		ck_assert_int_eq(redisGetReply(listener, (void **)&reply), REDIS_OK);
		beat = reply->element[2]->str;
		ck_assert_uint_gt(strlen(beat), 33);
		ck_assert(beat[32] == '-' && (!i || !strncmp(token, beat, 32)));
		ck_assert(!i || strtoul(beat + 33, NULL, 16) == number + 1);
		snprintf(token, sizeof token, "%s", beat);
		number = strtoul(beat + 33, NULL, 16);
		freeReplyObject(reply);
	}
	redisFree(listener);
}
END_TEST

START_TEST(a_pause_does_not_count_as_a_missed_heartbeat)
{
	redis_subscriber_pause(world.subscriber);
	run_for(LONG_MS);
	ck_assert(is_fresh());
	redis_subscriber_resume(world.subscriber);
	run_for(SILENCE_MS / 4);

	ck_assert(is_fresh());
	ck_assert_uint_eq(losses(), 0);
}
END_TEST

/* A heartbeat behind a full queue is received late, although the subscriber is not paused at any check. */
START_TEST(short_pauses_do_not_count_as_missed_heartbeats)
{
	int64_t end = milliseconds() + LONG_MS;

	break_path();
	while (milliseconds() < end) {
		redis_subscriber_pause(world.subscriber);
		redis_subscriber_resume(world.subscriber);
		run_for(50);
	}

	ck_assert_uint_eq(losses(), 0);
}
END_TEST

START_TEST(a_sleep_of_the_process_does_not_count_as_a_missed_heartbeat)
{
	nanosleep(&(struct timespec){LONG_MS / 1000, LONG_MS % 1000 * 1000000L}, NULL);
	run_for(SILENCE_MS / 4);

	ck_assert(is_fresh());
	ck_assert_uint_eq(losses(), 0);
}
END_TEST

/* ---- a path that is broken ---- */

START_TEST(a_heartbeat_from_before_a_reconnect_does_not_count)
{
	break_path();
	command("CLIENT KILL TYPE pubsub");
	run_until(!both_are_up());
	run_until(both_are_up());
	run_for(100);

	ck_assert(both_are_up());
	ck_assert(!is_fresh());
}
END_TEST

START_TEST(a_path_that_breaks_is_found_within_ten_seconds)
{
	int64_t begin = milliseconds(), broken_at = calendar_us();

	break_path();
	run_until(losses() == 1);
	ck_assert_int_le(milliseconds() - begin, FOUND_MS);
	ck_assert(!is_fresh());
	command("ACL SETUSER publisher allchannels");
	run_until(is_fresh());

	ck_assert_uint_eq(window_count, 2);
	ck_assert_str_eq(causes[1], "heartbeat not heard for 8 s");
	ck_assert_int_le(windows[1].since, broken_at);
	ck_assert_int_ge(windows[1].since, broken_at - 2500000);
	ck_assert_uint_eq(log_lines("lost Redis"), 2);
}
END_TEST

/* A proxy may send the two connections to different servers. */
START_TEST(two_servers_are_found_within_ten_seconds_again_and_again)
{
	int64_t begin;

	server_init(&other);
	server_start(&other, NULL, 0);
	start_worker(other.port, "");
	for (uint64_t i = 0; i < 2; i++) {
		run_until(both_are_up());
		begin = milliseconds();
		while (losses() == i) {
			ck_assert(!is_fresh());
			ck_assert_int_le(milliseconds() - begin, FOUND_MS);
			/* The heartbeat of another worker does not count. */
			command("PUBLISH p:" HEARTBEAT_CHANNEL " %s", "0123456789abcdef0123456789abcdef");
			run_once();
		}
		ck_assert(!publisher_is_up());
	}
	run_until(both_are_up());

	ck_assert_uint_eq(window_count, 3);
	ck_assert(windows[0].is_first);
	ck_assert(!windows[1].is_first);
	ck_assert_int_eq(windows[1].since, windows[0].until);
	ck_assert_int_eq(windows[2].since, windows[1].until);
}
END_TEST

SUITE("redis heartbeat", setup, teardown)
{
	tcase_add_test(tests, a_heartbeat_is_fresh_as_soon_as_both_connections_are_up);
	tcase_add_test(tests, two_servers_are_found_within_ten_seconds_again_and_again);
}

SUITE("redis heartbeat", setup_worker, teardown)
{
	tcase_add_loop_test(tests, a_heartbeat_is_fresh_as_soon_as_a_lost_connection_is_back, 0,
			    COUNT(kinds));
	tcase_add_test(tests, a_heartbeat_from_before_a_reconnect_does_not_count);
	tcase_add_test(tests, a_path_that_breaks_is_found_within_ten_seconds);
}

SUITE("redis heartbeat", setup_impatient_worker, teardown)
{
	tcase_add_test(tests, a_heartbeat_repeats_under_rising_numbers_and_stays_fresh);
	tcase_add_test(tests, a_pause_does_not_count_as_a_missed_heartbeat);
	tcase_add_test(tests, short_pauses_do_not_count_as_missed_heartbeats);
	tcase_add_test(tests, a_sleep_of_the_process_does_not_count_as_a_missed_heartbeat);
}
