/* A connection whose caller waits for the reply. */
#include "adapters/redis/tools/redis_client.h"

#include "adapters/redis/protocol/redis_error.h"
#include "adapters/redis/protocol/resp_writer.h"
#include "core/base/must.h"
#include "core/base/utf8.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>

#define REPLY_MAX ((size_t)16 * 1024)

struct redis_client {
	struct event_base *base;
	struct logger silent; /* the caller reports the error */
	struct redis_connection *connection;
	bool lost;
	int expected;  /* the type of the reply */
	bool answered; /* the last command, by such a reply */
	int64_t number;
	struct arena *arena; /* of the text */
	const char *text;
	char error[REDIS_TROUBLE_MAX];
};

static void on_ready(void *context)
{
	struct redis_client *call = context;

	redis_connection_mark_up(call->connection);
	event_base_loopexit(call->base, NULL);
}

/* The first failure is final: an operator retries by hand. */
static void on_lost(void *context, const char *cause)
{
	struct redis_client *call = context;

	call->lost = true;
	utf8_format(call->error, sizeof call->error, "%s", cause);
	event_base_loopexit(call->base, NULL);
}

struct redis_client *redis_client_connect(const struct url_source *url, const char *prefix,
					  struct random *random, char error[REDIS_TROUBLE_MAX])
{
	static const struct redis_connection_user user = {.ready = on_ready, .lost = on_lost};
	struct redis_client *call = must_alloc(sizeof *call);

	call->base = must(event_base_new());
	call->silent.level = LOG_ERROR; /* a connection warns at most */
	call->connection = redis_connection_new(&(struct redis_settings){.base = call->base,
									 .url = *url,
									 .random = random,
									 .logger = &call->silent,
									 .demands.prefix = prefix},
						"allocd-command", REPLY_MAX, &user, call);
	event_base_dispatch(call->base);
	if (call->lost) {
		utf8_format(error, REDIS_TROUBLE_MAX, "%s", call->error);
		redis_client_close(&call);
	}
	return call;
}

void redis_client_close(struct redis_client **call)
{
	if (!*call)
		return;
	redis_connection_free(&(*call)->connection);
	event_base_free((*call)->base);
	free(*call);
	*call = NULL;
}

static void on_replied(void *context, const redisReply *reply)
{
	struct redis_client *call = context;

	if (!reply)
		return; /* on_lost reports why */
	call->answered = reply->type == call->expected;
	call->number = reply->integer;
	if (call->answered && reply->type == REDIS_REPLY_STRING)
		call->text = arena_text(call->arena, reply->str, reply->len);
	if (!call->answered)
		redis_error_describe(reply, call->error, sizeof call->error);
	event_base_loopexit(call->base, NULL);
}

static bool ask(struct redis_client *call, const struct bytes *arguments, size_t count, int expected,
		char error[REDIS_TROUBLE_MAX])
{
	struct evbuffer *commands = must(evbuffer_new());

	call->expected = expected;
	call->answered = false;
	if (!call->lost) {
		resp_append_command(commands, arguments, count);
		redis_connection_request(call->connection, commands, 1, on_replied, call);
		event_base_dispatch(call->base);
	}
	evbuffer_free(commands);
	if (!call->answered)
		utf8_format(error, REDIS_TROUBLE_MAX, "%s", call->error);
	return call->answered;
}

bool redis_client_number(struct redis_client *call, const struct bytes *arguments, size_t count,
			 int64_t *number, char error[REDIS_TROUBLE_MAX])
{
	bool answered = ask(call, arguments, count, REDIS_REPLY_INTEGER, error);

	*number = call->number;
	return answered;
}

bool redis_client_text(struct redis_client *call, const struct bytes *arguments, size_t count,
		       struct arena *arena, const char **text, char error[REDIS_TROUBLE_MAX])
{
	bool answered;

	call->arena = arena;
	answered = ask(call, arguments, count, REDIS_REPLY_STRING, error);
	*text = call->text;
	return answered;
}
