/* Publisher and subscriber work on the Redis that the environment names. */
#include "support/suites.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EVENTS 100000
#define CALL   500

static struct redis_subscriber *subscriber;
static struct redis_publisher *publisher;
static size_t heard, disorders, answered, failures;

static void on_message(void *context, enum message_type type, const char *channel, struct bytes payload,
		       size_t true_size)
{
	size_t number;

	(void)context;
	(void)channel;
	ck_assert_uint_eq(true_size, sizeof number);
	memcpy(&number, payload.data, sizeof number);
	disorders += type != MSG_OUT_OF_STOCK || number != heard;
	heard++;
}

static void on_done(void *context, const struct published *published, const struct failure *failure)
{
	(void)published;
	failures += failure != NULL || (size_t)(uintptr_t)context != answered;
	answered++;
}

static void setup(void)
{
	static const struct redis_listener listener = {.message = on_message};
	static const enum message_type type = MSG_OUT_OF_STOCK;
	char prefix[32];
	const char *url = getenv("ALLOCD_TEST_REDIS_URL");

	ck_assert_msg(url != NULL, "ALLOCD_TEST_REDIS_URL names the Redis to test on");
	world_setup();
	use_url("%s", url);
	snprintf(prefix, sizeof prefix, "test-%d:", (int)getpid()); /* the server may be shared */
	subscriber = redis_subscriber_new(
		&world.settings,
		&(struct redis_subscriber_config){
			.name = "allocd-test", .prefix = prefix, .types = &type, .count = 1},
		&listener, NULL);
	publisher = redis_publisher_new(
		&world.settings, &(struct redis_publisher_config){.name = "allocd-test", .prefix = prefix});
	run_until(redis_subscriber_is_up(subscriber) && !redis_publisher_trouble(publisher));
}

static void teardown(void)
{
	redis_subscriber_free(&subscriber);
	redis_publisher_free(&publisher);
	world_teardown();
}

START_TEST(a_hundred_thousand_events_arrive_in_order_on_the_given_server)
{
	static size_t numbers[EVENTS];
	static struct outgoing events[EVENTS];

	for (size_t i = 0; i < EVENTS; i++) {
		numbers[i] = i;
		events[i] = (struct outgoing){.type = MSG_OUT_OF_STOCK,
					      .payload = {&numbers[i], sizeof numbers[i]}};
	}
	for (size_t i = 0; i < EVENTS; i += CALL) {
		publish_events(publisher, &events[i], CALL, on_done, (void *)(uintptr_t)(i / CALL));
		if (i % (20 * CALL) == 0)
			run_until(answered == i / CALL + 1);
	}
	run_until(answered == EVENTS / CALL && heard == EVENTS);

	ck_assert_uint_eq(disorders, 0);
	ck_assert_uint_eq(failures, 0);
	ck_assert_uint_eq(redis_publisher_stats(publisher)->published, EVENTS);
	ck_assert_uint_eq(redis_publisher_stats(publisher)->unheard, 0);
}
END_TEST

SUITE("redis given server", setup, teardown, .timeout_s = 120)
{
	tcase_add_test(tests, a_hundred_thousand_events_arrive_in_order_on_the_given_server);
}
