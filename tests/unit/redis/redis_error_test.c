/* Errors of Redis are described with advice. */
#include "adapters/redis/protocol/redis_error.h"

#include "replies.h"
#include "support/suites.h"

#include <string.h>

static const struct {
	const char *wire;
	const char *words[2]; /* both are described */
} refusals[] = {
	{"-NOAUTH Authentication required.\r\n", {"NOAUTH Authentication required.", "REDIS_URL"}},
	{"-WRONGPASS invalid username-password pair\r\n", {"WRONGPASS", "user and password"}},
	{"-NOPERM no permissions to run 'publish'\r\n", {"'publish'", "ACL"}},
	{"-LOADING Redis is loading the dataset in memory\r\n", {"LOADING", "wait until it has"}},
	{"-OOM command not allowed when used memory > 'maxmemory'.\r\n", {"OOM", "raise"}},
	{"-READONLY You can't write against a read only replica.\r\n", {"READONLY", "master"}},
	{"-MISCONF Redis is configured to save RDB snapshots\r\n", {"MISCONF", "disk"}},
	{"-DENIED Redis is running in protected mode\r\n", {"DENIED", "password"}},
	{"-MOVED 1 10.0.0.1:6379\r\n", {"MOVED", "cluster"}},
	{"-CROSSSLOT Keys in request don't hash to the same slot\r\n", {"CROSSSLOT", "hash tag"}},
	{"-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)\r\n",
	 {"UNBLOCKED", "became a replica"}},
	{"-ERR Error running script (call to f_12): @user_script:3: -READONLY You can't write\r\n",
	 {"@user_script:3", "must name the master"}},
	{"-WRONGTYPE Operation against a key\r\n", {"WRONGTYPE", "ALLOCD_PREFIX"}},
	{"-ERR The user executing the script can't run this command\r\n", {"ERR", "must allow hget"}},
	{"-ERR ACL failure in script: User x may not run 'hget'\r\n", {"'hget'", "must allow hget"}},
	{"-NOSCRIPT No matching script.\r\n", {"NOSCRIPT", "proxy"}},
	{"-NOREPLICAS Not enough good replicas to write.\r\n", {"NOREPLICAS", "min-replicas"}},
	{"-OOMPH\r\n", {"OOMPH", ""}},
	{"-\r\n", {"", ""}},
	{"+QUEUED\r\n", {"a status", "is this a Redis server?"}},
	{":1\r\n", {"a number", "is this a Redis server?"}},
	{"$1\r\nx\r\n", {"a text", "is this a Redis server?"}},
	{"$-1\r\n", {"nil", "is this a Redis server?"}},
	{"*0\r\n", {"an array", "is this a Redis server?"}},
};

START_TEST(the_description_of_an_error_says_what_to_do)
{
	redisReply *reply = reply_of(refusals[_i].wire);
	char text[256];

	redis_error_describe(reply, text, sizeof text);

	ck_assert_msg(strstr(text, refusals[_i].words[0]), "%s", text);
	ck_assert_msg(strstr(text, refusals[_i].words[1]), "%s", text);
}
END_TEST

START_TEST(an_error_code_is_compared_as_a_whole_word)
{
	redisReply *reply = reply_of("-OOMPH\r\n");

	ck_assert(!redis_error_is(reply, "OOM"));
	ck_assert(redis_error_is(reply, "OOMPH"));
}
END_TEST

START_TEST(the_description_of_an_error_is_printable_ascii)
{
	redisReply *reply = reply_of("-ERR \x1b[31m\xc3\xa9\t\r\n");
	char text[256];

	redis_error_describe(reply, text, sizeof text);

	ck_assert_str_eq(text, "ERR ?[31m???");
}
END_TEST

START_TEST(a_long_error_text_is_cut)
{
	char wire[1100] = "-ERR ", text[256];
	redisReply *reply;

	memset(wire + 5, 'x', 1000);
	strcat(wire, "\r\n");
	reply = reply_of(wire);

	redis_error_describe(reply, text, sizeof text);

	ck_assert_uint_lt(strlen(text), 200);
}
END_TEST

