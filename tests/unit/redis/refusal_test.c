/* What Redis refuses is told in words that help. */
#include "adapters/redis/refusal.h"

#include "replies.h"
#include "suites.h"

#include <string.h>

static const struct {
	const char *wire;
	const char *words[2]; /* both are told */
} refusals[] = {
	{"-NOAUTH Authentication required.\r\n", {"NOAUTH Authentication required.", "REDIS_URL"}},
	{"-WRONGPASS invalid username-password pair\r\n", {"WRONGPASS", "user and password"}},
	{"-NOPERM no permissions to run 'publish'\r\n", {"'publish'", "ACL"}},
	{"-LOADING Redis is loading the dataset in memory\r\n", {"LOADING", "soon"}},
	{"-OOM command not allowed when used memory > 'maxmemory'.\r\n", {"OOM", "raise"}},
	{"-READONLY You can't write against a read only replica.\r\n", {"READONLY", "master"}},
	{"-MISCONF Redis is configured to save RDB snapshots\r\n", {"MISCONF", "disk"}},
	{"-DENIED Redis is running in protected mode\r\n", {"DENIED", "password"}},
	{"-MOVED 1 10.0.0.1:6379\r\n", {"MOVED", "cluster"}},
	{"-WRONGTYPE Operation against a key\r\n", {"WRONGTYPE", "ALLOCD_PREFIX"}},
	{"-ERR The user executing the script can't run this command\r\n", {"ERR", "must allow hget"}},
	{"-NOSCRIPT No matching script.\r\n", {"NOSCRIPT", "proxy"}},
	{"-NOREPLICAS Not enough good replicas to write.\r\n", {"NOREPLICAS", "min-replicas"}},
	{"-OOMPH\r\n", {"OOMPH", ""}},
	{"-\r\n", {"", ""}},
	{"+QUEUED\r\n", {"a status", "is this a Redis?"}},
	{":1\r\n", {"a number", "is this a Redis?"}},
	{"$1\r\nx\r\n", {"a text", "is this a Redis?"}},
	{"$-1\r\n", {"nil", "is this a Redis?"}},
	{"*0\r\n", {"an array", "is this a Redis?"}},
};

START_TEST(a_refusal_says_what_to_do)
{
	redisReply *reply = reply_of(refusals[_i].wire);
	char text[256];

	refusal_describe(reply, text, sizeof text);

	ck_assert_msg(strstr(text, refusals[_i].words[0]), "%s", text);
	ck_assert_msg(strstr(text, refusals[_i].words[1]), "%s", text);
}
END_TEST

START_TEST(a_word_is_a_whole_word)
{
	redisReply *reply = reply_of("-OOMPH\r\n");

	ck_assert(!refusal_is(reply, "OOM"));
	ck_assert(refusal_is(reply, "OOMPH"));
}
END_TEST

START_TEST(only_printable_ascii_is_told)
{
	redisReply *reply = reply_of("-ERR \x1b[31m\xc3\xa9\t\r\n");
	char text[256];

	refusal_describe(reply, text, sizeof text);

	ck_assert_str_eq(text, "ERR ?[31m???");
}
END_TEST

START_TEST(long_words_are_cut)
{
	char wire[1100] = "-ERR ", text[256];
	redisReply *reply;

	memset(wire + 5, 'x', 1000);
	strcat(wire, "\r\n");
	reply = reply_of(wire);

	refusal_describe(reply, text, sizeof text);

	ck_assert_uint_lt(strlen(text), 200);
}
END_TEST

Suite *refusal_suite(void)
{
	Suite *suite = suite_create("redis refusal");
	TCase *tests = tcase_create("refusal");

	tcase_add_loop_test(tests, a_refusal_says_what_to_do, 0, COUNT(refusals));
	tcase_add_test(tests, a_word_is_a_whole_word);
	tcase_add_test(tests, only_printable_ascii_is_told);
	tcase_add_test(tests, long_words_are_cut);
	suite_add_tcase(suite, tests);
	return suite;
}
