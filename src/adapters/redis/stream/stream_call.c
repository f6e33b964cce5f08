/* Begins, sends, fails and answers a call. */
#include "adapters/redis/stream/stream_call.h"

#include "adapters/redis/protocol/redis_error.h"
#include "adapters/redis/protocol/resp_writer.h"
#include "adapters/redis/stream/stream_info.h"
#include "core/base/must.h"
#include "core/base/utf8.h"

#include <assert.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>

void stream_call_begin(struct stream_call *call, void *context)
{
	assert(!call->is_open);
	call->is_open = true;
	call->failed = false;
	call->context = context;
}

void stream_call_fail(struct stream_call *call, enum failure_kind kind, const char *error)
{
	if (call->failed)
		return;
	call->failed = true;
	utf8_format(call->error, sizeof call->error, "%s", error);
	call->failure = (struct failure){kind, call->error};
}

void stream_call_finish(struct stream_call *call)
{
	call->is_open = false;
	call->answer(call, call->failed ? &call->failure : NULL);
}

static const char *trouble_of(const struct stream_call *call)
{
	const char *trouble = redis_connection_trouble(call->link->connection);

	return trouble ? trouble : redis_connection_trouble(call->companion->connection);
}

/* A connection is not up, or was lost. */
static void finish_unsent(struct stream_call *call)
{
	const char *trouble = trouble_of(call);

	stream_call_fail(call, FAILURE_RETRY, trouble ? trouble : "the connection was lost");
	stream_call_finish(call);
}

static void on_refusing(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	finish_unsent(context);
}

void stream_call_ask(struct stream_call *call, struct evbuffer *commands, size_t replies,
		     connection_replied *replied)
{
	static const struct timeval at_once = {0, 0};

	call->replies = replies;
	if (trouble_of(call))
		evtimer_add(call->refusing, &at_once);
	else
		redis_connection_request(call->link->connection, commands, replies, replied, call);
	evbuffer_free(commands);
}

void stream_call_append(struct evbuffer *commands, const char *const *words)
{
	struct bytes arguments[RESP_ARGUMENTS_MAX];
	size_t count = 0;

	for (; words[count]; count++) {
		assert(count < RESP_ARGUMENTS_MAX);
		arguments[count] = bytes_of(words[count]);
	}
	resp_append_command(commands, arguments, count);
}

void stream_call_ask_one(struct stream_call *call, connection_replied *replied, const char *const *words)
{
	struct evbuffer *commands = must(evbuffer_new());

	stream_call_append(commands, words);
	stream_call_ask(call, commands, 1, replied);
}

/* Whether the group, or the whole stream, is missing; it may have been deleted while we waited. */
static bool is_missing_group(const redisReply *reply)
{
	return redis_error_is(reply, "NOGROUP") || redis_error_is(reply, "UNBLOCKED") ||
	       stream_info_is_no_stream(reply);
}

void stream_call_fail_with(struct stream_call *call, const redisReply *reply)
{
	char error[REDIS_TROUBLE_MAX];

	redis_error_describe(reply, error, sizeof error);
	stream_call_fail(call, is_missing_group(reply) ? FAILURE_CONFLICT : FAILURE_FATAL, error);
}

bool stream_call_received(struct stream_call *call, const redisReply *reply)
{
	if (reply)
		call->replies--;
	else
		finish_unsent(call);
	return reply != NULL;
}

void stream_call_on_done(void *context, const redisReply *reply)
{
	struct stream_call *call = context;

	if (!stream_call_received(call, reply))
		return;
	if (reply->type != call->expected && !redis_error_is(reply, "BUSYGROUP"))
		stream_call_fail_with(call, reply);
	if (!call->replies)
		stream_call_finish(call);
}

/* ---- beginning and end ---- */

void stream_call_init(struct stream_call *call, struct event_base *base)
{
	call->refusing = must(evtimer_new(base, on_refusing, call));
}

void stream_call_release(struct stream_call *call)
{
	event_free(call->refusing);
}
