/* The handshake's requests, and the answers that it accepts. */
#include "adapters/redis/connection/handshake.h"

#include "replies.h"
#include "support/suites.h"

#include <event2/buffer.h>
#include <string.h>

static struct handshake handshake;
static char said[512];
static char error[256];

static void say(const char *text, const struct handshake_demands *demands)
{
	struct evbuffer *out = evbuffer_new();
	struct redis_url url;
	const char *wrong;
	ev_ssize_t size;

	ck_assert(redis_url_parse(&url, text, &wrong));
	handshake_begin(&handshake, &url, "allocd", demands, out);
	size = evbuffer_remove(out, said, sizeof said - 1);
	said[size] = '\0';
	evbuffer_free(out);
	redis_url_release(&url);
}

static bool take(const char *wire)
{
	redisReply *reply = reply_of(wire);
	bool good = handshake_receive(&handshake, reply, error, sizeof error);

	return good;
}

#define NAME               "*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$6\r\nallocd\r\n"
#define INFO               "*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n"
#define ROLE               "*2\r\n$4\r\nINFO\r\n$11\r\nreplication\r\n"
#define SLOT(size, prefix) "*3\r\n$4\r\nHGET\r\n$" size "\r\n" prefix "allocd:fence:slot\r\n$4\r\nslot\r\n"
#define NODES              "*2\r\n$7\r\nCLUSTER\r\n$5\r\nNODES\r\n"
#define AUTH2              "*2\r\n$4\r\nAUTH\r\n$2\r\npw\r\n"
#define AUTH3              "*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$2\r\npw\r\n"
#define AUTH0              "*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$0\r\n\r\n"
#define DB7                "*2\r\n$6\r\nSELECT\r\n$1\r\n7\r\n"

static const struct {
	struct handshake_demands demands;
	const char *url, *said;
	size_t count;
} greetings[] = {
	{{NULL, false}, "redis://h", NAME INFO ROLE, 3},
	{{NULL, false}, "redis://h/7", NAME INFO ROLE DB7, 4},
	{{NULL, false}, "redis://:pw@h", AUTH2 NAME INFO ROLE, 4},
	{{NULL, false}, "redis://me:pw@h/7", AUTH3 NAME INFO ROLE DB7, 5},
	{{NULL, true}, "redis://me@h", AUTH0 NAME INFO, 3},
	{{"", true}, "redis://h", NAME INFO, 2},
	{{"{}p:", true}, "redis://h", NAME INFO, 2},
	{{"p}{", true}, "redis://h", NAME INFO, 2},
	{{"{p}:", true}, "redis://h", NAME INFO NODES SLOT("21", "{p}:"), 4},
	{{"a{p}", true}, "redis://h", NAME INFO NODES SLOT("21", "a{p}"), 4},
	{{"{p}:", false}, "redis://h", NAME INFO NODES SLOT("21", "{p}:") ROLE, 5},
};

START_TEST(the_handshake_sends_only_what_url_and_demands_require)
{
	say(greetings[_i].url, &greetings[_i].demands);

	ck_assert_str_eq(said, greetings[_i].said);
	ck_assert_uint_eq(handshake.count, greetings[_i].count);
}
END_TEST

