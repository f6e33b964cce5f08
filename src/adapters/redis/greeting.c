/* AUTH, CLIENT SETNAME, INFO server, SELECT. */
#include "adapters/redis/greeting.h"

#include "adapters/redis/command.h"
#include "adapters/redis/refusal.h"
#include "core/utf8.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>

/* Streams and ACLs are as the contract needs them from here on. */
#define OLDEST_MAJOR 6
#define OLDEST_MINOR 2

/* ---- asking ---- */

static void ask(struct greeting *greeting, enum greeting_step step, struct evbuffer *out,
		const struct bytes *arguments, size_t count)
{
	greeting->steps[greeting->count++] = step;
	command_append(out, arguments, count);
}

static void ask_auth(struct greeting *greeting, const struct redis_url *url, struct evbuffer *out)
{
	struct bytes with_user[] = {bytes_of("AUTH"), bytes_of(url->user), bytes_of(url->password)};
	struct bytes without[] = {bytes_of("AUTH"), bytes_of(url->password)};

	if (url->user)
		ask(greeting, GREETING_AUTH, out, with_user, 3);
	else if (url->password)
		ask(greeting, GREETING_AUTH, out, without, 2);
}

void greeting_begin(struct greeting *greeting, const struct redis_url *url, const char *name,
		    struct evbuffer *out)
{
	char database[16];
	struct bytes set_name[] = {bytes_of("CLIENT"), bytes_of("SETNAME"), bytes_of(name)};
	struct bytes info[] = {bytes_of("INFO"), bytes_of("server")};

	*greeting = (struct greeting){0};
	ask_auth(greeting, url, out);
	ask(greeting, GREETING_NAME, out, set_name, 3);
	ask(greeting, GREETING_VERSION, out, info, 2);
	if (url->database) {
		snprintf(database, sizeof database, "%d", url->database);
		ask(greeting, GREETING_DATABASE, out,
		    (struct bytes[]){bytes_of("SELECT"), bytes_of(database)}, 2);
	}
}

/* ---- the answers: each returns whether to go on ---- */

static bool is_ok(const struct redisReply *reply)
{
	return reply->type == REDIS_REPLY_STATUS && !strcmp(reply->str, "OK");
}

static bool refuse(const struct redisReply *reply, const char *what, char *error, size_t size)
{
	char words[256];

	refusal_describe(reply, words, sizeof words);
	utf8_format(error, size, "%s: %s", what, words);
	return false;
}

/* A server that does not know AUTH repeats its arguments: only known words are passed on. */
static bool take_auth(const struct redisReply *reply, char *error, size_t size)
{
	if (is_ok(reply))
		return true;
	if (refusal_is(reply, "WRONGPASS") || refusal_is(reply, "NOPERM") || refusal_is(reply, "DENIED"))
		return refuse(reply, "AUTH", error, size);
	utf8_format(error, size,
		    "AUTH was refused: check user and password in REDIS_URL, and that this Redis has any");
	return false;
}

/* What an operator has closed to us, and we can do without. */
static bool is_closed_to_us(const struct redisReply *reply)
{
	return refusal_is(reply, "NOPERM") ||
	       (refusal_is(reply, "ERR") && !strncmp(reply->str, "ERR unknown", strlen("ERR unknown")));
}

static bool take_name(const struct redisReply *reply, char *error, size_t size)
{
	return is_ok(reply) || is_closed_to_us(reply) || refuse(reply, "CLIENT SETNAME", error, size);
}

static bool take_version(struct greeting *greeting, const struct redisReply *reply, char *error, size_t size)
{
	const char *line;
	int major, minor;

	if (is_closed_to_us(reply))
		return true;
	if (reply->type != REDIS_REPLY_STRING)
		return refuse(reply, "INFO", error, size);
	line = strstr(reply->str, "redis_version:");
	if (!line || sscanf(line, "redis_version:%31[0-9.]", greeting->version) != 1 ||
	    sscanf(greeting->version, "%9d.%9d", &major, &minor) != 2) {
		utf8_format(error, size, "it does not tell a version of Redis");
		return false;
	}
	if (major > OLDEST_MAJOR || (major == OLDEST_MAJOR && minor >= OLDEST_MINOR))
		return true;
	utf8_format(error, size, "Redis %s is too old: %d.%d or newer is needed", greeting->version,
		    OLDEST_MAJOR, OLDEST_MINOR);
	return false;
}

static bool take_database(const struct redisReply *reply, char *error, size_t size)
{
	return is_ok(reply) || refuse(reply, "SELECT of the database in REDIS_URL", error, size);
}

bool greeting_take(struct greeting *greeting, const struct redisReply *reply, char *error, size_t size)
{
	switch (greeting->steps[greeting->answered++]) {
	case GREETING_AUTH:
		return take_auth(reply, error, size);
	case GREETING_NAME:
		return take_name(reply, error, size);
	case GREETING_VERSION:
		return take_version(greeting, reply, error, size);
	case GREETING_DATABASE:
	case GREETING_STEPS:
		break;
	}
	return take_database(reply, error, size);
}
