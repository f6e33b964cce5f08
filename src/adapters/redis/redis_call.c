/* A connection that lives for one request. */
#include "adapters/redis/redis_call.h"

#include "adapters/redis/command.h"
#include "adapters/redis/refusal.h"
#include "core/must.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <stdio.h>

#define REPLY_MAX ((size_t)16 * 1024)

struct call {
	struct event_base *base;
	struct redis_connection *connection;
	const struct bytes *arguments;
	size_t count;
	bool answered; /* with a number */
	int64_t number;
	char *error;
};

static void on_replied(void *context, const redisReply *reply)
{
	struct call *call = context;

	if (!reply)
		return; /* on_lost is told why */
	call->answered = reply->type == REDIS_REPLY_INTEGER;
	call->number = reply->integer;
	if (!call->answered)
		refusal_describe(reply, call->error, REDIS_TROUBLE_MAX);
	event_base_loopexit(call->base, NULL);
}

static void on_greeted(void *context)
{
	struct call *call = context;
	struct evbuffer *commands = must(evbuffer_new());

	redis_connection_settle(call->connection);
	command_append(commands, call->arguments, call->count);
	redis_connection_request(call->connection, commands, 1, on_replied, call);
	evbuffer_free(commands);
}

static void on_heard(void *context, const redisReply *reply, size_t true_size)
{
	(void)context;
	(void)reply;
	(void)true_size; /* it does not listen */
}

/* The first failure is the last: an operator tries again by hand. */
static void on_lost(void *context, const char *cause)
{
	struct call *call = context;

	snprintf(call->error, REDIS_TROUBLE_MAX, "%s", cause);
	event_base_loopexit(call->base, NULL);
}

static void ask(struct call *call, const struct redis_url *url, struct random *random)
{
	static const struct connection_user user = {on_greeted, on_heard, on_lost};
	struct logger silent = {
		.level = LOG_ERROR}; /* a connection warns at most: the caller tells the error */
	struct redis_settings settings = {call->base, url, random, &silent};

	call->connection = redis_connection_new(&settings, "allocd-command", REPLY_MAX, &user, call);
	event_base_dispatch(call->base);
	redis_connection_free(&call->connection);
}

bool redis_call_publish(const struct redis_url *url, struct random *random, const char *channel,
			struct bytes payload, int64_t *receivers, char error[REDIS_TROUBLE_MAX])
{
	struct bytes arguments[] = {bytes_of("PUBLISH"), bytes_of(channel), payload};
	struct call call = {
		.base = must(event_base_new()), .arguments = arguments, .count = 3, .error = error};

	ask(&call, url, random);
	event_base_free(call.base);
	*receivers = call.number;
	return call.answered;
}
