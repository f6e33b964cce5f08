/* Connects, ends the previous connection, asks for this one's identity, and is up, in this order. */
#include "adapters/redis/stream/stream_link.h"

#include "bus/ports/codec.h"
#include "core/base/must.h"

#include <event2/buffer.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

/* The reply to CLIENT KILL, if it was sent, comes first and does not matter; then our identity. */
static void on_identified(void *context, const redisReply *reply)
{
	struct stream_link *link = context;

	if (!reply || --link->replies)
		return;
	client_identity_read(&link->identity, reply);
	redis_connection_mark_up(link->connection);
	if (link->connected)
		link->connected(link->context);
}

static void on_ready(void *context)
{
	struct stream_link *link = context;
	struct evbuffer *commands = must(evbuffer_new());

	link->replies = 1;
	if (*link->identity.id) {
		client_identity_kill(&link->identity, commands);
		link->replies++;
	}
	client_identity_ask(commands);
	redis_connection_request(link->connection, commands, link->replies, on_identified, link);
	evbuffer_free(commands);
}

void stream_link_init(struct stream_link *link, const struct redis_settings *settings, const char *name,
		      const char *suffix)
{
	static const struct redis_connection_user user = {.ready = on_ready};

	link->name = must_printf("%s%s", name, suffix);
	link->connection = redis_connection_new(settings, link->name, PAYLOAD_MAX, &user, link);
}

void stream_link_release(struct stream_link *link)
{
	redis_connection_free(&link->connection);
	free(link->name);
}
