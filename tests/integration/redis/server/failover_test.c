/* One of two real servers becomes the master while the other stays up: every connection moves. */
#include "adapters/redis/subscriber/heartbeat.h"
#include "integration/redis/stream/reading.h"
#include "support/suites.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* Much less than the time until silence is noticed. */
#define SOON_MS 4000

#define PATIENCE_SHORT_MS 1500

static struct server other;
static redisContext *other_control;
static struct heartbeat *heartbeat;
static size_t done, failed;

static void on_done(void *context, const struct published *published, const struct failure *failure)
{
	(void)context, (void)published;
	done += !failure;
	failed += failure != NULL;
}

static void publish_one(void)
{
	static const struct outgoing event = {.type = MSG_OUT_OF_STOCK, .payload = {"payload", 7}};

	publish_events(world.publisher, &event, 1, on_done, NULL);
}

static bool all_are_up(void)
{
	return subscriber_is_up() && publisher_is_up() && stream_is_up();
}

/* The number of our connections to that server: publisher, subscriber, and two of the stream. */
static size_t connections_at(redisContext *control)
{
	redisReply *reply = redisCommand(control, "CLIENT LIST");
	size_t count = 0;

	for (const char *at = reply->str; (at = strstr(at, "name=allocd-test")); at++)
		count++;
	freeReplyObject(reply);
	return count;
}

/* Makes the name lead to the other server from now on. */
static void switch_name(void)
{
	snprintf(world.url, sizeof world.url, "redis://127.0.0.1:%d", other.port);
}

static void setup(void)
{
	done = failed = 0;
	set_up_reading(NULL, 0);
	stop_reading();
	server_init(&other);
	server_start(&other, NULL, 0);
	other_control = server_control(&other);
	use_url("redis://127.0.0.1:%d", world.server.port);
	world.settings.server = redis_server_new(world.base, world.settings.logger, PATIENCE_SHORT_MS);
	subscribe();
	start_publisher(NULL);
	start_reading("me", 60000);
	run_until(all_are_up());
	ck_assert_uint_eq(connections_at(world.control), 4);
}

static void teardown(void)
{
	heartbeat_free(&heartbeat);
	stop_reading();
	redis_subscriber_free(&world.subscriber);
	redis_publisher_free(&world.publisher);
	redis_server_free(&world.settings.server);
	redisFree(other_control);
	server_release(&other);
	tear_down_reading();
}

static void expect_all_at_the_other(int64_t within_ms)
{
	int64_t begin = milliseconds();

	run_until(connections_at(other_control) == 4 && all_are_up());
	ck_assert_int_le(milliseconds() - begin, within_ms);
	run_until(connections_at(world.control) == 0);
}

static void demote(void)
{
	char text[64];

	snprintf(text, sizeof text, "REPLICAOF 127.0.0.1 %d", other.port);
	command(text);
}

/* ---- who finds it out ---- */

static void write_something(void)
{
	publish_one();
}

static void wait_for_entries(void)
{
	DO(create_group, ("0-0"));
	begin_read_new();
	run_for(50);
}

static void acknowledge(void)
{
	begin_acknowledge(&(struct stream_id){1, 1}, 1);
}

static void beat(void)
{
	heartbeat = heartbeat_new(&world.settings, world.publisher, world.subscriber);
}

static void do_nothing(void)
{
}

static void reconnect_the_publisher(void)
{
	redis_publisher_drop(world.publisher, "for a test");
}

static const struct {
	void (*before)(void);
	void (*after)(void);
} witnesses[] = {
	{do_nothing, write_something},
	{do_nothing, acknowledge},
	{wait_for_entries, do_nothing},
	{do_nothing, beat}, /* the query that is sent with the heartbeat */
	{do_nothing, reconnect_the_publisher},
};

START_TEST(a_connection_that_finds_the_master_demoted_moves_all_connections)
{
	world.log[0] = '\0';
	witnesses[_i].before();
	demote();
	switch_name();
	witnesses[_i].after();

	expect_all_at_the_other(SOON_MS);
	/* That of the witness, that of all that follow, and, on a slow machine, that of another witness. */
	ck_assert_uint_le(log_lines("lost Redis"), 3);
	ck_assert_uint_eq(log_lines("every connection to Redis is up again"), 1);
	publish_one();
	run_until(done == 1);
}
END_TEST

