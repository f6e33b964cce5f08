/* A table of Redis' error codes, with the kind of each and advice to the operator. */
#include "adapters/redis/protocol/redis_error.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>

/* The length to which Redis' own words are cut. */
#define WORDS_MAX 160

#define SCRIPT_RIGHTS "the ACL of the user in REDIS_URL must allow hget, hset, pexpire, xadd and publish"

/* ASK is not followed: other keys of the slot are still here, and scripts need all of them on one node. */
#define SLOT_MIGRATES                                                                                        \
	"the cluster migrates the slot to another node: wait until it has; redis-cli --cluster fix ends a "  \
	"migration that was left half done"

static const struct {
	const char *word, *advice;
	enum redis_error_kind kind;
} refusals[] = {
	{"NOAUTH", "put the password into REDIS_URL", REDIS_ERROR_LOGIN},
	{"WRONGPASS", "check user and password in REDIS_URL", REDIS_ERROR_LOGIN},
	{"NOPERM", "the ACL of the user in REDIS_URL does not allow it", REDIS_ERROR_RIGHTS},
	{"ERR ACL failure in script:", SCRIPT_RIGHTS, REDIS_ERROR_RIGHTS}, /* since Redis 7.2 */
	{"ERR The user executing the script can't", SCRIPT_RIGHTS, REDIS_ERROR_RIGHTS},
	{"The user executing the script can't", SCRIPT_RIGHTS, REDIS_ERROR_RIGHTS}, /* Redis 6.2 */
	{"NOSCRIPT",
	 "Redis forgot the script at once: does a proxy spread the requests over several servers?",
	 REDIS_ERROR_OF_COMMAND},
	{"NOREPLICAS", "fewer replicas follow than min-replicas-to-write asks for", REDIS_ERROR_NOT_NOW},
	{"DENIED", "set a password in Redis, or bind it to an address that is reachable",
	 REDIS_ERROR_OF_COMMAND},
	{"LOADING", "Redis is loading its data set: wait until it has", REDIS_ERROR_NOT_NOW},
	{"OOM", "Redis has reached its maxmemory: raise it, or let keys expire", REDIS_ERROR_OF_COMMAND},
	{"READONLY", "this is a replica: REDIS_URL must name the master", REDIS_ERROR_WRONG_SERVER},
	{"MISCONF", "Redis cannot save its data set: look at its log and its disk", REDIS_ERROR_NOT_NOW},
	{"MASTERDOWN", "this is a replica that lost its master", REDIS_ERROR_WRONG_SERVER},
	{"UNBLOCKED force", "the master became a replica", REDIS_ERROR_WRONG_SERVER},
	{"CLUSTERDOWN", "the cluster has lost nodes: look at CLUSTER NODES", REDIS_ERROR_NOT_NOW},
	{"ASK", SLOT_MIGRATES, REDIS_ERROR_NOT_NOW},
	{"TRYAGAIN", SLOT_MIGRATES, REDIS_ERROR_NOT_NOW},
	{"MOVED", "another node of the cluster holds the slot of ALLOCD_PREFIX", REDIS_ERROR_WRONG_SERVER},
	{"CROSSSLOT", "Redis runs as a cluster: set ALLOCD_PREFIX to one with a hash tag, such as {allocd}:",
	 REDIS_ERROR_SLOTS},
	{"BUSY", "a script blocks Redis: SCRIPT KILL ends it", REDIS_ERROR_OF_COMMAND},
	{"WRONGTYPE", "another program uses a key of that name: set ALLOCD_PREFIX", REDIS_ERROR_OF_COMMAND},
};

#define REFUSALS (sizeof refusals / sizeof refusals[0])

/*
 * Redis 6.2 puts this before an error that ended a script:
 * "ERR Error running script (…): …: -READONLY …".
 */
static const char script_error[] = "ERR Error running script";

static bool begins_with(const char *text, const char *word)
{
	size_t length = strlen(word);

	return !strncmp(text, word, length) && (text[length] == ' ' || text[length] == '\0');
}

bool redis_error_is(const struct redisReply *reply, const char *word)
{
	return reply->type == REDIS_REPLY_ERROR && begins_with(reply->str, word);
}

/* The error itself, without what Redis 6.2 puts before an error that ended a script. */
static const char *words_of(const struct redisReply *reply)
{
	const char *inner = begins_with(reply->str, script_error) ? strstr(reply->str, ": -") : NULL;

	return inner ? inner + strlen(": -") : reply->str;
}

/* The error's row of the table; REFUSALS when the reply is no error, or one that the table lacks. */
static size_t row_of(const struct redisReply *reply)
{
	size_t row = reply->type == REDIS_REPLY_ERROR ? 0 : REFUSALS;

	while (row < REFUSALS && !begins_with(words_of(reply), refusals[row].word))
		row++;
	return row;
}

static enum redis_error_kind kind_of_error(const struct redisReply *reply)
{
	size_t row = row_of(reply);

	return row < REFUSALS ? refusals[row].kind : REDIS_ERROR_OF_COMMAND;
}

enum redis_error_kind redis_error_kind_of(const struct redisReply *reply, const struct redisReply **error)
{
	enum redis_error_kind kind = REDIS_ERROR_OF_COMMAND;

	*error = reply;
	if (reply->type != REDIS_REPLY_ARRAY)
		return kind_of_error(reply);
	for (size_t i = 0; i < reply->elements && kind == REDIS_ERROR_OF_COMMAND; i++) {
		*error = reply->element[i];
		kind = kind_of_error(*error);
	}
	return kind;
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

void redis_error_describe(const struct redisReply *reply, char *text, size_t size)
{
	size_t row = row_of(reply);
	const char *advice = row < REFUSALS ? refusals[row].advice : NULL;

	if (reply->type == REDIS_REPLY_ERROR)
		snprintf(text, size, "%.*s%s%s", WORDS_MAX, reply->str, advice ? ": " : "",
			 advice ? advice : "");
	else
		snprintf(text, size, "unexpected type of reply (%s): is this a Redis server?",
			 type_name(reply->type));
	make_printable(text);
}
