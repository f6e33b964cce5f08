/* Redis' error codes, and what an operator does about each. */
#include "adapters/redis/refusal.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>

/* Redis' own words are cut to this. */
#define WORDS_MAX 160

static const struct {
	const char *word, *advice;
} advices[] = {
	{"NOAUTH", "put the password into REDIS_URL"},
	{"WRONGPASS", "check user and password in REDIS_URL"},
	{"NOPERM", "the ACL of the user in REDIS_URL lacks it"},
	{"ERR The user executing the script can't",
	 "the ACL of the user in REDIS_URL must allow hget, hset, pexpire, xadd and publish"},
	{"NOSCRIPT", "Redis forgot it at once: is there a proxy that asks several servers?"},
	{"NOREPLICAS", "fewer replicas follow than min-replicas-to-write asks for"},
	{"DENIED", "set a password in Redis, or bind it to an address that is reachable"},
	{"LOADING", "Redis reads its data set and will be there soon"},
	{"OOM", "Redis is at its maxmemory: raise it, or let keys expire"},
	{"READONLY", "this is a replica: REDIS_URL must name the master"},
	{"MISCONF", "Redis cannot save to its disk"},
	{"MASTERDOWN", "a replica that lost its master"},
	{"CLUSTERDOWN", "the cluster has lost nodes"},
	{"MOVED", "Redis runs as a cluster, which is not supported"},
	{"BUSY", "a script blocks Redis"},
	{"WRONGTYPE", "another program uses a key of that name: set ALLOCD_PREFIX"},
};

bool refusal_is(const struct redisReply *reply, const char *word)
{
	size_t length = strlen(word);

	return reply->type == REDIS_REPLY_ERROR && !strncmp(reply->str, word, length) &&
	       (reply->str[length] == ' ' || reply->str[length] == '\0');
}

static const char *advice_on(const struct redisReply *reply)
{
	for (size_t i = 0; i < sizeof advices / sizeof advices[0]; i++)
		if (refusal_is(reply, advices[i].word))
			return advices[i].advice;
	return NULL;
}

static const char *type_name(int type)
{
	switch (type) {
	case REDIS_REPLY_STRING:
		return "a text";
	case REDIS_REPLY_ARRAY:
		return "an array";
	case REDIS_REPLY_INTEGER:
		return "a number";
	case REDIS_REPLY_NIL:
		return "nil";
	default:
		return "a status";
	}
}

static void make_printable(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

void refusal_describe(const struct redisReply *reply, char *text, size_t size)
{
	const char *advice = advice_on(reply);

	if (reply->type == REDIS_REPLY_ERROR)
		snprintf(text, size, "%.*s%s%s", WORDS_MAX, reply->str, advice ? ": " : "",
			 advice ? advice : "");
	else
		snprintf(text, size, "an answer that is none to what was asked (%s): is this a Redis?",
			 type_name(reply->type));
	make_printable(text);
}
