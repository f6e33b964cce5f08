/* Input from Redis: delivers each reply, checks what it reveals about the server, and pauses. */
#include "adapters/redis/connection/connection_internal.h"
#include "adapters/redis/connection/tls.h"
#include "adapters/system/instants.h"
#include "core/base/must.h"
#include "core/base/utf8.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <sys/socket.h>

#define URL_CHECK_MS 1000

/* What libevent 2.1 reads at once, by three system calls (EVBUFFER_MAX_READ), and what we read after it. */
#define LIBEVENT_READ ((size_t)4096)
#define FURTHER_READ  ((ev_ssize_t)16384)

struct evbuffer *redis_connection_input(const struct redis_connection *connection)
{
	return bufferevent_get_input(connection->stream);
}

bool redis_connection_has_undelivered(const struct redis_connection *connection)
{
	return evbuffer_get_length(redis_connection_input(connection)) > 0 ||
	       resp_reader_has_unread(&connection->reader);
}

bool redis_connection_holds_back(const struct redis_connection *connection)
{
	return connection->paused && connection->state == CONNECTION_UP;
}

/* Reads the URL at most once a second: a missing right may be refused often, and permanently. */
static bool has_another_url(struct redis_connection *connection)
{
	struct arena *arena;
	struct redis_url url;
	const char *error;
	bool is_another;

	if (monotonic_ms() - connection->url_checked_ms < URL_CHECK_MS)
		return false;
	connection->url_checked_ms = monotonic_ms();
	arena = arena_new(1024);
	is_another = redis_url_read(&url, &connection->settings.url, arena, &error) &&
		     !redis_url_is_same(&url, &connection->url);
	redis_url_release(&url);
	arena_free(&arena);
	return is_another;
}

/* Returns whether the connection survives a reply that says something about its server. */
static bool survives(struct redis_connection *connection, const redisReply *reply)
{
	const redisReply *error;
	enum redis_error_kind kind = redis_error_kind_of(reply, &error);
	char cause[REDIS_TROUBLE_MAX];

	if (kind == REDIS_ERROR_OF_COMMAND || connection->state != CONNECTION_UP)
		return true;
	if (kind == REDIS_ERROR_RIGHTS && has_another_url(connection))
		kind = REDIS_ERROR_LOGIN;
	redis_error_describe(error, cause, sizeof cause);
	if (!redis_server_refused(connection->settings.server, &connection->member, kind, cause,
				  monotonic_ms()))
		return true;
	redis_connection_lose(connection, cause);
	return false;
}

static void receive_reply(struct redis_connection *connection, const redisReply *reply)
{
	if ((!connection->listening || reply->type == REDIS_REPLY_ERROR) && !survives(connection, reply))
		return;
	if (connection->listening)
		connection->user->received(connection->context, reply);
	else if (!request_queue_answer(&connection->requests, reply))
		redis_connection_lose(connection, "unsolicited reply: is this a Redis server?");
}

static void give_up_on_protocol(struct redis_connection *connection, const void *data, size_t size)
{
	char cause[REDIS_TROUBLE_MAX];

	if (tls_is_alert(data, size))
		utf8_format(cause, sizeof cause, "this port speaks TLS: REDIS_URL must begin with rediss://");
	else
		utf8_format(cause, sizeof cause, "this is not the protocol of Redis: %s",
			    connection->reader.defect);
	redis_connection_lose(connection, cause);
}

/* Handles one reply at a time, because its receiver may pause or drop the connection. */
static void receive_input(struct redis_connection *connection)
{
	while (connection->stream && !redis_connection_holds_back(connection)) {
		struct evbuffer *input = redis_connection_input(connection);
		size_t size = evbuffer_get_contiguous_space(input), used;
		const void *data = evbuffer_pullup(input, (ev_ssize_t)size);
		enum resp_progress progress = resp_reader_next(&connection->reader, data, size, &used);

		if (progress == RESP_BROKEN) {
			give_up_on_protocol(connection, data, size);
			return;
		}
		evbuffer_drain(input, used);
		if (progress == RESP_WHOLE)
			receive_reply(connection, connection->reader.reply);
		else if (!evbuffer_get_length(input))
			return;
	}
}

/*
 * Reads what else has arrived, when libevent's read was full.  libevent keeps the end of its buffer frozen,
 * and meets the end of the stream by itself; so it does after an error, which the socket reports only once.
 * TLS has its own records.
 */
static void read_further(struct redis_connection *connection)
{
	struct evbuffer *input = redis_connection_input(connection);
	struct evbuffer_iovec space;
	ssize_t size;

	if (connection->url.tls || evbuffer_get_length(input) < LIBEVENT_READ)
		return;
	evbuffer_unfreeze(input, 0);
	if (evbuffer_reserve_space(input, FURTHER_READ, &space, 1) == 1) {
		size = recv(bufferevent_getfd(connection->stream), space.iov_base, space.iov_len,
			    MSG_DONTWAIT);
		space.iov_len = size > 0 ? (size_t)size : 0;
		if (evbuffer_commit_space(input, &space, 1) < 0)
			must(NULL); /* the bytes would be lost */
	}
	evbuffer_freeze(input, 0);
}

void redis_connection_on_readable(struct bufferevent *stream, void *context)
{
	struct redis_connection *connection = context;

	(void)stream;
	read_further(connection);
	connection->received_ms = monotonic_ms();
	connection->received_at = wall_clock_us();
	connection->pinged = false;
	receive_input(connection);
	/*
	 * During a pause the input accumulates.  (libevent's watermark is of no use: when it is reached,
	 * libevent 2.1.12 stops reading, but calls us in a busy loop.)
	 */
	if (connection->stream &&
	    evbuffer_get_length(redis_connection_input(connection)) >= CONNECTION_INPUT_MAX)
		bufferevent_disable(connection->stream, EV_READ);
}

void redis_connection_pause(struct redis_connection *connection)
{
	if (connection->paused)
		return;
	connection->paused = true;
	connection->paused_at = wall_clock_us();
}

void redis_connection_resume(struct redis_connection *connection)
{
	static const struct timeval at_once = {0, 0};

	if (!connection->paused)
		return;
	connection->paused = false;
	connection->resumed_ms = monotonic_ms();
	evtimer_add(connection->resuming, &at_once);
}

bool redis_connection_is_paused(const struct redis_connection *connection)
{
	return connection->paused;
}

bool redis_connection_was_slow(const struct redis_connection *connection)
{
	const struct redis_settings *settings = &connection->settings;
	int64_t found_ms = redis_silence_max_ms(settings) + redis_silence_tick_ms(settings);

	return connection->paused ||
	       (connection->resumed_ms && monotonic_ms() - connection->resumed_ms < found_ms);
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int64_t redis_connection_received_until(const struct redis_connection *connection)
{
	return redis_connection_was_slow(connection) ? later(connection->paused_at, connection->up_at)
						     : connection->received_at;
}

void redis_connection_on_resuming(evutil_socket_t fd, short what, void *context)
{
	struct redis_connection *connection = context;

	(void)fd;
	(void)what;
	receive_input(connection);
	if (*connection->ended && !redis_connection_holds_back(connection))
		redis_connection_lose(connection, connection->ended);
	else if (connection->stream)
		bufferevent_enable(connection->stream, EV_READ);
}