/* A replica is not used as long as the name leads to it. */
START_TEST(connections_wait_until_the_name_leads_to_the_new_master)
{
	demote();
	publish_one();
	run_for(2500);
	ck_assert(!subscriber_is_up() && !publisher_is_up());
	ck_assert_uint_eq(log_lines("this is a replica of another Redis"), 1);

	switch_name();
	expect_all_at_the_other(CONNECTION_BACKOFF_MAX_MS + SOON_MS);
}
END_TEST

START_TEST(connections_return_when_a_demotion_is_taken_back)
{
	demote();
	publish_one();
	run_until(!publisher_is_up());
	command("REPLICAOF NO ONE");

	run_until(all_are_up());
	publish_one();
	run_until(done == 1);
	ck_assert_uint_eq(connections_at(other_control), 0);
}
END_TEST

/* Only one connection is cut, and reconnects to the other server: the remaining ones must follow. */
static const char *const cuts[] = {"CLIENT KILL TYPE pubsub", "CLIENT KILL TYPE normal SKIPME yes"};

START_TEST(a_connection_left_at_the_old_server_follows_the_others)
{
	switch_name();
	command(cuts[_i]);

	expect_all_at_the_other(SOON_MS);
}
END_TEST

START_TEST(connections_leave_a_master_that_freezes)
{
	kill(world.server.pid, SIGSTOP);
	switch_name();

	run_until(connections_at(other_control) == 4 && all_are_up());
	ck_assert_uint_le(log_lines("lost Redis"), 2);
	kill(world.server.pid, SIGCONT);
}
END_TEST

/* ---- what may pass ---- */

static void refuse_writes(void)
{
	command("CONFIG SET min-replicas-to-write 1");
}

START_TEST(an_error_that_passes_soon_ends_no_connection)
{
	refuse_writes();
	for (int i = 0; i < 8; i++) {
		publish_one();
		run_for(100);
	}
	command("CONFIG SET min-replicas-to-write 0");
	publish_one();
	run_until(done >= 1);

	ck_assert_uint_eq(log_lines("lost Redis"), 0);
}
END_TEST

static void refuse_until_one_looks_around(void)
{
	int64_t begin = milliseconds();

	refuse_writes();
	while (!log_lines("lost Redis")) {
		publish_one();
		run_for(100);
		ck_assert_int_lt(milliseconds() - begin, PATIENCE_SHORT_MS + SOON_MS);
	}
	ck_assert_int_ge(milliseconds() - begin, PATIENCE_SHORT_MS);
}

START_TEST(an_error_that_lasts_ends_the_refused_connection)
{
	switch_name();
	refuse_until_one_looks_around();

	expect_all_at_the_other(SOON_MS);
	ck_assert_uint_gt(failed, 0);
}
END_TEST

/* The subscriber stays connected, so that no command on pub/sub is missed. */
START_TEST(the_subscriber_stays_at_a_server_that_is_still_the_master)
{
	refuse_until_one_looks_around();
	run_until(all_are_up());

	ck_assert_uint_eq(redis_subscriber_stats(world.subscriber)->losses, 0);
	ck_assert_uint_eq(connections_at(world.control), 4);
}
END_TEST

SUITE("redis failover", setup, teardown)
{
	tcase_add_loop_test(tests, a_connection_that_finds_the_master_demoted_moves_all_connections, 0,
			    COUNT(witnesses));
	tcase_add_test(tests, connections_wait_until_the_name_leads_to_the_new_master);
	tcase_add_test(tests, connections_return_when_a_demotion_is_taken_back);
	tcase_add_loop_test(tests, a_connection_left_at_the_old_server_follows_the_others, 0, COUNT(cuts));
	tcase_add_test(tests, connections_leave_a_master_that_freezes);
	tcase_add_test(tests, an_error_that_passes_soon_ends_no_connection);
	tcase_add_test(tests, an_error_that_lasts_ends_the_refused_connection);
	tcase_add_test(tests, the_subscriber_stays_at_a_server_that_is_still_the_master);
}
