/* One command and its answer. */
#include "adapters/redis/redis_call.h"

#include "suites.h"
#include "world.h"

#include <string.h>

static int64_t receivers;
static char error[REDIS_TROUBLE_MAX];

static void setup(void)
{
	world_setup();
	start_server(NULL, 0);
	use_url("redis://127.0.0.1:%d", world.server.port);
}

static bool publish(const char *channel, struct bytes payload)
{
	return redis_call_publish(&world.settings.url, world.settings.random, channel, payload, &receivers,
				  error);
}

START_TEST(the_answer_is_how_many_heard_it)
{
	redisContext *listeners[3];
	redisReply *reply;

	for (int i = 0; i < _i; i++) {
		listeners[i] = server_control(&world.server);
		freeReplyObject(redisCommand(listeners[i], "SUBSCRIBE p:allocate"));
	}

	ck_assert_msg(publish("p:allocate", (struct bytes){"a\0b", 3}), "%s", error);

	ck_assert_int_eq(receivers, _i);
	for (int i = 0; i < _i; i++) {
		ck_assert_int_eq(redisGetReply(listeners[i], (void **)&reply), REDIS_OK);
		ck_assert_uint_eq(reply->element[2]->len, 3);
		ck_assert_mem_eq(reply->element[2]->str, "a\0b", 3);
		freeReplyObject(reply);
		redisFree(listeners[i]);
	}
}
END_TEST

START_TEST(without_redis_it_fails_at_once)
{
	int64_t begin = milliseconds();

	server_kill(&world.server);
	ck_assert(!publish("p:allocate", (struct bytes){"x", 1}));

	ck_assert_str_eq(error, "Connection refused");
	ck_assert_int_lt(milliseconds() - begin, 3000);
}
END_TEST

START_TEST(a_wrong_password_is_told_and_not_shown)
{
	command("CONFIG SET requirepass pw");
	use_url("redis://:wrong-pw@127.0.0.1:%d", world.server.port);

	ck_assert(!publish("p:allocate", (struct bytes){"x", 1}));

	ck_assert_ptr_nonnull(strstr(error, "WRONGPASS"));
	ck_assert_ptr_null(strstr(error, "wrong-pw"));
}
END_TEST

START_TEST(what_redis_refuses_is_told)
{
	command("ACL SETUSER me on >pw ~* resetchannels +@all");
	use_url("redis://me:pw@127.0.0.1:%d", world.server.port);

	ck_assert(!publish("p:allocate", (struct bytes){"x", 1}));

	ck_assert_ptr_nonnull(strstr(error, "NOPERM"));
}
END_TEST

Suite *call_suite(void)
{
	Suite *suite = suite_create("redis call");
	TCase *tests = tcase_create("call");

	tcase_add_checked_fixture(tests, setup, world_teardown);
	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, the_answer_is_how_many_heard_it, 0, 4);
	tcase_add_test(tests, without_redis_it_fails_at_once);
	tcase_add_test(tests, a_wrong_password_is_told_and_not_shown);
	tcase_add_test(tests, what_redis_refuses_is_told);
	suite_add_tcase(suite, tests);
	return suite;
}
