/*
 * Output to Redis.
 *
 * A bufferevent sends what it is given only in the next turn of the loop, after it has asked epoll whether it
 * may.  So the writing of a plain connection is disabled: all that is given to it in one turn is sent at the
 * end of that turn, and writing is enabled only while the socket has no room for the rest.
 */
#include "adapters/redis/connection/connection_internal.h"

#include "core/base/must.h"

#include <assert.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

void redis_connection_send(struct redis_connection *connection, struct evbuffer *commands)
{
	assert(connection->state == CONNECTION_HANDSHAKE || connection->state == CONNECTION_UP);
	if (bufferevent_write_buffer(connection->stream, commands) < 0)
		must(NULL);
	event_active(connection->sending, EV_WRITE, 0);
}

/* An error is left to the bufferevent: the socket stays broken, so its write fails, too. */
void redis_connection_on_sending(evutil_socket_t fd, short what, void *context)
{
	struct redis_connection *connection = context;
	struct evbuffer *output;

	(void)fd;
	(void)what;
	if (!connection->stream || (bufferevent_get_enabled(connection->stream) & EV_WRITE))
		return;
	output = bufferevent_get_output(connection->stream);
	evbuffer_unfreeze(output, 1); /* a bufferevent freezes its front, except while it writes */
	evbuffer_write(output, bufferevent_getfd(connection->stream));
	evbuffer_freeze(output, 1);
	if (evbuffer_get_length(output))
		bufferevent_enable(connection->stream, EV_WRITE);
}

/* Called later than the last byte was sent, so that there may be more by now. */
void redis_connection_on_sent(struct bufferevent *stream, void *context)
{
	struct redis_connection *connection = context;

	if (connection->url.tls)
		return;
	bufferevent_disable(stream, EV_WRITE);
	event_active(connection->sending, EV_WRITE, 0);
}

void redis_connection_request(struct redis_connection *connection, struct evbuffer *commands, size_t replies,
			      connection_replied *replied, void *context)
{
	assert(!connection->listening);
	request_queue_push(&connection->requests, replies, replied, context);
	redis_connection_send(connection, commands);
}

void redis_connection_listen(struct redis_connection *connection, struct evbuffer *commands)
{
	connection->listening = true;
	redis_connection_send(connection, commands);
}

size_t redis_connection_unsent(const struct redis_connection *connection)
{
	return connection->stream ? evbuffer_get_length(bufferevent_get_output(connection->stream)) : 0;
}