static const struct {
	enum handshake_step step;
	const char *wire;
	bool good;
	const char *error; /* a part of the error */
} answers[] = {
	{HANDSHAKE_AUTH, "+OK\r\n", true, ""},
	{HANDSHAKE_AUTH, "-WRONGPASS invalid username-password pair\r\n", false, "WRONGPASS"},
	{HANDSHAKE_AUTH, "-NOPERM this user has no permissions to run the 'auth' command\r\n", false,
	 "NOPERM"},
	{HANDSHAKE_AUTH, "-ERR AUTH <password> called without any password configured\r\n", false, "AUTH"},
	{HANDSHAKE_AUTH, "-ERR unknown command 'AUTH', with args beginning with: 'me' 'pw'\r\n", false,
	 "AUTH"},
	{HANDSHAKE_AUTH, "*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$2\r\npw\r\n", false, "AUTH"},
	{HANDSHAKE_AUTH, "+PONG\r\n", false, "AUTH"},
	{HANDSHAKE_NAME, "+OK\r\n", true, ""},
	{HANDSHAKE_NAME, "-NOPERM this user has no permissions to run the 'client|setname' command\r\n", true,
	 ""},
	{HANDSHAKE_NAME, "-ERR unknown command 'CLIENT'\r\n", true, ""},
	{HANDSHAKE_NAME, "-NOAUTH Authentication required.\r\n", false, "REDIS_URL"},
	{HANDSHAKE_NAME, "-ERR max number of clients reached\r\n", false, "max number"},
	{HANDSHAKE_NAME, "-DENIED Redis is running in protected mode\r\n", false, "protected"},
	{HANDSHAKE_NAME, "*0\r\n", false, "is this a Redis server?"},
	{HANDSHAKE_VERSION, "$32\r\n# Server\r\nredis_version:7.0.15\r\n\r\n", true, ""},
	{HANDSHAKE_VERSION, "$20\r\nredis_version:6.2.0\n\r\n", true, ""},
	{HANDSHAKE_VERSION, "$21\r\nredis_version:10.0.0\n\r\n", true, ""},
	{HANDSHAKE_VERSION, "$24\r\nredis_version:255.255.-\n\r\n", true, ""},
	{HANDSHAKE_VERSION, "-NOPERM this user has no permissions to run the 'info' command\r\n", true, ""},
	{HANDSHAKE_VERSION, "$20\r\nredis_version:6.0.9\n\r\n", false, "Redis 6.0.9 is too old: 6.2"},
	{HANDSHAKE_VERSION, "$20\r\nredis_version:5.9.9\n\r\n", false, "too old"},
	{HANDSHAKE_VERSION, "$15\r\nredis_version:7\r\n", false, "version"},
	{HANDSHAKE_VERSION, "$15\r\nredis_version:x\r\n", false, "version"},
	{HANDSHAKE_VERSION, "$0\r\n\r\n", false, "version"},
	{HANDSHAKE_VERSION, "$-1\r\n", false, "is this a Redis server?"},
	{HANDSHAKE_VERSION, "-NOAUTH Authentication required.\r\n", false, "NOAUTH"},
	{HANDSHAKE_VERSION, "$41\r\nredis_version:7.0.15\r\nredis_mode:sentinel\r\n", false, "Sentinel"},
	{HANDSHAKE_VERSION, "$40\r\nredis_version:7.0.15\r\nredis_mode:cluster\r\n", true, ""},
	{HANDSHAKE_ROLE, "$26\r\n# Replication\r\nrole:master\r\n", true, ""},
	{HANDSHAKE_ROLE, "$25\r\n# Replication\r\nrole:slave\r\n", false,
	 "REDIS_URL must lead to the master"},
	{HANDSHAKE_ROLE, "$19\r\nrole:active-replica\r\n", true, ""},
	{HANDSHAKE_ROLE, "$0\r\n\r\n", true, ""},
	{HANDSHAKE_ROLE, "-NOPERM this user has no permissions to run the 'info' command\r\n", true, ""},
	{HANDSHAKE_ROLE, "-ERR unknown command 'INFO'\r\n", true, ""},
	{HANDSHAKE_ROLE, "*0\r\n", false, "is this a Redis server?"},
	{HANDSHAKE_SLOT, "$-1\r\n", true, ""},
	{HANDSHAKE_SLOT, "-NOPERM this user has no permissions to run the 'hget' command\r\n", true, ""},
	{HANDSHAKE_SLOT, "-MOVED 7 10.0.0.1:6379\r\n", false, "another node"},
	{HANDSHAKE_SLOT, "-CLUSTERDOWN The cluster is down\r\n", false, "CLUSTERDOWN"},
	{HANDSHAKE_NODES, "-ERR This instance has cluster support disabled\r\n", true, ""},
	{HANDSHAKE_NODES, "-NOPERM this user has no permissions to run the 'cluster|nodes' command\r\n", true,
	 ""},
	{HANDSHAKE_DATABASE, "+OK\r\n", true, ""},
	{HANDSHAKE_DATABASE, "-ERR DB index is out of range\r\n", false, "DB index"},
	{HANDSHAKE_DATABASE, ":1\r\n", false, "SELECT"},
};

START_TEST(a_reply_to_the_handshake_is_accepted_or_explained)
{
	handshake = (struct handshake){.steps = {answers[_i].step}, .count = 1};

	ck_assert_msg(take(answers[_i].wire) == answers[_i].good, "%s: %s", answers[_i].wire, error);

	ck_assert_uint_eq(handshake.answered, 1);
	ck_assert_msg(strstr(error, answers[_i].error), "%s", error);
	ck_assert_msg(answers[_i].step != HANDSHAKE_AUTH || !strstr(error, "pw"), "%s", error);
}
END_TEST

START_TEST(the_handshake_keeps_the_version_of_redis)
{
	handshake = (struct handshake){.steps = {HANDSHAKE_VERSION}, .count = 1};

	ck_assert(take("$32\r\n# Server\r\nredis_version:7.0.15\r\n\r\n"));

	ck_assert_str_eq(handshake.version, "7.0.15");
}
END_TEST

START_TEST(the_handshake_keeps_the_run_id_of_the_server)
{
	handshake = (struct handshake){.steps = {HANDSHAKE_VERSION}, .count = 1};

	ck_assert(take("$35\r\nredis_version:7.0.15\r\nrun_id:abcdef\r\n"));

	ck_assert_str_eq(handshake.run_id, "abcdef");
}
END_TEST

static const struct {
	const char *prefix;
	bool good;
} prefixes[] = {
	{NULL, true},  {"", false},    {"p:", false},   {"{}p:", false},
	{"p{", false}, {"{p}:", true}, {"a{b}c", true},
};

START_TEST(a_cluster_is_accepted_if_the_prefix_has_a_hash_tag)
{
	handshake = (struct handshake){
		.steps = {HANDSHAKE_VERSION}, .count = 1, .demands.prefix = prefixes[_i].prefix};

	ck_assert(take("$40\r\nredis_version:7.0.15\r\nredis_mode:cluster\r\n") == prefixes[_i].good);

	ck_assert(handshake.is_defect != prefixes[_i].good);
	ck_assert(prefixes[_i].good || strstr(error, "ALLOCD_PREFIX"));
}
END_TEST

SUITE("redis greeting")
{
	tcase_add_loop_test(tests, the_handshake_sends_only_what_url_and_demands_require, 0,
			    COUNT(greetings));
	tcase_add_loop_test(tests, a_reply_to_the_handshake_is_accepted_or_explained, 0, COUNT(answers));
	tcase_add_test(tests, the_handshake_keeps_the_version_of_redis);
	tcase_add_test(tests, the_handshake_keeps_the_run_id_of_the_server);
	tcase_add_loop_test(tests, a_cluster_is_accepted_if_the_prefix_has_a_hash_tag, 0, COUNT(prefixes));
}
