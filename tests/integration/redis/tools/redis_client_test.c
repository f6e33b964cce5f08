/* One command and its answer. */
#include "adapters/redis/tools/redis_client.h"

#include "adapters/redis/protocol/resp_writer.h"
#include "adapters/redis/tools/redis_query.h"
#include "support/suites.h"
#include "world.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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
	const struct bytes arguments[] = {bytes_of("PUBLISH"), bytes_of(channel), payload};
	struct redis_client *call =
		redis_client_connect(&world.settings.url, "", world.settings.random, error);
	bool published = call && redis_client_number(call, arguments, 3, &receivers, error);

	redis_client_close(&call);
	return published;
}

START_TEST(publishing_once_returns_the_number_of_receivers)
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

START_TEST(publishing_once_fails_at_once_without_redis)
{
	int64_t begin = milliseconds();

	server_kill(&world.server);
	ck_assert(!publish("p:allocate", (struct bytes){"x", 1}));

	ck_assert_str_eq(error, "Connection refused");
	ck_assert_int_lt(milliseconds() - begin, 3000);
}
END_TEST

START_TEST(a_wrong_password_is_reported_but_not_shown)
{
	command("CONFIG SET requirepass pw");
	use_url("redis://:wrong-pw@127.0.0.1:%d", world.server.port);

	ck_assert(!publish("p:allocate", (struct bytes){"x", 1}));

	ck_assert_ptr_nonnull(strstr(error, "WRONGPASS"));
	ck_assert_ptr_null(strstr(error, "wrong-pw"));
}
END_TEST

START_TEST(an_error_of_redis_is_reported)
{
	command("ACL SETUSER me on >pw ~* resetchannels +@all");
	use_url("redis://me:pw@127.0.0.1:%d", world.server.port);

	ck_assert(!publish("p:allocate", (struct bytes){"x", 1}));

	ck_assert_ptr_nonnull(strstr(error, "NOPERM"));
}
END_TEST

START_TEST(a_text_is_kept_in_the_arena)
{
	const struct bytes echo[] = {bytes_of("ECHO"), bytes_of("a text")},
			   incr[] = {bytes_of("INCR"), bytes_of("k")};
	struct arena *arena = arena_new(64);
	struct redis_client *call =
		redis_client_connect(&world.settings.url, "", world.settings.random, error);
	const char *text;

	ck_assert(redis_client_text(call, echo, 2, arena, &text, error));
	ck_assert_str_eq(text, "a text");
	ck_assert(!redis_client_text(call, incr, 2, arena, &text, error));
	redis_client_close(&call);
	arena_free(&arena);
}
END_TEST

/* ---- a question to all who listen ---- */

START_TEST(a_query_without_redis_fails_with_the_reason)
{
	server_kill(&world.server);
	ck_assert_ptr_null(redis_query_begin(&world.settings.url, world.settings.random, "p:answers", error));
	ck_assert_str_eq(error, "Connection refused");
}
END_TEST

/* Forks a child that listens, and sends Redis the command `deed` after it received the question. */
static pid_t listen_and(const char *deed)
{
	redisContext *listener = server_control(&world.server), *control = server_control(&world.server);
	redisReply *reply;
	pid_t child;

	freeReplyObject(redisCommand(listener, "SUBSCRIBE p:questions"));
	child = fork();
	if (!child) {
		if (redisGetReply(listener, (void **)&reply) == REDIS_OK)
			redisCommand(control, deed);
		_exit(0);
	}
	ck_assert_int_gt(child, 0);
	redisFree(listener);
	redisFree(control);
	return child;
}

static const struct {
	const char *deed, *error; /* NULL: the answer arrives */
} deeds[] = {
	{"PUBLISH p:answers token", NULL},
	{"CLIENT KILL TYPE pubsub", "Redis closed the connection"},
	{"SHUTDOWN NOSAVE", "Redis closed the connection"},
};

START_TEST(a_query_whose_answers_may_have_been_missed_fails_at_once)
{
	struct redis_query *inquiry =
		redis_query_begin(&world.settings.url, world.settings.random, "p:answers", error);
	struct redis_client *call =
		redis_client_connect(&world.settings.url, "p:", world.settings.random, error);
	int64_t begin = milliseconds(), asked, answered;
	pid_t child = listen_and(deeds[_i].deed);
	bool came;

	ck_assert_ptr_nonnull(inquiry);
	ck_assert_ptr_nonnull(call);
	came = redis_query_ask(inquiry, call, "p:questions", "token", 20000, &asked, &answered, error);

	ck_assert_int_eq(asked, 1);
	ck_assert_int_eq(came, !deeds[_i].error);
	ck_assert_int_eq(answered, came);
	if (!came)
		ck_assert_msg(strstr(error, deeds[_i].error), "%s", error);
	ck_assert_int_lt(milliseconds() - begin, 10000);
	redis_client_close(&call);
	redis_query_end(&inquiry);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
}
END_TEST

SUITE("redis client", setup, world_teardown)
{
	tcase_add_loop_test(tests, publishing_once_returns_the_number_of_receivers, 0, 4);
	tcase_add_test(tests, publishing_once_fails_at_once_without_redis);
	tcase_add_test(tests, a_wrong_password_is_reported_but_not_shown);
	tcase_add_test(tests, an_error_of_redis_is_reported);
	tcase_add_test(tests, a_text_is_kept_in_the_arena);
	tcase_add_test(tests, a_query_without_redis_fails_with_the_reason);
	tcase_add_loop_test(tests, a_query_whose_answers_may_have_been_missed_fails_at_once, 0, COUNT(deeds));
}