/* Texts of Redis 6.2, 7.0, 7.2 and Valkey 8. */
static const struct {
	const char *wire;
	enum redis_error_kind kind;
} kinds[] = {
	{"-READONLY You can't write against a read only replica.\r\n", REDIS_ERROR_WRONG_SERVER},
	{"-READONLY You can't write against a read only replica. script: 3c0f, on @user_script:58.\r\n",
	 REDIS_ERROR_WRONG_SERVER},
	{"-ERR Error running script (call to f_1): @user_script:3: @user_script: 3: -READONLY You can't write\r\n",
	 REDIS_ERROR_WRONG_SERVER},
	{"*4\r\n:0\r\n:0\r\n:0\r\n-READONLY You can't write against a read only replica.\r\n",
	 REDIS_ERROR_WRONG_SERVER},
	{"-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n",
	 REDIS_ERROR_WRONG_SERVER},
	{"-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)\r\n",
	 REDIS_ERROR_WRONG_SERVER},
	{"-UNBLOCKED the stream key no longer exists\r\n", REDIS_ERROR_OF_COMMAND},
	{"-MOVED 3999 127.0.0.1:6381\r\n", REDIS_ERROR_WRONG_SERVER},
	{"-MISCONF Errors writing to the AOF file: No space left on device\r\n", REDIS_ERROR_NOT_NOW},
	{"*4\r\n:5\r\n:1\r\n:0\r\n-MISCONF Redis is configured to save RDB snapshots\r\n",
	 REDIS_ERROR_NOT_NOW},
	{"-LOADING Redis is loading the dataset in memory\r\n", REDIS_ERROR_NOT_NOW},
	{"-NOREPLICAS Not enough good replicas to write.\r\n", REDIS_ERROR_NOT_NOW},
	{"-CLUSTERDOWN Hash slot not served\r\n", REDIS_ERROR_NOT_NOW},
	{"-NOAUTH Authentication required.\r\n", REDIS_ERROR_LOGIN},
	{"-NOPERM this user has no permissions to run the 'publish' command\r\n", REDIS_ERROR_RIGHTS},
	{"*4\r\n:0\r\n:0\r\n:0\r\n-The user executing the script can't run this command or subcommand\r\n",
	 REDIS_ERROR_RIGHTS},
	{"-ERR The user executing the script can't run this command or subcommand\r\n", REDIS_ERROR_RIGHTS},
	{"*4\r\n:0\r\n:0\r\n:0\r\n-ERR ACL failure in script: User x may not run 'hget'\r\n",
	 REDIS_ERROR_RIGHTS},
	{"-CROSSSLOT Keys in request don't hash to the same slot\r\n", REDIS_ERROR_SLOTS},
	{"-OOM command not allowed when used memory > 'maxmemory'.\r\n", REDIS_ERROR_OF_COMMAND},
	{"-NOGROUP No such key 'x' or consumer group\r\n", REDIS_ERROR_OF_COMMAND},
	{"-ERR READONLY\r\n", REDIS_ERROR_OF_COMMAND},
	{"-READONLYISH\r\n", REDIS_ERROR_OF_COMMAND},
	{"$8\r\nREADONLY\r\n", REDIS_ERROR_OF_COMMAND},
	{"*2\r\n$8\r\nREADONLY\r\n*0\r\n", REDIS_ERROR_OF_COMMAND},
	{"*0\r\n", REDIS_ERROR_OF_COMMAND},
	{"$-1\r\n", REDIS_ERROR_OF_COMMAND},
};

START_TEST(the_kind_of_an_error_decides_whether_to_leave_the_server)
{
	const redisReply *error;

	ck_assert_msg(redis_error_kind_of(reply_of(kinds[_i].wire), &error) == kinds[_i].kind, "%s",
		      kinds[_i].wire);

	ck_assert(kinds[_i].kind == REDIS_ERROR_OF_COMMAND || error->type == REDIS_REPLY_ERROR);
}
END_TEST

SUITE("redis refusal")
{
	tcase_add_loop_test(tests, the_description_of_an_error_says_what_to_do, 0, COUNT(refusals));
	tcase_add_loop_test(tests, the_kind_of_an_error_decides_whether_to_leave_the_server, 0, COUNT(kinds));
	tcase_add_test(tests, an_error_code_is_compared_as_a_whole_word);
	tcase_add_test(tests, the_description_of_an_error_is_printable_ascii);
	tcase_add_test(tests, a_long_error_text_is_cut);
}
